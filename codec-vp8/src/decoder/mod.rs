//! The VP8 decoder. RFC 6386.
//!
//! A packet passes through `packet` (sizes and partitions), `header`, and then row by row through
//! `parse` (modes and coefficients) and `frame` (prediction, residual, loop filter); `references`
//! updates the reference frames. With a thread pool, `threads` runs these two stages on different
//! rows in parallel, and `overlap`, with a delay of one frame, on two frames. The decoder's state
//! changes only after the frame has been decoded, or at least parsed completely.

mod frame;
mod overlap;
mod packet;
mod parse;
mod parsed;
mod references;
mod threads;
mod trace;

use std::collections::VecDeque;
use std::sync::Arc;

use codec_simd::Kernels;

use self::frame::FrameTask;
use self::overlap::{Held, HeldFrames};
use self::packet::{PacketLayout, Partitions};
use self::parse::{MbData, ParseState, ParseTask};
use self::references::References;
use self::threads::ThreadRows;
use self::trace::{Off, RowTrace, TraceState};
use super::header::{FrameHeader, HeaderContext, parse_frame_header};
use super::loop_filter::MbStrength;
use super::predict::UnfilteredLine;
use super::residual::TokenProbs;
use super::rows::mb_rows;
use codec_core::codec::trace::FrameTrace;
use codec_core::codec::{
    Capabilities, Conceal, DecodeReport, DecoderConfig, FrameKind, ResizeLimit, SlotSet,
    VideoDecoder,
};
use codec_core::entropy::BoolDecoder;
use codec_core::error::{ConfigError, Corrupt, Error, LimitError};
use codec_core::frame::{Frame, FrameBuf, FramePool, PictureInfo, PixelLimit, Size};
use codec_core::parallel::Pool;

/// Number of frames that the pool keeps for reuse: three references, the one being decoded, and
/// some that the caller still holds.
const POOLED_FRAMES: usize = 8;

static CAPABILITIES: Capabilities = {
    let mut capabilities = Capabilities::minimal("native");
    capabilities.reference_slots = 3;
    capabilities.live_resolution = true;
    capabilities.reports_qindex = true;
    capabilities.threads = true;
    capabilities
};

/// Opens the native VP8 decoder, registered as `vp8/native`.
///
/// # Errors
/// [`Error::Config`] if the CPU does not support the SIMD level in `config`.
pub fn open(config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error> {
    Ok(Box::new(Vp8Decoder::new(config.clone())?))
}

/// Returns the capabilities of the decoder.
#[must_use]
pub const fn capabilities() -> &'static Capabilities {
    &CAPABILITIES
}

pub use packet::peek;

/// The native VP8 decoder.
#[derive(Debug)]
pub struct Vp8Decoder {
    config: DecoderConfig,
    kernels: &'static Kernels,
    /// State that the next frame's header refers to.
    context: HeaderContext,
    /// State that depends on the frame size; `None` before the first key frame.
    sized: Option<Sized>,
    resize_limit: ResizeLimit,
    /// At most two frames: one that was held back and a repeated one.
    output: VecDeque<Frame>,
    /// Trace of the last packet, if enabled.
    trace: Option<Box<TraceState>>,
}

/// State for one frame size.
#[derive(Debug)]
struct Sized {
    size: Size,
    scaling: [u8; 2],
    pool: FramePool,
    /// Reference frames; `None` until the first frame of this size is complete.
    references: Option<References>,
    /// Segment of each macroblock after the last frame, and in this one.
    segments: Vec<u8>,
    next_segments: Vec<u8>,
    parse: ParseState,
    probs: TokenProbs,
    /// Single-threaded decoding: the current macroblock, the filter strengths of its row, and two
    /// unfiltered lines.
    mb: Box<MbData>,
    strengths: Vec<MbStrength>,
    lines: Vec<UnfilteredLine>,
    threads: ThreadRows,
    /// Frames held back, if the decoder has a delay.
    ahead: Option<HeldFrames>,
}

