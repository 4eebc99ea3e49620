//! Webhooks: a receiver checks what arrives.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use codec_net::server::media::VideoCodec;
use codec_net::server::room::StreamInfo;
use codec_net::server::{Config, Server, WebhookConfig};
use codec_net::socket::Socket;
use codec_net::tls::server_config;
use codec_rtc::sdp::base64;
use codec_webrtc::Direction;
use serde_json::Value;

use crate::caller::{Caller, plan};
use crate::client::{request, request_with};
use crate::depth;

const LONG: Duration = Duration::from_secs(20);

/// `whsec_` and Base64 of 32 bytes.
pub(crate) fn secret() -> String {
    format!("whsec_{}", base64::encode(&[9; 32]))
}

/// A request that arrived.
#[derive(Debug)]
struct Received {
    head: String,
    body: Value,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).unwrap().1
    }

    fn name(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }
}

/// Reads one request, and answers with `status`.
fn serve_one(
    stream: &mut (impl Read + Write),
    statuses: &mut impl Iterator<Item = u16>,
) -> Option<Received> {
    let mut reader = BufReader::new(&mut *stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return None;
        }
    }
    let mut received = Received { head, body: Value::Null };
    let mut body = vec![0; received.header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    received.body = serde_json::from_slice(&body).unwrap();
    let status = statuses.next().unwrap_or(204);
    let answer = format!(
        "HTTP/1.1 {status} X\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).ok()?;
    Some(received)
}

/// A receiver on a free port that answers with one status after the other, then with 204.
fn receiver(
    statuses: &[u16],
    wrap: impl Fn(TcpStream) -> Option<Socket> + Send + 'static,
) -> (SocketAddr, mpsc::Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, arrived) = mpsc::channel();
    let statuses = statuses.to_vec();
    std::thread::spawn(move || {
        let mut statuses = statuses.into_iter();
        for stream in listener.incoming() {
            let Some(mut socket) = wrap(stream.unwrap()) else { continue };
            let Some(received) = serve_one(&mut socket, &mut statuses) else { continue };
            if sender.send(received).is_err() {
                return;
            }
        }
    });
    (address, arrived)
}

fn plain(stream: TcpStream) -> Option<Socket> {
    Socket::plain(stream).ok()
}

fn reporting_to(url: &str, ca: Option<&[u8]>) -> Server {
    let webhook = Some(WebhookConfig::new(url, &secret(), ca).unwrap());
    Server::start(Config { webhook, ..Config::loopback() }).unwrap()
}

#[test]
fn members_chat_and_streams_are_reported_in_order() {
    let (address, arrived) = receiver(&[], plain);
    let server = reporting_to(&format!("http://{address}/hook?a=b"), None);
    let next = || arrived.recv_timeout(LONG).unwrap();
    let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: false };
    let publisher = server.hub().publish("demo", info, Box::new(|| {})).unwrap();
    let started = next();
    assert!(started.head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{}", started.head);
    assert_eq!(started.header("content-type"), "application/json");
    assert!(started.header("webhook-signature").starts_with("v1,"));
    assert!(started.header("webhook-timestamp").parse::<u64>().unwrap() > 1_700_000_000);
    assert_eq!(
        (started.name(), &started.body["data"]["stream"]),
        ("stream.started", &"demo".into())
    );
    drop(publisher);
    let ended = next();
    assert_eq!((ended.name(), &ended.body["sequence"]), ("stream.ended", &2.into()));
    assert_ne!(started.header("webhook-id"), ended.header("webhook-id"));
    let mut ann = Caller::call(&server, "/room/team", &[plan(Direction::ReceiveOnly)], None, false);
    assert!(ann.live(LONG, |it| it.lines.len() >= 2), "{:?}", ann.lines);
    ann.send(&serde_json::json!({ "type": "name", "name": "Ann" }));
    ann.send(&serde_json::json!({ "type": "chat", "text": "hello" }));
    assert!(ann.live(LONG, |it| it.lines.iter().any(|line| line["type"] == "chat")));
    assert_eq!(request(server.address(), "DELETE", &ann.session, &[]).status, 200);
    let seen = [next(), next(), next()];
    for (seen, name) in seen.iter().zip(["room.joined", "room.message", "room.left"]) {
        let data = &seen.body["data"];
        assert_eq!(
            (seen.name(), &data["name"], &data["room"]),
            (name, &"Ann".into(), &"team".into())
        );
    }
    assert_eq!(seen[1].body["data"]["text"], "hello");
    assert_eq!(seen[2].body["data"]["reason"], "closed by the remote endpoint");
    // The thread counts after the answer: the next event is delivered after that.
    drop(server.hub().publish("last", info, Box::new(|| {})).unwrap());
    assert_eq!((next().name(), next().name()), ("stream.started", "stream.ended"));
    let metrics = request(server.address(), "GET", "/metrics", &[]).body;
    assert!(metrics.contains("codec_webhook_events_total{outcome=\"dropped\"} 0\n"), "{metrics}");
    assert!(metrics.contains("codec_webhook_events_total{outcome=\"delivered\"} "), "{metrics}");
    server.stop();
}

