//! Multi-pass encoding of files: analysis passes predict the size of every frame in the final pass.
//!
//! An analysis pass codes all frames at high speed and constant quality. The sizes of these frames
//! determine the quality at which the final pass meets the target bitrate.

use super::quantiser_steps::Steps;
use super::size_prediction::{SizePrediction, scaled};
use crate::codec::first_pass::{CodedFrame, FirstPassStats, FrameClass, Pass};
use crate::codec::{Capabilities, EncoderConfig, FrameKind, Packet, PassShares, RateControl};
use crate::fixed::{ONE_Q16, log2_q16, mul_div};

/// Speed of analysis passes, unless the final pass is faster still.
const ANALYSIS_SPEED: u8 = 10;
/// Default of beta (octaves of bits per octave of the step), until two passes allow an estimate.
const DEFAULT_BETA_Q16: i32 = ONE_Q16 * 6 / 5;
/// Allowed range of that estimate.
const BETAS_Q16: (i32, i32) = (ONE_Q16 * 7 / 10, ONE_Q16 * 2);
/// Distance to the target quality, in octaves of the step, at which a pass is accurate enough:
/// after the first pass, when beta is unknown, and after later ones.
const NEAR_Q16: [i32; 2] = [ONE_Q16 / 6, ONE_Q16 / 3];
/// Octaves above the highest step that still have an effect, because key and altref frames use
/// finer steps.
const BEYOND_Q16: i32 = 2 * ONE_Q16;

/// Plans the analysis passes over a file and collects their statistics.
///
/// Encode the whole file with each configuration that [`Self::next_analysis_pass`] returns, and
/// pass every packet to [`Self::add_packet`]. Then pass [`Self::into_stats`] to the final encode as
/// [`crate::codec::RateConfig::first_pass`].
#[derive(Clone, Debug)]
pub struct TwoPass {
    steps: Steps,
    shares: PassShares,
    stats: FirstPassStats,
}

impl TwoPass {
    /// Maximum number of passes that [`Self::next_analysis_pass`] requests.
    pub const MAX_ANALYSIS_PASSES: usize = 3;

    /// Creates empty statistics for an encoder with these capabilities, which have to include quantiser
    /// steps.
    #[must_use]
    pub fn new(capabilities: &Capabilities) -> Self {
        Self {
            steps: Steps::new(capabilities.quantiser_steps),
            shares: capabilities.pass_shares,
            stats: FirstPassStats::default(),
        }
    }

    /// Returns the statistics of all passes.
    #[must_use]
    pub fn into_stats(self) -> FirstPassStats {
        self.stats
    }

    /// Returns the configuration of the next analysis pass for a file to be coded with `config`;
    /// `None` if the statistics suffice or `config` does not use variable bitrate.
    pub fn next_analysis_pass(&mut self, config: &EncoderConfig) -> Option<EncoderConfig> {
        let RateControl::Vbr(_) = config.rate.mode else {
            return None;
        };
        let shares = self.shares;
        let predictor = SizePredictor { steps: &self.steps, shares, stats: &self.stats };
        let target_q16 = match self.stats.passes.last() {
            None => predictor.guess_q16(config),
            Some(last) if last.frames.is_empty() => return None,
            Some(last) => {
                let target = predictor.base_q16(config);
                let near = NEAR_Q16[usize::from(self.stats.passes.len() > 1)];
                let is_near = target.abs_diff(last.base_q16) <= near.unsigned_abs();
                if is_near || self.stats.passes.len() >= Self::MAX_ANALYSIS_PASSES {
                    return None;
                }
                target
            }
        };
        let index = i32::from(self.steps.nearest(target_q16));
        let last = i32::from(self.steps.last()).max(1);
        let quality = u8::try_from((100 - index * 100 / last).clamp(0, 100)).unwrap_or(0);
        let base_q16 = self.steps.log_q16(quality_index(quality, self.steps.last()));
        if self.stats.passes.iter().any(|pass| pass.base_q16 == base_q16) {
            return None;
        }
        if let Some(done) = self.stats.passes.last_mut() {
            // Only the frame sizes of the last pass are needed.
            done.frames = Vec::new();
        }
        self.stats.passes.push(Pass { base_q16, bits: 0, frames: Vec::new() });
        self.stats.first_pts = None;
        let mut pass = config.clone();
        pass.rate.mode = RateControl::Quality(quality);
        pass.speed = config.speed.max(ANALYSIS_SPEED);
        (pass.report_psnr, pass.report_digest) = (false, false);
        (pass.deadline, pass.rate.first_pass) = (None, None);
        Some(pass)
    }

