//! The Pareto frontier of speed against BD-rate.

/// An encoder setting, with its time and its BD-rate.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Choice {
    /// Time for the same work, in any unit; lower is better.
    pub time: f64,
    /// BD-rate in percent; lower is better.
    pub bd_rate: f64,
}

/// Returns which of `choices` are on the frontier: no other choice is at least as good in both
/// values and better in one.
///
/// ```
/// use codec_measure::frontier::{Choice, pareto};
///
/// let choices = [(1.0, 0.0), (2.0, -10.0), (3.0, -9.0)];
/// let choices = choices.map(|(time, bd_rate)| Choice { time, bd_rate });
/// assert_eq!(pareto(&choices), [true, true, false]);
/// ```
#[must_use]
pub fn pareto(choices: &[Choice]) -> Vec<bool> {
    let beats = |a: &Choice, b: &Choice| {
        a.time <= b.time && a.bd_rate <= b.bd_rate && (a.time < b.time || a.bd_rate < b.bd_rate)
    };
    choices.iter().map(|one| !choices.iter().any(|other| beats(other, one))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beaten_choice_is_not_on_the_frontier() {
        let choices = [(1.0, 0.0), (2.0, -5.0), (2.0, -3.0), (4.0, -4.0), (8.0, -9.0), (1.0, 0.0)]
            .map(|(time, bd_rate)| Choice { time, bd_rate });
        assert_eq!(pareto(&choices), [true, true, false, false, true, true]);
    }
}
