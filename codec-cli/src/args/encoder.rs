//! Flags of a video encoder, for every command that has one.

use clap::{Args, ValueEnum};
use codec_core::codec::{Bitrate, Content, Denoise, Tune};
use codec_media::settings::encoder::{EncoderOptions, Preset};

use codec_media::values::{self, KeyInterval, KnobSetting, RegionOffset};

use super::numbers::within;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetArg {
    /// Real time: CBR, no look-ahead, no periodic key frames; allows spatial --layers and --drop.
    Rtc,
    /// Files: VBR, look-ahead, altref frames (VP8, VP9) or B frames (H.264).
    File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ContentArg {
    Camera,
    Screen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TuneArg {
    Psnr,
    Visual,
}

/// Settings of the video encoder.
#[derive(Clone, Debug, Args)]
pub(crate) struct EncoderArgs {
    /// Select the encoder: CODEC or CODEC/BACKEND (see `codec codecs`).
    ///
    /// Default: vp8, or the codec that the output format requires. With an audio file as output, it
    /// selects the audio encoder.
    #[arg(short, long)]
    pub(crate) codec: Option<String>,
    /// Set the target bitrate, such as 600k or 1.5M; a plain number is kb/s.
    ///
    /// If no option sets the rate or the quality, the bitrate is chosen by frame size, as in WebRTC.
    #[arg(short, long, value_parser = values::bitrate, group = "rate")]
    pub(crate) bitrate: Option<Bitrate>,
    /// Set constant quality: 0 (worst) to 100 (best).
    #[arg(short, long, value_parser = within(0_u8..=100), group = "rate")]
    pub(crate) quality: Option<u8>,
    /// Set a constant quantiser index; lower is better.
    ///
    /// VP8: 0 to 127; VP9: 1 to 255; H.264: 0 to 51; AV1: 0 to 255.
    #[arg(long, value_parser = within(0_u8..=255), group = "rate")]
    pub(crate) qp: Option<u8>,
    /// Select settings for real time or for files.
    #[arg(long, value_enum)]
    pub(crate) preset: Option<PresetArg>,
    /// Set the speed: 0 (best quality) to 10 (fastest).
    ///
    /// Default: 7 with --preset rtc and 3 with --preset file for VP8, VP9 and H.264; 10 and 8 for AV1.
    #[arg(long, value_parser = within(0_u8..=10))]
    pub(crate) speed: Option<u8>,
    /// Set the maximum key frame interval, in frames or in seconds (2s).
    ///
    /// 0 disables periodic key frames. Default: 240 frames with --preset file, 0 with --preset rtc.
    #[arg(short = 'g', long, value_name = "FRAMES|2s")]
    pub(crate) keyint: Option<KeyInterval>,
    /// Set the temporal and spatial layers: L1T1 (a single layer, the default), L1T2 or L1T3; VP9 also L2T1 to L3T3.
    ///
    /// `L3T2` has three spatial and two temporal layers; `L3T2_KEY` predicts between spatial layers only in
    /// key frames. Spatial layers require `--preset rtc`.
    #[arg(long, value_name = "MODE")]
    pub(crate) layers: Option<String>,
    /// Tune for camera or screen content.
    ///
    /// It has no effect on H.264 with `--preset file`.
    #[arg(long, value_enum, default_value = "camera")]
    pub(crate) content: ContentArg,
    /// Remove camera noise before encoding: off, auto or a strength.
    ///
    /// A strength is the standard deviation of the noise, 1 to 12, for samples of 0 to 255; typical
    /// cameras have 2 to 6. `auto` measures the noise and leaves clean video and screen content unchanged.
    #[arg(long, value_name = "STRENGTH", default_value = "off", value_parser = values::denoise)]
    pub(crate) video_denoise: Denoise,
    /// Optimise for PSNR or for visual quality (VP8, VP9, H.264).
    ///
    /// `visual` keeps texture, and codes flat areas more precisely than busy ones. Default: psnr for
    /// VP8, VP9 and H.264; other encoders reject --tune; some have a --knob for it.
    #[arg(long, value_enum)]
    pub(crate) tune: Option<TuneArg>,
    /// Allow the rate controller to drop frames (rtc preset with -b).
    #[arg(long)]
    pub(crate) drop: bool,
    /// Limit the encoding time per frame, such as 8ms or 2500us; a plain number is milliseconds.
    ///
    /// This works only in the rtc preset. The encoder raises its speed to meet the limit, so the output depends
    /// on the machine.
    #[arg(long, value_name = "TIME", value_parser = values::frame_time)]
    pub(crate) max_frame_time: Option<u64>,
    /// Make each frame depend on earlier frames only through its references (error resilience).
    ///
    /// Entropy coding then does not depend on frames that may be lost: a frame can be decoded if its references have
    /// arrived.
    #[arg(long)]
    pub(crate) error_resilient: bool,
    /// Set the number of token partitions (VP8): 1, 2, 4 or 8.
    #[arg(long, value_name = "N", value_parser = ["1", "2", "4", "8"])]
    pub(crate) token_parts: Option<String>,
    /// Set a backend-specific option (see `codec codecs`); repeatable.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) knob: Vec<KnobSetting>,
    /// Encode a region at a higher or lower quality than the rest, by a QP offset of -24 (best) to 24; repeatable.
    ///
    /// W, H, X and Y are in pixels of the encoded frame, rounded to macroblocks; where regions
    /// overlap, the last one counts. OFFSET is a QP offset on the scale of H.264, for every codec:
    /// -6 halves the quantiser step. With a bitrate, the rate stays the same, so a better region makes the rest
    /// of the frame worse. Example: `160x200+200+60:-8`.
    #[arg(long, value_name = "WxH+X+Y:OFFSET")]
    pub(crate) region: Vec<RegionOffset>,
}

impl EncoderArgs {
    /// The preset of a command that writes files.
    pub(crate) fn file_preset(&self) -> PresetArg {
        self.preset.unwrap_or(PresetArg::File)
    }
}

impl From<PresetArg> for Preset {
    fn from(arg: PresetArg) -> Self {
        match arg {
            PresetArg::Rtc => Self::Rtc,
            PresetArg::File => Self::File,
        }
    }
}

impl From<&EncoderArgs> for EncoderOptions {
    fn from(args: &EncoderArgs) -> Self {
        Self {
            codec: args.codec.clone(),
            bitrate: args.bitrate,
            quality: args.quality,
            qp: args.qp,
            preset: args.preset.map(Preset::from),
            speed: args.speed,
            keyint: args.keyint,
            layers: args.layers.clone(),
            content: match args.content {
                ContentArg::Camera => Content::Camera,
                ContentArg::Screen => Content::Screen,
            },
            denoise: args.video_denoise,
            tune: args.tune.map(|tune| match tune {
                TuneArg::Psnr => Tune::Psnr,
                TuneArg::Visual => Tune::Visual,
            }),
            drop: args.drop,
            max_frame_time: args.max_frame_time,
            error_resilient: args.error_resilient,
            token_parts: args.token_parts.clone(),
            knob: args.knob.clone(),
            regions: args.region.clone(),
        }
    }
}
