//! Keeps the audio of an input in memory, in the sample format that a codec needs.

use std::path::Path;

use codec_audio::AudioFormat;
use codec_media::Env;
use codec_media::audio::whole::WholeAudio;
use codec_media::failure::Result;
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
    let WholeAudio { format, values, .. } = WholeAudio::read(&spec, format, MAX_VALUES, env)?;
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
