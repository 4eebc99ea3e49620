//! Decoding of a frame in stages (parsing, luma, chroma) on several threads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Pool;
use super::schedule::{Job, Schedule};
use crate::frame::PlaneSet;

/// A frame that is decoded in three stages: parsing, luma and chroma. Each stage processes the units of
/// the frame, for example rows of blocks, in order. The last two do not depend on each other.
pub trait Stages: Sync {
    /// Memory of a thread.
    type Worker;

    /// Creates the memory of a thread.
    fn worker(&self) -> Self::Worker;

    /// Parses the unit with number `index`; returns whether it is the last one. No other call for this
    /// stage runs at the same time, and at most [`AHEAD`](super::AHEAD) units are parsed but not
    /// reconstructed.
    fn parse(&self, index: usize) -> bool;

    /// Reconstructs `planes` of the unit with number `index`, which is parsed. No other call for any of
    /// these planes runs at the same time.
    fn reconstruct(&self, worker: &mut Self::Worker, planes: PlaneSet, index: usize);
}

/// Decodes a frame on up to three threads of `pool`. One thread at a time works on a stage, but any
/// thread does.
///
/// # Panics
/// If a stage panics, on any thread, after all other threads have ended their work.
pub fn run_stages<S: Stages>(pool: &dyn Pool, stages: &S) {
    let run = Run { stages, schedule: Mutex::default(), moved: Condvar::new() };
    pool.run(pool.threads().min(3), &|worker| run.work(worker));
}

struct Run<'a, S> {
    stages: &'a S,
    schedule: Mutex<Schedule>,
    /// Signalled when a thread waits and there is work for it.
    moved: Condvar,
}

impl<S: Stages> Run<'_, S> {
    /// Works on units of all stages until the frame is decoded.
    fn work(&self, worker: usize) {
        let mut guard = PoisonGuard { state: &self.schedule, moved: &self.moved, is_done: false };
        let mut memory = self.stages.worker();
        let mut last = if worker == 0 { Job::Parse } else { Job::Luma };
        let mut schedule = lock(&self.schedule);
        schedule.join();
        while let Some((job, held)) = self.claim(last, schedule) {
            last = job;
            let unit = held.unit(job);
            let wakes = held.wakes_other();
            drop(held);
            if wakes {
                self.moved.notify_one();
            }
            let is_last = match job.planes() {
                None => self.stages.parse(unit),
                Some(planes) => {
                    self.stages.reconstruct(&mut memory, planes, unit);
                    false
                }
            };
            schedule = lock(&self.schedule);
            schedule.complete(job, is_last);
        }
        guard.is_done = true;
        self.moved.notify_all();
    }

    /// Waits for a job and takes it; `None` at the end of the frame.
    fn claim<'s>(
        &self,
        last: Job,
        mut schedule: MutexGuard<'s, Schedule>,
    ) -> Option<(Job, MutexGuard<'s, Schedule>)> {
        let mut job = schedule.next(last, false);
        while job.is_none() && !schedule.is_over() {
            schedule.begin_wait();
            schedule = self.moved.wait(schedule).unwrap_or_else(PoisonError::into_inner);
            schedule.end_wait();
            job = schedule.next(last, true);
        }
        let job = job.filter(|_| !schedule.is_over())?;
        schedule.begin(job);
        Some((job, schedule))
    }
}

fn lock(schedule: &Mutex<Schedule>) -> MutexGuard<'_, Schedule> {
    schedule.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the work of all threads when dropped, unless the work is done: if a thread panics.
struct PoisonGuard<'a> {
    state: &'a Mutex<Schedule>,
    moved: &'a Condvar,
    is_done: bool,
}

impl Drop for PoisonGuard<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            lock(self.state).poison();
            self.moved.notify_all();
        }
    }
}
