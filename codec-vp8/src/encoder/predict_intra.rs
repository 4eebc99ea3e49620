//! Intra prediction of the current macroblock: whole-block and 4x4 modes. RFC 6386, section 12.

use codec_simd::{Block16, BlockUv, Edges, Edges4, IntraMode, Kernels, SubblockMode, Window};

use super::predict_inter::MbPixels;
use super::row_context::AbovePixels;
use crate::rows::MbRow;

/// Unfiltered pixels to the left of a macroblock.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeftPixels {
    pub(super) luma: [u8; 16],
    pub(super) u: [u8; 8],
    pub(super) v: [u8; 8],
}

impl Default for LeftPixels {
    /// Returns the values left of the frame.
    fn default() -> Self {
        Self { luma: [129; 16], u: [129; 8], v: [129; 8] }
    }
}

impl LeftPixels {
    /// Returns the pixels to the left of the macroblock at column `col` of `planes`, which are
    /// coded but not filtered yet.
    pub(super) fn of(planes: &MbRow<'_>, col: usize) -> Self {
        if col == 0 {
            return Self::default();
        }
        let (luma, chroma) = (16 * col - 1, 8 * col - 1);
        let (u, v) = (planes.u.column(chroma), planes.v.column(chroma));
        Self { luma: planes.y.column(luma), u, v }
    }
}

/// Returns the bottom lines of `pixels`.
#[inline]
pub(super) fn bottom_of(pixels: &MbPixels) -> AbovePixels {
    let (u, v) = pixels.chroma.0[7].split_at(8);
    let half = |line: &[u8]| line.first_chunk().copied().unwrap_or_default();
    AbovePixels { luma: pixels.luma.0[15], u: half(u), v: half(v) }
}

/// Corner pixels above and to the left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corner {
    pub(super) luma: u8,
    pub(super) u: u8,
    pub(super) v: u8,
}

impl Corner {
    /// Returns the last pixels of the line of the macroblock above and to the left.
    pub(super) fn of(above_left: &AbovePixels) -> Self {
        Self { luma: above_left.luma[15], u: above_left.u[7], v: above_left.v[7] }
    }
}

/// Edge pixels for the intra prediction of a macroblock.
#[derive(Clone, Copy, Debug)]
pub(super) struct IntraEdges {
    pub(super) luma: Edges<16>,
    pub(super) u: Edges<8>,
    pub(super) v: Edges<8>,
    /// The four pixels above and to the right of the macroblock.
    pub(super) above_right: [u8; 4],
}

impl IntraEdges {
    /// Builds the edges from the neighbours of the macroblock at (`col`, `row`).
    pub(super) fn new(
        (col, row): (usize, usize),
        above: &AbovePixels,
        left: &LeftPixels,
        corner: Corner,
        above_right: [u8; 4],
    ) -> Self {
        let (has_above, has_left) = (row > 0, col > 0);
        let chroma = |above: [u8; 8], left: [u8; 8], top_left: u8| Edges {
            above,
            left,
            top_left,
            has_above,
            has_left,
        };
        Self {
            luma: Edges {
                above: above.luma,
                left: left.luma,
                top_left: corner.luma,
                has_above,
                has_left,
            },
            u: chroma(above.u, left.u, corner.u),
            v: chroma(above.v, left.v, corner.v),
            above_right,
        }
    }

    /// Predicts luma.
    pub(super) fn predict_luma(&self, kernels: &Kernels, mode: IntraMode, out: &mut Block16) {
        kernels.intra_16x16(mode, &self.luma, out.window_mut());
    }

    /// Predicts both chroma blocks.
    pub(super) fn predict_chroma(&self, kernels: &Kernels, mode: IntraMode, out: &mut BlockUv) {
        kernels.intra_8x8(mode, &self.u, out.plane_mut(0));
        kernels.intra_8x8(mode, &self.v, out.plane_mut(1));
    }

