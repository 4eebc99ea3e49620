//! SAD, SATD and squared errors: every level returns the same results as the scalar kernels.

use codec_simd::{Block16, Error8x8, Kernels, Level};

use crate::harness::{Source, agree};

#[test]
fn sad_16x16() {
    agree(|kernels, rng| {
        let (cur, refp) = (rng.block16(), Source::new(rng));
        (kernels.sad_16x16(&cur, refp.window()), kernels.sad_16x16_quads(&cur, refp.window()))
    });
}

#[test]
fn sad_16x16_x4() {
    agree(|kernels, rng| {
        let (cur, refs) = (rng.block16(), [(); 4].map(|()| Source::new(rng)));
        kernels.sad_16x16_x4(&cur, refs.each_ref().map(Source::window))
    });
}

#[test]
fn sad_of_smaller_blocks() {
    agree(|kernels, rng| {
        let (cur, refs) = (Source::new(rng), [(); 4].map(|()| Source::new(rng)));
        let small = (Source::new(rng), Source::new(rng));
        (
            kernels.sad_8x8(cur.window(), refs[0].window()),
            kernels.sad_8x8_x4(cur.window(), refs.each_ref().map(Source::window)),
            kernels.sad_4x4(small.0.window(), small.1.window()),
        )
    });
}

#[test]
fn sse() {
    agree(|kernels, rng| {
        let (cur, refp) = (rng.block16(), Source::new(rng));
        let (cur8, refp8) = (Source::new(rng), Source::new(rng));
        let (cur4, refp4) = (Source::new(rng), Source::new(rng));
        let (uv, uv_ref) = (rng.block_uv(), rng.block_uv());
        (
            kernels.sse_16x16(&cur, refp.window()),
            kernels.sse_16x16_quads(&cur, refp.window()),
            kernels.sse_8x8(cur8.window(), refp8.window()),
            kernels.sse_4x4(cur4.window(), refp4.window()),
            kernels.sse_uv(&uv, &uv_ref),
        )
    });
}

#[test]
fn errors() {
    agree(|kernels, rng| {
        let (cur, pred) = (rng.block16(), Source::new(rng));
        let (cur8, pred8) = (Source::new(rng), Source::new(rng));
        (
            kernels.errors_16x16(&cur, pred.window()),
            kernels.errors_8x8(cur8.window(), pred8.window()),
        )
    });
}

#[test]
fn errors_of_extreme_pixels() {
    // All signs of the four quadrants, at the largest difference.
    for signs in 0..16_usize {
        let side = |other: usize| {
            let mut rows = [[0; 16]; 16];
            for (y, row) in rows.iter_mut().enumerate() {
                for (x, pixel) in row.iter_mut().enumerate() {
                    let quadrant = y % 8 / 4 * 2 + x % 8 / 4;
                    *pixel = if (signs >> quadrant & 1) ^ other == 1 { 255 } else { 0 };
                }
            }
            Block16(rows)
        };
        let (cur, pred) = (side(0), side(1));
        let lowest = if signs.count_ones() % 2 == 0 { 64 * 255 } else { 32 * 255 };
        let expected = Error8x8 { squares: 64 * 255 * 255, lowest };
        for kernels in Level::ALL.into_iter().filter_map(Kernels::for_level) {
            let level = kernels.level();
            assert_eq!(kernels.errors_16x16(&cur, pred.window()), [expected; 4], "{level:?}");
            assert_eq!(kernels.errors_8x8(cur.sub(8, 0), pred.sub(8, 0)), expected, "{level:?}");
        }
    }
}

#[test]
fn moments_16x16() {
    agree(|kernels, rng| kernels.moments_16x16(&rng.block16()));
}

#[test]
fn satd() {
    agree(|kernels, rng| {
        let (cur, refp) = (rng.block16(), Source::new(rng));
        let (cur8, refp8) = (Source::new(rng), Source::new(rng));
        let (cur4, refp4) = (Source::new(rng), Source::new(rng));
        (
            kernels.satd_16x16(&cur, refp.window()),
            kernels.satd_8x8(cur8.window(), refp8.window()),
            kernels.satd_4x4(cur4.window(), refp4.window()),
        )
    });
}

#[test]
fn sse_against_every_bilinear_position() {
    agree(|kernels, rng| {
        let (cur, refp) = (rng.block16(), Source::<24, 17>::new(rng));
        let (cur8, refp8) = (Source::new(rng), Source::new(rng));
        let at = |fx, fy| {
            let large = kernels.sse_bilinear_16x16(&cur, refp.window().sub(0, 0), fx, fy);
            let quads = kernels.sse_bilinear_16x16_quads(&cur, refp.window(), fx, fy);
            assert_eq!(quads.iter().sum::<u32>(), large);
            (quads, kernels.sse_bilinear_8x8(cur8.window(), refp8.window(), fx, fy))
        };
        (0..64).map(|f| at(f % 8, f / 8)).collect::<Vec<_>>()
    });
}

#[test]
fn sse_half_ring_16x16() {
    agree(|kernels, rng| {
        let (cur, refp) = (rng.block16(), Source::new(rng));
        kernels.sse_half_ring_16x16(&cur, refp.window())
    });
}
