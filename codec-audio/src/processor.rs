//! What changes or watches sound on its way: one trait for all.

use std::fmt::Debug;

use super::format::AudioFormat;
use super::level::AudioLevel;
use codec_core::error::{ConfigError, Error};

/// What a processor learnt from the samples of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ProcessReport {
    /// Probability of speech, 0 to 1, of the last block that was complete.
    pub voice: Option<f32>,
    /// Level of what came out.
    pub level: Option<AudioLevel>,
    /// Echo return loss enhancement in dB: by how much the echo was lowered, as the canceller
    /// itself estimates it.
    pub erle_db: Option<f32>,
    /// Delay of the echo in milliseconds.
    pub echo_delay_ms: Option<u32>,
}

/// Something that samples pass through. No threads, no clock; deterministic.
pub trait AudioProcessor: Send + Debug {
    /// As in [`super::processors::AUDIO_PROCESSORS`].
    fn name(&self) -> &'static str;

    /// Format of the samples.
    fn format(&self) -> AudioFormat;

    /// Sample frames by which what comes out lies behind what goes in; constant. Silence comes out
    /// first. Push as much silence at the end to get all out.
    fn latency(&self) -> usize;

    /// Processes interleaved floats of any length in place.
    ///
    /// # Errors
    /// [`ConfigError`] if they are no whole sample frames: nothing has changed.
    fn process(&mut self, samples: &mut [f32]) -> Result<ProcessReport, ConfigError>;

    /// Forgets the past, as before the first sample.
    fn reset(&mut self);
}

/// Makes a processor. `granularity`: calls bring multiples of so many sample frames, which can
/// spare delay; 1 for any.
pub type OpenProcessor = fn(AudioFormat, usize) -> Result<Box<dyn AudioProcessor>, Error>;

/// One processor of this build.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct ProcessorEntry {
    pub name: &'static str,
    pub implementation: &'static str,
    /// Sampling rates in Hz; empty: any.
    pub rates: &'static [u32],
    pub max_channels: u8,
    /// One sentence.
    pub help: &'static str,
    /// `None` where it needs more than one stream and has constructors of its own.
    pub open: Option<OpenProcessor>,
}

#[cfg(any(feature = "denoise", feature = "apm", feature = "vad"))]
pub(crate) fn whole_frames(samples: &[f32], channels: usize) -> Result<(), ConfigError> {
    if samples.len().is_multiple_of(channels) {
        return Ok(());
    }
    Err(ConfigError::new("samples", samples.len(), format!("a multiple of {channels}")))
}

/// Turns calls of any length into blocks of one length, with a constant delay.
#[cfg(any(feature = "denoise", feature = "apm"))]
#[derive(Clone, Debug)]
pub(crate) struct Blocks {
    block: usize,
    channels: usize,
    delay: usize,
    waiting: Vec<f32>,
    ready: std::collections::VecDeque<f32>,
}

#[cfg(any(feature = "denoise", feature = "apm"))]
impl Blocks {
    /// Blocks of `block` sample frames, for calls of multiples of `granularity`.
    pub(crate) fn new(block: usize, channels: usize, granularity: usize) -> Self {
        let delay = block - common_divisor(block, granularity.max(1));
        let ready = std::collections::VecDeque::with_capacity((delay + block) * channels);
        let waiting = Vec::with_capacity(block * channels);
        let mut this = Self { block, channels, delay, waiting, ready };
        this.reset();
        this
    }

    /// Sample frames of delay.
    pub(crate) fn delay(&self) -> usize {
        self.delay
    }

    /// Passes `samples` through `each`, which changes a block in place.
    pub(crate) fn process(&mut self, samples: &mut [f32], mut each: impl FnMut(&mut [f32])) {
        let size = self.block * self.channels;
        let mut rest = &*samples;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(size - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            rest = later;
            if self.waiting.len() == size {
                each(&mut self.waiting);
                self.ready.extend(self.waiting.drain(..));
            }
        }
        for value in samples {
            // Calls that break the promise about their lengths get silence.
            *value = self.ready.pop_front().unwrap_or(0.0);
        }
    }

    pub(crate) fn reset(&mut self) {
        self.waiting.clear();
        self.ready.clear();
        self.ready.resize(self.delay * self.channels, 0.0);
    }
}

#[cfg(any(feature = "denoise", feature = "apm"))]
fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// A value that a filter can live with.
#[cfg(any(feature = "denoise", feature = "apm", feature = "vad"))]
pub(crate) fn sane(value: f32) -> f32 {
    if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 }
}
