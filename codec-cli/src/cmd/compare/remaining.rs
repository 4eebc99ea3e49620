//! How long the rest of a study takes, from what was done so far. Kinds of work are estimated apart:
//! an encoder may be a hundred times as fast as another, and scoring as slow as the slowest.

/// Work of one kind: the time that it takes is proportional to its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Kind {
    /// Of what is still to be done.
    pub(super) rest: f64,
    /// How many pieces are done at once.
    pub(super) at_once: f64,
    /// Of what was timed, and the seconds that it took.
    timed: f64,
    seconds: f64,
}

impl Kind {
    /// `rest`: weight of the work to be done. `at_once`: pieces that are done side by side.
    pub(super) fn new(rest: f64, at_once: usize) -> Self {
        let at_once = u32::try_from(at_once.max(1)).map_or(1.0, f64::from);
        Self { rest, at_once, ..Self::default() }
    }

    /// Learns from work of this weight that was done in an earlier run.
    pub(super) fn learn(&mut self, weight: f64, seconds: f64) {
        self.timed += weight;
        self.seconds += seconds;
    }

    /// A piece of this weight was done in so many seconds.
    pub(super) fn did(&mut self, weight: f64, seconds: f64) {
        self.learn(weight, seconds);
        self.drop(weight);
    }

    /// A piece of this weight need not be done.
    pub(super) fn drop(&mut self, weight: f64) {
        self.rest = (self.rest - weight).max(0.0);
    }
}

/// Seconds that the rest of all kinds takes; `None` before anything is known. A kind that was not timed
/// yet is taken to be as fast as all others together.
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
    fn each_kind_has_a_pace_of_its_own() {
        // A fast encoder, one a hundred times as slow, and scoring on four threads.
        let mut kinds = [Kind::new(10.0, 1), Kind::new(10.0, 1), Kind::new(20.0, 4)];
        assert_eq!(seconds_left(&kinds), None);
        kinds[0].did(1.0, 0.1);
        kinds[1].did(1.0, 10.0);
        kinds[2].did(2.0, 4.0);
        let left = seconds_left(&kinds).unwrap();
        assert!((left - (0.9 + 90.0 + 18.0 * 2.0 / 4.0)).abs() < 1e-9, "{left}");
    }

    /// Nine tenths were done by an earlier run: what took no time now says nothing about the rest.
    #[test]
    fn a_resumed_study_estimates_from_what_takes_time() {
        let mut kinds = [Kind::new(1.0, 1), Kind::new(1.0, 1)];
        kinds[0].learn(9.0, 90.0);
        assert!((seconds_left(&kinds).unwrap() - 20.0).abs() < 1e-9);
        kinds[1].did(0.5, 1.0);
        assert!((seconds_left(&kinds).unwrap() - 11.0).abs() < 1e-9);
        kinds[0].drop(5.0);
        assert!((seconds_left(&kinds).unwrap() - 1.0).abs() < 1e-9);
    }
}
