//! How many cases the tests examine.
//!
//! In a plain `cargo test`, tests with many cases examine only a sample of them, and tests that take more than two seconds
//! are skipped. With `CODEC_TESTS=all`, as in `.ci/run`, all tests run with all cases.

/// Whether all cases were requested.
///
/// # Panics
/// If `CODEC_TESTS` is neither empty nor `all`.
#[must_use]
pub fn is_full() -> bool {
    let value = std::env::var_os("CODEC_TESTS").unwrap_or_default();
    assert!(value.is_empty() || value == "all", "CODEC_TESTS is {value:?}, not `all`");
    value == "all"
}

/// Whether long tests are skipped, because not all were requested; prints a message if so.
///
/// A test is long if it takes more than two seconds on two cores and has no cases to take a sample of. A subject keeps at
/// least one test that runs always, even if that one takes longer.
#[must_use]
pub fn skips_long() -> bool {
    let skips = !is_full();
    if skips {
        eprintln!("skipped, a long test: set CODEC_TESTS=all to run it");
    }
    skips
}

/// Returns `cases`, or one in `of` of them, spread evenly, if not all were requested. `turn` tells which ones: `of` turns
/// that follow each other have all cases.
///
/// # Panics
/// If `of` is 0.
#[must_use]
pub fn sample<T>(cases: impl IntoIterator<Item = T>, of: usize, turn: usize) -> Vec<T> {
    let (first, step) = if is_full() { (0, 1) } else { (turn % of, of) };
    cases.into_iter().skip(first).step_by(step).collect()
}

/// Returns `rounds`, or one in `of` of them, rounded up, if not all were requested.
///
/// # Panics
/// If `of` is 0.
#[must_use]
pub fn rounds(rounds: u64, of: u64) -> u64 {
    if is_full() { rounds } else { rounds.div_ceil(of) }
}

/// Returns `values`, or the one whose turn it is if not all were requested: numbered cases then have all values in turn.
///
/// # Panics
/// If there is no value.
#[must_use]
pub fn in_turn<T>(turn: usize, values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    if !is_full() {
        let chosen = turn % values.len();
        values = vec![values.swap_remove(chosen)];
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_part_and_turns_reach_every_value() {
        let (sample, turns) = (sample(0..10, 4, 5), (0..3).flat_map(|turn| in_turn(turn, 0..3)));
        if is_full() {
            assert_eq!((sample.len(), turns.count(), rounds(10, 4)), (10, 9, 10));
        } else {
            assert_eq!((sample, rounds(10, 4)), (vec![1, 5, 9], 3));
            assert!(turns.eq(0..3));
        }
    }
}
