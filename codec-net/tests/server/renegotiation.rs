//! Renegotiation between a `codec_webrtc::Peer` and browsers: videos and directions of a running session, offered by both
//! ends, with ICE restarts between them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::MutexGuard;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, FrameRequest, VideoDecoder, VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_net::clock::Clock;
use codec_rtc::extension::Extensions;
use codec_rtc::packet::vp8::{Descriptor, Packetizer, PacketizerConfig, PictureId};
use codec_webrtc::{
    ChannelSettings, Codec, Direction, Event, KeyFrameRequestKind, Mid, Peer, PeerConfig,
    RtpPacket, SendError,
};
use serde_json::{Value, json};

use crate::browser::Place;
use crate::browsers::Browser;
use crate::caller::{peer_config, plan};
use crate::peers::{draw, scripts, turn};

#[path = "../../examples/browser_call.rs"]
#[expect(dead_code, unreachable_pub, reason = "a program of its own; `main` prints")]
mod browser_call;

/// Longest time until a condition has to be met.
const PATIENCE: Duration = Duration::from_secs(30);
const FRAME: Duration = Duration::from_millis(50);
/// Number of frames after which a video plays.
const FRAMES: u64 = 8;
/// Size of the fake camera of Chromium.
const CAMERA: Size = Size { width: 320, height: 180 };

/// A page in a browser, which answers calls in order.
struct Page {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    _turn: MutexGuard<'static, ()>,
}

impl Page {
    fn open(browser: &str, place: &Place) -> Self {
        Self::open_with(browser, place, None)
    }

    /// `url`: that of a page of its own.
    fn open_with(browser: &str, place: &Place, url: Option<&str>) -> Self {
        let turn = turn();
        let mut command = Command::new("node");
        command.arg(scripts().join("renegotiation.mjs")).arg(browser);
        command.arg(place.camera_of(CAMERA)).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.args(url);
        let mut child = command.spawn().unwrap();
        let (sender, answers) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        let input = child.stdin.take();
        Self { child, input, answers, _turn: turn }
    }

    fn begin(&mut self, name: &str, arguments: &Value) {
        let line = json!({ "call": name, "args": arguments });
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Calls before the session.
    fn ask(&mut self, name: &str, arguments: &Value) -> Value {
        self.begin(name, arguments);
        value(&self.answers.recv_timeout(PATIENCE).unwrap()).unwrap()
    }

    fn close(mut self) {
        self.input = None;
        assert!(self.child.wait().unwrap().success());
    }
}

/// A video that the test sends.
struct Sender {
    mid: Mid,
    payload_type: u8,
    size: Size,
    encoder: Box<dyn VideoEncoder>,
    packetizer: Packetizer,
    frames: u32,
    needs_key_frame: bool,
}

impl Sender {
    fn new(mid: Mid, payload_type: u8, size: Size) -> Self {
        let config = EncoderConfig::new(size.width, size.height)
            .bitrate(Bitrate::kbps(150))
            .timebase(Rational::new(1, 90_000));
        let encoder = codec_vp8::encoder::open(&config).unwrap();
        let config = PacketizerConfig {
            mtu: Peer::MAX_PAYLOAD_BYTES,
            payload_type,
            ..PacketizerConfig::default()
        };
        let packetizer = Packetizer::new(config).unwrap();
        let needs_key_frame = true;
        Self { mid, payload_type, size, encoder, packetizer, frames: 0, needs_key_frame }
    }

