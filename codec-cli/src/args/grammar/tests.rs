//! Checks the help of all commands: headings, defaults and hints.

use clap::{Arg, Command, FromArgMatches, ValueHint};
use codec_audio::{AudioCodec, AudioEncoderConfig, AudioFormat, ChannelLayout};
use codec_backends::registry;
use codec_core::codec::{EncoderConfig, Limits, RateControl};
use codec_core::frame::{Rational, Size};
use codec_media::io::stills::write::DEFAULT_QUALITY;
use codec_media::settings::audio::{DEFAULT_LOSS_PCT, default_bitrate};
use codec_media::values::LimitList;

use super::super::cli::{Cli, Verb};
use super::super::encoder::PresetArg;
use super::super::generate::SIZE;

use super::headings::{ADVANCED, GROUPED, heading_of};
use super::{completed, grammar, parser, values_of};

/// All commands and subcommands with their paths, as help shows them.
fn commands() -> Vec<(String, Command)> {
    commands_of(grammar())
}

/// As [`commands`], of a grammar.
fn commands_of(mut whole: Command) -> Vec<(String, Command)> {
    fn collect(prefix: &str, command: &Command, all: &mut Vec<(String, Command)>) {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let path = format!("{prefix}{}", inner.get_name());
            all.push((path.clone(), inner.clone()));
            collect(&format!("{path} "), inner, all);
        }
    }
    whole.build();
    let mut all = Vec::new();
    collect("", &whole, &mut all);
    assert!(all.len() > 15, "{}", all.len());
    all
}

/// Flags that every command has.
fn is_common(arg: &Arg) -> bool {
    ["verbose", "quiet", "progress", "help", "version"].contains(&arg.get_id().as_str())
}

fn help(arg: &Arg) -> String {
    let long = arg.get_long_help().or(arg.get_help());
    long.map(ToString::to_string).unwrap_or_default()
}

#[test]
fn the_parser_has_the_commands_of_the_whole_grammar() {
    let help = |(path, mut command): (String, Command)| {
        (path, command.render_long_help().to_string(), command.render_help().to_string())
    };
    let parsed = commands_of(parser()).into_iter().map(help);
    assert!(parsed.eq(commands().into_iter().map(help)));
}

#[test]
fn flags_are_grouped_under_their_headings() {
    for (path, command) in commands() {
        let name = command.get_name();
        for arg in command.get_arguments().filter(|arg| !is_common(arg) && !arg.is_positional()) {
            let (id, found) = (arg.get_id().as_str(), arg.get_help_heading());
            assert_eq!(found, heading_of(name, id), "{path} --{id}");
            assert_eq!(found.is_some(), GROUPED.contains(&name), "{path} --{id}");
            let wanted = match id {
                "yes" | "output" => Some("Output"),
                "verify" | "report" | "metrics" => Some("Reports and checks"),
                "bitrate" | "quality" | "qp" => Some("Rate control"),
                "gain" | "agc" | "denoise" | "audio_codec" => Some("Audio"),
                _ => found,
            };
            if GROUPED.contains(&name) {
                assert_eq!(found, wanted, "{path} --{id}");
            }
        }
        // The printed help agrees.
        let mut command = command;
        let text = command.render_help().to_string();
        if let Some((_, audio)) = text.split_once("\nAudio:\n") {
            let audio = audio.split("\n\n").next().unwrap_or_default();
            for flag in ["--yes", "--verify", "--report", "--metrics"] {
                assert!(!audio.contains(flag), "{path}: {flag} under Audio:\n{audio}");
            }
        }
    }
}

#[test]
fn short_help_is_short_and_long_help_lists_every_option() {
    let commands = commands();
    let has = |id: &str, (_, command): &(String, Command)| {
        GROUPED.contains(&command.get_name()) && command.get_arguments().any(|a| a.get_id() == id)
    };
    if cfg!(all(feature = "net", feature = "serve")) {
        for id in ADVANCED {
            assert!(commands.iter().any(|command| has(id, command)), "{id}");
        }
    }
    for (path, mut command) in commands {
        let (short, long) = (command.render_help(), command.render_long_help().to_string());
        let lines = short.to_string().lines().count();
        assert!(lines <= 80, "{path}: {lines} lines");
        for arg in command.get_arguments() {
            let Some(name) = arg.get_long().filter(|_| !arg.is_hide_set()) else { continue };
            assert!(long.contains(&format!("--{name}")), "{path} --{name}");
        }
    }
}

