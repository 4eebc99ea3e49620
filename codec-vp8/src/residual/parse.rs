//! Token parser, the hottest loop of the decoder. RFC 6386, sections 13.2, 13.3 and 14.1.

use codec_simd::{BlockMask, Coeffs};

use super::super::header::Steps;
use super::super::tables::{BANDS, CoeffProbs, DEFAULT_COEFF_PROBS, ZIGZAG};
use super::{PlaneType, SideFlags};
use codec_core::branch;
use codec_core::entropy::BoolDecoder;

/// Probabilities of one plane type by scan position instead of band.
///
/// Position 16 is only accessed after a full block. Rows and contexts are padded to powers of two,
/// so that addressing needs no multiplication.
pub type BlockProbs = [[[u8; 16]; 4]; 17];

/// Token probabilities in the order of the parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenProbs([BlockProbs; 4]);

impl Default for TokenProbs {
    /// Returns the default probabilities of a key frame.
    fn default() -> Self {
        Self::new(&DEFAULT_COEFF_PROBS)
    }
}

impl TokenProbs {
    /// Expands `probs` to scan positions.
    #[must_use]
    pub fn new(probs: &CoeffProbs) -> Self {
        let mut spread = Self([[[[0; 16]; 4]; 17]; 4]);
        spread.update(probs);
        spread
    }

    /// Expands `probs` like [`Self::new`], in place.
    pub fn update(&mut self, probs: &CoeffProbs) {
        for (spread, bands) in self.0.iter_mut().zip(probs) {
            for (at, &band) in spread.iter_mut().zip(BANDS.iter().chain(&[7])) {
                for (row, probs) in at.iter_mut().zip(&bands[usize::from(band)]) {
                    row[..11].copy_from_slice(probs);
                }
            }
        }
    }

    /// Returns the probabilities of one plane type.
    #[inline]
    #[must_use]
    pub fn plane(&self, plane: PlaneType) -> &BlockProbs {
        &self.0[plane as usize]
    }
}

/// Dequantised coefficients of one macroblock in raster order, with masks of the non-empty blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MbCoeffs {
    /// Sixteen blocks; without DC if there is a Y2 block.
    pub luma: Coeffs<16>,
    /// Four blocks of U, four of V.
    pub chroma: Coeffs<8>,
    /// Y2: the transformed luma DCs.
    pub y2: Coeffs<1>,
    /// Mask of non-empty luma blocks.
    pub luma_mask: BlockMask,
    /// Mask of non-empty chroma blocks.
    pub chroma_mask: BlockMask,
    /// Whether the Y2 block has any coefficient.
    pub has_y2: bool,
}

impl MbCoeffs {
    /// Returns whether any block has a coefficient.
    #[inline]
    #[must_use]
    pub fn any(&self) -> bool {
        self.luma_mask.any | self.chroma_mask.any != 0 || self.has_y2
    }

    /// Resets to zero, touching only non-empty blocks.
    #[inline]
    pub fn clear(&mut self) {
        clear_blocks(&mut self.luma.0, self.luma_mask.any);
        clear_blocks(&mut self.chroma.0, self.chroma_mask.any);
        if self.has_y2 {
            self.y2 = Coeffs::default();
        }
        (self.luma_mask, self.chroma_mask) = Default::default();
        self.has_y2 = false;
    }
}

#[inline]
fn clear_blocks(blocks: &mut [[i16; 16]], any: u32) {
    let mut left = any;
    while left != 0 {
        if let Some(block) = blocks.get_mut(left.trailing_zeros() as usize) {
            *block = [0; 16];
        }
        left &= left - 1;
    }
}

/// Reads the extra bits of a category.
#[inline(always)]
fn extra_bits<const N: usize>(reader: &mut BoolDecoder<'_>, probs: [u8; N]) -> i32 {
    probs.iter().fold(0, |value, &prob| value << 1 | reader.get_bit(prob))
}

