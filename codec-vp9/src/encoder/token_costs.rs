//! Costs of coefficient tokens in 1/256 bit.

use codec_core::entropy::{CostCounter, bool_cost_q8};

use super::token::{CLASSES, RAW_BITS};
use super::write::tokens::write_large;
use crate::probability::Probabilities;
use crate::tables::coefficients::{CATEGORIES, PARETO};

/// Costs in one context of a band. The alignment makes its position in an array a shift.
#[repr(align(64))]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ContextCosts {
    /// By the class of a token, with sign and extra bits, first of tokens that also state that the block does not
    /// end, then of tokens that follow a zero, from [`AFTER_ZERO`] on.
    costs: [u16; 32],
}

/// Where the costs of tokens begin that follow a zero.
const AFTER_ZERO: usize = 16;
/// Where the cost of the block's end is.
const END: usize = 15;

impl ContextCosts {
    /// The cost of a token of a class; `is_after_zero` states whether it follows a zero.
    #[inline]
    pub(crate) fn token(&self, class: u8, is_after_zero: bool) -> u32 {
        let at = usize::from(class) | (usize::from(is_after_zero) * AFTER_ZERO);
        self.costs[at % 32].into()
    }

    /// The cost of the block's end.
    #[inline]
    pub(crate) fn end(&self) -> u32 {
        self.costs[END].into()
    }
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
    let mut classes = [0; CLASSES];
    classes[0] = bool_cost_q8(false, not_zero);
    classes[1] = any + bool_cost_q8(false, large);
    for (to, cost) in classes[2..].iter_mut().zip(tail) {
        *to = many + cost;
    }
    let more_cost = bool_cost_q8(true, more);
    let mut costs = [0; 32];
    let (first, after_zero) = costs.split_at_mut(AFTER_ZERO);
    for ((first, after_zero), (class, bits)) in
        first.iter_mut().zip(after_zero).zip(classes.into_iter().zip(RAW_BITS))
    {
        *after_zero = class + 256 * bits;
        *first = *after_zero + more_cost;
    }
    costs[END] = bool_cost_q8(false, more);
    ContextCosts { costs }
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
