//! Builds a [`FrameTrace`] from the header and from each macroblock as it is parsed.

use super::super::header::{BufferCopy, FrameHeader, ReferenceUpdates};
use super::super::loop_filter::{FilterParams, MbStrength};
use super::super::modes::PARTITIONS;
use super::super::tables::{CoeffProbs, DEFAULT_COEFF_PROBS};
use super::super::types::{InterMode, IntraLuma, MbInfo, MbMode, MotionVector, SubblockInfo};
use super::packet::{PacketLayout, Partitions};
use super::parse::MbData;
use codec_core::codec::trace::{
    BlockModes, BlockTrace, FilterTrace, FrameTrace, Motion, PartTrace, PartitionTrace,
    ReferenceTrace, SegmentsTrace, SlotUpdate, Vector,
};
use codec_core::codec::{DecodeReport, SlotSet};
use codec_core::entropy::BoolDecoder;
use codec_core::frame::Frame;

/// In the order of [`IntraLuma`] and [`InterMode`], of [`IntraMode`](codec_simd::IntraMode) and of the 4x4 modes.
static MODES: BlockModes = BlockModes {
    luma: &[
        "dc",
        "vertical",
        "horizontal",
        "true-motion",
        "4x4",
        "nearest",
        "near",
        "zero",
        "new",
        "split",
    ],
    chroma: &["dc", "vertical", "horizontal", "true-motion"],
    part: &[
        "dc",
        "true-motion",
        "vertical",
        "horizontal",
        "left-down",
        "right-down",
        "vertical-right",
        "vertical-left",
        "horizontal-down",
        "horizontal-up",
    ],
};

/// Observer of parsed macroblocks. The decoder is monomorphised for each implementation, so that
/// tracing costs nothing when it is off.
pub(super) trait RowTrace {
    /// Called when macroblock (`x`, `y`) is parsed but not yet reconstructed; the readers are
    /// positioned after it.
    fn macroblock(
        &mut self,
        at: (usize, usize),
        mb: &MbData,
        strength: MbStrength,
        readers: (&BoolDecoder<'_>, &BoolDecoder<'_>),
    );

    /// Called at the end of a row. `concealed` is the number of concealed macroblocks in the frame
    /// so far.
    fn end_row(&mut self, concealed: u32);
}

/// Tracing disabled.
#[derive(Debug)]
pub(super) struct Off;

impl RowTrace for Off {
    #[inline(always)]
    fn macroblock(
        &mut self,
        _at: (usize, usize),
        _mb: &MbData,
        _strength: MbStrength,
        _readers: (&BoolDecoder<'_>, &BoolDecoder<'_>),
    ) {
    }

    #[inline(always)]
    fn end_row(&mut self, _concealed: u32) {}
}

/// Trace of the current or last packet.
#[derive(Debug, Default)]
pub(super) struct TraceState {
    frame: FrameTrace,
    /// Whether the packet was decoded.
    is_complete: bool,
}

impl TraceState {
    /// Returns the trace of the last packet; `None` if it was rejected.
    pub(super) fn get(&self) -> Option<&FrameTrace> {
        self.is_complete.then_some(&self.frame)
    }

    /// Begins a packet.
    pub(super) fn begin(&mut self) {
        self.is_complete = false;
        self.frame.clear();
    }

    /// Records a packet that repeats the last frame.
    pub(super) fn repeat(&mut self, packet_bytes: usize, report: &DecodeReport, frame: Frame) {
        self.begin();
        self.frame.is_repeat = true;
        self.frame.packet_bytes = packet_bytes as u64;
        self.frame.framing_bytes = packet_bytes as u64;
        self.frame.modes = MODES;
        self.complete(report, frame);
    }

    /// Completes the trace after all rows.
    pub(super) fn complete(&mut self, report: &DecodeReport, frame: Frame) {
        let trace = &mut self.frame;
        (trace.kind, trace.shown, trace.size) = (report.kind, report.shown, report.size);
        trace.profile = report.profile;
        trace.concealed_blocks = report.concealed_mbs;
        trace.picture = Some(frame);
        self.is_complete = true;
    }

