//! Chunks that end early because the input is damaged: a file next to the encoded chunk contains the reason.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::key::Key;
use super::plan::ChunkPlan;
use crate::failure::{Failure, Kind, Result};
use crate::io::output::{OutputFile, OutputRules};
use crate::json::Object;

/// The damage at which a chunk ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChunkDamage {
    /// Number of frames before it; without any, the chunk has no result.
    pub(super) frames: u64,
    /// The error of the input.
    pub(super) error: String,
}

fn file_of(folder: &Path, key: &Key) -> PathBuf {
    folder.join(format!("{key}.damage"))
}

/// Stores the damage of a chunk.
pub(super) fn store(folder: &Path, key: &Key, damage: &ChunkDamage) -> Result<()> {
    let path = file_of(folder, key);
    let rules = OutputRules { overwrite: true, ..OutputRules::default() };
    let output = OutputFile::create(&path, &rules)?;
    let text = Object::new().raw("frames", damage.frames).text("error", &damage.error).finish();
    let written = writeln!(output.writer()?, "{text}");
    written.map_err(|error| Failure::output(&output.name, error))?;
    output.commit()
}

/// The damage of a chunk, if it has some.
pub(super) fn stored(folder: &Path, key: &Key) -> Option<ChunkDamage> {
    let text = fs::read_to_string(file_of(folder, key)).ok()?;
    let json: Value = serde_json::from_str(&text).ok()?;
    let error = json["error"].as_str()?.to_owned();
    Some(ChunkDamage { frames: json["frames"].as_u64()?, error })
}

/// Whether a chunk has no frames before the damage, and thus no result.
pub(super) fn is_empty(folder: &Path, key: &Key) -> bool {
    stored(folder, key).is_some_and(|damage| damage.frames == 0)
}

/// The number of chunks before the end of the input, and how reading the input ended.
pub(super) fn end_of(plan: &ChunkPlan, folder: &Path) -> (usize, Result<()>) {
    let corrupt = |error: String| Err(Failure::new(Kind::Corrupt, error));
    for (index, chunk) in plan.chunks().iter().enumerate() {
        if let Some(ChunkDamage { frames, error }) = stored(folder, &chunk.key) {
            return (index + usize::from(frames > 0), corrupt(error));
        }
    }
    (plan.chunks().len(), plan.input_error.clone().map_or(Ok(()), corrupt))
}