    /// Adds a packet of the current pass; all packets must be added in order.
    pub fn add_packet(&mut self, packet: &Packet) {
        let Some(pass) = self.stats.passes.last_mut() else {
            return;
        };
        let bits = packet.data.len() as u64 * 8;
        pass.bits += bits;
        let class = match (packet.meta.kind, packet.meta.shown, packet.meta.b_level) {
            (FrameKind::Key, _, _) => FrameClass::Key,
            (FrameKind::Inter, false, _) => FrameClass::Altref,
            (FrameKind::Inter, true, 0) => FrameClass::Plain,
            (FrameKind::Inter, true, _) => FrameClass::B,
        };
        let bits = u32::try_from(bits).unwrap_or(u32::MAX);
        pass.frames.push(CodedFrame { bits, qindex: packet.meta.qindex, class });
        if packet.meta.shown {
            // B frames follow frames that are shown later.
            let last = self.stats.first_pts.map_or(packet.pts, |_| self.stats.last_pts);
            self.stats.last_pts = last.max(packet.pts);
            self.stats.first_pts.get_or_insert(packet.pts);
        }
    }
}

/// Predicts frame sizes from the statistics of analysis passes.
pub(super) struct SizePredictor<'a> {
    pub(super) steps: &'a Steps,
    pub(super) shares: PassShares,
    pub(super) stats: &'a FirstPassStats,
}

