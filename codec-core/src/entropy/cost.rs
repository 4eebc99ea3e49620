//! Bit costs of symbols.

use super::BoolSink;

/// Cost of a `false` by its probability, in 1/256 bit.
static FALSE_COST_Q8: [u16; 257] = cost_table();

/// Computes `256 * log2(256 / prob)`, rounded. Index 256 is certainty; index 0 counts as a
/// probability of half of 1/256.
const fn cost_table() -> [u16; 257] {
    let mut table = [0; 257];
    table[0] = 9 * 256;
    let mut prob = 1;
    while prob <= 256 {
        table[prob as usize] = 8 * 256 - log2_q8(prob);
        prob += 1;
    }
    table
}

/// Returns the binary logarithm in 1/256, rounded to nearest, by repeated squaring.
#[expect(clippy::cast_possible_truncation, reason = "a logarithm below 32")]
const fn log2_q8(n: u32) -> u16 {
    let whole = n.ilog2() as u16;
    // 1.0 <= x < 2.0 with 31 fractional bits.
    let mut x = (n as u64) << (31 - whole);
    let mut fraction = 0_u16;
    let mut bit = 0;
    while bit < 9 {
        x = (x * x) >> 31;
        fraction *= 2;
        if x >= 1 << 32 {
            x >>= 1;
            fraction += 1;
        }
        bit += 1;
    }
    whole * 256 + fraction.div_ceil(2)
}

/// Returns the cost of `bit` in 1/256 bit; `prob` is the probability of `false`.
#[inline]
#[must_use]
pub fn bool_cost_q8(bit: bool, prob: u8) -> u16 {
    let index = if bit { 256 - usize::from(prob) } else { usize::from(prob) };
    FALSE_COST_Q8[index]
}

/// A sink that sums up bit costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostCounter(u64);

impl CostCounter {
    /// Returns the cost so far, in 1/256 bit.
    #[inline]
    #[must_use]
    pub fn q8(self) -> u64 {
        self.0
    }
}

impl BoolSink for CostCounter {
    #[inline]
    fn put_bool(&mut self, bit: bool, prob: u8) {
        self.0 += u64::from(bool_cost_q8(bit, prob));
    }

    #[inline]
    fn put_literal(&mut self, _value: u32, bits: u32) {
        self.0 += u64::from(bits) * 256;
    }
}

/// Returns the probability (1..=255) that minimises the cost of `counts` falses and trues; 128 if
/// both are zero.
#[inline]
#[must_use]
pub fn prob_from_counts(counts: [u32; 2]) -> u8 {
    let [falses, trues] = counts.map(u64::from);
    let total = falses + trues;
    if total == 0 {
        return 128;
    }
    let prob = (falses * 256 + total / 2) / total;
    u8::try_from(prob.clamp(1, 255)).unwrap_or(128)
}
