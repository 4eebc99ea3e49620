//! H.264 packetizer: access units to packets. RFC 6184, sections 5.1 and 5.6 to 5.8.

use std::ops::Range;

use codec_core::error::ConfigError;

use super::Units;
use super::mode::PacketizationMode;
use super::payload::{END, FU_A, STAP_A, START};
use super::unit::unit_type;
use crate::packet::parts::even_parts;
use crate::rtp::{self, FIXED_HEADER_BYTES, Header, WriteError};

/// Bytes of the size before each unit of an STAP-A.
const SIZE_BYTES: usize = 2;
/// Bytes of FU indicator and FU header.
const FRAGMENT_BYTES: usize = 2;

/// Settings of a [`Packetizer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketizerConfig {
    /// Maximum size of a packet including the RTP header, in bytes: 64..=65507, default 1200.
    pub mtu: usize,
    /// Payload type, 0..=127; default 96.
    pub payload_type: u8,
    /// SSRC; default 1.
    pub ssrc: u32,
    /// Sequence number of the first packet; default 0.
    pub first_sequence: u16,
    /// Packetization mode; default [`PacketizationMode::NonInterleaved`].
    pub mode: PacketizationMode,
}

impl Default for PacketizerConfig {
    fn default() -> Self {
        Self {
            mtu: 1200,
            payload_type: 96,
            ssrc: 1,
            first_sequence: 0,
            mode: PacketizationMode::NonInterleaved,
        }
    }
}

/// Packetizer of H.264 access units.
///
/// ```
/// use codec_rtc::packet::h264::{
///     Depacketizer, DepacketizerConfig, Packetizer, PacketizerConfig,
/// };
///
/// // Parameter sets, then an IDR slice that needs several packets.
/// let mut unit = vec![0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce];
/// unit.extend([0, 0, 0, 1, 0x65, 0x88]);
/// unit.resize(3000, 0xd5);
/// let mut packetizer = Packetizer::new(PacketizerConfig::default())?;
/// let mut packets = Vec::new();
/// packetizer.packetize(&unit, 90_000, &mut packets)?;
/// assert_eq!(packets.len(), 4); // the parameter sets share the first one
///
/// let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
/// packets[1..].reverse(); // the network may reorder packets
/// for packet in &packets {
///     depacketizer.push(packet)?;
/// }
/// let received = depacketizer.poll_access_unit().expect("all packets have arrived");
/// assert!(received.is_complete && received.is_key);
/// assert_eq!(received.data, unit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Packetizer {
    config: PacketizerConfig,
    sequence: u16,
}

/// Content of a packet.
enum Content {
    /// Consecutive units, by index: one as it is, several as an STAP-A.
    Units(Range<usize>),
    /// A part of a unit, by index, as an FU-A.
    Fragment { unit: usize, bytes: Range<usize> },
}

