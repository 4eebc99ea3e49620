//! A panic in one peer ends only that session.

use codec_core::codec::Bitrate;

use super::harness::Setup;
use super::*;

/// A STUN Binding error response with only a forged MESSAGE-INTEGRITY: 44 bytes. `sent` is a
/// datagram of the receiving endpoint; only connectivity checks get a response.
fn bare_error_response(sent: &[u8]) -> Option<Vec<u8>> {
    let id = sent.strip_prefix(&[0, 1])?.get(2..18)?;
    let message = [&[0x01, 0x11, 0, 24], id, &[0, 8, 0, 20], &[0x55; 20]].concat();
    assert_eq!(message.len(), 44);
    Some(message)
}

#[test]
fn error_responses_with_only_integrity_are_harmless() {
    let mut call = Setup::default().call();
    call.answers = bare_error_response;
    call.connect();
    assert!(call.answered > 0, "before the handshake");
    call.answered = 0;
    call.run_for(Duration::from_secs(60));
    assert!(call.answered > 0, "after the handshake");
    assert!(call.both_connected(), "{:?}", call.last_events());
}

#[test]
fn panic_ends_only_its_call_and_reports_the_message() {
    type Use = fn(&mut Peer, Duration);
    let uses: [Use; 10] = [
        |peer, now| peer.handle_timeout(now),
        |peer, now| {
            let address = |text: &str| text.parse().unwrap();
            peer.handle_datagram(now, address(ANSWERER), address(OFFERER), &[0x80; 20]);
        },
        |peer, now| peer.close(now),
        |peer, now| {
            let candidate = "candidate:1 1 udp 1 10.1.1.1 9 typ host";
            let added = peer.add_remote_candidate(candidate, now);
            assert!(matches!(added, Err(SdpError::Internal(_))));
        },
        |peer, now| {
            let local = LocalCandidate::Host("10.1.1.1:9".parse().unwrap());
            let added = peer.add_local_candidate(local, now);
            assert!(matches!(added, Err(SdpError::Internal(_))));
        },
        |peer, now| {
            let opened = peer.open_channel(now, &ChannelSettings::reliable("more"));
            assert_eq!(opened, Err(SendError::NotConnected));
        },
        |peer, now| {
            let none = Extensions::default();
            let mid = Mid(str0m::media::Mid::from("x"));
            let sent = peer.send_audio(now, mid, Codec::Opus, &[1], 0, false, now, &none);
            assert_eq!(sent, Err(SendError::NotConnected));
        },
        |peer, now| {
            let none = Extensions::default();
            let mid = Mid(str0m::media::Mid::from("x"));
            let sent = peer.send_video(now, mid, 96, &[[0x80; 20]], now, &none);
            assert_eq!(sent, Err(SendError::NotConnected));
        },
        |peer, now| {
            let mid = Mid(str0m::media::Mid::from("x"));
            assert!(!peer.request_key_frame(now, mid, KeyFrameRequestKind::Pli));
        },
        |peer, now| {
            let mid = Mid(str0m::media::Mid::from("x"));
            assert!(!peer.send_remb(now, mid, Bitrate::kbps(500)));
        },
    ];
    for (number, work) in uses.into_iter().enumerate() {
        let mut call = Setup::default().call();
        call.connect();
        let (now, peer) = (call.now, &mut call.ends[0].peer);
        peer.panic_in_test = true;
        work(peer, now);
        assert!(peer.is_closed(), "{number}");
        assert_eq!(peer.poll_timeout(), None, "{number}");
        let closed = std::iter::from_fn(|| peer.poll_event()).last();
        let Some(Event::Closed(reason)) = closed else { panic!("{number}: {closed:?}") };
        assert_eq!(reason.to_string(), "internal error: a panic in the stack");
        // str0m is not called again.
        peer.panic_in_test = false;
        for again in uses {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| again(peer, now)));
        }
        assert_eq!(peer.poll_event(), None, "{number}");
        assert!(!call.ends[1].peer.is_closed(), "the other peer is not affected");
    }
}
