//! A call: its peer, the stream it watches or publishes, and its data channel.

use std::sync::Arc;
use std::time::Duration;

use codec_webrtc::{Channel, ClosedReason, Event, Peer, SdpError, Stats, Transmit};
use tokio::sync::mpsc;

use super::super::audit::Moved;
use super::super::files::Files;
use super::super::limits::Limits;
use super::super::outcome::{EndReason, Refusal};
use super::super::room::{Item, Publisher};
use super::super::sessions::Session;
use super::super::talk::{Talk, VideoState};
use super::control::Role;
use super::fragment::{Credentials, Fragment};
use super::receive::Receiving;
use super::watching::Watching;

#[derive(Debug)]
enum Side {
    Watching(Box<Watching>),
    Publishing(Box<Receiving>, Publisher),
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Call {
    id: u64,
    peer: Peer,
    session: Session,
    /// ICE credentials of the offer.
    credentials: Credentials,
    side: Side,
    talk: Option<(Channel, Talk)>,
    files: Option<Arc<Files>>,
    limits: Limits,
    items: mpsc::Sender<(u64, Item)>,
    over: Option<EndReason>,
}

/// What calls share.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) files: Option<Arc<Files>>,
    pub(super) limits: Limits,
    pub(super) items: mpsc::Sender<(u64, Item)>,
}

impl Call {
    pub(super) fn new(
        id: u64,
        peer: Peer,
        session: Session,
        role: Role,
        credentials: Credentials,
        common: Common,
        now: Duration,
    ) -> Self {
        let side = match role {
            Role::View(stream) => Side::Watching(Box::new(Watching::new(stream, now))),
            Role::Publish(publisher) => {
                let begun = publisher.stream().began();
                Side::Publishing(Box::new(Receiving::new(begun)), publisher)
            }
        };
        let Common { files, limits, items } = common;
        Self { id, peer, session, credentials, side, talk: None, files, limits, items, over: None }
    }

    /// Adds trickled ICE candidates.
    pub(super) fn trickle(&mut self, now: Duration, fragment: &Fragment) -> Result<(), Refusal> {
        if !self.credentials.include(&fragment.credentials) {
            return Err(Refusal::Unprocessable("an ICE restart"));
        }
        let mut result = Ok(());
        for candidate in &fragment.candidates {
            // A candidate unknown to the stack is ignored.
            let added = self.peer.add_remote_candidate(candidate, now);
            if let Err(SdpError::LimitExceeded { .. }) = added {
                result = Err(Refusal::TooLong("the list of candidates"));
                break;
            }
        }
        self.settle(now);
        result
    }

    /// Handles a datagram; returns whether its source is verified.
    pub(super) fn receive(
        &mut self,
        now: Duration,
        source: std::net::SocketAddr,
        destination: std::net::SocketAddr,
        datagram: &[u8],
    ) {
        self.peer.handle_datagram(now, source, destination, datagram);
        self.settle(now);
    }

    /// Whether this call accepts datagrams from `source`: a valid connectivity check, or a verified
    /// address.
    pub(super) fn accepts(
        &self,
        source: std::net::SocketAddr,
        destination: std::net::SocketAddr,
        datagram: &[u8],
    ) -> bool {
        self.peer.accepts(source, destination, datagram)
    }

    /// Passes an item on to the viewer.
    pub(super) fn item(&mut self, now: Duration, item: Item) {
        let result = match item {
            Item::Video(_) | Item::Sound(_) => {
                if let Side::Watching(watching) = &mut self.side {
                    watching.media(now, &mut self.peer, &item);
                }
                Ok(())
            }
            Item::Talk(line) => {
                self.say(now, &line);
                Ok(())
            }
            Item::Ended(reason) => Err(reason),
        };
        if let Err(reason) = result {
            self.end(now, reason);
        }
        self.settle(now);
    }

    /// Requests a key frame from the publisher.
    pub(super) fn want_key(&mut self, now: Duration) {
        if let Side::Publishing(receiving, _) = &mut self.side {
            receiving.want_key();
        }
        self.tick(now);
    }

    /// Handles timeouts.
    pub(super) fn tick(&mut self, now: Duration) {
        self.peer.handle_timeout(now);
        if let Some((channel, talk)) = &mut self.talk
            && let Some(text) = talk.poll(now)
        {
            // Statistics that cannot be sent now would be outdated later.
            let _ = self.peer.send_message(now, *channel, false, text.as_bytes());
        }
        self.settle(now);
    }

