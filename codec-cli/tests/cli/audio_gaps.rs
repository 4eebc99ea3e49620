//! Timestamp jumps in audio files: a few changed bytes do not add hours of silence to the output, and
//! Ctrl-C ends the filling of long gaps.

use std::fs;

use super::{Place, depth, has_ffmpeg};

/// Creates a second of voice-like audio in `name` with ffmpeg and these options.
fn make(place: &Place, name: &str, options: &str) {
    let input = "sine=frequency=300:sample_rate=48000:duration=1";
    let mut arguments = vec!["-f", "lavfi", "-i", input];
    arguments.extend(options.split(' '));
    arguments.extend(["-y", name]);
    place.ffmpeg(&arguments);
}

fn find(bytes: &[u8], needle: &[u8], from: usize) -> usize {
    from + bytes[from..].windows(needle.len()).position(|found| found == needle).unwrap()
}

/// Sets the duration of packets of an MP4 file to `ticks`.
fn spread_mp4(bytes: &mut [u8], ticks: u32) {
    // Size, type, version and flags, row count; then samples and their duration.
    let at = find(bytes, b"stts", 0) + 4 + 8 + 4;
    bytes[at..at + 4].copy_from_slice(&ticks.to_be_bytes());
}

/// Moves the second cluster of a WebM file by `ms`.
fn move_cluster(bytes: &mut [u8], ms: u16) {
    let cluster = [0x1F, 0x43, 0xB6, 0x75];
    let first = find(bytes, &cluster, 0);
    let second = find(bytes, &cluster, first + 4);
    let at = find(bytes, &[0xE7], second + 4);
    // ffmpeg uses as few bytes as possible, which is two for a second.
    assert_eq!(bytes[at + 1], 0x82);
    let time = u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]).saturating_add(ms);
    bytes[at + 2..at + 4].copy_from_slice(&time.to_be_bytes());
}

/// Adds to the position of every page of an Ogg file from the middle one on.
fn move_pages(bytes: &mut [u8], samples: u64) {
    let starts: Vec<usize> =
        (0..bytes.len() - 4).filter(|&at| bytes[at..].starts_with(b"OggS")).collect();
    for (number, &at) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(bytes.len());
        let page = &mut bytes[at..end];
        if number >= starts.len() / 2 {
            let position = u64::from_le_bytes(page[6..14].try_into().unwrap());
            page[6..14].copy_from_slice(&(position + samples).to_le_bytes());
        }
        seal_page(page);
    }
}

/// Writes the checksum of an Ogg page (RFC 3533, section 6).
pub(crate) fn seal_page(page: &mut [u8]) {
    page[22..26].fill(0);
    let crc = page.iter().fold(0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 }
        })
    });
    page[22..26].copy_from_slice(&crc.to_le_bytes());
}

/// Files with hours, or more than the default limit, between packets.
fn files(place: &Place) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut put = |name: &'static str, options: &str, damage: &dyn Fn(&mut Vec<u8>)| {
        make(place, name, options);
        let mut bytes = place.read(name);
        damage(&mut bytes);
        fs::write(place.path(name), bytes).unwrap();
        names.push(name);
    };
    put("aac.m4a", "-c:a aac", &|bytes| spread_mp4(bytes, 0x7FFF_FFFF));
    put("alac.m4a", "-c:a alac", &|bytes| spread_mp4(bytes, 0x7FFF_FFFF));
    put("opus.webm", "-c:a libopus -cluster_time_limit 700", &|bytes| move_cluster(bytes, 60_000));
    let hours = 77 * 3600 * 48_000;
    put("opus.ogg", "-c:a libopus -page_duration 100000", &|bytes| move_pages(bytes, hours));
    put("flac.ogg", "-c:a flac -page_duration 100000", &|bytes| move_pages(bytes, hours));
    names
}

#[test]
fn gaps_beyond_the_limit_are_not_filled() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    for name in files(&place) {
        for command in [
            &["transcode", name, "-o", "out.wav", "-y"][..],
            &["transcode", name, "-o", "out.webm", "-y", "--audio-codec", "opus"],
            &["decode", name, "-o", "out.wav", "-y"],
            &["mix", name, name, "-o", "out.wav", "-y"],
            &["metrics", name, name],
        ] {
            let run = place.fails(4, "the audio has a gap of", command);
            assert!(run.err.contains(name) && run.err.contains("--limits gap"), "{}", run.err);
            // Only what came before is kept.
            let size = fs::metadata(place.path("out.wav")).map_or(0, |found| found.len());
            assert!(size < 200_000, "{command:?}: {size} bytes");
        }
        let run = place.ok(&["vad", name]);
        assert!(run.err.contains("skipped a gap of"), "{name}: {}", run.err);
    }
}

#[test]
fn the_gap_limit_is_an_option() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    make(&place, "a.webm", "-c:a libopus -cluster_time_limit 700");
    let mut bytes = place.read("a.webm");
    move_cluster(&mut bytes, 5000);
    fs::write(place.path("a.webm"), bytes).unwrap();
    let samples = |name: &str| {
        let probe = place.json(&["probe", name, "--json"]);
        (probe["tracks"][0]["duration_s"].as_f64().unwrap() * 48_000.0).round()
    };
    // 5 s are within the default limit and become silence.
    place.ok(&["transcode", "a.webm", "-o", "a.wav"]);
    // WebM times are rounded to a millisecond.
    let expected = 48_000.0 + 240_000.0;
    assert!((samples("a.wav") - expected).abs() <= 48.0, "{}", samples("a.wav"));
    place.fails(4, "gap of", &["transcode", "a.webm", "-o", "b.wav", "--limits", "gap=4.5"]);
    place.ok(&["transcode", "a.webm", "-o", "c.wav", "--limits", "gap=5.5s"]);
    assert!((samples("c.wav") - expected).abs() <= 48.0, "{}", samples("c.wav"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_filling_of_a_gap() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    if depth::skips_long() {
        return;
    }
    use std::time::{Duration, Instant};

    use super::interrupts::{interrupt, wait_for};

    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    make(&place, "a.m4a", "-c:a aac");
    let mut bytes = place.read("a.m4a");
    // 11 hours, which would take far longer to encode than the test may run.
    spread_mp4(&mut bytes, 0x7FFF_FFFF);
    fs::write(place.path("a.m4a"), bytes).unwrap();
    let run = ["transcode", "a.m4a", "-o", "a.opus", "--limits", "gap=1000000"];
    let mut child = place.command(&run).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    wait_for(&mut lines, "->");
    // Silence is being written.
    let written = || -> u64 {
        let others = place.names().into_iter().filter(|name| name != "a.m4a");
        others
            .filter_map(|name| fs::metadata(place.path(&name)).ok())
            .map(|found| found.len())
            .sum()
    };
    while written() < 10_000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let begun = Instant::now();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(place.has("a.opus.codec.part"));
}
