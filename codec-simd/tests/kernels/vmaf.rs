//! VMAF: every level returns the same results as the scalar kernels, in every scale and at every
//! size, and equal frames, flat frames and a change of brightness give the expected features.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use crate::harness::{Rng, agree};
use codec_simd::{Kernels, Layout, PlaneRef, VmafScratch};

/// Size and samples of a plane.
struct Plane<S> {
    samples: Vec<S>,
    layout: Layout,
}

impl<S: Copy> Plane<S> {
    fn new(width: usize, height: usize, stride: usize, sample: impl FnMut(usize) -> S) -> Self {
        let samples = (0..stride * height).map(sample).collect();
        Self { samples, layout: Layout { stride, width, height, pad: 0 } }
    }

    fn view(&self) -> PlaneRef<'_, S> {
        PlaneRef::new(&self.samples, self.layout).unwrap()
    }
}

/// Two planes of the same size with different strides; the second has errors. Some are wider than the blocks of the
/// kernels.
fn planes_8(rng: &mut Rng) -> [Plane<u8>; 2] {
    let most = if rng.below(8) == 0 { 300 } else { 60 };
    let (width, height) = (17 + rng.below(most), 17 + rng.below(20));
    let reference = rng.pixels((width + 3) * height);
    let errors = rng.pixels((width + 9) * height);
    let size = rng.below(256);
    let distorted = Plane::new(width, height, width + 9, |at| {
        let (x, y) = (at % (width + 9), at / (width + 9));
        let before = reference[y * (width + 3) + x.min(width + 2)];
        before.saturating_add(u8::try_from(usize::from(errors[at]) * size / 255).unwrap())
    });
    [Plane::new(width, height, width + 3, |at| reference[at]), distorted]
}

fn planes_16(rng: &mut Rng, depth: u32) -> [Plane<u16>; 2] {
    let (width, height) = (17 + rng.below(60), 17 + rng.below(20));
    let mut plane = |stride| {
        let bytes = rng.pixels(2 * stride * height);
        Plane::new(width, height, stride, |at| {
            u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]) >> (16 - depth)
        })
    };
    [plane(width), plane(width + 5)]
}

fn next<S>(plane: &Plane<S>, round_up: bool) -> (usize, usize) {
    let Layout { width, height, .. } = plane.layout;
    if round_up { (width.div_ceil(2), height.div_ceil(2)) } else { (width / 2, height / 2) }
}

#[test]
fn every_level_has_the_same_features_of_8_bits() {
    agree(|kernels, rng| {
        let scratch = &mut VmafScratch::default();
        let planes = planes_8(rng);
        let views = [planes[0].view(), planes[1].view()];
        let vif = kernels.vmaf_vif_8(views, scratch);
        let (width, height) = next(&planes[0], false);
        let mut halved = vec![0; width * height];
        kernels.vmaf_halve_8(views[1], &mut halved, scratch);
        let (width, height) = next(&planes[0], true);
        let mut bands = [vec![0.0; width * height], vec![0.0; width * height]];
        let adm = kernels.vmaf_adm_8(views, bands.each_mut().map(|band| &mut band[..]), scratch);
        let motion = kernels.vmaf_motion_8(views, scratch);
        let bands = bands.map(|band| Plane::new(width, height, width, |at| band[at]));
        let (w, h) = next(&bands[0], true);
        let mut last = [vec![0.0; w * h], vec![0.0; w * h]];
        let views = [bands[0].view(), bands[1].view()];
        let scale = 1 + rng.below(3);
        let last_out = last.each_mut().map(|band| &mut band[..]);
        let later = kernels.vmaf_adm_next(views, scale, last_out, scratch);
        (vif, halved, adm, motion, bands.map(|band| band.samples), (last, later))
    });
}

#[test]
fn every_level_has_the_same_features_of_more_bits() {
    agree(|kernels, rng| {
        let scratch = &mut VmafScratch::default();
        let depth = [9, 10, 12, 16][rng.below(4)];
        let scale = u32::try_from(rng.below(4)).unwrap();
        let planes = planes_16(rng, if scale == 0 { depth } else { 16 });
        let views = [planes[0].view(), planes[1].view()];
        let vif = kernels.vmaf_vif_16(views, scale, depth, scratch);
        let (width, height) = next(&planes[0], false);
        let mut halved = vec![0; width * height];
        kernels.vmaf_halve_16(views[1], scale.min(2), depth, &mut halved, scratch);
        let (width, height) = next(&planes[0], true);
        let mut bands = [vec![0.0; width * height], vec![0.0; width * height]];
        let out = bands.each_mut().map(|band| &mut band[..]);
        let adm = kernels.vmaf_adm_16(views, 16, out, scratch);
        (vif, halved, adm, bands, kernels.vmaf_motion_16(views, 16, scratch))
    });
}

#[test]
fn flat_and_equal_frames_preserve_all() {
    let kernels = Kernels::best();
    let scratch = &mut VmafScratch::default();
    let noise = Rng::new(3).pixels(40 * 36);
    let noise = Plane::new(40, 36, 40, |at| noise[at]);
    let flat = Plane::new(40, 36, 40, |_| 255_u8);
    for plane in [&noise, &flat] {
        let vif = kernels.vmaf_vif_8([plane.view(), plane.view()], scratch);
        assert!((vif.preserved / vif.original - 1.0).abs() < 1e-6, "{vif:?}");
        let mut bands = [vec![0.0; 20 * 18], vec![0.0; 20 * 18]];
        let out = bands.each_mut().map(|band| &mut band[..]);
        let adm = kernels.vmaf_adm_8([plane.view(), plane.view()], out, scratch);
        assert_eq!(adm.area, 18 * 16);
        for (kept, original) in adm.preserved.iter().zip(adm.original) {
            assert!((kept - original).abs() <= 1e-5 * original, "{adm:?}");
        }
        assert!(kernels.vmaf_motion_8([plane.view(), plane.view()], scratch).abs() < 1e-9);
    }
    // The flat reference has no information but its noise, and a blurred step of 10 levels moves by 10.
    let vif = kernels.vmaf_vif_8([flat.view(), noise.view()], scratch);
    assert!((vif.original - 40.0 * 36.0).abs() < 1e-9, "{vif:?}");
    let darker = Plane::new(40, 36, 40, |_| 245_u8);
    let motion = kernels.vmaf_motion_8([flat.view(), darker.view()], scratch);
    assert!((motion / 256.0 / (40.0 * 36.0) - 10.0).abs() < 0.01, "{motion}");
}
