//! The token reader, the decoder's hottest loop. RFC 6386, sections 13.2, 13.3 and 14.1.

use codec_simd::{BlockMask, Coeffs};

use super::super::header::Steps;
use super::super::tables::{BANDS, CoeffProbs, DEFAULT_COEFF_PROBS, ZIGZAG};
use super::{PlaneType, SideFlags};
use crate::entropy::BoolDecoder;

/// Probabilities of one plane type by scan position instead of band; position 16 is only touched
/// on the way out of a full block.
pub type BlockProbs = [[[u8; 11]; 3]; 17];

/// Token probabilities in the order in which the reader meets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenProbs([BlockProbs; 4]);

impl Default for TokenProbs {
    /// Those of a key frame.
    fn default() -> Self {
        Self::new(&DEFAULT_COEFF_PROBS)
    }
}

impl TokenProbs {
    /// Spreads `probs` over the scan positions.
    #[must_use]
    pub fn new(probs: &CoeffProbs) -> Self {
        let mut spread = Self([[[[0; 11]; 3]; 17]; 4]);
        spread.update(probs);
        spread
    }

    /// As [`Self::new`], in place.
    pub fn update(&mut self, probs: &CoeffProbs) {
        for (spread, bands) in self.0.iter_mut().zip(probs) {
            for (at, &band) in spread.iter_mut().zip(BANDS.iter().chain(&[7])) {
                *at = bands[usize::from(band)];
            }
        }
    }

    /// Those of one plane type.
    #[inline]
    #[must_use]
    pub fn plane(&self, plane: PlaneType) -> &BlockProbs {
        &self.0[plane as usize]
    }
}

/// Dequantised coefficients of one macroblock, in raster order, and which blocks have any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MbCoeffs {
    /// Sixteen blocks. After a Y2 block: without DC.
    pub luma: Coeffs<16>,
    /// Four blocks of U, four of V.
    pub chroma: Coeffs<8>,
    /// DCs of luma, transformed.
    pub y2: Coeffs<1>,
    /// Luma blocks.
    pub luma_mask: BlockMask,
    /// Chroma blocks.
    pub chroma_mask: BlockMask,
    /// Whether the Y2 block has any coefficient.
    pub has_y2: bool,
}

impl MbCoeffs {
    /// Whether any block has a coefficient.
    #[inline]
    #[must_use]
    pub fn any(&self) -> bool {
        self.luma_mask.any | self.chroma_mask.any != 0 || self.has_y2
    }