impl SizePredictor<'_> {
    /// Returns the predicted frame sizes for the final pass; `None` before the first pass.
    pub(super) fn size_prediction(&self, config: &EncoderConfig) -> Option<SizePrediction> {
        let last = self.stats.passes.last().filter(|pass| !pass.frames.is_empty())?;
        let base_q16 = self.base_q16(config);
        let beta_q16 = self.beta_q16();
        let shares_q8 = self.shares_q8(last, config);
        let frames = last.frames.iter().map(|frame| {
            let bits = self.bits_at(last, frame, base_q16, beta_q16);
            let bits = bits * shares_q8[frame.class as usize] / 256;
            (frame.class, u32::try_from(bits).unwrap_or(u32::MAX))
        });
        Some(SizePrediction::new(frames.collect(), base_q16, beta_q16, self.budget_bits(config)))
    }

    /// Returns the total size that the file may have, in bits.
    fn budget_bits(&self, config: &EncoderConfig) -> u64 {
        let RateControl::Vbr(rate) = config.rate.mode else { return 0 };
        let ticks =
            self.stats.last_pts.abs_diff(self.stats.first_pts.unwrap_or(self.stats.last_pts));
        let (tick, frame) = (config.timebase, config.framerate);
        let duration_bits =
            mul_div(rate.0, ticks.saturating_mul(u64::from(tick.num)), u64::from(tick.den));
        duration_bits
            .saturating_add(mul_div(rate.0, u64::from(frame.den), u64::from(frame.num)))
            .max(1)
    }

    /// Returns an initial estimate of the step from the target bits per pixel.
    fn guess_q16(&self, config: &EncoderConfig) -> i32 {
        let RateControl::Vbr(rate) = config.rate.mode else { return 0 };
        let frame = config.framerate;
        let bits = mul_div(rate.0, u64::from(frame.den), u64::from(frame.num)).max(1);
        let share_q16 = log2_q16(bits << 10) - log2_q16(config.size.pixels().max(1)) - 10 * ONE_Q16;
        // At 1/8 bit per pixel, three eighths of the logarithmic range below the highest step; an
        // octave more bits lowers the step by half an octave.
        let span = self.steps.log_q16(self.steps.last()) - self.steps.log_q16(0);
        self.steps.log_q16(self.steps.last()) - span * 3 / 8 - (share_q16 + 3 * ONE_Q16) / 2
    }

    fn beta_q16(&self) -> i32 {
        let [.., a, b] = self.stats.passes.as_slice() else {
            return DEFAULT_BETA_Q16;
        };
        let steps = b.base_q16 - a.base_q16;
        if steps.abs() < ONE_Q16 / 8 {
            return DEFAULT_BETA_Q16;
        }
        let octaves = log2_q16(a.bits) - log2_q16(b.bits);
        let beta = (i64::from(octaves) << 16) / i64::from(steps);
        i32::try_from(beta).unwrap_or(DEFAULT_BETA_Q16).clamp(BETAS_Q16.0, BETAS_Q16.1)
    }

    /// Returns the size of each class of frames at the speed of `config` relative to `pass`, in
    /// 1/256. Slower speeds save bits at high bitrates; at low bitrates they spend bits on detail
    /// that analysis passes skip.
    fn shares_q8(&self, pass: &Pass, config: &EncoderConfig) -> [u64; 4] {
        let plain = pass.frames.iter().filter(|frame| frame.class == FrameClass::Plain);
        let (sum, count) = plain.fold((0, 0), |(s, n), f| (s + u64::from(f.bits), n + 1_u64));
        let (cols, rows) = config.size.macroblocks();
        let each = sum * 16 / (count * (cols * rows) as u64).max(1);
        // Bits per macroblock in sixteenths: 4 to 16.
        let many = each.clamp(64, 256) - 64;
        let share = |(few_bits, many_bits): (u64, u64)| {
            (few_bits * (192 - many) + many_bits * many).div_ceil(192)
        };
        // Ratios for speeds in between are interpolated.
        let far = u64::from(ANALYSIS_SPEED - config.speed.clamp(5, ANALYSIS_SPEED));
        let PassShares { key, altref, plain, b } = self.shares;
        [key, altref, plain, b].map(|ends| (share(ends) * far + 256 * (5 - far)) / 5)
    }

    /// Returns the size that a frame of `pass` would have with another base step.
    fn bits_at(&self, pass: &Pass, frame: &CodedFrame, base_q16: i32, beta_q16: i32) -> u64 {
        let used = self.steps.log_q16(frame.qindex);
        let last = self.steps.log_q16(self.steps.last());
        let target = used + base_q16 - pass.base_q16;
        let step = target.clamp(self.steps.log_q16(0), last);
        scaled(frame.bits.into(), step - used, beta_q16)
    }

    /// Returns the base step at which all frames together meet the budget.
    fn base_q16(&self, config: &EncoderConfig) -> i32 {
        let Some(last) = self.stats.passes.last() else {
            return 0;
        };
        let (budget, beta) = (self.budget_bits(config), self.beta_q16());
        let shares_q8 = self.shares_q8(last, config);
        let (mut fine, mut coarse) =
            (self.steps.log_q16(0), self.steps.log_q16(self.steps.last()) + BEYOND_Q16);
        while coarse - fine > ONE_Q16 / 512 {
            let base = fine + (coarse - fine) / 2;
            let bits = |frame: &CodedFrame| {
                self.bits_at(last, frame, base, beta) * shares_q8[frame.class as usize]
            };
            let sum: u64 = last.frames.iter().map(bits).sum();
            if sum / 256 > budget { fine = base } else { coarse = base }
        }
        coarse
    }
}

/// Returns the logarithm of the step that corresponds to a quality and a fraction, in 256ths, of the way
/// to the next better one.
pub(crate) fn quality_base_q16(steps: &Steps, quality: u8, fraction_q8: u8) -> i32 {
    let log = |quality: u8| steps.log_q16(quality_index(quality, steps.last()));
    let (base, better) = (log(quality), log(quality.saturating_add(1)));
    base + (better - base) / 256 * i32::from(fraction_q8)
}

/// Returns the quantiser index that corresponds to a quality.
pub(crate) fn quality_index(quality: u8, last: u8) -> u8 {
    let index = u32::from(last) * (100 - u32::from(quality.min(100))) / 100;
    u8::try_from(index).unwrap_or(u8::MAX)
}
