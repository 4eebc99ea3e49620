//! A call with a browser: the page sends the video of one or more cameras, and the service sends each video back as
//! an additional one. Both ends add media to the running session, and the page can restart ICE.
//!
//! `cargo run -p codec-net --features serve --example browser_call`, then open the printed address.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_net::clock::Clock;
use codec_rtc::extension::Extensions;
use codec_webrtc::{
    Certificate, Channel, Direction, Event, Forwarded, KeyFrameRequestKind, Kind, LocalCandidate,
    MediaPlan, Mid, Peer, PeerConfig, PendingOffer,
};

/// A camera of the page, the video that returns it, and its first sequence number.
type Returned = (Mid, Mid, Option<u64>);

/// A call: a peer and its socket.
struct Call {
    clock: Clock,
    socket: UdpSocket,
    peer: Peer,
    signalling: Option<Channel>,
    /// Cameras without a video that returns them.
    waiting: Vec<Mid>,
    returned: Vec<Returned>,
    /// The offer that the page has not answered, and its camera.
    open: Option<(PendingOffer, Mid)>,
}

impl Call {
    /// Answers the first offer of the page.
    fn answer(offer: &str) -> Result<(Self, String), Box<dyn Error>> {
        let (clock, socket) = (Clock::start(), UdpSocket::bind("127.0.0.1:0")?);
        socket.set_read_timeout(Some(Duration::from_millis(5)))?;
        let unix_now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let (mut key, mut secret) = ([0; 32], [0; 32]);
        getrandom::fill(&mut key)?;
        getrandom::fill(&mut secret)?;
        let certificate = Certificate::generate(&key, unix_now, 30)?;
        let base = clock.instant(Duration::ZERO);
        let mut config = PeerConfig::new(base, secret, certificate);
        config.candidates.push(LocalCandidate::Host(socket.local_addr()?));
        let (peer, answer) = Peer::answer(offer, &config, clock.now())?;
        let (waiting, returned) = (Vec::new(), Vec::new());
        Ok((Self { clock, socket, peer, signalling: None, waiting, returned, open: None }, answer))
    }

