//! Parsing of coefficient tokens.

use codec_core::entropy::BoolDecoder;

use crate::block::quantisers::Steps;
use crate::block::reconstruct::Tokens;
use crate::block::sample::Coefficient;
use crate::block::scans::Position;
use crate::probability::TokenCounts;
use crate::tables::coefficients::{CATEGORIES, CATEGORY_6, CATEGORY_6_BASE, PARETO};

/// Probabilities and statistics of the tokens of a transform: `[band][context]`.
#[derive(Debug)]
pub(crate) struct TokenContexts<'a> {
    pub(crate) probabilities: &'a [[[u8; 3]; 6]; 6],
    pub(crate) counts: &'a mut [[TokenCounts; 6]; 6],
    /// Class of magnitude by position, for the contexts of later positions.
    pub(crate) magnitudes: &'a mut [u8; 1024],
}

/// Meaning of the tokens of a transform.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenFormat {
    pub(crate) scan: &'static [Position],
    pub(crate) steps: Steps,
    /// Whether coefficients are halved: 32x32 transforms.
    pub(crate) is_halved: bool,
    /// Bits of a sample: 8, 10 or 12.
    pub(crate) depth: u8,
}

/// Takes the coefficients of a transform that are not zero.
pub(crate) trait CoefficientSink {
    /// Takes the dequantised coefficient at a position (0..1024) in column order.
    fn put(&mut self, at: u16, value: i64);
}

/// The coefficients are zero before.
impl<C: Coefficient> CoefficientSink for [C; 1024] {
    #[inline]
    fn put(&mut self, at: u16, value: i64) {
        self[usize::from(at) % 1024] = C::saturated(value);
    }
}

/// Parses the coefficients of a transform. `context` is the number of neighbouring transforms with
/// coefficients.
#[inline]
pub(crate) fn parse_tokens(
    shared: &mut BoolDecoder<'_>,
    contexts: TokenContexts<'_>,
    format: TokenFormat,
    context: usize,
    coefficients: &mut impl CoefficientSink,
) -> Tokens {
    let TokenFormat { scan, steps, is_halved, depth } = format;
    // A copy stays in registers.
    let mut local = shared.clone();
    let reader = &mut local;
    let TokenContexts { probabilities: all_probabilities, counts: all_counts, magnitudes } =
        contexts;
    let mut is_after_zero = false;
    let mut positions = 0;
    let mut context = context;
    for (index, position) in scan.iter().enumerate() {
        if index > 0 {
            let [a, b] = position.neighbours.map(|at| magnitudes[usize::from(at) % 1024]);
            context = usize::from((1 + a + b) >> 1);
        }
        let band = usize::from(position.band);
        let probabilities = &all_probabilities[band][context];
        let counts = &mut all_counts[band][context];
        if !is_after_zero {
            counts.end_tests += 1;
            if !reader.get_bool(probabilities[0]) {
                counts.ends += 1;
                *shared = local;
                return Tokens { any: index > 0, positions };
            }
        }
        is_after_zero = !reader.get_bool(probabilities[1]);
        if is_after_zero {
            counts.tokens[0] += 1;
            magnitudes[usize::from(position.at) % 1024] = 0;
            continue;
        }
        let (level, magnitude) = if reader.get_bool(probabilities[2]) {
            counts.tokens[2] += 1;
            parse_large(reader, &PARETO[usize::from(probabilities[2]) - 1], depth)
        } else {
            counts.tokens[1] += 1;
            (1, 1)
        };
        positions |= position.at;
        magnitudes[usize::from(position.at) % 1024] = magnitude;
        let value = i64::from(level) * i64::from(steps[usize::from(index > 0)]);
        let value = value >> u32::from(is_halved);
        let sign = i64::from(reader.get_sign(1));
        coefficients.put(position.at, value * sign);
    }
    *shared = local;
    Tokens { any: true, positions }
}

/// Parses a level above 1; also returns its class of magnitude.
fn parse_large(reader: &mut BoolDecoder<'_>, tail: &[u8; 8], depth: u8) -> (i32, u8) {
    if !reader.get_bool(tail[0]) {
        if !reader.get_bool(tail[1]) {
            return (2, 2);
        }
        return (3 + i32::from(reader.get_bool(tail[2])), 3);
    }
    let category = if !reader.get_bool(tail[3]) {
        usize::from(reader.get_bool(tail[4]))
    } else if !reader.get_bool(tail[5]) {
        2 + usize::from(reader.get_bool(tail[6]))
    } else {
        4 + usize::from(reader.get_bool(tail[7]))
    };
    let bits = 14 + usize::from(depth - 8);
    let (probabilities, base) = CATEGORIES
        .get(category)
        .copied()
        .unwrap_or((&CATEGORY_6[CATEGORY_6.len() - bits..], CATEGORY_6_BASE));
    let extra = probabilities
        .iter()
        .fold(0, |value, &probability| value << 1 | i32::from(reader.get_bool(probability)));
    (base + extra, if category < 2 { 4 } else { 5 })
}
