//! The peer state machine.

mod channels;
mod congestion;
mod delivery;
mod directions;
mod drive;
mod egress;
mod fec;
mod ice_restart;
mod ice_state;
mod media;
mod negotiate;
mod panic_guard;
mod renegotiate;
mod send_error;
mod silence;
mod terms;
mod translate;

pub use media::Forwarded;
#[cfg(test)]
pub(super) use media::Outgoing;
#[cfg(test)]
pub(super) use media::Payload;
pub use negotiate::PendingOffer;
pub use send_error::SendError;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use codec_core::codec::Bitrate;
use str0m::net::{Protocol, Receive};
use str0m::{Input, Rtc};

use super::address_filter::{self, AddressFilter};
use super::counters::Counters;
use super::provider::MediaKeys;
use super::{Buffers, ClosedReason, Event, Mid, PeerLimits};
use codec_rtc::extension::Label;

/// Deadlines that may be late are multiples of this time, and at most so late.
const COMMON_STEP: Duration = Duration::from_millis(10);

/// The next common deadline from a time on. Peers with the same clock then have the same deadlines, and a server with many
/// peers wakes up once for all of them.
fn common_time(at: Duration) -> Duration {
    let step = COMMON_STEP.as_nanos();
    let nanos = at.as_nanos().div_ceil(step).saturating_mul(step);
    u64::try_from(nanos).map_or(at, Duration::from_nanos)
}

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Local address to send from: the address of a socket, or a relayed address on a TURN server.
    pub source: SocketAddr,
    /// Destination address.
    pub destination: SocketAddr,
    /// The datagram.
    pub payload: Vec<u8>,
}

/// A WebRTC peer. See the [crate].
///
/// # Call order
///
/// After each call that takes `now`, drain [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event) until both return `None`, and call
/// [`handle_timeout`](Self::handle_timeout) no later than [`poll_timeout`](Self::poll_timeout).
///
/// # End of a session
///
/// A session ends when either endpoint closes it (authenticated), when the remote endpoint no
/// longer responds to connectivity checks, or when the handshake times out; the last event is then
/// [`Event::Closed`]. Unauthenticated input never ends a session. A panic in str0m does not reach
/// the caller: it ends the session with [`ClosedReason::Internal`].
#[derive(Debug)]
#[cfg_attr(test, expect(clippy::struct_excessive_bools, reason = "independent state flags"))]
pub struct Peer {
    rtc: Box<Rtc>,
    base: Instant,
    limits: PeerLimits,
    terms: terms::Terms,
    started: Duration,
    now: Duration,
    address_filter: AddressFilter,
    keys: MediaKeys,
    /// SSRCs of authentic media.
    sources: Vec<u32>,
    counters: Counters,
    transmits: VecDeque<Transmit>,
    buffers: Buffers,
    events: VecDeque<Event>,
    /// Next deadline of str0m.
    stack_time: Option<Duration>,
    state: State,
    /// Deadline for notifying the remote endpoint of the end of the session.
    hang_up: Option<Duration>,
    ice_connected: bool,
    /// Time of the last valid connectivity check or response from the remote endpoint.
    consent: Duration,
    silence: silence::Silence,
    plain_alert: Option<u8>,
    /// Time of the first unencrypted alert since the last other record of the handshake.
    alerted: Option<Duration>,
    last_error: Option<String>,
    /// Number of consecutive errors of str0m.
    failures: u32,
    egress: egress::Egress,
    /// Simulcast layers to send, of each media section that has some.
    send_layers: Vec<(Mid, Vec<Label>)>,
    channels: Vec<str0m::channel::ChannelId>,
    /// Whether the SDP has a section for data channels.
    data_negotiated: bool,
    directions: directions::Directions,
    /// Number of SDPs of this endpoint after the first one.
    descriptions: u64,
    ice_restarts: ice_state::IceRestarts,
    /// Number of remote candidates received after the SDP (trickle ICE), or in and after the last restart.
    remote_candidates: usize,
    deliveries: Option<delivery::Sent>,
    /// FEC state, if both endpoints support RED with ULPFEC.
    fec: Option<fec::FecState>,
    /// A panic ended the session: str0m is not used any more.
    broken: bool,
    /// For tests: makes str0m panic.
    #[cfg(test)]
    pub(super) panic_in_test: bool,
    congestion: Option<congestion::Congestion>,
}

/// State of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Handshake,
    Connected,
    /// The last datagrams are being sent; [`Event::Closed`] has been emitted.
    Closed,
}

