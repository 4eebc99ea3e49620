//! The whole audio of an input in memory, for measurements.

use codec_audio::{AudioBuf, AudioFormat, SampleKind};

use super::source::{AudioDecodeOptions, AudioSource};
use super::timeline::Timeline;
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::io::input::InputSpec;

/// Samples of an input from its first one on.
#[derive(Clone, Debug)]
pub struct WholeAudio {
    /// The format before conversion.
    pub found: AudioFormat,
    /// The format of the samples.
    pub format: AudioFormat,
    /// Samples of all channels, interleaved.
    pub values: Vec<f32>,
}

impl WholeAudio {
    /// Reads the audio of an input, in `format` or its own; at most `limit` samples of all channels, a power of two.
    ///
    /// # Errors
    /// If the input cannot be read or decoded, has no samples, or too many for the limit or the memory.
    pub fn read(
        spec: &InputSpec,
        format: Option<AudioFormat>,
        limit: usize,
        env: &Env,
    ) -> Result<Self> {
        let options = AudioDecodeOptions { limits: spec.limits, ..AudioDecodeOptions::default() };
        let mut source = AudioSource::open(spec, &options, env)?;
        let found = source.format();
        let format = format.unwrap_or(found);
        let mut timeline = Timeline::new(found, format, source.gap_limit(), source.stop())?;
        let mut audio = AudioBuf::new(found, SampleKind::F32);
        let mut values: Vec<f32> = Vec::new();
        let mut give = |new: &mut Vec<f32>, _: i64| {
            let fits = values.len() + new.len() <= limit;
            if !fits || values.try_reserve(new.len()).is_err() {
                let (name, bits) = (spec.name(), limit.max(1).ilog2());
                let message = format!("{name}: the audio is too long (limit: 2^{bits} samples)");
                let help = "help: select a part with --from and --to";
                return Err(Failure::new(Kind::Input, format!("{message}\n{help}")));
            }
            values.append(new);
            Ok(())
        };
        while source.read(&mut audio)? {
            timeline.push(&audio, &mut give)?;
        }
        timeline.finish(&mut give)?;
        if values.is_empty() {
            return Err(Failure::new(Kind::Input, format!("{}: no audio samples", spec.name())));
        }
        Ok(Self { found, format, values })
    }
}
