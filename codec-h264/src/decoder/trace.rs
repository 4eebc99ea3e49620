//! Builds a [`FrameTrace`] from slice headers and from each macroblock as it is parsed.

use codec_core::codec::DecodeReport;
use codec_core::codec::trace::{
    BlockModes, BlockTrace, FilterTrace, FrameTrace, Motion, PartTrace, PartitionTrace,
    ReferenceTrace, Vector,
};
use codec_core::frame::{Frame, Size};

use super::entropy::Entropy;
use super::metered::Metered;
use super::parse::MbParser;
use crate::macroblock::{BLOCKS, Mb, MbClass, MbInfo, Prediction, Shape, SubShape};
use crate::params::Pps;
use crate::picture::Mv;
use crate::slice::SliceHeader;

/// Luma modes in the order of [`luma_mode`]; chroma modes and modes of 4x4 and 8x8 blocks in the order
/// of tables 8-2, 8-3 and 8-5.
static MODES: BlockModes = BlockModes {
    luma: &[
        "4x4",
        "8x8",
        "16x16 vertical",
        "16x16 horizontal",
        "16x16 dc",
        "16x16 plane",
        "pcm",
        "skip",
        "direct",
        "16x16",
        "16x8",
        "8x16",
        "8x8 parts",
    ],
    chroma: &["dc", "horizontal", "vertical", "plane"],
    part: &[
        "vertical",
        "horizontal",
        "dc",
        "left-down",
        "right-down",
        "vertical-right",
        "horizontal-down",
        "vertical-left",
        "horizontal-up",
    ],
};

/// Names of the entries of the reference lists.
static LIST_NAMES: [[&str; 32]; 2] = [
    [
        "l0[0]", "l0[1]", "l0[2]", "l0[3]", "l0[4]", "l0[5]", "l0[6]", "l0[7]", "l0[8]", "l0[9]",
        "l0[10]", "l0[11]", "l0[12]", "l0[13]", "l0[14]", "l0[15]", "l0[16]", "l0[17]", "l0[18]",
        "l0[19]", "l0[20]", "l0[21]", "l0[22]", "l0[23]", "l0[24]", "l0[25]", "l0[26]", "l0[27]",
        "l0[28]", "l0[29]", "l0[30]", "l0[31]",
    ],
    [
        "l1[0]", "l1[1]", "l1[2]", "l1[3]", "l1[4]", "l1[5]", "l1[6]", "l1[7]", "l1[8]", "l1[9]",
        "l1[10]", "l1[11]", "l1[12]", "l1[13]", "l1[14]", "l1[15]", "l1[16]", "l1[17]", "l1[18]",
        "l1[19]", "l1[20]", "l1[21]", "l1[22]", "l1[23]", "l1[24]", "l1[25]", "l1[26]", "l1[27]",
        "l1[28]", "l1[29]", "l1[30]", "l1[31]",
    ],
];

/// The trace of the current or last packet.
#[derive(Debug, Default)]
pub(super) struct Tracer {
    frame: FrameTrace,
    /// Columns and rows of macroblocks in the trace.
    grid: (usize, usize),
    /// Macroblocks that were parsed.
    is_parsed: Vec<bool>,
    /// Whether all macroblocks of the frame belong to this packet.
    is_whole: bool,
    /// Sizes at the end of the macroblock before: see [`Metered::sizes_q8`].
    sizes_q8: [u64; 2],
    is_complete: bool,
}

impl Tracer {
    /// Returns the trace of the last packet; `None` if it did not decode to a frame.
    pub(super) fn get(&self) -> Option<&FrameTrace> {
        self.is_complete.then_some(&self.frame)
    }

    /// Begins a packet.
    pub(super) fn begin(&mut self) {
        self.is_complete = false;
        self.grid = (0, 0);
        self.frame.clear();
    }

    /// Begins a picture: a frame of `size`, or one of its fields.
    pub(super) fn begin_picture(&mut self, size: Size, is_field: bool) {
        let (cols, rows) = size.macroblocks();
        self.is_whole = !is_field;
        if self.grid == (cols, rows) && is_field {
            return;
        }
        self.grid = (cols, rows);
        let narrow = |n: usize| u16::try_from(16 * n).unwrap_or(u16::MAX);
        let positions = (0..rows).flat_map(|y| (0..cols).map(move |x| (narrow(x), narrow(y))));
        let blank = |at| BlockTrace { at, size: (16, 16), ..BlockTrace::default() };
        self.frame.blocks.clear();
        self.frame.blocks.extend(positions.map(blank));
        self.is_parsed.clear();
        self.is_parsed.resize(cols * rows, false);
    }

