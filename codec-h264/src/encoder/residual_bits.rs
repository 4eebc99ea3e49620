//! Estimates the bits of blocks of coefficient levels, with tables that are filled once per slice.

use crate::cabac::{BlockCategory, Contexts};
use crate::tables::cabac::{LAST_8X8, SIGNIFICANT_8X8};

/// Kinds of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    Inter4x4,
    Inter8x8,
    Intra4x4,
    Intra8x8,
    /// AC of `Intra_16x16`.
    Ac,
    /// DC of `Intra_16x16`.
    LumaDc,
    ChromaDc,
    ChromaAc,
}

const KINDS: [BlockKind; 8] = [
    BlockKind::Inter4x4,
    BlockKind::Inter8x8,
    BlockKind::Intra4x4,
    BlockKind::Intra8x8,
    BlockKind::Ac,
    BlockKind::LumaDc,
    BlockKind::ChromaDc,
    BlockKind::ChromaAc,
];

impl BlockKind {
    fn category(self) -> BlockCategory {
        match self {
            Self::Inter4x4 | Self::Intra4x4 => BlockCategory::Luma4x4,
            Self::Inter8x8 | Self::Intra8x8 => BlockCategory::Luma8x8,
            Self::Ac => BlockCategory::LumaAc,
            Self::LumaDc => BlockCategory::LumaDc,
            Self::ChromaDc => BlockCategory::ChromaDc,
            Self::ChromaAc => BlockCategory::ChromaAc,
        }
    }
}

/// Number of states of the coder between two levels: the number of levels of 1 so far, up to 3; if
/// there were larger ones, 3 and their number, up to 4.
pub(super) const STATES: usize = 8;

/// Returns the state after a level.
#[inline]
pub(super) fn next_state(state: usize, magnitude: u32) -> usize {
    const AFTER_LARGER: [usize; STATES] = [4, 4, 4, 4, 5, 6, 7, 7];
    if magnitude > 1 { AFTER_LARGER[state % STATES] } else { state_after_one(state) }
}

/// Returns the state after a level of 1.
#[inline]
pub(super) fn state_after_one(state: usize) -> usize {
    const AFTER_ONE: [usize; STATES] = [1, 2, 3, 3, 4, 5, 6, 7];
    AFTER_ONE[state % STATES]
}

/// Returns whether a level above 1 led to the state.
#[inline]
pub(super) fn is_after_larger(state: usize) -> bool {
    state > 3
}

/// Costs of blocks of one kind, in 1/256 bit. Levels are coded from the last to the first.
#[derive(Clone, Debug)]
pub(super) struct BlockCosts {
    /// The position of the last level: all flags of the map, if the other levels are 0.
    pub last: [u16; 64],
    /// Bits that a level before the last one adds to the map; may be negative.
    pub inner: [i16; 64],
    /// Bits of a level with its sign, by state and magnitude.
    level: [[u16; 16]; STATES],
    /// Whether the block has levels.
    pub coded: [u16; 2],
}

impl BlockCosts {
    const EMPTY: Self =
        Self { last: [0; 64], inner: [0; 64], level: [[0; 16]; STATES], coded: [0; 2] };

    /// Returns the bits of a level of 1.
    #[inline]
    pub(super) fn one(&self, state: usize) -> i32 {
        self.level[state % STATES][1].into()
    }

    /// Returns the bits of a level that is not zero.
    #[inline]
    pub(super) fn level(&self, state: usize, magnitude: u32) -> u32 {
        let costs = &self.level[state % STATES];
        match costs.get(magnitude as usize) {
            Some(&cost) => cost.into(),
            // The code of the rest doubles with every second bit.
            None => u32::from(costs[15]) + 512 * (magnitude - 14).ilog2(),
        }
    }

    /// Returns the bits of a block whose levels that are not zero are at the bits of `positions`.
    #[inline]
    pub(super) fn block(&self, levels: &[i16], positions: u64) -> u32 {
        if positions == 0 {
            return self.coded[0].into();
        }
        let mut at = positions.ilog2();
        let mut bits = i64::from(self.coded[1]) + i64::from(self.last[at as usize]);
        let (mut rest, mut state) = (positions, 0);
        loop {
            let magnitude = levels.get(at as usize).map_or(1, |level| level.unsigned_abs().into());
            bits += i64::from(self.level(state, magnitude));
            state = next_state(state, magnitude);
            rest ^= 1 << at;
            if rest == 0 {
                break;
            }
            at = rest.ilog2();
            bits += i64::from(self.inner[at as usize]);
        }
        u32::try_from(bits).unwrap_or(0)
    }

