//! Flags of `codec mix` and `codec vad`.

use std::path::PathBuf;

use clap::Args;
use codec_core::codec::Bitrate;
use codec_media::mix::MixOptions;
use codec_media::values::{self, LimitList};

use super::numbers::{count, decimal, within};
use super::shared::{InputPath, PartArgs};

#[derive(Debug, Args)]
pub(crate) struct MixArgs {
    /// Input files; one may be `-`. Their timestamps are kept.
    #[arg(value_name = "IN", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Output file, or `-` for standard output.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Set the container: wav, pcm, flac, opus, ogg, webm, mkv, mp4 or ts.
    ///
    /// Required if the file name has no known extension. Pipes get wav by default.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Set the gain of each input in dB, in order, such as 0,-6,-6.
    ///
    /// The gain of inputs without a value is 0.
    #[arg(long, value_name = "DB,...", value_delimiter = ',', allow_hyphen_values = true,
          value_parser = values::gain)]
    pub(crate) gain: Vec<f32>,
    /// Set the sample rate, in Hz.
    ///
    /// Default: the highest of the inputs, if the codec supports it.
    #[arg(long, value_name = "HZ", value_parser = within(1000_u32..=384_000))]
    pub(crate) rate: Option<u32>,
    /// Set the number of channels (1 to 8).
    ///
    /// Default: the number of the input with the most channels.
    #[arg(long, value_name = "N", value_parser = within(1_u8..=8))]
    pub(crate) channels: Option<u8>,
    /// Set the codec: CODEC, CODEC/BACKEND or a PCM encoding (s16le).
    ///
    /// Default: s16le in wav and pcm, FLAC in flac, Opus elsewhere.
    #[arg(short, long)]
    pub(crate) codec: Option<String>,
    /// Set the bitrate, such as 64k; a plain number is kb/s.
    #[arg(short, long, value_parser = values::bitrate)]
    pub(crate) bitrate: Option<Bitrate>,
    /// Write a mix-minus (N-1 mix) for each input to this folder: the mix of all other inputs.
    ///
    /// Each file has the name of its input.
    #[arg(long, value_name = "DIR")]
    pub(crate) n_minus_1: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Reject input that exceeds these limits; see `codec decode --help`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    /// Overwrite existing files.
    #[arg(short = 'y', long = "yes")]
    pub(crate) yes: bool,
}

impl From<&MixArgs> for MixOptions {
    fn from(args: &MixArgs) -> Self {
        Self {
            inputs: args.inputs.clone(),
            output: args.output.clone(),
            format: args.format.clone(),
            gain: args.gain.clone(),
            rate: args.rate,
            channels: args.channels,
            codec: args.codec.clone(),
            bitrate: args.bitrate,
            n_minus_1: args.n_minus_1.clone(),
            limits: args.limits.map(|list| list.0).unwrap_or_default(),
            cut: args.part.cut(),
            yes: args.yes,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct VadArgs {
    #[command(flatten)]
    pub(crate) input: InputPath,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Reject input that exceeds these limits; see `codec decode --help`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Set the lowest probability at which a 16 ms block counts as speech.
    #[arg(long, value_name = "0..1", default_value_t = 0.5, value_parser = decimal::<f32>)]
    pub(crate) threshold: f32,
    /// Ignore speech segments that are shorter than this, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = count::<u32>)]
    pub(crate) min_speech: u32,
    /// Join segments if the pause between them is shorter than this, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 300, value_parser = count::<u32>)]
    pub(crate) min_pause: u32,
}
