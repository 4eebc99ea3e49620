//! The rate controller: a decision before each frame, and an update after it.

mod accounting;
mod caps;
mod qindex;
mod screen;
mod target_size;

use super::buffer::{Buffer, SECOND_US};
use super::config::{CodecModel, Settings};
use super::frame_stats::{Class, Decision, FrameBudget, FrameStats, class_of};
use super::layer_shares::LayerShares;
use super::model::BitsModel;
use super::quantiser_steps::Steps;
use super::size_prediction::SizePrediction;
use super::timestamps::Clock;
use super::two_pass::{SizePredictor, quality_base_q16};
use super::unmet_rate::UnmetRate;
use super::window_cap::Window;
use crate::codec::FirstPassStats;
use crate::codec::first_pass::FrameClass;
use crate::codec::plan::DecoderBuffer;
use crate::codec::{
    DropPolicy, EncoderConfig, FrameKind, PassShares, RateControl, RateState, Update,
};
use crate::error::ConfigError;
use crate::fixed::{log2_q16, mul_div_signed};

/// Time over which VBR recovers the bits of intentionally boosted frames, in microseconds.
const VBR_BOOST_RECOVERY_US: u64 = 3 * SECOND_US / 5;
/// Number of frames in the running mean of complexities.
const MEAN_FRAMES: u32 = 128;
/// Maximum delay that an inter frame within a scene should add to the frames after it, in milliseconds.
const INTER_DELAY_MS: u32 = 100;

/// State of the frame between its decision and its update.
#[derive(Clone, Copy, Debug)]
struct Pending {
    class: Class,
    /// Planned quantiser index.
    qindex: u8,
    now_us: i64,
    complexity_q16: i32,
    complexity: u64,
    share_bits: u64,
    target_bits: u64,
    /// The frame codes changes and also refines unchanged areas, so the model does not learn from
    /// it.
    is_mixed: bool,
    is_repeated: bool,
}

/// Decides the quantiser index of each frame, and whether the frame is coded or dropped.
///
/// Call [`Self::plan_frame`] before each frame and [`Self::frame_coded`] or [`Self::frame_dropped`]
/// after it:
///
/// ```
/// use codec_core::codec::{Bitrate, EncoderConfig, FrameKind};
/// use codec_core::frame::{Rational, Size};
/// use codec_core::rate::{CodecModel, Decision, FrameStats, RateController};
///
/// // The steps of a simple quantiser.
/// static STEPS: [u16; 18] =
///     [10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 57, 67, 80, 95, 113, 135, 160, 190];
/// let size = Size::new(640, 360);
/// let config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(600));
/// let mut rate = RateController::new(&config, &CodecModel::new(&STEPS));
///
/// let mut sent = 0;
/// for frame in 0..300 {
///     let kind = if frame == 0 { FrameKind::Key } else { FrameKind::Inter };
///     match rate.plan_frame(&FrameStats::new(kind, frame, 100_000)) {
///         Decision::Code(budget) => {
///             // An encoder codes the frame at `budget.qindex`.
///             let bits = 1_000_000 / u64::from(STEPS[usize::from(budget.qindex)]);
///             rate.frame_coded(bits, budget.qindex);
///             sent += bits;
///         }
///         Decision::Drop { .. } => {}
///         _ => {}
///     }
/// }
/// assert!((5_800_000..6_200_000).contains(&sent)); // 10 s at 600 kb/s
/// ```
#[derive(Clone, Debug)]
pub struct RateController {
    config: Settings,
    steps: Steps,
    clock: Clock,
    buffer: Buffer,
    window: Option<Window>,
    models: [BitsModel; Class::COUNT],
    last_qindex: [Option<u8>; Class::COUNT],
    active_layers: u8,
    layer_shares: LayerShares,
    /// Bits that each temporal layer spent beyond its share.
    layer_debt_bits: [i64; 3],
    /// VBR: bits spent beyond the rate, and the part of them that was spent on boosted frames and
    /// is recovered sooner.
    debt_bits: i64,
    boost_debt_bits: i64,
    /// CBR: bits that golden frames spent beyond their share and plain frames have not saved yet.
    golden_debt_bits: i64,
    /// By how much golden frames are coarser than their boost asks for, in octaves of the step,
    /// because earlier golden frames took too many bits and were coded again.
    golden_excess_q16: i32,
    /// Running mean of the complexity of inter frames.
    mean_complexity: Option<u64>,
    /// Complexity of the last frame if it was a plain one, else 0.
    last_complexity: u64,
    /// Number of frames in `mean_complexity`, up to a maximum.
    mean_frames: u32,
    /// Buffer level that CBR aims for: starts at the initial level and approaches the optimal one.
    steered_bits: i64,
    last_coded_us: Option<i64>,
    first_us: Option<i64>,
    /// The next inter frames may lower the quantiser index without a limit per frame.
    free_fall: bool,
    pending: Option<Pending>,
    last_target_bits: u64,
    /// VBR: base step of the last frame planned with look-ahead.
    last_base_q16: Option<i32>,
    /// VBR: frame sizes predicted by earlier passes, while the frame types match.
    size_prediction: Option<SizePrediction>,
    /// Size of the last coded frame in bits.
    last_bits: u64,
    unmet_rate: UnmetRate,
    pass_shares: PassShares,
}

