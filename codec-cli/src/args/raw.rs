//! Flags as they are typed; the help text stands here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use codec_core::audio::{Bandwidth, FrameLength};
use codec_core::codec::Bitrate;
use codec_core::frame::{Rational, Size};

use super::bench::BenchArgs;
use super::compare::CompareArgs;
use super::encoder::EncoderArgs;
use super::inspect::InspectArgs;
#[cfg(feature = "net")]
use super::live::{RecvArgs, SendArgs};
#[cfg(feature = "serve")]
use super::serve::ServeArgs;
use super::simulate::SimulateArgs;
use super::values::{self, Crop, LimitList, RawLayout, Samples, Target, Turn};

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 internal error, 2 usage, 3 input unreadable or not supported, 4 input \
damaged (what came before is kept), 5 output, 6 backend not in this build, 7 verification or \
threshold failed, 8 network, 130 interrupted.

Environment: CODEC_SIMD=scalar|sse41|avx2|avx512|neon|simd128 forces an instruction set; \
CODEC_FFMPEG names the ffmpeg that measures VMAF.";

/// Encodes, decodes and measures video.
///
/// Standard output is data alone; messages and progress go to standard error. `-` is standard
/// input or standard output.
#[derive(Debug, Parser)]
#[command(name = "codec", after_help = EXIT_CODES, max_term_width = 100, args_override_self = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Say more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but errors.
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// How progress is told, on standard error.
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "FORM")]
    pub(crate) progress: ProgressMode,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProgressMode {
    /// One line on a terminal, else a line every few seconds.
    Auto,
    /// A line every few seconds.
    Plain,
    /// JSON, one object a line, with a summary at the end.
    Json,
    /// None.
    None,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Encode raw video (y4m, headerless) or a still picture.
    #[command(visible_alias = "enc")]
    Encode(EncodeArgs),
    /// Decode to y4m or raw video, or to digests.
    #[command(visible_alias = "dec")]
    Decode(DecodeArgs),
    /// Decode any readable video and encode it again; times are kept.
    Transcode(EncodeArgs),
    /// Tell what a file holds.
    Probe(ProbeArgs),
    /// Show what a stream is made of, frame by frame and block by block: a page, or JSON.
    Inspect(InspectArgs),
    /// Compare a video or a sound with its reference: PSNR, SSIM and others; SNR, spectra and
    /// loudness.
    Metrics(MetricsArgs),
    /// Compare encoders: curves of quality over bitrate, BD-rate, speed, latency, in one report.
    Compare(Box<CompareArgs>),
    /// Mix the sound of several files into one.
    Mix(MixArgs),
    /// Find speech.
    Vad(VadArgs),
    /// Send a video over a simulated link, and tell what the viewer gets.
    Simulate(Box<SimulateArgs>),
    /// Send a file, a pipe or drawn pictures in real time.
    #[cfg(feature = "net")]
    Send(Box<SendArgs>),
    /// Receive a stream: record it, decode it.
    #[cfg(feature = "net")]
    Recv(Box<RecvArgs>),
    /// Serve streams to browsers: a page to watch and to publish, by WebRTC and WebSockets.
    #[cfg(feature = "serve")]
    Serve(Box<ServeArgs>),
    /// List codecs, what they can do and their settings.
    Codecs(CodecsArgs),
    /// Draw a synthetic clip, or make a sound: the same on every machine.
    Generate(GenerateArgs),
    /// Time an encoder, a decoder or the kernels; compare with times kept before.
    Bench(Box<BenchArgs>),
    /// Save one frame as PNG, JPEG or WebP.
    Snapshot(SnapshotArgs),
    /// Print completions for a shell.
    Completions { shell: Shell },
    /// Print the manual page, of the whole or of one command.
    Man { command: Option<String> },
}

/// The input, with or without `-i`.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Input file, or `-`.
    #[arg(value_name = "IN", required_unless_present = "input_flag")]
    input: Option<PathBuf>,
    /// Input file, as IN.
    #[arg(short = 'i', long = "input", value_name = "IN", conflicts_with = "input")]
    input_flag: Option<PathBuf>,
    /// Headerless input: WxH@fps:i420|nv12|yuy2|rgb24|bgra.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// What input may ask for: pixels=N|WxH, memory=512M, packet=8M,
    /// resized=128M, gap=10.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
}

impl InputArgs {
    pub(crate) fn path(&self) -> PathBuf {
        self.input.clone().or_else(|| self.input_flag.clone()).unwrap_or_default()
    }
}

