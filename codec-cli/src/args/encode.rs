//! Flags of `codec encode` and `codec transcode`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use codec_core::frame::Size;
use codec_media::settings::goal::TargetQuality;
use codec_media::values;

use super::audio::AudioArgs;
use super::encoder::EncoderArgs;
use super::numbers::within;
use super::shared::{CutArgs, InputArgs, TransformArgs};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metric {
    Psnr,
    Ssim,
    /// Measure nothing, not even the PSNR in `--report`; this is faster.
    None,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct EncodeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Output file, or `-` for standard output.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Set the format: ivf, webm, mkv, mp4, h264, obu, opus, ogg, wav, flac, y4m, raw or pcm.
    ///
    /// Needed if the file name has no known extension. Pipes get ivf (audio only: webm) by default.
    /// Still images are selected by the file name: .webp, .png or .jpg.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Copy the video without re-encoding it, and the audio if no audio option is given.
    ///
    /// With --from, the copy begins at the last key frame at or before that time.
    #[arg(long)]
    pub(crate) copy: bool,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Aim for a mean quality: vmaf=93, ssim=0.98, psnr=42 or ssimulacra2=80.
    ///
    /// Tries qualities on samples of the input, then encodes and measures all of it. VP8, VP9, H.264 and
    /// AV1. Exit with 7 if the quality cannot be reached; the best result is kept.
    #[arg(long, value_name = "METRIC=VALUE", group = "rate")]
    pub(crate) target: Option<TargetQuality>,
    /// Aim for a file size with audio and container: 8M, 500k; a plain number is bytes.
    ///
    /// The file is at most 3 % smaller, and never larger; k, M and G are powers of 1000, Ki, Mi and Gi
    /// of 1024. Encodes again until the size is met (file preset).
    #[arg(long, value_name = "BYTES", value_parser = values::file_size, group = "rate")]
    pub(crate) size: Option<u64>,
    /// Follow the bitrates in this CSV file (rtc preset).
    ///
    /// Each line is SECONDS,RATE, such as `10,600k`.
    #[arg(long, value_name = "FILE", group = "rate")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// Set the number of passes for `--preset file -b`: 1 or 2.
    ///
    /// Default: 2 for files, 1 for pipes. Two passes run trial encodes first, to meet the bitrate
    /// at even quality.
    #[arg(long, value_name = "N", value_parser = within(1_u8..=2))]
    pub(crate) passes: Option<u8>,
    #[command(flatten)]
    pub(crate) cut: CutArgs,
    /// Scale to this size, such as 640x360.
    #[arg(long, value_name = "WxH", value_parser = values::size)]
    pub(crate) resize: Option<Size>,
    #[command(flatten)]
    pub(crate) transform: TransformArgs,
    #[command(flatten)]
    pub(crate) audio: AudioArgs,
    /// Write a row per frame to this file (.csv or .json).
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Measure quality while encoding.
    ///
    /// Default: psnr, if `--report` is given.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(crate) metrics: Vec<Metric>,
    /// Write lossless WebP (still images).
    #[arg(long)]
    pub(crate) lossless: bool,
    /// Check that the output decodes to the encoder's frames; exit with code 7 if one differs.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Write MP4 in fragments of about a second.
    ///
    /// The file is playable up to its last complete fragment if the run is killed. MP4 on a pipe is
    /// always fragmented.
    #[arg(long)]
    pub(crate) fragmented: bool,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}
