//! Kills child programs if this process is killed by SIGKILL, which a process cannot handle.
//!
//! A watchdog process of the same binary reads process groups from a pipe. The pipe closes when
//! this process ends, for any reason; all groups that are still registered are killed then. The
//! watchdog exists only on Unix: on other systems, child programs run to their end.

#[cfg(unix)]
pub(crate) use unix::register;
#[cfg(unix)]
pub use unix::run_if_requested;

#[cfg(unix)]
mod unix {
    use std::collections::BTreeSet;
    use std::io::{BufRead, Write, stdin};
    use std::os::unix::process::CommandExt;
    use std::process::{ChildStdin, Command, ExitCode, Stdio};
    use std::sync::{Mutex, PoisonError};

    use crate::process_group::kill_group;

    /// The watchdog's only argument.
    const ARGUMENT: &str = "--kill-registered-groups-at-end-of-input";

    /// The pipe to the watchdog, which starts together with the first child program.
    static PIPE: Mutex<Option<ChildStdin>> = Mutex::new(None);

    /// If this process is a watchdog, runs until its parent has ended.
    pub fn run_if_requested() -> Option<ExitCode> {
        let mut arguments = std::env::args_os().skip(1);
        let is_requested = arguments.next().is_some_and(|one| one == ARGUMENT);
        if !is_requested || arguments.next().is_some() {
            return None;
        }
        let mut groups = BTreeSet::new();
        for line in stdin().lock().lines().map_while(Result::ok) {
            note(&mut groups, &line);
        }
        groups.into_iter().for_each(kill_group);
        Some(ExitCode::SUCCESS)
    }

    /// Parses a line: `+7` registers group 7, `-7` removes it.
    fn note(groups: &mut BTreeSet<u32>, line: &str) {
        if let Some(group) = line.strip_prefix('+').and_then(|id| id.parse().ok()) {
            groups.insert(group);
        } else if let Some(group) = line.strip_prefix('-').and_then(|id| id.parse::<u32>().ok()) {
            groups.remove(&group);
        }
    }

    /// A registered process group; dropping it removes the registration.
    #[derive(Debug)]
    pub(crate) struct Registered(u32);

    /// Registers the process group of a child program that was just started. If no watchdog can be
    /// started, the program runs unguarded.
    pub(crate) fn register(group: u32) -> Registered {
        let mut pipe = PIPE.lock().unwrap_or_else(PoisonError::into_inner);
        if pipe.is_none() {
            *pipe = start();
        }
        send(&mut pipe, format_args!("+{group}\n"));
        Registered(group)
    }

    impl Drop for Registered {
        fn drop(&mut self) {
            let mut pipe = PIPE.lock().unwrap_or_else(PoisonError::into_inner);
            send(&mut pipe, format_args!("-{}\n", self.0));
        }
    }

    fn send(pipe: &mut Option<ChildStdin>, line: std::fmt::Arguments<'_>) {
        // A single write, because a partial line would name another group.
        let line = line.to_string();
        let is_written = pipe.as_mut().is_some_and(|pipe| pipe.write_all(line.as_bytes()).is_ok());
        if !is_written {
            *pipe = None;
        }
    }

    /// Starts the watchdog in its own process group, so that Ctrl-C on the terminal does not end it
    /// first.
    fn start() -> Option<ChildStdin> {
        if cfg!(test) {
            // In tests, this binary is the test harness.
            return None;
        }
        let mut command = Command::new(std::env::current_exe().ok()?);
        command.arg(ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(0).spawn().ok()?.stdin.take()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn groups_are_registered_and_removed() {
            let mut groups = BTreeSet::new();
            for line in ["+7", "+12", "", "-7", "+x", "-99", "-"] {
                note(&mut groups, line);
            }
            assert_eq!(groups, BTreeSet::from([12]));
        }
    }
}
