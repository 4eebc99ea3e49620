//! Our framing ([`crate::framing`]) in binary WebSocket messages (RFC 6455): each message is a hello,
//! which describes the streams, or one record.
//!
//! A token is sent as `Authorization: Bearer TOKEN`; browsers, which cannot set that header, send
//! it as the subprotocol `token.TOKEN` in addition to [`SUBPROTOCOL`], or as `?token=TOKEN`.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::{HeaderValue, StatusCode, Uri, header};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Bytes, HandshakeError, Message, WebSocket};

use crate::error::NetError;
use crate::framing::{HEADER_BYTES, Hello, Item, MAX_MEDIA_BYTES, Parser, Record};
use crate::random::same_token;
use crate::socket::{Socket, is_not_ready};
use crate::transport::{HANDSHAKE_TIMEOUT, Incoming, Role, Transport, TransportStats};
use crate::url::{Url, query_value};

/// The subprotocol of our framing (RFC 6455, section 1.9).
pub const SUBPROTOCOL: &str = "codec-records";

/// Prefix of a browser's token.
const TOKEN_PREFIX: &str = "token.";

/// Maximum size of a message: a record.
const MAX_MESSAGE_BYTES: usize = MAX_MEDIA_BYTES + HEADER_BYTES + 4;

/// Maximum number of control or text messages between two records.
const MAX_IDLE_MESSAGES: u32 = 1000;

/// Access rules of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The required token; `None`: no authentication.
    pub token: Option<String>,
    /// The required path; `None`: any.
    pub path: Option<String>,
}

impl Access {
    fn check(&self, request: &Request) -> Result<(), (StatusCode, &'static str)> {
        if self.path.as_deref().is_some_and(|path| path != request.uri().path()) {
            return Err((StatusCode::NOT_FOUND, "not found"));
        }
        // A page of another site must not act with the permissions of its visitor.
        if let Some(origin) = text(request, header::ORIGIN) {
            let host = text(request, header::HOST).unwrap_or_default();
            let site = origin.split_once("://").map_or(origin, |(_, site)| site);
            if site != host {
                return Err((StatusCode::FORBIDDEN, "pages of other sites may not connect"));
            }
        }
        let Some(expected) = &self.token else { return Ok(()) };
        match token_of(request) {
            Some(given) if same_token(&given, expected) => Ok(()),
            Some(_) => Err((StatusCode::UNAUTHORIZED, "invalid token")),
            None => Err((StatusCode::UNAUTHORIZED, "a token is required")),
        }
    }
}

fn text(request: &Request, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

/// The subprotocols that a client offers.
fn offers(request: &Request) -> impl Iterator<Item = &str> {
    let values = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim)
}

