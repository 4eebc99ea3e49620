//! Builder methods of configurations: each sets one field and returns the configuration.

use std::sync::Arc;

use codec_simd::Level;

use super::{
    Bitrate, Conceal, Content, Deadline, DecoderConfig, Denoise, DropPolicy, EncoderConfig,
    FrameFormats, KeyFrames, Limits, Preset, RateConfig, RateControl, Scalability, Tune,
};
use crate::frame::{Rational, Size};
use crate::parallel::Pool;

impl EncoderConfig {
    /// Returns the settings of [`Self::rtc`] for 30 frames per second, at a tenth of a bit per pixel.
    ///
    /// ```
    /// use codec_core::codec::{Bitrate, EncoderConfig, RateControl, Scalability};
    ///
    /// let config = EncoderConfig::new(1280, 720)
    ///     .bitrate(Bitrate::kbps(1500))
    ///     .speed(8)
    ///     .scalability(Scalability::L1T3);
    /// assert_eq!(config.rate.mode, RateControl::Cbr(Bitrate::kbps(1500)));
    /// assert_eq!(EncoderConfig::new(640, 480).rate.mode, RateControl::Cbr(Bitrate(921_600)));
    /// ```
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        let size = Size::new(width, height);
        Self::rtc(size, Rational::new(30, 1), Bitrate(size.pixels().saturating_mul(3)))
    }

    /// Switches to the settings of [`Self::file`] with the rate kept: a constant bitrate becomes a
    /// variable one. Call it before methods that set the speed or key frames.
    ///
    /// ```
    /// use codec_core::codec::{EncoderConfig, Preset, RateControl};
    ///
    /// let config = EncoderConfig::new(1920, 1080).for_file().quality(60).speed(2);
    /// assert_eq!((config.preset, config.rate.mode), (Preset::File, RateControl::Quality(60)));
    /// ```
    #[must_use]
    pub fn for_file(self) -> Self {
        let mode = match self.rate.mode {
            RateControl::Cbr(bitrate) => RateControl::Vbr(bitrate),
            other => other,
        };
        let Self { keys, preset, speed, .. } = Self::file(self.size, self.framerate, mode);
        let rate = RateConfig { mode, ..self.rate };
        Self { rate, keys, preset, speed, ..self }
    }

    /// Sets the bitrate: constant in real time, variable for files.
    #[must_use]
    pub fn bitrate(mut self, bitrate: Bitrate) -> Self {
        self.rate.mode = match self.preset {
            Preset::Rtc => RateControl::Cbr(bitrate),
            Preset::File => RateControl::Vbr(bitrate),
        };
        self
    }

    /// Sets constant quality, 0 to 100 (best), instead of a bitrate.
    #[must_use]
    pub fn quality(mut self, quality: u8) -> Self {
        self.rate.mode = RateControl::Quality(quality);
        self
    }

    /// Sets the rate control mode and its target.
    #[must_use]
    pub fn rate_control(mut self, mode: RateControl) -> Self {
        self.rate.mode = mode;
        self
    }

    /// Sets the nominal frame rate, and a time base of one tick per frame.
    #[must_use]
    pub fn framerate(mut self, framerate: Rational) -> Self {
        self.framerate = framerate;
        self.timebase = framerate.inverse();
        self
    }

    /// Sets the seconds per tick of the timestamps, for example 1/90000. Call it after
    /// [`Self::framerate`].
    #[must_use]
    pub fn timebase(mut self, timebase: Rational) -> Self {
        self.timebase = timebase;
        self
    }

    /// Sets the speed, 0 (best quality) to 10 (fastest).
    #[must_use]
    pub fn speed(mut self, speed: u8) -> Self {
        self.speed = speed;
        self
    }

    /// Sets whether frames may be dropped.
    #[must_use]
    pub fn drops(mut self, drops: DropPolicy) -> Self {
        self.rate.drops = drops;
        self
    }

    /// Sets when key frames are coded without a request.
    #[must_use]
    pub fn keys(mut self, keys: KeyFrames) -> Self {
        self.keys = keys;
        self
    }

    /// Sets the spatial and temporal layers.
    #[must_use]
    pub fn scalability(mut self, scalability: Scalability) -> Self {
        self.scalability = scalability;
        self
    }

    /// Sets the kind of content.
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    /// Sets the removal of camera noise.
    #[must_use]
    pub fn denoise(mut self, denoise: Denoise) -> Self {
        self.denoise = denoise;
        self
    }

    /// Sets what the encoder optimises for.
    #[must_use]
    pub fn tune(mut self, tune: Tune) -> Self {
        self.tune = Some(tune);
        self
    }

    /// Limits the time per frame; real time only.
    #[must_use]
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets one of the codec's own settings (see [`super::Knob`]).
    #[must_use]
    pub fn knob(mut self, name: impl Into<String>, value: i64) -> Self {
        self.knobs.push((name.into(), value));
        self
    }

    /// Sets the pool that rows run on.
    #[must_use]
    pub fn pool(mut self, pool: Arc<dyn Pool>) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Sets the instruction set.
    #[must_use]
    pub fn simd(mut self, level: Level) -> Self {
        self.simd = Some(level);
        self
    }
}

impl DecoderConfig {
    /// Returns the default settings: no concealment, decoding on the caller's thread only.
    ///
    /// ```
    /// use codec_core::codec::{Conceal, DecoderConfig};
    ///
    /// let config = DecoderConfig::new().conceal(Conceal::On);
    /// assert_eq!(config.conceal, Conceal::On);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets limits for untrusted input.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what happens to damaged data.
    #[must_use]
    pub fn conceal(mut self, conceal: Conceal) -> Self {
        self.conceal = conceal;
        self
    }

    /// Sets which sample formats are output.
    #[must_use]
    pub fn formats(mut self, formats: FrameFormats) -> Self {
        self.formats = formats;
        self
    }

    /// Sets the pool that rows run on.
    #[must_use]
    pub fn pool(mut self, pool: Arc<dyn Pool>) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Sets how many frames may be held back so that threads share their work: 0 or 1.
    #[must_use]
    pub fn delay_frames(mut self, frames: u32) -> Self {
        self.delay_frames = frames;
        self
    }

    /// Sets the instruction set.
    #[must_use]
    pub fn simd(mut self, level: Level) -> Self {
        self.simd = Some(level);
        self
    }
}
