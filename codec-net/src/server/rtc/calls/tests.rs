//! Tests of the thread of calls without sockets: packets of a publisher go in, and datagrams come out to the members of
//! a room, who decrypt them and send feedback. The one with many members is a benchmark, too.
//!
//! `CODEC_LOAD=1 cargo test --release -p codec-net --features serve --lib a_room -- --nocapture` prints the time for
//! a forwarded packet with 64 members.

use std::cell::RefCell;

use codec_core::codec::{FrameKind, PacketMeta};
use codec_rtc::extension::Extensions;
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};
use codec_webrtc::{Direction, Event as PeerEvent, Kind, MediaPlan, Mid};

use super::super::super::audit::AuditLog;
use super::super::super::conference::{Invitation, Person};
use super::super::super::limits::Limits;
use super::super::super::media::VideoCodecs;
use super::super::super::sessions::{SessionKind, Sessions};
use super::super::super::webhook::Webhooks;
use super::*;
use crate::turn_allocation::TurnSocket;

const HOST: ([u8; 4], u16) = ([10, 0, 0, 1], 9);
const FRAME: Duration = Duration::from_nanos(33_333_333);
/// Bytes of a frame at 30 frames per second and 1.5 Mbit/s.
const FRAME_BYTES: usize = 6250;

/// A client without a socket.
struct Client {
    address: SocketAddr,
    peer: Peer,
    /// The section of a publisher, with its payload type.
    section: Option<(Mid, u8)>,
    is_connected: bool,
    received: Vec<codec_webrtc::RtpPacket>,
}

/// A server without sockets, and its clients.
struct Rig {
    calls: Calls,
    clients: Vec<Client>,
    sessions: Arc<Sessions>,
    commands: (mpsc::UnboundedSender<Command>, mpsc::UnboundedReceiver<Command>),
    /// Time that the server has spent on datagrams of members.
    feedback: Duration,
    feedback_datagrams: usize,
    sent: Sent,
}

/// What the server has sent.
#[derive(Default)]
struct Sent(RefCell<Vec<Transmit>>);

impl SendDatagrams for Sent {
    fn send(&self, transmits: &[Transmit]) {
        self.0.borrow_mut().extend_from_slice(transmits);
    }
}

impl Rig {
    fn new() -> Self {
        let clock = Clock::start();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let certificate = Certificate::generate(&[7; 32], unix, 2).unwrap();
        let health = Arc::new(Health::default());
        let (items, _) = mpsc::channel(16);
        let context = CallContext {
            uploads: None,
            room_files: None,
            limits: Limits::default(),
            video_codecs: VideoCodecs::of_build(),
            items,
            webhooks: Webhooks::default(),
            has_lobby: false,
        };
        let socket = TurnSocket { announced: HOST.into(), bound: HOST.into() };
        let turn = Turn::new(None, socket, clock.now(), Arc::clone(&health)).unwrap();
        let calls = Calls::new(clock, certificate, vec![HOST.into()], context, None, turn, health);
        let sessions = Arc::new(Sessions::new(clock, 1000, AuditLog::none()));
        let (feedback, feedback_datagrams) = (Duration::ZERO, 0);
        let (clients, sent) = (Vec::new(), Sent::default());
        let commands = mpsc::unbounded_channel();
        Self { calls, clients, sessions, commands, feedback, feedback_datagrams, sent }
    }

