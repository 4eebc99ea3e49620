//! Sends media to a viewer. Packets are created once for all viewers, and numbered per viewer.

use std::time::Duration;

use codec_core::codec::{FrameKind, PacketMeta};
use codec_rtc::extension::{AbsCaptureTime, Extensions, PlayoutDelay};
use codec_rtc::packet::red::{Redundancy, RedundancyConfig};
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};
use codec_rtc::packet::{VideoFormat, h264};
use codec_rtc::rtp::FIXED_HEADER_BYTES;
use codec_rtc::sequence::wrap_32;
use codec_webrtc::{Codec, Mid, Peer, SendError};

use super::super::media::{AUDIO_HZ, AudioPacket, VIDEO_HZ, VideoFrame};
use super::describer::Describer;
use super::spatial_layers::{self, SpatialLayers};
use crate::random;

/// Packets of audio that are repeated after a collapse: it is noticed within this time after the
/// first one was dropped.
const REDUNDANT_PACKETS: usize = 6;
/// Maximum size of a packet with its RTP header.
const MTU: usize = Peer::MAX_PAYLOAD_BYTES + FIXED_HEADER_BYTES;
/// Maximum number of packets of a frame.
const MAX_PACKETS: usize = 2048;
/// Offset of the `PictureID` in our packets, which always use the two-byte form (RFC 7741, section
/// 4.2).
const PICTURE_ID_AT: usize = FIXED_HEADER_BYTES + 2;

/// The packets of a frame, for all viewers.
pub(super) fn packets_of(frame: &VideoFrame) -> Vec<Vec<u8>> {
    let timestamp = wrap_32(i64::try_from(frame.pts).unwrap_or(i64::MAX));
    let mut packets = Vec::new();
    let made = match frame.format {
        VideoFormat::Vp8 => packetize_vp8(frame, timestamp, &mut packets),
        VideoFormat::H264 => packetize_h264(frame, timestamp, &mut packets),
        VideoFormat::Vp9 => spatial_layers::packetize(MTU, frame, timestamp, &mut packets),
    };
    if made.is_none() || packets.len() > MAX_PACKETS {
        packets.clear();
    }
    packets
}

fn packetize_h264(frame: &VideoFrame, timestamp: u32, packets: &mut Vec<Vec<u8>>) -> Option<()> {
    let config = h264::PacketizerConfig { mtu: MTU, ..h264::PacketizerConfig::default() };
    let mut packetizer = h264::Packetizer::new(config).ok()?;
    packetizer.packetize(&frame.data, timestamp, packets).ok()
}

fn packetize_vp8(frame: &VideoFrame, timestamp: u32, packets: &mut Vec<Vec<u8>>) -> Option<()> {
    let config = PacketizerConfig {
        mtu: MTU,
        layers: frame.tl0_index.is_some(),
        ..PacketizerConfig::default()
    };
    let meta = PacketMeta {
        kind: if frame.key { FrameKind::Key } else { FrameKind::Inter },
        temporal_id: frame.temporal_id,
        layer_sync: frame.layer_sync,
        tl0_index: frame.tl0_index.unwrap_or(0),
        discardable: frame.discardable,
        ..PacketMeta::default()
    };
    let mut packetizer = Packetizer::new(config).ok()?;
    packetizer.packetize(&frame.data, &meta, timestamp, packets).ok()
}

/// The sending state of a viewer.
#[derive(Clone, Debug)]
pub(super) struct MediaSender {
    picture_id: u16,
    /// Offset added to TL0PICIDX so that it continues across changes of the rendition; and the last
    /// value sent, with its rendition.
    tl0_shift: u8,
    last_tl0: Option<(u8, bool)>,
    describer: Describer,
    /// Spatial layers of VP9.
    pub(super) spatial: SpatialLayers,
    /// Sent frames and bytes.
    pub(super) frames: u64,
    pub(super) bytes: u64,
    /// The last packets of audio.
    audio: Option<Redundancy>,
    /// The next packet of audio repeats the packets before it.
    repeats_audio: bool,
}

impl MediaSender {
    pub(super) fn new() -> Self {
        let picture_id = u16::from_be_bytes(random::bytes()) & 0x7fff;
        Self {
            picture_id,
            tl0_shift: 0,
            last_tl0: None,
            describer: Describer::default(),
            spatial: SpatialLayers::new(picture_id),
            frames: 0,
            bytes: 0,
            audio: None,
            repeats_audio: false,
        }
    }