    /// Sends a frame if the section has this direction.
    fn send(&mut self, peer: &mut Peer, now: Duration) {
        if !peer.media(self.mid).is_some_and(|media| media.direction.sends()) {
            self.needs_key_frame = true;
            return;
        }
        let ticks = u32::try_from(now.as_micros() * 9 / 100).unwrap();
        let samples = draw(self.size, self.frames);
        let picture = Picture::i420_packed(self.size, &samples).unwrap();
        let mut request = FrameRequest::at(i64::from(ticks));
        request.key_frame = std::mem::take(&mut self.needs_key_frame);
        self.encoder.encode(&picture, &request).unwrap();
        let mut packets = Vec::new();
        for packet in self.encoder.packets() {
            self.packetizer.packetize(&packet.data, &packet.meta, ticks, &mut packets).unwrap();
        }
        self.frames += 1;
        let none = Extensions::default();
        match peer.send_video(now, self.mid, self.payload_type, &packets, now, &none) {
            Ok(_) | Err(SendError::NotConnected) => {}
            Err(error) => assert!(packets.is_empty(), "{error}"),
        }
    }
}

/// A video that the test receives.
struct Received {
    decoder: Box<dyn VideoDecoder>,
    frame: Vec<u8>,
    next: Option<u64>,
    /// `PictureID` of the frame before: a sender that stops drops frames before they have sequence numbers.
    picture: Option<PictureId>,
    /// Number of decoded frames.
    decoded: u32,
    /// Size of the last one.
    size: Option<Size>,
}

impl Received {
    fn new() -> Self {
        let decoder = codec_vp8::decoder::open(&DecoderConfig::default()).unwrap();
        Self { decoder, frame: Vec::new(), next: None, picture: None, decoded: 0, size: None }
    }

    /// Decodes a packet; returns whether a key frame is needed.
    fn take(&mut self, packet: &RtpPacket) -> bool {
        if packet.payload.is_empty() {
            return false;
        }
        let (descriptor, data) = Descriptor::parse(&packet.payload).unwrap();
        let is_next = self.next.is_none_or(|next| next == packet.sequence);
        let starts = descriptor.start_of_partition && descriptor.partition == 0;
        let is_key = starts && data.first().is_some_and(|byte| byte & 1 == 0);
        let steps = self.picture.zip(descriptor.picture_id).map(|(last, id)| id.steps_from(last));
        let is_next = is_next && steps.is_none_or(|steps| steps == u16::from(starts));
        if !(is_key || is_next && self.next.is_some()) {
            self.next = None;
            return true;
        }
        self.next = Some(packet.sequence + 1);
        if starts {
            self.frame.clear();
            self.picture = descriptor.picture_id;
        }
        self.frame.extend(data);
        if packet.header.marker {
            let ticks = i64::from(packet.header.timestamp);
            // As any receiver on a network, it continues with a key frame.
            if let Err(error) = self.decoder.decode(&self.frame, ticks, None) {
                eprintln!("section {}, packet {}: {error}", packet.mid, packet.sequence);
                self.next = None;
                return true;
            }
            while let Some(frame) = self.decoder.receive() {
                self.decoded += 1;
                self.size = Some(frame.picture().size());
            }
        }
        false
    }
}

/// A call between a peer on a socket and a page.
struct Call {
    clock: Clock,
    socket: UdpSocket,
    peer: Peer,
    page: Page,
    senders: Vec<Sender>,
    received: BTreeMap<String, Received>,
    /// Sections that the peer has reported.
    sections: Vec<Mid>,
    next_frame: Duration,
    requested: Duration,
}

impl Call {
    /// The page calls, with these media in its first offer.
    fn of_page(mut page: Page, first: &[(&str, &str)]) -> Self {
        page.ask("start", &json!([]));
        for (kind, direction) in first {
            page.ask("add", &json!([kind, direction]));
        }
        let offer = page.ask("offer", &json!([]));
        let (clock, socket, config) = Self::endpoint();
        let (peer, answer) = Peer::answer(offer.as_str().unwrap(), &config, clock.now()).unwrap();
        page.ask("accept", &json!([answer]));
        Self::connected(page, clock, socket, peer, first.len())
    }

    /// The peer calls, with a data channel only.
    fn of_peer(mut page: Page) -> Self {
        let (clock, socket, config) = Self::endpoint();
        let channels = [ChannelSettings::reliable("signalling")];
        let offered = Peer::offer(&config, &[], &channels, clock.now());
        let (mut peer, offer, pending, _) = offered.unwrap();
        page.ask("start", &json!([]));
        let answer = page.ask("answer", &json!([offer]));
        peer.accept_answer(pending, answer.as_str().unwrap(), clock.now()).unwrap();
        Self::connected(page, clock, socket, peer, 0)
    }

