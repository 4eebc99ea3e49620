//! Checks that every flag between backticks in a document exists.

use std::collections::BTreeSet;
use std::process::Command;

/// Flags of other encoders and of cargo, and knobs of backends.
const OTHERS: [&str; 6] =
    ["--rt", "--good", "--cpu-used", "--crf", "--cq-level", "--no-default-features"];

/// Flags of the feature `cluster`, which the documents name in every build.
#[cfg(not(feature = "cluster"))]
const CLUSTER: [&str; 14] = [
    "--nats",
    "--work",
    "--wait",
    "--plan",
    "--drain",
    "--attempts",
    "--lease",
    "--root",
    "--ca",
    "--machine",
    "--allow-commands",
    "--cluster",
    "--cluster-ca",
    "--cluster-url",
];

/// The words of `text` that are long flags.
fn flags(text: &str) -> impl Iterator<Item = String> + '_ {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    // `--min-...` is a pattern.
    let is_flag = |word: &&str| word.starts_with("--") && word.len() > 3 && !word.ends_with('-');
    words.filter(is_flag).map(str::to_owned)
}

/// All long flags in the help of all commands.
pub(crate) fn of_the_command() -> BTreeSet<String> {
    let help = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_codec")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let commands = help(&["--help"]);
    let commands = commands.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names: Vec<_> =
        commands.map_while(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert!(names.len() > 15, "{names:?}");
    let mut known = BTreeSet::from(OTHERS.map(str::to_owned));
    #[cfg_attr(not(feature = "cluster"), expect(unused_mut, reason = "the cluster adds commands"))]
    let mut inner = vec![
        ["bench", "kernels"],
        ["bench", "audio"],
        ["chunks", "plan"],
        ["chunks", "run"],
        ["chunks", "join"],
    ];
    #[cfg(feature = "cluster")]
    inner.extend([
        ["cluster", "submit"],
        ["cluster", "compare"],
        ["cluster", "worker"],
        ["cluster", "status"],
    ]);
    #[cfg(not(feature = "cluster"))]
    known.extend(CLUSTER.map(str::to_owned));
    for [name, inner] in inner {
        known.extend(flags(&help(&[name, inner, "--help"])));
    }
    for name in names.iter().filter(|name| *name != "help") {
        known.extend(flags(&help(&[name, "--help"])));
    }
    known
}

/// The flags between backticks outside of code blocks, with their lines. Spans that begin with
/// another program's name are not ours.
pub(crate) fn named_in(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut in_block, mut in_span) = (false, false);
    // Of the span, which can continue in the next line.
    let mut is_ours = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            continue;
        }
        if in_block {
            continue;
        }
        if line.is_empty() {
            in_span = false;
        }
        for (index, part) in line.split('`').enumerate() {
            if index > 0 {
                in_span = !in_span;
                is_ours = part.starts_with('-') || part.starts_with("codec ");
            }
            if in_span && is_ours {
                found.extend(flags(part).map(|flag| (number + 1, flag)));
            }
        }
    }
    found
}
