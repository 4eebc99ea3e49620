//! The interface of audio processors, which modify or measure audio.

use std::fmt::Debug;

use super::format::AudioFormat;
use super::level::AudioLevel;
use codec_core::error::{ConfigError, Error};

/// Measurements of a processor from one call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ProcessReport {
    /// Probability of speech, 0 to 1, in the last complete block.
    pub voice: Option<f32>,
    /// Level of the output.
    pub level: Option<AudioLevel>,
    /// Echo return loss enhancement (ERLE) in dB, as estimated by the echo canceller.
    pub erle_db: Option<f32>,
    /// Delay of the echo in milliseconds.
    pub echo_delay_ms: Option<u32>,
}

/// An audio processor.
///
/// It starts no threads, reads no clock and is deterministic.
pub trait AudioProcessor: Send + Debug {
    /// Returns the name, as in [`crate::processors::AUDIO_PROCESSORS`].
    fn name(&self) -> &'static str;

    /// Returns the format of the samples.
    fn format(&self) -> AudioFormat;

    /// Returns the constant delay of the output in sample frames. Silence is output first; push the
    /// same amount of silence at the end to flush.
    fn latency(&self) -> usize;

    /// Processes interleaved floats of any length in place.
    ///
    /// # Errors
    /// [`ConfigError`] if they are not whole sample frames. Nothing has changed.
    fn process(&mut self, samples: &mut [f32]) -> Result<ProcessReport, ConfigError>;

    /// Resets the state to that before the first sample.
    fn reset(&mut self);
}

/// Constructor of a processor.
///
/// The second argument is the granularity: the length of each block to process must be a multiple
/// of this number of sample frames. A larger granularity can reduce the delay; 1 allows any length.
pub type OpenProcessor = fn(AudioFormat, usize) -> Result<Box<dyn AudioProcessor>, Error>;

/// A processor of this build.
#[derive(Clone, Copy, Debug)]
pub struct ProcessorEntry {
    /// Name of the processor.
    pub name: &'static str,
    /// Name and version of the implementation.
    pub implementation: &'static str,
    /// Supported sample rates in Hz; empty if all rates are supported.
    pub rates: &'static [u32],
    /// Maximum number of channels.
    pub max_channels: u8,
    /// Description in one sentence.
    pub help: &'static str,
    /// Constructor; `None` if the processor needs more than one stream and has its own
    /// constructors.
    pub open: Option<OpenProcessor>,
}

#[cfg(any(feature = "denoise", feature = "apm", feature = "vad"))]
pub(crate) fn whole_frames(samples: &[f32], channels: usize) -> Result<(), ConfigError> {
    if samples.len().is_multiple_of(channels) {
        return Ok(());
    }
    let allowed = format_args!("a multiple of {channels} (the number of channels)");
    Err(ConfigError::new("samples", samples.len(), allowed))
}

/// Splits calls of any length into blocks of one length, with a constant delay.
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
    /// Creates a splitter into blocks of `block` sample frames, for calls with multiples of
    /// `granularity`.
    pub(crate) fn new(block: usize, channels: usize, granularity: usize) -> Self {
        let delay = block - common_divisor(block, granularity.max(1));
        let ready = std::collections::VecDeque::with_capacity((delay + block) * channels);
        let waiting = Vec::with_capacity(block * channels);
        let mut this = Self { block, channels, delay, waiting, ready };
        this.reset();
        this
    }

    /// Returns the delay in sample frames.
    pub(crate) fn delay(&self) -> usize {
        self.delay
    }

    /// Passes `samples` through `each`, which processes a block in place.
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
            // Calls that violate the granularity get silence.
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

/// Clamps a value to full scale; NaN and infinite values become 0.
#[cfg(any(feature = "denoise", feature = "apm", feature = "vad"))]
pub(crate) fn sane(value: f32) -> f32 {
    if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 }
}
