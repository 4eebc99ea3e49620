//! Edge pixels for intra prediction. RFC 6386, sections 12.2 and 12.3.

use std::sync::atomic::{AtomicU64, Ordering};

use codec_simd::{Edges, Edges4, WindowMut};

use super::super::rows::MbRow;

/// Value of pixels above the frame.
const ABOVE_FRAME: u8 = 127;
/// Value of pixels to the left of the frame.
const LEFT_OF_FRAME: u8 = 129;

/// Bottom line of a macroblock: sixteen luma pixels, eight of U, eight of V.
type Bottom = [u8; 32];

/// Bottom lines of a macroblock row before the loop filter.
///
/// A row may be written while the next one reads the part already written. The writer publishes its
/// progress with [`Progress`](codec_core::parallel::Progress), which also orders accesses to these
/// cells.
#[derive(Debug, Default)]
pub struct UnfilteredLine(Vec<[AtomicU64; 4]>);

impl UnfilteredLine {
    /// Creates a line of `cols` macroblocks.
    #[must_use]
    pub fn new(cols: usize) -> Self {
        Self((0..cols).map(|_| Default::default()).collect())
    }

    /// Saves the bottom lines of all macroblocks of `row`.
    pub fn save_all(&self, row: &MbRow<'_>) {
        let (luma, _) = row.y.line(15).as_chunks::<16>();
        let (u, _) = row.u.line(7).as_chunks::<8>();
        let (v, _) = row.v.line(7).as_chunks::<8>();
        for (cells, ((luma, u), v)) in self.0.iter().zip(luma.iter().zip(u).zip(v)) {
            let ([y0, y1], _) = luma.as_chunks::<8>() else { continue };
            for (cell, bytes) in cells.iter().zip([y0, y1, u, v]) {
                cell.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
            }
        }
    }

    #[inline]
    fn load(&self, x_mb: usize) -> Bottom {
        let mut bottom = [0; 32];
        for (bytes, cell) in bottom.chunks_exact_mut(8).zip(&self.0[x_mb]) {
            bytes.copy_from_slice(&cell.load(Ordering::Relaxed).to_ne_bytes());
        }
        bottom
    }

    /// Saves the bottom lines of macroblock `x_mb` of `row`.
    ///
    /// # Panics
    /// If the macroblock does not exist.
    #[inline]
    pub fn save(&self, x_mb: usize, row: &MbRow<'_>) {
        let words = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
        let [y0, y1, u, v] = &self.0[x_mb];
        y0.store(words(row.y.window::<8, 1>(16 * x_mb, 15).row(0)), Ordering::Relaxed);
        y1.store(words(row.y.window::<8, 1>(16 * x_mb + 8, 15).row(0)), Ordering::Relaxed);
        u.store(words(row.u.window::<8, 1>(8 * x_mb, 7).row(0)), Ordering::Relaxed);
        v.store(words(row.v.window::<8, 1>(8 * x_mb, 7).row(0)), Ordering::Relaxed);
    }
}

/// Unfiltered edge pixels of a macroblock.
#[derive(Clone, Copy, Debug)]
pub struct MbEdges {
    /// Luma.
    pub y: Edges<16>,
    /// U.
    pub u: Edges<8>,
    /// V.
    pub v: Edges<8>,
    /// Luma pixels 16..20 of the line above, used by all sub-blocks in the right column.
    pub above_right: [u8; 4],
}

/// Returns `N` bytes of `bytes` starting at `from`.
#[inline]
fn part<const N: usize>(bytes: &Bottom, from: usize) -> [u8; N] {
    std::array::from_fn(|n| bytes[from + n])
}

impl MbEdges {
    /// Returns the edges of macroblock `x_mb` of `row`, whose macroblocks further left must be
    /// reconstructed but not filtered. `above` is the line above, reconstructed up to macroblock
    /// `x_mb + 1`; `None` in the first row of the frame. `cols` is the number of macroblocks per
    /// row.
    ///
    /// # Panics
    /// If the macroblock does not exist.
    #[inline]
    #[must_use]
    pub fn new(row: &MbRow<'_>, above: Option<&UnfilteredLine>, x_mb: usize, cols: usize) -> Self {
        let (has_above, has_left) = (above.is_some(), x_mb > 0);
        let line = above.map_or([ABOVE_FRAME; 32], |above| above.load(x_mb));
        let corner = match above {
            None => [ABOVE_FRAME; 32],
            Some(above) if has_left => above.load(x_mb - 1),
            Some(_) => [LEFT_OF_FRAME; 32],
        };
        let above_right = match above {
            Some(above) if x_mb + 1 < cols => part(&above.load(x_mb + 1), 0),
            Some(_) => [line[15]; 4],
            None => [ABOVE_FRAME; 4],
        };
        let (left_y, left_u, left_v) = if has_left {
            let (x, half) = (16 * x_mb - 1, 8 * x_mb - 1);
            (row.y.column(x), row.u.column(half), row.v.column(half))
        } else {
            ([LEFT_OF_FRAME; 16], [LEFT_OF_FRAME; 8], [LEFT_OF_FRAME; 8])
        };
        let chroma = |left, from| Edges {
            above: part::<8>(&line, from),
            left,
            top_left: corner[from + 7],
            has_above,
            has_left,
        };
        Self {
            y: Edges {
                above: part::<16>(&line, 0),
                left: left_y,
                top_left: corner[15],
                has_above,
                has_left,
            },
            u: chroma(left_u, 16),
            v: chroma(left_v, 24),
            above_right,
        }
    }
}

/// Returns the edges of sub-block `n` of a macroblock whose earlier sub-blocks are reconstructed in
/// `mb`. Section 12.3.
///
/// # Panics
/// If `n` is above 15.
#[inline]
#[must_use]
pub fn block_edges(mb: &WindowMut<'_, 16, 16>, edges: &MbEdges, n: usize) -> Edges4 {
    let (x, y) = (n % 4 * 4, n / 4 * 4);
    let luma = &edges.y;
    let mut above = [0; 8];
    let line = if y == 0 { &luma.above } else { mb.row(y - 1) };
    if x < 12 {
        above.copy_from_slice(&line[x..x + 8]);
    } else {
        above[..4].copy_from_slice(&line[12..]);
        above[4..].copy_from_slice(&edges.above_right);
    }
    let left = if x == 0 {
        std::array::from_fn(|k| luma.left[y + k])
    } else {
        std::array::from_fn(|k| mb.row(y + k)[x - 1])
    };
    let top_left = match (x, y) {
        (0, 0) => luma.top_left,
        (0, _) => luma.left[y - 1],
        _ => line[x - 1],
    };
    Edges4 { above, left, top_left }
}