    fn endpoint() -> (Clock, UdpSocket, PeerConfig) {
        let (clock, socket) = (Clock::start(), UdpSocket::bind("127.0.0.1:0").unwrap());
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let mut config = peer_config(&socket, clock);
        // Each video of the page has two, and other ones after it was stopped.
        config.limits.sources = 64;
        (clock, socket, config)
    }

    fn connected(page: Page, clock: Clock, socket: UdpSocket, peer: Peer, sections: usize) -> Self {
        let mut call = Self {
            clock,
            socket,
            peer,
            page,
            senders: Vec::new(),
            received: BTreeMap::new(),
            sections: Vec::new(),
            next_frame: Duration::ZERO,
            requested: Duration::ZERO,
        };
        call.until("connected", |call| {
            let is_ready = call.peer.is_connected() && call.sections.len() == sections;
            if is_ready { Ok(()) } else { Err(format!("{:?}", call.sections)) }
        });
        call
    }

    /// Exchanges media until the page has answered.
    fn try_ask(&mut self, name: &str, arguments: &Value) -> Result<Value, String> {
        self.page.begin(name, arguments);
        let end = Instant::now() + PATIENCE;
        loop {
            match self.page.answers.try_recv() {
                Ok(line) => return value(&line),
                Err(TryRecvError::Empty) => {
                    assert!(Instant::now() < end, "no answer of the page: {name}");
                    self.step();
                }
                Err(TryRecvError::Disconnected) => panic!("the page is closed: {name}"),
            }
        }
    }

    fn ask(&mut self, name: &str, arguments: &Value) -> Value {
        let shown = arguments.to_string();
        let result = self.try_ask(name, arguments);
        result.unwrap_or_else(|error| {
            panic!("{name}: {error}\n{}", shown.replace("\\r\\n", "\n"));
        })
    }

    fn ask_text(&mut self, name: &str, arguments: &Value) -> String {
        self.ask(name, arguments).as_str().unwrap().to_owned()
    }

    /// Exchanges media until a condition holds.
    fn until<T>(&mut self, what: &str, mut check: impl FnMut(&mut Self) -> Result<T, String>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            self.step();
            match check(self) {
                Ok(found) => return found,
                Err(seen) => assert!(Instant::now() < end, "{what}: {seen}"),
            }
        }
    }

    /// Exchanges media for some milliseconds.
    fn step(&mut self) {
        let now = self.clock.now();
        if self.peer.poll_timeout().is_some_and(|due| due <= now) {
            self.peer.handle_timeout(now);
        }
        if now >= self.next_frame {
            self.next_frame = now + FRAME;
            for sender in &mut self.senders {
                sender.send(&mut self.peer, now);
            }
        }
        while let Some(event) = self.peer.poll_event() {
            self.event(event);
        }
        while let Some(transmit) = self.peer.poll_transmit() {
            let _ = self.socket.send_to(&transmit.payload, transmit.destination);
        }
        let (own, mut datagram) = (self.socket.local_addr().unwrap(), [0; 2048]);
        for _ in 0..50 {
            let Ok((len, source)) = self.socket.recv_from(&mut datagram) else { break };
            self.peer.handle_datagram(self.clock.now(), source, own, &datagram[..len]);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Media(media) => self.sections.push(media.mid),
            Event::KeyFrameRequest { mid, .. } => {
                for sender in self.senders.iter_mut().filter(|sender| sender.mid == mid) {
                    sender.needs_key_frame = true;
                }
            }
            Event::Rtp(packet) if packet.codec == Codec::Vp8 => {
                let of_section = self.received.entry(packet.mid.to_string());
                let is_lost = of_section.or_insert_with(Received::new).take(&packet);
                let now = self.clock.now();
                if is_lost && now >= self.requested {
                    self.requested = now + Duration::from_millis(200);
                    let kind = KeyFrameRequestKind::Pli;
                    let _ = self.peer.request_key_frame_of(now, packet.header.ssrc, kind);
                }
            }
            Event::Closed(reason) => panic!("{reason}"),
            _ => {}
        }
    }

