//! A WHIP and WHEP client: a peer on a socket.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use codec_net::clock::Clock;
use codec_net::server::Server;
use codec_webrtc::{
    Certificate, Channel, ChannelSettings, Codec, Direction, Event, IceParameters, Kind,
    LocalCandidate, MediaPlan, Peer, PeerConfig, PendingOffer,
};
use serde_json::Value;

use crate::client::{bearer, request_with};

pub(crate) const SDP: (&str, &str) = ("content-type", "application/sdp");
pub(crate) const FRAGMENT: (&str, &str) = ("content-type", "application/trickle-ice-sdpfrag");

pub(crate) fn peer_config(socket: &UdpSocket, clock: Clock) -> PeerConfig {
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let certificate = Certificate::generate(&[5; 32], unix, 2).unwrap();
    let base = clock.instant(Duration::ZERO);
    let mut config = PeerConfig::new(base, [6; 32], certificate);
    config.candidates = vec![LocalCandidate::Host(socket.local_addr().unwrap())];
    config
}

pub(crate) fn plan(direction: Direction) -> MediaPlan {
    MediaPlan::new(Kind::Video, direction)
}

/// A client that omits its addresses from the offer.
pub(crate) struct Caller {
    clock: Clock,
    socket: UdpSocket,
    peer: Peer,
    channel: Option<Channel>,
    /// Its candidates, as lines of a fragment.
    pub(crate) candidates: String,
    pub(crate) session: String,
    pub(crate) tag: String,
    pub(crate) connected: bool,
    /// The first answer.
    answer: String,
    /// Sources of received video.
    pub(crate) ssrcs: Vec<u32>,
    /// Received video and audio packets.
    pub(crate) pictures: u32,
    pub(crate) audio: u32,
    /// Messages received on the data channel.
    pub(crate) lines: Vec<Value>,
}

fn without_candidates(sdp: &str) -> String {
    let kept = sdp.lines().filter(|line| !line.starts_with("a=candidate"));
    kept.flat_map(|line| [line, "\r\n"]).collect()
}

impl Caller {
    /// Calls; if `blind`, also removes the server's addresses from the answer.
    pub(crate) fn call(
        server: &Server,
        path: &str,
        plans: &[MediaPlan],
        token: Option<&str>,
        blind: bool,
    ) -> Self {
        let authorization = token.map(bearer);
        let headers: Vec<_> =
            authorization.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Self::call_with(server, path, plans, &headers, blind)
    }

    /// As [`Self::call`], with further headers of the request.
    pub(crate) fn call_with(
        server: &Server,
        path: &str,
        plans: &[MediaPlan],
        more: &[(&str, &str)],
        blind: bool,
    ) -> Self {
        let clock = Clock::start();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let config = peer_config(&socket, clock);
        let channels = [ChannelSettings::reliable("codec")];
        let offered = Peer::offer(&config, plans, &channels, clock.now());
        let (mut peer, offer, pending, _) = offered.unwrap();
        let of_ice = ["a=candidate", "a=ice-ufrag", "a=ice-pwd"];
        let lines = offer.lines().filter(|line| of_ice.iter().any(|name| line.starts_with(name)));
        let candidates: String = lines.flat_map(|line| [line, "\r\n"]).collect();
        assert!(candidates.contains("a=candidate"), "{offer}");
        let headers = [&[SDP], more].concat();
        let offer = without_candidates(&offer);
        let answer = request_with(server.address(), "POST", path, &headers, &offer);
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.header("accept-patch"), Some(FRAGMENT.1), "{answer:?}");
        let tag = answer.header("etag").unwrap().to_owned();
        assert!(tag.len() > 16 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        let session = answer.header("location").unwrap().to_owned();
        let body = if blind { without_candidates(&answer.body) } else { answer.body };
        peer.accept_answer(pending, &body, clock.now()).unwrap();
        Self {
            clock,
            socket,
            peer,
            channel: None,
            candidates,
            session,
            tag,
            connected: false,
            answer: body,
            ssrcs: Vec::new(),
            pictures: 0,
            audio: 0,
            lines: Vec::new(),
        }
    }