impl Packetizer {
    /// Creates a packetizer.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: PacketizerConfig) -> Result<Self, ConfigError> {
        if !(64..=65_507).contains(&config.mtu) {
            return Err(ConfigError::new("mtu", config.mtu, "64..=65507 bytes"));
        }
        if config.payload_type > 127 {
            return Err(ConfigError::new("payload type", config.payload_type, "0..=127"));
        }
        Ok(Self { config, sequence: config.first_sequence })
    }

    /// Sequence number of the next packet.
    #[must_use]
    pub fn next_sequence(&self) -> u16 {
        self.sequence
    }

    /// Reserves `packets` sequence numbers for other packets in the same stream, such as FEC.
    pub fn skip(&mut self, packets: u16) {
        self.sequence = self.sequence.wrapping_add(packets);
    }

    /// Appends the packets of an access unit in the byte stream format. `timestamp` is in units of
    /// [`super::CLOCK_HZ`].
    ///
    /// In the non-interleaved mode, consecutive NAL units share a packet (STAP-A) if they fit
    /// completely, and a NAL unit that is too long is split into parts (FU-A) of equal size.
    ///
    /// # Errors
    /// Returns [`WriteError`] and appends nothing if there is no NAL unit, if one has a type that
    /// is reserved for RTP, or if one is too long for the single NAL unit mode.
    pub fn packetize(
        &mut self,
        access_unit: &[u8],
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        let units: Vec<&[u8]> = Units::new(access_unit).collect();
        if units.is_empty() {
            return Err(WriteError::EmptyPayload);
        }
        let is_valid = |header: u8| header >> 7 == 0 && (1..=23).contains(&unit_type(header));
        if !units.iter().all(|unit| unit.first().copied().is_some_and(is_valid)) {
            return Err(WriteError::Field { what: "the NAL unit type is outside of 1 to 23" });
        }
        let contents = self.plan(&units)?;
        let last = contents.len().saturating_sub(1);
        for (index, content) in contents.into_iter().enumerate() {
            let header = Header {
                marker: index == last,
                payload_type: self.config.payload_type,
                sequence: self.sequence,
                timestamp,
                ssrc: self.config.ssrc,
            };
            self.sequence = self.sequence.wrapping_add(1);
            let mut packet = Vec::with_capacity(self.config.mtu.min(1500));
            rtp::write(&header, &mut packet);
            content.append_to(&units, &mut packet);
            out.push(packet);
        }
        Ok(())
    }

    /// Divides the units among packets.
    fn plan(&self, units: &[&[u8]]) -> Result<Vec<Content>, WriteError> {
        let room = self.config.mtu - FIXED_HEADER_BYTES;
        let mut contents = Vec::new();
        // Size of the last packet as an STAP-A, if another unit may join it.
        let mut open: Option<usize> = None;
        for (index, unit) in units.iter().enumerate() {
            let is_single_mode = self.config.mode == PacketizationMode::SingleNalUnit;
            if unit.len() > room && is_single_mode {
                return Err(WriteError::TooMany {
                    what: "bytes in a NAL unit in packetization mode 0",
                    limit: room,
                    actual: unit.len(),
                });
            }
            if unit.len() > room {
                split(index, unit.len(), room, &mut contents);
                open = None;
                continue;
            }
            let joined = open.map(|bytes| bytes + SIZE_BYTES + unit.len());
            match (contents.last_mut(), joined.filter(|&bytes| bytes <= room)) {
                (Some(Content::Units(range)), Some(bytes)) => {
                    range.end = index + 1;
                    open = Some(bytes);
                }
                _ => {
                    contents.push(Content::Units(index..index + 1));
                    open = (!is_single_mode).then_some(1 + SIZE_BYTES + unit.len());
                }
            }
        }
        Ok(contents)
    }
}

/// Splits a unit of `len` bytes into parts of equal size. Its first byte is not sent, since each part
/// contains its fields.
fn split(unit: usize, len: usize, room: usize, contents: &mut Vec<Content>) {
    let parts = even_parts(1..len, room - FRAGMENT_BYTES);
    contents.extend(parts.map(|bytes| Content::Fragment { unit, bytes }));
}

