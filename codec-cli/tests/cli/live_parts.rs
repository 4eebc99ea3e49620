//! `--from`, `--to` and `--duration` of `send`.

use super::net::{packets, receiver};
use super::{Place, depth, has_ffmpeg};

/// `clip.mkv`: three seconds at 25 fps with key frames every second and Opus audio.
fn place() -> Place {
    let place = Place::new();
    let clip = ["--size", "96x64", "--fps", "25", "-n", "75"];
    place.ok(&[&["generate", "texture-pan", "-o", "clip.y4m"], &clip[..]].concat());
    place.ok(&["generate", "tone", "-n", "75", "--fps", "25", "-o", "tone.wav"]);
    let encode = ["encode", "clip.y4m", "-o", "clip.mkv", "--preset", "rtc", "-b", "600k"];
    place.ok(&[&encode[..], &["-g", "25", "--audio-from", "tone.wav"]].concat());
    place
}

/// Sends a part of a file over TCP, which loses nothing; returns the messages of the sender and the numbers of packets.
fn sent(place: &Place, file: &str, part: &[&str]) -> (String, Vec<u64>) {
    let (running, address) = receiver(place, "tcp://127.0.0.1:0", &["-o", "out.mkv", "-y"]);
    let url = format!("tcp://{address}");
    let run = place.ok(&[&["send", file, &url], part].concat());
    let (code, said) = running.end();
    assert_eq!(code, 0, "{said}");
    (run.err, packets(place, "out.mkv"))
}

#[test]
fn the_part_is_sent_exact_to_the_frame() {
    if depth::skips_long() {
        return;
    }
    let place = place();
    let rate = ["-b", "600k", "--adapt", "off"];
    let parts: [(&[&str], u64); 4] = [
        (&["--from", "0.52", "--to", "1.2"], 17),
        (&["--from", "0.52", "--duration", "400ms"], 10),
        (&["--to", "0.4"], 10),
        (&["--from", "2.6"], 10),
    ];
    for (part, frames) in parts {
        let (_, counts) = sent(&place, "clip.mkv", &[part, &rate].concat());
        assert_eq!(counts[0], frames, "{part:?}");
        // Packets of 20 ms, and at most 60 ms more at both ends.
        assert!(counts[1].abs_diff(frames * 2) <= 6, "{part:?}: {counts:?}");
        let start = if part[0] == "--from" { part[1] } else { "0" };
        let compared = ["metrics", "clip.mkv", "out.mkv", "--ref-from", start, "--relative"];
        let psnr = place.json(&[&compared[..], &["--json", "--min-psnr", "20"]].concat());
        assert_eq!(psnr["frames_compared"], frames, "{part:?}");
    }
    // The part is repeated, until the stream ends.
    let again = ["--from", "1", "--to", "1.4", "--loop", "-n", "25"];
    let (_, counts) = sent(&place, "clip.mkv", &[&again[..], &rate].concat());
    assert_eq!(counts[0], 25, "{counts:?}");
    let second = ["--from", "400ms", "--to", "760ms", "-q", "80", "--speed", "9"];
    place.ok(&[&["transcode", "out.mkv", "-o", "second.mkv"], &second[..]].concat());
    let psnr = place.json(&["metrics", "out.mkv", "second.mkv", "--json", "--min-psnr", "20"]);
    assert_eq!(psnr["frames_compared"], 9);
    // Raw video and audio alone.
    let (_, counts) =
        sent(&place, "clip.y4m", &[&["--from", "2", "--to", "2.2"], &rate[..]].concat());
    assert_eq!(counts[0], 5, "{counts:?}");
    let (_, counts) = sent(&place, "tone.wav", &["--from", "1", "--duration", "0.5"]);
    assert!(counts[0].abs_diff(25) <= 2, "{counts:?}");
}

#[test]
fn copies_begin_at_a_key_frame() {
    if depth::skips_long() {
        return;
    }
    let place = place();
    let part = ["--copy", "--from", "1.4", "--to", "1.8"];
    let (said, counts) = sent(&place, "clip.mkv", &part);
    assert!(said.contains("clip.mkv: --copy begins at a key frame, at 1.000 s"), "{said}");
    assert_eq!(counts[0], 20, "{counts:?}");
    assert!(counts[1].abs_diff(40) <= 3, "{counts:?}");
    place.ok(&[&["transcode", "clip.mkv", "-o", "copy.mkv"], &part[..]].concat());
    let md5 = |file: &str| place.ok(&["decode", file, "--md5"]).text();
    assert_eq!(md5("out.mkv"), md5("copy.mkv"));
    // At a key frame without a warning, and with audio that is encoded.
    place.ok(&["transcode", "clip.mkv", "-o", "pcm.mkv", "--copy", "--audio-codec", "s16le"]);
    for file in ["clip.mkv", "pcm.mkv"] {
        let (said, counts) = sent(&place, file, &["--copy", "--from", "2", "--duration", "400ms"]);
        assert!(!said.contains("begins at"), "{said}");
        assert_eq!(counts[0], 10, "{file}: {counts:?}");
        assert!(counts[1].abs_diff(20) <= 4, "{file}: {counts:?}");
    }
    let again = ["--copy", "--from", "2", "--to", "2.4", "--loop", "-n", "25"];
    let (_, counts) = sent(&place, "clip.mkv", &again);
    assert_eq!(counts[0], 25, "{counts:?}");
    let probe = place.json(&["probe", "out.mkv", "--json", "--packets"]);
    let times = probe["frames"].as_array().unwrap().iter();
    let times = times.filter(|packet| packet["track"] == 1).map(|packet| packet["pts"].as_i64());
    let times: Vec<_> = times.collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
}

#[test]
fn h264_of_a_part_is_encoded() {
    if !has_ffmpeg() {
        return;
    }
    let place = place();
    let x264 = ["-i", "clip.y4m", "-c:v", "libx264", "-g", "100", "-pix_fmt", "yuv420p", "a.mp4"];
    place.ffmpeg(&x264);
    let (said, counts) = sent(&place, "a.mp4", &["--from", "1", "--to", "1.2"]);
    assert!(!said.contains("without re-encoding") && said.contains("vp8"), "{said}");
    assert_eq!(counts[0], 5, "{counts:?}");
}

#[test]
fn parts_that_do_not_exist_are_rejected() {
    let place = place();
    let refused = |code: i32, word: &str, arguments: &[&str]| {
        let (first, rest) = arguments.split_first().unwrap();
        place.fails(code, word, &[&["send", first, "tcp://127.0.0.1:9"], rest].concat());
    };
    refused(2, "the video ends at 3.000 s", &["clip.mkv", "--from", "5"]);
    refused(2, "must be after --from", &["clip.mkv", "--from", "2", "--to", "1"]);
    refused(2, "select a part of a file, not of testsrc:", &["testsrc:", "--from", "2"]);
    refused(2, "select a part of a file, not of v4l2:", &["v4l2:/dev/video0", "--to", "2"]);
    refused(2, "the video ends at", &["clip.mkv", "--copy", "--from", "5"]);
    let copied = ["clip.mkv", "--from", "1", "--audio-codec", "copy"];
    refused(2, "--audio-codec copy cannot be used with --from", &copied);
}
