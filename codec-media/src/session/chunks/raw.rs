//! Uncompressed video files: they are divided into chunks, and the chunks are named, without reading all frames.
//!
//! A chunk's name follows from the size of the file, the time when it was modified, and the bytes of its frames
//! (all bytes up to 4 MiB, otherwise 4 KiB of every 128 KiB), so that a plan reads little more than the frames at
//! which a chunk may begin.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::time::UNIX_EPOCH;

use codec_container::{Format, Input, RawVideoReader, RawVideoStream};
use codec_core::analysis::{Analyser, SceneChange};
use codec_core::frame::SampleFormat;
use codec_core::parallel::Serial;
use codec_simd::Kernels;
use sha2::{Digest, Sha256};

use super::input::with_input_times;
use super::key::{FileStamp, Key, KeyHasher, Naming};
use super::plan::{ChunkPlan, PlannedChunk, fingerprint, of_part};
use super::windows::{Scenes, Timing, divide};
use crate::Env;
use crate::cut::ticks_to_ns;
use crate::failure::{Failure, Kind, Result};
use crate::io::input::{InputSpec, Opened};
use crate::io::remote::is_url;
use crate::io::source::StreamInfo;
use crate::io::video;
use crate::progress::{Now, Pass, Progress};
use crate::settings::encoding::Encoding;

/// Parts of a file up to this size are samples as a whole.
const WHOLE_BYTES: u64 = 4 << 20;
/// Size of a sample of a larger part.
const SAMPLE_BYTES: u64 = 1 << 12;
/// Distance of the samples.
const SAMPLE_DISTANCE: u64 = 1 << 17;
/// Bytes that are read at a time.
const PIECE: usize = 1 << 13;
/// Limit of the header of a y4m file.
const MAX_HEADER_BYTES: u64 = 1 << 16;
/// The line before a frame of a y4m file.
const FRAME_LINE: u64 = 6;

/// Where the frames of a file are.
#[derive(Clone, Debug)]
pub(super) struct RawFile {
    spec: InputSpec,
    pub(super) stamp: FileStamp,
    header: u64,
    record: u64,
    /// Number of frames.
    count: u64,
}

impl RawFile {
    /// The file of `spec`, and a reader of its frames; `None` if it is none whose frames have records of equal length.
    fn open(spec: &InputSpec, env: &Env) -> Result<Option<(Self, Box<dyn RawVideoReader>)>> {
        if is_url(&spec.path) || !spec.path.is_file() {
            return Ok(None);
        }
        let Opened::Container(Input::RawVideo(mut reader)) = spec.open(&env.quiet())? else {
            return Ok(None);
        };
        let stamp = stamp(spec)?;
        let &RawVideoStream { format, size, pixels, .. } = reader.stream();
        let frame_bytes = pixels.samples().frame_bytes(size);
        let (header, line) = match format {
            Format::Y4m => (header_bytes(spec)?, FRAME_LINE),
            _ => (0, 0),
        };
        let record = frame_bytes + line;
        let frames_bytes = stamp.bytes.saturating_sub(header);
        // A file may end with a newline. A part of a frame at the end is an error, which the reader reports.
        let is_whole = frames_bytes % record.max(1) <= u64::from(line > 0);
        let count = frames_bytes / record.max(1);
        let can_seek = is_whole && count > 0 && reader.seek(0).is_ok_and(|can_seek| can_seek);
        let file = Self { spec: spec.clone(), stamp, header, record, count };
        Ok(can_seek.then_some((file, reader)))
    }

    /// The name of the chunk with `frames` frames from `first` on; `text` is everything else that the name follows from, and
    /// `stamp` the stamp of the file that was planned.
    fn key(&self, text: &str, stamp: FileStamp, first: u64, frames: u64) -> Result<Key> {
        let mut hasher = KeyHasher::new(text);
        let FileStamp { bytes, time_ns } = stamp;
        hasher.add_text(&format!("file: {bytes}, {time_ns}; frames: {first}, {frames}"));
        let samples = self.samples(first, frames);
        let unreadable =
            |error| Failure::new(Kind::Input, format!("cannot read {}: {error}", self.spec.name()));
        hasher.add_text(&Key(samples.map_err(unreadable)?).to_string());
        Ok(hasher.finish())
    }

    /// The SHA-256 of samples of the part with these frames.
    fn samples(&self, first: u64, frames: u64) -> std::io::Result<[u8; 32]> {
        let mut file = File::open(&self.spec.path)?;
        let from = self.header + first * self.record;
        let end = from + frames * self.record;
        let mut hash = Sha256::new();
        if end - from <= WHOLE_BYTES {
            file.seek(SeekFrom::Start(from))?;
            add(&mut file, end - from, &mut hash)?;
        } else {
            let starts = (0..).map(|number| from + number * SAMPLE_DISTANCE);
            for start in starts.take_while(|start| *start < end) {
                file.seek(SeekFrom::Start(start))?;
                add(&mut file, SAMPLE_BYTES.min(end - start), &mut hash)?;
            }
        }
        Ok(hash.finalize().into())
    }
}

