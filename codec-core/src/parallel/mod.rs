//! Parallel execution: the thread pool interface that the caller implements, wavefront
//! synchronisation of block rows, and decoding in stages (parsing, luma, chroma).

mod schedule;
mod stages;
mod wavefront;

use std::fmt::Debug;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

pub use codec_simd::RowPool;

pub use schedule::AHEAD;
pub use stages::{Stages, run_stages};
pub use wavefront::Wavefront;

/// A thread pool that runs the parallel work of encoders and decoders.
pub trait Pool: Send + Sync + Debug {
    /// Returns the number of threads that work at the same time, including the caller; at least 1.
    fn threads(&self) -> usize;

    /// Calls `work(0)` on the calling thread and `work(1)`, `work(2)` ... below `workers` on idle
    /// threads of the pool. Workers for which no thread is idle may never be called. Returns when
    /// all calls that started have returned.
    fn run(&self, workers: usize, work: &(dyn Fn(usize) + Sync));
}

/// Pools are equal if they are the same pool.
impl PartialEq for dyn Pool {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::addr_eq(self, other)
    }
}

impl Pool for RowPool {
    fn threads(&self) -> usize {
        self.threads()
    }

    fn run(&self, workers: usize, work: &(dyn Fn(usize) + Sync)) {
        self.run(workers, work);
    }
}

/// Runs all work on the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Serial;

impl Pool for Serial {
    fn threads(&self) -> usize {
        1
    }

    fn run(&self, _workers: usize, work: &(dyn Fn(usize) + Sync)) {
        work(0);
    }
}

/// Scratch memory of parallel work: as many values as threads that work at the same time. A result must
/// not depend on which work uses which value.
#[derive(Debug, Default)]
pub struct ScratchPool<T>(Mutex<Vec<T>>);

impl<T: Default> ScratchPool<T> {
    /// Takes a value out of the pool, or creates one.
    #[must_use]
    pub fn take(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Returns a value to the pool.
    pub fn give_back(&self, value: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(value);
    }

    /// Returns the values in the pool, in no particular order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).iter_mut()
    }
}

/// A rayon thread pool as a [`Pool`].
#[cfg(feature = "rayon")]
#[derive(Debug)]
pub struct RayonPool(pub rayon::ThreadPool);

#[cfg(feature = "rayon")]
impl Pool for RayonPool {
    fn threads(&self) -> usize {
        self.0.current_num_threads().max(1)
    }

    fn run(&self, workers: usize, work: &(dyn Fn(usize) + Sync)) {
        let workers = workers.min(self.threads());
        self.0.in_place_scope(|scope| {
            for worker in 1..workers {
                scope.spawn(move |_| work(worker));
            }
            work(0);
        });
    }
}

/// Runs `job(0)`, `job(1)` ... `job(count - 1)` on `pool`, each once, started in this order.
///
/// A job may wait for jobs with lower numbers (see [`Progress`]). Those have already started, and
/// the lowest unfinished job waits for no other, so no number of threads can deadlock.
///
/// If a job panics, `poison` must poison every [`Progress`] that jobs wait for; otherwise jobs that
/// wait for the panicked job block forever.
///
/// ```
/// use codec_core::parallel::{Progress, RowPool, in_order};
///
/// let pool = RowPool::new(3)?;
/// let rows: Vec<Progress> = (0..8).map(|_| Progress::default()).collect();
/// in_order(&pool, rows.len(), &|| rows.iter().for_each(Progress::poison), &|row| {
///     for block in 1..=20 {
///         if row > 0 {
///             rows[row - 1].wait_for(block); // what this block predicts from
///         }
///         rows[row].advance(block);
///     }
/// });
/// assert!(rows.iter().all(|row| row.done() == 20));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// If a job panics, on any thread, after all other jobs have ended.
pub fn in_order(
    pool: &dyn Pool,
    count: usize,
    poison: &(dyn Fn() + Sync),
    job: &(dyn Fn(usize) + Sync),
) {
    let next = AtomicUsize::new(0);
    pool.run(pool.threads().min(count), &|_worker| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            let mut guard = PoisonGuard { poison, is_done: false };
            job(index);
            guard.is_done = true;
        }
    });
}

/// Calls `poison` when dropped unless the job has completed.
struct PoisonGuard<'a> {
    poison: &'a (dyn Fn() + Sync),
    is_done: bool,
}

impl Drop for PoisonGuard<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            (self.poison)();
        }
    }
}

