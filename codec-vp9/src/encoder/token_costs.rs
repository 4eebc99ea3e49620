//! Costs of coefficient tokens in 1/256 bit.

use codec_core::entropy::{CostCounter, bool_cost_q8};

use super::write::tokens::write_large;
use crate::probability::Probabilities;
use crate::tables::coefficients::{CATEGORIES, PARETO};

/// Costs in one context of a band. The alignment makes its position in an array a shift.
#[repr(align(32))]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ContextCosts {
    /// The block ends here; it does not end.
    pub(crate) end: u16,
    pub(crate) more: u16,
    /// Levels 0, 1, 2, 3, 4 and categories 1 to 6, without sign and extra bits: by the class of a token.
    pub(crate) classes: [u16; 12],
}

/// The costs of one transform size, plane type and prediction: `[band][context]`.
/// There is room for indices of three bits.
pub(crate) type BandCosts = [[ContextCosts; 8]; 8];

/// The costs of a frame: `[transform size][is chroma][is inter]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenCosts {
    pub(crate) sizes: [[[BandCosts; 2]; 2]; 4],
}

impl TokenCosts {
    /// Computes the costs for `probabilities`.
    pub(crate) fn update(&mut self, probabilities: &Probabilities) {
        let costs = self.sizes.as_flattened_mut().as_flattened_mut();
        let probabilities = probabilities.coefficients.as_flattened().as_flattened();
        for (costs, probabilities) in costs.iter_mut().zip(probabilities) {
            for (costs, probabilities) in costs.iter_mut().zip(probabilities) {
                for (costs, &nodes) in costs.iter_mut().zip(probabilities) {
                    // Contexts that do not exist have no probabilities.
                    if nodes != [0; 3] {
                        *costs = context_costs(nodes);
                    }
                }
            }
        }
    }
}

fn context_costs([more, not_zero, large]: [u8; 3]) -> ContextCosts {
    let any = bool_cost_q8(true, not_zero);
    let many = any + bool_cost_q8(true, large);
    let tail = TAIL_COSTS[usize::from(large) - 1];
    let mut classes = [0; 12];
    classes[0] = bool_cost_q8(false, not_zero);
    classes[1] = any + bool_cost_q8(false, large);
    for (to, cost) in classes[2..].iter_mut().zip(tail) {
        *to = many + cost;
    }
    ContextCosts { end: bool_cost_q8(false, more), more: bool_cost_q8(true, more), classes }
}

/// Costs of the tails of the tree: levels 2, 3, 4 and the categories.
static TAIL_COSTS: std::sync::LazyLock<Vec<[u16; 9]>> = std::sync::LazyLock::new(|| {
    let smallest = [2, 3, 4, 5, 7, 11, 19, 35, 67];
    PARETO
        .iter()
        .map(|tail| {
            smallest.map(|level| {
                let mut cost = CostCounter::default();
                write_large(&mut cost, tail, level);
                let with_extra = u16::try_from(cost.q8()).unwrap_or(u16::MAX);
                // The extra bits are all zero.
                let extra: u16 = extra_of(level).iter().map(|&p| bool_cost_q8(false, p)).sum();
                with_extra.saturating_sub(extra)
            })
        })
        .collect()
});

/// Probabilities of the extra bits of the category that begins with `level`.
fn extra_of(level: u16) -> &'static [u8] {
    let category = CATEGORIES.iter().find(|(_, base)| *base == i32::from(level));
    match category {
        Some((probabilities, _)) => probabilities,
        None if level == 67 => &crate::tables::coefficients::CATEGORY_6[4..],
        None => &[],
    }
}
