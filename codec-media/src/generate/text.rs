//! Lines of small text that scroll upwards.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "sizes stay below 16384; hashes wrap on purpose"
)]

use codec_core::frame::Size;

use super::math::{hash, hash2};
use super::{Painter, Yuv, font};

/// An endless column of text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    pub(super) seed: u32,
    /// Pixels per dot.
    pub(super) scale: i32,
    /// Longest line, in characters.
    pub(super) columns: i32,
}

impl Text {
    /// The line number, and whether the pixel has ink; coordinates count from the text's top left
    /// corner.
    pub(super) fn ink(&self, x: i32, y: i32) -> (i32, bool) {
        let (cell_width, cell_height) = font::CELL;
        let (dot_x, dot_y) = (x.div_euclid(self.scale), y.div_euclid(self.scale));
        let (column, line) = (dot_x.div_euclid(cell_width), dot_y.div_euclid(cell_height));
        let length = self.columns / 3
            + (hash2(self.seed, line as u32, 0xffff) % (self.columns as u32 * 2 / 3 + 1)) as i32;
        let random = hash2(self.seed, line as u32, column as u32);
        let is_space = random >> 8 & 7 == 0;
        if column < 0 || column >= length || is_space {
            return (line, false);
        }
        (line, font::dot(random, dot_x.rem_euclid(cell_width), dot_y.rem_euclid(cell_height)))
    }
}

pub(super) struct ScrollingText {
    text: Text,
    margin: i32,
    scroll: i32,
    dark: bool,
}

impl ScrollingText {
    pub(super) fn new(size: Size, seed: u64, time_ms: u64) -> Self {
        let scale = (size.height as i32 / 300).max(1);
        let margin = size.width as i32 / 32;
        let columns = ((size.width as i32 - 2 * margin) / (font::CELL.0 * scale)).max(1);
        // Forty dots a second: whole pixels, as when a window scrolls.
        let scroll = (time_ms * 40 * scale as u64 / 1000) as i32;
        let text = Text { seed: hash(&[0x7e7, seed]), scale, columns };
        Self { text, margin, scroll, dark: seed % 2 == 1 }
    }
}

impl Painter for ScrollingText {
    fn pixel(&self, x: i32, y: i32) -> Yuv {
        let (line, ink) = self.text.ink(x - self.margin, y + self.scroll);
        // Occasionally a coloured line, as in editors.
        let tint = match hash2(self.text.seed, line as u32, 0xc010) % 6 {
            0 => [100, 160],
            1 => [150, 90],
            2 => [108, 104],
            _ => [128, 128],
        };
        match (self.dark, ink) {
            (true, false) => [30, 132, 126],
            (true, true) => [200, tint[0], tint[1]],
            (false, false) => [232, 128, 128],
            (false, true) => [40, tint[0], tint[1]],
        }
    }
}