    /// Fills in the costs from the states of the contexts.
    fn fill_from_contexts(&mut self, kind: BlockKind, contexts: &Contexts) {
        let category = kind.category();
        let bases = category.bases();
        // In AC blocks, position 0 is unused.
        let (first, len) = match category {
            BlockCategory::LumaAc | BlockCategory::ChromaAc => (1, 15),
            BlockCategory::ChromaDc => (0, 4),
            BlockCategory::Luma8x8 => (0, 64),
            _ => (0, 16),
        };
        let mut zeros = 0;
        for at in 0..len {
            let (significant, last) = match category {
                BlockCategory::Luma8x8 => {
                    (SIGNIFICANT_8X8[0][at.min(62)].into(), LAST_8X8[at.min(62)].into())
                }
                BlockCategory::ChromaDc => (at.min(2), at.min(2)),
                _ => (at, at),
            };
            let significant = |bin| contexts.cost(bases.significant[0] + significant, bin);
            let last = |bin| contexts.cost(bases.last[0] + last, bin);
            let flags = if at + 1 < len { significant(true) + last(true) } else { 0 };
            let inner = difference(significant(true) + last(false), significant(false));
            self.last[first + at] = narrow(zeros + flags);
            self.inner[first + at] = inner;
            zeros += significant(false);
        }
        for (state, costs) in self.level.iter_mut().enumerate() {
            let max_above = 4 - usize::from(category == BlockCategory::ChromaDc);
            let above = state.saturating_sub(3);
            let larger = bases.level + if above > 0 { 0 } else { 1 + state };
            let further = bases.level + 5 + above.min(max_above);
            costs[1] = narrow(256 + contexts.cost(larger, false));
            let mut prefix = 256 + contexts.cost(larger, true);
            for cost in &mut costs[2..15] {
                *cost = narrow(prefix + contexts.cost(further, false));
                prefix += contexts.cost(further, true);
            }
            costs[15] = narrow(prefix + 256);
        }
        if category != BlockCategory::Luma8x8 {
            // The neighbours decide between four contexts.
            let flag = category.coded_block_flag();
            let mean = |bin| (0..4).map(|n| contexts.cost(flag + n, bin)).sum::<u32>() / 4;
            self.coded = [narrow(mean(false)), narrow(mean(true))];
        }
    }

    fn fill_from_law(&mut self, law: [u16; 5]) {
        let [base, level, position, octave, empty] = law.map(u32::from);
        let q8 = |hundredths: u32| (hundredths * 256 + 50) / 100;
        let mut end = 0;
        for cost in &mut self.last {
            end += 1;
            *cost = narrow(q8(base + position * end));
        }
        for costs in &mut self.level {
            for (magnitude, cost) in (1_u32..).zip(&mut costs[1..]) {
                *cost =
                    narrow(q8(level) + ((q8(octave) * OCTAVES[magnitude.min(15) as usize]) >> 8));
            }
        }
        self.coded = [narrow(q8(empty)), 0];
    }
}

fn narrow(bits: u32) -> u16 {
    u16::try_from(bits).unwrap_or(u16::MAX)
}

fn difference(a: u32, b: u32) -> i16 {
    i16::try_from(a).unwrap_or(i16::MAX).saturating_sub(i16::try_from(b).unwrap_or(i16::MAX))
}

/// Linear laws of CAVLC by kind, in 1/100 bit: of a block with levels, per level, per position up to
/// the last level, per octave of the magnitudes; of a block without levels. Measured over streams of
/// moderate quality.
static CAVLC: [[u16; 5]; 8] = [
    [125, 280, 69, 140, 100],
    [125, 290, 50, 140, 0],
    [200, 200, 100, 170, 120],
    [200, 260, 55, 160, 0],
    [140, 240, 80, 150, 100],
    [200, 200, 100, 170, 120],
    [50, 235, 90, 160, 100],
    [165, 250, 73, 150, 100],
];

