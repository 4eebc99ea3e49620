//! Files attached to messages from other nodes: they are fetched over the links between nodes when a member
//! first downloads them.
//!
//! All nodes are asked for the first part of a file, because every node that has the message may have the file. The
//! node that answers first sends the other parts. If that node is gone, the other nodes are asked for the missing
//! parts. A file is stored when its digest is correct; from then on, other nodes can also fetch it from this node.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::super::room_files::RoomFiles;
use super::super::uploads::{Progress, Upload, UploadError};
use super::link::{FilePart, FileRequest, MAX_PARTS, Message, PART_BYTES};
use super::node::parse_hex;
use super::{Cluster, ClusterEvent};
use crate::random::hex;

/// Maximum number of files that are fetched at a time.
const MAX_FETCHES: usize = 8;
/// Maximum number of files that wait for their turn.
const MAX_WAITING: usize = 64;
/// A fetch ends after this time without a new part.
const FETCH_SILENCE: Duration = Duration::from_secs(5);
/// Parts are requested again after two round trips and this time.
const REPEAT_DELAY: Duration = Duration::from_millis(100);

/// Why a file could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum FetchError {
    /// Too many others wait.
    TooMany,
    /// No node that has it can be reached.
    NoNode,
    /// The node that has it does not send it.
    Stopped,
    /// It cannot be stored.
    Store(UploadError),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => f.write_str("too many files are being fetched: try again later"),
            Self::NoNode => f.write_str("the server with this file cannot be reached"),
            Self::Stopped => f.write_str("the server with this file does not respond"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

/// A file that is being fetched.
#[derive(Debug)]
struct Fetch {
    file: String,
    id: [u8; 16],
    digest: String,
    upload: Upload,
    /// Size of the file in bytes.
    total: u64,
    /// End of the stored part.
    done: u64,
    /// End of the requested block.
    block_end: u64,
    /// Parts of the block after the stored ones, by offset.
    parts: BTreeMap<u64, Vec<u8>>,
    /// Nodes that may have the file.
    asked: BTreeSet<u64>,
    /// The node that sends it.
    source: Option<u64>,
    repeat_at: Duration,
    ends_at: Duration,
}

const fn part_bytes() -> u64 {
    PART_BYTES as u64
}

impl Fetch {
    /// Sets the block after the stored part. Before a source is known, it is one part, which all nodes send.
    fn begin_block(&mut self) {
        let parts = if self.source.is_some() { MAX_PARTS } else { 1 };
        self.parts.clear();
        let end = self.done.saturating_add(u64::from(parts) * part_bytes());
        self.block_end = end.min(self.total);
    }

    /// Requests for all parts of the block that are missing.
    fn requests(&self, transfer: u32) -> Vec<FileRequest> {
        let mut requests: Vec<FileRequest> = Vec::new();
        let mut offset = self.done;
        while offset < self.block_end {
            if !self.parts.contains_key(&offset) {
                let last = requests.last_mut();
                match last.filter(|it| it.offset + u64::from(it.parts) * part_bytes() == offset) {
                    Some(last) => last.parts += 1,
                    None => {
                        requests.push(FileRequest { transfer, file: self.id, offset, parts: 1 });
                    }
                }
            }
            offset += part_bytes();
        }
        requests
    }

    /// Takes a part of a node; returns whether it was requested and is new.
    fn take(&mut self, node: u64, part: FilePart) -> bool {
        let FilePart { offset, data, .. } = part;
        let is_source = self.source.map_or(self.asked.contains(&node), |it| it == node);
        let is_expected = (self.done..self.block_end).contains(&offset)
            && (offset - self.done).is_multiple_of(part_bytes())
            && u64::try_from(data.len()) == Ok(part_bytes().min(self.total - offset));
        if !(is_source && is_expected) {
            return false;
        }
        self.source = Some(node);
        self.parts.insert(offset, data).is_none()
    }

    /// Stores the parts that are next; returns the name of the file when it is complete.
    fn store(&mut self) -> Result<Option<String>, UploadError> {
        while let Some(data) = self.parts.remove(&self.done) {
            match self.upload.write(self.done, &data)? {
                Progress::At(done) => self.done = done,
                Progress::Stored(name) => return Ok(Some(name)),
            }
        }
        Ok(None)
    }
}

/// The files of this node, and those that it fetches.
#[derive(Debug, Default)]
pub(super) struct Files {
    files: Option<Arc<RoomFiles>>,
    fetches: BTreeMap<u32, Fetch>,
    waiting: VecDeque<String>,
    next: u32,
}

impl Files {
    /// Whether a file is being fetched, or waits.
    fn is_expected(&self, file: &str) -> bool {
        self.fetches.values().any(|it| it.file == file) || self.waiting.iter().any(|it| it == file)
    }

    /// Whether a file can be fetched now. Of two files with the same content, the second one waits.
    fn may_begin(&self, file: &str) -> bool {
        let missing = self.files.as_ref().and_then(|it| it.missing(file));
        let is_same =
            |it: &Fetch| missing.as_ref().is_some_and(|(.., digest)| *digest == it.digest);
        self.fetches.len() < MAX_FETCHES && !self.fetches.values().any(is_same)
    }

    /// When the next timeout is due.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.fetches.values().map(|it| it.repeat_at.min(it.ends_at)).min()
    }
}