    /// Loses its address, and gets another one.
    pub(crate) fn move_away(&mut self) {
        self.socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        self.socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let candidate = LocalCandidate::Host(self.socket.local_addr().unwrap());
        self.peer.add_local_candidate(candidate, self.clock.now()).unwrap();
    }

    /// Starts an ICE restart; returns its fragment, and its offer for [`Self::restarted`].
    pub(crate) fn restart(&mut self) -> (String, PendingOffer) {
        let (offer, pending) = self.peer.restart_ice(self.clock.now()).unwrap();
        let of_ice = ["a=ice-ufrag", "a=ice-pwd"];
        let lines = offer.lines().filter(|line| of_ice.iter().any(|name| line.starts_with(name)));
        (lines.flat_map(|line| [line, "\r\n"]).collect(), pending)
    }

    /// Handles the server's fragment about a restart.
    pub(crate) fn restarted(&mut self, fragment: &str, pending: PendingOffer) {
        let ours = IceParameters::read(fragment).unwrap();
        let lines = self.answer.lines().map(|line| match line.split_once(':') {
            Some(("a=ice-ufrag", _)) => format!("a=ice-ufrag:{}\r\n", ours.ufrag),
            Some(("a=ice-pwd", _)) => format!("a=ice-pwd:{}\r\n", ours.password),
            Some(("a=candidate", _)) => String::new(),
            _ => format!("{line}\r\n"),
        });
        let candidates = ours.candidates.iter().map(|candidate| format!("a={candidate}\r\n"));
        let answer: String = lines.chain(candidates).collect();
        self.peer.accept_answer(pending, &answer, self.clock.now()).unwrap();
    }

    /// Runs until a condition holds, or for a time; returns whether it holds.
    pub(crate) fn live(&mut self, longest: Duration, is_there: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + longest;
        let own = self.socket.local_addr().unwrap();
        let mut datagram = [0; 2048];
        while Instant::now() < end {
            let now = self.clock.now();
            if self.peer.poll_timeout().is_some_and(|due| due <= now) {
                self.peer.handle_timeout(now);
            }
            while let Some(event) = self.peer.poll_event() {
                self.event(event);
            }
            while let Some(transmit) = self.peer.poll_transmit() {
                if transmit.source != own {
                    continue;
                }
                let _ = self.socket.send_to(&transmit.payload, transmit.destination);
            }
            if is_there(self) {
                return true;
            }
            if let Ok((len, source)) = self.socket.recv_from(&mut datagram) {
                self.peer.handle_datagram(self.clock.now(), source, own, &datagram[..len]);
            }
        }
        is_there(self)
    }

    /// Sends a message on the data channel.
    pub(crate) fn send(&mut self, message: &Value) {
        self.send_bytes(false, message.to_string().as_bytes());
    }

    /// Sends a chunk of a file on the data channel.
    pub(crate) fn send_chunk(&mut self, id: u32, offset: u64, data: &[u8]) {
        let head = [&id.to_be_bytes()[..], &offset.to_be_bytes()[..]].concat();
        self.send_bytes(true, &[&head, data].concat());
    }

    fn send_bytes(&mut self, binary: bool, bytes: &[u8]) {
        let channel = self.channel.unwrap();
        assert!(self.peer.send_message(self.clock.now(), channel, binary, bytes).unwrap());
    }

    /// The last message of a type.
    pub(crate) fn last(&self, kind: &str) -> Option<&Value> {
        self.lines.iter().rev().find(|line| line["type"] == kind)
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::ChannelOpen { channel, .. } => self.channel = Some(channel),
            Event::Connected => self.connected = true,
            Event::Rtp(packet) if packet.codec == Codec::Vp8 => {
                self.pictures += 1;
                if !self.ssrcs.contains(&packet.header.ssrc) {
                    self.ssrcs.push(packet.header.ssrc);
                }
            }
            // Probes are empty.
            Event::Rtp(packet) if packet.payload.is_empty() => {}
            Event::Rtp(_) => self.audio += 1,
            Event::ChannelMessage { data, .. } => {
                self.lines.push(serde_json::from_slice(&data).unwrap());
            }
            Event::Closed(reason) => panic!("{reason}"),
            _ => {}
        }
    }
}
