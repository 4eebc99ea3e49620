//! The H.264 decoder.
//!
//! A packet contains, in Annex B format, a coded frame, both fields of a frame, or one field.
//! [`H264Decoder`] decodes the NAL units of a packet one by one; `stream` starts, decodes and
//! completes pictures (frames or fields) with the active sequence parameter set, and
//! [`PictureDecoder`] decodes the macroblocks of slices. A picture is complete at the end of its
//! packet.
//!
//! | step | module |
//! |---|---|
//! | a picture, slice by slice | `picture` |
//! | the macroblocks of a slice in decoding order | `slice_data` |
//! | syntax elements in CAVLC and CABAC | `entropy`, `cavlc_syntax`, `cabac_syntax` |
//! | macroblocks: types, motion, coefficients | `parse` |
//! | neighbours, prediction of vectors, direct modes, weights | `neighbours`, `motion_cache`, `direct`, `weights` |
//! | prediction and residual | `reconstruct` |
//! | deblocking of rows during a slice | `row_filter` |
//! | parsing, luma and chroma on several threads | `pipeline` |
//! | macroblocks that were lost or damaged, and missing fields | `conceal`, `unpaired_field` |
//! | order of the fields of a frame | `field_order` |
//! | traces of macroblocks and their bits | `trace`, `metered` |

pub(crate) mod cabac_syntax;
pub(crate) mod cavlc_syntax;
mod conceal;
mod direct;
pub(crate) mod entropy;
mod field_order;
pub(crate) mod inter_types;
mod metered;
pub(crate) mod motion_cache;
mod motion_pool;
pub(crate) mod neighbours;
pub(crate) mod parse;
mod picture;
mod pipeline;
pub(crate) mod reconstruct;
mod recovery;
mod row_filter;
pub(crate) mod slice_context;
pub(crate) mod slice_data;
mod stream;
mod trace;
mod unpaired_field;
pub(crate) mod weights;

use std::collections::VecDeque;

use codec_core::codec::trace::FrameTrace;
use codec_core::codec::{
    Capabilities, Conceal, DecodeReport, DecoderConfig, Feature, FrameKind, Gap, ResizeLimit,
    VideoDecoder,
};
use codec_core::error::{ConfigError, Corrupt, Error};
use codec_core::frame::{Frame, PixelLimit};
use codec_simd::Kernels;

use self::stream::{Messages, Stream, Timing};
use crate::bits::{escaped_position, unescape};
use crate::nal::{AnnexBUnits, NAL_HEADER_BYTES, NalHeader, NalType};
use crate::params::{ParameterSets, Sps};
use crate::sei::{PictureTimingMessage, RecoveryPoint};
use crate::slice::ParsedSlice;

pub use picture::{PictureDecoder, PictureParams};

/// Frames that wait for [`VideoDecoder::receive`], at most: callers that do not fetch frames do not
/// use more memory.
const MAX_OUTPUT: usize = 32;

static CAPABILITIES: Capabilities = {
    let mut capabilities = Capabilities::minimal("native");
    capabilities.qindex_range = (0, 51);
    capabilities.reference_slots = 16;
    capabilities.live_resolution = true;
    capabilities.reports_qindex = true;
    capabilities.gaps = &[
        Gap::new(Feature::ReportsReferences, "references are a list per slice, not slots"),
        Gap::new(Feature::DecoderDelay, "the stream determines how many frames are held back"),
    ];
    capabilities
};

/// Opens the native H.264 decoder, registered as `h264/native`.
///
/// # Errors
/// [`Error::Config`] if the CPU does not support the SIMD level in `config`.
pub fn open(config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error> {
    Ok(Box::new(H264Decoder::new(config.clone())?))
}

/// Returns the capabilities of the decoder.
#[must_use]
pub const fn capabilities() -> &'static Capabilities {
    &CAPABILITIES
}

/// The native H.264 decoder.
#[derive(Debug)]
pub struct H264Decoder {
    config: DecoderConfig,
    kernels: &'static Kernels,
    sets: ParameterSets,
    /// The unescaped payload of the current NAL unit.
    rbsp: Vec<u8>,
    /// State that depends on the active sequence parameter set; `None` before the first picture.
    stream: Option<Stream>,
    resize_limit: ResizeLimit,
    /// SEI messages that precede the next picture.
    messages: Messages,
    output: VecDeque<Frame>,
}

