//! Flags of `codec generate` and `codec codecs`.

use std::path::PathBuf;

use clap::Args;
use codec_core::frame::{Rational, Size};
use codec_media::values;

use super::numbers::count;

/// Frame size of scenes by default.
pub(crate) const SIZE: Size = Size { width: 640, height: 360 };

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// Scene or audio signal to generate.
    #[arg(value_parser = codec_media::generate::names())]
    pub(crate) scene: String,
    /// Output file (.y4m, .yuv, .webm, .mkv, .mp4, .ts, .ivf, .h264; audio: .wav, .opus, .flac), or `-`.
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Set the output format (y4m, raw, ivf, h264, webm, mkv, mp4, ts, wav, pcm, ogg, opus, flac).
    ///
    /// Required if the file name has no known extension. Pipes get y4m (audio: wav) by default.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Set the frame size of a scene.
    ///
    /// Default: 640x360.
    #[arg(long, value_name = "WxH", value_parser = values::size)]
    pub(crate) size: Option<Size>,
    /// Set the frame rate, such as 30, 29.97 or 30000/1001.
    ///
    /// An audio signal is as long as --frames at this rate.
    #[arg(long, value_parser = values::frame_rate, default_value = "30")]
    pub(crate) fps: Rational,
    /// Set the number of frames.
    #[arg(short = 'n', long, default_value_t = 300, value_parser = count::<u32>)]
    pub(crate) frames: u32,
    /// Set the seed of the random content.
    #[arg(long, default_value_t = 1, value_parser = count::<u64>)]
    pub(crate) seed: u64,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CodecsArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Run the conformance checks on CODEC or CODEC/BACKEND; exit with code 7 if one fails.
    #[arg(long, value_name = "CODEC")]
    pub(crate) check: Option<String>,
}
