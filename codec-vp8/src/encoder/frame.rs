//! Frame encoder: codes one frame exactly as its plan specifies.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use codec_simd::Kernels;

use super::borders::extend_ends;
use super::copy_mb::copy_row;
use super::costs::{ModeCosts, MvPrices};
use super::cyclic_refresh::{CodedMbHistory, CyclicRefresh};
use super::header::{log2_partitions, references};
use super::job::FrameJob;
use super::loop_filter::{FilterInput, RowFilter, default_level, filter_header, search_level};
use super::pack::{Packed, Packer, TagFields};
use super::probability::{adapt, mode_probabilities, segment_probs};
use super::quant::QuantiserSet;
use super::row::{Workspaces, code_row};
use super::row_context::RowContext;
use super::settings::{FrameKnobs, FrameReport, FrameSettings};
use super::speed::{FilterChoice, LevelChoice, Speed};
use super::store::{FrameTotals, RowStore, SearchStats};
use super::trellis::TokenPrices;
use super::unchanged::{Unchanged, UnchangedStats};
use crate::header::{FrameHeader, HeaderContext, ModeProbabilities, QuantIndices};
use crate::loop_filter::FilterParams;
use crate::predict::MotionFilter;
use crate::residual::CoeffCounts;
use crate::rows::{MbRow, mb_rows};
use crate::tables::AC_STEPS;
use crate::types::{LumaMode, MotionVector, Reference};
use codec_core::analysis::FrameAnalysis;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{
    BitsByPart, Content, FrameKind, MacroblockCounts, Packet, PacketMeta, SlotSet, Stage,
    StageTimer,
};
use codec_core::error::{ConfigError, Error};
use codec_core::frame::{FrameBuf, FramePool, Picture, Size};
use codec_core::parallel::{Pool, Progress, Serial, in_order};
use codec_core::rate::fixed::{ONE_Q16, log2_q16};

/// Border around the reference planes, in luma pixels.
const LUMA_PAD: usize = 32;

/// Codes single frames as planned, and keeps the three reference frames and the probabilities.
#[derive(Debug)]
pub struct FrameEncoder {
    settings: FrameSettings,
    kernels: &'static Kernels,
    cols: usize,
    rows: usize,
    frames: FramePool,
    /// Reference frames: last, golden, altref.
    slots: [Option<Arc<FrameBuf>>; 3],
    /// State that the next frame's header refers to.
    context: HeaderContext,
    /// Mode probabilities of the previous frame, as estimates for the next one.
    modes: ModeProbabilities,
    costs: ModeCosts,
    token_prices: TokenPrices,
    mv_prices: MvPrices,
    row_context: RowContext,
    workspaces: Workspaces,
    progress: Vec<Progress>,
    stores: Vec<RwLock<RowStore>>,
    planes: Vec<Mutex<MbRow<'static>>>,
    totals: FrameTotals,
    branches: Box<CoeffCounts>,
    /// Motion vectors of the previous frame, by macroblock.
    before: Vec<MotionVector>,
    /// Search statistics by macroblock.
    search_stats: Vec<SearchStats>,
    refresh: CyclicRefresh,
    unchanged: Unchanged,
    packer: Packer,
    coded_frames: u64,
}

/// Result of coding a frame at one quantiser.
struct Attempt {
    header: FrameHeader,
    context: HeaderContext,
    bits: BitsByPart,
    /// See [`Packed::fits`].
    fits: bool,
    /// Whether the reconstruction is an exact copy of the last frame.
    is_copy: bool,
}

/// A frame to code, with its plan.
#[derive(Clone, Copy)]
struct FrameInput<'a> {
    picture: &'a Picture<'a>,
    plan: &'a FramePlan,
    analysis: Option<&'a FrameAnalysis>,
}

/// Settings that differ between coding attempts of a frame.
#[derive(Clone, Copy)]
struct AttemptSettings {
    qindex: u8,
    has_plain_modes: bool,
}

