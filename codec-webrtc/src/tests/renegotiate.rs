//! Media sections that are added, and directions that change, in a running session.

use std::sync::Arc;

use codec_rtc::shared_bytes::SharedBytes;

use super::call::{Media, ms};
use super::harness::{Call, Setup};
use super::*;

fn video(direction: Direction) -> MediaPlan {
    MediaPlan::new(Kind::Video, direction)
}

/// A connected call in which both endpoints have sent media for a second.
fn call() -> (Call, [Media; 2]) {
    let mut call = Setup::default().call();
    call.connect();
    let mut media = [Media::new(&call, 0), Media::new(&call, 1)];
    for (end, media) in media.iter_mut().enumerate() {
        media.second(&mut call, end);
    }
    call.dtls_handshakes = 0;
    (call, media)
}

/// One endpoint offers changes, and the other one answers.
fn change(
    call: &mut Call,
    from: usize,
    added: &[MediaPlan],
    directions: &[(Mid, Direction)],
) -> String {
    let now = call.now;
    let (offer, pending) = call.ends[from].peer.offer_changes(added, directions, now).unwrap();
    let answer = call.ends[1 - from].peer.answer_changes(&offer, now).unwrap();
    call.ends[from].peer.accept_answer(pending, &answer, now).unwrap();
    call.run_for(ms(100));
    offer
}

/// Sections that an endpoint has reported, in order.
fn sections(call: &Call, end: usize) -> Vec<Mid> {
    let events = call.ends[end].events.iter();
    let media = events.filter_map(|(_, event)| match event {
        Event::Media(media) => Some(media.mid),
        _ => None,
    });
    media.collect()
}

/// Sends ten packets on a section; returns how many arrive on it.
fn arriving(call: &mut Call, from: usize, mid: Mid) -> usize {
    let before = call.ends[1 - from].packets(Codec::Vp8).len();
    for frame in 0..10_u16 {
        let mut bytes = vec![0x80, 0x60 | 0x80, 0, 0];
        bytes[2..4].copy_from_slice(&frame.to_be_bytes());
        bytes.extend((u32::from(frame) * 3000).to_be_bytes());
        bytes.extend([0, 0, 0, 1, 0x10, 0, 0, 0]);
        let now = call.now;
        let peer = &mut call.ends[from].peer;
        if peer.send_video(now, mid, 96, &[bytes], now, &Extensions::default()).is_err() {
            return 0;
        }
        call.run_for(ms(30));
    }
    call.run_for(ms(200));
    let packets = call.ends[1 - from].packets(Codec::Vp8);
    packets[before..].iter().filter(|packet| packet.mid == mid).count()
}

/// The previous media continue with their SSRCs and numbers.
fn assert_media_continue(call: &mut Call, media: &mut [Media; 2]) {
    for (end, media) in media.iter_mut().enumerate() {
        let mid = call.ends[1 - end].media(Kind::Video);
        let of_first = |call: &Call| -> Vec<(u32, u64)> {
            let packets = call.ends[1 - end].packets(Codec::Vp8);
            let own = packets.into_iter().filter(|packet| packet.mid == mid);
            own.map(|packet| (packet.header.ssrc, packet.sequence)).collect()
        };
        let before = of_first(call);
        media.second(call, end);
        call.run_for(ms(200));
        let after = of_first(call);
        assert!(after.len() > before.len() + 60, "end {end}");
        assert!(after.windows(2).all(|pair| pair[1] == (pair[0].0, pair[0].1 + 1)), "end {end}");
    }
    assert_eq!(call.dtls_handshakes, 0);
    assert!(call.both_connected(), "{:?}", call.last_events());
}

#[test]
fn both_endpoints_add_videos_to_a_running_session() {
    let (mut call, mut media) = call();
    // The endpoint of the first offer, then the other one.
    for (from, total) in [(0, 3), (1, 4), (0, 5)] {
        change(&mut call, from, &[video(Direction::SendReceive)], &[]);
        let mids = sections(&call, from);
        assert_eq!(mids.len(), total);
        assert_eq!(sections(&call, 1 - from), mids);
        let added = *mids.last().unwrap();
        assert_eq!([0, 1].map(|end| arriving(&mut call, end, added)), [10, 10], "from {from}");
        assert_media_continue(&mut call, &mut media);
    }
    // The restart of ICE covers the added sections.
    let now = call.now;
    let (offer, pending) = call.ends[1].peer.restart_ice(now).unwrap();
    let answer = call.ends[0].peer.answer_ice_restart(&offer, now).unwrap();
    call.ends[1].peer.accept_answer(pending, &answer, now).unwrap();
    call.run_for(ms(500));
    let last = *sections(&call, 0).last().unwrap();
    assert_eq!([0, 1].map(|end| arriving(&mut call, end, last)), [10, 10]);
    change(&mut call, 1, &[video(Direction::SendOnly)], &[]);
    let last = *sections(&call, 0).last().unwrap();
    assert_eq!([0, 1].map(|end| arriving(&mut call, end, last)), [0, 10]);
    assert_media_continue(&mut call, &mut media);
}

