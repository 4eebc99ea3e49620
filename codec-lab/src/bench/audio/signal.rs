//! Audio of an input in memory, in the format that a codec needs.

use std::path::Path;

use codec_audio::{AudioBuf, AudioFormat, SampleKind};
use codec_media::Env;
use codec_media::audio::source::{AudioDecodeOptions, AudioSource};
use codec_media::audio::timeline::Timeline;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::input::InputSpec;
use codec_media::values::hex;
use md5::{Digest, Md5};

use crate::bench::options::AudioBenchOptions;

/// Maximum number of samples of all channels: 23 minutes of stereo at 48 kHz.
const MAX_VALUES: usize = 1 << 27;

/// Samples of all channels, interleaved.
pub(super) struct Signal {
    pub(super) name: String,
    pub(super) format: AudioFormat,
    pub(super) values: Vec<f32>,
}

/// Reads the audio of a file, in `format` or its own.
pub(super) fn read(
    path: &Path,
    format: Option<AudioFormat>,
    args: &AudioBenchOptions,
    env: &Env,
) -> Result<Signal> {
    let spec = InputSpec { cut: args.cut, ..InputSpec::new(path, args.limits) };
    let options = AudioDecodeOptions { limits: args.limits, ..AudioDecodeOptions::default() };
    let mut source = AudioSource::open(&spec, &options, env)?;
    let found = source.format();
    let format = format.unwrap_or(found);
    let mut timeline = Timeline::new(found, format, source.gap_limit(), source.stop())?;
    let mut audio = AudioBuf::new(found, SampleKind::F32);
    let mut values: Vec<f32> = Vec::new();
    let mut give = |new: &mut Vec<f32>, _: i64| {
        if values.len() + new.len() > MAX_VALUES {
            let message = format!(
                "{}: the audio is too long (limit: 2^27 samples)\nhelp: select a part with --from and --to",
                spec.name()
            );
            return Err(Failure::new(Kind::Input, message));
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
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Signal { name: name.unwrap_or_else(|| spec.name()), format, values })
}

impl Signal {
    #[expect(clippy::cast_precision_loss, reason = "a duration")]
    pub(super) fn seconds(&self) -> f64 {
        let frames = self.values.len() / self.format.channels().max(1);
        frames as f64 / f64::from(self.format.rate.max(1))
    }

    /// MD5 of the samples.
    pub(super) fn digest(&self) -> String {
        let mut digest = Md5::new();
        for value in &self.values {
            digest.update(value.to_le_bytes());
        }
        hex(&digest.finalize())
    }
}
