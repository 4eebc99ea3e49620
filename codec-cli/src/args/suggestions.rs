//! Advice on unknown options: translates the names used by other programs, and removes clap's
//! suggestions that are not similar to the typed word.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Options of ffmpeg, x264, vpxenc and similar programs, with their equivalents here.
const KNOWN: [(&str, &str); 51] = [
    ("--crf", "--quality, from 0 (worst) to 100 (best),"),
    ("-crf", "--quality, from 0 (worst) to 100 (best),"),
    ("--cq-level", "--quality, from 0 (worst) to 100 (best),"),
    ("-q:v", "--quality, from 0 (worst) to 100 (best),"),
    ("-c:v", "--codec"),
    ("-codec:v", "--codec"),
    ("-vcodec", "--codec"),
    ("--vcodec", "--codec"),
    ("-c:a", "--audio-codec"),
    ("-codec:a", "--audio-codec"),
    ("-acodec", "--audio-codec"),
    ("--acodec", "--audio-codec"),
    ("-b:v", "--bitrate"),
    ("--target-bitrate", "--bitrate"),
    ("--tbr", "--bitrate"),
    ("-b:a", "--audio-bitrate"),
    ("-ar", "--audio-rate"),
    ("-ac", "--channels"),
    ("--cpu-used", "--speed"),
    ("-cpu-used", "--speed"),
    ("--deadline", "--preset rtc or --preset file"),
    ("-deadline", "--preset rtc or --preset file"),
    ("--rt", "--preset rtc"),
    ("--good", "--preset file"),
    ("--best", "--preset file"),
    ("--end-usage", "--bitrate, --quality or --qp"),
    ("--kf-max-dist", "--keyint"),
    ("--gop", "--keyint"),
    ("-frames:v", "--frames"),
    ("--limit", "--frames"),
    ("-vframes", "--frames"),
    ("-an", "--no-audio"),
    ("--an", "--no-audio"),
    ("--vn", "--no-video"),
    ("--drop-video", "--no-video"),
    ("--drop-audio", "--no-audio"),
    ("--scale", "--resize"),
    ("--token-partitions", "--token-parts"),
    ("--bframes", "--knob bframes=N"),
    ("-bf", "--knob bframes=N"),
    ("--profile", "--knob profile=66, 77 or 100"),
    ("-profile:v", "--knob profile=66, 77 or 100"),
    ("--rc-lookahead", "--knob lookahead=N"),
    ("--slices", "--knob slices=N"),
    ("-ss", "--from"),
    ("-to", "--to"),
    ("-t", "--duration"),
    ("--seek", "--skip or --from"),
    ("--psnr", "--metrics psnr"),
    ("--overwrite", "--yes"),
    ("-preset", "--preset"),
];

/// Replaces clap's suggestion in a command-line error by a better one, or removes it. `arguments`
/// are the arguments as given.
pub(crate) fn advise(error: &mut clap::Error, arguments: &[String]) {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return;
    }
    let is_incomplete = error.kind() == ErrorKind::MissingRequiredArgument;
    if is_incomplete && error.to_string().contains("--output <OUT>\n") && takes_folders(arguments) {
        let help =
            "name the output with -o, or a folder for the outputs of several inputs with --out-dir";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![help.into()]));
        return;
    }
    if error.kind() == ErrorKind::InvalidSubcommand {
        suggest_command(error);
        return;
    }
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) if error.kind() == ErrorKind::UnknownArgument => {
            Some(text.split('=').next().unwrap_or_default().to_owned())
        }
        _ => None,
    };
    // clap reads `-c:v vp9` as `-c` with a value and reports a different error.
    let mut written = arguments.iter().map(|text| text.split('=').next().unwrap_or_default());
    let known = |text: &str| KNOWN.iter().find(|(name, _)| *name == text).copied();
    let found = unknown.as_deref().and_then(known).or_else(|| written.find_map(known));
    if let Some((name, ours)) = found {
        // The usage line would name the suggested option.
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::Usage);
        error.insert(ContextKind::InvalidArg, ContextValue::String(name.to_owned()));
        let help = format!("use {ours} instead of '{name}'");
        let help = ContextValue::StyledStrs(vec![help.into()]);
        error.insert(ContextKind::Suggested, help);
        return;
    }
    if let Some(advice) = unknown.as_deref().and_then(|value| of_value(value, arguments)) {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![advice.into()]));
        return;
    }
    let suggested = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    if let (Some(unknown), Some(suggested)) = (unknown, suggested)
        && !is_near(unknown.trim_start_matches('-'), suggested.trim_start_matches('-'))
    {
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::Usage);
    }
}

