//! Output files, written under a temporary name and renamed when complete; standard output.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};

use codec_container::{CodedPacket, Input, Output, ReadOptions, Source};
use tempfile::{NamedTempFile, TempDir};

use super::names::{is_pipe, is_same_file, is_special};
use super::pattern::is_in_sequence;
use super::remote::{is_url, without_query};
use crate::failure::{Failure, Kind, Result};
use crate::stdio::STDOUT;
use crate::stop;

/// The end of the names of temporary files, and the most characters of their output's name in them.
const TEMPORARY_SUFFIX: &str = ".part";
/// The end of the names of incomplete outputs.
const PART_SUFFIX: &str = ".codec.part";
const TEMPORARY_FOLDER_SUFFIX: &str = ".chunks";
const MAX_NAME_CHARS: usize = 50;

/// Files that may be overwritten.
#[derive(Clone, Debug, Default)]
pub struct OutputRules {
    /// Whether existing files may be replaced.
    pub overwrite: bool,
    /// Files that must not be replaced: inputs, plans and other outputs of the same run.
    pub protected: Vec<PathBuf>,
    /// Whether binary data may go to a terminal.
    pub terminal: bool,
    /// Which unsuccessful runs keep their file under the name of [`part_of`], so that it is not mistaken for a complete
    /// file.
    pub part: PartRule,
}

/// The unsuccessful runs whose file gets the name of [`part_of`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartRule {
    /// Runs that were interrupted, or ended at an error: their file is incomplete.
    #[default]
    Incomplete,
    /// Runs that ended at an error. The input has no known end, so an interrupt completes the output.
    Recording,
    /// Runs that were interrupted, ended at an error, or whose complete result failed a check.
    Failed,
}

impl PartRule {
    /// The rule for a run with these inputs: a run that reads a pipe or a device is a recording.
    #[must_use]
    pub fn of_inputs(inputs: &[PathBuf]) -> Self {
        let is_endless = |path: &PathBuf| is_pipe(path) || is_special(path);
        if inputs.iter().any(is_endless) { Self::Recording } else { Self::Incomplete }
    }

    /// Whether the file of a run that failed this way gets the name of [`part_of`].
    fn applies_to(self, kind: Kind) -> bool {
        match kind {
            Kind::Check => self == Self::Failed,
            Kind::Interrupted => self != Self::Recording,
            _ => true,
        }
    }
}

/// An output that gets its final name when it is complete.
#[derive(Debug)]
pub struct OutputFile {
    /// Name for messages.
    pub name: String,
    place: Place,
    overwrite: bool,
    part: PartRule,
    /// The incomplete file of an earlier run, which a complete one replaces.
    outdated: Option<PathBuf>,
}

#[derive(Debug)]
enum Place {
    Stdout,
    /// A device or a named pipe, written directly.
    Special(PathBuf),
    File {
        temporary: NamedTempFile,
        path: PathBuf,
    },
}

impl OutputRules {
    /// Rejects an output that must not be written, before any work is done.
    ///
    /// # Errors
    /// If the output cannot or must not be written.
    pub fn check(&self, path: &Path) -> Result<()> {
        if is_pipe(path) {
            if stdout().is_terminal() && !self.terminal {
                return Err(Failure::usage(
                    "standard output is a terminal\n\
                     help: name a file with -o, or force output with -f FORMAT",
                ));
            }
            return Ok(());
        }
        let name = without_query(path).display();
        if is_url(path) {
            return Err(Failure::usage(format!("cannot write {name}: URLs can only be inputs")));
        }
        if let Some(other) = self.protected.iter().find(|other| is_same_file(path, other)) {
            return Err(Failure::usage(format!(
                "cannot write {name}: it is the same file as {}, which this command also reads or writes\n\
                 help: choose another output",
                other.display()
            )));
        }
        let part = part_of(path);
        if let Some(other) = self.protected.iter().find(|other| is_same_file(&part, other)) {
            return Err(Failure::usage(format!(
                "cannot write {name}: an incomplete output is saved as {}, which this command also reads or writes\n\
                 help: choose another output",
                other.display()
            )));
        }
        if let Some(other) = self.protected.iter().find(|other| is_in_sequence(path, other)) {
            let message =
                format!("cannot write {name}: it is an image of the input {}", other.display());
            return Err(Failure::usage(format!("{message}\nhelp: choose another output")));
        }
        if is_special(path) {
            return Ok(());
        }
        if path.is_dir() {
            return Err(Failure::new(Kind::Output, format!("cannot write {name}: is a folder")));
        }
        if path.exists() && !self.overwrite {
            return Err(Failure::usage(format!(
                "{name} already exists\nhelp: overwrite it with -y"
            )));
        }
        if path.exists() && is_read_only(path) {
            let message = format!(
                "cannot write {name}: the file is read-only\nhelp: make it writable, or choose another output"
            );
            return Err(Failure::new(Kind::Output, message));
        }
        let folder = folder_of(path);
        if !folder.is_dir() {
            let message = format!("cannot write {name}: there is no folder {}", folder.display());
            return Err(Failure::new(Kind::Output, message));
        }
        Ok(())
    }
}

