//! VP8 payload descriptor: parsing and writing. RFC 7741, section 4.2.

use crate::rtp::{Malformed, WriteError};

/// Frame counter (`PictureID`); its length may change within a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureId {
    /// 7 bits, 0..=127.
    Short(u8),
    /// 15 bits, 0..=32767.
    Long(u16),
}

impl PictureId {
    /// The value, independent of length.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::Short(number) => number.into(),
            Self::Long(number) => number,
        }
    }

    /// Number of frames from `before` to this one, going forwards modulo the shorter of both
    /// lengths; 0 if equal.
    #[must_use]
    pub fn steps_from(self, before: Self) -> u16 {
        let mask = match (self, before) {
            (Self::Long(_), Self::Long(_)) => 0x7fff,
            _ => 0x7f,
        };
        self.number().wrapping_sub(before.number()) & mask
    }
}

/// Temporal layer (TID and Y).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerInfo {
    /// Temporal layer, 0 (base) to 3.
    pub temporal_id: u8,
    /// Layer sync: the frame depends only on the base layer (Y).
    pub layer_sync: bool,
}

/// The descriptor before the frame data in each packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// No other frame references this one (N).
    pub non_reference: bool,
    /// The payload starts a partition (S).
    pub start_of_partition: bool,
    /// Partition of the first payload byte (PID), 0..=7.
    pub partition: u8,
    /// `PictureID` of the frame.
    pub picture_id: Option<PictureId>,
    /// Counter of base-layer frames (TL0PICIDX).
    pub tl0_pic_idx: Option<u8>,
    /// Temporal layer of the frame; `None` without T in the packet.
    pub layer: Option<LayerInfo>,
    /// Counter of key frames (KEYIDX), 0..=31.
    pub key_idx: Option<u8>,
}

const EXTENDED: u8 = 0x80;
const NON_REFERENCE: u8 = 0x20;
const START: u8 = 0x10;
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0: u8 = 0x40;
const HAS_TID: u8 = 0x20;
const HAS_KEY_INDEX: u8 = 0x10;
const LONG_ID: u8 = 0x80;

impl Descriptor {
    /// Whether the packet starts a frame.
    #[must_use]
    pub fn is_frame_start(&self) -> bool {
        self.start_of_partition && self.partition == 0
    }

    /// Parses the descriptor; returns it with the frame data that follows. Reserved bits and fields
    /// whose flag is off are ignored.
    ///
    /// # Errors
    /// Returns [`Malformed::Truncated`] if the payload ends within the descriptor.
    pub fn parse(payload: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut reader = Reader { rest: payload, read: 0 };
        let first = reader.byte()?;
        let mut descriptor = Self {
            non_reference: first & NON_REFERENCE != 0,
            start_of_partition: first & START != 0,
            partition: first & 7,
            ..Self::default()
        };
        if first & EXTENDED != 0 {
            let flags = reader.byte()?;
            if flags & HAS_PICTURE_ID != 0 {
                let high = reader.byte()?;
                descriptor.picture_id = Some(if high & LONG_ID == 0 {
                    PictureId::Short(high)
                } else {
                    PictureId::Long(u16::from_be_bytes([high & !LONG_ID, reader.byte()?]))
                });
            }
            if flags & HAS_TL0 != 0 {
                descriptor.tl0_pic_idx = Some(reader.byte()?);
            }
            if flags & (HAS_TID | HAS_KEY_INDEX) != 0 {
                let byte = reader.byte()?;
                if flags & HAS_TID != 0 {
                    let layer_sync = byte & 0x20 != 0;
                    descriptor.layer = Some(LayerInfo { temporal_id: byte >> 6, layer_sync });
                }
                descriptor.key_idx = (flags & HAS_KEY_INDEX != 0).then_some(byte & 0x1f);
            }
        }
        Ok((descriptor, reader.rest))
    }

