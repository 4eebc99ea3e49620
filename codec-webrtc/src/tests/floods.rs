//! Floods of unauthenticated datagrams, before and after the handshake.

use std::net::SocketAddr;
use std::time::Duration;

use super::depth;
use super::harness::{Call, Setup, link};
use super::*;
use codec_rtc::link::Loss;
use codec_rtc::rng::Rng;

/// Kind of flood.
#[derive(Clone, Copy, Debug)]
enum Flood {
    ClientHello,
    FatalAlert,
    Stun,
    RtpAndRtcp,
    Random,
}

const FLOODS: [Flood; 5] =
    [Flood::ClientHello, Flood::FatalAlert, Flood::Stun, Flood::RtpAndRtcp, Flood::Random];

impl Flood {
    fn datagram(self, rng: &mut Rng) -> Vec<u8> {
        let mut random = |len: usize| -> Vec<u8> { (0..len).map(|_| rng.byte()).collect() };
        match self {
            Self::ClientHello => {
                let mut body = vec![0xfe, 0xfd];
                body.extend(random(32));
                // No session, no cookie, one suite without encryption, no compression.
                body.extend([0, 0, 0, 2, 0, 0, 1, 0]);
                let len = u8::try_from(body.len()).unwrap();
                let mut handshake = vec![1, 0, 0, len, 0, 0, 0, 0, 0, 0, 0, len];
                handshake.extend(body);
                let mut record = vec![22, 0xfe, 0xfd, 0, 0];
                record.extend(random(6));
                record.extend(u16::try_from(handshake.len()).unwrap().to_be_bytes());
                record.extend(handshake);
                record
            }
            Self::FatalAlert => vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40],
            Self::Stun => {
                let mut message = vec![0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42];
                message.extend(random(20));
                message
            }
            Self::RtpAndRtcp => {
                let kind = *rng.pick(&[96, 97, 200, 201, 206, 205]);
                let len = rng.index(61);
                let mut packet = vec![0x80, kind];
                packet.extend((0..len).map(|_| rng.byte()));
                packet
            }
            Self::Random => {
                let len = rng.index(201);
                (0..len).map(|_| rng.byte()).collect()
            }
        }
    }

    /// Adds 500 datagrams per second for four seconds, to both endpoints.
    fn add(self, call: &mut Call, sources: [SocketAddr; 2], seed: u64) {
        let mut rng = Rng::new(seed);
        for index in 0..2000 {
            let at = call.now + Duration::from_millis(2 * index);
            for (to, source) in sources.into_iter().enumerate() {
                call.forged.push((at, to, source, self.datagram(&mut rng)));
            }
        }
    }
}

fn stranger() -> [SocketAddr; 2] {
    ["10.9.9.9:999", "10.9.9.9:999"].map(|address| address.parse().unwrap())
}

/// Addresses of the endpoints themselves, known to the attacker.
fn spoofed() -> [SocketAddr; 2] {
    [ANSWERER, OFFERER].map(|address| address.parse().unwrap())
}

#[test]
fn floods_do_not_prevent_a_connection() {
    for (seed, flood) in FLOODS.into_iter().enumerate() {
        for sources in [stranger(), spoofed()] {
            if matches!(flood, Flood::ClientHello) && sources == spoofed() {
                // Such a ClientHello is indistinguishable from the real one: RFC 6347 leaves this
                // to the network. `floods_do_not_end_a_call` covers it after the handshake.
                continue;
            }
            // So slow that the entire handshake happens during the flood.
            let link = link(Loss::Random(0.2), 100);
            let seed = u64::try_from(seed).unwrap();
            let mut call = Setup { link, seed, ..Setup::default() }.call();
            flood.add(&mut call, sources, seed);
            call.connect();
        }
    }
}

