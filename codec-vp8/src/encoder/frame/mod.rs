//! The main loop of the encoder: codes one frame as its plan (type, references, quantiser)
//! specifies, phase by phase. RFC 6386.
//!
//! | phase | section | code |
//! |---|---|---|
//! | probabilities at the start of the frame, segments, quantisers | 9.3, 9.6, 9.9 to 9.11 | `headers` |
//! | costs of modes, vectors and tokens, for mode decision | | `costs`, `trellis` |
//! | macroblocks: prediction, transform, tokens | 10 to 14, 16 to 18 | `rows`, and `row` for one row |
//! | loop filter of finished rows, while later rows are coded | 15 | `rows`, `loop_filter` |
//! | probabilities adapted to the frame | 9.9 to 9.11, 13.4 | `probability` |
//! | frame tag, header, modes, token partitions | 9.1, 9.2, 9.5, 19.2 | `pack` |
//! | reference frames and statistics for the next frame | 9.7 | `update` |

mod headers;
mod metadata;
mod rows;
mod setup;
mod update;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use codec_simd::Kernels;

use super::copy_mb::copy_row;
use super::costs::{ModeCosts, MvPrices};
use super::description::VP8;
use super::pack::{Packed, Packer, TagFields};
use super::probability::{adapt, mode_probabilities, segment_probs};
use super::quant::Quantisers;
use super::row_context::RowContext;
use super::segments::Segments;
use super::settings::FrameSettings;
use super::speed::{LevelChoice, Speed};
use super::store::{FrameTotals, RowStore, SearchStats};
use super::trellis::TokenPrices;
use super::workspace::{Workspace, take_counts};
use crate::header::{FrameHeader, HeaderContext, ModeProbabilities};
use crate::residual::CoeffCounts;
use crate::rows::MbRow;
use crate::types::{MotionVector, QIndex};
use codec_core::analysis::FrameAnalysis;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{BitsByPart, Content, FrameKind, Packet, SlotSet, Stage, StageTimer};
use codec_core::encoder::{FrameReport, Unchanged, UnchangedStats};
use codec_core::error::{ConfigError, Error};
use codec_core::frame::{FrameBuf, FramePool, Picture};
use codec_core::parallel::{Pool, Progress, ScratchPool, Serial};

/// Border around the reference planes, in luma pixels.
const LUMA_PAD: usize = 32;

/// The reference slots, in the order of [`FrameEncoder::reference`].
const SLOTS: [SlotSet; 3] = [SlotSet::LAST, SlotSet::GOLDEN, SlotSet::ALTREF];

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
    quantisers: Quantisers,
    costs: ModeCosts,
    token_prices: TokenPrices,
    mv_prices: MvPrices,
    row_context: RowContext,
    workspaces: ScratchPool<Workspace>,
    progress: Vec<Progress>,
    stores: Vec<RwLock<RowStore>>,
    planes: Vec<Mutex<MbRow<'static>>>,
    totals: FrameTotals,
    branches: Box<CoeffCounts>,
    /// Motion vectors of the previous frame, by macroblock.
    last_mvs: Vec<MotionVector>,
    /// Search statistics by macroblock.
    search_stats: Vec<SearchStats>,
    segments: Segments,
    unchanged: Unchanged,
    packer: Packer,
    coded_frames: u64,
}

/// A frame to code, with its plan.
#[derive(Clone, Copy)]
struct FrameInput<'a> {
    picture: &'a Picture<'a>,
    plan: &'a FramePlan,
    analysis: Option<&'a FrameAnalysis>,
}

impl FrameInput<'_> {
    fn is_key(&self) -> bool {
        self.plan.kind == FrameKind::Key
    }

    fn is_screen(&self) -> bool {
        self.plan.content == Content::Screen
    }

    /// Returns the quantiser offsets by macroblock, of MB-tree and of the caller's importance map; empty
    /// without either.
    fn quantiser_offsets(&self) -> &[i8] {
        self.analysis.map_or(&[][..], |analysis| &analysis.offsets_q4)
    }
}

