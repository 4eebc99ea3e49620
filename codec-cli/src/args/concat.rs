//! Flags of `codec concat`, and its settings.

use std::path::PathBuf;

use clap::Args;
use codec_container::Format;
use codec_core::codec::Limits;
use codec_core::frame::Size;
use codec_media::concat::Joining;
use codec_media::failure::{Failure, Result};
use codec_media::io::input::InputSpec;
use codec_media::io::names::{Outputs, format_of, is_audio_name};
use codec_media::io::output::{OutputRules, PartRule};
use codec_media::settings::audio::{AudioOptions, AudioSettings};
use codec_media::settings::encoder::{EncoderOptions, EncoderSettings, Preset};
use codec_media::settings::encoding::{Encoding, can_hold_audio};
use codec_media::values::{self, LimitList};

use super::audio::AudioTrackArg;
use super::encoder::EncoderArgs;

#[derive(Debug, Args)]
pub(crate) struct ConcatArgs {
    /// Input files, in order.
    #[arg(value_name = "IN", required = true, num_args = 2..)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Output file, or `-` for standard output.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Set the container: webm, mkv, mp4, ivf, h264, opus, ogg, wav or flac.
    ///
    /// Needed if the file name has no known extension. Pipes get webm by default.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Scale all parts to this size, such as 640x360; the video is then encoded.
    #[arg(long, value_name = "WxH", value_parser = values::size)]
    pub(crate) resize: Option<Size>,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Drop the audio.
    #[arg(long)]
    pub(crate) no_audio: bool,
    /// Use this audio track of each file: a number, a language, `all` or `none`.
    ///
    /// Numbers count audio tracks from 1; languages are codes such as eng or en. `all` joins the first tracks, the
    /// second ones and so on, in WebM, Matroska and MP4, with silence for files that have fewer. Default: the first.
    #[arg(id = "audio_track", long = "audio", value_name = "TRACK", conflicts_with = "no_audio")]
    pub(crate) audio_track: Option<AudioTrackArg>,
    /// Set the audio codec: CODEC, CODEC/BACKEND, s16le or copy.
    ///
    /// Without it, audio is copied if the parameters of all files agree and the output can hide the
    /// codec delay of each (WebM, Matroska). Other audio is encoded: s16le in WAV files, FLAC in .flac
    /// files, Opus elsewhere.
    #[arg(long, value_name = "CODEC")]
    pub(crate) audio_codec: Option<String>,
    /// Set the audio bitrate: 64k; a plain number is kb/s.
    #[arg(long, value_name = "RATE", value_parser = values::bitrate)]
    pub(crate) audio_bitrate: Option<codec_core::codec::Bitrate>,
    /// Set the number of threads (1 to 64).
    ///
    /// The output is the same for any number. Default: by frame size and cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Reject input that exceeds these limits; see `codec decode --help`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

/// The settings of `concat`.
pub(crate) fn joining(args: &ConcatArgs) -> Result<Joining> {
    let format = format_of(
        &args.output,
        args.format.as_deref(),
        Outputs::ENCODED.with_default(Format::WebM),
    )?;
    if format.is_raw_video() {
        let message = format!("{format} cannot hold encoded video");
        return Err(Failure::usage(message));
    }
    let limits = args.limits.map_or_else(Limits::default, |list| list.0);
    let first = args.inputs.first().cloned().unwrap_or_default();
    let options = EncoderOptions::from(&args.encoder);
    // Settings of the encoder come below, if the output has video.
    let mut encoding = Encoding::new(&first, "out.webm")?;
    let audio = AudioTrackArg::choice(args.audio_track.as_ref());
    encoding.input = InputSpec { audio, ..InputSpec::new(&first, limits) };
    encoding.output.clone_from(&args.output);
    encoding.format = format;
    encoding.rules = OutputRules {
        overwrite: args.yes,
        protected: args.inputs.clone(),
        terminal: args.format.is_some(),
        part: PartRule::of_inputs(&args.inputs),
    };
    if !format.is_audio() && !is_audio_name(&args.output) {
        encoding.encoder = EncoderSettings::new(&options, Preset::File, format)?;
    }
    let drops_audio = args.no_audio || args.audio_track == Some(AudioTrackArg::None);
    if args.audio_track.is_some() && !drops_audio && !can_hold_audio(format) {
        return Err(Failure::usage(format!("--audio cannot be used with {format} output")));
    }
    encoding.audio = if drops_audio || !can_hold_audio(format) {
        None
    } else {
        let options = AudioOptions {
            audio_codec: args.audio_codec.clone(),
            audio_bitrate: args.audio_bitrate,
            ..AudioOptions::default()
        };
        Some(AudioSettings::new(&options, format, None, false)?)
    };
    encoding.threads = args.threads.map(usize::from);
    encoding.resize = args.resize.map(Into::into);
    encoding.passes = Some(1);
    let encoder = &args.encoder;
    let encodes = args.resize.is_some()
        || encoder.codec.is_some()
        || encoder.bitrate.is_some()
        || encoder.quality.is_some()
        || encoder.qp.is_some()
        || encoder.speed.is_some()
        || encoder.preset.is_some();
    Ok(Joining { inputs: args.inputs.clone(), encoding, encodes })
}
