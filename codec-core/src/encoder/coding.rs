//! Coding of one frame, from its analysis to its packet: layers, references, rate control, frame
//! encoder, metadata.

use super::decode_times::DecodeTime;
use super::first_frame::first_qindex;
use super::golden::GoldenUpdates;
use super::knobs::SharedKnobs;
use super::packet_queue::PacketQueue;
use super::speed_selector::SpeedChoice;
use super::{FrameCoder, FrameReport};
use crate::analysis::FrameAnalysis;
use crate::codec::plan::{FrameOrder, FramePlan};
use crate::codec::{
    Content, DropReason, EncoderConfig, FrameKind, FrameRequest, Outcome, Preset, RateControl,
    Scalability, SlotSet, Tune,
};
use crate::error::Error;
use crate::frame::{Picture, Rational};
use crate::rate::{
    Decision, FrameBudget, FrameRole, FrameStats, LayerMeta, LayerPlan, LayerPlanner,
    LookaheadInfo, RateController,
};
use codec_simd::Kernels;

/// Maximum number of bytes reserved for a packet before its size is known.
const MAX_PACKET_ROOM: usize = 1 << 20;

/// The measure of quality that the encoder optimises without [`EncoderConfig::tune`].
const DEFAULT_TUNE: Tune = Tune::Psnr;

/// Returns what the encoder optimises for. Text and flat areas of screens need no masking: they are
/// coded nearly without errors.
pub(super) fn tune(config: &EncoderConfig, content: Content) -> Tune {
    match content {
        Content::Camera => config.tune.unwrap_or(DEFAULT_TUNE),
        Content::Screen => Tune::Psnr,
    }
}

/// A frame to code, with its analysis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task<'a> {
    pub(super) picture: &'a Picture<'a>,
    /// Analysis of the frame relative to the previous one.
    pub(super) analysis: Option<&'a FrameAnalysis>,
    pub(super) request: &'a FrameRequest,
    /// See [`crate::codec::PacketMeta::denoised_q4`].
    pub(super) denoised_q4: Option<u16>,
    pub(super) lookahead_info: LookaheadInfo,
    pub(super) mean_cost: Option<u64>,
    pub(super) role: FrameRole,
    /// See [`FrameStats::group_frames`].
    pub(super) group_frames: u32,
    /// Place of the frame in a stream with B frames.
    pub(super) order: Option<FrameOrder>,
    /// Decoding time; `None` is the time of the request.
    pub(super) decode_time: Option<DecodeTime>,
    pub(super) speed: SpeedChoice,
}

/// State that coding a frame changes.
#[derive(Debug)]
pub(super) struct Coding<C> {
    pub(super) unit: C,
    kernels: &'static Kernels,
    /// Whether no frame has been coded that rate control could learn from.
    pub(super) is_first: bool,
    pub(super) rate: RateController,
    pub(super) layers: LayerPlanner,
    pub(super) queue: PacketQueue,
    golden: GoldenUpdates,
    /// Type of content passed to the frame encoder. It changes only with non-discardable frames,
    /// because the filter deltas that depend on it persist in decoders.
    content: Content,
    /// Sum of the inter costs of frames dropped since the last coded one.
    dropped_cost: u64,
    /// First macroblock row of the next intra refresh.
    refresh_row: usize,
    next_frame_id: u64,
}

/// References and updates of a frame.
#[derive(Clone, Copy, Debug)]
struct Slots {
    references: SlotSet,
    updates: SlotSet,
    golden_to_altref: bool,
    /// Whether it updates the long-term background.
    renews: bool,
    /// See [`FrameStats::golden_boost_q16`].
    golden_boost_q16: i32,
}

impl<C: FrameCoder> Coding<C> {
    pub(super) fn new(
        unit: C,
        kernels: &'static Kernels,
        rate: RateController,
        layers: LayerPlanner,
    ) -> Self {
        Self {
            unit,
            kernels,
            is_first: true,
            rate,
            layers,
            queue: PacketQueue::new(),
            golden: GoldenUpdates::default(),
            content: Content::default(),
            dropped_cost: 0,
            refresh_row: 0,
            next_frame_id: 0,
        }
    }

