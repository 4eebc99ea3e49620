//! `Intra_4x4` and `Intra_8x8` prediction. ITU-T H.264, clauses 8.3.1.2 and 8.3.2.2.

use std::array::from_fn;

use codec_simd::WindowMut;

use super::{mean, smooth, sum};

/// Samples around a block of `N` x `N`. Missing ones are 128, which valid streams do not use.
#[derive(Clone, Copy, Debug)]
pub struct SmallEdges<const N: usize> {
    /// Samples on the left, from top to bottom.
    pub left: [u8; N],
    /// Above left.
    pub corner: u8,
    /// Above.
    pub top: [u8; N],
    /// Above right; the last sample above is repeated where they are missing.
    pub top_right: [u8; N],
    /// Whether the samples on the left exist.
    pub has_left: bool,
    /// Whether the samples above exist.
    pub has_top: bool,
    /// Whether the sample above left exists.
    pub has_corner: bool,
}

/// Samples from the bottom left over the corner to the top right, at most 8 + 1 + 16; the first and
/// the last one are repeated. The last entries are not used.
type Line = [u8; LINE];

const LINE: usize = 32;

impl<const N: usize> SmallEdges<N> {
    /// Returns the line of samples: the corner is at `N + 1`.
    #[inline]
    fn line(&self) -> Line {
        let mut line = [0; LINE];
        for n in 0..N {
            line[N - n] = self.left[n];
            line[N + 2 + n] = self.top[n];
            line[2 * N + 2 + n] = self.top_right[n];
        }
        line[N + 1] = self.corner;
        line[0] = line[1];
        line[3 * N + 2] = line[3 * N + 1];
        line
    }
}

/// The means of a sample and the next; at `n` the mean of the samples `n` and `n + 1` without the
/// repeated first one.
#[inline]
fn means(line: &Line) -> Line {
    let mut means = [0; LINE];
    for n in 0..LINE - 2 {
        means[n] = mean(line[n + 1], line[n + 2]);
    }
    means
}

/// The weighted means of three samples; at `n` that around the sample `n` without the repeated first
/// one.
#[inline]
fn smoothed(line: &Line) -> Line {
    let mut smoothed = [0; LINE];
    for n in 0..LINE - 2 {
        smoothed[n] = smooth(line[n], line[n + 1], line[n + 2]);
    }
    smoothed
}

/// Returns `N` samples of a line from `at` on.
#[inline]
fn part<const N: usize>(line: &[u8], at: usize) -> [u8; N] {
    line.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

/// Returns the samples of two lines in turn.
#[inline]
fn interleaved(a: &[u8], b: &[u8]) -> [u8; 2 * LINE] {
    let mut out = [0; 2 * LINE];
    for (out, (a, b)) in out.as_chunks_mut().0.iter_mut().zip(a.iter().zip(b)) {
        *out = [*a, *b];
    }
    out
}

/// Predicts a block in one of the nine modes.
///
/// Every row of a directional mode is a part of one line of means: rows begin at different samples.
pub fn predict_small<const N: usize>(
    mode: u8,
    edges: &SmallEdges<N>,
    mut dst: WindowMut<'_, N, N>,
) {
    let rows = match mode {
        0 => [edges.top; N],
        1 => edges.left.map(|sample| [sample; N]),
        2 => [[dc(edges); N]; N],
        _ => Lines::new(edges).directional(mode),
    };
    for (y, row) in rows.into_iter().enumerate() {
        *dst.row_mut(y) = row;
    }
}

/// Predicts a block in several modes: see [`predict_small`].
#[derive(Clone, Copy, Debug)]
pub struct SmallPredictor<'a, const N: usize> {
    edges: &'a SmallEdges<N>,
    lines: Lines,
}

impl<'a, const N: usize> SmallPredictor<'a, N> {
    /// Prepares for the block with the given edges.
    #[must_use]
    pub fn new(edges: &'a SmallEdges<N>) -> Self {
        Self { edges, lines: Lines::new(edges) }
    }

    /// Returns the prediction in a mode.
    #[inline]
    #[must_use]
    pub fn predict(&self, mode: u8) -> [[u8; N]; N] {
        match mode {
            0 => [self.edges.top; N],
            1 => self.edges.left.map(|sample| [sample; N]),
            2 => [[dc(self.edges); N]; N],
            _ => self.lines.directional(mode),
        }
    }
}

/// The samples around a block with their means.
#[derive(Clone, Copy, Debug)]
struct Lines {
    line: Line,
    /// Means of two samples.
    two: Line,
    /// Weighted means of three samples.
    three: Line,
}

impl Lines {
    #[inline]
    fn new<const N: usize>(edges: &SmallEdges<N>) -> Self {
        let line = edges.line();
        Self { line, two: means(&line), three: smoothed(&line) }
    }