/// The alert of an endpoint that finds no common algorithm is the last of its datagrams; a forged one is not.
#[test]
fn a_rejected_handshake_ends_soon_with_its_reason() {
    let link = link(Loss::Random(0.0), 20);
    let mut call = Setup { link, ..Setup::default() }.call();
    call.answers = |datagram| {
        let alert = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40];
        (datagram.first() == Some(&22)).then(|| alert.to_vec())
    };
    call.is_without_dtls = true;
    let start = call.now;
    call.run_for(Duration::from_secs(20));
    // The DTLS server does not get the ClientHello, and has nothing to send.
    let client = call.ends.iter().find(|end| end.closed().is_some()).unwrap();
    let reason = client.closed().unwrap();
    assert!(matches!(reason, ClosedReason::HandshakeRejected { alert: 40, .. }), "{reason:?}");
    let text = reason.to_string();
    assert!(text.contains("alert 40 (handshake_failure)") && text.contains("RSA"), "{text}");
    let after = client.events.last().unwrap().0 - start;
    assert!(after < Duration::from_secs(7), "{after:?}");
}

#[test]
fn floods_do_not_end_a_call() {
    for (seed, flood) in FLOODS.into_iter().enumerate() {
        for sources in depth::in_turn(seed, [stranger(), spoofed()]) {
            let mut call = Setup::default().call();
            call.connect();
            flood.add(&mut call, sources, u64::try_from(seed).unwrap());
            call.run_for(Duration::from_secs(5));
            assert!(call.both_connected(), "{flood:?}: {:?}", call.last_events());
            assert!(call.forged.is_empty());
            let audio = call.ends[0].media(Kind::Audio);
            let none = Extensions::default();
            let (now, peer) = (call.now, &mut call.ends[0].peer);
            peer.send_audio(now, audio, Codec::Opus, &[1; 50], 0, false, now, &none).unwrap();
            call.run_for(Duration::from_millis(100));
            assert_eq!(call.ends[1].packets(Codec::Opus).len(), 1, "{flood:?}");
        }
    }
}

#[test]
fn unauthenticated_datagrams_are_only_counted() {
    let mut call = Setup::default().call();
    call.connect();
    for flood in FLOODS {
        flood.add(&mut call, stranger(), 9);
    }
    call.run_for(Duration::from_secs(5));
    let counters = call.ends[0].peer.counters();
    assert!(counters.unverified > 4000, "{counters:?}");
    assert!(counters.forged_checks + counters.malformed > 1000, "{counters:?}");
    assert_eq!(counters.input_errors, 0, "{counters:?}");

    let flood = (0..5000).map(|_| Flood::Stun.datagram(&mut Rng::new(1)));
    let (from, to) = (stranger()[0], OFFERER.parse().unwrap());
    for datagram in flood {
        call.ends[0].peer.handle_datagram(call.now, from, to, &datagram);
    }
    assert!(call.ends[0].peer.counters().rate_limited > 3000);
}

#[test]
fn replayed_and_modified_packets_are_rejected() {
    let mut call = Setup::default().call();
    call.connect();
    let audio = call.ends[0].media(Kind::Audio);
    let none = Extensions::default();
    let now = call.now;
    call.ends[0].peer.send_audio(now, audio, Codec::Opus, &[1; 50], 0, false, now, &none).unwrap();
    let mut media = Vec::new();
    while let Some(transmit) = call.ends[0].peer.poll_transmit() {
        if transmit.payload[0] >= 128 {
            media.push(transmit);
        }
    }
    let Transmit { source, destination, payload } = media.remove(0);
    for at in 1..payload.len() {
        let mut changed = payload.clone();
        changed[at] ^= 1;
        call.ends[1].peer.handle_datagram(now, source, destination, &changed);
    }
    for _ in 0..10 {
        call.ends[1].peer.handle_datagram(now, source, destination, &payload);
    }
    call.run_for(Duration::from_millis(100));
    assert_eq!(call.ends[1].packets(Codec::Opus).len(), 1);
    assert!(call.both_connected());
}

/// The next audio packet of the first endpoint, as sent.
fn sound(call: &mut Call, timestamp: u32) -> Transmit {
    let audio = call.ends[0].media(Kind::Audio);
    let (now, none) = (call.now, Extensions::default());
    let peer = &mut call.ends[0].peer;
    peer.send_audio(now, audio, Codec::Opus, &[1; 50], timestamp, false, now, &none).unwrap();
    let mut found = None;
    while let Some(transmit) = call.ends[0].peer.poll_transmit() {
        let is_sound = transmit.payload[0] >= 128 && transmit.payload[1] & 0x7f == 111;
        found = found.or(Some(transmit).filter(|_| is_sound));
    }
    found.unwrap()
}