    /// Resets the state after a change of the frame size.
    pub(super) fn resized(&mut self) {
        self.golden = GoldenUpdates::default();
        (self.dropped_cost, self.refresh_row) = (0, 0);
    }

    /// Codes or drops one frame.
    pub(super) fn code(
        &mut self,
        config: &EncoderConfig,
        knobs: &SharedKnobs,
        task: &Task<'_>,
    ) -> Result<Outcome, Error> {
        let is_key = task.lookahead_info.key;
        let layer = self.layers.next(is_key);
        let unchanged = self.unit.compare(task.analysis);
        if layer.off {
            self.layers.dropped();
            self.rate.frame_skipped(task.request.pts);
            return Ok(Outcome::Dropped { reason: DropReason::LayerOff, debt_bits: 0 });
        }
        let slots = self.choose_slots(config, task, &layer);
        if is_key || (layer.temporal_id == 0 && !slots.updates.is_empty()) {
            self.content = config.content;
        }
        let mut stats = self.stats(task, &layer, slots);
        stats.is_screen = self.content == Content::Screen && config.preset == Preset::Rtc;
        // A frame that is not referenced is not worth refining.
        let lasts = unchanged.macroblocks > 0 && slots.updates.contains(SlotSet::LAST);
        stats.coarsest = lasts.then_some(unchanged.coarsest);
        let budget = match self.rate.plan_frame(&stats) {
            Decision::Code(budget) => budget,
            Decision::Drop { reason, debt_bits } => {
                self.dropped(task);
                return Ok(Outcome::Dropped { reason, debt_bits });
            }
        };
        let mut plan = self.plan(config, knobs, task, &layer, slots, &budget);
        if self.is_first {
            plan.qindex = first_qindex(C::codec(), config, self.kernels, task.picture, &plan);
        }

        let room = usize::try_from(config.size.pixels() / 2).unwrap_or(MAX_PACKET_ROOM);
        let mut packet = self.queue.blank(room.min(MAX_PACKET_ROOM));
        let report = match self.unit.encode_frame(task.picture, &plan, task.analysis, &mut packet) {
            Ok(report) => report,
            Err(error) => {
                self.rate.frame_dropped();
                self.queue.recycle(packet);
                return Err(error);
            }
        };
        if report.dropped {
            self.rate.frame_dropped();
            self.queue.recycle(packet);
            self.dropped(task);
            let debt_bits = report.bits.saturating_sub(plan.drop_above_bits.unwrap_or(0)).max(1);
            return Ok(Outcome::Dropped { reason: DropReason::OverCap, debt_bits });
        }

        self.is_first = false;
        self.rate.frame_recoded(report.recoded_cost);
        self.rate.frame_coded(report.bits, report.qindex);
        if !is_key {
            let costs = &task.lookahead_info;
            self.golden.compared(costs.inter_cost, costs.intra_cost);
        }
        let meta = self.note_coded(config, &plan, slots, &report);
        packet.pts = task.request.pts;
        packet.dts = task.decode_time.map(|time| time.dts);
        packet.duration = match task.role {
            FrameRole::Altref | FrameRole::Middle => None,
            _ => task.request.duration.or_else(|| nominal_ticks(config)),
        };
        packet.meta.frame_id = self.next_frame_id;
        self.next_frame_id += 1;
        packet.meta.b_level = plan.order.map_or(0, |order| order.level);
        packet.meta.temporal_id = meta.temporal_id;
        packet.meta.temporal_layers = config.scalability.temporal_layers();
        packet.meta.layer_sync = meta.layer_sync;
        packet.meta.tl0_index = meta.tl0_index;
        packet.meta.discardable = meta.discardable;
        packet.meta.denoised_q4 = task.denoised_q4;
        packet.meta.rate = self.rate.state();
        self.queue.push(packet);
        Ok(Outcome::Coded)
    }

