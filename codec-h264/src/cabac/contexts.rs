//! Context variables and their initialisation. ITU-T H.264, clause 9.3.1.1.

use crate::tables::cabac::{RANGE_LPS, STATE_AFTER_LPS};
use crate::tables::cabac_init::{CONTEXT_INIT, CONTEXTS};

/// The context variables of a slice: twice the state, plus the more probable symbol.
#[derive(Clone, Debug)]
pub struct Contexts(pub(super) [u8; CONTEXTS]);

impl Contexts {
    /// Returns the contexts at the start of a slice with the quantiser `qp`. `init_idc` is `None`
    /// in I slices, and `cabac_init_idc` in others.
    #[must_use]
    pub fn new(init_idc: Option<u8>, qp: u8) -> Self {
        let table = &CONTEXT_INIT[init_idc.map_or(0, |idc| usize::from(idc.min(2)) + 1)];
        let qp = i32::from(qp.min(51));
        let mut contexts = [0; CONTEXTS];
        for (context, &(m, n)) in contexts.iter_mut().zip(table) {
            let pre = (((i32::from(m) * qp) >> 4) + i32::from(n)).clamp(1, 126);
            let state = if pre <= 63 { 2 * (63 - pre) } else { 2 * (pre - 64) + 1 };
            *context = u8::try_from(state).unwrap_or(0);
        }
        Self(contexts)
    }
}

/// The range of the less probable symbol, by 128 times bits 6 and 7 of the range plus the context.
/// The table has entries for all values of a byte as the context.
pub(super) static LPS_RANGES: [u8; 640] = lps_ranges();

const fn lps_ranges() -> [u8; 640] {
    let mut ranges = [0; 640];
    let mut index = 0;
    while index < 512 {
        ranges[index] = RANGE_LPS[index % 128 / 2][index / 128];
        index += 1;
    }
    ranges
}

/// The ranges of the less probable symbol by the context, in the four bytes of a word: the lowest
/// one for the shortest ranges. Unlike in [`LPS_RANGES`], the look-up does not wait for the range
/// of the last bin.
pub(super) static LPS_WORDS: [u32; 128] = lps_words();

const fn lps_words() -> [u32; 128] {
    let mut words = [0; 128];
    let mut index = 0;
    while index < 128 {
        words[index] = u32::from_le_bytes(RANGE_LPS[index / 2]);
        index += 1;
    }
    words
}

/// The context after the less probable symbol, and from 128 on after the more probable one. The
/// table has entries for all values of a byte as the context.
pub(super) static NEXT: [u8; 384] = NEXT_STATES;

const NEXT_STATES: [u8; 384] = next_states();

const fn next_states() -> [u8; 384] {
    let mut next = [0; 384];
    let mut context = 0;
    while context < 128_u8 {
        let (state, mps) = (context >> 1, context & 1);
        // In state 0 the symbols swap.
        let lps_mps = if state == 0 { mps ^ 1 } else { mps };
        next[context as usize] = STATE_AFTER_LPS[state as usize] << 1 | lps_mps;
        let after = if state < 62 { state + 1 } else { state };
        next[context as usize + 128] = after << 1 | mps;
        context += 1;
    }
    next
}

/// The context after the bin 0, and from 128 on after the bin 1.
pub(super) static NEXT_BY_BIN: [u8; 256] = {
    let mut next = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (context, bin) = (index % 128, index / 128);
        let is_mps = context % 2 == bin;
        next[index] = NEXT_STATES[if is_mps { context + 128 } else { context }];
        index += 1;
    }
    next
};

/// The number of bits by which a range is renormalised, by the range divided by 8. Ranges are 6 to
/// 510; renormalised ones have nine bits.
pub(super) static SHIFTS: [u8; 64] = shifts();

const fn shifts() -> [u8; 64] {
    let mut shifts = [6; 64];
    let mut index = 1;
    while index < 64_u8 {
        shifts[index as usize] = index.leading_zeros().to_le_bytes()[0] - 2;
        index += 1;
    }
    shifts
}
