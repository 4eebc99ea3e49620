//! Encodes chunks into files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use codec_core::frame::Rational;

use super::coded::{begin_name, read_key};
use super::damage::{self, ChunkDamage};
use super::file::{ChunkReader, ChunkWriter};
use super::input::changed;
use super::key::{Key, Naming};
use super::plan::{ChunkPlan, PlannedChunk, check_fingerprint};
use super::source::ChunkSource;
use super::target;
use super::watch::PacketWatch;
use crate::Env;
use crate::events::{Events, Listener, Severity};
use crate::failure::{Failure, Kind, Result};
use crate::io::output::OutputRules;
use crate::io::source::FrameSource;
use crate::progress::{Meter, Now, Pass, Progress};
use crate::session::Session;
use crate::settings::encoding::Encoding;

/// The file of a chunk's result.
pub(super) fn file_of(folder: &Path, key: &Key) -> PathBuf {
    folder.join(format!("{key}.chunk"))
}

/// Whether `folder` has a complete result of a chunk, or the input is damaged where it begins.
///
/// # Errors
/// If there is a file, but it is damaged or cannot be read.
pub(super) fn is_done(folder: &Path, key: &Key) -> Result<bool> {
    match ChunkReader::open(&file_of(folder, key), key)? {
        Some(reader) => reader.verify().map(|()| true),
        None => Ok(damage::is_empty(folder, key)),
    }
}

/// Whether the chunk needs no run: it has a result, and with a target, that was measured.
fn is_complete(settings: &Encoding, folder: &Path, key: &Key) -> Result<bool> {
    let is_measured = || target::is_measured(settings, folder, key);
    Ok(is_done(folder, key)? && (is_measured() || damage::is_empty(folder, key)))
}

/// The chunks of a plan that [`run_chunk`] would encode, in order: `folder` has no result, a damaged one, or, with a
/// target, one that was not measured.
#[must_use]
pub fn incomplete(settings: &Encoding, plan: &ChunkPlan, folder: &Path) -> Vec<usize> {
    let is_complete = |key: &Key| is_complete(settings, folder, key).unwrap_or(false);
    let chunks = plan.chunks().iter().enumerate();
    chunks.filter(|(_, chunk)| !is_complete(&chunk.key)).map(|(index, _)| index).collect()
}

/// Encodes a chunk of a plan into `folder`, unless its result is there already. Returns whether it was
/// encoded.
///
/// The result gets its name only when it is complete, so several processes may encode the same chunk. If the input is
/// damaged, the result ends before the damage, and a file beside it has the reason.
///
/// # Errors
/// If the input or the settings differ from the plan, the encoder fails, or the
/// result cannot be written.
pub fn run_chunk(
    settings: &Encoding,
    plan: &ChunkPlan,
    index: usize,
    folder: &Path,
    env: &Env,
) -> Result<bool> {
    let chunk = plan.chunk(index)?;
    match is_complete(settings, folder, &chunk.key) {
        Ok(true) => return Ok(false),
        Ok(false) => {}
        Err(failure) => {
            let first = failure.message.lines().next().unwrap_or_default();
            env.events.warn(format!("{first}: encoding chunk {index} again"));
        }
    }
    let path = file_of(folder, &chunk.key);
    let planned = plan.with_quality(settings);
    let settings = of_chunk(settings, plan, chunk, path);
    let key = chunk.key;
    let mut source = match ChunkSource::open(&settings, plan, index, env) {
        Err(failure) if is_damage(chunk, &failure) => {
            check_packets(&settings, plan, index, env)?;
            return end_at_damage(folder, index, &key, (0, failure), env);
        }
        opened => opened?,
    };
    check_fingerprint(&planned, plan, source.stream_info())?;
    let session = Session::of_chunk(
        &settings,
        &source,
        &|output, encoder| {
            let private = encoder.codec_private();
            let writer = ChunkWriter::new(output.writer()?, &key, &private);
            let writer = writer.map_err(|error| Failure::output(&output.name, error))?;
            Ok(Box::new(writer))
        },
        env,
    )?;
    let finished = session.encode_all(&settings, &mut source)?;
    let end = finished.end.clone();
    if let Err(failure) = end.clone()
        && !is_damage(chunk, &failure)
    {
        // A part of a chunk is not kept.
        let is_interrupt = failure.kind == Kind::Interrupted;
        return Err(if is_interrupt { Failure::interrupted(false) } else { failure });
    }
    source.check()?;
    if let Err(failure) = end {
        let frames = source.delivered();
        end_at_damage(folder, index, &key, (frames, failure), env)?;
        if frames == 0 {
            return Ok(true);
        }
    }
    if let Some(target) = settings.target() {
        target::store(folder, &key, target.metric, &finished.values)?;
    }
    match finished.output.commit() {
        // Another process has completed the chunk, and the results were joined.
        Err(_) if is_done(folder, &chunk.key)? => Ok(true),
        committed => committed.map(|()| true),
    }
}

/// Whether a failure means that the input is damaged, in a chunk that was planned without decoding it.
fn is_damage(chunk: &PlannedChunk, failure: &Failure) -> bool {
    chunk.packets.is_some() && failure.kind == Kind::Corrupt
}

/// Compares the packets of a chunk that cannot be decoded with the packets of the plan.
fn check_packets(settings: &Encoding, plan: &ChunkPlan, index: usize, env: &Env) -> Result<()> {
    let chunk = plan.chunk(index)?;
    let (Naming::Packets, Some(range)) = (plan.naming, chunk.packets) else { return Ok(()) };
    let begin = begin_name(&plan.fingerprint_of(chunk), chunk.start, chunk.end);
    if read_key(settings, &PacketWatch::new(range, begin), env)? == Some(chunk.key) {
        return Ok(());
    }
    Err(changed(&settings.input.name(), Some(index)))
}

