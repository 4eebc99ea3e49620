//! RTP packets of captured streams and of our encoders, with reordering and losses.

use std::collections::BTreeMap;
use std::time::Duration;

use codec_core::codec::{
    Bitrate, Conceal, DecoderConfig, EncoderConfig, FrameKind, FrameRequest, Packet, Scalability,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_rtc::demux::{self, Datagram};
use codec_rtc::packet::vp8::{
    AssembledFrame, Completeness, Decodable, Depacketizer, DepacketizerConfig, Descriptor,
    MediaClock, Packetizer, PacketizerConfig,
};
use codec_rtc::{extension, rtp};
use codec_tests::scene::{self, Motion};
use codec_tests::{data, fuzz, mutate, rng};
use md5::{Digest, Md5};

const SIZE: Size = Size { width: 160, height: 96 };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// UDP payloads in a capture of Ethernet frames with IPv4.
fn udp_payloads(pcap: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let mut rest = &pcap[24..];
    while let Some((head, tail)) = rest.split_at_checked(16) {
        let len = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let (frame, tail) = tail.split_at(len);
        let ip_bytes = 4 * usize::from(frame[14] & 15);
        out.push(&frame[14 + ip_bytes + 8..]);
        rest = tail;
    }
    out
}

fn clock() -> MediaClock {
    MediaClock { timestamp: 0, due: ms(100) }
}

#[test]
fn every_packet_of_real_captures_parses_and_is_written_again() {
    let Some(dir) = data::dir("RTP captures") else { return };
    for (name, expected) in
        [("vp8_browser.pcap", 104), ("h264_lossy.pcap", 298), ("vp9_svc.pcap", 200)]
    {
        let capture = std::fs::read(dir.join("rtp").join(name)).unwrap();
        let (mut media, mut elements) = (0, 0);
        for datagram in udp_payloads(&capture) {
            assert_eq!(demux::classify(datagram), Datagram::Rtp, "{name}");
            let packet = rtp::parse(datagram).unwrap();
            media += 1;
            let extension = packet.extension.as_ref().and_then(extension::elements);
            elements += extension.into_iter().flatten().map(Result::unwrap).count();
            let mut again = Vec::new();
            rtp::write_packet(&packet, 0, &mut again).unwrap();
            assert_eq!(rtp::parse(&again), Ok(packet));
        }
        assert_eq!(media, expected, "{name}");
        assert!(elements > 0, "{name}: {elements}");
    }
}

#[test]
fn a_browsers_stream_decodes_like_in_other_decoders() {
    let Some(dir) = data::dir("an RTP capture of a browser's VP8") else { return };
    let capture = std::fs::read(dir.join("rtp/vp8_browser.pcap")).unwrap();
    let packets = udp_payloads(&capture);
    assert_eq!(packets.len(), 104);
    let first = rtp::parse(packets[0]).unwrap();
    assert_eq!((first.header.ssrc, first.header.payload_type), (0xeedf_3944, 96));
    assert_eq!(first.extension.map(|extension| extension.profile), Some(0xbede));
    let clock = MediaClock { timestamp: first.header.timestamp, due: ms(100) };
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::new(clock));
    let mut decoder = fuzz::vp8_decoder(&DecoderConfig::default());
    let (mut whole, mut frames) = (Md5::new(), 0);
    for bytes in packets {
        let (descriptor, _) = Descriptor::parse(rtp::parse(bytes).unwrap().payload).unwrap();
        let mut again = Vec::new();
        descriptor.write(&mut again).unwrap();
        assert!(rtp::parse(bytes).unwrap().payload.starts_with(&again), "{descriptor:?}");
        depacketizer.push(ms(0), bytes).unwrap();
        while let Some(frame) = depacketizer.poll_frame(ms(0)) {
            assert_eq!(
                (frame.completeness, frame.decodable),
                (Completeness::Complete, Decodable::Yes)
            );
            decoder.decode(&frame.data, frames, None).unwrap();
            frames += 1;
            let shown = decoder.receive().unwrap();
            whole.update(shown.picture().to_i420());
        }
    }
    assert_eq!(frames, 101);
    let hex: String = whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "93ea0e72d854258411a1530ad24efbad");
}

/// Coded frames with digests, with occasional key frames.
fn coded(scalability: Scalability, partitions: i64, kbps: u64, frames: u64) -> Vec<Packet> {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(kbps));
    config.scalability = scalability;
    config.speed = 9;
    config.report_digest = true;
    config.knobs.push(("token-partitions".to_owned(), partitions));
    let mut encoder = fuzz::vp8_encoder(&config).unwrap();
    (0..frames)
        .map(|frame| {
            let samples = scene::picture(SIZE, frame, Motion::Pan, 1);
            let picture = Picture::i420_packed(SIZE, &samples).unwrap();
            let mut request = FrameRequest::at(frame.try_into().unwrap());
            request.key_frame = frame % 25 == 24;
            encoder.encode(&picture, &request).unwrap();
            let mut packet = Packet::default();
            assert!(encoder.receive(&mut packet));
            packet
        })
        .collect()
}

