//! The main loop of the encoder: codes one frame as its [`FramePlan`] (type, references, quantiser)
//! specifies. ITU-T H.264.
//!
//! | phase | clause | code |
//! |---|---|---|
//! | references, slice header | 7.3.3, 8.2.4, 8.2.5 | `references`, [`FrameEncoder::header`] |
//! | quantisers, costs | 8.5.8 | `attempts`, `quantisers`, `lambda` |
//! | macroblocks: prediction, transform | 8.3 to 8.5 | `row`, `decide_intra`, `decide_inter` |
//! | slice data and deblocking of finished rows, while later rows are coded | 7.3.4, 8.7 | `behind`, `finish`, `write` |
//! | parameter sets | 7.3.2 | `parameter_sets` |
//! | references and statistics for the next frame | 8.2.5 | [`FrameEncoder::update`] |

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use codec_core::analysis::FrameAnalysis;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{FrameKind, MacroblockCounts, Packet, PacketMeta, SlotSet};
use codec_core::encoder::{FrameReport, UnchangedStats};
use codec_core::error::{ConfigError, Error};
use codec_core::frame::{FrameBuf, FramePool, Picture as Source, Size, picture_sse};
use codec_core::motion::MvCost;
use codec_core::parallel::{Pool, Progress, ScratchPool, Serial, Wavefront, in_order};
use codec_simd::Kernels;

use super::attempts::{Attempts, Bits};
use super::behind::Behind;
use super::brightness::Brightness;
use super::costs::SyntaxCosts;
use super::finish::{Picture, PictureParams};
use super::hrd::RemovalTimes;
use super::intra_refresh::IntraRefresh;
use super::job::{FrameJob, SecondList};
use super::parameter_sets::ParameterSets;
use super::quantisers::QuantiserChoice;
use super::references::{FRAME_NUM_BITS, PicturePlan, ReferenceSlots, SLOTS};
use super::residual_bits::ResidualBits;
use super::row::code_row;
use super::row_context::RowContext;
use super::row_store::{Counts, RowStore};
use super::scratch::Scratch;
use super::settings::{FrameKnobs, FrameSettings};
use super::slice_bytes;
use super::speed::Speed;
use super::static_areas::StaticAreas;
use super::still_blocks::StillPool;
use super::weights::{Predicted, Weights};
use crate::cabac::Contexts;
use crate::picture::Mv;
use crate::sei::RecoveryPoint;
use crate::slice::{Deblocking, SliceHeader, SliceType};

/// Border around the reference planes, in luma pixels.
const LUMA_PAD: usize = 32;

/// Codes single frames as planned, and keeps the reference frames.
#[derive(Debug)]
pub struct FrameEncoder {
    settings: FrameSettings,
    kernels: &'static Kernels,
    sets: ParameterSets,
    cols: usize,
    rows: usize,
    frames: FramePool,
    references: ReferenceSlots,
    stills: StillPool,
    quantisers: QuantiserChoice,
    residual_bits: Box<ResidualBits>,
    /// Contexts at the end of the last picture with I slices, with P slices and with B slices.
    contexts: [Option<Contexts>; 3],
    mv_cost: Box<MvCost>,
    row_context: RowContext,
    scratch: ScratchPool<Scratch>,
    progress: Vec<Progress>,
    stores: Vec<Mutex<RowStore>>,
    picture: Picture,
    slice_starts: Vec<usize>,
    last_mvs: Vec<Mv>,
    areas: StaticAreas,
    counts: Counts,
    coded_frames: u64,
    /// `frame_num` of the last frame of the base layer.
    base_frame_num: u32,
    removal_times: RemovalTimes,
}