#[test]
fn a_section_becomes_inactive_and_is_used_again() {
    let (mut call, mut media) = call();
    change(&mut call, 0, &[video(Direction::SendOnly)], &[]);
    let mid = *sections(&call, 0).last().unwrap();
    let changed = |call: &Call, expected| {
        let last = call.ends[1].events.iter().rev().find_map(|(_, event)| match event {
            Event::MediaChanged { mid, direction } => Some((*mid, *direction)),
            _ => None,
        });
        assert_eq!(last, Some((mid, expected)));
    };
    assert_eq!([0, 1].map(|end| arriving(&mut call, end, mid)), [10, 0]);
    change(&mut call, 0, &[], &[(mid, Direction::Inactive)]);
    changed(&call, Direction::Inactive);
    assert_eq!([0, 1].map(|end| arriving(&mut call, end, mid)), [0, 0]);
    change(&mut call, 0, &[], &[(mid, Direction::SendReceive)]);
    changed(&call, Direction::SendReceive);
    assert_eq!([0, 1].map(|end| arriving(&mut call, end, mid)), [10, 10]);
    assert_media_continue(&mut call, &mut media);
}

#[test]
fn forwarded_packets_follow_the_direction_of_their_section() {
    let (mut call, _) = call();
    change(&mut call, 0, &[video(Direction::SendOnly)], &[]);
    let mid = *sections(&call, 0).last().unwrap();
    let forward = |call: &mut Call, number| {
        let payload = SharedBytes::new([0x10, 0, 0, 0].as_slice().into());
        let extensions = Arc::new(Extensions::default());
        let (timestamp, marker) = (3000, true);
        let payload_type = 96;
        let packet = Forwarded { payload_type, number, timestamp, marker, payload, extensions };
        call.ends[0].peer.forward(call.now, mid, packet)
    };
    assert_eq!(forward(&mut call, 0), Ok(()));
    change(&mut call, 0, &[], &[(mid, Direction::Inactive)]);
    assert_eq!(forward(&mut call, 1), Err(SendError::NotSending));
    change(&mut call, 0, &[], &[(mid, Direction::SendOnly)]);
    assert_eq!(forward(&mut call, 1), Ok(()));
}

#[test]
fn invalid_changes_are_rejected_and_the_session_continues() {
    let (mut call, mut media) = call();
    let now = call.now;
    let known = call.ends[0].media(Kind::Video);
    let mut refused = |added: &[MediaPlan], directions: &[(Mid, Direction)], why: &str| {
        let error = call.ends[0].peer.offer_changes(added, directions, now).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    };
    refused(&[], &[], "changes nothing");
    refused(&vec![video(Direction::SendOnly); 32], &[], "media sections");
    let other = Mid(str0m::media::Mid::from("none"));
    refused(&[], &[(other, Direction::Inactive)], "no media section none");
    // An offer that is dropped has no effect.
    let added = [video(Direction::SendReceive)];
    let (offer, _) = call.ends[0].peer.offer_changes(&added, &[], now).unwrap();
    let mut rejected = |sdp: &str, why: &str| {
        let error = call.ends[1].peer.answer_changes(sdp, now).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    };
    let second = offer.match_indices("m=").nth(1).unwrap().0;
    let third = offer.match_indices("m=").nth(2).unwrap().0;
    let without = format!("{}{}", &offer[..second], &offer[third..]);
    rejected(&without.replace(&format!(" {}", known.0), ""), "is missing");
    let line = |name| offer.lines().find(|line| line.starts_with(name)).unwrap();
    rejected(
        &offer.replace(line("a=ice-pwd:"), "a=ice-pwd:0123456789012345678901"),
        "another ice-ufrag",
    );
    let fingerprint = line("a=fingerprint:");
    let forged = format!("{}{}", &fingerprint[..fingerprint.len() - 2], "00");
    rejected(&offer.replace(fingerprint, &forged), "fingerprint");
    assert_media_continue(&mut call, &mut media);
}

