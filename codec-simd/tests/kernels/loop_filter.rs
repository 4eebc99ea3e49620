//! Loop filters of VP8: every level returns the same results as the scalar kernels, which
//! meet the requirements of the standard.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use crate::harness::{Rng, Target, agree};
use codec_simd::{EdgeLimits, Kernels, Level, MbLimits, WindowMut, YuvWindows};

/// Limits of a real stream, or arbitrary ones.
fn limits(rng: &mut Rng) -> EdgeLimits {
    match rng.below(4) {
        0 => EdgeLimits {
            edge: rng.pick(&[0, 1, 63, 193, 254, 255]),
            interior: rng.pick(&[0, 1, 63, 128, 255]),
            hev: rng.pick(&[0, 1, 3, 63, 127, 128, 255]),
        },
        1 => EdgeLimits { edge: rng.byte(), interior: rng.byte(), hev: rng.byte() },
        _ => {
            let interior = 1 + rng.byte() % 63;
            let edge = interior + 2 * (rng.byte() % 66);
            EdgeLimits { edge, interior, hev: rng.byte() % 4 }
        }
    }
}

/// Pixels that often pass the thresholds: each 4x4 block has its level and a little noise.
/// Sometimes the fill of the harness is kept: noise, extremes, checkerboard, flat.
fn target<const W: usize, const H: usize>(rng: &mut Rng) -> Target<W, H> {
    let mut target = Target::new(rng);
    if rng.below(4) > 0 {
        blocks(rng, target.window_mut());
    }
    target
}

fn blocks<const W: usize, const H: usize>(rng: &mut Rng, mut pixels: WindowMut<'_, W, H>) {
    let (base, noise) = (rng.byte(), rng.pick(&[1, 2, 3, 5, 9, 40]));
    let step = rng.pick(&[1, 4, 12, 40, 90, 255]);
    // Runs of saturated pixels, too.
    let base = rng.pick(&[base, 0, 255, 250, 6, 128]);
    for y0 in (0..H).step_by(4) {
        for x0 in (0..W).step_by(4) {
            let change = rng.byte() % step;
            let level =
                if rng.coin() { base.saturating_add(change) } else { base.saturating_sub(change) };
            for y in y0..H.min(y0 + 4) {
                for pixel in &mut pixels.row_mut(y)[x0..W.min(x0 + 4)] {
                    let change = rng.byte() % noise;
                    *pixel = if rng.coin() {
                        level.saturating_add(change)
                    } else {
                        level.saturating_sub(change)
                    };
                }
            }
        }
    }
}

/// As [`target`], for the two sides of an edge. Both sides often share a level.
fn sides<const W: usize, const H: usize>(rng: &mut Rng) -> [Target<W, H>; 2] {
    let mut sides = [target(rng), target(rng)];
    if rng.below(4) > 0 {
        let (base, step, noise) = (rng.byte(), rng.pick(&[0, 3, 10, 30]), rng.pick(&[1, 2, 4]));
        for (side, base) in sides.iter_mut().zip([base, base.saturating_add(step)]) {
            let mut pixels = side.window_mut();
            for y in 0..H {
                pixels.row_mut(y).fill_with(|| base.saturating_add(rng.byte() % noise));
            }
        }
    }
    sides
}

#[test]
fn macroblock_edges_between_rows_agree() {
    agree(|kernels, rng| {
        let [mut above, mut below] = sides(rng);
        let limits = limits(rng);
        kernels.filter_mb_edge_h_16(above.window_mut(), below.window_mut(), limits);
        (above.finish(), below.finish())
    });
}

#[test]
fn macroblock_edges_between_rows_of_chroma_agree() {
    agree(|kernels, rng| {
        let ([mut u_above, mut u_below], [mut v_above, mut v_below]) = (sides(rng), sides(rng));
        kernels.filter_mb_edge_h_uv(
            u_above.window_mut(),
            u_below.window_mut(),
            v_above.window_mut(),
            v_below.window_mut(),
            limits(rng),
        );
        [u_above, u_below, v_above, v_below].map(Target::finish)
    });
}

#[test]
fn macroblock_edges_between_columns_agree() {
    agree(|kernels, rng| {
        let mut pixels = target(rng);
        kernels.filter_mb_edge_v_16(pixels.window_mut(), limits(rng));
        pixels.finish()
    });
}

#[test]
fn edges_between_columns_of_chroma_agree() {
    agree(|kernels, rng| {
        let (mut u, mut v) = (target(rng), target(rng));
        kernels.filter_mb_edge_v_uv(u.window_mut(), v.window_mut(), limits(rng));
        kernels.filter_inner_edge_v_uv(u.window_mut(), v.window_mut(), limits(rng));
        (u.finish(), v.finish())
    });
}

#[test]
fn inner_edges_between_columns_of_chroma_agree() {
    agree(|kernels, rng| {
        let (mut u, mut v) = (target(rng), target(rng));
        kernels.filter_inner_edge_v_uv(u.window_mut(), v.window_mut(), limits(rng));
        (u.finish(), v.finish())
    });
}

