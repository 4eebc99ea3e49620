//! Two-pass rate control: predicted frame sizes, and the base quantiser step that they result in.

use crate::codec::first_pass::FrameClass;
use crate::fixed::{ONE_Q16, exp2_q16, log2_q16, mul_div};

/// Maximum change of the base step from frame to frame, in octaves, unless a sixteenth of the distance to
/// the wanted step is more; and maximum change from its initial value.
const SLEW_Q16: i32 = ONE_Q16 / 48;
const SLEW_SHARE: i32 = 16;
const FAR_Q16: i32 = 2 * ONE_Q16;
/// Weight of the prediction relative to the coded frames: this number of mean frames of the class,
/// or one part in `TRUST_SHARE` of all of them if that is more. Individual scenes deviate; only the
/// total over the file counts.
const TRUST_FRAMES: u64 = 6;
const TRUST_SHARE: u64 = 4;
/// Number of frame classes.
const CLASSES: usize = 4;

/// Returns `bits` scaled to a step that is `octaves_q16` coarser.
pub(super) fn scaled(bits: u64, octaves_q16: i32, beta_q16: i32) -> u64 {
    let fall = (i64::from(octaves_q16) * i64::from(beta_q16)) >> 16;
    let factor = i32::try_from(8 * i64::from(ONE_Q16) - fall).unwrap_or(0);
    mul_div(bits, exp2_q16(factor.clamp(0, 24 * ONE_Q16)), 256)
}

/// Predictions for the frames to come, corrected by the sizes of those already coded.
#[derive(Clone, Debug)]
pub(super) struct SizePrediction {
    /// Frames with their predicted sizes at the initial base step, in bits.
    frames: Vec<(FrameClass, u32)>,
    next: usize,
    beta_q16: i32,
    first_base_q16: i32,
    base_q16: i32,
    budget_bits: u64,
    spent_bits: u64,
    /// By class: weight of the prediction in bits; predicted bits of the frames to come; predicted
    /// bits of the coded frames at their actual base steps; and actual bits of the coded frames.
    trust: [u64; CLASSES],
    remaining_bits: [u64; CLASSES],
    predicted_bits: [u64; CLASSES],
    coded_bits: [u64; CLASSES],
}

impl SizePrediction {
    pub(super) fn new(
        frames: Vec<(FrameClass, u32)>,
        base_q16: i32,
        beta_q16: i32,
        budget_bits: u64,
    ) -> Self {
        let (mut remaining_bits, mut counts) = ([0; CLASSES], [0; CLASSES]);
        for &(class, bits) in &frames {
            remaining_bits[class as usize] += u64::from(bits);
            counts[class as usize] += 1;
        }
        let trust = std::array::from_fn(|n| {
            let mean = remaining_bits[n].checked_div(counts[n]).unwrap_or(0);
            (TRUST_FRAMES * mean).max(remaining_bits[n] / TRUST_SHARE)
        });
        Self {
            frames,
            next: 0,
            beta_q16,
            first_base_q16: base_q16,
            base_q16,
            budget_bits,
            spent_bits: 0,
            trust,
            remaining_bits,
            predicted_bits: [0; CLASSES],
            coded_bits: [0; CLASSES],
        }
    }

    /// Returns whether the next frame is of class `class`.
    pub(super) fn expects(&self, class: FrameClass) -> bool {
        self.frames.get(self.next).is_some_and(|&(expected, _)| expected == class)
    }

    /// Returns the base step of the last planned frame.
    pub(super) fn base_q16(&self) -> i32 {
        self.base_q16
    }

    /// Returns the base step for the next frame as a logarithm, and the bits that it should take.
    pub(super) fn plan(&mut self) -> (i32, u64) {
        let left = self.budget_bits.saturating_sub(self.spent_bits);
        let expected: u64 =
            (0..CLASSES).map(|n| self.corrected_bits(n, self.remaining_bits[n])).sum();
        // The remaining frames keep a minimum budget after an overspend.
        let left = left.max(expected / 4).max(1);
        let octaves = log2_q16(expected.max(1)) - log2_q16(left);
        let away = (i64::from(octaves) << 16) / i64::from(self.beta_q16.max(1));
        let away = i32::try_from(away).unwrap_or(0).clamp(-FAR_Q16, FAR_Q16);
        let wanted = self.first_base_q16 + away;
        let distance = wanted - self.base_q16;
        let slew = if self.next == 0 { FAR_Q16 } else { SLEW_Q16.max(distance.abs() / SLEW_SHARE) };
        self.base_q16 += distance.clamp(-slew, slew);
        let bits = self.frames.get(self.next).map_or(0, |&(class, bits)| {
            let bits = self.corrected_bits(class as usize, bits.into());
            scaled(bits, self.base_q16 - self.first_base_q16, self.beta_q16)
        });
        (self.base_q16, bits)
    }

    /// Records the size of the last planned frame.
    pub(super) fn coded(&mut self, bits: u64) {
        self.spent_bits += bits;
        if let Some(&(class, predicted_bits)) = self.frames.get(self.next) {
            let n = class as usize;
            let predicted_bits = u64::from(predicted_bits);
            self.remaining_bits[n] -= predicted_bits;
            self.coded_bits[n] += bits;
            let moved = self.base_q16 - self.first_base_q16;
            self.predicted_bits[n] += scaled(predicted_bits, moved, self.beta_q16);
        }
        self.next += 1;
    }

    /// Corrects the predicted `bits` of a class by the ratio of actual to predicted sizes so far.
    fn corrected_bits(&self, n: usize, bits: u64) -> u64 {
        let trust = self.trust[n];
        mul_div(bits, self.coded_bits[n] + trust, (self.predicted_bits[n] + trust).max(1))
    }
}
