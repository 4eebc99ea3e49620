//! Builds a [`FrameTrace`] from the headers of a frame and from each block as it is parsed.

use codec_core::codec::trace::{
    BlockModes, BlockTrace, FilterTrace, FrameTrace, Motion, PartTrace, PartitionTrace,
    ReferenceTrace, SegmentsTrace, SlotUpdate, Vector,
};
use codec_core::codec::{DecodeReport, FrameKind};
use codec_core::entropy::BoolDecoder;
use codec_core::frame::{Frame, PictureInfo, SampleFormat};
use codec_simd::vp9::Vp9TxKind;

use super::residual::ResidualParser;
use super::slots::DecodedFrame;
use super::tile::BlockSink;
use super::tiles::Run;
use crate::block::mode_map::{BlockInfo, ModeMap};
use crate::block::plane_block::PlaneBlock;
use crate::block::reconstruct::{Reconstructor, Residual, Tokens};
use crate::block::sample::Sample;
use crate::header::{FrameHeader, FrameType, Segment, Segmentation};
use crate::probability::Probabilities;
use crate::types::{BlockSize, MotionVector, Reference, References};

/// Luma modes: intra modes, the intra modes of sub-blocks, inter modes, the vectors of sub-blocks.
static MODES: BlockModes = BlockModes {
    luma: &[
        "dc",
        "vertical",
        "horizontal",
        "d45",
        "d135",
        "d117",
        "d153",
        "d207",
        "d63",
        "true-motion",
        "4x4",
        "zero",
        "nearest",
        "near",
        "new",
        "split",
    ],
    chroma: INTRA,
    part: INTRA,
};
const INTRA: &[&str] =
    &["dc", "vertical", "horizontal", "d45", "d135", "d117", "d153", "d207", "d63", "true-motion"];
/// Position of modes in the luma modes of [`MODES`].
const SUB_BLOCKS_INTRA: u8 = 10;
const FIRST_INTER: u8 = 11;
const SUB_BLOCKS_INTER: u8 = 15;

const SLOT_NAMES: [&str; 8] =
    ["slot 0", "slot 1", "slot 2", "slot 3", "slot 4", "slot 5", "slot 6", "slot 7"];

/// The traces of the current or last packet.
#[derive(Debug, Default)]
pub(super) struct Tracer {
    /// One for each frame of the packet.
    frames: Vec<FrameTrace>,
    /// The traces of the last packet that was decoded, as one.
    packet: Option<FrameTrace>,
}

impl Tracer {
    /// Returns the trace of the last packet; `None` if it was rejected.
    pub(super) fn get(&self) -> Option<&FrameTrace> {
        self.packet.as_ref()
    }

    /// Begins a packet.
    pub(super) fn begin(&mut self) {
        self.frames.clear();
        self.packet = None;
    }

    /// Begins a frame and records its headers. `before` are the probabilities at its start, `now`
    /// those that its headers set.
    pub(super) fn begin_frame(
        &mut self,
        header: &FrameHeader,
        before: &Probabilities,
        now: &Probabilities,
    ) {
        let mut frame = FrameTrace::default();
        trace_headers(&mut frame, header);
        let pairs = flat(before).zip(flat(now));
        let changed = pairs.filter(|(before, now)| before != now).count();
        frame.changed_coeff_probs = u32::try_from(changed).unwrap_or(u32::MAX);
        frame.probabilities.push(("not_skipped", now.skip.to_vec()));
        if !header.is_intra() {
            frame.probabilities.push(("intra", now.is_inter.to_vec()));
        }
        self.frames.push(frame);
    }

    /// Completes the trace of a frame of `bytes`.
    pub(super) fn complete_frame(
        &mut self,
        header: &FrameHeader,
        bytes: usize,
        frame: &DecodedFrame,
    ) {
        let Some(trace) = self.frames.last_mut() else { return };
        trace.packet_bytes = bytes as u64;
        let in_partitions: u64 = trace.partitions.iter().map(|part| part.bytes).sum();
        trace.framing_bytes = trace.packet_bytes.saturating_sub(in_partitions);
        for (role, slot) in header.references.slots.iter().enumerate() {
            let used = trace.references.get(role).map_or(0, |role| role.used_blocks);
            if let Some(slot) = trace.references.get_mut(3 + slot) {
                slot.used_blocks += used;
            }
        }
        if header.is_intra() {
            trace.references.drain(..3);
        }
        let concealed = trace.blocks.iter().filter(|block| block.concealed).count();
        trace.concealed_blocks = u32::try_from(concealed).unwrap_or(u32::MAX);
        trace.picture = shown(frame);
    }

