//! Wavefront of block rows: a row follows the row above at a distance of two blocks or more.

use super::Progress;

/// Rows of blocks that are coded in parallel, each of which predicts from the block above right.
#[derive(Clone, Copy, Debug)]
pub struct Wavefront<'a> {
    rows: &'a [Progress],
    cols: usize,
    threads: usize,
}

impl<'a> Wavefront<'a> {
    /// A wavefront over `rows`, each with `cols` blocks, which `threads` threads code (see
    /// [`super::Pool::threads`]).
    #[must_use]
    pub fn new(rows: &'a [Progress], cols: usize, threads: usize) -> Self {
        Self { rows, cols, threads: threads.max(1) }
    }

    /// Waits until the block above right of column `col` of row `row` is coded. `seen` caches the
    /// known progress of the row above; it is 0 at the start of a row.
    ///
    /// # Panics
    /// If the wavefront is poisoned.
    #[inline]
    pub fn wait_for_above(&self, row: usize, col: usize, seen: &mut usize) {
        let needed = (col + 2).min(self.cols);
        if *seen >= needed {
            return;
        }
        let Some(above) = row.checked_sub(1).map(|above| &self.rows[above]) else { return };
        *seen = above.done() as usize;
        if *seen < needed {
            // Waking a thread takes as long as several blocks. At this distance rows rarely
            // wait: a thread that ends a row finds the row above its next row complete.
            let apart = (self.cols / self.threads).max(8);
            let wanted = (needed + apart).min(self.cols);
            above.wait_for(u32::try_from(wanted).unwrap_or(u32::MAX));
            *seen = wanted;
        }
    }

    /// Publishes that row `row` has coded `done` blocks.
    #[inline]
    pub fn advance(&self, row: usize, done: usize) {
        // Each publication takes a transfer between cores, or at least the time of an atomic write. With
        // one thread, no row waits for parts of another row.
        const STEP: usize = 4;
        if done < self.cols && (self.threads == 1 || !done.is_multiple_of(STEP)) {
            return;
        }
        self.rows[row].advance(u32::try_from(done).unwrap_or(u32::MAX));
    }

    /// Publishes that row `row` is complete, or that nothing more of it will be coded.
    pub fn end(&self, row: usize) {
        self.advance(row, self.cols);
    }

    /// Whether row `row` is complete.
    #[must_use]
    pub fn is_complete(&self, row: usize) -> bool {
        self.rows[row].done() as usize >= self.cols
    }

    /// Marks all rows as failed: threads that wait unwind.
    pub fn poison(&self) {
        self.rows.iter().for_each(Progress::poison);
    }
}

// WebAssembly has no threads.
#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use crate::parallel::{RowPool, in_order};
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn each_row_sees_what_the_row_above_has_written() {
        const ROWS: usize = 20;
        for (threads, cols) in [(1, 300), (2, 300), (4, 300), (4, 3), (4, 1)] {
            let pool = RowPool::new(threads).unwrap();
            let progress: Vec<Progress> = (0..ROWS).map(|_| Progress::default()).collect();
            let wave = Wavefront::new(&progress, cols, pool.threads());
            let cells: Vec<Vec<AtomicU32>> =
                (0..ROWS).map(|_| (0..cols).map(|_| AtomicU32::new(0)).collect()).collect();
            in_order(&pool, ROWS, &|| wave.poison(), &|row| {
                let mut seen = 0;
                for col in 0..cols {
                    wave.wait_for_above(row, col, &mut seen);
                    let ahead = (col + 1).min(cols - 1);
                    let above = row
                        .checked_sub(1)
                        .map_or(0, |above| cells[above][ahead].load(Ordering::Relaxed));
                    cells[row][col].store(above + 1, Ordering::Relaxed);
                    wave.advance(row, col + 1);
                }
                assert!(wave.is_complete(row));
            });
            assert_eq!(cells[ROWS - 1][0].load(Ordering::Relaxed), 20);
        }
    }

    #[test]
    fn a_row_that_ends_early_releases_the_rows_below() {
        let pool = RowPool::new(3).unwrap();
        let progress: Vec<Progress> = (0..9).map(|_| Progress::default()).collect();
        let wave = Wavefront::new(&progress, 50, pool.threads());
        in_order(&pool, 9, &|| wave.poison(), &|row| {
            let mut seen = 0;
            for col in 0..50 {
                wave.wait_for_above(row, col, &mut seen);
                if row >= 4 && col == 20 {
                    return wave.end(row);
                }
                wave.advance(row, col + 1);
            }
        });
        assert!((0..9).all(|row| wave.is_complete(row)));
    }
}
