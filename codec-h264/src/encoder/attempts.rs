//! Chooses the quantiser of a frame that is coded again because it takes too many bits.

use codec_core::codec::FrameKind;
use codec_core::codec::plan::FramePlan;

/// The bits that a frame takes at a quantiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bits {
    Counted(u64),
    /// Of an attempt that was ended.
    Estimated(u64),
}

impl Bits {
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Counted(bits) | Self::Estimated(bits) => bits,
        }
    }
}

/// Attempts at coding a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attempts {
    pub count: u8,
    /// Quantiser and bits of the last one, if these were counted.
    last: Option<(u8, u64)>,
}

impl Attempts {
    /// Returns the bits above which the next attempt, at `qp`, is followed by another one.
    pub(super) fn limit(&self, plan: &FramePlan, qp: u8) -> Option<u64> {
        let worst = plan.max_qindex.max(plan.qindex).min(51);
        let has_more = self.count.saturating_add(1) < plan.attempts.max(1) && qp < worst;
        plan.max_bits.filter(|_| has_more)
    }

    /// Counts an attempt that takes `bits` at `qp`. Returns a higher quantiser if that is more than
    /// the plan allows and the plan allows another attempt.
    pub(super) fn next(&mut self, plan: &FramePlan, qp: u8, bits: Bits) -> Option<u8> {
        let limit = self.limit(plan, qp);
        self.count = self.count.saturating_add(1);
        // The error of an estimate may be larger than the difference between two attempts.
        let (bits, exact) = match bits {
            Bits::Counted(bits) => (bits, Some((qp, bits))),
            Bits::Estimated(bits) => (bits, None),
        };
        let before = std::mem::replace(&mut self.last, exact).filter(|_| exact.is_some());
        let max = limit.filter(|max| bits > *max)?;
        let worst = plan.max_qindex.max(plan.qindex).min(51);
        let slope = before
            .and_then(|before| measured_slope(before, (qp, bits)))
            .unwrap_or_else(|| usual_slope(plan.kind, qp));
        let steps = (log2(bits) - log2(max)).div_ceil(slope).clamp(1, 51);
        let steps = u8::try_from(steps).unwrap_or(51);
        Some(qp.saturating_add(steps).min(worst))
    }
}

/// Returns the logarithm to base 2, in 1/256, interpolated between powers of two.
fn log2(value: u64) -> u32 {
    let value = value.max(1);
    let whole = value.ilog2();
    let fraction = (u128::from(value) << 8 >> whole) & 255;
    256 * whole + u32::try_from(fraction).unwrap_or(0)
}

/// Returns the logarithm by which the bits fall with each quantiser between two attempts.
fn measured_slope(before: (u8, u64), now: (u8, u64)) -> Option<u32> {
    let steps = u32::from(now.0.checked_sub(before.0)?);
    let fall = log2(before.1).checked_sub(log2(now.1))?;
    Some(fall.checked_div(steps)?.clamp(16, 128))
}

/// Returns the logarithm by which the bits of a frame usually fall with each quantiser from `qp` on.
fn usual_slope(kind: FrameKind, qp: u8) -> u32 {
    match kind {
        FrameKind::Key => 26 + u32::from(qp) * 2 / 5,
        // The residual of most macroblocks vanishes within a few quantisers.
        FrameKind::Inter => 130,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(kind: FrameKind) -> FramePlan {
        let mut plan = FramePlan::key(20, 5);
        (plan.kind, plan.max_qindex, plan.max_bits) = (kind, 51, Some(8000));
        plan
    }

    #[test]
    fn logarithms_rise_with_the_number() {
        assert_eq!([0, 1, 2, 3, 4, 1 << 40].map(log2), [0, 0, 256, 384, 512, 256 * 40]);
        assert!((0..5000).map(log2).is_sorted());
        assert_eq!(log2(u64::MAX), 256 * 64 - 1);
    }

    #[test]
    fn only_frames_with_too_many_bits_are_coded_again() {
        let mut key = plan(FrameKind::Key);
        assert_eq!(Attempts::default().next(&key, 20, Bits::Counted(8000)), None);
        assert_eq!(Attempts::default().next(&key, 20, Bits::Counted(8001)), Some(21));
        assert_eq!(Attempts::default().next(&key, 51, Bits::Counted(9000)), None);
        assert_eq!(Attempts::default().limit(&key, 20), Some(8000));
        assert_eq!(Attempts::default().limit(&key, 51), None);
        assert_eq!(Attempts::default().next(&key, 20, Bits::Counted(u64::MAX)), Some(51));
        key.attempts = 1;
        assert_eq!(Attempts::default().limit(&key, 20), None);
        assert_eq!(Attempts::default().next(&key, 20, Bits::Counted(9000)), None);
        let mut unlimited = plan(FrameKind::Inter);
        unlimited.max_bits = None;
        assert_eq!(Attempts::default().next(&unlimited, 20, Bits::Counted(9000)), None);
    }

    #[test]
    fn later_attempts_follow_the_measured_slope() {
        for kind in [FrameKind::Key, FrameKind::Inter] {
            let (plan, mut attempts) = (plan(kind), Attempts::default());
            let qp = attempts.next(&plan, 20, Bits::Counted(64000)).unwrap();
            assert!(qp > 24, "{kind:?} {qp}");
            // The steps so far have halved the bits; two more octaves are missing.
            let next = attempts.next(&plan, qp, Bits::Counted(32000)).unwrap();
            let expected = (qp + 2 * (qp - 20)).min(51);
            assert!((expected..=expected + 1).contains(&next), "{kind:?} {qp} {next}");
        }
    }

    #[test]
    fn estimates_do_not_change_the_slope() {
        let (plan, mut attempts) = (plan(FrameKind::Inter), Attempts::default());
        assert_eq!(attempts.next(&plan, 20, Bits::Estimated(16000)), Some(22));
        assert_eq!(attempts.next(&plan, 22, Bits::Counted(15900)), Some(24));
        // An octave less takes five quantisers.
        assert_eq!(attempts.next(&plan, 24, Bits::Counted(12_000)), Some(27));
    }
}
