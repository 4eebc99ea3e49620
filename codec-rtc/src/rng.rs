//! Seeded random numbers: for initial sequence numbers, report intervals, emulated links and tests;
//! not for keys or tokens.

/// A small pseudorandom generator (splitmix64) with the same output on every platform.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Creates a generator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Creates an independent generator for purpose `stream` of the same seed.
    #[must_use]
    pub fn stream(seed: u64, stream: u64) -> Self {
        let mut base = Self(seed);
        let mixed = base.next_u64() ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self(Self(mixed).next_u64())
    }

    /// Returns 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next_u64() % end }
    }

    /// Returns an index below `len`; 0 if `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// Returns a random byte.
    pub fn byte(&mut self) -> u8 {
        self.next_u64().to_le_bytes()[0]
    }

    /// Returns a number in 0..1, a multiple of 2^-53.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns one of `things`.
    ///
    /// # Panics
    /// If `things` is empty.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        let index = self.index(things.len());
        &things[index]
    }
}