    /// The modes 3 to 8, along a diagonal.
    fn directional<const N: usize>(&self, mode: u8) -> [[u8; N]; N] {
        let Self { line, two, three } = self;
        match mode {
            3 => from_fn(|y| part(three, N + 2 + y)),
            4 => from_fn(|y| part(three, N - y)),
            5 => {
                // From the third row on, a row is the one two above, shifted by a sample.
                let (mut even, mut odd) = ([0; LINE], [0; LINE]);
                let half = N / 2;
                for n in 1..half {
                    even[half - n] = three[N + 1 - 2 * n];
                    odd[half - n] = three[N - 2 * n];
                }
                even[half..half + N].copy_from_slice(&two[N..2 * N]);
                odd[half..half + N].copy_from_slice(&three[N..2 * N]);
                from_fn(|y| part(if y % 2 == 0 { &even } else { &odd }, half - y / 2))
            }
            6 => {
                let mut both = interleaved(two, &three[1..]);
                both[2 * N..3 * N - 2].copy_from_slice(&three[N + 1..2 * N - 1]);
                from_fn(|y| part(&both, 2 * (N - 1 - y)))
            }
            7 => from_fn(|y| {
                let at = N + 1 + y / 2;
                if y % 2 == 0 { part(two, at) } else { part(three, at + 1) }
            }),
            _ => {
                let (mut means, mut smoothed) = ([line[1]; LINE], [line[1]; LINE]);
                for n in 0..N - 1 {
                    (means[n], smoothed[n]) = (two[N - 2 - n], three[N - 2 - n]);
                }
                let both = interleaved(&means, &smoothed);
                from_fn(|y| part(&both, 2 * y))
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of bytes")]
fn dc<const N: usize>(edges: &SmallEdges<N>) -> u8 {
    let shift = N.trailing_zeros();
    let half = 1 << shift >> 1;
    (match (edges.has_left, edges.has_top) {
        (true, true) => (sum(&edges.left) + sum(&edges.top) + 2 * half) >> (shift + 1),
        (true, false) => (sum(&edges.left) + half) >> shift,
        (false, true) => (sum(&edges.top) + half) >> shift,
        (false, false) => 128,
    }) as u8
}

/// Filters the samples around an 8x8 block. Clause 8.3.2.2.1.
#[must_use]
pub fn filter_8x8(edges: &SmallEdges<8>) -> SmallEdges<8> {
    let mut filtered = *edges;
    let smoothed = smoothed(&edges.line());
    if edges.has_top {
        filtered.top = part(&smoothed, 9);
        filtered.top_right = part(&smoothed, 17);
        if !edges.has_corner {
            filtered.top[0] = smooth(edges.top[0], edges.top[0], edges.top[1]);
        }
    }
    if edges.has_left {
        filtered.left = part(&smoothed, 0);
        filtered.left.reverse();
        if !edges.has_corner {
            filtered.left[0] = smooth(edges.left[0], edges.left[0], edges.left[1]);
        }
    }
    if edges.has_corner {
        let left = if edges.has_left { edges.left[0] } else { edges.corner };
        let top = if edges.has_top { edges.top[0] } else { edges.corner };
        filtered.corner = smooth(left, edges.corner, top);
    }
    filtered
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modes sample by sample, as the standard has them.
    fn expected<const N: usize>(mode: u8, edges: &SmallEdges<N>) -> [[u8; N]; N] {
        // The corner is at `N`, the samples on the left before it, the samples above after it.
        let mut line = [0; 25];
        for n in 0..N {
            line[N - 1 - n] = edges.left[n];
            line[N + 1 + n] = edges.top[n];
            line[2 * N + 1 + n] = edges.top_right[n];
        }
        line[N] = edges.corner;
        let two = |at: usize| mean(line[at], line[at + 1]);
        let three = |at: usize| smooth(line[at - 1], line[at], line[at + 1]);
        let last = 3 * N;
        match mode {
            0 => [edges.top; N],
            1 => edges.left.map(|sample| [sample; N]),
            2 => [[dc(edges); N]; N],
            3 => rows_of(|x, y| {
                if x + y == 2 * N - 2 {
                    smooth(line[last - 1], line[last], line[last])
                } else {
                    three(N + 2 + x + y)
                }
            }),
            4 => rows_of(|x, y| three(N + x - y)),
            5 => rows_of(|x, y| match (2 * x).checked_sub(y) {
                Some(z) if z % 2 == 0 => two(N + x - y / 2),
                Some(_) => three(N + x - y / 2),
                None if 2 * x + 1 == y => three(N),
                None => three(N + 1 + 2 * x - y),
            }),
            6 => rows_of(|x, y| match (2 * y).checked_sub(x) {
                Some(z) if z % 2 == 0 => two(N - 1 + x / 2 - y),
                Some(_) => three(N + x / 2 - y),
                None if 2 * y + 1 == x => three(N),
                None => three(N - 1 + x - 2 * y),
            }),
            7 => rows_of(|x, y| {
                let at = N + 1 + x + y / 2;
                if y % 2 == 0 { two(at) } else { three(at + 1) }
            }),
            _ => rows_of(|x, y| match x + 2 * y {
                z if z > 2 * N - 3 => line[0],
                z if z == 2 * N - 3 => smooth(line[1], line[0], line[0]),
                z if z % 2 == 0 => two(N - 2 - z / 2),
                z => three(N - 2 - z / 2),
            }),
        }
    }

    fn rows_of<const N: usize>(sample: impl Fn(usize, usize) -> u8) -> [[u8; N]; N] {
        from_fn(|y| from_fn(|x| sample(x, y)))
    }

    fn check<const N: usize>(sample: &mut impl FnMut() -> u8) {
        let edges = SmallEdges {
            left: from_fn(|_| sample()),
            corner: sample(),
            top: from_fn(|_| sample()),
            top_right: from_fn(|_| sample()),
            has_left: true,
            has_top: true,
            has_corner: true,
        };
        for mode in 0..9 {
            let mut block = [[0; N]; N];
            predict_small(mode, &edges, WindowMut::packed(&mut block));
            assert_eq!(block, expected(mode, &edges), "mode {mode}, {N}");
            assert_eq!(SmallPredictor::new(&edges).predict(mode), block, "mode {mode}, {N}");
        }
    }

    #[test]
    fn rows_of_directional_modes_equal_the_formulas_of_the_standard() {
        let mut state = 1_u32;
        let mut sample = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        for _ in 0..200 {
            check::<4>(&mut sample);
            check::<8>(&mut sample);
        }
    }
}
