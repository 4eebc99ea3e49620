//! Decoding of one picture, slice by slice.

use std::sync::Arc;

use codec_core::error::Corrupt;
use codec_core::frame::{FrameBuf, PlaneSet};
use codec_core::parallel::Pool;
use codec_simd::Kernels;

use super::cabac_syntax::Cabac;
use super::cavlc_syntax::Cavlc;
use super::conceal::conceal;
use super::entropy::Entropy;
use super::metered::Metered;
use super::motion_cache::Mvd;
use super::motion_pool::MotionPool;
use super::parse::{MbParser, Stores};
use super::pipeline::{ParallelSlice, PipelineMemory};
use super::reconstruct::Reconstructor;
use super::row_filter::{Progress, RowFilter};
use super::slice_context::{SliceContext, SliceInput};
use super::slice_data;
use super::trace::Tracer;
use super::weights::Weights;
use crate::bits::{BitReader, rbsp_bits};
use crate::cabac::Contexts;
use crate::deblock::{Deblocker, EdgeFilter, ThresholdTable};
use crate::macroblock::Arrangement;
use crate::macroblock::{Mb, MbInfo, NO_SLICE};
use crate::params::{Pps, ScalingMatrices, Sps};
use crate::picture::{Coding, Motion, RefPicture};
use crate::planes::plane_lines;
use crate::slice::{Deblocking, PictureStructure, SliceHeader, SliceType};
use crate::transform::LevelScales;

/// Rows of macroblocks that a slice has at least if threads share it: to wake a thread takes as long
/// as to decode a row.
const MIN_PARALLEL_ROWS: usize = 5;

/// Macroblocks that are parsed before they are reconstructed: the code of both together exceeds the
/// instruction cache.
const BATCH: usize = 32;

/// A picture to decode.
#[derive(Debug)]
pub struct PictureParams<'a> {
    /// The active sequence parameter set.
    pub sps: &'a Sps,
    /// A frame or one of its fields.
    pub structure: PictureStructure,
    /// Identity of the frame; equal for both of its fields.
    pub id: u64,
    /// Picture order counts of the top and bottom field. The value of a field that is not decoded
    /// yet is not used.
    pub poc: [i32; 2],
    /// The first field of the frame, if this picture is the second field. The lines of the first
    /// field are copied.
    pub first_field: Option<&'a RefPicture>,
}

/// Decodes pictures: macroblocks of slices, and the deblocking filter.
#[derive(Debug)]
pub struct PictureDecoder {
    kernels: &'static Kernels,
    current: Option<Current>,
    motions: MotionPool,
    infos: Vec<MbInfo>,
    mvds: [Vec<[Mvd; 16]>; 2],
    /// Parameters of the slices of the current picture.
    slices: Vec<Deblocking>,
    thresholds: ThresholdTable,
    scales: LevelScales,
    weights: Weights,
    /// Macroblocks that are parsed before they are reconstructed, without a pool.
    batch: Box<[Mb]>,
    /// Decodes slices together with the caller's thread, except slices of pictures that are traced.
    pool: Option<Arc<dyn Pool>>,
    pipeline: PipelineMemory,
    /// First macroblock of the last slice.
    last_first_mb: usize,
    /// Records macroblocks, if traces are wanted.
    pub(super) tracer: Option<Box<Tracer>>,
}

/// The picture being decoded.
#[derive(Debug)]
struct Current {
    samples: Arc<FrameBuf>,
    motion: Arc<Motion>,
    structure: PictureStructure,
    id: u64,
    poc: [i32; 2],
    cols: usize,
    rows: usize,
    arrangement: Arrangement,
    has_chroma: bool,
    progress: Progress,
}

impl Current {
    /// The rows of macroblocks of the picture: the first, and the distance.
    fn row_steps(&self) -> (usize, usize) {
        match self.structure {
            PictureStructure::Frame => (0, 1),
            PictureStructure::TopField => (0, 2),
            PictureStructure::BottomField => (1, 2),
        }
    }
}