#[test]
fn inner_edges_between_rows_of_chroma_agree() {
    agree(|kernels, rng| {
        let (mut u, mut v) = (target(rng), target(rng));
        kernels.filter_inner_edge_h_uv(u.window_mut(), v.window_mut(), limits(rng));
        (u.finish(), v.finish())
    });
}

#[test]
fn inner_edges_of_luma_agree() {
    agree(|kernels, rng| {
        let mut mb = target(rng);
        let limits = limits(rng);
        match rng.below(3) {
            0 => kernels.filter_inner_edges_h_16(mb.window_mut(), limits),
            1 => kernels.filter_inner_edges_v_16(mb.window_mut(), limits),
            _ => {
                kernels.filter_inner_edges_v_16(mb.window_mut(), limits);
                kernels.filter_inner_edges_h_16(mb.window_mut(), limits);
            }
        }
        mb.finish()
    });
}

/// Pixels of all planes.
struct Planes<const W: usize, const H: usize, const CW: usize, const CH: usize> {
    y: Target<W, H>,
    u: Target<CW, CH>,
    v: Target<CW, CH>,
}

impl<const W: usize, const H: usize, const CW: usize, const CH: usize> Planes<W, H, CW, CH> {
    fn new(rng: &mut Rng) -> Self {
        Self { y: target(rng), u: target(rng), v: target(rng) }
    }

    fn windows(&mut self) -> YuvWindows<'_, W, H, CW, CH> {
        let Self { y, u, v } = self;
        YuvWindows { y: y.window_mut(), u: u.window_mut(), v: v.window_mut() }
    }
}

/// Limits of a macroblock; some edges are not filtered.
fn mb_limits(rng: &mut Rng) -> MbLimits {
    let mut edge = || if rng.below(4) == 0 { EdgeLimits::OFF } else { limits(rng) };
    MbLimits { left: edge(), upper: edge(), inner: edge() }
}

#[test]
fn two_macroblocks_agree() {
    agree(|kernels, rng| {
        let mut above = [Planes::new(rng), Planes::new(rng)];
        let mut mbs = [Planes::new(rng), Planes::new(rng)];
        let (of_a, mut of_b) = (mb_limits(rng), mb_limits(rng));
        if of_a.inner == EdgeLimits::OFF && rng.coin() {
            of_b.inner = EdgeLimits::OFF;
        }
        kernels.filter_mbs_x2(
            above.each_mut().map(Planes::windows),
            mbs.each_mut().map(Planes::windows),
            [&of_a, &of_b],
        );
        let above = above.map(|Planes { y, u, v }| (y.finish(), u.finish(), v.finish()));
        (above, mbs.map(|Planes { y, u, v }| (y.finish(), u.finish(), v.finish())))
    });
}

#[test]
fn simple_edges_agree() {
    agree(|kernels, rng| {
        let [mut above, mut below] = sides(rng);
        let mut pixels = target(rng);
        let limit = limits(rng).edge;
        kernels.simple_edge_h_16(above.window_mut(), below.window_mut(), limit);
        kernels.simple_edge_v_16(pixels.window_mut(), limit);
        (above.finish(), below.finish(), pixels.finish())
    });
}

#[test]
fn simple_inner_edges_agree() {
    agree(|kernels, rng| {
        let (mut h, mut v) = (target(rng), target(rng));
        let limit = limits(rng).edge;
        kernels.simple_inner_edges_h_16(h.window_mut(), limit);
        kernels.simple_inner_edges_v_16(v.window_mut(), limit);
        (h.finish(), v.finish())
    });
}

/// Coverage of the generators above, so that equal results are meaningful: some segments are
/// unchanged, some change two, four and six pixels.
#[test]
fn generated_segments_take_every_way_through_the_filters() {
    let scalar = Kernels::for_level(Level::Scalar).unwrap();
    let mut rng = Rng::new(7);
    let (mut by_mb_filter, mut by_inner_filter) = ([0u32; 9], [0u32; 9]);
    for _ in 0..2000 {
        let (mut pixels, limits) = (target::<8, 16>(&mut rng), limits(&mut rng));
        let before = rows(&mut pixels);
        scalar.filter_mb_edge_v_16(pixels.window_mut(), limits);
        count_changes(&before, &rows(&mut pixels), &mut by_mb_filter);

        let (mut u, mut v) = (target::<8, 8>(&mut rng), target::<8, 8>(&mut rng));
        let before = rows(&mut u);
        scalar.filter_inner_edge_v_uv(u.window_mut(), v.window_mut(), limits);
        count_changes(&before, &rows(&mut u), &mut by_inner_filter);
    }
    for changed in [0, 2, 6] {
        assert!(by_mb_filter[changed] > 200, "{by_mb_filter:?}");
    }
    for changed in [0, 2, 4] {
        assert!(by_inner_filter[changed] > 200, "{by_inner_filter:?}");
    }
}

fn rows<const H: usize>(pixels: &mut Target<8, H>) -> [[u8; 8]; H] {
    let window = pixels.window_mut();
    std::array::from_fn(|y| *window.row(y))
}

