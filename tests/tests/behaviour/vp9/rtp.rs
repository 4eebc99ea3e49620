//! VP9 over RTP: superframes with and without layers arrive as they were coded.

use std::collections::BTreeMap;
use std::time::Duration;

use codec_core::codec::{Bitrate, EncoderConfig, FrameKind, Packet, Scalability};
use codec_core::frame::{Rational, Size};
use codec_rtc::extension::dependency::{self, DecodeTargetIndication, Reader};
use codec_rtc::forward::{ForwardConfig, Forwarder};
use codec_rtc::jitter::video::{
    Frame, FrameBuffer, FrameBufferConfig, PacketInfo, RecoveryOptions,
};
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::vp9::{Descriptor, Packetizer, PacketizerConfig};
use codec_rtc::rtp;
use codec_rtc::session::FrameDescriber;
use codec_tests::encoders::Tested;
use codec_tests::scene::Motion;
use codec_tests::session::Session;
use codec_tests::{depth, fuzz, mutate, rng};

const MODES: [Scalability; 5] = [
    Scalability::L1T1,
    Scalability::L1T3,
    Scalability::L2T1,
    Scalability::L3T3,
    Scalability::L3T3_KEY,
];

fn session(mode: Scalability, frames: u64) -> Session {
    session_with_keys(mode, frames, None)
}

/// With a key frame after `interval` frames.
fn session_with_keys(mode: Scalability, frames: u64, interval: Option<u32>) -> Session {
    let size = Size { width: 180, height: 148 };
    let mut config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(400));
    (config.scalability, config.report_digest) = (mode, true);
    config.keys.max_interval = interval;
    let mut session = Session::of(Tested::VP9, config);
    session.scene(Motion::Pan, 1, frames);
    session
}

/// The packets of each superframe.
fn superframes(packets: &[Packet]) -> impl Iterator<Item = &[Packet]> {
    packets.split_inclusive(|packet| packet.meta.spatial.end_of_picture)
}

/// RTP packets by superframe.
fn packetized(session: &Session, layers: bool) -> Vec<Vec<Vec<u8>>> {
    let config =
        PacketizerConfig { mtu: 300, first_picture_id: 0x7ffc, layers, ..Default::default() };
    let mut packetizer = Packetizer::new(config).unwrap();
    let one = |(number, layers): (u32, &[Packet])| {
        let mut out = Vec::new();
        for packet in layers {
            packetizer.packetize(&packet.data, &packet.meta, 3000 * number, &mut out).unwrap();
        }
        out
    };
    (0..).zip(superframes(&session.packets)).map(one).collect()
}

fn buffer() -> FrameBuffer {
    let format = VideoFormat::Vp9;
    FrameBuffer::new(FrameBufferConfig { format, ..FrameBufferConfig::low_latency() })
}

/// Receives the packets that `keep` accepts by number.
fn received(superframes: &[Vec<Vec<u8>>], keep: impl Fn(usize) -> bool) -> Vec<Frame> {
    let mut buffer = buffer();
    let mut frames = Vec::new();
    let mut now = Duration::ZERO;
    for (number, packets) in superframes.iter().enumerate() {
        for packet in packets.iter().filter(|_| keep(number)) {
            buffer.push(now, packet, PacketInfo::default()).unwrap();
        }
        while let Some(frame) = buffer.poll_frame(now) {
            buffer.decoded(now, frame.number, Duration::ZERO);
            frames.push(frame);
        }
        now += Duration::from_millis(33);
    }
    frames
}

#[test]
fn superframes_arrive_as_they_were_coded() {
    for mode in MODES {
        let session = session(mode, 12);
        let sent: Vec<_> = superframes(&session.packets).collect();
        let frames = received(&packetized(&session, mode.temporal_layers() > 1), |_| true);
        assert_eq!(frames.len(), sent.len(), "{mode}");
        let mut decoder = Tested::VP9.decoder();
        for (frame, layers) in frames.iter().zip(&sent) {
            assert_eq!(frame.layers.len(), layers.len(), "{mode}");
            for (received, packet) in frame.layers.iter().zip(*layers) {
                assert_eq!(frame.data[received.bytes.clone()], packet.data, "{mode}");
                assert_eq!(received.descriptor.spatial_id(), packet.meta.spatial.id);
                let temporal = if mode.temporal_layers() > 1 { packet.meta.temporal_id } else { 0 };
                assert_eq!(received.descriptor.temporal_id(), temporal, "{mode}");
            }
            // The decoder shows the highest layer of a superframe.
            decoder.decode(&frame.data, 0, None).unwrap();
            let digest = decoder.receive().map(|shown| shown.digest());
            assert_eq!(digest, layers.last().unwrap().meta.digest, "{mode}");
        }
    }
}