    /// Appends the descriptor.
    ///
    /// # Errors
    /// Returns [`WriteError::Field`] and writes nothing if a value is out of range, or if there is
    /// a TL0PICIDX without a temporal layer, which RFC 7741 forbids.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let refuse = |what| Err(WriteError::Field { what });
        match self {
            Self { partition: 8.., .. } => return refuse("the partition index is above 7"),
            Self { picture_id: Some(PictureId::Short(0x80..)), .. }
            | Self { picture_id: Some(PictureId::Long(0x8000..)), .. } => {
                return refuse("the PictureID does not fit its field");
            }
            Self { layer: Some(LayerInfo { temporal_id: 4.., .. }), .. } => {
                return refuse("the temporal layer is above 3");
            }
            Self { key_idx: Some(0x20..), .. } => return refuse("the KEYIDX is above 31"),
            Self { tl0_pic_idx: Some(_), layer: None, .. } => {
                return refuse("there is a TL0PICIDX but no temporal layer");
            }
            _ => {}
        }
        let mut flags = 0;
        for (present, flag) in [
            (self.picture_id.is_some(), HAS_PICTURE_ID),
            (self.tl0_pic_idx.is_some(), HAS_TL0),
            (self.layer.is_some(), HAS_TID),
            (self.key_idx.is_some(), HAS_KEY_INDEX),
        ] {
            flags |= if present { flag } else { 0 };
        }
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        out.push(
            bit(flags != 0, EXTENDED)
                | bit(self.non_reference, NON_REFERENCE)
                | bit(self.start_of_partition, START)
                | self.partition,
        );
        if flags == 0 {
            return Ok(());
        }
        out.push(flags);
        match self.picture_id {
            Some(PictureId::Short(id)) => out.push(id),
            Some(PictureId::Long(id)) => {
                let [high, low] = id.to_be_bytes();
                out.extend([high | LONG_ID, low]);
            }
            None => {}
        }
        out.extend(self.tl0_pic_idx);
        if self.layer.is_some() || self.key_idx.is_some() {
            let layer = self.layer.unwrap_or_default();
            let sync = bit(layer.layer_sync, 0x20);
            out.push(layer.temporal_id << 6 | sync | self.key_idx.unwrap_or(0));
        }
        Ok(())
    }

    /// Number of bytes that [`Self::write`] appends.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        let id = match self.picture_id {
            None => 0,
            Some(PictureId::Short(_)) => 1,
            Some(PictureId::Long(_)) => 2,
        };
        let tl0 = usize::from(self.tl0_pic_idx.is_some());
        let last = usize::from(self.layer.is_some() || self.key_idx.is_some());
        let fields = id + tl0 + last;
        1 + fields + usize::from(fields > 0)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    read: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or(Malformed::Truncated {
            what: "VP8 payload descriptor",
            needed_bytes: self.read + 1,
            had_bytes: self.read,
        })?;
        (self.rest, self.read) = (rest, self.read + 1);
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(descriptor: &Descriptor) -> Vec<u8> {
        let mut bytes = Vec::new();
        descriptor.write(&mut bytes).unwrap();
        assert_eq!(bytes.len(), descriptor.len_bytes());
        bytes
    }

    const START_OF_FRAME: Descriptor = Descriptor {
        non_reference: false,
        start_of_partition: true,
        partition: 0,
        picture_id: None,
        tl0_pic_idx: None,
        layer: None,
        key_idx: None,
    };

    #[test]
    fn rfc7741_examples_are_written_bit_exactly() {
        // RFC 7741, 4.6.1: X, S; I; PictureID 17.
        let id = |id| Some(PictureId::Short(id));
        let first = Descriptor { picture_id: id(17), ..START_OF_FRAME };
        assert_eq!(written(&first), [0b1001_0000, 0b1000_0000, 0b0001_0001]);
        // 4.6.2: no PictureID.
        assert_eq!(written(&START_OF_FRAME), [0b0001_0000]);
        // 4.6.4: second, then middle packet of partition 1.
        let second = Descriptor { partition: 1, ..first };
        assert_eq!(written(&second), [0b1001_0001, 0b1000_0000, 0b0001_0001]);
        let middle = Descriptor { start_of_partition: false, ..second };
        assert_eq!(written(&middle), [0b1000_0001, 0b1000_0000, 0b0001_0001]);
        // 4.6.5: PictureID 4711.
        let long = Descriptor { picture_id: Some(PictureId::Long(4711)), ..START_OF_FRAME };
        assert_eq!(written(&long), [0b1001_0000, 0b1000_0000, 0b1001_0010, 0b0110_0111]);
    }

    #[test]
    fn fields_have_the_specified_bits() {
        let all = Descriptor {
            non_reference: true,
            start_of_partition: false,
            partition: 5,
            picture_id: Some(PictureId::Long(0x1234)),
            tl0_pic_idx: Some(0xab),
            layer: Some(LayerInfo { temporal_id: 2, layer_sync: true }),
            key_idx: Some(0x15),
        };
        let bytes = [0b1010_0101, 0b1111_0000, 0x92, 0x34, 0xab, 0b1011_0101];
        assert_eq!(written(&all), bytes);
        assert_eq!(Descriptor::parse(&bytes), Ok((all, &[][..])));
        let tid_alone = Descriptor {
            layer: Some(LayerInfo { temporal_id: 1, layer_sync: false }),
            ..START_OF_FRAME
        };
        assert_eq!(written(&tid_alone), [0b1001_0000, 0b0010_0000, 0b0100_0000]);
        let key_alone = Descriptor { key_idx: Some(31), ..START_OF_FRAME };
        assert_eq!(written(&key_alone), [0b1001_0000, 0b0001_0000, 0b0001_1111]);
    }

    #[test]
    fn descriptors_round_trip() {
        let ids = [
            None,
            Some(PictureId::Short(0)),
            Some(PictureId::Short(127)),
            Some(PictureId::Long(0)),
        ];
        let ids = ids.into_iter().chain([Some(PictureId::Long(0x7fff))]);
        for picture_id in ids {
            for bits in 0..=255_u8 {
                let layer = LayerInfo { temporal_id: bits >> 6, layer_sync: bits & 4 != 0 };
                let layer = (bits & 8 != 0).then_some(layer);
                let descriptor = Descriptor {
                    non_reference: bits & 1 != 0,
                    start_of_partition: bits & 2 != 0,
                    partition: bits >> 5,
                    picture_id,
                    tl0_pic_idx: (layer.is_some() && bits & 16 != 0).then_some(bits),
                    layer,
                    key_idx: (bits & 32 != 0).then_some(bits & 31),
                };
                let mut bytes = written(&descriptor);
                for len in 0..bytes.len() {
                    assert!(Descriptor::parse(&bytes[..len]).is_err());
                }
                bytes.extend([1, 2, 3]);
                assert_eq!(Descriptor::parse(&bytes), Ok((descriptor, &[1, 2, 3][..])));
            }
        }
    }

    #[test]
    fn reserved_bits_are_ignored_and_flagless_fields_as_well() {
        let (descriptor, _) = Descriptor::parse(&[0b0101_1000]).unwrap();
        assert_eq!(descriptor, START_OF_FRAME);
        // K without T: the layer bits are ignored.
        let (descriptor, _) = Descriptor::parse(&[0x90, 0b0001_1111, 0b1110_0001]).unwrap();
        assert_eq!(descriptor, Descriptor { key_idx: Some(1), ..START_OF_FRAME });
    }

    #[test]
    fn values_out_of_range_are_rejected() {
        for wrong in [
            Descriptor { partition: 8, ..START_OF_FRAME },
            Descriptor { picture_id: Some(PictureId::Short(128)), ..START_OF_FRAME },
            Descriptor { picture_id: Some(PictureId::Long(0x8000)), ..START_OF_FRAME },
            Descriptor { tl0_pic_idx: Some(1), ..START_OF_FRAME },
            Descriptor { key_idx: Some(32), ..START_OF_FRAME },
        ] {
            let mut bytes = Vec::new();
            assert!(matches!(wrong.write(&mut bytes), Err(WriteError::Field { .. })));
            assert!(bytes.is_empty());
        }
    }

    #[test]
    fn picture_ids_wrap_and_may_change_their_length() {
        let (short, long) = (PictureId::Short, PictureId::Long);
        assert_eq!(short(0).steps_from(short(127)), 1);
        assert_eq!(long(0).steps_from(long(0x7fff)), 1);
        assert_eq!(long(128).steps_from(short(127)), 1);
        assert_eq!(long(5).steps_from(long(5)), 0);
        assert_eq!(long(4).steps_from(long(5)), 0x7fff);
    }
}
