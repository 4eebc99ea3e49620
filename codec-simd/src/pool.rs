//! A thread pool for closures that borrow from the caller; its threads sleep when idle.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::{fmt, io};

/// Work that borrows from the caller of [`RowPool::run`].
type Work<'a> = &'a (dyn Fn(usize) + Sync);

/// A fixed set of threads, shared by any number of encoders and decoders of a process.
///
/// Idle threads are parked by the operating system; nothing ever spins.
pub struct RowPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for RowPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowPool").field("threads", &self.threads()).finish()
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Signalled when a call is queued and when the pool closes.
    work: Condvar,
    /// Signalled when a helper leaves a call.
    left: Condvar,
}

#[derive(Default)]
struct Queue {
    calls: VecDeque<Call>,
    next_id: u64,
    /// Helpers that are parked, or were woken and have not returned yet.
    idle: usize,
    closed: bool,
}

/// One call of [`RowPool::run`]; it stays in the queue until `run` removes it.
struct Call {
    id: u64,
    work: Work<'static>,
    /// Number of the next helper to join; the caller is worker 0.
    next_worker: usize,
    /// Helpers may join below this number.
    end_worker: usize,
    running: usize,
    /// The caller is parked until no helper runs.
    is_awaited: bool,
    panic: Option<Box<dyn std::any::Any + Send>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Jobs run outside the lock, so a poisoned queue is still consistent.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return;
            }
            let joined = queue.calls.iter_mut().find(|call| call.next_worker < call.end_worker);
            let Some(call) = joined else {
                queue.idle += 1;
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
                continue;
            };
            let (id, work, worker) = (call.id, call.work, call.next_worker);
            call.next_worker += 1;
            call.running += 1;
            drop(queue);
            let result = catch_unwind(AssertUnwindSafe(|| work(worker)));
            queue = self.lock();
            if let Some(call) = queue.calls.iter_mut().find(|call| call.id == id) {
                call.running -= 1;
                call.panic = call.panic.take().or(result.err());
                // Waking is a system call even if no thread sleeps.
                if call.is_awaited && call.running == 0 {
                    self.left.notify_all();
                }
            }
        }
    }
}

impl RowPool {
    /// Creates a pool in which up to `threads` threads, including the caller of [`Self::run`], work
    /// at once. 0 counts as 1.
    ///
    /// # Errors
    /// If the operating system cannot start a thread.
    pub fn new(threads: usize) -> io::Result<Self> {
        let mut pool = Self { shared: Arc::default(), threads: Vec::new() };
        for index in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let name = format!("codec-row-{index}");
            pool.threads.push(thread::Builder::new().name(name).spawn(move || shared.serve())?);
        }
        Ok(pool)
    }

    /// Returns how many threads work at once, including the caller.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.len() + 1
    }

    /// Calls `work(0)` on this thread and, while it runs, `work(1)`, `work(2)` ... up to
    /// `work(workers - 1)` on the threads that are free, possibly none. Returns once all calls that
    /// began have returned. The calls themselves must therefore divide the work, and a call may
    /// wait only for calls that have begun.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// let pool = codec_simd::RowPool::new(4)?;
    /// let (next, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
    /// pool.run(pool.threads(), &|_worker| {
    ///     // The calls divide the rows among themselves.
    ///     loop {
    ///         let row = next.fetch_add(1, Ordering::Relaxed);
    ///         if row >= 100 {
    ///             break;
    ///         }
    ///         sum.fetch_add(row, Ordering::Relaxed);
    ///     }
    /// });
    /// assert_eq!(sum.into_inner(), 4950);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    /// If one of the calls panics, once all have returned.
    pub fn run(&self, workers: usize, work: &(dyn Fn(usize) + Sync)) {
        let end_worker = workers.min(self.threads());
        if end_worker <= 1 {
            return work(0);
        }
        // SAFETY: only the lifetime changes. The reference is reachable only through the queue:
        // helpers copy it under the lock while `next_worker < end_worker` and count themselves in
        // `running`; before this function returns or unwinds it removes the call from the queue
        // with `running == 0`, so no helper holds or will get the reference afterwards.
        let erased = unsafe { std::mem::transmute::<Work<'_>, Work<'static>>(work) };
        let (id, woken) = {
            let mut queue = self.shared.lock();
            let id = queue.next_id;
            queue.next_id += 1;
            queue.calls.push_back(Call {
                id,
                work: erased,
                next_worker: 1,
                end_worker,
                running: 0,
                is_awaited: false,
                panic: None,
            });
            // Helpers that are awake look for calls before they park.
            (id, queue.idle.min(end_worker - 1))
        };
        for _ in 0..woken {
            self.shared.work.notify_one();
        }
        let own = catch_unwind(AssertUnwindSafe(|| work(0)));
        let helper_panic = self.retire(id);
        if let Some(panic) = own.err().or(helper_panic) {
            resume_unwind(panic);
        }
    }

    /// Prevents further helpers from joining call `id`, waits for those that have joined, and
    /// removes it.
    fn retire(&self, id: u64) -> Option<Box<dyn std::any::Any + Send>> {
        let mut queue = self.shared.lock();
        loop {
            let index = queue.calls.iter().position(|call| call.id == id)?;
            let call = &mut queue.calls[index];
            call.end_worker = call.next_worker;
            if call.running == 0 {
                return queue.calls.remove(index)?.panic;
            }
            call.is_awaited = true;
            queue = self.shared.left.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for RowPool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            // A helper cannot panic: it catches panics of its work.
            let _ = thread.join();
        }
    }
}

// WebAssembly has no threads and no unwinding.
#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_started_call_returns_before_run_does() {
        let pool = RowPool::new(4).unwrap();
        for _ in 0..200 {
            let (entered, left) = (AtomicUsize::new(0), AtomicUsize::new(0));
            pool.run(4, &|_| {
                entered.fetch_add(1, Ordering::SeqCst);
                thread::yield_now();
                left.fetch_add(1, Ordering::SeqCst);
            });
            let count = left.load(Ordering::SeqCst);
            assert_eq!(entered.load(Ordering::SeqCst), count);
            assert!((1..=4).contains(&count));
        }
    }

    #[test]
    fn a_panic_in_the_work_reaches_the_caller_and_leaves_the_pool_usable() {
        let pool = RowPool::new(3).unwrap();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.run(3, &|worker| assert_ne!(worker, 0, "deliberate"));
        }));
        assert!(caught.is_err());
        let calls = AtomicUsize::new(0);
        pool.run(3, &|_| {
            calls.fetch_add(1, Ordering::SeqCst);
        });
        assert!(calls.into_inner() >= 1);
    }

    #[test]
    fn several_callers_share_one_pool() {
        let pool = RowPool::new(2).unwrap();
        let total = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let next = AtomicUsize::new(0);
                        pool.run(2, &|_| {
                            while next.fetch_add(1, Ordering::Relaxed) < 10 {
                                total.fetch_add(1, Ordering::Relaxed);
                            }
                        });
                    }
                });
            }
        });
        assert_eq!(total.into_inner(), 3 * 50 * 10);
    }
}
