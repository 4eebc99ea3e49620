//! Measures calls that are shorter than the resolution of a clock.

use std::hint::black_box;
use std::time::{Duration, Instant};

use codec_simd::Level;

/// Shortest time per call over `batches` of at least 20 microseconds, in nanoseconds.
pub fn min_ns(batches: u32, mut call: impl FnMut()) -> f64 {
    let mut calls = 16_u32;
    let mut batch = |calls: u32| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed()
    };
    while batch(calls) < Duration::from_micros(20) {
        calls = calls.saturating_mul(2);
    }
    let least = (0..batches.max(1)).map(|_| batch(calls)).min().unwrap_or_default();
    least.as_secs_f64() * 1e9 / f64::from(calls)
}

/// Duration of a cycle in nanoseconds, from a chain of six dependent operations.
#[must_use]
pub fn cycle_ns(batches: u32) -> f64 {
    let mut x = black_box(0x9e37_79b9_u64);
    let step = min_ns(batches, || {
        for _ in 0..64 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }
    });
    black_box(x);
    step / (64.0 * 6.0)
}

/// Time in nanoseconds of an empty call through a pointer, as kernels are called.
#[must_use]
pub fn call_ns(batches: u32) -> f64 {
    fn nothing(_: &[u8; 64], _: &[u8; 64]) -> u32 {
        0
    }
    let pointer: fn(&[u8; 64], &[u8; 64]) -> u32 = black_box(nothing);
    let (a, b) = ([0; 64], [1; 64]);
    min_ns(batches, || _ = black_box(black_box(pointer)(&a, &b)))
}

/// Register width of a level, in bytes.
#[must_use]
pub fn width_bytes(level: Level) -> f64 {
    match level {
        Level::Scalar => 1.0,
        Level::Avx2 => 32.0,
        Level::Avx512 => 64.0,
        _ => 16.0,
    }
}
