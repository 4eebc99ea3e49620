//! A server that accepts no new calls and waits for the existing ones, and a server whose certificate is
//! replaced while a connection is open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use codec_net::server::media::VideoCodec;
use codec_net::server::room::StreamInfo;
use codec_net::server::{Config, Server};
use codec_net::tls::{ClientConfig, Roots, ServerConfig, client_config, server_config};
use codec_webrtc::Direction;
use rustls::{ClientConnection, StreamOwned};

use crate::caller::{Caller, SDP, plan};
use crate::client::{ADMIN, VIEW, bearer, connect, guarded, request, request_with};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_draining_server_refuses_new_calls_and_waits_for_the_others() {
    let server = Server::start(Config::loopback()).unwrap();
    let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: false };
    let _publisher = server.hub().publish("demo", info, Box::new(|| {})).unwrap();
    let mut ann = Caller::call(&server, "/room/team", &[plan(Direction::ReceiveOnly)], None, false);
    assert!(ann.live(LONG, |it| it.lines.len() >= 2), "{:?}", ann.lines);
    assert!(!server.is_draining() && !server.is_drained());
    assert_eq!(server.drain(Duration::from_secs(600)), Duration::from_secs(600));
    let is_told = |it: &Caller| it.lines.iter().any(|line| line["type"] == "draining");
    assert!(ann.live(LONG, is_told), "{:?}", ann.lines);
    for path in ["/room/team", "/whep/demo", "/whip/other"] {
        let refused = request_with(server.address(), "POST", path, &[SDP], "v=0");
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{path}");
        assert!(refused.body.contains("accepts no new calls"), "{refused:?}");
    }
    for path in ["/view/demo", "/publish/other"] {
        let upgrade = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            server.address()
        );
        let mut stream = connect(server.address());
        stream.write_all(upgrade.as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 503", "{path}");
    }
    for path in ["/health", "/healthz"] {
        let health = request(server.address(), "GET", path, &[]);
        assert_eq!((health.status, &*health.body), (503, "{\"status\":\"draining\"}"));
    }
    let metrics = request(server.address(), "GET", "/metrics", &[]).body;
    assert!(metrics.contains("codec_draining 1\n"), "{metrics}");
    // The call is as before.
    ann.send(&serde_json::json!({ "type": "chat", "text": "hello" }));
    assert!(ann.live(LONG, |it| it.lines.iter().any(|line| line["type"] == "chat")));
    assert!(server.is_draining() && !server.is_drained());
    assert_eq!(request(server.address(), "DELETE", &ann.session, &[]).status, 200);
    while !server.is_drained() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn administrators_drain_the_server_for_a_time() {
    let server = guarded();
    let drain = |token, body| {
        let (name, value) = bearer(token);
        request_with(server.address(), "POST", "/api/drain", &[(name, &value)], body)
    };
    assert_eq!(drain(VIEW, "").status, 403);
    for wrong in ["{}", "5", "{\"seconds\":-1}", "{\"seconds\":604801}", "{"] {
        assert_eq!(drain(ADMIN, wrong).status, 400, "{wrong}");
    }
    assert!(!server.is_draining());
    let answer = drain(ADMIN, "{\"seconds\":60}");
    assert_eq!((answer.status, &*answer.body), (200, "{\"seconds\":60,\"sessions\":0}"));
    assert!(server.is_drained(), "there is no session");
}

fn config(certificate: &[u8], key: &[u8]) -> Arc<ServerConfig> {
    server_config(certificate, key).unwrap()
}

fn client(server: &Server, tls: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = "127.0.0.1".try_into().unwrap();
    let connection = ClientConnection::new(Arc::clone(tls), name).unwrap();
    StreamOwned::new(connection, connect(server.address()))
}

/// Sends a request on an open connection; returns the beginning of the answer.
fn ask(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> String {
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    while !answer.contains("{\"status\":\"ok\"}") {
        let mut bytes = [0; 4096];
        let len = stream.read(&mut bytes).unwrap();
        assert!(len > 0, "{answer}");
        answer += &String::from_utf8_lossy(&bytes[..len]);
    }
    answer
}

#[test]
fn a_new_certificate_is_used_for_new_connections() {
    let ecdsa = config(
        include_bytes!("../../testdata/ecdsa.pem"),
        include_bytes!("../../testdata/ecdsa.key"),
    );
    let rsa =
        config(include_bytes!("../../testdata/rsa.pem"), include_bytes!("../../testdata/rsa.key"));
    let server = Server::start(Config { tls: Some(ecdsa), ..Config::loopback() }).unwrap();
    let tls = client_config(Roots::Pem(include_bytes!("../../testdata/ca.pem"))).unwrap();
    let mut before = client(&server, &tls);
    assert!(ask(&mut before).starts_with("HTTP/1.1 200"));
    assert!(server.set_tls(rsa.clone()));
    let mut after = client(&server, &tls);
    assert!(ask(&mut after).starts_with("HTTP/1.1 200"));
    assert!(ask(&mut before).starts_with("HTTP/1.1 200"), "the open connection goes on");
    let certificate = |it: &StreamOwned<ClientConnection, _>| {
        it.conn.peer_certificates().unwrap().first().unwrap().clone()
    };
    assert_ne!(certificate(&before), certificate(&after));
    let plain = Server::start(Config::loopback()).unwrap();
    assert!(!plain.set_tls(rsa), "a server without TLS stays without");
}