    /// When a timeout is due.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let talk = self.talk.as_ref().map(|(_, talk)| talk.poll_timeout());
        let side = match &self.side {
            Side::Watching(watching) => watching.poll_timeout(),
            Side::Publishing(receiving, _) => receiving.poll_timeout(),
        };
        [self.peer.poll_timeout(), talk, side].into_iter().flatten().min()
    }

    /// Returns the next datagram to send.
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.peer.poll_transmit()
    }

    /// Ends the call and notifies the other end.
    pub(super) fn end(&mut self, now: Duration, reason: EndReason) {
        if self.over.is_none() {
            self.over = Some(reason);
            self.peer.close(now);
        }
    }

    /// The reason of the end, once the other end was notified.
    pub(super) fn over(&self) -> Option<&EndReason> {
        self.over.as_ref().filter(|_| self.peer.poll_timeout().is_none())
    }

    /// Ends the call after a panic in it; its state is not used again.
    pub(super) fn give_up(mut self, panic: String) {
        self.over = Some(EndReason::Internal(panic));
        self.conclude();
    }

    /// Number of its session.
    pub(super) fn session(&self) -> u64 {
        self.session.number()
    }

    /// Finishes the call: session, stream and log.
    pub(super) fn conclude(self) {
        let reason = self.over.unwrap_or(EndReason::ServerStopped);
        match self.side {
            Side::Watching(watching) => self.session.conclude(reason, watching.moved()),
            Side::Publishing(receiving, publisher) => {
                let moved = Moved { bytes: receiving.bytes, frames: receiving.frames };
                match reason {
                    EndReason::ServerStopped => publisher.end(EndReason::ServerStopped),
                    EndReason::Left
                    | EndReason::Vanished
                    | EndReason::HandshakeTimeout
                    | EndReason::Failed(_)
                    | EndReason::Internal(_) => publisher.leave(),
                    _ => publisher.end(EndReason::PublisherEnded),
                }
                self.session.conclude(reason, moved);
            }
        }
    }

    /// Handles events of the peer.
    fn settle(&mut self, now: Duration) {
        while let Some(event) = self.peer.poll_event() {
            if let Err(reason) = self.event(now, event) {
                self.end(now, reason);
            }
        }
        let result = match &mut self.side {
            Side::Watching(watching) => {
                if let Some(video) = watching.think(now, &mut self.peer) {
                    self.picture(now, video);
                }
                Ok(())
            }
            Side::Publishing(receiving, publisher) => {
                receiving.tick(now, &mut self.peer, publisher)
            }
        };
        if let Err(reason) = result {
            self.end(now, reason);
        }
        // Other events need no action.
    }

    fn event(&mut self, now: Duration, event: Event) -> Result<(), EndReason> {
        match event {
            Event::Media(media) => match &mut self.side {
                Side::Watching(watching) => watching.negotiated(&media),
                Side::Publishing(receiving, _) => receiving.negotiated(&media),
            },
            Event::Connected => return self.connected(now),
            Event::Rtp(packet) => {
                if let Side::Publishing(receiving, publisher) = &mut self.side {
                    return receiving.packet(now, &packet, publisher);
                }
            }
            Event::SenderReport(report) => {
                if let Side::Publishing(receiving, _) = &mut self.side {
                    receiving.report(&report);
                }
            }
            Event::KeyFrameRequest { .. } => {
                if let Side::Watching(watching) = &self.side {
                    watching.want_key();
                }
            }
            Event::Stats(stats) => {
                let Stats::Path(path) = *stats else { return Ok(()) };
                match &mut self.side {
                    Side::Watching(watching) => {
                        watching.path(now, &path, &mut self.peer);
                        self.session.set_available(path.available);
                    }
                    Side::Publishing(receiving, _) => receiving.path(&path),
                }
            }
            Event::Estimate { bitrate, .. } => {
                if let Side::Watching(watching) = &mut self.side {
                    watching.estimated(now, bitrate);
                }
            }
            Event::ChannelOpen { channel, .. } => self.open_talk(now, channel),
            Event::ChannelMessage { channel, binary, data } => {
                return self.hear(now, channel, binary, &data);
            }
            Event::ChannelClosed { channel }
                if self.talk.as_ref().is_some_and(|(open, _)| *open == channel) =>
            {
                self.talk = None;
            }
            Event::Closed(reason) => {
                self.over.get_or_insert(match reason {
                    ClosedReason::Local => EndReason::Closed,
                    ClosedReason::Remote => EndReason::Left,
                    ClosedReason::HandshakeTimeout { .. } => EndReason::HandshakeTimeout,
                    ClosedReason::ConsentLost => EndReason::Vanished,
                    ClosedReason::Internal(panic) => EndReason::Internal(panic),
                    other => EndReason::Failed(other.to_string()),
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds the viewer once the connection is established.
    fn connected(&mut self, now: Duration) -> Result<(), EndReason> {
        self.session.set_connected();
        let Side::Watching(watching) = &mut self.side else { return Ok(()) };
        watching.join(now, self.id, self.items.clone())
    }

    /// Reports a change of the video that the viewer receives.
    fn picture(&mut self, now: Duration, video: VideoState) {
        self.session.set_video(video);
        self.tell_picture(now, video);
    }

    fn tell_picture(&mut self, now: Duration, video: VideoState) {
        if let Some((_, talk)) = &mut self.talk {
            let line = talk.picture(video);
            self.say(now, &line);
        }
    }

    fn open_talk(&mut self, now: Duration, channel: Channel) {
        if self.talk.is_some() {
            return;
        }
        let (stream, kind) = match &self.side {
            Side::Watching(watching) => (watching.stream(), "viewer"),
            Side::Publishing(_, publisher) => (publisher.stream(), "publisher"),
        };
        let files = self.files.clone();
        let talk = Talk::new(Arc::clone(stream), files, self.limits, kind, self.session.number());
        let hello = talk.hello();
        self.talk = Some((channel, talk));
        self.say(now, &hello);
        if let Side::Watching(watching) = &self.side
            && watching.video_state() != VideoState::default()
        {
            self.tell_picture(now, watching.video_state());
        }
    }

    fn hear(
        &mut self,
        now: Duration,
        channel: Channel,
        binary: bool,
        data: &[u8],
    ) -> Result<(), EndReason> {
        let Some((_, talk)) = self.talk.as_mut().filter(|(open, _)| *open == channel) else {
            return Ok(());
        };
        let answer = if binary {
            talk.chunk(now, data)?
        } else {
            let text = std::str::from_utf8(data);
            let text = text.map_err(|_| EndReason::Protocol("invalid UTF-8 text".to_owned()))?;
            talk.text(now, text)?
        };
        if let Some(answer) = answer {
            self.say(now, &answer);
        }
        Ok(())
    }

    fn say(&mut self, now: Duration, text: &str) {
        if let Some((channel, _)) = &self.talk {
            // A message that cannot be sent is lost for this viewer only.
            let _ = self.peer.send_message(now, *channel, false, text.as_bytes());
        }
    }
}
