//! Audio processing between decoding and encoding.

use codec_audio::gain::{Gain, db_to_factor};
use codec_audio::limiter::Limiter;
use codec_audio::processor::AudioProcessor;
use codec_audio::{AudioFormat, processors};

use crate::failure::{Failure, Kind, Result};
use crate::settings::audio::AudioSettings;

/// Noise suppression, automatic gain control and fixed gain, in the encoder's format. The delays of
/// these stages are compensated, so timestamps stay correct.
pub(crate) struct Effects {
    format: AudioFormat,
    processors: Vec<Box<dyn AudioProcessor>>,
    gain: Option<(Gain, Limiter)>,
    /// Sample frames still to be discarded at the beginning.
    early: usize,
    latency: usize,
    values: Vec<f32>,
    next_pts: i64,
}

/// Receives samples and the time of the first one.
pub(crate) type Emit<'a> = &'a mut dyn FnMut(&[f32], i64) -> Result<()>;

impl Effects {
    pub(crate) fn new(settings: &AudioSettings, format: AudioFormat) -> Result<Self> {
        let wanted = [(settings.denoise, "denoise"), (settings.agc, "agc")];
        let mut processors = Vec::new();
        for (_, name) in wanted.into_iter().filter(|(is_wanted, _)| *is_wanted) {
            let open = processors::find_processor(name).map_err(|error| {
                Failure::new(Kind::Backend, format!("cannot use --{name}: {error}"))
            })?;
            let made = open(format, 1);
            processors.push(made.map_err(|error| {
                Failure::usage(format!(
                    "cannot use --{name}: {error}\nhelp: select another rate with --audio-rate"
                ))
            })?);
        }
        let gain = (settings.gain_db != 0.0).then(|| {
            let gain = Gain::new(db_to_factor(settings.gain_db));
            (gain, Limiter::new(format.rate, format.channels()))
        });
        let latency = processors.iter().map(|processor| processor.latency()).sum::<usize>()
            + gain.as_ref().map_or(0, |(_, limiter)| limiter.latency());
        let (values, next_pts) = (Vec::new(), 0);
        Ok(Self { format, processors, gain, early: latency, latency, values, next_pts })
    }

    /// Processes `values`, whose first sample has the time `pts`, and passes on the output.
    pub(crate) fn apply(&mut self, values: &mut Vec<f32>, pts: i64, give: Emit<'_>) -> Result<()> {
        if self.latency == 0 && self.processors.is_empty() {
            return give(values, pts);
        }
        if self.early == self.latency {
            self.next_pts = pts;
        }
        std::mem::swap(&mut self.values, values);
        self.process(give)
    }

    /// Passes on the buffered samples.
    pub(crate) fn finish(&mut self, give: Emit<'_>) -> Result<()> {
        if self.latency == 0 || self.early == self.latency {
            return Ok(());
        }
        self.values.clear();
        self.values.resize(self.latency * self.format.channels(), 0.0);
        self.process(give)
    }

    fn process(&mut self, give: Emit<'_>) -> Result<()> {
        let channels = self.format.channels();
        for processor in &mut self.processors {
            processor.process(&mut self.values).map_err(Failure::internal)?;
        }
        if let Some((gain, limiter)) = &mut self.gain {
            gain.process(&mut self.values, channels);
            limiter.process(&mut self.values);
        }
        let frames = self.values.len() / channels;
        let early = self.early.min(frames);
        self.early -= early;
        if early < frames {
            give(&self.values[early * channels..], self.next_pts)?;
        }
        self.next_pts = self.next_pts.saturating_add_unsigned((frames - early) as u64);
        Ok(())
    }
}
