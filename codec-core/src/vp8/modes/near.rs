//! The census of neighbouring vectors. RFC 6386, section 16.3.

use super::super::tables::MODE_CONTEXTS;
use super::super::types::{LumaMode, MbInfo, MotionVector, Reference};

/// The macroblocks that a macroblock's vectors are predicted from. Outside the frame stands
/// [`MbInfo::default`].
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Neighbours<'a> {
    pub above: &'a MbInfo,
    pub left: &'a MbInfo,
    pub above_left: &'a MbInfo,
}

/// How far a predicted vector may point: one macroblock beyond the frame, in quarter pixels from
/// the macroblock's own place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct MvBounds {
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
}

impl MvBounds {
    /// Bounds at macroblock (`x_mb`, `y_mb`) of a frame of `cols` x `rows` macroblocks, at most
    /// 1024 in both directions.
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

    /// `mv`, brought within the bounds.
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

/// Result of the census.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearVectors {
    /// Vector of the mode of that name, within bounds.
    pub nearest: MotionVector,
    /// Vector of the mode of that name, within bounds.
    pub near: MotionVector,
    /// What explicitly coded vectors are added to, within bounds.
    pub best: MotionVector,
    /// Probabilities of the inter mode.
    pub mode_probs: [u8; 4],
}

/// Ranks the vectors of three neighbours for a macroblock that refers to `reference`.
/// `sign_biases` is by [`Reference`].
#[inline]
#[must_use]
pub fn find_near_vectors(
    neighbours: &Neighbours<'_>,
    reference: Reference,
    sign_biases: [bool; 4],
    bounds: MvBounds,
) -> NearVectors {
    let bias = sign_biases[reference as usize];
    // Slot 0 is the zero vector, the others distinct vectors in order of appearance.
    let mut mvs = [MotionVector::ZERO; 4];
    let mut counts = [0_u8; 4];
    let mut last = 0;
    let weighted = [(neighbours.above, 2), (neighbours.left, 2), (neighbours.above_left, 1)];
    for (mb, weight) in weighted {
        if mb.reference == Reference::Current {
            continue;
        }
        if mb.mv == MotionVector::ZERO {
            counts[0] += weight;
            continue;
        }
        let is_reversed = sign_biases[mb.reference as usize] != bias;
        let mv = if is_reversed { mb.mv.wrapping_neg() } else { mb.mv };
        // Compared with the latest only, and never with slot 0.
        if last == 0 || mv != mvs[last] {
            last += 1;
            mvs[last] = mv;
        }
        counts[last] += weight;
    }
    // Three distinct ones: the third may still equal the first.
    if counts[3] > 0 && mvs[3] == mvs[1] {
        counts[1] += 1;
    }
    let is_split = |mb: &MbInfo| u8::from(mb.luma == LumaMode::Split);
    counts[3] = 2 * (is_split(neighbours.above) + is_split(neighbours.left))
        + is_split(neighbours.above_left);
    if counts[2] > counts[1] {
        counts.swap(1, 2);
        mvs.swap(1, 2);
    }
    if counts[1] >= counts[0] {
        mvs[0] = mvs[1];
    }
    NearVectors {
        nearest: bounds.clamp(mvs[1]),
        near: bounds.clamp(mvs[2]),
        best: bounds.clamp(mvs[0]),
        mode_probs: std::array::from_fn(|n| MODE_CONTEXTS[usize::from(counts[n]).min(5)][n]),
    }
}
