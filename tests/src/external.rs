//! External programs to compare with.

use std::path::Path;
use std::process::{Command, Stdio};

/// Returns whether `program` is installed; otherwise prints the skipped test.
///
/// # Panics
/// If it is not installed and `CODEC_TEST_DATA` is set, because a skip is then a failure.
#[must_use]
pub fn have(program: &str, what_is_skipped: &str) -> bool {
    let quiet = |argument: &str| {
        Command::new(program)
            .arg(argument)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    };
    if quiet("--help") {
        return true;
    }
    assert!(!crate::data::is_required(), "{program} is not installed: {what_is_skipped}");
    eprintln!("skipped, no {program}: {what_is_skipped}");
    false
}

/// Whether programs that are not part of a distribution must be available: `.ci/run` installs them
/// and sets `CODEC_COUNTERPARTS`. A skip is then a failure.
#[must_use]
pub fn all_are_required() -> bool {
    std::env::var_os("CODEC_COUNTERPARTS").is_some()
}

/// Runs `program` and returns its standard output.
///
/// # Panics
/// If it cannot be started or fails; the message contains its standard error.
#[must_use]
pub fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Decodes a VP8 file with ffmpeg's native decoder to consecutive I420 frames.
#[must_use]
pub fn ffmpeg_i420(file: &Path) -> Vec<u8> {
    let path = file.to_string_lossy();
    run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-threads",
            "1",
            "-i",
            &path,
            "-fps_mode",
            "passthrough",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "yuv420p",
            "-",
        ],
    )
}

/// Decodes a VP8 or VP9 file with libvpx to consecutive I420 frames.
#[must_use]
pub fn vpxdec_i420(file: &Path) -> Vec<u8> {
    let path = file.to_string_lossy();
    run("vpxdec", &["--i420", "-o", "-", &path])
}
