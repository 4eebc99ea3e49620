//! The frames of one chunk.

use std::time::Duration;

use codec_container::{Input, PacketReader};
use codec_core::frame::{Rational, Size};

use super::coded::{begin_name, read_key};
use super::input::{changed, with_input_times};
use super::key::{FileStamp, FrameId, KeyHasher, Naming};
use super::plan::{ChunkPlan, PlannedChunk};
use super::raw::{self, Match};
use super::watch::{PacketWatch, WatchedReader};
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::frame::copy::FrameCopy;
use crate::io::decoded::DecodedSource;
use crate::io::input::{InputSpec, Opened};
use crate::io::source::{Damage, FrameSource, SourceFrame, StreamInfo};
use crate::io::video;
use crate::settings::encoding::Encoding;
use crate::values::Deinterlace;

/// Frames before a chunk that are read so that filters and conversions of the frame rate have them.
const LEAD: Duration = Duration::from_secs(1);

/// The last moment of a tick, in nanoseconds, so that the tick of that time is this one.
fn end_of_tick(ticks: i64, base: Rational) -> Duration {
    let ns = i128::from(ticks) * i128::from(base.num) * 1_000_000_000;
    let ns = ns.div_euclid(i128::from(base.den.max(1))) + 1;
    Duration::from_nanos(u64::try_from(ns.max(0)).unwrap_or(u64::MAX))
}

/// How the frames of a chunk are compared with the frames of the plan.
enum Comparison {
    /// By the digests of the frames that were delivered.
    Frames(KeyHasher),
    /// By the packets that the decoder has read.
    Packets(PacketWatch),
    /// By samples of the file, before: the stamp of the plan, and the stamp of the file.
    File(FileStamp, FileStamp),
    /// Not at all.
    None,
}

/// Delivers the frames of a chunk, with the times of the output.
pub(super) struct ChunkSource<'a> {
    source: Box<dyn FrameSource>,
    stream_info: StreamInfo,
    settings: &'a Encoding,
    plan: &'a ChunkPlan,
    index: usize,
    chunk: PlannedChunk,
    name: String,
    env: Env,
    /// Number of frames to come; at most as many if the chunk ends by time.
    left: u64,
    /// Number of frames that were delivered.
    delivered: u64,
    comparison: Comparison,
    /// The first frame, which is found among earlier ones.
    first: FrameCopy,
}

impl<'a> ChunkSource<'a> {
    /// Opens the input at the chunk with number `index`: the first one from the start, others by the index of the container.
    pub(super) fn open(
        settings: &'a Encoding,
        plan: &'a ChunkPlan,
        index: usize,
        env: &Env,
    ) -> Result<Self> {
        let chunk = *plan.chunk(index)?;
        let spec = with_input_times(settings);
        let name = spec.name();
        let text = plan.fingerprint_of(&chunk);
        let comparison = match (plan.naming, chunk.packets) {
            (Naming::Frames, _) => Comparison::Frames(KeyHasher::new(&text)),
            (Naming::Packets, Some(range)) => {
                let begin = begin_name(&text, chunk.start, chunk.end);
                Comparison::Packets(PacketWatch::new(range, begin))
            }
            (Naming::Packets, None) | (Naming::Times, _) => Comparison::None,
            (Naming::File(planned), _) => {
                let found = raw::stamp(&spec)?;
                match raw::compare(settings, plan, planned, &chunk, env)? {
                    Match::Other => return Err(changed(&name, Some(index))),
                    Match::SameSamples => env.events.warn(modified(&name)),
                    Match::Same => {}
                }
                Comparison::File(planned, found)
            }
        };
        let opened = match chunk.packets {
            Some(_) => open_coded(settings, &spec, &chunk, &comparison, env),
            None => open_frames(settings, &spec, &chunk, env),
        };
        let source = opened.map_err(|failure| match failure.kind {
            // There is no frame at this time.
            Kind::Usage if chunk.first_frame > 0 => changed(&name, Some(index)),
            _ => failure,
        })?;
        let stream_info = StreamInfo { count: Some(chunk.frames), ..source.stream_info().clone() };
        let left = if chunk.packets.is_some() { u64::MAX } else { chunk.frames };
        let opened = Self {
            source,
            stream_info,
            settings,
            plan,
            index,
            chunk,
            name,
            env: env.clone(),
            left,
            delivered: 0,
            comparison,
            first: FrameCopy::default(),
        };
        check_size(&opened.name, index, plan.frame_size, opened.stream_info.size)?;
        Ok(opened)
    }

