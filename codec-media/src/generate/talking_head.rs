//! A person who talks in front of a shelf.

#![expect(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "sizes stay below 16384; hashes wrap on purpose"
)]

use codec_core::frame::Size;

use super::math::{Ellipse, blend, drift, hash, hash2, value_noise, wave};
use super::{Painter, Yuv};

pub(super) struct TalkingHead {
    seed: u32,
    width: i32,
    height: i32,
    skin: Yuv,
    shirt: Yuv,
    torso: Ellipse,
    neck: Ellipse,
    hair: Ellipse,
    head: Ellipse,
    eyes: [Ellipse; 2],
    pupils: [Ellipse; 2],
    mouth: Ellipse,
    hand: Option<Ellipse>,
}

impl TalkingHead {
    pub(super) fn new(size: Size, seed: u64, time_ms: u64) -> Self {
        let seed = hash(&[0x4ead, seed]);
        let (width, height) = (size.width as i32, size.height as i32);
        // Lengths are in thousandths of the frame height; positions in 1/16 pixel.
        let len = |thousandths: i32| (height * 16 * thousandths) / 1000;
        let sway = wave(time_ms, 4300, seed, len(30)) + drift(seed, time_ms, 900) * len(14) / 256;
        let nod =
            wave(time_ms, 1900, seed >> 8, len(7)) + drift(!seed, time_ms, 500) * len(8) / 256;
        let (x, y) = (width * 8 + sway, len(430) + nod);
        let ellipse = |dx: i32, dy: i32, rx: i32, ry: i32| {
            Ellipse::new(x + len(dx), y + len(dy), len(rx), len(ry))
        };
        let blink = time_ms % (2600 + u64::from(seed % 900)) < 140;
        let lid = if blink { 3 } else { 14 };
        // Syllables of about a seventh of a second, and pauses between sentences.
        let talking = drift(seed ^ 5, time_ms, 1700) > -110;
        let open = if talking { (drift(seed ^ 6, time_ms, 140) + 256) * 22 / 512 } else { 0 };
        let gaze = drift(seed ^ 7, time_ms, 800) * len(6) / 256;
        let eye = |dx: i32| ellipse(dx, -35, 26, lid);
        let pupil = |dx: i32| Ellipse::new(x + len(dx) + gaze, y + len(-35), len(10), len(lid - 3));
        let gesture = drift(seed ^ 8, time_ms, 2100);
        let hand = (gesture > 60).then(|| {
            let lift = (gesture - 60) * len(330) / 196;
            let shake = wave(time_ms, 610, seed, len(35));
            Ellipse::new(width * 8 + len(330) + shake, len(1080) - lift, len(60), len(75))
        });
        Self {
            seed,
            width,
            height,
            skin: [150 - (seed >> 4 & 31) as i32, 112, 150],
            shirt: [60 + (seed >> 9 & 63) as i32, 100 + (seed >> 15 & 63) as i32, 118],
            torso: Ellipse::new(width * 8 + sway / 3, len(1080), len(400), len(400)),
            neck: Ellipse::new(x - sway / 3, y + len(230), len(75), len(130)),
            hair: ellipse(0, -45, 175, 215),
            head: ellipse(0, 0, 150, 205),
            eyes: [eye(-60), eye(60)],
            pupils: [pupil(-60), pupil(60)],
            mouth: ellipse(0, 105, 48 - open / 2, 5 + open),
            hand,
        }
    }

    /// The static wall and shelf.
    fn background(&self, x: i32, y: i32) -> Yuv {
        let wall = 120 + x * 50 / self.width.max(1) - y * 20 / self.height.max(1)
            + value_noise(self.seed ^ 10, x * 20, y * 20) / 16;
        let unit = (self.height / 90).max(1);
        let (book, shelf) = (x / (unit * 3), y / (unit * 18));
        let on_shelf = x < self.width / 3 && y < self.height * 3 / 4;
        if !on_shelf {
            return [wall, 124, 132];
        }
        if y % (unit * 18) < unit * 2 {
            return [70, 118, 140];
        }
        let random = hash2(self.seed ^ 11, book as u32, shelf as u32);
        let height = unit * 18 - (random % (unit as u32 * 7 + 1)) as i32;
        if unit * 18 - y % (unit * 18) > height {
            return [48, 126, 130];
        }
        let spine = if x % (unit * 3) == 0 { -25 } else { 0 };
        let (u, v) = ((random >> 16 & 63) as i32, (random >> 24 & 63) as i32);
        [60 + (random >> 8 & 127) as i32 + spine, 96 + u, 96 + v]
    }

    fn face(&self, under: Yuv, x: i32, y: i32) -> Yuv {
        let mut color = blend(under, [45, 120, 136], self.hair.cover(x, y));
        let cover = self.head.cover(x, y);
        if cover == 0 {
            return color;
        }
        let (right, down) = self.head.relative(x, y);
        // Light from the upper left, rounded by the square of the offset; skin texture moves along.
        let shade = -right / 10 - down / 16 - (right * right) / 2600;
        let pores = value_noise(self.seed ^ 12, right * 24, down * 32) / 24;
        let [luma, u, v] = self.skin;
        color = blend(color, [luma + shade + pores, u, v], cover);
        for (eye, pupil) in self.eyes.iter().zip(&self.pupils) {
            color = blend(color, [205, 128, 128], eye.cover(x, y));
            color = blend(color, [35, 132, 124], pupil.cover(x, y));
        }
        blend(color, [70, 118, 165], self.mouth.cover(x, y))
    }
}

impl Painter for TalkingHead {
    fn pixel(&self, x: i32, y: i32) -> Yuv {
        let mut color = self.background(x, y);
        let torso = self.torso.cover(x, y);
        if torso > 0 {
            let (right, down) = self.torso.relative(x, y);
            let weave = value_noise(self.seed ^ 13, right * 40, down * 40) / 20;
            let stripe = if (down >> 4) & 3 == 0 { 18 } else { 0 };
            let [luma, u, v] = self.shirt;
            color = blend(color, [luma + weave + stripe - right / 14, u, v], torso);
        }
        let [luma, u, v] = self.skin;
        color = blend(color, [luma - 28, u, v], self.neck.cover(x, y));
        color = self.face(color, x, y);
        match &self.hand {
            Some(hand) => blend(color, [luma + 8, u, v], hand.cover(x, y)),
            None => color,
        }
    }

    fn noise(&self) -> i32 {
        26
    }
}
