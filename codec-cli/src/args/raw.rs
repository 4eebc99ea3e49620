//! //! Flags as typed on the command line, with their help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use codec_audio::{Application, Bandwidth, FrameLength};
use codec_core::codec::{Bitrate, Limits};
use codec_core::frame::{Rational, Size};
use codec_media::io::input::InputSpec;
use codec_media::settings::audio::AudioOptions;
use codec_media::values::{self, Crop, LimitList, RawLayout, Samples, Target, Turn};

use super::bench::BenchArgs;
use super::compare::CompareArgs;
use super::encoder::EncoderArgs;
use super::inspect::InspectArgs;
#[cfg(feature = "net")]
use super::live::{RecvArgs, SendArgs};
#[cfg(feature = "serve")]
use super::serve::ServeArgs;
use super::simulate::SimulateArgs;

const EXIT_CODES: &str = "\
Exit codes: 0 success, 1 internal error, 2 usage, 3 input unreadable or unsupported, 4 corrupt \
input (output up to the damage is kept), 5 output error, 6 backend not in this build, 7 check or \
threshold failed, 8 network error, 130 interrupted.

Environment: CODEC_SIMD=scalar|sse41|avx2|avx512|neon|simd128 forces an instruction set; \
CODEC_FFMPEG selects the ffmpeg binary that measures VMAF.";

/// Encode, decode, stream and measure video and audio.
///
/// Standard output carries data only; messages and progress go to standard error. `-` means
/// standard input or standard output.
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
    /// Print more messages.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print errors only.
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Set the progress format.
    ///
    /// Progress is printed to standard error.
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "FORM")]
    pub(crate) progress: ProgressMode,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProgressMode {
    /// Update one line on a terminal; otherwise print a line every few seconds.
    Auto,
    /// Print a line every few seconds.
    Plain,
    /// Print one JSON object per line, with a summary at the end.
    Json,
    /// Print no progress.
    None,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Encode raw video (y4m, headerless), audio or a still image.
    #[command(visible_alias = "enc")]
    Encode(EncodeArgs),
    /// Decode to y4m, raw video, WAV or checksums.
    #[command(visible_alias = "dec")]
    Decode(DecodeArgs),
    /// Convert any readable video or audio file, keeping timestamps.
    Transcode(EncodeArgs),
    /// Show the contents of a media file.
    Probe(ProbeArgs),
    /// Inspect a video stream frame by frame and block by block (HTML or JSON).
    Inspect(InspectArgs),
    /// Measure quality against a reference: PSNR, SSIM, VMAF and others; audio too.
    Metrics(MetricsArgs),
    /// Compare encoders: rate-distortion curves, BD-rate, speed and latency.
    Compare(Box<CompareArgs>),
    /// Mix the audio of several files into one.
    Mix(MixArgs),
    /// Detect speech.
    Vad(VadArgs),
    /// Send video over a simulated link and measure what the viewer sees.
    Simulate(Box<SimulateArgs>),
    /// Send a file, a pipe or a live source in real time.
    #[cfg(feature = "net")]
    Send(Box<SendArgs>),
    /// Receive a stream and record or decode it.
    #[cfg(feature = "net")]
    Recv(Box<RecvArgs>),
    /// Run a WebRTC and WebSocket server with a page for watching and publishing.
    #[cfg(feature = "serve")]
    Serve(Box<ServeArgs>),
    /// List codecs, their capabilities and their settings.
    Codecs(CodecsArgs),
    /// Generate a synthetic clip or audio signal, identical on every machine.
    Generate(GenerateArgs),
    /// Benchmark an encoder, a decoder or the SIMD kernels.
    Bench(Box<BenchArgs>),
    /// Save one frame as PNG, JPEG or WebP.
    Snapshot(SnapshotArgs),
    /// Print shell completions.
    Completions { shell: Shell },
    /// Show the manual page of codec or of one command.
    Man { command: Option<String> },
}

