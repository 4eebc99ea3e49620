//! Other people's programs, to agree with.

use std::path::Path;
use std::process::{Command, Stdio};

/// Whether `program` is installed; if not, says what is skipped.
///
/// # Panics
/// If it is not, and `CODEC_TEST_DATA` is set: there a skip is a failure.
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

/// Whether programs that no distribution brings by itself are to be there: `.ci/run` installs them and
/// sets `CODEC_COUNTERPARTS`. There a skip is a failure.
#[must_use]
pub fn all_are_required() -> bool {
    std::env::var_os("CODEC_COUNTERPARTS").is_some()
}

/// Runs `program` to its end and gives its standard output.
///
/// # Panics
/// If it cannot be started or fails; its standard error is shown.
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

/// The frames that ffmpeg's native decoder makes of a VP8 file, as I420 bytes one after another.
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

/// The frames that libvpx makes of a VP8 file, as I420 bytes one after another.
#[must_use]
pub fn vpxdec_i420(file: &Path) -> Vec<u8> {
    let path = file.to_string_lossy();
    run("vpxdec", &["--codec=vp8", "--i420", "-o", "-", &path])
}
