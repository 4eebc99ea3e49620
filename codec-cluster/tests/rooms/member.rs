//! A member of the room: a native peer that publishes video, or subscribes and counts the received
//! frames.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use codec_core::codec::{FrameKind, PacketMeta};
use codec_net::clock::Clock;
use codec_rtc::extension::Extensions;
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};
use codec_webrtc::{
    Certificate, Channel, ChannelSettings, Direction, Event, Kind, LocalCandidate, MediaPlan, Mid,
    Peer, PeerConfig,
};
use serde_json::Value;

const FRAME: Duration = Duration::from_millis(50);
const ROOM: &str = "/room/all";

pub(crate) struct Member {
    pub(crate) name: usize,
    clock: Clock,
    socket: UdpSocket,
    peer: Peer,
    channel: Option<Channel>,
    section: Option<(Mid, u8)>,
    is_connected: bool,
    /// Times of received frames, by section.
    pub(crate) frames: BTreeMap<Mid, Vec<Duration>>,
    /// People in the room.
    pub(crate) people: usize,
    packetizer: Option<Packetizer>,
    next_frame: Duration,
    number: u32,
    needs_key: bool,
    /// Packets that a publisher has sent.
    pub(crate) sent: u64,
    pub(crate) has_ended: bool,
}

fn plan(kind: Kind, direction: Direction) -> MediaPlan {
    MediaPlan { kind, direction, stream: None, layers: Vec::new() }
}

impl Member {
    /// Joins at a node; `None` if the node does not answer.
    pub(crate) fn join(
        node: SocketAddr,
        clock: Clock,
        name: usize,
        publishes: bool,
    ) -> Option<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = u8::try_from(name % 250).unwrap();
        let certificate = Certificate::generate(&[seed; 32], unix, 2).unwrap();
        let mut config = PeerConfig::new(clock.instant(Duration::ZERO), [seed; 32], certificate);
        config.candidates = vec![LocalCandidate::Host(socket.local_addr().unwrap())];
        let camera = if publishes { Direction::SendOnly } else { Direction::ReceiveOnly };
        let mut plans = vec![plan(Kind::Audio, Direction::SendOnly), plan(Kind::Video, camera)];
        if !publishes {
            plans.push(plan(Kind::Video, Direction::ReceiveOnly));
        }
        let channels = [ChannelSettings::reliable("codec")];
        let offered = Peer::offer(&config, &plans, &channels, clock.now());
        let (mut peer, offer, pending, _) = offered.unwrap();
        let answer = post(node, &without_estimate(&offer))?;
        peer.accept_answer(pending, &answer, clock.now()).unwrap();
        let mtu = PacketizerConfig { mtu: 1100, ..PacketizerConfig::default() };
        Some(Self {
            name,
            clock,
            socket,
            peer,
            channel: None,
            section: None,
            is_connected: false,
            frames: BTreeMap::new(),
            people: 0,
            packetizer: publishes.then(|| Packetizer::new(mtu).unwrap()),
            next_frame: Duration::ZERO,
            number: 0,
            needs_key: true,
            sent: 0,
            has_ended: false,
        })
    }

    /// Handles timeouts and a datagram; returns whether one arrived.
    pub(crate) fn poll(&mut self) -> bool {
        let own = self.socket.local_addr().unwrap();
        let mut datagram = [0; 2048];
        let mut has_received = false;
        for _ in 0..16 {
            let Ok((len, source)) = self.socket.recv_from(&mut datagram) else { break };
            has_received = true;
            self.peer.handle_datagram(self.clock.now(), source, own, &datagram[..len]);
        }
        let now = self.clock.now();
        if self.peer.poll_timeout().is_some_and(|due| due <= now) {
            self.peer.handle_timeout(now);
        }
        while let Some(event) = self.peer.poll_event() {
            self.handle_event(now, event);
        }
        self.publish(now);
        while let Some(transmit) = self.peer.poll_transmit() {
            let _ = self.socket.send_to(&transmit.payload, transmit.destination);
        }
        has_received
    }

    fn handle_event(&mut self, now: Duration, event: Event) {
        match event {
            Event::Connected => (self.is_connected, self.next_frame) = (true, now),
            Event::ChannelOpen { channel, .. } => self.channel = Some(channel),
            Event::Media(media) if self.packetizer.is_some() => {
                if let Some(codec) = media.vp8() {
                    self.section = Some((media.mid, codec.payload_type));
                }
            }
            Event::KeyFrameRequest { .. } => self.needs_key = true,
            Event::Rtp(packet) if packet.header.marker && !packet.payload.is_empty() => {
                self.frames.entry(packet.mid).or_default().push(now);
            }
            Event::ChannelMessage { data, .. } => {
                let message: Value = serde_json::from_slice(&data).unwrap();
                if message["type"] == "people"
                    && let Some(people) = message["people"].as_array()
                {
                    self.people = people.len();
                }
            }
            Event::Closed(_) => self.has_ended = true,
            _ => {}
        }
    }

    /// Sends a frame of two packets when it is due.
    fn publish(&mut self, now: Duration) {
        let (Some(packetizer), Some((mid, payload_type))) = (&mut self.packetizer, self.section)
        else {
            return;
        };
        if !self.is_connected || now < self.next_frame {
            return;
        }
        self.next_frame = now.max(self.next_frame + FRAME);
        let is_key = std::mem::take(&mut self.needs_key);
        // The header of a frame with its size: it is never decoded.
        let mut data = vec![u8::from(!is_key), 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xb4, 0];
        data.resize(2000, 7);
        let kind = if is_key { FrameKind::Key } else { FrameKind::Inter };
        let meta = PacketMeta { frame_id: self.number.into(), kind, ..PacketMeta::default() };
        let mut packets = Vec::new();
        packetizer.packetize(&data, &meta, self.number * 4500, &mut packets).unwrap();
        self.sent += packets.len() as u64;
        let none = Extensions::default();
        let sent = self.peer.send_video(now, mid, payload_type, &packets, now, &none);
        self.has_ended |= sent.is_err();
        self.number += 1;
    }

    /// When the last frame of any source came.
    pub(crate) fn last_frame(&self) -> Option<Duration> {
        self.frames.values().filter_map(|times| times.last()).max().copied()
    }
}

/// The offer without feedback for an estimate of the bandwidth: all members share a thread, and a server pauses videos for
/// members whose link it takes for congested.
fn without_estimate(offer: &str) -> String {
    let is_kept =
        |line: &&str| !["transport-cc", "transport-wide-cc"].iter().any(|it| line.contains(it));
    offer.split_inclusive('\n').filter(is_kept).collect()
}

fn post(node: SocketAddr, offer: &str) -> Option<String> {
    let timeout = Duration::from_secs(10);
    let mut stream = TcpStream::connect_timeout(&node, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(timeout)).ok()?;
    let request = format!(
        "POST {ROOM} HTTP/1.1\r\nhost: {node}\r\ncontent-type: application/sdp\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{offer}",
        offer.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}
