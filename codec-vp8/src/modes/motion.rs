//! Inter modes, motion vectors and split vectors; parser and writer. RFC 6386, sections 16.3, 16.4
//! and 17.

use super::super::tables::{
    MV_LONG, MV_LONG_BITS, MV_SHORT, MV_SIGN, MvProbs, PARTITIONING_PROBS, SUB_MV_PROBS,
};
use super::super::types::{InterMode, MotionVector, Partitioning};
use super::near::{NearMvs, NearVectors};
use codec_core::branch;
use codec_core::entropy::{BoolDecoder, BoolSink, Tree};

/// Maximum magnitude of a coded vector component, in quarter pixels.
pub const MAX_MV_DELTA: i16 = (1 << MV_LONG_BITS) - 1;

const PARTITIONINGS: [Partitioning; 4] = [
    Partitioning::TopBottom,
    Partitioning::LeftRight,
    Partitioning::Quarters,
    Partitioning::Sixteenths,
];

static SHORT_TREE: Tree<14, 8> = Tree::new([2, 8, 4, 6, 0, -1, -2, -3, 10, 12, -4, -5, -6, -7]);
static PARTITIONING_TREE: Tree<6, 4> = Tree::new([-3, 2, -2, 4, 0, -1]);
static SUB_MV_TREE: Tree<6, 4> = Tree::new([0, 2, -1, 4, -2, -3]);

/// Leaves of [`SUB_MV_TREE`].
const LEFT: usize = 0;
const ABOVE: usize = 1;
const ZERO: usize = 2;
const NEW: usize = 3;

/// Sub-blocks of each partition as bit masks in raster order, by [`Partitioning`].
pub static PARTITIONS: [&[u16]; 4] = [
    &[0x00ff, 0xff00],
    &[0x3333, 0xcccc],
    &[0x0033, 0x00cc, 0x3300, 0xcc00],
    &[
        1 << 0,
        1 << 1,
        1 << 2,
        1 << 3,
        1 << 4,
        1 << 5,
        1 << 6,
        1 << 7,
        1 << 8,
        1 << 9,
        1 << 10,
        1 << 11,
        1 << 12,
        1 << 13,
        1 << 14,
        1 << 15,
    ],
];

impl MotionVector {
    /// Packs both components into one word, for fast comparison.
    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        u32::from(self.x.cast_unsigned()) | u32::from(self.y.cast_unsigned()) << 16
    }

    /// Returns the negated vector, wrapping.
    #[inline]
    #[must_use]
    pub fn wrapping_neg(self) -> Self {
        Self { x: self.x.wrapping_neg(), y: self.y.wrapping_neg() }
    }

    /// Returns the sum of both vectors, wrapping at 16 bits (which valid streams do not reach).
    #[inline]
    #[must_use]
    pub fn wrapping_add(self, other: Self) -> Self {
        Self { x: self.x.wrapping_add(other.x), y: self.y.wrapping_add(other.y) }
    }

    /// Returns the difference of both vectors, wrapping at 16 bits.
    #[inline]
    #[must_use]
    pub fn wrapping_sub(self, other: Self) -> Self {
        Self { x: self.x.wrapping_sub(other.x), y: self.y.wrapping_sub(other.y) }
    }
}

/// A leaf of the inter mode tree; the partitioning of a split follows it.
#[derive(Clone, Copy)]
pub(super) enum InterSymbol {
    Nearest,
    Near,
    Zero,
    New,
    Split,
}

/// Parses an inter mode. Section 16.3. Probabilities are looked up only as needed.
#[inline(always)]
pub(super) fn parse_inter_mode(reader: &mut BoolDecoder<'_>, near_mvs: &NearMvs) -> InterSymbol {
    branch!(
        reader,
        near_mvs.mode_prob(0),
        branch!(
            reader,
            near_mvs.mode_prob(1),
            branch!(
                reader,
                near_mvs.mode_prob(2),
                branch!(reader, near_mvs.mode_prob(3), InterSymbol::Split, InterSymbol::New),
                InterSymbol::Near
            ),
            InterSymbol::Nearest
        ),
        InterSymbol::Zero
    )
}

