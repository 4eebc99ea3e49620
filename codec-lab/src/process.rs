//! Runs child programs and measures CPU time, elapsed time and memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use codec_media::stop::Stop;
use wait4::Wait4;

use crate::machine::peak_memory_of;
use crate::process_group::{kill_group, own_group};
#[cfg(unix)]
use crate::watchdog;

/// Resources that a program used, including the children it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Usage {
    /// User plus system time, in seconds.
    pub(crate) cpu_s: f64,
    /// Elapsed seconds.
    pub(crate) wall_s: f64,
    /// Peak resident set of the program itself, in bytes.
    pub(crate) peak_rss: Option<u64>,
}

/// Why a program has no result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ProcessError {
    /// The program could not be started, failed, or timed out.
    Failed(String),
    /// The user interrupted the run.
    Interrupted,
}

/// Polling interval, at first and later.
const POLL_INTERVALS: [Duration; 2] = [Duration::from_millis(4), Duration::from_millis(20)];
/// Maximum bytes of standard error searched for a message.
const MAX_MESSAGE: u64 = 1 << 16;
/// Maximum bytes of output that are read.
const MAX_OUTPUT: u64 = 1 << 28;

/// Returns the output of both streams, regardless of the exit status; `None` if the program cannot
/// be started or takes longer than `limit`. Used for version output, so only the beginning is read.
pub(crate) fn words(argv: &[String], limit: Duration) -> Option<String> {
    let said = tempfile::tempfile().ok()?;
    let errors = said.try_clone().ok()?.into();
    run_for_output(argv, limit, &Stop::default(), said, errors, MAX_MESSAGE)
}

/// Returns the standard output of a program.
pub(crate) fn output(argv: &[String], limit: Duration, stop: &Stop) -> Option<String> {
    run_for_output(argv, limit, stop, tempfile::tempfile().ok()?, Stdio::null(), MAX_OUTPUT)
}

fn run_for_output(
    argv: &[String],
    limit: Duration,
    stop: &Stop,
    mut said: File,
    errors: Stdio,
    most: u64,
) -> Option<String> {
    let (program, arguments) = argv.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(said.try_clone().ok()?).stderr(errors);
    own_group(&mut command);
    let mut child = command.spawn().ok()?;
    #[cfg(unix)]
    let _registered = watchdog::register(child.id());
    let watch = Watch::new(child.id(), limit, stop);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch.look());
        let ended = child.wait();
        watch.end();
        ended.ok().and(watcher.join().ok())
    })?;
    let mut bytes = Vec::new();
    said.seek(SeekFrom::Start(0)).ok()?;
    said.take(most).read_to_end(&mut bytes).ok()?;
    seen.killed.is_none().then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// Runs a program to its end, without input and without a shell. After `limit`, or if the user
/// interrupts, the program and all its children are killed.
pub(crate) fn run(argv: &[String], limit: Duration, stop: &Stop) -> Result<Usage, ProcessError> {
    run_accepting(None, argv, limit, stop).map(|(usage, _)| usage)
}

/// As [`run`], but the exit code `accepted` is no failure. Returns whether the program ended with it.
pub(crate) fn run_accepting(
    accepted: Option<i32>,
    argv: &[String],
    limit: Duration,
    stop: &Stop,
) -> Result<(Usage, bool), ProcessError> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(ProcessError::Failed("empty command".to_owned()));
    };
    let failed =
        |why: &dyn std::fmt::Display| ProcessError::Failed(format!("cannot run {program}: {why}"));
    let mut said = tempfile::tempfile().map_err(|error| failed(&error))?;
    let errors = said.try_clone().map_err(|error| failed(&error))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    own_group(&mut command);
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    #[cfg(unix)]
    let _registered = watchdog::register(child.id());
    let watch = Watch::new(child.id(), limit, stop);
    let (ended, seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch.look());
        let ended = child.wait4();
        let wall_s = begun.elapsed().as_secs_f64();
        watch.end();
        (ended.map(|ended| (ended, wall_s)), watcher.join().unwrap_or_default())
    });
    let (ended, wall_s) = ended.map_err(|error| failed(&error))?;
    match seen.killed {
        Some(Cause::Interrupt) => return Err(ProcessError::Interrupted),
        Some(Cause::Limit) => {
            return Err(failed(&format!("timeout after {} s", limit.as_secs_f64())));
        }
        None => {}
    }
    let is_accepted = accepted.is_some() && ended.status.code() == accepted;
    if !ended.status.success() && !is_accepted {
        return Err(failed(&format!("{}{}", ended.status, last_words(&mut said))));
    }
    let used = ended.rusage;
    // The kernel's child statistics start at the parent's size, so the observed value is better.
    let peak_rss = seen.peak_rss.or(Some(used.maxrss)).filter(|&bytes| bytes > 0);
    let cpu_s = (used.utime + used.stime).as_secs_f64();
    Ok((Usage { cpu_s, wall_s, peak_rss }, is_accepted))
}

