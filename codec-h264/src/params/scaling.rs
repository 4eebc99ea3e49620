//! Scaling matrices. ITU-T H.264, clauses 7.3.2.1.1.1 and 7.4.2.1.1.1, tables 7-2 to 7-4.

use codec_core::error::Error;

use crate::bits::BitWriter;
use crate::syntax::SyntaxReader;
use crate::tables::scan::{ZIGZAG_4X4, ZIGZAG_8X8};

/// The weights of a picture's transform coefficients, after the fall-back rules: in raster order
/// (row by row), 16 each if the stream has no matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingMatrices {
    /// 4x4 blocks: intra Y, Cb, Cr, inter Y, Cb, Cr.
    pub weights_4x4: [[u8; 16]; 6],
    /// 8x8 blocks: intra Y, inter Y, intra Cb, inter Cb, intra Cr, inter Cr.
    pub weights_8x8: [[u8; 64]; 6],
}

/// Default 4x4 lists in zig-zag order: intra, inter.
const DEFAULT_4X4: [[u8; 16]; 2] = [
    [6, 13, 13, 20, 20, 20, 28, 28, 28, 28, 32, 32, 32, 37, 37, 42],
    [10, 14, 14, 20, 20, 20, 24, 24, 24, 24, 27, 27, 27, 30, 30, 34],
];

/// Default 8x8 lists: runs of equal values in zig-zag order.
const DEFAULT_8X8_RUNS: [&[(u8, usize)]; 2] = [
    &[
        (6, 1),
        (10, 2),
        (13, 1),
        (11, 1),
        (13, 1),
        (16, 4),
        (18, 5),
        (23, 6),
        (25, 7),
        (27, 8),
        (29, 7),
        (31, 6),
        (33, 5),
        (36, 4),
        (38, 3),
        (40, 2),
        (42, 1),
    ],
    &[
        (9, 1),
        (13, 2),
        (15, 1),
        (13, 1),
        (15, 1),
        (17, 4),
        (19, 5),
        (21, 6),
        (22, 7),
        (24, 8),
        (25, 7),
        (27, 6),
        (28, 5),
        (30, 4),
        (32, 3),
        (33, 2),
        (35, 1),
    ],
];

impl ScalingMatrices {
    /// All weights 16: no matrices.
    pub const FLAT: Self = Self { weights_4x4: [[16; 16]; 6], weights_8x8: [[16; 64]; 6] };

    /// Returns the default matrices (tables 7-3 and 7-4).
    #[must_use]
    pub fn standard() -> Self {
        let [intra_4x4, inter_4x4] = DEFAULT_4X4.map(|list| to_raster(&list, &ZIGZAG_4X4));
        let [intra_8x8, inter_8x8] = DEFAULT_8X8_RUNS.map(|runs| {
            let mut list = [0; 64];
            let values = runs.iter().flat_map(|&(value, count)| std::iter::repeat_n(value, count));
            list.iter_mut().zip(values).for_each(|(to, from)| *to = from);
            to_raster(&list, &ZIGZAG_8X8)
        });
        Self {
            weights_4x4: [intra_4x4, intra_4x4, intra_4x4, inter_4x4, inter_4x4, inter_4x4],
            weights_8x8: [intra_8x8, inter_8x8, intra_8x8, inter_8x8, intra_8x8, inter_8x8],
        }
    }

    /// Parses `count_8x8` 8x8 lists after the six 4x4 lists. Absent lists are equal to the list
    /// before them in their chain, and the first ones to the matrices of `fall_back`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the payload is damaged.
    pub(super) fn parse(
        reader: &mut SyntaxReader<'_, '_>,
        present_flag: &'static str,
        count_8x8: usize,
        fall_back: &Self,
    ) -> Result<Self, Error> {
        let mut lists = *fall_back;
        let defaults = Self::standard();
        for i in 0..6 {
            lists.weights_4x4[i] = if reader.flag((present_flag, i)) {
                parse_list(reader, &ZIGZAG_4X4)?.unwrap_or(defaults.weights_4x4[i])
            } else if i % 3 == 0 {
                fall_back.weights_4x4[i]
            } else {
                lists.weights_4x4[i - 1]
            };
        }
        for i in 0..6 {
            let present = i < count_8x8 && reader.flag((present_flag, 6 + i));
            lists.weights_8x8[i] = if present {
                parse_list(reader, &ZIGZAG_8X8)?.unwrap_or(defaults.weights_8x8[i])
            } else if i < 2 {
                fall_back.weights_8x8[i]
            } else {
                lists.weights_8x8[i - 2]
            };
        }
        Ok(lists)
    }

