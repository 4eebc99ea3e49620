//! WHIP and WHEP requests, floods at the UDP port, interrupted recordings.

use std::fs;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codec_container::{CodedPacket, Input, ReadOptions, Source, open};
use codec_net::peer_socket::PeerSocket;
use codec_net::server::media::VideoCodec;
use codec_net::server::outcome::{EndReason, Rejection};
use codec_net::server::room::StreamInfo;
use codec_net::server::{Config, Server};
use codec_webrtc::{Direction, Event, Peer};

use crate::caller::{SDP, plan};
use crate::client::{PUBLISH, VIEW, bearer, guarded, request, request_with};
use crate::load::frames;
use crate::offers::{VP8, line, offer};

const INFO: StreamInfo = StreamInfo { kind: "ws", video: Some(VideoCodec::Vp8), audio: false };
#[test]
fn offers_are_checked_before_they_are_answered() {
    let server = guarded();
    let _publisher = server.hub().publish("live", INFO, Box::new(|| {})).unwrap();
    let post = |path: &str, token: &str, kind: (&str, &str), body: &str| {
        let (name, value) = bearer(token);
        request_with(server.address(), "POST", path, &[(name, &value), kind], body).status
    };
    assert_eq!(post("/whep/live", VIEW, ("content-type", "text/plain"), "v=0"), 415);
    assert_eq!(post("/whep/live", VIEW, SDP, "v=0\r\n"), 400);
    assert_eq!(post("/whep/live", VIEW, SDP, &"x".repeat(65 << 10)), 413);
    // The server closes the connection, maybe before the response is read.
    assert!(matches!(post("/whep/live", VIEW, SDP, &"x".repeat(2 << 20)), 0 | 413));
    assert_eq!(post("/whep/other", VIEW, SDP, "v=0\r\n"), 404);
    assert_eq!(post("/whep/live", PUBLISH, SDP, "v=0\r\n"), 403);
    assert_eq!(post("/whip/mine", VIEW, SDP, "v=0\r\n"), 403);
    let whole = offer(&[line(0, "video", "sendonly", &VP8, "")]);
    assert_eq!(post("/whip/live", PUBLISH, SDP, &whole), 409);
    assert_eq!(post("/whip/live", PUBLISH, SDP, "v=0\r\n"), 400, "malformed, whoever publishes");
    assert_eq!(post("/whip/a%2fb", PUBLISH, SDP, "v=0\r\n"), 400);
    // A rejected offer leaves nothing behind.
    assert_eq!(post("/whip/mine", PUBLISH, SDP, "v=0\r\n"), 400);
    assert!(server.hub().find("mine").is_err());
    assert_eq!(server.sessions().count(), 0);
}