impl Sized {
    fn new(size: Size, scaling: [u8; 2]) -> Self {
        let (cols, rows) = size.macroblocks();
        Self {
            size,
            scaling,
            pool: FramePool::new(size, 0, POOLED_FRAMES),
            references: None,
            segments: vec![0; cols * rows],
            next_segments: vec![0; cols * rows],
            parse: ParseState::new(cols),
            probs: TokenProbs::default(),
            mb: Box::default(),
            strengths: vec![MbStrength::default(); cols],
            lines: (0..2).map(|_| UnfilteredLine::new(cols)).collect(),
            threads: ThreadRows::default(),
            ahead: None,
        }
    }
}

impl Vp8Decoder {
    /// Creates a decoder that waits for a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] if the CPU does not support the SIMD level in `config`.
    pub fn new(config: DecoderConfig) -> Result<Self, Error> {
        let kernels = match config.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "a level that this CPU supports")
            })?,
        };
        let trace = config.trace.then(Box::default);
        Ok(Self {
            config,
            kernels,
            context: HeaderContext::default(),
            sized: None,
            resize_limit: ResizeLimit::default(),
            output: VecDeque::with_capacity(2),
            trace,
        })
    }

    /// Returns the pool if it has several threads. Traced frames are decoded on the caller's
    /// thread.
    fn pool(&self) -> Option<Arc<dyn Pool>> {
        self.config.pool.clone().filter(|pool| self.trace.is_none() && pool.threads() > 1)
    }

    /// Completes the frame that is held back, if any.
    fn complete_held(&mut self) {
        if let (Some(sized), Some(pool)) = (&mut self.sized, &self.config.pool) {
            self.output.extend(overlap::complete(self.kernels, sized, pool.as_ref()));
        }
    }

    fn conceals(&self) -> bool {
        self.config.conceal == Conceal::On
    }

    /// Outputs the last frame again, with `concealed_mbs` macroblocks concealed.
    fn repeat(
        &mut self,
        packet_bytes: usize,
        (pts, duration): (i64, Option<u64>),
        is_concealed: bool,
    ) -> Result<DecodeReport, Error> {
        let sized = self.sized.as_ref().ok_or(Corrupt::NothingToRepeat)?;
        let references = sized.references.as_ref().ok_or(Corrupt::NothingToRepeat)?;
        let mut report = DecodeReport::new(FrameKind::Inter, sized.size);
        report.scaling = sized.scaling;
        report.refs_used = SlotSet::LAST;
        if is_concealed {
            report.concealed_mbs = report.total_mbs;
        }
        let frame = shown(references.last.clone(), pts, duration);
        if let Some(trace) = &mut self.trace {
            trace.repeat(packet_bytes, &report, frame.clone());
        }
        self.output.push_back(frame);
        Ok(report)
    }

    /// Checks a packet against the limits before any allocation.
    fn check_limits(&self, data: &[u8]) -> Result<(), Error> {
        let limit = self.config.limits.max_frame_bytes;
        let asked = data.len() as u64;
        if asked > limit {
            return Err(LimitError { what: "frame bytes", asked, limit }.into());
        }
        Ok(())
    }

    /// Prepares the state for a key frame of another size; `None` if the size is unchanged.
    fn prepare_size(&self, layout: &PacketLayout<'_>) -> Result<Option<Sized>, Error> {
        let Some(key) = layout.key else {
            return Ok(None);
        };
        if self.sized.as_ref().is_some_and(|sized| sized.size == key.size) {
            return Ok(None);
        }
        PixelLimit(self.config.limits.max_pixels).check(key.size)?;
        layout.check_plausible(key.size, self.conceals())?;
        self.resize_limit.check(&self.config.limits, key.size)?;
        Ok(Some(Sized::new(key.size, key.scaling)))
    }

    fn decode_frame(
        &mut self,
        data: &[u8],
        pts: i64,
        duration: Option<u64>,
    ) -> Result<DecodeReport, Error> {
        self.check_limits(data)?;
        let layout = PacketLayout::parse(data, self.conceals())?;
        if layout.key.is_none() && self.sized.is_none() {
            return Err(Corrupt::NoReference.into());
        }
        let new_size = self.prepare_size(&layout);
        let changed_to = new_size.as_ref().ok().and_then(|new| Some(new.as_ref()?.size));
        // Failed frames count too: they cost as much, and the window must advance.
        let is_new_size = changed_to.is_some();
        self.resize_limit.count_frame(changed_to);
        let new_size = new_size?;
        let mut context = self.context.clone();
        let mut modes = BoolDecoder::new(layout.first_partition);
        let header = parse_frame_header(&mut modes, layout.tag.is_key, &mut context);
        let partitions = Partitions::parse(&layout, header.partitions(), self.conceals())?;

        let conceal = self.conceals();
        let pool = self.pool();
        let delaying_pool = pool.clone().filter(|_| self.config.delay_frames > 0);
        if is_new_size {
            // The new frame is independent of the previous one.
            self.complete_held();
        }
        let mut fresh = new_size;
        let Some(sized) = fresh.as_mut().or(self.sized.as_mut()) else {
            return Err(Corrupt::NoReference.into());
        };
        let mut report = report(&layout, &header, sized);
        let mut readers = partitions.readers();
        let job = FrameJob {
            kernels: self.kernels,
            header: &header,
            version: layout.tag.version,
            conceal,
        };
        let target = match &delaying_pool {
            Some(pool) => {
                let (outcome, frame) =
                    overlap::decode(&job, sized, modes, &mut readers, pool.as_ref());
                self.output.extend(frame);
                outcome?.enter(&mut report);
                None
            }
            None => {
                let mut target = sized.pool.take();
                let outcome = match (&pool, &mut self.trace, Arc::get_mut(&mut target)) {
                    (Some(pool), _, Some(target)) => {
                        threads::decode(&job, sized, modes, &mut readers, target, pool.as_ref())
                    }
                    (None, None, Some(target)) => {
                        decode_rows(&job, sized, modes, &mut readers, target, &mut Off)
                    }
                    (None, Some(trace), Some(target)) => {
                        let parts = (&layout, &partitions, data.len());
                        let before = &self.context.probs.coeffs;
                        let mut recorder = trace.header(parts, &header, before, &modes);
                        decode_rows(&job, sized, modes, &mut readers, target, &mut recorder)
                    }
                    (_, _, None) => Err(Corrupt::NoReference),
                };
                sized.pool.recycle(target.clone());
                outcome?.enter(&mut report);
                if let Some(trace) = &mut self.trace {
                    trace.complete(&report, shown(target.clone(), pts, duration));
                }
                Some(target)
            }
        };

        sized.scaling = report.scaling;
        if header.is_key || header.segmentation.update_map {
            std::mem::swap(&mut sized.segments, &mut sized.next_segments);
        }
        self.context = context;
        match target {
            Some(target) => {
                References::take_in(&mut sized.references, &header.references, &target);
                self.output.extend(report.shown.then(|| shown(target, pts, duration)));
            }
            None => {
                let (version, shown) = (layout.tag.version, report.shown);
                if let Some(ahead) = &mut sized.ahead {
                    ahead.hold(Held { header, version, shown, pts, duration });
                }
            }
        }
        if is_new_size {
            self.sized = fresh;
        }
        Ok(report)
    }
}

