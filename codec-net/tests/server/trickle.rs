//! Trickle ICE and ICE restarts: PATCH of WHIP and WHEP (RFC 9725, section 4.3).

use std::time::{Duration, Instant};

use codec_net::server::media::VideoCodec;
use codec_net::server::room::StreamInfo;
use codec_net::server::{Config, Server};
use codec_rtc::rng::Rng;
use codec_webrtc::Direction;

use crate::caller::{Caller, FRAGMENT, SDP, plan};
use crate::client::{Answer, PUBLISH, VIEW, bearer, guarded, request, request_with};
use crate::load::frames;

const INFO: StreamInfo = StreamInfo { kind: "ws", video: Some(VideoCodec::Vp8), audio: false };

/// Calls without addresses on either side.
fn call(server: &Server, path: &str, direction: Direction, token: Option<&str>) -> Caller {
    Caller::call(server, path, &[plan(direction)], token, true)
}

/// Sends the client's candidates; only the server's checks can connect the two.
fn trickle(caller: &mut Caller, server: &Server) {
    let early = caller.live(Duration::from_millis(200), |caller| caller.connected);
    assert!(!early, "connected without addresses");
    let headers = [FRAGMENT, ("if-match", &caller.tag)];
    let body = format!("m=audio 9 RTP/AVP 0\r\na=mid:0\r\n{}", caller.candidates);
    let response = request_with(server.address(), "PATCH", &caller.session, &headers, &body);
    assert_eq!((response.status, response.header("etag")), (204, None), "{response:?}");
    let connected = caller.live(Duration::from_secs(10), |caller| caller.connected);
    assert!(connected, "not connected after {body}");
}

#[test]
fn a_publisher_connects_with_trickled_candidates() {
    let server = Server::start(Config::loopback()).unwrap();
    let mut caller = call(&server, "/whip/mine", Direction::SendOnly, None);
    trickle(&mut caller, &server);
    assert!(server.hub().find("mine").is_ok());
}

#[test]
fn a_viewer_receives_the_stream_with_trickled_candidates() {
    let server = Server::start(Config::loopback()).unwrap();
    let publisher = server.hub().publish("live", INFO, Box::new(|| {})).unwrap();
    let mut caller = call(&server, "/whep/live", Direction::ReceiveOnly, None);
    trickle(&mut caller, &server);
    let (mut frames, mut pts) = (frames().into_iter().cycle(), 0);
    let end = Instant::now() + Duration::from_secs(10);
    while !caller.live(Duration::from_millis(30), |caller| caller.pictures > 20) {
        assert!(Instant::now() < end, "{} packets", caller.pictures);
        let mut frame = frames.next().unwrap();
        (frame.pts, pts) = (pts, pts + 3000);
        publisher.send_video(frame).unwrap();
    }
}

/// Sends a fragment; returns the response.
fn patch(server: &Server, caller: &Caller, more: &[(&str, &str)], body: &str) -> Answer {
    let (name, token) = bearer(VIEW);
    let mut headers = vec![(name, token.as_str())];
    headers.extend(more);
    request_with(server.address(), "PATCH", &caller.session, &headers, body)
}

