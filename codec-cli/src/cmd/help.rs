//! `codec completions` and `codec man`.

use clap_complete::Shell;

use crate::failure::{Failure, Result};
use crate::grammar;
use crate::io::output::print;

/// Prints completions for a shell.
pub(crate) fn completions(shell: Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut grammar(), "codec", &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// Prints the manual page of `codec`, or of one of its commands.
pub(crate) fn man(command: Option<&str>) -> Result<()> {
    // Building fills in what commands take from the whole.
    let mut whole = grammar().version(env!("CARGO_PKG_VERSION"));
    whole.build();
    let page = match command {
        None => whole,
        Some(name) => {
            let found = whole.find_subcommand(name).cloned();
            let found = found.ok_or_else(|| Failure::usage(format!("no command {name}")))?;
            found.display_name(format!("codec-{name}"))
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(Failure::internal)?;
    print(&String::from_utf8_lossy(&text))
}
