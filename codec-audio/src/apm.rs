//! Audio processing for calls with the crate `sonora`, a port of WebRTC's audio processing module
//! (AEC3, NS, AGC2): echo cancellation, noise suppression, automatic gain control and high-pass
//! filter.

use std::fmt;

use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate,
    NoiseSuppression, NoiseSuppressionLevel, Pipeline,
};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::format::AudioFormat;
use super::processor::{AudioProcessor, Blocks, ProcessReport, sane, whole_frames};
use codec_core::error::{ConfigError, Error};

/// Supported sample rates. At each of them, 10 ms are a whole number of samples, and the library
/// does not resample internally.
pub(crate) const RATES: &[u32] = &[16_000, 32_000, 48_000];

/// Processing steps for microphone audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApmConfig {
    /// Echo cancellation of the audio passed to [`Apm::process_render`]; includes the high-pass
    /// filter.
    pub echo_cancellation: bool,
    /// Noise suppression in dB, approximately: 0 (off), 6, 12, 18 or 21.
    pub noise_suppression_db: u8,
    /// Automatic gain control with a limiter.
    pub automatic_gain: bool,
    /// High-pass filter below the voice range.
    pub high_pass: bool,
}

impl Default for ApmConfig {
    /// All steps enabled; noise suppression of 12 dB.
    fn default() -> Self {
        Self {
            echo_cancellation: true,
            noise_suppression_db: 12,
            automatic_gain: true,
            high_pass: true,
        }
    }
}

/// Processes the microphone audio of a call.
///
/// Per block, pass the loudspeaker audio to [`Self::process_render`], then the microphone audio to
/// [`AudioProcessor::process`]:
///
/// ```
/// use codec_audio::apm::{Apm, ApmConfig};
/// use codec_audio::{AudioFormat, AudioProcessor, ChannelLayout};
///
/// let format = AudioFormat::new(48_000, ChannelLayout::Mono);
/// let mut apm = Apm::new(format, ApmConfig::default(), 480)?;
/// let (loudspeaker, mut microphone) = ([0.1; 480], [0.0; 480]); // 10 ms
/// apm.process_render(&loudspeaker)?;
/// apm.process(&mut microphone)?;
/// # Ok::<(), codec_core::Error>(())
/// ```
pub struct Apm {
    name: &'static str,
    format: AudioFormat,
    config: ApmConfig,
    inner: AudioProcessing,
    capture: Blocks,
    /// Loudspeaker audio that waits for a complete block.
    render: Vec<f32>,
    planes: Planes,
    latency: usize,
}

impl fmt::Debug for Apm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apm")
            .field("format", &self.format)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Samples of one block, one list per channel, before and after processing.
#[derive(Debug)]
struct Planes {
    input: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
}

impl Planes {
    fn new(channels: usize, frames: usize) -> Self {
        let planes = vec![vec![0.0; frames]; channels];
        Self { input: planes.clone(), output: planes }
    }

    fn read(&mut self, block: &[f32]) {
        let channels = self.input.len();
        for (channel, plane) in self.input.iter_mut().enumerate() {
            for (value, frame) in plane.iter_mut().zip(block.chunks_exact(channels)) {
                *value = sane(frame[channel]);
            }
        }
    }

    fn write(&self, block: &mut [f32]) {
        let channels = self.output.len();
        for (channel, plane) in self.output.iter().enumerate() {
            for (value, frame) in plane.iter().zip(block.chunks_exact_mut(channels)) {
                frame[channel] = sane(*value);
            }
        }
    }

    /// Calls `run` with the input and the output planes as slices, for one or two channels.
    fn with<R>(&mut self, run: impl FnOnce(&[&[f32]], &mut [&mut [f32]]) -> R) -> R {
        match (self.input.as_slice(), self.output.as_mut_slice()) {
            ([mono], [out]) => run(&[mono], &mut [out]),
            ([left, right, ..], [out_left, out_right, ..]) => {
                run(&[left, right], &mut [out_left, out_right])
            }
            _ => run(&[], &mut []),
        }
    }
}

impl Apm {
    /// Creates a processor for microphone and loudspeaker audio in `format`: 16, 32 or 48 kHz, mono
    /// or stereo.
    ///
    /// The length of each block to process must be a multiple of `granularity` sample frames. If
    /// `granularity` is a multiple of 10 ms, the delay is 10 ms shorter.
    ///
    /// # Errors
    /// [`Error::Config`] for other formats and unknown levels of noise suppression.
    pub fn new(format: AudioFormat, config: ApmConfig, granularity: usize) -> Result<Self, Error> {
        if !RATES.contains(&format.rate) || !(1..=2).contains(&format.channels()) {
            let allowed = "16000, 32000 or 48000 Hz, mono or stereo";
            return Err(ConfigError::new("audio processing format", format, allowed).into());
        }
        let inner = build(format, config)?;
        let (frames, channels) = ((format.rate / 100) as usize, format.channels());
        let capture = Blocks::new(frames, channels, granularity);
        let latency = capture.delay() + inner_delay(format.rate, config);
        let planes = Planes::new(channels, frames);
        let render = Vec::with_capacity(2 * frames * channels);
        let name = "apm";
        Ok(Self { name, format, config, inner, capture, render, planes, latency })
    }

