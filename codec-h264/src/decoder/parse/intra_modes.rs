//! Checks that the neighbouring samples that intra modes need are available. ITU-T H.264, clauses
//! 8.3.1.2, 8.3.2.2, 8.3.3 and 8.3.4.

use crate::macroblock::{BLOCKS, IntraEdges, Mb, Prediction};

/// Samples beside a block that are available.
#[derive(Clone, Copy)]
struct Available {
    left: bool,
    top: bool,
    corner: bool,
}

impl Available {
    fn all(self) -> bool {
        self.left && self.top && self.corner
    }

    /// Returns whether a 4x4 or 8x8 block may have `mode`.
    fn allows_small(self, mode: u8) -> bool {
        match mode {
            0 | 3 | 7 => self.top,
            1 | 8 => self.left,
            4..=6 => self.all(),
            _ => true,
        }
    }
}

/// Returns whether all samples that the modes of an intra macroblock need are available. In valid
/// streams they are.
pub(super) fn are_available(mb: &Mb) -> bool {
    let IntraEdges { left, top, top_left, .. } = mb.edges;
    let whole = Available { left: left == [true; 2], top, corner: top_left };
    if whole.all() {
        return true;
    }
    let small = |x: usize, y: usize| Available {
        left: x > 0 || left[y / 2],
        top: y > 0 || top,
        corner: match (x, y) {
            (0, 0) => top_left,
            (0, y) => left[(y - 1) / 2],
            (_, 0) => top,
            _ => true,
        },
    };
    let is_luma_available = match &mb.prediction {
        Prediction::Intra4x4(modes) => {
            BLOCKS.into_iter().zip(modes).all(|((x, y), mode)| small(x, y).allows_small(*mode))
        }
        Prediction::Intra8x8(modes) => {
            (0..4).zip(modes).all(|(n, mode)| small(n % 2 * 2, n / 2 * 2).allows_small(*mode))
        }
        Prediction::Intra16x16(mode) => match mode {
            0 => whole.top,
            1 => whole.left,
            3 => whole.all(),
            _ => true,
        },
        Prediction::Pcm | Prediction::Inter(_) => true,
    };
    is_luma_available
        && match mb.chroma_mode {
            1 => whole.left,
            2 => whole.top,
            3 => whole.all(),
            _ => true,
        }
}
