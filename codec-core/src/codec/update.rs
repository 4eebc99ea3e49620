//! Changes to a running encoder.

use std::sync::Arc;

use super::{Bitrate, Content, Denoise, DropPolicy, EncoderConfig, RateControl, Scalability, Tune};
use crate::error::ConfigError;
use crate::frame::{Rational, Size};
use crate::parallel::Pool;

/// A change to a running encoder.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// New target bitrate; the rate control mode (CBR or VBR) stays.
    Bitrate(Bitrate),
    /// New rate control mode and target.
    Rate(RateControl),
    /// New lowest and highest quantiser index, as [`super::RateConfig::min_qindex`] and `max_qindex`;
    /// `None` restores the preset's value.
    QindexRange(Option<u8>, Option<u8>),
    /// New nominal frame rate.
    FrameRate(Rational),
    /// New frame size; the next frame is a key frame.
    Resolution(Size),
    /// Code the next frame as a key frame.
    KeyFrame,
    /// Whether frames may be dropped.
    Drops(DropPolicy),
    /// New type of content.
    Content(Content),
    /// New setting of the denoiser.
    Denoise(Denoise),
    /// New quality measure to optimise for.
    Tune(Tune),
    /// New speed, 0 (best quality) to 10 (fastest).
    Speed(u8),
    /// New thread pool, for more or fewer threads; `None` uses only the caller's thread. The coded bytes
    /// do not depend on it.
    Pool(Option<Arc<dyn Pool>>),
    /// New time limit per frame in microseconds, for an encoder that was opened with a
    /// [`super::Deadline`].
    MaxFrameTime(u64),
    /// New scalability mode, with the same spatial layers and prediction between them.
    Scalability(Scalability),
    /// Number of active temporal layers: frames of higher layers are dropped. The mode's number of
    /// layers enables all of them.
    ActiveTemporalLayers(u8),
    /// Number of active spatial layers: higher layers are not coded, and their share of the bitrate is not
    /// used. A layer that becomes active starts with the next superframe of the temporal base layer, predicted
    /// from the next lower layer; the lower layers continue without a key frame.
    ActiveSpatialLayers(u8),
    /// New value of a codec-specific setting, by knob name.
    Knob(String, i64),
}

/// When an [`Update`] takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// From the next frame on.
    NextFrame,
    /// From the next frame on, which will be a key frame.
    NextFrameAsKey,
}

impl EncoderConfig {
    /// Changes the settings as an encoder's [`super::VideoEncoder::apply`] does, so that a new
    /// encoder with these settings continues where the other one was. Values are not checked; see
    /// [`super::Capabilities::check_update`].
    ///
    /// [`Update::KeyFrame`], [`Update::ActiveTemporalLayers`] and [`Update::ActiveSpatialLayers`] change no
    /// setting.
    ///
    /// ```
    /// use codec_core::codec::{Bitrate, EncoderConfig, RateControl, Update};
    ///
    /// let mut config = EncoderConfig::new(640, 360);
    /// config.apply(&Update::Bitrate(Bitrate::kbps(400)))?;
    /// config.apply(&Update::Speed(9))?;
    /// assert_eq!((config.rate.mode, config.speed), (RateControl::Cbr(Bitrate::kbps(400)), 9));
    /// # Ok::<(), codec_core::error::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// For a bitrate in a mode without one, and for a time limit without a
    /// [`deadline`](Self::deadline). Nothing has changed.
    pub fn apply(&mut self, update: &Update) -> Result<(), ConfigError> {
        match update {
            Update::Bitrate(bitrate) => {
                self.rate.mode = self.rate.mode.with_bitrate(*bitrate).ok_or_else(|| {
                    ConfigError::conflict("bitrate", "the rate control mode has no bitrate")
                })?;
            }
            Update::Rate(mode) => self.rate.mode = *mode,
            Update::QindexRange(min, max) => {
                (self.rate.min_qindex, self.rate.max_qindex) = (*min, *max);
            }
            Update::FrameRate(framerate) => self.framerate = *framerate,
            Update::Resolution(size) => self.size = *size,
            Update::Drops(drops) => self.rate.drops = *drops,
            Update::Content(content) => self.content = *content,
            Update::Denoise(denoise) => self.denoise = *denoise,
            Update::Tune(tune) => self.tune = Some(*tune),
            Update::Speed(speed) => self.speed = *speed,
            Update::Pool(pool) => self.pool.clone_from(pool),
            Update::MaxFrameTime(max_us) => match &mut self.deadline {
                Some(deadline) => deadline.max_us = *max_us,
                None => {
                    let reason = "the encoder was opened without a deadline";
                    return Err(ConfigError::conflict("max frame time", reason));
                }
            },
            Update::Scalability(mode) => self.scalability = *mode,
            Update::Knob(name, value) => match self.knobs.iter_mut().find(|(n, _)| n == name) {
                Some((_, old)) => *old = *value,
                None => self.knobs.push((name.clone(), *value)),
            },
            Update::KeyFrame | Update::ActiveTemporalLayers(_) | Update::ActiveSpatialLayers(_) => {
            }
        }
        Ok(())
    }
}