fn packetize(coded: &[Packet], config: PacketizerConfig) -> Vec<Vec<u8>> {
    let mut packetizer = Packetizer::new(config).unwrap();
    let mut out = Vec::new();
    for packet in coded {
        let timestamp = u32::try_from(packet.pts * 3000).unwrap();
        packetizer.packetize(&packet.data, &packet.meta, timestamp, &mut out).unwrap();
    }
    out
}

#[test]
fn packetized_frames_survive_any_packet_order() {
    for partitions in [1, 2, 4, 8] {
        let stream = coded(Scalability::L1T3, partitions, 600, 12);
        for mtu in [64, 200, 1200, 65_507] {
            let config = PacketizerConfig {
                mtu,
                layers: true,
                key_index: true,
                first_sequence: 65_500,
                ..PacketizerConfig::default()
            };
            let packets = packetize(&stream, config);
            assert!(packets.iter().all(|packet| packet.len() <= mtu));
            rng::for_each_seed(4, |_, rng| {
                let mut order: Vec<_> = packets.iter().collect();
                // The first packet determines where a stream begins.
                for index in 1..order.len() {
                    let other = (index + rng.index(12)).min(order.len() - 1);
                    order.swap(index, other);
                }
                let mut depacketizer = Depacketizer::new(DepacketizerConfig::new(clock()));
                let mut frames = Vec::new();
                for packet in order {
                    depacketizer.push(ms(0), packet).unwrap();
                    frames.extend(std::iter::from_fn(|| depacketizer.poll_frame(ms(0))));
                }
                assert_eq!(frames.len(), stream.len());
                for (frame, sent) in frames.iter().zip(&stream) {
                    assert!(frame.data == sent.data, "mtu {mtu}");
                    assert_eq!(frame.decodable, Decodable::Yes);
                    assert_eq!(frame.is_key, sent.meta.kind == FrameKind::Key);
                    let layer = frame.descriptor.layer.unwrap();
                    assert_eq!(layer.temporal_id, sent.meta.temporal_id);
                }
            });
        }
    }
}

/// Offsets of partitions; the size table belongs to the first.
fn partition_starts(data: &[u8], partitions: usize) -> Vec<usize> {
    let tag = codec_vp8::header::parse_frame_tag(data).unwrap();
    let header = if tag.is_key { 10 } else { 3 };
    let table = header + tag.first_partition_bytes as usize;
    let mut at = table + 3 * (partitions - 1);
    let mut starts = vec![0, at];
    for size in data[table..at].chunks(3) {
        at += usize::from(size[0]) | usize::from(size[1]) << 8 | usize::from(size[2]) << 16;
        starts.push(at);
    }
    starts
}

#[test]
fn packets_name_their_partition_and_have_equal_sizes() {
    for partitions in [1_usize, 2, 4, 8] {
        let stream = coded(Scalability::L1T1, partitions.try_into().unwrap(), 2000, 4);
        let config = PacketizerConfig { mtu: 400, ..PacketizerConfig::default() };
        for sent in &stream {
            let starts = partition_starts(&sent.data, partitions);
            let (mut at, mut sizes) = (0, Vec::new());
            for packet in packetize(std::slice::from_ref(sent), config) {
                let payload = rtp::parse(&packet).unwrap().payload;
                let (descriptor, bytes) = Descriptor::parse(payload).unwrap();
                let within = starts.iter().take(8).rposition(|&start| start <= at).unwrap();
                assert_eq!(usize::from(descriptor.partition), within);
                assert_eq!(descriptor.start_of_partition, starts[within] == at);
                sizes.push(packet.len());
                at += bytes.len();
            }
            assert_eq!(at, sent.data.len());
            // The system sends equal sizes and a shorter end by one call.
            assert!(sizes.iter().rev().skip(1).all(|&size| size == sizes[0]), "{sizes:?}");
        }
    }
}

/// Feeds the packets that `keep` accepts, 5 ms apart per frame, and returns all frames.
fn lossy(packets: &[Vec<u8>], mut keep: impl FnMut() -> bool) -> Vec<AssembledFrame> {
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::new(clock()));
    let mut frames = Vec::new();
    for packet in packets {
        let timestamp = rtp::parse(packet).unwrap().header.timestamp;
        let now = Duration::from_micros(u64::from(timestamp) * 100 / 9);
        if keep() {
            depacketizer.push(now, packet).unwrap();
        }
        frames.extend(std::iter::from_fn(|| depacketizer.poll_frame(now)));
    }
    frames.extend(std::iter::from_fn(|| depacketizer.finish()));
    frames
}