/// Results of the NAL units of a packet so far.
#[derive(Debug)]
struct PacketState {
    timing: Timing,
    report: Option<DecodeReport>,
    /// The first error.
    error: Option<Error>,
    has_units: bool,
    has_slices: bool,
}

impl H264Decoder {
    /// Creates a decoder that waits for an IDR picture or a recovery point.
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
        Ok(Self {
            config,
            kernels,
            sets: ParameterSets::default(),
            rbsp: Vec::new(),
            stream: None,
            resize_limit: ResizeLimit::default(),
            messages: Messages::default(),
            output: VecDeque::with_capacity(MAX_OUTPUT),
        })
    }

    fn conceals(&self) -> bool {
        self.config.conceal == Conceal::On
    }

    /// Decodes a NAL unit.
    fn decode_unit(&mut self, unit: &[u8], packet: &mut PacketState) -> Result<(), Error> {
        let Some((nal, payload)) = NalHeader::split(unit) else {
            return Err(Corrupt::Other { what: "a NAL unit header", offset_bytes: 0 }.into());
        };
        packet.has_units = true;
        match nal.nal_type {
            NalType::Sps => {
                unescape(payload, &mut self.rbsp);
                self.sets.insert_sps(Sps::parse(&self.rbsp, None)?);
            }
            NalType::Pps => {
                unescape(payload, &mut self.rbsp);
                self.sets.insert_pps(&self.rbsp)?;
            }
            NalType::Sei => {
                unescape(payload, &mut self.rbsp);
                let Messages { recovery, timing } = &mut self.messages;
                *recovery = RecoveryPoint::find(&self.rbsp).or(*recovery);
                *timing = PictureTimingMessage::find(&self.rbsp).or(*timing);
            }
            NalType::Slice | NalType::IdrSlice => {
                packet.has_slices = true;
                unescape(payload, &mut self.rbsp);
                self.decode_slice(nal, packet)?;
            }
            NalType::DataPartition => {
                packet.has_slices = true;
                return Err(Error::unsupported("data partitioning"));
            }
            NalType::EndOfSequence | NalType::EndOfStream | NalType::Delimiter => {
                self.finish_picture(packet)?;
            }
            NalType::Other(_) => {}
        }
        Ok(())
    }

    /// Decodes a slice, whose payload is in `rbsp`.
    fn decode_slice(&mut self, nal: NalHeader, packet: &mut PacketState) -> Result<(), Error> {
        let slice = ParsedSlice::parse(nal, &self.rbsp, &mut self.sets, None)?;
        if slice.header.redundant_pic_count > 0 {
            return Ok(());
        }
        let continues = self.stream.as_ref().is_some_and(|stream| stream.continues(&slice));
        if !continues {
            self.finish_picture(packet)?;
            self.activate(&slice)?;
        }
        let conceals = self.conceals();
        let Some(stream) = &mut self.stream else { return Err(Corrupt::NoReference.into()) };
        if !continues {
            let messages = std::mem::take(&mut self.messages);
            stream.begin_picture(&slice, messages, packet.timing, conceals, &mut self.output)?;
        }
        stream.decode_slice(&slice, &self.rbsp, conceals)
    }

    /// Starts a new stream if the slice's sequence parameter set differs from the active one.
    fn activate(&mut self, slice: &ParsedSlice) -> Result<(), Error> {
        let old_size = match &self.stream {
            Some(stream) if *stream.sps() == *slice.sps => {
                self.resize_limit.count_frame(None);
                return Ok(());
            }
            stream => stream.as_ref().map(|stream| stream.sps().coded_size()),
        };
        let limits = &self.config.limits;
        slice.sps.check_supported(PixelLimit(limits.max_pixels))?;
        let size = slice.sps.coded_size();
        let changes = old_size != Some(size);
        if changes {
            self.resize_limit.check(limits, size)?;
        }
        self.resize_limit.count_frame(changes.then_some(size));
        if let Some(old) = &mut self.stream {
            old.flush(&mut self.output);
        }
        let (order, pool) = (self.config.output_order, self.config.pool.clone());
        let mut stream = Stream::new(slice.sps.clone(), self.kernels, order, pool);
        if self.config.trace {
            stream.enable_trace();
        }
        self.stream = Some(stream);
        Ok(())
    }

    /// Completes the picture whose slices have been decoded.
    fn finish_picture(&mut self, packet: &mut PacketState) -> Result<(), Error> {
        let conceals = self.conceals();
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if let Some(report) = stream.finish_picture(conceals, &mut self.output)? {
            let shown = report.shown || packet.report.is_some_and(|report| report.shown);
            packet.report = Some(DecodeReport { shown, ..report });
        }
        Ok(())
    }

    /// Returns the result of a packet.
    fn report(&mut self, packet: PacketState) -> Result<DecodeReport, Error> {
        match (packet.report, packet.error) {
            (Some(report), None) => Ok(report),
            (Some(report), Some(_)) if self.conceals() => Ok(report),
            (None, Some(Error::Corrupt(detail))) if self.conceals() && packet.has_slices => {
                let repeated = self.stream.as_mut().and_then(|s| s.repeat(packet.timing));
                let (report, frame) = repeated.ok_or(detail)?;
                self.output.push_back(frame);
                Ok(report)
            }
            (_, Some(error)) => Err(error),
            (None, None) if packet.has_units => {
                let active = self.stream.as_ref().map(Stream::sps);
                let sps = active.or_else(|| self.sets.all_sps().next().map(|sps| &**sps));
                let size = sps.ok_or(Corrupt::NoReference)?.visible_size();
                Ok(DecodeReport { shown: false, ..DecodeReport::new(FrameKind::Inter, size) })
            }
            (None, None) => Err(Corrupt::Missing { what: "start code in the packet" }.into()),
        }
    }
}

