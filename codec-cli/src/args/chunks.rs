//! Flags of `codec chunks`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use codec_container::Format;
use codec_media::failure::{Failure, Result};
use codec_media::io::names::{Outputs, format_of};
use codec_media::settings::encoding::Encoding;

use super::encode::EncodeArgs;
use super::encoding::encoding;
use super::numbers::{count, within};

#[derive(Debug, Args)]
pub(crate) struct ChunksArgs {
    #[command(subcommand)]
    pub(crate) step: ChunksStep,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChunksStep {
    /// Divide a file into chunks of about ten seconds, and write the plan as JSON.
    ///
    /// Raw video is divided at scene cuts. Coded video is divided at its key frames, without decoding it; if an option
    /// such as --fps or --deinterlace changes its frames, it is decoded and divided like raw video.
    ///
    /// Takes the options of `codec transcode` for the input, the encoder, video and audio; -o names the plan, and
    /// -f the format of the output (default: webm). The plan stores the options and the names of files as given;
    /// `run` and `join` resolve relative names against their own working directory.
    Plan(Box<EncodeArgs>),
    /// Encode one chunk of a plan, or all chunks that are not encoded yet.
    ///
    /// A chunk is skipped if its result (the encoded chunk) exists, so that a run can be repeated. The file name of a
    /// result is a hash of the version of `codec`, the settings and the input. Fails if the plan was edited, or if the
    /// settings or the input differ from the plan.
    Run(RunArgs),
    /// Join the encoded chunks of a plan, and add the audio.
    ///
    /// The input must be the one that was planned: its packets are compared with the plan, without decoding.
    Join(JoinArgs),
}

/// A plan, and where its results are.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// File with the plan.
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// Store the results (encoded chunks) in this folder, which is created if it is missing.
    ///
    /// Without it, the folder has the name of the plan with the extension .chunks.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Read the input from this file, not from the one that the plan names.
    #[arg(long, value_name = "IN")]
    pub(crate) input: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Encode only the chunk with this number, from 0; can be repeated.
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub(crate) index: Vec<usize>,
    /// Set the number of threads (1 to 64).
    ///
    /// The results are the same for any number. Default: the number of cores.
    #[arg(short = 'j', long, value_parser = within(1_u16..=64))]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct JoinArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Output file, or `-` for standard output.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Set the format: webm, mkv, mp4, ts, ivf, h264 or obu.
    ///
    /// Required if the file name has no known extension. Pipes get ivf by default.
    #[arg(short = 'f', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Overwrite existing files.
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

/// Rejects options of `transcode` that cannot be used with chunks.
pub(crate) fn check_plan(args: &EncodeArgs) -> Result<()> {
    let given = [
        (args.out_dir.is_some(), "--out-dir"),
        (!args.more.is_empty(), "a second input"),
        (args.copy, "--copy"),
        (args.purpose.is_some(), "--for"),
        (args.lossless, "--lossless"),
        (args.fragmented, "--fragmented"),
        (args.chunked, "--chunked"),
        (args.rate_trace.is_some(), "--rate-trace"),
        (args.audio.no_video, "--no-video"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, flag)) => Err(Failure::usage(format!("{flag} cannot be used with chunks"))),
        None => Ok(()),
    }
}

/// The settings of the chunks of a plan, which equal the settings of an encode to a file in the plan's format.
pub(crate) fn chunk_encoding(args: &EncodeArgs) -> Result<Encoding> {
    encoding(&of_output(args, Path::new("chunks"), Some(format_of_plan(args)?.name())))
}

/// The format of the output.
fn format_of_plan(args: &EncodeArgs) -> Result<Format> {
    let format = args.format.as_deref().unwrap_or("webm");
    let format = format_of(Path::new("chunks"), Some(format), Outputs::ENCODED)?;
    if format.is_raw_video() || format.is_audio() {
        return Err(Failure::usage(format!("{format} cannot hold encoded video")));
    }
    Ok(format)
}

/// The arguments of a plan for another output.
fn of_output(args: &EncodeArgs, output: &Path, format: Option<&str>) -> EncodeArgs {
    let mut args = args.clone();
    args.set_output(output.to_owned());
    args.format = format.map(str::to_owned);
    args
}

impl PlanArgs {
    /// The folder of the results.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| self.plan.with_extension("chunks"))
    }
}

impl JoinArgs {
    /// The settings of the output: the settings and the codec of the plan.
    ///
    /// # Errors
    /// If the output cannot hold the video.
    pub(crate) fn encoding(&self, planned: &EncodeArgs) -> Result<Encoding> {
        let format = self.format.as_deref();
        let mut settings = join_encoding(planned, &self.output, format, self.yes)?;
        settings.rules.protected.push(self.plan.plan.clone());
        Ok(settings)
    }
}

/// The settings of the output of a join: the settings and the codec of the plan.
///
/// # Errors
/// If the output cannot hold the video.
pub(crate) fn join_encoding(
    planned: &EncodeArgs,
    output: &Path,
    format: Option<&str>,
    overwrite: bool,
) -> Result<Encoding> {
    let codec = chunk_encoding(planned)?.encoder.backend;
    let mut args = of_output(planned, output, format);
    args.encoder.codec = Some(format!("{}/{}", codec.codec, codec.name));
    args.yes = overwrite;
    encoding(&args)
}
