//! Unauthenticated input from the network: RTCP, header extensions, SDP, redundant and
//! retransmitted payloads, and the reception reports about arbitrary packets.

use std::time::Duration;

use codec_rtc::demux;
use codec_rtc::extension::dependency::{MandatoryFields, Reader, Writer};
use codec_rtc::extension::{ExtensionKind, ExtensionMap, Extensions};
use codec_rtc::packet::opus::OpusPayload;
use codec_rtc::packet::red::{self, Redundancy, RedundancyConfig};
use codec_rtc::packet::rtx;
use codec_rtc::report::{
    CcfbRecorder, CcfbRecorderConfig, ReceptionStats, RoundTrip, SenderClock, TwccRecorder,
    TwccRecorderConfig,
};
use codec_rtc::rtcp::{Ecn, MAX_BLOCKS, MAX_BYTES, Packet, parse_compound};
use codec_rtc::rtp::{self, Extension, Header};
use codec_rtc::sdp;

/// Parts, each preceded by its length in one byte.
fn parts(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (&len, tail) = rest.split_first()?;
        let (part, tail) = tail.split_at(usize::from(len).min(tail.len()));
        rest = tail;
        Some(part)
    })
}

/// Arbitrary bytes as RTCP: packets that parse and can be written are unchanged when parsed again.
///
/// # Panics
/// If they are not.
pub fn rtcp(data: &[u8]) {
    let _ = demux::classify(data);
    let mut compound = parse_compound(data);
    let mut count = 0;
    let (mut round_trip, mut clock) = (RoundTrip::default(), SenderClock::new(90_000));
    for packet in compound.by_ref() {
        count += 1;
        let Ok(packet) = packet else { continue };
        match &packet {
            Packet::SenderReport(report) => clock.push(&report.info),
            Packet::ReceiverReport(report) => {
                let ntp = u64::from(report.ssrc) << 24;
                for block in &report.blocks {
                    let _ = round_trip.on_report(ntp, block);
                }
            }
            Packet::Xr(report) => {
                let ntp = report.reference_time.unwrap_or(1);
                for answer in &report.dlrr {
                    let _ = round_trip.on_dlrr(ntp, answer);
                }
            }
            _ => {}
        }
        let _ = clock.ntp_of(count).and_then(|ntp| clock.timestamp_of(ntp.wrapping_add(1 << 63)));
        let mut bytes = Vec::new();
        if packet.write(&mut bytes).is_err() || bytes.len() > MAX_BYTES {
            continue;
        }
        let again: Vec<_> = parse_compound(&bytes).collect();
        let [Ok(again)] = &again[..] else { panic!("{packet:?} became {again:?}") };
        let mut twice = Vec::new();
        again.write(&mut twice).expect("as it was written");
        assert_eq!(twice, bytes, "{packet:?}");
    }
    assert!(usize::try_from(count).is_ok_and(|count| count + compound.skipped() <= MAX_BLOCKS + 1));
}

/// Arbitrary bytes as header extensions and as dependency descriptors, each preceded by its length
/// in one byte.
///
/// # Panics
/// If the result of parsing changes when it is written and parsed again.
pub fn rtp_extension(data: &[u8]) {
    let mut map = ExtensionMap::default();
    map.insert(9, ExtensionKind::CsrcAudioLevels);
    if let Some((&[high, low], body)) = data.split_first_chunk::<2>() {
        let profile = u16::from_be_bytes([high, low]);
        let extension = Extension { profile, data: &body[..body.len() / 4 * 4] };
        if let Ok(mut read) = Extensions::parse(&extension, &map) {
            read.ignored = 0;
            let mut bytes = Vec::new();
            let written = read.write(&map, &mut bytes).expect("as it was read");
            assert_eq!(bytes.len(), read.len_bytes(&map));
            if written {
                let profile = u16::from_be_bytes([bytes[0], bytes[1]]);
                let again = Extension { profile, data: &bytes[4..] };
                assert_eq!(Extensions::parse(&again, &map), Ok(read));
            }
        }
        let mut replaced = Vec::new();
        let other = Extensions { transport_sequence: Some(profile), ..Extensions::default() };
        if other.replace_in(data, &map, &mut replaced).is_ok() {
            let packet = rtp::parse(&replaced).expect("a packet still");
            assert_eq!(Extensions::from_packet(&packet, &map), Ok(other));
            assert_eq!(rtp::parse(data).map(|it| it.payload), Ok(packet.payload));
        }
    }
    let mut reader = Reader::default();
    for part in parts(data) {
        let Ok(descriptor) = reader.read(part) else { continue };
        let head = MandatoryFields::parse(part).expect("as all of it");
        assert_eq!(head.frame_number, descriptor.frame_number);
        let structure = reader.structure().expect("one has come").clone();
        let mut writer = Writer::following(structure).expect("as it was read");
        let mut bytes = Vec::new();
        writer.write(&descriptor, &mut bytes).expect("as it was read");
        assert_eq!(reader.clone().read(&bytes), Ok(descriptor));
    }
}