/// Adds the next bytes of a file.
fn add(file: &mut File, bytes: u64, hash: &mut Sha256) -> std::io::Result<()> {
    let mut piece = [0; PIECE];
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let found = file.read(&mut piece[..length])?;
        if found == 0 {
            return Ok(());
        }
        hash.update(&piece[..found]);
        left -= found as u64;
    }
    Ok(())
}

/// Length of the first line of a y4m file.
fn header_bytes(spec: &InputSpec) -> Result<u64> {
    let read = || {
        let mut line = Vec::new();
        BufReader::new(File::open(&spec.path)?)
            .take(MAX_HEADER_BYTES)
            .read_until(b'\n', &mut line)?;
        Ok(line.len() as u64)
    };
    read().map_err(|error: std::io::Error| {
        Failure::new(Kind::Input, format!("cannot read {}: {error}", spec.name()))
    })
}

/// The stamp of the file of `spec`.
pub(super) fn stamp(spec: &InputSpec) -> Result<FileStamp> {
    let name = spec.name();
    let unreadable = |error| Failure::new(Kind::Input, format!("cannot open {name}: {error}"));
    let found = fs::metadata(&spec.path).map_err(unreadable)?;
    let time = found.modified().map_err(unreadable)?;
    let ns = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    let time_ns = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => ns(after),
        Err(before) => -ns(before.duration()),
    };
    Ok(FileStamp { bytes: found.len(), time_ns })
}

/// Divides the input of `settings` if it is such a file.
pub(super) fn plan(settings: &Encoding, is_stored: bool, env: &Env) -> Result<Option<ChunkPlan>> {
    let spec = with_input_times(settings);
    let Some((file, reader)) = RawFile::open(&spec, env)? else { return Ok(None) };
    // Other frames are converted first.
    if reader.stream().pixels.samples() != SampleFormat::YUV420 {
        return Ok(None);
    }
    let source = video::open(&spec, &settings.decode_options(), &env.quiet())?;
    let stream_info = source.stream_info().clone();
    drop(source);
    let (size, _) = settings.transform().begin(stream_info.size, stream_info.info)?;
    let base = stream_info.time_base;
    let limit = settings.frames.filter(|limit| *limit < file.count);
    let count = limit.unwrap_or(file.count);
    if count == 0 {
        let message = format!("{}: no frames to encode", spec.name());
        return Err(Failure::new(Kind::Input, message));
    }
    let timing = timing(settings, &stream_info, count)?;
    let mut progress = env.events.progress(Some(count), stream_info.frame_rate);
    progress.begin_pass(Some(Pass::Scan));
    let mut scenes = FileScenes::new(reader, spec.name(), progress, env);
    let starts = match divide(timing, &mut scenes) {
        Ok(starts) => starts,
        // The frames have records of different lengths.
        Err(_) if scenes.is_irregular => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let fingerprint = fingerprint(settings, &stream_info, size);
    let text = of_part(&fingerprint, 0, None);
    let mut chunks = Vec::with_capacity(starts.len());
    for (index, &first) in starts.iter().enumerate() {
        let after = starts.get(index + 1).map_or(count, |next| *next as u64);
        let (first, frames) = (first as u64, after - first as u64);
        let start = i64::try_from(first).unwrap_or(i64::MAX);
        let key = if is_stored {
            file.key(&text, file.stamp, first, frames)?
        } else {
            let mut hasher = KeyHasher::new(&text);
            hasher.add_text(&format!("frames: {first}, {frames}"));
            hasher.finish()
        };
        let start_ns = ticks_to_ns(start, base);
        chunks.push(PlannedChunk {
            first_frame: first,
            frames,
            start,
            start_ns,
            end: None,
            packets: None,
            key,
            quality_q8: None,
        });
    }
    let mut plan = ChunkPlan::new(fingerprint, stream_info.frame_rate, 0, chunks);
    plan.is_limited = limit.is_some();
    plan.naming = if is_stored { Naming::File(file.stamp) } else { Naming::Times };
    Ok(Some(plan))
}

/// The first frames of all chunks of a remote file of samples with `count` frames, equal to the first frames for a
/// local copy. `None` if the input is not such a file, or its frames cannot be read in any order.
pub(super) fn divide_remote(
    settings: &Encoding,
    stream_info: &StreamInfo,
    count: u64,
    env: &Env,
) -> Result<Option<Vec<usize>>> {
    let spec = with_input_times(settings);
    if !is_url(&spec.path) {
        return Ok(None);
    }
    let Opened::Container(Input::RawVideo(mut reader)) = spec.open(&env.quiet())? else {
        return Ok(None);
    };
    let is_usual = reader.stream().pixels.samples() == SampleFormat::YUV420;
    if !is_usual || !reader.seek(0).is_ok_and(|can_seek| can_seek) {
        return Ok(None);
    }
    let progress = env.quiet().events.progress(None, stream_info.frame_rate);
    let mut scenes = FileScenes::new(reader, spec.name(), progress, env);
    match divide(timing(settings, stream_info, count)?, &mut scenes) {
        Err(_) if scenes.is_irregular => Ok(None),
        starts => starts.map(Some),
    }
}

/// The times of `count` frames.
fn timing(settings: &Encoding, stream_info: &StreamInfo, count: u64) -> Result<Timing> {
    let &StreamInfo { size, frame_rate, time_base, .. } = stream_info;
    let config = settings.config(size, frame_rate, time_base);
    let key_interval = config.keys.max_interval.filter(|interval| *interval > 0);
    Ok(Timing {
        count: usize::try_from(count).map_err(Failure::internal)?,
        frame_ns: time_base.as_f64() * 1e9,
        key_interval: key_interval.and_then(|frames| usize::try_from(frames).ok()),
    })
}

/// How a file compares with the one of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// It was not modified since.
    Same,
    /// It has the samples, but another time: it is a copy, or was modified elsewhere.
    SameSamples,
    /// It is another file.
    Other,
}