#[test]
fn every_option_has_a_hint_for_its_value() {
    for (path, command) in commands() {
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
            let listed = arg.get_possible_values().len();
            let hint = arg.get_value_hint();
            assert!(listed > 0 || hint != ValueHint::Unknown, "{path} {}", arg.get_id());
            assert!(
                arg.get_value_names().is_some_and(|names| !names.is_empty()),
                "{path} {}: no name of its value",
                arg.get_id()
            );
        }
    }
}

#[test]
fn completions_offer_codecs_formats_and_commands() {
    let whole = completed();
    let values = |command: &str, id: &str| -> Vec<String> {
        let command = whole.find_subcommand(command).unwrap();
        let arg = command.get_arguments().find(|arg| arg.get_id() == id).unwrap();
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
    };
    assert!(values("encode", "codec").contains(&"vp8/native".to_owned()));
    assert!(values("decode", "codec").contains(&"vp8".to_owned()));
    assert!(values("encode", "audio_codec").contains(&"copy".to_owned()));
    assert!(values("transcode", "format").contains(&"webm".to_owned()));
    assert!(values("man", "command").contains(&"transcode".to_owned()));
    // Every offered value is accepted.
    for format in values_of("encode", "format").iter().chain(&values_of("decode", "format")) {
        assert!(codec_container::Format::from_extension(format).is_some(), "{format}");
    }
    for codec in values("encode", "codec") {
        assert!(registry::find_encoder(&codec).is_ok(), "{codec}");
    }
    for codec in values("decode", "codec") {
        assert!(registry::find_decoder(&codec).is_ok(), "{codec}");
    }
    for codec in values("mix", "codec") {
        assert!(registry::find_audio_encoder(&codec).is_ok(), "{codec}");
    }
}

/// Defaults that are computed at run time, as help states them: command (or any), option, text.
/// The text is built from the values in the code if there are any.
fn computed() -> Vec<(&'static str, &'static str, String)> {
    let said = |text: &str| text.to_owned();
    let speeds = |codec: &str| {
        registry::find_encoder(codec).map(|(.., can)| can.default_speeds).unwrap_or_default()
    };
    let (vp8_rtc, vp8_file) = speeds("vp8");
    #[cfg(feature = "h264")]
    assert_eq!(speeds("h264"), (vp8_rtc, vp8_file), "the help names one default for both");
    let (mono, stereo) =
        (default_bitrate(ChannelLayout::Mono), default_bitrate(ChannelLayout::Stereo));
    let opus = AudioFormat::new(48_000, ChannelLayout::Stereo);
    let packet_ms = AudioEncoderConfig::new(AudioCodec::Opus, opus).frame.0 / 1000;
    let half = stereo.as_kbps() / 2;
    let mode = RateControl::Quality(50);
    let file = EncoderConfig::file(Size::new(64, 48), Rational::new(30, 1), mode);
    let keyint = file.keys.max_interval.unwrap_or_default();
    let limits = "pixels=4096x4096,packet=8M,resized=128M,gap=10";
    assert_eq!(limits.parse::<LimitList>().unwrap().0, Limits::default());
    vec![
        ("send simulate", "codec", said("vp8 (the default)")),
        ("", "codec", said("Default: ")),
        ("send simulate", "speed", format!("Default: {vp8_rtc}.")),
        ("send simulate", "keyint", said("0 (the default)")),
        ("send", "audio_codec", said("Default: Opus packets")),
        (
            "",
            "speed",
            format!("Default: {vp8_rtc} with --preset rtc and {vp8_file} with --preset file"),
        ),
        ("generate", "size", format!("Default: {SIZE}.")),
        ("", "threads", said("Default: ")),
        ("", "passes", said("Default: 2 for files, 1 for pipes")),
        ("", "rotate", said("Default: `auto`")),
        ("", "scaler", said("Default: lanczos")),
        ("", "suffix", said("Default: the format of -f")),
        ("", "audio_track", said("Default: the first")),
        ("decode", "pixels", said("Default: planar")),
        ("", "audio_codec", said("Default: the input's packets")),
        (
            "encode transcode plan submit send",
            "audio_bitrate",
            format!("Default: {}k for mono, {half}k per channel", mono.as_kbps()),
        ),
        ("serve", "audio_bitrate", format!("Default: {}k", mono.as_kbps())),
        ("send", "application", said("Default: voip")),
        ("", "application", said("Default: audio; voip in the rtc preset")),
        ("", "frame", format!("{packet_ms}ms (the default)")),
        ("", "loss", format!("Default: {DEFAULT_LOSS_PCT}")),
        ("", "complexity", said("10 (best, the default)")),
        ("", "bandwidth", said("Default: chosen")),
        ("", "audio_rate", said("Default: the input's")),
        ("", "channels", said("Default: the ")),
        ("", "rate", said("Default: the highest")),
        ("", "samples", said("s16le (the default)")),
        ("plan", "format", said("Default: webm")),
        ("", "format", said("(default: json)")),
        ("", "playout", said("Default: max(100 ms, link delay + jitter")),
        ("", "reorder_timeout", said("Default: max(10 ms, R)")),
        ("", "video_codecs", said("Default: all of this build, VP8 first")),
        ("", "udp_port", said("Default: the number of the HTTP port")),
        ("", "inputs", said("Default: a generated clip")),
        ("", "frames", said("Default: as many as fit in --memory")),
        ("", "levels", said("Default: the best")),
        ("audio", "bitrate", said("Default: 24k,48k,96k")),
        ("compare", "pictures", said("Default: 0, because images are large")),
        ("", "repeat", said("Default: 3")),
        ("", "warm_up", said("Default: 1")),
        ("encode transcode plan submit", "metrics", said("Default: psnr, if `--report`")),
        ("", "metrics", said("Default: `psnr_y_global`")),
        ("", "limits", format!("Default: `{limits}`")),
        ("plan submit", "keyint", format!("Default: {keyint} frames")),
        ("", "keyint", format!("Default: {keyint} frames with --preset file, 0 with --preset rtc")),
        ("", "layers", said("L1T1 (a single layer, the default)")),
        ("simulate", "tune", said("PSNR (the default)")),
        ("", "tune", said("Default: psnr for VP8, VP9 and H.264")),
        ("", "start_number", said("Default: 1; for an input, 0 if that image exists")),
        ("worker", "lease", said("Default: 30s")),
        ("", "interpolation", said("Default: pchip")),
        ("", "time_limit", said("Default: 10m")),
        ("snapshot", "quality", format!("Default: {DEFAULT_QUALITY}")),
    ]
}