    /// Passes loudspeaker audio to the echo canceller. Call this before the microphone audio of the
    /// same time is processed. `samples` are interleaved floats of any length.
    ///
    /// # Errors
    /// [`ConfigError`] if `samples` ends within a sample frame; the state is then unchanged.
    pub fn process_render(&mut self, samples: &[f32]) -> Result<(), ConfigError> {
        let channels = self.format.channels();
        whole_frames(samples, channels)?;
        self.render.extend_from_slice(samples);
        let size = (self.format.rate / 100) as usize * channels;
        let mut used = 0;
        while let Some(block) = self.render.get(used..used + size) {
            self.planes.read(block);
            let inner = &mut self.inner;
            // The only possible error is an unsupported format, and `new` has checked the format.
            let _ = self.planes.with(|input, output| inner.process_render_f32(input, output));
            used += size;
        }
        self.render.drain(..used);
        Ok(())
    }

    /// Sets the delay from [`Self::process_render`] to the arrival of the echo at
    /// [`AudioProcessor::process`] in milliseconds, 0 to 500, if the audio device reports it. Without
    /// it the canceller estimates the delay.
    pub fn set_delay_ms(&mut self, delay_ms: u16) {
        let _ = self.inner.set_stream_delay_ms(i32::from(delay_ms.min(500)));
    }
}

/// Returns the measured delay of the library's output in sample frames: 8 ms for echo cancellation,
/// 6 ms for noise suppression, and the non-linear phase of the band-splitting filters.
fn inner_delay(rate: u32, config: ApmConfig) -> usize {
    let ApmConfig { echo_cancellation, noise_suppression_db, automatic_gain, high_pass } = config;
    let ms = 8 * u32::from(echo_cancellation) + 6 * u32::from(noise_suppression_db > 0);
    let any = ms > 0 || automatic_gain || high_pass;
    let bands = match rate {
        48_000 if any => 46,
        32_000 if any => 3,
        _ => 0,
    };
    (rate * ms / 1000 + bands) as usize
}

fn build(format: AudioFormat, config: ApmConfig) -> Result<AudioProcessing, Error> {
    let level = match config.noise_suppression_db {
        0 => None,
        6 => Some(NoiseSuppressionLevel::Low),
        12 => Some(NoiseSuppressionLevel::Moderate),
        18 => Some(NoiseSuppressionLevel::High),
        21 => Some(NoiseSuppressionLevel::VeryHigh),
        other => {
            let error = ConfigError::new("noise suppression", other, "0, 6, 12, 18 or 21 dB");
            return Err(error.into());
        }
    };
    let settings = Config {
        pipeline: Pipeline {
            maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
            ..Pipeline::default()
        },
        high_pass_filter: config.high_pass.then(HighPassFilter::default),
        echo_canceller: config.echo_cancellation.then(EchoCanceller::default),
        noise_suppression: level
            .map(|level| NoiseSuppression { level, ..NoiseSuppression::default() }),
        gain_controller2: config.automatic_gain.then(|| GainController2 {
            adaptive_digital: Some(AdaptiveDigital::default()),
            ..GainController2::default()
        }),
        ..Config::default()
    };
    let channels = u16::try_from(format.channels()).unwrap_or(1);
    let stream = StreamConfig::new(format.rate, channels);
    Ok(AudioProcessing::builder()
        .config(settings)
        .capture_config(stream)
        .render_config(stream)
        .build())
}

/// Opens automatic gain control with a high-pass filter, which needs no loudspeaker audio.
pub(crate) fn open_agc(
    format: AudioFormat,
    granularity: usize,
) -> Result<Box<dyn AudioProcessor>, Error> {
    let config = ApmConfig {
        echo_cancellation: false,
        noise_suppression_db: 0,
        automatic_gain: true,
        high_pass: true,
    };
    let processor = Apm::new(format, config, granularity)?;
    Ok(Box::new(Apm { name: "agc", ..processor }))
}

impl AudioProcessor for Apm {
    fn name(&self) -> &'static str {
        self.name
    }

    fn format(&self) -> AudioFormat {
        self.format
    }

    fn latency(&self) -> usize {
        self.latency
    }

    fn process(&mut self, samples: &mut [f32]) -> Result<ProcessReport, ConfigError> {
        whole_frames(samples, self.format.channels())?;
        let Self { inner, capture, planes, .. } = self;
        capture.process(samples, |block| {
            planes.read(block);
            let _ = planes.with(|input, output| inner.process_capture_f32(input, output));
            planes.write(block);
        });
        let mut report = ProcessReport::default();
        if self.config.echo_cancellation {
            let stats = self.inner.statistics();
            report.erle_db = stats.echo_return_loss_enhancement.map(narrow);
            report.echo_delay_ms = stats.delay_ms.and_then(|ms| u32::try_from(ms).ok());
        }
        Ok(report)
    }

    fn reset(&mut self) {
        if let Ok(inner) = build(self.format, self.config) {
            self.inner = inner;
        }
        self.capture.reset();
        self.render.clear();
    }
}

#[expect(clippy::cast_possible_truncation, reason = "decibels")]
fn narrow(value: f64) -> f32 {
    value as f32
}
