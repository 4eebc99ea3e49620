//! The `codec` command-line tool.
//!
//! # Where things are
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | flags as typed, one file per command; headings, presets, completions | `args/`, `args/grammar/` |
//! | advice on unknown options, such as options of ffmpeg and vpxenc; colours of help | `args/suggestions.rs`, `args/styles.rs` |
//! | flags resolved into settings | `args/encoding.rs` |
//! | one file per subcommand | `cmd/` |
//! | messages, progress, exit codes | `console.rs`, `progress.rs`, `failure.rs` |
//!
//! Everything else is in `codec-media`, `codec-cluster`, `codec-lab` and `codec-net`. `docs/COMMAND.md` states what
//! scripts can rely on.

#![forbid(unsafe_code)]

mod args;
mod cmd;
mod console;
mod digest;
mod failure;
mod interrupt;
mod listener;
mod progress;
mod simd;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;

use clap::FromArgMatches;
use codec_media::Env;
use codec_media::events::Events;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::object_store::ObjectStore;
use codec_media::stop::Stop;

use args::cli::Cli;
use args::decode::with_attached_sizes;
use args::grammar::parser;
use args::{styles, suggestions};
use console::Console;
use failure::exit_code;
use listener::Terminal;

fn main() -> ExitCode {
    #[cfg(unix)]
    if let Some(code) = codec_lab::watchdog::run_if_requested() {
        return code;
    }
    let parsed = parser()
        .try_get_matches_from(with_attached_sizes(std::env::args_os()))
        .and_then(|found| Cli::from_arg_matches(&found)?.noting_given(&found).checked());
    let cli = match parsed {
        Ok(cli) => cli,
        Err(mut error) => {
            let arguments: Vec<String> =
                std::env::args_os().map(|text| text.to_string_lossy().into_owned()).collect();
            suggestions::advise(&mut error, &arguments);
            // Help and version go to standard output, which may be closed.
            let _ = styles::print(&error);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Kind::Usage as u8));
        }
    };
    let console = Console::new(cli.common.quiet, cli.common.verbose, cli.common.progress);
    // A panic exits with 1, as documented, and not with Rust's own 101; its message was printed.
    let outcome = catch_unwind(AssertUnwindSafe(|| run(cli, console))).unwrap_or_else(|_| {
        Err(Failure::internal(
            "internal error: see the message above\nhelp: please report this bug",
        ))
    });
    console::wipe_status();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.kind != Kind::ClosedPipe {
                console.error(&failure.message);
            }
            exit_code(&failure)
        }
    }
}

fn run(cli: Cli, console: Console) -> Result<()> {
    let stop = Stop::default();
    interrupt::install(stop.clone());
    let events = Events::new(Arc::new(Terminal::new(console)));
    let env = Env {
        events,
        stop,
        level: simd::requested_level()?,
        http_ca: http_ca()?,
        object_store: Arc::new(object_store()),
    };
    cmd::run(cli.verb, &env)
}

/// The object store that the environment describes.
fn object_store() -> ObjectStore {
    ObjectStore::from_variables(|name| std::env::var(name).ok())
}

/// The certificates in the file that `CODEC_CA` names.
fn http_ca() -> Result<Option<Arc<[u8]>>> {
    let Some(path) = std::env::var_os("CODEC_CA").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let pem = std::fs::read(&path).map_err(|error| {
        let path = path.display();
        Failure::new(Kind::Input, format!("cannot read {path}, which CODEC_CA names: {error}"))
    })?;
    Ok(Some(pem.into()))
}
