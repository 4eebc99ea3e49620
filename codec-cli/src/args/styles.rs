//! Prints help and command-line errors, in colour on terminals. The `color` feature of clap would add six dependencies.

use std::io::{self, IsTerminal, Write, stderr, stdout};

const BOLD: &str = "\x1b[1m";
const HEADING: &str = "\x1b[1;4m";
const ERROR: &str = "\x1b[1;31m";
const HELP: &str = "\x1b[32m";
const RESET: &str = "\x1b[0m";

/// How errors begin.
const ERRORS: &str = "codec: error:";

/// The largest indentation of an option; text about it is further to the right.
const OPTION_INDENT: usize = 6;

/// Prints help to standard output, errors to standard error.
///
/// # Errors
/// If the output is closed.
pub(crate) fn print(message: &clap::Error) -> io::Result<()> {
    let text = message.render().to_string();
    if message.use_stderr() {
        write(&mut stderr().lock(), &as_our_own(&text))
    } else {
        write(&mut stdout().lock(), &text)
    }
}

/// The text of an error in the form of all other messages of the command.
fn as_our_own(text: &str) -> String {
    let text = text.replace("\n\n  tip: ", "\nhelp: ").replace("\n  tip: ", "\nhelp: ");
    if text.starts_with("error: ") { format!("codec: {text}") } else { text }
}

fn write(out: &mut (impl Write + IsTerminal), text: &str) -> io::Result<()> {
    let is_colored = out.is_terminal() && has_colors();
    let text = if is_colored { &colored(text) } else { text };
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Whether the terminal supports colours and `NO_COLOR` is not set.
fn has_colors() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|value| value == "dumb");
    // Consoles of Windows show escape sequences only in newer terminals, which have this variable.
    let is_capable = if cfg!(windows) { is_set("WT_SESSION") } else { !is_dumb };
    is_capable && !is_set("NO_COLOR")
}

/// Adds colours to the text of help or of an error.
fn colored(text: &str) -> String {
    let mut out = String::new();
    let mut is_list = false;
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        let indent = line.len() - line.trim_start().len();
        if indent == 0 && content.ends_with(':') {
            is_list = content == "Commands:";
        }
        let style = match content.split_once(':').map(|(start, _)| start) {
            Some("codec") if content.starts_with(ERRORS) => Some((ERROR, ERRORS.len())),
            Some("help") if indent == 0 => Some((HELP, "help:".len())),
            Some("Usage") if indent == 0 => Some((HEADING, "Usage:".len())),
            Some(_) if indent == 0 && content.ends_with(':') => Some((HEADING, content.len())),
            _ if is_list && indent == 2 => content.find(' ').map(|end| (BOLD, end)),
            _ => None,
        };
        let (before, rest) = line.split_at(indent);
        out.push_str(before);
        if let Some((style, length)) = style {
            let (styled, after) = rest.split_at(length);
            out.extend([style, styled, RESET, after]);
        } else if (1..=OPTION_INDENT).contains(&indent) && content.starts_with('-') {
            push_option(&mut out, rest);
        } else {
            out.push_str(rest);
        }
    }
    out
}

/// Appends a line that begins with an option, whose names become bold.
fn push_option(out: &mut String, line: &str) {
    let (names, text) = line.split_at(line.find("  ").unwrap_or(line.len()));
    for word in names.split_inclusive([' ', '=', ',', '\n']) {
        if word.starts_with('-') {
            out.extend([BOLD, word, RESET]);
        } else {
            out.push_str(word);
        }
    }
    out.push_str(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::grammar::grammar;

    #[test]
    fn colours_are_added_to_the_text_and_nothing_else_changes() {
        let mut whole = grammar().term_width(80);
        whole.build();
        let commands = whole.get_subcommands().cloned().chain([whole.clone()]);
        for mut command in commands {
            for plain in [command.render_help(), command.render_long_help()] {
                let plain = plain.to_string();
                let colored = colored(&plain);
                let mut stripped = String::new();
                for (number, part) in colored.split('\x1b').enumerate() {
                    let text = if number == 0 { part } else { part.split_once('m').unwrap().1 };
                    stripped.push_str(text);
                }
                assert_eq!(stripped, plain);
                assert!(colored.contains("\x1b[1;4mUsage:\x1b[0m"), "{colored}");
            }
        }
        let transcode = whole.find_subcommand_mut("transcode").unwrap().render_help();
        let text = colored(&transcode.to_string());
        assert!(text.contains("\x1b[1m-o,\x1b[0m") || text.contains("\x1b[1m-o"), "{text}");
    }

    #[test]
    fn errors_and_their_help_have_colours() {
        let error = grammar().try_get_matches_from(["codec", "encode", "--bitrat"]).unwrap_err();
        let text = colored(&as_our_own(&error.render().to_string()));
        assert!(text.starts_with("\x1b[1;31mcodec: error:\x1b[0m unexpected"), "{text}");
        assert!(text.contains("\n\x1b[32mhelp:\x1b[0m"), "{text}");
    }
}
