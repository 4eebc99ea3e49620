//! Finishes rows of macroblocks in order after mode decision: writes their bits and deblocks them.

use codec_core::frame::{FrameBuf, PlaneSet};
use codec_simd::Kernels;

use super::coded_mb::{CodedKind, CodedMb, Pending};
use super::parameter_sets::ParameterSets;
use super::row_store::RowStore;
use super::unit_size::UnitSize;
use super::write::{CabacWriter, CavlcWriter, EntropyWriter, SliceMark, SliceWriter};
use crate::cabac::Contexts;
use crate::deblock::{Deblocker, EdgeFilter, ThresholdTable};
use crate::macroblock::Arrangement;
use crate::macroblock::{Grain, MbClass, MbInfo};
use crate::nal::{NalHeader, NalType};
use crate::picture::{Motion, Mv, NO_REF};
use crate::planes::plane_lines;
use crate::slice::{Deblocking, SliceHeader};
use crate::tables::quant::chroma_qp;

/// Writers of both entropy coders; a stream uses one.
#[derive(Debug, Default)]
struct Writers {
    cabac: SliceWriter<CabacWriter>,
    cavlc: SliceWriter<CavlcWriter>,
}

/// Positions of both writers.
#[derive(Debug, Default)]
struct Marks {
    cabac: SliceMark<CabacWriter>,
    cavlc: SliceMark<CavlcWriter>,
}

/// State of a picture that rows are added to.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// Data of all macroblocks, for deblocking.
    infos: Vec<MbInfo>,
    motion: Motion,
    slices: Vec<Deblocking>,
    writers: Writers,
    /// The position before the last macroblock, if it may be removed.
    marks: Marks,
    size: UnitSize,
    /// Address of the first macroblock of the slice.
    first: usize,
    /// `QPY` of the macroblock before.
    qp: u8,
}

/// Parameters of a picture.
#[derive(Clone, Copy)]
pub(super) struct PictureParams<'a> {
    pub kernels: &'static Kernels,
    pub cols: usize,
    pub rows: usize,
    pub sets: &'a ParameterSets,
    /// Header of the first slice.
    pub header: &'a SliceHeader,
    /// First row of the slice of each row.
    pub slice_starts: &'a [usize],
    /// The row that begins a slice without deblocking at its upper edge.
    pub unfiltered_start: Option<usize>,
    /// Identity of each entry of the reference lists, for deblocking.
    pub reference_ids: [[u8; 3]; 2],
}

impl Picture {
    /// Prepares for a picture.
    pub(super) fn begin(&mut self, params: &PictureParams<'_>) {
        let count = params.cols * params.rows;
        // The data of all macroblocks is set before it is read.
        self.infos.resize(count, MbInfo::NOT_DECODED);
        self.motion.begin(params.cols, params.rows, crate::picture::Coding::Frame);
        self.slices.clear();
    }

    /// Adds row `row`: writes it and deblocks it. `out` receives the NAL units of finished slices. Returns the bytes
    /// of the slice that is not finished.
    pub(super) fn add_row(
        &mut self,
        params: &PictureParams<'_>,
        row: usize,
        store: &RowStore,
        frame: &mut FrameBuf,
        out: &mut Vec<u8>,
    ) -> usize {
        if params.slice_starts[row] == row {
            self.begin_slice(params, row * params.cols);
        }
        self.write_row(params, row, store);
        let is_last = params.slice_starts.get(row + 1).is_none_or(|&start| start == row + 1);
        let open = if is_last { 0 } else { self.open_bytes(params) };
        if is_last {
            self.finish_slice(params, out);
        }
        self.place_row(params, row, store, frame);
        open
    }

    /// Returns the bytes of the slice so far.
    fn open_bytes(&self, params: &PictureParams<'_>) -> usize {
        let Writers { cabac, cavlc } = &self.writers;
        if params.sets.pps.cabac {
            cabac.entropy().max_bytes()
        } else {
            cavlc.entropy().max_bytes()
        }
    }

    /// Puts the samples of a written row into the frame and deblocks it.
    pub(super) fn place_row(
        &self,
        params: &PictureParams<'_>,
        row: usize,
        store: &RowStore,
        frame: &mut FrameBuf,
    ) {
        copy_row(store, row, frame);
        self.deblock(params, row, frame);
    }

    /// Returns the contexts after the last slice, in CABAC.
    pub(super) fn contexts(&self, sets: &ParameterSets) -> Option<&Contexts> {
        sets.pps.cabac.then(|| self.writers.cabac.entropy().contexts())
    }

