//! Scalability structure: sizes of the spatial layers and the frame group (PG). RFC 9628, section
//! 4.2.1.

use codec_core::frame::Size;

use super::reader::Reader;
use crate::rtp::{Malformed, WriteError};

/// Maximum number of spatial layers.
pub const MAX_SPATIAL_LAYERS: usize = 8;
/// Maximum number of references of a superframe of the group.
const MAX_GROUP_REFERENCES: usize = 3;

const HAS_SIZES: u8 = 0x10;
const HAS_GROUP: u8 = 0x08;

/// A superframe of the group, which repeats from the superframe that carries the structure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupPicture {
    /// Temporal layer, 0..=7.
    pub temporal_id: u8,
    /// Switching-up point (U).
    pub switching_up: bool,
    /// At most three references as distances between superframes.
    pub diffs: Vec<u8>,
}

/// Scalability structure of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScalabilityStructure {
    /// Number of spatial layers, 1..=8.
    pub spatial_layers: u8,
    /// Size of each spatial layer in pixels; empty if not stated.
    pub sizes: Vec<Size>,
    /// At most 255 superframes; empty if not stated, as in flexible mode.
    pub group: Vec<GroupPicture>,
}

impl ScalabilityStructure {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.byte()?;
        let spatial_layers = (flags >> 5) + 1;
        let mut structure = Self { spatial_layers, ..Self::default() };
        if flags & HAS_SIZES != 0 {
            for _ in 0..spatial_layers {
                let (width, height) = (reader.word()?, reader.word()?);
                structure.sizes.push(Size::new(width.into(), height.into()));
            }
        }
        if flags & HAS_GROUP != 0 {
            for _ in 0..reader.byte()? {
                let byte = reader.byte()?;
                let mut picture = GroupPicture {
                    temporal_id: byte >> 5,
                    switching_up: byte & 0x10 != 0,
                    diffs: Vec::new(),
                };
                for _ in 0..byte >> 2 & 3 {
                    picture.diffs.push(reader.byte()?);
                }
                structure.group.push(picture);
            }
        }
        Ok(structure)
    }

    pub(super) fn append(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let refuse = |what| Err(WriteError::Field { what });
        let layers = usize::from(self.spatial_layers);
        if !(1..=MAX_SPATIAL_LAYERS).contains(&layers) {
            return refuse("the number of spatial layers is outside of 1 to 8");
        }
        if !self.sizes.is_empty() && self.sizes.len() != layers {
            return refuse("the number of sizes is not the number of spatial layers");
        }
        let sizes = if self.sizes.is_empty() { 0 } else { HAS_SIZES };
        let group = if self.group.is_empty() { 0 } else { HAS_GROUP };
        out.push((self.spatial_layers - 1) << 5 | sizes | group);
        for size in &self.sizes {
            for side in [size.width, size.height] {
                let Ok(side) = u16::try_from(side) else {
                    return refuse("a side of a layer is above 65535 pixels");
                };
                out.extend(side.to_be_bytes());
            }
        }
        if self.group.is_empty() {
            return Ok(());
        }
        let Ok(pictures) = u8::try_from(self.group.len()) else {
            return refuse("the group (PG) has more than 255 superframes");
        };
        out.push(pictures);
        for picture in &self.group {
            let count = picture.diffs.len();
            if count > MAX_GROUP_REFERENCES || picture.temporal_id > 7 {
                return refuse(
                    "a superframe of the group (PG) has a temporal layer above 7 or more than 3 references",
                );
            }
            let references = u8::try_from(count).unwrap_or(0) << 2;
            let up = if picture.switching_up { 0x10 } else { 0 };
            out.push(picture.temporal_id << 5 | up | references);
            out.extend(&picture.diffs);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Descriptor;
    use super::*;

    #[test]
    fn invalid_structures_are_not_written() {
        let write = |structure: ScalabilityStructure| {
            let structure = Some(Box::new(structure));
            Descriptor { structure, ..Descriptor::default() }.write(&mut Vec::new())
        };
        let one = ScalabilityStructure { spatial_layers: 1, ..ScalabilityStructure::default() };
        assert_eq!(write(one.clone()), Ok(()));
        assert!(write(ScalabilityStructure { spatial_layers: 0, ..one.clone() }).is_err());
        assert!(write(ScalabilityStructure { spatial_layers: 9, ..one.clone() }).is_err());
        let sizes = vec![Size::new(16, 16); 2];
        assert!(write(ScalabilityStructure { sizes, ..one.clone() }).is_err());
        let sizes = vec![Size::new(65_536, 16)];
        assert!(write(ScalabilityStructure { sizes, ..one.clone() }).is_err());
        let group = vec![GroupPicture::default(); 256];
        assert!(write(ScalabilityStructure { group, ..one.clone() }).is_err());
        let group = vec![GroupPicture { diffs: vec![1; 4], ..GroupPicture::default() }];
        assert!(write(ScalabilityStructure { group, ..one }).is_err());
    }
}
