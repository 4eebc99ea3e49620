//! `send` and `recv` over WebRTC through `codec serve`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::net::{Running, packets};
use super::packet_loss::probabilities_kept;
use super::{Place, depth};

pub(super) const PUBLISH: &str = "publish-s3cret";
pub(super) const VIEW: &str = "view-s3cret";

/// A server with a token for each side and an audit log, and its address.
pub(super) struct Server {
    running: Running,
    address: String,
}

impl Server {
    pub(super) fn start(place: &Place, more: &[&str]) -> Self {
        Self::at(place, "127.0.0.1:0", more)
    }

    fn at(place: &Place, listen: &str, more: &[&str]) -> Self {
        let publish = format!("publish={PUBLISH}");
        let view = format!("view={VIEW}");
        let flags = ["serve", "--listen", listen, "--audit", "audit.log"];
        let tokens = ["--token", &publish, "--token", &view];
        let mut running = Running::start(&mut place.command(&[&flags[..], &tokens, more].concat()));
        let line = running.wait_for("http://");
        let (_, rest) = line.split_once("http://").unwrap();
        let end =
            rest.find(|letter: char| letter != ':' && letter != '.' && !letter.is_ascii_digit());
        let address = rest[..end.unwrap_or(rest.len())].to_owned();
        Self { running, address }
    }

    pub(super) fn room(&self) -> String {
        format!("whip://{}/room/team", self.address)
    }

    pub(super) fn whip(&self) -> String {
        format!("whip://{}/whip/x", self.address)
    }

    pub(super) fn whep(&self) -> String {
        format!("whep://{}/whep/x", self.address)
    }

    pub(super) fn stop(self) {
        interrupt(&self.running);
        self.running.end();
    }

    /// Ends without a message to its clients.
    fn crash(mut self) {
        self.running.child.kill().unwrap();
        self.running.child.wait().unwrap();
    }
}

pub(super) fn interrupt(running: &Running) {
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
}

/// Starts a publisher that runs until it is stopped.
fn publisher(place: &Place, server: &Server, more: &[&str]) -> Running {
    let send = ["send", "testsrc:size=160x120,audio=tone", &server.whip(), "--token", PUBLISH];
    let progress = ["--progress", "json", "-b", "800k"];
    let mut running = Running::start(&mut place.command(&[&send[..], &progress, more].concat()));
    running.wait_for("\"progress\"");
    running
}

/// Waits for a line of the server's log with all these words.
fn wait_for_line(place: &Place, words: &[&str]) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let log = String::from_utf8(place.read("audit.log")).unwrap();
        if log.lines().any(|line| words.iter().all(|word| line.contains(word))) {
            return;
        }
        assert!(Instant::now() < end, "no {words:?} in {log}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn published_streams_are_watched_with_their_audio() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let sending = publisher(&place, &server, &[]);
    let recv = ["recv", &server.whep(), "--token", VIEW, "-n", "60", "--progress", "json"];
    let record = || {
        let run = place.ok(&[&recv[..], &["-y", "-o", "out.webm"]].concat());
        let summary = run.err.lines().find(|line| line.contains("\"summary\"")).unwrap();
        let summary: serde_json::Value = serde_json::from_str(summary).unwrap();
        // Both ends share a clock: the delay from capture is known.
        assert!(summary["delay_ms"]["count"].as_u64() > Some(0), "{summary}");
        println!("{}", summary["delay_ms"]);
        let counts = packets(&place, "out.webm");
        assert_eq!(counts[0], 60, "{}", run.err);
        counts.get(1).copied().unwrap_or(0)
    };
    // 2 s, less the packets that waited for the announcement.
    let sound = record();
    assert!(sound >= 60, "{sound} audio packets");
    place.ok(&["decode", "out.webm", "--null"]);
    wait_for_line(&place, &["\"end\"", "\"whep\"", "closed"]);
    // Decoded immediately.
    place.ok(&["recv", &server.whep(), "--token", VIEW, "-n", "10", "-o", "out.y4m"]);
    assert!(super::y4m_frames(&place.read("out.y4m")).len() >= 10);
    interrupt(&sending);
    let (code, said) = sending.end();
    assert_eq!(code, 130, "{said}");
    wait_for_line(&place, &["\"end\"", "\"whip\"", "closed"]);
    server.stop();
}

