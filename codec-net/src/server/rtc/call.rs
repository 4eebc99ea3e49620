//! A call: its peer, the stream that it watches or publishes or the room that it joins, and its data
//! channel.

use std::sync::Arc;
use std::time::Duration;

use codec_webrtc::{Channel, ClosedReason, Event, Peer, Stats, Transmit};
use tokio::sync::mpsc;

use super::super::audit::Totals;
use super::super::conference::{Action, Input};
use super::super::control_channel::ControlChannel;
use super::super::limits::Limits;
use super::super::media::VideoCodecs;
use super::super::outcome::{EndReason, Rejection};
use super::super::room::{Item, Publisher, VideoState};
use super::super::room_files::RoomFiles;
use super::super::sessions::Session;
use super::super::uploads::UploadStore;
use super::super::webhook::Webhooks;
use super::command::Role;
use super::ice_update::{CallIce, IceRestarted, IceUpdate};
use super::member_session::MemberSession;
use super::publisher_session::PublisherSession;
use super::viewer_session::ViewerSession;

/// The role of the other end, with its state.
#[derive(Debug)]
enum Side {
    /// Sends media of the stream.
    Viewer(Box<ViewerSession>),
    /// Receives media, and passes them to the stream.
    Publisher(Box<PublisherSession>, Publisher),
    /// Exchanges media and messages with a conference.
    Member(Box<MemberSession>),
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Call {
    id: u64,
    peer: Peer,
    session: Session,
    ice: CallIce,
    side: Side,
    control_channel: Option<(Channel, ControlChannel)>,
    uploads: Option<Arc<UploadStore>>,
    limits: Limits,
    items: mpsc::Sender<(u64, Item)>,
    ended: Option<EndReason>,
}

/// State shared by all calls.
#[derive(Clone, Debug)]
pub(super) struct CallContext {
    pub(super) uploads: Option<Arc<UploadStore>>,
    pub(super) room_files: Option<Arc<RoomFiles>>,
    pub(super) limits: Limits,
    pub(super) video_codecs: VideoCodecs,
    pub(super) items: mpsc::Sender<(u64, Item)>,
    pub(super) webhooks: Webhooks,
    /// Whether new rooms have a lobby.
    pub(super) has_lobby: bool,
}

impl Call {
    pub(super) fn new(
        id: u64,
        peer: Peer,
        session: Session,
        role: Role,
        ice: CallIce,
        context: CallContext,
        now: Duration,
    ) -> Self {
        let side = match role {
            Role::View(stream) => Side::Viewer(Box::new(ViewerSession::new(stream, now))),
            Role::Publish(publisher) => {
                let begun = publisher.stream().started_at();
                Side::Publisher(Box::new(PublisherSession::new(begun)), publisher)
            }
            Role::Join { room, invitation } => {
                let number = session.number();
                let join = Input::Join { room, invitation, session: number };
                let files = context.room_files.clone();
                let member = MemberSession::new(join, files, &context.limits);
                Side::Member(Box::new(member))
            }
        };
        let CallContext { uploads, limits, items, .. } = context;
        Self {
            id,
            peer,
            session,
            ice,
            side,
            control_channel: None,
            uploads,
            limits,
            items,
            ended: None,
        }
    }

    /// Adds trickled ICE candidates, or restarts ICE; returns the answer to a restart.
    pub(super) fn update_ice(
        &mut self,
        now: Duration,
        update: &IceUpdate,
    ) -> Result<Option<IceRestarted>, Rejection> {
        if self.ended.is_some() {
            return Err(Rejection::NoSession);
        }
        let result = self.ice.update(now, &mut self.peer, &self.session, update);
        self.handle_events(now);
        result
    }

