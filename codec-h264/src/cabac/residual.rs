//! Parses residual blocks. ITU-T H.264, clauses 7.3.5.3.3 and 9.3.3.1.3.

use super::{CabacDecoder, Contexts};
use crate::tables::cabac::{LAST_8X8, SIGNIFICANT_8X8};
use crate::transform::Dequant;

/// `ctxBlockCat`: kinds of blocks of coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum BlockCategory {
    LumaDc,
    LumaAc,
    Luma4x4,
    ChromaDc,
    ChromaAc,
    Luma8x8,
}

/// First contexts of the syntax elements of a category.
pub(crate) struct Bases {
    /// First context of `significant_coeff_flag` in frame and in field macroblocks.
    pub significant: [usize; 2],
    pub last: [usize; 2],
    pub level: usize,
}

impl BlockCategory {
    pub(crate) const fn bases(self) -> Bases {
        let (significant, last, level) = match self {
            Self::LumaDc => ([105, 277], [166, 338], 227),
            Self::LumaAc => ([120, 292], [181, 353], 237),
            Self::Luma4x4 => ([134, 306], [195, 367], 247),
            Self::ChromaDc => ([149, 321], [210, 382], 257),
            Self::ChromaAc => ([152, 324], [213, 385], 266),
            Self::Luma8x8 => ([402, 436], [417, 451], 426),
        };
        Bases { significant, last, level }
    }

    /// Returns the first context of `coded_block_flag`.
    #[inline]
    #[must_use]
    pub const fn coded_block_flag(self) -> usize {
        85 + 4 * self as usize
    }
}

/// Decodes a block with at least one coefficient and returns their number.
///
/// The coefficient at scan position `i` is scaled and stored in `out[scan[i]]`; `scan` has one entry
/// for each coefficient of the block.
pub fn residual_block(
    decoder: &mut CabacDecoder<'_>,
    contexts: &mut Contexts,
    category: BlockCategory,
    is_field: bool,
    scan: &[u8],
    dequant: &Dequant<'_>,
    out: &mut [i16],
) -> u8 {
    let bases = category.bases();
    let field = usize::from(is_field);
    let (significant, last) = (bases.significant[field], bases.last[field]);
    // A local copy stays in registers.
    let mut engine = decoder.clone();
    let mut positions = [0; 64];
    let count = match category {
        BlockCategory::Luma8x8 => {
            let increments = &SIGNIFICANT_8X8[field];
            significance(&mut engine, contexts, scan, &mut positions, |at| {
                (
                    significant + usize::from(increments[at & 63]),
                    last + usize::from(LAST_8X8[at & 63]),
                )
            })
        }
        BlockCategory::ChromaDc => {
            significance(&mut engine, contexts, scan, &mut positions, |at| {
                (significant + at.min(2), last + at.min(2))
            })
        }
        _ => significance(&mut engine, contexts, scan, &mut positions, |at| {
            (significant + at, last + at)
        }),
    };
    let max_above = 4 - usize::from(category == BlockCategory::ChromaDc);
    let (mut ones, mut above) = (0, 0);
    for &position in positions[..count.min(64)].iter().rev() {
        let first = bases.level + if above > 0 { 0 } else { (1 + ones).min(4) };
        let magnitude = if engine.bin(contexts, first) {
            let rest = bases.level + 5 + above.min(max_above);
            above += 1;
            level_above_one(&mut engine, contexts, rest)
        } else {
            ones += 1;
            1
        };
        let sign = -i32::from(engine.bypass());
        let level = (magnitude ^ sign) - sign;
        if let Some(out) = out.get_mut(usize::from(position)) {
            *out = dequant.scale(level, usize::from(position));
        }
    }
    *decoder = engine;
    u8::try_from(count).unwrap_or(64)
}

/// Decodes the map of significant coefficients: stores their positions and returns their number.
/// `contexts_at` returns the contexts of `significant_coeff_flag` and `last_significant_coeff_flag`
/// at a scan position.
#[inline(always)]
fn significance(
    decoder: &mut CabacDecoder<'_>,
    contexts: &mut Contexts,
    scan: &[u8],
    positions: &mut [u8; 64],
    contexts_at: impl Fn(usize) -> (usize, usize),
) -> usize {
    let mut count = 0;
    let Some((&end, before)) = scan.split_last() else { return 0 };
    for (at, &position) in before.iter().enumerate() {
        let (significant, last) = contexts_at(at);
        if decoder.bin(contexts, significant) {
            positions[count & 63] = position;
            count += 1;
            if decoder.bin(contexts, last) {
                return count;
            }
        }
    }
    positions[count & 63] = end;
    count + 1
}

/// Decodes the rest of a level that is not 1: a unary prefix to 14, then an Exp-Golomb code.
#[inline(always)]
fn level_above_one(decoder: &mut CabacDecoder<'_>, contexts: &mut Contexts, context: usize) -> i32 {
    let mut magnitude = 2;
    while magnitude < 15 && decoder.bin(contexts, context) {
        magnitude += 1;
    }
    if magnitude < 15 {
        return magnitude;
    }
    // A copy, so that the address of the other engine is not taken: it stays in registers.
    let mut engine = decoder.clone();
    let rest = exp_golomb(&mut engine, 0);
    *decoder = engine;
    magnitude + rest
}

/// Decodes an Exp-Golomb code of order `k` in bypass bins. Codes of more than 16 ones, which no
/// valid stream has, are cut.
#[inline(never)]
pub fn exp_golomb(decoder: &mut CabacDecoder<'_>, mut k: u32) -> i32 {
    let mut value = 0;
    while k < 20 && decoder.bypass() {
        value += 1 << k;
        k += 1;
    }
    while k > 0 {
        k -= 1;
        value += i32::from(decoder.bypass()) << k;
    }
    value
}
