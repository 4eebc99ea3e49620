//! The main loop of the encoder: codes one frame as its [`FramePlan`] (type, references, quantiser)
//! specifies, phase by phase.
//!
//! | phase | code |
//! |---|---|
//! | header, probabilities at the start of the frame, costs | `headers`, `token_costs`, `vector_costs` |
//! | rows of superblocks, on the thread pool | `rows`, and `row` for one row |
//! | superblocks: motion, partitions, prediction, transforms | `coder`, `motion`, `block`, `transform` |
//! | loop filter, on the thread pool | `rows`, `crate::block::loop_filter` |
//! | in parallel with the loop filter: probabilities of the frame, tiles | `pack`, `write::compressed`, `write::blocks` |
//! | adaptation of probabilities, references for the next frame | `crate::probability`, `references` |

use std::sync::Arc;

use codec_core::analysis::FrameAnalysis;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{
    BitsByPart, Content, FrameKind, Packet, PacketMeta, Preset, SlotSet, Tune,
};
use codec_core::encoder::{FrameReport, LayerInput};
use codec_core::error::{ConfigError, Error};
use codec_core::frame::{FrameBuf, FramePool, Picture, Size, Window, picture_sse};
use codec_core::motion::QuarterPel;
use codec_core::parallel::{Pool, Serial};
use codec_simd::Kernels;

use super::borders::extend_borders;
use super::buffers::Buffers;
use super::contrast::Contrast;
use super::description::VP9;
use super::headers::{FrameContext, HeaderInput, frame_header};
use super::inter_layer::{FrameSlots, LayerState, upscale, usable};
use super::job::FrameJob;
use super::last_frames::{CodedFrame, LastFrame, LastFrames};
use super::quantisers::Quantisers;
use super::references::{REFERENCES, References};
use super::rows::{code_rows, collect_rows, filter_and_write};
use super::seeds::Seeds;
use super::segments::Segments;
use super::settings::{FrameKnobs, FrameSettings};
use super::speed::Speed;
use super::totals::Totals;
use super::vector_costs::fill_vector_costs;
use crate::block::mode_map::ModeMap;
use crate::block::planes::bordered_planes;
use crate::block::quantisers::{quantisers, steps_at};
use crate::block::references::{ReferencePlanes, Scale};
use crate::block::sample::Kit;
use crate::block::setup::FrameSetup;
use crate::header::compressed::{CompressedHeader, ReferenceMode};
use crate::header::{FrameHeader, FrameType, Segmentation};
use crate::probability::{Adaptation, InterAdaptation, Probabilities, adapt};
use crate::types::TxMode;

/// Border around the reference planes, in luma pixels.
const LUMA_PAD: usize = 32;
/// Planes have whole superblocks.
const SUPERBLOCK: u32 = 64;
/// The references, the frame that is coded, and two that spatial layers hold.
const POOLED: usize = 6;

/// Longest distance of a reference that motion is extrapolated to, in input frames.
const MAX_DISTANCE: u64 = 8;

/// Codes single frames as planned, and keeps the references and the probabilities.
#[derive(Debug)]
pub struct FrameEncoder {
    settings: FrameSettings,
    kernels: &'static Kernels,
    frames: FramePool,
    references: References,
    /// The four saved contexts. Shown frames use the one with the index of their spatial layer; hidden frames, which
    /// exist only without spatial layers, use the second or third.
    saved: Box<[Probabilities; 4]>,
    defaults: Box<Probabilities>,
    last: LastFrames,
    modes: ModeMap,
    modes_before: ModeMap,
    /// Vectors of the last frame by macroblock, and vectors of the current frame.
    vectors: Vec<QuarterPel>,
    work_vectors: Vec<QuarterPel>,
    /// Number of input frames that `vectors` span.
    vector_distance: i16,
    seeds: Seeds,
    segments: Segments,
    buffers: Box<Buffers>,
    coded_frames: u64,
    /// Number of input frames, coded or not.
    time: u64,
    /// By reference: whether it is a frame that is shown later than the next one.
    ahead: [bool; 3],
    /// The spatial layer; `None` in a stream without.
    layer: Option<LayerState>,
}

/// A frame to code, with its plan.
#[derive(Clone, Copy)]
struct FrameInput<'a> {
    picture: &'a Picture<'a>,
    plan: &'a FramePlan,
    analysis: Option<&'a FrameAnalysis>,
    /// The next lower layer at the size of the frame, if it may predict from it.
    upscaled: Option<&'a FrameBuf>,
}