impl PictureDecoder {
    /// Creates a decoder that uses `kernels`, and the threads of `pool` if it has several.
    #[must_use]
    pub fn new(kernels: &'static Kernels, pool: Option<Arc<dyn Pool>>) -> Self {
        Self {
            kernels,
            current: None,
            motions: MotionPool::default(),
            infos: Vec::new(),
            mvds: [Vec::new(), Vec::new()],
            slices: Vec::new(),
            thresholds: ThresholdTable::new(Deblocking::default()),
            scales: LevelScales::new(&ScalingMatrices::FLAT),
            weights: Weights::new(),
            batch: std::iter::repeat_with(Mb::new).take(BATCH).collect(),
            pool: pool.filter(|pool| pool.threads() > 1),
            pipeline: PipelineMemory::default(),
            last_first_mb: 0,
            tracer: None,
        }
    }

    /// Returns the pool for a slice; `None` if the slice is probably too short, because the last
    /// one was.
    fn pool_for(&mut self, first_mb: usize, cols: usize, rows: usize) -> Option<Arc<dyn Pool>> {
        let last = std::mem::replace(&mut self.last_first_mb, first_mb);
        let end = if first_mb > last { first_mb } else { cols * rows };
        self.pool.clone().filter(|_| end.saturating_sub(last) >= MIN_PARALLEL_ROWS * cols)
    }

    /// Begins a picture in `samples`, which has the size of the frame in whole macroblocks and no
    /// other holder.
    pub fn begin_picture(&mut self, params: &PictureParams<'_>, mut samples: Arc<FrameBuf>) {
        let sps = params.sps;
        let (cols, rows) = (usize::from(sps.width_mbs), usize::from(sps.height_mbs()));
        let arrangement = match params.structure {
            PictureStructure::Frame if sps.mb_adaptive_frame_field && !sps.frame_mbs_only => {
                Arrangement::Mbaff
            }
            PictureStructure::Frame => Arrangement::Frame,
            _ => Arrangement::Field,
        };
        let mut motion = self.motions.take();
        if let Some(motion) = Arc::get_mut(&mut motion) {
            motion.begin(
                cols,
                rows,
                match arrangement {
                    Arrangement::Frame => Coding::Frame,
                    Arrangement::Field => Coding::Fields,
                    Arrangement::Mbaff => Coding::Mbaff,
                },
            );
            if let (Some(first), Some(samples)) = (params.first_field, Arc::get_mut(&mut samples)) {
                motion.clone_from(&first.motion);
                copy_field(&first.samples, samples, params.structure);
            }
        }
        self.infos.clear();
        self.infos.resize(cols * rows, MbInfo::NOT_DECODED);
        self.mvds.iter_mut().for_each(|mvds| mvds.resize(cols * rows, [[0; 2]; 16]));
        self.slices.clear();
        let PictureParams { structure, id, poc, .. } = *params;
        if let Some(tracer) = &mut self.tracer {
            tracer.begin_picture(sps.visible_size(), structure.is_field());
        }
        self.current = Some(Current {
            samples,
            motion,
            structure,
            id,
            poc,
            cols,
            rows,
            arrangement,
            has_chroma: sps.has_chroma(),
            progress: Progress::default(),
        });
    }