/// `256 * log2(n)`.
static OCTAVES: [u32; 16] =
    [0, 0, 256, 406, 512, 594, 662, 719, 768, 812, 850, 886, 918, 947, 975, 1000];

/// Costs of the blocks of a slice.
#[derive(Clone, Debug)]
pub(super) struct ResidualBits {
    kinds: [BlockCosts; 8],
}

impl ResidualBits {
    /// Creates the costs in CAVLC.
    pub(super) fn cavlc() -> Self {
        let mut kinds = [BlockCosts::EMPTY; 8];
        for (costs, law) in kinds.iter_mut().zip(CAVLC) {
            costs.fill_from_law(law);
        }
        Self { kinds }
    }

    /// Sets the costs to the costs of CABAC with `contexts`.
    pub(super) fn set_contexts(&mut self, contexts: &Contexts) {
        for (costs, kind) in self.kinds.iter_mut().zip(KINDS) {
            costs.fill_from_contexts(kind, contexts);
        }
    }

    /// Returns the costs of a kind of blocks.
    #[inline]
    pub(super) fn of(&self, kind: BlockKind) -> &BlockCosts {
        &self.kinds[kind as usize]
    }

    /// Returns the bits of a block whose levels that are not zero are at the bits of `positions`, in
    /// 1/256 bit.
    #[inline]
    pub(super) fn block(&self, kind: BlockKind, levels: &[i16], positions: u64) -> u32 {
        self.of(kind).block(levels, positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cabac::{CabacEncoder, write_residual_block};

    #[test]
    fn more_levels_and_larger_ones_cost_more_in_cavlc() {
        let bits = ResidualBits::cavlc();
        let mut levels = [0; 16];
        let mut last = bits.block(BlockKind::Inter4x4, &levels, 0);
        for n in 0..16 {
            levels[n] = 1;
            let cost = bits.block(BlockKind::Inter4x4, &levels, (1 << (n + 1)) - 1);
            assert!(cost > last);
            last = cost;
        }
        levels[3] = -5;
        assert!(bits.block(BlockKind::Inter4x4, &levels, 0xffff) > last);
        let small = bits.of(BlockKind::Inter4x4).level(0, 15);
        assert!(bits.of(BlockKind::Inter4x4).level(0, 100) > small);
    }

    /// Bits that CABAC writes for `levels` from contexts as at the start of a slice, in 1/256 bit.
    fn written(kind: BlockKind, levels: &[i16]) -> f64 {
        const COUNT: usize = 400;
        let mut encoder = CabacEncoder::default();
        encoder.begin(Vec::new());
        for _ in 0..COUNT {
            let mut contexts = Contexts::new(Some(0), 28);
            write_residual_block(&mut encoder, &mut contexts, kind.category(), levels);
        }
        let bytes = encoder.terminate();
        bytes.len() as f64 * 8.0 * 256.0 / COUNT as f64
    }

    #[test]
    fn costs_in_cabac_are_close_to_the_written_bits() {
        let mut bits = ResidualBits::cavlc();
        bits.set_contexts(&Contexts::new(Some(0), 28));
        let mut state = 7_u32;
        let mut random = |end: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((u64::from(state) * u64::from(end)) >> 32) as usize
        };
        for kind in KINDS {
            let (len, first) = match kind {
                BlockKind::Inter8x8 | BlockKind::Intra8x8 => (64, 0),
                BlockKind::ChromaDc => (4, 0),
                BlockKind::Ac | BlockKind::ChromaAc => (15, 1),
                _ => (16, 0),
            };
            for _ in 0..20 {
                let mut levels = [0_i16; 65];
                for _ in 0..5 {
                    levels[first + random(len)] = [1, -1, 1, -1, 2, -3, 4][random(7)];
                }
                let positions = (0..64).fold(0, |bits, n| bits | u64::from(levels[n] != 0) << n);
                let flag = u32::from(bits.of(kind).coded[1]);
                let cost = f64::from(bits.block(kind, &levels[..64], positions) - flag);
                let real = written(kind, &levels[first..first + len as usize]);
                // Contexts change within a block.
                assert!((cost - real).abs() < 0.2 * real + 256.0, "{kind:?}: {cost} {real}");
            }
        }
    }
}