/// Inputs shared by both ways of decoding a frame's rows.
struct FrameJob<'a> {
    kernels: &'static Kernels,
    header: &'a FrameHeader,
    version: u8,
    conceal: bool,
}

/// Result of decoding a frame's rows.
#[derive(Clone, Copy, Debug, Default)]
struct RowsOutcome {
    concealed_mbs: u32,
    refs_used: SlotSet,
}

impl RowsOutcome {
    fn enter(self, report: &mut DecodeReport) {
        report.concealed_mbs = self.concealed_mbs;
        report.refs_used = self.refs_used;
    }
}

fn report(layout: &PacketLayout<'_>, header: &FrameHeader, sized: &Sized) -> DecodeReport {
    let kind = if header.is_key { FrameKind::Key } else { FrameKind::Inter };
    let mut report = DecodeReport::new(kind, sized.size);
    report.shown = layout.tag.show;
    report.scaling = layout.key.as_ref().map_or(sized.scaling, |key| key.scaling);
    report.profile = layout.tag.version;
    report.qindex = header.quant.y_ac;
    report.refs_updated = header.references.slots();
    report
}

fn shown(buf: Arc<FrameBuf>, pts: i64, duration: Option<u64>) -> Frame {
    Frame { buf, info: PictureInfo::default(), pts, duration }
}

