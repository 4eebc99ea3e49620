//! The frames of an input after cropping, rotating and scaling, as the encoder gets them.

use codec_core::frame::{Picture, Rational, Size};

use crate::Env;
use crate::failure::{Failure, Result};
use crate::frame::transform::Transform;
use crate::io::source::FrameSource;
use crate::io::video;
use crate::settings::encoding::Encoding;

/// An opened input.
pub(super) struct Frames {
    source: Box<dyn FrameSource>,
    transform: Transform,
    pub(super) size: Size,
    pub(super) frame_rate: Rational,
    pub(super) time_base: Rational,
    /// Number of frames of the input, if it is known.
    count: Option<u64>,
    skip: u64,
}

impl Frames {
    /// Opens the input of `settings`. Problems of the input are reported by the encode.
    pub(super) fn open(settings: &Encoding, env: &Env) -> Result<Self> {
        let source = video::open(&settings.input, &settings.decode_options(), &env.quiet())?;
        let info = source.stream_info().clone();
        let mut transform = settings.transform();
        let (size, _) = transform.begin(info.size, info.info)?;
        let (frame_rate, time_base) = (info.frame_rate, info.time_base);
        let (count, skip) = (info.count, settings.skip);
        Ok(Self { source, transform, size, frame_rate, time_base, count, skip })
    }

    /// Number of frames to encode; reads the input if its header has no number.
    pub(super) fn total(&self, settings: &Encoding, env: &Env) -> Result<u64> {
        let count = match self.count {
            Some(count) => count,
            None => count(settings, env)?,
        };
        Ok(count.saturating_sub(self.skip).min(settings.frames.unwrap_or(u64::MAX)))
    }

    /// Passes the frames up to number `end`, which `wants` a number, to `take`, with their numbers and times. Frames of another
    /// size are omitted, and an error of the input ends the frames, as it will end the encode.
    pub(super) fn read(
        mut self,
        end: u64,
        wants: impl Fn(u64) -> bool,
        mut take: impl FnMut(u64, &Picture<'_>, i64) -> Result<()>,
        env: &Env,
    ) -> Result<()> {
        for number in 0..self.skip.saturating_add(end) {
            if env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            let Ok(Some(shot)) = self.source.next() else { break };
            let Some(number) = number.checked_sub(self.skip).filter(|&number| wants(number)) else {
                continue;
            };
            let picture = self.transform.apply(shot.picture)?;
            if picture.size() == self.size {
                take(number, &picture, shot.pts)?;
            }
        }
        Ok(())
    }
}

/// Counts the frames of the input of `settings` by reading it.
pub(super) fn count(settings: &Encoding, env: &Env) -> Result<u64> {
    let mut source = video::open(&settings.input, &settings.decode_options(), &env.quiet())?;
    let mut count = 0;
    while let Ok(Some(_)) = source.next() {
        count += 1;
        if env.stop.is_requested() {
            return Err(Failure::interrupted(false));
        }
    }
    Ok(count)
}
