//! Flags of an encoder of pictures, for every command that has one.

use clap::{Args, ValueEnum};
use codec_core::codec::Bitrate;

use super::values::{self, KeyInterval, KnobSetting};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetArg {
    /// Real time: CBR, no look-ahead, no periodic key frames, no layers, no drops; speed 7.
    Rtc,
    /// Files: look-ahead and altref frames, VBR; speed 3.
    File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ContentArg {
    Camera,
    Screen,
}

/// What an encoder is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct EncoderArgs {
    /// Codec or codec/backend; of the sound, where the output holds sound alone. Default: vp8, or
    /// what the output is for.
    #[arg(short, long)]
    pub(crate) codec: Option<String>,
    /// Bits per second: 600k, 1.5M; a plain number is kilobits.
    #[arg(short, long, value_parser = values::bitrate, group = "rate")]
    pub(crate) bitrate: Option<Bitrate>,
    /// Constant quality, 0 (worst) to 100 (best).
    #[arg(short, long, value_parser = clap::value_parser!(u8).range(0..=100), group = "rate")]
    pub(crate) quality: Option<u8>,
    /// One quantiser index for all frames, in the codec's scale (VP8: 0 best to 127).
    #[arg(long, group = "rate")]
    pub(crate) qp: Option<u8>,
    /// What the output is for.
    #[arg(long, value_enum)]
    pub(crate) preset: Option<PresetArg>,
    /// 0 (best) to 10 (fastest); VP8: 7 in rtc, 3 in file; AV1: 10 and 8.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=10))]
    pub(crate) speed: Option<u8>,
    /// Most frames (or 2s) between key frames; 0: none but those needed.
    #[arg(short = 'g', long, value_name = "FRAMES|2s")]
    pub(crate) keyint: Option<KeyInterval>,
    /// Temporal layers: L1T1, L1T2, L1T3.
    #[arg(long, value_name = "MODE")]
    pub(crate) layers: Option<String>,
    /// What the pictures show.
    #[arg(long, value_enum, default_value = "camera")]
    pub(crate) content: ContentArg,
    /// Let the rate controller drop frames.
    #[arg(long)]
    pub(crate) drop: bool,
    /// Most time for each frame: 8ms, 2500us; a plain number is milliseconds. The encoder goes faster
    /// where it must; the output then depends on the machine.
    #[arg(long, value_name = "TIME", value_parser = values::frame_time)]
    pub(crate) max_frame_time: Option<u64>,
    /// Make each frame decodable after losses, as far as its references are.
    #[arg(long)]
    pub(crate) error_resilient: bool,
    /// Token partitions: 1, 2, 4 or 8.
    #[arg(long, value_name = "N", value_parser = ["1", "2", "4", "8"])]
    pub(crate) token_parts: Option<String>,
    /// Set a knob of the backend (see `codec codecs`); may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) knob: Vec<KnobSetting>,
}

impl EncoderArgs {
    /// The preset of a command that makes files.
    pub(crate) fn file_preset(&self) -> PresetArg {
        self.preset.unwrap_or(PresetArg::File)
    }
}
