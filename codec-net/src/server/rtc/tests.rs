//! Panics in calls and in their thread.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use codec_webrtc::{Certificate, Direction, Kind, LocalCandidate, MediaPlan, Peer, PeerConfig};

use super::super::media::VideoCodec;
use super::super::room::StreamInfo;
use super::super::{Config, Server};

/// An offer to watch.
fn offer() -> String {
    let unix = Duration::from_secs(1_800_000_000);
    let certificate = Certificate::generate(&[1; 32], unix, 30).unwrap();
    let mut config = PeerConfig::new(Instant::now(), [2; 32], certificate);
    config.candidates.push(LocalCandidate::Host("127.0.0.1:9".parse().unwrap()));
    let (kind, direction) = (Kind::Video, Direction::ReceiveOnly);
    let plan = MediaPlan::new(kind, direction);
    Peer::offer(&config, &[plan], &[], Duration::ZERO).unwrap().1
}

/// Sends a request; returns the status.
fn ask(server: &Server, method: &str, path: &str, body: &str) -> u16 {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        server.address(),
        body.len(),
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn wait_for<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "it does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_panic_ends_only_its_call_and_one_in_the_thread_is_reported() {
    let server = Server::start(Config::loopback()).unwrap();
    let info = StreamInfo { kind: "test", video: Some(VideoCodec::Vp8), audio: false };
    let publisher = server.hub().publish("a", info, Box::new(|| {})).unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&server, "POST", "/whep/a", &offer()), 201);
    }
    assert_eq!((server.sessions().count(), ask(&server, "GET", "/health", "")), (2, 200));
    server.panic(Some(1));
    let notice = wait_for(|| server.next_notice());
    assert_eq!(notice, "call 1 (session 1) ended: internal error: a panic in a call");
    wait_for(|| (server.sessions().count() == 1).then_some(()));
    assert_eq!(server.failure(), None);
    assert_eq!(ask(&server, "GET", "/health", ""), 200);
    assert_eq!(ask(&server, "POST", "/whep/a", &offer()), 201, "other calls can start");

    server.panic(None);
    let failure = wait_for(|| server.failure());
    assert!(failure.contains("a panic in the thread"));
    assert_eq!(ask(&server, "GET", "/health", ""), 503);
    assert_eq!(ask(&server, "POST", "/whep/a", &offer()), 503);
    wait_for(|| (server.sessions().count() == 0).then_some(()));
    assert_eq!(ask(&server, "GET", "/", ""), 200, "HTTP still works");
    drop(publisher);
    server.stop();
}
