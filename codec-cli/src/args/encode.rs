//! Flags of `codec encode` and `codec transcode`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use codec_container::Format;
use codec_media::batch::{Batch, Job};
use codec_media::io::audio_track::AudioTrackChoice;
use codec_media::io::input::InputSpec;
use codec_media::io::names::{Outputs, format_of, is_audio_name};
use codec_media::io::output::{OutputRules, PartRule};
use codec_media::settings::encoding::can_hold_video;
use codec_media::settings::goal::TargetQuality;
use codec_media::values::{self, Scale};

use super::audio::{AudioArgs, AudioTrackArg};
use super::encoder::EncoderArgs;
use super::numbers::one_or_two;
use super::purpose::Purpose;
use super::shared::{CutArgs, InputArgs, TransformArgs};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metric {
    Psnr,
    Ssim,
    /// Measure nothing, not even the PSNR in `--report`; this is faster.
    None,
}

#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct EncodeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// More input files (with --out-dir).
    #[arg(value_name = "MORE")]
    pub(crate) more: Vec<PathBuf>,
    /// Output file, or `-` for standard output.
    #[arg(short, long, value_name = "OUT", required_unless_present = "out_dir")]
    output: Option<PathBuf>,
    /// Convert several files into this folder, in parallel.
    ///
    /// Each output has the name of its input with another extension. An input is skipped if its output exists and
    /// is not older than the input, so that the same command continues a run that was interrupted; an older output
    /// is an error without -y. If a conversion is interrupted or its input is damaged, its output has the additional
    /// extension `.codec.part`. Without -j, as many files are converted in parallel as the machine has cores. Errors
    /// are listed at the end.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "report"])]
    pub(crate) out_dir: Option<PathBuf>,
    /// Replace the extension of each input by this (with --out-dir).
    ///
    /// Default: the format of -f, otherwise .webm.
    #[arg(long, value_name = "SUFFIX", requires = "out_dir", allow_hyphen_values = true)]
    pub(crate) suffix: Option<String>,
    /// Set the format: ivf, webm, mkv, mp4, ts, h264, obu, opus, ogg, wav, flac, y4m, raw or pcm.
    ///
    /// Required if the file name has no known extension. Pipes get ivf (with --no-video: webm) by default.
    /// Still images are selected by the file name: .webp, .png or .jpg; frame-%04d.png writes an image for
    /// each frame, from number 1 on; .gif or -f gif writes an animation.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Copy the video without re-encoding it, and the audio if no audio option is given.
    ///
    /// With --from, the copy begins at the last key frame at or before that time.
    #[arg(long)]
    pub(crate) copy: bool,
    /// Set the options for a purpose: web, archive, call, discord=8M.
    ///
    /// `web` encodes VP9 in .webm or H.264 in .mp4, at most 1920x1080; `archive` has a higher quality, takes longer and
    /// does not limit the frame size; `call` uses the settings of `codec send`, at most 1280x720; `discord=SIZE` limits the file to SIZE
    /// (as in --size, default 8M) and the frames to 1280x720. Options on the command line take precedence; -v prints
    /// the options that a purpose sets.
    #[arg(id = "purpose", long = "for", value_name = "PURPOSE")]
    pub(crate) purpose: Option<Purpose>,
    /// Whether `--preset` was given.
    #[arg(skip)]
    pub(crate) preset_is_given: bool,
    /// Whether `--for` has set the audio options.
    #[arg(skip)]
    pub(crate) audio_is_of_purpose: bool,
    #[command(flatten)]
    pub(crate) encoder: EncoderArgs,
    /// Aim for a mean vmaf, ssim, psnr or ssimulacra2, such as vmaf=93.
    ///
    /// Searches for the quality setting on short sections of the input, then encodes and measures the whole input.
    /// It works with VP8, VP9, H.264 and AV1. Exits with code 7 if the quality cannot be reached; the
    /// best result is kept.
    #[arg(long, value_name = "METRIC=VALUE", group = "rate")]
    pub(crate) target: Option<TargetQuality>,
    /// Aim for this size of the whole file, with audio and container, such as 8M or 500k; a plain number is bytes.
    ///
    /// Encodes again until the file has 97 to 100 % of this size (file preset). If the content needs fewer bits, the
    /// file is smaller, with a warning; if the smallest file is larger, it is kept and the exit code is 7. k, M and G
    /// are powers of 1000, Ki, Mi and Gi of 1024.
    #[arg(long, value_name = "BYTES", value_parser = values::file_size, group = "rate")]
    pub(crate) size: Option<u64>,
    /// Follow the bitrates in this CSV file (rtc preset).
    ///
    /// Each line is SECONDS,RATE, such as `10,600k`.
    #[arg(long, value_name = "FILE", group = "rate")]
    pub(crate) rate_trace: Option<PathBuf>,
    /// Set the number of passes for `--preset file -b`: 1 or 2.
    ///
    /// Default: 2 for files, 1 for pipes. With 2, trial encodes come first, so that the output meets the
    /// bitrate and its quality varies less.
    #[arg(long, value_name = "N", value_parser = one_or_two)]
    pub(crate) passes: Option<u8>,
    #[command(flatten)]
    pub(crate) cut: CutArgs,
    /// Scale to this size, such as 640x360; 640x-1 keeps the aspect ratio.
    ///
    /// max=1280x720 scales larger frames down to fit into 1280x720, portrait ones into 720x1280.
    #[arg(long, value_name = "WxH", allow_hyphen_values = true)]
    pub(crate) resize: Option<Scale>,
    #[command(flatten)]
    pub(crate) transform: TransformArgs,
    #[command(flatten)]
    pub(crate) audio: AudioArgs,
    /// Use this audio track: a number, a language, `all` or `none`.
    ///
    /// Numbers count audio tracks from 1; languages are codes such as eng or en. `all` keeps all tracks with their
    /// languages, in WebM, Matroska, MP4 and MPEG-TS. Default: the first.
    #[arg(id = "audio_track", long = "audio", value_name = "TRACK", conflicts_with = "no_audio")]
    pub(crate) audio_track: Option<AudioTrackArg>,
    /// Use the audio of this file instead of the input's.
    ///
    /// Takes its first track, or the track that --audio selects. Options that cut the video, such as --from, cut this
    /// audio at the same times. Audio after the end of the video is cut; shorter audio is not extended.
    #[arg(long, value_name = "FILE")]
    pub(crate) audio_from: Option<PathBuf>,
    /// Add the audio tracks of this file to the input's tracks, in WebM, Matroska, MP4 and MPEG-TS.
    ///
    /// May be repeated. Each track keeps its language, and is cut like the audio of --audio-from.
    #[arg(long, value_name = "FILE", conflicts_with = "no_audio")]
    pub(crate) add_audio: Vec<PathBuf>,
    /// Write statistics of each frame to this file (.csv or .json).
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Measure quality while encoding.
    ///
    /// Default: psnr, if `--report` is given.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(crate) metrics: Vec<Metric>,
    /// Write lossless WebP; PNG is always lossless (still images).
    #[arg(long)]
    pub(crate) lossless: bool,
    /// Decode the output and compare it with the encoder's reconstruction; exit with code 7 if a frame differs.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Encode in chunks of about ten seconds, in parallel; they begin at scene cuts if possible.
    ///
    /// This uses all cores for files of any size. The output has a constant quality, which is 60
    /// if no option sets it, and is the same for any number of threads. `codec chunks` does the same on several machines.
    #[arg(long)]
    pub(crate) chunked: bool,
    /// Choose the quality of each shot so that --target takes the fewest bits (with --chunked).
    ///
    /// A shot is the video between two scene cuts. Encodes each shot at several qualities, then spends bits on the shots
    /// in which they raise the mean quality most, until the mean reaches --target. This takes about ten times as long as one encode.
    #[arg(long, requires_all = ["chunked", "target"])]
    pub(crate) per_shot: bool,
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

