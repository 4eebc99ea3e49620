//! Segmentation fields of the uncompressed header.

use codec_core::error::Corrupt;

use super::bits::BitReader;
use crate::types::Reference;

/// Features of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Quantiser index, or its difference from the frame's.
    pub quantiser: Option<i16>,
    /// Filter level, or its difference from the frame's.
    pub filter_level: Option<i16>,
    /// The reference of all blocks: `Some(None)` means intra.
    pub reference: Option<Option<Reference>>,
    /// Whether blocks have no residual and mode ZERO.
    pub skip: bool,
}

/// How a frame codes the segments of its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentMapCoding {
    /// Probabilities of the tree.
    pub tree: [u8; 7],
    /// Probabilities that a block keeps its segment of the last frame, by the number of neighbours
    /// that keep theirs; `None` if segments are coded without temporal prediction.
    pub temporal: Option<[u8; 3]>,
}

/// Segmentation of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segmentation {
    /// Whether blocks have segments.
    pub enabled: bool,
    /// Whether the features are absolute values rather than differences.
    pub absolute: bool,
    /// Whether the frame codes the features; otherwise the features of the last frame are kept.
    pub updates_data: bool,
    /// The segments. They persist between frames.
    pub segments: [Segment; 8],
    /// Coding of the map; `None` if the map of the last frame is kept.
    pub map: Option<SegmentMapCoding>,
}

impl Segmentation {
    /// Parses the fields; `before` is the state that earlier frames left.
    pub(super) fn parse(bits: &mut BitReader<'_>, before: &Self) -> Result<Self, Corrupt> {
        let mut this = Self { enabled: bits.flag()?, map: None, updates_data: false, ..*before };
        if !this.enabled {
            return Ok(this);
        }
        if bits.flag()? {
            let mut tree = [255; 7];
            parse_probabilities(bits, &mut tree)?;
            let temporal = bits.optional(|bits| {
                let mut probabilities = [255; 3];
                parse_probabilities(bits, &mut probabilities)?;
                Ok(probabilities)
            })?;
            this.map = Some(SegmentMapCoding { tree, temporal });
        }
        this.updates_data = bits.flag()?;
        if this.updates_data {
            this.absolute = bits.flag()?;
            for segment in &mut this.segments {
                *segment = Segment::parse(bits)?;
            }
        }
        Ok(this)
    }

    /// Returns the features of a segment; none if segmentation is disabled.
    #[inline]
    #[must_use]
    pub fn features(&self, segment: u8) -> Segment {
        if self.enabled { self.segments[usize::from(segment & 7)] } else { Segment::default() }
    }

    /// Returns the quantiser index of a segment, 0..=255; `base` is the frame's.
    #[must_use]
    pub fn qindex(&self, segment: u8, base: u8) -> u8 {
        self.value(self.features(segment).quantiser, base, 255)
    }

    /// Returns the filter level of a segment, 0..=63; `base` is the frame's.
    #[must_use]
    pub fn filter_level(&self, segment: u8, base: u8) -> u8 {
        self.value(self.features(segment).filter_level, base, 63)
    }

    fn value(&self, feature: Option<i16>, base: u8, max: i16) -> u8 {
        let Some(value) = feature else { return base };
        let value = if self.absolute { value } else { i16::from(base) + value };
        value.clamp(0, max).to_le_bytes()[0]
    }
}

impl Segment {
    fn parse(bits: &mut BitReader<'_>) -> Result<Self, Corrupt> {
        Ok(Self {
            quantiser: bits.optional(|bits| bits.signed(8))?,
            filter_level: bits.optional(|bits| bits.signed(6))?,
            reference: bits.optional(|bits| {
                Ok(bits.index(2)?.checked_sub(1).map(|index| Reference::ALL[index]))
            })?,
            skip: bits.flag()?,
        })
    }
}

fn parse_probabilities(bits: &mut BitReader<'_>, to: &mut [u8]) -> Result<(), Corrupt> {
    for probability in to {
        *probability = bits.optional(|bits| bits.byte(8))?.unwrap_or(255);
    }
    Ok(())
}
