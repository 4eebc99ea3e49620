//! A clapper: a black frame, and every three seconds a white flash and a click at the same time, both
//! a tenth of a second long. After processing, they show how far audio and video drifted apart.

use codec_core::frame::Rational;

use super::{Painter, Yuv};

/// First flash and interval between flashes, in milliseconds: two seconds of rest, as detectors of
/// black and of silence require.
const FIRST_MS: u64 = 2500;
const PERIOD_MS: u64 = 3000;
const LENGTH_MS: u64 = 100;

/// Number of the flash at `time_ms`, if any.
fn flash_at(time_ms: u64) -> Option<u64> {
    let since = time_ms.checked_sub(FIRST_MS)?;
    (since % PERIOD_MS < LENGTH_MS).then_some(since / PERIOD_MS)
}

pub(super) struct Clapper {
    white: bool,
}

impl Clapper {
    pub(super) fn new(time_ms: u64) -> Self {
        Self { white: flash_at(time_ms).is_some() }
    }
}

impl Painter for Clapper {
    fn pixel(&self, _x: i32, _y: i32) -> Yuv {
        if self.white { [235, 128, 128] } else { [16, 128, 128] }
    }
}

/// The clicks: each begins with the first frame of its flash and lasts a tenth of a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clicks {
    rate: u64,
    framerate: Rational,
}

impl Clicks {
    pub(super) fn new(rate: u32, framerate: Rational) -> Self {
        Self { rate: rate.into(), framerate }
    }

    /// Samples since the start of the click at sample `index`, if any.
    pub(super) fn position(&self, index: u64) -> Option<u64> {
        let (num, den) = (u64::from(self.framerate.num), u64::from(self.framerate.den));
        let length = self.rate * LENGTH_MS / 1000;
        // The most recent flash, as exactly as frames allow.
        let time_ms = index * 1000 / self.rate;
        let number = time_ms.checked_sub(FIRST_MS)? / PERIOD_MS;
        let starts = [number, number.saturating_sub(1)].map(|number| {
            let flash_ms = FIRST_MS + number * PERIOD_MS;
            // Frames are drawn at their time in whole milliseconds, rounded down.
            let frame = (flash_ms * num).div_ceil(1000 * den);
            (frame * den * self.rate).div_ceil(num)
        });
        let since = starts.iter().find_map(|start| index.checked_sub(*start))?;
        (since < length).then_some(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_begin_with_the_first_white_frame() {
        for framerate in [(10, 1), (24, 1), (25, 1), (30000, 1001), (30, 1), (60, 1)] {
            let framerate = Rational::new(framerate.0, framerate.1);
            let (num, den) = (u64::from(framerate.num), u64::from(framerate.den));
            let clicks = Clicks::new(48_000, framerate);
            let mut white_before = false;
            for frame in 0..(20 * num).div_ceil(den) {
                let white = flash_at(frame * 1000 * den / num).is_some();
                let sample = (frame * den * 48_000).div_ceil(num);
                if white && !white_before {
                    assert_eq!(clicks.position(sample), Some(0), "{framerate} frame {frame}");
                    assert_eq!(clicks.position(sample - 1), None, "{framerate} frame {frame}");
                    assert_eq!(clicks.position(sample + 4799), Some(4799));
                    assert_eq!(clicks.position(sample + 4800), None);
                }
                white_before = white;
            }
        }
    }
}
