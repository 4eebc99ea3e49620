//! Weights of inter prediction. ITU-T H.264, clause 8.4.2.3.

use crate::params::Pps;
use crate::picture::{RefPicture, poc_of};
use crate::slice::{PredWeights, SliceHeader, SliceType};

/// Weighting of a prediction from two lists, or from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weighting {
    /// The mean, or the prediction itself.
    Default,
    /// Denominator's logarithm, weights, and the offset.
    Weighted { log2_denom: u8, weights: [i16; 2], offset: i16 },
}

/// How a slice weights its predictions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Default,
    Explicit,
    Implicit,
}

/// Implicit weights of list 1, by index of list 0 and of list 1.
type Implicit = [[i16; 32]; 32];

/// The weights of a slice.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    mode: Mode,
    /// Implicit weights for frame macroblocks or field pictures, and for the field macroblocks of
    /// each parity.
    implicit: Box<[Implicit; 3]>,
    /// Explicit weights: a bit for each index of each list whose weight is not the default.
    explicit: [u32; 2],
}

/// `DistScaleFactor` of clause 8.4.1.2.3; `None` if both references have the same count.
pub(crate) fn dist_scale_factor(current: i32, poc_0: i32, poc_1: i32) -> Option<i32> {
    let clipped = |a: i32, b: i32| a.wrapping_sub(b).clamp(-128, 127);
    let (tb, td) = (clipped(current, poc_0), clipped(poc_1, poc_0));
    if td == 0 {
        return None;
    }
    let tx = (16384 + (td / 2).abs()) / td;
    Some(((tb * tx + 32) >> 6).clamp(-1024, 1023))
}

impl Weights {
    pub(crate) fn new() -> Self {
        Self { mode: Mode::Default, implicit: Box::new([[[32; 32]; 32]; 3]), explicit: [0; 2] }
    }

    /// Prepares for a slice of a picture with the picture order counts `poc`.
    pub(crate) fn begin_slice(
        &mut self,
        header: &SliceHeader,
        pps: &Pps,
        lists: [&[RefPicture]; 2],
        poc: [i32; 2],
    ) {
        self.mode = match (header.slice_type, pps.weighted_bipred_idc, &header.weights) {
            (SliceType::P, _, Some(_)) | (SliceType::B, 1, Some(_)) => Mode::Explicit,
            (SliceType::B, 2, _) => Mode::Implicit,
            _ => Mode::Default,
        };
        if let (Mode::Explicit, Some(table)) = (self.mode, &header.weights) {
            self.explicit = [0, 1].map(|list| weighted_entries(table, list));
        }
        if self.mode != Mode::Implicit {
            return;
        }
        let entry = |list: usize, index: usize| lists[list].get(index);
        fill_implicit(&mut self.implicit[0], poc_of(header.structure, poc), |list, index| {
            entry(list, index).map(|entry| (entry.poc(), entry.is_long_term))
        });
        if !header.is_mbaff {
            return;
        }
        let [_, fields @ ..] = &mut *self.implicit;
        for (parity, (weights, current)) in fields.iter_mut().zip(poc).enumerate() {
            fill_implicit(weights, current, |list, index| {
                // Even indices mean the field of the same parity.
                entry(list, index / 2)
                    .map(|entry| (entry.poc[(index + parity) % 2], entry.is_long_term))
            });
        }
    }

    /// Returns whether a prediction from `references`, which are negative if unused, is surely not
    /// weighted in any plane.
    #[inline]
    pub(crate) fn are_default(&self, references: [i8; 2], is_field_mb: bool) -> bool {
        match self.mode {
            Mode::Default => true,
            Mode::Explicit => {
                let shift = u32::from(is_field_mb);
                let is_weighted = |list: usize| {
                    u32::try_from(references[list])
                        .is_ok_and(|index| self.explicit[list] >> ((index % 32) >> shift) & 1 == 1)
                };
                !is_weighted(0) && !is_weighted(1)
            }
            Mode::Implicit => match references.map(usize::try_from) {
                [Ok(first), Ok(second)] if !is_field_mb => {
                    self.implicit[0][first % 32][second % 32] == 32
                }
                [Ok(_), Ok(_)] => false,
                _ => true,
            },
        }
    }