/// Compares the frames of a chunk with the frames of the plan.
pub(super) fn compare(
    settings: &Encoding,
    plan: &ChunkPlan,
    planned: FileStamp,
    chunk: &PlannedChunk,
    env: &Env,
) -> Result<Match> {
    let spec = with_input_times(settings);
    let Some((file, _)) = RawFile::open(&spec, env)? else { return Ok(Match::Other) };
    if file.stamp.bytes != planned.bytes {
        return Ok(Match::Other);
    }
    let text = plan.fingerprint_of(chunk);
    Ok(match file.key(&text, planned, chunk.first_frame, chunk.frames)? {
        key if key != chunk.key => Match::Other,
        _ if file.stamp == planned => Match::Same,
        _ => Match::SameSamples,
    })
}

/// Whether the file is the file of the plan, or has its samples.
pub(super) fn is_same(
    settings: &Encoding,
    plan: &ChunkPlan,
    planned: FileStamp,
    env: &Env,
) -> Result<bool> {
    if stamp(&settings.input)? == planned {
        return Ok(true);
    }
    for chunk in plan.chunks() {
        if compare(settings, plan, planned, chunk, env)? == Match::Other {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Compares frames of a file.
struct FileScenes {
    reader: Box<dyn RawVideoReader>,
    name: String,
    kernels: &'static Kernels,
    analyser: Analyser,
    /// The frame that is read next.
    position: usize,
    /// Whether the reader could not move to a frame.
    is_irregular: bool,
    progress: Progress,
    env: Env,
}

impl FileScenes {
    fn new(reader: Box<dyn RawVideoReader>, name: String, progress: Progress, env: &Env) -> Self {
        Self {
            reader,
            name,
            kernels: Kernels::for_level(env.level).unwrap_or_else(Kernels::best),
            analyser: Analyser::new(),
            position: 0,
            is_irregular: false,
            progress,
            env: env.clone(),
        }
    }

    /// Compares a frame with the one before.
    fn analyse(&mut self, frame: usize) -> Result<SceneChange> {
        if self.env.stop.is_requested() {
            return Err(Failure::interrupted(false));
        }
        let unreadable = |error| Failure::reading(&self.name, error);
        if frame != self.position && !self.reader.seek(frame as u64).map_err(unreadable)? {
            self.is_irregular = true;
            return Err(Failure::internal("frames with records of different lengths"));
        }
        self.position = frame + 1;
        let Some(read) = self.reader.read().map_err(unreadable)? else {
            self.is_irregular = true;
            return Err(Failure::internal("fewer frames than the size of the file says"));
        };
        let scene = self.analyser.analyse(&read.picture, self.kernels, &Serial).scene;
        self.progress.update(&Now { frames: frame as u64, ..Now::default() });
        Ok(scene)
    }
}

impl Scenes for FileScenes {
    fn compare(&mut self, frames: &mut dyn Iterator<Item = usize>) -> Result<Vec<SceneChange>> {
        self.analyser.reset();
        let mut changes = Vec::new();
        for (number, frame) in frames.enumerate() {
            let change = self.analyse(frame)?;
            if number > 0 {
                changes.push(change);
            }
        }
        Ok(changes)
    }
}
