//! Fragmented MP4: on pipes, on request, and after a writer was killed.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Place, depth, has_ffmpeg};

/// The top-level boxes of a file: start, length, type.
fn boxes(bytes: &[u8]) -> Vec<(usize, usize, [u8; 4])> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((head, _)) = bytes[at..].split_first_chunk::<8>() {
        let length = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
        found.push((at, length, head[4..].try_into().unwrap()));
        assert!(length >= 8 && at + length <= bytes.len(), "{found:?}");
        at += length;
    }
    found
}

/// Number of samples in the first run of a fragment.
fn samples(moof: &[u8]) -> usize {
    let at = moof.windows(4).position(|kind| kind == b"trun").unwrap();
    u32::from_be_bytes(moof[at + 8..at + 12].try_into().unwrap()) as usize
}

/// The times of the frames of a track in seconds, as ffprobe reads and decodes them.
pub(super) fn frame_times(place: &Place, file: &str, track: &str) -> Vec<f64> {
    probed_times(place, file, track, true)
}

/// The same from a file or a pipe.
fn probed_times(place: &Place, file: &str, track: &str, seeks: bool) -> Vec<f64> {
    let mut command = Command::new("ffprobe");
    let entries = "frame=best_effort_timestamp_time";
    command.args(["-v", "quiet", "-select_streams", track, "-show_entries", entries]);
    command.args(["-of", "csv=p=0"]);
    if seeks {
        command.arg(place.path(file));
    } else {
        command.arg("-").stdin(fs::File::open(place.path(file)).unwrap());
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let times = text.lines().map(|line| line.trim_end_matches(',').parse());
    times.filter_map(Result::ok).collect()
}

#[test]
fn fragments_hold_the_same_frames_as_an_index() {
    let place = Place::with_clip("talking-head", "64x48", 70);
    let encode = ["encode", "clip.y4m", "-c", "vp8", "--preset", "rtc", "-g", "25", "-q", "50"];
    place.ok(&[&encode[..], &["-o", "whole.mp4"]].concat());
    place.ok(&[&encode[..], &["-o", "parts.mp4", "--fragmented"]].concat());
    let piped = place.ok(&[&encode[..], &["-o", "-", "-f", "mp4"]].concat());
    assert!(piped.out == place.read("parts.mp4"), "a pipe gives the same bytes");
    let kinds: Vec<_> = boxes(&piped.out).into_iter().map(|(_, _, kind)| kind).collect();
    assert_eq!(kinds[..2], [*b"ftyp", *b"moov"]);
    assert!(kinds[2..].chunks_exact(2).all(|pair| pair == [*b"moof", *b"mdat"]), "{kinds:?}");
    assert_eq!(kinds.len(), 2 + 2 * 3, "a fragment for each key frame");
    let digest = |file: &str| place.ok(&["decode", file, "--framemd5"]).out;
    assert_eq!(digest("parts.mp4"), digest("whole.mp4"));
    if has_ffmpeg() {
        let times = frame_times(&place, "parts.mp4", "v");
        assert_eq!(times.len(), 70);
        assert_eq!(times, frame_times(&place, "whole.mp4", "v"));
    }
    place.fails(2, "requires MP4", &["encode", "clip.y4m", "-o", "x.webm", "--fragmented"]);
    place.fails(2, "requires MP4", &["transcode", "clip.y4m", "-o", "x.y4m", "--fragmented"]);
}

#[cfg(feature = "h264")]
#[test]
fn a_truncated_file_plays_its_complete_fragments() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "64x48", 100);
    if !has_ffmpeg() {
        return;
    }
    place.ffmpeg(&[
        "-i",
        "clip.y4m",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=3.3",
        "-c:v",
        "libvpx",
        "-b:v",
        "300k",
        "-c:a",
        "libopus",
        "-y",
        "clip.webm",
    ]);
    // The one with B frames has the harder order of frames.
    for preset in depth::in_turn(1, ["rtc", "file"]) {
        let encode = ["transcode", "clip.webm", "-c", "h264", "--preset", preset, "-g", "40"];
        place.ok(&[&encode[..], &["-o", "whole.mp4", "-y"]].concat());
        place.ok(&[&encode[..], &["-o", "parts.mp4", "--fragmented", "-y"]].concat());
        check_cuts(&place, preset == "file");
    }
}

