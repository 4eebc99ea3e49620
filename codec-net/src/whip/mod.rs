//! Client of WHIP (RFC 9725) and of WHEP, its counterpart for viewers: sends an offer over HTTP,
//! receives the answer, restarts ICE with a PATCH request, and ends the session with a DELETE request.
//!
//! ```no_run
//! use codec_net::whip::Client;
//!
//! # fn call(offer: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let url = "whip://127.0.0.1:8080/whip/live".parse()?;
//! let client = Client::new(&url, Some("a-long-secret"), None)?;
//! // `offer` comes from `codec_webrtc::Peer::offer`; pass `answer.sdp` to its `accept_answer`.
//! let mut answer = client.offer(offer)?;
//! answer.session.close()?;
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use ureq::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use ureq::{Agent, Body};

use crate::error::NetError;
use crate::http_client::reference::{resolve, same_origin};
use crate::http_client::{self, failure};
use crate::ice_server::IceLinks;
use crate::url::Url;

/// Maximum size of an answer in bytes.
pub const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// Timeout of the request that ends a session, whose response is not needed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Timeout of the request that restarts ICE: while the network is away, it is repeated.
const RESTART_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of redirects.
const MAX_REDIRECTS: usize = 3;

/// Maximum number of characters of a rejection that are shown.
const MAX_REASON: usize = 200;

/// Media type of session descriptions (RFC 8866, section 8.1).
const SDP: &str = "application/sdp";

/// Media type of fragments of them (RFC 8840, section 9).
const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// The endpoint that receives offers.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// A server's answer.
#[derive(Debug)]
pub struct Answer {
    /// The answer's SDP.
    pub sdp: String,
    /// The session at the server.
    pub session: Session,
    /// The STUN and TURN servers in the answer (RFC 9725, section 4.6).
    pub ice: IceLinks,
}

/// A session at a server, which is ended when dropped.
#[derive(Debug)]
pub struct Session {
    agent: Agent,
    /// URL of the session, if the server returned one.
    url: Option<String>,
    token: Option<String>,
}

impl Client {
    /// Creates a client for a `whip` or `whep` URL. `token` is sent with each request to its host;
    /// `ca`: PEM certificates that are trusted instead of the public authorities.
    ///
    /// # Errors
    ///
    /// [`NetError::Protocol`] if the token cannot be sent, or `ca` contains no certificate.
    pub fn new(url: &Url, token: Option<&str>, ca: Option<&[u8]>) -> Result<Self, NetError> {
        if token
            .is_some_and(|token| token.is_empty() || !token.bytes().all(|it| it.is_ascii_graphic()))
        {
            return Err(NetError::Protocol("invalid token: expected printable ASCII".to_owned()));
        }
        let agent = http_client::agent(ca, !url.is_plain_http())?;
        let token = token.map(str::to_owned);
        Ok(Self { agent, url: url.http(), token })
    }

    /// Sends an offer and returns the answer.
    ///
    /// # Errors
    ///
    /// [`NetError::Rejected`] with the server's reason, or an error of the connection.
    pub fn offer(&self, sdp: &str) -> Result<Answer, NetError> {
        let mut url = self.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let token = self.token.as_deref().filter(|_| same_origin(&self.url, &url));
            let mut response = self.post(&url, token, sdp)?;
            let status = response.status();
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|value| value.to_str().ok());
            let wrong = |what: &str| NetError::Protocol(format!("cannot use {url}: {what}"));
            if matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                let next = location.and_then(|location| resolve(&url, location));
                url = next.ok_or_else(|| wrong("invalid redirect"))?;
                continue;
            }
            if status != StatusCode::CREATED {
                let why = first_line(&mut response);
                return Err(NetError::Rejected { status: status.as_u16(), reason: why });
            }
            let place = location.and_then(|location| resolve(&url, location));
            let token = self
                .token
                .clone()
                .filter(|_| place.as_deref().is_some_and(|place| same_origin(&self.url, place)));
            // From here on the server has a session.
            let session = Session { agent: self.agent.clone(), url: place, token };
            let links = response.headers().get_all(header::LINK);
            let ice = IceLinks::read(links.iter().map(HeaderValue::as_bytes));
            let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES);
            let sdp = body.read_to_string().map_err(|error| failure(&url, error))?;
            return Ok(Answer { sdp, session, ice });
        }
        Err(NetError::Protocol(format!(
            "cannot use {}: more than {MAX_REDIRECTS} redirects",
            self.url
        )))
    }

    fn post(&self, url: &str, token: Option<&str>, sdp: &str) -> Result<Response<Body>, NetError> {
        let wrong = |error: ureq::http::Error| {
            NetError::Protocol(format!("invalid request to {url}: {error}"))
        };
        let request = request(Method::POST, url, token)
            .header(header::CONTENT_TYPE, SDP)
            .header(header::ACCEPT, SDP)
            .body(sdp)
            .map_err(wrong)?;
        self.agent.run(request).map_err(|error| failure(url, error))
    }
}

