//! Flags of `codec bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use codec_core::codec::Bitrate;
use codec_core::frame::{Rational, Size};
use codec_lab::bench::options::{AudioBenchOptions, BenchOptions, KernelOptions, RecordOptions};
use codec_media::values::{self, LimitList, RawLayout};

use super::encoder::EncoderArgs;
use super::numbers::{at_least_one, within};
use super::shared::PartArgs;

/// Selects the workload, the number of passes and the baseline.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) part: Option<BenchPart>,
    /// Input files: raw video is encoded, coded video decoded.
    ///
    /// Default: a generated clip.
    #[arg(value_name = "IN")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Set the layout of headerless input: WxH@FPS:i420|nv12|yuy2|rgb24|bgra; 30 fps and i420 by default.
    ///
    /// Example: `640x360@30:i420`.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// Reject input that exceeds these limits; see `codec decode --help`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    /// Generate this scene if no input is given.
    #[arg(long, default_value = "talking-head", conflicts_with = "inputs",
          value_parser = codec_media::generate::scene_names())]
    pub(crate) scene: String,
    /// Set the frame size of the generated clip.
    #[arg(long, value_name = "WxH", value_parser = values::size, default_value = "1280x720",
          conflicts_with = "inputs")]
    pub(crate) size: Size,
    /// Set the frame rate of the generated clip.
    #[arg(long, value_parser = values::frame_rate, default_value = "30", conflicts_with = "inputs")]
    pub(crate) fps: Rational,
    /// Use at most N frames of each input.
    ///
    /// Default: as many as fit in --memory; 60 for a generated clip.
    #[arg(short = 'n', long, value_name = "N", value_parser = at_least_one, conflicts_with_all = ["from", "to", "duration"])]
    pub(crate) frames: Option<u64>,
    #[command(flatten)]
    pub(crate) cut: PartArgs,
    /// Limit the memory for the frames of one input, such as 512M or 2G.
    ///
    /// K, M and G are powers of 1024.
    #[arg(long, value_name = "BYTES", value_parser = values::quantity, default_value = "1G")]
    pub(crate) memory: u64,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Measure decoding.
    ///
    /// Coded input is decoded directly; raw video is encoded first, which is not timed.
    #[arg(long, conflicts_with = "encode")]
    pub(crate) decode: bool,
    /// Measure encoding; coded input is decoded first.
    #[arg(long)]
    pub(crate) encode: bool,
    /// Measure with each of these numbers of threads, such as 1,2,4.
    #[arg(short = 'j', long, value_delimiter = ',', default_value = "1",
          value_parser = within(1_u16..=64))]
    pub(crate) threads: Vec<u16>,
    /// Find how many real-time streams the machine can encode concurrently.
    ///
    /// Runs more and more encoders of the clip's size and frame rate, one thread each, until they
    /// no longer keep up.
    #[arg(long)]
    pub(crate) headroom: bool,
    #[command(flatten)]
    pub(crate) levels: LevelArgs,
    /// Set the number of measured passes.
    #[arg(long, value_name = "N", default_value_t = 9,
          value_parser = within(1_u32..=1000))]
    pub(crate) repeat: u32,
    /// Set the number of warm-up passes.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = within(0_u32..=100))]
    pub(crate) warm_up: u32,
    /// Add passes until the CPU time is known to this precision, such as 1%.
    ///
    /// Stops when half the width of the confidence interval is at most this share of the CPU time,
    /// or after ten times --repeat passes.
    #[arg(long, value_name = "PERCENT", value_parser = values::percent)]
    pub(crate) until: Option<f64>,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
}

