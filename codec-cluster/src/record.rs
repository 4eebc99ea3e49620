//! The stored state of jobs, chunks and workers, as JSON.

use codec_media::failure::Kind;
use serde::{Deserialize, Serialize};

/// Limit of the text of a stored error, in bytes.
const MAX_ERROR_BYTES: usize = 2000;

/// The state of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobRecord {
    /// Version of this library that made the plan; only workers of this version encode it.
    pub version: String,
    /// Name of the input, as in the plan.
    pub input: String,
    /// Unit of the job. In the following, "chunks" are units of this kind.
    #[serde(default)]
    pub unit: Unit,
    /// The machine that all chunks need.
    #[serde(default)]
    pub machine: Option<String>,
    /// Number of chunks.
    pub chunks: u64,
    /// Number of frames of all chunks.
    pub frames: u64,
    /// Whether the job was cancelled.
    pub is_cancelled: bool,
}

/// The kind of the units of work of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A chunk of a file.
    #[default]
    Chunk,
    /// A point of a study, without times.
    Point,
    /// All points of a clip, with times.
    Clip,
}

impl Unit {
    /// The name, as stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chunk => "chunk",
            Self::Point => "point",
            Self::Clip => "clip",
        }
    }
}

/// State of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChunkState {
    /// It is in the queue.
    Waiting,
    /// A worker encodes it.
    Running,
    /// Its result is complete.
    Done,
    /// It failed too often.
    Failed,
}

impl ChunkState {
    /// The name, as stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// The state of a chunk that a worker has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChunkRecord {
    /// State of the chunk.
    pub state: ChunkState,
    /// Name of the last worker; empty if the result existed before.
    pub worker: String,
    /// How often workers began to encode it, except for workers that were stopped in the normal way.
    pub attempts: u32,
    /// Frames that are encoded.
    pub frames: u64,
    /// The error of the last attempt that failed.
    pub error: Option<String>,
    /// The exit code of the `codec` command for that error.
    pub code: Option<u8>,
}

impl ChunkRecord {
    /// A chunk whose result exists.
    pub(crate) fn done(worker: &str, attempts: u32, frames: u64) -> Self {
        let state = ChunkState::Done;
        Self { state, worker: worker.to_owned(), attempts, frames, error: None, code: None }
    }

    /// Stores an error.
    pub(crate) fn with_error(mut self, state: ChunkState, code: u8, message: &str) -> Self {
        self.state = state;
        self.error = Some(truncated(message).to_owned());
        self.code = Some(code);
        self
    }

    /// The kind of its error.
    pub(crate) fn kind(&self) -> Kind {
        let kinds = [
            Kind::Usage,
            Kind::Input,
            Kind::Corrupt,
            Kind::Output,
            Kind::Backend,
            Kind::Check,
            Kind::Network,
        ];
        let found = kinds.into_iter().find(|kind| Some(*kind as u8) == self.code);
        found.unwrap_or(Kind::Internal)
    }
}

/// The first part of a message that is stored.
pub(crate) fn truncated(message: &str) -> &str {
    message.get(..message.floor_char_boundary(MAX_ERROR_BYTES)).unwrap_or(message)
}

/// A worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkerRecord {
    /// Version of this library.
    pub version: String,
    /// Instruction set of its kernels.
    pub simd: String,
    /// The machine, on which measured times depend.
    #[serde(default)]
    pub machine: String,
    /// Number of chunks that it encodes at a time.
    pub jobs: u64,
    /// The chunks that it encodes now.
    pub running: Vec<RunningChunk>,
}

/// A chunk that a worker encodes now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningChunk {
    /// The job.
    pub job: String,
    /// Number of the chunk, from 0.
    pub chunk: usize,
}

/// A message of the queue that was removed because it is not valid.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefusedRecord {
    /// The subject of the message.
    pub subject: String,
    /// Why it was removed.
    pub error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_are_written() {
        let record = ChunkRecord::done("w", 2, 250).with_error(ChunkState::Failed, 3, "no \u{e4}");
        let json = serde_json::to_string(&record).unwrap();
        let read: ChunkRecord = serde_json::from_str(&json).unwrap();
        assert_eq!((read.state, read.kind()), (ChunkState::Failed, Kind::Input));
        assert_eq!(read.error.as_deref(), Some("no \u{e4}"));
        assert!(json.contains("\"state\":\"failed\""), "{json}");
        assert!(serde_json::from_str::<ChunkRecord>("{\"state\":\"lost\"}").is_err());
    }

    #[test]
    fn long_errors_are_shortened() {
        let long = "\u{e4}".repeat(MAX_ERROR_BYTES);
        let record = ChunkRecord::done("w", 1, 0).with_error(ChunkState::Failed, 99, &long);
        assert_eq!(record.error.as_ref().map(String::len), Some(MAX_ERROR_BYTES));
        assert_eq!(record.kind(), Kind::Internal);
    }
}