impl FrameEncoder {
    /// Creates an encoder for frames of the configured size; its first frame must be a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] if a dimension is not in 1..=16383, a knob is out of range, or the CPU
    /// does not support the SIMD level.
    pub fn new(settings: &FrameSettings) -> Result<Self, Error> {
        let kernels = match settings.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "a level that the CPU supports")
            })?,
        };
        settings.knobs.check()?;
        let mut encoder = Self {
            settings: settings.clone(),
            kernels,
            cols: 0,
            rows: 0,
            frames: FramePool::default(),
            slots: [None, None, None],
            context: HeaderContext::default(),
            modes: ModeProbabilities::default(),
            costs: ModeCosts::default(),
            token_prices: TokenPrices::default(),
            mv_prices: MvPrices::default(),
            row_context: RowContext::default(),
            workspaces: Workspaces::default(),
            progress: Vec::new(),
            stores: Vec::new(),
            planes: Vec::new(),
            totals: FrameTotals::default(),
            branches: Box::default(),
            before: Vec::new(),
            search_stats: Vec::new(),
            refresh: CyclicRefresh::default(),
            unchanged: Unchanged::default(),
            packer: Packer::default(),
            coded_frames: 0,
        };
        encoder.resize(settings.size)?;
        Ok(encoder)
    }

    /// Changes the frame size; the next frame must be a key frame.
    ///
    /// # Errors
    /// As [`Self::new`]. Nothing has changed.
    pub fn resize(&mut self, size: Size) -> Result<(), Error> {
        let allowed = 1..=16383;
        if !allowed.contains(&size.width) || !allowed.contains(&size.height) {
            return Err(ConfigError::new("size", size, "1x1..=16383x16383").into());
        }
        self.settings.size = size;
        (self.cols, self.rows) = size.macroblocks();
        // Three references, the frame being coded, one that the caller may hold, and one for filter
        // trials.
        self.frames = FramePool::new(size, LUMA_PAD, 6);
        self.slots = [None, None, None];
        self.row_context.resize(self.cols);
        self.progress.resize_with(self.rows, Progress::default);
        self.stores.clear();
        self.stores.resize_with(self.rows, || RwLock::new(RowStore::with_cols(self.cols)));
        self.planes.reserve(self.rows);
        self.before.clear();
        self.before.resize(self.cols * self.rows, MotionVector::ZERO);
        self.search_stats.clear();
        self.search_stats.resize(self.cols * self.rows, SearchStats::default());
        self.refresh.reset(self.cols * self.rows);
        self.unchanged.reset(self.cols * self.rows);
        Ok(())
    }

    /// Changes the knobs from the next frame on.
    ///
    /// # Errors
    /// [`Error::Config`] if one is out of range. Nothing has changed.
    pub fn set_knobs(&mut self, knobs: FrameKnobs) -> Result<(), Error> {
        knobs.check()?;
        self.settings.knobs = knobs;
        Ok(())
    }

    /// Returns the frame in a reference slot as later frames use it: 0 last, 1 golden, 2 altref.
    #[must_use]
    pub fn reference(&self, slot: usize) -> Option<&Arc<FrameBuf>> {
        self.slots.get(slot)?.as_ref()
    }

    /// Compares the next frame with the references by its analysis, whether it will be coded or
    /// not. Required for each frame, in order, if [`FramePlan::recode`] is used.
    pub fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedStats {
        self.unchanged.compare(analysis, &self.refresh)
    }

    /// Codes a frame like [`Self::encode_frame_with`], without an analysis.
    ///
    /// # Errors
    /// As [`Self::encode_frame_with`].
    pub fn encode_frame(
        &mut self,
        picture: &Picture<'_>,
        plan: &FramePlan,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error> {
        self.encode_frame_with(picture, plan, None, packet)
    }

    /// Codes `picture` as specified by `plan` into `packet`: its data and all metadata except
    /// layers, timestamps and rate state. `analysis` of the same frame improves decisions.
    ///
    /// # Errors
    /// [`Error::Config`] if the frame has another size, or the plan is an inter frame but its
    /// references are missing. Nothing has changed.
    pub fn encode_frame_with(
        &mut self,
        picture: &Picture<'_>,
        plan: &FramePlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error> {
        self.check(picture, plan)?;
        let analysis = analysis.filter(|analysis| analysis.size == picture.size());
        let input = FrameInput { picture, plan, analysis };
        let mut recon = self.frames.take();
        let mut qindex = plan.qindex.min(127);
        let worst = plan.max_qindex.clamp(qindex, 127);
        let mut has_plain_modes = false;
        let mut attempts = 0_u8;
        loop {
            let Some(frame) = Arc::get_mut(&mut recon) else {
                // The pool only returns frames without other holders.
                recon = Arc::new(FrameBuf::new(self.settings.size, LUMA_PAD));
                continue;
            };
            let settings = AttemptSettings { qindex, has_plain_modes };
            let attempt = self.attempt(&input, settings, frame, packet);
            if !attempt.fits {
                // Only frames with very many macroblocks get here.
                if !has_plain_modes {
                    has_plain_modes = true;
                } else if qindex < 127 {
                    qindex = qindex.saturating_add(32).min(127);
                } else {
                    packet.data.clear();
                    self.frames.recycle(recon);
                    return Err(Error::Unsupported("frames with partitions this large"));
                }
                continue;
            }
            let bits = packet.data.len() as u64 * 8;
            let over_cap = plan.max_bits.is_some_and(|max| bits > max);
            attempts = attempts.saturating_add(1);
            if over_cap && qindex < worst && attempts < plan.attempts {
                qindex = coarser(qindex, worst, bits, plan.max_bits.unwrap_or(bits));
                continue;
            }
            let report = FrameReport {
                bits,
                over_cap,
                dropped: plan.drop_above_bits.is_some_and(|most| bits > most),
                qindex,
                zero_motion: self.totals.modes.zero_motion,
                refreshed: self.totals.modes.refreshed,
                prediction_sse: self.totals.prediction_sse,
                recoded_cost: self.unchanged.recoded_cost(),
            };
            if report.dropped {
                packet.data.clear();
                self.frames.recycle(recon);
                return Ok(report);
            }
            if attempt.is_copy
                && let Some(last) = &self.slots[0]
            {
                self.frames.recycle(std::mem::replace(&mut recon, Arc::clone(last)));
            }
            packet.meta = self.describe(picture, plan, &attempt, &recon);
            self.commit(plan, &attempt, recon);
            return Ok(report);
        }
    }

    fn check(&self, picture: &Picture<'_>, plan: &FramePlan) -> Result<(), ConfigError> {
        if picture.size() != self.settings.size {
            return Err(ConfigError::new("picture", picture.size(), self.settings.size));
        }
        let has_all = self.slots.iter().all(Option::is_some);
        if plan.kind == FrameKind::Inter && !has_all {
            return Err(ConfigError::new("kind", "an inter frame", "a key frame"));
        }
        Ok(())
    }

    /// Codes the frame at `qindex` into `frame` and `packet`, without changing the state that later
    /// frames depend on.
    fn attempt(
        &mut self,
        input: &FrameInput<'_>,
        settings: AttemptSettings,
        frame: &mut FrameBuf,
        packet: &mut Packet,
    ) -> Attempt {
        let AttemptSettings { qindex, has_plain_modes } = settings;
        let plan = input.plan;
        let is_key = plan.kind == FrameKind::Key;
        let mut context = self.context.clone();
        let mut modes = self.modes;
        if is_key {
            context = HeaderContext::default();
            modes = ModeProbabilities { skip: Some(128), intra: 63, last: 200, golden: 128 };
        }
        let quant = QuantIndices { y_ac: qindex, ..QuantIndices::default() };
        let share = if is_key { 0 } else { plan.cyclic_refresh_pct };
        let offsets = input.analysis.map_or(&[][..], |analysis| &analysis.offsets_q4);
        let mut segmentation = if offsets.is_empty() {
            self.refresh.plan(qindex, share)
        } else {
            self.refresh.mb_tree_segments(qindex, offsets)
        };
        let sets = [0, 1, 2, 3].map(|segment| {
            let qindex = segmentation.qindex(qindex, segment);
            QuantiserSet::new(qindex, &quant)
        });
        self.costs.update(is_key, &context.probs, &modes);
        if Speed::level(plan.speed).levels == LevelChoice::Trellis {
            self.token_prices.update(&context.probs.coeffs);
        }
        self.mv_prices.update(&context.probs.mv);
        let knobs = self.settings.knobs;
        let is_screen = plan.content == Content::Screen;
        let level =
            knobs.filter_level.unwrap_or_else(|| default_level(qindex, is_screen, plan.filter_pct));
        if !offsets.is_empty() {
            segmentation.filter_level = [0, 1, 2, 3].map(|segment| {
                let qindex = segmentation.qindex(qindex, segment);
                knobs
                    .filter_level
                    .unwrap_or_else(|| default_level(qindex, is_screen, plan.filter_pct))
                    .cast_signed()
            });
        }
        // The header fields that the filter needs are known before the rows are coded.
        let mut header = FrameHeader {
            is_key,
            color_space: 0,
            no_clamping: false,
            segmentation: segmentation.clone(),
            filter: filter_header(level, is_screen, knobs),
            log2_partitions: log2_partitions(knobs.token_partitions),
            quant,
            references: references(plan),
            refresh_entropy: plan.refresh_entropy,
            probs: context.probs.clone(),
            modes,
        };
        self.choose_copied_mbs(input, qindex);
        let is_copy = self.unchanged.is_all_copied();
        if is_copy {
            for (row, store) in self.stores.iter_mut().enumerate() {
                let store = store.get_mut().unwrap_or_else(PoisonError::into_inner);
                copy_row(store, row, (self.cols, self.rows));
            }
        } else {
            let tries_filters = (Speed::level(plan.speed).filter_level == FilterChoice::Tried)
                && offsets.is_empty()
                && knobs.filter_level.is_none()
                && !is_screen;
            self.code_and_filter(input, has_plain_modes, &sets, &mut header, tries_filters, frame);
            for plane in frame.planes_mut() {
                let layout = plane.layout();
                extend_ends(plane.into_data(), layout);
            }
        }
        let stages = self.settings.stages.clone();
        let _timer = StageTimer::start(stages.as_deref(), Stage::Entropy);
        self.totals.clear();
        self.workspaces.take_counts(&mut self.totals.tokens);
        for row in &mut self.stores {
            self.totals.add(row.get_mut().unwrap_or_else(PoisonError::into_inner));
        }
        let total = u32::try_from(self.cols * self.rows).unwrap_or(u32::MAX);
        header.probs = adapt(is_key, &self.totals, &mut self.branches, &context.probs);
        header.modes = mode_probabilities(&self.totals.modes, total);
        if segmentation.update_map {
            segmentation.tree_probs = segment_probs(self.totals.modes.segments);
            header.segmentation = segmentation;
        }
        let tag = TagFields {
            size: self.settings.size,
            profile: self.settings.knobs.profile,
            shown: plan.shown,
        };
        let pool: &dyn Pool = self.settings.pool.as_deref().unwrap_or(&Serial);
        let data = &mut packet.data;
        let Packed { bits, fits } =
            self.packer.pack(pool, tag, &header, &mut context, &self.stores, data);
        Attempt { header, context, bits, fits, is_copy }
    }

    /// Selects the macroblocks that are copied from the last frame. The loop filter must not change
    /// them, which holds for the screen content filter.
    fn choose_copied_mbs(&mut self, input: &FrameInput<'_>, qindex: u8) {
        let plan = input.plan;
        let can_copy = plan.kind == FrameKind::Inter
            && plan.content == Content::Screen
            && plan.references.contains(SlotSet::LAST)
            && plan.intra_refresh.1 == 0;
        match plan.recode {
            Some(room) if can_copy => {
                self.unchanged.plan(qindex, room, input.analysis, &self.refresh);
            }
            _ => self.unchanged.copy_none(),
        }
    }

    /// Codes and filters the rows: at the level in `header`, or with `tries_filters` at the best
    /// level found near it.
    fn code_and_filter(
        &mut self,
        input: &FrameInput<'_>,
        has_plain_modes: bool,
        sets: &[QuantiserSet; 4],
        header: &mut FrameHeader,
        tries_filters: bool,
        frame: &mut FrameBuf,
    ) {
        if tries_filters {
            let unfiltered = params_at(header, 0);
            self.code_rows(input, has_plain_modes, sets, &unfiltered, frame);
            let stages = self.settings.stages.clone();
            let _timer = StageTimer::start(stages.as_deref(), Stage::LoopFilter);
            header.filter.level = self.search_filter(input.picture, header, frame);
            self.filter(&FilterParams::new(header), frame);
        } else {
            let params = FilterParams::new(header);
            self.code_rows(input, has_plain_modes, sets, &params, frame);
        }
    }

    /// Codes the rows of a frame on the pool.
    fn code_rows(
        &mut self,
        input: &FrameInput<'_>,
        has_plain_modes: bool,
        sets: &[QuantiserSet; 4],
        params: &FilterParams,
        frame: &mut FrameBuf,
    ) {
        let FrameInput { picture, plan, analysis } = *input;
        self.progress.iter_mut().for_each(Progress::reset);
        let references = self.distinct_references(plan);
        let layouts = [0, 1, 2].map(|index| frame.plane(index).layout());
        let (first, count) = plan.intra_refresh;
        let first = first as usize;
        let pool: &dyn Pool = self.settings.pool.as_deref().unwrap_or(&Serial);
        let job = FrameJob {
            kernels: self.kernels,
            picture,
            cols: self.cols,
            rows: self.rows,
            threads: pool.threads().max(1),
            is_key: plan.kind == FrameKind::Key,
            has_plain_modes,
            speed: Speed::level(plan.speed),
            filter: MotionFilter::of_profile(self.settings.knobs.profile),
            references: [0, 1, 2].map(|slot| references[slot].as_deref()),
            sets,
            costs: &self.costs,
            token_prices: &self.token_prices,
            mv_cost: self.mv_prices.table(),
            refresh: &self.refresh,
            unchanged: &self.unchanged,
            row_context: &self.row_context,
            workspaces: &self.workspaces,
            progress: &self.progress,
            before: &self.before,
            search_stats: &self.search_stats,
            turn: usize::try_from(self.coded_frames % 64).unwrap_or(0),
            analysis,
            forced_intra: first..first.saturating_add(count as usize),
            layouts,
            stages: self.settings.stages.as_deref(),
        };
        let mut planes = recycle(std::mem::take(&mut self.planes));
        planes.extend(mb_rows(frame).map(Mutex::new));
        let chase = RowFilter::new();
        let work = FilterInput {
            kernels: self.kernels,
            params,
            rows: &planes,
            stores: &self.stores,
            layouts,
        };
        let cols = u32::try_from(self.cols).unwrap_or(u32::MAX);
        let poison = || self.progress.iter().for_each(Progress::poison);
        in_order(pool, self.rows, &poison, &|row| {
            let mut planes = planes[row].lock().unwrap_or_else(PoisonError::into_inner);
            let mut store = self.stores[row].write().unwrap_or_else(PoisonError::into_inner);
            code_row(&job, row, &mut planes, &mut store);
            drop((planes, store));
            let _timer = StageTimer::start(job.stages, Stage::LoopFilter);
            chase.advance(&work, |row| self.progress[row].done() >= cols);
        });
        let timer = StageTimer::start(job.stages, Stage::LoopFilter);
        chase.finish(&work);
        drop(timer);
        planes.clear();
        self.planes = recycle(planes);
    }

    /// Returns the level near the one in `header` that minimises the luma error of `frame`, which
    /// is not filtered yet.
    fn search_filter(
        &mut self,
        picture: &Picture<'_>,
        header: &FrameHeader,
        frame: &FrameBuf,
    ) -> u8 {
        let mut trial = self.frames.take();
        let level = match Arc::get_mut(&mut trial) {
            Some(trial) => search_level(header.filter.level, |level| {
                for (index, mut plane) in trial.planes_mut().into_iter().enumerate() {
                    let from = frame.plane(index);
                    (0..from.layout().height)
                        .for_each(|y| plane.row_mut(y).copy_from_slice(from.row(y)));
                }
                self.filter(&params_at(header, level), trial);
                super::quality::luma_sse(self.kernels, picture, trial)
            }),
            // The pool only returns frames without other holders.
            None => header.filter.level,
        };
        self.frames.recycle(trial);
        level
    }

    /// Filters a frame whose rows are all coded.
    fn filter(&mut self, params: &FilterParams, frame: &mut FrameBuf) {
        let layouts = [0, 1, 2].map(|index| frame.plane(index).layout());
        let mut planes = recycle(std::mem::take(&mut self.planes));
        planes.extend(mb_rows(frame).map(Mutex::new));
        RowFilter::new().finish(&FilterInput {
            kernels: self.kernels,
            params,
            rows: &planes,
            stores: &self.stores,
            layouts,
        });
        planes.clear();
        self.planes = recycle(planes);
    }

    /// Returns the allowed references without duplicates of the same frame.
    fn distinct_references(&self, plan: &FramePlan) -> [Option<Arc<FrameBuf>>; 3] {
        let mut distinct: [Option<Arc<FrameBuf>>; 3] = [None, None, None];
        for (slot, set) in SLOTS.into_iter().enumerate() {
            let frame = self.slots[slot].as_ref().filter(|_| plan.references.contains(set));
            let is_new = |frame: &&Arc<FrameBuf>| {
                !distinct.iter().flatten().any(|known| Arc::ptr_eq(known, frame))
            };
            let frame = frame.filter(is_new).cloned();
            distinct[slot] = frame;
        }
        distinct
    }

    /// Updates the state that later frames depend on with the coded frame.
    fn commit(&mut self, plan: &FramePlan, attempt: &Attempt, recon: Arc<FrameBuf>) {
        let is_key = plan.kind == FrameKind::Key;
        self.context = attempt.context.clone();
        self.modes = attempt.header.modes;
        if plan.copy_golden_to_altref && !is_key {
            self.slots[2] = self.slots[1].clone();
        }
        for (slot, set) in SLOTS.into_iter().enumerate() {
            if is_key || plan.updates.contains(set) {
                self.slots[slot] = Some(Arc::clone(&recon));
            }
        }
        if !attempt.is_copy {
            self.frames.recycle(recon);
        }
        let mut before = self.before.iter_mut();
        let mut search_stats = self.search_stats.chunks_exact_mut(self.cols.max(1));
        for row in &mut self.stores {
            let row = row.get_mut().unwrap_or_else(PoisonError::into_inner);
            if let Some(search_stats) = search_stats.next()
                && search_stats.len() == row.search_stats.len()
            {
                search_stats.copy_from_slice(&row.search_stats);
            }
            for (info, before) in row.infos.iter().zip(&mut before) {
                *before = info.mv;
            }
        }
        // Frames that are not referenced do not predict the statistics of later frames.
        let is_last = is_key || plan.updates.contains(SlotSet::LAST);
        if is_last {
            self.follow(attempt);
        }
        self.unchanged.coded(is_last);
        self.coded_frames += 1;
    }

    /// Records the quality of the last frame's macroblocks.
    fn follow(&mut self, attempt: &Attempt) {
        let header = &attempt.header;
        let qindex = |segment| header.segmentation.qindex(header.quant.y_ac, segment);
        let stores = self.stores.iter_mut();
        let rows = stores.map(|row| &row.get_mut().unwrap_or_else(PoisonError::into_inner).infos);
        let unchanged = &self.unchanged;
        self.refresh.follow(rows.flatten().enumerate().map(|(index, mb)| CodedMbHistory {
            is_still: mb.luma == LumaMode::Zero && mb.reference == Reference::Last,
            is_skipped: mb.skip,
            is_copied: unchanged.is_copied(index),
            qindex: qindex(mb.segment),
        }));
    }

    fn describe(
        &self,
        picture: &Picture<'_>,
        plan: &FramePlan,
        attempt: &Attempt,
        recon: &FrameBuf,
    ) -> PacketMeta {
        let modes = &self.totals.modes;
        let is_key = plan.kind == FrameKind::Key;
        let all = SLOTS.into_iter().fold(SlotSet::NONE, SlotSet::with);
        let used = |slot: usize| modes.references[slot + 1] > 0;
        let refs_used = (0..3)
            .filter(|&slot| used(slot))
            .fold(SlotSet::NONE, |set, slot| set.with(SLOTS[slot]));
        let mut refs_updated = if is_key { all } else { plan.updates };
        if plan.copy_golden_to_altref && !is_key {
            refs_updated = refs_updated.with(SlotSet::ALTREF);
        }
        PacketMeta {
            frame_id: self.coded_frames,
            kind: plan.kind,
            shown: plan.shown,
            size: self.settings.size,
            refs_used,
            refs_updated,
            discardable: refs_updated.is_empty() && !attempt.header.refresh_entropy,
            qindex: attempt.header.quant.y_ac,
            filter_level: attempt.header.filter.level,
            speed: plan.speed,
            bits: attempt.bits,
            macroblocks: MacroblockCounts {
                total: modes.references.iter().sum(),
                intra: modes.references[0],
                skipped: modes.skipped,
                split: modes.split,
            },
            sse: self.settings.report_sse.then(|| self.sse(picture, recon)),
            digest: self.settings.report_digest.then(|| recon.digest()),
            ..PacketMeta::default()
        }
    }

    /// Returns the squared errors of the visible planes.
    fn sse(&self, picture: &Picture<'_>, recon: &FrameBuf) -> [u64; 3] {
        super::quality::picture_sse(self.kernels, picture, recon)
    }
}

/// Returns the filter parameters of a frame for another level.
fn params_at(header: &FrameHeader, level: u8) -> FilterParams {
    let mut header = header.clone();
    header.filter.level = level;
    FilterParams::new(&header)
}

const SLOTS: [SlotSet; 3] = [SlotSet::LAST, SlotSet::GOLDEN, SlotSet::ALTREF];

/// Returns a higher index for a frame of `bits` that must not exceed `max`. Bits fall slightly
/// faster than the step rises.
fn coarser(qindex: u8, worst: u8, bits: u64, max: u64) -> u8 {
    const SLOPE_PCT: i32 = 125;
    const MARGIN_Q16: i32 = ONE_Q16 / 12;
    let step = |qindex: u8| log2_q16(u64::from(AC_STEPS[usize::from(qindex.min(127))]));
    let excess = log2_q16(bits.max(1)).saturating_sub(log2_q16(max.max(1))) + MARGIN_Q16;
    let wanted = step(qindex) + excess.max(0) / SLOPE_PCT * 100;
    let coarser = (qindex..worst).find(|&qindex| step(qindex) >= wanted).unwrap_or(worst);
    coarser.max(qindex.saturating_add(3)).min(worst)
}

/// Reuses the memory of a list for a list with another lifetime, dropping its content.
fn recycle<'a>(mut list: Vec<Mutex<MbRow<'_>>>) -> Vec<Mutex<MbRow<'a>>> {
    list.clear();
    // Collecting in place keeps the allocation.
    list.into_iter().map_while(|_| None).collect()
}
