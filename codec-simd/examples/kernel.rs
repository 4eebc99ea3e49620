//! Calls one kernel at every SIMD level of this CPU: the results are equal, only the time differs.
//!
//! `cargo run --release -p codec-simd --example kernel`

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use codec_simd::{Block16, Kernels, Level, Window};

/// Calls per level.
const CALLS: u32 = 100_000;

/// The sum of absolute differences of a block and the best of four neighbours, for each supported
/// level with its nanoseconds per call.
pub fn run() -> Vec<(Level, u32, f64)> {
    // The current macroblock, packed, so that its rows are next to each other.
    let current = Block16(ramp(0));
    // A reference frame of 64x64 pixels.
    let reference: [[u8; 64]; 64] = ramp(5);
    // A window proves once that its pixels exist; kernels need no further checks.
    let frame = Window::packed(&reference);
    let windows = [(0, 0), (1, 0), (0, 1), (8, 4)].map(|(x, y)| frame.sub::<16, 16>(x, y));
    let supported =
        Level::ALL.into_iter().filter_map(|level| Some((level, Kernels::for_level(level)?)));
    let measure = |(level, kernels): (Level, &Kernels)| {
        let started = Instant::now();
        let mut best = 0;
        for _ in 0..CALLS {
            let sads = kernels.sad_16x16_x4(black_box(&current), black_box(windows));
            best = sads.into_iter().min().unwrap_or_default();
        }
        (level, best, started.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS))
    };
    supported.map(measure).collect()
}

/// A square of pixels whose values rise to the right and downwards.
fn ramp<const SIDE: usize>(first: usize) -> [[u8; SIDE]; SIDE] {
    let pixel = |x: usize, y: usize| (first + 7 * x + 3 * y).to_le_bytes()[0];
    std::array::from_fn(|y| std::array::from_fn(|x| pixel(x, y)))
}

/// Prints a line for each level.
///
/// # Errors
/// If standard output is closed.
pub fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (level, best, nanoseconds) in run() {
        writeln!(out, "{:8} best SAD {best}, {nanoseconds:.1} ns for four blocks", level.name())?;
    }
    Ok(())
}