#[test]
fn a_failed_attempt_is_repeated_with_its_id_and_a_rejected_event_is_dropped() {
    let (address, arrived) = receiver(&[503, 204, 400], plain);
    let server = reporting_to(&format!("http://{address}/"), None);
    let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: false };
    drop(server.hub().publish("demo", info, Box::new(|| {})).unwrap());
    drop(server.hub().publish("demo", info, Box::new(|| {})).unwrap());
    let seen: Vec<_> = (0..5).map(|_| arrived.recv_timeout(LONG).unwrap()).collect();
    let sequence: Vec<_> = seen.iter().map(|it| it.body["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, [1, 1, 2, 3, 4]);
    assert_eq!(seen[0].header("webhook-id"), seen[1].header("webhook-id"));
    let line = server.next_notice().unwrap();
    assert!(
        line.contains("stream.ended") && line.contains("after 1 attempt: status 400"),
        "{line}"
    );
    assert!(!line.contains(&address.to_string()));
    let metrics = request(server.address(), "GET", "/metrics", &[]).body;
    for line in ["{outcome=\"dropped\"} 1\n", "codec_webhook_retries_total 1\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[test]
fn the_end_of_the_server_delivers_what_waits() {
    if depth::skips_long() {
        return;
    }
    let (address, arrived) = receiver(&[], plain);
    let server = reporting_to(&format!("http://{address}/"), None);
    let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: false };
    let _publishers: Vec<_> = (0..20)
        .map(|at| server.hub().publish(&format!("s{at}"), info, Box::new(|| {})).unwrap())
        .collect();
    server.stop();
    // The publishers are still there: their streams end with the server.
    let events: Vec<_> = arrived.try_iter().map(|it| it.body["type"].clone()).collect();
    for kind in ["stream.started", "stream.ended"] {
        assert_eq!(events.iter().filter(|it| **it == kind).count(), 20, "{kind}: {events:?}");
    }
    // A receiver that does not exist.
    let server = reporting_to("http://127.0.0.1:9/", None);
    drop(server.hub().publish("demo", info, Box::new(|| {})).unwrap());
    server.stop();
}

#[test]
fn webhooks_use_tls_with_a_private_authority() {
    if depth::skips_long() {
        return;
    }
    let tls = server_config(
        include_bytes!("../../testdata/ecdsa.pem"),
        include_bytes!("../../testdata/ecdsa.key"),
    );
    let tls = tls.unwrap();
    let (address, arrived) =
        receiver(&[], move |stream| Socket::tls_server(stream, tls.clone()).ok());
    let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: false };
    let url = format!("https://127.0.0.1:{}/", address.port());
    // The public authorities have not signed the receiver's certificate.
    let server = reporting_to(&url, None);
    drop(server.hub().publish("unseen", info, Box::new(|| {})).unwrap());
    server.stop();
    let server = reporting_to(&url, Some(include_bytes!("../../testdata/ca.pem")));
    drop(server.hub().publish("demo", info, Box::new(|| {})).unwrap());
    let first = arrived.recv_timeout(LONG).unwrap();
    assert_eq!(first.body["data"]["stream"], "demo");
}

/// The recipe, which ends with this value.
struct Recipe {
    child: Child,
    url: String,
    /// Open for its messages.
    _errors: BufReader<ChildStderr>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Drop for Recipe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Recipe {
    /// Starts it with these arguments; `None` without Python.
    fn start(arguments: &[&str]) -> Option<Self> {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recipes/webhook_receiver.py");
        let python = std::env::var("CODEC_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut command = Command::new(python);
        command.arg(script).args(["--port", "0"]).args(arguments);
        command.env("CODEC_WEBHOOK_SECRET", secret()).stdin(Stdio::null());
        let Ok(mut child) = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
            assert!(std::env::var_os("CODEC_COUNTERPARTS").is_none(), "no Python: see .ci/run");
            eprintln!("skipped, no Python: the recipe of webhooks");
            return None;
        };
        let mut said = String::new();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        errors.read_line(&mut said).unwrap();
        let url = said.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{said}"));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Some(Self { child, url: url.to_owned(), _errors: errors, lines })
    }

    fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
    }
}

#[test]
fn the_recipe_passes_signed_events_on_and_rejects_forged_ones() {
    let Some(mut recipe) = Recipe::start(&["--only", "stream.ended"]) else { return };
    let body = "{\"type\":\"stream.ended\"}";
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let signature = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for time in [now.to_string(), (now - 600).to_string(), "soon".to_owned()] {
        let headers =
            [("webhook-id", "1"), ("webhook-timestamp", &*time), ("webhook-signature", signature)];
        let forged = request_with(recipe.address(), "POST", "/", &headers, body);
        assert_eq!(forged.status, 401, "{time}");
    }
    assert_eq!(request_with(recipe.address(), "POST", "/", &[], body).status, 401);
    let server = reporting_to(&recipe.url, None);
    let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: false };
    drop(server.hub().publish("demo", info, Box::new(|| {})).unwrap());
    let line: Value = serde_json::from_str(&recipe.lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&line["type"], &line["sequence"]), (&"stream.ended".into(), &2.into()));
    assert_eq!(line["data"]["stream"], "demo");
    server.stop();

    // A gateway, here `cat`, gets the event as its input.
    let Some(mut recipe) = Recipe::start(&["--", "cat"]) else { return };
    let server = reporting_to(&recipe.url, None);
    drop(server.hub().publish("sms", info, Box::new(|| {})).unwrap());
    let text = recipe.lines.next().unwrap().unwrap();
    assert!(text.contains("\"stream\": \"sms\""), "{text}");
    server.stop();
}
