//! Flags of `codec concat`, and its settings.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args};
use codec_container::Format;
use codec_core::codec::Limits;
use codec_core::frame::Size;
use codec_media::concat::Joining;
use codec_media::cut::{Cut, parse_duration, parse_time};
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
    /// Input files, in order; two or more.
    #[arg(value_name = "IN", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Start the preceding input at this time, such as 83.5, 1:23.5, 0:01:23.5 or 1500ms.
    ///
    /// --from, --to and --duration apply to the last input before them: `concat a.mp4 --from 10 b.mp4 --to 5`.
    /// A part is copied if it begins with a key frame and no frame in it depends on a frame after its end.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true)]
    pub(crate) from: Vec<Duration>,
    /// End the preceding input at this time, in the same form as --from.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true)]
    pub(crate) to: Vec<Duration>,
    /// End the preceding input this long after its --from (or after its start).
    #[arg(long, value_name = "TIME", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(crate) duration: Vec<Duration>,
    /// The positions of the inputs and of the options above on the command line.
    #[arg(skip)]
    pub(crate) positions: Positions,
    /// Output file, or `-` for standard output.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Set the container: webm, mkv, mp4, ts, ivf, h264, opus, ogg, wav or flac.
    ///
    /// Required if the file name has no known extension. Pipes get webm by default.
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
    /// second ones and so on, in WebM, Matroska, MP4 and MPEG-TS, with silence for files that have fewer. Default: the
    /// first.
    #[arg(id = "audio_track", long = "audio", value_name = "TRACK", conflicts_with = "no_audio")]
    pub(crate) audio_track: Option<AudioTrackArg>,
    /// Set the audio codec: CODEC, CODEC/BACKEND, s16le or copy.
    ///
    /// Without this option, audio is copied if the parameters of all files agree and the output can signal the
    /// codec delay and discard padding of each file (WebM, Matroska). Other audio is encoded: s16le in WAV files, FLAC in .flac
    /// files, Opus elsewhere.
    #[arg(long, value_name = "CODEC")]
    pub(crate) audio_codec: Option<String>,
    /// Set the audio bitrate, such as 64k; a plain number is kb/s.
    #[arg(long, value_name = "RATE", value_parser = values::bitrate)]
    pub(crate) audio_bitrate: Option<codec_core::codec::Bitrate>,
    /// Set the number of threads (1 to 64).
    ///
    /// The output is the same for any number. Default: chosen by frame size and number of cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Reject input that exceeds these limits; see `codec decode --help`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

/// The positions of arguments on the command line, in the order of their values.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    inputs: Vec<usize>,
    from: Vec<usize>,
    to: Vec<usize>,
    duration: Vec<usize>,
}

/// The times that are given for one input.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    from: Option<Duration>,
    to: Option<Duration>,
    duration: Option<Duration>,
}

/// Selects one of the times.
type Field = fn(&mut Times) -> &mut Option<Duration>;

impl ConcatArgs {
    /// Notes the positions of the arguments of `concat` that were `found`.
    pub(crate) fn note_positions(&mut self, found: &ArgMatches) {
        let of = |id| found.indices_of(id).map(Iterator::collect).unwrap_or_default();
        self.positions = Positions {
            inputs: of("inputs"),
            from: of("from"),
            to: of("to"),
            duration: of("duration"),
        };
    }

    /// The first given option that requires the video to be encoded.
    fn encoder_option(&self) -> Option<&'static str> {
        let encoder = &self.encoder;
        let resize = self.resize.map(|_| "--resize");
        let preset = encoder.preset.map(|_| "--preset");
        resize.or(encoder.rate_option()).or(preset).or(encoder.other_option())
    }

    /// The inputs with their parts.
    fn parts(&self) -> Result<Vec<(PathBuf, Cut)>> {
        let mut times = vec![Times::default(); self.inputs.len()];
        let Positions { inputs, from, to, duration } = &self.positions;
        let options: [(_, _, _, Field); 3] = [
            ("--from", &self.from, from, |times| &mut times.from),
            ("--to", &self.to, to, |times| &mut times.to),
            ("--duration", &self.duration, duration, |times| &mut times.duration),
        ];
        for (name, values, positions, field) in options {
            for (value, position) in values.iter().zip(positions) {
                let before = inputs.iter().filter(|input| *input < position).count();
                let Some(of) = before.checked_sub(1).and_then(|at| times.get_mut(at)) else {
                    let help = format!("help: write {name} after the file that it applies to");
                    return Err(Failure::usage(format!("{name} is before the first file\n{help}")));
                };
                if field(of).replace(*value).is_some() {
                    let file = self.inputs[before - 1].display();
                    return Err(Failure::usage(format!("{name} is given twice for {file}")));
                }
            }
        }
        let cut = |(path, times): (&PathBuf, Times)| {
            let Times { from, to, duration } = times;
            if to.is_some() && duration.is_some() {
                let path = path.display();
                let message = format!("--to and --duration are both given for {path}");
                return Err(Failure::usage(message));
            }
            let cut = Cut::new(from, to, duration);
            cut.check()?;
            Ok((path.clone(), cut))
        };
        self.inputs.iter().zip(times).map(cut).collect()
    }
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
    let encoder_option = args.encoder_option();
    if !format.is_audio() && !is_audio_name(&args.output) {
        encoding.encoder = EncoderSettings::new(&options, Preset::File, format)?;
    } else if let Some(flag) = encoder_option {
        return Err(Failure::usage(format!("{flag} requires video, but the output is audio only")));
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
    Ok(Joining { inputs: args.parts()?, encoding, encoder_option })
}