#[test]
fn an_answer_that_lacks_sections_is_rejected_and_the_session_continues() {
    let (mut call, mut media) = call();
    let (now, added) = (call.now, [video(Direction::SendReceive)]);
    let (offer, pending) = call.ends[0].peer.offer_changes(&added, &[], now).unwrap();
    let answer = call.ends[1].peer.answer_changes(&offer, now).unwrap();
    let sections: Vec<&str> = answer.split_inclusive("m=").collect();
    let without = sections[..2].concat();
    let error = call.ends[0].peer.accept_answer(pending, &without, now).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    assert_media_continue(&mut call, &mut media);
}

#[test]
fn damaged_offers_of_changes_do_not_end_the_session() {
    let (mut call, mut media) = call();
    let (now, added) = (call.now, [video(Direction::SendReceive)]);
    let (offer, _) = call.ends[0].peer.offer_changes(&added, &[], now).unwrap();
    let peer = &mut call.ends[1].peer;
    for end in depth::sample((0..offer.len()).step_by(7), 4, 0) {
        // Some beginnings are valid offers.
        let _ = peer.answer_changes(&offer[..end], now);
        let mut damaged = offer.clone().into_bytes();
        damaged[end] ^= 0x15;
        let _ = peer.answer_changes(&String::from_utf8_lossy(&damaged), now);
        assert!(peer.is_connected(), "{end}");
    }
    call.run_for(ms(500));
    media[0].second(&mut call, 0);
    assert!(call.both_connected(), "{:?}", call.last_events());
}

#[test]
fn changes_before_the_answer_and_after_rejected_sections_are_refused() {
    let base = Instant::now();
    let now = Duration::from_secs(1);
    let plans = [video(Direction::SendReceive), video(Direction::SendReceive)];
    let offering = config(base, 1, OFFERER);
    let (mut first, offer, pending, _) = Peer::offer(&offering, &plans, &[], now).unwrap();
    let error = first.offer_changes(&plans, &[], now).unwrap_err();
    assert!(error.to_string().contains("not answered yet"), "{error}");
    let mut answering = config(base, 2, ANSWERER);
    answering.limits.sections_per_kind = 1;
    let (mut second, answer) = Peer::answer(&offer, &answering, now).unwrap();
    first.accept_answer(pending, &answer, now).unwrap();
    let error = second.offer_changes(&plans, &[], now).unwrap_err();
    assert!(error.to_string().contains("rejected a media section"), "{error}");
}

/// Directions that an endpoint has reported of a section since a number of events.
fn reported(call: &Call, end: usize, mid: Mid, since: usize) -> Vec<Direction> {
    let events = call.ends[end].events.iter().skip(since);
    let directions = events.filter_map(|(_, event)| match event {
        Event::MediaChanged { mid: of, direction } if *of == mid => Some(*direction),
        _ => None,
    });
    directions.collect()
}

#[test]
fn the_first_videos_are_added_by_either_endpoint() {
    for from in [0, 1] {
        let mut call = Setup { is_audio_only: true, ..Setup::default() }.call();
        call.connect();
        let offer = change(&mut call, from, &[video(Direction::SendReceive)], &[]);
        for name in ["VP8/90000", "red/90000", "ulpfec/90000"] {
            assert!(offer.contains(name), "{offer}");
        }
        assert!(!offer.contains("H266"), "{offer}");
        let added = *sections(&call, from).last().unwrap();
        assert_eq!([0, 1].map(|end| arriving(&mut call, end, added)), [10, 10], "from {from}");
    }
}

#[test]
fn a_section_without_an_enabled_codec_is_not_offered() {
    let base = Instant::now();
    let now = Duration::from_secs(1);
    let mut offering = config(base, 1, OFFERER);
    offering.codecs = Codecs { vp8: false, ..Codecs::default() };
    let audio = MediaPlan { kind: Kind::Audio, ..video(Direction::SendReceive) };
    let (mut first, offer, pending, _) = Peer::offer(&offering, &[audio], &[], now).unwrap();
    let (_, answer) = Peer::answer(&offer, &config(base, 2, ANSWERER), now).unwrap();
    first.accept_answer(pending, &answer, now).unwrap();
    let error = first.offer_changes(&[video(Direction::SendOnly)], &[], now).unwrap_err();
    assert!(error.to_string().contains("no video codec is enabled"), "{error}");
}

