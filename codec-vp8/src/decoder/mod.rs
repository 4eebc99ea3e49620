//! The VP8 decoder. RFC 6386.
//!
//! `frame` is the main loop: it parses a packet (`packet`, `header`) and decodes its macroblocks
//! row by row through `parse` (modes and coefficients) and `reconstruct` (prediction, residual,
//! loop filter); `row_filter` passes rows to the loop filter in pairs; `references` updates the
//! reference frames. With a thread pool, `row_parallel` runs `parse` and `reconstruct` on different
//! rows in parallel. `frame_parallel` runs them on two successive frames in parallel, which delays
//! the output by one frame. A packet changes the decoder's state only after its frame has been
//! decoded completely, or in `frame_parallel` after it has been parsed completely.

mod frame;
mod frame_parallel;
mod packet;
mod parse;
mod parsed_frame;
mod reconstruct;
mod references;
mod row_filter;
mod row_parallel;
mod trace;

use std::collections::VecDeque;
use std::sync::Arc;

use codec_simd::Kernels;

use self::frame_parallel::FrameParallelState;
use self::parse::{MbData, MbParser};
use self::references::References;
use self::row_parallel::RowParallelState;
use self::trace::TraceState;
use super::header::{FrameHeader, HeaderContext};
use super::loop_filter::MbStrength;
use super::predict::UnfilteredLine;
use super::residual::TokenProbs;
use codec_core::codec::trace::FrameTrace;
use codec_core::codec::{
    Capabilities, Conceal, DecodeReport, DecoderConfig, FrameKind, ResizeLimit, SlotSet,
    VideoDecoder,
};
use codec_core::error::{ConfigError, Corrupt, Error};
use codec_core::frame::{Frame, FrameBuf, FramePool, PictureInfo, Size};
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
    stream: Option<StreamState>,
    resize_limit: ResizeLimit,
    /// At most two frames: one that was held back and a repeated one.
    output: VecDeque<Frame>,
    /// Trace of the last packet, if enabled.
    trace: Option<Box<TraceState>>,
}

/// State for one frame size.
#[derive(Debug)]
struct StreamState {
    size: Size,
    scaling: [u8; 2],
    pool: FramePool,
    /// Reference frames; `None` until the first frame of this size is complete.
    references: Option<References>,
    /// Segment of each macroblock after the last frame, and in this one.
    segments: Vec<u8>,
    next_segments: Vec<u8>,
    parser: MbParser,
    probs: TokenProbs,
    /// Single-threaded decoding: the current macroblock, the filter strengths of two rows, and two
    /// unfiltered lines.
    mb: Box<MbData>,
    strengths: Vec<MbStrength>,
    lines: Vec<UnfilteredLine>,
    row_parallel: RowParallelState,
    /// Parsed frames, if the decoder has a delay.
    frame_parallel: Option<FrameParallelState>,
}

impl StreamState {
    fn new(size: Size, scaling: [u8; 2]) -> Self {
        let (cols, rows) = size.macroblocks();
        Self {
            size,
            scaling,
            pool: FramePool::new(size, 0, POOLED_FRAMES),
            references: None,
            segments: vec![0; cols * rows],
            next_segments: vec![0; cols * rows],
            parser: MbParser::new(cols),
            probs: TokenProbs::default(),
            mb: Box::default(),
            strengths: vec![MbStrength::default(); 2 * cols],
            lines: (0..2).map(|_| UnfilteredLine::new(cols)).collect(),
            row_parallel: RowParallelState::default(),
            frame_parallel: None,
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
                ConfigError::new("simd", level.name(), "an instruction set that this CPU supports")
            })?,
        };
        let trace = config.trace.then(Box::default);
        Ok(Self {
            config,
            kernels,
            context: HeaderContext::default(),
            stream: None,
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
        if let (Some(stream), Some(pool)) = (&mut self.stream, &self.config.pool) {
            self.output.extend(frame_parallel::complete(self.kernels, stream, pool.as_ref()));
        }
    }

    fn conceals(&self) -> bool {
        self.config.conceal == Conceal::On
    }

    /// Outputs the last frame again; `is_concealed` if it replaces a damaged packet.
    fn repeat(
        &mut self,
        packet_bytes: usize,
        timing: Timing,
        is_concealed: bool,
    ) -> Result<DecodeReport, Error> {
        let stream = self.stream.as_ref().ok_or(Corrupt::NothingToRepeat)?;
        let references = stream.references.as_ref().ok_or(Corrupt::NothingToRepeat)?;
        let mut report = DecodeReport::new(FrameKind::Inter, stream.size);
        report.scaling = stream.scaling;
        report.refs_used = SlotSet::LAST;
        if is_concealed {
            report.concealed_mbs = report.total_mbs;
        }
        let frame = timing.frame(references.last.clone());
        if let Some(trace) = &mut self.trace {
            trace.repeat(packet_bytes, &report, frame.clone());
        }
        self.output.push_back(frame);
        Ok(report)
    }
}

/// Inputs of the macroblocks of a frame, shared by all ways of decoding them.
struct FrameParams<'a> {
    kernels: &'static Kernels,
    header: &'a FrameHeader,
    version: u8,
    conceal: bool,
}

/// Result of decoding a frame's macroblocks.
#[derive(Clone, Copy, Debug, Default)]
struct MacroblockStats {
    concealed_mbs: u32,
    refs_used: SlotSet,
}

/// Timestamps of a packet, for the frame that it decodes to.
#[derive(Clone, Copy, Debug)]
struct Timing {
    pts: i64,
    duration: Option<u64>,
}

impl Timing {
    fn frame(self, buf: Arc<FrameBuf>) -> Frame {
        Frame {
            buf: buf.into(),
            info: PictureInfo::default(),
            pts: self.pts,
            duration: self.duration,
        }
    }
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
        let timing = Timing { pts, duration };
        if data.is_empty() {
            self.complete_held();
            return self.repeat(0, timing, false);
        }
        let outcome = self.decode_frame(data, timing);
        if outcome.is_err() {
            self.complete_held();
        }
        match outcome {
            // The packet cannot be decoded: repeat the last frame.
            Err(Error::Corrupt(detail)) if self.conceals() => {
                self.repeat(data.len(), timing, true).map_err(|_| detail.into())
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
        self.stream = None;
        self.context = HeaderContext::default();
        self.resize_limit = ResizeLimit::default();
    }
}