/// The input, with or without `-i`.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Input file, or `-` for standard input.
    #[arg(value_name = "IN", required_unless_present = "input_flag")]
    input: Option<PathBuf>,
    /// Input file, same as IN.
    #[arg(short = 'i', long = "input", value_name = "IN", conflicts_with = "input")]
    input_flag: Option<PathBuf>,
    /// Set the layout of headerless input: WxH@fps:i420|nv12|yuy2|rgb24|bgra.
    ///
    /// Example: `640x360@30:i420`.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// Reject input that exceeds these limits.
    ///
    /// LIST is pixels=N|WxH, memory=BYTES, packet=BYTES, resized=PIXELS, gap=SECONDS, any of them,
    /// comma-separated. Example: `pixels=4096x2160,memory=512M,packet=8M,resized=128M,gap=10`.
    ///
    /// pixels and memory limit the frame size, packet the size of a packet, resized the pixels of
    /// size changes within 30 frames, gap the gaps in audio timestamps.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
}

impl InputArgs {
    pub(crate) fn path(&self) -> PathBuf {
        self.input.clone().or_else(|| self.input_flag.clone()).unwrap_or_default()
    }
}

impl From<&InputArgs> for InputSpec {
    fn from(args: &InputArgs) -> Self {
        Self {
            path: args.path(),
            raw: args.raw,
            limits: args.limits.map_or_else(Limits::default, |list| list.0),
            lenient: false,
        }
    }
}

/// Changes to each frame, applied in this order: crop, rotate, scale.
#[derive(Debug, Args)]
pub(crate) struct PictureArgs {
    /// Crop to this rectangle; X and Y must be even.
    #[arg(long, value_name = "WxH+X+Y")]
    pub(crate) crop: Option<Crop>,
    /// Rotate clockwise by 90, 180 or 270 degrees.
    ///
    /// Without a value (`auto`, the default) the rotation in the input's metadata is applied.
    #[arg(long, value_name = "DEGREES", num_args = 0..=1, require_equals = true, default_missing_value = "auto")]
    pub(crate) rotate: Option<Turn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metric {
    Psnr,
    Ssim,
    /// Measure nothing, not even the PSNR of `--report`, which takes time.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApplicationArg {
    /// Speech.
    Voip,
    /// Faithful to the input.
    Audio,
    /// Lowest delay.
    Lowdelay,
}

impl ApplicationArg {
    fn application(self) -> Application {
        match self {
            Self::Voip => Application::Voip,
            Self::Audio => Application::Audio,
            Self::Lowdelay => Application::LowDelay,
        }
    }
}

/// Highest coded frequency: 4, 6, 8, 12 or 20 kHz.
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

/// Audio, with or without video.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct AudioArgs {
    /// Drop the audio.
    #[arg(long, conflicts_with = "no_video")]
    pub(crate) no_audio: bool,
    /// Drop the video.
    #[arg(long)]
    pub(crate) no_video: bool,
    /// Set the audio codec: CODEC, CODEC/BACKEND, s16le or copy.
    ///
    /// Default: the input's packets if the output can hold them, otherwise Opus; s16le in WAV.
    #[arg(long, value_name = "CODEC")]
    pub(crate) audio_codec: Option<String>,
    /// Set the audio bitrate: 64k; a plain number is kb/s.
    ///
    /// Default: 64k for one channel, 48k for each of several.
    #[arg(long, value_name = "RATE", value_parser = values::bitrate)]
    pub(crate) audio_bitrate: Option<Bitrate>,
    /// Tune the audio encoder for this use.
    ///
    /// Default: audio; voip in the rtc preset.
    #[arg(long, value_enum)]
    pub(crate) application: Option<ApplicationArg>,
    /// Set the duration of an audio packet.
    ///
    /// One of 2.5ms, 5ms, 10ms, 20ms (the default), 40ms, 60ms, 80ms, 100ms, 120ms.
    #[arg(long, value_name = "TIME", value_parser = values::frame_length)]
    pub(crate) frame: Option<FrameLength>,
    /// Enable in-band FEC (Opus).
    ///
    /// Each packet carries a low-bitrate copy of the previous one.
    #[arg(long)]
    pub(crate) fec: bool,
    /// Set the expected packet loss for --fec, in percent (1 to 100).
    ///
    /// Default: 10.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) loss: Option<u8>,
    /// Enable discontinuous transmission (DTX).
    ///
    /// The encoder sends almost no data during silence.
    #[arg(long)]
    pub(crate) dtx: bool,
    /// Set the encoder's effort: 0 (fastest) to 10 (best, the default).
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=10))]
    pub(crate) complexity: Option<u8>,
    /// Use a constant audio bitrate: all packets have the same size.
    #[arg(long)]
    pub(crate) cbr: bool,
    /// Limit the audio bandwidth: 4, 6, 8, 12 or 20 kHz.
    ///
    /// Default: chosen by the encoder.
    #[arg(long, value_enum, value_name = "BAND")]
    pub(crate) bandwidth: Option<BandwidthArg>,
    /// Set the sample rate, in Hz.
    ///
    /// Default: the input's, if the codec supports it.
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1000..=384_000))]
    pub(crate) audio_rate: Option<u32>,
    /// Set the number of audio channels (1 to 8).
    ///
    /// Default: the input's, if the codec supports them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) channels: Option<u8>,
    /// Change the volume by -60 to 60 dB; a limiter prevents clipping.
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = values::gain)]
    pub(crate) gain: Option<f32>,
    /// Suppress noise around speech.
    #[arg(long)]
    pub(crate) denoise: bool,
    /// Level speech to an even loudness (AGC).
    #[arg(long)]
    pub(crate) agc: bool,
}

