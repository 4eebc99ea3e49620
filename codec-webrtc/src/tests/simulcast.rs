//! Sessions in which the offerer sends simulcast layers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::harness::{Call, NO_LOSS, Setup, link};
use super::*;
use codec_rtc::extension::Label;
use codec_rtc::link::Loss;
use codec_rtc::rtp;

const LAYERS: &[&str] = &["q", "h", "f"];

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn rid(name: &str) -> Label {
    Label::new(name).unwrap()
}

fn layers() -> Vec<Label> {
    LAYERS.iter().map(|name| rid(name)).collect()
}

fn setup(answerer: fn(&mut PeerConfig), loss: Loss) -> Setup {
    let direction = Direction::SendOnly;
    Setup { layers: LAYERS, direction, answerer, link: link(loss, 20), ..Setup::default() }
}

fn accepts(config: &mut PeerConfig) {
    config.simulcast = true;
}

/// A packet of VP8 with a number in its payload.
fn packet(number: u32) -> Vec<u8> {
    let header = rtp::Header {
        marker: true,
        payload_type: 96,
        sequence: 0,
        timestamp: number * 3000,
        ssrc: 0,
    };
    let mut bytes = Vec::new();
    rtp::write(&header, &mut bytes);
    bytes.extend([0x10, 0]);
    bytes.extend(number.to_be_bytes());
    bytes.extend([7; 200]);
    bytes
}

/// Sends packets on all negotiated layers; the numbers of a layer begin with 1000 times its index.
fn send(call: &mut Call, packets: u32) -> Media {
    let video = call.ends[0].media(Kind::Video);
    let media = call.ends[0].peer.media(video).unwrap();
    for number in 0..packets {
        for (layer, rid) in (0..).zip(&media.send_layers) {
            let stream = SentStream { mid: video, rid: Some(*rid) };
            let (now, none) = (call.now, Extensions::default());
            let sent = [packet(1000 * layer + number)];
            call.ends[0].peer.send_video(now, stream, 96, &sent, now, &none).unwrap();
        }
        call.run_for(ms(20));
    }
    call.run_for(ms(500));
    media
}

/// The numbers that arrived, by layer.
fn received(call: &Call) -> BTreeMap<String, Vec<u32>> {
    let mut layers: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for packet in call.ends[1].packets(Codec::Vp8).iter().filter(|it| !it.payload.is_empty()) {
        let rid = packet.rid.map_or_else(String::new, |rid| rid.to_string());
        let number = u32::from_be_bytes(*packet.payload[2..].first_chunk().unwrap());
        layers.entry(rid).or_default().push(number);
    }
    for numbers in layers.values_mut() {
        numbers.sort_unstable();
        numbers.dedup();
    }
    layers
}

#[test]
fn layers_arrive_by_their_rids_and_lost_packets_are_repaired_in_each() {
    for loss in [NO_LOSS, Loss::Random(0.03)] {
        let is_lossy = loss != NO_LOSS;
        let mut call = setup(accepts, loss).call();
        call.connect();
        let media = send(&mut call, 200);
        assert_eq!(media.send_layers, layers());
        let numbers_of = received(&call);
        assert_eq!(numbers_of.len(), 3, "{:?}", numbers_of.keys());
        for (at, name) in (0..).zip(LAYERS) {
            let numbers = &numbers_of[*name];
            assert!(numbers.iter().all(|it| it / 1000 == at), "{name}");
            // The last ones may be requested too late.
            assert!(numbers.len() >= 196, "{name}: {}", numbers.len());
        }
        if is_lossy {
            assert!(call.links[1].stats().loss_share() > 0.01);
        }
    }
}

