//! Errors for tracks that cannot be read or decoded, with remedies.

use codec_container::{PacketReader, TrackKind};

use crate::failure::{Failure, Kind};
use crate::stdio::STDIN;

/// The options by which a command can ignore the video or the audio of an input, for messages. The
/// default is for commands that read only one kind of track.
#[derive(Clone, Copy, Debug, Default)]
pub struct Advice {
    pub(crate) without_video: Option<&'static str>,
    pub(crate) without_audio: Option<&'static str>,
    /// Why the audio of an input without video is not used, and the remedy.
    pub(crate) unused_audio: Option<(&'static str, &'static str)>,
    /// Whether the command decodes to a file.
    pub(crate) decodes: bool,
}

impl Advice {
    /// For commands with `--no-video` and `--no-audio`.
    pub const FLAGS: Self = Self {
        without_video: Some("use the audio only with --no-video"),
        without_audio: Some("use the video only with --no-audio"),
        unused_audio: Some((
            "its audio is not written: the output format cannot hold audio, or --no-audio, --audio none or --audio-from \
             excludes it",
            "choose an output that holds audio, such as .webm, .opus or .wav, and omit these options",
        )),
        decodes: false,
    };

    /// As [`Self::FLAGS`], if the output format cannot hold audio.
    pub(crate) const VIDEO_FORMAT: Self = Self {
        unused_audio: Some((
            "its audio is not written: the output format cannot hold audio",
            "choose an output that holds audio, such as .webm, .opus or .wav",
        )),
        ..Self::FLAGS
    };

    /// As [`Self::FLAGS`], if the audio of another file replaces the audio of the input.
    pub(crate) const OTHER_AUDIO: Self = Self {
        unused_audio: Some(("--audio-from excludes its audio", "omit --audio-from")),
        ..Self::FLAGS
    };

    /// As [`Self::FLAGS`], if options exclude audio.
    pub(crate) const EXCLUDED_AUDIO: Self = Self {
        unused_audio: Some(("--no-audio or --audio none excludes its audio", "omit this option")),
        ..Self::FLAGS
    };

    /// For `decode`, which selects by the output.
    pub const BY_OUTPUT: Self = Self {
        without_video: Some("decode the audio only with -o F.wav"),
        without_audio: None,
        unused_audio: Some((
            "its audio is not written: the output format cannot hold audio",
            "write audio to .wav or .pcm",
        )),
        decodes: true,
    };

    /// For `serve`.
    pub const NO_AUDIO: Self = Self {
        without_video: None,
        without_audio: Some("publish the video only with --no-audio"),
        unused_audio: Some(("--no-audio excludes its audio", "omit --no-audio")),
        decodes: false,
    };
}

/// The reason why `reader` delivers no track of `kind`: an unreadable track, or no such track.
pub fn missing(reader: &dyn PacketReader, kind: TrackKind, name: &str, advice: Advice) -> Failure {
    match reader.skipped().into_iter().find(|track| track.kind == kind) {
        Some(track) => {
            let why = track.reason.clone();
            let why = why.unwrap_or_else(|| format!("codec {} is not supported", track.codec));
            let has_other = match kind {
                TrackKind::Video => reader.audio().is_some(),
                _ => reader.video().is_some(),
            };
            let message = format!("{name}: cannot read the {kind} track ({}): {why}", track.codec);
            Failure::new(Kind::Input, with_help(&message, kind, name, has_other, advice))
        }
        None => Failure::new(Kind::Input, format!("{name}: no {kind}")),
    }
}

/// Whether `reader` has an unreadable track of `kind` and no readable one.
pub fn is_lost(reader: &dyn PacketReader, kind: TrackKind) -> bool {
    let delivers = match kind {
        TrackKind::Video => reader.video().is_some(),
        _ => reader.audio().is_some(),
    };
    !delivers && reader.skipped().iter().any(|track| track.kind == kind)
}

/// Appends a line with the remedies to `message`.
pub(crate) fn with_help(
    message: &str,
    kind: TrackKind,
    name: &str,
    has_other: bool,
    advice: Advice,
) -> String {
    let without = match kind {
        TrackKind::Video => advice.without_video,
        _ => advice.without_audio,
    };
    let name = quoted(name);
    let output = match (kind, advice.decodes) {
        (TrackKind::Video, true) => "OUT.y4m",
        (_, true) => "-vn OUT.wav",
        (TrackKind::Video, false) => "-f yuv4mpegpipe - | codec encode - -o OUT",
        (_, false) => "-vn -f wav - | codec encode - -o OUT",
    };
    let by_ffmpeg = format!("decode it with ffmpeg: ffmpeg -i {name} {output}");
    let ways: Vec<_> =
        without.filter(|_| has_other).map(str::to_owned).into_iter().chain([by_ffmpeg]).collect();
    format!("{message}\nhelp: {}", ways.join("; "))
}

/// Quotes a name for a shell.
pub(super) fn quoted(name: &str) -> String {
    if name == STDIN {
        return "-".to_owned();
    }
    match shlex::try_quote(name) {
        Ok(quoted) => quoted.into_owned(),
        Err(_) => "IN".to_owned(),
    }
}