#[test]
fn forged_ssrcs_neither_use_nor_displace_state() {
    let mut call = Setup::default().call();
    call.connect();
    // The first packets contain the MID. Later ones do not, since their SSRC is known.
    let named = sound(&mut call, 0);
    call.ends[1].peer.handle_datagram(call.now, named.source, named.destination, &named.payload);
    for number in 1..400_u32 {
        let Transmit { source, destination, payload } = sound(&mut call, number * 960);
        let now = call.now;
        // The header is not encrypted: everything except the SSRC can be copied from a valid
        // packet.
        let forged = if number >= 300 { 20 } else { 0 };
        for forged in 0..forged {
            let mut changed = named.payload.clone();
            changed[8..12].copy_from_slice(&(number * 20 + forged).to_be_bytes());
            call.ends[1].peer.handle_datagram(now, source, destination, &changed);
        }
        call.ends[1].peer.handle_datagram(now, source, destination, &payload);
        call.run_for(Duration::from_millis(20));
    }
    let packets = call.ends[1].packets(Codec::Opus);
    assert_eq!(packets.len(), 400);
    assert!(packets.iter().all(|it| it.header.ssrc == packets[0].header.ssrc));
    assert_eq!(call.ends[1].peer.counters().forged_media, 2000);
    assert!(call.both_connected());
}

#[test]
fn oversized_datagrams_are_rejected() {
    let mut call = Setup::default().call();
    call.connect();
    let (from, to) = (ANSWERER.parse().unwrap(), OFFERER.parse().unwrap());
    let before = call.ends[0].peer.counters();
    for (bytes, first) in [(2049, 0x80), (2049, 0), (2049, 22), (65_535, 0x80), (0, 0), (1, 200)] {
        call.ends[0].peer.handle_datagram(call.now, from, to, &vec![first; bytes]);
    }
    assert_eq!(call.ends[0].peer.counters().malformed - before.malformed, 6);
    assert!(call.both_connected());
}

#[test]
fn trickled_candidates_are_bounded() {
    let mut call = Setup::default().call();
    let (now, peer) = (call.now, &mut call.ends[0].peer);
    for port in 1..=64 {
        let candidate = format!("candidate:1 1 udp 1 10.1.1.1 {port} typ host");
        peer.add_remote_candidate(&candidate, now).unwrap();
    }
    let refused = peer.add_remote_candidate("candidate:1 1 udp 1 10.1.1.1 99 typ host", now);
    assert!(matches!(refused, Err(SdpError::LimitExceeded { limit: 64, .. })));
    assert!(peer.add_remote_candidate(&"a".repeat(2000), now).is_err());
}

/// The negotiation must return an answer or an error for any offer.
fn answer_or_refuse(offer: &str, base: Instant, now: Duration) {
    if let Err(error) = Peer::answer(offer, &config(base, 2, ANSWERER), now) {
        assert!(!matches!(error, SdpError::Internal(_)), "{error}");
    }
}

#[test]
fn cyclic_rtx_formats_are_handled() {
    let base = Instant::now();
    let now = Duration::from_secs(1);
    let plans = plans(Direction::SendReceive);
    let (_, offer, _, _) = Peer::offer(&config(base, 1, OFFERER), &plans, &[], now).unwrap();
    assert!(offer.contains("apt=96"), "{offer}");
    for apt in ["apt=97", "apt=1", "apt=127", "apt=128", "apt=300", "apt=-1", "apt="] {
        let twisted = offer.replace("apt=96", apt);
        answer_or_refuse(&twisted, base, now);
    }
    for number in ["128", "255", "256", "65536"] {
        for shape in ["a=rtpmap:96", "a=fmtp:97", "a=rtcp-fb:96"] {
            let (name, _) = shape.split_once(':').unwrap();
            let twisted = offer.replace(shape, &format!("{name}:{number}"));
            answer_or_refuse(&twisted, base, now);
        }
    }
}

