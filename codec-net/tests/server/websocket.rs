use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use codec_container::{Format, Track, VideoTrack};
use codec_core::codec::Codec;
use codec_core::frame::{Rational, Size};
use codec_net::framing::{Flags, Hello, Item, Kind, Parser, Record, StreamDescription};
use codec_net::server::audit::AuditLog;
use codec_net::server::limits::Limits;
use codec_net::server::{Config, Server};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::client::{ADMIN, PUBLISH, VIEW, connect, guarded};

pub(crate) type Socket = WebSocket<TcpStream>;

pub(crate) fn open(
    address: SocketAddr,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, tungstenite::Error> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = connect(address);
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
        Err(tungstenite::HandshakeError::Interrupted(_)) => panic!("blocking sockets do not"),
    }
}

fn status(opened: Result<Socket, tungstenite::Error>) -> u16 {
    match opened {
        Ok(_) => 101,
        Err(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

fn hello() -> Vec<u8> {
    let track = VideoTrack::new(Format::WebM, Codec::Vp8, Size::new(64, 48), Rational::new(1, 30));
    let streams = vec![StreamDescription::of(&Track::Video(track)).unwrap()];
    let mut out = Vec::new();
    Hello { session: 1, streams }.write(&mut out).unwrap();
    out
}

/// The first bytes of a key frame or an inter frame, as far as the server parses them.
fn frame(key: bool, pts: i64) -> Vec<u8> {
    let payload = if key {
        vec![0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 64, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    } else {
        vec![0x51, 0x01, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    };
    let flags = Flags { key, hidden: false };
    let mut out = Vec::new();
    let record = Record { kind: Kind::Video, flags, stream: 0, pts, captured: 7, payload };
    record.write(&mut out).unwrap();
    out
}

fn wait(what: &str, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !ready() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Reads to the close frame; returns its code and reason.
fn closed(socket: &mut Socket) -> (CloseCode, String) {
    loop {
        match socket.read() {
            Ok(Message::Close(Some(frame))) => return (frame.code, frame.reason.to_string()),
            Ok(_) => {}
            Err(error) => panic!("no close frame: {error}"),
        }
    }
}

#[test]
fn published_streams_reach_viewers() {
    let server = Server::start(Config::loopback()).unwrap();
    let mut publisher = open(server.address(), "/publish/live", &[]).unwrap();
    publisher.send(Message::binary(hello())).unwrap();
    wait("the stream is there", || server.hub().find("live").is_ok());
    let mut viewer = open(server.address(), "/view/live", &[]).unwrap();
    let stream = server.hub().find("live").unwrap();
    wait("the viewer is there", || stream.stats().1 == 1);
    for (key, pts) in [(true, 0), (false, 1), (false, 2)] {
        publisher.send(Message::binary(frame(key, pts))).unwrap();
    }
    let mut parser = Parser::new();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let Message::Binary(bytes) = viewer.read().unwrap() else { continue };
        match parser.next(&mut &bytes[..]).unwrap().unwrap() {
            Item::Hello(hello) => {
                let track = hello.streams[0].track(Format::WebM).unwrap();
                assert_eq!(track.video().unwrap().size, Size::new(64, 48));
            }
            Item::Record(record) => seen.push((record.flags.key, record.pts, record.captured)),
        }
    }
    assert_eq!(seen, [(true, 0, 7), (false, 3000, 7), (false, 6000, 7)]);
    // The publisher received the key frame request.
    let Message::Binary(asked) = publisher.read().unwrap() else { panic!() };
    let Some(Item::Record(asked)) = Parser::of_records().next(&mut &asked[..]).unwrap() else {
        panic!()
    };
    assert_eq!((asked.kind, asked.payload), (Kind::Feedback, vec![1]));
    publisher.close(None).unwrap();
    assert_eq!(closed(&mut viewer).1, "the publisher ended");
}

#[test]
fn tokens_are_accepted_in_a_header_or_a_subprotocol() {
    let server = guarded();
    let address = server.address();
    let pause = || std::thread::sleep(Duration::from_millis(110));
    assert_eq!(status(open(address, "/publish/live", &[])), 401);
    let header = |token: &str| format!("Bearer {token}");
    let wrong = header("wrong-token");
    assert_eq!(status(open(address, "/publish/live", &[("authorization", &wrong)])), 401);
    pause();
    let view = header(VIEW);
    assert_eq!(status(open(address, "/publish/live", &[("authorization", &view)])), 403);
    let publish = header(PUBLISH);
    let kept = open(address, "/publish/live", &[("authorization", &publish)]).unwrap();
    let other = header(ADMIN);
    assert_eq!(status(open(address, "/publish/live", &[("authorization", &other)])), 409);
    // "view-token-1" in Base64 for URLs.
    let protocols = [("sec-websocket-protocol", "codec-records, bearer.dmlldy10b2tlbi0x")];
    assert_eq!(status(open(address, "/view/live", &protocols)), 101);
    assert_eq!(status(open(address, "/view/other", &protocols)), 404);
    let evil = [protocols[0], ("origin", "http://evil.example")];
    assert_eq!(status(open(address, "/view/live", &evil)), 403);
    drop(kept);
}

#[test]
fn invalid_lengths_and_floods_end_sessions_with_a_reason() {
    let limits = Limits { media_bytes: 1000, ..Limits::default() };
    let server = Server::start(Config { limits, ..Config::loopback() }).unwrap();
    let publish = |name: &str| {
        let mut socket = open(server.address(), &format!("/publish/{name}"), &[]).unwrap();
        socket.send(Message::binary(hello())).unwrap();
        socket
    };
    let mut text = publish("text");
    text.send(Message::text("hello")).unwrap();
    assert_eq!(closed(&mut text).0, CloseCode::Protocol);
    let mut flipped = publish("flipped");
    let mut record = frame(true, 0);
    record[40] ^= 4;
    flipped.send(Message::binary(record)).unwrap();
    let (code, reason) = closed(&mut flipped);
    assert!(code == CloseCode::Protocol && reason.contains("CRC32C"), "{reason}");
    let mut flood = publish("flood");
    let many = (0..600).find(|n| flood.send(Message::binary(frame(*n == 0, *n))).is_err());
    if many.is_none() {
        let (code, reason) = closed(&mut flood);
        assert!(code == CloseCode::Policy && reason.contains("per second"), "{reason}");
    }
    let mut long = publish("long");
    long.send(Message::binary(vec![0; 5000])).unwrap();
    let end = loop {
        match long.read() {
            Ok(Message::Close(_)) | Err(_) => break true,
            Ok(_) => {}
        }
    };
    assert!(end);
    // A frame with a wrong length in its header, and then silence.
    let mut lying = publish("lying");
    let raw = lying.get_mut();
    raw.write_all(&[0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4])
        .unwrap();
    wait("all are gone", || server.sessions().count() == 0);
}

#[test]
fn the_log_contains_starts_ends_and_rejections() {
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);
    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let memory = Memory::default();
    let audit = AuditLog::to(memory.clone());
    let server = Server::start(Config { audit, ..Config::loopback() }).unwrap();
    let mut publisher = open(server.address(), "/publish/live", &[]).unwrap();
    publisher.send(Message::binary(hello())).unwrap();
    assert_eq!(
        status(open(server.address(), "/view/live", &[("origin", "http://evil.example")])),
        403
    );
    server.stop();
    assert_eq!(closed(&mut publisher), (CloseCode::Away, "the server was stopped".to_owned()));
    let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
    let events: Vec<_> = text.lines().collect();
    assert_eq!(events.len(), 3, "{text}");
    assert!(events[0].contains("\"start\"") && events[0].contains("\"ws-publish\""), "{text}");
    assert!(events[1].contains("\"reject\"") && events[1].contains("403"), "{text}");
    assert!(events[2].contains("the server was stopped"), "{text}");
}

#[test]
fn chat_reaches_viewers_that_request_it() {
    let server = Server::start(Config::loopback()).unwrap();
    let mut publisher = open(server.address(), "/publish", &[]).unwrap();
    publisher.send(Message::binary(hello())).unwrap();
    let protocols = [("sec-websocket-protocol", "codec-control")];
    wait("the stream is there", || server.hub().find("live").is_ok());
    let mut viewers: Vec<Socket> =
        (0..2).map(|_| open(server.address(), "/view", &protocols).unwrap()).collect();
    let stream = server.hub().find("live").unwrap();
    wait("the viewers are there", || stream.stats().1 == 2);
    viewers[0].send(Message::text("{\"type\":\"chat\",\"text\":\"good day\"}")).unwrap();
    for viewer in &mut viewers {
        let line = loop {
            let Message::Text(text) = viewer.read().unwrap() else { continue };
            if text.contains("\"chat\"") {
                break text;
            }
        };
        assert!(line.contains("good day"), "{line}");
    }
    viewers[1].send(Message::text("not json")).unwrap();
    assert_eq!(closed(&mut viewers[1]).0, CloseCode::Protocol);
}
