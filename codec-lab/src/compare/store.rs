//! Stores the results of each point (encoder configuration, clip and target) in a folder. The name
//! of the folder is a digest of everything that the results depend on.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use codec_media::failure::{Failure, Kind, Result};

use md5::{Digest, Md5};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::process::Usage;
use codec_media::values::hex;

/// Version of the stored format.
const VERSION: u32 = 1;
/// Marks a folder as created by this command.
const FOLDER: &str = ".codec-compare";
/// List of the image files of the report.
const PICTURES: &str = "pictures.json";
/// Prefix of folders for temporary files.
const WORK: &str = "work-";

/// One encoding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) usage: Usage,
    /// MD5 of the output file.
    pub(super) digest: String,
    /// Per-frame data from our encoder.
    pub(super) frames: Option<FrameLog>,
    /// Whether the encoder did not reach the quality that it searched for, and kept the nearest result.
    #[serde(default)]
    pub(super) missed_target: bool,
    /// Start of the `compare` run that measured this encoding, in seconds since 1970; 0 if unknown.
    #[serde(default)]
    pub(super) session: u64,
    /// Start of this encoding, in seconds since 1970; 0 if unknown.
    #[serde(default)]
    pub(super) begun_s: u64,
    /// CPU time of the calibration workload before and after this encoding, in nanoseconds.
    #[serde(default)]
    pub(super) calibration_ns: Option<f64>,
}

/// Columns of an encoder's own report, in packet order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct FrameLog {
    /// Number of the input frame.
    pub(super) frame: Vec<u64>,
    pub(super) shown: Vec<bool>,
    pub(super) bytes: Vec<u64>,
    pub(super) encode_us: Vec<u64>,
    pub(super) held: Vec<u32>,
    /// Allocations by packet; empty if the build does not count allocations.
    pub(super) allocations: Vec<u64>,
    /// Input frames without a packet.
    pub(super) dropped: u64,
}

/// All inputs that determine the results of a point.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Identity<'a> {
    pub(super) clip: &'a str,
    /// MD5 of the frames with which the decoded ones are compared, if they are not the frames of `clip`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) reference: &'a str,
    pub(super) frames: u64,
    pub(super) argv: &'a [String],
    pub(super) version: &'a str,
    /// Content of a file that the command reads in addition to the clip.
    pub(super) trace: &'a str,
    pub(super) host: &'a str,
    /// The number of equal arms before this one. Without it, equal arms would share their stored
    /// times.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) twins: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The folder of a study, locked for one run at a time.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    /// Temporary files and converted clips; deleted at the end of the run.
    work: tempfile::TempDir,
    /// Counts the requested points.
    asked: AtomicU64,
    /// Holds the lock while open.
    _lock: fs::File,
}

impl Store {
    /// Opens or creates the store in the folder of a report. A folder with foreign files requires
    /// `insist`.
    pub(super) fn open(report: &Path, insist: bool) -> Result<Self> {
        let name = report.display().to_string();
        let root = report.join(FOLDER);
        if !root.is_dir() && !insist {
            let foreign = match fs::read_dir(report) {
                Ok(mut entries) => entries.next().is_some(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
                Err(error) => return Err(Failure::output(&name, error)),
            };
            if foreign {
                let message = format!(
                    "{name} contains other files\nhelp: write the report there anyway with -y"
                );
                return Err(Failure::usage(message));
            }
        }
        let failed = |error: std::io::Error| Failure::output(&name, error);
        fs::create_dir_all(&root).map_err(failed)?;
        let lock = fs::File::create(root.join("lock")).map_err(failed)?;
        if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
            let message = format!("another `codec compare` is running in {name}");
            return Err(Failure::new(Kind::Output, message));
        }
        remove_leftovers(&root);
        let work = tempfile::Builder::new().prefix(WORK).tempdir_in(&root).map_err(failed)?;
        Ok(Self { root, work, asked: AtomicU64::new(0), _lock: lock })
    }

    /// Folder for temporary files.
    pub(super) fn work(&self) -> &Path {
        self.work.path()
    }

    /// Images that earlier runs wrote, relative to the report.
    pub(super) fn pictures(&self) -> BTreeSet<String> {
        read_json(&self.root.join(PICTURES)).unwrap_or_default()
    }

    pub(super) fn keep_pictures(&self, files: &BTreeSet<String>) -> Result<()> {
        let text = serde_json::to_vec(files).map_err(Failure::internal)?;
        write_whole(&self.root.join(PICTURES), &text)
    }