/// Changes to the pictures, in this order: crop, turn, scale.
#[derive(Debug, Args)]
pub(crate) struct PictureArgs {
    /// Cut out a part; X and Y must be even.
    #[arg(long, value_name = "WxH+X+Y")]
    pub(crate) crop: Option<Crop>,
    /// Turn clockwise by 90, 180 or 270, or (`auto`, the default) as the input's description says.
    #[arg(long, value_name = "DEGREES", num_args = 0..=1, require_equals = true, default_missing_value = "auto")]
    pub(crate) rotate: Option<Turn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metric {
    Psnr,
    Ssim,
    /// Not even the PSNR of `--report`, which takes time.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApplicationArg {
    /// Speech.
    Voip,
    /// Faithful to the input.
    Audio,
    /// Least delay.
    Lowdelay,
}

/// Highest frequency: 4, 6, 8, 12 or 20 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BandwidthArg {
    Nb,
    Mb,
    Wb,
    Swb,
    Fb,
}

impl BandwidthArg {
    pub(crate) fn bandwidth(self) -> Bandwidth {
        match self {
            Self::Nb => Bandwidth::Narrow,
            Self::Mb => Bandwidth::Medium,
            Self::Wb => Bandwidth::Wide,
            Self::Swb => Bandwidth::SuperWide,
            Self::Fb => Bandwidth::Full,
        }
    }
}

/// Audio, beside the video or alone.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct SoundArgs {
    /// Leave out the sound.
    #[arg(long, conflicts_with = "no_video")]
    pub(crate) no_audio: bool,
    /// Leave out the pictures.
    #[arg(long)]
    pub(crate) no_video: bool,
    /// Codec or codec/backend of the sound, an encoding of samples (s16le), or copy. Default: the
    /// input's packets where the output can hold them, else Opus; in WAV s16le.
    #[arg(long, value_name = "CODEC")]
    pub(crate) audio_codec: Option<String>,
    /// Bits per second of the sound. Default: 64k for one channel, 48k for each of several.
    #[arg(long, value_name = "RATE", value_parser = values::bitrate)]
    pub(crate) audio_bitrate: Option<Bitrate>,
    /// What the sound is for. Default: audio; voip in the rtc preset.
    #[arg(long, value_enum)]
    pub(crate) application: Option<ApplicationArg>,
    /// Duration of a packet: 2.5ms, 5ms, 10ms, 20ms (the default), 40ms, 60ms, 80ms, 100ms, 120ms.
    #[arg(long, value_name = "TIME", value_parser = values::frame_length)]
    pub(crate) frame: Option<FrameLength>,
    /// A coarse copy of each frame in the next packet, against losses.
    #[arg(long)]
    pub(crate) fec: bool,
    /// Packet loss that --fec prepares for, in percent. Default: 10.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) loss: Option<u8>,
    /// Nearly no data during silence.
    #[arg(long)]
    pub(crate) dtx: bool,
    /// Effort, 0 (fastest) to 10 (best, the default).
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=10))]
    pub(crate) complexity: Option<u8>,
    /// Packets of the same size.
    #[arg(long)]
    pub(crate) cbr: bool,
    /// Highest frequency that is coded: 4, 6, 8, 12 or 20 kHz. Default: chosen.
    #[arg(long, value_enum, value_name = "BAND")]
    pub(crate) bandwidth: Option<BandwidthArg>,
    /// Samples per second. Default: the input's, where the codec has it.
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1000..=384_000))]
    pub(crate) audio_rate: Option<u32>,
    /// Channels. Default: the input's, where the codec has them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) channels: Option<u8>,
    /// Make it louder or softer, in dB.
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = values::gain)]
    pub(crate) gain: Option<f32>,
    /// Suppress noise around speech.
    #[arg(long)]
    pub(crate) denoise: bool,
    /// Bring speech to an even level.
    #[arg(long)]
    pub(crate) agc: bool,
}

