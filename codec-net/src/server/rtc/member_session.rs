//! A member of a conference: passes its packets and messages to the conference, and sends the
//! packets and messages of the conference to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_webrtc::{Channel, Codec, Event, Forwarded, KeyFrameRequestKind, Mid, Peer, Stats};

use super::super::audit::Totals;
use super::super::conference::{Action, FileOffer, Input};
use super::super::file_transfers::{FileTransfers, progress_message};
use super::super::limits::Limits;
use super::super::outcome::EndReason;
use super::super::room_files::{FileInfo, RoomFiles};
use super::super::token_bucket::TokenBucket;
use super::super::uploads::{Progress, UploadError};

/// Sessions end if more inputs wait than this.
const MAX_INPUTS: usize = 1 << 13;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct MemberSession {
    /// How it joins, until it is connected.
    join: Option<Input>,
    channel: Option<Channel>,
    messages: TokenBucket,
    control_bytes: usize,
    bits: TokenBucket,
    totals: Totals,
    inputs: Vec<Input>,
    files: Option<Arc<RoomFiles>>,
    transfers: FileTransfers,
    /// Files that it sends, by its numbers.
    offers: BTreeMap<u64, FileOffer>,
    /// Messages that wait to be sent.
    replies: Vec<String>,
}

impl MemberSession {
    /// `join` is passed to the conference once the member is connected; `files`: where its files are
    /// stored, `None` to reject them.
    pub(super) fn new(join: Input, files: Option<Arc<RoomFiles>>, limits: &Limits) -> Self {
        let store = files.as_ref().map(|files| Arc::clone(files.store()));
        Self {
            join: Some(join),
            channel: None,
            messages: TokenBucket::new(limits.control_per_second.into()),
            control_bytes: limits.control_bytes,
            bits: TokenBucket::over(limits.bitrate, 2),
            totals: Totals::default(),
            inputs: Vec::new(),
            files,
            transfers: FileTransfers::new(store, limits.control_bytes),
            offers: BTreeMap::new(),
            replies: Vec::new(),
        }
    }

    /// Sent packets and bytes.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Returns the inputs for the conference.
    pub(super) fn take_inputs(&mut self) -> Vec<Input> {
        std::mem::take(&mut self.inputs)
    }

    /// Whether the last input is a packet of video that does not end its frame.
    pub(super) fn has_open_frame(&self) -> bool {
        let Some(Input::Packet(packet)) = self.inputs.last() else { return false };
        packet.codec != Codec::Opus && !packet.header.marker
    }

    /// Handles an event of the peer.
    ///
    /// # Errors
    ///
    /// Why the session must end.
    pub(super) fn handle_event(&mut self, now: Duration, event: Event) -> Result<(), EndReason> {
        match event {
            // The peer reports the sections of the offer after the connection.
            Event::Connected => self.inputs.extend(self.join.take()),
            Event::Media(media) => self.inputs.push(Input::Section(media)),
            Event::Rtp(packet) => {
                let bytes = u64::try_from(packet.payload.len()).unwrap_or(u64::MAX);
                if !self.bits.take(now, 8 * bytes) {
                    return Err(EndReason::Limit("bits per second"));
                }
                self.inputs.push(Input::Packet(packet));
            }
            Event::KeyFrameRequest { mid, .. } => self.inputs.push(Input::KeyFrameRequest(mid)),
            Event::Estimate { layers, .. } => self.set_estimate(layers),
            Event::Stats(stats) => {
                if let Stats::Path(path) = *stats {
                    let measured = path.round_trip.or(path.ice_round_trip);
                    self.inputs.extend(measured.map(Input::RoundTrip));
                }
            }
            Event::ChannelOpen { channel, .. } if self.channel.is_none() => {
                self.channel = Some(channel);
                self.inputs.push(Input::Open);
            }
            Event::ChannelClosed { channel } if self.channel == Some(channel) => {
                self.channel = None;
            }
            Event::ChannelMessage { channel, binary, data } if self.channel == Some(channel) => {
                return self.handle_message(now, binary, data);
            }
            _ => {}
        }
        if self.inputs.len() > MAX_INPUTS {
            return Err(EndReason::Limit("packets that arrive at once"));
        }
        Ok(())
    }

    /// Passes the estimate on. It replaces one that waits: after a delay of this thread, the feedback of some time is
    /// handled at once, and what the first part of it says is outdated.
    fn set_estimate(&mut self, estimate: Bitrate) {
        let waits = self.inputs.iter_mut().find(|input| matches!(input, Input::Estimate(_)));
        match waits {
            Some(waits) => *waits = Input::Estimate(estimate),
            None => self.inputs.push(Input::Estimate(estimate)),
        }
    }

    fn handle_message(
        &mut self,
        now: Duration,
        binary: bool,
        data: Vec<u8>,
    ) -> Result<(), EndReason> {
        if binary {
            if let Some((id, progress)) = self.transfers.handle_chunk(now, &data)? {
                self.report(id, progress);
            }
            return Ok(());
        }
        if !self.messages.take(now, 1) {
            return Err(EndReason::Limit("control messages per second"));
        }
        if data.len() > self.control_bytes {
            return Err(EndReason::Limit("size of a control message"));
        }
        let text = String::from_utf8(data);
        let text = text.map_err(|_| EndReason::Protocol("invalid UTF-8 text".to_owned()))?;
        self.inputs.push(Input::Message(text));
        Ok(())
    }

