//! Seeded randomness: a failure prints its seed, `CHECK_SEED` repeats it.

/// A small generator (splitmix64); the same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator that starts from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next_u64() % end }
    }

    /// An index into `len` things; 0 if there are none.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// The low eight bits of the next number.
    pub fn byte(&mut self) -> u8 {
        self.next_u64().to_le_bytes()[0]
    }

    /// One of `things`.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        let index = self.index(things.len());
        &things[index]
    }
}

/// Runs `check` for `rounds` seeds, times `CHECK_ROUNDS` if set, or for that of `CHECK_SEED` alone;
/// names the seed of a failure.
pub fn for_each_seed(rounds: u64, check: impl Fn(u64, &mut Rng)) {
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
