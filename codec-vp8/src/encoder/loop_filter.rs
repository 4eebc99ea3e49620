//! Loop filter level, and filtering of rows as they complete. RFC 6386, section 15.

use std::sync::{Mutex, PoisonError, RwLock};

use codec_simd::{Kernels, Layout};

use super::settings::FrameKnobs;
use super::store::RowStore;
use crate::header::FilterHeader;
use crate::loop_filter::{FilterParams, filter_row};
use crate::rows::MbRow;
use crate::types::QIndex;
use codec_core::frame::extend_sides;

/// Filter deltas by reference: intra, last, golden, altref.
const REFERENCE_DELTAS: [i8; 4] = [2, 0, -2, -2];
/// Filter deltas by mode: 4x4 intra, zero, other vectors, split.
const MODE_DELTAS: [i8; 4] = [4, 0, 2, 4];

/// In screen content, static areas are exact or nearly so and filtering would blur them.
const SCREEN_MODE_DELTAS: [i8; 4] = [0, -63, 0, 0];

/// Returns the filter fields of the frame header for `level`.
pub(super) fn filter_header(level: u8, is_screen: bool, knobs: FrameKnobs) -> FilterHeader {
    FilterHeader {
        is_simple: knobs.profile % 2 == 1,
        level,
        sharpness: knobs.sharpness,
        deltas_enabled: true,
        reference_deltas: if is_screen { [0; 4] } else { REFERENCE_DELTAS },
        mode_deltas: if is_screen { SCREEN_MODE_DELTAS } else { MODE_DELTAS },
    }
}

/// Returns the default level at `qindex`: `pct` percent of the AC quantiser step (25 suits most
/// content), and less for the sharp edges of screen content.
pub(super) fn default_level(qindex: QIndex, is_screen: bool, pct: u8) -> u8 {
    let step = qindex.ac_step();
    let level = if is_screen { step / 10 } else { (step * u16::from(pct.min(100)) + 50) / 100 };
    u8::try_from(level).unwrap_or(63).min(63)
}

/// Returns the level with the lowest error near `start`, searched in steps of 4, 2 and 1;
/// `error_at` returns the error of a level.
pub(super) fn search_level(start: u8, mut error_at: impl FnMut(u8) -> u64) -> u8 {
    let mut known = [None; 64];
    let mut error_at =
        |level: u8| *known[usize::from(level % 64)].get_or_insert_with(|| error_at(level));
    let mut best = start.min(63);
    for step in [4, 2, 1] {
        loop {
            let (less, more) = (best.saturating_sub(step), (best + step).min(63));
            let found = [best, less, more].into_iter().min_by_key(|&level| error_at(level));
            match found {
                Some(found) if found != best => best = found,
                _ => break,
            }
        }
    }
    best
}

/// Filters rows after they are complete, one at a time and in order, on the thread that completes a
/// row.
#[derive(Debug)]
pub(super) struct RowFilter {
    /// Next row to filter.
    next: Mutex<usize>,
}

/// Inputs of the filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct FilterInput<'a, 'p> {
    pub(super) kernels: &'a Kernels,
    pub(super) params: &'a FilterParams,
    pub(super) rows: &'a [Mutex<MbRow<'p>>],
    pub(super) stores: &'a [RwLock<RowStore>],
    pub(super) layouts: [Layout; 3],
}

impl RowFilter {
    pub(super) fn new() -> Self {
        Self { next: Mutex::new(0) }
    }

    /// Filters all complete rows unless another thread is doing so. A row completed in the meantime
    /// is filtered after the next completed row, or by [`Self::finish`].
    pub(super) fn advance(&self, work: &FilterInput<'_, '_>, is_complete: impl Fn(usize) -> bool) {
        let Ok(mut next) = self.next.try_lock() else { return };
        while *next < work.rows.len() && is_complete(*next) {
            work.filter(*next);
            *next += 1;
        }
    }

    /// Filters the remaining rows, all of which must be complete.
    pub(super) fn finish(&self, work: &FilterInput<'_, '_>) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        while *next < work.rows.len() {
            work.filter(*next);
            *next += 1;
        }
        if let Some(last) = work.rows.last() {
            work.extend(&mut last.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl FilterInput<'_, '_> {
    /// Filters row `row`, after which the row above is final.
    fn filter(&self, row: usize) {
        let lock = |n: usize| self.rows[n].lock().unwrap_or_else(PoisonError::into_inner);
        let mut above = row.checked_sub(1).map(lock);
        let mut current = lock(row);
        let store = self.stores[row].read().unwrap_or_else(PoisonError::into_inner);
        let strengths = store.infos.iter().map(|mb| self.params.strength(mb));
        filter_row(self.kernels, self.params, strengths, &mut current, above.as_deref_mut());
        if let Some(above) = &mut above {
            self.extend(above);
        }
    }

    fn extend(&self, row: &mut MbRow<'_>) {
        for (plane, layout) in [&mut row.y, &mut row.u, &mut row.v].into_iter().zip(self.layouts) {
            extend_sides(plane.bytes_mut(), layout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_level_is_found_by_descent_without_repeated_trials() {
        for (start, best) in [(0, 0), (0, 21), (17, 16), (40, 63), (63, 0), (30, 30)] {
            let mut tried = Vec::new();
            let found = search_level(start, |level| {
                tried.push(level);
                u64::from(level.abs_diff(best)).pow(2)
            });
            assert_eq!(found, best);
            let count = tried.len();
            tried.sort_unstable();
            tried.dedup();
            assert_eq!(tried.len(), count);
        }
    }
}
