//! Selects the unit of a frame (for example a row of blocks) that a thread decodes next.
//!
//! Usually one thread parses, up to [`AHEAD`] units ahead, and another one reconstructs luma and
//! chroma of a unit as one job, which takes less time than two jobs. Parsing has priority, so that
//! the reconstructing thread never runs out of units: waking a thread takes as long as decoding a
//! unit. For the same reason a waiting thread is woken only when several units are parsed.
//!
//! If parsing is far ahead, reconstruction is the bottleneck. Luma and chroma of a unit are then
//! separate jobs, so that the parsing thread takes one of them. If only one thread is available, it
//! reconstructs each unit as soon as it has parsed it.

use crate::frame::PlaneSet;

/// Maximum number of units that are parsed but not reconstructed: see [`super::Stages`].
pub const AHEAD: usize = 16;
/// Units that are parsed but not reconstructed when a waiting thread is woken.
const WAKE: usize = 3;
/// Units that are parsed but not reconstructed up to which one thread reconstructs all planes.
const BALANCED: usize = AHEAD / 2;

const PARSE: usize = 0;
const LUMA: usize = 1;
const CHROMA: usize = 2;

/// The action of a thread on a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Parse,
    Luma,
    Chroma,
    AllPlanes,
}

impl Job {
    /// The stages that the job is a part of.
    fn stages(self) -> &'static [usize] {
        match self {
            Self::Parse => &[PARSE],
            Self::Luma => &[LUMA],
            Self::Chroma => &[CHROMA],
            Self::AllPlanes => &[LUMA, CHROMA],
        }
    }

    /// The planes that the job reconstructs; `None` for parsing.
    pub(super) fn planes(self) -> Option<PlaneSet> {
        let (luma, chroma) = match self {
            Self::Parse => return None,
            Self::Luma => (true, false),
            Self::Chroma => (false, true),
            Self::AllPlanes => (true, true),
        };
        Some(PlaneSet { luma, chroma })
    }
}

/// Which units the stages have processed.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// Number of units that each stage has processed.
    done: [usize; 3],
    /// Whether a thread works on the stage.
    is_busy: [bool; 3],
    /// Whether the last unit is parsed.
    is_parsed: bool,
    /// Whether a thread panicked.
    is_poisoned: bool,
    /// Number of threads that work on the frame or wait.
    threads: usize,
    /// Number of threads that wait.
    waiting: usize,
}

impl Schedule {
    /// A thread begins to work on the frame.
    pub(super) fn join(&mut self) {
        self.threads += 1;
    }

    /// Ends the work of all threads.
    pub(super) fn poison(&mut self) {
        self.is_poisoned = true;
    }

    pub(super) fn begin_wait(&mut self) {
        self.waiting += 1;
    }

    pub(super) fn end_wait(&mut self) {
        self.waiting -= 1;
    }

    /// Returns the unit that a job that begins processes.
    pub(super) fn unit(&self, job: Job) -> usize {
        self.done[job.stages()[0]]
    }

    pub(super) fn begin(&mut self, job: Job) {
        job.stages().iter().for_each(|stage| self.is_busy[*stage] = true);
    }

    /// Ends a job; `is_last` if it has parsed the last unit.
    pub(super) fn complete(&mut self, job: Job, is_last: bool) {
        for stage in job.stages() {
            self.is_busy[*stage] = false;
            self.done[*stage] += 1;
        }
        self.is_parsed |= is_last;
    }

    /// Returns whether all units are decoded, or a thread panicked.
    pub(super) fn is_over(&self) -> bool {
        self.is_poisoned || (self.is_parsed && self.done == [self.done[PARSE]; 3])
    }

    /// Returns whether there is work for a waiting thread.
    pub(super) fn wakes_other(&self) -> bool {
        self.waiting > 0 && self.next(Job::Luma, true).is_some()
    }

    /// Units that are parsed but not reconstructed.
    fn pending(&self) -> usize {
        self.done[PARSE] - self.done[LUMA].min(self.done[CHROMA])
    }

    /// Returns whether a thread may begin a job for which at least `units` units must be parsed.
    fn is_ready(&self, job: Job, units: usize) -> bool {
        let has_units = |stage: usize| self.done[stage] + units <= self.done[PARSE];
        job.stages().iter().all(|stage| !self.is_busy[*stage])
            && match job {
                Job::Parse => !self.is_parsed && self.pending() < AHEAD,
                Job::Luma => has_units(LUMA),
                Job::Chroma => has_units(CHROMA),
                Job::AllPlanes => {
                    has_units(LUMA)
                        && self.done[LUMA] == self.done[CHROMA]
                        && match self.threads {
                            1 => true,
                            2 => self.pending() <= BALANCED,
                            _ => false,
                        }
                }
            }
    }