#[test]
fn fragments_require_the_right_caller_and_session() {
    let server = guarded();
    let _publisher = server.hub().publish("live", INFO, Box::new(|| {})).unwrap();
    let caller = call(&server, "/whep/live", Direction::ReceiveOnly, Some(VIEW));
    let good = caller.candidates.as_str();
    let right = ("if-match", caller.tag.as_str());
    let status = |more: &[(&str, &str)], body: &str| patch(&server, &caller, more, body).status;

    assert_eq!(status(&[FRAGMENT, right], good), 204);
    assert_eq!(status(&[FRAGMENT, ("if-match", &format!("\"a\", {}", caller.tag))], good), 204);
    assert_eq!(status(&[FRAGMENT, ("if-match", "*")], good), 204, "the session as it is");
    assert_eq!(status(&[FRAGMENT, right], "a=end-of-candidates\r\n"), 204);

    let wrong_type = patch(&server, &caller, &[SDP, right], good);
    let accepted = wrong_type.header("accept-patch");
    assert_eq!((wrong_type.status, accepted), (415, Some(FRAGMENT.1)), "{wrong_type:?}");
    assert_eq!(status(&[right], good), 415);
    assert_eq!(status(&[FRAGMENT], good), 428);
    for wrong in ["\"other\"", &format!("W/{}", caller.tag), "", caller.tag.trim_matches('"')] {
        assert_eq!(status(&[FRAGMENT, ("if-match", wrong)], "nonsense"), 412, "{wrong}");
    }
    assert_eq!(status(&[FRAGMENT, right], "nonsense"), 400);
    assert_eq!(status(&[FRAGMENT, right], &"a=x\r\n".repeat(4000)), 413);
    let restart = "a=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\n";
    let refused = patch(&server, &caller, &[FRAGMENT, right], restart);
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body.contains("an ICE restart without If-Match: *"), "{refused:?}");

    let to = |path: &str, token: &str| {
        let (name, token) = bearer(token);
        let headers = [(name, token.as_str()), FRAGMENT, right];
        request_with(server.address(), "PATCH", path, &headers, good).status
    };
    assert_eq!(to("/session/0123456789abcdef0123456789abcdef", VIEW), 404);
    assert_eq!(to(&caller.session, PUBLISH), 403);
    let nobody = [FRAGMENT, right];
    let refused = request_with(server.address(), "PATCH", &caller.session, &nobody, good);
    assert_eq!(refused.status, 401);
    let options = request(server.address(), "OPTIONS", &caller.session, &[]);
    assert_eq!((options.status, options.header("accept-patch")), (204, Some(FRAGMENT.1)));
    let options = request(server.address(), "OPTIONS", "/whep/live", &[]);
    assert_eq!((options.status, options.header("accept-post")), (204, Some(SDP.1)));
}

#[test]
fn endless_candidates_and_damaged_fragments_are_harmless() {
    let server = guarded();
    let _publisher = server.hub().publish("live", INFO, Box::new(|| {})).unwrap();
    let caller = call(&server, "/whep/live", Direction::ReceiveOnly, Some(VIEW));
    let right = ("if-match", caller.tag.as_str());
    let mut random = Rng::new(9725);
    for _ in 0..60 {
        let mut bytes = caller.candidates.clone().into_bytes();
        for _ in 0..=random.below(5) {
            let at = random.index(bytes.len());
            bytes[at] = match random.below(3) {
                0 => random.byte() & 0x7f,
                1 => b' ',
                _ => b'\n',
            };
        }
        let body = String::from_utf8(bytes).unwrap();
        let answer = patch(&server, &caller, &[FRAGMENT, right], &body);
        assert!([204, 400, 422].contains(&answer.status), "{answer:?} to {body:?}");
    }
    let caller = call(&server, "/whep/live", Direction::ReceiveOnly, Some(VIEW));
    let right = ("if-match", caller.tag.as_str());
    let mut statuses = Vec::new();
    for host in 1..=8 {
        let lines = (1..=20).map(|port| {
            format!("a=candidate:1 1 udp 1 127.0.1.{host} {} typ host\r\n", 40_000 + port)
        });
        let body: String = lines.collect();
        statuses.push(patch(&server, &caller, &[FRAGMENT, right], &body).status);
    }
    assert_eq!(statuses.first(), Some(&204), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&413), "{statuses:?}");
    assert_eq!(server.sessions().count(), 2);
}

const ANY: (&str, &str) = ("if-match", "*");

/// Requests a restart; returns the response, whose fragment and ETag are new.
fn restart(server: &Server, caller: &mut Caller, more: &str) -> Answer {
    let (fragment, pending) = caller.restart();
    let headers = [FRAGMENT, ANY];
    let body = format!("{fragment}{more}");
    let answer = request_with(server.address(), "PATCH", &caller.session, &headers, &body);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some(FRAGMENT.1)),
        "{answer:?}"
    );
    let tag = answer.header("etag").unwrap().to_owned();
    assert_ne!(tag, caller.tag);
    assert!(answer.body.contains("a=mid:") && answer.body.contains("a=candidate:"), "{answer:?}");
    // The answer to a repeated request is the same, because it may have been lost.
    let again = request_with(server.address(), "PATCH", &caller.session, &headers, &body);
    assert_eq!((again.status, again.header("etag")), (200, Some(tag.as_str())), "{again:?}");
    assert_eq!(again.body, answer.body);
    caller.restarted(&answer.body, pending);
    caller.tag = tag;
    answer
}