    /// Number of frames that were delivered.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Checks that the frames that were delivered are the frames of the plan.
    pub(super) fn check(&self) -> Result<()> {
        let is_same = match &self.comparison {
            Comparison::Frames(hasher) => {
                self.left == 0 && hasher.clone().finish() == self.chunk.key
            }
            Comparison::Packets(watch) => {
                let key = match watch.key() {
                    None => read_key(self.settings, watch, &self.env)?,
                    found => found,
                };
                key == Some(self.chunk.key)
            }
            Comparison::File(planned, found) => {
                let Self { settings, plan, chunk, env, .. } = self;
                // If it was modified meanwhile, it may have other samples now.
                let is_same = || -> Result<bool> {
                    let is_unmodified = raw::stamp(&settings.input)? == *found;
                    Ok(is_unmodified
                        || raw::compare(settings, plan, *planned, chunk, env)? != Match::Other)
                };
                self.left == 0 && is_same()?
            }
            Comparison::None => true,
        };
        if is_same { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> Failure {
        changed(&self.name, Some(self.index))
    }

    /// Reads up to the first frame of the chunk; its time and duration.
    fn find_first(&mut self) -> Result<(i64, Option<u64>)> {
        loop {
            if self.env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            let Some(frame) = self.source.next()? else { return Err(self.changed()) };
            if frame.pts < self.chunk.start {
                continue;
            }
            let (pts, duration) = (frame.pts, frame.duration);
            self.first.copy_from(&frame.picture);
            return if pts == self.chunk.start { Ok((pts, duration)) } else { Err(self.changed()) };
        }
    }
}

/// Opens the frames of a chunk and those that are read before it.
fn open_frames(
    settings: &Encoding,
    spec: &InputSpec,
    chunk: &PlannedChunk,
    env: &Env,
) -> Result<Box<dyn FrameSource>> {
    let mut spec = spec.clone();
    if chunk.first_frame > 0 {
        let needs_lead = settings.fps.is_some() || settings.deinterlace != Deinterlace::Off;
        let lead = if needs_lead { LEAD } else { Duration::ZERO };
        let start = Duration::from_nanos(u64::try_from(chunk.start_ns).unwrap_or(0));
        spec.cut.from = Some(spec.cut.start().max(start.saturating_sub(lead)));
    }
    // Problems of the tracks were reported before.
    video::open(&spec, &settings.decode_options(), &env.quiet())
}

/// Opens the frames of a chunk of a coded input, from the key frame before it on.
fn open_coded(
    settings: &Encoding,
    spec: &InputSpec,
    chunk: &PlannedChunk,
    comparison: &Comparison,
    env: &Env,
) -> Result<Box<dyn FrameSource>> {
    let env = &env.quiet();
    let Opened::Container(Input::Packets(reader)) = spec.open(env)? else {
        return Err(Failure::usage("the input is not coded"));
    };
    let mut from = spec.clone();
    if let Some((_, track)) = reader.video().filter(|_| chunk.first_frame > 0) {
        from.cut.from = Some(end_of_tick(chunk.start, track.time_base));
    }
    let reader: Box<dyn PacketReader> = match comparison {
        Comparison::Packets(watch) => Box::new(WatchedReader::new(reader, watch.clone()).0),
        _ => reader,
    };
    let options = settings.decode_options();
    let source = DecodedSource::new(reader, &from, &options, env)?;
    video::finished(Box::new(source), spec, &options, env)
}

/// Rejects frames whose size differs from the plan.
fn check_size(name: &str, index: usize, planned: Option<Size>, found: Size) -> Result<()> {
    match planned.filter(|planned| *planned != found) {
        None => Ok(()),
        Some(planned) => Err(Failure::new(
            Kind::Input,
            format!(
                "{name}: chunk {index}: the frame size changes from {planned} to {found}, and chunks require a constant \
                 size\nhelp: use `codec transcode` without --chunked"
            ),
        )),
    }
}

impl FrameSource for ChunkSource<'_> {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut frame = if self.delivered == 0 {
            let (pts, duration) = self.find_first()?;
            SourceFrame { picture: self.first.picture()?, pts, duration }
        } else {
            let (name, index) = (&self.name, self.index);
            match self.source.next()? {
                Some(frame) if self.chunk.end.is_none_or(|end| frame.pts < end) => frame,
                _ if self.chunk.packets.is_some() => {
                    self.left = 0;
                    return Ok(None);
                }
                _ => return Err(changed(name, Some(index))),
            }
        };
        check_size(&self.name, self.index, self.plan.frame_size, frame.picture.size())?;
        self.left -= 1;
        self.delivered += 1;
        if let Comparison::Frames(hasher) = &mut self.comparison {
            hasher.add(FrameId::new(frame.pts, frame.duration, &frame.picture));
        }
        frame.pts = frame.pts.saturating_sub(self.plan.origin);
        Ok(Some(frame))
    }

    fn damage(&self) -> Damage {
        self.source.damage()
    }

    fn coded_bytes(&self) -> u64 {
        self.source.coded_bytes()
    }
}

/// The warning about a file that was modified after it was planned.
fn modified(name: &str) -> String {
    format!(
        "{name} is a copy of the planned file, or was modified after planning: only some of its frames were compared\n\
         help: if it was modified, make a new plan; if it is only a copy, copy it with its modification time (cp -p) \
         to avoid this warning"
    )
}