impl OutputRules {
    /// As [`Self::check`], and removes the temporary files of killed runs. A batch does so for all outputs at once.
    ///
    /// # Errors
    /// If the output cannot or must not be written.
    pub fn begin(&self, path: &Path) -> Result<()> {
        self.check(path)?;
        if self.part != PartRule::Failed && !is_pipe(path) && !is_special(path) {
            remove_stale(&[path]);
        }
        Ok(())
    }
}

impl OutputFile {
    /// Creates an output; its final name does not exist yet.
    ///
    /// # Errors
    /// If the output cannot or must not be written.
    pub fn create(path: &Path, rules: &OutputRules) -> Result<Self> {
        Self::create_as(path, rules, false)
    }

    /// Creates an output that holds a secret: only the owner may read the file (mode 0600).
    #[cfg(feature = "net")]
    pub(crate) fn create_private(path: &Path, rules: &OutputRules) -> Result<Self> {
        Self::create_as(path, rules, true)
    }

    fn create_as(path: &Path, rules: &OutputRules, private: bool) -> Result<Self> {
        rules.check(path)?;
        if is_pipe(path) {
            let name = STDOUT.to_owned();
            return Ok(Self::written_directly(name, Place::Stdout));
        }
        let name = path.display().to_string();
        if is_special(path) {
            let place = Place::Special(path.to_owned());
            return Ok(Self::written_directly(name, place));
        }
        // A link's target is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let temporary = temporary_beside(&path, private)
            .map_err(|error| Failure::output(&name, plain(error)))?;
        stop::remember(temporary.path().to_owned());
        let place = Place::File { temporary, path };
        let (overwrite, part) = (rules.overwrite, rules.part);
        Ok(Self { name, place, overwrite, part, outdated: None })
    }

    fn written_directly(name: String, place: Place) -> Self {
        Self { name, place, overwrite: true, part: PartRule::default(), outdated: None }
    }

    /// Returns the stream for a container writer.
    ///
    /// # Errors
    /// If the output cannot or must not be written.
    pub fn stream(&self) -> Result<Output> {
        let failed = |error| Failure::output(&self.name, error);
        Ok(match &self.place {
            Place::File { temporary, .. } => {
                Output::seekable(temporary.as_file().try_clone().map_err(failed)?)
            }
            Place::Stdout | Place::Special(_) => Output::stream(self.writer()?),
        })
    }

    /// Returns an unbuffered writer for other content.
    ///
    /// # Errors
    /// If the output cannot or must not be written.
    pub fn writer(&self) -> Result<Box<dyn Write + Send>> {
        let failed = |error| Failure::output(&self.name, error);
        Ok(match &self.place {
            Place::Stdout => unbuffered_stdout(),
            Place::Special(path) => {
                Box::new(File::options().write(true).open(path).map_err(failed)?)
            }
            Place::File { temporary, .. } => {
                Box::new(temporary.as_file().try_clone().map_err(failed)?)
            }
        })
    }

    /// Number of bytes written to a file so far; `None` for pipes and devices.
    #[must_use]
    pub fn bytes_written(&self) -> Option<u64> {
        match &self.place {
            Place::File { temporary, .. } => {
                temporary.as_file().metadata().ok().map(|found| found.len())
            }
            Place::Stdout | Place::Special(_) => None,
        }
    }