/// Decodes all rows on this thread: parses, reconstructs and filters each row while it is in the
/// cache.
fn decode_rows(
    job: &FrameJob<'_>,
    sized: &mut Sized,
    mut modes: BoolDecoder<'_>,
    readers: &mut [BoolDecoder<'_>],
    target: &mut FrameBuf,
    trace: &mut impl RowTrace,
) -> Result<RowsOutcome, Corrupt> {
    let Sized {
        size, references, segments, next_segments, parse, probs, mb, strengths, lines, ..
    } = sized;
    let (cols, rows) = size.macroblocks();
    probs.update(&job.header.probs.coeffs);
    let parse_task = ParseTask::new(job, probs, references.is_some());
    let task = FrameTask::new(job.kernels, job.header, job.version, references.as_ref(), cols);
    parse.begin_frame(rows);
    let mut above_row = None;
    let maps = segments.chunks_exact(cols).zip(next_segments.chunks_exact_mut(cols));
    for (y, (mut row, (old, new))) in mb_rows(target).zip(maps).enumerate() {
        let index = y & (readers.len() - 1);
        let tokens = &mut readers[index];
        let above = y.checked_sub(1).map(|above| &lines[above & 1]);
        let line = &lines[y & 1];
        parse.begin_row(index);
        // Static macroblocks are copied together at the end of their run.
        let mut done = 0;
        for x in 0..cols {
            task.prefetch((x, y), &row);
            parse.parse_mb(&parse_task, &mut modes, tokens, (x, y), old[x], mb);
            new[x] = mb.info.segment;
            strengths[x] = task.filter.strength(&mb.info);
            trace.macroblock((x, y), mb, strengths[x], (&modes, tokens));
            if !task.is_still(&mb.info) {
                task.reconstruct_still(done..x, y, &mut row);
                task.reconstruct((x, y), mb, above, &mut row);
                done = x + 1;
            }
        }
        task.reconstruct_still(done..cols, y, &mut row);
        parse.end_row(&parse_task, &modes, (index, tokens), y)?;
        trace.end_row(parse.concealed_mbs());
        line.save_all(&row);
        task.filter(strengths, &mut row, above_row.as_mut());
        above_row = Some(row);
    }
    Ok(parse.outcome())
}

impl VideoDecoder for Vp8Decoder {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn decode(
        &mut self,
        data: &[u8],
        pts: i64,
        duration: Option<u64>,
    ) -> Result<DecodeReport, Error> {
        self.output.clear();
        if let Some(trace) = &mut self.trace {
            trace.begin();
        }
        if data.is_empty() {
            self.complete_held();
            return self.repeat(0, (pts, duration), false);
        }
        let outcome = self.decode_frame(data, pts, duration);
        if outcome.is_err() {
            self.complete_held();
        }
        match outcome {
            // The packet cannot be decoded: repeat the last frame.
            Err(Error::Corrupt(detail)) if self.conceals() => {
                self.repeat(data.len(), (pts, duration), true).map_err(|_| detail.into())
            }
            outcome => outcome,
        }
    }

    fn receive(&mut self) -> Option<Frame> {
        self.output.pop_front()
    }

    fn trace(&self) -> Option<&FrameTrace> {
        self.trace.as_ref()?.get()
    }

    fn finish(&mut self) {
        self.complete_held();
    }

    fn reset(&mut self) {
        self.output.clear();
        self.complete_held();
        if let Some(trace) = &mut self.trace {
            trace.begin();
        }
        self.sized = None;
        self.context = HeaderContext::default();
        self.resize_limit = ResizeLimit::default();
    }
}
