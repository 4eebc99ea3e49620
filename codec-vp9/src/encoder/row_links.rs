//! The state that a row of superblocks passes to the row below while both are coded.
//!
//! There is one cell per superblock. A row reads a cell only after the row above has written it, so
//! no thread waits for the lock of a cell. Memory for two rows of cells suffices: a superblock
//! overwrites the cell of the superblock two rows above only after the superblock directly above
//! has read that cell.

use std::sync::{Mutex, MutexGuard, PoisonError};

use codec_core::motion::QuarterPel;

use crate::block::contexts::AboveContexts;
use crate::block::mode_map::{BlockInfo, ROWS_ABOVE};

/// State of a superblock that the one below needs.
#[derive(Clone, Debug)]
pub(super) struct Below {
    /// The last row of samples of each plane, before the loop filter.
    pub(super) samples: [[u8; 64]; 3],
    /// The blocks of the last rows of 8 pixels.
    pub(super) modes: [[BlockInfo; 8]; ROWS_ABOVE],
    pub(super) contexts: AboveContexts,
    /// Vectors of the last row of macroblocks.
    pub(super) vectors: [QuarterPel; 4],
}

impl Default for Below {
    fn default() -> Self {
        Self {
            samples: [[0; 64]; 3],
            modes: Default::default(),
            contexts: AboveContexts::default(),
            vectors: Default::default(),
        }
    }
}

/// The cells of a frame.
#[derive(Debug, Default)]
pub(super) struct RowLinks {
    rows: [Vec<Mutex<Below>>; 2],
}

impl RowLinks {
    /// Sets the number of columns of superblocks.
    pub(super) fn resize(&mut self, cols: usize) {
        self.rows.iter_mut().for_each(|row| row.resize_with(cols, Mutex::default));
    }

    /// The cell of a superblock.
    pub(super) fn cell(&self, row: usize, col: usize) -> MutexGuard<'_, Below> {
        self.rows[row % 2][col].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
