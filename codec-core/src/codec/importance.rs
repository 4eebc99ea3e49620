//! Importance of the parts of a frame, for regions of interest.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::error::ConfigError;
use crate::fixed::{exp2_q16, log2_q16};
use crate::frame::Size;

/// Width and height of the blocks of a map in pixels.
const BLOCK: u32 = 16;
/// Maximum width and height of a frame.
const MAX_SIDE: u32 = 65_536;

/// A rectangle in pixels, which may extend beyond the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// How much better or worse than the average each block of 16x16 pixels should be coded.
///
/// Offsets are in sixths of an octave of the quantiser step, as in the quantiser scales of H.264 and
/// HEVC: -6 halves the step, which is about 6 dB; 6 doubles it; 0 is neutral. The range is -24 to 24.
///
/// With a target bitrate the map changes the distribution of the bits, not the rate: the more blocks
/// are important, the coarser the others become. With constant quality or a fixed quantiser, the
/// offsets are relative to that quality, so the rate changes.
///
/// A codec rounds the offsets to what its bitstream can represent; VP8 has four different quantisers
/// per frame. A map belongs to one frame ([`super::FrameRequest::importance`]) and is cheap to clone.
///
/// ```
/// use codec_core::codec::{FrameRequest, ImportanceMap, Region};
/// use codec_core::frame::Size;
///
/// let face = Region { x: 200, y: 60, width: 160, height: 200 };
/// let map = ImportanceMap::of_regions(Size::new(640, 360), &[(face, -8)])?;
/// let mut request = FrameRequest::at(0);
/// request.importance = Some(map);
/// # Ok::<(), codec_core::error::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ImportanceMap {
    cols: usize,
    rows: usize,
    /// In raster order.
    offsets: Arc<[i8]>,
}

impl fmt::Debug for ImportanceMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImportanceMap({}x{})", self.cols, self.rows)
    }
}

impl ImportanceMap {
    /// The allowed offsets: four octaves of the quantiser step either way.
    pub const OFFSETS: RangeInclusive<i8> = -24..=24;

    /// Creates a map for frames of `size` from the offsets of its blocks in raster order. Blocks at
    /// the right and bottom edges may extend beyond the frame.
    ///
    /// # Errors
    /// If the number of offsets is not the number of blocks of `size`, or an offset is outside -24 to
    /// 24.
    pub fn new(size: Size, offsets: &[i8]) -> Result<Self, ConfigError> {
        let (cols, rows) = size.macroblocks();
        let is_complete = cols.checked_mul(rows) == Some(offsets.len());
        let given = format_args!("{} offsets", offsets.len());
        let allowed = format_args!("one for each of the {cols}x{rows} blocks of {size}");
        ConfigError::ensure(is_complete, "importance map", given, allowed)?;
        for &offset in offsets {
            check_offset(offset)?;
        }
        Ok(Self { cols, rows, offsets: offsets.into() })
    }

    /// Creates a map for frames of `size` from regions with their offsets. A block gets the offset of
    /// the last region that it overlaps, and 0 outside of all regions.
    ///
    /// # Errors
    /// If an offset is outside -24 to 24, or a dimension above 65,536.
    pub fn of_regions(size: Size, regions: &[(Region, i8)]) -> Result<Self, ConfigError> {
        let is_small = size.width <= MAX_SIDE && size.height <= MAX_SIDE;
        ConfigError::ensure(is_small, "size", size, format_args!("up to {MAX_SIDE}x{MAX_SIDE}"))?;
        let (cols, rows) = size.macroblocks();
        let mut offsets = vec![0; cols * rows];
        for &(region, offset) in regions {
            check_offset(offset)?;
            let [x, y] =
                [blocks(region.x, region.width, cols), blocks(region.y, region.height, rows)];
            for line in offsets.chunks_exact_mut(cols.max(1)).take(y.end).skip(y.start) {
                line[x.clone()].fill(offset);
            }
        }
        Ok(Self { cols, rows, offsets: offsets.into() })
    }

    /// Returns the number of columns and rows of blocks.
    #[must_use]
    pub fn blocks(&self) -> (usize, usize) {
        (self.cols, self.rows)
    }

    /// Checks that the map is for frames of `size`.
    ///
    /// # Errors
    /// If it has another number of columns or rows.
    pub fn check_size(&self, size: Size) -> Result<(), ConfigError> {
        let (cols, rows) = size.macroblocks();
        let given = format_args!("{}x{} blocks", self.cols, self.rows);
        let allowed = format_args!("{cols}x{rows} blocks for {size}");
        let is_same = (self.cols, self.rows) == (cols, rows);
        ConfigError::ensure(is_same, "importance map", given, allowed)
    }

    /// Returns the offsets in raster order, in sixths of an octave.
    #[must_use]
    pub fn offsets(&self) -> &[i8] {
        &self.offsets
    }