    /// Receives a file that the conference has allowed.
    fn receive_file(&mut self, offer: FileOffer) {
        let (id, attachment) = (offer.transfer, &offer.attachment);
        let begun = self.transfers.begin(
            id,
            &offer.owner,
            &attachment.name,
            attachment.bytes,
            &attachment.sha256,
        );
        self.offers.insert(id, offer);
        self.report(id, begun);
    }

    /// Reports the progress of a file; one that is complete becomes a message of the room.
    fn report(&mut self, id: u64, mut progress: Result<Progress, UploadError>) {
        if let Ok(Progress::Stored(name)) = &progress
            && let Some(offer) = self.offers.get(&id)
            && let Some(files) = &self.files
        {
            let attachment = &offer.attachment;
            let info = FileInfo::new(&attachment.name, &attachment.media_type, attachment.bytes);
            progress = files.add(name, info).map(Progress::Stored);
        }
        if !matches!(progress, Ok(Progress::At(_)))
            && let Some(offer) = self.offers.remove(&id)
            && let Ok(Progress::Stored(file)) = &progress
        {
            self.inputs.push(Input::Stored(Box::new(offer), file.clone()));
        }
        self.replies.push(progress_message(id, &progress));
    }

    /// Sends the replies to messages of the member.
    pub(super) fn send_replies(&mut self, now: Duration, peer: &mut Peer) {
        for reply in self.replies.drain(..) {
            if let Some(channel) = self.channel {
                let _ = peer.send_message(now, channel, false, reply.as_bytes());
            }
        }
    }

    /// Performs the actions that the conference requests.
    ///
    /// # Errors
    ///
    /// Why the session must end.
    pub(super) fn act(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        actions: impl IntoIterator<Item = Action>,
    ) -> Result<(), EndReason> {
        for action in actions {
            self.act_once(now, peer, action)?;
        }
        Ok(())
    }

    fn act_once(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        action: Action,
    ) -> Result<(), EndReason> {
        match action {
            Action::Send(mid, packet) => self.send(now, peer, mid, packet),
            Action::Tell(text) => {
                if let Some(channel) = self.channel {
                    // A message that cannot be sent is lost for this member only.
                    let _ = peer.send_message(now, channel, false, text.as_bytes());
                }
            }
            Action::Receive(offer) => {
                self.receive_file(*offer);
                self.send_replies(now, peer);
            }
            Action::RequestKeyFrame(ssrc) => {
                // Without a packet from this SSRC there is nobody to ask.
                let _ = peer.request_key_frame_of(now, ssrc, KeyFrameRequestKind::Pli);
            }
            Action::Desire(bitrate) => peer.set_desired_bitrate(bitrate),
            Action::End(reason) => return Err(reason),
        }
        Ok(())
    }

    fn send(&mut self, now: Duration, peer: &mut Peer, mid: Mid, packet: Forwarded) {
        let (bytes, marker) = (packet.payload.len(), packet.marker);
        // A packet that is not accepted counts as lost.
        if peer.forward(now, mid, packet).is_ok() {
            self.totals.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
            self.totals.frames += u64::from(marker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::conference::{Invitation, Person};
    use super::*;

    #[test]
    fn floods_and_binary_messages_end_the_session_of_a_member() {
        let limits = Limits { control_per_second: 5, ..Limits::default() };
        let invitation =
            Invitation { person: Person::unknown(), moderates: false, subject: None, name: None };
        let join = || {
            let invitation = invitation.clone();
            Input::Join { room: "team".into(), invitation, session: 1 }
        };
        let member = || MemberSession::new(join(), None, &limits);
        let now = Duration::ZERO;
        assert_eq!(member().handle_message(now, false, b"{}".to_vec()), Ok(()));
        let binary = member().handle_message(now, true, b"{}".to_vec());
        assert!(matches!(binary, Err(EndReason::Protocol(_))));
        let text = member().handle_message(now, false, vec![0xff]);
        assert!(matches!(text, Err(EndReason::Protocol(_))));
        let long = member().handle_message(now, false, vec![b' '; 65 << 10]);
        assert_eq!(long, Err(EndReason::Limit("size of a control message")));
        let mut busy = member();
        let ends = (0..6).map(|_| busy.handle_message(now, false, b"{}".to_vec()).err());
        let flood = EndReason::Limit("control messages per second");
        assert_eq!(ends.flatten().collect::<Vec<_>>(), [flood]);
        assert_eq!(busy.take_inputs().len(), 5);
    }

    #[test]
    fn a_newer_estimate_replaces_one_that_waits() {
        let invitation =
            Invitation { person: Person::unknown(), moderates: false, subject: None, name: None };
        let join = Input::Join { room: "team".into(), invitation, session: 1 };
        let mut member = MemberSession::new(join, None, &Limits::default());
        for kbps in [800, 2500] {
            member.set_estimate(Bitrate::kbps(kbps));
            member.inputs.push(Input::Open);
        }
        let inputs = member.take_inputs();
        assert!(matches!(
            inputs[..],
            [Input::Estimate(Bitrate(2_500_000)), Input::Open, Input::Open]
        ));
    }
}
