//! Intra prediction.
//!
//! Each directional mode filters the samples next to the block into one sequence and copies from
//! it: each row of the prediction is a part of the sequence, and the next row starts at another
//! offset. The steep modes (D63, D117) have two sequences, one for even rows and one for odd rows.

use super::Sample;
use crate::vp9::{Vp9IntraEdges, Vp9IntraMode, Vp9TxSize};

/// Longest sequence: the left column, the corner and the row above, or twice the left column and a
/// block's width.
const SEQUENCE: usize = 96;

fn mean2<S: Sample>(a: S, b: S) -> S {
    S::from_value((a.into() + b.into() + 1) >> 1)
}

fn mean3<S: Sample>(a: S, b: S, c: S) -> S {
    S::from_value((a.into() + 2 * b.into() + c.into() + 2) >> 2)
}

/// Predicts `n` x `n` samples.
pub(crate) fn predict<S: Sample>(
    mode: Vp9IntraMode,
    size: Vp9TxSize,
    edges: &Vp9IntraEdges<S>,
    depth: u8,
    dst: &mut [S],
    stride: usize,
) {
    match size {
        Vp9TxSize::Tx4 => predict_size::<S, 4>(mode, edges, depth, dst, stride),
        Vp9TxSize::Tx8 => predict_size::<S, 8>(mode, edges, depth, dst, stride),
        Vp9TxSize::Tx16 => predict_size::<S, 16>(mode, edges, depth, dst, stride),
        Vp9TxSize::Tx32 => predict_size::<S, 32>(mode, edges, depth, dst, stride),
    }
}

fn predict_size<S: Sample, const N: usize>(
    mode: Vp9IntraMode,
    edges: &Vp9IntraEdges<S>,
    depth: u8,
    dst: &mut [S],
    stride: usize,
) {
    let rows = dst.chunks_mut(stride).take(N).map(|row| {
        #[expect(clippy::expect_used, reason = "the contract of the kernel")]
        row.first_chunk_mut::<N>().expect("the block exceeds the plane")
    });
    let (above, left) = (&edges.above, &edges.left);
    match mode {
        Vp9IntraMode::Dc => {
            let dc = dc::<S, N>(edges, depth);
            rows.for_each(|row| row.fill(dc));
        }
        Vp9IntraMode::V => rows.for_each(|row| row.copy_from_slice(&above[..N])),
        Vp9IntraMode::H => rows.zip(left).for_each(|(row, &left)| row.fill(left)),
        Vp9IntraMode::Tm => {
            for (row, &left) in rows.zip(left) {
                let offset = left.into() - edges.corner.into();
                for (to, &above) in row.iter_mut().zip(above) {
                    *to = S::clipped(above.into() + offset, depth);
                }
            }
        }
        Vp9IntraMode::D45 => {
            let sequence = down_left::<S, N>(above);
            rows.enumerate().for_each(|(r, row)| row.copy_from_slice(&sequence[r..r + N]));
        }
        Vp9IntraMode::D63 => {
            let sequences = down_left_steep::<S, N>(above);
            for (r, row) in rows.enumerate() {
                row.copy_from_slice(&sequences[r % 2][r / 2..r / 2 + N]);
            }
        }
        Vp9IntraMode::D135 => {
            let sequence = down_right::<S, N>(edges);
            for (r, row) in rows.enumerate() {
                row.copy_from_slice(&sequence[N - 1 - r..2 * N - 1 - r]);
            }
        }
        Vp9IntraMode::D117 => {
            let sequences = down_right_steep::<S, N>(edges);
            for (r, row) in rows.enumerate() {
                let at = N / 2 - 1 - r / 2;
                row.copy_from_slice(&sequences[r % 2][at..at + N]);
            }
        }
        Vp9IntraMode::D153 => {
            let sequence = down_right_flat::<S, N>(edges);
            for (r, row) in rows.enumerate() {
                let at = 2 * (N - 1 - r);
                row.copy_from_slice(&sequence[at..at + N]);
            }
        }
        Vp9IntraMode::D207 => {
            let sequence = up_right_flat::<S, N>(left);
            rows.enumerate().for_each(|(r, row)| row.copy_from_slice(&sequence[2 * r..2 * r + N]));
        }
    }
}

fn dc<S: Sample, const N: usize>(edges: &Vp9IntraEdges<S>, depth: u8) -> S {
    let sum = |samples: &[S]| samples[..N].iter().map(|&sample| sample.into()).sum::<i32>();
    let count = i32::try_from(N).unwrap_or(1);
    S::from_value(match (edges.has_above, edges.has_left) {
        (true, true) => (sum(&edges.above) + sum(&edges.left) + count) / (2 * count),
        (true, false) => (sum(&edges.above) + count / 2) / count,
        (false, true) => (sum(&edges.left) + count / 2) / count,
        (false, false) => 128 << (depth - 8),
    })
}

