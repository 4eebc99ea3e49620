//! A static slide: headline, paragraphs, bars and an image.

#![expect(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "sizes stay below 16384")]

use codec_core::frame::Size;

use super::math::{hash, hash2, value_noise};
use super::text::Text;
use super::{Painter, Yuv};

pub(super) struct Slide {
    seed: u32,
    width: i32,
    height: i32,
    headline: Text,
    body: Text,
}

const BARS: i32 = 6;

impl Slide {
    pub(super) fn new(size: Size, seed: u64) -> Self {
        let seed = hash(&[0x511de, seed]);
        let (width, height) = (size.width as i32, size.height as i32);
        let scale = (height / 300).max(1);
        Self {
            seed,
            width,
            height,
            headline: Text { seed, scale: scale * 3, columns: (width / (26 * scale)).max(1) },
            body: Text { seed: seed ^ 1, scale, columns: (width / (15 * scale)).max(1) },
        }
    }

    /// The bars, in the lower right quarter; `x` and `y` count from its top left corner.
    fn bars(&self, x: i32, y: i32) -> Option<Yuv> {
        let (width, height) = (self.width * 2 / 5, self.height * 2 / 5);
        if x < 0 || y < 0 || x >= width || y >= height {
            return None;
        }
        let bar = x * BARS / width.max(1);
        let inside = x * BARS * 4 / width.max(1) % 4 != 3;
        let top = (hash2(self.seed, bar as u32, 77) % 80) as i32 * height / 100;
        let colors = [[90, 180, 110], [140, 90, 170], [170, 70, 140]];
        (inside && y >= top).then(|| colors[bar as usize % 3])
    }
}

impl Painter for Slide {
    fn pixel(&self, x: i32, y: i32) -> Yuv {
        let (width, height) = (self.width, self.height);
        let bar_height = height / 5;
        if y < bar_height {
            let ink = self.headline.ink(x - width / 24, y - height / 16);
            let inside = ink.0 == 0 && ink.1;
            return if inside { [230, 128, 128] } else { [60 + x * 40 / width.max(1), 160, 110] };
        }
        let (right, middle) = (width * 11 / 20, height * 11 / 20);
        if let Some(color) = self.bars(x - right, y - middle) {
            return color;
        }
        let picture_x = x - right;
        let picture_y = y - bar_height - height / 20;
        if (0..width * 2 / 5).contains(&picture_x) && (0..height / 4).contains(&picture_y) {
            let relief = value_noise(self.seed ^ 9, picture_x * 12, picture_y * 12);
            return [50 + relief / 2, 120 + relief / 16, 140 - relief / 12];
        }
        let (line, ink) = self.body.ink(x - width / 24, y - bar_height - height / 20);
        if ink && line >= 0 && x < right { [36, 128, 128] } else { [234, 128, 128] }
    }
}