    /// The folder of a point.
    pub(super) fn point(&self, identity: &Identity<'_>) -> Result<PointStore> {
        let text = serde_json::to_vec(&(VERSION, identity)).map_err(Failure::internal)?;
        let key = hex(&Md5::digest(&text));
        let folder = self.root.join(&key);
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::output(&folder.display().to_string(), error))?;
        // Equal arms, or a clip given twice, share stored results but not temporary files.
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let work = self.work().join(format!("{number}-{key}"));
        Ok(PointStore { folder, key, work })
    }
}

/// Removes temporary files of a killed run; failures are ignored.
fn remove_leftovers(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(WORK) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The stored results of one point.
#[derive(Clone, Debug)]
pub(super) struct PointStore {
    folder: PathBuf,
    pub(super) key: String,
    /// Prefix of the names of temporary files of this point.
    work: PathBuf,
}

impl PointStore {
    /// Returns a name for a temporary file.
    pub(super) fn temporary(&self, extension: &str) -> PathBuf {
        self.work.with_added_extension(extension)
    }

    pub(super) fn stream(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("stream.{extension}"))
    }

    /// Returns a measured encoding, counted from 0.
    pub(super) fn run(&self, number: u32) -> Option<Run> {
        self.read(&format!("run-{number}.json"))
    }

    pub(super) fn keep_run(&self, number: u32, run: &Run) -> Result<()> {
        self.write(&format!("run-{number}.json"), run)
    }

    /// Reads a result derived from the stream.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        // An unreadable record is measured again.
        read_json(&self.folder.join(name))
    }

    pub(super) fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        let text = serde_json::to_vec(value).map_err(Failure::internal)?;
        write_whole(&self.folder.join(name), &text)
    }

    /// Copies everything that is stored to another folder.
    pub(super) fn export(&self, to: &Path) -> Result<()> {
        copy_files(&self.folder, to)
    }

    /// Copies results that another machine exported, unless they are damaged.
    pub(super) fn import(&self, from: &Path, extension: &str) -> Result<()> {
        let wrong = |what: &str| {
            let from = from.display();
            Failure::new(Kind::Input, format!("the results in {from} {what}"))
        };
        let run: Run = read_json(&from.join("run-0.json")).ok_or_else(|| wrong("are damaged"))?;
        if digest_of(&from.join(format!("stream.{extension}")))? != run.digest {
            return Err(wrong("belong to another stream"));
        }
        copy_files(from, &self.folder)
    }

    /// Moves a stream from [`Self::temporary`] into the store.
    pub(super) fn keep_stream(&self, from: &Path, extension: &str) -> Result<()> {
        let to = self.stream(extension);
        fs::rename(from, &to).map_err(|error| Failure::output(&to.display().to_string(), error))
    }
}

/// Reads a record; `None` if it is missing or damaged.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Copies the files of a folder to another one, which is created.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let unreadable = |error: std::io::Error| {
        Failure::new(Kind::Input, format!("cannot read {}: {error}", from.display()))
    };
    fs::create_dir_all(to).map_err(|error| Failure::output(&to.display().to_string(), error))?;
    for entry in fs::read_dir(from).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_type().map_err(unreadable)?.is_file() {
            continue;
        }
        let bytes = fs::read(entry.path()).map_err(unreadable)?;
        write_whole(&to.join(entry.file_name()), &bytes)?;
    }
    Ok(())
}

/// Writes a file atomically.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| Failure::output(&path.display().to_string(), error);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".codec-")
        .suffix(".part")
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let ordinary = fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(ordinary).map_err(failed)?;
    }
    file.persist(path).map(drop).map_err(|error| failed(error.error))
}

/// MD5 of a file.
pub(super) fn digest_of(path: &Path) -> Result<String> {
    let refused = |error: std::io::Error| {
        Failure::new(Kind::Input, format!("cannot read {}: {error}", path.display()))
    };
    let mut file = fs::File::open(path).map_err(refused)?;
    let mut digest = Md5::new();
    let mut bytes = vec![0; 1 << 16];
    loop {
        let count = std::io::Read::read(&mut file, &mut bytes).map_err(refused)?;
        if count == 0 {
            return Ok(hex(&digest.finalize()));
        }
        digest.update(&bytes[..count]);
    }
}
