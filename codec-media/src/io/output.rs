//! Output files, written under a temporary name and renamed when complete; standard output.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};

use codec_container::Output;
use tempfile::NamedTempFile;

use super::names::{is_pipe, is_same_file, is_special};
use super::pattern::is_in_sequence;
use super::remote::{is_url, without_query};
use crate::failure::{Failure, Kind, Result};
use crate::stdio::STDOUT;
use crate::stop;

/// The end of the names of temporary files, and the most characters of their output's name in them.
const TEMPORARY_SUFFIX: &str = ".part";
const MAX_NAME_CHARS: usize = 50;

/// Files that may be overwritten.
#[derive(Clone, Debug, Default)]
pub struct OutputRules {
    /// Whether existing files may be replaced.
    pub overwrite: bool,
    /// Files that must not be replaced: inputs and other outputs.
    pub protected: Vec<PathBuf>,
    /// Whether binary data may go to a terminal.
    pub terminal: bool,
    /// Whether the file of a run that ended early gets the name of [`part_of`], so that it cannot be taken for a
    /// complete one.
    pub part: bool,
}

/// An output that gets its final name when it is complete.
#[derive(Debug)]
pub struct OutputFile {
    /// Name for messages.
    pub name: String,
    place: Place,
    overwrite: bool,
    part: bool,
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
            return Err(Failure::usage(format!("{name} is the same file as {}", other.display())));
        }
        if let Some(other) = self.protected.iter().find(|other| is_in_sequence(path, other)) {
            let message = format!("{name} is one of the images {}", other.display());
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
        let folder = folder_of(path);
        if !folder.is_dir() {
            let message = format!("cannot write {name}: there is no folder {}", folder.display());
            return Err(Failure::new(Kind::Output, message));
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
            return Ok(Self { name, place: Place::Stdout, overwrite: true, part: false });
        }
        let name = path.display().to_string();
        if is_special(path) {
            let place = Place::Special(path.to_owned());
            return Ok(Self { name, place, overwrite: true, part: false });
        }
        // A link's target is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let temporary = temporary_beside(&path, private)
            .map_err(|error| Failure::output(&name, plain(error)))?;
        stop::remember(temporary.path().to_owned());
        let place = Place::File { temporary, path };
        Ok(Self { name, place, overwrite: rules.overwrite, part: rules.part })
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

    /// Renames the file of a run that ended with `end`: to its final name if that is no error, or if the rules do not
    /// distinguish; otherwise to that of [`part_of`]. The writer must have been flushed.
    ///
    /// # Errors
    /// If the output cannot or must not be written.
    pub fn commit_after(mut self, end: &Result<()>) -> Result<()> {
        if self.part
            && end.is_err()
            && let Place::File { path, .. } = &mut self.place
        {
            *path = part_of(path);
            self.overwrite = true;
        }
        self.commit()
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
        outcome.map(drop).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => {
                Failure::usage(format!("{} already exists\nhelp: overwrite it with -y", self.name))
            }
            _ => Failure::output(&self.name, error.error),
        })
    }
}

/// Returns `error` without the name of the temporary file, which `tempfile` appends and which the user
/// did not choose.
fn plain(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((message, _)) => io::Error::new(error.kind(), message.to_owned()),
        None => error,
    }
}

/// The name of the incomplete version of a file: `a.webm.codec.part` for `a.webm`. `a.webm.part` could be the
/// download of another program.
pub fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".codec.part");
    PathBuf::from(name)
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
    builder.tempfile_in(folder)
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
