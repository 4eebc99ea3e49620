//! DC coefficients that are coded separately. ITU-T H.264, clauses 8.5.10 and 8.5.11.

use super::optimise::optimise;
use super::quantisers::ClassQuantisers;
use super::residual_bits::BlockCosts;
use crate::macroblock::BLOCKS;
use crate::transform::{Scans, hadamard_4x4, inverse_chroma_dc, inverse_luma_dc};

/// Returns a bit for each level that is not zero.
#[inline]
pub(super) fn positions_of(levels: &[i16]) -> u64 {
    levels.iter().rev().fold(0, |bits, &level| bits << 1 | u64::from(level != 0))
}

/// Returns the squared error of the mean of a 4x4 block whose DC is `coeff`, dequantised `value`.
#[inline]
pub(super) fn dc_sse(coeff: i16, value: i16) -> u32 {
    let error = (4 * i32::from(coeff) - i32::from(value)).unsigned_abs();
    u32::try_from((u64::from(error) * u64::from(error)) >> 8).unwrap_or(u32::MAX)
}

/// Transforms and quantises the DCs of the luma blocks. Returns the levels in scan order and the
/// dequantised DCs of the blocks.
pub(super) fn code_luma_dc(
    dcs: &[i16; 16],
    set: &ClassQuantisers,
    costs: &BlockCosts,
) -> ([i16; 16], [i16; 16]) {
    let mut values = [0; 16];
    for ((x, y), &dc) in BLOCKS.into_iter().zip(dcs) {
        values[4 * x + y] = i32::from(dc);
    }
    hadamard_4x4(&mut values);
    let quantiser = &set.luma_dc;
    let mut levels = values.map(|value| quantiser.level(value));
    let scan = Scans::of(false).scan_4x4.map(usize::from);
    let mut scanned = scan.map(|at| levels[at]);
    if let Some(prices) = set.prices {
        let exact = |n: usize| quantiser.exact_level(values[scan[n % 16]]);
        let positions = positions_of(&scanned);
        optimise(costs, prices.dc, &mut scanned, positions, exact);
        for (at, level) in scan.into_iter().zip(scanned) {
            levels[at] = level;
        }
    }
    let by_block = inverse_luma_dc(&levels, quantiser.scale);
    (scanned, BLOCKS.map(|(x, y)| by_block[4 * x + y]))
}

/// The 2x2 transform of the DCs of a chroma plane.
#[inline]
fn chroma_sums(dcs: [i16; 4]) -> [i32; 4] {
    let [a, b, c, d] = dcs.map(i32::from);
    [a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d]
}

/// Returns whether no DC of either chroma plane has a level.
#[inline]
pub(super) fn is_zero_chroma_dc(dcs: &[i16; 8], set: &ClassQuantisers) -> bool {
    dcs.as_chunks::<4>().0.iter().all(|&plane| {
        let largest = chroma_sums(plane).map(i32::abs).into_iter().max().unwrap_or(0);
        set.chroma_dc.level(largest) == 0
    })
}

/// Transforms and quantises the DCs of a chroma plane. Returns the levels and the dequantised DCs.
pub(super) fn code_chroma_dc(
    dcs: [i16; 4],
    set: &ClassQuantisers,
    costs: &BlockCosts,
) -> ([i16; 4], [i16; 4]) {
    let sums = chroma_sums(dcs);
    let quantiser = &set.chroma_dc;
    let mut levels = sums.map(|value| quantiser.level(value));
    if let Some(prices) = set.prices {
        let exact = |n: usize| quantiser.exact_level(sums[n % 4]);
        let positions = positions_of(&levels);
        optimise(costs, prices.dc, &mut levels, positions, exact);
    }
    (levels, inverse_chroma_dc(&levels, quantiser.scale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::quantisers::{Quantisers, Tuning};
    use crate::encoder::residual_bits::{BlockKind, ResidualBits};
    use crate::params::ScalingMatrices;

    #[test]
    fn dcs_without_levels_are_recognised() {
        let bits = ResidualBits::cavlc();
        let costs = bits.of(BlockKind::ChromaDc);
        let quantisers = Quantisers::new(&ScalingMatrices::FLAT, Tuning::ROUNDED);
        let mut found = [0; 2];
        for (qp, value) in (0..52).flat_map(|qp| (0..300).map(move |value| (qp, value))) {
            let set = &quantisers.at(qp).inter;
            let plane = [value, -value / 2, value / 3, 1];
            let levels = code_chroma_dc(plane, set, costs).0;
            let [a, b, c, d] = plane;
            let is_zero = levels == [0; 4];
            assert_eq!(is_zero_chroma_dc(&[0, 0, 0, 0, a, b, c, d], set), is_zero);
            found[usize::from(is_zero)] += 1;
        }
        assert!(found.iter().all(|&count| count > 1000), "{found:?}");
    }
}