/// Reads a magnitude of 5 or more.
#[inline(always)]
fn category_magnitude(reader: &mut BoolDecoder<'_>, probs: &[u8; 16]) -> i32 {
    branch!(
        reader,
        probs[6],
        branch!(
            reader,
            probs[8],
            branch!(
                reader,
                probs[10],
                67 + extra_bits(reader, [254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129]),
                35 + extra_bits(reader, [180, 157, 141, 134, 130])
            ),
            branch!(
                reader,
                probs[9],
                19 + extra_bits(reader, [176, 155, 140, 135]),
                11 + extra_bits(reader, [173, 148, 140])
            )
        ),
        branch!(
            reader,
            probs[7],
            7 + extra_bits(reader, [165, 145]),
            5 + extra_bits(reader, [159])
        )
    )
}

/// Reads a magnitude of 2 or more.
#[inline(always)]
fn large_magnitude(reader: &mut BoolDecoder<'_>, probs: &[u8; 16]) -> i32 {
    branch!(
        reader,
        probs[3],
        category_magnitude(reader, probs),
        branch!(reader, probs[4], 3 + reader.get_bit(probs[5]), 2)
    )
}

/// Values that the blocks of one kind have in common.
#[derive(Clone, Copy)]
struct BlockKind<'a> {
    probs: &'a BlockProbs,
    /// Scan position of the first coefficient.
    first: usize,
    /// Quantiser steps of DC and AC.
    steps: [i16; 2],
}

/// Reads the rest of a block whose first symbol showed that it is not empty. `row` has the
/// probabilities of the first token. Stores the coefficients times the steps, wrapped to 16 bits,
/// in `out`, which must be all zero. Returns the scan position after the last token.
///
/// Out of line, because most blocks are empty: the loop over the blocks then needs few registers.
#[inline(never)]
fn parse_tokens<'a>(
    reader: &mut BoolDecoder<'_>,
    kind: BlockKind<'a>,
    mut row: &'a [u8; 16],
    out: &mut [i16; 16],
) -> usize {
    let BlockKind { probs, first, steps } = kind;
    // A local copy of the reader stays in registers; the one behind the reference would not.
    let mut local = reader.clone();
    let mut n = first;
    let eob = 'block: loop {
        // An end of block cannot follow a zero, which requires the inner loop.
        loop {
            branch!(local, row[1], break, {
                n += 1;
                if n == 16 {
                    break 'block 16;
                }
                row = &probs[n][0];
            });
        }
        let after = &probs[n + 1];
        let (magnitude, next) =
            branch!(local, row[2], (large_magnitude(&mut local, row), &after[2]), (1, &after[1]));
        let level = local.get_sign(magnitude);
        let value = level * i32::from(steps[usize::from(n > 0)]);
        #[expect(clippy::cast_possible_truncation, reason = "the standard wraps products")]
        let wrapped = value as i16;
        out[usize::from(ZIGZAG[n & 15]) & 15] = wrapped;
        n += 1;
        if n == 16 {
            break 16;
        }
        row = next;
        branch!(local, row[0], {}, break n);
    };
    *reader = local;
    eob
}

/// Reads one block: stores its coefficients times `steps` (DC, AC), wrapped to 16 bits, in `out`,
/// which must be all zero.
///
/// Returns the scan position after the last token, `first` for an empty block.
///
/// # Panics
/// If `first` is above 15 or `context` above 2.
pub fn parse_block(
    reader: &mut BoolDecoder<'_>,
    probs: &BlockProbs,
    context: usize,
    first: usize,
    steps: [i16; 2],
    out: &mut [i16; 16],
) -> usize {
    let row = &probs[first][context];
    let kind = BlockKind { probs, first, steps };
    branch!(reader, row[0], parse_tokens(reader, kind, row, out), first)
}