    /// Decodes the macroblocks of a slice. `rbsp` is the unescaped payload after the NAL header.
    /// Each entry of `lists` is a final reference list: frames in frames, fields in fields.
    ///
    /// # Errors
    /// [`Corrupt`] if the data is damaged. Macroblocks before the damage are decoded.
    pub fn decode_slice(
        &mut self,
        header: &SliceHeader,
        sps: &Sps,
        pps: &Pps,
        lists: [&[RefPicture]; 2],
        rbsp: &[u8],
    ) -> Result<(), Corrupt> {
        let error = |what| Corrupt::Other { what, offset_bytes: 0 };
        let Some(current) = &mut self.current else { return Err(error("a picture")) };
        let matches = header.structure == current.structure
            && header.is_mbaff == (current.arrangement == Arrangement::Mbaff)
            && usize::from(sps.width_mbs) == current.cols
            && usize::from(sps.height_mbs()) == current.rows;
        if !matches {
            return Err(error("a slice with the structure and size of the current picture"));
        }
        let wanted = [SliceType::P, SliceType::B];
        let uses = |list: usize| wanted[list..].contains(&header.slice_type);
        if (0..2).any(|list| uses(list) && lists[list].is_empty()) {
            return Err(error("a reference picture for a P or B slice"));
        }
        let first_mb = usize::try_from(header.first_mb).unwrap_or(usize::MAX);
        let (cols, rows) = (current.cols, current.rows);
        let pool = self.pool_for(first_mb, cols, rows);
        let Some(current) = &mut self.current else { return Err(error("a picture")) };
        let slice = u16::try_from(self.slices.len()).ok().filter(|slice| *slice != NO_SLICE);
        let Some(slice) = slice else { return Err(error("at most 65535 slices in a picture")) };
        self.slices.push(header.deblocking);
        self.scales.set(&pps.scaling);
        self.weights.begin_slice(header, pps, lists, current.poc);
        let (Some(motion), Some(samples)) =
            (Arc::get_mut(&mut current.motion), Arc::get_mut(&mut current.samples))
        else {
            return Err(error("a frame buffer that is not in use elsewhere"));
        };
        let input = SliceInput {
            header,
            sps,
            pps,
            lists,
            scales: &self.scales,
            weights: &self.weights,
            slice,
            poc: current.poc,
        };
        let cx = SliceContext::new(input, motion);
        let stores = Stores { infos: &mut self.infos, mvds: &mut self.mvds, motion };
        let is_next = first_mb == current.progress.decoded;
        let run = SliceRun {
            slice: ParallelSlice {
                kernels: self.kernels,
                cx: &cx,
                planes: plane_lines(samples),
                slices: &self.slices,
                progress: &mut current.progress,
                is_filtered: is_next && cx.arrangement == Arrangement::Frame,
            },
            thresholds: &mut self.thresholds,
            batch: &mut self.batch,
            pool: pool.as_deref(),
            pipeline: &mut self.pipeline,
            tracer: self.tracer.as_deref_mut(),
            bytes: rbsp.len(),
        };
        if pps.cabac {
            let init_idc = (header.slice_type != SliceType::I).then_some(header.cabac_init_idc);
            let contexts = Contexts::new(init_idc, header.qp);
            let entropy = Cabac::new(rbsp, header.data_offset_bits.div_ceil(8), contexts);
            run.decode(entropy, stores)
        } else {
            let end = rbsp_bits(rbsp);
            let entropy = Cavlc::new(BitReader::with_range(rbsp, header.data_offset_bits, end));
            run.decode(entropy, stores)
        }
    }

    /// Returns the number of macroblocks of the picture that no slice has decoded so far.
    #[must_use]
    pub fn missing_macroblocks(&self) -> usize {
        let Some(current) = &self.current else { return 0 };
        let (first, step) = current.row_steps();
        let rows = self.infos.chunks_exact(current.cols).skip(first).step_by(step);
        rows.flatten().filter(|info| info.slice == NO_SLICE).count()
    }

