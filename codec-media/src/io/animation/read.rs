//! Animated images as frames with their times.

use std::io::Read;

use codec_core::codec::Limits;
use codec_core::frame::{Color, Rational, SampleFormat};

use super::AnimationFormat;
use super::content::{Animation, MAX_FRAMES};
use super::gif_reader::GifReader;
use super::webp_reader::WebpReader;
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::frame::convert;
use crate::frame::planes::Planes;
use crate::io::source::{Damage, FrameSource, SourceFrame, StreamInfo};
use crate::io::stills::read::{check_size, read_all};
use crate::values::Samples;

/// Maximum number of pixels of a frame for any `--limits`, because decoders calculate sizes in 32 bits.
const MAX_PIXELS: u64 = 1 << 28;
/// Browsers show frames with delays up to 10 ms for 100 ms.
const LEAST_DELAY_MS: u32 = 11;
const USUAL_DELAY_MS: u32 = 100;

/// The frames of an animated image, on white.
pub(crate) struct AnimationSource {
    stream_info: StreamInfo,
    reader: Reader,
    name: String,
    env: Env,
    /// Whether damage ends the animation without an error.
    conceal: bool,
    damage: Damage,
    /// The duration of each frame in ticks.
    delays: Vec<u32>,
    /// Number of frames delivered.
    next: usize,
    pts: i64,
    planes: Planes,
    coded_bytes: u64,
    /// Whether there was a note about transparency.
    is_noted: bool,
}

enum Reader {
    Gif(Box<GifReader>),
    WebP(Box<WebpReader>),
}

impl AnimationSource {
    /// Reads all of `input`. `conceal`: damage ends the animation without an error.
    ///
    /// # Errors
    /// If the file is damaged, exceeds the limits or cannot be read.
    pub(crate) fn new(
        input: impl Read,
        format: AnimationFormat,
        name: &str,
        (limits, conceal): (&Limits, bool),
        env: &Env,
    ) -> Result<Self> {
        let file = read_all(input, name, limits)?;
        let coded_bytes = file.len() as u64;
        let (reader, animation, ticks_per_second) = match format {
            AnimationFormat::Gif => {
                let (reader, animation) = GifReader::new(file, limits)
                    .map_err(|why| Failure::new(Kind::Corrupt, format!("{name}: {why}")))?;
                (Reader::Gif(Box::new(reader)), animation, 100)
            }
            AnimationFormat::WebP => {
                let (reader, animation) = WebpReader::new(file, limits)
                    .map_err(|why| Failure::new(Kind::Corrupt, format!("{name}: {why}")))?;
                (Reader::WebP(Box::new(reader)), animation, 1000)
            }
        };
        let Animation { size, mut delays, repeats } = animation;
        check_size(size, name, limits)?;
        let pixels = u64::from(size.width) * u64::from(size.height);
        if pixels > MAX_PIXELS || delays.len() > MAX_FRAMES {
            let message = if pixels > MAX_PIXELS {
                format!("{name}: {size} is more than {MAX_PIXELS} pixels, the limit for animations")
            } else {
                format!("{name}: more than {MAX_FRAMES} frames, the limit for animations")
            };
            return Err(Failure::new(Kind::Input, message));
        }
        if delays.is_empty() || pixels == 0 {
            return Err(Failure::new(Kind::Corrupt, format!("{name}: no frames")));
        }
        env.events.detail(format!("{name}: the animation plays {repeats}; one repetition is read"));
        for delay in &mut delays {
            *delay = shown_ticks(*delay, ticks_per_second);
        }
        let mut planes = Planes::default();
        planes.reset(size);
        planes.info.color = Color::default().or_default_for(size);
        let stream_info = StreamInfo {
            samples: SampleFormat::YUV420,
            size,
            time_base: Rational::new(1, ticks_per_second),
            frame_rate: mean_rate(&delays, ticks_per_second),
            count: Some(delays.len() as u64),
            info: planes.info,
            kind: format.name().to_owned(),
            title: None,
        };
        let (name, env) = (name.to_owned(), env.clone());
        let (next, pts, is_noted) = (0, 0, false);
        Ok(Self {
            stream_info,
            reader,
            name,
            env,
            conceal,
            damage: Damage::default(),
            delays,
            next,
            pts,
            planes,
            coded_bytes,
            is_noted,
        })
    }
}

