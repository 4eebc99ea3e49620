use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use codec_net::server::auth::{Access, Grants};
use codec_net::server::limits::Limits;
use codec_net::server::media::VideoCodec;
use codec_net::server::room::StreamInfo;
use codec_net::server::{Config, Server, StartError};
use codec_net::socket::Socket;
use codec_net::tls::{Roots, client_config, server_config};

use crate::client::{ADMIN, PUBLISH, VIEW, bearer, connect, guarded, raw, request};

fn get(address: SocketAddr, path: &str, token: Option<&str>) -> u16 {
    let headers = token.map(bearer);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = request(address, "GET", path, &headers);
    // Wrong tokens are rate limited.
    if answer.status == 401 && token.is_some() {
        std::thread::sleep(Duration::from_millis(110));
    }
    answer.status
}

#[test]
fn the_page_is_self_contained_and_protected() {
    let server = Server::start(Config::loopback()).unwrap();
    let page = request(server.address(), "GET", "/", &[]);
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert!(!page.body.contains("http://") && !page.body.contains("https://"), "only own files");
    for name in page.body.split(['"', '\'']).filter(|name| name.starts_with('/') && name.len() > 1)
    {
        assert_eq!(get(server.address(), name, None), 200, "{name}");
    }
    assert_eq!(get(server.address(), "/../Cargo.toml", None), 404);
    assert_eq!(get(server.address(), "/..%2fCargo.toml", None), 404);
}

#[test]
fn scopes_grant_their_own_paths() {
    let server = guarded();
    let address = server.address();
    assert_eq!(get(address, "/", None), 200);
    for (path, allowed) in
        [("/api/streams", &[VIEW, PUBLISH, ADMIN][..]), ("/api/sessions", &[ADMIN][..])]
    {
        assert_eq!(get(address, path, None), 401, "{path}");
        assert_eq!(get(address, path, Some("wrong-token")), 401, "{path}");
        for token in [VIEW, PUBLISH, ADMIN] {
            let expected = if allowed.contains(&token) { 200 } else { 403 };
            assert_eq!(get(address, path, Some(token)), expected, "{path} {token}");
        }
    }
}

#[test]
fn wrong_tokens_are_rate_limited() {
    let server = guarded();
    let try_one = |token| {
        let (name, value) = bearer(token);
        request(server.address(), "GET", "/api/streams", &[(name, &value)]).status
    };
    let answers: Vec<u16> = (0..5).map(|_| try_one("wrong-token")).collect();
    assert_eq!(answers[0], 401);
    assert!(answers.contains(&429), "{answers:?}");
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(try_one(VIEW), 200);
}

#[test]
fn other_origins_and_host_names_are_rejected() {
    let mut access = Access::open();
    access.add_origin("https://studio.example").unwrap();
    let server = Server::start(Config { access, ..Config::loopback() }).unwrap();
    let ask = |headers: &[(&str, &str)]| request(server.address(), "GET", "/api/streams", headers);
    assert_eq!(ask(&[("origin", "http://evil.example")]).status, 403);
    assert_eq!(ask(&[("origin", "null")]).status, 403);
    let own = format!("http://{}", server.address());
    assert_eq!(ask(&[("origin", &own)]).status, 200);
    let listed = ask(&[("origin", "https://studio.example")]);
    assert_eq!(listed.status, 200);
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://studio.example"));
    assert_eq!(ask(&[("host", "evil.example")]).status, 421);
    assert_eq!(ask(&[("host", "localhost")]).status, 200);
}

#[test]
fn non_loopback_addresses_require_a_token() {
    let listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let open = Server::start(Config { listen, ..Config::loopback() });
    assert!(matches!(open, Err(StartError::Open(_))));
    let mut access = Access::open();
    access.add_token(VIEW, Grants::parse("view").unwrap()).unwrap();
    drop(Server::start(Config { listen, access, ..Config::loopback() }).unwrap());
    let mut access = Access::open();
    access.add_user("ann", "long enough", Grants::ALL).unwrap();
    let plain = Server::start(Config { access, ..Config::loopback() });
    assert!(matches!(plain, Err(StartError::PasswordsWithoutTls)));
}

#[test]
fn slow_and_long_requests_end() {
    let limits = Limits { request_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = Server::start(Config { limits, ..Config::loopback() }).unwrap();
    let begun = Instant::now();
    let mut slow = connect(server.address());
    slow.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let body = "POST /whep/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-type: application/sdp\r\ncontent-length: 100\r\n\r\nv=0";
    assert_eq!(raw(server.address(), body).status, 408);
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(64 << 10));
    assert!(matches!(raw(server.address(), &long).status, 0 | 400 | 431));
    let noise = raw(server.address(), "\u{1}\u{2}\u{3}\r\n\r\n");
    assert!(matches!(noise.status, 0 | 400), "{noise:?}");
}

