//! The commands, one file each.

mod chunks;
#[cfg(feature = "cluster")]
mod cluster;
mod codecs;
mod decode;
mod encode;
mod generate;
mod help;
mod metrics;
mod probe;
#[cfg(feature = "serve")]
mod serve;
mod snapshot;
#[cfg(feature = "serve")]
mod tls_files;
mod vad;

use codec_lab::bench::options::{AudioBenchOptions, BenchOptions, KernelOptions};
use codec_lab::compare::options::CompareOptions;
use codec_lab::inspect::options::InspectOptions;
use codec_lab::simulate::options::SimulateOptions;
use codec_lab::{bench, compare, inspect, simulate};
use codec_media::Env;
use codec_media::concat;
use codec_media::failure::Result;
#[cfg(feature = "net")]
use codec_media::live::options::{ReceiveOptions, SendOptions};
#[cfg(feature = "net")]
use codec_media::live::{receive::receive, send::send};
use codec_media::mix::{self, MixOptions};

use crate::args::arm_options::EncodeFlags;
use crate::args::bench::{BenchArgs, BenchPart};
use crate::args::cli::Verb;
use crate::args::concat::joining;

/// Runs a command.
pub(crate) fn run(verb: Verb, env: &Env) -> Result<()> {
    match verb {
        Verb::Encode(args) => encode::encode(&args, env),
        Verb::Transcode(args) => encode::transcode(&args, env),
        Verb::Decode(args) => decode::run(&args, env),
        Verb::Concat(args) => concat::run(&joining(&args)?, env),
        Verb::Chunks(args) => chunks::run(&args, env),
        #[cfg(feature = "cluster")]
        Verb::Cluster(args) => cluster::run(&args, env),
        Verb::Probe(args) => probe::run(&args, env),
        Verb::Inspect(args) => inspect::run(&InspectOptions::from(&args), env),
        Verb::Metrics(args) => metrics::run(&args, env),
        Verb::Compare(args) => compare::run(&CompareOptions::from(&*args), &EncodeFlags, env),
        Verb::Mix(args) => mix::run(&MixOptions::from(&args), env),
        Verb::Vad(args) => vad::run(&args, env),
        Verb::Bench(args) => time(&args, env),
        Verb::Simulate(args) => simulate::run(&SimulateOptions::from(&*args), env),
        #[cfg(feature = "net")]
        Verb::Send(args) => {
            args.network.check(&args.url)?;
            send(&SendOptions::from(&*args), env)
        }
        #[cfg(feature = "net")]
        Verb::Recv(args) => {
            args.network.check(&args.url)?;
            receive(&ReceiveOptions::from(&*args), env)
        }
        #[cfg(feature = "serve")]
        Verb::Serve(args) => serve::run(&args, env),
        Verb::Codecs(args) => codecs::run(&args),
        Verb::Generate(args) => generate::run(&args, env),
        Verb::Snapshot(args) => snapshot::run(&args, env),
        Verb::Completions { shell } => help::completions(shell),
        Verb::Man { command } => help::man(command.as_deref()),
    }
}

/// Times an encoder, a decoder, audio codecs or the kernels.
fn time(args: &BenchArgs, env: &Env) -> Result<()> {
    match &args.part {
        Some(BenchPart::Kernels(args)) => bench::run_kernels(&KernelOptions::from(args), env),
        Some(BenchPart::Audio(args)) => bench::run_audio(&AudioBenchOptions::from(args), env),
        None => bench::run(&BenchOptions::from(args), env),
    }
}