    /// The peer offers changes, which the page answers; returns the added sections.
    fn peer_changes(&mut self, added: &[Direction], directions: &[(Mid, Direction)]) -> Vec<Mid> {
        let plans: Vec<_> = added.iter().map(|direction| plan(*direction)).collect();
        let before = self.sections.len();
        let offered = self.peer.offer_changes(&plans, directions, self.clock.now());
        let (offer, pending) = offered.unwrap();
        let answer = self.ask_text("answer", &json!([offer]));
        let accepted = self.peer.accept_answer(pending, &answer, self.clock.now());
        accepted.unwrap_or_else(|error| panic!("{error}\n{offer}\n{answer}"));
        self.step();
        assert_eq!(self.sections.len(), before + added.len(), "{answer}");
        self.sections[before..].to_vec()
    }

    /// The page offers what has changed in it, and the peer answers.
    fn page_changes(&mut self) -> Vec<Mid> {
        let before = self.sections.len();
        let offer = self.ask_text("offer", &json!([]));
        let answered = self.peer.answer_changes(&offer, self.clock.now());
        let answer = answered.unwrap_or_else(|error| panic!("{error}\n{offer}"));
        self.ask("accept", &json!([answer]));
        self.step();
        self.sections[before..].to_vec()
    }

    /// Sends a video on a section.
    fn send(&mut self, mid: Mid, size: Size) {
        let payload_type = self.peer.media(mid).unwrap().vp8().unwrap().payload_type;
        self.senders.push(Sender::new(mid, payload_type, size));
    }

    fn section(&mut self, mid: Mid) -> Value {
        let sections = self.ask("sections", &json!([]));
        let mut of = sections.as_array().unwrap().iter();
        of.find(|section| section["mid"] == mid.to_string()).unwrap().clone()
    }

    /// Waits until the page has decoded further frames of this size.
    fn page_plays(&mut self, mid: Mid, size: Size) {
        let before = self.section(mid)["decoded"].as_u64().unwrap();
        self.until("the page plays a video", |call| {
            let seen = call.section(mid);
            let has_size = seen["width"] == size.width && seen["height"] == size.height;
            let plays = seen["decoded"].as_u64() >= Some(before + FRAMES) && has_size;
            if plays { Ok(()) } else { Err(seen.to_string()) }
        });
    }

    /// Waits until the peer has decoded further frames.
    fn peer_plays(&mut self, mid: Mid) -> Size {
        let decoded =
            |call: &Self| call.received.get(&mid.to_string()).map_or(0, |it| u64::from(it.decoded));
        let before = decoded(self);
        self.until("the peer decodes a video", |call| {
            let seen = decoded(call);
            if seen >= before + FRAMES { Ok(()) } else { Err(format!("{before}, {seen} frames")) }
        });
        self.received[&mid.to_string()].size.unwrap()
    }

    /// Checks that a section is inactive, and that its media stop.
    fn is_silent(&mut self, mid: Mid) {
        assert_eq!(self.peer.media(mid).unwrap().direction, Direction::Inactive);
        let counts = |call: &mut Self| {
            let seen = call.section(mid);
            assert_eq!(seen["direction"], "inactive", "{seen}");
            let decoded = call.received.get(&mid.to_string()).map_or(0, |it| it.decoded);
            (seen["packets"].clone(), seen["sent"].clone(), decoded)
        };
        let mut before = counts(self);
        let mut since = Instant::now();
        self.until("media stop", |call| {
            let now = counts(call);
            if now != before {
                (before, since) = (now, Instant::now());
            }
            let is_silent = since.elapsed() > Duration::from_millis(300);
            if is_silent { Ok(()) } else { Err(format!("{before:?}")) }
        });
    }

    /// The page restarts ICE, which one of the functions answers; returns the added sections.
    fn page_restarts(&mut self, function: &str) -> Vec<Mid> {
        let sections = self.sections.len();
        let before = self.ask("state", &json!([]))["ufrag"].clone();
        let offer = self.ask_text("offer", &json!([{ "iceRestart": true }]));
        let now = self.clock.now();
        let answered = match function {
            "answer_changes" => self.peer.answer_changes(&offer, now),
            _ => self.peer.answer_ice_restart(&offer, now),
        };
        let answer = answered.unwrap_or_else(|error| panic!("{error}\n{offer}"));
        self.ask("accept", &json!([answer]));
        assert_ne!(self.ask("state", &json!([]))["ufrag"], before);
        self.is_connected();
        self.sections[sections..].to_vec()
    }