/// The time for which browsers show a frame of this delay.
fn shown_ticks(delay: u32, ticks_per_second: u32) -> u32 {
    let is_short = delay.saturating_mul(1000 / ticks_per_second) < LEAST_DELAY_MS;
    if is_short { USUAL_DELAY_MS * ticks_per_second / 1000 } else { delay }
}

/// The number of frames in their duration.
fn mean_rate(delays: &[u32], ticks_per_second: u32) -> Rational {
    let ticks: u64 = delays.iter().copied().map(u64::from).sum();
    let frames = delays.len() as u64 * u64::from(ticks_per_second);
    let (mut a, mut b) = (frames, ticks.max(1));
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let (mut num, mut den) = (frames / a.max(1), ticks.max(1) / a.max(1));
    // The limits on frames and on delays allow more bits than a rate has.
    while num > u64::from(u32::MAX) || den > u64::from(u32::MAX) {
        (num, den) = ((num / 2).max(1), (den / 2).max(1));
    }
    let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    Rational::new(narrow(num), narrow(den))
}

impl FrameSource for AnimationSource {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        let corrupt = |why| {
            let at = self.next;
            Failure::new(Kind::Corrupt, format!("{}: frame {at}: {why}", self.name))
        };
        let (composed, canvas) = match &mut self.reader {
            Reader::Gif(reader) => (reader.read(), reader.canvas()),
            Reader::WebP(reader) => (reader.read(), reader.canvas()),
        };
        let composed = match composed.map_err(corrupt) {
            Err(failure) if self.conceal => {
                // The decoders cannot continue after damage.
                if self.damage.lost_packets == 0 {
                    self.env.events.warn(failure.message);
                }
                self.damage.lost_packets = 1;
                None
            }
            composed => composed?,
        };
        let Some(composed) = composed else { return Ok(None) };
        if composed.has_transparency && !std::mem::replace(&mut self.is_noted, true) {
            self.env.events.note(format!("{}: transparent areas are shown on white", self.name));
        }
        convert::from_packed(Samples::Rgb24, canvas, &mut self.planes)?;
        let duration = self.delays.get(self.next).copied().unwrap_or(1);
        let pts = self.pts;
        self.next += 1;
        self.pts += i64::from(duration);
        let picture = self.planes.picture()?;
        Ok(Some(SourceFrame { picture, pts, duration: Some(duration.into()) }))
    }

    fn damage(&self) -> Damage {
        self.damage
    }

    fn coded_bytes(&self) -> u64 {
        self.coded_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_delays_last_as_in_browsers() {
        for (delay, shown) in [(0, 10), (1, 10), (2, 2), (10, 10), (65535, 65535)] {
            assert_eq!(shown_ticks(delay, 100), shown);
        }
        for (delay, shown) in [(0, 100), (10, 100), (11, 11), (40, 40)] {
            assert_eq!(shown_ticks(delay, 1000), shown);
        }
    }

    #[test]
    fn the_rate_is_that_of_all_frames() {
        assert_eq!(mean_rate(&[4, 4, 4], 100), Rational::new(25, 1));
        assert_eq!(mean_rate(&[3, 3, 4], 100), Rational::new(30, 1));
        assert_eq!(mean_rate(&[65535], 100), Rational::new(20, 13107));
        let many = vec![u32::MAX - 2; 1001];
        let rate = mean_rate(&many, 1000).as_f64();
        assert!((rate - 1000.0 / f64::from(u32::MAX - 2)).abs() < 1e-9);
    }
}
