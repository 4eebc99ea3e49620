//! Parsing of a block's segment id.

use codec_core::entropy::BoolDecoder;

use crate::block::fill::fill;
use crate::header::{SegmentMapCoding, Segmentation};
use crate::trees;

/// The segments of a frame's blocks and of the frame before, by position in units of 8 pixels.
#[derive(Debug)]
pub(crate) struct SegmentMaps<'a> {
    pub(crate) cols: usize,
    /// The last map; segments are 0 if it is empty.
    pub(crate) before: &'a [u8],
    pub(crate) current: &'a mut [u8],
}

/// The visible part of a block, in units of 8 pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) row: usize,
    pub(crate) col: usize,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

impl SegmentMaps<'_> {
    /// The smallest segment of the last map in `area`.
    fn predict(&self, area: Area) -> u8 {
        if self.before.is_empty() {
            return 0;
        }
        let mut smallest = u8::MAX;
        for row in area.row..area.row + area.rows {
            for &segment in &self.before[row * self.cols + area.col..][..area.cols] {
                smallest = smallest.min(segment);
            }
        }
        smallest
    }

    fn fill(&mut self, area: Area, segment: u8) {
        for row in area.row..area.row + area.rows {
            fill(&mut self.current[row * self.cols + area.col..], area.cols, segment);
        }
    }

    /// Carries the last map over.
    fn keep(&mut self, area: Area) {
        for row in area.row..area.row + area.rows {
            let at = row * self.cols + area.col;
            let to = &mut self.current[at..][..area.cols];
            match self.before.get(at..at + area.cols) {
                Some(before) => to.copy_from_slice(before),
                None => to.fill(0),
            }
        }
    }

    /// Parses the segment of a block in an intra frame.
    pub(crate) fn parse_intra(
        &mut self,
        reader: &mut BoolDecoder<'_>,
        segmentation: &Segmentation,
        area: Area,
    ) -> u8 {
        if !segmentation.enabled {
            return 0;
        }
        let Some(map) = &segmentation.map else {
            self.keep(area);
            return 0;
        };
        let segment = parse_segment(reader, map);
        self.fill(area, segment);
        segment
    }

    /// Parses the segment of a block in an inter frame; also returns whether it was predicted from
    /// the last map. `predicted_neighbours` is the number of neighbours for which it was.
    pub(crate) fn parse_inter(
        &mut self,
        reader: &mut BoolDecoder<'_>,
        segmentation: &Segmentation,
        area: Area,
        predicted_neighbours: usize,
    ) -> (u8, bool) {
        if !segmentation.enabled {
            return (0, false);
        }
        let Some(map) = &segmentation.map else {
            self.keep(area);
            return (self.predict(area), false);
        };
        let is_predicted =
            map.temporal.is_some_and(|probs| reader.get_bool(probs[predicted_neighbours]));
        let segment = if is_predicted { self.predict(area) } else { parse_segment(reader, map) };
        self.fill(area, segment);
        (segment, is_predicted)
    }
}

fn parse_segment(reader: &mut BoolDecoder<'_>, map: &SegmentMapCoding) -> u8 {
    trees::SEGMENT.parse(reader, &map.tree).to_le_bytes()[0]
}
