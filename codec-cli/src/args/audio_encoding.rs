//! Settings of a run that has audio only.

use codec_container::Format;
use codec_media::audio::source::AudioDecodeOptions;
use codec_media::failure::{Failure, Result};
use codec_media::io::input::InputSpec;
use codec_media::io::names::{Outputs, format_of, headerless_codec};
use codec_media::session::audio::AudioEncoding;
use codec_media::settings::audio::AudioSettings;

use codec_core::codec::Denoise;
use codec_media::values::Deinterlace;

use super::copying;
use super::encode::EncodeArgs;
use super::encoder::PresetArg;
use super::encoding::fragmented;

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
    let given = [
        (args.encoder.quality.is_some(), "--quality"),
        (args.encoder.qp.is_some(), "--qp"),
        (args.encoder.speed.is_some(), "--speed"),
        (args.passes.is_some(), "--passes"),
        (args.cut.threads.is_some(), "--threads"),
        (args.encoder.keyint.is_some(), "--keyint"),
        (args.cut.frames.is_some(), "--frames"),
        (args.cut.skip > 0, "--skip"),
        (args.encoder.layers.is_some(), "--layers"),
        (args.encoder.video_denoise != Denoise::Off, "--video-denoise"),
        (args.encoder.tune.is_some(), "--tune"),
        (args.encoder.drop, "--drop"),
        (!args.encoder.region.is_empty(), "--region"),
        (args.encoder.max_frame_time.is_some(), "--max-frame-time"),
        (args.encoder.error_resilient, "--error-resilient"),
        (args.encoder.token_parts.is_some(), "--token-parts"),
        (args.resize.is_some(), "--resize"),
        (args.transform.deinterlace != Deinterlace::Off, "--deinterlace"),
        (args.cut.fps.is_some(), "--fps"),
        (args.transform.crop.is_some(), "--crop"),
        (args.transform.rotate.is_some(), "--rotate"),
        (!args.encoder.knob.is_empty(), "--knob"),
        (args.report.is_some(), "--report"),
        (!args.metrics.is_empty(), "--metrics"),
        (args.verify, "--verify"),
    ];
    given.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
}