    /// Chooses the name of the file of a run that ended with `end`: the name from [`part_of`] if the rules say so.
    /// Returns `end` with a message that names the file that is kept. The file gets the name by [`Self::commit`].
    ///
    /// # Errors
    /// If `end` is one.
    pub fn end(&mut self, end: Result<()>) -> Result<()> {
        let Place::File { path, .. } = &mut self.place else { return end };
        let Err(mut failure) = end else {
            self.outdated = Some(part_of(path));
            return Ok(());
        };
        if !self.part.applies_to(failure.kind) {
            if failure.kind == Kind::Interrupted {
                failure.message = format!(
                    "interrupted: {} holds only the part before the interruption",
                    self.name
                );
                self.outdated = Some(part_of(path));
            }
            return Err(failure);
        }
        let given = Path::new(&self.name);
        let is_link = fs::symlink_metadata(given).is_ok_and(|found| found.is_symlink());
        self.name = part_of(if is_link { path } else { given }).display().to_string();
        *path = part_of(path);
        self.overwrite = true;
        let result = match failure.kind {
            Kind::Check => "the result",
            _ => "the incomplete result",
        };
        let kept = format!("{result} is in {}", self.name);
        failure.message = match (failure.kind, failure.message.split_once('\n')) {
            (Kind::Interrupted, _) => format!("interrupted: {kept}"),
            (_, Some((first, rest))) => format!("{first}\n{kept}\n{rest}"),
            (_, None) => format!("{}\n{kept}", failure.message),
        };
        Err(failure)
    }

    /// Keeps the file of a run that could not write on, as on a full disk, as [`Self::end`] does, if it can be read without its
    /// end. Returns `failure`, with the name of the file that is kept.
    #[must_use]
    pub(crate) fn keep_readable(mut self, failure: Failure) -> Failure {
        let Place::File { temporary, .. } = &self.place else { return failure };
        if failure.kind != Kind::Output || !has_packets(temporary.path()) {
            return failure;
        }
        match self.end(Err(failure.clone())) {
            Err(named) if self.commit().is_ok() => named,
            _ => failure,
        }
    }

    /// Renames the file to its final name. The writer must have been flushed.
    ///
    /// # Errors
    /// If the output cannot or must not be written.
    pub fn commit(self) -> Result<()> {
        let Place::File { temporary, path } = self.place else {
            return Ok(());
        };
        let temporary_path = temporary.path().to_owned();
        let outcome = if self.overwrite {
            temporary.persist(&path)
        } else {
            temporary.persist_noclobber(&path)
        };
        stop::forget(&temporary_path);
        if let (Ok(_), Some(outdated)) = (&outcome, &self.outdated) {
            // Most runs have none.
            let _ = fs::remove_file(outdated);
        }
        outcome.map(drop).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => {
                Failure::usage(format!("{} already exists\nhelp: overwrite it with -y", self.name))
            }
            _ => Failure::output(&self.name, error.error),
        })
    }
}

/// Whether the permissions of a file forbid to change it. To replace it, the permissions of its folder would be enough.
fn is_read_only(path: &Path) -> bool {
    let has_no_writer = fs::metadata(path).is_ok_and(|found| found.permissions().readonly());
    let is_denied = |error: io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    has_no_writer || File::options().write(true).open(path).is_err_and(is_denied)
}

/// Returns `error` without the name of the temporary file, which `tempfile` appends and which the user
/// did not choose.
fn plain(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((message, _)) => io::Error::new(error.kind(), message.to_owned()),
        None => error,
    }
}

/// Whether a media file can be opened and has a packet.
fn has_packets(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    match codec_container::open(Source::seekable(file), &ReadOptions::default()) {
        Ok(Input::Packets(mut reader)) => {
            matches!(reader.read(&mut CodedPacket::default()), Ok(true))
        }
        _ => false,
    }
}

/// The name of the incomplete version of a file: `a.webm.codec.part` for `a.webm`. `a.webm.part` could be the
/// download of another program. Names of files have at most 255 bytes, so the end of a longer name is replaced by a
/// checksum of the name.
pub fn part_of(path: &Path) -> PathBuf {
    const MOST_BYTES: usize = 255 - PART_SUFFIX.len();
    let name = path.file_name().unwrap_or_default();
    if name.len() <= MOST_BYTES {
        let mut whole = path.as_os_str().to_owned();
        whole.push(PART_SUFFIX);
        return PathBuf::from(whole);
    }
    let checksum = format!("~{:08x}", checksum(name.as_encoded_bytes()));
    let name = name.to_string_lossy();
    let start = &name[..name.floor_char_boundary(MOST_BYTES - checksum.len())];
    path.with_file_name(format!("{start}{checksum}{PART_SUFFIX}"))
}

