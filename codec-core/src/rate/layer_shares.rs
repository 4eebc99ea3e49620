//! Division of the bitrate between temporal layers, adapted to the content.

use crate::fixed::{ONE_Q16, exp2_q16};

/// Number of temporal layers, at most.
const LAYERS: usize = 3;
/// Number of frames of each layer in a period of the pattern, by number of layers.
const PERIODS: [[u64; LAYERS]; LAYERS] = [[1, 0, 0], [1, 1, 0], [1, 1, 2]];
/// Limits of the base layer's share, in percent of the rate of all layers.
const BASE_PCT: (u64, u64) = (40, 75);

/// Divides the bitrate between temporal layers so that each has a certain quality relative to the highest one.
///
/// A layer's cost is the size of its frames at a step of 1, which follows from their actual sizes and steps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LayerShares {
    /// Running means of the costs, as logarithms.
    cost_q16: [Option<i32>; LAYERS],
}

impl LayerShares {
    /// Records a frame of `layer` with this cost.
    pub(super) fn coded(&mut self, layer: u8, cost_q16: i32) {
        let mean = &mut self.cost_q16[usize::from(layer).min(LAYERS - 1)];
        *mean = Some(mean.map_or(cost_q16, |mean| mean + (cost_q16 - mean) / 4));
    }

    /// Returns the weight of a frame of `layer` relative to the mean frame, in 1/256; `None` as long as not all
    /// active layers have been coded. `(layers, active)` are the numbers of layers of the mode and of active ones;
    /// `finer_q16` says how many octaves larger the frames of each layer are than at the step of the highest one.
    pub(super) fn weight_q8(
        &self,
        (layers, active): (u8, u8),
        layer: u8,
        finer_q16: [i32; LAYERS],
    ) -> Option<u64> {
        let counts = PERIODS[usize::from(layers.clamp(1, 3) - 1)];
        let active = usize::from(active.clamp(1, layers));
        let mut sizes_q16 = [0; LAYERS];
        for (index, size) in sizes_q16[..active].iter_mut().enumerate() {
            *size = self.cost_q16[index]?.saturating_add(finer_q16[index]);
        }
        let most = sizes_q16[..active].iter().copied().max()?;
        let mut sizes = [0; LAYERS];
        for (size, log) in sizes[..active].iter_mut().zip(sizes_q16) {
            // At most twelve octaves apart.
            *size = exp2_q16(log - most + 12 * ONE_Q16);
        }
        let upper: u64 = (1..active).map(|index| counts[index] * sizes[index]).sum();
        if upper > 0 {
            let (least, most) = BASE_PCT;
            let of = |pct: u64| upper * pct / (100 - pct);
            sizes[0] = sizes[0].clamp(of(least), of(most));
        }
        let sum: u64 = (0..active).map(|index| counts[index] * sizes[index]).sum();
        let period: u64 = counts.iter().sum();
        let size = sizes[usize::from(layer).min(active - 1)];
        Some((256 * period * size / sum.max(1)).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(shares: &LayerShares, active: u8, finer_q16: [i32; LAYERS]) -> Option<Vec<u64>> {
        (0..active).map(|layer| shares.weight_q8((3, active), layer, finer_q16)).collect()
    }

    #[test]
    fn shares_follow_the_costs_of_the_layers() {
        let mut shares = LayerShares::default();
        shares.coded(0, 10 * ONE_Q16);
        shares.coded(1, 9 * ONE_Q16);
        assert_eq!(weights(&shares, 3, [0; 3]), None);
        shares.coded(2, 8 * ONE_Q16);
        // Sizes of 4, 2, 1 and 1 in a period.
        assert_eq!(weights(&shares, 3, [0; 3]).unwrap(), [512, 256, 128]);
        // Without layer 2, as many bits in half of the frames.
        assert_eq!(weights(&shares, 2, [0; 3]).unwrap(), [682, 341]);
        assert_eq!(weights(&shares, 1, [0; 3]).unwrap(), [1024]);
        for _ in 0..50 {
            shares.coded(2, 9 * ONE_Q16);
        }
        let [base, middle, upper] = weights(&shares, 3, [0; 3]).unwrap()[..] else { panic!() };
        assert!(middle.abs_diff(upper) < 4 && base.abs_diff(2 * upper) < 8);
    }

    #[test]
    fn finer_layers_have_more_within_the_limits_of_the_base_layer() {
        let mut shares = LayerShares::default();
        (0..3).for_each(|layer| shares.coded(layer, ONE_Q16));
        let equal = weights(&shares, 3, [ONE_Q16 / 2, 0, 0]).unwrap();
        // At least 40 % of four frames for one, the rest is for three.
        assert_eq!(equal, [409, 204, 204]);
        let finer = weights(&shares, 3, [3 * ONE_Q16 / 2, ONE_Q16 / 2, 0]).unwrap();
        assert!(finer[0] > 2 * finer[2] && finer[1] > finer[2], "{finer:?}");
        let finest = weights(&shares, 3, [6 * ONE_Q16, 0, 0]).unwrap();
        assert_eq!(finest, [768, 85, 85]);
    }
}
