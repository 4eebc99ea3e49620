//! Message logs on the disk: one file per room. A separate thread writes each file as a whole.
//!
//! The first line has the name of the room, the number of its last message and the read marks; each
//! other line is a message. The name of the file is a digest of the room's name, because some file
//! systems do not distinguish upper and lower case.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::health::Health;
use super::super::limits::Limits;
use super::super::room_files::{FileInfo, RoomFiles};
use super::super::uploads::UploadStore;
use super::attachment::Attachment;
use super::log::{Entry, MessageLog};
use super::person::Person;

/// Logs are saved this long after a change.
pub(super) const SAVE_DELAY: Duration = Duration::from_secs(1);
/// Logs that wait for the thread.
const MAX_WAITING: usize = 64;
/// Largest file that is read at the start, as multiple of the limit of a log.
const MAX_FILE_FACTOR: u64 = 4;
const EXTENSION: &str = "jsonl";

/// A log as it is written; `None` deletes the file.
type Job = (PathBuf, Option<Vec<Arc<str>>>);

/// Where the messages of rooms and their files are stored.
#[derive(Debug)]
pub(in super::super) struct RoomStorage {
    pub(in super::super) files: Arc<RoomFiles>,
    pub(super) logs: LogStorage,
    /// The logs of earlier runs.
    pub(super) saved: BTreeMap<Arc<str>, MessageLog>,
}

impl RoomStorage {
    /// Opens a folder with the files attached to messages, and in it the folder of the logs. Files to which no
    /// message refers are deleted.
    ///
    /// # Errors
    ///
    /// If a folder cannot be created or read, or a thread cannot be started.
    pub(in super::super) fn open(
        folder: &Path,
        limits: &Limits,
        health: &Arc<Health>,
    ) -> io::Result<Self> {
        let (file_bytes, all_files_bytes) = (limits.room_file_bytes, limits.all_room_files_bytes);
        let store = UploadStore::open(folder, Limits { file_bytes, all_files_bytes, ..*limits })?;
        let files = Arc::new(RoomFiles::new(Arc::new(store)));
        let logs = LogStorage::open(&folder.join("logs"), Arc::clone(health))?;
        let saved = logs.load(limits, health)?;
        for entry in saved.values().flat_map(MessageLog::entries) {
            if let Some(it) = &entry.attachment {
                files.restore(&it.file, info_of(it), &it.sha256);
            }
        }
        files.remove_unknown();
        Ok(Self { files, logs, saved })
    }
}

/// Facts of the file of a message, for its download.
pub(super) fn info_of(file: &Attachment) -> FileInfo {
    FileInfo::new(&file.name, &file.media_type, file.bytes)
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct LogStorage {
    folder: PathBuf,
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl LogStorage {
    /// Opens a folder, which is created if missing.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created, or the thread cannot be started.
    pub(super) fn open(folder: &Path, health: Arc<Health>) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (jobs, received) = sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new().name("room logs".to_owned());
        let thread = thread.spawn(move || write_all(&received, &health))?;
        Ok(Self { folder: folder.to_owned(), jobs: Some(jobs), thread: Some(thread) })
    }

    /// Reads the logs of earlier runs. A damaged file stays under another name and is reported.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    fn load(&self, limits: &Limits, health: &Health) -> io::Result<BTreeMap<Arc<str>, MessageLog>> {
        let mut logs = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|it| it != EXTENSION) {
                continue;
            }
            let why = match read(&path, limits) {
                Ok((room, log)) if path == self.path(&room) => {
                    logs.insert(room, log);
                    continue;
                }
                Ok(_) => "the file belongs to another room".to_owned(),
                Err(error) => error.kind().to_string(),
            };
            let aside = path.with_extension("damaged");
            let kept = match fs::rename(&path, &aside) {
                Ok(()) => format!("the file was renamed to {}", aside.display()),
                Err(error) => format!("the file cannot be renamed: {}", error.kind()),
            };
            let path = path.display();
            health.notice(format!("cannot read the messages of a room from {path}: {why}; {kept}"));
        }
        Ok(logs)
    }

    fn path(&self, room: &str) -> PathBuf {
        let name = Person::of(room, "log", "").id();
        self.folder.join(name).with_extension(EXTENSION)
    }

    /// Saves a log, or deletes the file of an empty one. Returns whether the thread accepted it;
    /// otherwise it can be tried again later.
    pub(super) fn save(&self, room: &str, log: Option<&MessageLog>) -> bool {
        let Some(jobs) = &self.jobs else { return true };
        let lines = log.filter(|log| !log.is_empty()).map(|log| lines(room, log));
        match jobs.try_send((self.path(room), lines)) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => true,
            Err(TrySendError::Full(_)) => false,
        }
    }
}

impl Drop for LogStorage {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic was already printed.
            let _ = thread.join();
        }
    }
}

