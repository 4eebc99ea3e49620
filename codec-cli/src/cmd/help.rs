//! `codec completions` and `codec man`.

use std::io::{IsTerminal, Write, stdout};
use std::process::{Command, Stdio};

use clap_complete::Shell;
use codec_media::failure::{Failure, Result};
use codec_media::io::output::print;

use crate::args::grammar::{completed, grammar};

/// Prints completions for a shell.
pub(crate) fn completions(shell: Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut completed(), "codec", &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// Shows the manual page of `codec`, or of one of its commands: with `man` on a terminal, or as
/// plain text if `man` is missing; as roff into a pipe or a file.
pub(crate) fn man(command: Option<&str>) -> Result<()> {
    // Building propagates global arguments to the commands.
    let mut whole = grammar().version(env!("CARGO_PKG_VERSION"));
    whole.build();
    let mut page = match command {
        None => whole,
        Some(name) => {
            let found = whole.find_subcommand(name).cloned();
            let found = found.ok_or_else(|| {
                Failure::usage(format!("unknown command {name}\nhelp: `codec help` lists all"))
            })?;
            found.display_name(format!("codec-{name}"))
        }
    };
    let plain = page.render_long_help();
    let mut roff = Vec::new();
    clap_mangen::Man::new(page).render(&mut roff).map_err(Failure::internal)?;
    if !stdout().is_terminal() {
        return print(&String::from_utf8_lossy(&roff));
    }
    if is_shown_by_man(&roff) {
        return Ok(());
    }
    print(&format!("{plain}\n"))
}

/// Pages roff with `man`; `false` if it is missing or cannot read standard input.
fn is_shown_by_man(roff: &[u8]) -> bool {
    let child =
        Command::new("man").args(["-l", "-"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else { return false };
    // If the user quits the pager early, the write fails, which is fine.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(roff);
    }
    child.wait().is_ok_and(|status| status.success())
}
