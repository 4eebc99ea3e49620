//! Flags shared by several commands.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};
use codec_core::codec::Limits;
use codec_media::cut::{Cut, parse_duration, parse_time};
use codec_media::frame::transform::Transform;
use codec_media::io::input::InputSpec;
use codec_media::scaling::Scaler;
use codec_media::values::{
    Crop, Deinterlace, FpsTarget, LimitList, Pad, PixFmt, RawLayout, Rotate, Scale,
};

use super::numbers::{count, within};

/// The path of the input, with or without `-i`.
#[derive(Clone, Debug, Args)]
pub(crate) struct InputPath {
    /// Input file or URL, or `-` for standard input.
    #[arg(value_name = "IN", required_unless_present = "input_flag")]
    input: Option<PathBuf>,
    /// Input file, same as IN.
    #[arg(short = 'i', long = "input", value_name = "IN", conflicts_with = "input")]
    input_flag: Option<PathBuf>,
}

impl InputPath {
    pub(crate) fn path(&self) -> PathBuf {
        self.input.clone().or_else(|| self.input_flag.clone()).unwrap_or_default()
    }
}

/// The input and how to read it.
#[derive(Clone, Debug, Args)]
pub(crate) struct InputArgs {
    #[command(flatten)]
    input: InputPath,
    /// Set the layout of headerless input: WxH@FPS:i420|nv12|yuy2|rgb24|bgra|p010.
    ///
    /// Defaults: 30 frames per second, i420. Other planar formats are given by FFmpeg's pixel format names, such as
    /// yuv422p10 or gray12. Example: `640x360@30:i420`.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// Set the first number of an image sequence, such as frame-%04d.png.
    ///
    /// In the file name, %d is replaced by the number of the image, %04d by the number padded with zeros to
    /// four digits. Default: 1; for an input, 0 if that image exists. An input ends before the first missing number.
    #[arg(long, value_name = "N", value_parser = count::<u64>)]
    pub(crate) start_number: Option<u64>,
    /// Reject input that exceeds these limits.
    ///
    /// LIST contains any of these, comma-separated: pixels=N|WxH (largest frame), memory=BYTES (lowers
    /// `pixels` so that eight frames of 8-bit 4:2:0 fit into this memory), packet=BYTES (largest packet),
    /// resized=PIXELS (for the resolution changes within 30 frames, the sum of the new frame sizes),
    /// gap=SECONDS (longest gap between audio timestamps). K, M and G are powers of 1024. Default:
    /// `pixels=4096x4096,packet=8M,resized=128M,gap=10`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
}

impl InputArgs {
    pub(crate) fn path(&self) -> PathBuf {
        self.input.path()
    }

    pub(crate) fn set_path(&mut self, path: PathBuf) {
        self.input = InputPath { input: Some(path), input_flag: None };
    }
}

impl From<&InputArgs> for InputSpec {
    fn from(args: &InputArgs) -> Self {
        Self {
            raw: args.raw,
            start_number: args.start_number,
            ..Self::new(args.path(), args.limits.map_or_else(Limits::default, |list| list.0))
        }
    }
}

/// Changes to each frame, applied in this order: convert, deinterlace, crop, rotate, scale, pad.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("scales").multiple(true).args(["resize", "pad"]))]
pub(crate) struct TransformArgs {
    /// Convert frames to this format: yuv420p (8-bit 4:2:0).
    ///
    /// Samples of more than 8 bits are dithered, and chroma of a higher resolution is downsampled.
    /// Colours are not converted: HDR is not tone-mapped.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) pix_fmt: Option<PixFmt>,
    /// Deinterlace the input: off, auto or on.
    ///
    /// `auto`, the same as --deinterlace without a value, deinterlaces the frames that the input
    /// marks as interlaced; `on` deinterlaces all frames. The frame rate stays the same.
    #[arg(long, value_name = "MODE", num_args = 0..=1, require_equals = true, default_missing_value = "auto", default_value = "off")]
    pub(crate) deinterlace: Deinterlace,
    /// Crop to this rectangle; X and Y must be even.
    #[arg(long, value_name = "WxH+X+Y")]
    pub(crate) crop: Option<Crop>,
    /// Rotate clockwise by 90, 180 or 270 degrees.
    ///
    /// `auto`, the same as --rotate without a value, applies the rotation in the input's metadata. It is the
    /// default for images, for formats that cannot hold a rotation, and with --resize or --pad, whose sizes refer to
    /// the rotated frame. Other video is not rotated and keeps its metadata, as with --rotate=0.
    #[arg(long, value_name = "DEGREES", num_args = 0..=1, require_equals = true, default_missing_value = "auto")]
    pub(crate) rotate: Option<Rotate>,
    /// Scale with this filter: lanczos, bicubic, bilinear, area or nearest (with --resize or --pad).
    ///
    /// Default: lanczos, which is the sharpest; nearest keeps the colours of pixel art.
    #[arg(long, value_name = "FILTER", requires = "scales")]
    pub(crate) scaler: Option<Scaler>,
    /// Centre the frames on a black frame of this size, such as 1280x720.
    ///
    /// It applies after --resize. Frames that do not fit are scaled down to fit.
    #[arg(long, value_name = "WxH")]
    pub(crate) pad: Option<Pad>,
}