impl FrameInput<'_> {
    /// Returns the contrast by which bits are priced. Visual tuning has offsets for it instead.
    fn contrast(&self, speed: &Speed) -> Contrast<'_> {
        let analysis = self.analysis.filter(|_| self.plan.tune == Tune::Psnr);
        Contrast::new(analysis, speed.contrast_q6)
    }

    /// Returns how much coarser each macroblock is to be coded, by MB-tree and importance maps or by
    /// visual masking; empty without any of them.
    fn quantiser_offsets(&self) -> &[i8] {
        match self.analysis {
            Some(analysis) if !analysis.offsets_q4.is_empty() => &analysis.offsets_q4,
            Some(analysis) if self.plan.tune == Tune::Visual => &analysis.masking_q4,
            _ => &[],
        }
    }
}

/// Result of coding a frame at one quantiser.
struct Attempt {
    header: FrameHeader,
    /// The probabilities at its end.
    probabilities: Probabilities,
    bits: BitsByPart,
}

impl FrameEncoder {
    /// Creates an encoder for frames of the configured size; its first frame must be a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] if a dimension is not in 1..=16384, a knob is out of range, or the CPU does not
    /// support the SIMD level.
    pub fn new(settings: &FrameSettings) -> Result<Self, Error> {
        let kernels = match settings.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "an instruction set that this CPU supports")
            })?,
        };
        settings.knobs.check()?;
        let mut encoder = Self {
            settings: settings.clone(),
            kernels,
            frames: FramePool::default(),
            references: References::default(),
            saved: Box::default(),
            defaults: Box::default(),
            last: LastFrames::default(),
            modes: ModeMap::default(),
            modes_before: ModeMap::default(),
            vectors: Vec::new(),
            work_vectors: Vec::new(),
            vector_distance: 1,
            seeds: Seeds::default(),
            segments: Segments::default(),
            buffers: Box::default(),
            coded_frames: 0,
            time: 0,
            ahead: [false; 3],
            layer: None,
        };
        encoder.resize(settings.size)?;
        Ok(encoder)
    }

    /// Changes the frame size; the next frame must be a key frame.
    ///
    /// # Errors
    /// The same errors as [`Self::new`]; on an error, nothing has changed.
    pub fn resize(&mut self, size: Size) -> Result<(), Error> {
        let allowed = 1..=16384;
        if !allowed.contains(&size.width) || !allowed.contains(&size.height) {
            return Err(ConfigError::new("size", size, "1x1 to 16384x16384").into());
        }
        self.settings.size = size;
        let coded = Size::new(
            size.width.next_multiple_of(SUPERBLOCK),
            size.height.next_multiple_of(SUPERBLOCK),
        );
        let window = Window { coded, origin: (0, 0), size };
        self.frames = FramePool::with_window(window, LUMA_PAD, POOLED);
        self.references = References::default();
        self.last = LastFrames::default();
        self.segments.reset(size);
        self.seeds.reset(size);
        self.buffers.reserve(coded);
        let (cols, rows) = size.macroblocks();
        self.vectors.clear();
        self.vectors.resize(cols * rows, QuarterPel::ZERO);
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

    /// Changes the thread pool from the next frame on; `None` uses only the caller's thread. The coded
    /// bytes do not depend on it.
    pub fn set_pool(&mut self, pool: Option<Arc<dyn Pool>>) {
        self.settings.pool = pool;
    }

    /// Codes `picture` as specified by `plan` into `packet`: its data and all metadata except layers,
    /// timestamps and rate state. `analysis` of the same frame improves decisions.
    ///
    /// # Errors
    /// [`Error::Config`] if the frame has another size, or the plan is an inter frame but its references
    /// are missing. Nothing has changed.
    pub fn encode_frame(
        &mut self,
        picture: &Picture<'_>,
        plan: &FramePlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error> {
        self.check(picture, plan)?;
        let analysis = analysis.filter(|analysis| analysis.size == picture.size());
        let upscaled = self.upscaled_layer();
        self.scale_vectors(plan);
        let input = FrameInput { picture, plan, analysis, upscaled: upscaled.as_deref() };
        let mut recon = self.frames.take();
        let mut qindex = plan.qindex.max(1);
        let mut attempts = 0_u8;
        loop {
            let Some(frame) = Arc::get_mut(&mut recon) else {
                // The pool only returns frames without other holders.
                self.frames.recycle(recon);
                recon = self.frames.take();
                continue;
            };
            let attempt = self.attempt(&input, qindex, frame, packet);
            attempts = attempts.saturating_add(1);
            let report = self.report(plan, qindex, packet);
            if report.over_cap
                && attempts < plan.attempts
                && let Some(coarser) = VP9.coarser(plan, qindex, report.bits)
            {
                qindex = coarser;
                continue;
            }
            if report.dropped {
                packet.data.clear();
                self.frames.recycle(recon);
                upscaled.into_iter().for_each(|frame| self.frames.recycle(frame));
                return Ok(report);
            }
            extend_borders(frame);
            packet.meta = self.metadata(&input, &attempt, &recon);
            self.update(plan, attempt, recon);
            upscaled.into_iter().for_each(|frame| self.frames.recycle(frame));
            return Ok(report);
        }
    }

    /// Scales the vectors of the last frame to the distance of the first reference, to start the search from them.
    fn scale_vectors(&mut self, plan: &FramePlan) {
        // Files are not coded in the order of the input.
        if plan.kind == FrameKind::Key || self.settings.preset == Preset::File {
            return;
        }
        let distance = self.references.distance(plan, self.time);
        let distance = i16::try_from(distance.min(MAX_DISTANCE)).unwrap_or(1);
        let before = std::mem::replace(&mut self.vector_distance, distance);
        if before != distance {
            let scale = |value: i16| value / before * distance;
            for vector in &mut self.vectors {
                *vector = QuarterPel::new(scale(vector.x), scale(vector.y));
            }
        }
    }

    fn check(&self, picture: &Picture<'_>, plan: &FramePlan) -> Result<(), ConfigError> {
        if picture.size() != self.settings.size {
            return Err(ConfigError::new("frame size", picture.size(), self.settings.size));
        }
        if plan.kind == FrameKind::Inter && !self.references.are_complete() {
            return Err(ConfigError::conflict(
                "frame kind",
                "an inter frame requires filled reference slots: code a key frame first",
            ));
        }
        if plan.copy_golden_to_altref {
            return Err(ConfigError::conflict(
                "altref",
                "VP9 cannot copy one reference slot to another",
            ));
        }
        Ok(())
    }

    /// Whether a frame is coded without the probabilities and vectors of earlier frames.
    fn is_error_resilient(&self, plan: &FramePlan) -> bool {
        let resets = self.layer.as_ref().is_some_and(|layer| layer.input.resets);
        self.settings.error_resilient || (resets && !self.is_key(plan))
    }

    /// Returns the frame that the receivers of a frame have decoded last.
    fn last_frame(&self, plan: &FramePlan) -> LastFrame {
        let last = self.last.of(plan.temporal_id);
        match &self.layer {
            Some(layer) if layer.input.is_independent => layer.last_frame(last, plan),
            _ => last,
        }
    }

    /// Whether a frame is a key frame of the bitstream; the first frame of a higher layer is predicted
    /// from the next lower one instead.
    fn is_key(&self, plan: &FramePlan) -> bool {
        let starts_layer = self.layer.as_ref().is_some_and(LayerState::is_predicted);
        plan.kind == FrameKind::Key && !starts_layer
    }

    /// Whether all saved contexts are the default ones. The first frame of a higher layer follows a reset of all
    /// layers, by itself or by the key frame.
    fn starts_from_defaults(&self, plan: &FramePlan, header: &FrameHeader) -> bool {
        plan.kind == FrameKind::Key || header.contexts.reset.is_some()
    }

    /// Records an input frame, coded or not.
    pub(super) fn add_input(&mut self, analysis: Option<&FrameAnalysis>) {
        self.time += 1;
        self.seeds.add(analysis);
    }

    fn speed(&self, input: &FrameInput<'_>) -> Speed {
        let plan = input.plan;
        let is_screen = plan.content == Content::Screen
            || input.analysis.is_some_and(|analysis| analysis.looks_like_screen);
        let speed = match self.settings.preset {
            Preset::Rtc if is_screen => Speed::level(plan.speed).for_screen(),
            Preset::Rtc => Speed::level(plan.speed),
            Preset::File => Speed::file(plan.speed),
        };
        // The lower layer is the last reference.
        let has_lower = self.layer.as_ref().is_some_and(|layer| layer.input.lower.is_some());
        if has_lower { speed.for_upper_layer() } else { speed }
    }

    fn slots(&self, plan: &FramePlan) -> FrameSlots {
        let order = self.references.order(plan);
        match &self.layer {
            None => FrameSlots::without_layers(plan.updates, order),
            Some(layer) => layer.slots(updates(plan), plan.kind == FrameKind::Key, order),
        }
    }

    /// Returns the lower layer at the size of the frame, if the frame is predicted from it.
    fn upscaled_layer(&mut self) -> Option<Arc<FrameBuf>> {
        let lower = self.layer.as_ref()?.input.lower.clone()?;
        let kit = Kit { kernels: self.kernels, depth: 8, lossless: false };
        let mut frame = self.frames.take();
        if let Some(frame) = Arc::get_mut(&mut frame) {
            let workspaces = &self.buffers.rows.workspaces;
            let mut workspace = workspaces.take();
            upscale(&kit, &lower, frame, &mut workspace.blocks.reference[..]);
            workspaces.give_back(workspace);
        }
        Some(frame)
    }

    /// See [`codec_core::encoder::LayerCoder::set_layer`].
    pub(super) fn set_layer(&mut self, id: u8) {
        self.layer = Some(LayerState { id, ..LayerState::default() });
    }

    /// See [`codec_core::encoder::LayerCoder::set_input`].
    pub(super) fn set_layer_input(&mut self, input: LayerInput) {
        if let Some(layer) = &mut self.layer {
            layer.input = input;
        }
    }

    /// See [`codec_core::encoder::LayerCoder::follow_motion`].
    pub(super) fn follow_motion_of(&mut self, lower: &Self) {
        let (cols, _) = lower.settings.size.macroblocks();
        self.seeds.follow(&lower.vectors, cols);
    }

    /// See [`codec_core::encoder::LayerCoder::reconstruction`].
    pub(super) fn layer_reconstruction(&self) -> Option<Arc<FrameBuf>> {
        self.layer.as_ref()?.reconstruction.clone()
    }

    /// Assigns the blocks of a frame to segments.
    fn plan_segments(&mut self, input: &FrameInput<'_>, qindex: u8, is_key: bool) -> Segmentation {
        let (plan, offsets) = (input.plan, input.quantiser_offsets());
        if offsets.is_empty() {
            let share_pct = if is_key { 0 } else { plan.cyclic_refresh_pct };
            self.segments.plan_refresh(qindex, share_pct)
        } else {
            self.segments.plan_offsets(qindex, offsets, plan.block_qindex)
        }
    }

    /// The phases of coding a frame at one quantiser, into `frame` and `packet`. The state that later
    /// frames depend on does not change.
    fn attempt(
        &mut self,
        input: &FrameInput<'_>,
        qindex: u8,
        frame: &mut FrameBuf,
        packet: &mut Packet,
    ) -> Attempt {
        let plan = input.plan;
        let is_key = self.is_key(plan);
        let error_resilient = self.is_error_resilient(plan);
        let last = self.last_frame(plan);
        let segmentation = self.plan_segments(input, qindex, is_key);
        let used = usable(&self.references, self.layer.as_ref(), plan);
        let speed = self.speed(input);
        let header = frame_header(
            plan,
            HeaderInput {
                is_key,
                slots: self.slots(plan),
                size: self.settings.size,
                knobs: self.settings.knobs,
                qindex,
                error_resilient,
                context: FrameContext {
                    index: self.layer.as_ref().map_or(0, |layer| layer.id.into()),
                    adapts: is_key || last.is_key.is_some(),
                },
                segmentation,
                ahead: [0, 1, 2].map(|index: usize| self.ahead[index] && used[index].is_some()),
                tools: speed.tools,
                color: self.settings.info.color,
            },
        );
        let is_reset = self.starts_from_defaults(plan, &header);
        let before = if is_reset { &*self.defaults } else { &self.saved[header.contexts.index] };
        let before = before.clone();
        let (cols, rows) =
            (header.size.width.div_ceil(8) as usize, header.size.height.div_ceil(8) as usize);
        let compound = header.references.compound();
        let setup = FrameSetup {
            kit: Kit { kernels: self.kernels, depth: 8, lossless: false },
            header: &header,
            compressed: CompressedHeader {
                tx_mode: TxMode::PerBlock,
                reference_mode: reference_mode(compound.is_some()),
            },
            probabilities: &before,
            compound,
            references: used.map(|frame| Some(reference_planes(frame?, header.size))),
            quantisers: quantisers(&header),
            before: (last.has_vectors && !error_resilient).then_some(&self.modes_before),
            knows_before: last.is_known || error_resilient,
            cols,
            rows,
        };
        self.work_vectors.clone_from(&self.vectors);
        let pool: &dyn Pool = self.settings.pool.as_deref().unwrap_or(&Serial);
        let buffers = &mut *self.buffers;
        buffers.counts_first =
            speed.fits_probabilities(header.contexts.adapt && last.is_key == Some(false));
        buffers.tokens.update(setup.probabilities);
        if !is_key {
            fill_vector_costs(&setup.probabilities.vectors, &mut buffers.vectors);
        }
        let is_last = self.references.order(plan)[0] == 0 && self.settings.preset == Preset::Rtc;
        let distance = (!is_last).then_some(self.vector_distance);
        let seeds = self.seeds.vectors(distance, input.analysis);
        let quantisers = Quantisers::of_segments(&setup.quantisers, &speed);
        let base = Quantisers::new(steps_at(&header, qindex), &speed);
        let job = FrameJob {
            kernels: self.kernels,
            setup: &setup,
            picture: input.picture,
            analysis: input.analysis,
            speed,
            quantisers: &quantisers,
            contrast: input.contrast(&speed),
            base: &base,
            segments: &self.segments,
            tokens: &buffers.tokens,
            vectors: &buffers.vectors,
            seeds,
            counts_first: buffers.counts_first,
            follows_previous: self.vector_distance == 1,
            luma: [0, 1, 2].map(|index: usize| {
                let is_scaled = setup.references[index].as_ref()?.scale.is_some();
                let frame = if is_scaled { input.upscaled } else { used[index] };
                Some(frame?.plane(0))
            }),
        };
        code_rows(pool, &job, &mut buffers.rows, &mut buffers.counts, &self.vectors, frame);
        collect_rows(&setup, &buffers.rows, &mut self.modes, &mut self.work_vectors);
        // The segments of blocks without a residual, and with them the map's probabilities, are chosen last.
        let mut header = header.clone();
        self.segments.finish_map(&mut header.segmentation, self.modes.blocks_mut());
        let setup = FrameSetup { header: &header, ..setup };
        let mut probabilities = before.clone();
        let stages = self.settings.stages.as_deref();
        let to = (frame, &mut packet.data);
        let (sizes, bits) =
            filter_and_write(pool, stages, &setup, buffers, &self.modes, &mut probabilities, to);
        if header.contexts.adapt {
            let adaptation = adaptation(&header, last);
            let counts = buffers.final_counts();
            adapt(&mut probabilities, &before, counts, adaptation);
        }
        (header.header_bytes, header.compressed_bytes) = sizes;
        Attempt { header, probabilities, bits }
    }

    fn report(&self, plan: &FramePlan, qindex: u8, packet: &Packet) -> FrameReport {
        let bits = packet.data.len() as u64 * 8;
        let counts = self.totals();
        FrameReport {
            bits,
            over_cap: plan.max_bits.is_some_and(|max| bits > max),
            dropped: plan.drop_above_bits.is_some_and(|max| bits > max),
            qindex,
            zero_motion: counts.zero_motion,
            refreshed: counts.refreshed,
            prediction_sse: counts.prediction_sse,
            recoded_cost: 0,
        }
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for info in self.modes.blocks() {
            totals.add(info, self.settings.size, &self.segments);
        }
        totals.macroblocks.total = {
            let (cols, rows) = self.settings.size.macroblocks();
            u32::try_from(cols * rows).unwrap_or(u32::MAX)
        };
        totals
    }

    /// Returns the slots of the frames that a frame depends on by its probabilities and candidates for vectors: the last
    /// frame of the temporal base layer, and the last frame if all receivers have it.
    fn state_slots(&self, plan: &FramePlan, header: &FrameHeader) -> SlotSet {
        if self.starts_from_defaults(plan, header) {
            return SlotSet::NONE;
        }
        let order = self.references.order(plan);
        let is_known = self.last_frame(plan).is_known;
        let mut slots = SlotSet::NONE;
        for (place, (index, slot)) in order.into_iter().zip(header.references.slots).enumerate() {
            let is_allowed = plan.references.contains(REFERENCES[index]);
            if is_allowed && (index == 0 || (place == 0 && is_known)) {
                slots = slots.with(SlotSet(1 << slot));
            }
        }
        slots
    }

    /// Describes the frame, except for layers, timestamps and rate state.
    fn metadata(&self, input: &FrameInput<'_>, attempt: &Attempt, recon: &FrameBuf) -> PacketMeta {
        let plan = input.plan;
        let totals = self.totals();
        let slots = attempt.header.references.slots;
        let used = slots.into_iter().zip(totals.references).filter(|&(_, used)| used);
        let refs_used = used.fold(SlotSet::NONE, |set, (slot, _)| set.with(SlotSet(1 << slot)));
        let refs_updated = SlotSet(attempt.header.refresh_slots);
        PacketMeta {
            frame_id: self.coded_frames,
            kind: if self.is_key(plan) { FrameKind::Key } else { FrameKind::Inter },
            shown: plan.shown,
            size: self.settings.size,
            refs_used,
            refs_of_state: self.state_slots(plan, &attempt.header),
            refs_updated,
            discardable: refs_updated.is_empty() && !attempt.header.contexts.refresh,
            qindex: attempt.header.quantiser.base,
            filter_level: attempt.header.loop_filter.level,
            speed: plan.speed,
            bits: attempt.bits,
            macroblocks: totals.macroblocks,
            sse: self.settings.report_sse.then(|| picture_sse(self.kernels, input.picture, recon)),
            digest: self.settings.report_digest.then(|| recon.digest()),
            ..PacketMeta::default()
        }
    }

    /// Updates the state that later frames depend on.
    fn update(&mut self, plan: &FramePlan, attempt: Attempt, recon: Arc<FrameBuf>) {
        let is_key = self.is_key(plan);
        // Hidden frames are not newer than the last frame.
        let time = if plan.shown { self.time } else { 0 };
        self.references.update(updates(plan), &recon, time);
        if let Some(layer) = &mut self.layer {
            let is_base = is_key || layer.input.is_base;
            layer.reconstruction = is_base.then(|| Arc::clone(&recon));
            layer.input.lower = None;
        }
        self.frames.recycle(recon);
        let header = &attempt.header;
        if self.starts_from_defaults(plan, header) {
            self.saved.iter_mut().for_each(|saved| saved.clone_from(&self.defaults));
        }
        if header.contexts.refresh {
            self.saved[header.contexts.index] = attempt.probabilities;
        }
        if updates(plan).contains(SlotSet::LAST) {
            self.seeds.restart();
            let (segmentation, base) = (&header.segmentation, header.quantiser.base);
            self.segments.update(&self.modes, |segment| segmentation.qindex(segment, base));
        }
        std::mem::swap(&mut self.modes, &mut self.modes_before);
        std::mem::swap(&mut self.vectors, &mut self.work_vectors);
        self.follow_display(plan);
        self.last.coded(CodedFrame {
            is_key,
            shown: plan.shown,
            temporal_id: plan.temporal_id,
            discardable: updates(plan).is_empty(),
        });
        self.coded_frames += 1;
    }

    /// Updates which references are shown later than the next frame.
    fn follow_display(&mut self, plan: &FramePlan) {
        let updates = updates(plan);
        let [_, golden, altref] = &mut self.ahead;
        if plan.kind == FrameKind::Key {
            (*golden, *altref) = (false, false);
        } else if !plan.shown {
            *golden |= updates.contains(SlotSet::GOLDEN);
            *altref |= updates.contains(SlotSet::ALTREF);
        } else if updates.contains(SlotSet::GOLDEN) {
            // The frame shows the nearest of both, and becomes golden.
            *altref &= *golden;
            *golden = false;
        }
    }
}

/// Inputs of the adaptation to a frame after `last`.
fn adaptation(header: &FrameHeader, last: LastFrame) -> Adaptation {
    let is_inter = header.frame_type == FrameType::Inter;
    Adaptation {
        follows_key: is_inter && last.is_key == Some(true),
        inter: is_inter.then_some(InterAdaptation {
            tx_mode: TxMode::PerBlock,
            selects_filter: header.references.filter.is_none(),
            high_precision: header.references.high_precision,
        }),
    }
}

/// The planes of a reference of a frame of the given size.
fn reference_planes(frame: &FrameBuf, size: Size) -> ReferencePlanes<'_, u8> {
    let scale = Scale::new(frame.size(), size);
    ReferencePlanes { planes: bordered_planes(frame), scale }
}

fn reference_mode(has_compound: bool) -> ReferenceMode {
    if has_compound { ReferenceMode::PerBlock } else { ReferenceMode::Single }
}

/// The references that a frame replaces.
fn updates(plan: &FramePlan) -> SlotSet {
    match plan.kind {
        FrameKind::Key => REFERENCES.into_iter().fold(SlotSet::NONE, SlotSet::with),
        FrameKind::Inter => plan.updates,
    }
}
