//! Synthetic video for the checks.

use crate::error::ConfigError;
use crate::frame::{Picture, Size};

/// A synthetic video: a static texture that a brighter square crosses, with noise that differs in
/// every frame.
///
/// Identical on every machine.
#[derive(Clone, Debug)]
pub struct Scene {
    size: Size,
    noise: u32,
    samples: Vec<u8>,
}

impl Scene {
    /// Creates a scene of `size` with noise of at most `noise` levels in either direction (0..=32).
    #[must_use]
    pub fn new(size: Size, noise: u8) -> Self {
        let bytes = usize::try_from(size.i420_bytes()).unwrap_or(0);
        Self { size, noise: u32::from(noise.min(32)), samples: vec![0; bytes] }
    }

    /// Draws frame `number` as I420 without padding.
    ///
    /// # Errors
    /// If a dimension of the scene is 0.
    pub fn picture(&mut self, number: u32) -> Result<Picture<'_>, ConfigError> {
        self.draw(number);
        Picture::i420_packed(self.size, &self.samples)
    }

    /// Draws frame `number` and returns its samples: Y, U, V.
    pub fn samples(&mut self, number: u32) -> &[u8] {
        self.draw(number);
        &self.samples
    }

    fn draw(&mut self, number: u32) {
        let Size { width, height } = self.size;
        let half = self.size.chroma();
        let side = (width.min(height) / 3).max(1);
        let (left, top) = (2 * number % width.max(1), number % height.max(1));
        let luma = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let chroma = (0..2 * half.height).flat_map(|y| (0..half.width).map(move |x| (x, y)));
        let mut seed = number.wrapping_mul(0x9e37_79b9) | 1;
        let mut out = self.samples.iter_mut();
        for ((x, y), sample) in luma.zip(&mut out) {
            let texture = 96 + (x * 5 / 4 + y / 2) % 48 + 12 * u32::from((x / 8 + y / 8) % 2 == 0);
            let inside = x.wrapping_sub(left) < side && y.wrapping_sub(top) < side;
            let value = texture + if inside { 50 } else { 0 };
            *sample = noisy(value, self.noise, &mut seed);
        }
        for ((x, y), sample) in chroma.zip(out) {
            *sample = noisy(110 + (x / 4 + y / 4) % 32, self.noise / 4, &mut seed);
        }
    }
}

fn noisy(value: u32, noise: u32, seed: &mut u32) -> u8 {
    // 32-bit xorshift.
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    let offset = (*seed >> 8) % (2 * noise + 1);
    u8::try_from((value + offset).saturating_sub(noise)).unwrap_or(u8::MAX)
}