    /// Records a frame that shows a slot again.
    pub(super) fn repeat(&mut self, bytes: usize, frame: &DecodedFrame) {
        self.frames.push(FrameTrace {
            is_repeat: true,
            shown: true,
            kind: FrameKind::Inter,
            size: frame.buf.size(),
            packet_bytes: bytes as u64,
            framing_bytes: bytes as u64,
            modes: MODES,
            picture: shown(frame),
            ..FrameTrace::default()
        });
    }

    /// Completes a packet of `bytes` with times.
    pub(super) fn complete(
        &mut self,
        bytes: usize,
        report: &DecodeReport,
        (pts, duration): (i64, Option<u64>),
    ) {
        for picture in self.frames.iter_mut().filter_map(|frame| frame.picture.as_mut()) {
            (picture.pts, picture.duration) = (pts, duration);
        }
        let Some(mut last) = self.frames.pop() else { return };
        let others: u64 = self.frames.iter().map(|frame| frame.packet_bytes).sum();
        let index = (bytes as u64).saturating_sub(others + last.packet_bytes);
        last.packet_bytes += index;
        last.framing_bytes += index;
        last.profile = last.profile.max(report.profile);
        last.earlier = std::mem::take(&mut self.frames);
        self.packet = Some(last);
    }

    /// Returns the recorder of a run of superblocks, whose tile is at the position of `reader`.
    pub(super) fn recorder<'a, 'b, S: Sample>(
        &'a mut self,
        index: usize,
        reader: &BoolDecoder<'_>,
        reconstructor: &'a mut Reconstructor<'b, S>,
    ) -> Option<Recorder<'a, 'b, S>> {
        let trace = self.frames.last_mut()?;
        let number = 1 + index;
        if trace.partitions.len() <= number {
            trace.partitions.resize(number + 1, PartitionTrace::default());
        }
        let partition = &mut trace.partitions[number];
        if partition.bytes == 0 {
            partition.bytes = reader.len_bytes() as u64;
            (partition.header_q8, partition.used_q8) = (reader.position_q8(), reader.position_q8());
        }
        Some(Recorder { trace, number, reconstructor })
    }

    /// Records the blocks of a run that are concealed: those from the `first` one on in the order of
    /// the frame.
    pub(super) fn conceal(&mut self, run: &Run, modes: &ModeMap, first: usize) {
        let Some(trace) = self.frames.last_mut() else { return };
        let partition = u8::try_from(1 + run.tile_col).unwrap_or(u8::MAX);
        for info in &modes.blocks()[first..] {
            let motion = motion(trace, info, 0);
            trace.blocks.push(BlockTrace { partition, motion, concealed: true, ..place(info) });
        }
    }
}

fn shown(frame: &DecodedFrame) -> Option<Frame> {
    if frame.buf.format() != SampleFormat::YUV420 {
        return None;
    }
    let info = PictureInfo { color: frame.color, ..PictureInfo::default() };
    Some(Frame { buf: frame.buf.clone(), info, pts: 0, duration: None })
}

fn flat(probabilities: &Probabilities) -> impl Iterator<Item = &[u8; 3]> {
    let all = probabilities.coefficients.as_flattened().as_flattened().as_flattened();
    all.as_flattened().iter()
}

