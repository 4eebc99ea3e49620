//! MPEG transport streams made by ffmpeg.

use std::fs;
use std::process::Command;

use super::{Place, depth, has_ffmpeg};

const PACKET: usize = 188;

/// Creates `clip.mkv`: two seconds of video and audio.
fn place() -> Option<Place> {
    if !has_ffmpeg() {
        return None;
    }
    let place = Place::with_clip("talking-head", "96x80", 60);
    place.ffmpeg(&[
        "-i",
        "clip.y4m",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=2",
        "-c:v",
        "libx264",
        "-bf",
        "2",
        "-g",
        "20",
        "-c:a",
        "pcm_s16le",
        "clip.mkv",
    ]);
    Some(place)
}

fn remux(place: &Place, arguments: &[&str], output: &str) {
    let copy = ["-i", "clip.mkv", "-c:v", "copy", "-ac", "1", "-strict", "-2"];
    place.ffmpeg(&[&copy[..], arguments, &["-y", output]].concat());
}

/// Times in seconds of the packets of a track, in the order in which they are shown.
fn times(place: &Place, file: &str, track: &str) -> Vec<f64> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "quiet", "-select_streams", track, "-show_entries", "packet=pts_time"]);
    let output = command.args(["-of", "csv=p=0"]).arg(place.path(file)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut times: Vec<f64> =
        text.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Decodes the video with the command and with ffmpeg.
fn compare_frames(place: &Place, file: &str) {
    place.ok(&["decode", file, "-o", "ours.yuv", "-y"]);
    let raw = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
    let theirs = place.ffmpeg(&[&["-i", file][..], &raw].concat());
    assert!(place.read("ours.yuv") == theirs, "{file}");
}

#[test]
fn video_and_audio_are_those_of_ffmpeg() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    let cases: [(&str, &[&str], Option<&str>); 4] = [
        ("aac.ts", &["-c:a", "aac"], Some("aac")),
        ("opus.ts", &["-c:a", "libopus"], Some("opus")),
        ("mp3.ts", &["-c:a", "libmp3lame"], Some("mp3")),
        ("video.m2ts", &["-an", "-mpegts_m2ts_mode", "1"], None),
    ];
    for (file, arguments, codec) in cases {
        remux(&place, arguments, file);
        let probe = place.json(&["probe", file, "--json"]);
        let tracks = probe["tracks"].as_array().unwrap();
        assert_eq!(tracks.len(), 1 + usize::from(codec.is_some()), "{probe}");
        assert_eq!((&tracks[0]["codec"], &tracks[0]["packets"]), (&"h264".into(), &60.into()));
        if let Some(codec) = codec {
            assert_eq!(tracks[1]["codec"], codec, "{probe}");
            assert_eq!(tracks[1]["packets"], times(&place, file, "a").len(), "{file}");
        }
        compare_frames(&place, file);
        // The distance of the tracks is kept.
        place.ok(&["transcode", file, "-o", "out.mkv", "--preset", "rtc", "-c", "vp8", "-y"]);
        let [video, audio] = ["v", "a"].map(|track| times(&place, file, track));
        let [our_video, our_audio] = ["v", "a"].map(|track| times(&place, "out.mkv", track));
        assert_eq!(our_video.len(), 60, "{file}");
        for (ours, theirs) in our_video.iter().zip(&video) {
            let (ours, theirs) = (ours - our_video[0], theirs - video[0]);
            assert!((ours - theirs).abs() < 0.002, "{file}: {ours} instead of {theirs}");
        }
        if codec.is_none() {
            continue;
        }
        let offset = (our_audio[0] - our_video[0]) - (audio[0] - video[0]);
        // Decoded AAC and MP3 begin a codec delay of Opus earlier.
        assert!(offset.abs() < 0.01, "{file}: off by {offset} s");
    }
}

#[test]
fn other_codecs_are_named() {
    let Some(place) = place() else { return };
    remux(&place, &["-c:a", "mp2"], "mp2.ts");
    let run = place.ok(&["decode", "mp2.ts", "-o", "x.y4m"]);
    assert!(run.err.contains("mp2"), "{}", run.err);
    place.ffmpeg(&["-i", "clip.y4m", "-c:v", "mpeg2video", "mpeg2.ts"]);
    place.fails(3, "mpeg2video", &["decode", "mpeg2.ts", "-o", "x.y4m", "-y"]);
}

