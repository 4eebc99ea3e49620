//! Interrupts with Ctrl-C.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use super::{Place, depth};

pub(crate) fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn an_interrupt_during_trials_says_that_nothing_was_written() {
    let place = Place::new();
    // Almost endless black frames: a sparse file of zeros.
    let (frames, bytes) = (2000, 1920 * 1080 * 3 / 2);
    std::fs::File::create(place.path("a.yuv")).unwrap().set_len(frames * bytes).unwrap();
    let raw = ["encode", "a.yuv", "--raw", "1920x1080@30", "-o", "a.webm", "-b", "300k"];
    let rest = interrupted(&place, &raw, "\"trial\":1,");
    assert!(rest.iter().any(|line| line.contains("nothing was written")), "{rest:?}");
    assert!(!rest.iter().any(|line| line.contains("the file")), "{rest:?}");
    // No encoding starts after the interrupt.
    assert!(!rest.iter().any(|line| line.contains("\"trial\":null")), "{rest:?}");
    assert_eq!(place.names(), ["a.yuv"]);
}

/// Runs a command, interrupts it when a line of its progress has `word`, and returns the lines after it.
pub(crate) fn interrupted(place: &Place, arguments: &[&str], word: &str) -> Vec<String> {
    let mut run = place
        .command(&[arguments, &["--progress", "json"]].concat())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    wait_for(&mut lines, word);
    interrupt(&run);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(run.wait().unwrap().code(), Some(130), "{rest:?}");
    rest
}

/// Reads lines of a run's standard error until one has `word`.
pub(crate) fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, word: &str) {
    let found = lines.by_ref().any(|line| line.unwrap().contains(word));
    assert!(found, "no {word:?} came");
}

#[test]
fn the_first_interrupt_finishes_the_file() {
    let place = Place::new();
    let mut source = place
        .command(&["generate", "talking-head", "-n", "1000000", "--size", "64x48", "--quiet"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let encode = ["encode", "-", "-o", "a.webm", "--preset", "rtc", "--report", "a.json"];
    let mut encoder = place
        .command(&[&encode[..], &["--progress", "json"]].concat())
        .stdin(source.stdout.take().unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(encoder.stderr.take().unwrap()).lines();
    wait_for(&mut lines, "\"progress\"");
    interrupt(&encoder);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(encoder.wait().unwrap().code(), Some(130), "{rest:?}");
    source.wait().unwrap();
    assert!(rest.iter().any(|line| line.contains("\"summary\"")), "{rest:?}");
    assert_eq!(place.names(), ["a.json", "a.webm"]);
    let probe = place.json(&["probe", "a.webm", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&place.read("a.json")).unwrap();
    assert_eq!(report["frames"].as_array().unwrap().len() as u64, probe["tracks"][0]["packets"]);
    assert!(probe["tracks"][0]["packets"].as_u64() > Some(0));
    place.ok(&["decode", "a.webm", "--null"]);
}

#[test]
fn an_interrupted_file_is_not_taken_for_a_complete_one() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let (frames, bytes) = (10_000, 1280 * 720 * 3 / 2);
    std::fs::File::create(place.path("a.yuv")).unwrap().set_len(frames * bytes).unwrap();
    let raw = ["a.yuv", "--raw", "1280x720@30"];
    let runs =
        [("a.webm", &["transcode", "--preset", "rtc"][..]), ("a.y4m", &["decode", "--fps", "30"])];
    for (output, run) in runs {
        let arguments = [run, &raw, &["-o", output]].concat();
        let rest = interrupted(&place, &arguments, "progress\"");
        let kept = format!("interrupted: the incomplete result is in {output}.codec.part");
        assert!(rest.iter().any(|line| line.contains(&kept)), "{rest:?}");
    }
    assert_eq!(place.names(), ["a.webm.codec.part", "a.y4m.codec.part", "a.yuv"]);
    assert!(place.json(&["probe", "a.webm.codec.part", "--json"])["tracks"][0]["packets"] != 0);
    let batch = ["--out-dir", ".", "--suffix", ".webm", "-n", "2"];
    let run = place.ok(&[&["transcode"], &raw[..], &batch].concat());
    assert!(run.err.contains("1 file written"), "{}", run.err);
    assert_eq!(place.names(), ["a.webm", "a.y4m.codec.part", "a.yuv"]);
}

#[cfg(unix)]
#[test]
fn the_part_before_a_full_disk_is_kept() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "320x180", 30);
    let codec = env!("CARGO_BIN_EXE_codec");
    for run in [
        "transcode clip.y4m -o a.ivf --preset rtc --qp 4",
        "transcode clip.y4m -o a.webm --preset rtc --qp 4",
        "decode clip.y4m -o a.y4m",
    ] {
        let output = run.split(' ').nth(3).unwrap();
        // Without the signal, a write beyond the limit of 102,400 bytes is an error, as on a full disk.
        let limited = format!("trap '' XFSZ; ulimit -f 200; exec {codec} {run}");
        let mut shell = Command::new("sh");
        let ended = shell.args(["-c", &limited]).current_dir(place.path(".")).output().unwrap();
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(5), "{err}");
        let kept = format!("the incomplete result is in {output}.codec.part");
        assert!(err.contains(&kept), "{err}");
        let decoded = place.run(&["decode", &format!("{output}.codec.part"), "--null"]);
        assert!([0, 4].contains(&decoded.code), "{}", decoded.err);
        assert!(!place.has(output));
    }
    assert!(!place.names().iter().any(|name| name.starts_with('.')), "{:?}", place.names());
}

