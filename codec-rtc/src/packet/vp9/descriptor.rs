//! VP9 payload descriptor: parsing and writing. RFC 9628, section 4.2.

use super::PictureId;
use super::reader::Reader;
use super::structure::ScalabilityStructure;
use crate::rtp::{Malformed, WriteError};

/// Maximum number of references of a layer frame in flexible mode.
pub const MAX_REFERENCES: usize = 3;

const HAS_PICTURE_ID: u8 = 0x80;
const INTER_PREDICTED: u8 = 0x40;
const HAS_LAYERS: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const START: u8 = 0x08;
const END: u8 = 0x04;
const HAS_STRUCTURE: u8 = 0x02;
const NOT_FOR_UPPER_LAYERS: u8 = 0x01;
const LONG_ID: u8 = 0x80;

/// Layers of a frame, and how it depends on others (the byte that L announces).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerIndices {
    /// Temporal layer (TID), 0 (base) to 7.
    pub temporal_id: u8,
    /// Switching-up point (U): later frames of higher temporal layers depend on no frame of those
    /// layers before this superframe.
    pub switching_up: bool,
    /// Spatial layer (SID), 0 (base) to 7.
    pub spatial_id: u8,
    /// Whether the frame depends on the next lower spatial layer of its superframe (D).
    pub inter_layer_predicted: bool,
}

/// References of a layer frame as distances between superframes (`P_DIFF`).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct References {
    diffs: [u8; MAX_REFERENCES],
    len: usize,
}

impl References {
    /// Creates the list; 1 is the previous superframe. `None` if there are more than
    /// [`MAX_REFERENCES`], or one is outside 1..=127.
    #[must_use]
    pub fn new(diffs: &[u8]) -> Option<Self> {
        let mut kept = Self { diffs: [0; MAX_REFERENCES], len: diffs.len() };
        kept.diffs.get_mut(..diffs.len())?.copy_from_slice(diffs);
        diffs.iter().all(|diff| (1..=127).contains(diff)).then_some(kept)
    }

    /// The distances.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.diffs.get(..self.len).unwrap_or_default()
    }
}

impl std::fmt::Debug for References {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// The descriptor before the frame data in each packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the payload format")]
pub struct Descriptor {
    /// Number of the superframe, shared by its layer frames.
    pub picture_id: Option<PictureId>,
    /// Whether the layer frame references earlier superframes (P).
    pub inter_predicted: bool,
    /// Layers; `None` without L in the packet.
    pub layer: Option<LayerIndices>,
    /// Counter of base-layer superframes (TL0PICIDX), in non-flexible mode with layers.
    pub tl0_pic_idx: Option<u8>,
    /// Flexible mode (F): the layer frame states its references.
    pub flexible: bool,
    /// The packet starts a layer frame (B).
    pub start_of_frame: bool,
    /// The packet ends a layer frame (E).
    pub end_of_frame: bool,
    /// The upper spatial layers of the superframe do not reference this layer frame (Z).
    pub not_for_upper_layers: bool,
    /// References in flexible mode; empty without P.
    pub references: References,
    /// Scalability structure (V).
    pub structure: Option<Box<ScalabilityStructure>>,
}

impl Descriptor {
    /// Spatial layer; 0 if the packet states none.
    #[must_use]
    pub fn spatial_id(&self) -> u8 {
        self.layer.map_or(0, |layer| layer.spatial_id)
    }

    /// Temporal layer; 0 if the packet states none.
    #[must_use]
    pub fn temporal_id(&self) -> u8 {
        self.layer.map_or(0, |layer| layer.temporal_id)
    }

    /// Whether a receiver that lacks earlier frames of this spatial layer can decode the frame, if it
    /// has the lower layers of the superframe: the layer can be joined here.
    #[must_use]
    pub fn is_entry_point(&self) -> bool {
        !self.inter_predicted
    }

