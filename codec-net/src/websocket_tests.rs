use super::*;
use crate::framing::Kind;
use crate::socket::{Listener, connect};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

const LONG: Duration = Duration::from_secs(10);

fn listen() -> (Listener, Url) {
    let listener = Listener::bind(&"ws://127.0.0.1:0/live".parse().unwrap()).unwrap();
    let url = format!("ws://{}/live", listener.address().unwrap()).parse().unwrap();
    (listener, url)
}

fn accept(listener: &Listener) -> Socket {
    let (stream, _) = listener.accept(LONG).unwrap().expect("a connection");
    Socket::plain(stream).unwrap()
}

fn access() -> Access {
    Access { token: Some("s3cret".to_owned()), path: Some("/live".to_owned()) }
}

fn expect(transport: &mut WebSocketTransport) -> Incoming {
    transport.receive(LONG).unwrap().expect("something comes")
}

/// Exchanges data in both directions over sockets created by these functions.
fn both_ways(
    client: impl FnOnce(TcpStream) -> Socket + Send,
    server: impl FnOnce(TcpStream) -> Socket,
) {
    let (listener, url) = listen();
    let record = Record::control(Kind::Stats, vec![7; 50_000]);
    thread::scope(|scope| {
        scope.spawn(|| {
            let socket = client(connect(&url).unwrap());
            let mut transport =
                WebSocketTransport::connect(socket, &url, Some("s3cret"), Role::Sender).unwrap();
            assert_eq!(transport.receive(Duration::ZERO).unwrap(), None);
            transport.hello(&Hello::of_test(1)).unwrap();
            transport.send(&record).unwrap();
            assert_eq!(expect(&mut transport), Incoming::Record(Record::end("enough")));
        });
        let (stream, _) = listener.accept(LONG).unwrap().expect("a connection");
        let mut transport =
            WebSocketTransport::accept(server(stream), &access(), Role::Receiver).unwrap();
        assert_eq!(expect(&mut transport), Incoming::Hello(Hello::of_test(1)));
        assert_eq!(expect(&mut transport), Incoming::Record(record.clone()));
        assert_eq!(transport.receive(Duration::from_millis(1)).unwrap(), None);
        transport.send(&Record::end("enough")).unwrap();
        let closed = loop {
            match transport.receive(LONG) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(closed, NetError::Closed { .. }), "{closed}");
    });
}

#[test]
fn records_travel_both_ways() {
    both_ways(|stream| Socket::plain(stream).unwrap(), |stream| Socket::plain(stream).unwrap());
}

#[cfg(feature = "tls")]
#[test]
fn records_travel_over_tls_with_rsa_and_ecdsa_keys() {
    use crate::tls::{Roots, client_config, server_config};
    let ca = include_bytes!("../testdata/ca.pem");
    let rsa =
        [include_bytes!("../testdata/rsa.pem").as_slice(), include_bytes!("../testdata/rsa.key")];
    let ecdsa = [
        include_bytes!("../testdata/ecdsa.pem").as_slice(),
        include_bytes!("../testdata/ecdsa.key"),
    ];
    for [certificate, key] in [rsa, ecdsa] {
        let server = server_config(certificate, key).unwrap();
        let client = client_config(Roots::Pem(ca)).unwrap();
        both_ways(
            |stream| Socket::tls_client(stream, "127.0.0.1", client).unwrap(),
            |stream| Socket::tls_server(stream, server).unwrap(),
        );
    }
    assert!(server_config(rsa[0], ecdsa[1]).is_err(), "a key of another certificate");
    assert!(server_config(b"nothing", rsa[1]).unwrap_err().to_string().contains("certificate"));
    assert!(server_config(rsa[0], b"nothing").unwrap_err().to_string().contains("private key"));
}

