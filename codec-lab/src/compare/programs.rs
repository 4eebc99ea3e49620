//! The versions of the encoder programs and the digests of their files, each determined once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::store::digest_of;
use crate::process;

/// Limit of the time to print a version.
const VERSION_LIMIT: Duration = Duration::from_secs(10);
/// Limit of the number of digests that are kept.
const MAX_KEPT: usize = 64;

/// A file as it was read: path, length, and time of its last change.
type Version = (PathBuf, u64, SystemTime);

static KEPT: Mutex<BTreeMap<Version, String>> = Mutex::new(BTreeMap::new());

/// MD5 of a program file, which is read again if it has changed; `None` if it cannot be read.
pub(super) fn digest(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    let version = (path.to_owned(), found.len(), found.modified().ok()?);
    if let Some(digest) = KEPT.lock().unwrap_or_else(PoisonError::into_inner).get(&version) {
        return Some(digest.clone());
    }
    let digest = digest_of(path).ok()?;
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(version, digest.clone());
    Some(digest)
}

/// The version that a program reports, with a digest of its file.
pub(super) fn program_version(program: &str) -> String {
    let digest = process::find_program(program).and_then(|file| digest(&file));
    let digest = digest.map_or_else(String::new, |hex| format!(" ({})", &hex[..8]));
    let argument = match Path::new(program).file_stem().and_then(|name| name.to_str()) {
        Some("ffmpeg") => "-version",
        Some("vpxenc" | "aomenc") => "--help",
        _ => "--version",
    };
    let printed = process::words(&[program.to_owned(), argument.to_owned()], VERSION_LIMIT);
    let line = printed.as_deref().unwrap_or_default().lines().map(str::trim).find(|line| {
        line.chars().any(|c| c.is_ascii_digit()) && line.chars().any(char::is_alphabetic)
    });
    // Help texts of libvpx list their encoders with versions.
    let listed = printed
        .as_deref()
        .unwrap_or_default()
        .lines()
        .map(str::trim)
        .find(|line| line.contains("WebM Project VP") || line.contains("AOMedia Project AV1"));
    let line = listed.or(line).unwrap_or_default();
    let line: String = line.chars().filter(|c| !c.is_control()).take(120).collect();
    format!("{program}: {line}{digest}")
}

/// Digests of the programs and files that the arguments of a command name, also within a shell command: the encoder
/// behind `env`, `nice` or `sh -c`.
pub(super) fn argument_digests(arguments: &[String]) -> String {
    let separates = |c: char| c.is_whitespace() || "'\"`;|&()<>=".contains(c);
    let words = arguments.iter().flat_map(|argument| argument.split(separates));
    let mut files: Vec<PathBuf> = words
        .filter(|word| !word.is_empty() && !word.starts_with('-'))
        .filter_map(process::find_program)
        .collect();
    files.sort();
    files.dedup();
    let digests = files.iter().filter_map(|file| digest(file));
    digests.map(|hex| format!(" +{}", &hex[..8])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_behind_others_are_part_of_the_version() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
        let words = |text: &str| {
            let text = text.replace("FIRST", first.to_str().unwrap());
            let text = text.replace("SECOND", second.to_str().unwrap());
            text.split('|').map(str::to_owned).collect::<Vec<_>>()
        };
        fs::write(&first, b"a").unwrap();
        assert_eq!(argument_digests(&words("A=1|FIRST|--speed|7")), " +0cc175b9");
        assert_eq!(argument_digests(&words("-c|x=FIRST; \"FIRST\" --speed 7")), " +0cc175b9");
        assert_eq!(argument_digests(&words("SECOND|-o|")), "");
        fs::write(&second, b"ab").unwrap();
        assert_eq!(argument_digests(&words("-c|FIRST -o x | SECOND")), " +0cc175b9 +187ef443");
        fs::write(&first, b"ab").unwrap();
        assert_eq!(argument_digests(&words("A=1|FIRST")), " +187ef443");
    }

    #[test]
    fn a_changed_file_has_another_digest() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"a").unwrap();
        let first = digest(file.path());
        assert_eq!(first.as_deref(), Some("0cc175b9c0f1b6a831c399e269772661"));
        assert_eq!(digest(file.path()), first);
        fs::write(file.path(), b"ab").unwrap();
        assert_ne!(digest(file.path()), first);
        assert_eq!(digest(Path::new("/no/such/program")), None);
    }
}
