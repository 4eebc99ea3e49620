//! VP9: every level returns the same results as the scalar kernels, and these return the same
//! results as plain formulas.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use crate::harness::{Rng, agree};
use codec_simd::vp9::{
    Vp9EdgeFilter, Vp9Edges, Vp9Filter, Vp9IntraEdges, Vp9IntraMode, Vp9Motion, Vp9Quantiser,
    Vp9TxKind, Vp9TxSize,
};
use codec_simd::{Kernels, Level, vp9_high};

const FILTERS: [Vp9Filter; 4] =
    [Vp9Filter::Regular, Vp9Filter::Smooth, Vp9Filter::Sharp, Vp9Filter::Bilinear];

fn byte(value: usize) -> u8 {
    u8::try_from(value).unwrap()
}

fn motion(rng: &mut Rng) -> Vp9Motion {
    let sides = [4, 8, 16, 32, 64];
    let fraction = |rng: &mut Rng| if rng.coin() { 0 } else { byte(rng.below(16)) };
    Vp9Motion {
        filter: rng.pick(&FILTERS),
        fraction_x: fraction(rng),
        fraction_y: fraction(rng),
        width: rng.pick(&sides),
        height: byte(4 + 4 * rng.below(16)),
        average: rng.coin(),
    }
}

#[test]
fn interpolation() {
    agree(|kernels, rng| {
        let motion = motion(rng);
        let (width, height) = (usize::from(motion.width), usize::from(motion.height));
        let stride = width + 7 + rng.below(40);
        // The last row ends with the last sample that the contract names, or later.
        let slack = rng.below(2) * 64;
        let src = rng.pixels((height + 6) * stride + width + 7 + slack);
        let to_stride = width + rng.below(40);
        let mut dst = rng.pixels((height - 1) * to_stride + width);
        kernels.vp9_predict(motion, &src, stride, &mut dst, to_stride);
        dst
    });
}

#[test]
fn scaled_interpolation() {
    agree(|kernels, rng| {
        let motion = motion(rng);
        let (width, height) = (usize::from(motion.width), usize::from(motion.height));
        let steps = [rng.pick(&[1, 5, 8, 16, 20, 27, 32]), rng.pick(&[1, 8, 16, 31, 32])];
        let needed = |size: usize, step: u8, fraction: u8| {
            ((size - 1) * usize::from(step) + usize::from(fraction)) / 16 + 8
        };
        let columns = needed(width, steps[0], motion.fraction_x);
        let rows = needed(height, steps[1], motion.fraction_y);
        let stride = columns + rng.below(40);
        let slack = rng.below(2) * 64;
        let src = rng.pixels((rows - 1) * stride + columns + slack);
        let to_stride = width + rng.below(40);
        let mut dst = rng.pixels((height - 1) * to_stride + width);
        kernels.vp9_predict_scaled(motion, steps, &src, stride, &mut dst, to_stride);
        dst
    });
}

/// Coefficients in column order, in the corner of random size, and the or of their positions.
fn coefficients(rng: &mut Rng, n: usize) -> ([i16; 1024], u16) {
    let mut coefficients = [0; 1024];
    let (columns, rows) = (1 + rng.below(n), 1 + rng.below(n));
    let (columns, rows) = if rng.below(4) == 0 { (1, 1) } else { (columns, rows) };
    let range = rng.pick(&[2_usize, 40, 1000, 20_000, 65_536]);
    let density = rng.pick(&[1_usize, 2, 16]);
    let mut positions = 0;
    for (at, coefficient) in coefficients.iter_mut().enumerate().take(n * n) {
        if at / n < columns && at % n < rows && rng.below(density) == 0 {
            let value =
                i32::try_from(rng.below(range)).unwrap() - i32::try_from(range / 2).unwrap();
            *coefficient = i16::try_from(value).unwrap();
            if value != 0 {
                positions |= u16::try_from(at).unwrap();
            }
        }
    }
    (coefficients, positions)
}