impl Peer {
    /// Processes a datagram from `source` to `destination`, which is one of the local candidates:
    /// the address of the socket, or the relayed address for data from a TURN server.
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
        let Some(protocol) = address_filter::protocol(datagram)
            .filter(|_| datagram.len() <= self.limits.datagram_bytes)
        else {
            self.counters.malformed += 1;
            return;
        };
        let verified = self.address_filter.is_verified(source);
        if !verified && protocol != address_filter::Protocol::Stun {
            self.counters.unverified += 1;
            return;
        }
        if !verified && !self.address_filter.allow(self.now) {
            self.counters.rate_limited += 1;
            return;
        }
        if !self.is_from_true_source(datagram) {
            return;
        }
        let (without_alerts, alert);
        let mut bytes = datagram;
        if protocol == address_filter::Protocol::Dtls && self.state == State::Handshake {
            (without_alerts, alert) = address_filter::without_plain_alerts(datagram);
            if alert.is_some() {
                self.counters.plain_alerts += 1;
                self.plain_alert = alert;
            }
            if without_alerts.is_empty() {
                self.alerted.get_or_insert(self.now);
                return self.settle();
            }
            self.alerted = None;
            bytes = &without_alerts;
        }
        let Ok(receive) = Receive::new(Protocol::Udp, source, destination, bytes) else {
            self.counters.malformed += 1;
            return;
        };
        if protocol == address_filter::Protocol::Rtp {
            self.note_arriving(datagram);
            let is_rtcp = address_filter::rtp_source(datagram).is_none();
            if is_rtcp && self.take_feedback(datagram) {
                return self.settle();
            }
        }
        let input = Input::Receive(self.instant(self.now), receive);
        if protocol == address_filter::Protocol::Stun {
            if !self.rtc.accepts(&input) {
                self.counters.forged_checks += 1;
                return;
            }
            self.address_filter.verify(source);
            self.consent = self.now;
            self.silence.note_answer(self.now, false);
        }
        if let Err(error) = self.rtc.handle_input(input) {
            self.input_error(&error);
        }
        self.drive();
    }

    /// str0m allocates state for an SSRC, possibly replacing another, before it authenticates the
    /// packet. The first packet of each SSRC is therefore authenticated here.
    fn is_from_true_source(&mut self, datagram: &[u8]) -> bool {
        let Some(ssrc) = address_filter::rtp_source(datagram) else { return true };
        if self.sources.contains(&ssrc) {
            return true;
        }
        if !self.keys.is_authentic(datagram, ssrc) {
            self.counters.forged_media += 1;
            return false;
        }
        if self.sources.len() >= self.limits.sources {
            self.counters.excess_sources += 1;
            return false;
        }
        self.sources.push(ssrc);
        true
    }

    /// Handles everything due at `now`.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.contained((), |peer| {
            peer.advance(now);
            let is_due = peer.stack_time.is_some_and(|at| at <= peer.now);
            if is_due || peer.state != State::Connected { peer.tick() } else { peer.settle() }
        });
    }

    /// Deadline of [`handle_timeout`](Self::handle_timeout); `None` once the session is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let deadline = match self.state {
            State::Handshake => Some(self.handshake_deadline()),
            State::Connected => Some(self.consent.saturating_add(self.limits.consent)),
            State::Closed => self.hang_up,
        };
        [self.stack_time, deadline, self.congestion_time()].into_iter().flatten().min()
    }

    /// Returns the next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Closes the session; the datagrams from [`poll_transmit`](Self::poll_transmit) notify the
    /// remote endpoint.
    pub fn close(&mut self, now: Duration) {
        self.contained((), |peer| {
            peer.advance(now);
            peer.end(ClosedReason::Local);
        });
    }

    /// Whether ICE and DTLS are complete and the session has not ended.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Datagram counters.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether [`handle_datagram`](Self::handle_datagram) would accept this datagram, for peers
    /// that share a socket. A connectivity check must have the right user name and integrity; any
    /// other datagram must come from a verified source address.
    #[must_use]
    pub fn accepts(&self, source: SocketAddr, destination: SocketAddr, datagram: &[u8]) -> bool {
        match address_filter::protocol(datagram) {
            _ if self.broken => false,
            Some(address_filter::Protocol::Stun)
                if datagram.len() <= self.limits.datagram_bytes =>
            {
                let accepted = panic_guard::caught(|| {
                    let receive = Receive::new(Protocol::Udp, source, destination, datagram);
                    receive.is_ok_and(|receive| {
                        self.rtc.accepts(&Input::Receive(self.instant(self.now), receive))
                    })
                });
                accepted.unwrap_or(false)
            }
            Some(_) => self.address_filter.is_verified(source),
            None => false,
        }
    }

    /// Negotiated DTLS version: 12 or 13.
    #[must_use]
    pub fn dtls_version(&mut self) -> Option<u8> {
        use str0m::crypto::dtls::ProtocolVersion;
        self.contained(None, |peer| match peer.rtc.direct_api().dtls_protocol_version()? {
            ProtocolVersion::DTLS1_2 => Some(12),
            ProtocolVersion::DTLS1_3 => Some(13),
            _ => None,
        })
    }

    /// Sets the bitrate that the media could use: probes go up to it, so that an estimate above the
    /// current send rate can be found.
    pub fn set_desired_bitrate(&mut self, bitrate: Bitrate) {
        self.set_max_estimate(bitrate);
    }

    fn instant(&self, at: Duration) -> Instant {
        self.base.checked_add(at).unwrap_or(self.base)
    }

    fn since_base(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.base)
    }

    /// Advances the time, which never goes back.
    fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        #[cfg(test)]
        assert!(!self.panic_in_test, "a panic in the stack");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_deadlines_are_common_and_never_early() {
        let of = |nanos| common_time(Duration::from_nanos(nanos)).as_nanos();
        assert_eq!([of(0), of(1), of(9_999_999)], [0, 10_000_000, 10_000_000]);
        assert_eq!([of(10_000_000), of(10_000_001)], [10_000_000, 20_000_000]);
        assert_eq!(common_time(Duration::MAX), Duration::MAX);
    }
}