impl From<&AudioArgs> for AudioOptions {
    /// Whether any option requires the audio to be re-encoded.
    fn from(args: &AudioArgs) -> Self {
        Self {
            audio_codec: args.audio_codec.clone(),
            audio_bitrate: args.audio_bitrate,
            application: args.application.map(ApplicationArg::application),
            frame: args.frame,
            fec: args.fec,
            loss: args.loss,
            dtx: args.dtx,
            complexity: args.complexity,
            cbr: args.cbr,
            bandwidth: args.bandwidth.map(BandwidthArg::bandwidth),
            audio_rate: args.audio_rate,
            channels: args.channels,
            gain: args.gain,
            denoise: args.denoise,
            agc: args.agc,
        }
    }
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct EncodeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Output file, or `-` for standard output.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Set the container: ivf, webm, mkv, mp4, opus, wav, y4m or raw.
    ///
    /// Needed for pipes and unusual file names.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Follow the bitrates in this CSV file (rtc preset).
    ///
    /// Each line is SECONDS,RATE, such as `10,600k`.
    #[arg(long, value_name = "FILE", group = "rate")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// Set the number of passes for `--preset file -b`: 1 or 2.
    ///
    /// Default: 2 for files, 1 for pipes. Two passes encode the input on trial first, to meet the
    /// bitrate at even quality.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) passes: Option<u8>,
    /// Set the number of threads (1 to 64).
    ///
    /// The output is the same for any number. Default: by frame size and cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Stop after N frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Skip the first N frames and their audio.
    ///
    /// The output begins at time 0, unless --keep-times is given.
    #[arg(long, value_name = "FRAMES", default_value_t = 0)]
    pub(crate) skip: u64,
    /// Keep the input's timestamps after --skip.
    #[arg(long, requires = "skip")]
    pub(crate) keep_times: bool,
    /// Scale to this size, such as 640x360.
    #[arg(long, value_name = "WxH", value_parser = values::size)]
    pub(crate) resize: Option<Size>,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    #[command(flatten)]
    pub(crate) sound: AudioArgs,
    /// Write a row per frame to this file (.csv or .json).
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Measure quality while encoding.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(crate) metrics: Vec<Metric>,
    /// Write lossless WebP (still images).
    #[arg(long)]
    pub(crate) lossless: bool,
    /// Decode the output and compare each frame; exit with 7 if one differs.
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
    /// Output file (.y4m, .yuv; audio: .wav, .pcm), or `-` for standard output.
    #[arg(short, long, value_name = "OUT", required_unless_present_any = ["md5", "framemd5", "null"])]
    pub(crate) output: Option<PathBuf>,
    /// Set the output format: y4m, raw, wav or pcm.
    ///
    /// Needed for pipes and unusual file names.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Set the pixel format of raw output: i420, nv12, yuy2, rgb24 or bgra.
    #[arg(long, value_name = "SAMPLES")]
    pub(crate) pixels: Option<Samples>,
    /// Set the sample format of audio: u8, s16le (the default), s24le, s32le, f32le.
    #[arg(long, value_name = "ENCODING")]
    pub(crate) samples: Option<String>,
    /// Select the decoder: CODEC or CODEC/BACKEND.
    ///
    /// Default: the first that decodes the input.
    #[arg(short, long)]
    pub(crate) codec: Option<String>,
    /// Print one MD5 over all frames.
    ///
    /// Covers the visible I420 bytes of all shown frames; for input without video, the 16-bit audio
    /// samples.
    #[arg(long)]
    pub(crate) md5: bool,
    /// Print the MD5 of each frame.
    #[arg(long, conflicts_with = "md5")]
    pub(crate) framemd5: bool,
    /// Discard the output and report the speed.
    #[arg(long, conflicts_with = "output")]
    pub(crate) null: bool,
    /// Conceal damage and continue.
    #[arg(long)]
    pub(crate) conceal: bool,
    /// Set the number of threads (1 to 64).
    ///
    /// The output is the same for any number. Default: by frame size and cores.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Stop after N frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Skip the first N frames and their audio.
    ///
    /// The output begins at time 0, unless --keep-times is given.
    #[arg(long, value_name = "FRAMES", default_value_t = 0)]
    pub(crate) skip: u64,
    /// Keep the input's timestamps after --skip.
    #[arg(long, requires = "skip")]
    pub(crate) keep_times: bool,
    /// Scale to this size, such as 640x360.
    ///
    /// Without a value (`first`, the default) every frame is scaled to the size of the first one.
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
    /// Reference file.
    #[arg(value_name = "REF")]
    pub(crate) reference: PathBuf,
    /// Distorted file, which is compared with REF.
    #[arg(value_name = "DIST")]
    pub(crate) distorted: PathBuf,
    /// Print JSON, including every frame.
    #[arg(long)]
    pub(crate) json: bool,
    /// Set the layout of headerless input (.yuv): WxH@fps:i420|nv12|yuy2|rgb24|bgra.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) raw: Option<RawLayout>,
    /// Align both files at their first frames instead of by timestamp.
    #[arg(long)]
    pub(crate) relative: bool,
    /// Skip the first N frames of REF; its time counts from the next one.
    ///
    /// Use it if DIST was cut with `codec encode --skip`.
    #[arg(long, value_name = "FRAMES", default_value_t = 0)]
    pub(crate) skip: u64,
    /// Stop after N frames.
    #[arg(short = 'n', long)]
    pub(crate) frames: Option<u64>,
    /// Measure these metrics too, comma-separated, or all.
    ///
    /// psnr, psnr-global, psnr-rgb, ssim, ms-ssim, psnr-hvs, ciede2000, xpsnr, ssimulacra2,
    /// butteraugli; `all` means all of these. vmaf needs an ffmpeg with libvmaf.
    #[arg(long, value_name = "LIST")]
    pub(crate) metrics: Option<String>,
    /// Print statistics: mean, percentiles, worst second, worst frames.
    #[arg(long)]
    pub(crate) pool: bool,
    /// Compare the frame that a viewer sees at each reference timestamp, and count freezes.
    #[arg(long)]
    pub(crate) viewer: bool,
    /// Set the number of threads (1 to 64).
    ///
    /// The results are the same for any number. Default: one per core.
    #[arg(short = 'j', long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: Option<u16>,
    /// Compare the audio, even if the files contain video.
    #[arg(long)]
    pub(crate) audio: bool,
    /// Search for an audio delay of at most this many milliseconds; 0 disables the search.
    #[arg(long, value_name = "MS", default_value_t = 500,
          value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) max_delay: u32,
    /// Exit with 7 if the audio SNR is lower, in dB.
    #[arg(long, value_name = "DB", allow_hyphen_values = true)]
    pub(crate) min_snr: Option<f64>,
    /// Exit with 7 if the audio log-spectral distance is higher, in dB.
    #[arg(long, value_name = "DB")]
    pub(crate) max_lsd: Option<f64>,
    /// Exit with 7 if the mean luma PSNR is lower, in dB.
    #[arg(long, value_name = "DB")]
    pub(crate) min_psnr: Option<f64>,
    /// Exit with 7 if the mean luma SSIM is lower.
    #[arg(long, value_name = "SSIM")]
    pub(crate) min_ssim: Option<f64>,
    /// Reject input that exceeds these limits; see `codec decode --help`.
    #[arg(long, value_name = "LIST")]
    pub(crate) limits: Option<LimitList>,
}

