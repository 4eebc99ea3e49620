//! Costs of coefficient tokens in 1/256 bit.

use codec_core::entropy::{CostCounter, bool_cost_q8};

use super::write::tokens::{magnitude_class, write_large};
use crate::probability::Probabilities;
use crate::tables::coefficients::{CATEGORIES, PARETO};

/// Costs in one context of a band.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ContextCosts {
    /// The block ends here; it does not end.
    pub(crate) end: u16,
    pub(crate) more: u16,
    /// Levels 0, 1, 2, 3, 4 and categories 1 to 6, without sign and extra bits: by [`Token::class`].
    pub(crate) classes: [u16; 12],
}

/// What a level costs apart from its context, and what it does to the contexts of later ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) class: u8,
    /// See [`magnitude_class`].
    pub(crate) magnitude: u8,
    /// Cost of the sign and the extra bits.
    pub(crate) raw: u16,
}

impl Token {
    /// Returns the token of a level.
    #[inline]
    pub(crate) fn of(level: i16) -> Self {
        TOKENS[usize::from(level.unsigned_abs()).min(TOKENS.len() - 1)]
    }
}

/// Tokens of levels up to the first one of category 6, to which all larger ones belong.
static TOKENS: [Token; 68] = {
    let mut tokens = [Token { class: 0, magnitude: 0, raw: 0 }; 68];
    let mut size = 1;
    while size < tokens.len() {
        let (class, extra_bits) = class_of(size);
        tokens[size] =
            Token { class, magnitude: magnitude_class(size), raw: 256 * (1 + extra_bits) };
        size += 1;
    }
    tokens
};

/// Class of a level that is not zero in [`ContextCosts`], and the number of its extra bits, each of which
/// costs about one bit; in category 6 the first ones are nearly free.
const fn class_of(size: usize) -> (u8, u16) {
    match size {
        0..=1 => (1, 0),
        2 => (2, 0),
        3 => (3, 0),
        4 => (4, 0),
        5..=6 => (5, 1),
        7..=10 => (6, 2),
        11..=18 => (7, 3),
        19..=34 => (8, 4),
        35..=66 => (9, 5),
        _ => (10, 8),
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