impl SoundArgs {
    /// Whether anything is said that needs the sound to be coded anew.
    pub(crate) fn is_particular(&self) -> bool {
        self.audio_bitrate.is_some()
            || self.application.is_some()
            || self.frame.is_some()
            || self.fec
            || self.dtx
            || self.complexity.is_some()
            || self.cbr
            || self.bandwidth.is_some()
            || self.audio_rate.is_some()
            || self.channels.is_some()
            || self.gain.is_some()
            || self.denoise
            || self.agc
    }
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct EncodeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Output file, or `-`.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Container of the output (ivf, webm, mkv, mp4, opus, wav, y4m, raw), for pipes and odd names.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Bitrate that changes: a CSV file of SECONDS,RATE lines (0,600k). Real time only.
    #[arg(long, value_name = "FILE", group = "rate")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// Times that the input is read for `--preset file -b`: 2 codes it on trial first. Default: 2
    /// for files, 1 for pipes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) passes: Option<u8>,
    /// Threads; the output is the same for any number. Default: by size and cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Encode at most so many frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Skip the first frames (and their audio); the output begins at time 0.
    #[arg(long, value_name = "FRAMES", default_value_t = 0)]
    pub(crate) skip: u64,
    /// Keep the input's times after --skip.
    #[arg(long, requires = "skip")]
    pub(crate) keep_times: bool,
    /// Scale to this size.
    #[arg(long, value_name = "WxH", value_parser = values::size)]
    pub(crate) resize: Option<Size>,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    #[command(flatten)]
    pub(crate) sound: SoundArgs,
    /// Write a row for each frame, as CSV or JSON by the name.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Measure quality while encoding.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(crate) metrics: Vec<Metric>,
    /// Stills: WebP without loss.
    #[arg(long)]
    pub(crate) lossless: bool,
    /// Decode the output and compare every frame with the encoder's own; exit code 7 if one
    /// differs.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct DecodeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Output file (.y4m, .yuv; .wav, .pcm for sound), or `-`.
    #[arg(short, long, value_name = "OUT", required_unless_present_any = ["md5", "framemd5", "null"])]
    pub(crate) output: Option<PathBuf>,
    /// Form of the output (y4m, raw), for pipes and odd names.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Samples of raw output: i420, nv12, yuy2, rgb24, bgra.
    #[arg(long, value_name = "SAMPLES")]
    pub(crate) pixels: Option<Samples>,
    /// Samples of sound: u8, s16le (the default), s24le, s32le, f32le.
    #[arg(long, value_name = "ENCODING")]
    pub(crate) samples: Option<String>,
    /// Backend: codec or codec/backend. Default: the first that decodes the input.
    #[arg(short, long)]
    pub(crate) codec: Option<String>,
    /// Print one MD5 over the visible I420 bytes of all shown frames, or over the 16-bit samples
    /// of sound without pictures.
    #[arg(long)]
    pub(crate) md5: bool,
    /// Print the MD5 of each frame.
    #[arg(long, conflicts_with = "md5")]
    pub(crate) framemd5: bool,
    /// Throw the frames away and tell the speed.
    #[arg(long, conflicts_with = "output")]
    pub(crate) null: bool,
    /// Fill in what is damaged and go on.
    #[arg(long)]
    pub(crate) conceal: bool,
    /// Threads; the output is the same for any number. Default: by size and cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Decode at most so many frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Skip the first frames (and their audio); the output begins at time 0.
    #[arg(long, value_name = "FRAMES", default_value_t = 0)]
    pub(crate) skip: u64,
    /// Keep the input's times after --skip.
    #[arg(long, requires = "skip")]
    pub(crate) keep_times: bool,
    /// Scale to this size, or (`first`, the default) to that of the first frame.
    #[arg(long, value_name = "WxH", num_args = 0..=1, require_equals = true, default_missing_value = "first")]
    pub(crate) resize: Option<Target>,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// List every packet or frame.
    #[arg(long)]
    pub(crate) frames: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct MetricsArgs {
    /// What the other should look like.
    #[arg(value_name = "REF")]
    pub(crate) reference: PathBuf,
    /// What is measured.
    #[arg(value_name = "DIST")]
    pub(crate) distorted: PathBuf,
    /// Print JSON, with every frame.
    #[arg(long)]
    pub(crate) json: bool,
    /// Layout of headerless input (.yuv): WxH@fps:i420|nv12|yuy2|rgb24|bgra.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// Count the times of each from its first frame: for copies that begin at another time.
    #[arg(long)]
    pub(crate) relative: bool,
    /// Skip the first frames of REF and count its times from the next one, as `codec encode --skip`
    /// does: DIST is such a cut.
    #[arg(long, value_name = "FRAMES", default_value_t = 0)]
    pub(crate) skip: u64,
    /// Compare at most so many frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Measure these as well: psnr, psnr-global, psnr-rgb, ssim, ms-ssim, psnr-hvs, ciede2000,
    /// xpsnr, ssimulacra2, butteraugli, all of these (all), vmaf (by an ffmpeg that has libvmaf).
    #[arg(long, value_name = "LIST")]
    pub(crate) metrics: Option<String>,
    /// Print the distribution over frames of what was measured: mean, worst second, worst frames.
    #[arg(long)]
    pub(crate) pool: bool,
    /// Compare each frame of the reference with what the viewer sees at its time, and count freezes.
    #[arg(long)]
    pub(crate) viewer: bool,
    /// Threads; the figures are the same for any number. Default: one for each core.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Compare the sound, of files that have pictures too.
    #[arg(long)]
    pub(crate) audio: bool,
    /// Furthest delay of one sound against the other that is looked for, in milliseconds; 0: they
    /// lie as they are.
    #[arg(long, value_name = "MS", default_value_t = 500,
          value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) max_delay: u32,
    /// Exit code 7 if the SNR of the sound is lower, in dB.
    #[arg(long, value_name = "DB", allow_hyphen_values = true)]
    pub(crate) min_snr: Option<f64>,
    /// Exit code 7 if the log-spectral distance of the sound is higher, in dB.
    #[arg(long, value_name = "DB")]
    pub(crate) max_lsd: Option<f64>,
    /// Exit code 7 if the mean PSNR of luma is lower, in dB.
    #[arg(long, value_name = "DB")]
    pub(crate) min_psnr: Option<f64>,
    /// Exit code 7 if the mean SSIM of luma is lower.
    #[arg(long, value_name = "SSIM")]
    pub(crate) min_ssim: Option<f64>,
    /// What input may ask for: see `codec decode`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
}

