//! Noise suppression for speech with the crate `nnnoiseless`: a recurrent neural network on blocks
//! of 10 ms at 48 kHz.

use std::fmt;

use nnnoiseless::DenoiseState;

use super::format::AudioFormat;
use super::processor::{AudioProcessor, Blocks, ProcessReport, sane, whole_frames};
use codec_core::error::{ConfigError, Error};

/// The only supported sample rate.
pub(crate) const RATES: &[u32] = &[48_000];
const BLOCK: usize = DenoiseState::FRAME_SIZE;

/// Suppresses noise in each channel separately.
///
/// ```
/// use codec_audio::denoise::Denoiser;
/// use codec_audio::{AudioFormat, AudioProcessor, ChannelLayout};
///
/// let mut denoiser = Denoiser::new(AudioFormat::new(48_000, ChannelLayout::Mono), 480)?;
/// let mut block = [0.0; 480]; // 10 ms
/// let report = denoiser.process(&mut block)?;
/// assert!(report.voice.is_some());
/// # Ok::<(), codec_core::Error>(())
/// ```
pub struct Denoiser {
    format: AudioFormat,
    states: Vec<Box<DenoiseState<'static>>>,
    blocks: Blocks,
    input: Vec<f32>,
    output: Vec<f32>,
    voice: f32,
}

impl fmt::Debug for Denoiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denoiser").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Denoiser {
    /// Creates a noise suppressor for audio at 48 kHz with any number of channels.
    ///
    /// The length of each block to process must be a multiple of `granularity` sample frames. If
    /// `granularity` is a multiple of 480, the delay is 10 ms shorter.
    ///
    /// # Errors
    /// [`Error::Config`] for other sample rates.
    pub fn new(format: AudioFormat, granularity: usize) -> Result<Self, Error> {
        if !RATES.contains(&format.rate) || format.channels() == 0 {
            return Err(ConfigError::new("noise suppression format", format, "48000 Hz").into());
        }
        let channels = format.channels();
        let states = (0..channels).map(|_| DenoiseState::new()).collect();
        let blocks = Blocks::new(BLOCK, channels, granularity);
        let (input, output) = (vec![0.0; BLOCK], vec![0.0; BLOCK]);
        Ok(Self { format, states, blocks, input, output, voice: 0.0 })
    }
}

pub(crate) fn open(
    format: AudioFormat,
    granularity: usize,
) -> Result<Box<dyn AudioProcessor>, Error> {
    Ok(Box::new(Denoiser::new(format, granularity)?))
}

impl AudioProcessor for Denoiser {
    fn name(&self) -> &'static str {
        "denoise"
    }

    fn format(&self) -> AudioFormat {
        self.format
    }

    fn latency(&self) -> usize {
        // The network's window overlaps by one block.
        self.blocks.delay() + BLOCK
    }

    fn process(&mut self, samples: &mut [f32]) -> Result<ProcessReport, ConfigError> {
        let channels = self.format.channels();
        whole_frames(samples, channels)?;
        let Self { states, blocks, input, output, voice, .. } = self;
        blocks.process(samples, |block| {
            let mut loudest = 0.0f32;
            for (channel, state) in states.iter_mut().enumerate() {
                // The network works on the scale of 16-bit integers.
                for (value, frame) in input.iter_mut().zip(block.chunks_exact(channels)) {
                    *value = sane(frame[channel]) * 32_768.0;
                }
                loudest = loudest.max(state.process_frame(output, input));
                for (value, frame) in output.iter().zip(block.chunks_exact_mut(channels)) {
                    frame[channel] = value / 32_768.0;
                }
            }
            *voice = loudest;
        });
        Ok(ProcessReport { voice: Some(self.voice), ..ProcessReport::default() })
    }

    fn reset(&mut self) {
        for state in &mut self.states {
            *state = DenoiseState::new();
        }
        self.blocks.reset();
        self.voice = 0.0;
    }
}
