//! Writes GIF. Each frame has a palette and the rectangle of pixels that have changed.

use std::borrow::Cow;
use std::io::{BufWriter, Write};

use codec_core::frame::{Picture, Rational, Size};
use gif::{DisposalMethod, Encoder, EncodingError, Frame, Repeat};

use super::palette::{Color, Palette};
use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::frame::convert;
use crate::frame::planes::Planes;
use crate::io::output::OutputFile;
use crate::values::Samples;

/// The shortest delay that browsers keep, in hundredths of a second.
const LEAST_DELAY: i64 = 2;
/// Difference of a channel that is not visible: such pixels keep their colour.
const TOLERANCE: u8 = 3;

type Out = BufWriter<Box<dyn Write + Send>>;

/// Writes frames with their times, in an endless loop.
pub(crate) struct GifWriter {
    encoder: Encoder<Out>,
    name: String,
    env: Env,
    size: Size,
    frame_rate: Rational,
    /// Seconds per tick of the frames.
    time_base: Rational,
    planes: Planes,
    /// The pixels that are shown, before their colours were reduced.
    shown: Vec<Color>,
    /// The last frame, which waits for its end.
    waiting: Option<Waiting>,
    /// The time of the first frame in ticks.
    origin: Option<i64>,
    /// The end of the last frame in hundredths of a second.
    end: i64,
    frames: u64,
    dropped: u64,
}

struct Waiting {
    pixels: Vec<Color>,
    /// Start in hundredths of a second.
    start: i64,
}

/// The part of a frame that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Changed {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl GifWriter {
    /// Begins a file for frames of one size.
    ///
    /// # Errors
    /// If the size is not possible, or the file cannot be written.
    pub(crate) fn new(
        output: &OutputFile,
        size: Size,
        [frame_rate, time_base]: [Rational; 2],
        env: &Env,
    ) -> Result<Self> {
        let name = output.name.clone();
        let (Ok(width), Ok(height)) = (u16::try_from(size.width), u16::try_from(size.height))
        else {
            let message =
                format!("cannot write {name}: {size} exceeds the limit of GIF, 65535x65535");
            return Err(Failure::usage(format!("{message}\nhelp: use a smaller --resize")));
        };
        let out = BufWriter::with_capacity(1 << 16, output.writer()?);
        let mut encoder =
            Encoder::new(out, width, height, &[]).map_err(|error| failed(&name, error))?;
        encoder.set_repeat(Repeat::Infinite).map_err(|error| failed(&name, error))?;
        Ok(Self {
            encoder,
            name,
            env: env.clone(),
            size,
            frame_rate,
            time_base,
            planes: Planes::default(),
            shown: Vec::new(),
            waiting: None,
            origin: None,
            end: 0,
            frames: 0,
            dropped: 0,
        })
    }

    /// Adds a frame of 8-bit 4:2:0; times are in ticks.
    pub(crate) fn write(
        &mut self,
        picture: &Picture<'_>,
        pts: i64,
        duration: Option<u64>,
    ) -> Result<()> {
        if !picture.is_yuv420() || picture.size() != self.size {
            return Err(Failure::internal("GIF is written from 8-bit 4:2:0 frames of one size"));
        }
        let origin = *self.origin.get_or_insert(pts);
        let pts = pts.saturating_sub(origin);
        let start = self.hundredths(pts);
        let ticks = duration.and_then(|ticks| i64::try_from(ticks).ok());
        self.end = match ticks {
            Some(ticks) => self.hundredths(pts.saturating_add(ticks)),
            None => start + rounded(100.0 / self.frame_rate.as_f64()),
        };
        if self.waiting.as_ref().is_some_and(|waiting| start - waiting.start < LEAST_DELAY) {
            self.dropped += 1;
            return Ok(());
        }
        self.planes.copy_from(picture);
        let mut rgb = Vec::new();
        convert::to_samples(&self.planes, Samples::Rgb24, &mut rgb)?;
        let pixels = rgb.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        if let Some(earlier) = self.waiting.replace(Waiting { pixels, start }) {
            self.put(&earlier, start)?;
        }
        Ok(())
    }

    /// Rounds a time, not the difference of times, so that errors do not add up.
    #[expect(clippy::cast_precision_loss, reason = "times of media are below 2^53 ticks")]
    fn hundredths(&self, ticks: i64) -> i64 {
        rounded(100.0 * ticks as f64 * self.time_base.as_f64())
    }

    /// Writes a frame that is shown until `end`.
    fn put(&mut self, frame: &Waiting, end: i64) -> Result<()> {
        let mut left = (end - frame.start).max(LEAST_DELAY);
        let width = self.size.width as usize;
        let mut changed = Changed::between(&self.shown, &frame.pixels, width);
        while left > 0 {
            // Longer delays continue with frames without a change, which have the least delay at least.
            let most = i64::from(u16::MAX);
            let delay = if left > most { most - LEAST_DELAY } else { left };
            left -= delay;
            let delay = u16::try_from(delay).unwrap_or(u16::MAX);
            let coded = match changed.take() {
                Some(area) => changed_frame(&self.shown, &frame.pixels, area, width),
                None => unchanged_frame(),
            };
            let coded = Frame { delay, ..coded };
            self.encoder.write_frame(&coded).map_err(|error| failed(&self.name, error))?;
        }
        update(&mut self.shown, &frame.pixels);
        self.frames += 1;
        Ok(())
    }

    /// Writes the last frame and the end of the file.
    pub(crate) fn finish(mut self) -> Result<()> {
        if let Some(last) = self.waiting.take() {
            let end = self.end;
            self.put(&last, end)?;
        }
        let written = self.encoder.into_inner().map_err(|error| failed(&self.name, error));
        written?.flush().map_err(|error| Failure::output(&self.name, error))?;
        if self.dropped > 0 {
            let dropped = counted(self.dropped, "frame");
            self.env
                .events
                .warn(format!("GIF has at most 50 frames per second: dropped {dropped}"));
        }
        Ok(())
    }
}