#[test]
fn connections_are_limited() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = Server::start(Config { limits, ..Config::loopback() }).unwrap();
    let kept = [connect(server.address()), connect(server.address())];
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(raw(server.address(), "GET / HTTP/1.1\r\nhost: x\r\n\r\n").status, 0);
    drop(kept);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(get(server.address(), "/", None), 200);
}

/// A connection from another local address.
#[cfg(target_os = "linux")]
fn connect_from(from: [u8; 4], to: SocketAddr) -> std::net::TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

/// The status of `/` over such a connection; 0: it was closed.
#[cfg(target_os = "linux")]
fn status_from(from: [u8; 4], to: SocketAddr) -> u16 {
    let mut stream = connect_from(from, to);
    let head = format!("GET / HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[cfg(target_os = "linux")]
#[test]
fn idle_connections_of_one_address_do_not_block_others_and_time_out() {
    let deadline = Duration::from_secs(2);
    let limits = Limits {
        connections: 8,
        connections_per_address: 5,
        request_timeout: deadline,
        ..Limits::default()
    };
    let server = Server::start(Config { limits, ..Config::loopback() }).unwrap();
    let to = server.address();
    let (one, other) = ([127, 0, 0, 1], [127, 0, 0, 2]);
    let idle: Vec<_> = (0..20).map(|_| connect_from(one, to)).collect();
    // Accepted in order: the other address comes after the twenty.
    assert_eq!(status_from(other, to), 200);
    let end = Instant::now() + Duration::from_secs(60);
    while status_from(one, to) != 200 {
        assert!(Instant::now() < end, "idle connections stay");
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(idle);
}

#[test]
fn health_is_open_to_all_and_reveals_nothing() {
    let answer = request(guarded().address(), "GET", "/health", &[]);
    assert_eq!((answer.status, answer.body.as_str()), (200, "{\"status\":\"ok\"}"));
}

#[test]
fn streams_are_listed_with_permissions() {
    let server = guarded();
    let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: false };
    let _publisher = server.hub().publish("demo", info, Box::new(|| {})).unwrap();
    let (name, value) = bearer(VIEW);
    let answer = request(server.address(), "GET", "/api/streams", &[(name, &value)]);
    assert!(
        answer.body.contains("\"demo\"") && answer.body.contains("\"view\":true"),
        "{answer:?}"
    );
    assert!(answer.body.contains("\"publish\":false"), "{answer:?}");
    let (name, value) = bearer(PUBLISH);
    let answer = request(server.address(), "GET", "/api/streams", &[(name, &value)]);
    assert!(!answer.body.contains("\"demo\""), "{answer:?}");
}

/// Sends a request over TLS; returns the whole response.
fn over_tls(address: SocketAddr, head: &str) -> String {
    let ca = include_bytes!("../../testdata/ca.pem");
    let config = client_config(Roots::Pem(ca)).unwrap();
    let mut socket = Socket::tls_client(connect(address), "127.0.0.1", config).unwrap();
    let request =
        format!("{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let _ = socket.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn users_log_in_by_password_over_tls() {
    let tls = server_config(
        include_bytes!("../../testdata/ecdsa.pem"),
        include_bytes!("../../testdata/ecdsa.key"),
    );
    let mut access = Access::open();
    access.add_user("ann", "long enough", Grants::parse("admin").unwrap()).unwrap();
    let config = Config { tls: Some(tls.unwrap()), access, ..Config::loopback() };
    let server = Server::start(config).unwrap();
    assert!(server.url().starts_with("https://"));
    let ask = |line: &str| over_tls(server.address(), &format!("GET /api/sessions HTTP/1.1{line}"));
    assert!(ask("").starts_with("HTTP/1.1 401"));
    // ann:long enough
    let right = ask("\r\nauthorization: Basic YW5uOmxvbmcgZW5vdWdo");
    assert!(right.starts_with("HTTP/1.1 200") && right.contains("strict-transport"), "{right}");
    // ann:long enoug
    assert!(ask("\r\nauthorization: Basic YW5uOmxvbmcgZW5vdWc=").starts_with("HTTP/1.1 401"));
    // Without TLS the connection is closed.
    assert_eq!(raw(server.address(), "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").status, 0);
}