#[test]
fn a_section_that_one_endpoint_has_made_inactive_remains_so_in_offers_of_the_other() {
    let (mut call, mut media) = call();
    change(&mut call, 0, &[video(Direction::SendOnly)], &[]);
    let mid = *sections(&call, 0).last().unwrap();
    change(&mut call, 0, &[], &[(mid, Direction::Inactive)]);
    // A browser offers its direction again.
    let now = call.now;
    let added = [video(Direction::SendReceive)];
    let (offer, _) = call.ends[1].peer.offer_changes(&added, &[], now).unwrap();
    let offer = offer.replace("a=inactive", "a=recvonly");
    let answer = call.ends[0].peer.answer_changes(&offer, now).unwrap();
    assert!(answer.contains("a=inactive") && !answer.contains("a=sendonly"), "{answer}");
    assert_eq!(call.ends[0].peer.media(mid).unwrap().direction, Direction::Inactive);
    media[1].second(&mut call, 1);
}

#[test]
fn an_ice_restart_may_offer_a_section_that_the_other_endpoint_has_made_inactive() {
    let (mut call, mut media) = call();
    change(&mut call, 0, &[video(Direction::SendOnly)], &[]);
    let mid = *sections(&call, 0).last().unwrap();
    change(&mut call, 0, &[], &[(mid, Direction::Inactive)]);
    let (offer, pending) = call.ends[1].peer.restart_ice(call.now).unwrap();
    let offer = offer.replace("a=inactive", "a=recvonly");
    let answer = call.ends[0].peer.answer_ice_restart(&offer, call.now).unwrap();
    assert_eq!(answer.matches("a=inactive").count(), 1, "{answer}");
    call.ends[1].peer.accept_answer(pending, &answer, call.now).unwrap();
    call.run_for(ms(500));
    assert_media_continue(&mut call, &mut media);
}

#[test]
fn a_section_is_made_inactive_and_active_by_the_endpoint_that_receives() {
    let (mut call, mut media) = call();
    change(&mut call, 0, &[video(Direction::SendOnly)], &[]);
    let mid = *sections(&call, 0).last().unwrap();
    change(&mut call, 1, &[], &[(mid, Direction::Inactive)]);
    assert_eq!(arriving(&mut call, 0, mid), 0);
    change(&mut call, 1, &[], &[(mid, Direction::ReceiveOnly)]);
    assert_eq!(arriving(&mut call, 0, mid), 10);
    let directions = [Direction::Inactive, Direction::SendOnly];
    assert_eq!(reported(&call, 0, mid, 0), directions);
    assert_media_continue(&mut call, &mut media);
}

#[test]
fn directions_of_an_offer_without_answer_do_not_change() {
    let (mut call, mut media) = call();
    change(&mut call, 0, &[video(Direction::SendOnly)], &[]);
    let mid = *sections(&call, 0).last().unwrap();
    let since = call.ends[0].events.len();
    for direction in [Direction::Inactive, Direction::SendReceive] {
        let now = call.now;
        call.ends[0].peer.offer_changes(&[], &[(mid, direction)], now).unwrap();
        assert_eq!(arriving(&mut call, 0, mid), 10);
    }
    assert_eq!(reported(&call, 0, mid, since), []);
    change(&mut call, 0, &[], &[(mid, Direction::Inactive)]);
    assert_eq!(reported(&call, 0, mid, since), [Direction::Inactive]);
    change(&mut call, 0, &[], &[(mid, Direction::SendOnly)]);
    assert_eq!(arriving(&mut call, 0, mid), 10);
    assert_media_continue(&mut call, &mut media);
}

#[test]
fn a_channel_opens_between_an_offer_and_its_answer() {
    let (mut call, mut media) = call();
    let now = call.now;
    let added = [video(Direction::SendReceive)];
    let (offer, pending) = call.ends[0].peer.offer_changes(&added, &[], now).unwrap();
    let answer = call.ends[1].peer.answer_changes(&offer, now).unwrap();
    call.ends[0].peer.open_channel(now, &ChannelSettings::reliable("later")).unwrap();
    call.ends[0].peer.accept_answer(pending, &answer, now).unwrap();
    call.run_for(ms(500));
    let opened = call.ends[1]
        .events
        .iter()
        .any(|(_, event)| matches!(event, Event::ChannelOpen { label, .. } if label == "later"));
    assert!(opened);
    assert_media_continue(&mut call, &mut media);
}