/// Commands to suggest for an unknown one, at most.
const MAX_COMMANDS: usize = 2;

/// Replaces clap's suggestions for an unknown command. clap lists the nearest command last; this function lists it
/// first, and omits an alias if the command itself is suggested.
fn suggest_command(error: &mut clap::Error) {
    let typed = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => return,
    };
    if let Some(feature) =
        OPTIONAL.iter().find(|(name, _)| *name == typed).map(|(_, feature)| feature)
    {
        let help = format!("'{typed}' requires a build with the Cargo feature `{feature}`");
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![help.into()]));
        return;
    }
    let suggested = match error.remove(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(names)) => names,
        Some(ContextValue::String(name)) => vec![name],
        _ => return,
    };
    let is_alias =
        |name: &str| suggested.iter().any(|other| other != name && other.starts_with(name));
    let nearest = suggested.iter().rev().filter(|name| !is_alias(name));
    let nearest: Vec<_> = nearest.take(MAX_COMMANDS).cloned().collect();
    error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(nearest));
}

/// Commands that only some builds have, with their Cargo feature.
const OPTIONAL: [(&str, &str); 4] =
    [("cluster", "cluster"), ("send", "net"), ("recv", "net"), ("serve", "serve")];

/// Whether the command has `--out-dir`.
fn takes_folders(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| ["encode", "enc", "transcode"].contains(&argument.as_str()))
}

/// Options whose value must follow an equals sign, because it may be omitted.
const WITH_EQUALS: [&str; 2] = ["--rotate", "--deinterlace"];

/// Returns advice if an argument was not understood because it, or one before it, is the value of
/// an option that needs an equals sign.
fn of_value(unknown: &str, arguments: &[String]) -> Option<String> {
    let is_negative = unknown.starts_with('-') && unknown.parse::<f64>().is_ok();
    let mut pairs = arguments.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str()));
    let (option, value) = pairs.find(|&(option, value)| match is_negative {
        true => value == unknown && option.starts_with('-') && option.len() > 1,
        // In some commands the value of --resize follows it.
        false if option == "--resize" => value == unknown,
        false => WITH_EQUALS.contains(&option) && is_setting(value),
    })?;
    Some(format!("write '{option}={value}'"))
}

/// Whether an argument looks like the value of an option and not like a file name.
fn is_setting(argument: &str) -> bool {
    ["auto", "on", "off"].contains(&argument) || argument.parse::<u16>().is_ok()
}

/// Whether `typed` is probably a typo of `meant`: a prefix, or at most one edit per three letters.
fn is_near(typed: &str, meant: &str) -> bool {
    let meant = meant.split([' ', '=']).next().unwrap_or_default();
    let is_beginning = typed.len() >= 3 && meant.starts_with(typed);
    is_beginning || 3 * distance(typed, meant) <= typed.chars().count().max(3)
}

