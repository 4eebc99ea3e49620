//! Location of clips and conformance streams.

use std::fmt::Display;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use codec_container::{CodedPacket, ReadOptions, Source, open_packets};

/// Returns the folder of test data: `CODEC_TEST_DATA`, else `../shared/data` next to the
/// repository. `None` if it does not exist; the message about the skip has then been printed and
/// the caller should return.
///
/// # Panics
/// If `CODEC_TEST_DATA` is set but is not a folder, because a skip is then a failure.
#[must_use]
pub fn dir(what_is_skipped: &str) -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("CODEC_TEST_DATA") {
        let dir = PathBuf::from(dir);
        assert!(dir.is_dir(), "CODEC_TEST_DATA is {}, which is not a folder", dir.display());
        return Some(dir);
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("skipped, no test data: {what_is_skipped}");
    None
}

/// Whether a skip is a failure, because test data was requested explicitly.
#[must_use]
pub fn is_required() -> bool {
    std::env::var_os("CODEC_TEST_DATA").is_some()
}

/// The files of `dir` whose names end in `suffix`, sorted.
///
/// # Panics
/// If the folder cannot be read or has no such files.
#[must_use]
pub fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no *{suffix} in {}", dir.display());
    files
}

/// The packets of a file with one track.
///
/// # Panics
/// If the file cannot be read.
#[must_use]
pub fn packets(file: &Path) -> Vec<Vec<u8>> {
    let fail = |error: &dyn Display| -> ! { panic!("{}: {error}", file.display()) };
    let source = Source::seekable(File::open(file).unwrap_or_else(|e| fail(&e)));
    let mut reader = open_packets(source, &ReadOptions::default()).unwrap_or_else(|e| fail(&e));
    let mut packet = CodedPacket::default();
    let mut packets = Vec::new();
    while reader.read(&mut packet).unwrap_or_else(|e| fail(&e)) {
        packets.push(packet.data.clone());
    }
    packets
}

/// Splits an IVF file into its frames, for tests that need packets without a container. Stops at
/// the first incomplete frame.
#[must_use]
pub fn ivf_frames(file: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut rest = file.get(32..).unwrap_or_default();
    while let Some((head, tail)) = rest.split_at_checked(12) {
        let size = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some((frame, tail)) = tail.split_at_checked(size) else { break };
        frames.push(frame);
        rest = tail;
    }
    frames
}