/// Writes the inter mode `mode`. Section 16.3.
#[inline]
pub fn write_inter_mode<S: BoolSink>(sink: &mut S, near: &NearVectors, mode: InterMode) {
    // Each mode is one branch further down the tree: zero, nearest, near, new, split.
    let [to_zero, to_nearest, to_near, to_new] = near.mode_probs;
    sink.put_bool(mode != InterMode::Zero, to_zero);
    if mode == InterMode::Zero {
        return;
    }
    sink.put_bool(mode != InterMode::Nearest, to_nearest);
    if mode == InterMode::Nearest {
        return;
    }
    sink.put_bool(mode != InterMode::Near, to_near);
    if mode != InterMode::Near {
        sink.put_bool(mode != InterMode::New, to_new);
    }
}

/// Parses the difference of a vector to its prediction. Section 17.
pub fn parse_mv(reader: &mut BoolDecoder<'_>, probs: &[MvProbs; 2]) -> MotionVector {
    let mut local = reader.clone();
    let y = parse_component(&mut local, &probs[0]);
    let x = parse_component(&mut local, &probs[1]);
    *reader = local;
    MotionVector { x, y }
}

/// Writes a difference that [`parse_mv`] parses; components are at most [`MAX_MV_DELTA`] in
/// magnitude.
#[inline]
pub fn write_mv<S: BoolSink>(sink: &mut S, delta: MotionVector, probs: &[MvProbs; 2]) {
    write_component(sink, delta.y, &probs[0]);
    write_component(sink, delta.x, &probs[1]);
}

/// Bit order of a long component; the last bit is omitted if it must be set.
const LONG_ORDER: [usize; MV_LONG_BITS] = [0, 1, 2, 9, 8, 7, 6, 5, 4, 3];

/// Parses a vector component. Section 17.1.
#[inline(always)]
fn parse_component(reader: &mut BoolDecoder<'_>, probs: &MvProbs) -> i16 {
    let magnitude = branch!(
        reader,
        probs[0],
        {
            let mut long = 0;
            for &bit in &LONG_ORDER[..MV_LONG_BITS - 1] {
                long |= i16::from(reader.get_bool(probs[MV_LONG + bit])) << bit;
            }
            if long < 16 || reader.get_bool(probs[MV_LONG + 3]) { long | 8 } else { long }
        },
        {
            // The tree is complete: three bits, each with the probability of its node.
            let tree = MV_SHORT - 1;
            let mut node = 1;
            for _ in 0..2 {
                node = 2 * node + usize::from(reader.get_bool(probs[tree + SHORT_NODES[node]]));
            }
            let last = reader.get_bool(probs[tree + SHORT_NODES[node]]);
            let short = (node.to_le_bytes()[0] & 3) << 1 | u8::from(last);
            if short == 0 {
                return 0;
            }
            i16::from(short)
        }
    );
    if reader.get_bool(probs[MV_SIGN]) { -magnitude } else { magnitude }
}

/// For each node of a complete tree of depth 3, numbered from 1 by levels, its index (from 1) in
/// the short tree's probabilities.
const SHORT_NODES: [usize; 8] = [0, 1, 2, 5, 3, 4, 6, 7];

/// Writes a vector component. Section 17.1.
fn write_component<S: BoolSink>(sink: &mut S, value: i16, probs: &MvProbs) {
    debug_assert!(value.unsigned_abs() <= MAX_MV_DELTA.unsigned_abs(), "cannot code {value}");
    let magnitude = value.unsigned_abs();
    sink.put_bool(magnitude >= 8, probs[0]);
    if magnitude >= 8 {
        for &bit in &LONG_ORDER[..MV_LONG_BITS - 1] {
            sink.put_bool((magnitude >> bit) & 1 != 0, probs[MV_LONG + bit]);
        }
        if magnitude >= 16 {
            sink.put_bool(magnitude & 8 != 0, probs[MV_LONG + 3]);
        }
    } else {
        SHORT_TREE.write(sink, &probs[MV_SHORT..MV_LONG], usize::from(magnitude));
        if magnitude == 0 {
            return;
        }
    }
    sink.put_bool(value < 0, probs[MV_SIGN]);
}

