//! ICE restarts: a session moves to another address without another handshake.

use std::net::SocketAddr;

use super::call::{Media, ms};
use super::harness::{Call, Setup};
use super::*;

const MOVED: &str = "10.0.0.3:7000";

/// A connected call in which both endpoints have sent media for a second.
fn call(setup: Setup) -> (Call, [Media; 2]) {
    let mut call = setup.call();
    call.connect();
    let mut media = [Media::new(&call, 0), Media::new(&call, 1)];
    for (end, media) in media.iter_mut().enumerate() {
        media.second(&mut call, end);
    }
    (call, media)
}

/// The offerer loses its address, and gets another one some seconds later.
fn move_offerer(call: &mut Call) {
    call.dead.push(OFFERER.parse().unwrap());
    call.run_for(Duration::from_secs(6));
    let candidate = LocalCandidate::Host(MOVED.parse::<SocketAddr>().unwrap());
    let now = call.now;
    call.ends[0].peer.add_local_candidate(candidate, now).unwrap();
    call.dtls_handshakes = 0;
}

/// Media of both directions arrive, with the previous SSRCs and numbering, and without a handshake.
fn assert_media_continue(call: &mut Call, media: &mut [Media; 2], has_moved: bool) {
    let since = call.now;
    // Media follow the new path at once, not after the next report of a second.
    call.run_for(ms(400));
    for (end, media) in media.iter_mut().enumerate() {
        let before: Vec<RtpPacket> =
            call.ends[1 - end].packets(Codec::Vp8).into_iter().cloned().collect();
        media.second(call, end);
        call.run_for(ms(200));
        let after = call.ends[1 - end].packets(Codec::Vp8);
        let new = &after[before.len()..];
        assert!(new.len() > 60, "end {end}: {} packets", new.len());
        let last = before.last().unwrap();
        assert!(new.iter().all(|packet| packet.header.ssrc == last.header.ssrc));
        assert!(new.windows(2).all(|pair| pair[0].sequence + 1 == pair[1].sequence));
        assert_eq!(new[0].sequence, last.sequence + 1);
    }
    assert_eq!(call.dtls_handshakes, 0);
    let restarted = |event: &(Duration, Event)| event.1 == Event::PathChanged && event.0 > since;
    for end in &call.ends {
        assert_eq!(
            end.events.iter().filter(|event| restarted(event)).count(),
            usize::from(has_moved)
        );
    }
    assert!(call.both_connected(), "{:?}", call.last_events());
}

fn parameters(sdp: &str) -> IceParameters {
    IceParameters::read(sdp).unwrap()
}

#[test]
fn offerer_restarts_ice_at_another_address() {
    let lite: fn(&mut PeerConfig) = |config| config.ice_lite = true;
    for answerer in [|_: &mut PeerConfig| {}, lite] {
        let (mut call, mut media) = call(Setup { answerer, ..Setup::default() });
        // The second restart finds the same path.
        for has_moved in [true, false] {
            move_offerer(&mut call);
            let now = call.now;
            let (offer, pending) = call.ends[0].peer.restart_ice(now).unwrap();
            assert!(offer.contains(MOVED.split(':').next().unwrap()), "{offer}");
            let answer = call.ends[1].peer.answer_ice_restart(&offer, now).unwrap();
            call.ends[0].peer.accept_answer(pending, &answer, now).unwrap();
            assert_ne!(parameters(&offer).ufrag, parameters(&answer).ufrag);
            assert_media_continue(&mut call, &mut media, has_moved);
        }
    }
}

#[test]
fn a_path_without_feedback_is_interrupted() {
    let (mut call, mut media) = call(Setup::default());
    let is_interrupted = |call: &Call| call.ends[0].peer.is_interrupted(call.now);
    // Without media, nothing has to be answered but the checks.
    call.run_for(Duration::from_secs(6));
    assert!(!is_interrupted(&call));
    media[0].second(&mut call, 0);
    call.dead.push(OFFERER.parse().unwrap());
    media[0].second(&mut call, 0);
    media[0].second(&mut call, 0);
    assert!(!is_interrupted(&call));
    media[0].second(&mut call, 0);
    assert!(is_interrupted(&call));
    // A receiver of media misses the checks.
    assert!(!call.ends[1].peer.is_interrupted(call.now));
    call.run_for(Duration::from_secs(7));
    assert!(call.ends[1].peer.is_interrupted(call.now));
    call.dead.clear();
    call.run_for(Duration::from_secs(7));
    assert!(!is_interrupted(&call) && !call.ends[1].peer.is_interrupted(call.now));
}

#[test]
fn answerer_restarts_ice() {
    let (mut call, mut media) = call(Setup::default());
    move_offerer(&mut call);
    let now = call.now;
    let (offer, pending) = call.ends[1].peer.restart_ice(now).unwrap();
    let answer = call.ends[0].peer.answer_ice_restart(&offer, now).unwrap();
    call.ends[1].peer.accept_answer(pending, &answer, now).unwrap();
    assert_media_continue(&mut call, &mut media, true);
}

