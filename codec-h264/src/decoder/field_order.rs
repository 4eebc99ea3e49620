//! Determines whether a decoded frame is progressive or interlaced, and which of its fields comes
//! first. ITU-T H.264, annex D (picture timing message).

use codec_core::frame::FieldOrder;

use crate::sei::{FieldTiming, PictureStruct};

/// Properties of a frame that determine its field order, besides its picture order counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldCoding {
    /// Whether the frame was coded as two fields or with field macroblocks.
    pub(super) has_fields: bool,
    /// The timing message of its first picture, if there is one.
    pub(super) timing: Option<FieldTiming>,
}

impl FieldCoding {
    /// Returns the order of the fields, whose picture order counts are `poc`.
    pub(super) fn order(self, poc: [i32; 2]) -> FieldOrder {
        let structure = self.timing.map(|timing| timing.structure);
        let stated = self.timing.and_then(|timing| timing.is_interlaced);
        let is_interlaced = stated.unwrap_or(match structure {
            None => self.has_fields,
            Some(structure) => matches!(
                structure,
                PictureStruct::Field | PictureStruct::TopBottom | PictureStruct::BottomTop
            ),
        });
        if !is_interlaced {
            return FieldOrder::Progressive;
        }
        let is_bottom_first =
            poc[1] < poc[0] || poc[1] == poc[0] && structure == Some(PictureStruct::BottomTop);
        if is_bottom_first { FieldOrder::BottomFirst } else { FieldOrder::TopFirst }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_take_precedence_over_the_coding_of_a_frame() {
        let order = |has_fields, structure: Option<PictureStruct>, is_interlaced| {
            let timing = |structure| FieldTiming { structure, is_interlaced };
            let coding = FieldCoding { has_fields, timing: structure.map(timing) };
            [[0, 1], [1, 0], [4, 4]].map(|poc| coding.order(poc))
        };
        let progressive = [FieldOrder::Progressive; 3];
        let (top, bottom) = (FieldOrder::TopFirst, FieldOrder::BottomFirst);
        assert_eq!(order(false, None, None), progressive);
        assert_eq!(order(true, None, None), [top, bottom, top]);
        assert_eq!(order(true, Some(PictureStruct::Frame), None), progressive);
        assert_eq!(order(false, Some(PictureStruct::BottomTop), None), [top, bottom, bottom]);
        assert_eq!(order(true, Some(PictureStruct::Field), None), [top, bottom, top]);
        assert_eq!(order(false, Some(PictureStruct::Repeated), None), progressive);
        assert_eq!(order(false, Some(PictureStruct::TopBottom), Some(false)), progressive);
        assert_eq!(order(false, Some(PictureStruct::Repeated), Some(true)), [top, bottom, top]);
    }
}