    /// Begins a slice whose unescaped NAL unit has `bytes`.
    pub(super) fn begin_slice(&mut self, header: &SliceHeader, pps: &Pps, bytes: usize) {
        let trace = &mut self.frame;
        if trace.partitions.is_empty() {
            trace.qindex = header.qp;
            let [cb, cr] = pps.chroma_qp_offsets;
            trace.qindex_deltas.extend([("cb", cb), ("cr", cr)]);
            let filter = &header.deblocking;
            let is_on = filter.disable_idc != 1;
            trace.filter = FilterTrace {
                kind: if is_on { "deblocking" } else { "off" },
                level: if is_on { filter_level(header.qp, filter.alpha_offset) } else { 0 },
                sharpness: 0,
                reference_deltas: Vec::new(),
                mode_deltas: vec![filter.alpha_offset, filter.beta_offset],
            };
        }
        // CABAC begins at a whole byte.
        let bits = header.data_offset_bits;
        let bits = if pps.cabac { bits.next_multiple_of(8) } else { bits };
        // The NAL header is not part of the payload.
        let header_q8 = 256 * (bits as u64 + 8);
        trace.partitions.push(PartitionTrace {
            bytes: bytes as u64 + 1,
            header_q8,
            used_q8: header_q8,
        });
        self.sizes_q8 = [256 * bits as u64, 0];
    }

    /// Records a macroblock that was parsed and not reconstructed yet.
    pub(super) fn macroblock<E: Entropy>(&mut self, parser: &MbParser<'_, Metered<E>>, mb: &Mb) {
        let sizes_q8 = parser.entropy.sizes_q8();
        let [all, token_q8] = [0, 1].map(|n| {
            u32::try_from(sizes_q8[n].saturating_sub(self.sizes_q8[n])).unwrap_or(u32::MAX)
        });
        self.sizes_q8 = sizes_q8;
        let number = self.frame.partitions.len().saturating_sub(1);
        if let Some(slice) = self.frame.partitions.last_mut() {
            slice.used_q8 += u64::from(all);
        }
        let (cols, rows) = self.grid;
        if mb.x >= cols || mb.row >= rows {
            return;
        }
        let (infos, _) = parser.stored();
        let info = &infos[mb.row * parser.cx.cols + mb.x];
        let first_part = self.frame.parts.len();
        let motion = self.add_parts(mb, info);
        let parts = self.frame.parts.len() - first_part;
        let filter = &parser.cx.header.deblocking;
        let is_filtered = filter.disable_idc != 1;
        let is_intra = info.class.is_intra();
        let at = mb.row * cols + mb.x;
        self.is_parsed[at] = true;
        let block = &mut self.frame.blocks[at];
        *block = BlockTrace {
            at: block.at,
            size: block.size,
            luma: luma_mode(mb, info),
            chroma: (is_intra && info.class != MbClass::Pcm).then_some(mb.chroma_mode),
            motion,
            parts: (
                u32::try_from(first_part).unwrap_or(u32::MAX),
                u8::try_from(parts).unwrap_or(0),
            ),
            segment: u8::try_from(number).unwrap_or(u8::MAX),
            qindex: info.qp,
            skip: info.class == MbClass::Skip,
            coded_blocks: coded_blocks(mb, info),
            transform_px: if mb.transform_8x8 { 8 } else { 4 },
            filter_level: if is_filtered { filter_level(info.qp, filter.alpha_offset) } else { 0 },
            filters_inside: is_filtered,
            mode_q8: all.saturating_sub(token_q8),
            token_q8: token_q8.min(all),
            partition: u8::try_from(number).unwrap_or(u8::MAX),
            concealed: false,
        };
    }

    /// Adds the parts of a macroblock that is divided; returns the motion of the last part.
    fn add_parts(&mut self, mb: &Mb, info: &MbInfo) -> [Option<Motion>; 2] {
        let shape = match mb.prediction {
            Prediction::Intra4x4(modes) => {
                let places = modes.iter().zip(BLOCKS);
                self.frame.parts.extend(places.map(|(&mode, place)| intra_part(place, 4, mode)));
                return [None; 2];
            }
            Prediction::Intra8x8(modes) => {
                let places = modes.iter().zip([(0, 0), (2, 0), (0, 2), (2, 2)]);
                self.frame.parts.extend(places.map(|(&mode, place)| intra_part(place, 8, mode)));
                return [None; 2];
            }
            Prediction::Intra16x16(_) | Prediction::Pcm => return [None; 2],
            Prediction::Inter(shape) => shape,
        };
        // Direct and skipped macroblocks of B slices have their vectors by block.
        let is_derived = matches!(info.class, MbClass::Skip | MbClass::Direct);
        let is_uniform = [0, 1].into_iter().all(|list| {
            mb.refs[list] == [mb.refs[list][0]; 4] && mb.mvs[list] == [mb.mvs[list][0]; 16]
        });
        if shape == Shape::Whole || is_derived && is_uniform {
            let motion = self.motion_at(mb, (0, 0));
            self.count(motion);
            return motion;
        }
        let mut last = [None; 2];
        for (place, size) in partitions(shape) {
            let motion = self.motion_at(mb, place);
            self.count(motion);
            let at = (pixels(place.0), pixels(place.1));
            self.frame.parts.push(PartTrace { at, size, mode: None, motion });
            last = motion;
        }
        last
    }