    /// Exchanges datagrams until the call ends.
    fn run(&mut self) -> Result<(), Box<dyn Error>> {
        let (own, mut datagram) = (self.socket.local_addr()?, [0; 2048]);
        while !self.peer.is_closed() {
            while let Some(sent) = self.peer.poll_transmit() {
                self.socket.send_to(&sent.payload, sent.destination)?;
            }
            if let Ok((len, source)) = self.socket.recv_from(&mut datagram) {
                let bytes = datagram.get(..len).unwrap_or_default();
                self.peer.handle_datagram(self.clock.now(), source, own, bytes);
            }
            if self.peer.poll_timeout().is_some_and(|due| due <= self.clock.now()) {
                self.peer.handle_timeout(self.clock.now());
            }
            while let Some(event) = self.peer.poll_event() {
                self.event(event)?;
            }
            self.offer()?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> Result<(), Box<dyn Error>> {
        let now = self.clock.now();
        match event {
            Event::ChannelOpen { channel, .. } => self.signalling = Some(channel),
            Event::ChannelMessage { data, .. } => self.signal(&String::from_utf8(data)?)?,
            Event::Media(media) if media.direction == Direction::ReceiveOnly => {
                self.waiting.push(media.mid);
            }
            Event::KeyFrameRequest { mid, .. } => {
                let camera = self.returned.iter().find(|(_, video, _)| *video == mid);
                let Some((camera, ..)) = camera else { return Ok(()) };
                self.peer.request_key_frame(now, *camera, KeyFrameRequestKind::Pli);
            }
            Event::Rtp(packet) if !packet.payload.is_empty() => {
                let to = self.returned.iter_mut().find(|(camera, ..)| *camera == packet.mid);
                let Some((_, video, first)) = to else { return Ok(()) };
                let first = *first.get_or_insert(packet.sequence);
                let Some(number) = packet.sequence.checked_sub(first) else { return Ok(()) };
                let forwarded = Forwarded {
                    payload_type: packet.header.payload_type,
                    number,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: packet.payload.to_vec().into(),
                    extensions: Arc::new(Extensions::default()),
                };
                // While the video is inactive, its packets are dropped.
                let _ = self.peer.forward(now, *video, forwarded);
            }
            _ => {}
        }
        Ok(())
    }

    /// Handles an offer or an answer of the page.
    fn signal(&mut self, message: &str) -> Result<(), Box<dyn Error>> {
        let now = self.clock.now();
        match message.split_once('\n') {
            // The offers of both crossed: the page rolls its own one back, and makes it again later.
            Some(("offer", _)) if self.open.is_some() => {}
            Some(("offer", sdp)) => match self.peer.answer_changes(sdp, now) {
                Ok(answer) => self.send(&format!("answer\n{answer}")),
                Err(error) => self.send(&format!("refused\n{error}")),
            },
            Some(("answer", sdp)) => {
                let Some((pending, camera)) = self.open.take() else { return Ok(()) };
                self.peer.accept_answer(pending, sdp, now)?;
                while let Some(event) = self.peer.poll_event() {
                    match event {
                        Event::Media(media) => self.returned.push((camera, media.mid, None)),
                        event => self.event(event)?,
                    }
                }
                self.peer.request_key_frame(now, camera, KeyFrameRequestKind::Pli);
            }
            _ => return Err("neither an offer nor an answer".into()),
        }
        Ok(())
    }

    /// Offers a video for a camera, unless another offer is open.
    fn offer(&mut self) -> Result<(), Box<dyn Error>> {
        if self.open.is_some() || self.signalling.is_none() {
            return Ok(());
        }
        let Some(camera) = self.waiting.pop() else { return Ok(()) };
        let (kind, direction) = (Kind::Video, Direction::SendOnly);
        let video = MediaPlan { kind, direction, stream: None, layers: Vec::new() };
        let (offer, pending) = self.peer.offer_changes(&[video], &[], self.clock.now())?;
        self.open = Some((pending, camera));
        self.send(&format!("offer\n{offer}"));
        Ok(())
    }

    fn send(&mut self, message: &str) {
        if let Some(channel) = self.signalling {
            let _ = self.peer.send_message(self.clock.now(), channel, false, message.as_bytes());
        }
    }
}

/// Serves the page, and one call after the other.
///
/// # Errors
/// If a socket fails or a call cannot be answered.
pub fn serve(listener: &TcpListener) -> Result<(), Box<dyn Error>> {
    for stream in listener.incoming() {
        let mut stream = stream?;
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        // As far as the length says; a service uses an HTTP library.
        let body = loop {
            let len = stream.read(&mut buffer)?;
            request.extend(buffer.get(..len).unwrap_or_default());
            let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                if len == 0 { break None } else { continue }
            };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(Ok(0), |length| length.trim().parse())?;
            if body.len() >= length || len == 0 {
                break request.len().checked_sub(length).and_then(|at| request.get(at..));
            }
        };
        let offer = String::from_utf8(body.unwrap_or_default().to_vec())?;
        let call = if offer.is_empty() { None } else { Some(Call::answer(&offer)?) };
        let page = include_str!("browser_call.html");
        let (kind, text) = match &call {
            Some((_, answer)) => ("application/sdp", answer.as_str()),
            None => ("text/html", page),
        };
        let head = format!("content-type: {kind}\r\ncontent-length: {}", text.len());
        write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\nconnection: close\r\n\r\n{text}")?;
        if let Some((mut call, _)) = call {
            drop(stream);
            call.run()?;
        }
    }
    Ok(())
}

/// Serves on a free port of this machine.
///
/// # Errors
/// As for [`serve`].
pub fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(std::io::stderr(), "open http://{}", listener.local_addr()?)?;
    serve(&listener)
}
