//! The main loop of the decoder: one frame, phase by phase. RFC 6386, sections 9 to 18.
//!
//! | phase | section | code |
//! |---|---|---|
//! | frame tag, frame size, partitions | 9.1, 9.2, 9.5 | [`PacketLayout`], [`Partitions`] |
//! | frame header | 9.3 to 9.11, 19.2 | [`parse_frame_header`] |
//! | modes and motion vectors of a macroblock | 10, 11, 16, 17 | `MbParser::parse_mb` |
//! | coefficients of a macroblock | 13 | `MbParser::parse_mb` |
//! | prediction and residual | 12, 14, 18 | [`Reconstructor::reconstruct`] |
//! | loop filter | 15 | [`Reconstructor::filter`] |
//! | reference frames | 9.7 | [`References::apply`] |

use std::sync::Arc;

use super::frame_parallel::{self, HeldFrame};
use super::packet::{PacketLayout, Partitions};
use super::parse::ParseParams;
use super::reconstruct::Reconstructor;
use super::references::References;
use super::row_filter::RowFilter;
use super::row_parallel;
use super::trace::{Off, RowTrace};
use super::{FrameParams, MacroblockStats, StreamState, Timing, Vp8Decoder};
use crate::header::{FrameHeader, parse_frame_header};
use crate::rows::mb_rows;
use codec_core::codec::{DecodeReport, FrameKind};
use codec_core::entropy::BoolDecoder;
use codec_core::error::{Corrupt, Error};
use codec_core::frame::{FrameBuf, PixelLimit};

/// The decoded macroblocks of a frame.
struct Decoded {
    stats: MacroblockStats,
    /// The reconstruction; `None` if it is delayed until the next frame.
    frame: Option<Arc<FrameBuf>>,
}

impl Vp8Decoder {
    /// Decodes a packet that is not empty. If it fails, the state is that before the packet.
    pub(super) fn decode_frame(
        &mut self,
        data: &[u8],
        timing: Timing,
    ) -> Result<DecodeReport, Error> {
        self.config.limits.check_packet(data)?;
        let packet = PacketLayout::parse(data, self.conceals())?;
        let Some(new) = self.resized_stream(&packet)? else {
            return self.decode_phases(&packet, timing);
        };
        // The new frame is independent of the previous one.
        self.complete_held();
        let old = self.stream.replace(new);
        let report = self.decode_phases(&packet, timing);
        if report.is_err() {
            self.stream = old;
        }
        report
    }

    /// The phases of decoding a frame, which has the size of `self.stream`.
    fn decode_phases(
        &mut self,
        packet: &PacketLayout<'_>,
        timing: Timing,
    ) -> Result<DecodeReport, Error> {
        let mut context = self.context.clone();
        let mut modes = BoolDecoder::new(packet.first_partition);
        let header = parse_frame_header(&mut modes, packet.tag.is_key, &mut context);
        let partitions = Partitions::parse(packet, header.partitions(), self.conceals())?;

        let decoded = self.decode_macroblocks(packet, &header, modes, &partitions)?;

        let report = self.report(packet, &header, decoded.stats);
        if let (Some(trace), Some(frame)) = (&mut self.trace, &decoded.frame) {
            trace.complete(&report, timing.frame(frame.clone()));
        }
        self.context = context;
        self.update_stream(header, &report, decoded.frame, timing);
        Ok(report)
    }

    /// Returns new state for a key frame of another size; `None` if the size is unchanged.
    fn resized_stream(&mut self, packet: &PacketLayout<'_>) -> Result<Option<StreamState>, Error> {
        if packet.key.is_none() && self.stream.is_none() {
            return Err(Corrupt::NoReference.into());
        }
        let new = self.check_size(packet);
        // Failed frames count too: they cost as much, and the window must advance.
        let size = new.as_ref().ok().and_then(|new| Some(new.as_ref()?.size));
        self.resize_limit.count_frame(size);
        new
    }

    /// Checks the size of a key frame against the limits before anything is allocated.
    fn check_size(&self, packet: &PacketLayout<'_>) -> Result<Option<StreamState>, Error> {
        let Some(key) = packet.key else {
            return Ok(None);
        };
        if self.stream.as_ref().is_some_and(|stream| stream.size == key.size) {
            return Ok(None);
        }
        PixelLimit(self.config.limits.max_pixels).check(key.size)?;
        packet.check_plausible(key.size, self.conceals())?;
        self.resize_limit.check(&self.config.limits, key.size)?;
        Ok(Some(StreamState::new(key.size, key.scaling)))
    }