/// Subcommands of `codec bench` with flags of their own.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchPart {
    /// Benchmark each SIMD kernel on data in the L1 cache.
    ///
    /// The table compares the time of a kernel with that of scalar code, and with a lower bound that is computed from
    /// its loads, stores and register operations.
    Kernels(KernelArgs),
    /// Benchmark audio codecs: speed of encoding and decoding, bitrate and quality.
    ///
    /// Each codec encodes and decodes each input at each bitrate; the passes of all these
    /// combinations are interleaved.
    Audio(AudioBenchArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AudioBenchArgs {
    /// Input files with audio.
    #[arg(value_name = "IN", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Measure these codecs or backends, such as opus,opus/libopus,pcmu.
    #[arg(
        short,
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "opus,pcmu,pcma"
    )]
    pub(crate) codecs: Vec<String>,
    /// Encode at these bitrates, if the codec has a choice.
    ///
    /// Default: 24k,48k,96k.
    #[arg(short, long, value_name = "RATE,...", value_delimiter = ',', value_parser = values::bitrate)]
    pub(crate) bitrate: Vec<Bitrate>,
    /// Reject input that exceeds these limits; see `codec decode --help`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    #[command(flatten)]
    pub(crate) cut: PartArgs,
    /// Set the number of measured passes.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = within(1_u32..=1000))]
    pub(crate) repeat: u32,
    /// Set the number of warm-up passes.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within(0_u32..=100))]
    pub(crate) warm_up: u32,
    /// Write a line for each codec, bitrate and input to a CSV file.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KernelArgs {
    /// Measure only kernels whose name contains this text.
    #[arg(long, value_name = "NAME")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) levels: LevelArgs,
    /// Set the number of measurements of each kernel with each instruction set.
    #[arg(long, value_name = "N", default_value_t = 15,
          value_parser = within(1_u32..=1000))]
    pub(crate) repeat: u32,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct LevelArgs {
    /// Measure these instruction sets, such as scalar,avx2, or all.
    ///
    /// Default: the best one (or `CODEC_SIMD`); for kernels, all.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) levels: Vec<String>,
}

/// Output of the results and comparison with a baseline.
#[derive(Clone, Debug, Args)]
pub(crate) struct RecordArgs {
    /// Write all measurements as JSON.
    ///
    /// `-` writes to standard output instead of the table.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Save the results for --against, in the format of --json.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Compare with saved results; exit with code 7 if slower.
    ///
    /// Only statistically significant slowdowns above --threshold count.
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// Set the slowdown above which --against fails, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = values::percent, default_value = "10%")]
    pub(crate) threshold: f64,
    /// Compare even if settings or machines differ.
    #[arg(long)]
    pub(crate) force: bool,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

impl From<&BenchArgs> for BenchOptions {
    fn from(args: &BenchArgs) -> Self {
        Self {
            inputs: args.inputs.clone(),
            raw: args.raw,
            limits: args.limits.map(|list| list.0).unwrap_or_default(),
            scene: args.scene.clone(),
            size: args.size,
            fps: args.fps,
            frames: args.frames,
            cut: args.cut.cut(),
            memory: args.memory,
            encoder: (&args.encoder).into(),
            decode: args.decode,
            encode: args.encode,
            threads: args.threads.iter().map(|&n| usize::from(n)).collect(),
            headroom: args.headroom,
            levels: args.levels.levels.clone(),
            repeat: args.repeat,
            warm_up: args.warm_up,
            until: args.until,
            record: (&args.record).into(),
        }
    }
}

impl From<&AudioBenchArgs> for AudioBenchOptions {
    fn from(args: &AudioBenchArgs) -> Self {
        Self {
            inputs: args.inputs.clone(),
            codecs: args.codecs.clone(),
            bitrates: args.bitrate.clone(),
            limits: args.limits.map(|list| list.0).unwrap_or_default(),
            cut: args.cut.cut(),
            repeat: args.repeat,
            warm_up: args.warm_up,
            csv: args.csv.clone(),
            record: (&args.record).into(),
        }
    }
}

impl From<&KernelArgs> for KernelOptions {
    fn from(args: &KernelArgs) -> Self {
        Self {
            filter: args.filter.clone(),
            levels: args.levels.levels.clone(),
            repeat: args.repeat,
            record: (&args.record).into(),
        }
    }
}

impl From<&RecordArgs> for RecordOptions {
    fn from(args: &RecordArgs) -> Self {
        Self {
            json: args.json.clone(),
            save: args.save.clone(),
            against: args.against.clone(),
            threshold: args.threshold,
            force: args.force,
            yes: args.yes,
        }
    }
}