/// A running TURN server.
struct Coturn {
    child: Child,
    /// Host and port.
    address: String,
}

/// A file of test certificates, for `localhost` and 127.0.0.1.
fn certificate(name: &str) -> String {
    format!("{}/../codec-net/testdata/{name}", env!("CARGO_MANIFEST_DIR"))
}

impl Coturn {
    /// Starts it and waits until it answers; `None`, with a message, if it is not installed. `has_udp`: whether
    /// clients may use UDP. They may use TCP and TLS on the same port.
    fn start(has_udp: bool) -> Option<Self> {
        // A port that is free now.
        let probe = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = probe.local_addr().unwrap().port().to_string();
        drop(probe);
        let started = Command::new("turnserver")
            .args(["-n", "--no-cli", "--no-dtls", "--allow-loopback-peers"])
            .args(["--lt-cred-mech", "--realm", "test", "--user", "someone:their-secret"])
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
            .args(["--listening-port", &port, "--tls-listening-port", &port])
            .args(["--cert", &certificate("ecdsa.pem"), "--pkey", &certificate("ecdsa.key")])
            .args(["--log-file", "stdout", "--pidfile", ""])
            .args(if has_udp { &[][..] } else { &["--no-udp"] })
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = started else {
            assert!(std::env::var_os("CODEC_COUNTERPARTS").is_none(), "no turnserver");
            eprintln!("skipped, no turnserver (package coturn): relays");
            return None;
        };
        let coturn = Self { child, address: format!("127.0.0.1:{port}") };
        let end = Instant::now() + Duration::from_secs(30);
        while !(coturn.answers_over_tcp() && (!has_udp || coturn.answers_over_udp())) {
            assert!(Instant::now() < end, "the TURN server does not answer");
            thread::sleep(Duration::from_millis(20));
        }
        Some(coturn)
    }

    /// Sends an allocation request (RFC 8489, section 2), which fails until the server listens.
    fn answers_over_udp(&self) -> bool {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let _ = socket.send_to(&allocation_request(), &self.address);
        socket.recv_from(&mut [0; 1024]).is_ok()
    }

    fn answers_over_tcp(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(&self.address) else { return false };
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let _ = stream.write_all(&allocation_request());
        stream.read(&mut [0; 1024]).is_ok_and(|len| len > 0)
    }
}

fn allocation_request() -> Vec<u8> {
    let mut request = vec![0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42];
    request.extend([7; 12]);
    request.extend([0, 0x19, 0, 4, 17, 0, 0, 0]); // REQUESTED-TRANSPORT: UDP
    request
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_turn_server_that_is_not_shared_is_named() {
    let place = Place::new();
    let Some(coturn) = Coturn::start(true) else { return };
    let flags = ["--turn", &coturn.address, "--turn-user", "someone"];
    let server =
        Server::start(&place, &[&flags[..], &["--turn-password", "their-secret"]].concat());
    let whip = format!("{}?relay", server.whip());
    let send = ["send", "testsrc:size=160x120,audio=tone", &whip, "--token", PUBLISH];
    place.fails(8, "no usable TURN server: not found in the answer", &send);
    server.stop();
}

#[test]
fn both_ends_use_the_turn_server_of_the_answer() {
    if depth::skips_long() {
        return;
    }
    let Some(coturn) = Coturn::start(true) else { return };
    both_ends_use(&coturn.address);
}

#[test]
fn both_ends_use_a_turn_server_over_tcp() {
    if depth::skips_long() {
        return;
    }
    let Some(coturn) = Coturn::start(false) else { return };
    both_ends_use(&format!("turn:{}?transport=tcp", coturn.address));
}

#[test]
fn both_ends_use_a_turn_server_over_tls() {
    if depth::skips_long() {
        return;
    }
    if depth::skips_long() {
        return;
    }
    let Some(coturn) = Coturn::start(false) else { return };
    both_ends_use(&format!("turns:{}", coturn.address));
}

/// Publishes and watches through the TURN server, which the server uses and shares.
fn both_ends_use(turn: &str) {
    let place = Place::new();
    let ca = certificate("ca.pem");
    let flags = ["--turn", turn, "--turn-user", "someone", "--turn-password", "their-secret"];
    let server = Server::start(&place, &[&flags[..], &["--turn-share", "--turn-ca", &ca]].concat());
    let whip = format!("{}?relay", server.whip());
    let send = ["send", "testsrc:size=160x120,audio=tone", &whip, "--token", PUBLISH, "--ca", &ca];
    let mut sending = Running::start(&mut place.command(&[&send[..], &["-b", "300k"]].concat()));
    // These neither announce their own address nor listen on it.
    sending.wait_for("connected");
    let whep = format!("{}?relay", server.whep());
    let recv = ["recv", &whep, "--token", VIEW, "--ca", &ca, "-n", "30", "-o", "out.ivf"];
    place.ok(&recv);
    assert_eq!(packets(&place, "out.ivf"), [30]);
    interrupt(&sending);
    assert_eq!(sending.end().0, 130);
    server.stop();
}

#[test]
fn a_turn_server_whose_certificate_is_not_trusted_is_named() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let Some(coturn) = Coturn::start(false) else { return };
    let turn = format!("turns:{}", coturn.address);
    let flags = ["--turn", &turn, "--turn-user", "someone", "--turn-password", "their-secret"];
    let ca = certificate("ca.pem");
    let server = Server::start(&place, &[&flags[..], &["--turn-share", "--turn-ca", &ca]].concat());
    let whip = format!("{}?relay", server.whip());
    // The public authorities do not know the certificate.
    let send = ["send", "testsrc:size=160x120", &whip, "--token", PUBLISH];
    place.fails(
        8,
        "cannot get a relay address from a TURN server: cannot connect to 127.0.0.1",
        &send,
    );
    server.stop();
}