/// Stores that a chunk ends after `frames` frames because the input is damaged.
fn end_at_damage(
    folder: &Path,
    index: usize,
    key: &Key,
    (frames, failure): (u64, Failure),
    env: &Env,
) -> Result<bool> {
    let error = failure.message;
    env.events
        .warn(format!("the input is damaged, and chunk {index} ends before the damage: {error}"));
    damage::store(folder, key, &ChunkDamage { frames, error })?;
    Ok(true)
}

/// The settings of one chunk of `plan`, whose result is `path`.
fn of_chunk(
    settings: &Encoding,
    plan: &ChunkPlan,
    chunk: &PlannedChunk,
    path: PathBuf,
) -> Encoding {
    let mut settings = plan.settings_of(chunk, settings);
    settings.output = path;
    settings.rules = OutputRules { overwrite: true, ..OutputRules::default() };
    (settings.audio, settings.report) = (None, None);
    settings.frames = None;
    settings
}

/// The progress of all chunks together.
pub(super) struct Board {
    state: Mutex<State>,
    outer: Events,
}

struct State {
    progress: Progress,
    /// Frames and bytes of each chunk.
    done: Vec<(u64, u64)>,
    warned: BTreeSet<String>,
}

impl Board {
    pub(super) fn new(plan: &ChunkPlan, env: &Env) -> Self {
        let progress = env.events.progress(Some(plan.frames()), plan.frame_rate);
        let done = vec![(0, 0); plan.chunks().len()];
        let warned = BTreeSet::new();
        Self { state: Mutex::new(State { progress, done, warned }), outer: env.events.clone() }
    }

    /// Passes on a warning of a chunk, unless another chunk had the same.
    fn warn(&self, message: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.warned.insert(message.to_owned()) {
            self.outer.warn(message);
        }
    }

    fn update(&self, index: usize, frames: u64, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { progress, done, .. } = &mut *state;
        if let Some(entry) = done.get_mut(index) {
            *entry = (frames, bytes);
        }
        let (frames, bytes) =
            done.iter().fold((0, 0), |sum, entry| (sum.0 + entry.0, sum.1 + entry.1));
        progress.update(&Now { frames, bytes, ..Now::default() });
    }
}

/// Passes on the warnings and the progress of a chunk. Its notes are details of the run.
struct ChunkEvents {
    board: Arc<Board>,
    index: usize,
}

impl Listener for ChunkEvents {
    fn message(&self, severity: Severity, message: &str) {
        match severity {
            Severity::Detail | Severity::Note => {
                self.board.outer.detail(format!("chunk {}: {message}", self.index));
            }
            Severity::Warning => self.board.warn(message),
        }
    }

    fn meter(&self, _total: Option<u64>, _frame_rate: Rational) -> Box<dyn Meter> {
        Box::new(ChunkMeter { board: Arc::clone(&self.board), index: self.index })
    }
}

struct ChunkMeter {
    board: Arc<Board>,
    index: usize,
}

impl Meter for ChunkMeter {
    fn begin_pass(&mut self, _pass: Option<Pass>) {}

    fn update(&mut self, now: &Now) {
        self.board.update(self.index, now.frames, now.bytes);
    }
}

/// The outcome of several chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Chunks that were encoded.
    pub encoded: usize,
    /// Chunks whose results existed.
    pub skipped: usize,
}

/// Encodes all chunks of a plan whose results are not in `folder`, several in parallel. The longest chunks come first,
/// so that all threads end at about the same time.
///
/// # Errors
/// The first error of a chunk; no further chunk is begun after it.
pub(super) fn run_all(
    settings: &Encoding,
    plan: &ChunkPlan,
    folder: &Path,
    board: &Arc<Board>,
    env: &Env,
) -> Result<Ran> {
    let threads =
        settings.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let mut order: Vec<(usize, &PlannedChunk)> = plan.chunks().iter().enumerate().collect();
    order.sort_by_key(|(_, chunk)| std::cmp::Reverse(chunk.frames));
    let at_once = threads.clamp(1, order.len().max(1));
    let mut settings = settings.clone();
    settings.threads = Some((threads / at_once).max(1));
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let worker = || {
        let mut ran = Ran::default();
        while !failed.load(Ordering::Relaxed) {
            let Some(&(index, chunk)) = order.get(next.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            let listener = ChunkEvents { board: Arc::clone(board), index };
            let env = Env { events: Events::new(Arc::new(listener)), ..env.clone() };
            match run_chunk(&settings, plan, index, folder, &env) {
                Ok(true) => ran.encoded += 1,
                Ok(false) => {
                    board.update(index, chunk.frames, 0);
                    ran.skipped += 1;
                }
                Err(failure) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(failure);
                }
            }
        }
        Ok(ran)
    };
    let outcomes = thread::scope(|scope| {
        let workers: Vec<_> = (1..at_once).map(|_| scope.spawn(worker)).collect();
        let mut outcomes = vec![worker()];
        let panicked = |_| Err(Failure::internal("a thread that encodes chunks panicked"));
        outcomes.extend(workers.into_iter().map(|running| running.join().unwrap_or_else(panicked)));
        outcomes
    });
    outcomes.into_iter().try_fold(Ran::default(), |sum, ran| {
        let ran = ran?;
        Ok(Ran { encoded: sum.encoded + ran.encoded, skipped: sum.skipped + ran.skipped })
    })
}