/// Reads a square of `W` x `W` blocks. `above` and `left` are the flags of the neighbours in their
/// lowest bits.
#[inline(always)]
fn parse_square<const W: usize>(
    reader: &mut BoolDecoder<'_>,
    kind: BlockKind<'_>,
    (above, left): (u32, u32),
    blocks: &mut [[i16; 16]],
) -> BlockMask {
    // The flags of the row above, then of all blocks: the flag of the block above is `W` bits before
    // the block's own.
    let (mut flags, mut ac, mut left) = (above, 0, left);
    let rows = &kind.probs[kind.first & 1];
    for (y, blocks) in blocks.chunks_exact_mut(W).enumerate() {
        let mut is_coded = left & 1;
        left >>= 1;
        for (x, block) in blocks.iter_mut().enumerate() {
            let n = y * W + x;
            let row = &rows[((flags >> n & 1) + is_coded) as usize & 3];
            branch!(
                reader,
                row[0],
                {
                    let eob = parse_tokens(reader, kind, row, block);
                    flags |= 1 << (n + W);
                    ac |= u32::from(eob > 1) << n;
                    is_coded = 1;
                },
                is_coded = 0
            );
        }
    }
    BlockMask { any: flags >> W, ac }
}

/// Returns the flags along the bottom (`.0`) and the right side (`.1`) of 4x4 blocks.
#[inline(always)]
fn luma_sides(any: u32) -> (u32, u32) {
    // The product gathers bits 0, 4, 8 and 12.
    (any >> 12, (((any >> 3) & 0x1111) * 0x1248) >> 12 & 15)
}

/// Returns the flags like [`luma_sides`], for 2x2 blocks.
#[inline(always)]
fn chroma_sides(any: u32) -> (u32, u32) {
    (any >> 2, any >> 1 & 1 | any >> 2 & 2)
}

/// Reads the coefficients of a macroblock into `coeffs`, which must be clear.
///
/// `above` and `left` are the flags of the neighbours and are updated with the macroblock's own.
#[inline]
pub fn parse_macroblock(
    reader: &mut BoolDecoder<'_>,
    probs: &TokenProbs,
    steps: &Steps,
    has_y2: bool,
    above: &mut SideFlags,
    left: &mut SideFlags,
    coeffs: &mut MbCoeffs,
) {
    let luma = if has_y2 { PlaneType::LumaAfterY2 } else { PlaneType::Luma };
    let (y2_probs, y_probs) = (probs.plane(PlaneType::Y2), probs.plane(luma));
    let uv_probs = probs.plane(PlaneType::Chroma);
    let (u, v) = coeffs.chroma.0.split_at_mut(4);
    let from = |shift: u32| (u32::from(above.0) >> shift, u32::from(left.0) >> shift);
    let low = |(above, left): (u32, u32), width: u32| (above & ((1 << width) - 1), left);
    // A copy is faster than the reader behind the reference.
    let mut local = reader.clone();
    let y2 = if has_y2 {
        let kind = BlockKind { probs: y2_probs, first: 0, steps: steps.y2 };
        parse_square::<1>(&mut local, kind, low(from(8), 1), &mut coeffs.y2.0)
    } else {
        BlockMask::default()
    };
    let kind = BlockKind { probs: y_probs, first: luma.first(), steps: steps.y };
    let y = parse_square::<4>(&mut local, kind, low(from(0), 4), &mut coeffs.luma.0);
    let kind = BlockKind { probs: uv_probs, first: 0, steps: steps.uv };
    let u = parse_square::<2>(&mut local, kind, low(from(4), 2), u);
    let v = parse_square::<2>(&mut local, kind, low(from(6), 2), v);
    *reader = local;
    coeffs.luma_mask = y;
    coeffs.chroma_mask = BlockMask { any: u.any | v.any << 4, ac: u.ac | v.ac << 4 };
    coeffs.has_y2 = has_y2 && y2.any != 0;
    let [y, u, v] = [luma_sides(y.any), chroma_sides(u.any), chroma_sides(v.any)];
    let y2 = |side: SideFlags| {
        if has_y2 { y2.any << 8 } else { u32::from(side.0 & SideFlags::Y2) }
    };
    let flags = |bits: u32| u16::try_from(bits).unwrap_or_default();
    *above = SideFlags(flags(y.0 | u.0 << 4 | v.0 << 6 | y2(*above)));
    *left = SideFlags(flags(y.1 | u.1 << 4 | v.1 << 6 | y2(*left)));
}
