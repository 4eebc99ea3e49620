//! Benchmark cases of VP9's kernels, and the bytes that they read and write.

use codec_simd::vp9::{
    Vp9EdgeFilter, Vp9Edges, Vp9Filter, Vp9IntraEdges, Vp9IntraMode, Vp9Motion, Vp9Quantiser,
    Vp9TxKind, Vp9TxSize,
};

use super::cases::{Pixels, Visitor};

pub(super) fn cases(visitor: &mut impl Visitor) {
    motion(visitor);
    intra(visitor);
    transform(visitor);
    forward(visitor);
    loop_filter(visitor);
}

/// Interpolation of squares, with the fractions horizontally and vertically in their names.
fn motion(visitor: &mut impl Visitor) {
    let plane = Pixels::new(1, 1, visitor.round());
    let mut out = Pixels::new(3, 3, visitor.round());
    let (src, stride) = plane.samples(9, 9);
    let (dst, to_stride) = out.samples_mut(16, 16);
    for side in [8, 16, 64] {
        for (fraction_x, fraction_y) in [(0, 0), (5, 0), (0, 5), (5, 5)] {
            let filter = Vp9Filter::Regular;
            let (width, height, average) = (side, side, false);
            let motion = Vp9Motion { filter, fraction_x, fraction_y, width, height, average };
            visitor.case(&format!("vp9_predict_{side}/{fraction_x}_{fraction_y}"), |k| {
                k.vp9_predict(motion, src, stride, dst, to_stride);
            });
            if (fraction_x, fraction_y) == (5, 5) && side < 64 {
                visitor.case(&format!("vp9_predict_scaled_{side}"), |k| {
                    k.vp9_predict_scaled(motion, [24, 24], src, stride, dst, to_stride);
                });
            }
        }
    }
}

fn intra(visitor: &mut impl Visitor) {
    let plane = Pixels::new(1, 1, visitor.round());
    let mut out = Pixels::new(3, 3, visitor.round());
    let (dst, stride) = out.samples_mut(16, 16);
    let edges = Vp9IntraEdges {
        above: plane.row(9, 9),
        left: plane.row(9, 10),
        corner: 100,
        has_above: true,
        has_left: true,
    };
    for size in Vp9TxSize::ALL {
        for mode in [Vp9IntraMode::Dc, Vp9IntraMode::Tm, Vp9IntraMode::D153] {
            let name = format!("vp9_predict_intra_{}/{mode:?}", size.pixels());
            visitor.case(&name, |k| k.vp9_predict_intra(mode, size, &edges, dst, stride));
        }
    }
}

/// Transforms with all coefficients, and with the coefficients of the first eighth of rows and columns. The
/// cases include a copy of the coefficients, which the kernel clears.
fn transform(visitor: &mut impl Visitor) {
    let mut out = Pixels::new(3, 3, visitor.round());
    let (dst, stride) = out.samples_mut(16, 16);
    let value = |at: usize| i16::try_from(at * 37 % 61).unwrap_or(0) - 30;
    let mut coefficients = [0; 1024];
    for size in Vp9TxSize::ALL {
        let n = size.pixels();
        for (name, end) in [("all", n), ("corner", n.div_ceil(8))] {
            let is_used = |at: usize| at / n < end && at % n < end;
            let all: Vec<i16> =
                (0..n * n).map(|at| if is_used(at) { value(at) } else { 0 }).collect();
            let positions = (0..n * n).filter(|&at| all[at] != 0).fold(0, |all, at| all | at);
            let positions = u16::try_from(positions).unwrap_or(u16::MAX);
            visitor.case(&format!("vp9_inverse_transform_{n}/{name}"), |k| {
                coefficients[..n * n].copy_from_slice(&all);
                let kind = Vp9TxKind::Dct;
                k.vp9_inverse_transform(size, kind, &mut coefficients, positions, dst, stride);
            });
        }
    }
}

/// Forward transforms, and the quantisation of their coefficients.
fn forward(visitor: &mut impl Visitor) {
    let cur = Pixels::new(1, 1, visitor.round());
    let pred = Pixels::new(3, 3, visitor.round());
    let (cur, cur_stride) = cur.samples(16, 16);
    let (pred, pred_stride) = pred.samples(16, 16);
    let mut coefficients = [0; 1024];
    let mut levels = [0; 1024];
    for size in Vp9TxSize::ALL {
        let n = size.pixels();
        visitor.case(&format!("vp9_forward_transform_{n}"), |k| {
            k.vp9_forward_transform(
                size,
                Vp9TxKind::Dct,
                cur,
                cur_stride,
                pred,
                pred_stride,
                &mut coefficients,
            );
        });
        let is_halved = size == Vp9TxSize::Tx32;
        let divisor = if is_halved { 30 } else { 60 };
        let quantiser = Vp9Quantiser {
            round: [divisor * 2 / 5; 2],
            reciprocal: [u16::MAX / divisor; 2],
            step: [60; 2],
            is_halved,
        };
        let (from, to) = (&coefficients[..n * n], &mut levels[..n * n]);
        visitor.case(&format!("vp9_quantise_{n}"), |k| {
            std::hint::black_box(k.vp9_quantise(from, &quantiser, to));
        });
    }
}

fn loop_filter(visitor: &mut impl Visitor) {
    let mut plane = Pixels::new(1, 1, visitor.round());
    let (pixels, stride) = plane.samples_mut(0, 0);
    let filters = [Vp9EdgeFilter::TAPS_4, Vp9EdgeFilter::TAPS_8, Vp9EdgeFilter::TAPS_16];
    for (filter, taps) in filters.into_iter().zip([4, 8, 16]) {
        let edges =
            Vp9Edges { filters: [filter; 4], edge: [80; 4], inner: [20; 4], variance: [2; 4] };
        visitor.case(&format!("vp9_filter_v/{taps}_taps"), |k| {
            k.vp9_filter_v(pixels, stride, 16 * stride + 32, &edges);
        });
        visitor.case(&format!("vp9_filter_h/{taps}_taps"), |k| {
            k.vp9_filter_h(pixels, stride, 16 * stride + 32, &edges);
        });
    }
}

/// As [`super::bytes_of`].
pub(super) fn bytes_of(name: &str) -> Option<f64> {
    let (base, variant) = name.split_once('/').unwrap_or((name, ""));
    let kernel = base.strip_prefix("vp9_")?;
    if let Some("v" | "h") = kernel.strip_prefix("filter_") {
        // 32 lines of 8 or 16 samples, read and written.
        return Some(if variant == "16_taps" { 2.0 * 512.0 } else { 2.0 * 256.0 });
    }
    let side: f64 = kernel.rsplit('_').next()?.parse().ok()?;
    let area = side * side;
    if kernel.starts_with("predict_intra") {
        return Some(2.0 * side + area);
    }
    if kernel.starts_with("predict_scaled") {
        return Some((1.5 * side + 7.0) * (1.5 * side + 7.0) + area);
    }
    if kernel.starts_with("predict") {
        let past = |fraction: &str| if fraction == "0" { 0.0 } else { 7.0 };
        let (x, y) = variant.split_once('_')?;
        return Some((side + past(x)) * (side + past(y)) + area);
    }
    if kernel.starts_with("forward_transform") {
        // Two blocks of samples are read, coefficients of two bytes are written.
        return Some(2.0 * area + 2.0 * area);
    }
    if kernel.starts_with("quantise") {
        return Some(2.0 * 2.0 * area);
    }
    // Coefficients of two bytes are read and cleared; samples are read and written.
    kernel.starts_with("inverse_transform").then_some(2.0 * 2.0 * area + 2.0 * area)
}
