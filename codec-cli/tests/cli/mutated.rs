//! Runs the command on mutated files of every format: it ends with a documented exit code, within
//! limits of time, memory and output. `CHECK_ROUNDS=N` runs N times as many seeds, `CHECK_SEED=N`
//! repeats one.

#![cfg(unix)]

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::audio_gaps::seal_page;
use super::rng::{self, Rng};
use super::{Place, Run, data, depth, has_ffmpeg, mutate};

/// Limits of a run: address space in KiB, and output in bytes.
const MEMORY_KIB: u64 = 4 << 20;
const MOST_OUTPUT: u64 = 64 << 20;
/// Far above the time that any run needs, so that a busy machine does not fail the test.
const LONGEST: Duration = Duration::from_secs(60);

/// Half a second of video and audio from ffmpeg: names and options.
const BY_FFMPEG: &[(&str, &str)] = &[
    ("aac.m4a", "-map 1 -c:a aac"),
    ("alac.m4a", "-map 1 -c:a alac"),
    ("frag.mp4", "-map 1 -c:a aac -movflags frag_keyframe+empty_moov -frag_duration 100000"),
    ("av.mp4", "-map 0 -map 1 -c:v libx264 -c:a aac"),
    ("av.ts", "-map 0 -map 1 -c:v libx264 -c:a aac"),
    ("opus.m2ts", "-map 0 -map 1 -c:v libx264 -c:a libopus -mpegts_m2ts_mode 1"),
    ("mp3.ts", "-map 1 -c:a libmp3lame"),
    ("hevc.mp4", "-map 0 -map 1 -c:v mpeg4 -c:a aac"),
    ("pcm.mov", "-map 1 -c:a pcm_s16be"),
    ("mp3.mp3", "-map 1 -c:a libmp3lame"),
    ("adts.aac", "-map 1 -c:a aac"),
    ("opus.ogg", "-map 1 -c:a libopus -page_duration 50000"),
    ("vorbis.ogg", "-map 1 -c:a libvorbis"),
    ("flac.ogg", "-map 1 -c:a flac -page_duration 50000"),
    ("flac.flac", "-map 1 -c:a flac"),
    ("vorbis.webm", "-map 1 -c:a libvorbis -cluster_time_limit 100"),
    ("av.webm", "-map 0 -map 1 -c:v libvpx -c:a libopus -cluster_time_limit 100"),
    ("flac.mkv", "-map 1 -c:a flac"),
    ("mp3.mkv", "-map 1 -c:a libmp3lame"),
    ("mulaw.wav", "-map 1 -c:a pcm_mulaw"),
    ("float.wav", "-map 1 -c:a pcm_f32le"),
];

/// The same from the command itself.
const BY_US: &[&str] =
    &["ours.webm", "ours.mp4", "ours.ts", "ours.ivf", "ours.opus", "ours.flac", "ours.wav"];

/// Byte sequences that precede lengths, times and counts in the formats.
const MARKS: &[&[u8]] = &[
    b"stts",
    b"ctts",
    b"elst",
    b"mdhd",
    b"mvhd",
    b"tkhd",
    b"stsz",
    b"stsc",
    b"stco",
    b"trun",
    b"tfdt",
    b"tfhd",
    b"trex",
    b"esds",
    b"mp4a",
    b"alac",
    b"OpusHead",
    b"vorbis",
    b"fLaC",
    b"OggS",
    b"RIFF",
    b"fmt ",
    b"data",
    b"Xing",
    b"Info",
    b"DKIF",
    b"\xE7",
    b"\x9B",
    b"\x2A\xD7\xB1",
    b"\x44\x89",
    b"\x56\xAA",
    b"\x75\xA2",
    b"\x23\xE3\x83",
    b"\xB5",
    b"\xA3",
    b"\x1F\x43\xB6\x75",
    b"\xFF\xFB",
    b"\xFF\xF1",
];

struct Seed {
    name: String,
    bytes: Vec<u8>,
}