impl Cluster {
    /// Sets the files attached to messages at this node.
    pub(in super::super) fn set_files(&mut self, files: Arc<RoomFiles>) {
        self.files.files = Some(files);
    }

    /// Fetches a file of a message from another node. [`ClusterEvent::Fetched`] reports the end.
    pub(in super::super) fn fetch_file(&mut self, now: Duration, file: &str) {
        if self.files.is_expected(file) {
            return;
        }
        if !self.files.may_begin(file) {
            if self.files.waiting.len() < MAX_WAITING {
                self.files.waiting.push_back(file.to_owned());
            } else {
                self.report_fetched(file.to_owned(), Err(FetchError::TooMany));
            }
            return;
        }
        match self.begin_fetch(now, file) {
            Ok(Some(transfer)) => self.request_parts(now, transfer),
            Ok(None) => self.report_fetched(file.to_owned(), Ok(())),
            Err(error) => self.report_fetched(file.to_owned(), Err(error)),
        }
    }

    fn report_fetched(&mut self, file: String, result: Result<(), FetchError>) {
        self.events.push_back(ClusterEvent::Fetched { file, result });
    }

    /// Begins a transfer; returns its number, or `None` if the file is here.
    fn begin_fetch(&mut self, now: Duration, file: &str) -> Result<Option<u32>, FetchError> {
        let files = self.files.files.as_ref().ok_or(FetchError::NoNode)?;
        let Some((name, total, digest)) = files.missing(file) else { return Ok(None) };
        let id = parse_hex(file).ok_or(FetchError::NoNode)?;
        let alive = self.nodes.iter().filter(|(_, node)| node.is_alive);
        let asked: BTreeSet<u64> = alive.map(|(number, _)| *number).collect();
        if asked.is_empty() {
            return Err(FetchError::NoNode);
        }
        let begun = files.store().begin("", &name, total, &digest);
        let (upload, progress) = begun.map_err(FetchError::Store)?;
        let done = match progress {
            Progress::At(done) => done,
            Progress::Stored(name) => {
                files.set_fetched(file, &name).map_err(FetchError::Store)?;
                return Ok(None);
            }
        };
        let mut fetch = Fetch {
            file: file.to_owned(),
            id,
            digest,
            upload,
            total,
            done,
            block_end: done,
            parts: BTreeMap::new(),
            asked,
            source: None,
            repeat_at: now,
            ends_at: now.saturating_add(FETCH_SILENCE),
        };
        fetch.begin_block();
        let transfer = self.files.next;
        self.files.next = transfer.wrapping_add(1);
        self.files.fetches.insert(transfer, fetch);
        Ok(Some(transfer))
    }

    /// Requests what is missing of the block from the source, or from all nodes.
    fn request_parts(&mut self, now: Duration, transfer: u32) {
        let Some(fetch) = self.files.fetches.get_mut(&transfer) else { return };
        let requests = fetch.requests(transfer);
        let mut round_trip = Duration::ZERO;
        for number in fetch.source.map_or(fetch.asked.clone(), |source| [source].into()) {
            let Some(node) = self.nodes.get_mut(&number) else { continue };
            round_trip = round_trip.max(node.link.round_trip());
            requests.iter().for_each(|it| node.link.send(&Message::GetFile(*it)));
        }
        fetch.repeat_at = now.saturating_add(round_trip * 2).saturating_add(REPEAT_DELAY);
    }