fn trace_headers(trace: &mut FrameTrace, header: &FrameHeader) {
    let is_key = header.frame_type == FrameType::Key;
    trace.kind = if is_key { FrameKind::Key } else { FrameKind::Inter };
    (trace.shown, trace.size, trace.profile) = (header.show, header.size, header.profile);
    let quantiser = &header.quantiser;
    let delta = |value: i16| i8::try_from(value).unwrap_or_default();
    trace.qindex = quantiser.base;
    trace.qindex_deltas = vec![
        ("y_dc", delta(quantiser.luma_dc)),
        ("uv_dc", delta(quantiser.chroma_dc)),
        ("uv_ac", delta(quantiser.chroma_ac)),
    ];
    let filter = &header.loop_filter;
    trace.filter = FilterTrace {
        kind: if filter.level > 0 { "normal" } else { "off" },
        level: filter.level,
        sharpness: filter.sharpness,
        reference_deltas: filter.deltas.map_or(Vec::new(), |deltas| deltas.reference.to_vec()),
        mode_deltas: filter.deltas.map_or(Vec::new(), |deltas| deltas.mode.to_vec()),
    };
    trace.segments = header.segmentation.enabled.then(|| segments(&header.segmentation));
    // The compressed header has only probabilities; its padding is counted with them.
    let bytes = header.compressed_bytes as u64;
    let q8 = bytes * 8 * 256;
    trace.partitions.push(PartitionTrace { bytes, header_q8: q8, used_q8: q8 });
    let references = &header.references;
    for (role, name) in ["last", "golden", "altref"].into_iter().enumerate() {
        trace.references.push(ReferenceTrace {
            name,
            sign_bias: references.sign_bias[role],
            slot: u8::try_from(references.slots[role]).ok(),
            ..ReferenceTrace::default()
        });
    }
    for (slot, name) in SLOT_NAMES.into_iter().enumerate() {
        let is_updated = header.refresh_slots >> slot & 1 != 0;
        let update = if is_updated { SlotUpdate::Frame } else { SlotUpdate::Kept };
        let slot = u8::try_from(slot).ok();
        trace.references.push(ReferenceTrace { name, update, slot, ..ReferenceTrace::default() });
    }
    trace.keeps_probabilities = header.contexts.refresh;
    (trace.modes, trace.vector_units, trace.block_pixels) = (MODES, 8, None);
}

fn segments(segmentation: &Segmentation) -> SegmentsTrace {
    let values = |value: fn(&Segment) -> Option<i16>| {
        segmentation.segments.iter().map(|segment| value(segment).unwrap_or(0)).collect()
    };
    SegmentsTrace {
        updates_map: segmentation.map.is_some(),
        updates_data: segmentation.updates_data,
        is_absolute: segmentation.absolute,
        qindex: values(|segment| segment.quantiser),
        filter_level: values(|segment| segment.filter_level),
        tree_probs: segmentation.map.map_or(Vec::new(), |map| map.tree.to_vec()),
    }
}

/// Records the blocks of a run of superblocks while they are reconstructed.
pub(super) struct Recorder<'a, 'b, S: Sample> {
    trace: &'a mut FrameTrace,
    /// Number of the tile's partition.
    number: usize,
    reconstructor: &'a mut Reconstructor<'b, S>,
}

impl<S: Sample> BlockSink<S> for Recorder<'_, '_, S> {
    fn block(
        &mut self,
        info: &mut BlockInfo,
        has_left: bool,
        parser: &mut ResidualParser<'_, '_, S>,
    ) {
        let after_modes = parser.reader.position_q8();
        let mut residual = Counted { parser, coded_blocks: 0 };
        let has_residual = self.reconstructor.reconstruct(info, has_left, &mut residual);
        let coded_blocks = residual.coded_blocks;
        info.note_residual(has_residual);
        self.reconstructor.add_edges(info);
        let end = parser.reader.position_q8();
        let header = parser.setup.header;
        let partition = &mut self.trace.partitions[self.number];
        let start = std::mem::replace(&mut partition.used_q8, end);
        let span = |from: u64, to: u64| u32::try_from(to.saturating_sub(from)).unwrap_or(u32::MAX);
        let first_part = self.trace.parts.len();
        let motion = self.add_motion(info);
        let filter_level = self.reconstructor.filter.map_or(0, |filter| filter.level(info));
        self.trace.blocks.push(BlockTrace {
            luma: luma_mode(info),
            chroma: (!info.is_inter()).then_some(info.chroma_mode as u8),
            motion,
            parts: (
                u32::try_from(first_part).unwrap_or(u32::MAX),
                u8::try_from(self.trace.parts.len() - first_part).unwrap_or(0),
            ),
            segment: info.segment,
            qindex: header.segmentation.qindex(info.segment, header.quantiser.base),
            skip: info.skip,
            coded_blocks,
            transform_px: u8::try_from(info.tx.pixels()).unwrap_or(0),
            filter_level,
            filters_inside: filter_level > 0 && !(info.skip && info.is_inter()),
            mode_q8: span(start, after_modes),
            token_q8: span(after_modes, end),
            partition: u8::try_from(self.number).unwrap_or(u8::MAX),
            ..place(info)
        });
    }
}