fn lines(room: &str, log: &MessageLog) -> Vec<Arc<str>> {
    let marks = log.marks().into_iter().map(|(person, number)| json!([person.id(), number]));
    let marks: Vec<Value> = marks.collect();
    let head = json!({ "version": 1, "room": room, "last": log.last(), "read": marks });
    let head: Arc<str> = head.to_string().into();
    std::iter::once(head).chain(log.entries().map(|it| Arc::clone(&it.line))).collect()
}

fn read(path: &Path, limits: &Limits) -> io::Result<(Arc<str>, MessageLog)> {
    let most = (limits.room_message_bytes as u64).saturating_mul(MAX_FILE_FACTOR) + (1 << 20);
    if fs::metadata(path)?.len() > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    parse(&fs::read_to_string(path)?, limits).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse(text: &str, limits: &Limits) -> Option<(Arc<str>, MessageLog)> {
    let mut lines = text.lines();
    let head: Value = serde_json::from_str(lines.next()?).ok()?;
    if head.get("version")? != 1 {
        return None;
    }
    let room = head.get("room")?.as_str()?;
    let marks = head
        .get("read")?
        .as_array()?
        .iter()
        .map(|mark| Some((Person::parse(mark.get(0)?.as_str()?)?, mark.get(1)?.as_u64()?)));
    let marks: Vec<_> = marks.collect::<Option<_>>()?;
    let entries: Vec<_> = lines.map(Entry::parse).collect::<Option<_>>()?;
    let log = MessageLog::restored(*limits, head.get("last")?.as_u64()?, entries, marks);
    Some((room.into(), log))
}

/// Writes logs until the server stops. Errors are reported once in a row.
fn write_all(jobs: &Receiver<Job>, health: &Health) {
    let mut has_failed = false;
    for (path, lines) in jobs {
        match write(&path, lines.as_deref()) {
            Ok(()) => has_failed = false,
            Err(error) if !has_failed => {
                has_failed = true;
                health.notice(format!("cannot save the messages of a room: {}", error.kind()));
            }
            Err(_) => {}
        }
    }
}

fn write(path: &Path, lines: Option<&[Arc<str>]>) -> io::Result<()> {
    let Some(lines) = lines else {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    };
    // After a crash there is the earlier log or the new one.
    let part = path.with_extension("part");
    let mut file = io::BufWriter::new(fs::File::create(&part)?);
    for line in lines {
        file.write_all(line.as_bytes())?;
        file.write_all(b"\n")?;
    }
    file.into_inner()?.sync_data()?;
    fs::rename(part, path)
}

#[cfg(test)]
mod tests {
    use super::super::log::Draft;
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("codec-logs-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn storage(&self) -> LogStorage {
            LogStorage::open(&self.0, Arc::default()).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn log() -> MessageLog {
        let person = Person::of("team", "test", "ann");
        let draft = |text: &str| Draft {
            person,
            seat: 1,
            from: "Ann".to_owned(),
            key: None,
            text: text.to_owned(),
            attachment: None,
        };
        let mut log = MessageLog::new(Limits::default());
        for text in ["line\u{2028}one", "two"] {
            log.append(Duration::from_secs(9), draft(text));
        }
        log.set_read(person, 1);
        log
    }

    #[test]
    fn logs_survive_a_restart() {
        let folder = Folder::new("restart");
        let storage = folder.storage();
        assert!(storage.save("Team", Some(&log())) && storage.save("other", Some(&log())));
        assert!(storage.save("other", None));
        drop(storage);
        let (storage, health) = (folder.storage(), Health::default());
        let logs = storage.load(&Limits::default(), &health).unwrap();
        assert_eq!(logs.keys().map(|it| &**it).collect::<Vec<_>>(), ["Team"]);
        let restored = &logs["Team"];
        assert_eq!((restored.first(), restored.last()), (1, 2));
        assert_eq!(restored.marks(), log().marks());
        assert_eq!(health.next_notice(), None);
    }

    #[test]
    fn damaged_logs_are_reported_and_kept_aside() {
        let folder = Folder::new("damaged");
        let storage = folder.storage();
        let good = lines("team", &log()).join("\n");
        let damaged = ["", "{}", "[]", &good[..good.len() - 9], &good.replace("team", "other")];
        for text in damaged {
            fs::write(storage.path("team"), text).unwrap();
            let health = Health::default();
            assert!(storage.load(&Limits::default(), &health).unwrap().is_empty(), "{text}");
            assert!(health.next_notice().unwrap().starts_with("cannot read the messages"));
            assert!(!storage.path("team").exists());
        }
        fs::write(storage.path("team"), "x".repeat(3 << 20)).unwrap();
        assert!(storage.load(&Limits::default(), &Health::default()).unwrap().is_empty());
    }
}