#[cfg(feature = "tls")]
#[test]
fn servers_with_untrusted_certificates_are_rejected() {
    use crate::tls::{Roots, client_config, server_config};
    let (listener, url) = listen();
    let server = server_config(
        include_bytes!("../testdata/ecdsa.pem"),
        include_bytes!("../testdata/ecdsa.key"),
    );
    let server = server.unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let config = client_config(Roots::Public).unwrap();
            let socket = Socket::tls_client(connect(&url).unwrap(), "127.0.0.1", config).unwrap();
            let error = WebSocketTransport::connect(socket, &url, None, Role::Sender).unwrap_err();
            assert!(error.to_string().contains("UnknownIssuer"), "{error}");
        });
        let (stream, _) = listener.accept(LONG).unwrap().expect("a connection");
        let socket = Socket::tls_server(stream, server).unwrap();
        assert!(WebSocketTransport::accept(socket, &access(), Role::Receiver).is_err());
    });
}

#[test]
fn missing_and_wrong_tokens_are_reported() {
    for (token, says) in [(None, "a token is required"), (Some("other"), "invalid token")] {
        let (listener, url) = listen();
        thread::scope(|scope| {
            scope.spawn(|| {
                let socket = Socket::plain(connect(&url).unwrap()).unwrap();
                let error =
                    WebSocketTransport::connect(socket, &url, token, Role::Sender).unwrap_err();
                assert!(matches!(error, NetError::Rejected { status: 401, .. }), "{error}");
                assert!(error.to_string().contains(says), "{error}");
            });
            let refused = WebSocketTransport::accept(accept(&listener), &access(), Role::Receiver);
            assert!(matches!(refused, Err(NetError::Rejected { status: 401, .. })));
        });
    }
}

/// Returns the response to a raw request.
fn answer(request: &str) -> String {
    let (listener, url) = listen();
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut stream = connect(&url).unwrap();
            stream.set_read_timeout(Some(LONG)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut buffer = [0; 2000];
            let len = stream.read(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..len]).into_owned()
        });
        let _ = WebSocketTransport::accept(accept(&listener), &access(), Role::Receiver);
        client.join().unwrap()
    })
}

fn request(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

#[test]
fn browsers_can_send_tokens() {
    let offer = "Sec-WebSocket-Protocol: codec-records, token.s3cret\r\n";
    let taken = answer(&request("/live", offer));
    assert!(taken.starts_with("HTTP/1.1 101"), "{taken}");
    assert!(taken.to_lowercase().contains("sec-websocket-protocol: codec-records\r\n"), "{taken}");
    assert!(answer(&request("/live?token=s3%63ret", "")).starts_with("HTTP/1.1 101"));
    assert!(answer(&request("/live?token=no", "")).starts_with("HTTP/1.1 401"));
    assert!(answer(&request("/other", offer)).starts_with("HTTP/1.1 404"));
    let elsewhere = format!("{offer}Origin: https://elsewhere\r\n");
    assert!(answer(&request("/live", &elsewhere)).starts_with("HTTP/1.1 403"));
    let here = format!("{offer}Origin: http://here\r\n");
    assert!(answer(&request("/live", &here)).starts_with("HTTP/1.1 101"));
}

/// Returns the error after a client sends these bytes after its handshake.
fn after_handshake(bytes: &[u8]) -> NetError {
    let (listener, url) = listen();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = connect(&url).unwrap();
            stream.write_all(request("/live?token=s3cret", "").as_bytes()).unwrap();
            let _ = stream.read(&mut [0; 2000]).unwrap();
            stream.write_all(bytes).unwrap();
            let _ = stream.read(&mut [0; 2000]);
        });
        let mut transport =
            WebSocketTransport::accept(accept(&listener), &access(), Role::Receiver).unwrap();
        transport.receive(LONG).unwrap_err()
    })
}

#[test]
fn frames_with_excessive_lengths_end_the_connection() {
    // Binary, masked, 2^62 bytes.
    let lie = [0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    let error = after_handshake(&lie);
    assert!(error.to_string().contains("Space limit"), "{error}");
    // A length of 9 MiB without data.
    let large = [0x82, 0xff, 0, 0, 0, 0, 0, 0x90, 0, 0, 1, 2, 3, 4];
    assert!(after_handshake(&large).to_string().contains("Space limit"));
    // Text, and an invalid record.
    assert!(after_handshake(&[0x81, 0x81, 0, 0, 0, 0, b'x']).to_string().contains("text"));
    let short = after_handshake(&[0x82, 0x81, 0, 0, 0, 0, b'x']);
    assert!(short.to_string().contains("not one complete record"), "{short}");
}