    /// Returns the edges of sub-block `n`; the sub-blocks before it are reconstructed in `done`.
    #[inline]
    pub(super) fn of_subblock(&self, n: usize, done: &Block16) -> Edges4 {
        let (bx, by) = (n % 4, n / 4);
        let (x, y) = (4 * bx, 4 * by);
        let line = if by == 0 { &self.luma.above } else { &done.0[y - 1] };
        let mut above = [0; 8];
        above[..4].copy_from_slice(&line[x..x + 4]);
        if bx == 3 {
            // All sub-block rows use the pixels above and to the right of the macroblock.
            above[4..].copy_from_slice(&self.above_right);
        } else {
            above[4..].copy_from_slice(&line[x + 4..x + 8]);
        }
        let left =
            std::array::from_fn(
                |i| {
                    if bx == 0 { self.luma.left[y + i] } else { done.0[y + i][x - 1] }
                },
            );
        let top_left = match (bx, by) {
            (0, 0) => self.luma.top_left,
            (0, _) => self.luma.left[y - 1],
            (_, 0) => self.luma.above[x - 1],
            _ => done.0[y - 1][x - 1],
        };
        Edges4 { above, left, top_left }
    }
}

/// Number of 4x4 intra modes.
const MODES: usize = SubblockMode::ALL.len();

/// Predictions of a sub-block with all modes, and the best of those that were tried in order.
pub(super) struct RankedPredictions {
    /// By mode.
    pixels: [[[u8; 4]; 4]; MODES],
    sses: [u32; MODES],
    /// Costs of the best modes, ascending.
    ranks: [(u32, SubblockMode); MODES],
    len: usize,
}

impl RankedPredictions {
    /// Predicts a sub-block with all `modes`, and ranks the `count` modes of the lowest squared error
    /// plus mode cost, both in the unit of `cost(mode)`.
    #[inline]
    pub(super) fn new(
        kernels: &Kernels,
        cur: Window<'_, 4, 4>,
        edges: &Edges4,
        modes: &[SubblockMode],
        count: usize,
        cost: impl Fn(SubblockMode) -> u32,
    ) -> Self {
        let mut ranked = Self {
            pixels: [[[0; 4]; 4]; MODES],
            sses: [0; MODES],
            ranks: [(u32::MAX, SubblockMode::Dc); MODES],
            len: 0,
        };
        ranked.sses = kernels.intra_4x4_all(cur, edges, &mut ranked.pixels);
        for &mode in modes {
            ranked.add(ranked.sse(mode).saturating_add(cost(mode)), mode, count);
        }
        ranked
    }

    /// Inserts `mode` if it is among the best `count`. Of equal costs the earlier one comes first.
    #[inline]
    fn add(&mut self, cost: u32, mode: SubblockMode, count: usize) {
        let count = count.clamp(1, MODES);
        if self.len < count {
            self.len += 1;
        } else if cost >= self.ranks[self.len - 1].0 {
            return;
        }
        let mut at = self.len - 1;
        while at > 0 && cost < self.ranks[at - 1].0 {
            self.ranks[at] = self.ranks[at - 1];
            at -= 1;
        }
        self.ranks[at] = (cost, mode);
    }

    /// Returns the best mode.
    pub(super) fn first(&self) -> SubblockMode {
        self.ranks[0].1
    }

    /// Returns the ranked modes after the best one.
    pub(super) fn others(&self) -> impl Iterator<Item = SubblockMode> {
        self.ranks[..self.len].iter().skip(1).map(|&(_, mode)| mode)
    }

    /// Returns the prediction of a mode.
    pub(super) fn pixels(&self, mode: SubblockMode) -> &[[u8; 4]; 4] {
        &self.pixels[mode as usize]
    }

    /// Returns the squared error of the prediction of a mode.
    pub(super) fn sse(&self, mode: SubblockMode) -> u32 {
        self.sses[mode as usize]
    }
}
