//! Near motion vectors: search over the neighbours. RFC 6386, section 16.3.

use super::super::tables::MODE_CONTEXTS;
use super::super::types::{InterMode, MbMode, MotionVector, Reference};

/// Neighbouring macroblocks for vector prediction; [`MbMode::default`] outside the frame.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct Neighbours<'a> {
    pub above: &'a MbMode,
    pub left: &'a MbMode,
    pub above_left: &'a MbMode,
}

/// Range of predicted vectors: up to one macroblock beyond the frame, in quarter pixels relative to
/// the macroblock's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct MvBounds {
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
}

impl MvBounds {
    /// Returns the range at macroblock (`x_mb`, `y_mb`) of a frame of `cols` x `rows` macroblocks,
    /// at most 1024 in each dimension.
    #[inline]
    #[must_use]
    pub fn new(x_mb: usize, y_mb: usize, cols: usize, rows: usize) -> Self {
        let qpel = |mbs: usize| i32::try_from(mbs * 64).unwrap_or(i32::MAX);
        Self {
            left: -qpel(x_mb + 1),
            right: qpel(cols - x_mb),
            top: -qpel(y_mb + 1),
            bottom: qpel(rows - y_mb),
        }
    }

    /// Clamps `mv` to the range.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the bounds include 0: it only shrinks")]
    pub fn clamp(self, mv: MotionVector) -> MotionVector {
        MotionVector {
            x: i32::from(mv.x).clamp(self.left, self.right) as i16,
            y: i32::from(mv.y).clamp(self.top, self.bottom) as i16,
        }
    }
}

/// Near and best vectors of a macroblock, and the resulting mode probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NearVectors {
    /// Vector of the nearest mode, clamped.
    pub nearest: MotionVector,
    /// Vector of the near mode, clamped.
    pub near: MotionVector,
    /// Base of explicitly coded vectors, clamped.
    pub best: MotionVector,
    /// Probabilities of the inter mode tree.
    pub mode_probs: [u8; 4],
}

/// Ranks the vectors of three neighbours for a macroblock with reference `reference`.
///
/// `sign_biases` is indexed by [`Reference`]: last, golden, altref.
#[inline]
#[must_use]
pub fn find_near_vectors(
    neighbours: &Neighbours<'_>,
    reference: Reference,
    sign_biases: [bool; 3],
    bounds: MvBounds,
) -> NearVectors {
    let near_mvs = NearMvs::new(neighbours, reference, sign_biases);
    let mode_probs = std::array::from_fn(|node| near_mvs.mode_prob(node));
    if near_mvs.nearest.bits() | near_mvs.near.bits() == 0 {
        // Zero is within all bounds.
        return NearVectors { mode_probs, ..NearVectors::default() };
    }
    NearVectors {
        nearest: bounds.clamp(near_mvs.nearest),
        near: bounds.clamp(near_mvs.near),
        best: bounds.clamp(near_mvs.best),
        mode_probs,
    }
}

/// Result of the search without clamping, because most macroblocks need at most one vector.
#[derive(Clone, Copy, Debug)]
pub(super) struct NearMvs {
    pub(super) nearest: MotionVector,
    pub(super) near: MotionVector,
    pub(super) best: MotionVector,
    /// Weights of zero, nearest and near vectors, and of split neighbours: 0..=5.
    counts: [u8; 4],
}

impl NearMvs {
    #[inline(always)]
    pub(super) fn new(
        neighbours: &Neighbours<'_>,
        reference: Reference,
        sign_biases: [bool; 3],
    ) -> Self {
        let bias = sign_biases[reference as usize];
        let vector = |reference: Reference, mv: MotionVector| {
            let is_reversed = sign_biases[reference as usize] != bias;
            if is_reversed { mv.wrapping_neg() } else { mv }
        };
        let Neighbours { above, left, above_left } = *neighbours;
        // Weights of the zero vector and of at most two distinct vectors in order of appearance;
        // each new vector is compared only with the latest one.
        let (mut zero, mut first, mut second) = (0, 0, 0);
        let (mut a, mut b) = (MotionVector::ZERO, MotionVector::ZERO);
        if let MbMode::Inter { reference, mv, .. } = *above {
            if mv.bits() == 0 {
                zero = 2;
            } else {
                (a, first) = (vector(reference, mv), 2);
            }
        }
        if let MbMode::Inter { reference, mv, .. } = *left {
            if mv.bits() == 0 {
                zero += 2;
            } else {
                let mv = vector(reference, mv);
                if first == 0 || mv.bits() == a.bits() {
                    (a, first) = (mv, first + 2);
                } else {
                    (b, second) = (mv, 2);
                }
            }
        }
        if let MbMode::Inter { reference, mv, .. } = *above_left {
            if mv.bits() == 0 {
                zero += 1;
            } else {
                let mv = vector(reference, mv);
                if second != 0 {
                    // A third distinct vector counts only if it equals the first one.
                    if mv.bits() == b.bits() {
                        second += 1;
                    } else if mv.bits() == a.bits() {
                        first += 1;
                    }
                } else if first == 0 || mv.bits() == a.bits() {
                    (a, first) = (mv, first + 1);
                } else {
                    (b, second) = (mv, 1);
                }
            }
        }
        let is_split =
            |mb: &MbMode| u8::from(matches!(mb, MbMode::Inter { mode: InterMode::Split(_), .. }));
        let split = 2 * (is_split(above) + is_split(left)) + is_split(above_left);
        if second > first {
            (a, b, first, second) = (b, a, second, first);
        }
        let best = if first >= zero { a } else { MotionVector::ZERO };
        Self { nearest: a, near: b, best, counts: [zero, first, second, split] }
    }

    /// Returns the probability of `node` of the inter mode tree.
    #[inline(always)]
    pub(super) fn mode_prob(&self, node: usize) -> u8 {
        MODE_CONTEXTS[usize::from(self.counts[node]).min(5)][node]
    }
}