#[test]
fn a_silent_pipe_ends_at_the_first_interrupt() {
    for (verb, output) in [("encode", "a.ivf"), ("decode", "a.yuv")] {
        let place = Place::new();
        let clip = place.ok(&["generate", "static-slide", "-n", "2", "--size", "32x32"]).out;
        let mut run = place
            .command(&[verb, "-", "-o", output, "--progress", "json"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The input stays open, in the middle of a frame.
        let mut stdin = run.stdin.take().unwrap();
        stdin.write_all(&clip[..clip.len() - 100]).unwrap();
        let unfinished = || place.names().iter().any(|name| name.ends_with(".part"));
        while !unfinished() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        interrupt(&run);
        let output = run.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(130), "{verb}: {err}");
        assert!(!err.contains("again to abort\ncodec"), "{err}");
        assert!(!unfinished(), "{:?}", place.names());
        drop(stdin);
    }
}

#[test]
fn commands_without_output_files_end_immediately() {
    let place = Place::new();
    // Hours of work.
    let length = 1920 * 1080 * 3 / 2 * 20_000_u64;
    std::fs::File::create(place.path("a.yuv")).unwrap().set_len(length).unwrap();
    let arguments = ["metrics", "a.yuv", "a.yuv", "--raw", "1920x1080@30", "--progress", "json"];
    let mut run = place.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    wait_for(&mut lines, "\"progress\"");
    interrupt(&run);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    wait_for(&mut lines, "nothing was written");
}

#[test]
fn the_second_interrupt_aborts_and_leaves_nothing() {
    let place = Place::with_clip("texture-pan", "640x360", 2);
    let run = ["encode", "clip.y4m", "-o", "-", "-f", "ivf", "--qp", "0", "--preset", "rtc"];
    let mut encoder = place
        .command(&[&run[..], &["--report", "a.json"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(encoder.stderr.take().unwrap()).lines();
    // The output is not read: the first frame does not fit the pipe's buffer.
    let mut stdout = encoder.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 100]).unwrap();
    interrupt(&encoder);
    wait_for(&mut lines, "again to abort");
    interrupt(&encoder);
    assert_eq!(encoder.wait().unwrap().code(), Some(130));
    drop(stdout);
    assert_eq!(place.names(), ["clip.y4m"]);
}

#[test]
fn incomplete_files_with_long_names_are_kept() {
    let place = Place::with_clip("talking-head", "64x48", 10);
    let clip = place.read("clip.y4m");
    std::fs::write(place.path("cut.y4m"), &clip[..clip.len() - 100]).unwrap();
    for length in [240, 250] {
        let output = format!("{}.webm", "n".repeat(length));
        let run =
            place.fails(4, "the incomplete result is in n", &["encode", "cut.y4m", "-o", &output]);
        let names = place.names();
        let part = names.iter().find(|name| name.ends_with(".codec.part")).unwrap();
        assert!(run.err.contains(part.as_str()) && part.len() == 255, "{part}: {}", run.err);
        place.ok(&["decode", part, "--null"]);
        place.ok(&["encode", "clip.y4m", "-o", &output]);
        assert_eq!(place.names().len(), names.len(), "the complete file replaces {part}");
        std::fs::remove_file(place.path(&output)).unwrap();
    }
}
