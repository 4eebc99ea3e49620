//! Chunks with a target quality: the machine that encodes a chunk also measures it, and writes the mean of the metric
//! to a file next to the encoded chunk.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::key::Key;
use super::plan::{ChunkPlan, PlannedChunk};
use crate::failure::{Failure, Result};
use crate::io::output::{OutputFile, OutputRules};
use crate::session::goal::mean;
use crate::settings::encoding::Encoding;
use crate::settings::goal::TargetMetric;

/// The file with the mean value of a metric over the frames of a chunk.
fn value_file(folder: &Path, key: &Key, metric: TargetMetric) -> PathBuf {
    folder.join(format!("{key}.{}", metric.name()))
}

/// Stores the mean of the values of the frames of a chunk.
pub(super) fn store(folder: &Path, key: &Key, metric: TargetMetric, values: &[f64]) -> Result<()> {
    let path = value_file(folder, key, metric);
    let rules = OutputRules { overwrite: true, ..OutputRules::default() };
    let output = OutputFile::create(&path, &rules)?;
    let written = writeln!(output.writer()?, "{:?}", mean(values));
    written.map_err(|error| Failure::output(&output.name, error))?;
    output.commit()
}

/// The mean value of the frames of a chunk; `None` if the file is missing or damaged.
pub(super) fn stored(folder: &Path, key: &Key, metric: TargetMetric) -> Option<f64> {
    let text = fs::read_to_string(value_file(folder, key, metric)).ok()?;
    text.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

/// Whether the values of a chunk are stored, if there is a target.
pub(super) fn is_measured(settings: &Encoding, folder: &Path, key: &Key) -> bool {
    settings.target().is_none_or(|target| stored(folder, key, target.metric).is_some())
}

/// The mean over all frames of a plan.
///
/// # Errors
/// The number of chunks without values.
pub(super) fn reached(
    plan: &ChunkPlan,
    folder: &Path,
    metric: TargetMetric,
) -> std::result::Result<f64, u64> {
    let (mut sum, mut unknown) = (0.0, 0);
    for PlannedChunk { frames, key, .. } in plan.chunks() {
        match stored(folder, key, metric) {
            #[expect(clippy::cast_precision_loss, reason = "a chunk has fewer than 2^52 frames")]
            Some(value) => sum += value * *frames as f64,
            None => unknown += 1,
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a plan has fewer than 2^52 frames")]
    let mean = sum / plan.frames().max(1) as f64;
    if unknown == 0 { Ok(mean) } else { Err(unknown) }
}
