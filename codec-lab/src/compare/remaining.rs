//! Estimates the remaining time of a study from the work done so far. Each kind of work is
//! estimated separately: one encoder may be a hundred times as fast as another, and scoring may be
//! as slow as the slowest encoder.

/// Work of one kind, whose time is proportional to its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Kind {
    /// Weight of the remaining work.
    pub(super) rest: f64,
    /// Number of tasks that run in parallel.
    pub(super) at_once: f64,
    /// Weight of the timed work, and its duration in seconds.
    timed: f64,
    seconds: f64,
}

impl Kind {
    /// Creates a kind of work. `rest` is the weight of the remaining work; `at_once` is the number
    /// of tasks that run in parallel.
    pub(super) fn new(rest: f64, at_once: usize) -> Self {
        let at_once = u32::try_from(at_once.max(1)).map_or(1.0, f64::from);
        Self { rest, at_once, ..Self::default() }
    }

    /// Records work of this weight from an earlier run.
    pub(super) fn learn(&mut self, weight: f64, seconds: f64) {
        self.timed += weight;
        self.seconds += seconds;
    }

    /// Records that a task of this weight took this many seconds.
    pub(super) fn did(&mut self, weight: f64, seconds: f64) {
        self.learn(weight, seconds);
        self.drop(weight);
    }

    /// Removes a task of this weight from the remaining work.
    pub(super) fn drop(&mut self, weight: f64) {
        self.rest = (self.rest - weight).max(0.0);
    }
}

/// Returns the seconds that the remaining work of all kinds takes; `None` without data. A kind
/// without timed work is assumed to be as fast as the other kinds together.
pub(super) fn seconds_left(kinds: &[Kind]) -> Option<f64> {
    let (timed, seconds) =
        kinds.iter().fold((0.0, 0.0), |(w, s), kind| (w + kind.timed, s + kind.seconds));
    let mean = (timed > 0.0).then(|| seconds / timed)?;
    let of = |kind: &Kind| {
        let pace = if kind.timed > 0.0 { kind.seconds / kind.timed } else { mean };
        kind.rest * pace / kind.at_once
    };
    Some(kinds.iter().map(of).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_speed() {
        // A fast encoder, one a hundred times as slow, and scoring on four threads.
        let mut kinds = [Kind::new(10.0, 1), Kind::new(10.0, 1), Kind::new(20.0, 4)];
        assert_eq!(seconds_left(&kinds), None);
        kinds[0].did(1.0, 0.1);
        kinds[1].did(1.0, 10.0);
        kinds[2].did(2.0, 4.0);
        let left = seconds_left(&kinds).unwrap();
        assert!((left - (0.9 + 90.0 + 18.0 * 2.0 / 4.0)).abs() < 1e-9, "{left}");
    }

    /// Nine tenths were done by an earlier run: work that took no time now must not affect the
    /// estimate.
    #[test]
    fn a_resumed_study_estimates_from_timed_work() {
        let mut kinds = [Kind::new(1.0, 1), Kind::new(1.0, 1)];
        kinds[0].learn(9.0, 90.0);
        assert!((seconds_left(&kinds).unwrap() - 20.0).abs() < 1e-9);
        kinds[1].did(0.5, 1.0);
        assert!((seconds_left(&kinds).unwrap() - 11.0).abs() < 1e-9);
        kinds[0].drop(5.0);
        assert!((seconds_left(&kinds).unwrap() - 1.0).abs() < 1e-9);
    }
}