#[test]
fn times_continue_when_the_timestamps_wrap() {
    let Some(place) = place() else { return };
    // 2^33 / 90000 is 95443.7.
    remux(&place, &["-c:a", "aac", "-output_ts_offset", "95441.5"], "wrap.ts");
    place.ok(&["transcode", "wrap.ts", "-o", "out.mkv", "--preset", "rtc", "-c", "vp8"]);
    let video = times(&place, "out.mkv", "v");
    assert_eq!(video.len(), 60);
    assert!((video[59] - video[0] - 59.0 / 30.0).abs() < 0.002, "{video:?}");
    compare_frames(&place, "wrap.ts");
}

#[test]
fn lost_packets_are_reported_and_concealed_on_request() {
    let Some(place) = place() else { return };
    remux(&place, &["-c:a", "aac"], "whole.ts");
    let mut bytes = place.read("whole.ts");
    let packets = bytes.len() / PACKET;
    let is_video = |at: &usize| {
        let packet = &bytes[at * PACKET..][..PACKET];
        packet[1] & 0x5F == 1 && packet[2] == 0 && packet[3] & 0x30 == 0x10
    };
    let lost = (packets / 2..packets).find(is_video).unwrap();
    bytes.drain(lost * PACKET..(lost + 1) * PACKET);
    fs::write(place.path("lost.ts"), &bytes).unwrap();
    place.fails(4, "continuity counter", &["decode", "lost.ts", "-o", "x.y4m"]);
    let run = place.ok(&["decode", "lost.ts", "-o", "y.y4m", "--conceal"]);
    assert!(run.err.contains("continuity counter"), "{}", run.err);
    let digest = place.ok(&["decode", "lost.ts", "--framemd5", "--conceal"]).text();
    let frames = digest.lines().filter(|line| !line.starts_with('#')).count();
    assert!((55..60).contains(&frames), "{frames}");
}

/// The digests of the decoded frames.
fn digests(place: &Place, file: &str) -> Vec<String> {
    let text = place.ok(&["decode", file, "--framemd5"]).text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}

#[test]
fn other_packet_sizes_and_repeated_packets_give_the_same_frames() {
    let Some(place) = place() else { return };
    remux(&place, &["-c:a", "aac"], "plain.ts");
    let bytes = place.read("plain.ts");
    let each =
        |of: fn(&[u8]) -> Vec<u8>| -> Vec<u8> { bytes.chunks(PACKET).flat_map(of).collect() };
    fs::write(place.path("long.ts"), each(|packet| [packet, &[9; 16]].concat())).unwrap();
    fs::write(place.path("twice.ts"), each(|packet| packet.repeat(2))).unwrap();
    let expected = digests(&place, "plain.ts");
    assert_eq!(expected.len(), 60);
    assert_eq!(digests(&place, "long.ts"), expected);
    assert_eq!(digests(&place, "twice.ts"), expected);
}

#[test]
fn a_recording_may_begin_anywhere() {
    let Some(place) = place() else { return };
    remux(&place, &["-c:a", "aac"], "whole.ts");
    let (bytes, expected) = (place.read("whole.ts"), digests(&place, "whole.ts"));
    // Within a packet of the first group of 20 frames.
    fs::write(place.path("late.ts"), &bytes[3 * PACKET + 77..]).unwrap();
    assert_eq!(digests(&place, "late.ts"), expected[20..]);
}

fn pid(packet: &[u8]) -> u16 {
    u16::from(packet[1] & 0x1F) << 8 | u16::from(packet[2])
}

#[test]
fn joined_segments_with_continuous_times_lose_nothing() {
    let Some(place) = place() else { return };
    let segments = ["-f", "segment", "-segment_time", "0.6", "-segment_format", "mpegts"];
    place.ffmpeg(
        &[&["-i", "clip.mkv", "-c:v", "copy", "-c:a", "aac"][..], &segments, &["part%d.ts"]]
            .concat(),
    );
    let parts: Vec<Vec<u8>> = (0..3).map(|n| place.read(&format!("part{n}.ts"))).collect();
    fs::write(place.path("joined.ts"), parts.concat()).unwrap();
    remux(&place, &["-c:a", "aac"], "whole.ts");
    assert_eq!(digests(&place, "joined.ts"), digests(&place, "whole.ts"));
    place.ok(&["transcode", "joined.ts", "-o", "joined.mkv", "--copy", "-y"]);
    let video = times(&place, "joined.mkv", "v");
    assert_eq!(video.len(), 60);
    assert!(video.windows(2).all(|pair| (0.03..0.04).contains(&(pair[1] - pair[0]))), "{video:?}");
}