impl<S: Sample> Recorder<'_, '_, S> {
    /// Adds the parts of a block that is divided; returns the motion of the last part.
    fn add_motion(&mut self, info: &BlockInfo) -> [Option<Motion>; 2] {
        let last = motion(self.trace, info, 3);
        for &(index, at, size) in sub_blocks(info.size) {
            let mode = (!info.is_inter()).then(|| info.luma_modes[index] as u8);
            let motion = vectors(info, index);
            self.trace.parts.push(PartTrace { at, size, mode, motion });
        }
        last
    }
}

/// Returns the motion of a sub-block, and counts the use of the references.
fn motion(trace: &mut FrameTrace, info: &BlockInfo, index: usize) -> [Option<Motion>; 2] {
    let motion = vectors(info, index);
    for motion in motion.into_iter().flatten() {
        trace.references[usize::from(motion.slot)].used_blocks += 1;
    }
    motion
}

fn vectors(info: &BlockInfo, index: usize) -> [Option<Motion>; 2] {
    let of = |reference: Reference, vector: MotionVector| {
        let vector = Vector { x: vector.col, y: vector.row };
        Some(Motion { slot: reference as u8, vector })
    };
    let vectors = info.vectors[index];
    match info.references {
        References::Intra => [None; 2],
        References::Single(reference) => [of(reference, vectors[0]), None],
        References::Compound([a, b]) => [of(a, vectors[0]), of(b, vectors[1])],
    }
}

/// Number, position and size of a sub-block.
type SubBlock = (usize, (u8, u8), (u8, u8));

/// The sub-blocks of a block smaller than 8x8.
fn sub_blocks(size: BlockSize) -> &'static [SubBlock] {
    match size {
        BlockSize::B4x4 => {
            &[(0, (0, 0), (4, 4)), (1, (4, 0), (4, 4)), (2, (0, 4), (4, 4)), (3, (4, 4), (4, 4))]
        }
        BlockSize::B4x8 => &[(0, (0, 0), (4, 8)), (1, (4, 0), (4, 8))],
        BlockSize::B8x4 => &[(0, (0, 0), (8, 4)), (2, (0, 4), (8, 4))],
        _ => &[],
    }
}

/// Index into the luma modes of [`MODES`].
fn luma_mode(info: &BlockInfo) -> u8 {
    match (info.is_inter(), info.size.is_sub8x8()) {
        (false, false) => info.luma_modes[0] as u8,
        (false, true) => SUB_BLOCKS_INTRA,
        (true, false) => FIRST_INTER + info.inter_mode as u8,
        (true, true) => SUB_BLOCKS_INTER,
    }
}

/// A trace with the position and size of a block.
fn place(info: &BlockInfo) -> BlockTrace {
    let (cols, rows) = info.size.mi();
    let pixels = |units: usize| u8::try_from(8 * units).unwrap_or(u8::MAX);
    BlockTrace {
        at: (info.col.saturating_mul(8), info.row.saturating_mul(8)),
        size: (pixels(cols), pixels(rows)),
        ..BlockTrace::default()
    }
}

/// Counts the transforms with coefficients.
struct Counted<'r, 'a, 'd, S: Sample> {
    parser: &'r mut ResidualParser<'a, 'd, S>,
    coded_blocks: u16,
}

impl<S: Sample> Residual<S::Coefficient> for Counted<'_, '_, '_, S> {
    fn next(
        &mut self,
        info: &BlockInfo,
        block: &PlaneBlock,
        at: (usize, usize),
        kind: Vp9TxKind,
        coefficients: &mut [S::Coefficient; 1024],
    ) -> Tokens {
        let tokens = self.parser.next(info, block, at, kind, coefficients);
        self.coded_blocks += u16::from(tokens.any);
        tokens
    }
}