/// D45. The last sample of a 4x4 block is not filtered; larger blocks end with the last sample above
/// the block.
fn down_left<S: Sample, const N: usize>(above: &[S; 64]) -> [S; SEQUENCE] {
    let last = if N == 4 { above[7] } else { above[N - 1] };
    let filtered = if N == 4 { 6 } else { N - 1 };
    let mut sequence = [last; SEQUENCE];
    for (at, to) in sequence[..filtered].iter_mut().enumerate() {
        *to = mean3(above[at], above[at + 1], above[at + 2]);
    }
    sequence
}

/// D63: even rows, odd rows. Blocks larger than 4x4 end as blocks of D45 do.
fn down_left_steep<S: Sample, const N: usize>(above: &[S; 64]) -> [[S; SEQUENCE]; 2] {
    let filtered = if N == 4 { 6 } else { N - 1 };
    let mut sequences = [[above[N - 1]; SEQUENCE]; 2];
    for at in 0..filtered {
        sequences[0][at] = mean2(above[at], above[at + 1]);
        sequences[1][at] = mean3(above[at], above[at + 1], above[at + 2]);
    }
    sequences
}

/// The samples from the bottom of the left column over the corner, at `N`, to the right end of the
/// row above.
fn around<S: Sample, const N: usize>(edges: &Vp9IntraEdges<S>) -> [S; SEQUENCE] {
    let mut samples = [edges.corner; SEQUENCE];
    for (to, from) in samples[..N].iter_mut().zip(edges.left[..N].iter().rev()) {
        *to = *from;
    }
    samples[N + 1..2 * N + 1].copy_from_slice(&edges.above[..N]);
    samples
}

/// D135.
fn down_right<S: Sample, const N: usize>(edges: &Vp9IntraEdges<S>) -> [S; SEQUENCE] {
    let samples = around::<S, N>(edges);
    let mut sequence = samples;
    for (at, to) in sequence[..2 * N - 1].iter_mut().enumerate() {
        *to = mean3(samples[at], samples[at + 1], samples[at + 2]);
    }
    sequence
}

/// D117: even rows, odd rows. Their first `N / 2 - 1` samples continue the left column.
fn down_right_steep<S: Sample, const N: usize>(edges: &Vp9IntraEdges<S>) -> [[S; SEQUENCE]; 2] {
    let samples = around::<S, N>(edges);
    let mut sequences = [samples; 2];
    let first = N / 2 - 1;
    for at in 0..N {
        // Pairs and triples that end with the sample above column `at`.
        let [a, b, c] = [samples[N + at - 1], samples[N + at], samples[N + at + 1]];
        sequences[0][first + at] = mean2(b, c);
        sequences[1][first + at] = mean3(a, b, c);
    }
    for row in 1..=first {
        // Triples that end `2 * row` samples below the corner, and one sample further.
        let at = N - 2 * row;
        sequences[0][first - row] = mean3(samples[at], samples[at + 1], samples[at + 2]);
        sequences[1][first - row] = mean3(samples[at - 1], samples[at], samples[at + 1]);
    }
    sequences
}

/// D153.
fn down_right_flat<S: Sample, const N: usize>(edges: &Vp9IntraEdges<S>) -> [S; SEQUENCE] {
    let samples = around::<S, N>(edges);
    let mut sequence = samples;
    for at in 0..N {
        // Samples `at` to `at + 2` from the bottom left.
        sequence[2 * at] = mean2(samples[at], samples[at + 1]);
        sequence[2 * at + 1] = mean3(samples[at], samples[at + 1], samples[at + 2]);
    }
    for at in 0..N - 2 {
        let above = N + at;
        sequence[2 * N + at] = mean3(samples[above], samples[above + 1], samples[above + 2]);
    }
    sequence
}

/// D207.
fn up_right_flat<S: Sample, const N: usize>(left: &[S; 32]) -> [S; SEQUENCE] {
    let sample = |at: usize| left[at.min(N - 1)];
    let mut sequence = [left[N - 1]; SEQUENCE];
    for at in 0..N {
        sequence[2 * at] = mean2(sample(at), sample(at + 1));
        sequence[2 * at + 1] = mean3(sample(at), sample(at + 1), sample(at + 2));
    }
    sequence
}

pub(crate) fn vp9_predict_intra(
    mode: Vp9IntraMode,
    size: Vp9TxSize,
    edges: &Vp9IntraEdges<u8>,
    dst: &mut [u8],
    stride: usize,
) {
    predict(mode, size, edges, 8, dst, stride);
}