#[test]
fn key_frames_are_requested_from_single_layers() {
    let mut call = setup(accepts, NO_LOSS).call();
    call.connect();
    send(&mut call, 5);
    let packets = call.ends[1].packets(Codec::Vp8);
    let of_h = packets.iter().find(|packet| packet.rid == Some(rid("h"))).unwrap();
    let (ssrc, kind, now) = (of_h.header.ssrc, KeyFrameRequestKind::Pli, call.now);
    assert!(call.ends[1].peer.request_key_frame_of(now, ssrc, kind));
    call.run_for(ms(200));
    let requests: Vec<_> = call.ends[0]
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::KeyFrameRequest { rid, .. } => Some(*rid),
            _ => None,
        })
        .collect();
    assert_eq!(requests, [Some(rid("h"))]);
    call.run_for(ms(1500));
    let mut reported: Vec<_> = call.ends[0]
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Stats(stats) => match **stats {
                Stats::Sent(sent) if sent.packets > 0 => sent.rid.map(|rid| rid.to_string()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    reported.sort_unstable();
    reported.dedup();
    assert_eq!(reported, ["f", "h", "q"]);
}

#[test]
fn an_answer_without_simulcast_leaves_one_stream_without_layers() {
    let mut call = setup(|_| {}, NO_LOSS).call();
    call.connect();
    let video = call.ends[0].media(Kind::Video);
    let (now, none) = (call.now, Extensions::default());
    let peer = &mut call.ends[0].peer;
    assert!(peer.media(video).unwrap().send_layers.is_empty());
    let stream = SentStream { mid: video, rid: Some(rid("f")) };
    let refused = peer.send_video(now, stream, 96, &[packet(1)], now, &none);
    assert_eq!(refused, Err(SendError::NoLayer(stream.rid)));
    for number in 0..5 {
        let now = call.now;
        let peer = &mut call.ends[0].peer;
        peer.send_video(now, video, 96, &[packet(number)], now, &none).unwrap();
        call.run_for(ms(20));
    }
    call.run_for(ms(500));
    assert_eq!(received(&call), BTreeMap::from([(String::new(), vec![0, 1, 2, 3, 4])]));
}

#[test]
fn answers_may_accept_some_of_the_layers_but_no_others() {
    let now = Duration::from_secs(10);
    let base = Instant::now();
    let (offerer, mut answerer) = (config(base, 1, OFFERER), config(base, 2, ANSWERER));
    answerer.simulcast = true;
    let mut plans = plans(Direction::SendOnly);
    plans[1].layers = layers();
    let answered = |edit: &dyn Fn(&str) -> String| {
        let (mut first, offer, pending, _) = Peer::offer(&offerer, &plans, &[], now).unwrap();
        for line in ["a=rid:q send", "a=rid:f send", "a=simulcast:send q;h;f"] {
            assert!(offer.contains(line), "{line}: {offer}");
        }
        let video = offer.split("m=video").nth(1).unwrap();
        assert!(!video.contains("a=ssrc"), "{offer}");
        for uri in ["rtp-stream-id", "repaired-rtp-stream-id", "sdes:mid"] {
            assert!(video.contains(uri), "{uri}: {offer}");
        }
        let (_, answer) = Peer::answer(&offer, &answerer, now).unwrap();
        assert!(answer.contains("a=simulcast:recv q;h;f"), "{answer}");
        let accepted = first.accept_answer(pending, &edit(&answer), now);
        accepted.map_err(|error| error.to_string())?;
        let mid = std::iter::from_fn(|| first.poll_event()).find_map(|event| match event {
            Event::Media(media) if media.kind == Kind::Video => Some(media),
            _ => None,
        });
        Ok::<_, String>(mid.unwrap().send_layers)
    };
    let edit =
        |answer: &str| answer.replace("recv q;h;f", "recv q;f").replace("a=rid:h recv\r\n", "");
    assert_eq!(answered(&edit).unwrap(), [rid("q"), rid("f")]);
    let edit = |answer: &str| answer.replace("recv q;h;f", "recv q;x;f");
    let error = answered(&edit).unwrap_err();
    assert!(error.contains("simulcast layer x, which was not offered"), "{error}");
    let single = |answer: &str| answer.replace("recv q;h;f", "recv h");
    assert_eq!(answered(&single).unwrap(), [rid("h")]);
}