/// Converts the offset of an error in the unescaped NAL unit to that in its packet.
fn placed_in_packet(error: Error, unit: &[u8], packet: &[u8]) -> Error {
    let start = unit.as_ptr().addr() - packet.as_ptr().addr();
    let (header, payload) = unit.split_at(NAL_HEADER_BYTES.min(unit.len()));
    with_offset(error, |offset| {
        let in_payload = offset.saturating_sub(header.len());
        let escaped = offset.min(header.len()) + escaped_position(payload, in_payload);
        start + escaped.min(unit.len())
    })
}

/// Changes the offset of an error.
fn with_offset(error: Error, change: impl FnOnce(usize) -> usize) -> Error {
    match error {
        Error::Corrupt(Corrupt::Other { what, offset_bytes }) => {
            Corrupt::Other { what, offset_bytes: change(offset_bytes) }.into()
        }
        error => error,
    }
}

impl VideoDecoder for H264Decoder {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn decode(
        &mut self,
        data: &[u8],
        pts: i64,
        duration: Option<u64>,
    ) -> Result<DecodeReport, Error> {
        self.config.limits.check_packet(data)?;
        let mut packet = PacketState {
            timing: Timing { pts, duration },
            report: None,
            error: None,
            has_units: false,
            has_slices: false,
        };
        if let Some(tracer) = self.stream.as_mut().and_then(Stream::tracer) {
            tracer.begin();
        }
        for unit in AnnexBUnits::new(data) {
            if let Err(error) = self.decode_unit(unit, &mut packet) {
                let error = placed_in_packet(error, unit, data);
                if let (Error::Corrupt(_), Some(stream)) = (&error, &mut self.stream) {
                    stream.note_damage();
                }
                packet.error.get_or_insert(error);
            }
        }
        if let Err(error) = self.finish_picture(&mut packet) {
            packet.error.get_or_insert(with_offset(error, |_| data.len()));
        }
        self.output.drain(..self.output.len().saturating_sub(MAX_OUTPUT));
        let timing = packet.timing;
        let is_decoded = packet.report.is_some();
        let report = self.report(packet)?;
        if let Some(stream) = self.stream.as_mut().filter(|_| is_decoded) {
            stream.complete_trace(data.len(), &report, timing);
        }
        Ok(report)
    }

    fn trace(&self) -> Option<&FrameTrace> {
        self.stream.as_ref()?.trace()
    }

    fn receive(&mut self) -> Option<Frame> {
        self.output.pop_front()
    }

    fn finish(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.flush(&mut self.output);
        }
    }

    fn reset(&mut self) {
        self.finish();
        self.stream = None;
        self.sets = ParameterSets::default();
        self.messages = Messages::default();
        self.resize_limit = ResizeLimit::default();
    }
}