#[derive(Debug, Args)]
pub(crate) struct MixArgs {
    /// Input files; one may be `-`. Their timestamps are kept.
    #[arg(value_name = "IN", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Output file, or `-` for standard output.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Set the container: wav, opus or webm.
    ///
    /// Needed for pipes and unusual file names.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Set the gain of each input in dB, in order: 0,-6,-6.
    ///
    /// Inputs without a value keep their level.
    #[arg(long, value_name = "DB,...", value_delimiter = ',', allow_hyphen_values = true,
          value_parser = values::gain)]
    pub(crate) gain: Vec<f32>,
    /// Set the sample rate, in Hz.
    ///
    /// Default: the highest of the inputs, if the codec supports it.
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1000..=384_000))]
    pub(crate) rate: Option<u32>,
    /// Set the number of channels (1 to 8).
    ///
    /// Default: the largest number of any input.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) channels: Option<u8>,
    /// Set the codec: CODEC, CODEC/BACKEND or a PCM encoding (s16le).
    ///
    /// Default: the usual one of the container.
    #[arg(short, long)]
    pub(crate) codec: Option<String>,
    /// Set the bitrate: 64k; a plain number is kb/s.
    #[arg(short, long, value_parser = values::bitrate)]
    pub(crate) bitrate: Option<Bitrate>,
    /// Write N-1 mixes to this folder: for each input, the mix of all the others.
    ///
    /// Each file has the name of its input.
    #[arg(long, value_name = "DIR")]
    pub(crate) n_minus_1: Option<PathBuf>,
    /// Reject input that exceeds these limits; see `codec decode --help`.
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
    /// Set the speech probability above which a 16 ms block counts as speech.
    #[arg(long, value_name = "0..1", default_value_t = 0.5)]
    pub(crate) threshold: f32,
    /// Ignore speech segments that are shorter, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub(crate) min_speech: u32,
    /// Join segments if the pause between them is shorter, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 300)]
    pub(crate) min_pause: u32,
}

