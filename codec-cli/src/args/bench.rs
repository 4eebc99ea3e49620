//! Flags of `codec bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use codec_core::frame::{Rational, Size};

use super::encoder::EncoderArgs;
use super::values::{self, LimitList, RawLayout};

/// What is measured, how often, and what it is held against.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) part: Option<BenchPart>,
    /// Input files: pictures are encoded, coded streams decoded. Default: a clip that is drawn.
    #[arg(value_name = "IN")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Headerless input: WxH@fps:i420|nv12|yuy2|rgb24|bgra.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// What input may ask for: see `codec decode`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    /// What is drawn where there is no input.
    #[arg(long, default_value = "talking-head", conflicts_with = "inputs",
          value_parser = codec_cli::generate::scene_names())]
    pub(crate) scene: String,
    /// Size of what is drawn.
    #[arg(long, value_name = "WxH", value_parser = values::size, default_value = "1280x720",
          conflicts_with = "inputs")]
    pub(crate) size: Size,
    /// Frames per second of what is drawn.
    #[arg(long, value_parser = values::frame_rate, default_value = "30", conflicts_with = "inputs")]
    pub(crate) fps: Rational,
    /// Frames of each input that are taken. Default: all that fit --memory; 60 drawn ones.
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) frames: Option<u64>,
    /// Most memory for the pictures of one input: 512M, 2G.
    #[arg(long, value_name = "BYTES", value_parser = values::quantity, default_value = "1G")]
    pub(crate) memory: u64,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Time decoding: of coded input as it is, of pictures as the encoder codes them.
    #[arg(long, conflicts_with = "encode")]
    pub(crate) decode: bool,
    /// Time encoding, of coded input too.
    #[arg(long)]
    pub(crate) encode: bool,
    /// Numbers of threads, each measured: 1,2,4.
    #[arg(short = 'j', long, value_delimiter = ',', default_value = "1",
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Vec<u16>,
    /// Find out how many streams of the clip's size and frame rate are encoded at once in real
    /// time, each on one thread, by running so many.
    #[arg(long)]
    pub(crate) headroom: bool,
    #[command(flatten)]
    pub(crate) levels: LevelArgs,
    /// Passes over the clip that count.
    #[arg(long, value_name = "N", default_value_t = 9,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: u32,
    /// Passes before that do not count.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) warm_up: u32,
    /// Go on, up to ten times as often, until half the width of the interval of CPU time is no more
    /// than this share of it: 1%.
    #[arg(long, value_name = "PERCENT", value_parser = values::percent)]
    pub(crate) until: Option<f64>,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
}

/// Parts of `codec bench` with flags of their own.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchPart {
    /// Time every kernel on data in the first-level cache, against scalar and against a bound.
    Kernels(KernelArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KernelArgs {
    /// Kernels with this in their name.
    #[arg(long, value_name = "NAME")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) levels: LevelArgs,
    /// Samples of each kernel and level.
    #[arg(long, value_name = "N", default_value_t = 15,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: u32,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct LevelArgs {
    /// Instruction sets, each measured: scalar,avx2 or all. Default: the best (or
    /// `CODEC_SIMD`); all for kernels.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) levels: Vec<String>,
}

/// What becomes of the figures.
#[derive(Clone, Debug, Args)]
pub(crate) struct RecordArgs {
    /// Write everything that was measured; `-`: to standard output, instead of the table.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Keep it for --against: the same content as --json.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Compare with what --save wrote; exit code 7 where something is slower for certain.
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// How much slower is too slow.
    #[arg(long, value_name = "PERCENT", value_parser = values::percent, default_value = "10%")]
    pub(crate) threshold: f64,
    /// Compare although settings or machines differ.
    #[arg(long)]
    pub(crate) force: bool,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}