    /// Records the data before the macroblocks. `before` are the coefficient probabilities at the
    /// start of the frame; `modes` is positioned after the header.
    pub(super) fn header<'a>(
        &'a mut self,
        (layout, partitions): (&PacketLayout<'_>, &Partitions<'_>),
        header: &'a FrameHeader,
        before: &CoeffProbs,
        modes: &BoolDecoder<'_>,
    ) -> Recorder<'a> {
        let trace = &mut self.frame;
        trace.packet_bytes = layout.packet_bytes() as u64;
        let header_q8 = modes.position_q8();
        let first = PartitionTrace {
            bytes: layout.first_partition.len() as u64,
            header_q8,
            used_q8: header_q8,
        };
        let tokens = partitions
            .lengths()
            .map(|bytes| PartitionTrace { bytes: bytes as u64, ..PartitionTrace::default() });
        trace.partitions.push(first);
        trace.partitions.extend(tokens);
        let in_partitions: u64 = trace.partitions.iter().map(|part| part.bytes).sum();
        trace.framing_bytes = trace.packet_bytes.saturating_sub(in_partitions);
        trace_header_fields(trace, header);
        let before = if header.is_key { &DEFAULT_COEFF_PROBS } else { before };
        let pairs = before.as_flattened().as_flattened().as_flattened().iter();
        let changed = pairs.zip(header.probs.coeffs.as_flattened().as_flattened().as_flattened());
        let changed = changed.filter(|(before, now)| before != now).count();
        trace.changed_coeff_probs = u32::try_from(changed).unwrap_or(u32::MAX);
        Recorder {
            is_filtered: !FilterParams::new(header).is_off(),
            header,
            trace,
            row_start: 0,
            concealed: 0,
        }
    }
}

fn trace_header_fields(trace: &mut FrameTrace, header: &FrameHeader) {
    let quant = &header.quant;
    trace.qindex = quant.y_ac.get();
    trace.qindex_deltas = vec![
        ("y_dc", quant.y_dc),
        ("y2_dc", quant.y2_dc),
        ("y2_ac", quant.y2_ac),
        ("uv_dc", quant.uv_dc),
        ("uv_ac", quant.uv_ac),
    ];
    let filter = &header.filter;
    let deltas = |deltas: [i8; 4]| if filter.deltas_enabled { deltas.to_vec() } else { Vec::new() };
    trace.filter = FilterTrace {
        kind: if filter.is_simple { "simple" } else { "normal" },
        level: filter.level,
        sharpness: filter.sharpness,
        reference_deltas: deltas(filter.reference_deltas),
        mode_deltas: deltas(filter.mode_deltas),
    };
    let segments = &header.segmentation;
    trace.segments = segments.enabled.then(|| SegmentsTrace {
        updates_map: segments.update_map,
        updates_data: segments.update_data,
        is_absolute: segments.absolute,
        qindex: segments.quantiser.map(i16::from).to_vec(),
        filter_level: segments.filter_level.map(i16::from).to_vec(),
        tree_probs: if segments.update_map { segments.tree_probs.to_vec() } else { Vec::new() },
    });
    trace.references.extend(references(&header.references));
    trace.keeps_probabilities = header.refresh_entropy;
    trace.probabilities.extend(header.modes.skip.map(|skip| ("not_skipped", vec![skip])));
    if !header.is_key {
        let (modes, probs) = (header.modes, &header.probs);
        trace.probabilities.extend([
            ("intra", vec![modes.intra]),
            ("last", vec![modes.last]),
            ("golden", vec![modes.golden]),
            ("luma", probs.luma.to_vec()),
            ("chroma", probs.chroma.to_vec()),
            ("vector_y", probs.mv[0].to_vec()),
            ("vector_x", probs.mv[1].to_vec()),
        ]);
    }
    (trace.modes, trace.vector_units, trace.block_pixels) = (MODES, 4, Some(16));
}

/// In the order of [`SlotSet`]: last, golden, altref.
fn references(updates: &ReferenceUpdates) -> [ReferenceTrace; 3] {
    let update = |refreshed, copy, other| match (refreshed, copy) {
        (true, _) => SlotUpdate::Frame,
        (false, BufferCopy::None) => SlotUpdate::Kept,
        (false, BufferCopy::Last) => SlotUpdate::CopyOf(0),
        (false, BufferCopy::Other) => SlotUpdate::CopyOf(other),
    };
    let slot = |name, update, sign_bias| ReferenceTrace {
        name,
        update,
        sign_bias,
        ..ReferenceTrace::default()
    };
    let golden = update(updates.refresh_golden, updates.copy_to_golden, 2);
    let altref = update(updates.refresh_altref, updates.copy_to_altref, 1);
    [
        slot("last", update(updates.refresh_last, BufferCopy::None, 0), false),
        slot("golden", golden, updates.sign_bias_golden),
        slot("altref", altref, updates.sign_bias_altref),
    ]
}

/// Records the macroblocks of a frame.
#[derive(Debug)]
pub(super) struct Recorder<'a> {
    header: &'a FrameHeader,
    trace: &'a mut FrameTrace,
    is_filtered: bool,
    /// Index of the first block in the current row.
    row_start: usize,
    /// Number of concealed macroblocks in earlier rows.
    concealed: u32,
}