/// Arbitrary text as SDP: the result of parsing is unchanged when written and parsed again.
///
/// # Panics
/// If it is not.
pub fn sdp(data: &[u8]) {
    let Ok(session) = sdp::parse(&String::from_utf8_lossy(data)) else { return };
    let written = session.to_string();
    for media in &session.media {
        let _ = (media.extension_map(), session.connection_of(media));
        for payload in media.payloads() {
            let _ = media.retransmits(payload.payload_type);
        }
    }
    // Texts may have grown by carriage returns.
    if written.len() <= sdp::MAX_BYTES {
        let again = sdp::parse(&written).expect("as it was written");
        assert_eq!(again.to_string(), written);
    }
}

/// Arbitrary bytes as a redundant payload, as a retransmission, as Opus, and as payloads to be
/// repeated.
///
/// # Panics
/// If the result of parsing changes when it is written and parsed again.
pub fn redundancy(data: &[u8]) {
    if let Ok(blocks) = red::parse(data) {
        let mut bytes = Vec::new();
        red::write(&blocks, &mut bytes).expect("as it was read");
        assert_eq!(red::parse(&bytes), Ok(blocks));
    }
    let mut original = Vec::new();
    let _ = rtx::unwrap(data, 1, 96, &mut original);
    let mut wrapper = rtx::RtxStream { ssrc: 2, payload_type: 97, sequence: 0 };
    let mut again = Vec::new();
    if wrapper.wrap(data, &mut again).is_ok() {
        let first = rtp::parse(data).expect("it was wrapped");
        let mut back = Vec::new();
        let (ssrc, payload_type) = (first.header.ssrc, first.header.payload_type);
        if rtx::unwrap(&again, ssrc, payload_type, &mut back).expect("it was wrapped") {
            assert_eq!(rtp::parse(&back), Ok(first));
        }
    }
    let _ = OpusPayload::parse(data);
    let config = RedundancyConfig { payload_type: 111, depth: 3, max_bytes: 200 };
    let mut repeating = Redundancy::new(config).expect("in range");
    let mut timestamp = 0_u32;
    for part in parts(data) {
        let mut bytes = Vec::new();
        if let Ok(repeated) = repeating.push(timestamp, part, &mut bytes) {
            assert_eq!(red::parse(&bytes).map(|blocks| blocks.len()), Ok(repeated + 1));
            assert!(bytes.len() <= config.max_bytes.max(1 + part.len()));
        }
        timestamp = timestamp.wrapping_add(part.len() as u32 * 120);
    }
}

/// Packets of four bytes each: sequence number, time since the previous one in ms, stream and
/// marker. Reports about them can be written and have bounded length.
///
/// # Panics
/// If they cannot.
pub fn rtp_feedback(data: &[u8]) {
    let on_gap = Some(Duration::from_millis(5));
    let mut twcc = TwccRecorder::new(TwccRecorderConfig { on_gap, ..Default::default() });
    let mut ccfb = CcfbRecorder::new(CcfbRecorderConfig::default());
    let mut stats = ReceptionStats::new(1, 90_000);
    let (mut now, mut reports) = (Duration::ZERO, Vec::new());
    for &[high, low, time, what] in data.as_chunks::<4>().0 {
        now += Duration::from_millis(u64::from(time) << (what >> 5 & 3));
        let sequence = u16::from_be_bytes([high, low]);
        let ecn = if what & 16 == 0 { Ecn::Capable0 } else { Ecn::CongestionExperienced };
        twcc.push(now, sequence);
        ccfb.push(now, u32::from(what & 15), sequence, ecn);
        let timestamp = u32::from(sequence) << 16;
        stats.push(now, &Header { sequence, timestamp, ssrc: 1, ..Header::default() });
        let (mut first, mut second) = (Vec::new(), Vec::new());
        twcc.poll(now, &mut first);
        ccfb.poll(now, &mut second);
        reports.extend(first.into_iter().map(Packet::TransportFeedback));
        reports.extend(second.into_iter().map(Packet::Ccfb));
        for next in [twcc.poll_timeout(), ccfb.poll_timeout()].into_iter().flatten() {
            assert!(next > now, "all due reports were returned");
        }
        if what & 128 != 0 {
            let block = stats.report(now);
            assert_eq!(block.is_some(), stats.is_valid());
        }
        for report in reports.drain(..) {
            let mut bytes = Vec::new();
            report.write(&mut bytes).expect("it fits");
            assert!(bytes.len() <= 1200);
            assert_eq!(parse_compound(&bytes).next(), Some(Ok(report)));
        }
    }
}