    /// Begins a slice with the macroblock at `index`.
    pub(super) fn begin_slice(&mut self, params: &PictureParams<'_>, index: usize) {
        let first_mb = u32::try_from(index).unwrap_or(u32::MAX);
        let mut header = SliceHeader { first_mb, ..params.header.clone() };
        if params.unfiltered_start == index.checked_div(params.cols) {
            header.deblocking.disable_idc = 2;
        }
        let ParameterSets { sps, pps } = params.sets;
        if pps.cabac {
            self.writers.cabac.begin(&header, sps, pps);
        } else {
            self.writers.cavlc.begin(&header, sps, pps);
        }
        self.qp = header.qp;
        (self.size, self.first) = (UnitSize::default(), index);
        self.slices.push(header.deblocking);
    }

    /// Ends the slice and appends its NAL unit to `out`.
    pub(super) fn finish_slice(&mut self, params: &PictureParams<'_>, out: &mut Vec<u8>) {
        let payload = if params.sets.pps.cabac {
            self.writers.cabac.finish()
        } else {
            self.writers.cavlc.finish()
        };
        let nal_type = if params.header.is_idr { NalType::IdrSlice } else { NalType::Slice };
        NalHeader { ref_idc: params.header.nal_ref_idc, nal_type }.write_unit(payload, out);
    }

    fn write_row(&mut self, params: &PictureParams<'_>, row: usize, store: &RowStore) {
        let mut pending = store.pending();
        for (col, mb) in store.mbs.iter().zip(&store.mvs).enumerate() {
            self.write_mb(params, row * params.cols + col, mb, &mut pending);
            if let Some(mvs) = store.second_mvs.get(col) {
                self.set_second(row * params.cols + col, mb.0.kind, mvs);
            }
        }
    }

    /// Sets the vectors of list 1 of a macroblock of a B slice.
    fn set_second(&mut self, index: usize, kind: CodedKind, mvs: &[Mv; 16]) {
        self.motion.mbs[index].mvs[1] = *mvs;
        if matches!(kind, CodedKind::Skip | CodedKind::Direct) {
            self.infos[index].grain = self.direct_grain(index);
        }
    }

    /// Writes the macroblock at `index` with its vectors, and takes from `pending` what belongs to it.
    #[inline]
    pub(super) fn write_mb(
        &mut self,
        params: &PictureParams<'_>,
        index: usize,
        (mb, mvs): (&CodedMb, &[Mv; 16]),
        pending: &mut Pending<'_>,
    ) {
        let slice = u16::try_from(self.slices.len() - 1).unwrap_or(0);
        let has_residual = mb.cbp != 0 || matches!(mb.kind, CodedKind::Intra16x16(_));
        if has_residual {
            self.qp = mb.qp;
        }
        if params.sets.pps.cabac {
            self.writers.cabac.macroblock(mb, pending);
        } else {
            self.writers.cavlc.macroblock(mb, pending);
        }
        self.infos[index] = info_of(mb, self.qp, slice);
        let motion = &mut self.motion.mbs[index];
        (motion.mvs[0], motion.refs) = (*mvs, mb.refs);
        for (list, &[a, b, c]) in params.reference_ids.iter().enumerate() {
            // Unused references have the index -1.
            let ids = [a, b, c, NO_REF];
            let id = |reference: i8| ids[usize::from(reference.cast_unsigned() & 3)];
            motion.ref_ids[list] = mb.refs[list].map(id);
        }
    }

    /// Writes a macroblock like [`Self::write_mb`] if the NAL unit of the slice then has at most
    /// `max_bytes`. Returns whether it is written.
    pub(super) fn try_mb(
        &mut self,
        params: &PictureParams<'_>,
        index: usize,
        mb: (&CodedMb, &[Mv; 16]),
        pending: &mut Pending<'_>,
        max_bytes: usize,
    ) -> bool {
        let (qp, size) = (self.qp, self.size);
        if params.sets.pps.cabac {
            self.writers.cabac.save(&mut self.marks.cabac);
        } else {
            self.writers.cavlc.save(&mut self.marks.cavlc);
        }
        self.write_mb(params, index, mb, pending);
        let Writers { cabac, cavlc } = &mut self.writers;
        let bytes = if params.sets.pps.cabac {
            self.size.at_most(cabac.entropy())
        } else {
            self.size.at_most(cavlc.entropy())
        };
        if bytes <= max_bytes {
            return true;
        }
        if params.sets.pps.cabac {
            cabac.rewind(&self.marks.cabac);
        } else {
            cavlc.rewind(&self.marks.cavlc);
        }
        (self.qp, self.size) = (qp, size);
        false
    }

