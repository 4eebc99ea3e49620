//! `--out-dir`: several files in one run, skipped files, failures, interrupts.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::Place;

/// The command for all clips.
const ALL: [&str; 8] =
    ["transcode", "a.y4m", "b.y4m", "c.y4m", "--out-dir", "out", "--preset", "rtc"];

/// Three clips of different lengths.
fn clips() -> Place {
    let place = Place::new();
    for (name, frames) in [("a", "3"), ("b", "5"), ("c", "4")] {
        let output = format!("{name}.y4m");
        place.ok(&["generate", "clapper", "-o", &output, "--size", "64x48", "-n", frames]);
    }
    place
}

/// The names in the folder `out`.
fn outputs(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.path("out")).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn outputs_are_those_of_single_runs_for_any_number_of_threads() {
    let place = clips();
    for threads in ["1", "2", "8"] {
        let run = place.ok(&[&ALL[..], &["-y", "-j", threads]].concat());
        assert!(run.err.contains("3 files written, in"), "{}", run.err);
        assert_eq!(outputs(&place), ["a.webm", "b.webm", "c.webm"]);
        for name in ["a", "b", "c"] {
            let (input, single) = (format!("{name}.y4m"), format!("{name}.webm"));
            place.ok(&["transcode", &input, "-o", &single, "--preset", "rtc", "-y"]);
            assert_eq!(place.read(&single), place.read(&format!("out/{single}")), "{name}");
        }
    }
}

#[test]
fn existing_outputs_are_skipped_unless_they_are_older_than_their_inputs() {
    let place = clips();
    place.ok(&ALL);
    let before = place.read("out/a.webm");
    fs::write(place.path("out/a.webm"), "mine").unwrap();
    fs::remove_file(place.path("out/b.webm")).unwrap();
    let run = place.ok(&ALL);
    assert!(run.err.contains("1 file written, 2 existed already, in"), "{}", run.err);
    assert_eq!(place.read("out/a.webm"), b"mine");

    let later = SystemTime::now() + Duration::from_secs(60);
    File::options().append(true).open(place.path("a.y4m")).unwrap().set_modified(later).unwrap();
    let run = place.fails(2, "a.webm exists, and is older than a.y4m", &ALL);
    assert!(run.err.contains("0 files written, 2 existed already, 1 failed"), "{}", run.err);
    place.ok(&[&ALL[..], &["-y"]].concat());
    assert_eq!(place.read("out/a.webm"), before);
}

#[test]
fn a_failure_ends_no_other_file_and_is_listed_last() {
    let place = clips();
    fs::write(place.path("b.y4m"), "YUV4MPEG2 W64 H48 F30:1\nFRAME\nshort").unwrap();
    place.ok(&["encode", "a.y4m", "-o", "whole.ivf", "--preset", "rtc", "--qp", "20"]);
    let whole = place.read("whole.ivf");
    fs::write(place.path("cut.ivf"), &whole[..whole.len() - 10]).unwrap();
    let run = place.run(&[&ALL[..], &["none.y4m", "cut.ivf"]].concat());
    assert_eq!(run.code, 4, "{}", run.err);
    let (last, before) = run.err.split_once("codec: error: ").map(|(a, b)| (b, a)).unwrap();
    assert!(before.contains("2 files written, 3 failed, in"), "{}", run.err);
    assert!(last.starts_with("3 of 5 files failed\n  b.y4m: "), "{last}");
    assert!(last.contains("\n  cannot open none.y4m: "), "{last}");
    assert!(last.contains("\n  cut.ivf: "), "{last}");
    // The part before the damage does not have the name of a complete output.
    assert!(last.contains("\n  the incomplete result is in out/cut.webm.codec.part"), "{last}");
    assert_eq!(outputs(&place), ["a.webm", "c.webm", "cut.webm.codec.part"]);
    place.ok(&["decode", "out/cut.webm.codec.part", "--null"]);

    // A complete input replaces the incomplete result, and no file of another program.
    fs::write(place.path("out/cut.webm.part"), "a download").unwrap();
    fs::write(place.path("cut.ivf"), whole).unwrap();
    place.ok(&["transcode", "a.y4m", "cut.ivf", "--out-dir", "out", "--preset", "rtc"]);
    assert_eq!(outputs(&place), ["a.webm", "c.webm", "cut.webm", "cut.webm.part"]);
    assert_eq!(place.read("out/cut.webm.part"), b"a download");
}

#[test]
fn suffixes_and_formats_name_the_outputs() {
    let place = clips();
    let to = |options: &[&str]| place.ok(&[&["transcode", "a.y4m", "b.y4m"], options].concat());
    to(&["--out-dir", "x/y", "-f", "mkv"]);
    assert!(place.has("x/y/a.mkv") && place.has("x/y/b.mkv"));
    to(&["--out-dir", ".", "--suffix", "-small.ivf", "--resize", "32x24"]);
    assert!(place.has("a-small.ivf") && place.has("b-small.ivf"));
    // Raw video and stills.
    to(&["--out-dir", "x", "--suffix", ".yuv"]);
    assert_eq!(place.read("x/a.yuv").len(), 3 * 64 * 48 * 3 / 2);
    place.ok(&["transcode", "a.y4m", "b.y4m", "-n", "1", "--out-dir", "x", "--suffix", ".png"]);
    assert!(place.read("x/b.png").starts_with(b"\x89PNG"));
    // A single file, and copies, which use no threads.
    place.ok(&["transcode", "a-small.ivf", "--copy", "--out-dir", "x", "--suffix", ".mkv"]);
    assert!(place.has("x/a-small.mkv"));
}

