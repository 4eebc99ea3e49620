//! A member of a conference: passes its packets and messages to the conference, and sends what the
//! conference has for it.

use std::sync::Arc;
use std::time::Duration;

use codec_webrtc::{Channel, Event, Forwarded, KeyFrameRequestKind, Mid, Peer, Stats};

use super::super::audit::Totals;
use super::super::conference::{Action, Input, Invitation};
use super::super::limits::Limits;
use super::super::outcome::EndReason;
use super::super::token_bucket::TokenBucket;

/// Sessions end if more inputs wait than this.
const MAX_INPUTS: usize = 1 << 13;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct MemberSession {
    room: Arc<str>,
    invitation: Invitation,
    session: u64,
    channel: Option<Channel>,
    messages: TokenBucket,
    control_bytes: usize,
    bits: TokenBucket,
    totals: Totals,
    inputs: Vec<Input>,
}

impl MemberSession {
    pub(super) fn new(
        room: Arc<str>,
        invitation: Invitation,
        session: u64,
        limits: &Limits,
    ) -> Self {
        Self {
            room,
            invitation,
            session,
            channel: None,
            messages: TokenBucket::new(limits.control_per_second.into()),
            control_bytes: limits.control_bytes,
            bits: TokenBucket::over(limits.bitrate, 2),
            totals: Totals::default(),
            inputs: Vec::new(),
        }
    }

    /// Sent packets and bytes.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// What the conference has to know.
    pub(super) fn take_inputs(&mut self) -> Vec<Input> {
        std::mem::take(&mut self.inputs)
    }

    /// Handles an event of the peer.
    ///
    /// # Errors
    ///
    /// Why the session must end.
    pub(super) fn handle_event(&mut self, now: Duration, event: Event) -> Result<(), EndReason> {
        match event {
            // The peer reports the sections of the offer after the connection.
            Event::Connected => {
                let (room, invitation) = (Arc::clone(&self.room), self.invitation.clone());
                self.inputs.push(Input::Join { room, invitation, session: self.session });
            }
            Event::Media(media) => self.inputs.push(Input::Section(media)),
            Event::Rtp(packet) => {
                let bytes = u64::try_from(packet.payload.len()).unwrap_or(u64::MAX);
                if !self.bits.take(now, 8 * bytes) {
                    return Err(EndReason::Limit("bits per second"));
                }
                self.inputs.push(Input::Packet(packet));
            }
            Event::KeyFrameRequest { mid, .. } => self.inputs.push(Input::KeyFrameRequest(mid)),
            Event::Estimate { bitrate, .. } => self.inputs.push(Input::Estimate(bitrate)),
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
            return Err(EndReason::Limit("packets at once"));
        }
        Ok(())
    }

    fn handle_message(
        &mut self,
        now: Duration,
        binary: bool,
        data: Vec<u8>,
    ) -> Result<(), EndReason> {
        if !self.messages.take(now, 1) {
            return Err(EndReason::Limit("control messages per second"));
        }
        if data.len() > self.control_bytes {
            return Err(EndReason::Limit("size of a control message"));
        }
        let text = String::from_utf8(data).ok().filter(|_| !binary);
        let text = text.ok_or_else(|| EndReason::Protocol("invalid UTF-8 text".to_owned()))?;
        self.inputs.push(Input::Message(text));
        Ok(())
    }

    /// Does what the conference asks for.
    ///
    /// # Errors
    ///
    /// Why the session must end.
    pub(super) fn act(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        actions: Vec<Action>,
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
    use super::*;

    #[test]
    fn floods_and_binary_messages_end_the_session_of_a_member() {
        let limits = Limits { control_per_second: 5, ..Limits::default() };
        let member = || MemberSession::new("team".into(), Invitation::default(), 1, &limits);
        let now = Duration::ZERO;
        assert_eq!(member().handle_message(now, false, b"{}".to_vec()), Ok(()));
        let binary = member().handle_message(now, true, b"{}".to_vec());
        assert!(matches!(binary, Err(EndReason::Protocol(_))));
        let long = member().handle_message(now, false, vec![b' '; 65 << 10]);
        assert_eq!(long, Err(EndReason::Limit("size of a control message")));
        let mut busy = member();
        let ends = (0..6).map(|_| busy.handle_message(now, false, b"{}".to_vec()).err());
        let flood = EndReason::Limit("control messages per second");
        assert_eq!(ends.flatten().collect::<Vec<_>>(), [flood]);
        assert_eq!(busy.take_inputs().len(), 5);
    }
}
