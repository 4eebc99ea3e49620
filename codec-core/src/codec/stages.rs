//! Where an encoder's time goes, by a clock of the caller's.

use std::fmt::Debug;

/// A part of an encoder's work whose time can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// What is found out about a picture before it is coded: costs, motion of the half-size picture,
    /// scene cuts, the worth of macroblocks, the altref frame's filter.
    Analysis,
    /// Candidates, motion search, predictions and the choice of modes.
    Search,
    /// Transforms, quantisation, prices of levels, inverse transforms.
    Transform,
    /// Tokens, probabilities and packing.
    Entropy,
    /// The loop filter.
    LoopFilter,
}

impl Stage {
    /// All of them, in the order in which a frame passes through.
    pub const ALL: [Self; 5] =
        [Self::Analysis, Self::Search, Self::Transform, Self::Entropy, Self::LoopFilter];

    /// The name in reports.
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

/// Is told how long stages took. Encoders have no clock: this one is read where a stage begins and
/// ends, up to a dozen times in a macroblock, and only if there is one. What is coded does not
/// depend on it.
///
/// Time that belongs to no stage (rate control, gathering pixels, waiting for other rows) is not
/// told: it is what is left of the time of a call. With several threads rows tell the time of each.
pub trait StageClock: Send + Sync + Debug {
    /// Nanoseconds since any fixed moment; never goes back on one thread.
    fn now_ns(&self) -> u64;

    /// `ns` nanoseconds went to `stage`. Called from any thread.
    fn spent(&self, stage: Stage, ns: u64);
}

/// Tells the time from its start to its end as that of one stage.
#[derive(Debug)]
pub(crate) struct StageTimer<'a>(Option<(&'a dyn StageClock, Stage, u64)>);

impl<'a> StageTimer<'a> {
    #[inline]
    pub(crate) fn start(clock: Option<&'a dyn StageClock>, stage: Stage) -> Self {
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

/// Sums up the times of stages that follow each other often, and tells the sums when it is dropped.
/// Without a clock it does nothing.
#[derive(Debug)]
pub(crate) struct StageMeter<'a>(Option<Box<Sums<'a>>>);

#[derive(Debug)]
struct Sums<'a> {
    clock: &'a dyn StageClock,
    current: Option<Stage>,
    since: u64,
    spent: [u64; Stage::ALL.len()],
}

impl<'a> StageMeter<'a> {
    pub(crate) fn new(clock: Option<&'a dyn StageClock>) -> Self {
        Self(clock.map(|clock| Box::new(Sums { clock, current: None, since: 0, spent: [0; 5] })))
    }

    /// The work of `stage` begins, or (`None`) work that is not told.
    #[inline]
    pub(crate) fn switch(&mut self, stage: Option<Stage>) {
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

    /// Each look at it is one nanosecond later.
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
    fn time_goes_to_the_stage_that_was_current() {
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
