//! Flags of `codec decode`, `codec snapshot` and `codec probe`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use codec_media::cut::parse_time;
use codec_media::io::audio_track::AudioTrackChoice;
use codec_media::io::input::InputSpec;
use codec_media::io::output::OutputRules;
use codec_media::values::{FpsTarget, Samples, Scale, Target};

use super::numbers::{count, within};
use super::shared::{CutArgs, InputArgs, PartArgs, TransformArgs};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct DecodeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Output file (.y4m, .yuv; audio: .wav, .pcm), or `-` for standard output.
    ///
    /// A name such as frame-%04d.png (also .jpg, .webp) writes an image for each frame, from number 1 on; .gif
    /// writes an animation. Required unless --null, --md5 or --framemd5 is given.
    #[arg(short, long, value_name = "OUT", required_unless_present_any = ["md5", "framemd5", "null"])]
    pub(crate) output: Option<PathBuf>,
    /// Set the output format: y4m, raw, gif, wav or pcm.
    ///
    /// Required if the file name has no known extension. Pipes get y4m by default.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Set the pixel format of raw output: i420, nv12, yuy2, rgb24, bgra or p010.
    ///
    /// Default: planar, in the pixel format of the decoded frames.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) pixels: Option<Samples>,
    /// Set the sample format of audio: u8, s16le (the default), s16be, s24le, s32le, f32le, f64le.
    #[arg(long, value_name = "ENCODING")]
    pub(crate) samples: Option<String>,
    /// Select the decoder: CODEC or CODEC/BACKEND.
    ///
    /// Default: the first backend that can decode the input.
    #[arg(short, long)]
    pub(crate) codec: Option<String>,
    /// Print one MD5 over all frames.
    ///
    /// It covers the visible samples of all shown frames, planes Y, U and V (two bytes for samples
    /// of more than 8 bits), or the 16-bit audio samples of input without video.
    #[arg(long)]
    pub(crate) md5: bool,
    /// Print the MD5 of each frame.
    #[arg(long, conflicts_with = "md5")]
    pub(crate) framemd5: bool,
    /// Discard the output and report the speed.
    #[arg(long, conflicts_with = "output")]
    pub(crate) null: bool,
    /// Conceal damage and continue.
    #[arg(long)]
    pub(crate) conceal: bool,
    #[command(flatten)]
    pub(crate) cut: CutArgs,
    /// Scale to this size, such as 640x360; 640x-1 keeps the aspect ratio.
    ///
    /// --resize without a value scales every frame to the size of the first one.
    #[arg(long, value_name = "WxH", num_args = 0..=1, require_equals = true, default_missing_value = "first")]
    pub(crate) resize: Option<Target>,
    #[command(flatten)]
    pub(crate) transform: TransformArgs,
    /// Use this audio track: a number or a language.
    ///
    /// Numbers count audio tracks from 1; languages are codes such as eng or en. Default: the first.
    #[arg(id = "audio_track", long = "audio", value_name = "TRACK")]
    pub(crate) audio_track: Option<AudioTrackChoice>,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// List every packet (raw video: every frame).
    #[arg(long = "packets", alias = "frames")]
    pub(crate) frames: bool,
    #[command(flatten)]
    pub(crate) part: PartArgs,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct SnapshotArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Save the frame with this number, counted from 0.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = count::<u64>)]
    pub(crate) frame: u64,
    /// Save the first frame at or after this time, such as 83.5, 1:23.5, 0:01:23.5 or 1500ms.
    ///
    /// If that frame is more than 100 ms after TIME, the frame that is on screen at TIME is saved.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true,
          conflicts_with = "frame")]
    pub(crate) time: Option<Duration>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Save an animation of this frame rate, such as 12.5 or 30000/1001, or half of the input's (GIF).
    ///
    /// Without --from, --to and --duration, the animation covers the whole input. With one of them, the default is the
    /// rate of the input.
    #[arg(id = "frame_rate", long = "fps", value_name = "FPS|half")]
    pub(crate) fps: Option<FpsTarget>,
    /// Output file, or `-` for a PNG on standard output.
    #[arg(short, long, value_name = "F.png|F.jpg|F.webp|F.gif")]
    pub(crate) output: PathBuf,
    /// Scale to this size, such as 640x360; 640x-1 keeps the aspect ratio.
    #[arg(long, value_name = "WxH", allow_hyphen_values = true)]
    pub(crate) resize: Option<Scale>,
    /// Set the quality of JPEG and lossy WebP, 0 (worst) to 100 (best).
    ///
    /// Default: 80.
    #[arg(short, long, value_parser = within(0_u8..=100))]
    pub(crate) quality: Option<u8>,
    /// Write lossless WebP.
    #[arg(long)]
    pub(crate) lossless: bool,
    /// Write image data to standard output even if it is a terminal.
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
    /// Conceal damage and continue.
    #[arg(long)]
    pub(crate) conceal: bool,
    #[command(flatten)]
    pub(crate) transform: TransformArgs,
    /// Overwrite an existing file.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

/// Attaches sizes to `--resize`, whose value `decode` otherwise takes only after `=`, because it is optional there.
pub(crate) fn with_attached_sizes(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut attached = Vec::new();
    let mut rest = arguments.into_iter().peekable();
    while let Some(mut argument) = rest.next() {
        if argument == "--" {
            attached.push(argument);
            break;
        }
        let is_size =
            |next: &OsString| next.to_str().is_some_and(|size| size.parse::<Scale>().is_ok());
        let takes_size = argument == "--resize";
        if let Some(size) = rest.next_if(|next| takes_size && is_size(next)) {
            argument.push("=");
            argument.push(size);
        }
        attached.push(argument);
    }
    attached.extend(rest);
    attached
}

impl SnapshotArgs {
    /// The whole input, and which files the output may replace.
    pub(crate) fn spec_and_rules(&self) -> (InputSpec, OutputRules) {
        let mut spec = InputSpec::from(&self.input);
        spec.lenient = self.conceal;
        let rules = OutputRules {
            overwrite: self.yes,
            protected: vec![spec.path.clone()],
            terminal: self.force,
            ..OutputRules::default()
        };
        (spec, rules)
    }

    /// Whether the output is an animation.
    pub(crate) fn is_animated(&self) -> bool {
        self.fps.is_some() || !self.part.cut().is_whole()
    }
}
