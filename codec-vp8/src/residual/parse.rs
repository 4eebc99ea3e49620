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

/// Reads one block from scan position `first` on, whose probabilities are `first_row`. Stores its
/// coefficients times `steps` (DC, AC), wrapped to 16 bits, in `out`, which must be all zero.
/// Returns the position after the last token, `first` for an empty block.
#[inline(always)]
fn parse_tokens(
    reader: &mut BoolDecoder<'_>,
    probs: &BlockProbs,
    first_row: &[u8; 16],
    first: usize,
    steps: [i16; 2],
    out: &mut [i16; 16],
) -> usize {
    let mut n = first;
    let mut row = first_row;
    loop {
        branch!(reader, row[0], {}, return n);
        // An end of block cannot follow a zero, which requires the inner loop.
        loop {
            branch!(reader, row[1], break, {
                n += 1;
                if n == 16 {
                    return 16;
                }
                row = &probs[n][0];
            });
        }
        let after = &probs[n + 1];
        let (magnitude, next) =
            branch!(reader, row[2], (large_magnitude(reader, row), &after[2]), (1, &after[1]));
        let level = reader.get_sign(magnitude);
        let value = level * i32::from(steps[usize::from(n > 0)]);
        #[expect(clippy::cast_possible_truncation, reason = "the standard wraps products")]
        let wrapped = value as i16;
        out[usize::from(ZIGZAG[n & 15]) & 15] = wrapped;
        n += 1;
        if n == 16 {
            return 16;
        }
        row = next;
    }
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
    let mut local = reader.clone();
    let eob = parse_tokens(&mut local, probs, &probs[first][context], first, steps, out);
    *reader = local;
    eob
}

/// Blocks of one kind: a square of `width` x `width`.
struct Group<'a> {
    blocks: &'a mut [[i16; 16]],
    probs: &'a BlockProbs,
    steps: [i16; 2],
    first: usize,
    width: usize,
    /// Flags along the left side, from top to bottom.
    left: u32,
    /// A bit for each block read so far, the latest at the top: above bit 32 whether there are
    /// coefficients, below it whether there are any beyond the first. Before the first block the
    /// flags of the row above are at the top.
    seen: u64,
}

impl<'a> Group<'a> {
    /// Creates a group whose flags begin at bit `shift`.
    #[inline(always)]
    fn new(
        blocks: &'a mut [[i16; 16]],
        probs: &'a BlockProbs,
        (steps, first): ([i16; 2], usize),
        (width, shift): (usize, usize),
        (above, left): (SideFlags, SideFlags),
    ) -> Self {
        let seen = u64::from(above.0 >> shift) << (64 - width);
        Self { blocks, probs, steps, first, width, left: u32::from(left.0 >> shift), seen }
    }

    /// Returns the masks of all blocks after they have been read.
    #[inline(always)]
    fn mask(&self) -> BlockMask {
        let count = self.width * self.width;
        let top = |bits: u64| u32::try_from(bits >> (64 - count)).unwrap_or_default();
        BlockMask { any: top(self.seen), ac: top(self.seen << 32) }
    }
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
    let sides = (*above, *left);
    let mut groups = [
        Group::new(&mut coeffs.y2.0, y2_probs, (steps.y2, 0), (1, 8), sides),
        Group::new(&mut coeffs.luma.0, y_probs, (steps.y, luma.first()), (4, 0), sides),
        Group::new(u, uv_probs, (steps.uv, 0), (2, 4), sides),
        Group::new(v, uv_probs, (steps.uv, 0), (2, 6), sides),
    ];
    // A local copy of the reader stays in registers; the one behind the reference would not. For
    // the same reason there is one loop over all groups, with the token loop inlined.
    let mut local = reader.clone();
    for group in &mut groups[usize::from(!has_y2)..] {
        let first = group.first;
        let first_rows = &group.probs[first & 1];
        let above_at = 64 - group.width;
        let (mut rows, mut seen) = (group.left, group.seen);
        for row in group.blocks.chunks_mut(group.width) {
            let mut left = rows & 1;
            rows >>= 1;
            for block in row {
                let context = (seen >> above_at & 1) as usize + left as usize;
                let row = &first_rows[context & 3];
                let eob = parse_tokens(&mut local, group.probs, row, first, group.steps, block);
                left = u32::from(eob > first);
                seen = seen >> 1 | u64::from(left) << 63 | u64::from(eob > 1) << 31;
            }
        }
        group.seen = seen;
    }
    *reader = local;
    let [y2, y, u, v] = groups.map(|group| group.mask());
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
