//! Settings of `transcode --copy`.

use codec_media::failure::{Failure, Result};
use codec_media::io::audio_track::AudioTrackChoice;
use codec_media::io::names::{Outputs, format_of};
use codec_media::session::copy::Copying;
use codec_media::settings::audio::{AudioOptions, AudioSettings};
use codec_media::settings::encoding::can_hold_audio;

use super::audio::AudioTrackArg;
use super::encode::EncodeArgs;
use super::encoding::fragmented;
use super::given::Given;

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
    if args.audio_from.is_some() && audio.is_none() {
        return Err(Failure::usage(if args.audio.no_audio {
            "--audio-from cannot be used with --no-audio".to_owned()
        } else {
            format!("--audio-from cannot be used with {format} output, which cannot hold audio")
        }));
    }
    let protected = args.inputs();
    Ok(Copying {
        input,
        audio_from: args.audio_spec(),
        add_audio: args.added_specs(),
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
    let is_given = options.audio_codec.is_some() || options.requires_encoder();
    if args.copy && !is_given {
        options.audio_codec = Some("copy".to_owned());
        // With several tracks or audio of other files, audio that the output cannot hold is encoded.
        let has_other = args.audio_from.is_some() || !args.add_audio.is_empty();
        let takes_all = args.audio_track == Some(AudioTrackArg::Track(AudioTrackChoice::All));
        options.encode_others = has_other || takes_all;
    }
    options
}

/// Rejects options that require decoded frames or an encoder.
pub(crate) fn check(args: &EncodeArgs) -> Result<()> {
    let Given { rate, encoder, threads, frames, report, .. } = Given::of(args);
    let lossless = args.lossless.then_some("--lossless");
    match [rate, encoder, threads, frames, report, lossless].into_iter().flatten().next() {
        Some(flag) => {
            Err(Failure::usage(format!("{flag} cannot be used with --copy, which does not encode")))
        }
        None => Ok(()),
    }
}
