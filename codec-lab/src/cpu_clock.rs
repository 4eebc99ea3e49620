//! Clocks of the CPU time of this process and of the calling thread.

#[cfg(not(unix))]
pub(crate) use cpu_time::{ProcessTime, ThreadTime};

#[cfg(unix)]
pub(crate) use unix::{ProcessTime, ThreadTime};

#[cfg(unix)]
mod unix {
    use std::time::Duration;

    use nix::time::{ClockId, clock_gettime};

    fn read(clock: ClockId) -> Duration {
        clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
    }

    /// CPU time of the process.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct ProcessTime(Duration);

    impl ProcessTime {
        pub(crate) fn now() -> Self {
            Self(read(ClockId::CLOCK_PROCESS_CPUTIME_ID))
        }

        /// Returns the time since `self`.
        pub(crate) fn elapsed(&self) -> Duration {
            Self::now().0.saturating_sub(self.0)
        }
    }

    /// CPU time of the calling thread.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct ThreadTime(Duration);

    impl ThreadTime {
        pub(crate) fn now() -> Self {
            Self(read(ClockId::CLOCK_THREAD_CPUTIME_ID))
        }

        /// Returns the time since `self`.
        pub(crate) fn elapsed(&self) -> Duration {
            Self::now().0.saturating_sub(self.0)
        }
    }
}
