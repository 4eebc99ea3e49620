//! Benchmark cases of VMAF's kernels, and the bytes that they read and write.

use std::hint::black_box;

use codec_simd::{Layout, PlaneRef, VmafScratch};

use super::cases::Visitor;

const WIDTH: usize = 320;
const HEIGHT: usize = 180;
const DEPTH: u32 = 10;

pub(super) fn cases(visitor: &mut impl Visitor) {
    let scratch = &mut VmafScratch::default();
    let noise = |at: usize, step: usize| u8::try_from(at * step % 251).unwrap_or(0);
    let bytes = [37, 41].map(|step| samples(|at| noise(at, step)));
    let words = [37, 41].map(|step| samples(|at| u16::from(noise(at, step)) << 2));
    let floats = [37, 41].map(|step| samples(|at| f32::from(noise(at, step))));
    let planes = [plane(&bytes[0]), plane(&bytes[1])];
    let [Some(reference), Some(distorted)] = planes else { return };
    let planes_8 = [reference, distorted];
    let planes = [plane(&words[0]), plane(&words[1])];
    let [Some(reference), Some(distorted)] = planes else { return };
    let planes_16 = [reference, distorted];
    let planes = [plane(&floats[0]), plane(&floats[1])];
    let [Some(reference), Some(distorted)] = planes else { return };
    let planes_f32 = [reference, distorted];
    let mut half = vec![0; WIDTH / 2 * (HEIGHT / 2)];
    let mut bands = [vec![0.0; half.len()], vec![0.0; half.len()]];
    visitor.case("vmaf_vif_8", |k| _ = black_box(k.vmaf_vif_8(planes_8, scratch)));
    for scale in 0..4 {
        visitor.case(&format!("vmaf_vif_16/{scale}"), |k| {
            black_box(k.vmaf_vif_16(planes_16, scale, DEPTH, scratch));
        });
    }
    visitor.case("vmaf_halve_8", |k| k.vmaf_halve_8(planes_8[0], &mut half, scratch));
    for scale in 0..3 {
        visitor.case(&format!("vmaf_halve_16/{scale}"), |k| {
            k.vmaf_halve_16(planes_16[0], scale, DEPTH, &mut half, scratch);
        });
    }
    visitor.case("vmaf_adm_8", |k| {
        black_box(k.vmaf_adm_8(planes_8, bands.each_mut().map(|band| &mut band[..]), scratch));
    });
    visitor.case("vmaf_adm_16", |k| {
        let next = bands.each_mut().map(|band| &mut band[..]);
        black_box(k.vmaf_adm_16(planes_16, DEPTH, next, scratch));
    });
    visitor.case("vmaf_adm_next", |k| {
        let next = bands.each_mut().map(|band| &mut band[..]);
        black_box(k.vmaf_adm_next(planes_f32, 1, next, scratch));
    });
    visitor.case("vmaf_motion_8", |k| _ = black_box(k.vmaf_motion_8(planes_8, scratch)));
    visitor.case("vmaf_motion_16", |k| {
        black_box(k.vmaf_motion_16(planes_16, DEPTH, scratch));
    });
}

fn samples<S>(sample: impl Fn(usize) -> S) -> Vec<S> {
    (0..WIDTH * HEIGHT).map(sample).collect()
}

fn plane<S: Copy>(samples: &[S]) -> Option<PlaneRef<'_, S>> {
    PlaneRef::new(samples, Layout { stride: WIDTH, width: WIDTH, height: HEIGHT, pad: 0 })
}

/// Both planes are read once, and what the next scale needs is written.
pub(super) fn bytes_of(name: &str) -> Option<f64> {
    const SAMPLES: f64 = 320.0 * 180.0;
    let kernel = name.split('/').next()?.strip_prefix("vmaf_")?;
    Some(match kernel {
        "vif_8" | "motion_8" => 2.0 * SAMPLES,
        "vif_16" | "motion_16" => 4.0 * SAMPLES,
        "halve_8" => SAMPLES + SAMPLES / 2.0,
        "halve_16" => 2.0 * SAMPLES + SAMPLES / 2.0,
        "adm_8" => 2.0 * SAMPLES + 2.0 * SAMPLES,
        "adm_16" => 4.0 * SAMPLES + 2.0 * SAMPLES,
        "adm_next" => 8.0 * SAMPLES + 2.0 * SAMPLES,
        _ => return None,
    })
}