#[test]
fn inverse_transforms() {
    let kinds = [Vp9TxKind::Dct, Vp9TxKind::AdstColumns, Vp9TxKind::AdstRows, Vp9TxKind::AdstBoth];
    agree(|kernels, rng| {
        let size = rng.pick(&Vp9TxSize::ALL);
        let n = size.pixels();
        let kind = match size {
            Vp9TxSize::Tx4 if rng.below(5) == 0 => Vp9TxKind::Wht,
            Vp9TxSize::Tx32 => Vp9TxKind::Dct,
            _ => rng.pick(&kinds),
        };
        let (mut coefficients, positions) = coefficients(rng, n);
        let stride = n + rng.below(40);
        let mut dst = rng.pixels((n - 1) * stride + n);
        kernels.vp9_inverse_transform(size, kind, &mut coefficients, positions, &mut dst, stride);
        assert_eq!(coefficients, [0; 1024]);
        dst
    });
}

/// A DCT in floating point differs from the integer one by at most one per sample.
#[test]
fn the_inverse_dct_is_one() {
    let kernels = Kernels::for_level(Level::Scalar).unwrap();
    let mut rng = Rng::new(7);
    for size in Vp9TxSize::ALL {
        let n = size.pixels();
        let mut coefficients = [0; 1024];
        for _ in 0..6 {
            coefficients[rng.below(n * n)] = i16::try_from(rng.below(400)).unwrap() - 200;
        }
        let scale = [8.0, 8.0, 8.0, 4.0][size as usize];
        let basis = |k: usize, at: usize| {
            let weight = if k == 0 { 0.5_f64.sqrt() } else { 1.0 };
            let angle = std::f64::consts::PI * (2 * at + 1) as f64 * k as f64 / (2 * n) as f64;
            weight * (2.0 / n as f64).sqrt() * angle.cos()
        };
        let expected = |x: usize, y: usize| -> f64 {
            let term =
                |at: usize| f64::from(coefficients[at]) * basis(at / n, x) * basis(at % n, y);
            (0..n * n).map(term).sum::<f64>() / scale
        };
        let expected: Vec<f64> = (0..n * n).map(|at| 128.0 + expected(at % n, at / n)).collect();
        let mut dst = vec![128; n * n];
        let mut copy = coefficients;
        kernels.vp9_inverse_transform(size, Vp9TxKind::Dct, &mut copy, 1023, &mut dst, n);
        for (expected, &sample) in expected.into_iter().zip(&dst) {
            assert!((expected - f64::from(sample)).abs() < 1.1, "{size:?}: {expected} {sample}");
        }
    }
}

fn edges(rng: &mut Rng) -> Vp9Edges {
    let filters =
        [Vp9EdgeFilter::NONE, Vp9EdgeFilter::TAPS_4, Vp9EdgeFilter::TAPS_8, Vp9EdgeFilter::TAPS_16];
    let filters = if rng.coin() { &filters[..] } else { &filters[..3] };
    let mut edges = Vp9Edges::default();
    for unit in 0..4 {
        let level = byte(rng.below(64));
        let inner = 1 + byte(rng.below(63));
        edges.filters[unit] = rng.pick(filters);
        edges.edge[unit] = 2 * (level + 2) + inner;
        edges.inner[unit] = inner;
        edges.variance[unit] = level >> 4;
    }
    edges
}

/// Samples around edges: flat or nearly so on most lines, with a step at the edge.
fn edge_samples(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut samples = rng.pixels(len);
    if rng.below(4) > 0 {
        let (base, spread) = (rng.byte(), 1 + byte(rng.below(6)));
        for sample in &mut samples {
            *sample = base.saturating_add(rng.byte() % spread);
        }
    }
    samples
}

#[test]
fn vertical_edges() {
    agree(|kernels, rng| {
        let edges = edges(rng);
        let stride = 16 + rng.below(50);
        let mut plane = edge_samples(rng, 31 * stride + 16);
        kernels.vp9_filter_v(&mut plane, stride, 8, &edges);
        plane
    });
}

#[test]
fn horizontal_edges() {
    agree(|kernels, rng| {
        let edges = edges(rng);
        let stride = 32 + rng.below(50);
        let mut plane = edge_samples(rng, 15 * stride + 32);
        kernels.vp9_filter_h(&mut plane, stride, 8 * stride, &edges);
        plane
    });
}

