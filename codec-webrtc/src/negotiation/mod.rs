//! Renegotiates a session by offers and answers over one of its data channels. [`Negotiation`] keeps the changes that
//! this endpoint wants, and offers them one at a time. If both endpoints make an offer at the same time, one of them
//! yields ("perfect negotiation", RFC 8829, section 4.1.8.2).

mod error;

use std::collections::VecDeque;
use std::time::Duration;

use crate::{Channel, Direction, Event, MediaPlan, Mid, Peer, PendingOffer};

pub use error::NegotiationError;
use error::shortened;

/// Maximum number of changes that wait for an open offer.
const MAX_WAITING: usize = 64;

/// Which endpoint yields if both make an offer at the same time. One of them must be polite, and the other one impolite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollisionRole {
    /// This endpoint rolls its own offer back, answers the other one, and makes its own offer again.
    Polite,
    /// This endpoint ignores the other offer.
    Impolite,
}

/// Identifies a change that [`Negotiation::change`] or [`Negotiation::restart_ice`] has requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChangeId(u64);

/// A change that this endpoint wants. Each one has its own offer.
#[derive(Debug)]
pub(super) enum Change {
    Media { added: Vec<MediaPlan>, directions: Vec<(Mid, Direction)> },
    IceRestart,
}

/// The offer that waits for its answer.
#[derive(Debug)]
struct Open {
    pending: PendingOffer,
    id: ChangeId,
    change: Change,
}

/// Renegotiates a running session over one of its data channels. It answers the offers of the remote endpoint, makes
/// offers for the changes of this one, one at a time, and handles offers that cross.
///
/// The first offer and answer, with the data channel, are exchanged otherwise ([`Peer::answer`], [`Peer::offer`]), for
/// example by HTTP. Then the application passes all events of the peer to [`handle_event`](Self::handle_event).
///
/// # Messages
///
/// Messages of the data channel are text: a line with the type, followed by the content. `offer` and `answer` have an
/// SDP. `refused` has the reason why an offer cannot be answered: the endpoint that has made the offer rolls it back.
/// The polite end in a browser:
///
/// ```js
/// const send = () => channel.send(`${pc.localDescription.type}\n${pc.localDescription.sdp}`);
/// pc.onnegotiationneeded = async () => {
///   await pc.setLocalDescription();
///   if (pc.signalingState === "have-local-offer") send();
/// };
/// channel.onmessage = async ({ data }) => {
///   const end = data.indexOf("\n");
///   const [type, sdp] = [data.slice(0, end), data.slice(end + 1)];
///   if (type === "refused") return pc.setLocalDescription({ type: "rollback" });
///   try {
///     await pc.setRemoteDescription({ type, sdp }); // rolls back an offer of its own
///   } catch (error) {
///     if (type === "offer") channel.send(`refused\n${error}`);
///     return;
///   }
///   if (type === "offer") {
///     await pc.setLocalDescription();
///     send();
///   }
/// };
/// ```
///
/// # Example
///
/// Two peers, each of which adds a video to the session:
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use codec_webrtc::{
///     ChannelSettings, CollisionRole, Direction, Kind, MediaPlan, Negotiation, Peer,
/// };
/// # use codec_webrtc::{Certificate, LocalCandidate, PeerConfig};
/// # let base = Instant::now();
/// # let config = |secret: u8, address: &str| -> Result<PeerConfig, Box<dyn std::error::Error>> {
/// #     let certificate = Certificate::generate(&[secret; 32], Duration::from_secs(1_800_000_000), 30)?;
/// #     let mut config = PeerConfig::new(base, [secret + 1; 32], certificate);
/// #     config.candidates.push(LocalCandidate::Host(address.parse()?));
/// #     Ok(config)
/// # };
/// # let (caller_config, callee_config) = (config(1, "192.0.2.1:5000")?, config(3, "192.0.2.2:5000")?);
///
/// let mut now = Duration::ZERO;
/// let channel = [ChannelSettings::reliable("signalling")];
/// let (mut caller, offer, pending, _) = Peer::offer(&caller_config, &[], &channel, now)?;
/// let (callee, answer) = Peer::answer(&offer, &callee_config, now)?;
/// caller.accept_answer(pending, &answer, now)?;
///
/// let mut peers = [caller, callee];
/// let mut negotiations = [CollisionRole::Polite, CollisionRole::Impolite]
///     .map(|role| Negotiation::new("signalling", role));
/// // The data channel is not open yet: the changes wait. Then the offers cross.
/// let video = [MediaPlan::new(Kind::Video, Direction::SendOnly)];
/// for (negotiation, peer) in negotiations.iter_mut().zip(&mut peers) {
///     negotiation.change(now, peer, &video, &[])?;
/// }
/// let mut sections = [0, 0];
/// while sections != [2, 2] && now < Duration::from_secs(10) {
///     now += Duration::from_millis(10);
///     for end in 0..2 {
///         peers[end].handle_timeout(now);
///         while let Some(event) = peers[end].poll_event() {
///             match negotiations[end].handle_event(now, &mut peers[end], event)? {
///                 Some(codec_webrtc::Event::Media(_)) => sections[end] += 1,
///                 _ => {} // other events of the application, or none
///             }
///         }
///         while let Some(sent) = peers[end].poll_transmit() {
///             peers[1 - end].handle_datagram(now, sent.source, sent.destination, &sent.payload);
///         }
///     }
/// }
/// assert_eq!(sections, [2, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Negotiation {
    label: String,
    role: CollisionRole,
    pub(super) channel: Option<Channel>,
    open: Option<Open>,
    pub(super) waiting: VecDeque<(ChangeId, Change)>,
    next: u64,
    /// The sections that answered offers of this endpoint have added.
    pub(super) added: Vec<(Mid, ChangeId)>,
}