#[derive(Debug, Args)]
pub(crate) struct CodecsArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Check that a backend (CODEC or CODEC/BACKEND) meets its contract; exit with 7 if not.
    #[arg(long, value_name = "SPEC")]
    pub(crate) check: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// Scene or audio signal to generate.
    #[arg(value_parser = codec_media::generate::names())]
    pub(crate) scene: String,
    /// Output file (.y4m, .yuv, .webm, .mkv, .mp4, .ivf; audio: .wav, .opus), or `-`.
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Set the output format (y4m, raw, ivf, webm, mkv, mp4, wav).
    ///
    /// Needed for pipes and unusual file names.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Set the frame size.
    #[arg(long, value_name = "WxH", value_parser = values::size, default_value = "640x360")]
    pub(crate) size: Size,
    /// Set the frame rate: 30, 29.97 or 30000/1001.
    #[arg(long, value_parser = values::frame_rate, default_value = "30")]
    pub(crate) fps: Rational,
    /// Set the number of frames.
    #[arg(short = 'n', long, default_value_t = 300)]
    pub(crate) frames: u32,
    /// Set the seed of the random content.
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
    /// Frame number, counted from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) frame: u64,
    /// Output file, or `-` for standard output.
    #[arg(short, long, value_name = "F.png|F.jpg|F.webp")]
    pub(crate) output: PathBuf,
    /// Set the quality of JPEG and lossy WebP, 0 (worst) to 100 (best).
    ///
    /// Default: 80.
    #[arg(short, long, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) quality: Option<u8>,
    /// Write lossless WebP.
    #[arg(long)]
    pub(crate) lossless: bool,
    /// Write to a terminal anyway.
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
    /// Conceal damage and continue.
    #[arg(long)]
    pub(crate) conceal: bool,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    /// Overwrite an existing file.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}