    /// Returns the address of the first macroblock of the slice.
    pub(super) fn first_of_slice(&self) -> usize {
        self.first
    }

    /// Returns whether the slice has no macroblocks.
    pub(super) fn is_slice_empty(&self, params: &PictureParams<'_>) -> bool {
        if params.sets.pps.cabac {
            self.writers.cabac.is_empty()
        } else {
            self.writers.cavlc.is_empty()
        }
    }

    /// Returns the size of the blocks of a macroblock in direct mode that have the same motion.
    fn direct_grain(&self, index: usize) -> Grain {
        let is_uniform = |mvs: &[Mv; 16]| [2, 8, 10].iter().all(|&block| mvs[block] == mvs[0]);
        let is_whole = self.motion.mbs[index].mvs.iter().all(is_uniform);
        if is_whole { Grain::Whole } else { Grain::Quarters }
    }

    /// Appends for each macroblock to `blocks` which of its corner blocks direct prediction in a later
    /// picture regards as not moving (`colZeroFlag`, clause 8.4.1.2.2), one bit by quarter.
    pub(super) fn still_blocks(&self, blocks: &mut Vec<u8>) {
        let is_still = |mb: usize, quarter: usize| {
            let motion = &self.motion.mbs[mb];
            let list = usize::from(motion.refs[0][quarter] < 0);
            let mv = motion.mvs[list][CORNERS[quarter]];
            motion.refs[list][quarter] == 0 && mv.x.unsigned_abs() <= 1 && mv.y.unsigned_abs() <= 1
        };
        let bits = |mb| (0..4).fold(0, |bits, n| bits | u8::from(is_still(mb, n)) << n);
        blocks.extend((0..self.infos.len()).map(bits));
    }

    fn deblock(&self, params: &PictureParams<'_>, row: usize, frame: &mut FrameBuf) {
        let mut thresholds = ThresholdTable::new(params.header.deblocking);
        let mut deblocker = Deblocker {
            infos: &self.infos,
            motion: &self.motion.mbs,
            slices: &self.slices,
            cols: params.cols,
            arrangement: Arrangement::Frame,
            filter: EdgeFilter {
                kernels: params.kernels,
                planes: plane_lines(frame),
                set: PlaneSet::all(true),
                thresholds: &mut thresholds,
            },
        };
        deblocker.row(row);
    }
}

/// The 4x4 blocks in the corners of a macroblock.
const CORNERS: [usize; 4] = [0, 3, 12, 15];

/// Copies the samples of a row into the frame.
fn copy_row(store: &RowStore, row: usize, frame: &mut FrameBuf) {
    for (index, mut plane) in frame.planes_mut().into_iter().enumerate() {
        let height = if index == 0 { 16 } else { 8 };
        for (y, line) in store.pixels.lines(index).take(height).enumerate() {
            plane.row_mut(height * row + y).copy_from_slice(line);
        }
    }
}

/// Returns what deblocking needs to know.
fn info_of(mb: &CodedMb, qp: u8, slice: u16) -> MbInfo {
    let class = match mb.kind {
        CodedKind::Skip => MbClass::Skip,
        CodedKind::Direct => MbClass::Direct,
        CodedKind::Intra4x4(_) | CodedKind::Intra8x8(_) => MbClass::IntraNxN,
        CodedKind::Intra16x16(_) => MbClass::Intra16x16,
        CodedKind::Pcm => MbClass::Pcm,
        CodedKind::Inter(_) => MbClass::Inter,
    };
    let grain = match mb.kind {
        CodedKind::Inter(shape) => Grain::of(shape),
        _ => Grain::Whole,
    };
    MbInfo {
        slice,
        class,
        transform_8x8: mb.transform_8x8,
        grain,
        qp,
        chroma_qp: [chroma_qp(qp, 0); 2],
        cbp: mb.cbp,
        coded: coded_blocks(mb),
        ..MbInfo::NOT_DECODED
    }
}

/// Returns the 4x4 blocks with levels in raster order; all of an 8x8 block with one.
fn coded_blocks(mb: &CodedMb) -> u16 {
    let luma = mb.coded & 0xffff;
    if luma == 0 {
        return 0;
    }
    let spread = if mb.transform_8x8 { luma * 15 } else { luma };
    // Bits 1 and 2 of the number of a block change places.
    let raster = spread & 0xc3c3 | (spread & 0x0c0c) << 2 | (spread & 0x3030) >> 2;
    u16::try_from(raster).unwrap_or(u16::MAX)
}
