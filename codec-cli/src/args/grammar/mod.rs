//! The command line's grammar: the arguments of `cli.rs` and its siblings, with headings, defaults
//! that depend on the command, and shell completion hints.

mod headings;
mod help;

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, CommandFactory, ValueHint};
use codec_audio::PcmEncoding;
use codec_backends::registry;
use codec_core::codec::{Backend, Scalability};
use codec_media::values::Samples;

use super::cli::Cli;

use headings::{ADVANCED, heading_of};
use help::as_in;

/// Returns the grammar that parses the command line. To start sooner, it completes only the commands that the command
/// line contains.
pub(crate) fn parser() -> Command {
    let deferred = |command: Command| command.defer(finished);
    Cli::command().version(crate::simd::version()).mut_subcommands(deferred)
}

/// Returns the whole grammar, with all commands.
pub(crate) fn grammar() -> Command {
    Cli::command().version(crate::simd::version()).mut_subcommands(finished)
}

/// Adds headings, presets and completion hints to a command and its subcommands.
fn finished(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let command = command.mut_args(|arg| {
        let heading = heading_of(&name, arg.get_id().as_str());
        let arg = if arg.is_positional() { arg } else { arg.help_heading(heading) };
        let is_advanced = heading.is_some() && ADVANCED.contains(&arg.get_id().as_str());
        let arg = as_in(&name, arg.hide_short_help(is_advanced));
        let preset = PRESETS.iter().find(|(of, _)| *of == name && arg.get_id() == "preset");
        with_hint(match preset {
            Some((_, preset)) => arg.default_value(*preset),
            None => arg,
        })
    });
    command.mut_subcommands(finished)
}

/// The default preset of each command that has one.
const PRESETS: [(&str, &str); 7] = [
    ("plan", "file"),
    ("submit", "file"),
    ("encode", "file"),
    ("transcode", "file"),
    ("simulate", "rtc"),
    ("bench", "rtc"),
    ("send", "rtc"),
];

/// Adds the completion hint: files for paths, nothing for free text.
fn with_hint(arg: Arg) -> Arg {
    let takes_values = arg.get_action().takes_values();
    let is_listed =
        arg.get_value_parser().possible_values().is_some_and(|mut v| v.next().is_some());
    if !takes_values || is_listed || arg.get_value_hint() == ValueHint::AnyPath {
        return match arg.get_id().as_str() {
            "record" | "files" | "n_minus_1" | "work" | "root" => {
                arg.value_hint(ValueHint::DirPath)
            }
            _ => arg,
        };
    }
    match arg.get_id().as_str() {
        "url" => arg.value_hint(ValueHint::Url),
        "inputs" | "link" => arg.value_hint(ValueHint::AnyPath),
        _ => arg.value_hint(ValueHint::Other),
    }
}

/// The grammar used to generate completions. It also lists values that are only checked after
/// parsing.
pub(crate) fn completed() -> Command {
    let mut whole = grammar();
    let names: Vec<String> =
        whole.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    whole = whole.mut_subcommands(|command| {
        let of = command.get_name().to_owned();
        let names = names.clone();
        command.mut_args(move |arg| {
            let values = match (of.as_str(), arg.get_id().as_str()) {
                ("man", "command") => names.clone(),
                (_, id) => values_of(&of, id),
            };
            if values.is_empty() || !arg.get_action().takes_values() {
                return arg;
            }
            arg.value_parser(PossibleValuesParser::new(values))
        })
    });
    whole
}

/// The values that completions offer for an option.
pub(super) fn values_of(command: &str, id: &str) -> Vec<String> {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    match (command, id) {
        ("mix", "codec") | (_, "audio_codec") => {
            let mut names = audio_codecs();
            if id == "audio_codec" {
                names.push("copy".to_owned());
            }
            names
        }
        ("decode", "codec") => video_codecs(|backend| backend.decoder.is_some()),
        (_, "codec") => video_codecs(|backend| backend.encoder.is_some()),
        ("codecs", "check") => {
            let mut names = video_codecs(|_| true);
            names.extend(audio_codecs());
            names
        }
        ("decode", "format") => owned(&["y4m", "raw", "wav", "pcm"]),
        ("generate", "format") => owned(&["y4m", "raw", "ivf", "webm", "mkv", "mp4", "wav"]),
        ("mix", "format") => owned(&["wav", "opus", "webm"]),
        ("encode" | "transcode" | "recv", "format") => {
            owned(&["ivf", "webm", "mkv", "mp4", "opus", "wav", "y4m", "raw"])
        }
        (_, "pixels") => Samples::ALL.iter().map(|(name, _)| (*name).to_owned()).collect(),
        ("decode", "samples") => {
            PcmEncoding::ALL.into_iter().map(|encoding| encoding.name().to_owned()).collect()
        }
        (_, "layers") => Scalability::ALL.iter().map(|(name, _)| (*name).to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// The names of video codecs and of their backends.
fn video_codecs(wanted: impl Fn(&Backend) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    for backend in registry::BACKENDS.iter().filter(|backend| wanted(backend)) {
        for name in [backend.codec.name().to_owned(), format!("{}/{}", backend.codec, backend.name)]
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn audio_codecs() -> Vec<String> {
    let mut names = Vec::new();
    for backend in registry::AUDIO_BACKENDS.iter().filter(|backend| backend.encoder.is_some()) {
        let name = backend.codec.name().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests;