    /// Returns the references and vectors of the 4x4 block in a column and row.
    fn motion_at(&mut self, mb: &Mb, (x, y): (usize, usize)) -> [Option<Motion>; 2] {
        [0, 1].map(|list| {
            let index = usize::try_from(mb.refs[list][y / 2 * 2 + x / 2]).ok()?;
            let name = LIST_NAMES[list].get(index)?;
            let Mv { x, y } = mb.mvs[list][4 * y + x];
            let references = &mut self.frame.references;
            let slot = references.iter().position(|known| known.name == *name);
            let slot = slot.unwrap_or_else(|| {
                references.push(ReferenceTrace { name, ..ReferenceTrace::default() });
                references.len() - 1
            });
            Some(Motion { slot: u8::try_from(slot).ok()?, vector: Vector { x, y } })
        })
    }

    /// Counts the use of references.
    fn count(&mut self, motion: [Option<Motion>; 2]) {
        for motion in motion.into_iter().flatten() {
            if let Some(used) = self.frame.references.get_mut(usize::from(motion.slot)) {
                used.used_blocks += 1;
            }
        }
    }

    /// Completes the trace of a packet.
    pub(super) fn complete(&mut self, packet_bytes: usize, report: &DecodeReport, frame: Frame) {
        let trace = &mut self.frame;
        (trace.kind, trace.shown, trace.size) = (report.kind, report.shown, report.size);
        trace.profile = report.profile;
        trace.packet_bytes = packet_bytes as u64;
        let in_slices: u64 = trace.partitions.iter().map(|slice| slice.bytes).sum();
        trace.framing_bytes = trace.packet_bytes.saturating_sub(in_slices);
        (trace.modes, trace.vector_units, trace.block_pixels) = (MODES, 4, Some(16));
        trace.concealed_blocks = report.concealed_mbs;
        if self.is_whole {
            for (block, is_parsed) in trace.blocks.iter_mut().zip(&self.is_parsed) {
                block.concealed = !is_parsed;
            }
        }
        trace.picture = Some(frame);
        self.is_complete = true;
    }
}

/// Index into the luma modes of [`MODES`].
fn luma_mode(mb: &Mb, info: &MbInfo) -> u8 {
    match (mb.prediction, info.class) {
        (_, MbClass::Skip) => 7,
        (_, MbClass::Direct) => 8,
        (Prediction::Intra4x4(_), _) => 0,
        (Prediction::Intra8x8(_), _) => 1,
        (Prediction::Intra16x16(mode), _) => 2 + mode,
        (Prediction::Pcm, _) => 6,
        (Prediction::Inter(Shape::Whole), _) => 9,
        (Prediction::Inter(Shape::Rows), _) => 10,
        (Prediction::Inter(Shape::Columns), _) => 11,
        (Prediction::Inter(Shape::Quarters(_)), _) => 12,
    }
}

/// Number of transform blocks with coefficients, DC blocks included.
fn coded_blocks(mb: &Mb, info: &MbInfo) -> u16 {
    let luma = info.coded.count_ones() / if mb.transform_8x8 { 4 } else { 1 };
    let chroma = info.counts[16..].iter().filter(|&&count| count > 0).count();
    let dc = u32::from(info.dc_flags).count_ones();
    u16::try_from(luma as usize + chroma + dc as usize).unwrap_or(u16::MAX)
}

/// The index of the thresholds of the deblocking filter. Clause 8.7.2.2.
fn filter_level(qp: u8, offset: i8) -> u8 {
    qp.saturating_add_signed(offset).min(51)
}

fn pixels(blocks: usize) -> u8 {
    u8::try_from(4 * blocks).unwrap_or(0)
}

fn intra_part((x, y): (usize, usize), side: u8, mode: u8) -> PartTrace {
    PartTrace {
        at: (pixels(x), pixels(y)),
        size: (side, side),
        mode: Some(mode),
        motion: [None; 2],
    }
}

/// A place in 4x4 blocks, and a size in pixels.
type Place = ((usize, usize), (u8, u8));

/// The partitions of a macroblock.
fn partitions(shape: Shape) -> impl Iterator<Item = Place> {
    let places: Vec<Place> = match shape {
        Shape::Whole => vec![((0, 0), (16, 16))],
        Shape::Rows => vec![((0, 0), (16, 8)), ((0, 2), (16, 8))],
        Shape::Columns => vec![((0, 0), (8, 16)), ((2, 0), (8, 16))],
        Shape::Quarters(shapes) => {
            let corners = [(0, 0), (2, 0), (0, 2), (2, 2)];
            corners
                .into_iter()
                .zip(shapes)
                .flat_map(|(at, shape)| sub_partitions(at, shape))
                .collect()
        }
    };
    places.into_iter()
}

/// The partitions of an 8x8 block.
fn sub_partitions((x, y): (usize, usize), shape: SubShape) -> Vec<Place> {
    match shape {
        SubShape::Whole => vec![((x, y), (8, 8))],
        SubShape::Rows => vec![((x, y), (8, 4)), ((x, y + 1), (8, 4))],
        SubShape::Columns => vec![((x, y), (4, 8)), ((x + 1, y), (4, 8))],
        SubShape::Quarters => {
            let places = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)];
            places.map(|place| (place, (4, 4))).to_vec()
        }
    }
}