    /// Returns the weighting of plane `plane` for a prediction from both lists.
    pub(crate) fn of_both(
        &self,
        header: &SliceHeader,
        references: [i8; 2],
        field_row: Option<usize>,
        plane: usize,
    ) -> Weighting {
        let [r0, r1] = references.map(|index| usize::try_from(index).unwrap_or(0) % 32);
        match (self.mode, &header.weights) {
            (Mode::Explicit, Some(table)) => {
                let shift = usize::from(field_row.is_some());
                let (log2_denom, w0, o0) = explicit(table, 0, r0 >> shift, plane);
                let (_, w1, o1) = explicit(table, 1, r1 >> shift, plane);
                if [w0, w1] == [1 << log2_denom; 2] && o0 + o1 == 0 {
                    // The mean. With a denominator of 128 it would exceed the range of the kernels.
                    return Weighting::Default;
                }
                Weighting::Weighted { log2_denom, weights: [w0, w1], offset: (o0 + o1 + 1) >> 1 }
            }
            (Mode::Implicit, _) => {
                let table = field_row.map_or(0, |row| 1 + row % 2);
                let w1 = self.implicit[table][r0][r1];
                if w1 == 32 {
                    return Weighting::Default;
                }
                Weighting::Weighted { log2_denom: 5, weights: [64 - w1, w1], offset: 0 }
            }
            _ => Weighting::Default,
        }
    }

    /// Returns the weighting of plane `plane` for a prediction from one list.
    pub(crate) fn of_one(
        &self,
        header: &SliceHeader,
        list: usize,
        reference: i8,
        field_row: Option<usize>,
        plane: usize,
    ) -> Weighting {
        match (self.mode, &header.weights) {
            (Mode::Explicit, Some(table)) => {
                let index = usize::try_from(reference).unwrap_or(0) % 32;
                let index = index >> usize::from(field_row.is_some());
                let (log2_denom, weight, offset) = explicit(table, list, index, plane);
                if weight == 1 << log2_denom && offset == 0 {
                    return Weighting::Default;
                }
                Weighting::Weighted { log2_denom, weights: [weight, 0], offset }
            }
            _ => Weighting::Default,
        }
    }
}

/// Denominator's logarithm, weight and offset of an entry.
fn explicit(table: &PredWeights, list: usize, index: usize, plane: usize) -> (u8, i16, i16) {
    let entry = &table.entries[list][index];
    if plane == 0 {
        return (table.luma_log2_denom, entry.luma.weight, entry.luma.offset);
    }
    let weight = entry.chroma[plane - 1];
    (table.chroma_log2_denom, weight.weight, weight.offset)
}

/// Returns a bit for each entry of a list whose explicit weight or offset is not the default in some
/// plane.
fn weighted_entries(table: &PredWeights, list: usize) -> u32 {
    (0..32).fold(0, |bits, index| {
        let is_weighted = (0..3).any(|plane| {
            let (log2_denom, weight, offset) = explicit(table, list, index, plane);
            weight != 1 << log2_denom || offset != 0
        });
        bits | u32::from(is_weighted) << index
    })
}

/// Fills implicit weights; `poc` returns the picture order count for an index of a list and whether
/// it is a long-term reference.
fn fill_implicit(
    weights: &mut Implicit,
    current: i32,
    poc: impl Fn(usize, usize) -> Option<(i32, bool)>,
) {
    for (index_0, row) in weights.iter_mut().enumerate() {
        let Some((poc_0, is_long_0)) = poc(0, index_0) else { break };
        for (index_1, weight) in row.iter_mut().enumerate() {
            let Some((poc_1, is_long_1)) = poc(1, index_1) else { break };
            let factor = dist_scale_factor(current, poc_0, poc_1)
                .filter(|_| !is_long_0 && !is_long_1)
                .map(|factor| factor >> 2)
                .filter(|factor| (-64..=128).contains(factor));
            *weight = factor.and_then(|factor| i16::try_from(factor).ok()).unwrap_or(32);
        }
    }
}
