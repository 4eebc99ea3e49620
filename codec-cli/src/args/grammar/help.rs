//! The help of flags that several commands share.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ValueEnum};

use super::super::encoder::PresetArg;

/// Commands that encode in real time only.
const REAL_TIME: [&str; 2] = ["send", "simulate"];

/// Flags of `transcode` that cannot be used with chunks.
const NOT_OF_CHUNKS: [&str; 20] = [
    "more",
    "out_dir",
    "suffix",
    "copy",
    "lossless",
    "fragmented",
    "chunked",
    "per_shot",
    "preset",
    "bitrate",
    "size",
    "rate_trace",
    "passes",
    "report",
    "metrics",
    "purpose",
    "no_video",
    "skip",
    "drop",
    "max_frame_time",
];

/// Adapts a flag that several commands share to `command`: its help, its values, and whether help lists it.
pub(super) fn as_in(command: &str, arg: Arg) -> Arg {
    let id = arg.get_id().as_str().to_owned();
    let real_time = REAL_TIME.contains(&command);
    let arg = match (command, id.as_str()) {
        (_, "preset") if real_time => {
            let values = PossibleValuesParser::new(PresetArg::Rtc.to_possible_value());
            arg.value_parser(values.try_map(|name| PresetArg::from_str(&name, false)))
        }
        ("simulate", "max_frame_time") => arg.hide(true),
        ("plan" | "submit", id) if NOT_OF_CHUNKS.contains(&id) => arg.hide(true),
        _ => arg,
    };
    let text = HELP
        .iter()
        .find(|(of, known, _)| *known == id && (*of == command || (of.is_empty() && real_time)));
    match text {
        Some((_, _, text)) => {
            let short = text.split("\n\n").next().unwrap_or(text).trim_end_matches('.');
            arg.help(short.to_owned()).long_help(*text)
        }
        None => arg,
    }
}

const CHUNKS_INPUT: &str = "Input file.\n\nIt is read several times, so it cannot be a pipe.";
const CHUNKS_KEYINT: &str = "Set the maximum key frame interval, in frames or in seconds (2s).\n\n0 disables periodic key \
                             frames. Default: 240 frames.";
const CHUNKS_TIMES: &str = "Keep the input's timestamps after --from";
const CHUNKS_CODEC: &str = "Select the encoder: CODEC or CODEC/BACKEND (see `codec codecs`).\n\nDefault: vp8, or the codec \
                            that the output format requires.";
const SOUND_FROM: &str =
    "Start at this time of the input, exact to the sample: 83.5, 1:23.5, 0:01:23.5 or 1500ms";
const CHUNKS_LAYERS: &str =
    "Set the temporal layers: L1T1 (a single layer, the default), L1T2 or L1T3";