impl Negotiation {
    /// Negotiates over the data channel with this label, which either endpoint opens. If there are several, the first
    /// one is used.
    #[must_use]
    pub fn new(label: &str, role: CollisionRole) -> Self {
        let (waiting, added) = (VecDeque::new(), Vec::new());
        Self { label: label.to_owned(), role, channel: None, open: None, waiting, next: 0, added }
    }

    /// Requests a change of the media, as [`Peer::offer_changes`] does. The change is offered when the data channel is
    /// open and the earlier changes are answered. Then [`Event::Media`] reports each added section, in the order of
    /// `added`, and [`change_of`](Self::change_of) returns the change.
    ///
    /// # Errors
    /// Returns [`NegotiationError::TooManyChanges`] if 64 changes wait, and [`NegotiationError::NotOffered`] and
    /// [`NegotiationError::NotSent`] if the change is offered at once and this fails. The change is then dropped.
    pub fn change(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        added: &[MediaPlan],
        directions: &[(Mid, Direction)],
    ) -> Result<ChangeId, NegotiationError> {
        let (added, directions) = (added.to_vec(), directions.to_vec());
        self.request(now, peer, Change::Media { added, directions })
    }

    /// Requests an ICE restart, as [`Peer::restart_ice`] does, after the earlier changes. It needs a path on which the
    /// data channel still works, such as during a change from one network to another.
    ///
    /// # Errors
    /// As for [`change`](Self::change).
    pub fn restart_ice(
        &mut self,
        now: Duration,
        peer: &mut Peer,
    ) -> Result<ChangeId, NegotiationError> {
        self.request(now, peer, Change::IceRestart)
    }

    /// The change that added a media section; `None` if the remote endpoint, or the first offer, added it.
    #[must_use]
    pub fn change_of(&self, mid: Mid) -> Option<ChangeId> {
        self.added.iter().find(|(of, _)| *of == mid).map(|(_, id)| *id)
    }