    /// Handles a datagram from a verified source.
    pub(super) fn handle_datagram(
        &mut self,
        now: Duration,
        source: std::net::SocketAddr,
        destination: std::net::SocketAddr,
        datagram: &[u8],
    ) {
        self.peer.handle_datagram(now, source, destination, datagram);
        self.handle_events(now);
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
    pub(super) fn handle_item(&mut self, now: Duration, item: Item) {
        let result = match item {
            Item::Video(_) | Item::Audio(_) => {
                if let Side::Viewer(viewer) = &mut self.side {
                    viewer.send_media(now, &mut self.peer, &item);
                }
                Ok(())
            }
            Item::Chat(line) => {
                self.send_text(now, &line);
                Ok(())
            }
            Item::Ended(reason) => Err(reason),
        };
        if let Err(reason) = result {
            self.end(now, reason);
        }
        self.handle_events(now);
    }

    /// Whether the other end is a member of a conference.
    pub(super) fn is_member(&self) -> bool {
        matches!(self.side, Side::Member(_))
    }

    /// Returns the inputs for the member's conference.
    pub(super) fn take_inputs(&mut self) -> Vec<Input> {
        match &mut self.side {
            Side::Member(member) => member.take_inputs(),
            _ => Vec::new(),
        }
    }

    /// Whether the rest of a frame for the conference has not arrived yet.
    pub(super) fn has_open_frame(&self) -> bool {
        matches!(&self.side, Side::Member(member) if member.has_open_frame())
    }

    /// Performs the actions that the member's conference requests.
    pub(super) fn act(&mut self, now: Duration, actions: impl IntoIterator<Item = Action>) {
        if let Side::Member(member) = &mut self.side
            && let Err(reason) = member.act(now, &mut self.peer, actions)
        {
            self.end(now, reason);
        }
        self.handle_events(now);
    }

    /// Sends a message to a member or a publisher; viewers get the messages of their stream.
    pub(super) fn announce(&mut self, now: Duration, text: &Arc<str>) {
        match &self.side {
            Side::Member(_) => self.act(now, [Action::Tell(Arc::clone(text))]),
            Side::Publisher(..) => self.send_text(now, text),
            Side::Viewer(_) => {}
        }
    }

    /// Requests a key frame from the publisher.
    pub(super) fn request_key_frame(&mut self, now: Duration) {
        if let Side::Publisher(receiver, _) = &mut self.side {
            receiver.request_key_frame();
        }
        self.handle_timeout(now);
    }

    /// Handles timeouts.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        self.peer.handle_timeout(now);
        if let Some((channel, control_channel)) = &mut self.control_channel
            && let Some(text) = control_channel.poll(now)
        {
            // Statistics that cannot be sent now would be outdated later.
            let _ = self.peer.send_message(now, *channel, false, text.as_bytes());
        }
        self.handle_events(now);
    }

    /// When a timeout is due.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let control_channel = self
            .control_channel
            .as_ref()
            .map(|(_, control_channel)| control_channel.poll_timeout());
        let side = match &self.side {
            Side::Viewer(viewer) => viewer.poll_timeout(),
            Side::Publisher(receiver, _) => receiver.poll_timeout(),
            Side::Member(_) => None,
        };
        [self.peer.poll_timeout(), control_channel, side].into_iter().flatten().min()
    }

