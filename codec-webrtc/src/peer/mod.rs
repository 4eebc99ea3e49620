//! The state machine of a call.

mod channels;
mod congestion;
mod contain;
mod correction;
mod delivery;
mod drive;
mod media;
mod negotiate;
mod translate;

#[cfg(test)]
pub(super) use media::Outgoing;
pub use media::SendError;
pub use negotiate::PendingOffer;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use codec_core::codec::Bitrate;
use str0m::net::{Protocol, Receive};
use str0m::{Input, Rtc};

use super::guard::{self, Counters, Guard};
use super::provider::MediaKeys;
use super::{ClosedReason, Event, PeerLimits};

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Which of the addresses of this end it leaves from: that of a socket, or one on a TURN server.
    pub source: SocketAddr,
    /// Where it goes.
    pub destination: SocketAddr,
    /// The datagram.
    pub payload: Vec<u8>,
}

/// One end of a call. See the [crate](crate).
///
/// # Call order
///
/// After each call that takes `now`, fetch what [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event) have, and call [`handle_timeout`](Self::handle_timeout) no later
/// than [`poll_timeout`](Self::poll_timeout).
///
/// Bytes from outside never end a call by themselves. It ends when either end says so
/// (authenticated), when the other end no longer answers checks, or when the handshake takes too
/// long; then there is one last event, [`Event::Closed`]. A panic in the stack ends the call in the
/// same way, with [`ClosedReason::Internal`]: it does not reach the caller.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub struct Peer {
    rtc: Box<Rtc>,
    base: Instant,
    limits: PeerLimits,
    started: Duration,
    now: Duration,
    guard: Guard,
    keys: MediaKeys,
    /// Sources of authentic media.
    sources: Vec<u32>,
    counters: Counters,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    /// When the stack has something to do.
    stack_time: Option<Duration>,
    state: State,
    /// Until when the stack is asked to tell the other end that the call is over.
    hang_up: Option<Duration>,
    ice_connected: bool,
    /// Last connectivity check of the other end or answer of its that was valid.
    consent: Duration,
    plain_alert: Option<u8>,
    last_error: Option<String>,
    /// Times in a row that the stack gave errors instead of output.
    failures: u32,
    paced: bool,
    senders: Vec<media::Sender>,
    channels: Vec<str0m::channel::ChannelId>,
    /// A line for data channels is in the SDP.
    data_negotiated: bool,
    /// Candidates of the other end that came after the SDP.
    remote_candidates: usize,
    deliveries: Option<delivery::Sent>,
    /// Both ends have RED with ULPFEC.
    correction: Option<correction::Correction>,
    /// A panic has ended the call: the stack is not used any more.
    broken: bool,
    /// Tests: the stack panics.
    #[cfg(test)]
    pub(super) trap: bool,
    congestion: Option<congestion::Congestion>,
}

/// How far a call is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Handshake,
    Connected,
    /// The last datagrams are leaving; [`Event::Closed`] has been given.
    Closed,
}

impl Peer {
    /// A datagram that came from `source` to `destination`, which is one of the candidates: the
    /// address of the socket, or for what a TURN server passed on the address there.
    pub fn handle_datagram(
        &mut self,
        now: Duration,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) {
        self.contained((), |peer| peer.take(now, source, destination, datagram));
    }

    fn take(
        &mut self,
        now: Duration,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) {
        self.counters.received += 1;
        self.advance(now);
        if !self.rtc.is_alive() {
            return;
        }
        let Some(protocol) =
            guard::protocol(datagram).filter(|_| datagram.len() <= self.limits.datagram_bytes)
        else {
            self.counters.malformed += 1;
            return;
        };
        let verified = self.guard.is_verified(source);
        if !verified && protocol != guard::Protocol::Stun {
            self.counters.unverified += 1;
            return;
        }
        if !verified && !self.guard.allow(self.now) {
            self.counters.rate_limited += 1;
            return;
        }
        if !self.is_from_true_source(datagram) {
            return;
        }
        let (without_alerts, alert);
        let mut bytes = datagram;
        if protocol == guard::Protocol::Dtls && self.state == State::Handshake {
            (without_alerts, alert) = guard::without_plain_alerts(datagram);
            if alert.is_some() {
                self.counters.plain_alerts += 1;
                self.plain_alert = alert;
            }
            if without_alerts.is_empty() {
                return;
            }
            bytes = &without_alerts;
        }
        let Ok(receive) = Receive::new(Protocol::Udp, source, destination, bytes) else {
            self.counters.malformed += 1;
            return;
        };
        if protocol == guard::Protocol::Rtp {
            self.note_arriving(datagram);
        }
        let input = Input::Receive(self.instant(self.now), receive);
        if protocol == guard::Protocol::Stun {
            if !self.rtc.accepts(&input) {
                self.counters.forged_checks += 1;
                return;
            }
            self.guard.verify(source);
            self.consent = self.now;
        }
        if let Err(error) = self.rtc.handle_input(input) {
            self.input_error(&error);
        }
        self.drive();
    }

