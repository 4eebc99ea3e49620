//! Divides an input: without decoding it if possible, or else by reading all of its frames.

use codec_core::analysis::Analyser;
use codec_core::frame::Size;
use codec_core::parallel::Serial;
use codec_simd::Kernels;

use super::input::with_input_times;
use super::key::{FrameId, KeyHasher};
use super::plan::{ChunkPlan, PlannedChunk, fingerprint, of_part};
use super::split::{Parts, Splitter};
use super::{coded, raw};
use crate::Env;
use crate::cut::ticks_to_ns;
use crate::failure::{Failure, Kind, Result};
use crate::io::source::{FrameSource, SourceFrame, StreamInfo};
use crate::io::video;
use crate::progress::{Now, Pass, Progress};
use crate::settings::encoding::Encoding;
use crate::values::Deinterlace;

/// Divides the input of `settings` into chunks. A plan that is stored has the digests by which workers recognise the input.
pub(super) fn divide(settings: &Encoding, is_stored: bool, env: &Env) -> Result<ChunkPlan> {
    if has_frames_of_file(settings) {
        if let Some(plan) = coded::plan(settings, is_stored, env)? {
            return Ok(plan);
        }
        if let Some(plan) = raw::plan(settings, is_stored, env)? {
            return Ok(plan);
        }
    }
    scan(settings, Parts::Chunks, env).map(|(plan, _)| plan)
}

/// Whether the frames are the frames of the file.
fn has_frames_of_file(settings: &Encoding) -> bool {
    let Encoding { fps, deinterlace, input, .. } = settings;
    fps.is_none() && *deinterlace == Deinterlace::Off && input.cut.is_whole()
}

/// Divides the input of `settings` into chunks that begin at scene cuts, or into shots. Returns the frames, too.
pub(super) fn scan(
    settings: &Encoding,
    parts: Parts,
    env: &Env,
) -> Result<(ChunkPlan, Vec<FrameId>)> {
    let spec = with_input_times(settings);
    // Problems of the tracks are reported when the input is opened for its audio.
    let mut source = video::open(&spec, &settings.decode_options(), &env.quiet())?;
    let stream_info = source.stream_info().clone();
    let (size, _) = settings.transform().begin(stream_info.size, stream_info.info)?;
    let total = stream_info.count.into_iter().chain(settings.frames).min();
    let progress = env.events.progress(total, stream_info.frame_rate);
    let mut scan = Scan::new(settings, parts, stream_info, progress, env);
    let is_limited = scan.read(settings, &mut *source, env)?;
    let count = scan.frames.len() as u64;
    let remote = match parts {
        Parts::Chunks if has_frames_of_file(settings) => {
            raw::divide_remote(settings, &scan.stream_info, count, env)?
        }
        Parts::Chunks | Parts::Shots => None,
    };
    scan.plan(settings, size, is_limited, remote)
}

/// A scan in progress.
struct Scan {
    stream_info: StreamInfo,
    kernels: &'static Kernels,
    analyser: Analyser,
    /// Whether the previous frame was analysed.
    has_previous: bool,
    splitter: Splitter,
    frames: Vec<FrameId>,
    end_ns: i64,
    input_error: Option<String>,
    name: String,
    progress: Progress,
}

impl Scan {
    fn new(
        settings: &Encoding,
        parts: Parts,
        stream_info: StreamInfo,
        progress: Progress,
        env: &Env,
    ) -> Self {
        let StreamInfo { size, frame_rate, time_base, .. } = stream_info;
        let key_interval = settings.config(size, frame_rate, time_base).keys.max_interval;
        let key_interval = key_interval.and_then(|frames| usize::try_from(frames).ok());
        Self {
            stream_info,
            kernels: Kernels::for_level(env.level).unwrap_or_else(Kernels::best),
            analyser: Analyser::new(),
            has_previous: false,
            splitter: Splitter::new(parts, key_interval),
            frames: Vec::new(),
            end_ns: 0,
            input_error: None,
            name: settings.input.name(),
            progress,
        }
    }