fn count_changes(before: &[[u8; 8]], after: &[[u8; 8]], counts: &mut [u32; 9]) {
    for (before, after) in before.iter().zip(after) {
        counts[before.iter().zip(after).filter(|(a, b)| a != b).count()] += 1;
    }
}

/// Runs `segment` as one row of [`Kernels::filter_mb_edge_v_16`] and of
/// [`Kernels::filter_inner_edge_v_uv`].
fn filtered(segment: [u8; 8], limits: EdgeLimits) -> [[u8; 8]; 2] {
    let scalar = Kernels::for_level(Level::Scalar).unwrap();
    let (mut tall, mut u, mut v) = ([segment; 16], [segment; 8], [segment; 8]);
    scalar.filter_mb_edge_v_16(WindowMut::packed(&mut tall), limits);
    let (u_window, v_window) = (WindowMut::packed(&mut u), WindowMut::packed(&mut v));
    scalar.filter_inner_edge_v_uv(u_window, v_window, limits);
    [tall[0], u[0]]
}

const OPEN: EdgeLimits = EdgeLimits { edge: 60, interior: 20, hev: 3 };

#[test]
fn a_small_step_is_smoothed_as_computed_by_hand() {
    let [mb, inner] = filtered([100, 100, 100, 100, 108, 108, 108, 108], OPEN);
    // w = clamp(clamp(-8) + 24) = 16: changes (27 * 16 + 63) >> 7 = 3, (288 + 63) >> 7 = 2 and
    // (144 + 63) >> 7 = 1.
    assert_eq!(mb, [100, 101, 102, 103, 105, 106, 107, 108]);
    // Without outer taps w = 24: (24 + 4) >> 3 = 3, (24 + 3) >> 3 = 3, half of 3 rounded up = 2.
    assert_eq!(inner, [100, 100, 102, 103, 105, 106, 108, 108]);
}

#[test]
fn high_variance_next_to_the_edge_changes_two_pixels_only() {
    // w = clamp(clamp(95 - 108) + 3 * 8) = 11: (11 + 4) >> 3 = 1, (11 + 3) >> 3 = 1.
    for out in filtered([95, 95, 95, 100, 108, 108, 108, 108], OPEN) {
        assert_eq!(out, [95, 95, 95, 101, 107, 108, 108, 108]);
    }
}

#[test]
fn segments_beyond_a_limit_are_unchanged() {
    for segment in [
        [100, 100, 100, 100, 131, 131, 131, 131], // edge: 31 * 2 + 31 / 2 > 60
        [79, 100, 100, 100, 104, 104, 104, 104],  // p3 to p2: 21
        [100, 100, 100, 100, 104, 104, 104, 125], // q2 to q3: 21
    ] {
        assert_eq!(filtered(segment, OPEN), [segment; 2]);
    }
}

#[test]
fn limits_are_inclusive() {
    for segment in [
        [100, 100, 100, 100, 124, 124, 124, 124], // edge: 24 * 2 + 24 / 2 = 60
        [80, 100, 100, 100, 104, 104, 104, 104],  // p3 to p2: 20
    ] {
        for out in filtered(segment, OPEN) {
            assert_ne!(out, segment);
        }
    }
}

#[test]
fn sums_saturate_as_signed_bytes() {
    let wide = EdgeLimits { edge: 255, interior: 255, hev: 255 };
    let segment = [0, 0, 0, 0, 255, 255, 255, 255];
    let [mb, inner] = filtered(segment, wide);
    // w = clamp(-128 + 3 * 255) = 127: changes 27, 18, 9.
    assert_eq!(mb, [0, 9, 18, 27, 228, 237, 246, 255]);
    // (127 + 4) and (127 + 3) both saturate: 15; half of it, rounded up, is 8.
    assert_eq!(inner, [0, 0, 8, 15, 240, 247, 255, 255]);
}

#[test]
fn edges_of_a_macroblock_are_filtered_in_order() {
    let scalar = Kernels::for_level(Level::Scalar).unwrap();
    let row: [u8; 16] =
        [100, 100, 100, 100, 112, 112, 112, 112, 124, 124, 124, 124, 136, 136, 136, 136];
    let limits = EdgeLimits { edge: 60, interior: 3, hev: 3 };
    let (mut mb, mut transposed) = ([row; 16], [[0; 16]; 16]);
    for (y, out) in transposed.iter_mut().enumerate() {
        *out = [row[y]; 16];
    }
    scalar.filter_inner_edges_v_16(WindowMut::packed(&mut mb), limits);
    scalar.filter_inner_edges_h_16(WindowMut::packed(&mut transposed), limits);
    // 36: (36 + 4) >> 3 = 5, (36 + 3) >> 3 = 4, half of 5 rounded up = 3; after that p3 to p2 of
    // the next edge differ by the step from 107 to 109 only, within the limit.
    assert_eq!(mb[0][2..6], [103, 104, 107, 109]);
    for (x, out) in mb[0].iter().enumerate() {
        assert_eq!(transposed[x], [*out; 16]);
    }
}
