//! `Intra_16x16` and chroma prediction. ITU-T H.264, clauses 8.3.3 and 8.3.4.

use codec_simd::WindowMut;

use super::sum;

/// Samples around a block of `N` x `N`. Missing ones are 128, which valid streams use only in DC
/// mode.
#[derive(Clone, Copy, Debug)]
pub struct Edges<const N: usize> {
    /// Samples on the left, from top to bottom.
    pub left: [u8; N],
    /// Above.
    pub top: [u8; N],
    /// Above left.
    pub corner: u8,
    /// Whether the samples left of the upper and of the lower half exist.
    pub has_left: [bool; 2],
    /// Whether the samples above exist.
    pub has_top: bool,
}

/// Predicts luma in one of the modes: vertical, horizontal, DC, plane.
pub fn predict_16x16(mode: u8, edges: &Edges<16>, mut dst: WindowMut<'_, 16, 16>) {
    match mode {
        0 => vertical(edges, &mut dst),
        1 => horizontal(edges, &mut dst),
        2 => {
            let left = (edges.has_left == [true; 2]).then_some(&edges.left[..]);
            let top = edges.has_top.then_some(&edges.top[..]);
            let mean = dc(left, top);
            (0..16).for_each(|y| *dst.row_mut(y) = [mean; 16]);
        }
        _ => plane(edges, 5, 6, &mut dst),
    }
}

/// Predicts a chroma plane in one of the modes: DC, horizontal, vertical, plane.
pub fn predict_chroma(mode: u8, edges: &Edges<8>, mut dst: WindowMut<'_, 8, 8>) {
    match mode {
        0 => chroma_dc(edges, &mut dst),
        1 => horizontal(edges, &mut dst),
        2 => vertical(edges, &mut dst),
        _ => plane(edges, 34, 6, &mut dst),
    }
}

fn vertical<const N: usize>(edges: &Edges<N>, dst: &mut WindowMut<'_, N, N>) {
    (0..N).for_each(|y| *dst.row_mut(y) = edges.top);
}

fn horizontal<const N: usize>(edges: &Edges<N>, dst: &mut WindowMut<'_, N, N>) {
    (0..N).for_each(|y| *dst.row_mut(y) = [edges.left[y]; N]);
}

/// The mean of the samples that exist, or 128. Both slices are equally long powers of two.
#[expect(clippy::cast_possible_truncation, reason = "a mean of bytes")]
fn dc(left: Option<&[u8]>, top: Option<&[u8]>) -> u8 {
    let rounded = |total: u32, count: usize| (total + (count as u32 >> 1)) / count as u32;
    (match (left, top) {
        (Some(left), Some(top)) => rounded(sum(left) + sum(top), left.len() + top.len()),
        (Some(samples), None) | (None, Some(samples)) => rounded(sum(samples), samples.len()),
        (None, None) => 128,
    }) as u8
}

/// DC of each 4x4 block: the diagonal ones use both sides, the others prefer the nearer one.
fn chroma_dc(edges: &Edges<8>, dst: &mut WindowMut<'_, 8, 8>) {
    for y in 0..2 {
        let left = edges.has_left[y].then_some(&edges.left[4 * y..4 * y + 4]);
        let means = [0, 1].map(|x| {
            let top = edges.has_top.then_some(&edges.top[4 * x..4 * x + 4]);
            match (x, y) {
                (1, 0) if top.is_some() => dc(None, top),
                (0, 1) if left.is_some() => dc(left, None),
                _ => dc(left, top),
            }
        });
        for row in 4 * y..4 * y + 4 {
            dst.row_mut(row)[..4].fill(means[0]);
            dst.row_mut(row)[4..].fill(means[1]);
        }
    }
}

/// A plane through the samples; `factor` and `shift` scale its slopes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "positions are below 16, samples are clamped"
)]
fn plane<const N: usize>(edges: &Edges<N>, factor: i32, shift: u32, dst: &mut WindowMut<'_, N, N>) {
    let half = N / 2;
    let slope = |line: &[u8; N]| {
        let total: i32 = (0..half)
            .map(|n| {
                let before = if n + 1 == half { edges.corner } else { line[half - 2 - n] };
                (n as i32 + 1) * (i32::from(line[half + n]) - i32::from(before))
            })
            .sum();
        (factor * total + (1 << shift >> 1)) >> shift
    };
    let (across, down) = (slope(&edges.top), slope(&edges.left));
    let centre = 16 * (i32::from(edges.left[N - 1]) + i32::from(edges.top[N - 1]));
    let middle = half as i32 - 1;
    for y in 0..N {
        let start = centre + 16 + down * (y as i32 - middle) - across * middle;
        *dst.row_mut(y) =
            std::array::from_fn(|x| ((start + across * x as i32) >> 5).clamp(0, 255) as u8);
    }
}