    /// Sends a frame on a media section, with a payload type of its codec. `playout_delay` is the delay
    /// requested from the viewer.
    pub(super) fn video(
        &mut self,
        peer: &mut Peer,
        now: Duration,
        (mid, payload_type): (Mid, u8),
        frame: &VideoFrame,
        begin: Duration,
        playout_delay: Option<PlayoutDelay>,
    ) -> Result<(), SendError> {
        let made = frame.packets.get_or_init(|| packets_of(frame));
        let mut packets = made.clone();
        let dependency = match frame.format {
            VideoFormat::Vp8 => {
                self.number(frame, &mut packets);
                None
            }
            VideoFormat::H264 => self.describer.describe(frame),
            VideoFormat::Vp9 => {
                self.spatial.fit(frame, &mut packets);
                None
            }
        };
        let captured_at = begin.saturating_add(time_of(frame.pts, VIDEO_HZ));
        let capture = (frame.captured != 0)
            .then_some(AbsCaptureTime { ntp: frame.captured, clock_offset: None });
        let abs_capture_time = capture;
        let extensions =
            Extensions { abs_capture_time, playout_delay, dependency, ..Extensions::default() };
        peer.send_video(now, mid, payload_type, &packets, captured_at, &extensions)?;
        self.frames += 1;
        self.bytes += frame.data.len() as u64;
        Ok(())
    }

    /// Sets the numbers of a VP8 frame for this viewer.
    fn number(&mut self, frame: &VideoFrame, packets: &mut [Vec<u8>]) {
        let [high, low] = self.picture_id.to_be_bytes();
        let tl0 = self.tl0_index(frame);
        for packet in packets {
            if let (Some(tl0), Some(index)) = (tl0, packet.get_mut(PICTURE_ID_AT + 2)) {
                *index = tl0;
            }
            if let Some(id) = packet.get_mut(PICTURE_ID_AT..PICTURE_ID_AT + 2) {
                id.copy_from_slice(&[high | 0x80, low]);
            }
        }
        self.picture_id = (self.picture_id + 1) & 0x7fff;
    }

    /// The TL0PICIDX of a frame for this viewer.
    fn tl0_index(&mut self, frame: &VideoFrame) -> Option<u8> {
        let own = frame.tl0_index?;
        if let Some((last, small)) = self.last_tl0
            && small != frame.small
        {
            self.tl0_shift = last.wrapping_add(1).wrapping_sub(own);
        }
        let index = own.wrapping_add(self.tl0_shift);
        self.last_tl0 = Some((index, frame.small));
        Some(index)
    }

    /// Repeats the last packets of audio with the next one, if the viewer knows RED: a full queue
    /// dropped some of them with the video.
    pub(super) fn repeat_audio(&mut self) {
        self.repeats_audio = true;
    }

    /// A packet of audio with the packets before it, if they are to be repeated.
    fn redundant(&mut self, peer: &Peer, mid: Mid, timestamp: u32, data: &[u8]) -> Option<Vec<u8>> {
        if self.audio.is_none() {
            let media = peer.media(mid)?;
            let opus = media.codecs.iter().find(|codec| codec.codec == Codec::Opus)?;
            opus.red?;
            let config = RedundancyConfig {
                payload_type: opus.payload_type,
                depth: REDUNDANT_PACKETS,
                max_bytes: Peer::MAX_PAYLOAD_BYTES,
            };
            self.audio = Redundancy::new(config).ok();
        }
        let mut payload = Vec::new();
        let repeated = self.audio.as_mut()?.push(timestamp, data, &mut payload).ok()?;
        let repeats = std::mem::take(&mut self.repeats_audio);
        (repeats && repeated > 0).then_some(payload)
    }

    /// Sends a packet of audio.
    pub(super) fn audio(
        &mut self,
        peer: &mut Peer,
        now: Duration,
        mid: Mid,
        packet: &AudioPacket,
        begin: Duration,
    ) -> Result<(), SendError> {
        let timestamp = wrap_32(i64::try_from(packet.pts).unwrap_or(i64::MAX));
        let captured = begin.saturating_add(time_of(packet.pts, AUDIO_HZ));
        let none = Extensions::default();
        let data = &packet.data;
        let redundant = self.redundant(peer, mid, timestamp, data);
        let is_repeated = redundant.is_some_and(|payload| {
            peer.send_redundant_audio(now, mid, Codec::Opus, &payload, timestamp, captured).is_ok()
        });
        if !is_repeated {
            peer.send_audio(now, mid, Codec::Opus, data, timestamp, false, captured, &none)?;
        }
        self.bytes += packet.data.len() as u64;
        Ok(())
    }
}