#[test]
fn frames_after_a_loss_decode_to_the_reconstruction() {
    for mode in [Scalability::L1T3, Scalability::L3T3] {
        let session = session(mode, 16);
        let sent: Vec<_> = superframes(&session.packets).collect();
        // A frame of the highest temporal layer, which no other depends on.
        let at = sent.iter().position(|layers| layers[0].meta.temporal_id == 2).unwrap();
        let all = packetized(&session, true);
        let frames = received(&all, |number| number != at);
        assert!(frames.len() + 2 >= sent.len(), "{mode}: {} of {}", frames.len(), sent.len());
        let mut decoder = Tested::VP9.decoder();
        for frame in &frames {
            decoder.decode(&frame.data, 0, None).unwrap();
            let digest = decoder.receive().map(|shown| shown.digest());
            let number = usize::try_from(frame.media_ticks / 3000).unwrap();
            assert_eq!(digest, sent[number].last().unwrap().meta.digest, "{mode}: {number}");
        }
    }
}

#[test]
fn lost_packets_of_upper_layers_leave_the_lower_ones() {
    for mode in [Scalability::L3T3, Scalability::L3T3_KEY, Scalability::L2T1] {
        let session = session_with_keys(mode, 40, Some(14));
        let sent: Vec<_> = superframes(&session.packets).collect();
        let all = packetized(&session, true);
        rng::for_each_seed(6, |_, rng| {
            let (mut buffer, mut decoder) = (buffer(), Tested::VP9.decoder());
            buffer.set_recovery(RecoveryOptions { nack: false, ..RecoveryOptions::default() });
            let (mut shown, mut partial) = (0, 0);
            for (number, superframe) in (0_u32..).zip(&all) {
                let begin = Duration::from_millis(33) * number;
                for packet in superframe {
                    let (descriptor, _) =
                        Descriptor::parse(rtp::parse(packet).unwrap().payload).unwrap();
                    if descriptor.spatial_id() == 0 || rng.below(20) > 0 {
                        buffer.push(begin, packet, PacketInfo::default()).unwrap();
                    }
                }
                for ms in 0..33 {
                    let now = begin + Duration::from_millis(ms);
                    let Some(frame) = buffer.poll_frame(now) else { continue };
                    buffer.decoded(now, frame.number, Duration::ZERO);
                    decoder.decode(&frame.data, 0, None).unwrap();
                    let picture = decoder.receive().unwrap();
                    let layers = sent[usize::try_from(frame.media_ticks / 3000).unwrap()];
                    let top = frame.layers.last().unwrap().descriptor.spatial_id();
                    let expected = layers[usize::from(top)].meta.digest;
                    assert_eq!(Some(picture.digest()), expected, "{mode}");
                    partial += u32::from(frame.lacks_layers);
                    shown += 1;
                }
            }
            // The last superframe may wait for the next one, which would show the loss.
            assert!(shown + 1 >= sent.len(), "{mode}: {shown}");
            assert!(partial > 0, "{mode}");
        });
    }
}

