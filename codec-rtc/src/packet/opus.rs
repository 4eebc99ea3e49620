//! Opus in RTP: one Opus packet per RTP packet. RFC 7587, section 4.

use codec_audio::opus_packet::OpusPacket;
use codec_core::error::ConfigError;

use super::AudioPacketizerConfig;
use super::audio_packetizer::AudioPacketizer;
use crate::rtp::Malformed;

/// RTP clock rate in Hz, independent of the audio sample rate.
pub const CLOCK_HZ: u32 = 48_000;

/// Properties of an Opus payload, found without decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpusPayload<'a> {
    /// The Opus packet.
    pub data: &'a [u8],
    /// Duration in RTP clock ticks: 120..=5760.
    pub ticks: u32,
    /// DTX: contains no audio.
    pub is_dtx: bool,
    /// Contains in-band FEC of the previous packet.
    pub has_fec: bool,
}

impl<'a> OpusPayload<'a> {
    /// Parses a payload.
    ///
    /// # Errors
    /// Returns [`Malformed`] if it is empty or violates RFC 6716, section 3.4.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        if payload.is_empty() {
            return Err(Malformed::EmptyPayload);
        }
        let packet = OpusPacket::parse(payload).map_err(|_| Malformed::Field {
            what: "the Opus packet violates RFC 6716, section 3.4",
        })?;
        // At most 120 ms.
        let ticks = u64::from(packet.duration_us()) * u64::from(CLOCK_HZ) / 1_000_000;
        Ok(Self {
            data: payload,
            ticks: u32::try_from(ticks).unwrap_or(0),
            is_dtx: packet.is_dtx(),
            has_fec: packet.has_fec(),
        })
    }
}

/// Packetizer of Opus packets.
#[derive(Clone, Debug)]
pub struct Packetizer {
    audio_packetizer: AudioPacketizer,
    send_dtx: bool,
}

impl Packetizer {
    /// Creates a packetizer that omits DTX packets: the next packet has the marker set, and its
    /// timestamp shows the length of the silence.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: AudioPacketizerConfig) -> Result<Self, ConfigError> {
        Ok(Self { audio_packetizer: AudioPacketizer::new(config)?, send_dtx: false })
    }

    /// Also sends DTX packets of one byte.
    #[must_use]
    pub fn with_dtx(self) -> Self {
        Self { send_dtx: true, ..self }
    }

    /// Sequence number of the next packet.
    #[must_use]
    pub fn next_sequence(&self) -> u16 {
        self.audio_packetizer.next_sequence()
    }

    /// Appends an RTP packet with `data`, whose first sample is at `timestamp`, unless it is
    /// omitted as DTX. Returns the properties of the payload.
    ///
    /// # Errors
    /// Returns [`Malformed`] if `data` is not an Opus packet.
    pub fn packetize<'a>(
        &mut self,
        data: &'a [u8],
        timestamp: u32,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<OpusPayload<'a>, Malformed> {
        let payload = OpusPayload::parse(data)?;
        if self.send_dtx || !payload.is_dtx {
            out.push(self.audio_packetizer.packet(data, timestamp, payload.ticks));
        }
        Ok(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp;

    const CONFIG: AudioPacketizerConfig =
        AudioPacketizerConfig { payload_type: 111, ssrc: 9, first_sequence: 65_535 };
    /// Fullband CELT of 20 ms, one frame.
    const SOUND: [u8; 4] = [31 << 3, 1, 2, 3];
    const SILENCE: [u8; 1] = [31 << 3];

    #[test]
    fn each_opus_packet_is_one_rtp_packet() {
        let mut packetizer = Packetizer::new(CONFIG).unwrap();
        let mut out = Vec::new();
        for index in 0..3 {
            let payload = packetizer.packetize(&SOUND, index * 960, &mut out).unwrap();
            assert_eq!((payload.ticks, payload.is_dtx), (960, false));
        }
        let packets: Vec<_> = out.iter().map(|bytes| rtp::parse(bytes).unwrap()).collect();
        assert!(packets.iter().all(|packet| packet.payload == SOUND));
        let heads = packets.iter().map(|packet| (packet.header.marker, packet.header.sequence));
        assert_eq!(heads.collect::<Vec<_>>(), [(true, 65_535), (false, 0), (false, 1)]);
        assert_eq!(packets[2].header.timestamp, 1920);
        assert_eq!((packets[0].header.payload_type, packets[0].header.ssrc), (111, 9));
    }

    #[test]
    fn dtx_packets_are_omitted_and_followed_by_the_marker() {
        let mut packetizer = Packetizer::new(CONFIG).unwrap();
        let mut out = Vec::new();
        for (index, data) in [&SOUND[..], &SILENCE, &SILENCE, &SOUND].into_iter().enumerate() {
            let timestamp = u32::try_from(index).unwrap() * 960;
            packetizer.packetize(data, timestamp, &mut out).unwrap();
        }
        assert_eq!(out.len(), 2);
        let last = rtp::parse(&out[1]).unwrap().header;
        assert_eq!((last.marker, last.sequence, last.timestamp), (true, 0, 2880));
        let mut all = Packetizer::new(CONFIG).unwrap().with_dtx();
        assert!(all.packetize(&SILENCE, 0, &mut out).unwrap().is_dtx);
        assert_eq!(out.len(), 3);
    }

    #[test]
    fn invalid_opus_packets_are_rejected() {
        assert_eq!(OpusPayload::parse(&[]), Err(Malformed::EmptyPayload));
        // Two frames of equal length in three bytes.
        assert!(matches!(OpusPayload::parse(&[1, 2]), Err(Malformed::Field { .. })));
        let wrong = AudioPacketizerConfig { payload_type: 128, ..CONFIG };
        assert!(Packetizer::new(wrong).is_err());
    }
}