    fn dropped(&mut self, task: &Task<'_>) {
        self.layers.dropped();
        self.dropped_cost = self.dropped_cost.saturating_add(task.lookahead_info.inter_cost);
    }

    fn choose_slots(&self, config: &EncoderConfig, task: &Task<'_>, layer: &LayerPlan) -> Slots {
        if task.lookahead_info.key {
            return Slots {
                references: SlotSet::NONE,
                updates: layer.updates,
                golden_to_altref: false,
                renews: true,
                golden_boost_q16: 0,
            };
        }
        let own_updates = match task.role {
            FrameRole::Altref => SlotSet::ALTREF,
            FrameRole::Middle => SlotSet::GOLDEN,
            FrameRole::Overlay => SlotSet::LAST.with(SlotSet::GOLDEN),
            FrameRole::Plain | FrameRole::Golden => layer.updates,
            FrameRole::ReferenceB => SlotSet::ALTREF,
            FrameRole::PlainB => SlotSet::NONE,
        };
        let keeps_background =
            self.content == Content::Screen || layer.background != SlotSet::GOLDEN;
        let oldest = if keeps_background { None } else { (C::codec().golden_frames)(config.speed) };
        let may_renew = config.preset == Preset::Rtc
            && task.request.updates.is_none()
            && !layer.background.is_empty();
        let may_boost = may_renew
            && config.rate.mode.bitrate().is_some()
            && self.content == Content::Camera
            && config.scalability == Scalability::L1T1
            && config.intra_refresh == 0
            && !task.lookahead_info.scene_cut;
        let golden_boost_q16 = if may_boost {
            self.golden.due_boost_q16(task.lookahead_info.inter_cost, oldest)
        } else {
            0
        };
        let is_due =
            task.lookahead_info.scene_cut || golden_boost_q16 > 0 || self.golden.is_due(oldest);
        let renews = may_renew && is_due;
        // Intra-refreshed rows stay clean only if nothing older than the last frame is referenced.
        let all = layer.references;
        let own_references = if config.intra_refresh > 0 {
            all.without(SlotSet::GOLDEN.with(SlotSet::ALTREF))
        } else {
            all
        };
        let renewed = if renews { layer.background } else { SlotSet::NONE };
        Slots {
            references: task.request.references.unwrap_or(own_references),
            updates: task.request.updates.unwrap_or(own_updates.with(renewed)),
            golden_to_altref: renews
                && layer.background == SlotSet::GOLDEN
                && C::codec().copies_golden_to_altref,
            renews,
            golden_boost_q16,
        }
    }

    fn stats(&self, task: &Task<'_>, layer: &LayerPlan, slots: Slots) -> FrameStats {
        let kind = if task.lookahead_info.key { FrameKind::Key } else { FrameKind::Inter };
        let LookaheadInfo { inter_cost, intra_cost, scene_cut, .. } = task.lookahead_info;
        // Changes of dropped frames still have to be coded; the intra cost is the upper bound.
        let inter = inter_cost.saturating_add(self.dropped_cost).min(intra_cost.max(inter_cost));
        let complexity = if task.lookahead_info.key { intra_cost } else { inter };
        let now = task.decode_time.map_or(task.request.pts, |time| time.now);
        let mut stats = FrameStats::new(kind, now, complexity);
        stats.role = match task.role {
            FrameRole::Plain if slots.renews => FrameRole::Golden,
            role => role,
        };
        stats.golden_boost_q16 = slots.golden_boost_q16;
        stats.mean_complexity = task.mean_cost;
        stats.temporal_id = layer.temporal_id;
        stats.scene_cut = scene_cut;
        stats.mb_tree_boost_q16 = task.lookahead_info.mb_tree_boost_q16;
        stats.group_frames = task.group_frames;
        stats.may_drop = task.request.may_drop;
        stats
    }

