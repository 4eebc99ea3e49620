//! The controller: one decision per frame, one report back.

use super::buffer::{Buffer, SECOND_US};
use super::clock::Clock;
use super::config::RateConfig;
use super::fixed::{ONE_Q16, exp2_q16, log2_q16, mul_div, mul_div_signed, positive, signed};
use super::layers::LayerPlanner;
use super::model::BitsModel;
use super::quantizer::Steps;
use super::window::Window;
use crate::codec::{Bitrate, DropPolicy, DropReason, FrameKind, RateControl, RateState, Update};
use crate::error::ConfigError;

/// After this long without a coded frame, the next one is coded whatever the buffer says.
const MAX_SILENCE_US: u64 = 2 * SECOND_US;
/// Deviations of CBR's buffer are made up for over this time.
const RECOVERY_US: u64 = SECOND_US;
/// A layer's own deviation from its share is made up for over this time.
const LAYER_RECOVERY_US: u64 = 2 * SECOND_US;
/// VBR makes up for its errors over this time,
const VBR_RECOVERY_US: u64 = 5 * SECOND_US / 2;
/// and for frames that cost more on purpose over this.
const VBR_BOOST_RECOVERY_US: u64 = 3 * SECOND_US / 5;
/// From one frame to the next of its kind, the quantiser index falls by at most this.
const MAX_FINER: u8 = 12;
/// Frames in the running mean of complexities.
const MEAN_FRAMES: u32 = 128;
/// No inter frame should delay those after it by more than this.
const INTER_DELAY_MS: u32 = 100;

/// What a frame is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameRole {
    /// Shown and predicted from, like all others.
    #[default]
    Plain,
    /// Kept as a long-term reference.
    Golden,
    /// Not shown; later frames are predicted from it.
    Altref,
    /// Shows the picture of an altref frame that was coded before.
    Overlay,
}

/// What is known of a frame before it is coded.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FrameFacts {
    /// Key or inter.
    pub kind: FrameKind,
    /// What it is for.
    pub role: FrameRole,
    /// Presentation time in ticks of the time base.
    pub pts: i64,
    /// A measure of how much there is to code, linear in bits: for example the sum of absolute
    /// transformed differences to the best simple prediction. Only its ratio from frame to frame
    /// matters.
    pub complexity: u64,
    /// Mean of `complexity` over the frames to come, where they are known.
    pub mean_complexity: Option<u64>,
    /// Temporal layer.
    pub temporal_id: u8,
    /// The picture has little in common with the one before.
    pub scene_cut: bool,
    /// Whether it may be dropped; `None`: as configured.
    pub may_drop: Option<bool>,
}

impl FrameFacts {
    /// Facts of a plain frame.
    #[must_use]
    pub fn new(kind: FrameKind, pts: i64, complexity: u64) -> Self {
        Self {
            kind,
            role: FrameRole::Plain,
            pts,
            complexity,
            mean_complexity: None,
            temporal_id: 0,
            scene_cut: false,
            may_drop: None,
        }
    }
}

/// What one frame may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameBudget {
    /// Quantiser index to code it at.
    pub qindex: u8,
    /// Worst index to go to for `max_bits`.
    pub max_qindex: u8,
    /// Bits aimed at; 0 without rate control.
    pub target_bits: u64,
    /// Bits above which the frame is to be coded again, coarser.
    pub max_bits: Option<u64>,
    /// Bits above which the frame is to be given up, if it cannot be made smaller; see
    /// [`RateController::frame_dropped`].
    pub give_up_bits: Option<u64>,
    /// The buffer is below half its optimal level: spend nothing on extras.
    pub buffer_is_low: bool,
}

/// What is to become of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Code it, then call [`RateController::frame_coded`].
    Code(FrameBudget),
    /// Drop it; nothing else is to be called.
    Drop {
        /// Why.
        reason: DropReason,
        /// Bits that the buffer must recover before a frame is coded again.
        debt_bits: u64,
    },
}

/// Kinds of frames that have a model each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Key,
    Altref,
    SceneCut,
    Overlay,
    Layer(u8),
}

impl Class {
    const COUNT: usize = 7;

    fn index(self) -> usize {
        match self {
            Self::Key => 0,
            Self::Altref => 1,
            Self::SceneCut => 2,
            Self::Overlay => 3,
            Self::Layer(id) => 4 + usize::from(id.min(2)),
        }
    }
}