/// str0m panics on payload types that are used twice.
#[test]
fn ambiguous_payload_types_are_rejected() {
    let base = Instant::now();
    let now = Duration::from_secs(1);
    let directions = [Direction::SendReceive, Direction::ReceiveOnly, Direction::SendOnly];
    for direction in depth::sample(directions, 3, 0) {
        let plans = plans(direction);
        let (_, offer, _, _) = Peer::offer(&config(base, 1, OFFERER), &plans, &[], now).unwrap();
        for (from, to) in [
            ("apt=98", "apt=96"),
            ("a=fmtp:101 apt=98", "a=fmtp:97 apt=98"),
            ("a=rtpmap:98 red", "a=rtpmap:96 red"),
            ("a=rtpmap:99 ulpfec", "a=rtpmap:98 ulpfec"),
            ("a=rtpmap:96 VP8", "a=rtpmap:111 VP8"),
            ("a=rtpmap:111 opus", "a=rtpmap:96 opus"),
            ("a=rtpmap:97 rtx", "a=rtpmap:111 rtx"),
        ] {
            assert!(offer.contains(from), "{from}: {offer}");
            answer_or_refuse(&offer.replace(from, to), base, now);
        }
        // Any payload type in place of any other.
        for from in [0, 8, 96, 97, 98, 99, 101, 111] {
            for to in [0, 8, 96, 97, 98, 99, 101, 111, 127] {
                for shape in ["a=rtpmap:N ", "a=fmtp:N ", "apt=N", " N\r", " N "] {
                    let named = |number: i32| shape.replace('N', &number.to_string());
                    let twisted = offer.replace(&named(from), &named(to));
                    answer_or_refuse(&twisted, base, now);
                }
            }
        }
    }
}

#[test]
fn sdp_errors_contain_a_line_and_no_address() {
    let base = Instant::now();
    let now = Duration::from_secs(1);
    let plans = plans(Direction::SendReceive);
    let (_, offer, _, _) = Peer::offer(&config(base, 1, OFFERER), &plans, &[], now).unwrap();
    let error = |good: &str, bad: &str| {
        let answered = Peer::answer(&offer.replacen(good, bad, 1), &config(base, 2, ANSWERER), now);
        let text = answered.unwrap_err().to_string();
        assert!(!text.contains("0x") && !text.contains("Pointer"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        text
    };
    let text = error("v=0", "v=x");
    assert!(text.contains("at line 1 (\"v=x\")"), "{text}");
    error("s=", "q=");
    error("m=audio ", "m=audio");
    let mut call = Setup::default().call();
    let error = call.ends[0].peer.add_remote_candidate("candidate:nonsense", call.now);
    assert!(!error.unwrap_err().to_string().contains("0x"));
}

#[test]
fn number_of_authentic_sources_is_bounded() {
    let answerer: fn(&mut PeerConfig) = |config| config.limits.sources = 1;
    let mut call = Setup { answerer, ..Setup::default() }.call();
    call.connect();
    for number in 0..20 {
        let audio = sound(&mut call, number * 960);
        call.ends[1].peer.handle_datagram(
            call.now,
            audio.source,
            audio.destination,
            &audio.payload,
        );
        let video = call.ends[0].media(Kind::Video);
        let (now, none) = (call.now, Extensions::default());
        let packet = [0x80, 0x80 | 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 0, 0, 0];
        let peer = &mut call.ends[0].peer;
        peer.send_video(now, video, 96, &[packet.to_vec()], now, &none).unwrap();
        call.run_for(Duration::from_millis(20));
    }
    assert_eq!(call.ends[1].packets(Codec::Opus).len(), 20);
    assert_eq!(call.ends[1].packets(Codec::Vp8).len(), 0);
    assert!(call.ends[1].peer.counters().excess_sources >= 20);
}

#[test]
fn undrained_queues_are_bounded() {
    let mut call = Setup { offerer: |config| config.limits.queue = 100, ..Setup::default() }.call();
    call.connect();
    let audio = call.ends[0].media(Kind::Audio);
    let none = Extensions::default();
    for index in 0..1000 {
        let now = call.now + Duration::from_millis(index);
        let peer = &mut call.ends[0].peer;
        peer.send_audio(now, audio, Codec::Opus, &[1], 0, false, now, &none).unwrap();
    }
    let mut left = 0;
    while call.ends[0].peer.poll_transmit().is_some() {
        left += 1;
    }
    assert_eq!(left, 100);
    assert!(call.ends[0].peer.counters().overflowed >= 900);
}