    /// Parses the descriptor; returns it with the frame data that follows. Reserved bits are ignored.
    ///
    /// # Errors
    /// Returns [`Malformed`] if the payload ends within the descriptor, if the flexible mode is used
    /// without `PictureID`, or if a reference is invalid.
    pub fn parse(payload: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut reader = Reader::new(payload);
        let flags = reader.byte()?;
        let is = |flag: u8| flags & flag != 0;
        let mut descriptor = Self {
            inter_predicted: is(INTER_PREDICTED),
            flexible: is(FLEXIBLE),
            start_of_frame: is(START),
            end_of_frame: is(END),
            not_for_upper_layers: is(NOT_FOR_UPPER_LAYERS),
            ..Self::default()
        };
        if is(HAS_PICTURE_ID) {
            let high = reader.byte()?;
            descriptor.picture_id = Some(if high & LONG_ID == 0 {
                PictureId::Short(high)
            } else {
                PictureId::Long(u16::from_be_bytes([high & !LONG_ID, reader.byte()?]))
            });
        } else if descriptor.flexible {
            return Err(Malformed::Field { what: "flexible mode requires a PictureID" });
        }
        if is(HAS_LAYERS) {
            let byte = reader.byte()?;
            descriptor.layer = Some(LayerIndices {
                temporal_id: byte >> 5,
                switching_up: byte & 0x10 != 0,
                spatial_id: byte >> 1 & 7,
                inter_layer_predicted: byte & 1 != 0,
            });
            if !descriptor.flexible {
                descriptor.tl0_pic_idx = Some(reader.byte()?);
            }
        }
        if descriptor.flexible && descriptor.inter_predicted {
            descriptor.references = parse_references(&mut reader)?;
        }
        if is(HAS_STRUCTURE) {
            descriptor.structure = Some(Box::new(ScalabilityStructure::parse(&mut reader)?));
        }
        Ok((descriptor, reader.rest))
    }

    /// Appends the descriptor.
    ///
    /// # Errors
    /// Returns [`WriteError::Field`] and writes nothing if a value is out of range, or if fields
    /// contradict each other.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let start = out.len();
        let written = self.append(out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn append(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        self.validate()?;
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        out.push(
            bit(self.picture_id.is_some(), HAS_PICTURE_ID)
                | bit(self.inter_predicted, INTER_PREDICTED)
                | bit(self.layer.is_some(), HAS_LAYERS)
                | bit(self.flexible, FLEXIBLE)
                | bit(self.start_of_frame, START)
                | bit(self.end_of_frame, END)
                | bit(self.structure.is_some(), HAS_STRUCTURE)
                | bit(self.not_for_upper_layers, NOT_FOR_UPPER_LAYERS),
        );
        match self.picture_id {
            Some(PictureId::Short(id)) => out.push(id),
            Some(PictureId::Long(id)) => out.extend((id | 0x8000).to_be_bytes()),
            None => {}
        }
        if let Some(layer) = self.layer {
            out.push(
                layer.temporal_id << 5
                    | bit(layer.switching_up, 0x10)
                    | layer.spatial_id << 1
                    | u8::from(layer.inter_layer_predicted),
            );
            out.extend(self.tl0_pic_idx);
        }
        let references = self.references.as_slice();
        for (at, diff) in (1..).zip(references) {
            out.push(diff << 1 | u8::from(at < references.len()));
        }
        match &self.structure {
            Some(structure) => structure.append(out),
            None => Ok(()),
        }
    }

    fn validate(&self) -> Result<(), WriteError> {
        let refuse = |what| Err(WriteError::Field { what });
        match self {
            Self { picture_id: Some(PictureId::Short(0x80..)), .. }
            | Self { picture_id: Some(PictureId::Long(0x8000..)), .. } => {
                refuse("the PictureID does not fit its field")
            }
            Self { picture_id: None, flexible: true, .. } => {
                refuse("flexible mode requires a PictureID")
            }
            Self { layer: Some(LayerIndices { temporal_id: 8.., .. }), .. }
            | Self { layer: Some(LayerIndices { spatial_id: 8.., .. }), .. } => {
                refuse("a layer index is above 7")
            }
            it if it.tl0_pic_idx.is_some() != (it.layer.is_some() && !it.flexible) => refuse(
                "TL0PICIDX is required with layers in non-flexible mode, and not allowed otherwise",
            ),
            it if it.references.as_slice().is_empty() == (it.flexible && it.inter_predicted) => {
                refuse(
                    "references are required for inter-predicted frames in flexible mode, and not allowed otherwise",
                )
            }
            _ => Ok(()),
        }
    }
}

fn parse_references(reader: &mut Reader<'_>) -> Result<References, Malformed> {
    let mut diffs = Vec::with_capacity(MAX_REFERENCES);
    loop {
        let byte = reader.byte()?;
        diffs.push(byte >> 1);
        if byte & 1 == 0 {
            break;
        }
        if diffs.len() == MAX_REFERENCES {
            return Err(Malformed::Field { what: "there are more than 3 references" });
        }
    }
    References::new(&diffs).ok_or(Malformed::Field { what: "a superframe references itself" })
}

#[cfg(test)]
mod tests {
    use codec_core::frame::Size;

    use super::super::structure::GroupPicture;
    use super::*;