/// Returns the vectors to the left of and above sub-block `n`.
#[inline]
fn sub_neighbours(
    mvs: &[MotionVector; 16],
    n: usize,
    above: &[MotionVector; 4],
    left: &[MotionVector; 4],
) -> (MotionVector, MotionVector) {
    let left = if n.is_multiple_of(4) { left[n / 4] } else { mvs[n - 1] };
    let above = if n < 4 { above[n] } else { mvs[n - 4] };
    (left, above)
}

/// Returns the probabilities of a sub-block's vector mode by its neighbours. Section 16.4.
#[inline]
#[must_use]
pub fn sub_mv_probs(left: MotionVector, above: MotionVector) -> &'static [u8; 3] {
    let context = if left == above {
        if above == MotionVector::ZERO { 4 } else { 3 }
    } else if above == MotionVector::ZERO {
        2
    } else {
        usize::from(left == MotionVector::ZERO)
    };
    &SUB_MV_PROBS[context]
}

fn fill(mvs: &mut [MotionVector; 16], part: u16, mv: MotionVector) {
    for (n, slot) in mvs.iter_mut().enumerate() {
        if part >> n & 1 != 0 {
            *slot = mv;
        }
    }
}

/// Parses partitioning and vectors of a split macroblock, overwriting `mvs`.
///
/// `above` and `left` are the neighbouring vectors, zero for intra macroblocks. Section 16.4.
pub fn parse_split(
    reader: &mut BoolDecoder<'_>,
    best: MotionVector,
    probs: &[MvProbs; 2],
    above: &[MotionVector; 4],
    left: &[MotionVector; 4],
    mvs: &mut [MotionVector; 16],
) -> Partitioning {
    let partitioning = PARTITIONINGS[PARTITIONING_TREE.parse(reader, &PARTITIONING_PROBS)];
    for &part in PARTITIONS[partitioning as usize] {
        let first = part.trailing_zeros() as usize;
        let (left_mv, above_mv) = sub_neighbours(mvs, first, above, left);
        let mv = match SUB_MV_TREE.parse(reader, sub_mv_probs(left_mv, above_mv)) {
            LEFT => left_mv,
            ABOVE => above_mv,
            ZERO => MotionVector::ZERO,
            _ => best.wrapping_add(parse_mv(reader, probs)),
        };
        if partitioning == Partitioning::Sixteenths {
            mvs[first] = mv;
        } else {
            fill(mvs, part, mv);
        }
    }
    partitioning
}

/// Writes a split macroblock that [`parse_split`] parses: all sub-blocks of a partition have equal
/// vectors in `mvs`.
pub fn write_split<S: BoolSink>(
    sink: &mut S,
    partitioning: Partitioning,
    mvs: &[MotionVector; 16],
    best: MotionVector,
    probs: &[MvProbs; 2],
    above: &[MotionVector; 4],
    left: &[MotionVector; 4],
) {
    write_partitioning(sink, partitioning);
    for &part in PARTITIONS[partitioning as usize] {
        let first = part.trailing_zeros() as usize;
        write_sub_mv(sink, mvs, first, best, probs, above, left);
    }
}

/// Writes the partitioning of a split macroblock.
pub fn write_partitioning<S: BoolSink>(sink: &mut S, partitioning: Partitioning) {
    PARTITIONING_TREE.write(sink, &PARTITIONING_PROBS, partitioning as usize);
}

/// Writes the vector of the partition that begins with sub-block `n`.
pub fn write_sub_mv<S: BoolSink>(
    sink: &mut S,
    mvs: &[MotionVector; 16],
    n: usize,
    best: MotionVector,
    probs: &[MvProbs; 2],
    above: &[MotionVector; 4],
    left: &[MotionVector; 4],
) {
    let mv = mvs[n];
    let (left_mv, above_mv) = sub_neighbours(mvs, n, above, left);
    // The first matching mode is the cheapest in every context.
    let kind = if mv == left_mv {
        LEFT
    } else if mv == above_mv {
        ABOVE
    } else if mv == MotionVector::ZERO {
        ZERO
    } else {
        NEW
    };
    SUB_MV_TREE.write(sink, sub_mv_probs(left_mv, above_mv), kind);
    if kind == NEW {
        write_mv(sink, mv.wrapping_sub(best), probs);
    }
}