#[test]
fn sessions_end_by_their_owners() {
    let server = guarded();
    let _publisher = server.hub().publish("live", INFO, Box::new(|| {})).unwrap();
    let socket = PeerSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let config = socket.config().unwrap();
    let offer = Peer::offer(&config, &[plan(Direction::ReceiveOnly)], &[], socket.now());
    let (_, offer, ..) = offer.unwrap();
    let (name, view) = bearer(VIEW);
    let headers = [(name, view.as_str()), SDP];
    let answer = request_with(server.address(), "POST", "/whep/live", &headers, &offer);
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/sdp"));
    let session = answer.header("location").unwrap().to_owned();
    assert_eq!(request(server.address(), "DELETE", &session, &[]).status, 401);
    let (_, publish) = bearer(PUBLISH);
    let other = [(name, publish.as_str())];
    assert_eq!(request(server.address(), "DELETE", &session, &other).status, 403);
    assert_eq!(request(server.address(), "DELETE", &session, &headers).status, 200);
    let end = Instant::now() + Duration::from_secs(5);
    while server.sessions().count() > 0 {
        assert!(Instant::now() < end, "the session stays");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(request(server.address(), "DELETE", &session, &headers).status, 404);
}

#[test]
fn floods_of_unverified_datagrams_neither_block_nor_end_a_call() {
    let server = Server::start(Config::loopback()).unwrap();
    let mut socket = PeerSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let config = socket.config().unwrap();
    let plans = [plan(Direction::SendOnly)];
    let (mut peer, offer, pending, _) = Peer::offer(&config, &plans, &[], socket.now()).unwrap();
    let answer = request_with(server.address(), "POST", "/whip/mine", &[SDP], &offer);
    assert_eq!(answer.status, 201, "{answer:?}");
    peer.accept_answer(pending, &answer.body, socket.now()).unwrap();

    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = server.rtc_addresses()[0];
    // A fatal alert, a hello with a null cipher, a check without a name, RTP, RTCP, noise.
    let mut check = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    check.extend([9; 12]);
    let floods: [&[u8]; 6] = [
        &[21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40],
        &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0],
        &check,
        &[0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3],
        &[0x81, 200, 0, 1, 0, 0, 0, 1],
        &[0xff; 1500],
    ];
    let (mut connected, mut sent) = (None, 0);
    let begun = Instant::now();
    // Before, during and for a second after the handshake.
    let is_recent = |at: Instant| at.elapsed() < Duration::from_secs(1);
    while connected.is_none_or(is_recent) || sent <= 500 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no connection after {sent} datagrams");
        for flood in floods {
            let _ = stranger.send_to(flood, target);
            sent += 1;
        }
        match socket.next_event_within(&mut peer, Duration::from_millis(2)).unwrap() {
            Some(Event::Connected) => connected = Some(Instant::now()),
            Some(Event::Closed(reason)) => panic!("{reason} after {sent} datagrams"),
            _ => {}
        }
    }
    assert_eq!(server.sessions().count(), 1);
    assert!(server.hub().find("mine").is_ok());
}

#[test]
fn a_server_stops_while_the_program_still_publishes() {
    let server = Server::start(Config::loopback()).unwrap();
    let hub = Arc::clone(server.hub());
    let publisher = hub.publish("live", INFO, Box::new(|| {})).unwrap();
    let frame = frames().remove(0);
    assert!(publisher.send_video(frame.clone()).is_ok());
    server.stop();
    assert_eq!(publisher.send_video(frame), Err(EndReason::ServerStopped));
    assert_eq!(publisher.stream().end_reason(), Some(EndReason::ServerStopped));
    let again = hub.publish("again", INFO, Box::new(|| {}));
    assert!(matches!(again, Err(Rejection::ShuttingDown)), "{again:?}");
}

#[test]
fn an_interrupted_recording_can_be_played() {
    let folder = std::env::temp_dir().join(format!("codec-record-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let record = Some(folder.clone());
    let server = Server::start(Config { record, ..Config::loopback() }).unwrap();
    let publisher = server.hub().publish("live", INFO, Box::new(|| {})).unwrap();
    let frames = frames();
    let packets = |bytes: Vec<u8>| {
        let source = Source::seekable(std::io::Cursor::new(bytes));
        let Ok(Input::Packets(mut reader)) = open(source, &ReadOptions::default()) else {
            return 0;
        };
        let mut packet = CodedPacket::default();
        let mut count = 0;
        while matches!(reader.read(&mut packet), Ok(true)) {
            count += 1;
        }
        count
    };
    let file = || {
        let entry = fs::read_dir(&folder).unwrap().next()?;
        Some(entry.unwrap().path())
    };
    for number in 0..180_u32 {
        let mut frame = frames[usize::try_from(number).unwrap() % frames.len()].clone();
        frame.pts = u64::from(number) * 3000;
        publisher.send_video(frame).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    // As after a crash: the current contents of the disk.
    let end = Instant::now() + Duration::from_secs(10);
    let broken = loop {
        let count = file().map_or(0, |path| packets(fs::read(path).unwrap()));
        if count >= 135 {
            break count;
        }
        assert!(Instant::now() < end, "{count} packets");
        std::thread::sleep(Duration::from_millis(20));
    };
    drop(publisher);
    let path = file().unwrap();
    server.stop();
    let whole = packets(fs::read(path).unwrap());
    assert!(broken <= whole && whole == 180, "{broken} of {whole}");
    let _ = fs::remove_dir_all(&folder);
}