#[test]
fn every_subscriber_decodes_the_layers_that_it_is_forwarded() {
    if depth::skips_long() {
        return;
    }
    for mode in [Scalability::L3T3, Scalability::L3T3_KEY, Scalability::L2T2_KEY] {
        let session = session_with_keys(mode, 60, Some(16));
        let sent: Vec<_> = superframes(&session.packets).collect();
        let all = packetized(&session, true);
        rng::for_each_seed(6, |_, rng| {
            let config = ForwardConfig { format: VideoFormat::Vp9, ..ForwardConfig::default() };
            let mut forwarder = Forwarder::new(config);
            let (mut buffer, mut decoder) = (buffer(), Tested::VP9.decoder());
            let (mut now, mut layers) = (Duration::ZERO, [0; 3]);
            for (superframe, packets) in all.iter().zip(&sent) {
                if rng.below(4) == 0 {
                    forwarder.set_max_spatial_layer(u8::try_from(rng.below(3)).unwrap());
                    forwarder.set_max_temporal_layer(u8::try_from(rng.below(3)).unwrap());
                }
                now += Duration::from_millis(33);
                for packet in superframe {
                    let mut out = Vec::new();
                    forwarder.forward(packet, &mut out).unwrap();
                    if !out.is_empty() {
                        buffer.push(now, &out, PacketInfo::default()).unwrap();
                    }
                }
                let Some(frame) = buffer.poll_frame(now) else { continue };
                buffer.decoded(now, frame.number, Duration::ZERO);
                decoder.decode(&frame.data, 0, None).unwrap();
                let shown = decoder.receive().unwrap();
                let top = frame.layers.len() - 1;
                assert_eq!(Some(shown.digest()), packets[top].meta.digest, "{mode}");
                layers[top] += 1;
            }
            assert!(layers.iter().sum::<u32>() > 15, "{mode}: {layers:?}");
            assert_eq!(buffer.dropped().total(), 0);
        });
    }
}

#[test]
fn decode_targets_of_dependency_descriptors_are_complete() {
    for mode in [Scalability::L2T2, Scalability::L3T3, Scalability::L3T1_KEY, Scalability::L3T3_KEY]
    {
        let session = session_with_keys(mode, 30, Some(12));
        let (mut describer, mut reader) = (FrameDescriber::new().unwrap(), Reader::default());
        let mut frames: BTreeMap<u16, dependency::Descriptor> = BTreeMap::new();
        let mut last_in_chain = BTreeMap::new();
        for packet in &session.packets {
            let meta = &packet.meta;
            let frame = reader.read(&describer.describe(meta).unwrap()).unwrap();
            let ids = (frame.spatial_id, frame.temporal_id);
            assert_eq!(ids, (meta.spatial.id, meta.temporal_id), "{mode}");
            let is_key = meta.kind == FrameKind::Key;
            assert_eq!(frame.structure.is_some(), is_key, "{mode}");
            assert_eq!(frame.frame_diffs.is_empty(), is_key, "{mode}");
            for (target, indication) in frame.dtis.iter().enumerate() {
                if *indication == DecodeTargetIndication::NotPresent {
                    continue;
                }
                for diff in &frame.frame_diffs {
                    let other = &frames[&(frame.frame_number - diff)].dtis[target];
                    assert_ne!(*other, DecodeTargetIndication::NotPresent, "{mode}");
                    assert_ne!(*other, DecodeTargetIndication::Discardable, "{mode}");
                }
            }
            for (chain, diff) in frame.chain_diffs.iter().enumerate() {
                let last = last_in_chain.get(&chain).filter(|_| !is_key);
                let expected = last.map_or(0, |last| frame.frame_number - last);
                assert_eq!(u16::from(*diff), expected, "{mode}");
                let target = chain * usize::from(mode.temporal_layers());
                if frame.dtis[target] != DecodeTargetIndication::NotPresent {
                    last_in_chain.insert(chain, frame.frame_number);
                }
            }
            frames.insert(frame.frame_number, frame);
        }
    }
}

#[test]
fn damaged_packets_never_panic() {
    let packets = packetized(&session(Scalability::L3T3, 6), true).concat();
    rng::for_each_seed(100, |_, rng| {
        let mut stream = Vec::new();
        for packet in &packets {
            let packet =
                if rng.below(3) == 0 { mutate::damaged(packet, rng) } else { packet.clone() };
            stream.extend(u16::try_from(packet.len()).unwrap_or(u16::MAX).to_le_bytes());
            stream.extend(&packet[..packet.len().min(usize::from(u16::MAX))]);
        }
        fuzz::vp9_rtp(&stream);
    });
}