fn intra_edges(rng: &mut Rng) -> Vp9IntraEdges<u8> {
    let mut edges = Vp9IntraEdges {
        above: [0; 64],
        left: [0; 32],
        corner: rng.byte(),
        has_above: rng.coin(),
        has_left: rng.coin(),
    };
    rng.fill(&mut edges.above);
    rng.fill(&mut edges.left);
    edges
}

#[test]
fn intra_prediction() {
    agree(|kernels, rng| {
        let size = rng.pick(&Vp9TxSize::ALL);
        let n = size.pixels();
        let (mode, edges) = (rng.pick(&Vp9IntraMode::ALL), intra_edges(rng));
        let stride = n + rng.below(40);
        let mut dst = rng.pixels((n - 1) * stride + n);
        kernels.vp9_predict_intra(mode, size, &edges, &mut dst, stride);
        dst
    });
}

/// The functions for more than 8 bits, with the samples of 8 bits in the high bits, agree with those
/// for 8 bits where no sum is rounded.
#[test]
fn high_depths_agree_with_eight_bits() {
    let kernels = Kernels::for_level(Level::Scalar).unwrap();
    let mut rng = Rng::new(3);
    for mode in [Vp9IntraMode::V, Vp9IntraMode::H, Vp9IntraMode::Tm] {
        let edges = intra_edges(&mut rng);
        let wide = |sample: u8| u16::from(sample) << 4;
        let wide_edges = Vp9IntraEdges {
            above: edges.above.map(wide),
            left: edges.left.map(wide),
            corner: wide(edges.corner),
            has_above: true,
            has_left: true,
        };
        let (mut dst, mut wide_dst) = (vec![0; 256], vec![0; 256]);
        kernels.vp9_predict_intra(mode, Vp9TxSize::Tx16, &edges, &mut dst, 16);
        vp9_high::predict_intra(mode, Vp9TxSize::Tx16, &wide_edges, 12, &mut wide_dst, 16);
        assert!(dst.iter().zip(&wide_dst).all(|(&a, &b)| wide(a) == b.min(255 << 4)), "{mode:?}");
    }
    let motion = Vp9Motion {
        filter: Vp9Filter::Sharp,
        fraction_x: 0,
        fraction_y: 0,
        width: 8,
        height: 8,
        average: false,
    };
    let src: Vec<u16> = (0..225).map(|at| at * 16).collect();
    let mut dst = vec![0; 64];
    vp9_high::predict(motion, 12, &src, 15, &mut dst, 8);
    assert!((0..64).all(|at| dst[at] == src[(at / 8 + 3) * 15 + at % 8 + 3]));
    let mut coefficients = [0; 1024];
    coefficients[0] = 64;
    let mut dst = vec![100_u16; 64];
    vp9_high::inverse_transform(
        Vp9TxSize::Tx8,
        Vp9TxKind::Dct,
        &mut coefficients,
        0,
        10,
        &mut dst,
        8,
    );
    assert_eq!(dst, [101; 64]);
}

fn forward_kind(rng: &mut Rng, size: Vp9TxSize) -> Vp9TxKind {
    let kinds = [Vp9TxKind::Dct, Vp9TxKind::AdstColumns, Vp9TxKind::AdstRows, Vp9TxKind::AdstBoth];
    if size == Vp9TxSize::Tx32 { Vp9TxKind::Dct } else { rng.pick(&kinds) }
}

#[test]
fn forward_transforms() {
    agree(|kernels, rng| {
        let size = rng.pick(&Vp9TxSize::ALL);
        let (n, kind) = (size.pixels(), forward_kind(rng, size));
        let strides = [n + rng.below(40), n + rng.below(40)];
        let length = |stride: usize| (n - 1) * stride + n;
        let (mut cur, mut pred) = (rng.pixels(length(strides[0])), rng.pixels(length(strides[1])));
        if rng.below(4) == 0 {
            // The largest differences.
            cur.iter_mut().for_each(|sample| *sample = if *sample < 100 { 0 } else { 255 });
            pred.fill(if rng.coin() { 0 } else { 255 });
        }
        let mut coefficients = [0; 1024];
        kernels.vp9_forward_transform(
            size,
            kind,
            &cur,
            strides[0],
            &pred,
            strides[1],
            &mut coefficients,
        );
        coefficients
    });
}