impl TransformArgs {
    /// The transform of video, which can describe its rotation.
    pub(crate) fn of_video(&self, resize: Option<Scale>) -> Transform {
        self.transform(self.rotate, resize)
    }

    /// The transform of images, which have no metadata about their rotation.
    pub(crate) fn of_images(&self, resize: Option<Scale>) -> Transform {
        self.transform(Some(self.rotate.unwrap_or(Rotate::AsDescribed)), resize)
    }

    fn transform(&self, turn: Option<Rotate>, resize: Option<Scale>) -> Transform {
        let scaler = self.scaler.unwrap_or_default();
        Transform::new(self.crop, turn, resize)
            .following_display()
            .with_pad(self.pad)
            .with_scaler(scaler)
    }
}

/// The part of the input that is processed, and the threads that process it.
#[derive(Clone, Debug, Args)]
pub(crate) struct CutArgs {
    /// Set the number of threads (1 to 64).
    ///
    /// The output is the same for any number. Default: chosen by frame size and number of cores.
    #[arg(short = 'j', long, value_parser = within(1_u16..=64))]
    pub(crate) threads: Option<u16>,
    /// Stop after N frames.
    #[arg(short = 'n', long, value_name = "N", value_parser = count::<u64>, conflicts_with_all = ["from", "to", "duration"])]
    pub(crate) frames: Option<u64>,
    /// Skip the first N frames and their audio.
    ///
    /// The output begins at time 0, unless --keep-times is given.
    #[arg(long, value_name = "N", value_parser = count::<u64>, default_value_t = 0, group = "start",
          conflicts_with_all = ["to", "duration"])]
    pub(crate) skip: u64,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Convert the frame rate to this number, such as 30 or 30000/1001, or to half of the input's.
    ///
    /// Each output frame shows the latest input frame that begins before the middle of the output frame.
    /// Input frames are dropped or repeated accordingly. -n and --skip count the output
    /// frames. For an image sequence, FPS is the rate of the images (25 without --fps), and all of them are kept.
    #[arg(id = "frame_rate", long = "fps", value_name = "FPS|half")]
    pub(crate) fps: Option<FpsTarget>,
    /// Keep the input's timestamps after --skip or --from.
    #[arg(long, requires = "start")]
    pub(crate) keep_times: bool,
}

impl CutArgs {
    /// The part between two times.
    pub(crate) fn cut(&self) -> Cut {
        Cut { keep_times: self.keep_times, ..self.part.cut() }
    }
}

/// The start and the end of the part of the input that is processed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct TimeArgs {
    /// Start at this time of the input, such as 83.5, 1:23.5, 0:01:23.5 or 1500ms.
    ///
    /// The output starts with the first frame at or after TIME, or, if that frame is more than 100 ms after TIME, with
    /// the frame that is on screen at TIME. Audio starts with that frame, exact to the sample. Files are decoded from
    /// the key frame before TIME.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true,
          group = "start")]
    pub(crate) from: Option<Duration>,
    /// Stop before this time of the input, in the same form as --from.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true)]
    pub(crate) to: Option<Duration>,
}

impl TimeArgs {
    /// The part of the input.
    pub(crate) fn cut(&self) -> Cut {
        Cut::new(self.from, self.to, None)
    }
}

/// The part of the input that is processed, by time.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PartArgs {
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    /// Stop this long after --from (or after the start).
    #[arg(long, value_name = "TIME", value_parser = parse_duration, allow_hyphen_values = true,
          conflicts_with = "to")]
    pub(crate) duration: Option<Duration>,
}

impl PartArgs {
    /// The part of the input.
    pub(crate) fn cut(&self) -> Cut {
        Cut::new(self.time.from, self.time.to, self.duration)
    }
}
