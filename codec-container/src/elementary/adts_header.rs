//! Writes ADTS headers for AAC frames from containers that store the AAC configuration only once per
//! track. ISO/IEC 14496-3, section 1.A.2.2.

use crate::bits::Bits;

/// Bytes of a header without a checksum.
const HEADER_BYTES: usize = 7;
/// The length of a frame has thirteen bits.
const MAX_FRAME_BYTES: usize = (1 << 13) - 1;
/// Object types that an AAC LC decoder decodes at half the sample rate.
const SBR: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;

/// The fields of the header that are the same in all frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AdtsHeader {
    /// Profile, sample rate and channels.
    fixed: [u8; 2],
}

impl AdtsHeader {
    /// Describes the frames of a track with this `AudioSpecificConfig` (section 1.6.2.1). Spectral
    /// band replication and parametric stereo are in the frames, where decoders find them.
    ///
    /// # Errors
    /// The property of the track that the header cannot state, as a noun phrase.
    pub(crate) fn new(config: &[u8]) -> Result<Self, String> {
        let fields = Fields::parse(config).ok_or("AAC without a valid configuration")?;
        let Fields { object, rate, channels, is_short } = fields;
        if !(1..=4).contains(&object) {
            return Err(format!("AAC of object type {object}"));
        }
        if rate > 12 {
            return Err("AAC with a sample rate outside of the table of ADTS".to_owned());
        }
        if !(1..=7).contains(&channels) {
            return Err("AAC with a custom channel layout".to_owned());
        }
        if is_short {
            return Err("AAC with frames of 960 samples".to_owned());
        }
        let byte = |value: u32| u8::try_from(value).unwrap_or(0);
        let first = byte(object - 1) << 6 | byte(rate) << 2 | byte(channels >> 2);
        Ok(Self { fixed: [first, byte(channels & 3) << 6] })
    }

    /// Appends a frame with its header.
    ///
    /// # Errors
    /// The property of the frame that the header cannot state.
    pub(crate) fn put(self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let length = frame.len() + HEADER_BYTES;
        let stated = u16::try_from(length).ok().filter(|_| length <= MAX_FRAME_BYTES);
        let Some(stated) = stated else {
            return Err(format!("an AAC frame of {} bytes", frame.len()));
        };
        let [high, low] = (stated << 5).to_be_bytes();
        let top = u8::try_from(stated >> 11).unwrap_or(0);
        let [first, second] = self.fixed;
        // MPEG-4 without a checksum; one block of a variable bitrate.
        out.extend_from_slice(&[0xFF, 0xF1, first, second | top, high, low | 0x1F, 0xFC]);
        out.extend_from_slice(frame);
        Ok(())
    }
}

/// The fields of an `AudioSpecificConfig` that a header states.
struct Fields {
    object: u32,
    rate: u32,
    channels: u32,
    /// `frameLengthFlag`.
    is_short: bool,
}

impl Fields {
    fn parse(config: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(config);
        let mut object = object_type(&mut bits)?;
        let rate = rate_index(&mut bits)?;
        let channels = bits.take(4)?;
        if matches!(object, SBR | PARAMETRIC_STEREO) {
            rate_index(&mut bits)?;
            object = object_type(&mut bits)?;
        }
        Some(Self { object, rate, channels, is_short: bits.flag()? })
    }
}

fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(5)? {
        31 => Some(32 + bits.take(6)?),
        object => Some(object),
    }
}

/// Returns the index of the sample rate; 15 if the rate itself follows.
fn rate_index(bits: &mut Bits<'_>) -> Option<u32> {
    let index = bits.take(4)?;
    if index == 15 {
        bits.take(24)?;
    }
    Some(index)
}

#[cfg(test)]
mod tests {
    use super::super::{adts_configuration, parse_adts};
    use super::*;

    #[test]
    fn headers_are_those_that_the_reader_parses() {
        // LC at 44.1 kHz with two channels, and at 24 kHz with eight.
        for (config, rate, channels) in [([0x12, 0x10], 44_100, 2), ([0x13, 0x38], 24_000, 8)] {
            let mut out = Vec::new();
            AdtsHeader::new(&config).unwrap().put(&[7; 3000], &mut out).unwrap();
            let head = parse_adts(&out).unwrap();
            assert_eq!((head.rate, head.channels, head.samples), (rate, channels, 1024));
            assert_eq!((head.bytes, head.dropped, out.len()), (3007, 7, 3007));
            assert_eq!(adts_configuration(&out), config);
        }
    }

    #[test]
    fn spectral_band_replication_has_the_header_of_its_core() {
        // HE-AAC with a core of 24 kHz and two channels, and the same with parametric stereo.
        for config in [[0x2B, 0x11, 0x88, 0x00], [0xEB, 0x11, 0x88, 0x00]] {
            let mut out = Vec::new();
            AdtsHeader::new(&config).unwrap().put(&[7; 5], &mut out).unwrap();
            let head = parse_adts(&out).unwrap();
            assert_eq!((head.rate, head.channels), (24_000, 2));
        }
    }

    #[test]
    fn properties_without_a_field_are_named() {
        let named = |config: &[u8], part: &str| {
            let error = AdtsHeader::new(config).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        named(&[0x12, 0x14], "960 samples");
        named(&[0x12, 0x00], "channel layout");
        // Enhanced low delay, whose object type is 39.
        named(&[0xF8, 0xE6, 0x20, 0x00], "object type 39");
        named(&[0x17, 0x80, 0x10, 0x00, 0x10], "sample rate");
        named(&[0x12], "without a valid configuration");
        named(&[], "without a valid configuration");
        let header = AdtsHeader::new(&[0x12, 0x10]).unwrap();
        assert!(header.put(&[0; 8184], &mut Vec::new()).is_ok());
        assert!(header.put(&[0; 8185], &mut Vec::new()).is_err());
    }
}