#[test]
fn an_own_offer_is_invalid_after_an_offer_of_the_other_endpoint() {
    let (mut call, mut media) = call();
    let now = call.now;
    let added = [video(Direction::SendReceive)];
    let (offer, pending) = call.ends[0].peer.offer_changes(&added, &[], now).unwrap();
    let answer = call.ends[1].peer.answer_changes(&offer, now).unwrap();
    let mut other = call.ends[1].peer.offer_changes(&added, &[], now).unwrap().0;
    // The other endpoint has rolled its answer back.
    let second = other.match_indices("m=video").nth(1).unwrap().0;
    let third = other.match_indices("m=video").nth(2).unwrap().0;
    let mid = offer.rsplit_once("a=mid:").unwrap().1.lines().next().unwrap();
    other = format!("{}{}", &other[..second], &other[third..]).replace(&format!(" {mid}"), "");
    call.ends[0].peer.answer_changes(&other, now).unwrap();
    let error = call.ends[0].peer.accept_answer(pending, &answer, now).unwrap_err();
    assert!(matches!(error, SdpError::Rejected(_)), "{error}");
    media[0].second(&mut call, 0);
}

#[test]
fn each_description_has_the_next_version() {
    let (mut call, _) = call();
    let version = |sdp: &str| -> u64 {
        let line = sdp.lines().find(|line| line.starts_with("o=")).unwrap();
        line.split(' ').nth(2).unwrap().parse().unwrap()
    };
    let first = change(&mut call, 0, &[video(Direction::SendOnly)], &[]);
    let second = change(&mut call, 0, &[video(Direction::SendOnly)], &[]);
    let third = call.ends[0].peer.restart_ice(call.now).unwrap().0;
    assert_eq!([first, second, third].map(|sdp| version(&sdp)), [3, 4, 5]);
}

#[test]
fn one_offer_changes_media_and_restarts_ice() {
    let (mut call, _) = call();
    let now = call.now;
    let (offer, pending) = call.ends[0].peer.restart_ice(now).unwrap();
    let restarted = |sdp: &str| IceParameters::read(sdp).unwrap().ufrag;
    let before = call.ends[1].peer.offer_changes(&[video(Direction::SendOnly)], &[], now).unwrap();
    // Only the transport: the same as `answer_ice_restart`.
    let answer = call.ends[1].peer.answer_changes(&offer, now).unwrap();
    assert_ne!(restarted(&answer), restarted(&before.0));
    call.ends[0].peer.accept_answer(pending, &answer, now).unwrap();
    call.run_for(ms(500));
    assert!(call.both_connected(), "{:?}", call.last_events());
    // Both.
    let (offer, _) = call.ends[0].peer.restart_ice(call.now).unwrap();
    let offer = offer.replacen("a=sendrecv", "a=inactive", 1);
    let again = call.ends[1].peer.answer_changes(&offer, call.now).unwrap();
    assert_ne!(restarted(&again), restarted(&answer));
    assert_eq!(again.matches("a=inactive").count(), 1, "{again}");
}

#[test]
fn a_stopped_section_stays_in_its_place() {
    let (mut call, mut media) = call();
    change(&mut call, 0, &[video(Direction::SendReceive)], &[]);
    let mid = *sections(&call, 0).last().unwrap();
    let now = call.now;
    let (offer, _) = call.ends[0].peer.restart_ice(now).unwrap();
    let current = call.ends[0].peer.offer_changes(&[video(Direction::SendOnly)], &[], now);
    let current = IceParameters::read(&current.unwrap().0).unwrap();
    let offer = current.apply_to(&offer);
    // As browsers write it.
    let begin = offer.rfind("m=video").unwrap();
    let end = "m=video 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
        a=ice-pwd:0123456789012345678901\r\n";
    let stopped = format!("{}{end}a=mid:{mid}\r\na=inactive\r\na=rtcp-mux\r\n", &offer[..begin]);
    let stopped = stopped.replacen(&format!(" {mid}\r\n"), "\r\n", 1);
    let answer = call.ends[1].peer.answer_changes(&stopped, now).unwrap();
    assert!(answer.contains("m=video 0 "), "{answer}");
    assert_eq!(answer.matches("m=").count(), offer.matches("m=").count(), "{answer}");
    let peer = &mut call.ends[1].peer;
    assert_eq!(peer.media(mid).unwrap().direction, Direction::Inactive);
    let error = peer.offer_changes(&[], &[(mid, Direction::SendOnly)], now).unwrap_err();
    assert!(error.to_string().contains("is stopped"), "{error}");
    // Another section takes the place, and one follows.
    let recycled = format!("{}{}", &offer[..begin], &offer[begin..])
        .replace(&format!("a=mid:{mid}"), "a=mid:new")
        .replace(&format!(" {mid}\r\n"), " new\r\n");
    let answer = peer.answer_changes(&recycled, now).unwrap();
    assert!(answer.contains("a=mid:new") && !answer.contains("m=video 0"), "{answer}");
    assert!(peer.media(Mid::new("new")).is_some());
    media[1].second(&mut call, 1);
}
