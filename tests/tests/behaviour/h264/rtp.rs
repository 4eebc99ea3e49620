//! H.264 in RTP: every stream arrives as it was sent, at any packet size, with reordering and loss.

use std::time::Duration;

use codec_core::codec::{Bitrate, Conceal, DecoderConfig, EncoderConfig};
use codec_core::frame::{Rational, Size};
use codec_rtc::jitter::video::{FrameBuffer, FrameBufferConfig, PacketInfo};
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::h264::{
    Depacketizer, DepacketizerConfig, PacketizationMode, Packetizer, PacketizerConfig, Units,
};
use codec_tests::encoders::Tested;
use codec_tests::rng::Rng;
use codec_tests::scene::Motion;
use codec_tests::session::Session;
use codec_tests::{data, depth, fuzz, mutate, rng};

use super::{decode, open, packets};

const SIZE: Size = Size { width: 320, height: 240 };

/// RTP packets of each access unit.
fn sent(units: &[Vec<u8>], mtu: usize) -> Vec<Vec<Vec<u8>>> {
    let config = PacketizerConfig { mtu, first_sequence: 65_000, ..PacketizerConfig::default() };
    let mut packetizer = Packetizer::new(config).unwrap();
    let packetize = |(timestamp, unit): (u32, &Vec<u8>)| {
        let mut out = Vec::new();
        packetizer.packetize(unit, timestamp, &mut out).unwrap();
        assert!(out.iter().all(|packet| packet.len() <= mtu));
        out
    };
    (0..).step_by(3000).zip(units).map(packetize).collect()
}

/// Moves packets by at most three places.
fn reorder(packets: &mut [Vec<u8>], rng: &mut Rng) {
    for chunk in packets.chunks_mut(4) {
        let other = usize::try_from(rng.below(chunk.len() as u64)).unwrap();
        chunk.swap(0, other);
    }
}

/// Both ways of receiving: a depacketizer, and a frame buffer, which starts at a key frame.
fn receive(packets: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    let format = VideoFormat::H264;
    let mut buffer =
        FrameBuffer::new(FrameBufferConfig { format, ..FrameBufferConfig::forwarding() });
    let (mut units, mut frames) = (Vec::new(), Vec::new());
    for packet in packets {
        depacketizer.push(packet).unwrap();
        units.extend(std::iter::from_fn(|| depacketizer.poll_access_unit()));
        buffer.push(Duration::ZERO, packet, PacketInfo::default()).unwrap();
        frames.extend(std::iter::from_fn(|| buffer.poll_frame(Duration::ZERO)));
    }
    units.extend(std::iter::from_fn(|| depacketizer.finish()));
    assert!(units.iter().all(|unit| unit.is_complete && unit.missing_packets == 0));
    let units = units.into_iter().map(|unit| unit.data).collect();
    (units, frames.into_iter().map(|frame| frame.data).collect())
}

fn nal_units(units: &[Vec<u8>]) -> Vec<Vec<&[u8]>> {
    units.iter().map(|unit| Units::new(unit).collect()).collect()
}

#[test]
fn every_stream_decodes_the_same_after_rtp() {
    if depth::skips_long() {
        return;
    }
    let Some(dir) = data::dir("H.264 in RTP") else { return };
    let streams = data::files(&dir.join("h264"), "");
    assert!(streams.len() >= 30, "only {} streams", streams.len());
    for stream in streams {
        let name = stream.file_name().unwrap().to_string_lossy().into_owned();
        let direct = packets(&stream);
        let config = DecoderConfig::default();
        let expected: Vec<u64> =
            decode(&name, &direct, &config).iter().map(|frame| frame.digest()).collect();
        let mut rng = Rng::new(7);
        for mtu in [200, 1200, 1500] {
            let mut all = sent(&direct, mtu).concat();
            // The first packet defines the start.
            reorder(&mut all[1..], &mut rng);
            let (units, frames) = receive(&all);
            assert_eq!(nal_units(&units), nal_units(&direct), "{name}, MTU {mtu}");
            assert_eq!(nal_units(&frames), nal_units(&direct), "{name}, MTU {mtu}");
            if mtu == 1200 {
                let found: Vec<u64> =
                    decode(&name, &units, &config).iter().map(|frame| frame.digest()).collect();
                assert!(found == expected, "{name}");
            }
        }
    }
}

