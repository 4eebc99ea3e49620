//! Seeded randomness: a failure prints its seed, and `CHECK_SEED` repeats it.

pub use codec_rtc::rng::Rng;

use crate::depth;

/// Number of seeds that every run checks, if a test has that many.
const MIN_ROUNDS: u64 = 12;

/// Like [`for_all_seeds`], but unless all cases were requested (see [`depth`]), runs only an eighth of the seeds, at
/// least twelve.
pub fn for_each_seed(rounds: u64, check: impl Fn(u64, &mut Rng)) {
    for_all_seeds(rounds.min(depth::rounds(rounds, 8).max(MIN_ROUNDS)), check);
}

/// Runs `check` for `rounds` seeds, times `CHECK_ROUNDS` if set, or only for `CHECK_SEED`; prints
/// the seed of a failure.
pub fn for_all_seeds(rounds: u64, check: impl Fn(u64, &mut Rng)) {
    struct Name(u64);
    impl Drop for Name {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("repeat with CHECK_SEED={}", self.0);
            }
        }
    }
    let run = |seed| {
        let name = Name(seed);
        check(seed, &mut Rng::new(seed));
        drop(name);
    };
    match std::env::var("CHECK_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => run(seed),
        None => {
            let times = std::env::var("CHECK_ROUNDS").ok().and_then(|times| times.parse().ok());
            (1..=rounds.saturating_mul(times.unwrap_or(1))).for_each(run);
        }
    }
}