/// Help of shared flags that differs between commands: the command (all of [`REAL_TIME`] if empty), the flag, the help.
const HELP: [(&str, &str, &str); 57] = [
    (
        "probe",
        "from",
        "Count or list only packets from this time on: 83.5, 1:23.5, 0:01:23.5 or 1500ms.\n\nThe output shows \
         the times of the input.",
    ),
    (
        "inspect",
        "from",
        "Report frames from this time of the input on: 83.5, 1:23.5, 0:01:23.5 or 1500ms.\n\nThe report starts with the \
         first frame at or after TIME, or, if that frame is more than 100 ms after TIME, with the frame that is on \
         screen at TIME. Files are decoded from the key frame before TIME.",
    ),
    (
        "simulate",
        "from",
        "Start at this time of the input: 83.5, 1:23.5, 0:01:23.5 or 1500ms.\n\nThe video starts with the first frame \
         at or after TIME, or, if that frame is more than 100 ms after TIME, with the frame that is on screen at TIME.",
    ),
    (
        "send",
        "from",
        "Start at this time of the file: 83.5, 1:23.5, 0:01:23.5 or 1500ms.\n\nThe stream starts with the first frame \
         at or after TIME, or, if that frame is more than 100 ms after TIME, with the frame that is on screen at TIME. \
         With --copy, it starts with the last key frame at or before TIME.",
    ),
    (
        "send",
        "duration",
        "Stop after this time, such as 90s, 1:30 or 1500ms; a plain number is seconds.\n\nWith --from or --to and \
         without --loop, it is the time of the media from the start of the selected range.",
    ),
    (
        "serve",
        "from",
        "Start files at this time: 83.5, 1:23.5, 0:01:23.5 or 1500ms.\n\nEach file starts with its first frame at or \
         after TIME. --from, --to and --duration apply only to files.",
    ),
    ("serve", "to", "End each file before this time of the file, in the same form as --from"),
    (
        "serve",
        "duration",
        "End each file this long after --from (or after its start); the server keeps running",
    ),
    (
        "metrics",
        "from",
        "Compare both files from this time on: 83.5, 1:23.5, 0:01:23.5 or 1500ms.\n\nThe comparison starts with the \
         first frame of each file at or after TIME, or, if that frame is more than 100 ms after TIME, with the frame \
         that is on screen at TIME. Audio starts with that frame, exact to the sample. Files are decoded from the key \
         frame before TIME.",
    ),
    ("metrics", "to", "Compare both files up to this time, in the same form as --from"),
    ("metrics", "duration", "Compare both files for this long after --from (or after the start)"),
    ("mix", "to", "Stop every input before this time, in the same form as --from"),
    ("mix", "duration", "Stop every input this long after --from (or after the start)"),
    (
        "snapshot",
        "from",
        "Save an animation from this time on (GIF): 83.5, 1:23.5, 0:01:23.5 or 1500ms.\n\nIt ends at --to, after \
         --duration, or with the input.",
    ),
    (
        "snapshot",
        "to",
        "End the animation before this time of the input, in the same form as --from",
    ),
    ("snapshot", "duration", "End the animation this long after --from (or after the start)"),
    (
        "compare",
        "from",
        "Use each clip from this time on: 83.5, 1:23.5, 0:01:23.5 or 1500ms.\n\nThe first frame that is used is the first \
         one at or after TIME, or, if it is more than 100 ms after TIME, the frame that is on screen at TIME. Audio \
         starts with that frame, exact to the sample.",
    ),
    ("compare", "to", "Use each clip up to this time, in the same form as --from"),
    ("compare", "duration", "Use this much of each clip after --from (or after its start)"),
    (
        "bench",
        "from",
        "Use each input from this time on: 83.5, 1:23.5, 0:01:23.5 or 1500ms.\n\nThe first frame that is used is the \
         first one at or after TIME, or, if it is more than 100 ms after TIME, the frame that is on screen at TIME.",
    ),
    ("bench", "to", "Use each input up to this time, in the same form as --from"),
    ("bench", "duration", "Use this much of each input after --from (or after its start)"),
    ("plan", "output", "File for the plan, or `-` for standard output"),
    (
        "plan",
        "format",
        "Set the format of the encoded file: webm, mkv, mp4, ts, ivf, h264 or obu.\n\nDefault: webm.",
    ),
    ("plan", "input", CHUNKS_INPUT),
    ("submit", "input", CHUNKS_INPUT),
    ("plan", "keyint", CHUNKS_KEYINT),
    ("submit", "keyint", CHUNKS_KEYINT),
    ("plan", "keep_times", CHUNKS_TIMES),
    ("submit", "keep_times", CHUNKS_TIMES),
    ("plan", "codec", CHUNKS_CODEC),
    ("submit", "codec", CHUNKS_CODEC),
    ("vad", "from", SOUND_FROM),
    (
        "mix",
        "from",
        "Start every input at this time, exact to the sample: 83.5, 1:23.5, 0:01:23.5 or 1500ms",
    ),
    ("audio", "from", SOUND_FROM),
    ("plan", "layers", CHUNKS_LAYERS),
    ("submit", "layers", CHUNKS_LAYERS),
    (
        "submit",
        "format",
        "Set the format of the output: webm, mkv, mp4, ts, ivf, h264 or obu.\n\nRequired if the name of the output has \
         no known extension.",
    ),
    (
        "join",
        "folder",
        "Set the folder with the results (encoded chunks).\n\nWithout this option, the folder has the name of the plan with the extension .chunks.",
    ),
    (
        "encode",
        "format",
        "Set the format: ivf, webm, mkv, mp4, ts, h264, obu, opus, ogg, wav, flac or pcm.\n\nRequired if the \
         file name has no known extension. Pipes get ivf (with --no-video: webm) by default. Still images \
         are selected by the file name: .webp, .png or .jpg; frame-%04d.png writes an image for each frame, from \
         number 1 on; .gif or -f gif writes an animation.",
    ),
    (
        "bench",
        "codec",
        "Select the encoder or decoder: CODEC or CODEC/BACKEND (see `codec codecs`).\n\nDefault: \
         vp8 for encoding; for decoding, the first backend that can decode the input.",
    ),
    (
        "simulate",
        "codec",
        "Select the encoder: vp8 (the default), vp9, h264, or one of their backends, such as vp8/native",
    ),
    (
        "simulate",
        "tune",
        "Optimise for PSNR (the default) or for visual quality.\n\n`visual` keeps texture, and \
         codes flat areas more precisely than busy ones.",
    ),
    (
        "simulate",
        "qp",
        "Set a constant quantiser index; lower is better.\n\nVP8: 0 to 127; VP9: 1 to 255; H.264: 0 to 51.",
    ),
    ("", "speed", "Set the speed: 0 (best quality) to 10 (fastest).\n\nDefault: 7."),
    ("", "drop", "Allow the rate controller to drop frames (with -b)"),
    (
        "send",
        "max_frame_time",
        "Limit the encoding time per frame: 8ms, 2500us; a plain number is milliseconds.\n\nThe \
         encoder raises its speed to meet the limit, so the output depends on the machine.",
    ),
    ("send", "application", "Tune the audio encoder for this use.\n\nDefault: voip."),
    (
        "send",
        "codec",
        "Select the encoder: vp8 (the default), vp9, h264, or one of their backends, such as \
         vp8/native",
    ),
    (
        "recv",
        "e2ee_key",
        "Decrypt end-to-end encrypted media with the key in this file.\n\nUses \
         SFrame (RFC 9605). The file holds 16 to 64 random bytes in hexadecimal or base64; both \
         ends need the same key. WebRTC and H.264 over RTP do not support it.",
    ),
    ("send", "sdp", "Write the SDP description of the session to this file (RTP)"),
    ("recv", "sdp", "Read the SDP description of the session from this file (RTP)"),
    ("", "preset", "Select settings for real time: the only preset of this command"),
    (
        "",
        "keyint",
        "Set the maximum key frame interval, in frames or in seconds (2s).\n\n0 (the default) \
         disables periodic key frames.",
    ),
    (
        "",
        "layers",
        "Set the temporal and spatial layers: L1T1 (a single layer, the default), L1T2 or L1T3; \
         VP9 also L2T1 to L3T3.\n\n`L3T2` has three spatial and two temporal layers; `L3T2_KEY` predicts between \
         spatial layers only in key frames.",
    ),
    ("", "content", "Tune for camera or screen content"),
    (
        "send",
        "audio_codec",
        "Set the audio codec: opus, opus/BACKEND or copy.\n\nDefault: Opus packets of the input \
         are copied, other audio is encoded with Opus.",
    ),
];
