//! Dependency Descriptor parsing. RTP Payload Format For AV1, sections A.8.2 and A.8.3.

use super::bits::BitReader;
use super::{DecodeTargetIndication, Descriptor, MANDATORY_BYTES, Structure, Template};
use crate::rtp::Malformed;

/// The mandatory fields, which can be read without the structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MandatoryFields {
    /// Whether the packet is the first of the frame.
    pub start_of_frame: bool,
    /// Whether the packet is the last of the frame.
    pub end_of_frame: bool,
    /// Template id, 0..=63.
    pub template_id: u8,
    /// Frame number, counted over all layers; wraps.
    pub frame_number: u16,
}

impl MandatoryFields {
    /// Parses the mandatory fields.
    ///
    /// # Errors
    /// Returns [`Malformed::Truncated`] if there are fewer than three bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (&[first, high, low], _) =
            bytes.split_first_chunk::<MANDATORY_BYTES>().ok_or(Malformed::Truncated {
                what: "dependency descriptor",
                needed_bytes: MANDATORY_BYTES,
                had_bytes: bytes.len(),
            })?;
        Ok(Self {
            start_of_frame: first & 0x80 != 0,
            end_of_frame: first & 0x40 != 0,
            template_id: first & 0x3f,
            frame_number: u16::from_be_bytes([high, low]),
        })
    }
}

/// Parses the descriptors of a stream and keeps its last structure.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    structure: Option<Structure>,
}

impl Reader {
    /// The last structure received.
    #[must_use]
    pub fn structure(&self) -> Option<&Structure> {
        self.structure.as_ref()
    }

    /// Parses the descriptor of a packet. A structure in it replaces the previous one, unless the
    /// descriptor is malformed.
    ///
    /// # Errors
    /// Returns [`Malformed`] if the descriptor is truncated, or if its template is unknown because
    /// no packet with the structure has arrived.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Descriptor, Malformed> {
        let head = MandatoryFields::parse(bytes)?;
        let rest = bytes.get(MANDATORY_BYTES..).unwrap_or_default();
        let mut reader = BitReader::new(rest);
        let flags = if rest.is_empty() { 0 } else { reader.bits(5)? };
        let flag = |index: u32| flags >> index & 1 == 1;
        let (has_structure, has_active) = (flag(4), flag(3));
        let (has_indications, has_diffs, has_chains) = (flag(2), flag(1), flag(0));
        let attached = has_structure.then(|| Structure::read(&mut reader)).transpose()?;
        let unknown = Malformed::Field {
            what: "the template structure of the dependency descriptor is unknown",
        };
        let structure = attached.as_ref().or(self.structure.as_ref()).ok_or(unknown)?;
        let active_targets = if has_active {
            // 1..=32 bits.
            Some(reader.bits(u32::try_from(structure.decode_targets).unwrap_or(32))?)
        } else {
            None
        };
        let template = structure.template(head.template_id).ok_or(unknown)?;
        let Template { spatial_id, temporal_id, .. } = *template;
        let descriptor = Descriptor {
            start_of_frame: head.start_of_frame,
            end_of_frame: head.end_of_frame,
            frame_number: head.frame_number,
            spatial_id,
            temporal_id,
            dtis: if has_indications {
                let all = (0..structure.decode_targets)
                    .map(|_| DecodeTargetIndication::read(&mut reader));
                all.collect::<Result<_, _>>()?
            } else {
                template.dtis.clone()
            },
            frame_diffs: if has_diffs {
                read_frame_diffs(&mut reader)?
            } else {
                template.frame_diffs.clone()
            },
            chain_diffs: if has_chains {
                (0..structure.chains).map(|_| reader.small(8)).collect::<Result<_, _>>()?
            } else {
                template.chain_diffs.clone()
            },
            resolution: structure.resolution(spatial_id),
            active_decode_targets: active_targets,
            structure: attached,
        };
        if let Some(structure) = &descriptor.structure {
            self.structure = Some(structure.clone());
        }
        Ok(descriptor)
    }
}

/// Reads custom frame differences: the size of each in units of four bits, then the value; size 0
/// ends the list.
fn read_frame_diffs(reader: &mut BitReader<'_>) -> Result<Vec<u16>, Malformed> {
    let mut diffs = Vec::new();
    loop {
        let size = reader.bits(2)?;
        if size == 0 {
            return Ok(diffs);
        }
        // At most twelve bits.
        diffs.push(u16::try_from(reader.bits(4 * size)?).unwrap_or(0) + 1);
    }
}
