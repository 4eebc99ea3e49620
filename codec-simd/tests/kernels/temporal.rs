//! Denoising: every level returns the same results as the scalar kernels.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use crate::harness::{Rng, Source, Target, agree};
use codec_simd::{PixelWeight, TemporalWeights, Window};

type Pixels = [[u8; 16]; 8];
type History = [[i16; 16]; 8];

/// Pixels, and a history of other pixels or of noise around the same, with random fractions.
fn case(rng: &mut Rng) -> (Pixels, History) {
    let (mut pixels, mut other) = ([[0; 16]; 8], [[0; 16]; 8]);
    rng.fill(pixels.as_flattened_mut());
    if rng.coin() {
        rng.fill(other.as_flattened_mut());
    } else {
        other = pixels.map(|row| row.map(|pixel| pixel.saturating_add(rng.byte() & 15)));
    }
    let mut fraction = |pixel: u8| {
        let fraction = i16::from(rng.byte() >> 1);
        (i16::from(pixel) * 128 - 64 + fraction).clamp(0, 32640)
    };
    (pixels, other.map(|row| row.map(&mut fraction)))
}

fn weights(rng: &mut Rng) -> [PixelWeight; 4] {
    let mut weight = || {
        if rng.below(4) == 0 {
            return PixelWeight::SOURCE;
        }
        let mut number = |end| u16::try_from(rng.below(end)).unwrap();
        PixelWeight::new(number(4000), number(33_000))
    };
    [weight(), weight(), weight(), weight()]
}

#[test]
fn temporal_sums() {
    agree(|kernels, rng| {
        let (pixels, history) = case(rng);
        kernels.temporal_sums_16x8(Window::packed(&pixels), &history)
    });
}

#[test]
fn temporal_blend() {
    agree(|kernels, rng| {
        let (pixels, mut history) = case(rng);
        let groups = weights(rng);
        let weights = TemporalWeights::new(groups.each_ref());
        let mut dst = Target::<16, 8>::new(rng);
        let source = Window::packed(&pixels);
        kernels.temporal_blend_16x8(source, &mut history, &weights, dst.window_mut());
        assert!(history.as_flattened().iter().all(|value| (0..=32640).contains(value)));
        (dst.finish(), history)
    });
}

#[test]
fn sums_reach_their_largest_values() {
    for (pixel, history, sum) in [(255, 0, 4080 * 32), (0, 32640, -4080 * 32)] {
        agree(|kernels, _| {
            let pixels = [[pixel; 16]; 8];
            let source = Window::packed(&pixels);
            let (sums, sads) = kernels.temporal_sums_16x8(source, &[[history; 16]; 8]);
            assert_eq!((sums, sads), ([sum; 4], [4080 * 32; 4]));
        });
    }
}

#[test]
fn large_differences_take_the_source_and_small_ones_the_history() {
    agree(|kernels, rng| {
        let weight = PixelWeight::new(5 * 128, 3277);
        let away = i16::from(rng.byte() % 128);
        let (pixels, mut history) = ([[64; 16]; 8], [[(64 + away) * 128; 16]; 8]);
        let mut dst = Target::<16, 8>::new(rng);
        let weights = TemporalWeights::new([&weight; 4]);
        kernels.temporal_blend_16x8(
            Window::packed(&pixels),
            &mut history,
            &weights,
            dst.window_mut(),
        );
        let filtered = dst.finish();
        let out = i16::from(filtered[0][0]);
        match away {
            0..=5 => assert!((out - 64 - away).abs() <= 1, "{away}: {out}"),
            10.. => assert_eq!(out, 64, "{away}"),
            _ => assert!(out <= 64 + away, "{away}: {out}"),
        }
        filtered
    });
}

#[test]
fn smooth() {
    agree(|kernels, rng| {
        let source = Source::<18, 10>::new(rng);
        let limits: [u8; 16] = std::array::from_fn(|_| u8::try_from(rng.below(64)).unwrap());
        let limits = if rng.coin() { limits } else { [limits[0]; 16] };
        let mut dst = [[0; 16]; 8];
        kernels.smooth_16x8(source.window(), &limits, &mut dst);
        dst
    });
}

#[test]
fn smoothing_keeps_edges_and_removes_a_speck() {
    agree(|kernels, _| {
        let mut source: [[u8; 18]; 10] =
            std::array::from_fn(|_| std::array::from_fn(|x| if x < 9 { 50 } else { 90 }));
        source[5][4] = 60;
        let mut dst = [[0; 16]; 8];
        kernels.smooth_16x8(Window::packed(&source), &[12; 16], &mut dst);
        assert_eq!((dst[4][3], dst[0][7], dst[0][8]), (52, 50, 90));
        dst
    });
}