fn time_of(pts: u64, hz: u32) -> Duration {
    let hz = u64::from(hz);
    let nanos = pts % hz * 1_000_000_000 / hz;
    Duration::from_secs(pts / hz) + Duration::from_nanos(nanos)
}

#[cfg(test)]
mod tests {
    use codec_rtc::packet::vp8::{Descriptor, PictureId};
    use codec_rtc::rtp;

    use super::*;

    #[test]
    fn packets_describe_the_frame_and_carry_the_picture_id() {
        let frame = VideoFrame {
            data: vec![0x31; 3000].into(),
            pts: (1 << 32) + 5,
            temporal_id: 2,
            layer_sync: true,
            tl0_index: Some(9),
            ..VideoFrame::default()
        };
        let mut packets = packets_of(&frame);
        assert_eq!(packets.len(), 3);
        for packet in &mut packets {
            packet[PICTURE_ID_AT..PICTURE_ID_AT + 2].copy_from_slice(&[0x92, 0x67]);
            let parsed = rtp::parse(packet).unwrap();
            assert_eq!(parsed.header.timestamp, 5);
            assert!(parsed.payload.len() <= Peer::MAX_PAYLOAD_BYTES);
            let (descriptor, _) = Descriptor::parse(parsed.payload).unwrap();
            assert_eq!(descriptor.picture_id, Some(PictureId::Long(4711)));
            assert_eq!(descriptor.tl0_pic_idx, Some(9));
            assert_eq!(descriptor.layer.map(|layer| layer.temporal_id), Some(2));
        }
        let plain = VideoFrame { data: vec![1; 10].into(), ..VideoFrame::default() };
        let packet = packets_of(&plain).remove(0);
        let parsed = rtp::parse(&packet).unwrap();
        let (descriptor, _) = Descriptor::parse(parsed.payload).unwrap();
        assert_eq!((descriptor.tl0_pic_idx, descriptor.layer), (None, None));
        assert!(packets_of(&VideoFrame::default()).is_empty());
    }

    #[test]
    fn access_units_are_split_into_packets() {
        let mut data = vec![0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38];
        data.extend([0, 0, 0, 1, 0x65, 0x88]);
        data.resize(3000, 0xd5);
        let format = VideoFormat::H264;
        let frame = VideoFrame { data: data.into(), format, pts: 9, ..VideoFrame::default() };
        let packets = packets_of(&frame);
        assert_eq!(packets.len(), 4, "parameter sets, and three parts");
        for packet in &packets {
            let parsed = rtp::parse(packet).unwrap();
            assert!(parsed.payload.len() <= Peer::MAX_PAYLOAD_BYTES);
            assert_eq!(parsed.header.timestamp, 9);
        }
        let invalid = VideoFrame { data: vec![1; 10].into(), format, ..VideoFrame::default() };
        assert!(packets_of(&invalid).is_empty());
    }

    #[test]
    fn tl0_indices_continue_across_renditions() {
        let mut sending = MediaSender::new();
        let mut sent = |tl0: u8, small| {
            let frame = VideoFrame { tl0_index: Some(tl0), small, ..VideoFrame::default() };
            sending.tl0_index(&frame)
        };
        assert_eq!([sent(254, false), sent(255, false)], [Some(254), Some(255)]);
        assert_eq!([sent(7, true), sent(8, true)], [Some(0), Some(1)]);
        assert_eq!([sent(40, false), sent(40, false), sent(41, false)], [2, 2, 3].map(Some));
        assert_eq!(sending.tl0_index(&VideoFrame::default()), None);
    }

    #[test]
    fn times_do_not_wrap() {
        assert_eq!(time_of(90_000 * 3600 + 45_000, 90_000), Duration::from_millis(3_600_500));
        assert_eq!(time_of(u64::MAX, 90_000).as_secs(), u64::MAX / 90_000);
    }
}