impl RowTrace for Recorder<'_> {
    fn macroblock(
        &mut self,
        (x, y): (usize, usize),
        mb: &MbData,
        strength: MbStrength,
        (modes, tokens): (&BoolDecoder<'_>, &BoolDecoder<'_>),
    ) {
        let MbData { info, subblocks, coeffs } = mb;
        let count = self.header.partitions();
        let partition = 1 + (y & (count - 1));
        let mut spent = |partition: usize, reader: &BoolDecoder<'_>| {
            let part = self.trace.partitions.get_mut(partition)?;
            let position = reader.position_q8();
            let before = std::mem::replace(&mut part.used_q8, position);
            u32::try_from(position - before).ok()
        };
        let mode_q8 = spent(0, modes).unwrap_or_default();
        let token_q8 = spent(partition, tokens).unwrap_or_default();
        let blocks = coeffs.luma_mask.any.count_ones() + coeffs.chroma_mask.any.count_ones();
        let blocks = blocks + u32::from(coeffs.has_y2);
        let narrow = |n: usize| u16::try_from(16 * n).unwrap_or(u16::MAX);
        let slot = info.mode.reference().map(|reference| reference as u8);
        if let Some(used) = slot.and_then(|slot| self.trace.references.get_mut(usize::from(slot))) {
            used.used_blocks += 1;
        }
        let (luma, chroma) = match info.mode {
            MbMode::Intra { luma, chroma } => (luma.index(), Some(chroma as u8)),
            MbMode::Inter { mode, .. } => (IntraLuma::ALL.len() + mode.index(), None),
        };
        let luma = u8::try_from(luma).unwrap_or_default();
        let segmentation = &self.header.segmentation;
        let first_part = u32::try_from(self.trace.parts.len()).unwrap_or(u32::MAX);
        self.trace.parts.extend(parts(info, subblocks));
        let parts = self.trace.parts.len() - first_part as usize;
        self.trace.blocks.push(BlockTrace {
            at: (narrow(x), narrow(y)),
            size: (16, 16),
            luma,
            chroma,
            motion: [slot.map(|slot| Motion { slot, vector: info.mode.mv().into() }), None],
            parts: (first_part, u8::try_from(parts).unwrap_or_default()),
            segment: if segmentation.enabled { info.segment } else { 0 },
            qindex: segmentation.qindex(self.header.quant.y_ac, info.segment).get(),
            skip: info.skip,
            transform_px: 4,
            coded_blocks: if info.has_coeffs { u16::try_from(blocks).unwrap_or(25) } else { 0 },
            filter_level: if self.is_filtered { strength.level } else { 0 },
            filters_inside: self.is_filtered && strength.level > 0 && strength.inner,
            mode_q8,
            token_q8,
            partition: u8::try_from(partition).unwrap_or_default(),
            concealed: false,
        });
    }

    fn end_row(&mut self, concealed: u32) {
        if concealed > self.concealed {
            let row = self.trace.blocks.get_mut(self.row_start..).unwrap_or_default();
            row.iter_mut().for_each(|block| block.concealed = true);
        }
        self.concealed = concealed;
        self.row_start = self.trace.blocks.len();
    }
}

impl From<MotionVector> for Vector {
    fn from(mv: MotionVector) -> Self {
        Self { x: mv.x, y: mv.y }
    }
}

/// Returns the parts of a macroblock; empty if it is not split.
fn parts<'a>(
    info: &MbInfo,
    subblocks: &'a SubblockInfo,
) -> impl Iterator<Item = PartTrace> + use<'a> {
    let masks: &[u16] = match info.mode {
        MbMode::Inter { mode: InterMode::Split(partitioning), .. } => {
            PARTITIONS[partitioning as usize]
        }
        MbMode::Intra { luma: IntraLuma::PerBlock, .. } => PARTITIONS[3],
        _ => &[],
    };
    let slot = info.mode.reference().map(|reference| reference as u8);
    masks.iter().map(move |mask| {
        // The parts are rectangles, so the first and last sub-block determine them.
        let (first, last) = (mask.trailing_zeros().min(15), 15 - mask.leading_zeros().min(15));
        let pixels = |block: u32| 4 * u8::try_from(block).unwrap_or_default();
        let at = (pixels(first % 4), pixels(first / 4));
        let end = (pixels(last % 4) + 4, pixels(last / 4) + 4);
        let (mode, vector) = match subblocks {
            SubblockInfo::Intra(modes) => (Some(modes[first as usize] as u8), None),
            SubblockInfo::Inter(mvs) => (None, Some(mvs[first as usize].into())),
        };
        let motion = slot.zip(vector).map(|(slot, vector)| Motion { slot, vector });
        PartTrace { at, size: (end.0 - at.0, end.1 - at.1), mode, motion: [motion, None] }
    })
}

/// [`SlotSet`] and [`references`] number the slots equally.
const _: () = assert!(SlotSet::LAST.0 == 1 && SlotSet::GOLDEN.0 == 2 && SlotSet::ALTREF.0 == 4);
