//! Intra prediction. ITU-T H.264, clause 8.3.

mod small;
mod whole;

pub use small::{SmallEdges, SmallPredictor, filter_8x8, predict_small};
pub use whole::{Edges, predict_16x16, predict_chroma};

#[expect(clippy::cast_possible_truncation, reason = "a mean of bytes")]
fn mean(a: u8, b: u8) -> u8 {
    ((u16::from(a) + u16::from(b) + 1) >> 1) as u8
}

/// The mean of three samples, the middle one twice.
#[expect(clippy::cast_possible_truncation, reason = "a mean of bytes")]
fn smooth(a: u8, b: u8, c: u8) -> u8 {
    ((u16::from(a) + 2 * u16::from(b) + u16::from(c) + 2) >> 2) as u8
}

fn sum(samples: &[u8]) -> u32 {
    samples.iter().map(|&sample| u32::from(sample)).sum()
}