/// The 32-bit FNV-1a checksum.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, step)
}

/// The folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The start of the names of temporary files of `path`.
fn temporary_prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Names of files have at most 255 bytes.
    let name: String = name.chars().take(MAX_NAME_CHARS).collect();
    format!(".codec-{name}-")
}

/// Removes the temporary files of `path` that processes left which were killed. A process that still writes one
/// cannot give it its name.
pub(crate) fn remove_temporaries(path: &Path) {
    let prefix = temporary_prefix(path);
    // A folder that cannot be read has no files to remove.
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_temporary = name
            .to_str()
            .is_some_and(|name| name.starts_with(&prefix) && name.ends_with(TEMPORARY_SUFFIX));
        if is_temporary {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes the temporary files and folders of these outputs that killed processes left. Files that a process still uses
/// are locked, and files of another machine may be; where locks are not supported, all stay.
pub(crate) fn remove_stale(outputs: &[&Path]) {
    let prefixes: HashSet<String> = outputs.iter().map(|path| temporary_prefix(path)).collect();
    let folders: HashSet<&Path> = outputs.iter().map(|path| folder_of(path)).collect();
    for folder in folders {
        // A folder that cannot be read has no files to remove.
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_folder = name.ends_with(TEMPORARY_FOLDER_SUFFIX);
            let suffix = if is_folder { TEMPORARY_FOLDER_SUFFIX } else { TEMPORARY_SUFFIX };
            // The random characters after the prefix are letters and digits.
            let random = name.strip_suffix(suffix).and_then(|name| name.rfind('-'));
            let prefix = random.and_then(|at| name.get(..=at));
            let is_stale = prefix.is_some_and(|prefix| prefixes.contains(prefix))
                && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            if is_stale && is_folder {
                let _ = fs::remove_dir_all(entry.path());
            } else if is_stale {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Creates a temporary folder near an output, with a lock that is held while it is in use.
///
/// # Errors
/// If it cannot be created.
pub(crate) fn temporary_folder(output: &Path) -> Result<(TempDir, Option<File>)> {
    let near = if is_pipe(output) { std::env::temp_dir() } else { folder_of(output).to_owned() };
    let folder = tempfile::Builder::new()
        .prefix(&temporary_prefix(output))
        .suffix(TEMPORARY_FOLDER_SUFFIX)
        .tempdir_in(&near)
        .map_err(|error| Failure::output(&near.display().to_string(), error))?;
    let lock = File::open(folder.path()).ok().filter(|folder| folder.try_lock().is_ok());
    Ok((folder, lock))
}

fn temporary_beside(path: &Path, private: bool) -> io::Result<NamedTempFile> {
    let folder = folder_of(path);
    let prefix = temporary_prefix(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(TEMPORARY_SUFFIX);
    // Temporary files are private by default; make this one an ordinary file, unless it holds a
    // secret.
    #[cfg(unix)]
    if !private {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = private;
    let temporary = builder.tempfile_in(folder)?;
    // The system releases it if the process is killed. Some file systems have no locks.
    let _ = temporary.as_file().try_lock();
    Ok(temporary)
}

/// Standard output without line buffering, which would search video data for line ends.
fn unbuffered_stdout() -> Box<dyn Write + Send> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        if let Ok(handle) = stdout().as_fd().try_clone_to_owned() {
            return Box::new(File::from(handle));
        }
    }
    Box::new(stdout())
}

/// Prints text to standard output: checksums, tables, JSON.
///
/// # Errors
/// If the output cannot or must not be written.
pub fn print(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::output(STDOUT, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_incomplete_files_have_at_most_255_bytes() {
        assert_eq!(part_of(Path::new("a/b.webm")), Path::new("a/b.webm.codec.part"));
        let most = format!("{}.webm", "n".repeat(239));
        assert_eq!(part_of(Path::new(&most)), Path::new(&format!("{most}.codec.part")));
        let mut seen = HashSet::new();
        for long in ["n".repeat(250) + ".webm", "n".repeat(250) + ".mp4", "\u{e9}".repeat(125)] {
            let part = part_of(&Path::new("folder").join(&long));
            let name = part.file_name().unwrap().to_str().unwrap();
            assert!((254..=255).contains(&name.len()), "{name}");
            assert!(name.ends_with(PART_SUFFIX) && part.parent() == Some(Path::new("folder")));
            assert!(seen.insert(name.to_owned()), "{name}");
        }
    }
}
