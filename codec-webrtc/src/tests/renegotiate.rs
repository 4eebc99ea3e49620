//! Media sections that are added, and directions that change, in a running session.

use super::call::{Media, ms};
use super::harness::{Call, Setup};
use super::*;

fn video(direction: Direction) -> MediaPlan {
    MediaPlan { kind: Kind::Video, direction, stream: None, layers: Vec::new() }
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

/// The media of before continue with their SSRCs and numbers.
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
    rejected(&offer.replace(line("a=ice-pwd:"), "a=ice-pwd:0123456789012345678901"), "restart ICE");
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
    for end in (0..offer.len()).step_by(7) {
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
    assert!(error.to_string().contains("rejected media section"), "{error}");
}
