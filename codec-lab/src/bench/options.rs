//! What `bench` is asked to do.

use std::path::PathBuf;

use codec_core::codec::Limits;
use codec_core::frame::{Rational, Size};
use codec_media::settings::encoder::EncoderOptions;
use codec_media::values::RawLayout;

/// What is measured, how often, and what it is held against.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// Input files: pictures are encoded, coded streams decoded. Default: a clip that is drawn.
    pub inputs: Vec<PathBuf>,
    /// Headerless input: WxH@fps:i420|nv12|yuy2|rgb24|bgra.
    pub raw: Option<RawLayout>,
    /// What input may ask for: see `codec decode`.
    pub limits: Limits,
    /// What is drawn where there is no input.
    pub scene: String,
    /// Size of what is drawn.
    pub size: Size,
    /// Frames per second of what is drawn.
    pub fps: Rational,
    /// Frames of each input that are taken. Default: all that fit --memory; 60 drawn ones.
    pub frames: Option<u64>,
    /// Most memory for the pictures of one input: 512M, 2G.
    pub memory: u64,
    /// Settings of the encoder.
    pub encoder: EncoderOptions,
    /// Time decoding: of coded input as it is, of pictures as the encoder codes them.
    pub decode: bool,
    /// Time encoding, of coded input too.
    pub encode: bool,
    /// Numbers of threads, each measured: 1,2,4.
    pub threads: Vec<usize>,
    /// Find out how many streams of the clip's size and frame rate are encoded at once in real
    /// time, each on one thread, by running so many.
    pub headroom: bool,
    /// Instruction sets, each measured, or `all`.
    pub levels: Vec<String>,
    /// Passes over the clip that count.
    pub repeat: u32,
    /// Passes before that do not count.
    pub warm_up: u32,
    /// Go on, up to ten times as often, until half the width of the interval of CPU time is no more
    /// than this share of it: 1%.
    pub until: Option<f64>,
    /// What becomes of the figures.
    pub record: RecordOptions,
}

/// Options of a measurement of the kernels.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// Kernels with this in their name.
    pub filter: Option<String>,
    /// Instruction sets, each measured. Default: all.
    pub levels: Vec<String>,
    /// Samples of each kernel and level.
    pub repeat: u32,
    /// What becomes of the figures.
    pub record: RecordOptions,
}

/// What becomes of the figures.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// Write everything that was measured; `-`: to standard output, instead of the table.
    pub json: Option<PathBuf>,
    /// Keep it for --against: the same content as --json.
    pub save: Option<PathBuf>,
    /// Compare with what --save wrote; exit code 7 where something is slower for certain.
    pub against: Option<PathBuf>,
    /// How much slower is too slow.
    pub threshold: f64,
    /// Compare although settings or machines differ.
    pub force: bool,
    /// Overwrite existing files.
    pub yes: bool,
}