/// Settings that differ between coding attempts of a frame.
#[derive(Clone, Copy)]
struct AttemptSettings {
    qindex: QIndex,
    /// Disables 4x4 intra and split modes, because their modes did not fit the first partition.
    has_plain_modes: bool,
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

impl FrameEncoder {
    /// Compares the next frame with the references by its analysis, whether it will be coded or
    /// not. Required for each frame, in order, if [`FramePlan::recode`] is used.
    pub fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedStats {
        self.unchanged.compare(analysis, &self.segments.refresh)
    }

    /// Codes a frame like [`Self::encode_frame_with`], without an analysis.
    ///
    /// # Errors
    /// The same errors as [`Self::encode_frame_with`].
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
        let qindex = QIndex::saturating(plan.qindex);
        let mut settings = AttemptSettings { qindex, has_plain_modes: false };
        let mut attempts = 0_u8;
        loop {
            let Some(frame) = Arc::get_mut(&mut recon) else {
                // The pool only returns frames without other holders.
                recon = Arc::new(FrameBuf::new(self.settings.size, LUMA_PAD));
                continue;
            };
            let attempt = self.attempt(&input, settings, frame, packet);
            if !attempt.fits {
                let Some(smaller) = settings.with_smaller_partitions() else {
                    packet.data.clear();
                    self.frames.recycle(recon);
                    return Err(Error::unsupported(
                        "a frame with more than 524287 bytes of modes or 16777215 bytes in a token partition",
                    ));
                };
                settings = smaller;
                continue;
            }
            attempts = attempts.saturating_add(1);
            let report = self.report(plan, settings.qindex, packet);
            if report.over_cap
                && attempts < plan.attempts
                && let Some(coarser) = VP8.coarser(plan, settings.qindex.get(), report.bits)
            {
                settings.qindex = QIndex::saturating(coarser);
                continue;
            }
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
            packet.meta = self.metadata(&input, &attempt, &recon);
            self.update(plan, &attempt, recon);
            return Ok(report);
        }
    }

    fn check(&self, picture: &Picture<'_>, plan: &FramePlan) -> Result<(), ConfigError> {
        if picture.size() != self.settings.size {
            return Err(ConfigError::new("frame size", picture.size(), self.settings.size));
        }
        let has_all = self.slots.iter().all(Option::is_some);
        if plan.kind == FrameKind::Inter && !has_all {
            return Err(ConfigError::conflict(
                "frame kind",
                "an inter frame requires filled reference slots: code a key frame first",
            ));
        }
        Ok(())
    }

    /// The phases of coding a frame at one quantiser, into `frame` and `packet`. The state that
    /// later frames depend on does not change.
    fn attempt(
        &mut self,
        input: &FrameInput<'_>,
        settings: AttemptSettings,
        frame: &mut FrameBuf,
        packet: &mut Packet,
    ) -> Attempt {
        let (mut context, modes) = self.start_probabilities(input);
        // The header fields that the rows and the filter need; the rest follows from the rows.
        let mut header = self.plan_header(input, settings.qindex, &context, modes);
        let mut quantisers = std::mem::take(&mut self.quantisers);
        header.update_quantisers(input.plan.tune, &mut quantisers);
        self.update_costs(input, &context, &modes);
        self.choose_copied_mbs(input, settings.qindex);
        let is_copy = self.unchanged.is_all_copied();
        if is_copy {
            self.copy_rows();
        } else {
            self.code_and_filter(input, settings, &quantisers, &mut header, frame);
        }
        self.quantisers = quantisers;
        let stages = self.settings.stages.clone();
        let _timer = StageTimer::start(stages.as_deref(), Stage::Entropy);
        self.sum_rows();
        self.adapt_probabilities(&mut header, &context);
        let Packed { bits, fits } = self.pack(input, &header, &mut context, packet);
        Attempt { header, context, bits, fits, is_copy }
    }

    /// Returns the header state and mode probabilities that the frame starts from.
    fn start_probabilities(&self, input: &FrameInput<'_>) -> (HeaderContext, ModeProbabilities) {
        if input.is_key() {
            let modes = ModeProbabilities { skip: Some(128), intra: 63, last: 200, golden: 128 };
            return (HeaderContext::default(), modes);
        }
        (self.context.clone(), self.modes)
    }