/// The last line that a program wrote to standard error, for a message.
fn last_words(said: &mut File) -> String {
    let length = said.metadata().map_or(0, |found| found.len());
    let mut bytes = Vec::new();
    let read = said
        .seek(SeekFrom::Start(length.saturating_sub(MAX_MESSAGE)))
        .and_then(|_| said.take(MAX_MESSAGE).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    match text.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) if read.is_ok() => {
            format!(": {}", line.chars().filter(|c| !c.is_control()).take(300).collect::<String>())
        }
        _ => String::new(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cause {
    Limit,
    Interrupt,
}

/// Observations of a running program.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    peak_rss: Option<u64>,
    killed: Option<Cause>,
}

/// Observes a program from another thread.
struct Watch<'a> {
    pid: u32,
    limit: Duration,
    stop: &'a Stop,
    ended: Mutex<bool>,
    bell: Condvar,
}

impl<'a> Watch<'a> {
    fn new(pid: u32, limit: Duration, stop: &'a Stop) -> Self {
        Self { pid, limit, stop, ended: Mutex::new(false), bell: Condvar::new() }
    }

    fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    fn look(&self) -> Seen {
        let (begun, process) = (Instant::now(), self.pid.to_string());
        let mut seen = Seen::default();
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while !*ended {
            seen.peak_rss = peak_memory_of(&process).or(seen.peak_rss);
            let cause = if self.stop.is_requested() {
                Some(Cause::Interrupt)
            } else {
                (begun.elapsed() >= self.limit).then_some(Cause::Limit)
            };
            if let Some(cause) = cause.filter(|_| seen.killed.is_none()) {
                seen.killed = Some(cause);
                kill_group(self.pid);
            }
            let pause = POLL_INTERVALS[usize::from(begun.elapsed() > Duration::from_secs(1))];
            ended = self.bell.wait_timeout(ended, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
        seen
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Usage, ProcessError> {
        run(&["sh", "-c", script].map(str::to_owned), limit, &Stop::default())
    }

    #[test]
    fn a_successful_program_is_measured() {
        let usage = shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done", LIMIT).unwrap();
        assert!(usage.cpu_s > 0.0 && usage.wall_s > 0.0, "{usage:?}");
    }

    #[test]
    fn a_failing_program_is_reported_with_its_last_line() {
        let found = shell("echo one >&2; echo no such preset >&2; exit 3", LIMIT);
        let Err(ProcessError::Failed(why)) = found else { panic!("{found:?}") };
        assert!(why.contains('3') && why.ends_with("no such preset"), "{why}");
    }

    #[test]
    fn a_hanging_program_is_killed_with_its_children() {
        let found = shell("sleep 600 & sleep 600", Duration::from_millis(50));
        assert_eq!(
            found,
            Err(ProcessError::Failed("cannot run sh: timeout after 0.05 s".to_owned()))
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let found = run(&["no-such-program-here".to_owned()], LIMIT, &Stop::default());
        let Err(ProcessError::Failed(why)) = found else { panic!("{found:?}") };
        assert!(why.starts_with("cannot run no-such-program-here: "), "{why}");
    }

    const LIMIT: Duration = Duration::from_secs(60);
}
/// Finds a program in PATH.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let as_path = Path::new(name);
    if as_path.components().count() > 1 {
        return as_path.is_file().then(|| as_path.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    let names = [name.to_owned(), format!("{name}.exe")];
    std::env::split_paths(&folders)
        .flat_map(|folder| names.clone().map(|name| folder.join(name)))
        .find(|file| file.is_file())
}