#[test]
fn ice_restarts_by_a_fragment_with_trickled_candidates() {
    let (mut call, mut media) = call(Setup::default());
    move_offerer(&mut call);
    let now = call.now;
    let (offer, pending) = call.ends[0].peer.restart_ice(now).unwrap();
    let mut remote = parameters(&offer);
    let trickled = std::mem::take(&mut remote.candidates);
    let ours = call.ends[1].peer.accept_ice_restart(&remote, now).unwrap();
    assert_eq!(ours.candidates.len(), 1);
    assert!(ours.candidates[0].contains(&format!("ufrag {}", ours.ufrag)), "{ours:?}");
    let error = call.ends[1].peer.accept_ice_restart(&remote, now).unwrap_err();
    assert!(error.to_string().contains("requires another ice-ufrag"), "{error}");
    let bare = ice::without_candidates(&call.answer);
    let answer = ice::with_credentials(&bare, &ours.ufrag, &ours.password);
    let answer = format!("{answer}a={}\r\n", ours.candidates[0]);
    call.ends[0].peer.accept_answer(pending, &answer, now).unwrap();
    for candidate in trickled {
        call.ends[1].peer.add_remote_candidate(&candidate, now).unwrap();
    }
    assert_media_continue(&mut call, &mut media, true);
}

#[test]
fn simulcast_and_channels_survive_a_restart() {
    let answerer: fn(&mut PeerConfig) = |config| config.simulcast = true;
    let direction = Direction::SendOnly;
    let setup = Setup { answerer, direction, layers: &["l", "h"], ..Setup::default() };
    let mut call = setup.call();
    call.connect();
    call.run_for(ms(500));
    move_offerer(&mut call);
    let now = call.now;
    let (offer, pending) = call.ends[0].peer.restart_ice(now).unwrap();
    assert!(offer.contains("a=simulcast:send l;h"), "{offer}");
    let answer = call.ends[1].peer.answer_ice_restart(&offer, now).unwrap();
    assert!(answer.contains("a=simulcast:recv l;h"), "{answer}");
    call.ends[0].peer.accept_answer(pending, &answer, now).unwrap();
    call.run_for(ms(1000));
    let opened = call.ends[0].events.iter().find_map(|(_, event)| match event {
        Event::ChannelOpen { channel, .. } => Some(*channel),
        _ => None,
    });
    let now = call.now;
    assert!(call.ends[0].peer.send_message(now, opened.unwrap(), false, b"hello").unwrap());
    call.run_for(ms(200));
    assert!(call.ends[1].has(|event| matches!(event, Event::ChannelMessage { .. })));
}

#[test]
fn invalid_and_frequent_restarts_are_rejected_and_change_nothing() {
    let (mut call, mut media) = call(Setup::default());
    let now = call.now;
    let (good, pending) = call.ends[0].peer.restart_ice(now).unwrap();
    let peer = &mut call.ends[1].peer;
    let fingerprint = good.lines().find(|line| line.starts_with("a=fingerprint")).unwrap();
    let line = |name: &str| good.lines().find(|line| line.starts_with(name)).unwrap();
    for (offer, why) in [
        (good.replace(fingerprint, &fingerprint.replace(':', ":0")), "fingerprint"),
        (good.replace("a=sendrecv", "a=sendonly"), "another kind or direction"),
        (good.replace(line("a=ice-pwd:"), "a=ice-pwd:short"), "invalid ice-pwd"),
        (good.replace(line("a=ice-pwd:"), "a=x"), "ice-pwd is missing"),
        (good.replace("a=fingerprint:sha-256", "a=fingerprint:sha-1"), "no SHA-256 fingerprint"),
        (format!("{}{fingerprint}\r\n", &good[..good.find("m=").unwrap()]), "got 0 media sections"),
    ] {
        let error = peer.answer_ice_restart(&offer, now).unwrap_err().to_string();
        assert!(error.contains(why), "{error}, expected {why}");
    }
    let answer = peer.answer_ice_restart(&good, now).unwrap();
    call.ends[0].peer.accept_answer(pending, &answer, now).unwrap();
    let mut left = 0;
    let error = loop {
        match call.ends[0].peer.restart_ice(now) {
            Ok(_) => left += 1,
            Err(error) => break error,
        }
    };
    let what = "ICE restarts in a minute";
    assert_eq!((left, error), (9, SdpError::LimitExceeded { what, count: 11, limit: 10 }));
    call.run_for(Duration::from_secs(61));
    let now = call.now;
    assert!(call.ends[0].peer.restart_ice(now).is_ok());
    call.dtls_handshakes = 0;
    assert_media_continue(&mut call, &mut media, false);
}

#[test]
fn credentials_of_restarts_depend_on_the_secret() {
    let offers = [7, 7, 8].map(|seed| {
        let base = Instant::now();
        let mut config = config(base, 1, OFFERER);
        config.secret = [seed; 32];
        let now = Duration::ZERO;
        let plans = plans(Direction::SendReceive);
        let (mut first, offer, pending, _) = Peer::offer(&config, &plans, &[], now).unwrap();
        assert!(first.restart_ice(now).is_err(), "before the answer");
        let (_, answer) = Peer::answer(&offer, &super::config(base, 2, ANSWERER), now).unwrap();
        first.accept_answer(pending, &answer, now).unwrap();
        let restarts = [first.restart_ice(now).unwrap().0, first.restart_ice(now).unwrap().0];
        [&offer, &restarts[0], &restarts[1]].map(|sdp| parameters(sdp).password)
    });
    assert_eq!(offers[0], offers[1]);
    let mut all = [offers[0].as_slice(), &offers[2]].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6);
}
