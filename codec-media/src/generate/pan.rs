//! A camera pans over a landscape.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "sizes stay below 16384; positions wrap on purpose"
)]

use codec_core::frame::Size;

use super::math::{blend, hash, value_noise, wave};
use super::{Painter, Yuv};

pub(super) struct TexturePan {
    seed: u32,
    /// Position of the camera, in 1/256 of a pixel.
    x: i32,
    y: i32,
    /// The nearer layer moves at three times the speed.
    near_x: i32,
    near_top: i32,
    height: i32,
}

impl TexturePan {
    pub(super) fn new(size: Size, seed: u64, time_ms: u64) -> Self {
        let seed = hash(&[0x9a4, seed]);
        let height = size.height as i32;
        // A seventh of the frame height each second, with a slow sway.
        let travel = (time_ms * u64::from(size.height) * 256 / 7000) as i32;
        let sway = wave(time_ms, 3700, seed, height * 8);
        Self {
            seed,
            x: travel,
            y: sway + travel / 5,
            near_x: travel.wrapping_mul(3),
            near_top: height * 3 / 4,
            height,
        }
    }
}

impl Painter for TexturePan {
    fn pixel(&self, x: i32, y: i32) -> Yuv {
        let (px, py) = (x * 256 + self.x, y * 256 + self.y);
        let coarse = value_noise(self.seed, px / 48, py / 48);
        let middle = value_noise(self.seed ^ 1, px / 12, py / 12);
        let fine = value_noise(self.seed ^ 2, px / 3, py / 3);
        let relief = (coarse * 4 + middle * 2 + fine) / 7;
        let ground = [40 + relief * 150 / 255, 150 - coarse / 5, 100 + middle / 6];
        // Bushes in the foreground with a ragged edge.
        let near = x * 256 + self.near_x;
        let edge = self.near_top + value_noise(self.seed ^ 3, near / 20, 0) * self.height / 1500;
        let cover = ((y - edge) * 128).clamp(0, 256);
        if cover == 0 {
            return ground;
        }
        let leaves = value_noise(self.seed ^ 4, near / 5, y * 256 / 5);
        blend(ground, [30 + leaves / 3, 110, 115], cover)
    }

    fn noise(&self) -> i32 {
        12
    }
}
