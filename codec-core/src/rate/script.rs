//! The bits of each frame as a rehearsal foretells them, and the quality that follows.

use super::fixed::{ONE_Q16, exp2_q16, log2_q16, mul_div};

/// What a frame is, as far as its bits are foretold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    Altref,
    Plain,
}

/// Most that the base moves from frame to frame, and from where it began, in octaves of the step.
const SLEW_Q16: i32 = ONE_Q16 / 48;
const FAR_Q16: i32 = ONE_Q16 / 2;
/// What the forecast is worth against what was coded: so many mean frames of the kind, or one part
/// in so many of all of them if that is more. Scenes differ; what counts is the whole file.
const TRUST_FRAMES: u64 = 8;
const TRUST_PART: u64 = 2;
/// Parts.
const PARTS: usize = 3;

/// `bits` at a step that is `octaves_q16` coarser.
pub(super) fn scaled(bits: u64, octaves_q16: i32, beta_q16: i32) -> u64 {
    let fall = (i64::from(octaves_q16) * i64::from(beta_q16)) >> 16;
    let factor = i32::try_from(8 * i64::from(ONE_Q16) - fall).unwrap_or(0);
    mul_div(bits, exp2_q16(factor.clamp(0, 24 * ONE_Q16)), 256)
}

/// The frames to come, and what became of those that were coded.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// Frames with their bits at the base that the script began with.
    frames: Vec<(Part, u32)>,
    next: usize,
    beta_q16: i32,
    first_base_q16: i32,
    base_q16: i32,
    budget_bits: u64,
    spent_bits: u64,
    /// By part: bits for which the forecast counts against what was coded; foretold of the frames to come; of those coded, as
    /// foretold for the base that they got; and what they took.
    trust: [u64; PARTS],
    to_come: [u64; PARTS],
    foretold: [u64; PARTS],
    taken: [u64; PARTS],
}

impl Script {
    pub(super) fn new(
        frames: Vec<(Part, u32)>,
        base_q16: i32,
        beta_q16: i32,
        budget_bits: u64,
    ) -> Self {
        let (mut to_come, mut counts) = ([0; PARTS], [0; PARTS]);
        for &(part, bits) in &frames {
            to_come[part as usize] += u64::from(bits);
            counts[part as usize] += 1;
        }
        let trust = std::array::from_fn(|n| {
            let mean = to_come[n].checked_div(counts[n]).unwrap_or(0);
            (TRUST_FRAMES * mean).max(to_come[n] / TRUST_PART)
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
            to_come,
            foretold: [0; PARTS],
            taken: [0; PARTS],
        }
    }

    /// Whether the next frame is one of `part`.
    pub(super) fn expects(&self, part: Part) -> bool {
        self.frames.get(self.next).is_some_and(|&(expected, _)| expected == part)
    }

    /// The base of the frame planned last.
    pub(super) fn base_q16(&self) -> i32 {
        self.base_q16
    }

    /// The base for the next frame, a logarithm of the step, and the bits that it should take.
    pub(super) fn plan(&mut self) -> (i32, u64) {
        let left = self.budget_bits.saturating_sub(self.spent_bits);
        let expected: u64 = (0..PARTS).map(|n| self.corrected(n, self.to_come[n])).sum();
        // However much was spent, the rest is not starved.
        let left = left.max(expected / 4).max(1);
        let octaves = log2_q16(expected.max(1)) - log2_q16(left);
        let away = (i64::from(octaves) << 16) / i64::from(self.beta_q16.max(1));
        let away = i32::try_from(away).unwrap_or(0).clamp(-FAR_Q16, FAR_Q16);
        let wanted = self.first_base_q16 + away;
        let slew = if self.next == 0 { FAR_Q16 } else { SLEW_Q16 };
        self.base_q16 += (wanted - self.base_q16).clamp(-slew, slew);
        let bits = self.frames.get(self.next).map_or(0, |&(part, bits)| {
            let bits = self.corrected(part as usize, bits.into());
            scaled(bits, self.base_q16 - self.first_base_q16, self.beta_q16)
        });
        (self.base_q16, bits)
    }

    /// Takes in what the frame took that was planned last.
    pub(super) fn coded(&mut self, bits: u64) {
        self.spent_bits += bits;
        if let Some(&(part, foretold)) = self.frames.get(self.next) {
            let n = part as usize;
            let foretold = u64::from(foretold);
            self.to_come[n] -= foretold;
            self.taken[n] += bits;
            let moved = self.base_q16 - self.first_base_q16;
            self.foretold[n] += scaled(foretold, moved, self.beta_q16);
        }
        self.next += 1;
    }

    /// `bits` foretold of frames of a part, in the light of those that were coded.
    fn corrected(&self, n: usize, bits: u64) -> u64 {
        let trust = self.trust[n];
        mul_div(bits, self.taken[n] + trust, (self.foretold[n] + trust).max(1))
    }
}
