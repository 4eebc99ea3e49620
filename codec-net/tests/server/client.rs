//! An HTTP client that can also violate the protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use codec_net::server::auth::{Access, Grants};
use codec_net::server::limits::Limits;
use codec_net::server::{Config, Server};

pub(crate) const VIEW: &str = "view-token-1";
pub(crate) const PUBLISH: &str = "publish-token-1";
pub(crate) const ADMIN: &str = "admin-token-1";

/// A server with a token for each scope.
pub(crate) fn guarded() -> Server {
    guarded_within(Limits::default())
}

/// The same with other limits.
pub(crate) fn guarded_within(limits: Limits) -> Server {
    let mut access = Access::open();
    for (token, scopes) in [(VIEW, "view"), (PUBLISH, "publish"), (ADMIN, "admin")] {
        access.add_token(token, Grants::parse(scopes).unwrap()).unwrap();
    }
    Server::start(Config { access, limits, ..Config::loopback() }).unwrap()
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Sends a request unchanged, and reads to the end of the connection.
pub(crate) fn raw(address: SocketAddr, request: &str) -> Answer {
    let mut stream = connect(address);
    // A server that rejects early does not read all of it.
    let _ = stream.write_all(request.as_bytes());
    let mut bytes = Vec::new();
    // A server that closes early resets the connection.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    request_with(address, method, path, headers, "")
}

pub(crate) fn request_with(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text += &format!("host: {address}\r\n");
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("content-length: {}\r\n\r\n{body}", body.len());
    raw(address, &text)
}

pub(crate) fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}