impl FrameEncoder {
    /// Creates an encoder whose first frame must be a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] for the first setting that is out of range, with the allowed range.
    pub fn new(settings: &FrameSettings) -> Result<Self, Error> {
        settings.check()?;
        let kernels = match settings.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "an instruction set that this CPU supports")
            })?,
        };
        let mut encoder = Self {
            settings: settings.clone(),
            kernels,
            sets: ParameterSets::new(settings)?,
            cols: 0,
            rows: 0,
            frames: FramePool::new(settings.size, LUMA_PAD, 1),
            references: ReferenceSlots::default(),
            stills: StillPool::default(),
            quantisers: QuantiserChoice::new(settings.knobs.scaling()),
            residual_bits: Box::new(ResidualBits::cavlc()),
            contexts: [None, None, None],
            mv_cost: Box::default(),
            row_context: RowContext::default(),
            scratch: ScratchPool::default(),
            progress: Vec::new(),
            stores: Vec::new(),
            picture: Picture::default(),
            slice_starts: Vec::new(),
            last_mvs: Vec::new(),
            areas: StaticAreas::default(),
            counts: Counts::default(),
            coded_frames: 0,
            base_frame_num: 0,
            removal_times: RemovalTimes::default(),
        };
        encoder.resize(settings.size)?;
        Ok(encoder)
    }

    /// Changes the frame size; the next frame must be a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] if no level allows the size. The encoder is then unchanged.
    pub fn resize(&mut self, size: Size) -> Result<(), Error> {
        let settings = FrameSettings { size, ..self.settings.clone() };
        self.sets = ParameterSets::new(&settings)?;
        self.settings = settings;
        SyntaxCosts::new(self.sets.pps.cabac, SliceType::P).fill_mv_cost(&mut self.mv_cost);
        (self.cols, self.rows) = size.macroblocks();
        let (cols, rows) = (self.cols, self.rows);
        self.frames = FramePool::new(size, LUMA_PAD, 4);
        self.references.clear();
        self.row_context.resize(cols);
        self.progress.resize_with(rows, Progress::default);
        self.stores.resize_with(rows, Mutex::default);
        self.last_mvs.clear();
        self.last_mvs.resize(cols * rows, Mv::ZERO);
        self.areas.reset(cols * rows);
        Ok(())
    }

    /// Divides the rows into the slices of the settings; a further slice begins at row `boundary`.
    fn plan_slices(&mut self, boundary: Option<usize>) {
        let rows = self.rows;
        let slices = usize::from(self.settings.knobs.slices).clamp(1, rows.max(1));
        self.slice_starts.clear();
        let start = |slice: usize| slice * rows / slices;
        for slice in 0..slices {
            let count = start(slice + 1) - start(slice);
            self.slice_starts.extend(std::iter::repeat_n(start(slice), count));
        }
        let boundary = boundary.unwrap_or(0);
        for start in self.slice_starts.iter_mut().skip(boundary) {
            *start = (*start).max(boundary);
        }
    }

    /// Returns the increment of `frame_num` since the last frame of the base layer.
    fn base_step(&self, header: &SliceHeader) -> u32 {
        header.frame_num.wrapping_sub(self.base_frame_num) % (1 << FRAME_NUM_BITS)
    }

    /// Changes the bitstream settings; if they differ, the next frame must be a key frame.
    ///
    /// # Errors
    /// Returns the errors of [`Self::resize`].
    pub fn set_knobs(&mut self, knobs: FrameKnobs) -> Result<(), Error> {
        if knobs == self.settings.knobs {
            return Ok(());
        }
        FrameSettings { knobs, ..self.settings.clone() }.check()?;
        if knobs.scaling() != self.settings.knobs.scaling() {
            self.quantisers = QuantiserChoice::new(knobs.scaling());
        }
        self.settings.knobs = knobs;
        *self.residual_bits = ResidualBits::cavlc();
        self.contexts = [None, None, None];
        self.resize(self.settings.size)
    }

    /// Returns the `AVCDecoderConfigurationRecord` of the stream.
    #[must_use]
    pub fn decoder_record(&self) -> Vec<u8> {
        self.sets.decoder_record()
    }

    /// Returns the maximum number of consecutive B frames.
    #[must_use]
    pub fn max_b_frames(&self) -> u8 {
        self.settings.max_b_frames
    }

    /// Changes the thread pool.
    pub fn set_pool(&mut self, pool: Option<Arc<dyn Pool>>) {
        self.settings.pool = pool;
    }

    /// Codes `source` as specified by `plan` into `packet`: its data and all metadata except layers,
    /// timestamps and rate state. `analysis` of the same frame improves decisions.
    ///
    /// # Errors
    /// [`Error::Config`] if the frame has another size, or the plan is an inter frame but its
    /// references are missing. The encoder is then unchanged.
    pub fn encode_frame(
        &mut self,
        source: &Source<'_>,
        plan: &FramePlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error> {
        self.check(source, plan)?;
        self.follow_rate(plan)?;
        let analysis = analysis.filter(|analysis| analysis.size == source.size());
        let speed = Speed::level(plan.speed);
        // With B frames, the references of other frames are farther away, and more of them help.
        let more = usize::from(plan.order.is_some() && speed.references > 1);
        let references = self.references.plan(plan, speed.references + more);
        self.areas.plan_refresh(plan);
        let mut recon = self.frames.take();
        let mut qp = plan.qindex.min(51);
        let mut attempts = Attempts::default();
        let predicted = self.predicted(source, analysis, &references.header);
        let brightness = predicted.brightness;
        let weights = match references.header.slice_type {
            SliceType::P if self.sets.pps.weighted_pred => {
                Weights::find(&predicted, &references.lists[0])
            }
            _ => Weights::NONE,
        };
        let report = loop {
            let Some(frame) = Arc::get_mut(&mut recon) else {
                // The pool only returns frames without other holders.
                recon = Arc::new(FrameBuf::new(self.settings.size, LUMA_PAD));
                continue;
            };
            let inputs = (&references, &weights);
            let limited = (qp, attempts.limit(plan, qp));
            let bits = self.attempt(source, plan, analysis, inputs, limited, frame, packet);
            match attempts.next(plan, qp, bits) {
                Some(coarser) => qp = coarser,
                None => break self.report(plan, qp, bits.number()),
            }
        };
        if report.dropped {
            packet.data.clear();
            self.frames.recycle(recon);
            return Ok(report);
        }
        self.describe(source, plan, &references, &report, &recon, packet);
        if let Some(buffer) = &plan.buffer {
            self.removal_times.coded(buffer, plan.kind == FrameKind::Key);
        }
        if plan.temporal_id == 0 {
            self.base_frame_num = references.header.frame_num;
        }
        let slice_type = references.header.slice_type;
        let needs_motion = plan.order.is_some() && references.header.nal_ref_idc > 0;
        let picture = &self.picture;
        let still = needs_motion.then(|| self.stills.filled(|blocks| picture.still_blocks(blocks)));
        self.references.coded(references, &recon, still, brightness);
        self.frames.recycle(recon);
        self.update(plan, slice_type);
        Ok(report)
    }

    /// Returns the picture with its brightness, which is only measured if its slices or later ones may
    /// have weights.
    fn predicted<'a>(
        &self,
        picture: &'a Source<'a>,
        analysis: Option<&'a FrameAnalysis>,
        header: &SliceHeader,
    ) -> Predicted<'a> {
        let (kernels, size) = (self.kernels, (self.cols, self.rows));
        let may_weigh = self.sets.pps.weighted_pred
            && (header.nal_ref_idc > 0 || header.slice_type == SliceType::P);
        let brightness =
            if may_weigh { Brightness::of(kernels, picture, size) } else { Brightness::default() };
        Predicted { kernels, picture, analysis, brightness, size }
    }

    /// Renews the parameter sets with a key frame at another bitrate.
    fn follow_rate(&mut self, plan: &FramePlan) -> Result<(), ConfigError> {
        let Some(buffer) = plan.buffer.filter(|_| plan.kind == FrameKind::Key) else {
            return Ok(());
        };
        if self.settings.bitrate != buffer.rate_bps {
            self.settings.bitrate = buffer.rate_bps;
            self.settings.buffer = Some(buffer);
            self.sets = ParameterSets::new(&self.settings)?;
        }
        Ok(())
    }

    fn check(&self, source: &Source<'_>, plan: &FramePlan) -> Result<(), ConfigError> {
        if source.size() != self.settings.size {
            return Err(ConfigError::new("frame size", source.size(), self.settings.size));
        }
        if plan.kind == FrameKind::Inter && !self.references.are_filled() {
            return Err(ConfigError::conflict(
                "frame kind",
                "an inter frame requires filled reference slots: code a key frame first",
            ));
        }
        if self.settings.knobs.hrd && plan.buffer.is_none() {
            return Err(ConfigError::conflict(
                "hrd",
                "it requires a frame plan with the state of the decoder's buffer",
            ));
        }
        Ok(())
    }

    /// Codes a frame at one quantiser into `frame` and `packet`, and returns its bits. The state that later frames depend
    /// on does not change. An attempt with a limit ends early if its first rows take more bits than that. After it, the
    /// contents of `frame` and `packet` are incomplete.
    #[expect(clippy::too_many_arguments, reason = "the inputs and outputs of an attempt")]
    fn attempt(
        &mut self,
        source: &Source<'_>,
        plan: &FramePlan,
        analysis: Option<&FrameAnalysis>,
        (references, weights): (&PicturePlan, &Weights),
        (qp, limit): (u8, Option<u64>),
        frame: &mut FrameBuf,
        packet: &mut Packet,
    ) -> Bits {
        packet.data.clear();
        let refresh = IntraRefresh::new(plan, self.cols, self.rows);
        self.plan_slices(refresh.boundary);
        let header = self.header(references, weights, qp);
        self.set_residual_bits(&header);
        let point = refresh.recovery_point(plan, self.cols * self.rows, self.base_step(&header));
        self.write_units(plan, header.is_idr, point, &mut packet.data);
        let speed = Speed::level(plan.speed);
        let quantisers = self.quantisers.of(speed.levels);
        let planes = [0, 1].map(|n| references.lists[n].planes());
        let [first, second] = [0, 1].map(|n| match &planes[n] {
            Some(planes) => &planes[..references.lists[n].len()],
            None => &[],
        });
        let still = references.still().filter(|_| header.slice_type == SliceType::B);
        let second_list = still.map(|still| SecondList {
            references: second,
            still,
            distances: references.distances(),
            weights: references.implicit_weights(),
        });
        self.areas.plan_copies(plan, qp, analysis);
        self.progress.iter_mut().for_each(Progress::reset);
        let is_over = AtomicBool::new(false);
        let pool: &dyn Pool = self.settings.pool.as_deref().unwrap_or(&Serial);
        let job = FrameJob {
            kernels: self.kernels,
            picture: source,
            analysis,
            cols: self.cols,
            rows: self.rows,
            is_key: header.slice_type == SliceType::I,
            speed,
            has_transform_8x8: self.sets.pps.transform_8x8,
            residual_bits: &self.residual_bits,
            references: first,
            weights,
            second: second_list,
            quantisers,
            qp,
            qp_range: plan.block_qindex,
            costs: SyntaxCosts::new(self.sets.pps.cabac, header.slice_type),
            mv_cost: &self.mv_cost,
            row_context: &self.row_context,
            scratch: &self.scratch,
            wave: Wavefront::new(&self.progress, self.cols, pool.threads()),
            slice_starts: &self.slice_starts,
            last_mvs: &self.last_mvs,
            reach: vertical_reach(self.sets.sps.level_idc),
            areas: &self.areas,
            refresh: &refresh,
            is_over: &is_over,
        };
        let params = PictureParams {
            kernels: self.kernels,
            cols: self.cols,
            rows: self.rows,
            sets: &self.sets,
            header: &header,
            slice_starts: &self.slice_starts,
            unfiltered_start: refresh.boundary,
            // No picture is in both lists.
            reference_ids: [[0, 1, 2], [3, 4, 5]],
        };
        self.picture.begin(&params);
        let max_bytes = usize::from(self.settings.knobs.slice_bytes);
        if max_bytes > 0 {
            let out = &mut packet.data;
            let inputs = (&job, &params);
            let (stores, picture) = (&mut self.stores, &mut self.picture);
            code_short_slices(inputs, max_bytes, stores, picture, frame, out);
            return Bits::Counted(packet.data.len() as u64 * 8);
        }
        let behind = Mutex::new(Behind::new(&mut self.picture, frame, packet, limit));
        in_order(pool, self.rows, &|| job.wave.poison(), &|row| {
            let mut store = self.stores[row].lock().unwrap_or_else(PoisonError::into_inner);
            code_row(&job, row, &mut store);
            drop(store);
            if let Ok(mut behind) = behind.try_lock() {
                behind.advance(&params, &job, &self.stores);
            }
        });
        let mut behind = behind.into_inner().unwrap_or_else(PoisonError::into_inner);
        behind.advance(&params, &job, &self.stores);
        behind.finish()
    }

    /// Writes the NAL units before the slices.
    fn write_units(
        &mut self,
        plan: &FramePlan,
        is_idr: bool,
        point: Option<RecoveryPoint>,
        out: &mut Vec<u8>,
    ) {
        if is_idr || point.is_some() {
            self.sets.write(out);
        }
        if let Some(buffer) = plan.buffer.filter(|_| self.settings.knobs.hrd) {
            self.removal_times.write(&buffer, is_idr, self.settings.framerate, out);
        }
        if let Some(point) = point {
            point.write_unit(out);
        }
    }

    /// Returns the header of the first slice.
    fn header(&self, references: &PicturePlan, weights: &Weights, qp: u8) -> SliceHeader {
        let [alpha, beta] = self.settings.knobs.deblocking_offsets;
        let has_weights =
            self.sets.pps.weighted_pred && references.header.slice_type == SliceType::P;
        SliceHeader {
            qp,
            weights: has_weights.then(|| weights.table()),
            deblocking: Deblocking {
                disable_idc: 0,
                alpha_offset: 2 * alpha,
                beta_offset: 2 * beta,
            },
            ..references.header.clone()
        }
    }

    /// Sets the costs of levels to the costs at the end of the last picture of the same kind.
    fn set_residual_bits(&mut self, header: &SliceHeader) {
        if !self.sets.pps.cabac {
            return;
        }
        let is_inter = header.slice_type != SliceType::I;
        match &self.contexts[contexts_of(header.slice_type)] {
            Some(contexts) => self.residual_bits.set_contexts(contexts),
            None => {
                let init_idc = is_inter.then_some(header.cabac_init_idc);
                self.residual_bits.set_contexts(&Contexts::new(init_idc, header.qp));
            }
        }
    }

    fn report(&mut self, plan: &FramePlan, qp: u8, bits: u64) -> FrameReport {
        self.counts = Counts::default();
        for store in &mut self.stores {
            self.counts.add(&store.get_mut().unwrap_or_else(PoisonError::into_inner).counts);
        }
        FrameReport {
            bits,
            over_cap: plan.max_bits.is_some_and(|max| bits > max),
            dropped: plan.drop_above_bits.is_some_and(|max| bits > max),
            qindex: qp,
            zero_motion: self.counts.zero_motion,
            refreshed: self.areas.refreshed(),
            prediction_sse: self.counts.prediction_sse,
            recoded_cost: self.areas.recoded_cost(),
        }
    }

    /// Fills in the metadata of the packet.
    fn describe(
        &self,
        source: &Source<'_>,
        plan: &FramePlan,
        references: &PicturePlan,
        report: &FrameReport,
        recon: &FrameBuf,
        packet: &mut Packet,
    ) {
        let all = SLOTS.into_iter().fold(SlotSet::NONE, SlotSet::with);
        let is_key = plan.kind == FrameKind::Key;
        let counts = &self.counts;
        let uses = counts.references.iter().zip(&references.lists);
        let used = uses.flat_map(|(counts, list)| counts.iter().zip(list.slots));
        let refs_used = used
            .filter(|(count, _)| **count > 0)
            .fold(SlotSet::NONE, |set, (_, slot)| set.with(SLOTS[slot]));
        let mut refs_updated = if is_key { all } else { plan.updates };
        if plan.copy_golden_to_altref && !is_key {
            refs_updated = refs_updated.with(SlotSet::ALTREF);
        }
        let total = u32::try_from(self.cols * self.rows).unwrap_or(u32::MAX);
        packet.meta = PacketMeta {
            frame_id: self.coded_frames,
            kind: plan.kind,
            shown: true,
            size: self.settings.size,
            refs_used,
            refs_updated,
            discardable: refs_updated.is_empty(),
            qindex: report.qindex,
            speed: plan.speed,
            macroblocks: MacroblockCounts {
                total,
                intra: counts.intra,
                skipped: counts.skipped,
                split: counts.split,
            },
            sse: self.settings.report_sse.then(|| picture_sse(self.kernels, source, recon)),
            digest: self.settings.report_digest.then(|| recon.digest()),
            ..PacketMeta::default()
        };
    }

    /// Compares the next frame with the last one by its analysis, whether it will be coded or not.
    pub fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedStats {
        self.areas.compare(analysis)
    }

    /// Saves the vectors, which predict the vectors of the next frame, the contexts, and the quality of the
    /// macroblocks.
    fn update(&mut self, plan: &FramePlan, slice_type: SliceType) {
        self.contexts[contexts_of(slice_type)] = self.picture.contexts(&self.sets).cloned();
        self.coded_frames += 1;
        if slice_type == SliceType::B {
            return;
        }
        let mut last_mvs = self.last_mvs.iter_mut();
        for store in &mut self.stores {
            let store = store.get_mut().unwrap_or_else(PoisonError::into_inner);
            for (mvs, to) in store.mvs.iter().zip(&mut last_mvs) {
                *to = mvs[0];
            }
        }
        let is_last = plan.kind == FrameKind::Key || plan.updates.contains(SlotSet::LAST);
        let rows = self.stores.iter_mut().map(|row| {
            let row = row.get_mut().unwrap_or_else(PoisonError::into_inner);
            row.mbs.iter().zip(&row.mvs)
        });
        self.areas.coded(is_last, rows.flatten());
    }
}