    fn is_connected(&mut self) {
        self.until("connected", |call| {
            let state = call.ask("state", &json!([]));
            let is_stable = state["connection"] == "connected" && state["signalling"] == "stable";
            if is_stable { Ok(()) } else { Err(state.to_string()) }
        });
    }
}

/// The value of an answer of the page.
fn value(line: &str) -> Result<Value, String> {
    let mut answer: Value = serde_json::from_str(line).unwrap();
    match answer["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(answer["value"].take()),
    }
}

fn size(width: u32, height: u32) -> Size {
    Size { width, height }
}

/// Videos in both directions, added by both ends in a call that began without any.
fn videos_are_added(browser: &str, page_calls: bool) {
    let place = Place::new(&format!("renegotiation-{browser}-{page_calls}"));
    let page = Page::open(browser, &place);
    let mut call = if page_calls { Call::of_page(page, &[]) } else { Call::of_peer(page) };
    let [first, second] = [size(320, 180), size(240, 136)];
    let screen = call.peer_changes(&[Direction::SendOnly], &[])[0];
    call.send(screen, first);
    call.page_plays(screen, first);
    call.ask("add", &json!(["video", "sendonly"]));
    let camera = call.page_changes()[0];
    let seen = call.peer_plays(camera);
    if browser == "chromium" {
        assert_eq!(seen, CAMERA);
    }
    call.page_plays(screen, first);
    // Several at once, in both directions.
    let both = call.peer_changes(&[Direction::SendReceive, Direction::SendOnly], &[]);
    call.send(both[0], second);
    call.send(both[1], first);
    for (mid, size) in [(screen, first), (both[0], second), (both[1], first)] {
        call.page_plays(mid, size);
    }
    if browser == "chromium" {
        call.page_restarts("answer_ice_restart");
    }
    call.ask("addTo", &json!([both[0].to_string()]));
    call.ask("add", &json!(["video", "sendonly"]));
    let third = call.page_changes()[0];
    for mid in [camera, both[0], third] {
        call.peer_plays(mid);
    }
    call.page_plays(both[1], first);
    call.page.close();
}

/// Waits until both ends play the video of the other in a section.
fn both_play(call: &mut Call, mid: Mid, size: Size) {
    call.page_plays(mid, size);
    call.peer_plays(mid);
}

/// Directions change by both ends, with ICE restarts, damaged offers and stopped sections between.
fn directions_change(browser: &str) {
    let place = Place::new(&format!("directions-{browser}"));
    let page = Page::open(browser, &place);
    let mut call = Call::of_page(page, &[("video", "sendrecv")]);
    let shown = size(240, 136);
    let first = call.sections[0];
    call.send(first, shown);
    both_play(&mut call, first, shown);
    // By the peer; what the page offers meanwhile does not change it.
    call.peer_changes(&[], &[(first, Direction::Inactive)]);
    call.is_silent(first);
    // Firefox loses the path of a restart at times on a busy machine.
    let restarts = browser == "chromium";
    if restarts {
        call.page_restarts("answer_ice_restart");
    }
    call.ask("add", &json!(["video", "sendonly"]));
    let camera = call.page_changes()[0];
    call.peer_plays(camera);
    call.is_silent(first);
    call.peer_changes(&[], &[(first, Direction::SendReceive)]);
    both_play(&mut call, first, shown);
    // By the page, also of a section of the peer.
    let screen = call.peer_changes(&[Direction::SendOnly], &[])[0];
    call.send(screen, shown);
    call.page_plays(screen, shown);
    for (mid, direction) in [(first, "sendrecv"), (screen, "recvonly")] {
        call.ask("direction", &json!([mid.to_string(), "inactive"]));
        call.page_changes();
        call.is_silent(mid);
        call.ask("direction", &json!([mid.to_string(), direction]));
        call.page_changes();
        call.page_plays(mid, shown);
    }
    call.peer_plays(first);
    damaged_offers_are_refused(&mut call);
    both_play(&mut call, first, shown);
    // A section that the page has stopped, and another one in its place, in an offer that restarts ICE.
    call.ask("stop", &json!([camera.to_string()]));
    call.page_changes();
    assert_eq!(call.peer.media(camera).unwrap().direction, Direction::Inactive);
    call.ask("add", &json!(["video", "sendonly"]));
    let added = if restarts { call.page_restarts("answer_changes") } else { call.page_changes() };
    let added = added[0];
    call.peer_plays(added);
    let last = call.peer_changes(&[Direction::SendOnly], &[])[0];
    call.send(last, shown);
    call.page_plays(last, shown);
    both_play(&mut call, first, shown);
    call.page.close();
}

