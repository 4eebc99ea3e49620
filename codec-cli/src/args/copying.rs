//! Settings of `transcode --copy`.

use codec_core::codec::Denoise;
use codec_media::failure::{Failure, Result};
use codec_media::io::names::{Outputs, format_of};
use codec_media::session::copy::Copying;
use codec_media::settings::audio::{AudioOptions, AudioSettings};
use codec_media::settings::encoding::can_hold_audio;
use codec_media::values::Deinterlace;

use super::encode::EncodeArgs;
use super::encoding::fragmented;

/// The settings of a copy with video.
pub(crate) fn copying(args: &EncodeArgs) -> Result<Copying> {
    check(args)?;
    let input = args.spec();
    let format = format_of(args.output(), args.format.as_deref(), Outputs::ENCODED)?;
    let audio = if args.audio.no_audio || !can_hold_audio(format) {
        None
    } else {
        Some(AudioSettings::new(&copied(args), format, None, false)?)
    };
    let protected = vec![input.path.clone()];
    Ok(Copying {
        input,
        output: args.output().to_owned(),
        format,
        fragmented: fragmented(args, format)?,
        rules: args.rules(protected),
        audio,
    })
}

/// The audio options: the packets are copied unless an option requires something else.
pub(crate) fn copied(args: &EncodeArgs) -> AudioOptions {
    let mut options = AudioOptions::from(&args.audio);
    if args.copy && options.audio_codec.is_none() && !options.requires_encoder() {
        options.audio_codec = Some("copy".to_owned());
    }
    options
}

/// Rejects options that require frames, or an encoder.
pub(crate) fn check(args: &EncodeArgs) -> Result<()> {
    let EncodeArgs { encoder, transform, cut, .. } = args;
    let given = [
        (encoder.codec.is_some(), "--codec"),
        (encoder.bitrate.is_some(), "--bitrate"),
        (encoder.quality.is_some(), "--quality"),
        (encoder.qp.is_some(), "--qp"),
        (encoder.speed.is_some(), "--speed"),
        (encoder.keyint.is_some(), "--keyint"),
        (encoder.layers.is_some(), "--layers"),
        (encoder.video_denoise != Denoise::Off, "--video-denoise"),
        (encoder.tune.is_some(), "--tune"),
        (encoder.drop, "--drop"),
        (!encoder.region.is_empty(), "--region"),
        (encoder.max_frame_time.is_some(), "--max-frame-time"),
        (encoder.error_resilient, "--error-resilient"),
        (encoder.token_parts.is_some(), "--token-parts"),
        (!encoder.knob.is_empty(), "--knob"),
        (args.rate_trace.is_some(), "--rate-trace"),
        (args.passes.is_some(), "--passes"),
        (cut.threads.is_some(), "--threads"),
        (cut.frames.is_some(), "--frames"),
        (cut.skip > 0, "--skip"),
        (args.resize.is_some(), "--resize"),
        (transform.pix_fmt.is_some(), "--pix-fmt"),
        (transform.deinterlace != Deinterlace::Off, "--deinterlace"),
        (cut.fps.is_some(), "--fps"),
        (transform.crop.is_some(), "--crop"),
        (transform.rotate.is_some(), "--rotate"),
        (args.report.is_some(), "--report"),
        (!args.metrics.is_empty(), "--metrics"),
        (args.verify, "--verify"),
        (args.lossless, "--lossless"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, flag)) => {
            Err(Failure::usage(format!("{flag} cannot be used with --copy, which does not encode")))
        }
        None => Ok(()),
    }
}
