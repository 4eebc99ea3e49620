//! A member of a room of `codec serve` that only watches.

use std::net::UdpSocket;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use codec_core::frame::Size;
use codec_net::clock::Clock;
use codec_net::whip::{Answer, Client, Session};
use codec_rtc::packet::vp8::Descriptor;
use codec_webrtc::{
    Certificate, Channel, ChannelSettings, Codec, Direction, Event, KeyFrameRequestKind, Kind,
    LocalCandidate, MediaPlan, Mid, Peer, PeerConfig, RtpPacket,
};
use serde_json::Value;

/// A member of a room that receives one video.
pub(super) struct RoomViewer {
    clock: Clock,
    socket: UdpSocket,
    peer: Peer,
    channel: Channel,
    video: Option<Mid>,
    /// Ends the session when dropped.
    _session: Session,
    /// Sizes of the received key frames, and frames in total.
    pub(super) key_frames: Vec<Size>,
    pub(super) frames: u64,
    /// Messages of the server.
    pub(super) messages: Vec<Value>,
}

impl RoomViewer {
    /// Joins the room at a `whip://` URL.
    pub(super) fn join(url: &str, token: &str) -> Self {
        let clock = Clock::start();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let certificate = Certificate::generate(&[9; 32], unix, 2).unwrap();
        let mut config = PeerConfig::new(clock.instant(Duration::ZERO), [8; 32], certificate);
        config.candidates = vec![LocalCandidate::Host(socket.local_addr().unwrap())];
        let plan = |kind, direction| MediaPlan { kind, direction, stream: None, layers: vec![] };
        let plans =
            [plan(Kind::Audio, Direction::SendOnly), plan(Kind::Video, Direction::ReceiveOnly)];
        let channels = [ChannelSettings::reliable("codec")];
        let offered = Peer::offer(&config, &plans, &channels, clock.now());
        let (mut peer, offer, pending, channels) = offered.unwrap();
        let client = Client::new(&url.parse().unwrap(), Some(token), None).unwrap();
        let Answer { sdp, session, .. } = client.offer(&offer).unwrap();
        peer.accept_answer(pending, &sdp, clock.now()).unwrap();
        Self {
            clock,
            socket,
            peer,
            channel: channels[0],
            video: None,
            _session: session,
            key_frames: Vec::new(),
            frames: 0,
            messages: Vec::new(),
        }
    }

    /// Runs until a condition holds.
    pub(super) fn wait(&mut self, what: &str, is_there: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        let own = self.socket.local_addr().unwrap();
        let mut datagram = [0; 2048];
        while !is_there(self) {
            assert!(Instant::now() < end, "no {what}: {:?} {:?}", self.key_frames, self.messages);
            let now = self.clock.now();
            if self.peer.poll_timeout().is_some_and(|due| due <= now) {
                self.peer.handle_timeout(now);
            }
            while let Some(event) = self.peer.poll_event() {
                self.event(event);
            }
            while let Some(transmit) = self.peer.poll_transmit() {
                let _ = self.socket.send_to(&transmit.payload, transmit.destination);
            }
            if let Ok((len, source)) = self.socket.recv_from(&mut datagram) {
                self.peer.handle_datagram(self.clock.now(), source, own, &datagram[..len]);
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Media(media) if media.kind == Kind::Video => self.video = Some(media.mid),
            Event::Rtp(packet) if packet.codec == Codec::Vp8 => self.packet(&packet),
            Event::ChannelMessage { data, .. } => {
                self.messages.push(serde_json::from_slice(&data).unwrap());
            }
            Event::Closed(reason) => panic!("{reason}"),
            _ => {}
        }
    }

    fn packet(&mut self, packet: &RtpPacket) {
        self.frames += u64::from(packet.header.marker);
        // Probes are empty.
        let Ok((descriptor, data)) = Descriptor::parse(&packet.payload) else { return };
        // RFC 6386, section 9.1: the frame tag, a start code and the size of a key frame.
        let begins = descriptor.start_of_partition && descriptor.partition == 0;
        let Some(head) = data.first_chunk::<10>().filter(|_| begins) else { return };
        if head[0] & 1 == 0 {
            let side = |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]) & 0x3fff);
            self.key_frames.push(Size::new(side(6), side(8)));
        }
    }

    /// The number of the member that sends a camera.
    fn publisher(&self) -> Option<u64> {
        let people = self.messages.iter().rev().find_map(|message| message["people"].as_array());
        let sends = |person: &&Value| person["camera"].is_string();
        people?.iter().find(sends)?["id"].as_u64()
    }

    /// Requests a key frame of the received video.
    pub(super) fn request_key_frame(&mut self) {
        let (now, video) = (self.clock.now(), self.video.unwrap());
        assert!(self.peer.request_key_frame(now, video, KeyFrameRequestKind::Pli));
    }

    /// Waits until a member publishes, then requests a tile of `height`.
    pub(super) fn view(&mut self, height: u32) {
        self.wait("publisher", |it| it.publisher().is_some());
        let id = self.publisher().unwrap();
        let tile = serde_json::json!({ "id": id, "source": "camera", "height": height });
        let message = serde_json::json!({ "type": "view", "heights": [tile] }).to_string();
        let (now, channel) = (self.clock.now(), self.channel);
        self.peer.send_message(now, channel, false, message.as_bytes()).unwrap();
    }
}