/// Offers of either end that are damaged on their way.
fn damaged_offers_are_refused(call: &mut Call) {
    call.ask("add", &json!(["video", "sendonly"]));
    let offer = call.ask_text("offer", &json!([]));
    let first = offer.find("m=").unwrap();
    let damages = [
        offer[..offer.len() / 2].to_owned(),
        offer.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 00:"),
        offer.replace("a=ice-pwd:", "a=ice-pwd:x"),
        format!("{}{}", &offer[..first], &offer[offer.rfind("m=").unwrap()..]),
        String::new(),
    ];
    for damaged in damages {
        let refused = call.peer.answer_changes(&damaged, call.clock.now());
        assert!(refused.is_err(), "{damaged}");
    }
    call.ask("rollBack", &json!([]));
    let added = [plan(Direction::SendOnly)];
    let (offer, _) = call.peer.offer_changes(&added, &[], call.clock.now()).unwrap();
    let damaged = offer.replace("a=mid:", "a=");
    call.try_ask("answer", &json!([damaged])).unwrap_err();
    call.is_connected();
    // The camera of the page is offered again.
    let added = call.page_changes()[0];
    call.peer_plays(added);
}

#[test]
fn directions_change_in_a_call_with_chromium() {
    if Browser::Chromium.scripts("renegotiation").is_some() {
        directions_change("chromium");
    }
}

#[test]
fn directions_change_in_a_call_with_firefox() {
    if Browser::Firefox.scripts("renegotiation").is_some() {
        directions_change("firefox");
    }
}

#[test]
fn videos_are_added_in_a_call_by_chromium() {
    if Browser::Chromium.scripts("renegotiation").is_some() {
        videos_are_added("chromium", true);
    }
}

#[test]
fn videos_are_added_in_a_call_to_chromium() {
    if Browser::Chromium.scripts("renegotiation").is_some() {
        videos_are_added("chromium", false);
    }
}

#[test]
fn videos_are_added_in_a_call_by_firefox() {
    if Browser::Firefox.scripts("renegotiation").is_some() {
        videos_are_added("firefox", true);
    }
}

/// The example returns two cameras, before and after an ICE restart.
#[test]
fn the_example_returns_the_cameras_of_chromium() {
    if Browser::Chromium.scripts("the example of a call").is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (failed, failure) = channel();
    std::thread::spawn(move || {
        failed.send(browser_call::serve(&listener).map_err(|error| error.to_string()))
    });
    let place = Place::new("browser-call");
    let mut page = Page::open_with("chromium", &place, Some(&url));
    let plays = |page: &mut Page, count: usize| {
        let mut begun = Vec::new();
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = page.ask("videos", &json!([]));
            let videos = seen.as_array().unwrap();
            let seconds: Vec<f64> =
                videos.iter().map(|it| it["seconds"].as_f64().unwrap()).collect();
            if begun.is_empty() && videos.len() == count {
                begun.clone_from(&seconds);
            }
            let play = begun.len() == count
                && videos.iter().all(|it| it["width"] == CAMERA.width)
                && begun.iter().zip(&seconds).all(|(begun, now)| *now > begun + 0.3);
            if play {
                return;
            }
            assert!(Instant::now() < end, "{seen}; {:?}", failure.try_recv());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    for count in [1, 2] {
        page.ask("press", &json!(["camera"]));
        plays(&mut page, count);
    }
    page.ask("press", &json!(["restart"]));
    plays(&mut page, 2);
    page.ask("press", &json!(["camera"]));
    plays(&mut page, 3);
    assert_eq!(page.ask("state", &json!([])), "connected");
    page.close();
}