/// The edit distance: letters to insert, remove or change.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (at, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::super::cli::Cli;
    use super::super::grammar::{grammar, parser};
    use super::*;

    fn message(arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        let parsed = parser().try_get_matches_from(&arguments);
        let parsed = parsed.and_then(|found| Cli::from_arg_matches(&found)?.checked());
        let mut error = parsed.unwrap_err();
        advise(&mut error, &arguments);
        error.to_string()
    }

    #[test]
    fn names_of_other_programs_are_translated() {
        let encode = ["codec", "encode", "a.y4m", "-o", "b.webm"];
        for (more, ours) in [
            (&["--crf", "23"][..], "--quality, from 0 (worst) to 100 (best),"),
            (&["-crf", "23"], "--quality, from 0 (worst) to 100 (best),"),
            (&["-c:v", "vp9"], "--codec"),
            (&["-b:v", "600k"], "--bitrate"),
            (&["--cpu-used=5"], "--speed"),
            (&["--target-bitrate=600"], "--bitrate"),
            (&["--bframes", "3"], "--knob bframes=N"),
            (&["-preset", "fast"], "--preset"),
            (&["-profile:v", "high"], "--knob profile=66, 77 or 100"),
        ] {
            let text = message(&[&encode, more].concat());
            let theirs = more[0].split('=').next().unwrap();
            assert!(
                text.contains(&format!("use {ours} instead of '{theirs}'")),
                "{more:?}: {text}"
            );
            let names_it = ["' found", "': expected"].iter().any(|end| text.contains(end));
            assert!(names_it && !text.contains("'23' found"), "{more:?}: {text}");
            assert!(!text.contains("--crop"), "{text}");
        }
    }

    #[test]
    fn the_nearest_commands_are_suggested() {
        let text = message(&["codec", "encod", "a.y4m"]);
        assert!(text.contains("similar subcommands exist: 'encode', "), "{text}");
        assert!(!text.contains("'enc'") && !text.contains("bench"), "{text}");
        #[cfg(not(feature = "cluster"))]
        {
            let text = message(&["codec", "cluster", "worker"]);
            assert!(text.contains("requires a build with the Cargo feature `cluster`"), "{text}");
        }
    }

    #[test]
    fn distant_names_are_not_suggested() {
        let encode = ["codec", "encode", "a.y4m", "-o", "b.webm"];
        let text = message(&[&encode[..], &["--bitrat", "600k"]].concat());
        assert!(text.contains("'--bitrate"), "{text}");
        let text = message(&[&encode[..], &["--keyitn", "2s"]].concat());
        assert!(text.contains("'--keyint"), "{text}");
        for far in ["--aq-mode", "--crx", "--profile", "--threat-level"] {
            let text = message(&[&encode[..], &[far]].concat());
            assert!(!text.contains("similar"), "{text}");
        }
    }

    #[test]
    fn values_that_need_an_equals_sign_are_shown_with_it() {
        let encode = ["codec", "encode", "a.y4m", "-o", "b.webm"];
        for (more, right) in [
            (["--rotate", "90"], "'--rotate=90'"),
            (["--deinterlace", "on"], "'--deinterlace=on'"),
            (["--bitrate", "-5"], "'--bitrate=-5'"),
            (["-b", "-5"], "'-b=-5'"),
        ] {
            let text = message(&[&encode[..], &more].concat());
            assert!(text.contains(&format!("tip: write {right}")), "{more:?}: {text}");
            assert!(!text.contains("'-- "), "{text}");
        }
        let before = ["codec", "encode", "--rotate", "90", "a.y4m", "-o", "b.webm"];
        assert!(message(&before).contains("'--rotate=90'"));
        let decode = ["codec", "decode", "a.webm", "--resize", "640x360", "-o", "b.y4m"];
        assert!(message(&decode).contains("'--resize=640x360'"));
    }

    #[test]
    fn translations_name_existing_options() {
        let whole = grammar();
        let encode = whole.find_subcommand("encode").unwrap();
        let longs: Vec<_> = encode.get_arguments().filter_map(|arg| arg.get_long()).collect();
        for (_, ours) in KNOWN {
            for word in ours.split([' ', ',']).filter_map(|word| word.strip_prefix("--")) {
                assert!(longs.contains(&word), "{word}");
            }
        }
    }
}