/// Progress of a row of blocks; other rows block on it without spinning.
///
/// Aligned to 128 bytes because rows on different cores must not share cache lines, which the
/// prefetcher loads in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Progress {
    done: AtomicU32,
    has_waiter: AtomicBool,
    is_poisoned: AtomicBool,
    parked: Mutex<()>,
    moved: Condvar,
}

impl Progress {
    /// Resets the counter to 0 and clears the poison flag for the next frame.
    #[inline]
    pub fn reset(&mut self) {
        *self.done.get_mut() = 0;
        *self.is_poisoned.get_mut() = false;
    }

    /// Marks the row as failed: a thread that waits for a block that is not done unwinds.
    #[inline]
    pub fn poison(&self) {
        self.is_poisoned.store(true, Ordering::SeqCst);
        let _parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        self.moved.notify_all();
    }

    /// Returns the number of completed blocks.
    #[inline]
    #[must_use]
    pub fn done(&self) -> u32 {
        self.done.load(Ordering::Acquire)
    }

    /// Sets the number of completed blocks; all earlier writes become visible to waiters.
    #[inline]
    pub fn advance(&self, done: u32) {
        // Sequential consistency orders this store before the load, and the waiter's flag before
        // its read of the counter: at least one of the two sees the other's write.
        self.done.store(done, Ordering::SeqCst);
        if self.has_waiter.load(Ordering::SeqCst) {
            let _parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
            self.has_waiter.store(false, Ordering::SeqCst);
            self.moved.notify_all();
        }
    }

    /// Blocks until at least `wanted` blocks are done.
    ///
    /// # Panics
    /// If the row is poisoned before that. The panic prints no message because the thread that
    /// poisoned the row has already printed one.
    #[inline]
    pub fn wait_for(&self, wanted: u32) {
        if self.done() >= wanted {
            return;
        }
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            self.has_waiter.store(true, Ordering::SeqCst);
            if self.done.load(Ordering::SeqCst) >= wanted {
                return;
            }
            if self.is_poisoned.load(Ordering::SeqCst) {
                drop(parked);
                resume_unwind(Box::new("a row that this row waits for panicked"));
            }
            parked = self.moved.wait(parked).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

// WebAssembly has no threads.
#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn wavefront_rows_see_all_writes_of_the_row_above() {
        const ROWS: usize = 20;
        const COLS: u32 = 300;
        for threads in [1, 2, 4] {
            let pool = RowPool::new(threads).unwrap();
            let progress: Vec<Progress> = (0..ROWS).map(|_| Progress::default()).collect();
            let cells: Vec<Vec<AtomicU32>> =
                (0..ROWS).map(|_| (0..COLS).map(|_| AtomicU32::new(0)).collect()).collect();
            in_order(&pool, ROWS, &|| unreachable!(), &|row| {
                for col in 0..COLS {
                    let above = row.checked_sub(1).map_or(0, |above| {
                        let ahead = (col + 1).min(COLS - 1);
                        progress[above].wait_for(ahead + 1);
                        cells[above][ahead as usize].load(Ordering::Relaxed)
                    });
                    cells[row][col as usize].store(above + 1, Ordering::Relaxed);
                    progress[row].advance(col + 1);
                }
            });
            assert_eq!(cells[ROWS - 1][0].load(Ordering::Relaxed), 20);
        }
    }

    #[test]
    fn a_panicking_row_wakes_all_waiting_rows() {
        const ROWS: usize = 12;
        for threads in [1, 2, 4, 8] {
            let pool = RowPool::new(threads).unwrap();
            let mut progress: Vec<Progress> = (0..ROWS).map(|_| Progress::default()).collect();
            for bad_row in [Some(0), Some(5), Some(ROWS - 1), None] {
                progress.iter_mut().for_each(Progress::reset);
                let poison = || progress.iter().for_each(Progress::poison);
                let rows = || {
                    in_order(&pool, ROWS, &poison, &|row| {
                        for col in 0..40 {
                            if let Some(above) = row.checked_sub(1) {
                                progress[above].wait_for((col + 2).min(40));
                            }
                            assert!(bad_row != Some(row) || col < 20, "on purpose");
                            progress[row].advance(col + 1);
                        }
                    });
                };
                let result = catch_unwind(AssertUnwindSafe(rows));
                assert_eq!(result.is_err(), bad_row.is_some(), "{threads} threads, {bad_row:?}");
            }
        }
    }
}
