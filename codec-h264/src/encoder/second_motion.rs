//! The list 1 motion of the macroblock of a B slice that is being coded.

use super::row_context::SecondSide;
use crate::decoder::motion_cache::{ListCache, UNUSED};
use crate::picture::Mv;

/// Motion of list 1.
#[derive(Clone, Debug)]
pub(super) struct SecondMotion {
    /// Motion of the neighbours, and of the macroblock while it is decided.
    pub cache: ListCache,
    pub left: Option<SecondSide>,
    /// Reference indices of the 8x8 blocks; -1 if unused.
    pub refs: [i8; 4],
    /// Vectors of the 4x4 blocks in raster order; zero if the list is not used.
    pub mvs: [Mv; 16],
    /// Quarters in direct mode, in both lists.
    pub direct: u8,
}

impl Default for SecondMotion {
    fn default() -> Self {
        let (refs, mvs) = ([UNUSED; 4], [Mv::ZERO; 16]);
        Self { cache: ListCache::EMPTY, left: None, refs, mvs, direct: 0 }
    }
}
