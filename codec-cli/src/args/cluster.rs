//! Flags of `codec cluster`.

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, Subcommand};
use codec_cluster::{JobId, ServerOptions, WorkerOptions};
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::io::names::{Outputs, format_of};
use codec_media::settings::encoding::Encoding;
use codec_rtc::link;

use super::chunks::join_encoding;
use super::compare::CompareArgs;
use super::encode::EncodeArgs;
use super::numbers::within;

#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    pub(crate) step: ClusterStep,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterStep {
    /// Divide a file into chunks and queue them for the workers.
    ///
    /// Takes the options of `codec chunks plan`. Prints the name of the job. Submitting the same input with the
    /// same options again continues the same job.
    Submit(Box<SubmitArgs>),
    /// Compare encoders like `codec compare`, with the workers' machines.
    ///
    /// With -j above 1, workers measure points (one encoder, clip and target each) independently, without times.
    /// Otherwise times are measured: one worker runs all points of a clip, and no other work meanwhile; only machines with
    /// the same description (processor, cores, instruction set, system) are used. Waits for the results and
    /// writes the report. If this command is interrupted, the job goes on, and the same command waits for it again.
    Compare(Box<ClusterCompareArgs>),
    /// Run the queued work of all jobs: encode chunks, and measure points of comparisons.
    ///
    /// A point is one encoder, clip and target. Work is acknowledged when its result is complete, so another worker
    /// repeats it if this one dies.
    Worker(WorkerArgs),
    /// List jobs and workers.
    ///
    /// With JOB, exits with the exit code of the first failed chunk, if there is one.
    Status(StatusArgs),
    /// Stop a job; complete results stay.
    Cancel(CancelArgs),
}

/// The server with the queue.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Connect to this NATS server (`nats-server -js`): `nats://[USER:PASSWORD@]HOST[:PORT]`.
    ///
    /// `tls://` encrypts the connection. A single word before the @ is a token.
    #[arg(long, value_name = "URL", env = "CODEC_NATS", hide_env_values = true)]
    nats: String,
    /// Trust only the CA certificates in this PEM file.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl ServerArgs {
    pub(crate) fn options(&self) -> ServerOptions {
        ServerOptions { url: self.nats.clone(), ca: self.ca.clone() }
    }
}

/// The server, and the folder of the results.
#[derive(Debug, Args)]
pub(crate) struct SharedArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Set the folder for results, such as encoded chunks; all machines share it.
    #[arg(long, value_name = "DIR")]
    pub(crate) work: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) shared: SharedArgs,
    /// Read IN as a plan written by `codec chunks plan`, and use the options that it stores.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Wait for the end of the job, then join the chunks to the output.
    ///
    /// If this command is interrupted, the job goes on.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Names of the flags that were given.
    #[arg(skip)]
    pub(crate) given: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ClusterCompareArgs {
    #[command(flatten)]
    pub(crate) compare: CompareArgs,
    #[command(flatten)]
    pub(crate) shared: SharedArgs,
    /// Measure times on machines whose description contains this text.
    ///
    /// `codec cluster status` lists the descriptions. By default, the description with the most workers is used.
    #[arg(long, value_name = "TEXT")]
    pub(crate) machine: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) shared: SharedArgs,
    /// Run this many encodes at a time (1 to 64).
    ///
    /// Default: the number of cores.
    #[arg(short, long, value_name = "N", value_parser = within(1_u16..=64))]
    jobs: Option<u16>,
    /// Exit when the queue is empty.
    #[arg(long)]
    drain: bool,
    /// Stop trying a chunk or point after this many attempts (1 to 100).
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = within(1_u32..=100))]
    attempts: u32,
    /// Give a chunk or point to another worker after this time without a heartbeat.
    ///
    /// All workers of the same version of this program share one value: the one that was given last, to any of them.
    /// Until one is given, it is 30s.
    #[arg(long, value_name = "TIME", value_parser = lease)]
    lease: Option<Duration>,
    /// Accept only inputs in this folder.
    ///
    /// Relative paths are resolved against it; URLs are rejected.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Run the commands of studies (`--arm cmd:...` of `compare`).
    ///
    /// Everyone who can submit jobs can then run any program on this machine.
    #[arg(long)]
    pub(crate) allow_commands: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// List only this job, with its chunks.
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<JobId>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The job, as `submit` prints it.
    #[arg(value_name = "JOB")]
    pub(crate) job: JobId,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Parses the time of a lease.