fn seeds(place: &Place) -> Vec<Seed> {
    let mut names: Vec<String> = Vec::new();
    place.ok(&["generate", "talking-head", "-o", "clip.y4m", "--size", "64x48", "-n", "8"]);
    if has_ffmpeg() {
        let inputs = "-f lavfi -i testsrc=size=64x48:rate=10:duration=0.5 \
                      -f lavfi -i sine=frequency=440:sample_rate=48000:duration=0.5";
        for (name, options) in BY_FFMPEG {
            let all = inputs.split_whitespace().chain(options.split(' '));
            place.ffmpeg(&all.chain(["-y", name]).collect::<Vec<_>>());
            names.push((*name).to_owned());
        }
        for name in BY_US {
            place.ok(&["transcode", "av.webm", "-o", name]);
            names.push((*name).to_owned());
        }
    }
    names.push("clip.y4m".to_owned());
    let mut seeds: Vec<Seed> =
        names.into_iter().map(|name| Seed { bytes: place.read(&name), name }).collect();
    for folder in [data("containers"), data("malformed")].into_iter().flatten() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.metadata().is_ok_and(|found| found.is_file() && found.len() < 100_000) {
                seeds.push(Seed { name, bytes: fs::read(path).unwrap() });
            }
        }
    }
    // Directory order is unspecified, but a seed must repeat a run.
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    seeds
}

/// Overwrites numbers after these byte sequences: distant times, wrong lengths.
fn lie(bytes: &mut [u8], rng: &mut Rng) {
    let places: Vec<usize> = (0..bytes.len())
        .filter(|&at| MARKS.iter().any(|mark| bytes[at..].starts_with(mark)))
        .collect();
    for _ in 0..=rng.below(3) {
        if places.is_empty() {
            return;
        }
        let at = *rng.pick(&places) + 1 + rng.index(40);
        let len = *rng.pick(&[1, 2, 4, 4, 8]);
        let Some(number) = bytes.get_mut(at..at + len) else { continue };
        match rng.below(5) {
            0 => number.fill(0xFF),
            1 => number.fill(0),
            2 => number[0] = 0x7F,
            3 => number[len - 1] = rng.byte(),
            _ => number.fill_with(|| rng.byte()),
        }
    }
}

/// Corrects the checksums of Ogg pages, so that their contents are parsed.
fn seal_pages(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + 27).filter(|head| head.starts_with(b"OggS")) {
        let segments = usize::from(head[26]);
        let Some(table) = bytes.get(at + 27..at + 27 + segments) else { return };
        let body: usize = table.iter().map(|&len| usize::from(len)).sum();
        let end = at + 27 + segments + body;
        let Some(page) = bytes.get_mut(at..end) else { return };
        seal_page(page);
        at = end;
    }
}

/// Runs the command under limits of memory, output and time.
fn bounded(place: &Place, arguments: &[&str]) -> Run {
    let blocks = 2 * MOST_OUTPUT / 512;
    let script = format!("ulimit -v {MEMORY_KIB}; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_codec")]).args(arguments);
    command.current_dir(place.dir.path());
    let begun = Instant::now();
    let run = Run::of(command.output().unwrap(), arguments);
    assert!(begun.elapsed() < LONGEST, "{arguments:?} takes {:?}", begun.elapsed());
    run
}

#[test]
fn mutated_files_end_as_documented_within_bounds() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let seeds = seeds(&place);
    rng::for_each_seed(120, |seed, rng| {
        let Seed { name, bytes } = rng.pick(&seeds);
        let mut bytes = if rng.below(3) == 0 { bytes.clone() } else { mutate::damaged(bytes, rng) };
        if rng.below(3) > 0 {
            lie(&mut bytes, rng);
        }
        if rng.below(4) > 0 {
            seal_pages(&mut bytes);
        }
        fs::write(place.path("mutated"), &bytes).unwrap();
        let commands: [&[&str]; 7] = [
            &["probe", "mutated"],
            &["decode", "mutated", "--null"],
            &["transcode", "mutated", "-y", "-o", "out.wav"],
            &["transcode", "mutated", "-y", "-o", "out.webm", "--speed", "10"],
            &["decode", "mutated", "-y", "-o", "out.wav", "--conceal"],
            &["vad", "mutated"],
            &["metrics", "mutated", "mutated"],
        ];
        let first = rng.index(commands.len());
        for arguments in [commands[first], commands[(first + 2) % commands.len()]] {
            let run = bounded(&place, arguments);
            let what = format!("seed {seed}, {name}: {arguments:?}");
            // Exit code 2: the output cannot hold the remaining tracks of the input.
            assert!([0, 2, 3, 4].contains(&run.code), "{what}: {}: {}", run.code, run.err);
            for output in ["out.wav", "out.webm"] {
                let size = fs::metadata(place.path(output)).map_or(0, |found| found.len());
                assert!(size < MOST_OUTPUT, "{what}: {size} bytes of {output}");
                let _ = fs::remove_file(place.path(output));
            }
        }
    });
}