#[test]
fn a_short_recording_can_be_repeated() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    for length in ["0.4", "0.8", "1"] {
        for audio in [&["-an"][..], &["-c:a", "aac", "-ac", "1"]] {
            let cut = ["-i", "clip.mkv", "-t", length, "-c:v", "libx264"];
            place.ffmpeg(&[&cut[..], audio, &["-y", "once.ts"]].concat());
            let once = place.read("once.ts");
            fs::write(place.path("twice.ts"), once.repeat(2)).unwrap();
            let once = digests(&place, "once.ts");
            let expected = [&once[..], &once].concat();
            assert_eq!(digests(&place, "twice.ts"), expected, "{length} {audio:?}");
            place.ok(&["transcode", "twice.ts", "-o", "twice.mkv", "--copy", "-y"]);
            let video = times(&place, "twice.mkv", "v");
            let steps = video.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(
                { steps }.all(|step| (0.02..0.2).contains(&step)),
                "{length} {audio:?}: {video:?}"
            );
        }
    }
}

#[test]
fn losses_before_repeated_tables_are_found() {
    let Some(place) = place() else { return };
    remux(&place, &["-c:a", "aac"], "whole.ts");
    let bytes = place.read("whole.ts");
    let packets: Vec<&[u8]> = bytes.chunks(PACKET).collect();
    let tables: Vec<usize> = (1..packets.len()).filter(|&at| pid(packets[at]) == 0).collect();
    assert!(tables.len() > 10);
    // The last packet of video before each table.
    for &at in &tables[1..] {
        let lost = (0..at).rev().find(|&at| pid(packets[at]) == 0x100).unwrap();
        let rest = [&bytes[..lost * PACKET], &bytes[(lost + 1) * PACKET..]].concat();
        fs::write(place.path("lost.ts"), rest).unwrap();
        place.fails(4, "lost.ts", &["decode", "lost.ts", "--null"]);
    }
}

#[test]
fn joined_recordings_with_other_pids_continue() {
    let Some(place) = place() else { return };
    remux(&place, &["-c:a", "aac"], "first.ts");
    let pids = ["-mpegts_start_pid", "0x300", "-mpegts_pmt_start_pid", "0x1100"];
    remux(&place, &[&["-c:a", "aac"][..], &pids].concat(), "second.ts");
    let (first, second) = (place.read("first.ts"), place.read("second.ts"));
    for (name, last) in [("same.ts", &first), ("other.ts", &second)] {
        fs::write(place.path(name), [&first[..], last].concat()).unwrap();
        let expected = digests(&place, "first.ts");
        assert_eq!(digests(&place, name), [&expected[..], &expected].concat(), "{name}");
        place.ok(&["transcode", name, "-o", "out.mkv", "--preset", "rtc", "-c", "vp8", "-y"]);
        let [video, audio] = ["v", "a"].map(|track| times(&place, "out.mkv", track));
        assert_eq!(video.len(), 120, "{name}");
        assert!(video.windows(2).all(|pair| (0.02..0.12).contains(&(pair[1] - pair[0]))), "{name}");
        // Both continue together.
        assert!((video[119] - audio[audio.len() - 1]).abs() < 0.1, "{name}");
    }
}

#[test]
fn the_first_supported_program_is_read_and_fields_are_kept() {
    let Some(place) = place() else { return };
    place.ffmpeg(&[
        "-i",
        "clip.y4m",
        "-i",
        "clip.mkv",
        "-map",
        "0",
        "-map",
        "1",
        "-c:v:0",
        "mpeg2video",
        "-c:v:1",
        "libx264",
        "-flags:v:1",
        "+ildct+ilme",
        "-c:a",
        "aac",
        "-program",
        "title=A:st=0",
        "-program",
        "title=B:st=1:st=2",
        "two.ts",
    ]);
    let run = place.ok(&["decode", "two.ts", "-o", "ours.yuv"]);
    assert!(run.err.contains("skipped one more program"), "{}", run.err);
    let raw = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
    let theirs = place.ffmpeg(&[&["-i", "two.ts", "-map", "0:1"][..], &raw].concat());
    assert!(place.read("ours.yuv") == theirs);
}