    /// Returns the next job of a thread, whose job before was `last`.
    pub(super) fn next(&self, last: Job, has_waited: bool) -> Option<Job> {
        let units = if has_waited && !self.is_parsed { WAKE } else { 1 };
        let parses = last == Job::Parse || self.pending() <= BALANCED;
        let order: &[Job] = if parses && self.threads > 1 {
            &[Job::Parse, Job::AllPlanes, Job::Chroma, Job::Luma]
        } else {
            &[Job::AllPlanes, last, Job::Luma, Job::Chroma, Job::Parse]
        };
        // A thread alone does not parse ahead.
        let alone = |job: Job| self.threads == 1 && job == Job::Parse && self.pending() > 0;
        order.iter().copied().find(|job| self.is_ready(*job, units) && !alone(*job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: usize = 40;

    /// Decodes a frame with threads whose jobs take `times[stage]`, and returns the jobs of each thread and
    /// the total time. Thread `n` joins at time `n * late`.
    fn run(threads: usize, late: usize, times: [usize; 3]) -> (Vec<Vec<Job>>, usize) {
        let mut schedule = Schedule::default();
        // The job of each thread and when it ends.
        let mut busy: Vec<Option<(Job, usize)>> = vec![None; threads];
        let mut jobs: Vec<Vec<Job>> = vec![Vec::new(); threads];
        let mut waits = vec![false; threads];
        for time in 0.. {
            for (thread, busy) in busy.iter_mut().enumerate() {
                if time == thread * late {
                    schedule.join();
                }
                if let Some((job, _)) = busy.take_if(|(_, end)| *end == time) {
                    let is_last = job == Job::Parse && schedule.unit(job) + 1 == UNITS;
                    schedule.complete(job, is_last);
                }
            }
            if schedule.is_over() {
                return (jobs, time);
            }
            for thread in (0..threads).filter(|thread| thread * late <= time) {
                if busy[thread].is_some() {
                    continue;
                }
                let first = if thread == 0 { Job::Parse } else { Job::Luma };
                let last = jobs[thread].last().copied().unwrap_or(first);
                let job = schedule.next(last, waits[thread]);
                waits[thread] = job.is_none();
                if let Some(job) = job {
                    schedule.begin(job);
                    let length: usize = job.stages().iter().map(|stage| times[*stage]).sum();
                    busy[thread] = Some((job, time + length));
                    jobs[thread].push(job);
                }
            }
            assert!(busy.iter().any(Option::is_some), "no thread works");
        }
        unreachable!()
    }

    #[test]
    fn threads_never_all_wait_and_two_are_occupied() {
        for times in [[5, 3, 2], [8, 3, 2], [3, 6, 3], [1, 9, 1], [2, 2, 9], [12, 1, 1]] {
            let sum = UNITS * times.iter().sum::<usize>();
            assert_eq!(run(1, 0, times).1, sum);
            let least = (sum / 2).max(UNITS * times.iter().max().unwrap());
            for (threads, late) in [(2, 0), (2, 7), (2, 100), (3, 0), (3, 20)] {
                let (_, time) = run(threads, late, times);
                let startup = (threads - 1) * late;
                let end = 8 * times.iter().sum::<usize>();
                assert!(time <= least + startup + end, "{times:?}, {threads}, {late}: {time}");
            }
        }
    }

    #[test]
    fn parsing_goes_first_when_few_units_wait() {
        let mut schedule = Schedule::default();
        schedule.join();
        schedule.join();
        for _ in 0..AHEAD {
            schedule.begin(Job::Parse);
            schedule.complete(Job::Parse, false);
        }
        assert_eq!(schedule.next(Job::Parse, false), Some(Job::Chroma));
        for _ in BALANCED..AHEAD {
            assert_ne!(schedule.next(Job::Chroma, false), Some(Job::Parse));
            schedule.begin(Job::AllPlanes);
            schedule.complete(Job::AllPlanes, false);
        }
        assert_eq!(schedule.next(Job::Chroma, false), Some(Job::Parse));
    }

    #[test]
    fn a_thread_alone_reconstructs_each_unit_once_it_is_parsed() {
        let (jobs, _) = run(1, 0, [1; 3]);
        assert_eq!(jobs[0], [Job::Parse, Job::AllPlanes].repeat(UNITS));
    }

    #[test]
    fn a_thread_that_waits_is_woken_for_several_units() {
        let mut schedule = Schedule::default();
        schedule.join();
        schedule.join();
        schedule.begin(Job::Parse);
        for units in 0..WAKE {
            assert_eq!(schedule.next(Job::Luma, true), None, "{units} units");
            schedule.complete(Job::Parse, false);
            schedule.begin(Job::Parse);
        }
        assert_eq!(schedule.next(Job::Luma, true), Some(Job::AllPlanes));
    }
}
