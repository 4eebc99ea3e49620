//! Timing of encoder stages with a clock that the caller supplies.

use std::fmt::Debug;

/// A stage of encoding whose time is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Pre-analysis: intra and inter costs, motion search on the half-size frame, scene cuts,
    /// MB-tree, denoising, temporal filtering of altref frames.
    Analysis,
    /// Candidates, motion search, prediction and mode decision.
    Search,
    /// Transforms, quantisation, coefficient costs, inverse transforms.
    Transform,
    /// Token and probability coding and packing.
    Entropy,
    /// The loop filter.
    LoopFilter,
}

impl Stage {
    /// All stages, in the order in which a frame passes through them.
    pub const ALL: [Self; 5] =
        [Self::Analysis, Self::Search, Self::Transform, Self::Entropy, Self::LoopFilter];

    /// Returns the name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Analysis => "analysis",
            Self::Search => "motion search and modes",
            Self::Transform => "transform and quantisation",
            Self::Entropy => "entropy coding",
            Self::LoopFilter => "loop filter",
        }
    }
}

/// Receives the time spent in each stage.
///
/// Encoders have no clock of their own: if a stage clock is set, they read it at the start and end
/// of each stage, up to a dozen times per macroblock. The coded bytes do not depend on it.
///
/// Time outside the stages (rate control, reading pixels, waiting for other rows) is not reported.
/// With several threads, each row reports its own time.
pub trait StageClock: Send + Sync + Debug {
    /// Returns nanoseconds since an arbitrary fixed origin; monotonic on each thread.
    fn now_ns(&self) -> u64;

    /// Reports that `stage` took `ns` nanoseconds. Called from any thread.
    fn spent(&self, stage: Stage, ns: u64);
}

/// Reports the time from its creation to its drop as time of one stage.
#[derive(Debug)]
pub struct StageTimer<'a>(Option<(&'a dyn StageClock, Stage, u64)>);

impl<'a> StageTimer<'a> {
    /// Starts the time of `stage`, if there is a clock.
    #[inline]
    #[must_use]
    pub fn start(clock: Option<&'a dyn StageClock>, stage: Stage) -> Self {
        Self(clock.map(|clock| (clock, stage, clock.now_ns())))
    }
}

impl Drop for StageTimer<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some((clock, stage, start)) = self.0 {
            clock.spent(stage, clock.now_ns().saturating_sub(start));
        }
    }
}

/// Accumulates the times of stages that alternate often, and reports the sums when it is dropped.
/// Does nothing without a clock.
#[derive(Debug)]
pub struct StageMeter<'a>(Option<Box<Sums<'a>>>);

#[derive(Debug)]
struct Sums<'a> {
    clock: &'a dyn StageClock,
    current: Option<Stage>,
    since: u64,
    spent: [u64; Stage::ALL.len()],
}

impl<'a> StageMeter<'a> {
    /// Creates a meter that is not in any stage yet.
    #[inline]
    #[must_use]
    pub fn new(clock: Option<&'a dyn StageClock>) -> Self {
        Self(clock.map(|clock| Box::new(Sums { clock, current: None, since: 0, spent: [0; 5] })))
    }

    /// Starts `stage`, or (`None`) work that is not reported.
    #[inline]
    pub fn switch(&mut self, stage: Option<Stage>) {
        if let Some(sums) = &mut self.0 {
            sums.switch(stage);
        }
    }
}

impl Sums<'_> {
    #[cold]
    #[inline(never)]
    fn switch(&mut self, stage: Option<Stage>) {
        let now = self.clock.now_ns();
        if let Some(current) = self.current {
            self.spent[current as usize] += now.saturating_sub(self.since);
        }
        (self.since, self.current) = (now, stage);
    }
}

impl Drop for Sums<'_> {
    fn drop(&mut self) {
        self.switch(None);
        for (stage, ns) in Stage::ALL.into_iter().zip(self.spent) {
            self.clock.spent(stage, ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock that advances by one nanosecond on each read.
    #[derive(Debug, Default)]
    struct Steps {
        now: AtomicU64,
        spent: [AtomicU64; 5],
    }

    impl StageClock for Steps {
        fn now_ns(&self) -> u64 {
            self.now.fetch_add(1, Ordering::Relaxed)
        }

        fn spent(&self, stage: Stage, ns: u64) {
            self.spent[stage as usize].fetch_add(ns, Ordering::Relaxed);
        }
    }

    #[test]
    fn time_is_attributed_to_the_current_stage() {
        let clock = Steps::default();
        {
            let _timer = StageTimer::start(Some(&clock), Stage::Analysis);
        }
        let mut meter = StageMeter::new(Some(&clock));
        meter.switch(Some(Stage::Search));
        meter.switch(Some(Stage::Transform));
        meter.switch(Some(Stage::Search));
        meter.switch(None);
        meter.switch(Some(Stage::Entropy));
        drop(meter);
        let spent = clock.spent.each_ref().map(|ns| ns.load(Ordering::Relaxed));
        assert_eq!(spent, [1, 2, 1, 1, 0]);
        assert!(StageTimer::start(None, Stage::Entropy).0.is_none());
    }
}