    /// Handles a part of a file. Parts that were not requested are ignored.
    pub(super) fn handle_file_part(&mut self, now: Duration, number: u64, part: FilePart) {
        let transfer = part.transfer;
        let Some(fetch) = self.files.fetches.get_mut(&transfer) else { return };
        if !fetch.take(number, part) {
            return;
        }
        fetch.ends_at = now.saturating_add(FETCH_SILENCE);
        let round_trip = self.nodes.get(&number).map(|it| it.link.round_trip());
        let delay = round_trip.unwrap_or_default() * 2 + REPEAT_DELAY;
        fetch.repeat_at = now.saturating_add(delay);
        match fetch.store() {
            Ok(None) if fetch.done == fetch.block_end => {
                fetch.begin_block();
                self.request_parts(now, transfer);
            }
            Ok(None) => {}
            Ok(Some(stored)) => {
                let files = self.files.files.as_ref();
                let known = files.map_or(Ok(()), |it| it.set_fetched(&fetch.file, &stored));
                self.end_fetch(now, transfer, known.map_err(FetchError::Store));
            }
            Err(error) => self.end_fetch(now, transfer, Err(FetchError::Store(error))),
        }
    }

    fn end_fetch(&mut self, now: Duration, transfer: u32, result: Result<(), FetchError>) {
        let Some(Fetch { file, .. }) = self.files.fetches.remove(&transfer) else { return };
        self.report_fetched(file, result);
        for file in std::mem::take(&mut self.files.waiting) {
            self.fetch_file(now, &file);
        }
    }

    /// A node does not have a file, or is gone: others are asked.
    pub(super) fn handle_no_file(&mut self, now: Duration, number: u64, transfer: u32) {
        let Some(fetch) = self.files.fetches.get_mut(&transfer) else { return };
        fetch.asked.remove(&number);
        if fetch.asked.is_empty() {
            return self.end_fetch(now, transfer, Err(FetchError::NoNode));
        }
        if fetch.source == Some(number) {
            fetch.source = None;
            fetch.begin_block();
            self.request_parts(now, transfer);
        }
    }

    /// A node is gone: other nodes are asked for the files that it sends.
    pub(super) fn forget_source(&mut self, now: Duration, number: u64) {
        for transfer in self.files.fetches.keys().copied().collect::<Vec<_>>() {
            self.handle_no_file(now, number, transfer);
        }
    }

    /// Sends parts of a file of this node.
    pub(super) fn handle_file_request(&mut self, now: Duration, number: u64, request: FileRequest) {
        let FileRequest { transfer, file, offset, parts } = request;
        let Some(node) = self.nodes.get_mut(&number) else { return };
        // The other node asks again.
        if !node.may_get_file(now, parts) {
            return;
        }
        let most = usize::from(parts) * PART_BYTES;
        let files = self.files.files.as_ref();
        let Some(data) = files.and_then(|it| it.read(&hex(&file), offset, most)) else {
            return node.link.send(&Message::NoFile(transfer));
        };
        let mut offset = offset;
        for part in data.chunks(PART_BYTES) {
            let data = part.to_vec();
            node.link.send(&Message::FilePart(FilePart { transfer, offset, data }));
            offset = offset.saturating_add(part_bytes());
        }
    }

    /// Requests parts again that did not arrive, and ends what takes too long.
    pub(super) fn continue_fetches(&mut self, now: Duration) {
        let due = self.files.fetches.iter().filter(|(_, it)| it.repeat_at.min(it.ends_at) <= now);
        let due = due.map(|(transfer, it)| (*transfer, it.ends_at <= now, it.source.is_some()));
        for (transfer, is_over, has_source) in due.collect::<Vec<_>>() {
            if is_over {
                let error = if has_source { FetchError::Stopped } else { FetchError::NoNode };
                self.end_fetch(now, transfer, Err(error));
            } else {
                self.request_parts(now, transfer);
            }
        }
    }
}
