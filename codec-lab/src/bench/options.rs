//! Options of benchmarks.

use std::path::PathBuf;

use codec_core::codec::{Bitrate, Limits};
use codec_core::frame::{Rational, Size};
use codec_media::cut::Cut;
use codec_media::settings::encoder::EncoderOptions;
use codec_media::values::RawLayout;

/// Options of a benchmark: workload, number of passes and baseline.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// Input files: raw video is encoded, coded video decoded. Empty: a generated clip.
    pub inputs: Vec<PathBuf>,
    /// Layout of headerless input: WxH@fps:i420|nv12|yuy2|rgb24|bgra.
    pub raw: Option<RawLayout>,
    /// Limits on the input.
    pub limits: Limits,
    /// Scene of the generated clip.
    pub scene: String,
    /// Frame size of the generated clip.
    pub size: Size,
    /// Frame rate of the generated clip.
    pub fps: Rational,
    /// Maximum number of frames of each input. `None`: all that fit `memory`; 60 of a generated
    /// clip.
    pub frames: Option<u64>,
    /// The part of each input.
    pub cut: Cut,
    /// Maximum memory for the frames of one input, in bytes.
    pub memory: u64,
    /// Settings of the encoder.
    pub encoder: EncoderOptions,
    /// Measures decoding: of coded input as it is, of raw video after encoding it.
    pub decode: bool,
    /// Measures encoding; coded input is decoded first.
    pub encode: bool,
    /// Numbers of threads, each measured.
    pub threads: Vec<usize>,
    /// Finds how many real-time streams of the clip's size and frame rate the machine can
    /// encode concurrently, one thread each.
    pub headroom: bool,
    /// Instruction sets, each measured, or `all`.
    pub levels: Vec<String>,
    /// Number of measured passes.
    pub repeat: u32,
    /// Number of warm-up passes.
    pub warm_up: u32,
    /// Adds passes, up to ten times as many, until half the width of the confidence interval of the
    /// CPU time is at most this share of it.
    pub until: Option<f64>,
    /// Output of the results, and their baseline.
    pub record: RecordOptions,
}

/// Options of a benchmark of audio codecs.
#[derive(Clone, Debug)]
pub struct AudioBenchOptions {
    /// Input files with audio.
    pub inputs: Vec<PathBuf>,
    /// Codecs, as `codec` or `codec/backend`.
    pub codecs: Vec<String>,
    /// Bitrates of the codecs that have a choice. Empty: 24, 48 and 96 kb/s.
    pub bitrates: Vec<Bitrate>,
    /// Limits on the input.
    pub limits: Limits,
    /// The part of each input.
    pub cut: Cut,
    /// Number of measured passes.
    pub repeat: u32,
    /// Number of warm-up passes.
    pub warm_up: u32,
    /// Writes a line for each codec, bitrate and input.
    pub csv: Option<PathBuf>,
    /// Output of the results, and their baseline.
    pub record: RecordOptions,
}

/// Options of a kernel benchmark.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// Measures only kernels whose name contains this text.
    pub filter: Option<String>,
    /// Instruction sets, each measured. Default: all.
    pub levels: Vec<String>,
    /// Number of samples of each kernel and level.
    pub repeat: u32,
    /// Output of the results, and their baseline.
    pub record: RecordOptions,
}

/// Output of the results, and their baseline.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// Writes all measurements as JSON; `-`: to standard output, instead of the table.
    pub json: Option<PathBuf>,
    /// Saves the results for `against`, in the format of `json`.
    pub save: Option<PathBuf>,
    /// Compares with saved results; reports if something is significantly slower.
    pub against: Option<PathBuf>,
    /// Slowdown that fails the comparison, in percent.
    pub threshold: f64,
    /// Compares even if settings or machines differ.
    pub force: bool,
    /// Overwrites existing files.
    pub yes: bool,
}