impl Session {
    /// Restarts ICE with the SDP fragment of this end (RFC 9725, section 4.3.3); returns the server's fragment, with its new
    /// credentials and candidates.
    ///
    /// # Errors
    ///
    /// The server's reason, or an error of the connection. A server that cannot restart ICE rejects the request with
    /// status 4xx or 501; the session continues.
    pub fn restart_ice(&self, fragment: &str) -> Result<String, NetError> {
        let url = self.url.as_deref().ok_or_else(|| {
            NetError::Protocol("cannot restart ICE: the answer had no session URL".to_owned())
        })?;
        let wrong = |error: ureq::http::Error| {
            NetError::Protocol(format!("invalid request to {url}: {error}"))
        };
        let request = request(Method::PATCH, url, self.token.as_deref())
            .header(header::CONTENT_TYPE, SDP_FRAGMENT)
            // For any ICE session.
            .header(header::IF_MATCH, "*")
            .body(fragment)
            .map_err(wrong)?;
        let request =
            self.agent.configure_request(request).timeout_global(Some(RESTART_TIMEOUT)).build();
        let mut response = self.agent.run(request).map_err(|error| failure(url, error))?;
        let status = response.status();
        if status != StatusCode::OK {
            let reason = first_line(&mut response);
            return Err(NetError::Rejected { status: status.as_u16(), reason });
        }
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES);
        body.read_to_string().map_err(|error| failure(url, error))
    }

    /// Ends the session at the server, if still open.
    ///
    /// # Errors
    ///
    /// The server's reason, or an error of the connection.
    pub fn close(&mut self) -> Result<(), NetError> {
        let Some(url) = self.url.take() else { return Ok(()) };
        let wrong = |error: ureq::http::Error| {
            NetError::Protocol(format!("invalid request to {url}: {error}"))
        };
        let request = request(Method::DELETE, &url, self.token.as_deref()).body(());
        let request = self
            .agent
            .configure_request(request.map_err(wrong)?)
            .timeout_global(Some(CLOSE_TIMEOUT))
            .build();
        let mut response = self.agent.run(request).map_err(|error| failure(&url, error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        Err(NetError::Rejected { status: status.as_u16(), reason: first_line(&mut response) })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Without this request the session ends by timeout.
        let _ = self.close();
    }
}

fn request(method: Method, url: &str, token: Option<&str>) -> ureq::http::request::Builder {
    let request = Request::builder().method(method).uri(url);
    match token {
        None => request,
        Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
    }
}

/// The reason of a rejection: from JSON (also RFC 9457), the first line of the body, or the name of
/// the status.
fn first_line(response: &mut Response<Body>) -> String {
    let status = response.status();
    let usual = || status.canonical_reason().unwrap_or("no reason given").to_owned();
    let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).lossy_utf8(true);
    let Ok(text) = body.read_to_string() else { return usual() };
    let json = serde_json::from_str::<serde_json::Value>(&text).ok();
    let reason = json.as_ref().and_then(|json| {
        ["error", "detail", "title"].iter().find_map(|key| json.get(*key)?.as_str())
    });
    let text = reason.unwrap_or(&text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let line = line.unwrap_or_default().chars().filter(|letter| !letter.is_control());
    let line: String = line.take(MAX_REASON).collect();
    if line.is_empty() { usual() } else { line }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    use super::*;
    use crate::ice_server::{IceServer, LinkError};

    /// A server with scripted responses, one per connection, that returns the requests.
    fn serve(answers: Vec<String>) -> (Url, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let asked = answers.into_iter().map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut text, mut buffer) = (String::new(), [0; 4096]);
                while !text.contains("\r\n\r\n")
                    || ["POST", "PATCH"].iter().any(|method| text.starts_with(method))
                        && !text.ends_with("v=0\r\n")
                {
                    let len = stream.read(&mut buffer).unwrap();
                    assert!(len > 0, "{text}");
                    text.push_str(std::str::from_utf8(&buffer[..len]).unwrap());
                }
                stream.write_all(answer.as_bytes()).unwrap();
                text
            });
            asked.collect()
        });
        (format!("whip://127.0.0.1:{port}/whip/x").parse().unwrap(), server)
    }

    fn answer(head: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    #[test]
    fn an_offer_is_redirected_and_answered_and_its_session_ended() {
        let (url, server) = serve(vec![
            answer("307 Temporary Redirect\r\nLocation: /whip/y", ""),
            answer(
                "201 Created\r\nLocation: ../session/1\r\nLink: <stun:one>; rel=ice-server\r\n\
                 Link: <turn:two:5000>; rel=ice-server; username=a; credential=b, \
                 <turn:three>; rel=ice-server",
                "v=0\r\na=answer\r\n",
            ),
            answer("200 OK", ""),
        ]);
        let client = Client::new(&url, Some("s3cret"), None).unwrap();
        let Answer { sdp, session, ice } = client.offer("v=0\r\n").unwrap();
        assert_eq!(sdp, "v=0\r\na=answer\r\n");
        let servers: Vec<String> = ice.servers.iter().map(IceServer::uri).collect();
        assert_eq!(servers, ["stun:one:3478", "turn:two:5000"]);
        assert_eq!(ice.rejected, [LinkError::NoCredentials]);
        drop(session);
        let asked = server.join().unwrap();
        for (text, line) in asked.iter().zip(["POST /whip/x ", "POST /whip/y ", "DELETE /"]) {
            assert!(text.starts_with(line), "{text}");
            assert!(
                text.to_ascii_lowercase().contains("authorization: bearer s3cret\r\n"),
                "{text}"
            );
        }
        assert!(asked[0].to_ascii_lowercase().contains("content-type: application/sdp\r\n"));
    }

    #[test]
    fn ice_is_restarted_by_a_fragment() {
        let (url, server) = serve(vec![
            answer("201 Created\r\nLocation: /session/1", "v=0\r\n"),
            answer("200 OK", "a=ice-ufrag:abcd\r\n"),
            answer("405 Method Not Allowed", ""),
            answer("200 OK", ""),
        ]);
        let session = Client::new(&url, Some("s3cret"), None).unwrap().offer("v=0\r\n").unwrap();
        let session = session.session;
        assert_eq!(session.restart_ice("v=0\r\n").unwrap(), "a=ice-ufrag:abcd\r\n");
        let error = session.restart_ice("v=0\r\n").unwrap_err();
        assert!(matches!(error, NetError::Rejected { status: 405, .. }), "{error}");
        drop(session);
        let asked = server.join().unwrap()[1].to_ascii_lowercase();
        assert!(asked.starts_with("patch /session/1 "), "{asked}");
        for line in [
            "if-match: *",
            "content-type: application/trickle-ice-sdpfrag",
            "authorization: bearer s3cret",
        ] {
            assert!(asked.contains(&format!("{line}\r\n")), "{asked}");
        }
    }

    #[test]
    fn rejections_are_reported_and_answers_bounded() {
        let offer = |answer: String| {
            let (url, server) = serve(vec![answer]);
            let result = Client::new(&url, None, None).unwrap().offer("v=0\r\n");
            drop(server.join());
            result.map(|answer| answer.sdp).unwrap_err().to_string()
        };
        let error = offer(answer("401 Unauthorized", "\r\na token is needed\nmore"));
        assert_eq!(error, "server responded with HTTP status 401: a token is needed");
        let error = offer(answer("403 Forbidden", r#"{"error":"not \"you\""}"#));
        assert_eq!(error, "server responded with HTTP status 403: not \"you\"");
        let error = offer(answer("404 Not Found", ""));
        assert_eq!(error, "server responded with HTTP status 404: Not Found");
        let error = offer(answer("307 Temporary Redirect\r\nLocation: ftp://x/", ""));
        assert!(error.contains("invalid redirect"), "{error}");
        let long = "a".repeat(70_000);
        let error = offer(answer("201 Created", &long));
        assert!(error.contains("limit"), "{error}");
    }
}