    /// Decodes all macroblocks: on this thread, row-parallel on the pool, or frame-parallel if the
    /// decoder may delay frames.
    fn decode_macroblocks<'d>(
        &mut self,
        packet: &PacketLayout<'_>,
        header: &FrameHeader,
        modes: BoolDecoder<'d>,
        partitions: &Partitions<'d>,
    ) -> Result<Decoded, Error> {
        let pool = self.pool();
        let params = FrameParams {
            kernels: self.kernels,
            header,
            version: packet.tag.version,
            conceal: self.conceals(),
        };
        let Some(stream) = &mut self.stream else {
            return Err(Corrupt::NoReference.into());
        };
        let mut tokens = partitions.readers();
        if let Some(pool) = pool.as_deref().filter(|_| self.config.delay_frames > 0) {
            let (stats, previous) =
                frame_parallel::decode(&params, stream, modes, &mut tokens, pool);
            self.output.extend(previous);
            return Ok(Decoded { stats: stats?, frame: None });
        }
        let mut frame = stream.pool.take();
        let stats = match (Arc::get_mut(&mut frame), pool, &mut self.trace) {
            // The pool only returns frames without other holders.
            (None, ..) => Err(Corrupt::NoReference),
            (Some(frame), Some(pool), _) => {
                row_parallel::decode(&params, stream, modes, &mut tokens, frame, &*pool)
            }
            (Some(frame), None, None) => {
                decode_rows(&params, stream, modes, &mut tokens, frame, &mut Off)
            }
            (Some(frame), None, Some(trace)) => {
                let before = &self.context.probs.coeffs;
                let mut recorder = trace.header((packet, partitions), header, before, &modes);
                decode_rows(&params, stream, modes, &mut tokens, frame, &mut recorder)
            }
        };
        stream.pool.recycle(frame.clone());
        Ok(Decoded { stats: stats?, frame: Some(frame) })
    }

    fn report(
        &self,
        packet: &PacketLayout<'_>,
        header: &FrameHeader,
        stats: MacroblockStats,
    ) -> DecodeReport {
        let kind = if header.is_key { FrameKind::Key } else { FrameKind::Inter };
        let (size, scaling) =
            self.stream.as_ref().map_or_else(Default::default, |s| (s.size, s.scaling));
        let mut report = DecodeReport::new(kind, size);
        report.shown = packet.tag.show;
        report.scaling = packet.key.as_ref().map_or(scaling, |key| key.scaling);
        report.profile = packet.tag.version;
        report.qindex = header.quant.y_ac.get();
        report.refs_updated = header.references.slots();
        report.refs_used = stats.refs_used;
        report.concealed_mbs = stats.concealed_mbs;
        report
    }

    /// Updates what later frames depend on, and outputs the frame unless it is delayed.
    fn update_stream(
        &mut self,
        header: FrameHeader,
        report: &DecodeReport,
        frame: Option<Arc<FrameBuf>>,
        timing: Timing,
    ) {
        let Some(stream) = &mut self.stream else { return };
        stream.scaling = report.scaling;
        if header.is_key || header.segmentation.update_map {
            std::mem::swap(&mut stream.segments, &mut stream.next_segments);
        }
        match (frame, &mut stream.frame_parallel) {
            (Some(frame), _) => {
                References::apply(&mut stream.references, &header.references, &frame);
                self.output.extend(report.shown.then(|| timing.frame(frame)));
            }
            (None, Some(parallel)) => {
                let (version, shown) = (report.profile, report.shown);
                parallel.hold(HeldFrame { header, version, shown, timing });
            }
            (None, None) => {}
        }
    }
}

/// Decodes all macroblocks on this thread: parses, reconstructs and filters each row while it is in
/// the cache.
fn decode_rows(
    params: &FrameParams<'_>,
    stream: &mut StreamState,
    mut modes: BoolDecoder<'_>,
    tokens: &mut [BoolDecoder<'_>],
    frame: &mut FrameBuf,
    trace: &mut impl RowTrace,
) -> Result<MacroblockStats, Corrupt> {
    let StreamState {
        size,
        references,
        segments,
        next_segments,
        parser,
        probs,
        mb,
        strengths,
        lines,
        ..
    } = stream;
    let (cols, rows) = size.macroblocks();
    probs.update(&params.header.probs.coeffs);
    let parse_params = ParseParams::new(params, probs, references.is_some());
    let reconstructor = Reconstructor::new(
        params.kernels,
        params.header,
        params.version,
        references.as_ref(),
        cols,
    );
    parser.begin_frame(rows);
    let mut filter = RowFilter::new(&reconstructor);
    let maps = segments.chunks_exact(cols).zip(next_segments.chunks_exact_mut(cols));
    for (y, (mut row, (old, new))) in mb_rows(frame).zip(maps).enumerate() {
        let index = y & (tokens.len() - 1);
        let tokens = &mut tokens[index];
        let above = y.checked_sub(1).map(|above| &lines[above & 1]);
        let line = &lines[y & 1];
        let (even, odd) = strengths.split_at_mut(cols);
        let row_strengths = if y & 1 == 0 { even } else { odd };
        parser.begin_row(index);
        // Static macroblocks are copied together at the end of their run.
        let mut done = 0;
        for x in 0..cols {
            reconstructor.prefetch((x, y), &row);
            parser.parse_mb(&parse_params, &mut modes, tokens, (x, y), old[x], mb);
            new[x] = mb.info.segment;
            row_strengths[x] = reconstructor.filter.strength(&mb.info);
            trace.macroblock((x, y), mb, row_strengths[x], (&modes, tokens));
            if !reconstructor.is_static(&mb.info) {
                reconstructor.copy_static_run(done..x, y, &mut row);
                reconstructor.reconstruct((x, y), mb, above, &mut row);
                done = x + 1;
            }
        }
        reconstructor.copy_static_run(done..cols, y, &mut row);
        parser.end_row(&parse_params, &modes, (index, tokens), y)?;
        trace.end_row(parser.concealed_mbs());
        // The row below predicts from unfiltered pixels.
        line.save_all(&row);
        filter.add(row, strengths);
    }
    filter.finish(strengths);
    Ok(parser.stats())
}