#[test]
fn a_viewer_keeps_its_stream_at_another_address() {
    let server = Server::start(Config::loopback()).unwrap();
    let publisher = server.hub().publish("live", INFO, Box::new(|| {})).unwrap();
    let path = "/whep/live";
    let mut caller = Caller::call(&server, path, &[plan(Direction::ReceiveOnly)], None, false);
    assert!(caller.live(Duration::from_secs(10), |caller| caller.connected));
    let (mut frames, mut pts) = (frames().into_iter().cycle(), 0);
    for round in 1..=3 {
        let wanted = caller.pictures + 20;
        let end = Instant::now() + Duration::from_secs(20);
        while !caller.live(Duration::from_millis(30), |caller| caller.pictures > wanted) {
            assert!(Instant::now() < end, "{} packets in round {round}", caller.pictures);
            let mut frame = frames.next().unwrap();
            (frame.pts, pts) = (pts, pts + 3000);
            publisher.send_video(frame).unwrap();
        }
        caller.move_away();
        let before = caller.tag.clone();
        restart(&server, &mut caller, "");
        let old = [FRAGMENT, ("if-match", before.as_str())];
        let late = request_with(server.address(), "PATCH", &caller.session, &old, "");
        assert_eq!(late.status, 412, "{late:?}");
    }
    assert_eq!(caller.ssrcs.len(), 1, "{:?}", caller.ssrcs);
    assert_eq!(server.sessions().count(), 1);
}

#[test]
fn a_member_of_a_room_keeps_its_channel_after_a_restart() {
    let server = Server::start(Config::loopback()).unwrap();
    let mut caller = call(&server, "/room/team", Direction::SendReceive, None);
    trickle(&mut caller, &server);
    let joined = |caller: &Caller| caller.last("people").is_some();
    assert!(caller.live(Duration::from_secs(10), joined), "{:?}", caller.lines);
    caller.move_away();
    restart(&server, &mut caller, "");
    caller.send(&serde_json::json!({ "type": "chat", "text": "moved" }));
    let is_back = |caller: &Caller| caller.last("chat").is_some();
    assert!(caller.live(Duration::from_secs(10), is_back), "{:?}", caller.lines);
}

#[test]
fn invalid_and_endless_restarts_are_rejected_with_the_reason() {
    let server = Server::start(Config::loopback()).unwrap();
    let _publisher = server.hub().publish("live", INFO, Box::new(|| {})).unwrap();
    let caller = call(&server, "/whep/live", Direction::ReceiveOnly, None);
    let patch = |body: &str| {
        let headers = [FRAGMENT, ANY];
        request_with(server.address(), "PATCH", &caller.session, &headers, body)
    };
    let password = "0123456789012345678901";
    for (body, why) in [
        ("a=ice-ufrag:other".to_owned(), "ice-pwd is missing"),
        (format!("a=ice-pwd:{password}"), "ice-ufrag is missing"),
        (format!("a=ice-ufrag:abc\na=ice-pwd:{password}"), "invalid ice-ufrag"),
        ("a=ice-ufrag:other\na=ice-pwd:short".to_owned(), "invalid ice-pwd"),
        (format!("a=ice-ufrag:o ther\na=ice-pwd:{password}"), "invalid ice-ufrag"),
        (format!("a=ice-ufrag:one1\na=ice-ufrag:two2\na=ice-pwd:{password}"), "ice-ufrag differs"),
    ] {
        let refused = patch(&body);
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(refused.body.contains(why), "{refused:?}, expected {why}");
    }
    let lines = caller.candidates.lines().filter(|line| !line.starts_with("a=candidate"));
    let own_ufrag = lines.clone().find(|line| line.starts_with("a=ice-ufrag")).unwrap();
    let refused = patch(&format!("{own_ufrag}\na=ice-pwd:{password}"));
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(refused.body.contains("requires another ice-ufrag"), "{refused:?}");

    let statuses =
        (0..12).map(|at| patch(&format!("a=ice-ufrag:other{at}\na=ice-pwd:{password}{at}")).status);
    let statuses: Vec<u16> = statuses.collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10, "{statuses:?}");
    let refused = patch(&format!("a=ice-ufrag:last\na=ice-pwd:{password}z"));
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{refused:?}");
    assert!(refused.body.contains("ICE restarts in a minute"), "{refused:?}");
    assert_eq!(server.sessions().count(), 1);
}