#[test]
fn rejections_are_reported_with_the_http_status() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let send = ["send", "testsrc:size=32x32", &server.whip()];
    let viewer = [&send[..], &["--token", VIEW]].concat();
    place.fails(8, "server responded with HTTP status 403", &viewer);
    let recv = ["recv", &server.whep(), "--null", "--token", VIEW];
    place.fails(8, "server responded with HTTP status 404", &recv);
    // After these failures the server throttles authentication.
    place.fails(8, "server responded with HTTP status 401: a valid token is required", &send);
    let wrong = [&send[..], &["--token", "another-s3cret"]].concat();
    place.fails(8, "server responded with HTTP status 401", &wrong);
    place.fails(2, "send to whip://", &["send", "testsrc:size=32x32", &server.whep()]);
    place.fails(2, "receive from whep://", &["recv", &server.whip(), "--null"]);
    let netem = [&send[..], &["--netem", "loss=1%"]].concat();
    place.fails(2, "--netem cannot be used with whip", &netem);
    server.stop();
}

#[test]
fn a_sender_publishes_again_after_a_crash_of_the_server() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let mut sending = publisher(&place, &server, &[]);
    let address = server.address.clone();
    server.crash();
    let server = Server::at(&place, &address, &[]);
    sending.wait_for("the connection is interrupted: restarting ICE");
    sending.wait_for("connected in a new session");
    let recv = ["recv", &server.whep(), "--token", VIEW, "-n", "10", "-o", "out.ivf"];
    place.ok(&recv);
    assert_eq!(packets(&place, "out.ivf"), [10]);
    interrupt(&sending);
    assert_eq!(sending.end().0, 130);
    wait_for_line(&place, &["\"end\"", "\"whip\"", "closed"]);
    server.stop();
}

#[test]
fn each_end_ends_when_the_other_does() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let server = Server::start(&place, &[]);
    // The publisher has sent enough.
    let sending = publisher(&place, &server, &["--duration", "4s"]);
    let recv = ["recv", &server.whep(), "--token", VIEW, "-o", "out.ivf"];
    let (code, said) = Running::start(&mut place.command(&recv)).end();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the server ended the call"), "{said}");
    assert_eq!(sending.end().0, 0);
    assert!(packets(&place, "out.ivf")[0] > 0);
    // Encoded so that lost frames leave the rest decodable.
    let kept = probabilities_kept(&place.read("out.ivf"));
    assert!(kept.iter().any(|(is_key, _)| !is_key), "{kept:?}");
    assert!(kept.iter().all(|&(is_key, keeps)| is_key || !keeps), "{kept:?}");
    wait_for_line(&place, &["\"end\"", "\"whip\"", "closed"]);
    // The server stops.
    let sending = publisher(&place, &server, &[]);
    server.stop();
    let (code, said) = sending.end();
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("the call ended"), "{said}");
}