    fn written(descriptor: &Descriptor) -> Vec<u8> {
        let mut bytes = Vec::new();
        descriptor.write(&mut bytes).unwrap();
        bytes
    }

    /// Descriptors with every field.
    fn examples() -> Vec<Descriptor> {
        let layer = |temporal_id, spatial_id| LayerIndices {
            temporal_id,
            spatial_id,
            switching_up: spatial_id == 1,
            inter_layer_predicted: temporal_id == 2,
        };
        let structure = ScalabilityStructure {
            spatial_layers: 3,
            sizes: vec![Size::new(320, 180), Size::new(640, 360), Size::new(1280, 720)],
            group: vec![
                GroupPicture { temporal_id: 0, switching_up: true, diffs: vec![4] },
                GroupPicture { temporal_id: 2, switching_up: true, diffs: vec![1] },
                GroupPicture { temporal_id: 1, switching_up: false, diffs: vec![2, 1, 255] },
            ],
        };
        vec![
            Descriptor::default(),
            Descriptor { picture_id: Some(PictureId::Short(127)), ..Descriptor::default() },
            Descriptor {
                picture_id: Some(PictureId::Long(0x7fff)),
                layer: Some(layer(7, 7)),
                tl0_pic_idx: Some(255),
                inter_predicted: true,
                ..Descriptor::default()
            },
            Descriptor {
                picture_id: Some(PictureId::Long(5)),
                layer: Some(layer(2, 1)),
                flexible: true,
                inter_predicted: true,
                references: References::new(&[1, 127, 3]).unwrap(),
                start_of_frame: true,
                not_for_upper_layers: true,
                ..Descriptor::default()
            },
            Descriptor {
                picture_id: Some(PictureId::Long(5)),
                flexible: true,
                end_of_frame: true,
                structure: Some(Box::new(structure)),
                ..Descriptor::default()
            },
        ]
    }

    #[test]
    fn descriptors_are_read_as_written_and_every_truncation_is_an_error() {
        for descriptor in examples() {
            let mut bytes = written(&descriptor);
            for end in 0..bytes.len() {
                let error = Descriptor::parse(&bytes[..end]).unwrap_err();
                let Malformed::Truncated { needed_bytes, had_bytes, .. } = error else {
                    panic!("{error}");
                };
                assert_eq!((needed_bytes, had_bytes), (end + 1, end));
            }
            bytes.extend([1, 2]);
            assert_eq!(Descriptor::parse(&bytes), Ok((descriptor, &[1, 2][..])));
        }
    }

    #[test]
    fn every_first_byte_is_parsed_or_rejected() {
        for flags in 0..=255_u8 {
            for fill in [0, 0x55, 0x80, 0xfe, 0xff] {
                let mut payload = vec![fill; 700];
                payload[0] = flags;
                if let Ok((descriptor, rest)) = Descriptor::parse(&payload) {
                    assert!(rest.len() < 700);
                    assert_eq!(descriptor.flexible, flags & FLEXIBLE != 0);
                }
            }
        }
    }

    #[test]
    fn invalid_references_are_rejected() {
        // I, P, F: four references, then a reference to itself.
        assert!(Descriptor::parse(&[0xd0, 1, 3, 5, 7, 8]).is_err());
        assert!(Descriptor::parse(&[0xd0, 1, 0]).is_err());
        assert!(Descriptor::parse(&[0x50, 2]).is_err(), "no PictureID in flexible mode");
        assert_eq!(References::new(&[1, 2, 3, 4]), None);
        assert_eq!(References::new(&[128]), None);
    }

    #[test]
    fn contradicting_fields_are_not_written() {
        let id = Some(PictureId::Long(1));
        let layer = Some(LayerIndices::default());
        let none = Descriptor::default();
        for wrong in [
            Descriptor { flexible: true, ..none.clone() },
            Descriptor { picture_id: Some(PictureId::Long(0x8000)), ..none.clone() },
            Descriptor { picture_id: Some(PictureId::Short(0x80)), ..none.clone() },
            Descriptor { layer, ..none.clone() },
            Descriptor { tl0_pic_idx: Some(1), ..none.clone() },
            Descriptor { picture_id: id, flexible: true, inter_predicted: true, ..none.clone() },
            Descriptor { references: References::new(&[1]).unwrap(), ..none.clone() },
            Descriptor {
                layer: Some(LayerIndices { spatial_id: 8, ..LayerIndices::default() }),
                tl0_pic_idx: Some(1),
                ..none.clone()
            },
        ] {
            let mut out = vec![7];
            assert!(wrong.write(&mut out).is_err(), "{wrong:?}");
            assert_eq!(out, [7]);
        }
    }
}