#[test]
fn quantisers() {
    agree(|kernels, rng| {
        let size = rng.pick(&Vp9TxSize::ALL);
        let n = size.pixels();
        // The sum of the squares is below 2^32.
        let limit = rng.pick(&[20, 200, 2000, 32767]).min(65535 / n);
        let mut coefficient = || {
            let magnitude = i16::try_from(rng.below(limit + 1)).unwrap();
            if rng.coin() { magnitude } else { -magnitude }
        };
        let coefficients: Vec<i16> = (0..n * n).map(|_| coefficient()).collect();
        let is_halved = size == Vp9TxSize::Tx32;
        let step = [8 + rng.below(1821), 8 + rng.below(1821)];
        let divisor = step.map(|step| step >> usize::from(is_halved));
        let small = |value: usize| u16::try_from(value).unwrap();
        let quantiser = Vp9Quantiser {
            round: divisor.map(|divisor| small(divisor * 2 / 5)),
            reciprocal: divisor.map(|divisor| small(65536 / divisor)),
            step: step.map(small),
            is_halved,
        };
        let mut levels = vec![9; n * n];
        let result = kernels.vp9_quantise(&coefficients, &quantiser, &mut levels);
        (levels, result)
    });
}

/// The inverse transform of the coefficients of a difference is the difference.
#[test]
fn the_inverse_restores_the_difference() {
    let kernels = Kernels::for_level(Level::Scalar).unwrap();
    let mut rng = Rng::new(11);
    for round in 0..2000 {
        let size = rng.pick(&Vp9TxSize::ALL);
        let (n, kind) = (size.pixels(), forward_kind(&mut rng, size));
        let (mut cur, mut pred) = (rng.pixels(n * n), rng.pixels(n * n));
        if round % 3 == 0 {
            cur.iter_mut().for_each(|sample| *sample = if *sample < 20 { 0 } else { 255 });
            pred.fill(if rng.coin() { 0 } else { 255 });
        }
        let mut coefficients = [0; 1024];
        kernels.vp9_forward_transform(size, kind, &cur, n, &pred, n, &mut coefficients);
        kernels.vp9_inverse_transform(size, kind, &mut coefficients, 1023, &mut pred, n);
        let worst = cur.iter().zip(&pred).map(|(&a, &b)| a.abs_diff(b)).max();
        assert!(worst <= Some(3), "{size:?} {kind:?}: {worst:?}");
    }
}

#[test]
fn taps_sum_to_one_and_mirror() {
    for filter in FILTERS {
        for fraction in 0..16 {
            let taps = *filter.taps(fraction);
            assert_eq!(taps.iter().sum::<i16>(), 128);
            let mut mirrored = *filter.taps((16 - fraction) % 16);
            if fraction > 0 {
                mirrored.reverse();
            }
            assert_eq!(taps, mirrored);
        }
    }
}

/// What the AVX2 kernel relies on: it adds products of pairs of taps in 16 bits.
#[test]
fn sums_saturate_only_if_the_result_is_clipped() {
    for (filter, fraction) in FILTERS.into_iter().flat_map(|f| (1..16).map(move |n| (f, n))) {
        let taps = filter.taps(fraction).map(i32::from);
        let extreme = |of: &[usize], sign: i32| -> i32 {
            of.iter().map(|&at| (sign * taps[at]).max(0) * 255).sum()
        };
        for pair in [[0, 1], [2, 3], [4, 5], [6, 7]] {
            assert!(extreme(&pair, 1) <= 32767 && extreme(&pair, -1) <= 32768);
        }
        // The outer pairs and the smaller inner one.
        for inner in [[2, 3], [4, 5]] {
            let three = [0, 1, 6, 7, inner[0], inner[1]];
            assert!(extreme(&three, -1) <= 32768);
        }
        let outer = extreme(&[0, 1, 6, 7], 1);
        let smaller = extreme(&[2, 3], 1).min(extreme(&[4, 5], 1));
        assert!(outer + smaller <= 32767, "{filter:?} {fraction}");
        assert!(extreme(&[0, 1, 2, 3, 4, 5, 6, 7], -1) <= 32768);
    }
}