#[test]
fn wrong_names_are_refused_before_any_work() {
    let place = clips();
    place.ok(&["transcode", "a.y4m", "-o", "a.ivf"]);
    let refused = |word: &str, arguments: &[&str]| {
        place.fails(2, word, &[&["transcode"], arguments].concat());
    };
    refused("a.y4m and a.ivf have the same output", &["a.y4m", "a.ivf", "--out-dir", "out"]);
    let same = ["a.y4m", "b.y4m", "--out-dir", ".", "--suffix", ".y4m"];
    refused("is the same file as the input", &same);
    refused("standard input cannot be one of several inputs", &["-", "--out-dir", "out"]);
    refused("is a folder", &["a.y4m", ".", "--out-dir", "out"]);
    let bare = ["a.y4m", "b.y4m", "--out-dir", "out", "--suffix", "mp4"];
    refused("the suffix mp4 has no extension\nhelp: write --suffix .mp4", &bare);
    refused("cannot be used with", &["a.y4m", "-o", "b.webm", "--out-dir", "out"]);
    refused("cannot be used with", &["a.y4m", "--out-dir", "out", "--report", "a.csv"]);
    let forgotten = ["a.y4m", "b.y4m", "-o", "c.webm"];
    refused("unexpected argument 'b.y4m'", &forgotten);
    refused("--out-dir", &forgotten);
    refused("with --out-dir", &["a.y4m", "c.webm"]);
    assert!(!place.has("out"));
    // A file where the folder should be.
    place.fails(5, "cannot write b.y4m", &["transcode", "a.y4m", "--out-dir", "b.y4m"]);
}

#[test]
fn files_that_a_killed_run_left_are_removed() {
    let place = clips();
    fs::create_dir_all(place.path("out/.codec-a.webm-Abc123.chunks")).unwrap();
    // A file of the same output that another process writes, and one of another output.
    let names = [".codec-a.webm-Abc123.part", ".codec-b.webm-used.part", ".codec-d.webm-x.part"];
    for name in names {
        fs::write(place.path(&format!("out/{name}")), "half").unwrap();
    }
    let used = File::open(place.path("out/.codec-b.webm-used.part")).unwrap();
    used.try_lock().unwrap();
    place.ok(&ALL);
    let kept = [".codec-b.webm-used.part", ".codec-d.webm-x.part", "a.webm", "b.webm", "c.webm"];
    assert_eq!(outputs(&place), kept);
    drop(used);
    place.ok(&["transcode", "b.y4m", "-o", "out/b.webm", "--preset", "rtc", "-y"]);
    assert_eq!(outputs(&place), kept[1..]);
}

#[test]
fn records_tell_the_outcome_of_each_file() {
    let place = clips();
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("out/c.webm"), "mine").unwrap();
    let run = place.run(&[&ALL[..], &["none.y4m", "--progress", "json", "-j", "1"]].concat());
    assert_eq!(run.code, 3, "{}", run.err);
    let lines: Vec<Value> =
        run.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let files: Vec<_> = lines.iter().filter(|line| line["type"] == "file").collect();
    let outcomes: Vec<_> = files.iter().map(|file| file["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["written", "written", "skipped", "failed"]);
    assert_eq!(files[1]["output"], "out/b.webm");
    assert_eq!(files[1]["summary"]["frames"], 5, "{}", files[1]);
    assert!(files[3]["message"].as_str().unwrap().contains("none.y4m"));
    assert!(files[3].get("summary").is_none_or(Value::is_null), "{}", files[3]);
    let summary = lines.iter().find(|line| line["type"] == "summary").unwrap();
    let counts = ["files", "written", "skipped", "failed", "exit_code"].map(|key| &summary[key]);
    assert_eq!(counts.map(|count| count.as_u64().unwrap()), [4, 2, 1, 1, 3]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_batch_continues_later() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    use super::interrupts::{interrupt, wait_for};

    let place = Place::new();
    // Almost endless black frames: a sparse file of zeros.
    let bytes = 1280 * 720 * 3 / 2;
    let black = |name: &str, frames: u64| {
        File::create(place.path(name)).unwrap().set_len(frames * bytes).unwrap();
    };
    black("a.yuv", 3);
    black("b.yuv", 10_000);
    black("c.yuv", 2);
    let files = ["transcode", "a.yuv", "b.yuv", "c.yuv", "--out-dir", "out", "--preset", "rtc"];
    let raw = ["--raw", "1280x720@30", "-j", "1", "--progress", "json"];
    let arguments = [&files[..], &raw].concat();
    let mut run = place.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    wait_for(&mut lines, "\"outcome\":\"written\"");
    // Until its file is there, an interrupt comes before its first frame.
    while !outputs(&place).iter().any(|name| name.starts_with(".codec-")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    interrupt(&run);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(run.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("2 files left")), "{rest:?}");
    // The interrupted file is not counted as done.
    assert!(!rest.iter().any(|line| line.contains("2 of 3 files done")), "{rest:?}");
    let names = outputs(&place);
    let kept = "the incomplete result is in out/b.webm.codec.part";
    let is_named = rest.iter().any(|line| line.contains(kept));
    assert_eq!(is_named, names.len() > 1, "{names:?}: {rest:?}");
    assert!(names == ["a.webm", "b.webm.codec.part"] || names == ["a.webm"], "{names:?}");

    // A shorter clip, so that the rest does not take minutes.
    black("b.yuv", 4);
    let run = place.ok(&arguments);
    assert!(run.err.contains("\"written\":2,\"skipped\":1"), "{}", run.err);
    assert_eq!(outputs(&place), ["a.webm", "b.webm", "c.webm"]);
}