fn lease(text: &str) -> std::result::Result<Duration, String> {
    let lease = link::parse_time(text).map_err(|error| error.to_string())?;
    let is_allowed = (Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&lease);
    if is_allowed { Ok(lease) } else { Err("expected 1s to 3600s".to_owned()) }
}

impl WorkerArgs {
    pub(crate) fn options(&self, env: &Env) -> WorkerOptions {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        WorkerOptions {
            folder: self.shared.work.clone(),
            jobs: self.jobs.map_or_else(cores, usize::from),
            drain: self.drain,
            attempts: self.attempts,
            lease: self.lease,
            root: self.root.clone(),
            machine: codec_lab::compare::machine(env),
        }
    }
}

impl SubmitArgs {
    /// Notes which flags of `codec cluster submit` were given; `whole` is the grammar of the command line.
    pub(crate) fn note_given(&mut self, found: &ArgMatches, whole: &Command) {
        let found = found.subcommand().and_then(|(_, cluster)| cluster.subcommand());
        let submit = whole.find_subcommand("cluster").and_then(|of| of.find_subcommand("submit"));
        let (Some((_, found)), Some(submit)) = (found, submit) else { return };
        let is_given = |arg: &&Arg| {
            found.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
        };
        let given = submit.get_arguments().filter(is_given);
        self.given = given.filter_map(|arg| arg.get_long().map(str::to_owned)).collect();
    }

    /// Rejects options that have no effect, because the options of the plan are used.
    ///
    /// # Errors
    /// If there is one.
    pub(crate) fn check_given(&self) -> Result<()> {
        const USED: [&str; 9] =
            ["input", "output", "format", "yes", "nats", "ca", "work", "plan", "wait"];
        match self.given.iter().find(|flag| self.plan && !USED.contains(&flag.as_str())) {
            Some(flag) => Err(Failure::usage(format!(
                "--{flag} cannot be used with --plan: the plan has its own options"
            ))),
            None => Ok(()),
        }
    }

    /// The format of the output.
    ///
    /// # Errors
    /// If it is unknown.
    pub(crate) fn format(&self) -> Result<&'static str> {
        let format = self.encode.format.as_deref();
        format_of(self.encode.output(), format, Outputs::ENCODED).map(|format| format.name())
    }

    /// The settings of the output; `planned` are the arguments of the plan.
    ///
    /// # Errors
    /// If the output cannot hold the video.
    pub(crate) fn join_encoding(&self, planned: &EncodeArgs) -> Result<Encoding> {
        let format = self.encode.format.as_deref();
        let mut settings = join_encoding(planned, self.encode.output(), format, self.encode.yes)?;
        if self.plan {
            settings.rules.protected.push(self.encode.input.path());
        }
        Ok(settings)
    }
}

/// Converts the arguments of `codec cluster submit` to arguments of `codec chunks plan`: without the server, which may
/// hold a password, and with the format of the output.
pub(crate) fn arguments_of_plan(submit: &[String], format: &str) -> Vec<String> {
    let mut plan = Vec::new();
    let mut words = submit.iter();
    // Verbs that have not been replaced yet.
    let mut verbs = [("cluster", "chunks"), ("submit", "plan")].into_iter().peekable();
    while let Some(word) = words.next() {
        if let Some((_, planned)) = verbs.next_if(|(verb, _)| verb == word) {
            plan.push(planned.to_owned());
            if planned == "plan" {
                plan.extend(["-f", format].map(str::to_owned));
            }
            continue;
        }
        let (name, value) = word.split_once('=').map_or((&**word, None), |(a, b)| (a, Some(b)));
        match name {
            "--" => {
                plan.push(word.clone());
                plan.extend(words.by_ref().cloned());
            }
            "--nats" | "--work" | "--ca" if value.is_none() => drop(words.next()),
            "--nats" | "--work" | "--ca" | "--wait" => {}
            _ => plan.push(word.clone()),
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(submit: &str) -> String {
        let words: Vec<_> = submit.split(' ').map(str::to_owned).collect();
        arguments_of_plan(&words, "mkv").join(" ")
    }

    #[test]
    fn plans_have_the_arguments_without_the_server() {
        assert_eq!(
            planned("-v cluster submit a.mkv -o b.mkv --nats nats://u:p@h --work=w --wait -q 50"),
            "-v chunks plan -f mkv a.mkv -o b.mkv -q 50"
        );
        assert_eq!(
            planned("cluster --quiet submit --nats=h --work w --ca c -o cluster -- --wait"),
            "chunks --quiet plan -f mkv -o cluster -- --wait"
        );
    }
}