/// The frame between its decision and its report.
#[derive(Clone, Copy, Debug)]
struct Pending {
    class: Class,
    now_us: i64,
    complexity_q16: i32,
    complexity: u64,
    share_bits: u64,
    target_bits: u64,
}

/// Decides the quantiser of each frame, and whether it is coded at all.
///
/// One call before and one after each frame:
///
/// ```
/// use codec_core::codec::{Bitrate, EncoderConfig, FrameKind};
/// use codec_core::frame::{Rational, Size};
/// use codec_core::rate::{Decision, FrameFacts, RateConfig, RateController};
///
/// // The steps of a very plain quantiser.
/// static STEPS: [u16; 18] =
///     [10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 57, 67, 80, 95, 113, 135, 160, 190];
/// let size = Size::new(640, 360);
/// let mut config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(600));
/// (config.min_qindex, config.max_qindex) = (0, 17);
/// let mut rate = RateController::new(&RateConfig::new(&config, &STEPS));
///
/// let mut sent = 0;
/// for frame in 0..300 {
///     let kind = if frame == 0 { FrameKind::Key } else { FrameKind::Inter };
///     match rate.plan_frame(&FrameFacts::new(kind, frame, 100_000)) {
///         Decision::Code(budget) => {
///             // Here, some encoder codes the frame at `budget.qindex`.
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
    config: RateConfig,
    steps: Steps,
    clock: Clock,
    buffer: Buffer,
    window: Option<Window>,
    models: [BitsModel; Class::COUNT],
    last_qindex: [Option<u8>; Class::COUNT],
    active_layers: u8,
    /// Bits that each temporal layer spent beyond its share.
    layer_debt_bits: [i64; 3],
    /// VBR: bits spent beyond the rate, and how many of them on purpose, to be paid soon.
    debt_bits: i64,
    boost_debt_bits: i64,
    /// Running mean of the complexity of inter frames.
    mean_complexity: Option<u64>,
    /// Frames in that mean.
    mean_frames: u32,
    /// The level that CBR steers for: at first the initial one, then ever nearer to the optimal.
    steered_bits: i64,
    last_coded_us: Option<i64>,
    first_us: Option<i64>,
    /// The next inter frames may fall in quantiser index as far as they like.
    free_fall: bool,
    pending: Option<Pending>,
    last_target_bits: u64,
    /// Of the last coded frame.
    last_bits: u64,
}

impl RateController {
    /// A controller before its first frame. Settings out of range count as the nearest allowed.
    #[must_use]
    pub fn new(config: &RateConfig) -> Self {
        let steps = Steps::new(config.steps);
        let mut config = *config;
        config.max_qindex = config.max_qindex.min(steps.last());
        config.min_qindex = config.min_qindex.min(config.max_qindex);
        config.undershoot_pct = config.undershoot_pct.min(100);
        let (key, inter) = (BitsModel::new(config.key_law), BitsModel::new(config.inter_law));
        let buffer = Buffer::new(target_rate(config.rate).0, config.buffering);
        Self {
            clock: Clock::new(config.timebase, config.framerate),
            buffer,
            window: config.window_cap.map(Window::new),
            models: [key, inter, key, inter, inter, inter, inter],
            last_qindex: [None; Class::COUNT],
            active_layers: config.scalability.temporal_layers(),
            layer_debt_bits: [0; 3],
            debt_bits: 0,
            boost_debt_bits: 0,
            mean_complexity: None,
            mean_frames: 0,
            steered_bits: buffer.level_bits(),
            last_coded_us: None,
            first_us: None,
            free_fall: true,
            pending: None,
            last_target_bits: 0,
            last_bits: 0,
            steps,
            config,
        }
    }