    /// Writes all 4x4 lists and the first `count_8x8` 8x8 lists.
    pub(super) fn write(&self, bits: &mut BitWriter, count_8x8: usize) {
        let defaults = Self::standard();
        for (list, default) in self.weights_4x4.iter().zip(&defaults.weights_4x4) {
            write_list(bits, list, default, &ZIGZAG_4X4);
        }
        let lists = self.weights_8x8.iter().zip(&defaults.weights_8x8);
        for (list, default) in lists.take(count_8x8) {
            write_list(bits, list, default, &ZIGZAG_8X8);
        }
    }
}

impl Default for ScalingMatrices {
    fn default() -> Self {
        Self::FLAT
    }
}

fn to_raster<const N: usize>(list: &[u8; N], scan: &[u8; N]) -> [u8; N] {
    let mut raster = [0; N];
    list.iter().zip(scan).for_each(|(weight, at)| raster[usize::from(*at)] = *weight);
    raster
}

/// Parses a list and returns it in raster order; `None` if it requests the default list.
fn parse_list<const N: usize>(
    reader: &mut SyntaxReader<'_, '_>,
    scan: &[u8; N],
) -> Result<Option<[u8; N]>, Error> {
    let mut list = [8; N];
    let mut last = 8_u8;
    for i in 0..N {
        let delta = reader.se8(("delta_scale", i), i8::MIN..=i8::MAX)?;
        let next = last.wrapping_add_signed(delta);
        if next == 0 {
            if i == 0 {
                return Ok(None);
            }
            list[i..].fill(last);
            break;
        }
        list[i] = next;
        last = next;
    }
    Ok(Some(to_raster(&list, scan)))
}

/// Writes a list, which is in raster order, after the flag that it is present.
fn write_list<const N: usize>(
    bits: &mut BitWriter,
    raster: &[u8; N],
    default: &[u8; N],
    scan: &[u8; N],
) {
    bits.flag(true);
    if raster == default {
        // A first value of 0 requests the default list.
        bits.se(-8);
        return;
    }
    let mut last = 8_u8;
    for at in scan {
        let weight = raster[usize::from(*at)];
        bits.se(weight.wrapping_sub(last).cast_signed().into());
        last = weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(mut bits: BitWriter, fall_back: &ScalingMatrices) -> ScalingMatrices {
        let mut reader = SyntaxReader::new(bits.trailing().bytes(), None);
        let lists = ScalingMatrices::parse(&mut reader, "flag", 2, fall_back).unwrap();
        assert!(!reader.has_more());
        lists
    }

    #[test]
    fn absent_lists_follow_their_chain() {
        let mut bits = BitWriter::default();
        // List 1 is constant 8 (delta 0, then the value stays); the others are absent.
        bits.flag(false).flag(true).se(0).se(-8);
        (2..8).for_each(|_| _ = bits.flag(false));
        let lists = parse(bits, &ScalingMatrices::standard());
        let standard = ScalingMatrices::standard();
        assert_eq!(lists.weights_4x4[0], standard.weights_4x4[0]);
        assert_eq!((lists.weights_4x4[1], lists.weights_4x4[2]), ([8; 16], [8; 16]));
        assert_eq!(lists.weights_4x4[3..], standard.weights_4x4[3..]);
        assert_eq!(lists.weights_8x8, standard.weights_8x8);
    }

    #[test]
    fn a_first_value_of_zero_selects_the_default_list() {
        let mut bits = BitWriter::default();
        bits.flag(true).se(-8);
        (1..6).for_each(|_| _ = bits.flag(false));
        bits.flag(true).se(-8).flag(false);
        let lists = parse(bits, &ScalingMatrices::FLAT);
        let standard = ScalingMatrices::standard();
        assert_eq!(lists.weights_4x4[..3], standard.weights_4x4[..3]);
        assert_eq!(lists.weights_4x4[3], [16; 16]);
        assert_eq!(lists.weights_8x8[0], standard.weights_8x8[0]);
        assert_eq!(lists.weights_8x8[1], [16; 64]);
    }

    #[test]
    fn lists_are_transmitted_in_zigzag_order() {
        let mut bits = BitWriter::default();
        // 9, 10, 11, and so on.
        bits.flag(true);
        (0..16).for_each(|_| _ = bits.se(1));
        (1..8).for_each(|_| _ = bits.flag(false));
        let lists = parse(bits, &ScalingMatrices::FLAT);
        assert_eq!(lists.weights_4x4[0][..8], [9, 10, 14, 15, 11, 13, 16, 21]);
    }

    #[test]
    fn the_default_lists_are_complete() {
        let standard = ScalingMatrices::standard();
        assert_eq!(standard.weights_8x8[0][..8], [6, 10, 13, 16, 18, 23, 25, 27]);
        assert_eq!((standard.weights_8x8[0][63], standard.weights_8x8[1][63]), (42, 35));
        assert_eq!(standard.weights_4x4[0][..4], [6, 13, 20, 28]);
    }
}