    /// Adds the map's offsets to `offsets_q4`, which is in sixteenths of an octave; an empty list
    /// counts as zeros. If `keeps_rate` is set, all added offsets are shifted so that the expected
    /// bits of the frame stay the same, with bits inversely proportional to the step.
    pub fn add_to(&self, offsets_q4: &mut Vec<i8>, keeps_rate: bool) {
        offsets_q4.resize(self.offsets.len(), 0);
        let shift = if keeps_rate { self.neutral_shift_q4() } else { 0 };
        for (sum, &offset) in offsets_q4.iter_mut().zip(&*self.offsets) {
            let q4 = i32::from(*sum) + sixteenths(offset) + shift;
            *sum = i8::try_from(q4.clamp(i8::MIN.into(), i8::MAX.into())).unwrap_or(0);
        }
    }

    /// Returns the offset, in sixteenths of an octave, that makes up for the mean share of the bits.
    fn neutral_shift_q4(&self) -> i32 {
        // Eight octaves more, so that the powers have enough bits.
        let bits = |&offset: &i8| exp2_q16((8 << 16) - sixteenths(offset) * 4096);
        let sum: u64 = self.offsets.iter().map(bits).sum();
        let mean = sum * 256 / (self.offsets.len() as u64).max(1);
        let octaves_q16 = log2_q16(mean) - (16 << 16);
        (octaves_q16 + 2048) >> 12
    }
}

fn check_offset(offset: i8) -> Result<(), ConfigError> {
    let allowed = ImportanceMap::OFFSETS;
    ConfigError::ensure(
        allowed.contains(&offset),
        "importance",
        offset,
        format_args!("{allowed:?}"),
    )
}

/// Returns the blocks that `len` pixels from `from` on overlap, of `count`.
fn blocks(from: u32, len: u32, count: usize) -> std::ops::Range<usize> {
    let end = from.saturating_add(len).div_ceil(BLOCK) as usize;
    let begin = (from / BLOCK) as usize;
    if len == 0 { 0..0 } else { begin.min(count)..end.min(count) }
}

/// Converts sixths of an octave to sixteenths.
fn sixteenths(offset: i8) -> i32 {
    (i32::from(offset) * 8 + 3 * i32::from(offset.signum()) / 2) / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 100, height: 40 };

    #[test]
    fn a_region_covers_the_blocks_that_it_overlaps() {
        let region = Region { x: 15, y: 16, width: 18, height: 1000 };
        let map = ImportanceMap::of_regions(SIZE, &[(region, -10)]).unwrap();
        assert_eq!(map.blocks(), (7, 3));
        assert_eq!(map.offsets()[..7], [0; 7]);
        assert_eq!(map.offsets()[7..14], [-10, -10, -10, 0, 0, 0, 0]);
        assert_eq!(map.offsets()[14..], map.offsets()[7..14]);
        let outside = Region { x: u32::MAX, y: u32::MAX, width: u32::MAX, height: 1 };
        let empty = Region { width: 0, ..region };
        let map = ImportanceMap::of_regions(SIZE, &[(outside, 5), (empty, 5)]).unwrap();
        assert_eq!(map, ImportanceMap::new(SIZE, &[0; 21]).unwrap());
    }

    #[test]
    fn wrong_sizes_and_offsets_are_errors_that_name_what_is_allowed() {
        let error = |offsets: &[i8]| ImportanceMap::new(SIZE, offsets).unwrap_err().to_string();
        assert!(error(&[0; 20]).contains("7x3 blocks of 100x40"), "{}", error(&[0; 20]));
        assert!(error(&[]).contains("7x3"));
        assert!(error(&[-25; 21]).contains("-24 to 24"), "{}", error(&[-25; 21]));
        let region = Region { x: 0, y: 0, width: 1, height: 1 };
        assert!(ImportanceMap::of_regions(SIZE, &[(region, i8::MIN)]).is_err());
        let huge = Size::new(u32::MAX, u32::MAX);
        assert!(ImportanceMap::of_regions(huge, &[(region, 1)]).is_err());
        assert!(ImportanceMap::new(huge, &[1]).is_err());
    }

    #[test]
    fn offsets_are_added_in_sixteenths_of_an_octave() {
        let mut offsets = [0_i8; 21];
        offsets[..3].copy_from_slice(&[-6, 6, -24]);
        let map = ImportanceMap::new(SIZE, &offsets).unwrap();
        let mut sums = vec![1; 21];
        map.add_to(&mut sums, false);
        assert_eq!(sums[..4], [-15, 17, -63, 1]);
        let mut sums = vec![i8::MIN; 21];
        map.add_to(&mut sums, false);
        assert_eq!(sums[..3], [i8::MIN, i8::MIN + 16, i8::MIN]);
    }

    #[test]
    fn expected_bits_stay_the_same() {
        // Half of the blocks get twice the bits: 1.5 times in all, log2(1.5) * 16 = 9.4.
        let offsets: Vec<i8> = (0..21).map(|n| if n % 2 == 0 { -6 } else { 0 }).collect();
        let map = ImportanceMap::new(SIZE, &offsets).unwrap();
        let mut sums = Vec::new();
        map.add_to(&mut sums, true);
        assert_eq!(sums[..2], [-16 + 10, 10]);
        // Equal offsets change nothing.
        for offset in [-24, -7, 0, 5, 24] {
            let mut sums = Vec::new();
            ImportanceMap::new(SIZE, &[offset; 21]).unwrap().add_to(&mut sums, true);
            assert_eq!(sums, [0; 21], "{offset}");
        }
    }
}