#[test]
fn stated_defaults_are_correct() {
    let computed = computed();
    for (path, command) in commands() {
        for arg in command.get_arguments().filter(|arg| !is_common(arg)) {
            let (id, text) = (arg.get_id().as_str(), help(arg));
            let says =
                ["Default: ", "(default: ", "the default)"].iter().any(|say| text.contains(say));
            if !arg.get_default_values().is_empty() {
                // A default of the parser, which help prints itself: `[default: rtc]`.
                assert!(!says, "{path} --{id}: its default is stated twice: {text}");
                continue;
            }
            let known = computed.iter().find(|(of, known, _)| {
                *known == id && (of.is_empty() || of.split(' ').any(|of| of == command.get_name()))
            });
            match known {
                Some((_, _, words)) if says => {
                    assert!(text.contains(words), "{path} --{id}: no {words:?} in: {text}");
                }
                _ => assert!(!says, "{path} --{id}: this test does not know the default: {text}"),
            }
        }
    }
}

#[test]
fn default_presets_match_the_help() {
    let preset = |arguments: &[&str]| -> Option<PresetArg> {
        let found = grammar().try_get_matches_from(arguments).unwrap();
        match Cli::from_arg_matches(&found).unwrap().verb {
            Verb::Encode(args) | Verb::Transcode(args) => args.encoder.preset,
            Verb::Simulate(args) => args.encoder.preset,
            Verb::Bench(args) => args.encoder.preset,
            #[cfg(feature = "net")]
            Verb::Send(args) => args.encoder.preset,
            _ => None,
        }
    };
    assert_eq!(preset(&["codec", "encode", "a", "-o", "b"]), Some(PresetArg::File));
    assert_eq!(preset(&["codec", "transcode", "a", "-o", "b"]), Some(PresetArg::File));
    assert_eq!(preset(&["codec", "simulate", "a"]), Some(PresetArg::Rtc));
    assert_eq!(preset(&["codec", "bench"]), Some(PresetArg::Rtc));
    #[cfg(feature = "net")]
    assert_eq!(preset(&["codec", "send", "a", "udp://b:1"]), Some(PresetArg::Rtc));
}