    /// Reads all frames. Returns whether there are more than the limit of `settings`.
    fn read(
        &mut self,
        settings: &Encoding,
        source: &mut dyn FrameSource,
        env: &Env,
    ) -> Result<bool> {
        self.progress.begin_pass(Some(Pass::Scan));
        loop {
            if env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            let frames = self.frames.len() as u64;
            match source.next() {
                Ok(None) => return Ok(false),
                Ok(Some(_)) if settings.frames.is_some_and(|limit| frames >= limit) => {
                    return Ok(true);
                }
                Ok(Some(frame)) => self.add(&frame)?,
                Err(failure) if failure.kind == Kind::Interrupted || frames == 0 => {
                    return Err(failure);
                }
                // The frames before it are encoded, as in a run without chunks.
                Err(failure) => {
                    self.input_error = Some(failure.message);
                    return Ok(false);
                }
            }
        }
    }

    fn add(&mut self, frame: &SourceFrame<'_>) -> Result<()> {
        let number = self.frames.len();
        let (name, picture) = (&self.name, &frame.picture);
        if picture.size() != self.stream_info.size {
            let (before, after) = (self.stream_info.size, picture.size());
            return Err(Failure::new(
                Kind::Input,
                format!(
                    "{name}: the size of frame {number} changes from {before} to {after}, which \
                     chunks cannot hold\nhelp: encode it without --chunked"
                ),
            ));
        }
        if let Some(last) = self.frames.last().filter(|last| frame.pts <= last.pts) {
            let (pts, last) = (frame.pts, last.pts);
            let message = format!(
                "{name}: frame {number}: timestamp {pts} is not greater than the previous one ({last})"
            );
            return Err(Failure::new(Kind::Corrupt, message));
        }
        let time_ns = ticks_to_ns(frame.pts, self.stream_info.time_base);
        let needs_scene = self.splitter.needs_scene(time_ns);
        let scene = needs_scene.then(|| {
            if !self.has_previous {
                self.analyser.reset();
            }
            self.analyser.analyse(picture, self.kernels, &Serial).scene
        });
        self.splitter.push(time_ns, scene.filter(|_| self.has_previous));
        self.has_previous = needs_scene;
        self.frames.push(FrameId::new(frame.pts, frame.duration, picture));
        let ticks = frame.duration.unwrap_or(1).max(1);
        let end = frame.pts.saturating_add_unsigned(ticks);
        self.end_ns = ticks_to_ns(end, self.stream_info.time_base);
        self.progress.update(&Now { frames: self.frames.len() as u64, ..Now::default() });
        Ok(())
    }

    /// The plan of the frames that were read; `starts` are the first frames of the chunks if they are not chosen by the splitter.
    fn plan(
        self,
        settings: &Encoding,
        size: Size,
        is_limited: bool,
        starts: Option<Vec<usize>>,
    ) -> Result<(ChunkPlan, Vec<FrameId>)> {
        let Some(first) = self.frames.first() else {
            let message = format!("{}: no frames to encode", self.name);
            return Err(Failure::new(Kind::Input, message));
        };
        let cut = settings.input.cut;
        let origin = if cut.is_whole() || cut.keep_times { 0 } else { first.pts };
        let fingerprint = fingerprint(settings, &self.stream_info, size);
        let starts = starts.unwrap_or_else(|| self.splitter.finish(self.end_ns));
        let ends = starts.iter().skip(1).copied().chain([self.frames.len()]);
        let chunk = |(start, end): (usize, usize)| {
            let frames = self.frames.get(start..end)?;
            let mut hasher = KeyHasher::new(&of_part(&fingerprint, origin, None));
            frames.iter().for_each(|frame| hasher.add(*frame));
            let start_pts = frames.first()?.pts;
            Some(PlannedChunk {
                first_frame: start as u64,
                frames: frames.len() as u64,
                start: start_pts,
                start_ns: ticks_to_ns(start_pts, self.stream_info.time_base),
                end: None,
                packets: None,
                key: hasher.finish(),
                quality_q8: None,
            })
        };
        let chunks: Option<Vec<_>> = starts.iter().copied().zip(ends).map(chunk).collect();
        let chunks = chunks.ok_or_else(|| Failure::internal("a chunk without frames"))?;
        let mut plan = ChunkPlan::new(fingerprint, self.stream_info.frame_rate, origin, chunks);
        (plan.is_limited, plan.input_error) = (is_limited, self.input_error);
        Ok((plan, self.frames))
    }
}