    /// Back to all zeros; touches only the blocks that are not.
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
#[inline]
fn extra_bits<const N: usize>(reader: &mut BoolDecoder<'_>, probs: [u8; N]) -> i32 {
    probs.iter().fold(0, |value, &prob| value << 1 | i32::from(reader.get_bool(prob)))
}

/// A magnitude of 2 and more.
#[inline]
fn large_magnitude(reader: &mut BoolDecoder<'_>, probs: &[u8; 11]) -> i32 {
    if !reader.get_bool(probs[3]) {
        if !reader.get_bool(probs[4]) { 2 } else { 3 + i32::from(reader.get_bool(probs[5])) }
    } else if !reader.get_bool(probs[6]) {
        if !reader.get_bool(probs[7]) {
            5 + extra_bits(reader, [159])
        } else {
            7 + extra_bits(reader, [165, 145])
        }
    } else if !reader.get_bool(probs[8]) {
        if !reader.get_bool(probs[9]) {
            11 + extra_bits(reader, [173, 148, 140])
        } else {
            19 + extra_bits(reader, [176, 155, 140, 135])
        }
    } else if !reader.get_bool(probs[10]) {
        35 + extra_bits(reader, [180, 157, 141, 134, 130])
    } else {
        67 + extra_bits(reader, [254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129])
    }
}

/// Reads one block whose first token is not an end of block, from scan position `first` on, and
/// stores its coefficients times `steps` (DC, AC), wrapped to 16 bits, into `out`, which is zero.
/// Returns the position after the last token.
#[inline]
fn parse_tokens(
    reader: &mut BoolDecoder<'_>,
    probs: &BlockProbs,
    context: usize,
    first: usize,
    steps: [i16; 2],
    out: &mut [i16; 16],
) -> usize {
    let mut n = first;
    let mut row = &probs[n][context];
    loop {
        // No end of block can follow a zero, hence the inner loop.
        while !reader.get_bool(row[1]) {
            n += 1;
            if n == 16 {
                return 16;
            }
            row = &probs[n][0];
        }
        let (magnitude, next) =
            if reader.get_bool(row[2]) { (large_magnitude(reader, row), 2) } else { (1, 1) };
        let level = reader.get_sign(magnitude);
        let value = level * i32::from(steps[usize::from(n > 0)]);
        #[expect(clippy::cast_possible_truncation, reason = "the standard wraps products")]
        let wrapped = value as i16;
        out[usize::from(ZIGZAG[n & 15]) & 15] = wrapped;
        n += 1;
        row = &probs[n][next];
        if n == 16 || !reader.get_bool(row[0]) {
            return n;
        }
    }
}

/// Reads one block: as the private token loop, end of block included. Returns `first` for an
/// empty block.
///
/// # Panics
/// If `first` is above 15 or `context` above 2.
#[inline]
pub fn parse_block(
    reader: &mut BoolDecoder<'_>,
    probs: &BlockProbs,
    context: usize,
    first: usize,
    steps: [i16; 2],
    out: &mut [i16; 16],
) -> usize {
    if !reader.get_bool(probs[first][context][0]) {
        return first;
    }
    parse_tokens(reader, probs, context, first, steps, out)
}

/// Reads `W` x `W` blocks (1 or 2 or 4 squared); `shift` is the place of their flags. Returns the
/// masks of blocks with any coefficient and with one after the first.
#[inline]
fn parse_plane<const W: usize>(
    reader: &mut BoolDecoder<'_>,
    probs: &BlockProbs,
    first: usize,
    steps: [i16; 2],
    (above, left): (&mut u16, &mut u16),
    shift: usize,
    blocks: &mut [[i16; 16]],
) -> BlockMask {
    let mut mask = BlockMask::default();
    let mut bit = 1;
    let mut rows = *left >> shift;
    for (y, row) in blocks.chunks_exact_mut(W).enumerate() {
        let mut is_left = rows & 1;
        let mut columns = *above >> shift;
        let mut new_columns = 0;
        for (x, block) in row.iter_mut().enumerate() {
            let context = usize::from(is_left + (columns & 1));
            let eob = parse_block(reader, probs, context, first, steps, block);
            is_left = u16::from(eob > first);
            mask.any |= if eob > first { bit } else { 0 };
            mask.ac |= if eob > 1 { bit } else { 0 };
            bit <<= 1;
            columns >>= 1;
            new_columns |= is_left << x;
        }
        let columns_mask = ((1 << W) - 1) << shift;
        *above = *above & !columns_mask | new_columns << shift;
        *left = *left & !(1 << (shift + y)) | is_left << (shift + y);
        rows >>= 1;
    }
    mask
}

/// Reads the coefficients of a macroblock into `coeffs`, which is clear. `above` and `left` are
/// the flags of the neighbours and become the macroblock's own.
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
    // A copy of the reader stays in registers; the one behind the reference would not.
    let mut local = reader.clone();
    let sides = (&mut above.0, &mut left.0);
    let (first, luma_probs) = if has_y2 {
        let plane = probs.plane(PlaneType::Y2);
        let y2 = &mut coeffs.y2.0;
        let mask = parse_plane::<1>(&mut local, plane, 0, steps.y2, (sides.0, sides.1), 8, y2);
        coeffs.has_y2 = mask.any != 0;
        (1, probs.plane(PlaneType::LumaAfterY2))
    } else {
        (0, probs.plane(PlaneType::Luma))
    };
    let luma = &mut coeffs.luma.0;
    coeffs.luma_mask =
        parse_plane::<4>(&mut local, luma_probs, first, steps.y, (sides.0, sides.1), 0, luma);
    let plane = probs.plane(PlaneType::Chroma);
    let (u, v) = coeffs.chroma.0.split_at_mut(4);
    let u = parse_plane::<2>(&mut local, plane, 0, steps.uv, (sides.0, sides.1), 4, u);
    let v = parse_plane::<2>(&mut local, plane, 0, steps.uv, (sides.0, sides.1), 6, v);
    coeffs.chroma_mask = BlockMask { any: u.any | v.any << 4, ac: u.ac | v.ac << 4 };
    *reader = local;
}