    fn plan(
        &self,
        config: &EncoderConfig,
        knobs: &SharedKnobs,
        task: &Task<'_>,
        layer: &LayerPlan,
        slots: Slots,
        budget: &FrameBudget,
    ) -> FramePlan {
        let is_base = layer.temporal_id == 0;
        let is_key = task.lookahead_info.key;
        let mut plan = if is_key {
            FramePlan::key(budget.qindex, task.speed.level)
        } else {
            FramePlan::inter(budget.qindex, task.speed.level)
        };
        plan.temporal_id = layer.temporal_id;
        plan.buffer = self.rate.decoder_buffer();
        plan.references = slots.references;
        plan.updates = slots.updates;
        plan.copy_golden_to_altref = slots.golden_to_altref;
        plan.max_qindex = budget.max_qindex;
        if config.rate.mode.bitrate().is_some() {
            plan.block_qindex = C::codec().capabilities.allowed_qindex(config);
        }
        plan.max_bits = budget.max_bits;
        // Hard caps are always enforced.
        if !task.speed.may_recode && !budget.is_hard {
            plan.attempts = 1;
        }
        plan.drop_above_bits = budget.drop_above_bits;
        plan.content = self.content;
        plan.tune = tune(config, self.content);
        plan.recode = budget.recode;
        let filter_pct = C::codec().filter_pct;
        plan.filter_pct = match (config.preset, plan.tune) {
            (Preset::File, _) => filter_pct.file,
            (Preset::Rtc, Tune::Visual) => filter_pct.rtc_visual,
            (Preset::Rtc, Tune::Psnr) => filter_pct.rtc,
        };
        plan.order = task.order;
        plan.shown = !matches!(task.role, FrameRole::Altref | FrameRole::Middle);
        // No frame may depend on the probabilities of a discardable frame.
        let can_be_missed = !is_key && slots.updates.is_empty() && !slots.golden_to_altref;
        plan.refresh_entropy = layer.refresh_entropy && !config.error_resilient && !can_be_missed;
        let is_cbr = matches!(config.rate.mode, RateControl::Cbr(_));
        let refreshes = is_cbr && budget.recode.is_none();
        if refreshes && is_base && !is_key && !budget.buffer_is_low && self.golden.is_calm() {
            plan.cyclic_refresh_pct = knobs.cyclic_refresh_pct;
        }
        if config.intra_refresh > 0 && is_base && !is_key {
            plan.intra_refresh = self.intra_refresh(config);
        }
        plan
    }

    /// Returns the first index and the number of macroblocks in the rows to refresh.
    fn intra_refresh(&self, config: &EncoderConfig) -> (u32, u32) {
        let (cols, rows) = config.size.macroblocks();
        let first = self.refresh_row.min(rows);
        let count = usize::from(config.intra_refresh).min(rows - first);
        let mbs = |rows: usize| u32::try_from(rows * cols).unwrap_or(u32::MAX);
        (mbs(first), mbs(count))
    }

    fn note_coded(
        &mut self,
        config: &EncoderConfig,
        plan: &FramePlan,
        slots: Slots,
        report: &FrameReport,
    ) -> LayerMeta {
        self.dropped_cost = 0;
        if plan.intra_refresh.1 > 0 {
            let (_, rows) = config.size.macroblocks();
            let next = self.refresh_row + usize::from(config.intra_refresh);
            self.refresh_row = if next >= rows { 0 } else { next };
        }
        if slots.golden_to_altref {
            self.layers.golden_moved_to_altref();
        }
        let (cols, rows) = config.size.macroblocks();
        if slots.renews {
            self.golden.renewed();
        } else if plan.shown {
            self.golden.coded(report, (cols * rows) as u64, C::codec());
        }
        self.layers.coded(slots.references, slots.updates)
    }
}

/// Returns the duration of a frame at the nominal frame rate in ticks, if representable.
pub(super) fn nominal_ticks(config: &EncoderConfig) -> Option<u64> {
    let (Rational { num: tick, den: ticks }, Rational { num: frames, den: seconds }) =
        (config.timebase, config.framerate);
    let whole = u128::from(ticks) * u128::from(seconds);
    let part = u128::from(tick) * u128::from(frames);
    let nearest = (whole + part / 2).checked_div(part)?;
    u64::try_from(nearest).ok().filter(|&ticks| ticks > 0)
}