    /// Returns the next datagram to send.
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.peer.poll_transmit()
    }

    /// Ends the call and notifies the other end. A session that its client has ended by a request counts as ended, not
    /// as disconnected, although the client closes the connection too.
    pub(super) fn end(&mut self, now: Duration, reason: EndReason) {
        match &self.ended {
            None => {
                self.ended = Some(reason);
                self.peer.close(now);
            }
            Some(EndReason::Disconnected) if reason == EndReason::Closed => {
                self.ended = Some(reason);
            }
            Some(_) => {}
        }
    }

    /// The reason of the end, once the other end was notified.
    pub(super) fn ended(&self) -> Option<&EndReason> {
        self.ended.as_ref().filter(|_| self.peer.poll_timeout().is_none())
    }

    /// Ends the call after a panic in it; its state is not used again.
    pub(super) fn abort(mut self, panic: String) {
        self.ended = Some(EndReason::Internal(panic));
        self.conclude();
    }

    /// Number of its session.
    pub(super) fn session(&self) -> u64 {
        self.session.number()
    }

    /// Finishes the call: session, stream and log.
    pub(super) fn conclude(self) {
        let reason = self.ended.unwrap_or(EndReason::ServerStopped);
        match self.side {
            Side::Viewer(viewer) => self.session.conclude(reason, viewer.totals()),
            Side::Member(member) => self.session.conclude(reason, member.totals()),
            Side::Publisher(receiver, publisher) => {
                let totals = Totals { bytes: receiver.bytes, frames: receiver.frames };
                match reason {
                    EndReason::ServerStopped => publisher.end(EndReason::ServerStopped),
                    EndReason::Disconnected
                    | EndReason::TimedOut
                    | EndReason::HandshakeTimeout
                    | EndReason::Failed(_)
                    | EndReason::Internal(_) => publisher.leave(),
                    _ => publisher.end(EndReason::PublisherEnded),
                }
                self.session.conclude(reason, totals);
            }
        }
    }

    /// Handles events of the peer.
    fn handle_events(&mut self, now: Duration) {
        while let Some(event) = self.peer.poll_event() {
            if let Err(reason) = self.handle_event(now, event) {
                self.end(now, reason);
            }
        }
        let result = match &mut self.side {
            Side::Viewer(viewer) => {
                if let Some(video) = viewer.evaluate_link(now, &mut self.peer) {
                    self.report_video(now, video);
                }
                Ok(())
            }
            Side::Publisher(receiver, publisher) => {
                receiver.handle_timeout(now, &mut self.peer, publisher)
            }
            Side::Member(member) => {
                member.send_replies(now, &mut self.peer);
                Ok(())
            }
        };
        if let Err(reason) = result {
            self.end(now, reason);
        }
    }

    /// Handles an event of any kind of session, and passes the others on.
    fn handle_event(&mut self, now: Duration, event: Event) -> Result<(), EndReason> {
        if let Event::Closed(reason) = event {
            self.ended.get_or_insert(match reason {
                ClosedReason::Local => EndReason::Closed,
                ClosedReason::Remote => EndReason::Disconnected,
                ClosedReason::HandshakeTimeout { ice: false, .. } => EndReason::HandshakeTimeout,
                ClosedReason::ConsentLost => EndReason::TimedOut,
                ClosedReason::Internal(panic) => EndReason::Internal(panic),
                other => EndReason::Failed(other.to_string()),
            });
            return Ok(());
        }
        match &event {
            Event::Connected => self.session.set_connected(),
            Event::Stats(stats) => {
                if let Stats::Path(path) = **stats {
                    self.session.set_available_bitrate(path.available);
                }
            }
            _ => {}
        }
        match &mut self.side {
            Side::Member(member) => member.handle_event(now, event),
            _ => self.handle_stream_event(now, event),
        }
    }

    /// Handles an event of a session with one stream.
    fn handle_stream_event(&mut self, now: Duration, event: Event) -> Result<(), EndReason> {
        match event {
            Event::Media(media) => match &mut self.side {
                Side::Viewer(viewer) => viewer.handle_media_line(&media),
                Side::Publisher(receiver, _) => receiver.handle_media_line(&media),
                Side::Member(_) => {}
            },
            Event::Connected => return self.join_stream(now),
            Event::Rtp(packet) => {
                if let Side::Publisher(receiver, publisher) = &mut self.side {
                    return receiver.handle_packet(now, &packet, publisher);
                }
            }
            Event::SenderReport(report) => {
                if let Side::Publisher(receiver, _) = &mut self.side {
                    receiver.handle_sender_report(&report);
                }
            }
            Event::KeyFrameRequest { .. } => {
                if let Side::Viewer(viewer) = &self.side {
                    viewer.request_key_frame();
                }
            }
            Event::Stats(stats) => {
                let Stats::Path(path) = *stats else { return Ok(()) };
                match &mut self.side {
                    Side::Viewer(viewer) => {
                        viewer.handle_path_stats(now, &path, &mut self.peer);
                    }
                    Side::Publisher(receiver, _) => receiver.handle_path_stats(&path),
                    Side::Member(_) => {}
                }
            }
            Event::Estimate { bitrate, .. } => {
                if let Side::Viewer(viewer) = &mut self.side {
                    viewer.handle_estimate(now, bitrate);
                }
            }
            Event::PathChanged => {
                if let Side::Viewer(viewer) = &mut self.side {
                    viewer.restart_evaluation(now);
                }
            }
            Event::ChannelOpen { channel, .. } => self.open_control_channel(now, channel),
            Event::ChannelMessage { channel, binary, data } => {
                return self.handle_message(now, channel, binary, &data);
            }
            Event::ChannelClosed { channel }
                if self.control_channel.as_ref().is_some_and(|(open, _)| *open == channel) =>
            {
                self.control_channel = None;
            }
            // Other events need no action.
            _ => {}
        }
        Ok(())
    }

    /// Adds the viewer once the connection is established.
    fn join_stream(&mut self, now: Duration) -> Result<(), EndReason> {
        let Side::Viewer(viewer) = &mut self.side else { return Ok(()) };
        viewer.join(now, self.id, self.items.clone())
    }

    /// Reports a change of the video that the viewer receives.
    fn report_video(&mut self, now: Duration, video: VideoState) {
        self.session.set_video(video);
        self.send_video_state(now, video);
    }

    fn send_video_state(&mut self, now: Duration, video: VideoState) {
        if let Some((_, control_channel)) = &mut self.control_channel {
            let line = control_channel.video(video);
            self.send_text(now, &line);
        }
    }

    fn open_control_channel(&mut self, now: Duration, channel: Channel) {
        if self.control_channel.is_some() {
            return;
        }
        let (stream, kind) = match &self.side {
            Side::Viewer(viewer) => (viewer.stream(), "viewer"),
            Side::Publisher(_, publisher) => (publisher.stream(), "publisher"),
            Side::Member(_) => return,
        };
        let uploads = self.uploads.clone();
        let control_channel = ControlChannel::new(
            Arc::clone(stream),
            uploads,
            self.limits,
            kind,
            self.session.number(),
        );
        let hello = control_channel.hello();
        self.control_channel = Some((channel, control_channel));
        self.send_text(now, &hello);
        if let Side::Viewer(viewer) = &self.side
            && viewer.video_state() != VideoState::default()
        {
            self.send_video_state(now, viewer.video_state());
        }
    }

    fn handle_message(
        &mut self,
        now: Duration,
        channel: Channel,
        binary: bool,
        data: &[u8],
    ) -> Result<(), EndReason> {
        let Some((_, control_channel)) =
            self.control_channel.as_mut().filter(|(open, _)| *open == channel)
        else {
            return Ok(());
        };
        let answer = if binary {
            control_channel.handle_chunk(now, data)?
        } else {
            let text = std::str::from_utf8(data);
            let text = text.map_err(|_| EndReason::Protocol("invalid UTF-8 text".to_owned()))?;
            control_channel.handle_text(now, text)?
        };
        if let (Some(layer), Side::Viewer(viewer)) =
            (control_channel.take_spatial_layer(), &mut self.side)
        {
            viewer.limit_spatial_layer(layer);
        }
        if let Some(answer) = answer {
            self.send_text(now, &answer);
        }
        Ok(())
    }

    fn send_text(&mut self, now: Duration, text: &str) {
        if let Some((channel, _)) = &self.control_channel {
            // A message that cannot be sent is lost for this viewer only.
            let _ = self.peer.send_message(now, *channel, false, text.as_bytes());
        }
    }
}
