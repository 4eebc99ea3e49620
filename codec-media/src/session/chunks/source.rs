//! The frames of one chunk.

use std::time::Duration;

use super::VERSION;
use super::key::{FrameId, KeyHasher};
use super::plan::{ChunkPlan, PlannedChunk};
use crate::Env;
use crate::cut::Cut;
use crate::failure::{Failure, Kind, Result};
use crate::frame::copy::FrameCopy;
use crate::io::input::InputSpec;
use crate::io::source::{Damage, FrameSource, SourceFrame, StreamInfo};
use crate::io::video;
use crate::settings::encoding::Encoding;
use crate::values::Deinterlace;

/// Frames before a chunk that are read so that filters and conversions of the frame rate have them.
const LEAD: Duration = Duration::from_secs(1);

/// The input of `settings`, with the times of the input.
pub(super) fn with_input_times(settings: &Encoding) -> InputSpec {
    let input = settings.input.clone();
    InputSpec { cut: Cut { keep_times: true, ..input.cut }, ..input }
}

/// Delivers the frames of a chunk, with the times of the output.
pub(super) struct ChunkSource {
    source: Box<dyn FrameSource>,
    stream_info: StreamInfo,
    chunk: PlannedChunk,
    origin: i64,
    name: String,
    env: Env,
    /// Number of frames to come.
    left: u64,
    hasher: KeyHasher,
    /// The first frame, which is found among earlier ones.
    first: FrameCopy,
}

impl ChunkSource {
    /// Opens the input at a chunk: the first one from the start, others by the index of the container.
    pub(super) fn open(
        settings: &Encoding,
        plan: &ChunkPlan,
        chunk: PlannedChunk,
        env: &Env,
    ) -> Result<Self> {
        let mut spec = with_input_times(settings);
        if chunk.first_frame > 0 {
            let needs_lead = settings.fps.is_some() || settings.deinterlace != Deinterlace::Off;
            let lead = if needs_lead { LEAD } else { Duration::ZERO };
            let start = Duration::from_nanos(u64::try_from(chunk.start_ns).unwrap_or(0));
            spec.cut.from = Some(spec.cut.start().max(start.saturating_sub(lead)));
        }
        // Problems of the tracks were reported before.
        let opened = video::open(&spec, &settings.decode_options(), &env.quiet());
        let source = opened.map_err(|failure| match failure.kind {
            // There is no frame at this time.
            Kind::Usage if chunk.first_frame > 0 => changed(&spec.name()),
            _ => failure,
        })?;
        let stream_info = StreamInfo { count: Some(chunk.frames), ..source.stream_info().clone() };
        Ok(Self {
            source,
            stream_info,
            chunk,
            origin: plan.origin,
            name: spec.name(),
            env: env.clone(),
            left: chunk.frames,
            hasher: KeyHasher::new(&plan.fingerprint_of(&chunk)),
            first: FrameCopy::default(),
        })
    }

    /// Succeeds if the frames that were delivered are those of the plan.
    pub(super) fn check(&self) -> Result<()> {
        let is_whole = self.left == 0 && self.hasher.clone().finish() == self.chunk.key;
        if is_whole { Ok(()) } else { Err(changed(&self.name)) }
    }

    /// Reads up to the first frame of the chunk; its time and duration.
    fn find_first(&mut self) -> Result<(i64, Option<u64>)> {
        loop {
            if self.env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            let Some(frame) = self.source.next()? else { return Err(changed(&self.name)) };
            if frame.pts < self.chunk.start {
                continue;
            }
            let (pts, duration) = (frame.pts, frame.duration);
            self.first.copy_from(&frame.picture);
            return if pts == self.chunk.start {
                Ok((pts, duration))
            } else {
                Err(changed(&self.name))
            };
        }
    }
}

impl FrameSource for ChunkSource {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut frame = if self.left == self.chunk.frames {
            let (pts, duration) = self.find_first()?;
            SourceFrame { picture: self.first.picture()?, pts, duration }
        } else {
            match self.source.next()? {
                Some(frame) => frame,
                None => return Err(changed(&self.name)),
            }
        };
        self.left -= 1;
        self.hasher.add(FrameId::new(frame.pts, frame.duration, &frame.picture));
        frame.pts = frame.pts.saturating_sub(self.origin);
        Ok(Some(frame))
    }

    fn damage(&self) -> Damage {
        self.source.damage()
    }

    fn coded_bytes(&self) -> u64 {
        self.source.coded_bytes()
    }
}

/// The error of an input whose frames are not those of the plan.
pub(super) fn changed(name: &str) -> Failure {
    Failure::new(
        Kind::Input,
        format!(
            "{name}: the frames differ from those of the plan\n\
             help: make a new plan: the input or its index has changed, or the plan was made by another build of \
             version {VERSION}, which decodes or converts the input differently"
        ),
    )
}