    /// Changes a setting from the next frame on. `false`: it does not concern the rate.
    ///
    /// # Errors
    /// With the allowed range; nothing has changed.
    pub fn apply(&mut self, update: &Update) -> Result<bool, ConfigError> {
        match *update {
            Update::Bitrate(rate) => {
                let mode = match self.config.rate {
                    RateControl::Cbr(_) => RateControl::Cbr(rate),
                    RateControl::Vbr(_) => RateControl::Vbr(rate),
                    RateControl::Quality(_) | RateControl::FixedQ(_) => {
                        let allowed = "used only with constant or variable bitrate";
                        return Err(ConfigError::new("bitrate", rate, allowed));
                    }
                };
                self.set_rate(mode);
            }
            Update::Rate(mode) => {
                check_rate(mode, self.steps.last())?;
                self.set_rate(mode);
            }
            Update::FrameRate(framerate) => {
                if framerate.num == 0 || framerate.den == 0 {
                    return Err(ConfigError::new("framerate", framerate, "above 0"));
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
                self.free_fall = true;
                (self.mean_complexity, self.mean_frames) = (None, 0);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_rate(&mut self, mode: RateControl) {
        let (old, new) = (self.buffer.rate_bps(), target_rate(mode).0);
        self.config.rate = mode;
        self.buffer.set_rate(new);
        let new = self.buffer.rate_bps();
        // What was missing at the start is not made up for across a change.
        self.steered_bits = self.buffer.optimal_bits();
        for debt in &mut self.layer_debt_bits {
            *debt = mul_div_signed(*debt, new, old);
        }
        (self.debt_bits, self.boost_debt_bits) = (0, 0);
        // A quarter more or less is a new target, not a correction.
        if new.abs_diff(old) > old / 4 {
            self.free_fall = true;
        }
    }

    fn set_active_layers(&mut self, layers: u8) {
        self.active_layers = layers;
        self.layer_debt_bits = [0; 3];
        self.free_fall = true;
    }

    /// Settings in force.
    #[must_use]
    pub fn config(&self) -> &RateConfig {
        &self.config
    }

    /// The buffer that CBR models.
    #[must_use]
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// What reports say of the rate.
    #[must_use]
    pub fn state(&self) -> RateState {
        let rated = target_rate(self.config.rate).0 > 0;
        let or_zero = |bits: i64| if rated { bits } else { 0 };
        RateState {
            bitrate: target_rate(self.config.rate),
            target_bits: self.last_target_bits,
            buffer_bits: or_zero(self.buffer.level_bits()),
            optimal_bits: or_zero(self.buffer.optimal_bits()),
            capacity_bits: or_zero(self.buffer.capacity_bits()),
        }
    }

    /// Moves to the frame's time and decides what it may cost.
    pub fn plan_frame(&mut self, facts: &FrameFacts) -> Decision {
        let (now_us, elapsed_us) = self.clock.advance(facts.pts);
        self.first_us.get_or_insert(now_us);
        self.buffer.fill(elapsed_us);
        self.pay_vbr_debt(elapsed_us);
        self.steer(elapsed_us);
        self.pending = None;

        let may_drop = self.may_drop(facts, now_us);
        let hard_bits = self.hard_cap_bits(now_us);
        if may_drop && let Some(dropped) = self.drop_before_coding(facts, hard_bits) {
            self.last_target_bits = 0;
            return dropped;
        }

        let class = class_of(facts);
        let share_bits = self.share_bits(facts);
        let complexity_q16 = log2_q16(facts.complexity.max(1));
        let (target_bits, step_q16) = self.aim(facts, class, share_bits, complexity_q16);
        let must_bits = self.give_up_bits(facts, hard_bits);
        // Where nothing is dropped, a buffer that runs dry must not starve the frame as well.
        let least = if may_drop { 0 } else { target_bits.min(hard_bits.unwrap_or(u64::MAX)) };
        let max_bits = self.max_bits(facts, target_bits, must_bits, least);
        let qindex = self.pick_qindex(class, complexity_q16, step_q16, target_bits, max_bits);
        self.last_target_bits = target_bits;
        self.pending = Some(Pending {
            class,
            now_us,
            complexity_q16,
            complexity: facts.complexity,
            share_bits,
            target_bits,
        });
        let fixed = matches!(self.config.rate, RateControl::FixedQ(_));
        Decision::Code(FrameBudget {
            qindex,
            max_qindex: if fixed && hard_bits.is_none() {
                qindex
            } else {
                self.config.max_qindex.max(qindex)
            },
            target_bits,
            max_bits,
            give_up_bits: if may_drop { must_bits } else { None },
            buffer_is_low: self.is_cbr()
                && self.buffer.level_bits() < self.buffer.optimal_bits() / 2,
        })
    }

    /// The planned frame was coded at `qindex` and has `bits`.
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
        self.charge(&frame, bits);

        // Next to nothing coded, or next to nothing at the finest quantiser, teaches nothing.
        let is_still = frame.complexity < self.config.still_complexity;
        let is_empty = bits / 2 <= self.config.overhead_bits || is_still;
        let is_floor = qindex <= self.config.min_qindex && bits < frame.target_bits / 4;
        if bits > 0 && !is_empty && !is_floor {
            let step_q16 = self.steps.log_q16(qindex);
            let bits_q16 = log2_q16(self.detail_bits(bits));
            let model = &mut self.models[frame.class.index()];
            let complexity = frame.complexity_q16;
            model.learn(complexity, step_q16, bits_q16);
        }
        self.last_qindex[frame.class.index()] = Some(qindex);
        match frame.class {
            Class::Layer(_) => {
                self.free_fall = false;
                self.mean_frames = (self.mean_frames + 1).min(MEAN_FRAMES);
                let frames = u128::from(self.mean_frames);
                let mean = u128::from(self.mean_complexity.unwrap_or(0));
                let sum = mean * (frames - 1) + u128::from(frame.complexity);
                self.mean_complexity = u64::try_from(sum / frames).ok();
            }
            Class::Key | Class::SceneCut => self.free_fall = true,
            Class::Altref | Class::Overlay => {}
        }
        self.teach_siblings(frame.class);
    }

    /// The planned frame was not coded after all: it did not fit, or something else failed.
    pub fn frame_dropped(&mut self) {
        self.pending = None;
    }

    fn is_cbr(&self) -> bool {
        matches!(self.config.rate, RateControl::Cbr(_))
    }

    fn may_drop(&self, facts: &FrameFacts, now_us: i64) -> bool {
        let allowed = facts.may_drop.unwrap_or(self.config.drops != DropPolicy::Never);
        let since = self.last_coded_us.or(self.first_us).unwrap_or(now_us);
        allowed && now_us.abs_diff(since) < MAX_SILENCE_US
    }

    fn hard_cap_bits(&mut self, now_us: i64) -> Option<u64> {
        let frame = self.config.max_frame_bytes.map(|bytes| u64::from(bytes) * 8);
        let window = self.window.as_mut().map(|window| window.room_bits(now_us));
        frame.into_iter().chain(window).min()
    }

    /// Drops that need no coding to be seen.
    fn drop_before_coding(&self, facts: &FrameFacts, hard_bits: Option<u64>) -> Option<Decision> {
        let level = self.buffer.level_bits();
        let pct = match self.config.drops {
            DropPolicy::BelowBufferPct(pct) => u64::from(pct.min(100)),
            DropPolicy::Never => 0,
        };
        let mark = mul_div_signed(self.buffer.optimal_bits(), pct, 100);
        let drop = |reason, missing: i64| {
            Some(Decision::Drop { reason, debt_bits: positive(missing).max(1) })
        };
        // A key frame is worth its delay; whether it fits is seen when it is coded.
        if self.is_cbr() && facts.kind == FrameKind::Inter {
            if level < mark || level <= 0 {
                return drop(DropReason::BufferLow, mark.saturating_sub(level));
            }
            let class = class_of(facts);
            let model = &self.models[class.index()];
            let coarsest = self.steps.log_q16(self.config.max_qindex);
            let least = exp2_q16(model.bits_q16(log2_q16(facts.complexity), coarsest));
            // Waiting helps only as long as the buffer still fills.
            let fills = level < self.buffer.optimal_bits();
            if model.is_trained() && fills && signed(least / 2) > level {
                return drop(DropReason::BufferLow, signed(least).saturating_sub(level));
            }
        }
        if hard_bits == Some(0) {
            return drop(DropReason::OverCap, 1);
        }
        None
    }

    /// The frame's share of the rate.
    fn share_bits(&self, facts: &FrameFacts) -> u64 {
        let mean = self.buffer.bits_of_us(self.clock.interval_us());
        let mode = self.config.scalability;
        let weight = LayerPlanner::weight_q8(mode, self.active_layers, facts.temporal_id);
        mul_div(mean, weight, 256).max(1)
    }

    /// Bits to aim at, and the logarithm of the step that should give them.
    fn aim(
        &self,
        facts: &FrameFacts,
        class: Class,
        share_bits: u64,
        complexity_q16: i32,
    ) -> (u64, i32) {
        let model = &self.models[class.index()];
        match self.config.rate {
            RateControl::FixedQ(qindex) => (0, self.steps.log_q16(qindex)),
            RateControl::Quality(quality) => {
                let last = u32::from(self.steps.last());
                let index = last * (100 - u32::from(quality.min(100))) / 100;
                let base = self.steps.log_q16(u8::try_from(index).unwrap_or(u8::MAX));
                (0, base + boost_q16(facts, class) + self.busyness_q16(facts) / 10)
            }
            RateControl::Cbr(_) => {
                let target = match class {
                    Class::Key => self.key_target_bits(),
                    Class::SceneCut => self.cut_target_bits(share_bits),
                    Class::Altref | Class::Overlay | Class::Layer(_) => {
                        self.cbr_target_bits(facts, share_bits)
                    }
                };
                (target, model.step_q16(complexity_q16, log2_q16(self.detail_bits(target))))
            }
            RateControl::Vbr(_) => {
                let target = self.vbr_target_bits(share_bits);
                let inter = &self.models[Class::Layer(0).index()];
                let mean = match (facts.mean_complexity, self.mean_complexity) {
                    (Some(ahead), Some(past)) => ahead / 2 + past / 2,
                    (Some(mean), None) | (None, Some(mean)) => mean,
                    (None, None) => facts.complexity,
                };
                let detail = log2_q16(self.detail_bits(target));
                let base = inter.step_q16(log2_q16(mean.max(1)), detail);
                let step = base.saturating_add(boost_q16(facts, class));
                (exp2_q16(model.bits_q16(complexity_q16, step)), step)
            }
        }
    }

    /// What is left of a frame's bits for what has changed.
    fn detail_bits(&self, bits: u64) -> u64 {
        bits.saturating_sub(self.config.overhead_bits).max(bits / 4).max(1)
    }

    /// Octaves by which the frame is more complex than the mean, within two either way.
    fn busyness_q16(&self, facts: &FrameFacts) -> i32 {
        let mean = facts.mean_complexity.or(self.mean_complexity).unwrap_or(facts.complexity);
        let octaves = log2_q16(facts.complexity.max(1)) - log2_q16(mean.max(1));
        octaves.clamp(-2 * ONE_Q16, 2 * ONE_Q16)
    }

    fn key_cap_bits(&self) -> u64 {
        let share = self.buffer.bits_of_us(self.clock.interval_us());
        match self.config.max_key_frame_pct {
            Some(pct) => mul_div(share, u64::from(pct), 100).max(1),
            None => positive(self.buffer.optimal_bits() / 2).max(share),
        }
    }

    fn key_target_bits(&self) -> u64 {
        // Six shares at 30 frames per second: a fifth of a second, at most half of what is there.
        let level = positive(self.buffer.level_bits());
        let share = self.buffer.bits_of_us(self.clock.interval_us());
        let wish = positive(self.buffer.optimal_bits() * 3 / 10).min(level / 2);
        wish.min(self.key_cap_bits()).max(share).max(1)
    }

    fn cut_target_bits(&self, share_bits: u64) -> u64 {
        let level = positive(self.buffer.level_bits());
        let delay = positive(self.buffer.bits_of_ms(INTER_DELAY_MS));
        (level / 4).min(delay).min(3 * share_bits).max(share_bits / 2).max(1)
    }

    fn cbr_target_bits(&self, facts: &FrameFacts, share_bits: u64) -> u64 {
        let share = signed(share_bits);
        let deviation = self.buffer.level_bits().saturating_sub(self.steered_bits);
        let mut change =
            mul_div_signed(deviation, share_bits, self.buffer.bits_of_us(RECOVERY_US).max(1));
        if self.active_layers > 1 {
            let debt = self.layer_debt_bits[usize::from(facts.temporal_id.min(2))];
            let interval = self.clock.interval_us();
            change = change.saturating_sub(mul_div_signed(debt, interval, LAYER_RECOVERY_US));
        }
        let most = mul_div_signed(share, u64::from(self.config.overshoot_pct), 100);
        let least = -mul_div_signed(share, u64::from(self.config.undershoot_pct.min(90)), 100);
        let target = share.saturating_add(change.clamp(least, most));
        let rich = self.buffer.level_bits() > self.buffer.optimal_bits() / 4 * 3;
        let golden = facts.role == FrameRole::Golden && rich;
        positive(if golden { target.saturating_add(target / 4) } else { target }).max(1)
    }

    fn vbr_target_bits(&self, share_bits: u64) -> u64 {
        let interval = self.clock.interval_us();
        let errors = self.debt_bits.saturating_sub(self.boost_debt_bits);
        let errors = mul_div_signed(errors, interval, VBR_RECOVERY_US);
        let boosts = mul_div_signed(self.boost_debt_bits, interval, VBR_BOOST_RECOVERY_US);
        let target = signed(share_bits).saturating_sub(errors.saturating_add(boosts));
        positive(target).clamp(share_bits / 4 + 1, share_bits.saturating_mul(2))
    }

    /// Bits above which the frame is dropped, where that is allowed.
    fn give_up_bits(&self, facts: &FrameFacts, hard_bits: Option<u64>) -> Option<u64> {
        if !self.is_cbr() {
            return hard_bits;
        }
        // A key frame for which even a full buffer is too small is not worth waiting for.
        let full = mul_div_signed(self.buffer.capacity_bits(), 95, 100);
        if facts.kind == FrameKind::Key && self.buffer.level_bits() >= full {
            return hard_bits;
        }
        let level = positive(self.buffer.level_bits());
        Some(level.min(hard_bits.unwrap_or(u64::MAX)))
    }

    /// Bits above which the frame is coded again, coarser; not below `least_bits`.
    fn max_bits(
        &self,
        facts: &FrameFacts,
        target_bits: u64,
        must_bits: Option<u64>,
        least_bits: u64,
    ) -> Option<u64> {
        if !self.is_cbr() {
            return must_bits;
        }
        let soft = if facts.kind == FrameKind::Key {
            let delay = positive(self.buffer.optimal_bits() / 3);
            self.key_cap_bits().min(delay.max(target_bits))
        } else {
            let delay = positive(self.buffer.bits_of_ms(INTER_DELAY_MS));
            let spare = if facts.scene_cut { target_bits / 4 } else { target_bits };
            delay.max(target_bits.saturating_add(spare))
        };
        Some(soft.min(must_bits.unwrap_or(u64::MAX)).max(least_bits).max(1))
    }

    fn pick_qindex(
        &self,
        class: Class,
        complexity_q16: i32,
        step_q16: i32,
        target_bits: u64,
        max_bits: Option<u64>,
    ) -> u8 {
        if let RateControl::FixedQ(qindex) = self.config.rate {
            return qindex.min(self.steps.last());
        }
        let model = &self.models[class.index()];
        let is_still = self.is_cbr() && complexity_q16 < log2_q16(self.config.still_complexity);
        let mut step_q16 = step_q16;
        if let (Class::Layer(_), Some(last)) = (class, self.last_qindex[class.index()])
            && !self.free_fall
        {
            let last_q16 = self.steps.log_q16(last);
            step_q16 = if is_still {
                self.refined(last_q16, target_bits)
            } else {
                damped(step_q16, last_q16)
            };
        }
        if let Some(max_bits) = max_bits {
            // Leave an eighth: the model is not that exact, and coding again is dear. Key frames
            // are rare and worth it.
            let margin = if class == Class::Key { 0 } else { max_bits / 8 };
            let fitting = model.step_q16(complexity_q16, log2_q16(max_bits - margin));
            step_q16 = step_q16.max(fitting);
        }
        let mut qindex = self.steps.nearest(step_q16);
        let inter = self.last_qindex[Class::Layer(0).index()];
        match (class, self.last_qindex[class.index()], inter) {
            (Class::Layer(_), Some(last), _) if !self.free_fall => {
                qindex = qindex.max(last.saturating_sub(MAX_FINER));
            }
            // A key frame much finer than the frames round it is bits wasted.
            (Class::Key, _, Some(inter)) if self.is_cbr() => {
                let finest = self.steps.log_q16(inter) - ONE_Q16 * 3 / 4;
                qindex = qindex.max(self.steps.nearest(finest));
            }
            _ => {}
        }
        qindex.clamp(self.config.min_qindex, self.config.max_qindex)
    }

    /// The step after `last_q16` in a still scene: finer while that costs no more than its share
    /// and some of what the buffer holds beyond its optimal level.
    fn refined(&self, last_q16: i32, target_bits: u64) -> i32 {
        let surplus = positive(self.buffer.level_bits().saturating_sub(self.buffer.optimal_bits()));
        let budget = target_bits.saturating_add(surplus / 8);
        if self.last_bits / 2 > budget {
            last_q16 + ONE_Q16 / 8
        } else if self.last_bits > budget {
            last_q16
        } else {
            last_q16 - ONE_Q16 / 4
        }
    }

    /// Books a coded frame's bits.
    fn charge(&mut self, frame: &Pending, bits: u64) {
        let over = signed(bits).saturating_sub(signed(frame.share_bits));
        let second = signed(self.buffer.bits_of_us(SECOND_US));
        let layer = match frame.class {
            Class::Layer(id) => usize::from(id.min(2)),
            Class::Key | Class::Altref | Class::SceneCut | Class::Overlay => 0,
        };
        let debt = &mut self.layer_debt_bits[layer];
        *debt = debt.saturating_add(over).clamp(-second / 2, second / 2);
        self.debt_bits = self.debt_bits.saturating_add(signed(bits));
        let on_purpose = match frame.class {
            Class::Key | Class::SceneCut => over.max(0),
            // Not shown: no time passes for it, so all of it is beyond the rate.
            Class::Altref => signed(bits),
            Class::Overlay | Class::Layer(_) => 0,
        };
        self.boost_debt_bits = self.boost_debt_bits.saturating_add(on_purpose);
    }

    /// Moves the level steered for towards the optimal one, by a hundredth of the rate.
    fn steer(&mut self, elapsed_us: u64) {
        let optimal = self.buffer.optimal_bits();
        let most = signed(self.buffer.bits_of_us(elapsed_us) / 100);
        self.steered_bits += optimal.saturating_sub(self.steered_bits).clamp(-most, most);
    }

    fn pay_vbr_debt(&mut self, elapsed_us: u64) {
        let due = signed(self.buffer.bits_of_us(elapsed_us));
        self.debt_bits = self.debt_bits.saturating_sub(due);
        let elapsed_us = elapsed_us.min(VBR_BOOST_RECOVERY_US);
        let paid = mul_div_signed(self.boost_debt_bits, elapsed_us, VBR_BOOST_RECOVERY_US);
        self.boost_debt_bits -= paid;
    }

    /// Kinds that have coded nothing yet learn from those that have.
    fn teach_siblings(&mut self, class: Class) {
        let teacher = self.models[class.index()];
        let pupils: &[Class] = match class {
            Class::Key => &[Class::SceneCut],
            Class::Layer(0) => &[Class::Altref, Class::Overlay, Class::Layer(1), Class::Layer(2)],
            Class::Layer(1) => &[Class::Layer(2)],
            _ => &[],
        };
        for pupil in pupils {
            let model = &mut self.models[pupil.index()];
            if !model.is_trained() {
                model.guess_from(&teacher);
            }
        }
    }
}

fn class_of(facts: &FrameFacts) -> Class {
    match (facts.kind, facts.role) {
        (FrameKind::Key, _) => Class::Key,
        (FrameKind::Inter, FrameRole::Altref) => Class::Altref,
        (FrameKind::Inter, FrameRole::Overlay) => Class::Overlay,
        (FrameKind::Inter, _) if facts.scene_cut => Class::SceneCut,
        (FrameKind::Inter, _) => Class::Layer(facts.temporal_id),
    }
}

/// How much finer frames are that others are predicted from, in octaves of the step.
fn boost_q16(facts: &FrameFacts, class: Class) -> i32 {
    match (class, facts.role) {
        (Class::Key, _) => -ONE_Q16 / 2,
        (Class::Altref, _) => -ONE_Q16 * 5 / 8,
        (_, FrameRole::Golden) => -ONE_Q16 / 4,
        _ => 0,
    }
}

/// Goes from the last step only part of the way to the one the model asks for. What the last frame
/// coded finely need not be coded again, and what it left out comes on top: from one frame to the
/// next, bits react to the step far more than they do in the long run.
fn damped(wanted_q16: i32, last_q16: i32) -> i32 {
    const FAR_Q16: i32 = ONE_Q16 * 3 / 4;
    let way = wanted_q16.saturating_sub(last_q16);
    // Beyond this it is the picture that has changed.
    let far = way.saturating_sub(FAR_Q16).max(0);
    last_q16 + (way - far) * 2 / 5 + far
}

fn target_rate(mode: RateControl) -> Bitrate {
    match mode {
        RateControl::Cbr(rate) | RateControl::Vbr(rate) => rate,
        RateControl::Quality(_) | RateControl::FixedQ(_) => Bitrate(0),
    }
}

/// Refuses what no controller can do.
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
