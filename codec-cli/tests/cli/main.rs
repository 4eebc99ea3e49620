//! Tests of the `codec` command from the user's view: files, pipes, messages and exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests: a panic is the report"
)]

mod add_audio;
mod animations;
mod audio;
mod audio_counts;
mod audio_from;
mod audio_gaps;
mod audio_processing;
mod audio_tracks;
mod batch;
mod bench;
#[path = "../../../tests/src/browsers.rs"]
#[expect(unreachable_pub, dead_code, reason = "shared with the tests of other crates")]
mod browsers;
#[cfg(feature = "net")]
mod capture;
mod chunk_inputs;
mod chunks;
#[cfg(all(feature = "cluster", unix))]
mod cluster;
mod compare;
mod compare_against;
mod compare_audio;
mod compare_page;
mod compare_partial;
mod compare_points;
mod compare_sizes;
mod compare_times;
mod copying;
mod cuts;
mod decoding;
#[path = "../../../tests/src/depth.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of the libraries")]
mod depth;
mod display_properties;
mod dropped_tracks;
#[cfg(feature = "net")]
mod e2ee;
mod edits;
mod encoding;
mod formats;
mod fragmented;
mod goals;
#[cfg(all(feature = "serve", feature = "h264", unix))]
mod h264_live;
#[cfg(feature = "http")]
mod http;
mod image_sequences;
mod inspect;
mod interlaced;
mod interrupts;
mod joined_audio;
mod joined_parts;
#[cfg(feature = "net")]
mod live_parts;
mod malformed;
mod metadata;
mod metrics;
#[path = "../../../tests/src/mutate.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of the libraries")]
mod mutate;
mod mutated;
#[cfg(feature = "net")]
mod net;
#[cfg(feature = "net")]
mod packet_loss;
mod purposes;
mod ray;
mod regions;
mod rejections;
#[path = "../../../tests/src/rng.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of the libraries")]
mod rng;
#[cfg(all(feature = "serve", unix))]
mod room_viewer;
mod samples;
#[cfg(feature = "serve")]
mod serve;
mod simulate;
#[cfg(all(feature = "serve", unix))]
mod simulcast;
mod speakers;
mod stills;
#[cfg(feature = "net")]
mod sync;
mod tables;
mod transcoded;
mod transport_stream;
mod trimming;
mod ts_output;
mod tune;
mod video_denoise;
mod warnings;
#[cfg(all(feature = "serve", unix))]
mod whip;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A temporary folder in which the command runs.
struct Place {
    dir: TempDir,
}

/// The result of a run.
struct Run {
    code: i32,
    out: Vec<u8>,
    err: String,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Creates a place with a clip `clip.y4m`.
    fn with_clip(scene: &str, size: &str, frames: u32) -> Self {
        let place = Self::new();
        let frames = frames.to_string();
        place.ok(&["generate", scene, "-o", "clip.y4m", "--size", size, "-n", &frames]);
        place
    }

    /// Creates a place with `both.ivf`: three VP8 frames of 64x48, then two of 48x32.
    fn with_size_change() -> Self {
        let place = Self::with_clip("talking-head", "64x48", 3);
        place.ok(&["generate", "talking-head", "-o", "small.y4m", "--size", "48x32", "-n", "2"]);
        for name in ["clip", "small"] {
            let (input, output) = (format!("{name}.y4m"), format!("{name}.ivf"));
            place.ok(&["encode", &input, "-o", &output, "--preset", "rtc"]);
        }
        let both = joined(place.read("clip.ivf"), &place.read("small.ivf"));
        fs::write(place.path("both.ivf"), both).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Names of all files, including hidden ones.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codec"));
        command.args(arguments).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap(), arguments)
    }

    /// Runs with bytes on standard input.
    fn feed(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        Run::of(output, arguments)
    }

    /// Runs, and expects success.
    fn ok(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        run
    }

    /// Runs, and expects the exit code `code` and `word` on standard error.
    fn fails(&self, code: i32, word: &str, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}", run.err);
        assert!(run.err.contains(word), "{arguments:?}: no {word:?} in: {}", run.err);
        run
    }

    /// Returns the standard output of ffmpeg, which must succeed.
    fn ffmpeg(&self, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin"]).args(arguments).current_dir(self.dir.path());
        let output = command.output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ffmpeg {arguments:?}: {err}");
        output.stdout
    }

    /// Runs, and returns the JSON on standard output.
    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let run = self.ok(arguments);
        serde_json::from_slice(&run.out).unwrap_or_else(|e| panic!("{arguments:?}: {e}"))
    }
}

impl Run {
    fn of(output: Output, arguments: &[&str]) -> Self {
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        let code = code.unwrap_or_else(|| panic!("{arguments:?} was killed: {err}"));
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
        assert!(code != 101 && code != 1, "{arguments:?}: a bug: {err}");
        Self { code, out: output.stdout, err }
    }

    fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }
}

/// Appends the packets of an IVF file to one of three frames; timestamps continue.
fn joined(first: Vec<u8>, second: &[u8]) -> Vec<u8> {
    let mut both = first;
    let (mut at, mut pts) = (32, 3_u64);
    while at < second.len() {
        let len = u32::from_le_bytes(second[at..at + 4].try_into().unwrap());
        both.extend_from_slice(&len.to_le_bytes());
        both.extend_from_slice(&pts.to_le_bytes());
        both.extend_from_slice(&second[at + 12..at + 12 + len as usize]);
        at += 12 + len as usize;
        pts += 1;
    }
    both
}

/// The frames of a y4m file without its headers.
fn y4m_frames(bytes: &[u8]) -> Vec<&[u8]> {
    let line = |from: usize| from + bytes[from..].iter().position(|&b| b == b'\n').unwrap() + 1;
    let header = std::str::from_utf8(&bytes[..line(0)]).unwrap();
    let side = |tag: char| -> usize {
        let token = header.split_whitespace().find(|token| token.starts_with(tag)).unwrap();
        token[1..].parse().unwrap()
    };
    let (width, height) = (side('W'), side('H'));
    let size = width * height + 2 * width.div_ceil(2) * height.div_ceil(2);
    let mut frames = Vec::new();
    let mut at = line(0);
    while at < bytes.len() {
        at = line(at);
        frames.push(&bytes[at..at + size]);
        at += size;
    }
    frames
}

/// The damaged files of the test data, if available.
fn damaged_files() -> Option<Vec<String>> {
    let entries = fs::read_dir(data("malformed")?).unwrap();
    let mut files: Vec<String> =
        entries.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    files.retain(|file| !file.ends_with(".res") && !file.ends_with(".md5"));
    files.sort();
    assert!(files.len() > 50, "only {} files", files.len());
    Some(files)
}

/// Runs checks that mostly wait, all at once.
#[cfg(feature = "net")]
fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let check = &check;
            scope.spawn(move || check(case));
        }
    });
}

/// Whether ffmpeg is installed; prints a message if not.
fn has_ffmpeg() -> bool {
    let found = Command::new("ffmpeg").arg("-version").output().is_ok();
    if !found {
        eprintln!("skipped: no ffmpeg");
    }
    found
}

/// The folder of shared test data, if available.
fn data(kind: &str) -> Option<PathBuf> {
    let dir = match std::env::var_os("CODEC_TEST_DATA") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    let dir = dir.join(kind);
    if !dir.is_dir() {
        eprintln!("skipped, no test data in {}", dir.display());
        return None;
    }
    Some(dir)
}
