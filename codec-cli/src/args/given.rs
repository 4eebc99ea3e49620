//! Finds the options that the user has given to `encode`, `transcode` or `concat`, to reject those that have no
//! effect on the output.

use codec_core::codec::Denoise;
use codec_media::settings::audio::AudioOptions;
use codec_media::values::Deinterlace;

use super::audio::AudioTrackArg;
use super::encode::EncodeArgs;
use super::encoder::{ContentArg, EncoderArgs};

/// The name of the first given option of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    /// The codec, bitrate, quality or quantiser of the video encoder.
    pub(crate) rate: Option<&'static str>,
    /// Another option of the video encoder.
    pub(crate) encoder: Option<&'static str>,
    /// `--threads`, which decoders have, too.
    pub(crate) threads: Option<&'static str>,
    /// An option that changes or counts frames.
    pub(crate) frames: Option<&'static str>,
    /// A report about the frames, or a check of them.
    pub(crate) report: Option<&'static str>,
    /// An option of the audio.
    pub(crate) audio: Option<&'static str>,
}

impl Given {
    pub(crate) fn of(args: &EncodeArgs) -> Self {
        let EncodeArgs { encoder, transform, cut, audio, .. } = args;
        let options = AudioOptions::from(audio);
        let chosen = matches!(args.audio_track, Some(AudioTrackArg::Track(_)));
        Self {
            rate: encoder.rate_option(),
            encoder: encoder.other_option().or(first(&[
                (args.target.is_some(), "--target"),
                (args.size.is_some(), "--size"),
                (args.rate_trace.is_some(), "--rate-trace"),
                (args.passes.is_some(), "--passes"),
                (args.chunked, "--chunked"),
            ])),
            threads: cut.threads.map(|_| "--threads"),
            frames: first(&[
                (cut.frames.is_some(), "--frames"),
                (cut.skip > 0, "--skip"),
                (args.resize.is_some(), "--resize"),
                (transform.pix_fmt.is_some(), "--pix-fmt"),
                (transform.deinterlace != Deinterlace::Off, "--deinterlace"),
                (cut.fps.is_some(), "--fps"),
                (transform.crop.is_some(), "--crop"),
                (transform.rotate.is_some(), "--rotate"),
                (transform.pad.is_some(), "--pad"),
            ]),
            report: first(&[
                (args.report.is_some(), "--report"),
                (!args.metrics.is_empty(), "--metrics"),
                (args.verify, "--verify"),
            ]),
            audio: first(&[
                (audio.audio_codec.is_some(), "--audio-codec"),
                (audio.audio_bitrate.is_some(), "--audio-bitrate"),
                (args.audio_from.is_some(), "--audio-from"),
                (!args.add_audio.is_empty(), "--add-audio"),
                (chosen, "--audio"),
                (options.requires_encoder(), "an option of the audio encoder"),
            ]),
        }
    }
}

impl EncoderArgs {
    /// The first given option for the codec, bitrate, quality or quantiser.
    pub(crate) fn rate_option(&self) -> Option<&'static str> {
        first(&[
            (self.codec.is_some(), "--codec"),
            (self.bitrate.is_some(), "--bitrate"),
            (self.quality.is_some(), "--quality"),
            (self.qp.is_some(), "--qp"),
        ])
    }

    /// The first given option of the others, except `--preset`, which some commands also use for audio.
    pub(crate) fn other_option(&self) -> Option<&'static str> {
        first(&[
            (self.speed.is_some(), "--speed"),
            (self.keyint.is_some(), "--keyint"),
            (self.layers.is_some(), "--layers"),
            (self.content != ContentArg::Camera, "--content"),
            (self.video_denoise != Denoise::Off, "--video-denoise"),
            (self.tune.is_some(), "--tune"),
            (self.drop, "--drop"),
            (!self.region.is_empty(), "--region"),
            (self.max_frame_time.is_some(), "--max-frame-time"),
            (self.error_resilient, "--error-resilient"),
            (self.token_parts.is_some(), "--token-parts"),
            (!self.knob.is_empty(), "--knob"),
        ])
    }
}

fn first(options: &[(bool, &'static str)]) -> Option<&'static str> {
    options.iter().find(|(is_given, _)| *is_given).map(|(_, flag)| *flag)
}