    /// Whether a change of this endpoint waits for its answer or for its offer.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.open.is_some() || !self.waiting.is_empty()
    }

    /// Takes an event of `peer`. Returns it, unless it belongs to the data channel of the negotiation.
    ///
    /// # Errors
    /// Returns [`NegotiationError`] if a message is invalid, or if an offer or answer of either endpoint was rejected.
    /// The session and the negotiation continue; only after [`NegotiationError::NotSent`] the application should close
    /// the session.
    pub fn handle_event(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        event: Event,
    ) -> Result<Option<Event>, NegotiationError> {
        let handled = match event {
            Event::ChannelOpen { channel, ref label }
                if self.channel.is_none() && *label == self.label =>
            {
                self.channel = Some(channel);
                Ok(())
            }
            Event::ChannelClosed { channel } if self.channel == Some(channel) => {
                self.channel = None;
                self.roll_back();
                Ok(())
            }
            Event::ChannelMessage { channel, binary, ref data }
                if self.channel == Some(channel) =>
            {
                self.handle_message(now, peer, binary, data)
            }
            other => return Ok(Some(other)),
        };
        let offered = self.offer_next(now, peer);
        handled.and(offered).map(|()| None)
    }

    fn handle_message(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        is_binary: bool,
        data: &[u8],
    ) -> Result<(), NegotiationError> {
        let text = std::str::from_utf8(data).ok().filter(|_| !is_binary);
        let malformed = || NegotiationError::Malformed { begin: shortened(data) };
        match text.and_then(|text| text.split_once('\n')).ok_or_else(malformed)? {
            ("offer", sdp) => self.answer(now, peer, sdp),
            ("answer", sdp) => {
                let unexpected = NegotiationError::UnexpectedReply("answer");
                let Open { pending, id, .. } = self.open.take().ok_or(unexpected)?;
                let added: Vec<_> = pending.added().map(|mid| (mid, id)).collect();
                let accepted = peer.accept_answer(pending, sdp, now);
                accepted.map_err(|error| NegotiationError::AnswerRejected { id, error })?;
                self.added.extend(added);
                Ok(())
            }
            ("refused", reason) => {
                let unexpected = NegotiationError::UnexpectedReply("refusal");
                let Open { id, .. } = self.open.take().ok_or(unexpected)?;
                Err(NegotiationError::Refused { id, reason: shortened(reason.as_bytes()) })
            }
            _ => Err(malformed()),
        }
    }

    /// Answers an offer of the remote endpoint, unless it ignores it.
    fn answer(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        offer: &str,
    ) -> Result<(), NegotiationError> {
        match self.role {
            // The remote endpoint rolls its offer back and makes it again later.
            CollisionRole::Impolite if self.open.is_some() => return Ok(()),
            CollisionRole::Impolite => {}
            CollisionRole::Polite => self.roll_back(),
        }
        match peer.answer_changes(offer, now) {
            Ok(answer) => self.send(now, peer, "answer", &answer),
            Err(error) => {
                self.send(now, peer, "refused", &error.to_string())?;
                Err(NegotiationError::OfferRejected(error))
            }
        }
    }

    fn request(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        change: Change,
    ) -> Result<ChangeId, NegotiationError> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(NegotiationError::TooManyChanges { limit: MAX_WAITING });
        }
        let id = ChangeId(self.next);
        self.next += 1;
        self.waiting.push_back((id, change));
        self.offer_next(now, peer).map(|()| id)
    }

    /// Offers the next change that can be offered. Returns the first error of others, which are dropped.
    fn offer_next(&mut self, now: Duration, peer: &mut Peer) -> Result<(), NegotiationError> {
        let mut result = Ok(());
        while self.channel.is_some() && self.open.is_none() {
            let Some((id, change)) = self.waiting.pop_front() else { break };
            result = result.and(self.offer(now, peer, id, change));
        }
        result
    }

    fn offer(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        id: ChangeId,
        change: Change,
    ) -> Result<(), NegotiationError> {
        let offered = match &change {
            Change::Media { added, directions } => peer.offer_changes(added, directions, now),
            Change::IceRestart => peer.restart_ice(now),
        };
        let offered = offered.map_err(|error| NegotiationError::NotOffered { id, error });
        let (offer, pending) = offered?;
        self.send(now, peer, "offer", &offer)?;
        self.open = Some(Open { pending, id, change });
        Ok(())
    }

    /// Drops the open offer, and makes it again later.
    fn roll_back(&mut self) {
        if let Some(Open { id, change, .. }) = self.open.take() {
            self.waiting.push_front((id, change));
        }
    }

    fn send(
        &self,
        now: Duration,
        peer: &mut Peer,
        kind: &'static str,
        content: &str,
    ) -> Result<(), NegotiationError> {
        let Some(channel) = self.channel else {
            return Err(NegotiationError::NotSent { kind, error: None });
        };
        let message = format!("{kind}\n{content}");
        match peer.send_message(now, channel, false, message.as_bytes()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(NegotiationError::NotSent { kind, error: None }),
            Err(error) => Err(NegotiationError::NotSent { kind, error: Some(error) }),
        }
    }
}
