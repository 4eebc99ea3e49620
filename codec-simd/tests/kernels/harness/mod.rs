//! Runs one case with the scalar kernels and with every level that this CPU supports, and compares
//! the results.
//!
//! A failure prints its seed: `CHECK_SEED=<seed> cargo test -p codec-simd <test>` runs that case
//! first. `CHECK_CASES` sets the number of cases of a test.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "in tests a panic is the report"
)]

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use codec_simd::{Block16, BlockUv, Kernels, Level, Window, WindowMut};

/// xorshift64*: small, seeded, the same on every machine.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 0..`end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from((self.next() >> 16) % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let [.., byte] = self.next().to_le_bytes();
        byte
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of `choices`.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Fills `out` with one of the patterns that break kernels: noise, extremes, all 0, all 255, a
    /// checkerboard, flat, nearly flat, a ramp.
    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        let (kind, base) = (self.below(9), self.byte());
        for (i, out) in out.iter_mut().enumerate() {
            let i = i.to_le_bytes()[0];
            *out = match kind {
                0 | 1 => self.byte(),
                2 => [0, 255][usize::from(self.coin())],
                3 => 0,
                4 => 255,
                5 => [0, 255][usize::from((i ^ base) & 1)],
                6 => base,
                7 => base.saturating_add(self.byte() & 3),
                _ => base.wrapping_add(i),
            };
        }
    }

    pub(crate) fn pixels(&mut self, len: usize) -> Vec<u8> {
        let mut pixels = vec![0; len];
        self.fill(&mut pixels);
        pixels
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    pub(crate) fn block16(&mut self) -> Block16 {
        let mut block = Block16::default();
        self.fill(block.0.as_flattened_mut());
        block
    }

    pub(crate) fn block_uv(&mut self) -> BlockUv {
        let mut block = BlockUv::default();
        self.fill(block.0.as_flattened_mut());
        block
    }
}

/// Pixels to read: the last row ends on the allocation's last byte.
pub(crate) struct Source<const W: usize, const H: usize> {
    data: Box<[u8]>,
    stride: usize,
}

impl<const W: usize, const H: usize> Source<W, H> {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let stride = W + rng.below(48);
        Self { data: rng.pixels((H - 1) * stride + W).into(), stride }
    }

    pub(crate) fn window(&self) -> Window<'_, W, H> {
        Window::new(&self.data, self.stride).unwrap()
    }
}

/// Pixels to write (or to filter in place) with guard bytes before, between and after the rows.
pub(crate) struct Target<const W: usize, const H: usize> {
    before: Vec<u8>,
    data: Vec<u8>,
    at: usize,
    stride: usize,
}

impl<const W: usize, const H: usize> Target<W, H> {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let stride = W + rng.below(48);
        let at = 32 + rng.below(32);
        let before = rng.pixels(at + (H - 1) * stride + W + 64);
        Self { data: before.clone(), before, at, stride }
    }

    pub(crate) fn window_mut(&mut self) -> WindowMut<'_, W, H> {
        let end = self.at + (H - 1) * self.stride + W;
        WindowMut::new(&mut self.data[self.at..end], self.stride).unwrap()
    }

    /// The pixels. Panics if a guard byte has changed.
    pub(crate) fn finish(self) -> Vec<[u8; W]> {
        for (i, (before, after)) in self.before.iter().zip(&self.data).enumerate() {
            let inside =
                i >= self.at && (i - self.at) / self.stride < H && (i - self.at) % self.stride < W;
            assert!(inside || before == after, "guard byte {i} of {}", self.data.len());
        }
        let row = |y| *self.data[self.at + y * self.stride..].first_chunk().unwrap();
        (0..H).map(row).collect()
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

/// Runs `case` with scalar and with each supported level, from equal seeds; all must agree.
pub(crate) fn agree<T: PartialEq + Debug>(case: impl Fn(&Kernels, &mut Rng) -> T) {
    let cases = number("CHECK_CASES").unwrap_or(if cfg!(miri) { 5 } else { 1000 });
    let first = number("CHECK_SEED").unwrap_or(0x5eed);
    let scalar = Kernels::for_level(Level::Scalar).unwrap();
    for seed in first..first + cases {
        let law = case(scalar, &mut Rng::new(seed));
        for level in Level::ALL.into_iter().skip(1) {
            let Some(kernels) = Kernels::for_level(level) else { continue };
            let run = || case(kernels, &mut Rng::new(seed));
            let fast = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
                eprintln!("{} panics: CHECK_SEED={seed}", level.name());
                resume_unwind(panic)
            });
            assert_eq!(law, fast, "{} differs from scalar: CHECK_SEED={seed}", level.name());
        }
    }
}