    /// Updates the costs that mode decision and trellis quantisation use.
    fn update_costs(
        &mut self,
        input: &FrameInput<'_>,
        context: &HeaderContext,
        modes: &ModeProbabilities,
    ) {
        self.costs.update(input.is_key(), &context.probs, modes);
        if Speed::level(input.plan.speed).levels != LevelChoice::Quantiser {
            self.token_prices.update(&context.probs.coeffs);
        }
        self.mv_prices.update(&context.probs.mv);
    }

    /// Selects the macroblocks that are copied from the last frame. The loop filter must not change
    /// these macroblocks; the filter settings for screen content ensure this.
    fn choose_copied_mbs(&mut self, input: &FrameInput<'_>, qindex: QIndex) {
        let plan = input.plan;
        let can_copy = plan.kind == FrameKind::Inter
            && plan.content == Content::Screen
            && plan.references.contains(SlotSet::LAST)
            && plan.intra_refresh.1 == 0;
        match plan.recode {
            Some(room) if can_copy => {
                let budget = (qindex.get(), room);
                self.unchanged.plan(&VP8, budget, input.analysis, &self.segments.refresh);
            }
            _ => self.unchanged.copy_none(),
        }
    }

    /// Fills the stores of a frame that is an exact copy of the last frame.
    fn copy_rows(&mut self) {
        for (row, store) in self.stores.iter_mut().enumerate() {
            let store = store.get_mut().unwrap_or_else(PoisonError::into_inner);
            copy_row(store, row, (self.cols, self.rows));
        }
    }

    /// Sums the statistics of all rows.
    fn sum_rows(&mut self) {
        self.totals.clear();
        take_counts(&mut self.workspaces, &mut self.totals.tokens);
        for row in &mut self.stores {
            self.totals.add(row.get_mut().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Adapts the probabilities in `header`, which started from `context`, to the coded rows.
    fn adapt_probabilities(&mut self, header: &mut FrameHeader, context: &HeaderContext) {
        let total = u32::try_from(self.cols * self.rows).unwrap_or(u32::MAX);
        header.probs = adapt(header.is_key, &self.totals, &mut self.branches, &context.probs);
        header.modes = mode_probabilities(&self.totals.modes, total);
        if header.segmentation.update_map {
            header.segmentation.tree_probs = segment_probs(self.totals.modes.segments);
        }
    }

    /// Writes the frame into `packet` and updates `context` for the next frame.
    fn pack(
        &mut self,
        input: &FrameInput<'_>,
        header: &FrameHeader,
        context: &mut HeaderContext,
        packet: &mut Packet,
    ) -> Packed {
        let tag = TagFields {
            size: self.settings.size,
            profile: self.settings.knobs.profile,
            shown: input.plan.shown,
        };
        let pool: &dyn Pool = self.settings.pool.as_deref().unwrap_or(&Serial);
        self.packer.pack(pool, tag, header, context, &self.stores, &mut packet.data)
    }

    fn report(&self, plan: &FramePlan, qindex: QIndex, packet: &Packet) -> FrameReport {
        let bits = packet.data.len() as u64 * 8;
        FrameReport {
            bits,
            over_cap: plan.max_bits.is_some_and(|max| bits > max),
            dropped: plan.drop_above_bits.is_some_and(|max| bits > max),
            qindex: qindex.get(),
            zero_motion: self.totals.modes.zero_motion,
            refreshed: self.totals.modes.refreshed,
            prediction_sse: self.totals.prediction_sse,
            recoded_cost: self.unchanged.recoded_cost(),
        }
    }
}

impl AttemptSettings {
    /// Returns settings for a frame whose partitions are too large for their size fields, which
    /// only frames with very many macroblocks reach; `None` if there are none left.
    fn with_smaller_partitions(self) -> Option<Self> {
        if !self.has_plain_modes {
            return Some(Self { has_plain_modes: true, ..self });
        }
        let qindex = QIndex::saturating(self.qindex.get().saturating_add(32));
        (self.qindex < QIndex::MAX).then_some(Self { qindex, ..self })
    }
}
