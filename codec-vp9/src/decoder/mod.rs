//! The VP9 decoder.
//!
//! | step | module |
//! |---|---|
//! | state between frames | `stream`, `slots` |
//! | a frame: headers, tiles, loop filter, adaptation | `frame` |
//! | tiles, and the order of their superblocks | `tiles` |
//! | the blocks of a tile: the main loop | `tile` |
//! | modes, references and vectors of a block | `block_modes`, `vectors`, `segments` |
//! | coefficients of a block | `residual`, `tokens` |
//! | prediction, residual and loop filter of a block | `crate::block` |
//! | parsing, luma and chroma on several threads | `pipeline`, `unit` |
//! | concealment of blocks that were lost or damaged | `conceal` |
//! | traces of blocks and their bits | `trace` |

mod block_modes;
mod conceal;
mod frame;
mod memory;
mod pipeline;
mod residual;
mod segments;
mod slots;
mod stream;
mod tile;
mod tiles;
mod tokens;
mod trace;
mod unit;
mod vectors;

use std::collections::VecDeque;

use codec_core::codec::trace::FrameTrace;
use codec_core::codec::{
    Capabilities, Conceal, DecodeReport, DecoderConfig, Feature, FrameFormats, FrameKind, Gap,
    LayerOutput, SlotSet, VideoDecoder,
};
use codec_core::error::{ConfigError, Corrupt, Error};
use codec_core::frame::{Frame, PictureInfo, Size};
use codec_simd::Kernels;

use self::stream::{Decoded, Stream};
use crate::header::FrameType;
use crate::superframe::Superframe;

pub use codec_core::frame::AnyFrameBuf;
pub use slots::DecodedFrame;

/// Frames that wait for [`VideoDecoder::receive`], at most: callers that do not fetch frames do not
/// use more memory.
const MAX_OUTPUT: usize = 32;

static CAPABILITIES: Capabilities = {
    let mut capabilities = Capabilities::minimal("native");
    capabilities.qindex_range = (0, 255);
    capabilities.max_dimension = 65536;
    capabilities.reference_slots = 8;
    capabilities.live_resolution = true;
    capabilities.reports_qindex = true;
    capabilities.threads = true;
    capabilities.gaps =
        &[Gap::new(Feature::DecoderDelay, "threads work on one frame, without delay")];
    capabilities
};

/// Opens the native VP9 decoder, registered as `vp9/native`. It returns the formats that
/// [`DecoderConfig::formats`] allows; [`FrameDecoder`] always returns all.
///
/// # Errors
/// [`Error::Config`] if the CPU does not support the SIMD level in `config`.
pub fn open(config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error> {
    Ok(Box::new(Vp9Decoder::new(config)?))
}

/// Returns the capabilities of the decoder.
#[must_use]
pub const fn capabilities() -> &'static Capabilities {
    &CAPABILITIES
}

/// Decodes packets to frames of any bit depth and sampling.
///
/// A packet is a frame or a superframe.
#[derive(Debug)]
pub struct FrameDecoder {
    stream: Stream,
    config: DecoderConfig,
    kernels: &'static Kernels,
    /// The last frame that was shown.
    last: Option<DecodedFrame>,
}

impl FrameDecoder {
    /// Creates a decoder that waits for a key frame or an intra-only frame.
    ///
    /// # Errors
    /// [`Error::Config`] if the CPU does not support the SIMD level in `config`.
    pub fn new(config: &DecoderConfig) -> Result<Self, Error> {
        let kernels = match config.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "an instruction set that this CPU supports")
            })?,
        };
        let config = config.clone().formats(FrameFormats::All);
        let mut stream = Stream::new(kernels);
        stream.tracer = config.trace.then(Box::default);
        Ok(Self { stream, config, kernels, last: None })
    }

    /// Decodes a packet, and adds the frames that [`DecoderConfig::layer_output`] selects to `output`.
    /// An empty packet repeats the last frame.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Limit`] for the first frame that is damaged or too large. The
    /// frames before it are decoded, but not in `output`. Decoding can continue with the next
    /// packet.
    pub fn decode(
        &mut self,
        packet: &[u8],
        output: &mut Vec<DecodedFrame>,
    ) -> Result<DecodeReport, Error> {
        if let Some(tracer) = &mut self.stream.tracer {
            tracer.begin();
        }
        self.config.limits.check_packet(packet)?;
        if packet.is_empty() {
            return self.repeat(Corrupt::NothingToRepeat, output);
        }
        let first = output.len();
        let result = self.decode_frames(packet, output);
        if self.config.layer_output == LayerOutput::Highest && output.len() > first + 1 {
            output.drain(first..output.len() - 1);
        }
        match result {
            Err(Error::Corrupt(error)) if self.config.conceal == Conceal::On => {
                output.truncate(first);
                let mut report = self.repeat(error, output)?;
                report.concealed_mbs = report.total_mbs;
                Ok(report)
            }
            Err(error) => {
                output.truncate(first);
                Err(error)
            }
            Ok(report) => {
                if let Some(last) = output.last() {
                    self.last = Some(last.clone());
                }
                Ok(report)
            }
        }
    }

    /// Shows the last frame again; without one it returns `error`.
    fn repeat(
        &mut self,
        error: Corrupt,
        output: &mut Vec<DecodedFrame>,
    ) -> Result<DecodeReport, Error> {
        let last = self.last.as_ref().ok_or(error)?;
        output.push(last.clone());
        if let Some(tracer) = &mut self.stream.tracer {
            tracer.begin();
            tracer.repeat(0, last);
        }
        Ok(DecodeReport::new(FrameKind::Inter, last.buf.size()))
    }

    fn decode_frames(
        &mut self,
        packet: &[u8],
        output: &mut Vec<DecodedFrame>,
    ) -> Result<DecodeReport, Error> {
        let mut frames = Superframe::split(packet)?;
        let mut report: Option<DecodeReport> = None;
        while let Some(frame) = frames.next() {
            let start = frames.end() - frame.len();
            let decoded =
                self.stream.decode(frame, &self.config).map_err(|error| moved(error, start))?;
            report = Some(merged(report, &decoded));
            if decoded.shown {
                output.push(decoded.frame);
            }
        }
        report.ok_or_else(|| Corrupt::Missing { what: "frame in the packet" }.into())
    }

    /// Discards all references, as before the first packet.
    pub fn reset(&mut self) {
        self.stream = Stream::new(self.kernels);
        self.stream.tracer = self.config.trace.then(Box::default);
        self.last = None;
    }
}