impl RateController {
    /// Creates a controller. Out-of-range settings are clamped.
    #[must_use]
    pub fn new(config: &EncoderConfig, codec: &CodecModel) -> Self {
        let steps = Steps::new(codec.steps);
        let (key, inter) = (BitsModel::new(codec.key_law), BitsModel::new(codec.inter_law));
        let bitrate = config.rate.mode.bitrate().unwrap_or_default();
        let buffer = Buffer::new(bitrate.0, config.rate.buffering);
        Self {
            clock: Clock::new(config.timebase, config.framerate),
            buffer,
            window: config.rate.window_cap.map(Window::new),
            models: [key, inter, key, inter, key, inter, inter, inter, inter, inter],
            last_qindex: [None; Class::COUNT],
            active_layers: config.scalability.temporal_layers(),
            layer_shares: LayerShares::default(),
            layer_debt_bits: [0; 3],
            debt_bits: 0,
            boost_debt_bits: 0,
            golden_debt_bits: 0,
            golden_excess_q16: 0,
            mean_complexity: None,
            last_complexity: 0,
            mean_frames: 0,
            steered_bits: buffer.level_bits(),
            last_coded_us: None,
            first_us: None,
            free_fall: true,
            pending: None,
            last_target_bits: 0,
            last_bits: 0,
            unmet_rate: UnmetRate::default(),
            pass_shares: codec.pass_shares,
            last_base_q16: None,
            size_prediction: None,
            config: Settings::new(config, codec, steps.last()),
            steps,
        }
    }

