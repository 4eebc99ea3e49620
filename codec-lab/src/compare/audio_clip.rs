//! The audio clips of a study, stored as 16-bit WAV files, because every encoder can read these.

use std::path::{Path, PathBuf};

use codec_audio::AudioFormat;
use codec_container::Format;
use codec_core::codec::Limits;
use codec_media::Env;
use codec_media::audio::source::AudioDecodeOptions;
use codec_media::audio::whole::WholeAudio;
use codec_media::cut::Cut;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::InputSpec;
use codec_media::io::media::{self, MediaSelection};
use codec_media::io::output::OutputRules;
use codec_media::session::audio::{self, AudioEncoding};
use codec_media::settings::audio::AudioSettings;
use codec_media::values::hex;
use md5::{Digest, Md5};

use super::shape::Shape;

/// Maximum number of samples of all channels: 23 minutes of stereo at 48 kHz.
const MAX_VALUES: usize = 1 << 27;

/// The audio of a clip.
pub(super) struct AudioFile {
    /// A WAV file.
    pub(super) path: PathBuf,
    pub(super) shape: Shape,
    /// MD5 of the format and the samples.
    pub(super) digest: String,
}

/// Converts the audio of a file to a WAV file in `folder`.
pub(super) fn prepare(
    path: &Path,
    name: &str,
    cut: Cut,
    folder: &Path,
    env: &Env,
) -> Result<AudioFile> {
    let file = folder.join(format!("{}.wav", hex(&Md5::digest(name.as_bytes()))));
    convert(path, name, cut, &file, env)?;
    let WholeAudio { format, values, .. } = read(&file, None, env)?;
    if env.stop.is_requested() {
        return Err(Failure::new(Kind::Interrupted, "interrupted"));
    }
    let samples = (values.len() / format.channels().max(1)) as u64;
    let shape = Shape::Audio { format, samples };
    if shape.frames() == 0 {
        let message = format!("{name}: the audio is shorter than 20 ms");
        return Err(Failure::new(Kind::Input, message));
    }
    if values.iter().all(|value| *value == 0.0) {
        let message = format!("{name}: the audio is silent, so that codecs cannot be compared");
        return Err(Failure::new(Kind::Input, message));
    }
    let digest = digest_of(format, &values);
    Ok(AudioFile { path: file, shape, digest })
}

/// Reads the samples of a file that `prepare` or a decoder wrote, in `format` or its own.
pub(super) fn read(path: &Path, format: Option<AudioFormat>, env: &Env) -> Result<WholeAudio> {
    // A stream with damage is scored as far as it can be read.
    let spec = InputSpec { lenient: true, ..InputSpec::new(path, Limits::default()) };
    WholeAudio::read(&spec, format, MAX_VALUES, &env.quiet())
}

fn convert(path: &Path, name: &str, cut: Cut, file: &Path, env: &Env) -> Result<()> {
    let limits = Limits::default();
    let spec = InputSpec { cut, ..InputSpec::new(path, limits) };
    let wants = MediaSelection { video: false, audio: true };
    let options = DecodeOptions { limits, ..DecodeOptions::default() };
    let opened = media::open(&spec, wants, &options, env)?;
    let input = opened.audio.ok_or_else(|| {
        Failure::new(Kind::Input, format!("{name}: no audio, and this study compares audio"))
    })?;
    let settings = AudioEncoding {
        output: file.to_owned(),
        format: Format::Wav,
        fragmented: false,
        rules: OutputRules { overwrite: true, ..OutputRules::default() },
        audio: AudioSettings::decoded(None, Format::Wav)?,
        options: AudioDecodeOptions { limits, ..AudioDecodeOptions::default() },
    };
    audio::run(&settings, input, &env.quiet())
}

/// MD5 of the format and the samples.
fn digest_of(format: AudioFormat, values: &[f32]) -> String {
    let mut digest = Md5::new();
    digest.update(format!("{format} "));
    for value in values {
        digest.update(value.to_le_bytes());
    }
    hex(&digest.finalize())
}