/// Adds the position of a frame in its packet to the offsets of an error.
fn moved(error: Error, start: usize) -> Error {
    match error {
        Error::Corrupt(Corrupt::Other { what, offset_bytes }) => {
            Corrupt::Other { what, offset_bytes: offset_bytes + start }.into()
        }
        Error::Corrupt(Corrupt::StartCode { offset_bytes, expected, found }) => {
            Corrupt::StartCode { offset_bytes: offset_bytes + start, expected, found }.into()
        }
        error => error,
    }
}

/// Adds a frame to the report of its packet.
fn merged(before: Option<DecodeReport>, decoded: &Decoded) -> DecodeReport {
    let size = decoded.frame.buf.size();
    let mut report = DecodeReport::new(FrameKind::Inter, size);
    report.shown = decoded.shown;
    if let Some(coded) = &decoded.coded {
        let header = &coded.header;
        if header.frame_type == FrameType::Key {
            report.kind = FrameKind::Key;
        }
        report.profile = header.profile;
        report.qindex = header.quantiser.base;
        report.refs_used = coded.slots_used;
        report.refs_updated = SlotSet(header.refresh_slots);
        report.concealed_mbs = concealed_mbs(coded.concealed, size);
    }
    if let Some(before) = before {
        if before.kind == FrameKind::Key {
            report.kind = FrameKind::Key;
        }
        report.shown |= before.shown;
        report.refs_used = report.refs_used.with(before.refs_used);
        report.refs_updated = report.refs_updated.with(before.refs_updated);
        report.concealed_mbs = report.concealed_mbs.max(before.concealed_mbs);
    }
    report
}

/// Converts a number of 8x8 pixels to macroblocks.
fn concealed_mbs(units: usize, size: Size) -> u32 {
    let (cols, rows) = size.macroblocks();
    u32::try_from(units.div_ceil(4).min(cols * rows)).unwrap_or(u32::MAX)
}

/// The native VP9 decoder.
#[derive(Debug)]
struct Vp9Decoder {
    decoder: FrameDecoder,
    frames: Vec<DecodedFrame>,
    output: VecDeque<Frame>,
}

impl Vp9Decoder {
    fn new(config: &DecoderConfig) -> Result<Self, Error> {
        let mut decoder = FrameDecoder::new(config)?;
        decoder.config.formats = config.formats;
        let output = VecDeque::with_capacity(MAX_OUTPUT);
        Ok(Self { decoder, frames: Vec::new(), output })
    }
}

impl VideoDecoder for Vp9Decoder {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn decode(
        &mut self,
        data: &[u8],
        pts: i64,
        duration: Option<u64>,
    ) -> Result<DecodeReport, Error> {
        let report = self.decoder.decode(data, &mut self.frames)?;
        if let Some(tracer) = &mut self.decoder.stream.tracer {
            tracer.complete(data.len(), &report, (pts, duration));
        }
        for DecodedFrame { buf, color } in self.frames.drain(..) {
            let info = PictureInfo { color, ..PictureInfo::default() };
            self.output.push_back(Frame { buf, info, pts, duration });
        }
        self.output.drain(..self.output.len().saturating_sub(MAX_OUTPUT));
        Ok(report)
    }

    fn receive(&mut self) -> Option<Frame> {
        self.output.pop_front()
    }

    fn trace(&self) -> Option<&FrameTrace> {
        self.decoder.stream.tracer.as_ref()?.get()
    }

    fn reset(&mut self) {
        self.decoder.reset();
        self.frames.clear();
    }
}