#[derive(Debug, Args)]
pub(crate) struct MixArgs {
    /// Input files; one may be `-`. Their times are kept.
    #[arg(value_name = "IN", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Output file, or `-`.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Container of the output (wav, opus, webm), for pipes and odd names.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Gain of each input in dB, in their order: 0,-6,-6; inputs without one keep their level.
    #[arg(long, value_name = "DB,...", value_delimiter = ',', allow_hyphen_values = true,
          value_parser = values::gain)]
    pub(crate) gain: Vec<f32>,
    /// Samples per second. Default: the highest of the inputs', where the codec has it.
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1000..=384_000))]
    pub(crate) rate: Option<u32>,
    /// Channels. Default: the most that an input has.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) channels: Option<u8>,
    /// Codec or codec/backend, or an encoding of samples (s16le). Default: the usual one of the
    /// output.
    #[arg(short, long)]
    pub(crate) codec: Option<String>,
    /// Bits per second: 64k; a plain number is kilobits.
    #[arg(short, long, value_parser = values::bitrate)]
    pub(crate) bitrate: Option<Bitrate>,
    /// Also write into this folder, for each input, the mix of all the others, named as the input.
    #[arg(long, value_name = "DIR")]
    pub(crate) n_minus_1: Option<PathBuf>,
    /// What input may ask for: see `codec decode`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
    /// Overwrite existing files.
    #[arg(short = 'y', long = "yes")]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VadArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Probability from which on a block of 16 ms is speech.
    #[arg(long, value_name = "0..1", default_value_t = 0.5)]
    pub(crate) threshold: f32,
    /// Stretches of speech that are shorter do not count, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub(crate) min_speech: u32,
    /// Pauses that are shorter do not part a stretch, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 300)]
    pub(crate) min_pause: u32,
}

#[derive(Debug, Args)]
pub(crate) struct CodecsArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Check that a backend (codec or codec/backend) keeps what it promises; exit code 7 if not.
    #[arg(long, value_name = "SPEC")]
    pub(crate) check: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// What to draw, or what sound to make.
    #[arg(value_parser = codec_cli::generate::names())]
    pub(crate) scene: String,
    /// Output file (.y4m, .yuv; .webm, .mkv, .mp4, .ivf coded; .wav, .opus for sound), or `-`.
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Form of the output (y4m, raw), for pipes and odd names.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Size of the pictures.
    #[arg(long, value_name = "WxH", value_parser = values::size, default_value = "640x360")]
    pub(crate) size: Size,
    /// Frames per second: 30, 29.97, 30000/1001.
    #[arg(long, value_parser = values::frame_rate, default_value = "30")]
    pub(crate) fps: Rational,
    /// Number of frames.
    #[arg(short = 'n', long, default_value_t = 300)]
    pub(crate) frames: u32,
    /// Other seeds draw other pictures of the same kind.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct SnapshotArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Which frame, counted from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) frame: u64,
    /// Output file, or `-`.
    #[arg(short, long, value_name = "F.png|F.jpg|F.webp")]
    pub(crate) output: PathBuf,
    /// Quality of JPEG and lossy WebP, 0 (worst) to 100 (best). Default: 80.
    #[arg(short, long, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) quality: Option<u8>,
    /// WebP without loss.
    #[arg(long)]
    pub(crate) lossless: bool,
    /// Write to a terminal all the same.
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
    /// Fill in what is damaged and go on.
    #[arg(long)]
    pub(crate) conceal: bool,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    /// Overwrite an existing file.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}
