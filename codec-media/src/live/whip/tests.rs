//! Calls whose network path to the server is interrupted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use codec_backends::registry;
use codec_container::{Format, VideoTrack};
use codec_core::codec::{Codec as VideoCodec, EncoderConfig};
use codec_core::frame::{Picture, Size};
use codec_net::link_emulator::{LinkEmulator, LinkEmulatorConfig};
use codec_net::server::{Config, RtcConfig, Server};
use codec_rtc::link::LinkSpec;

use super::*;

const SIZE: Size = Size { width: 64, height: 64 };
const FRAME: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(30);

/// A sender of video, and the notes of its output.
struct Sender {
    output: WhipOutput,
    frame: Packet,
    count: usize,
    notes: Vec<String>,
}

impl Sender {
    fn new(server: &Server) -> Self {
        Self::at(server.address())
    }

    fn at(server: SocketAddr) -> Self {
        let rate = Rational::new(50, 1);
        let config = EncoderConfig::rtc(SIZE, rate, Bitrate::kbps(300));
        let (_, open, _) = registry::find_encoder("vp8").unwrap();
        let mut encoder = open(&config).unwrap();
        let data = vec![90; usize::try_from(SIZE.i420_bytes()).unwrap()];
        let picture = Picture::i420_packed(SIZE, &data).unwrap();
        encoder.encode(&picture, &FrameRequest::at(0)).unwrap();
        let mut packet = Packet::default();
        assert!(encoder.receive(&mut packet));
        let track = VideoTrack::new(Format::Ivf, VideoCodec::Vp8, SIZE, rate.inverse());
        let offer = Offer { video: Some(track), audio: None, layers: 0 };
        let url = format!("whip://{server}/whip/x").parse().unwrap();
        let (args, clock) = (NetworkOptions::default(), Clock::start());
        let start = Some(Bitrate::kbps(300));
        let output =
            WhipOutput::new(&url, &args, &offer, start, true, clock, &Stop::default()).unwrap();
        Self { output, frame: packet, count: 0, notes: Vec::new() }
    }

    /// Sends key frames in real time until there is a note with `text`.
    fn send_until(&mut self, text: &str) {
        self.send(|sender| sender.notes.iter().any(|note| note.contains(text)), text);
    }

    fn send(&mut self, is_enough: impl Fn(&Self) -> bool, what: &str) {
        let end = Instant::now() + LONG;
        while !is_enough(self) {
            assert!(Instant::now() < end, "{what}: {:?}", self.notes);
            let now = self.output.shared.clock.now();
            let mut packet = self.frame.clone();
            packet.pts = i64::try_from(self.count).unwrap();
            self.output.video(now, &packet, now).unwrap();
            self.count += 1;
            while let Some(event) = self.output.poll() {
                match event {
                    OutputEvent::Note(text) => self.notes.push(text),
                    OutputEvent::Left(failure) => panic!("{failure}"),
                    _ => {}
                }
            }
            thread::sleep(FRAME);
        }
    }

    /// Sends until the server has answered media that were sent from now on.
    fn send_until_answered(&mut self) {
        let now = self.output.shared.clock.now() + FRAME;
        let last = |sender: &Self| sender.output.shared.state().call.peer.last_answer();
        self.send(|sender| last(sender) > Some(now), "no answer");
    }
}

/// Starts an HTTP proxy of a server that removes the client's addresses from all requests. The server does not check them then,
/// so that all paths go through the addresses that the client checks. Returns the address of the proxy.
fn without_addresses(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let mut upstream = TcpStream::connect(server).unwrap();
            upstream.write_all(&request_without_addresses(&client)).unwrap();
            let mut answer = Vec::new();
            upstream.read_to_end(&mut answer).unwrap();
            (&client).write_all(&answer).unwrap();
        }
    });
    address
}

/// Reads a request; returns it without addresses, for a connection that has no other one.
fn request_without_addresses(client: &TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        } else if line.trim().is_empty() {
            break;
        } else if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let is_kept = |line: &&str| !line.starts_with("a=candidate:") && !line.contains("trickle");
    let body: String = body.split_inclusive('\n').filter(is_kept).collect();
    format!("{head}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn an_interrupted_call_restarts_ice_in_its_session() {
    let loopback = Config::loopback();
    let announce = Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 77)));
    let rtc = RtcConfig { announce, ..loopback.rtc };
    let server = Server::start(Config { rtc, ..loopback }).unwrap();
    let announced = server.rtc_addresses()[0];
    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, announced.port()));
    let link = "rate=50M".parse::<LinkSpec>().unwrap().constant().unwrap();
    let link = LinkEmulatorConfig::symmetric(link, 1);
    let emulator = LinkEmulator::start(announced, upstream, &link).unwrap();
    let mut sender = Sender::at(without_addresses(server.address()));
    sender.send_until_answered();
    drop(emulator);
    sender.send_until("the connection is interrupted: restarting ICE");
    // The server sees other addresses of the sender from now on.
    let _emulator = LinkEmulator::start(announced, upstream, &link).unwrap();
    sender.send_until("connected again after");
    sender.send_until_answered();
    assert_eq!(sender.notes.len(), 2, "{:?}", sender.notes);
    Box::new(sender.output).finish("").unwrap();
}

#[test]
fn a_call_moves_to_the_address_of_another_route() {
    let server = Server::start(Config::loopback()).unwrap();
    let mut sender = Sender::new(&server);
    sender.send_until_answered();
    // As if the call had begun on a network that is gone.
    let now = sender.output.shared.clock.now();
    let gone = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 78));
    assert!(sender.output.shared.state().call.move_to(now, gone));
    sender.send_until("the network has changed: restarting ICE");
    sender.send_until("connected again after");
    sender.send_until_answered();
    assert_eq!(sender.notes.len(), 2, "{:?}", sender.notes);
    Box::new(sender.output).finish("").unwrap();
}

#[test]
fn a_call_that_the_server_ends_is_not_repeated() {
    let server = Server::start(Config::loopback()).unwrap();
    let mut sender = Sender::new(&server);
    sender.send_until_answered();
    drop(server);
    let end = Instant::now() + LONG;
    let failure = loop {
        match sender.output.poll() {
            Some(OutputEvent::Left(failure)) => break failure,
            Some(OutputEvent::Note(text)) => panic!("{text}"),
            _ => assert!(Instant::now() < end),
        }
        thread::sleep(STEP);
    };
    assert!(failure.message.contains("the call ended"), "{failure}");
}