    /// Adds a member with one section of video, and waits until it is connected.
    fn join(&mut self, direction: Direction) {
        let clock = self.calls.clock;
        let number = u8::try_from(self.clients.len()).unwrap();
        let address = SocketAddr::from(([10, 0, 1, number], 5000));
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let certificate = Certificate::generate(&[number + 1; 32], unix, 2).unwrap();
        let base = clock.instant(Duration::ZERO);
        let mut config = PeerConfig::new(base, [number + 101; 32], certificate);
        config.candidates = vec![LocalCandidate::Host(address)];
        config.start_bitrate = None;
        let plan = MediaPlan::new(Kind::Video, direction);
        let offered = Peer::offer(&config, &[plan], &[], clock.now());
        let (mut peer, offer, pending, _) = offered.unwrap();
        let begun = self.sessions.begin(SessionKind::Room, "team", address.ip(), Box::new(|_| {}));
        let person = Person::unknown();
        let invitation = Invitation { person, moderates: false, subject: None, name: None };
        let role = Role::Join { room: "team".into(), invitation };
        let id = u64::from(number) + 1;
        let answer = self.calls.answer(id, role, begun.unwrap(), &offer).unwrap();
        peer.accept_answer(pending, &answer, clock.now()).unwrap();
        let received = Vec::new();
        self.clients.push(Client { address, peer, section: None, is_connected: false, received });
        while !self.clients.last().is_some_and(|it| it.is_connected) {
            self.step();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Exchanges the datagrams of all clients and of the server once.
    fn step(&mut self) {
        let now = self.calls.clock.now();
        let mut arriving = Vec::new();
        for client in &mut self.clients {
            if client.peer.poll_timeout().is_some_and(|due| due <= now) {
                client.peer.handle_timeout(now);
            }
            while let Some(transmit) = client.peer.poll_transmit() {
                arriving.push((client.address, transmit));
            }
        }
        self.feedback_datagrams += arriving.len();
        let begun = self.calls.clock.now();
        for (source, transmit) in arriving {
            self.calls.handle_datagram(source, transmit.destination, &transmit.payload);
        }
        assert!(self.calls.settle(&mut self.commands.1).is_continue());
        self.calls.exchange(&self.sent);
        self.calls.flush(&self.sent);
        self.feedback += self.calls.clock.now() - begun;
        self.deliver();
    }

    /// Delivers what the server has sent.
    fn deliver(&mut self) {
        let now = self.calls.clock.now();
        for transmit in self.sent.0.take() {
            let to = transmit.destination;
            let client = self.clients.iter_mut().find(|it| it.address == to).unwrap();
            client.peer.handle_datagram(now, transmit.source, to, &transmit.payload);
        }
        for client in &mut self.clients {
            while let Some(event) = client.peer.poll_event() {
                match event {
                    PeerEvent::Media(media) => {
                        let payload_type = media.vp8().unwrap().payload_type;
                        client.section = Some((media.mid, payload_type));
                    }
                    PeerEvent::Connected => client.is_connected = true,
                    PeerEvent::Rtp(packet) => client.received.push(*packet),
                    PeerEvent::Closed(reason) => panic!("{}: {reason}", client.address),
                    _ => {}
                }
            }
        }
    }

    /// Publishes a frame; returns how many datagrams the server sends, and the time that it needs.
    fn publish(&mut self, packets: &[Vec<u8>]) -> (usize, Duration) {
        let clock = self.calls.clock;
        let now = clock.now();
        let publisher = self.clients.first_mut().unwrap();
        let (mid, payload_type) = publisher.section.unwrap();
        let none = Extensions::default();
        publisher.peer.send_video(now, mid, payload_type, packets, now, &none).unwrap();
        let address = publisher.address;
        let sent: Vec<_> = std::iter::from_fn(|| publisher.peer.poll_transmit()).collect();
        let begun = clock.now();
        for transmit in &sent {
            self.calls.handle_datagram(address, transmit.destination, &transmit.payload);
        }
        assert!(self.calls.settle(&mut self.commands.1).is_continue());
        self.calls.exchange(&self.sent);
        self.calls.flush(&self.sent);
        let lasted = clock.now() - begun;
        let count = self.sent.0.borrow().len();
        self.deliver();
        (count, lasted)
    }
}

#[test]
fn a_request_that_ends_a_session_wins_over_the_closed_connection_that_was_read_first() {
    let mut rig = Rig::new();
    rig.join(Direction::SendOnly);
    let client = rig.clients.first_mut().unwrap();
    client.peer.close(rig.calls.clock.now());
    while let Some(transmit) = client.peer.poll_transmit() {
        rig.calls.handle_datagram(client.address, transmit.destination, &transmit.payload);
    }
    let reason = |rig: &Rig| rig.calls.calls[&1].ended().cloned();
    assert_eq!(reason(&rig), Some(EndReason::Disconnected));
    rig.commands.0.send(Command::End(1, EndReason::Closed)).unwrap();
    assert!(rig.calls.handle_waiting(&mut rig.commands.1).is_continue());
    assert_eq!(reason(&rig), Some(EndReason::Closed));
    // The loop handles waiting commands before it removes the call.
    rig.commands.0.send(Command::Stop).unwrap();
    assert!(rig.calls.settle(&mut rig.commands.1).is_break());
    assert!(rig.calls.calls.contains_key(&1));
    assert!(rig.calls.settle(&mut rig.commands.1).is_continue());
    assert!(rig.calls.calls.is_empty());
}

/// A frame of a size, with the header of a key frame or of another one.
fn frame(number: usize) -> Vec<u8> {
    let mut data: Vec<u8> = (0..FRAME_BYTES).map(|at| (at * 7 + number).to_le_bytes()[0]).collect();
    // Frame tag, start code, 640x360 (RFC 6386, section 9.1).
    let header = [0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1];
    data[..10].copy_from_slice(&header);
    data[0] |= u8::from(number > 0);
    data
}

/// A time per packet in microseconds.
fn microseconds(time: Duration, packets: usize) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(u32::try_from(packets.max(1)).unwrap())
}

#[test]
fn a_room_forwards_every_packet_to_every_member() {
    let is_load = std::env::var_os("CODEC_LOAD").is_some();
    let (members, frames) = if is_load { (64, 200) } else { (6, 12) };
    let mut rig = Rig::new();
    rig.join(Direction::SendOnly);
    for _ in 0..members {
        rig.join(Direction::ReceiveOnly);
    }
    let config = PacketizerConfig { mtu: 1100, layers: true, ..PacketizerConfig::default() };
    let mut packetizer = Packetizer::new(config).unwrap();
    let (mut times, mut forwarded) = (Vec::new(), 0);
    (rig.feedback, rig.feedback_datagrams) = (Duration::ZERO, 0);
    let begun = rig.calls.clock.now();
    for number in 0..frames {
        let kind = if number == 0 { FrameKind::Key } else { FrameKind::Inter };
        let meta = PacketMeta { kind, frame_id: number, ..PacketMeta::default() };
        let (number, mut packets) = (u32::try_from(number).unwrap(), Vec::new());
        let data = frame(usize::try_from(number).unwrap());
        packetizer.packetize(&data, &meta, number * 3000, &mut packets).unwrap();
        let (count, time) = rig.publish(&packets);
        if number > 0 {
            times.push(microseconds(time, count));
            forwarded += count;
        }
        while rig.calls.clock.now() < begun + FRAME * (number + 1) {
            rig.step();
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    for _ in 0..20 {
        rig.step();
    }
    times.sort_by(f64::total_cmp);
    let of_feedback = microseconds(rig.feedback, forwarded);
    eprintln!(
        "{members} members: {:.2} us a packet (best frame {:.2}), and {of_feedback:.2} us for {} datagrams of members and timeouts",
        times[times.len() / 2],
        times[0],
        rig.feedback_datagrams,
    );
    let sent: Vec<Vec<u8>> = (1..usize::try_from(frames).unwrap()).map(frame).collect();
    for client in &rig.clients[1..] {
        let mut numbers = client.received.iter().map(|it| it.sequence);
        let first = numbers.next().unwrap();
        assert!(numbers.zip(first + 1..).all(|(number, expected)| number == expected));
        let last = client.received.iter().rev().find(|it| it.header.marker).unwrap();
        let ends = sent.iter().any(|frame| {
            let tail = &last.payload[last.payload.len() - 100..];
            frame.ends_with(tail)
        });
        assert!(ends, "an altered payload");
    }
}