/// The main guarantee: a frame that is reported as decodable decodes to the encoder's own
/// reconstruction, regardless of earlier losses.
#[test]
fn frames_reported_as_decodable_are() {
    let modes = [Scalability::L1T1, Scalability::L1T2, Scalability::L1T3];
    for scalability in modes {
        let stream = coded(scalability, 2, 500, 75);
        let digests: BTreeMap<i64, u64> =
            stream.iter().map(|packet| (packet.pts, packet.meta.digest.unwrap())).collect();
        let layers = scalability != Scalability::L1T1;
        let config = PacketizerConfig { mtu: 300, layers, ..PacketizerConfig::default() };
        let packets = packetize(&stream, config);
        let fine = std::cell::Cell::new(0_usize);
        rng::for_each_seed(12, |seed, rng| {
            let loss = [1, 3, 10, 30][usize::try_from(seed % 4).unwrap()];
            let frames = lossy(&packets, || rng.below(100) >= loss);
            let mut decoder = fuzz::vp8_decoder(&DecoderConfig::default());
            for frame in frames.iter().filter(|frame| frame.decodable == Decodable::Yes) {
                let pts = i64::from(frame.timestamp) / 3000;
                decoder.decode(&frame.data, pts, None).unwrap();
                let shown = decoder.receive().unwrap();
                assert_eq!(shown.digest(), digests[&pts], "frame {pts} of {scalability:?}");
                fine.set(fine.get() + 1);
            }
        });
        assert!(fine.get() > 75, "{scalability:?}: only {} were decodable", fine.get());
    }
}

#[test]
fn partial_frames_are_beginnings_and_every_missing_packet_is_counted() {
    let stream = coded(Scalability::L1T1, 1, 800, 40);
    let config = PacketizerConfig { mtu: 300, ..PacketizerConfig::default() };
    let packets = packetize(&stream, config);
    rng::for_each_seed(10, |_, rng| {
        let (mut lost, mut last_lost, mut is_first) = (0, 0, true);
        let frames = lossy(&packets, || {
            let keep = rng.below(10) > 0 || std::mem::take(&mut is_first);
            last_lost = if keep { 0 } else { last_lost + 1 };
            lost += u64::from(!keep);
            keep
        });
        let missing: u64 = frames.iter().map(|frame| frame.missing_packets).sum();
        assert_eq!(missing, lost - last_lost, "except those at the ends");
        let mut config = DecoderConfig::default();
        config.conceal = Conceal::On;
        let mut decoder = fuzz::vp8_decoder(&config);
        for frame in &frames {
            let pts = i64::from(frame.timestamp) / 3000;
            let sent = &stream[usize::try_from(pts).unwrap()].data;
            assert!(sent.starts_with(&frame.data));
            match frame.completeness {
                Completeness::Complete => assert_eq!(frame.data.len(), sent.len()),
                Completeness::Partial => assert!(frame.data.len() < sent.len()),
                Completeness::MissingStart => assert!(frame.data.is_empty()),
            }
            let _ = decoder.decode(&frame.data, pts, None);
            let _ = decoder.receive();
        }
    });
}

/// Packets in the input format of [`fuzz::rtp_stream`].
fn joined<'a>(packets: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stream = Vec::new();
    for packet in packets {
        stream.extend(u16::try_from(packet.len()).unwrap().to_le_bytes());
        stream.extend_from_slice(packet);
    }
    stream
}

#[test]
fn damaged_packets_in_any_order_never_panic() {
    let stream = coded(Scalability::L1T3, 4, 500, 20);
    let config = PacketizerConfig { mtu: 200, layers: true, ..PacketizerConfig::default() };
    let packets = packetize(&stream, config);
    rng::for_each_seed(300, |_, rng| {
        let mut sent = packets.clone();
        for packet in &mut sent {
            if rng.below(4) == 0 {
                *packet = mutate::damaged(packet, rng);
                packet.truncate(60_000);
            }
            if rng.below(8) == 0 {
                packet.get_mut(2..4).into_iter().flatten().for_each(|byte| *byte = rng.byte());
            }
            fuzz::rtp_packet(packet);
        }
        for _ in 0..sent.len() / 4 {
            let (a, b) = (rng.index(sent.len()), rng.index(sent.len()));
            sent.swap(a, b);
        }
        sent.retain(|_| rng.below(10) > 0);
        fuzz::rtp_stream(&joined(sent.iter().map(Vec::as_slice)));
    });
}

#[test]
fn random_bytes_never_panic_the_parsers_of_rtp() {
    rng::for_each_seed(3000, |_, rng| {
        let mut bytes: Vec<u8> = (0..rng.below(80)).map(|_| rng.byte()).collect();
        if let Some(first) = bytes.first_mut().filter(|_| rng.below(4) > 0) {
            *first = *first & 0x3f | 0x80;
        }
        fuzz::rtp_packet(&bytes);
        fuzz::rtp_stream(&joined(bytes.chunks(20)));
    });
}