impl Changed {
    /// The rectangle of the pixels that differ visibly; `None` if there are none. All of the first frame.
    fn between(shown: &[Color], pixels: &[Color], width: usize) -> Option<Self> {
        let height = pixels.len() / width.max(1);
        if shown.len() != pixels.len() {
            return Some(Self { left: 0, top: 0, right: width, bottom: height });
        }
        let mut found: Option<Self> = None;
        for (y, (before, after)) in
            shown.chunks_exact(width).zip(pixels.chunks_exact(width)).enumerate()
        {
            let mut pairs = before.iter().zip(after);
            let Some(first) = pairs.position(|(before, after)| differ(*before, *after)) else {
                continue;
            };
            let last =
                before.iter().zip(after).rposition(|(before, after)| differ(*before, *after));
            let (first, after_last) = (first, last.unwrap_or(first) + 1);
            found = Some(match found {
                None => Self { left: first, top: y, right: after_last, bottom: y + 1 },
                Some(area) => Self {
                    left: area.left.min(first),
                    right: area.right.max(after_last),
                    bottom: y + 1,
                    ..area
                },
            });
        }
        found
    }
}

fn differ(before: Color, after: Color) -> bool {
    before.iter().zip(after).any(|(&before, after)| before.abs_diff(after) > TOLERANCE)
}

/// Notes the colours of the pixels that have changed.
fn update(shown: &mut Vec<Color>, pixels: &[Color]) {
    if shown.len() != pixels.len() {
        *shown = pixels.to_vec();
        return;
    }
    for (before, &after) in shown.iter_mut().zip(pixels) {
        if differ(*before, after) {
            *before = after;
        }
    }
}

/// The frame of an area; pixels without a change are transparent.
fn changed_frame(shown: &[Color], pixels: &[Color], area: Changed, width: usize) -> Frame<'static> {
    let is_first = shown.len() != pixels.len();
    let positions = (area.top..area.bottom)
        .flat_map(|y| (area.left..area.right).map(move |x| (x, y, y * width + x)));
    let changes = |at: usize| is_first || differ(shown[at], pixels[at]);
    let needed = positions.clone().filter(|&(.., at)| changes(at)).map(|(.., at)| pixels[at]);
    let mut palette = Palette::of(needed);
    let transparent = u8::try_from(palette.colors.len()).unwrap_or(u8::MAX);
    let index = |(x, y, at): (usize, usize, usize)| {
        if changes(at) { palette.index(pixels[at], x, y) } else { transparent }
    };
    let buffer: Vec<u8> = positions.map(index).collect();
    let mut colors = palette.colors.concat();
    colors.extend_from_slice(&[0; 3]);
    let narrow = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
    Frame {
        left: narrow(area.left),
        top: narrow(area.top),
        width: narrow(area.right - area.left),
        height: narrow(area.bottom - area.top),
        dispose: DisposalMethod::Keep,
        transparent: (!is_first).then_some(transparent),
        palette: Some(colors),
        buffer: Cow::Owned(buffer),
        ..Frame::default()
    }
}

/// A frame of one transparent pixel.
fn unchanged_frame() -> Frame<'static> {
    Frame {
        width: 1,
        height: 1,
        dispose: DisposalMethod::Keep,
        transparent: Some(0),
        palette: Some(vec![0; 6]),
        buffer: Cow::Borrowed(&[0]),
        ..Frame::default()
    }
}

fn failed(name: &str, error: EncodingError) -> Failure {
    match error {
        EncodingError::Io(error) => Failure::output(name, error),
        error => Failure::new(Kind::Output, format!("cannot write {name}: {error}")),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float outside of the range saturates")]
fn rounded(value: f64) -> i64 {
    value.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Color = [10, 20, 30];
    const B: Color = [200, 20, 30];

    #[test]
    fn only_the_rectangle_of_changed_pixels_is_written() {
        let shown = vec![A; 12];
        let mut pixels = shown.clone();
        assert_eq!(Changed::between(&shown, &pixels, 4), None);
        (pixels[5], pixels[10]) = (B, B);
        // Not visible.
        pixels[0] = [12, 20, 30];
        let area = Changed::between(&shown, &pixels, 4).unwrap();
        assert_eq!(area, Changed { left: 1, top: 1, right: 3, bottom: 3 });
        let frame = changed_frame(&shown, &pixels, area, 4);
        assert_eq!((frame.left, frame.top, frame.width, frame.height), (1, 1, 2, 2));
        assert_eq!(frame.transparent, Some(1));
        assert_eq!(*frame.buffer, [0, 1, 1, 0]);
        let mut next = shown;
        update(&mut next, &pixels);
        assert_eq!((next[0], next[5]), (A, B));
        let whole = Changed::between(&[], &pixels, 4).unwrap();
        assert_eq!(changed_frame(&[], &pixels, whole, 4).transparent, None);
    }
}