    /// The stack makes room for a source, even in place of another, before it finds out that the
    /// packet is forged: so the first packet of each source has to prove itself here.
    fn is_from_true_source(&mut self, datagram: &[u8]) -> bool {
        let Some(ssrc) = guard::rtp_source(datagram) else { return true };
        if self.sources.contains(&ssrc) {
            return true;
        }
        if !self.keys.is_authentic(datagram, ssrc) {
            self.counters.forged_media += 1;
            return false;
        }
        if self.sources.len() >= self.limits.sources {
            self.counters.refused_sources += 1;
            return false;
        }
        self.sources.push(ssrc);
        true
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.contained((), |peer| {
            peer.advance(now);
            peer.tick();
        });
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; `None` once all is done.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let deadline = match self.state {
            State::Handshake => Some(self.started.saturating_add(self.limits.handshake)),
            State::Connected => Some(self.consent.saturating_add(self.limits.consent)),
            State::Closed => self.hang_up,
        };
        [self.stack_time, deadline, self.congestion_time()].into_iter().flatten().min()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Hangs up: the other end is told by the datagrams that [`poll_transmit`](Self::poll_transmit)
    /// gives next.
    pub fn close(&mut self, now: Duration) {
        self.contained((), |peer| {
            peer.advance(now);
            peer.end(ClosedReason::Local);
        });
    }

    /// ICE and DTLS are done and nobody has hung up.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// The call is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// What came and what became of it.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether [`handle_datagram`](Self::handle_datagram) would take this datagram: for several peers on one
    /// socket. Answers with the connectivity check's name and integrity, or the verified source.
    #[must_use]
    pub fn accepts(&self, source: SocketAddr, destination: SocketAddr, datagram: &[u8]) -> bool {
        match guard::protocol(datagram) {
            _ if self.broken => false,
            Some(guard::Protocol::Stun) if datagram.len() <= self.limits.datagram_bytes => {
                let accepted = contain::caught(|| {
                    let receive = Receive::new(Protocol::Udp, source, destination, datagram);
                    receive.is_ok_and(|receive| {
                        self.rtc.accepts(&Input::Receive(self.instant(self.now), receive))
                    })
                });
                accepted.unwrap_or(false)
            }
            Some(_) => self.guard.is_verified(source),
            None => false,
        }
    }

    /// The version of DTLS in use: 12 or 13.
    #[must_use]
    pub fn dtls_version(&mut self) -> Option<u8> {
        use str0m::crypto::dtls::ProtocolVersion;
        self.contained(None, |peer| match peer.rtc.direct_api().dtls_protocol_version()? {
            ProtocolVersion::DTLS1_2 => Some(12),
            ProtocolVersion::DTLS1_3 => Some(13),
            _ => None,
        })
    }

    /// The rate that the media could use: probes go up to it, so that an estimate above what is
    /// sent now can be found.
    pub fn set_desired_bitrate(&mut self, bitrate: Bitrate) {
        if self.set_highest_estimate(bitrate) {
            return;
        }
        let desired = str0m::bwe::Bitrate::bps(bitrate.0);
        self.contained((), |peer| peer.rtc.bwe().set_bitrate(str0m::bwe::Bitrate::ZERO, desired));
    }

    /// Begins the estimate anew, as after a change of the path.
    pub fn reset_estimate(&mut self, bitrate: Bitrate) {
        let bitrate = str0m::bwe::Bitrate::bps(bitrate.0);
        self.contained((), |peer| peer.rtc.bwe().reset(bitrate));
    }

    fn instant(&self, at: Duration) -> Instant {
        self.base.checked_add(at).unwrap_or(self.base)
    }

    fn since_base(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.base)
    }

    /// Time does not run backwards.
    fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        #[cfg(test)]
        assert!(!self.trap, "a panic in the stack");
    }

    fn input_error(&mut self, error: &dyn std::fmt::Display) {
        self.counters.input_errors += 1;
        let mut text = error.to_string();
        if let Some((cut, _)) = text.char_indices().nth(200) {
            text.truncate(cut);
        }
        self.last_error = Some(text);
    }
}