impl Content {
    fn append_to(self, units: &[&[u8]], packet: &mut Vec<u8>) {
        match self {
            Self::Units(range) if range.len() == 1 => packet.extend_from_slice(units[range.start]),
            Self::Units(range) => {
                let units = &units[range];
                // The indicator has the highest importance among its units (section 5.7).
                let importance = units.iter().map(|unit| unit[0] & 0x60).max().unwrap_or(0);
                packet.push(importance | STAP_A);
                for unit in units {
                    // Units that fit a packet have at most 65,535 bytes.
                    packet.extend(u16::try_from(unit.len()).unwrap_or(u16::MAX).to_be_bytes());
                    packet.extend_from_slice(unit);
                }
            }
            Self::Fragment { unit, bytes } => {
                let unit = units[unit];
                let start = if bytes.start == 1 { START } else { 0 };
                let end = if bytes.end == unit.len() { END } else { 0 };
                packet.extend([unit[0] & 0x60 | FU_A, start | end | unit_type(unit[0])]);
                packet.extend_from_slice(&unit[bytes]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(mtu: usize, mode: PacketizationMode) -> PacketizerConfig {
        PacketizerConfig { mtu, mode, first_sequence: 65_535, ..PacketizerConfig::default() }
    }

    fn stream(units: &[Vec<u8>]) -> Vec<u8> {
        units.iter().flat_map(|unit| [&[0, 0, 0, 1], unit.as_slice()].concat()).collect()
    }

    fn unit(header: u8, len: usize) -> Vec<u8> {
        let mut unit = vec![0x55; len];
        unit[0] = header;
        unit
    }

    /// Payloads of the packets, whose headers are checked.
    fn payloads(config: PacketizerConfig, units: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut packetizer = Packetizer::new(config).unwrap();
        packetizer.packetize(&stream(units), 3000, &mut packets).unwrap();
        let count = packets.len();
        let payload = |(index, bytes): (usize, &Vec<u8>)| {
            assert!(bytes.len() <= config.mtu);
            let packet = rtp::parse(bytes).unwrap();
            assert_eq!(packet.header.marker, index + 1 == count);
            let sequence = config.first_sequence.wrapping_add(u16::try_from(index).unwrap());
            assert_eq!((packet.header.sequence, packet.header.timestamp), (sequence, 3000));
            packet.payload.to_vec()
        };
        packets.iter().enumerate().map(payload).collect()
    }

    #[test]
    fn parameter_sets_share_a_packet_and_long_slices_are_split_evenly() {
        let units = [unit(0x27, 10), unit(0x68, 4), unit(0x06, 20), unit(0x65, 1000)];
        let found = payloads(config(300, PacketizationMode::NonInterleaved), &units);
        assert_eq!(found.len(), 5);
        // The NRI of an STAP-A is the highest of its units, here the NRI of the PPS.
        assert_eq!(found[0][..4], [0x78, 0, 10, 0x27]);
        assert_eq!(found[0].len(), 1 + 2 + 10 + 2 + 4 + 2 + 20);
        let flags: Vec<[u8; 2]> = found[1..].iter().map(|it| [it[0], it[1]]).collect();
        assert_eq!(flags, [[0x7c, 0x85], [0x7c, 5], [0x7c, 5], [0x7c, 0x45]]);
        let sizes: Vec<usize> = found[1..].iter().map(Vec::len).collect();
        assert_eq!(sizes, [252, 252, 252, 251], "999 bytes in four parts");
    }

    #[test]
    fn units_that_just_fit_are_not_split() {
        let mode = PacketizationMode::NonInterleaved;
        assert_eq!(payloads(config(112, mode), &[unit(0x41, 100)]).len(), 1);
        let split = payloads(config(112, mode), &[unit(0x01, 101)]);
        assert_eq!(split.iter().map(Vec::len).collect::<Vec<_>>(), [52, 52]);
        assert_eq!(split[0][..2], [0x1c, 0x81]);
        // 1 + 2 + 40 + 2 + 55 bytes fit, 56 do not.
        assert_eq!(payloads(config(112, mode), &[unit(0x41, 40), unit(0x41, 55)]).len(), 1);
        assert_eq!(payloads(config(112, mode), &[unit(0x41, 40), unit(0x41, 56)]).len(), 2);
    }

    #[test]
    fn single_mode_has_one_unit_in_each_packet() {
        let mode = PacketizationMode::SingleNalUnit;
        let units = [unit(0x67, 10), unit(0x68, 4), unit(0x65, 100)];
        assert_eq!(payloads(config(112, mode), &units), units);
        let mut out = Vec::new();
        let mut packetizer = Packetizer::new(config(112, mode)).unwrap();
        let long = stream(&[unit(0x67, 10), unit(0x65, 101)]);
        let error = packetizer.packetize(&long, 0, &mut out).unwrap_err();
        assert!(error.to_string().contains("packetization mode 0, expected at most 100"));
        assert_eq!((out.len(), packetizer.next_sequence()), (0, 65_535));
    }

    #[test]
    fn invalid_input_is_rejected() {
        for mtu in [0, 63, 65_508] {
            assert!(Packetizer::new(PacketizerConfig { mtu, ..Default::default() }).is_err());
        }
        assert!(
            Packetizer::new(PacketizerConfig { payload_type: 128, ..Default::default() }).is_err()
        );
        let mut packetizer = Packetizer::new(PacketizerConfig::default()).unwrap();
        for none in [&[][..], &[1, 2, 3], &[0, 0, 1]] {
            let found = packetizer.packetize(none, 0, &mut Vec::new());
            assert_eq!(found, Err(WriteError::EmptyPayload));
        }
        for header in [0x60, 0x78, 0x7c, 0xe5] {
            assert!(packetizer.packetize(&stream(&[unit(header, 5)]), 0, &mut Vec::new()).is_err());
        }
        assert_eq!(packetizer.next_sequence(), 0);
    }
}
