//! Converts the options of `encode` and `transcode` to settings for output without video.

use codec_container::Format;
use codec_media::audio::source::AudioDecodeOptions;
use codec_media::failure::{Failure, Result};
use codec_media::io::input::InputSpec;
use codec_media::io::names::{Outputs, format_of, headerless_codec};
use codec_media::session::audio::AudioEncoding;
use codec_media::settings::audio::AudioSettings;

use super::copying;
use super::encode::EncodeArgs;
use super::encoder::PresetArg;
use super::encoding::fragmented;
use super::given::Given;

/// Returns the settings of `encode` and `transcode` for output without video.
pub(crate) fn audio_encoding(args: &EncodeArgs) -> Result<AudioEncoding> {
    let format = format_of(
        args.output(),
        args.format.as_deref(),
        Outputs::ENCODED.with_default(Format::WebM),
    )?;
    if let Some(flag) = video_option(args) {
        return Err(Failure::usage(format!("{flag} requires video, but the output is audio only")));
    }
    if args.copy {
        copying::check(args)?;
    }
    let mut audio = copying::copied(args);
    match (&args.encoder.codec, &audio.audio_codec) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "give either -c or --audio-codec, not both: the output is audio only",
            ));
        }
        (Some(codec), None) => audio.audio_codec = Some(codec.clone()),
        (None, None) if format == Format::Pcm => {
            audio.audio_codec = headerless_codec(args.output()).map(str::to_owned);
        }
        (None, _) => {}
    }
    if args.encoder.bitrate.is_some() && audio.audio_bitrate.is_some() {
        return Err(Failure::usage(
            "give either -b or --audio-bitrate, not both: the output is audio only",
        ));
    }
    let real_time = args.encoder.file_preset() == PresetArg::Rtc;
    let protected = vec![args.input.path()];
    Ok(AudioEncoding {
        output: args.output().to_owned(),
        format,
        fragmented: fragmented(args, format)?,
        rules: args.rules(protected),
        audio: AudioSettings::new(&audio, format, args.encoder.bitrate, real_time)?,
        options: AudioDecodeOptions {
            limits: InputSpec::from(&args.input).limits,
            ..AudioDecodeOptions::default()
        },
    })
}

/// Returns the name of the first given option that has no meaning without video.
fn video_option(args: &EncodeArgs) -> Option<&'static str> {
    let Given { encoder, threads, frames, report, .. } = Given::of(args);
    let quality = args.encoder.quality.map(|_| "--quality");
    let qp = args.encoder.qp.map(|_| "--qp");
    [quality, qp, encoder, threads, frames, report].into_iter().flatten().next()
}
