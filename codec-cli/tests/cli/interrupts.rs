//! Ctrl-C.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::Place;

pub(crate) fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn an_interrupt_during_trials_says_that_nothing_was_written() {
    let place = Place::new();
    // Black frames without end, nearly: a file of zeros that takes no room.
    let (frames, bytes) = (2000, 1920 * 1080 * 3 / 2);
    std::fs::File::create(place.path("a.yuv")).unwrap().set_len(frames * bytes).unwrap();
    let raw = ["encode", "a.yuv", "--raw", "1920x1080@30", "-o", "a.webm", "-b", "300k"];
    let mut encoder = place
        .command(&[&raw[..], &["--progress", "json"]].concat())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(encoder.stderr.take().unwrap()).lines();
    wait_for(&mut lines, "\"trial\":1,");
    interrupt(&encoder);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(encoder.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("nothing was written")), "{rest:?}");
    assert!(!rest.iter().any(|line| line.contains("the file")), "{rest:?}");
    // No coding begins after the interrupt.
    assert!(!rest.iter().any(|line| line.contains("\"trial\":null")), "{rest:?}");
    assert_eq!(place.names(), ["a.yuv"]);
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
fn the_second_interrupt_aborts_and_leaves_nothing() {
    let place = Place::new();
    let clip = place.ok(&["generate", "static-slide", "-n", "2", "--size", "32x32"]).out;
    let mut encoder = place
        .command(&["encode", "-", "-o", "a.ivf", "--preset", "rtc"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(encoder.stderr.take().unwrap()).lines();
    // The input stays open: the encoder waits for more.
    let mut stdin = encoder.stdin.take().unwrap();
    stdin.write_all(&clip).unwrap();
    wait_for(&mut lines, "vp8/native");
    interrupt(&encoder);
    wait_for(&mut lines, "once more aborts");
    interrupt(&encoder);
    assert_eq!(encoder.wait().unwrap().code(), Some(130));
    drop(stdin);
    assert!(place.names().is_empty(), "{:?}", place.names());
}