/// Cuts `parts.mp4` at many bytes, and compares the rest with `whole.mp4`.
#[cfg(feature = "h264")]
fn check_cuts(place: &Place, has_b_frames: bool) {
    let bytes = place.read("parts.mp4");
    let boxes = boxes(&bytes);
    let all = frame_times(place, "whole.mp4", "v");
    assert_eq!(all.len(), 100);
    let source = frame_times(place, "clip.webm", "v");
    assert!((all[0] - source[0]).abs() < 0.001, "{} instead of {}", all[0], source[0]);
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
    let whole = place.read("whole.mp4");
    assert_eq!(whole.windows(4).any(|kind| kind == b"ctts"), has_b_frames);
    let audio = frame_times(place, "whole.mp4", "a");
    assert_eq!(frame_times(place, "parts.mp4", "v"), all);
    let fragmented = frame_times(place, "parts.mp4", "a");
    assert_eq!(fragmented.len(), audio.len());
    for (ours, expected) in fragmented.iter().zip(&audio) {
        assert!((ours - expected).abs() < 0.001, "{ours} instead of {expected}");
    }
    let mut checked = 0;
    for (number, &(start, length, kind)) in boxes.iter().enumerate().skip(3) {
        let complete = &boxes[..number];
        let frames: usize = complete
            .windows(2)
            .filter(|pair| pair[1].2 == *b"mdat")
            .map(|pair| samples(&bytes[pair[0].0..pair[0].0 + pair[0].1]))
            .sum();
        let ends = [start, start + 5, start + length / 2, start + length - 1];
        // Boxes of two types alternate: each type has all ends in turn.
        for end in depth::sample(ends, 2, number / 2) {
            fs::write(place.path("cut.mp4"), &bytes[..end]).unwrap();
            // ffmpeg opens a file that ends within an index only if it cannot seek.
            let seeks = kind != *b"moof" || end == start;
            let times = probed_times(place, "cut.mp4", "v", seeks);
            let name = String::from_utf8_lossy(&kind).into_owned();
            assert!(times.len() >= frames, "{name} cut at {end}: {} of {frames}", times.len());
            assert_eq!(times[..frames], all[..frames], "{name} cut at {end}");
            checked += usize::from(frames > 0);
            let run = place.run(&["decode", "cut.mp4", "--framemd5"]);
            let lines = run.text().lines().filter(|line| !line.starts_with('#')).count();
            assert!(lines >= frames || run.code != 0, "{name} cut at {end}: {lines} of {frames}");
        }
    }
    assert!(checked >= if depth::is_full() { 12 } else { 6 }, "{checked} cuts");
}

#[test]
fn a_file_whose_writer_is_killed_plays_its_complete_fragments() {
    let place = Place::with_clip("talking-head", "64x48", 100);
    if !has_ffmpeg() {
        return;
    }
    let clip = place.read("clip.y4m");
    let encode = ["encode", "-", "-o", "out.mp4", "--fragmented", "--preset", "rtc", "-g", "30"];
    let mut command = place.command(&encode);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&clip[..clip.len() - 1]).unwrap();
    stdin.flush().unwrap();
    // All frames but the last one have arrived: three fragments are written.
    let part = || place.names().into_iter().find(|name| name.ends_with(".part"));
    let fragments = |name: &str| place.read(name).windows(4).filter(|kind| kind == b"moof").count();
    let deadline = Instant::now() + Duration::from_secs(60);
    while part().is_none_or(|name| fragments(&name) < 3) {
        assert!(Instant::now() < deadline, "no fragments: {:?}", place.names());
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(stdin);
    assert_eq!(frame_times(&place, &part().unwrap(), "v").len(), 90);
}