#[cfg(test)]
impl FrameEncoder {
    /// Starts the next frame with empty memory for decisions.
    pub(super) fn forget_scratch(&mut self) {
        self.scratch = ScratchPool::default();
    }
}

/// Codes all rows into slices of a limited size.
fn code_short_slices(
    (job, params): (&FrameJob<'_>, &PictureParams<'_>),
    max_bytes: usize,
    stores: &mut [Mutex<RowStore>],
    picture: &mut Picture,
    frame: &mut FrameBuf,
    out: &mut Vec<u8>,
) {
    for (row, store) in stores.iter_mut().enumerate().take(job.rows) {
        let store = store.get_mut().unwrap_or_else(PoisonError::into_inner);
        slice_bytes::code_row(job, params, (row, max_bytes), store, picture, out);
        picture.place_row(params, row, store, frame);
    }
    frame.extend_borders();
}

/// Returns the index in [`FrameEncoder::contexts`].
fn contexts_of(slice_type: SliceType) -> usize {
    match slice_type {
        SliceType::I => 0,
        SliceType::P => 1,
        SliceType::B => 2,
    }
}

/// Farthest vectors in full pixels by the vertical range of the level. Table A-1.
fn vertical_reach(level_idc: u8) -> u16 {
    match level_idc {
        0..=10 => 60,
        11..=20 => 124,
        21..=30 => 252,
        _ => 508,
    }
}