    /// Changes a setting from the next frame on. Returns `false` if the setting does not affect
    /// rate control.
    ///
    /// # Errors
    /// [`ConfigError`] with the allowed range; the controller is unchanged.
    pub fn apply(&mut self, update: &Update) -> Result<bool, ConfigError> {
        match *update {
            Update::Bitrate(rate) => {
                let mode = self.config.mode.with_bitrate(rate).ok_or_else(|| {
                    ConfigError::conflict("bitrate", "the rate control mode has no bitrate")
                })?;
                self.set_rate(mode);
            }
            Update::Rate(mode) => {
                check_rate(mode, self.steps.last())?;
                self.set_rate(mode);
            }
            Update::QindexRange(min, max) => self.config.set_qindex_range(min, max),
            Update::FrameRate(framerate) => {
                if framerate.num == 0 || framerate.den == 0 {
                    return Err(ConfigError::new("framerate", framerate, "a value above 0"));
                }
                self.clock.set_framerate(framerate);
            }
            Update::Drops(drops) => {
                if let DropPolicy::BelowBufferPct(pct @ 101..) = drops {
                    return Err(ConfigError::new("drops", pct, "0..=100 percent"));
                }
                self.config.drops = drops;
            }
            Update::Scalability(mode) => {
                self.config.scalability = mode;
                self.set_active_layers(mode.temporal_layers());
            }
            Update::ActiveTemporalLayers(layers) => {
                let all = self.config.scalability.temporal_layers();
                if !(1..=all).contains(&layers) {
                    return Err(ConfigError::new("temporal layers", layers, format!("1..={all}")));
                }
                self.set_active_layers(layers);
            }
            Update::Resolution(_) => {
                (self.size_prediction, self.last_base_q16) = (None, None);
                self.free_fall = true;
                (self.mean_complexity, self.mean_frames) = (None, 0);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Sets the statistics of earlier passes over the frames to come.
    pub fn set_first_pass(&mut self, stats: &FirstPassStats, config: &EncoderConfig) {
        let shares = self.pass_shares;
        let predictor = SizePredictor { steps: &self.steps, shares, stats };
        self.size_prediction = predictor.size_prediction(config);
    }

    fn set_rate(&mut self, mode: RateControl) {
        (self.size_prediction, self.last_base_q16) = (None, None);
        let (old, new) = (self.buffer.rate_bps(), mode.bitrate().unwrap_or_default().0);
        (self.config.mode, self.config.quality_fraction_q8) = (mode, 0);
        self.buffer.set_rate(new);
        let new = self.buffer.rate_bps();
        // A deficit from the start is not recovered after a rate change.
        self.steered_bits = self.buffer.optimal_bits();
        for debt in &mut self.layer_debt_bits {
            *debt = mul_div_signed(*debt, new, old);
        }
        (self.debt_bits, self.boost_debt_bits, self.golden_debt_bits) = (0, 0, 0);
        // A change of more than a quarter is a new target rather than a fine adjustment.
        if new.abs_diff(old) > old / 4 {
            self.free_fall = true;
        }
    }

    fn set_active_layers(&mut self, layers: u8) {
        self.active_layers = layers;
        self.layer_debt_bits = [0; 3];
        self.free_fall = true;
    }

    /// Returns the logarithm of the base step, the quantiser step of frames without a boost, as far
    /// as it is known.
    #[must_use]
    pub fn base_q16(&self) -> i32 {
        match (self.config.mode, &self.size_prediction) {
            (RateControl::FixedQ(qindex), _) => self.steps.log_q16(qindex),
            (RateControl::Quality(quality), _) => {
                quality_base_q16(&self.steps, quality, self.config.quality_fraction_q8)
            }
            (_, Some(size_prediction)) => size_prediction.base_q16(),
            _ => {
                let middle = self.steps.last() / 2;
                let last = self.last_qindex[Class::Layer(0).index()].unwrap_or(middle);
                self.last_base_q16.unwrap_or(self.steps.log_q16(last))
            }
        }
    }

    /// Returns the buffer model of constant bitrate.
    #[must_use]
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Returns the buffer from which the decoder takes the planned frame; `None` if the bitrate is
    /// not constant.
    #[must_use]
    pub fn decoder_buffer(&self) -> Option<DecoderBuffer> {
        self.is_cbr().then(|| DecoderBuffer {
            rate_bps: self.buffer.rate_bps(),
            capacity_bits: u64::try_from(self.buffer.capacity_bits()).unwrap_or(0),
            level_bits: self.buffer.level_bits(),
            time_us: self.clock.now_us(),
        })
    }

    /// Returns the rate control state for reports.
    #[must_use]
    pub fn state(&self) -> RateState {
        let bitrate = self.config.mode.bitrate().unwrap_or_default();
        let rated = bitrate.0 > 0;
        let or_zero = |bits: i64| if rated { bits } else { 0 };
        RateState {
            bitrate,
            target_bits: self.last_target_bits,
            buffer_bits: or_zero(self.buffer.level_bits()),
            optimal_bits: or_zero(self.buffer.optimal_bits()),
            capacity_bits: or_zero(self.buffer.capacity_bits()),
            implausible_times: self.clock.is_implausible(),
            is_unmet: self.unmet_rate.is_unmet(),
        }
    }

    /// Advances to the frame's timestamp and decides its budget, or to drop it.
    pub fn plan_frame(&mut self, stats: &FrameStats) -> Decision {
        let now_us = self.pass_time(stats.pts);
        self.pending = None;

        let may_drop = self.may_drop(stats, now_us);
        let hard_bits = self.hard_cap_bits(now_us);
        if may_drop && let Some(dropped) = self.drop_before_coding(stats, hard_bits) {
            self.last_target_bits = 0;
            return dropped;
        }

        let class = class_of(stats);
        let frame_class = frame_class(class);
        self.size_prediction = self
            .size_prediction
            .take()
            .filter(|size_prediction| size_prediction.expects(frame_class));
        let predicted = self.size_prediction.as_mut().map(SizePrediction::plan);
        let share_bits = self.share_bits(stats);
        let complexity_q16 = log2_q16(stats.complexity.max(1));
        let must_bits = self.drop_above_bits(stats, hard_bits);
        if stats.is_screen && self.is_cbr() {
            let plan = self.screen_plan(stats, class, share_bits, complexity_q16, hard_bits);
            let max_bits = self.screen_max_bits(&plan, share_bits);
            self.last_target_bits = plan.target_bits;
            self.pending = Some(Pending {
                class: plan.class,
                qindex: plan.qindex,
                now_us,
                complexity_q16,
                complexity: stats.complexity,
                share_bits,
                target_bits: plan.target_bits,
                is_mixed: plan.class != Class::Refine && plan.recode > 0,
                is_repeated: false,
            });
            return Decision::Code(FrameBudget {
                qindex: plan.qindex,
                max_qindex: self.config.max_qindex.max(plan.qindex),
                recode: (stats.kind == FrameKind::Inter).then_some(plan.recode),
                target_bits: plan.target_bits,
                max_bits: Some(max_bits.min(hard_bits.unwrap_or(u64::MAX)).max(1)),
                drop_above_bits: if may_drop { must_bits } else { None },
                is_hard: may_drop || hard_bits.is_some(),
                buffer_is_low: false,
            });
        }
        let (target_bits, step_q16) = match predicted {
            Some((base, bits)) => (bits, base + self.extra_q16(stats, class)),
            None => self.target_size(stats, class, share_bits, complexity_q16),
        };
        // If drops are disabled, an empty buffer must not starve the frame as well.
        let least = if may_drop { 0 } else { target_bits.min(hard_bits.unwrap_or(u64::MAX)) };
        let max_bits = self.max_bits(stats, target_bits, must_bits, least);
        let uses_lookahead_qindex = self.uses_lookahead_qindex(stats);
        let step_q16 = if uses_lookahead_qindex && predicted.is_none() {
            self.smoothed_qindex(stats, class, step_q16)
        } else {
            step_q16
        };
        let is_repeated = self.is_cbr() && self.is_repeated(stats, class);
        let qindex = if uses_lookahead_qindex {
            self.lookahead_qindex(class, complexity_q16, step_q16, max_bits)
        } else if is_repeated && let Some(last) = self.last_qindex[class.index()] {
            // The range may have changed since.
            last.clamp(self.config.min_qindex, self.config.max_qindex)
        } else {
            self.choose_qindex(stats, class, step_q16, target_bits, max_bits)
        };
        self.last_target_bits = target_bits;
        self.pending = Some(Pending {
            class,
            qindex,
            now_us,
            complexity_q16,
            complexity: stats.complexity,
            share_bits,
            target_bits,
            is_mixed: false,
            is_repeated,
        });
        let fixed = matches!(self.config.mode, RateControl::FixedQ(_));
        Decision::Code(FrameBudget {
            qindex,
            max_qindex: if fixed && hard_bits.is_none() {
                qindex
            } else {
                self.config.max_qindex.max(qindex)
            },
            recode: None,
            target_bits,
            max_bits,
            drop_above_bits: if may_drop { must_bits } else { None },
            is_hard: may_drop || hard_bits.is_some(),
            buffer_is_low: self.is_cbr()
                && self.buffer.level_bits() < self.buffer.optimal_bits() / 2,
        })
    }

    /// Skips the frame at `pts` because its temporal layer is disabled; only time passes.
    pub fn frame_skipped(&mut self, pts: i64) {
        self.pass_time(pts);
        self.pending = None;
        self.size_prediction = None;
    }

    /// Advances to `pts`; returns the time in microseconds.
    fn pass_time(&mut self, pts: i64) -> i64 {
        let (now_us, elapsed_us) = self.clock.advance(pts);
        self.first_us.get_or_insert(now_us);
        self.buffer.fill(elapsed_us);
        self.pay_vbr_debt(elapsed_us);
        self.steer(elapsed_us);
        now_us
    }

    /// Sets the cost of a static frame after a resolution change; see [`CodecModel`].
    pub fn set_static_frame(&mut self, overhead_bits: u64, static_complexity: u64) {
        self.config.overhead_bits = overhead_bits;
        self.config.static_complexity = static_complexity;
    }

    /// Reports that the planned frame recodes unchanged macroblocks of this complexity. Call it
    /// before [`Self::frame_coded`].
    pub fn frame_recoded(&mut self, complexity: u64) {
        if let Some(frame) = self.pending.as_mut().filter(|frame| frame.class == Class::Refine) {
            frame.complexity = complexity;
            frame.complexity_q16 = log2_q16(complexity.max(1));
        }
    }

    /// Reports that the planned frame was coded at `qindex` with `bits` bits.
    pub fn frame_coded(&mut self, bits: u64, qindex: u8) {
        let Some(frame) = self.pending.take() else {
            return;
        };
        self.buffer.take(bits);
        if let Some(window) = &mut self.window {
            window.sent(frame.now_us, bits);
        }
        self.last_coded_us = Some(frame.now_us);
        self.last_bits = bits;
        let is_coarsest = qindex >= self.config.max_qindex;
        let target = self.config.mode.bitrate().unwrap_or_default();
        self.unmet_rate.coded(frame.now_us, bits, is_coarsest, target.0);
        self.charge(&frame, bits);
        if frame.class == Class::Golden {
            self.follow_recoded_golden(frame.qindex, qindex);
        }
        if let Some(size_prediction) = &mut self.size_prediction {
            size_prediction.coded(bits);
        }

        // The model does not learn from frames that are almost empty, or far below their target at
        // the lowest quantiser index.
        let is_refined = frame.class == Class::Refine;
        let is_still = frame.complexity < self.config.static_complexity && !is_refined;
        let is_empty = bits / 2 <= self.config.overhead_bits || is_still;
        let is_floor = qindex <= self.config.min_qindex && bits < frame.target_bits / 4;
        if bits > 0 && !is_empty && !is_floor && !frame.is_mixed && !frame.is_repeated {
            let step_q16 = self.steps.log_q16(qindex);
            let bits_q16 = log2_q16(self.detail_bits(bits));
            let model = &mut self.models[frame.class.index()];
            let complexity = frame.complexity_q16;
            if let Class::Layer(layer) = frame.class {
                let cost_q16 = bits_q16.saturating_add(model.octaves_q16(step_q16));
                self.layer_shares.coded(layer, cost_q16);
            }
            model.learn(complexity, step_q16, bits_q16);
        }
        self.last_qindex[frame.class.index()] = Some(qindex);
        let is_plain = matches!(frame.class, Class::Layer(_) | Class::Golden);
        self.last_complexity = if is_plain { frame.complexity } else { 0 };
        match frame.class {
            Class::Layer(_) | Class::Golden => {
                self.free_fall = false;
                self.mean_frames = (self.mean_frames + 1).min(MEAN_FRAMES);
                let frames = u128::from(self.mean_frames);
                let mean = u128::from(self.mean_complexity.unwrap_or(0));
                let sum = mean * (frames - 1) + u128::from(frame.complexity);
                self.mean_complexity = u64::try_from(sum / frames).ok();
            }
            Class::Key | Class::SceneCut => self.free_fall = true,
            Class::Altref | Class::Overlay | Class::Refine | Class::B => {}
        }
        self.update_sibling_models(frame.class);
    }

    /// Reports that the planned frame was not coded, because it did not fit or failed.
    pub fn frame_dropped(&mut self) {
        self.pending = None;
        self.size_prediction = None;
    }

    fn is_cbr(&self) -> bool {
        matches!(self.config.mode, RateControl::Cbr(_))
    }
}

fn frame_class(class: Class) -> FrameClass {
    match class {
        Class::Key => FrameClass::Key,
        Class::Altref => FrameClass::Altref,
        Class::B => FrameClass::B,
        Class::SceneCut | Class::Overlay | Class::Refine | Class::Layer(_) | Class::Golden => {
            FrameClass::Plain
        }
    }
}

/// Checks the mode's quality or quantiser index.
pub(crate) fn check_rate(mode: RateControl, last_qindex: u8) -> Result<(), ConfigError> {
    match mode {
        RateControl::Quality(quality @ 101..) => {
            Err(ConfigError::new("quality", quality, "0..=100"))
        }
        RateControl::FixedQ(qindex) if qindex > last_qindex => {
            Err(ConfigError::new("qindex", qindex, format!("0..={last_qindex}")))
        }
        _ => Ok(()),
    }
}