impl EncodeArgs {
    /// Whether the output, which has this format, gets no video.
    pub(crate) fn is_audio_only(&self, format: Format) -> bool {
        self.audio.no_video || !can_hold_video(format) || is_audio_name(self.output())
    }

    /// The input and the part of it that is read.
    pub(crate) fn spec(&self) -> InputSpec {
        let audio =
            AudioTrackArg::choice(self.audio_track.as_ref().filter(|_| self.audio_from.is_none()));
        InputSpec { cut: self.cut.cut(), audio, ..InputSpec::from(&self.input) }
    }

    /// The input of `--audio-from`, and its audio track.
    pub(crate) fn audio_spec(&self) -> Option<InputSpec> {
        let path = self.audio_from.as_ref()?;
        let audio = AudioTrackArg::choice(self.audio_track.as_ref());
        let limits = InputSpec::from(&self.input).limits;
        Some(InputSpec { audio, ..InputSpec::new(path, limits) })
    }

    /// The inputs of `--add-audio`, with all their audio tracks.
    pub(crate) fn added_specs(&self) -> Vec<InputSpec> {
        let limits = InputSpec::from(&self.input).limits;
        let spec =
            |path| InputSpec { audio: AudioTrackChoice::All, ..InputSpec::new(path, limits) };
        self.add_audio.iter().map(spec).collect()
    }

    /// The files that an output must not replace.
    pub(crate) fn inputs(&self) -> Vec<PathBuf> {
        let audio = self.audio_from.iter().chain(&self.add_audio).cloned();
        std::iter::once(self.input.path()).chain(audio).collect()
    }

    /// The output file. It is empty in the arguments of a batch, where each input has its own output.
    pub(crate) fn output(&self) -> &Path {
        self.output.as_deref().unwrap_or(Path::new(""))
    }

    /// Sets the output file.
    pub(crate) fn set_output(&mut self, output: PathBuf) {
        self.output = Some(output);
    }

    /// Which existing files the output may replace.
    pub(crate) fn rules(&self, protected: Vec<PathBuf>) -> OutputRules {
        let part = match self.out_dir {
            Some(_) => PartRule::Failed,
            None => PartRule::of_inputs(&self.inputs()),
        };
        OutputRules { overwrite: self.yes, protected, terminal: self.format.is_some(), part }
    }

    /// The files of `--out-dir`; `None` for a single output.
    pub(crate) fn batch(&self) -> Option<Batch> {
        let folder = self.out_dir.clone().filter(|_| self.output.is_none())?;
        let format = self.format.as_deref().unwrap_or("webm");
        let suffix = self.suffix.clone().unwrap_or_else(|| format!(".{format}"));
        let inputs = std::iter::once(self.input.path()).chain(self.more.iter().cloned()).collect();
        let threads = self.cut.threads.map_or_else(cores, usize::from);
        Some(Batch { inputs, folder, suffix, threads, overwrite: self.yes })
    }

    /// The arguments for one file of a batch.
    pub(crate) fn of_file(&self, job: &Job<'_>) -> Self {
        let mut args = self.clone();
        args.input.set_path(job.input.to_owned());
        args.output = Some(job.output.to_owned());
        // Conversions that encode no video reject `--threads`.
        let format = format_of(job.output, self.format.as_deref(), Outputs::ENCODED);
        let encodes = !self.copy && format.is_ok_and(|format| !args.is_audio_only(format));
        args.cut.threads = if encodes { u16::try_from(job.threads).ok() } else { None };
        args
    }
}

/// Number of processor cores, at most what `--threads` accepts.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(64))
}