#[test]
fn lost_packets_are_reported_and_the_rest_is_decodable_with_concealment() {
    let Some(dir) = data::dir("H.264 in RTP with losses") else { return };
    for name in ["BA1_Sony_D.jsv", "SVA_BA2_D.264", "CI1_FT_B.264", "x04_baseline_slices.264"] {
        let direct = packets(&dir.join("h264").join(name));
        let packets = sent(&direct, 200).concat();
        let mut rng = Rng::new(11);
        let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
        let mut config = DecoderConfig::default();
        config.conceal = Conceal::On;
        let mut decoder = open(&config);
        let (mut lost, mut units) = (0, Vec::new());
        for (index, packet) in packets.iter().enumerate() {
            // The parameter sets and the end arrive.
            if index > 4 && index + 10 < packets.len() && rng.below(8) == 0 {
                lost += 1;
                continue;
            }
            depacketizer.push(packet).unwrap();
            units.extend(std::iter::from_fn(|| depacketizer.poll_access_unit()));
        }
        units.extend(std::iter::from_fn(|| depacketizer.finish()));
        assert!(lost > 0);
        assert_eq!(units.iter().map(|unit| unit.missing_packets).sum::<u64>(), lost, "{name}");
        assert!(units.iter().any(|unit| !unit.is_complete));
        let original: Vec<&[u8]> = direct.iter().flat_map(|unit| Units::new(unit)).collect();
        for unit in &units {
            assert!(
                unit.units().all(|nal| original.contains(&nal)),
                "{name}: no partial NAL units"
            );
            let _ = decoder.decode(&unit.data, 0, None);
            while decoder.receive().is_some() {}
        }
    }
}

#[test]
fn damaged_packets_never_panic() {
    let Some(dir) = data::dir("damaged H.264 in RTP") else { return };
    let direct = packets(&dir.join("h264").join("BA1_Sony_D.jsv"));
    let packets = sent(&direct[..10], 200).concat();
    rng::for_each_seed(100, |_, rng| {
        let mut stream = Vec::new();
        for packet in &packets {
            let packet =
                if rng.below(3) == 0 { mutate::damaged(packet, rng) } else { packet.clone() };
            stream.extend(u16::try_from(packet.len()).unwrap_or(u16::MAX).to_le_bytes());
            stream.extend(&packet[..packet.len().min(usize::from(u16::MAX))]);
        }
        fuzz::h264_rtp(&stream);
    });
}

#[test]
fn slices_of_the_encoder_fit_into_packets_of_mode_0() {
    const MTU: usize = 500;
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(1500));
    config.report_digest = true;
    // Without the header of RTP.
    config.knobs = vec![("slice-bytes".to_owned(), 500 - 12)];
    let mut session = Session::of(Tested::H264, config);
    session.scene(Motion::Pan, 0, 20);
    session.check_decoding(|_| true);
    let mode = PacketizationMode::SingleNalUnit;
    let config = PacketizerConfig { mtu: MTU, mode, ..PacketizerConfig::default() };
    let mut packetizer = Packetizer::new(config).unwrap();
    let mut sent = Vec::new();
    for (timestamp, packet) in (0..).step_by(3000).zip(&session.packets) {
        packetizer.packetize(&packet.data, timestamp, &mut sent).unwrap();
    }
    assert!(sent.len() > 3 * session.packets.len());
    assert!(sent.iter().all(|packet| packet.len() <= MTU));
    let direct: Vec<_> = session.packets.iter().map(|packet| packet.data.clone()).collect();
    let (units, _) = receive(&sent);
    assert_eq!(nal_units(&units), nal_units(&direct));
}