    /// Conceals missing macroblocks with the macroblocks of `conceal_from`, or with grey without it, applies the
    /// deblocking filter, and returns the picture. `None` if no picture was begun.
    pub fn finish_picture(&mut self, conceal_from: Option<&RefPicture>) -> Option<RefPicture> {
        let is_complete = self.missing_macroblocks() == 0;
        let mut current = self.current.take()?;
        let (first, step) = current.row_steps();
        let (motion, samples) =
            (Arc::get_mut(&mut current.motion)?, Arc::get_mut(&mut current.samples)?);
        let mut deblocker = Deblocker {
            infos: &self.infos,
            motion: &motion.mbs,
            slices: &self.slices,
            cols: current.cols,
            arrangement: current.arrangement,
            filter: EdgeFilter {
                kernels: self.kernels,
                planes: plane_lines(samples),
                set: PlaneSet::all(current.has_chroma),
                thresholds: &mut self.thresholds,
            },
        };
        if self.slices.iter().any(|slice| slice.disable_idc != 1) {
            deblocker.picture(first + current.progress.filtered, current.rows);
        }
        if !is_complete {
            conceal(&self.infos, current.cols, (first, step), motion, samples, conceal_from);
        }
        self.motions.keep(&current.motion);
        Some(RefPicture {
            samples: current.samples,
            motion: current.motion,
            id: current.id,
            structure: current.structure,
            poc: current.poc,
            is_long_term: false,
        })
    }
}

/// A slice, with the memory for decoding it.
struct SliceRun<'a> {
    slice: ParallelSlice<'a>,
    thresholds: &'a mut ThresholdTable,
    batch: &'a mut [Mb],
    pool: Option<&'a dyn Pool>,
    pipeline: &'a mut PipelineMemory,
    tracer: Option<&'a mut Tracer>,
    /// Size of the payload.
    bytes: usize,
}

impl<'a> SliceRun<'a> {
    /// Decodes the macroblocks of the slice, on the pool if there is one and no trace is wanted.
    fn decode<E: Entropy + Send>(self, entropy: E, stores: Stores<'a>) -> Result<(), Corrupt> {
        let Self { slice, thresholds, batch, pool, pipeline, tracer, bytes } = self;
        let cx = slice.cx;
        let Some(tracer) = tracer else {
            let parser = MbParser::new(entropy, cx, stores);
            return match pool {
                Some(pool) => slice.decode(parser, pool, pipeline),
                None => decode_alone(slice, parser, (thresholds, batch), |_, _| {}),
            };
        };
        tracer.begin_slice(cx.header, cx.pps, bytes);
        let parser = MbParser::new(Metered::new(entropy), cx, stores);
        decode_alone(slice, parser, (thresholds, batch), |parser, mb| tracer.macroblock(parser, mb))
    }
}

/// Decodes the macroblocks of a slice on this thread, and shows each to `observe` once it is parsed.
fn decode_alone<E: Entropy>(
    slice: ParallelSlice<'_>,
    mut parser: MbParser<'_, E>,
    (thresholds, batch): (&mut ThresholdTable, &mut [Mb]),
    observe: impl FnMut(&MbParser<'_, E>, &Mb),
) -> Result<(), Corrupt> {
    let ParallelSlice { kernels, cx, planes, slices, progress, is_filtered } = slice;
    let mut reconstructor = Reconstructor::new(kernels, cx, planes, PlaneSet::all(true));
    let mut filter = RowFilter { slices, thresholds, progress, is_active: is_filtered };
    let result = slice_data::decode(&mut parser, batch, observe, |parser, mbs| {
        reconstructor.macroblocks(mbs, |reconstructor, mb| filter.after(mb, parser, reconstructor));
    });
    if result.is_err() {
        // Coefficients of the damaged macroblock.
        batch.iter_mut().for_each(|mb| mb.coeffs = [[0; 16]; 24]);
    }
    result
}

/// Copies the lines of the field that is not `structure`.
fn copy_field(from: &FrameBuf, to: &mut FrameBuf, structure: PictureStructure) {
    let first = usize::from(structure == PictureStructure::TopField);
    for (index, mut plane) in to.planes_mut().into_iter().enumerate() {
        let source = from.plane(index);
        for y in (first..plane.layout().height).step_by(2) {
            plane.row_mut(y).copy_from_slice(source.row(y));
        }
    }
}
