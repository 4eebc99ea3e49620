//! VP9 in RTP.

use std::time::Duration;

use codec_rtc::forward::{ForwardConfig, Forwarded, Forwarder};
use codec_rtc::jitter::video::{FrameBuffer, FrameBufferConfig, PacketInfo};
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::vp9::Descriptor;
use codec_rtc::rtp;

use super::length_prefixed;

/// Bytes of the index of a superframe of 8 frames, at most.
const INDEX_BYTES: usize = 34;

/// RTP packets with VP9, each preceded by its length in two little-endian bytes, arrive 5 ms apart at a
/// frame buffer, directly and through a forwarder, whose layers change. Descriptors that can be written
/// must be parsed as written.
///
/// # Panics
/// If they are not, if the forwarder makes something else than an RTP packet of the same length, if more is buffered than allowed, or more is returned than was received.
pub fn vp9_rtp(data: &[u8]) {
    let mut buffer = FrameBuffer::new(FrameBufferConfig {
        format: VideoFormat::Vp9,
        ..FrameBufferConfig::low_latency()
    });
    let config = ForwardConfig { format: VideoFormat::Vp9, ..ForwardConfig::default() };
    let mut forwarder = Forwarder::new(config);
    let (mut now, mut received) = (Duration::ZERO, 0);
    for packet in length_prefixed(data) {
        let payload = rtp::parse(packet).map_or(packet, |packet| packet.payload);
        if let Ok((descriptor, rest)) = Descriptor::parse(payload) {
            let mut again = Vec::new();
            // Some contradicting fields parse, and may not be written.
            if descriptor.write(&mut again).is_ok() {
                again.extend_from_slice(rest);
                assert_eq!(Descriptor::parse(&again), Ok((descriptor, rest)));
            }
        }
        let mut forwarded = Vec::new();
        if let Ok(Forwarded::Forwarded { .. }) = forwarder.forward(packet, &mut forwarded) {
            assert_eq!(forwarded.len(), packet.len());
            assert!(rtp::parse(&forwarded).is_ok());
        }
        let wanted = packet.last().copied().unwrap_or(0);
        forwarder.set_max_spatial_layer(wanted & 3);
        forwarder.set_max_temporal_layer(wanted >> 6);
        let _ = buffer.push(now, packet, PacketInfo::default());
        received += packet.len();
        while let Some(frame) = buffer.poll_frame(now) {
            assert!(frame.data.len() <= received + INDEX_BYTES);
            for layer in &frame.layers {
                assert!(layer.bytes.start < layer.bytes.end && layer.bytes.end <= frame.data.len());
            }
            buffer.decoded(now, frame.number, Duration::ZERO);
        }
        assert!(buffer.buffered_packets() <= 2048);
        now += Duration::from_millis(5);
    }
}