/// The token of a request, from the first place that contains one.
fn token_of(request: &Request) -> Option<String> {
    let bearer = text(request, header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let offered = || {
        let found = offers(request).find_map(|offer| offer.strip_prefix(TOKEN_PREFIX));
        found.map(str::to_owned)
    };
    bearer.or_else(offered).or_else(|| query_value(request.uri().query()?, "token"))
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .write_buffer_size(0)
        .max_write_buffer_size(2 * MAX_MESSAGE_BYTES)
}

/// A WebSocket connection.
#[derive(Debug)]
pub struct WebSocketTransport {
    socket: WebSocket<Socket>,
    parser: Parser,
    peer: Option<SocketAddr>,
    stats: TransportStats,
}

impl WebSocketTransport {
    /// Requests a WebSocket from the server behind `socket`.
    ///
    /// # Errors
    ///
    /// The server's rejection, or an error of the connection.
    pub fn connect(
        mut socket: Socket,
        url: &Url,
        token: Option<&str>,
        role: Role,
    ) -> Result<Self, NetError> {
        let text = format!("{}://{}{}", url.scheme(), url.authority(), url.path());
        let wrong = |why: String| NetError::Protocol(format!("cannot connect to {text}: {why}"));
        let uri = text.parse::<Uri>().map_err(|error| wrong(error.to_string()))?;
        let request = uri.into_client_request();
        let mut request = request.map_err(|error| wrong(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value =
                value.map_err(|_| wrong("invalid token: expected printable ASCII".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let peer = socket.peer();
        socket.set_deadline(Some(Instant::now() + HANDSHAKE_TIMEOUT));
        match tungstenite::client::client_with_config(request, socket, Some(config())) {
            Ok((socket, _)) => Ok(Self::begin(socket, peer, role)),
            Err(HandshakeError::Interrupted(_)) => Err(wrong("timeout: no response".to_owned())),
            Err(HandshakeError::Failure(error)) => Err(handshake_error(error)),
        }
    }

    /// Answers a client's WebSocket request if `access` allows it.
    ///
    /// # Errors
    ///
    /// The reason of the rejection, or an error of the connection.
    pub fn accept(mut socket: Socket, access: &Access, role: Role) -> Result<Self, NetError> {
        let peer = socket.peer();
        socket.set_deadline(Some(Instant::now() + HANDSHAKE_TIMEOUT));
        let mut rejected = None;
        #[expect(clippy::result_large_err, reason = "the library's own signature")]
        let answer = |request: &Request, mut response: Response| {
            if let Err((status, why)) = access.check(request) {
                rejected = Some((status, why));
                return Err(error_response(status, why));
            }
            if offers(request).any(|offer| offer == SUBPROTOCOL) {
                let name = HeaderValue::from_static(SUBPROTOCOL);
                response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
            }
            Ok(response)
        };
        let result = tungstenite::accept_hdr_with_config(socket, answer, Some(config()));
        let result = result.map_err(|error| match error {
            HandshakeError::Interrupted(_) => None,
            HandshakeError::Failure(error) => Some(error),
        });
        match (result, rejected) {
            (Ok(socket), _) => Ok(Self::begin(socket, peer, role)),
            (Err(_), Some((status, why))) => {
                Err(NetError::Rejected { status: status.as_u16(), reason: why.to_owned() })
            }
            (Err(None), None) => {
                Err(NetError::Protocol("the client did not complete its request".to_owned()))
            }
            (Err(Some(error)), None) => Err(handshake_error(error)),
        }
    }

    fn begin(mut socket: WebSocket<Socket>, peer: Option<SocketAddr>, role: Role) -> Self {
        socket.get_mut().set_deadline(None);
        let parser = match role {
            Role::Sender => Parser::of_records(),
            Role::Receiver => Parser::new(),
        };
        Self { socket, parser, peer, stats: TransportStats::default() }
    }

    fn send_message(&mut self, message: Vec<u8>) -> Result<(), NetError> {
        self.socket.get_mut().block().map_err(NetError::io("cannot send"))?;
        let bytes = message.len() as u64;
        let sent = self.socket.send(Message::Binary(Bytes::from(message)));
        sent.map_err(|error| self.failure("cannot send", error))?;
        self.stats.bytes_sent += bytes;
        self.stats.packets_sent += 1;
        Ok(())
    }

    fn parse_message(&mut self, message: &[u8]) -> Result<Incoming, NetError> {
        self.stats.bytes_received += message.len() as u64;
        self.stats.packets_received += 1;
        let mut input = message;
        let item = self.parser.next(&mut input)?;
        let whole = item.filter(|_| input.is_empty());
        match whole {
            Some(Item::Hello(hello)) => Ok(Incoming::Hello(hello)),
            Some(Item::Record(record)) => Ok(Incoming::Record(record)),
            None => {
                let at = self.parser.consumed();
                let why = format!("at byte {at}: the message is not one complete record");
                Err(NetError::Protocol(why))
            }
        }
    }

    fn failure(&self, what: &str, error: tungstenite::Error) -> NetError {
        match error {
            tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
                NetError::Closed { bytes: self.parser.consumed() }
            }
            tungstenite::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                NetError::Closed { bytes: self.parser.consumed() }
            }
            tungstenite::Error::Io(error) => NetError::io(what)(error),
            tungstenite::Error::Protocol(
                tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            ) => NetError::Closed { bytes: self.parser.consumed() },
            other => NetError::Protocol(format!("{what}: {other}")),
        }
    }
}

fn error_response(status: StatusCode, why: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(format!("{why}\n")));
    *response.status_mut() = status;
    response
}

fn handshake_error(error: tungstenite::Error) -> NetError {
    match error {
        tungstenite::Error::Http(response) => {
            let status = response.status();
            let body = response.body().as_deref().unwrap_or_default();
            let body = String::from_utf8_lossy(body.get(..200.min(body.len())).unwrap_or_default());
            let line = body.lines().next().unwrap_or_default();
            let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
            let usual = || status.canonical_reason().unwrap_or("no reason given").to_owned();
            let why = if line.is_empty() { usual() } else { line };
            NetError::Rejected { status: status.as_u16(), reason: why }
        }
        tungstenite::Error::Io(error) => {
            NetError::io("cannot complete the WebSocket handshake")(error)
        }
        other => NetError::Protocol(format!("cannot complete the WebSocket handshake: {other}")),
    }
}

impl Transport for WebSocketTransport {
    fn hello(&mut self, hello: &Hello) -> Result<(), NetError> {
        let mut message = Vec::new();
        hello.write(&mut message).map_err(NetError::InvalidHello)?;
        self.send_message(message)
    }

    fn send(&mut self, record: &Record) -> Result<(), NetError> {
        let mut message = Vec::with_capacity(record.total_bytes());
        record.write(&mut message)?;
        self.send_message(message)
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, NetError> {
        self.socket.get_mut().wait_for(timeout).map_err(NetError::io("cannot receive"))?;
        for _ in 0..MAX_IDLE_MESSAGES {
            match self.socket.read() {
                Ok(Message::Binary(message)) => return self.parse_message(&message).map(Some),
                // The library answers pings; a close is followed by the end of the connection.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {
                }
                Ok(Message::Text(_)) => {
                    return Err(NetError::Protocol("unexpected text message".to_owned()));
                }
                Err(tungstenite::Error::Io(error)) if is_not_ready(&error) => return Ok(None),
                Err(error) => return Err(self.failure("cannot receive", error)),
            }
        }
        Err(NetError::Protocol("too many messages without a record".to_owned()))
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn stats(&self) -> TransportStats {
        self.stats
    }
}

impl Drop for WebSocketTransport {
    fn drop(&mut self) {
        // Send a close frame if possible, without waiting.
        if self.socket.get_mut().wait_for(Duration::ZERO).is_ok() {
            let _ = self.socket.close(None);
            let _ = self.socket.flush();
        }
    }
}

#[cfg(test)]
#[path = "websocket_tests.rs"]
mod tests;
