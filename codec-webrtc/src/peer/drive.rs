//! Driving str0m: time, output, and the end of a session.

use std::time::Duration;

use str0m::error::{ProtoError, SctpError};
use str0m::{Event as StackEvent, IceConnectionState, Input, Output, RtcError};

use super::address_filter::{self, Protocol};
use super::{Peer, State, Transmit, common_time};
use crate::{ClosedReason, Event};

/// Maximum number of outputs of str0m per call, far above the actual number.
const MAX_OUTPUTS: usize = 100_000;
/// Maximum number of timeouts passed to str0m for the same time.
const MAX_TICKS: usize = 1000;
/// Number of consecutive errors of str0m after which the session ends.
const MAX_FAILURES: u32 = 50;
/// Deadlines of str0m that are at least this far ahead may be late: reports, statistics and connectivity checks, but not
/// requests for retransmission.
const FAR: Duration = Duration::from_millis(50);
/// Delay before str0m is polled again after an error.
const RETRY: Duration = Duration::from_millis(20);
/// Time after an alert in which the remote endpoint can continue the handshake.
const ALERT_GRACE: Duration = Duration::from_secs(5);
/// Maximum time to initiate closing.
const HANG_UP: Duration = Duration::from_secs(1);

impl Peer {
    /// Passes the time to str0m and handles everything due.
    pub(super) fn tick(&mut self) {
        for _ in 0..MAX_TICKS {
            let input = Input::Timeout(self.instant(self.now));
            if let Err(error) = self.rtc.handle_input(input) {
                self.input_error(&error);
            }
            self.drive();
            if self.stack_time.is_none_or(|at| at > self.now) {
                return;
            }
        }
    }

    /// Fetches all output of str0m, and ends the session on a timeout.
    pub(super) fn drive(&mut self) {
        self.hang_up();
        self.poll_stack();
        self.settle();
    }

    /// Handles due probes and deadlines, and ends the session after a timeout.
    pub(super) fn settle(&mut self) {
        self.poll_congestion();
        if self.state != State::Closed {
            if let Some(reason) = self.expired() {
                self.end(reason);
            } else if !self.rtc.is_alive() {
                let why = self
                    .last_error
                    .clone()
                    .unwrap_or_else(|| "the WebRTC stack stopped".to_owned());
                self.end(ClosedReason::Failed(why));
            }
        }
    }

    fn poll_stack(&mut self) {
        for _ in 0..MAX_OUTPUTS {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.failures = 0;
                    let mut at = self.since_base(at);
                    let is_far = at >= self.now.saturating_add(FAR);
                    if is_far && self.state == State::Connected {
                        at = common_time(at);
                    }
                    // Deadlines that never occur are a hundred years ahead.
                    let never = self.now.saturating_add(Duration::from_secs(365 * 24 * 3600));
                    self.stack_time = (at < never).then_some(at);
                    if self.state == State::Closed && !self.rtc.is_alive() {
                        self.stack_time = None;
                    }
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    let (source, destination) = (transmit.source, transmit.destination);
                    let payload = transmit.contents.into();
                    self.send_of_stack(Transmit { source, destination, payload });
                }
                Ok(Output::Event(event)) => self.stack_event(event),
                Err(RtcError::Sctp(SctpError::Proto(ProtoError::ErrShutdownNonEstablished))) => {
                    // The remote endpoint closed the connection while data channels were being set
                    // up, which str0m does not handle.
                    self.finish(ClosedReason::Remote);
                    self.rtc.disconnect();
                    self.stack_time = None;
                    return;
                }
                Err(error) => {
                    self.input_error(&error);
                    self.failures += 1;
                    self.stack_time = Some(self.now.saturating_add(RETRY));
                    if self.failures >= MAX_FAILURES {
                        self.rtc.disconnect();
                        self.stack_time = None;
                    }
                    return;
                }
            }
        }
    }

    /// Queues a datagram of str0m. Its RTCP is rewritten, and it has no RTP.
    fn send_of_stack(&mut self, mut transmit: Transmit) {
        let protocol = address_filter::protocol(&transmit.payload);
        if protocol != Some(Protocol::Stun) {
            self.egress.set_path(transmit.source, transmit.destination);
            self.path_used();
        }
        if protocol == Some(Protocol::Rtp) {
            let Some(payload) = self.rewrite_rtcp(&transmit.payload) else { return };
            transmit.payload = payload;
        }
        self.enqueue(transmit);
    }

    /// Queues a datagram; if the queue is full, the oldest one is dropped.
    pub(super) fn enqueue(&mut self, transmit: Transmit) {
        if self.transmits.len() >= self.limits.queue.max(1) {
            self.transmits.pop_front();
            self.counters.overflowed += 1;
        }
        self.counters.sent += 1;
        self.transmits.push_back(transmit);
    }

    fn stack_event(&mut self, event: StackEvent) {
        match event {
            StackEvent::Connected => {
                if self.state == State::Handshake {
                    self.state = State::Connected;
                    self.consent = self.now;
                    self.push(Event::Connected);
                }
            }
            StackEvent::IceConnectionStateChange(state) => match state {
                IceConnectionState::Connected | IceConnectionState::Completed => {
                    self.ice_connected = true;
                    self.announce_path();
                }
                _ => {}
            },
            StackEvent::Closed => {
                self.finish(ClosedReason::Remote);
            }
            other => self.translate(other),
        }
    }

    /// Reason to end the session now, if a timeout has expired.
    fn expired(&self) -> Option<ClosedReason> {
        match self.state {
            State::Handshake => (self.now >= self.handshake_deadline()).then(|| {
                let (alert, error) = (self.plain_alert, self.last_error.clone());
                match alert.filter(|_| self.alerted.is_some()) {
                    Some(alert) => ClosedReason::HandshakeRejected { alert, error },
                    None => {
                        ClosedReason::HandshakeTimeout { ice: self.ice_connected, alert, error }
                    }
                }
            }),
            State::Connected => {
                let limit = self.consent.saturating_add(self.limits.consent);
                (self.now >= limit).then_some(ClosedReason::ConsentLost)
            }
            State::Closed => None,
        }
    }

    /// Returns the time at which the handshake fails. An alert shortens the wait although it is not authenticated: if it
    /// is forged, the remote endpoint continues the handshake, or at least repeats its last flight, in the meantime.
    pub(super) fn handshake_deadline(&self) -> Duration {
        let limit = self.started.saturating_add(self.limits.handshake);
        self.alerted.map_or(limit, |at| limit.min(at.saturating_add(ALERT_GRACE)))
    }

    /// Ends the session and notifies the remote endpoint if connected.
    pub(super) fn end(&mut self, reason: ClosedReason) {
        if self.state == State::Closed {
            return;
        }
        let connected = self.state == State::Connected;
        self.finish(reason);
        if connected {
            self.hang_up = Some(self.now.saturating_add(HANG_UP));
            self.hang_up();
            self.poll_stack();
        } else {
            self.rtc.disconnect();
            self.stack_time = None;
        }
    }

    /// Notifies the remote endpoint. str0m cannot do so while data channels are being set up, one
    /// or two round trips after the connection; in this case it is retried.
    fn hang_up(&mut self) {
        let Some(until) = self.hang_up else { return };
        if self.rtc.close().is_ok() {
            self.hang_up = None;
        } else if self.now >= until {
            self.hang_up = None;
            self.rtc.disconnect();
        }
    }

    /// Emits the reason, unless the session has already ended.
    fn finish(&mut self, reason: ClosedReason) {
        self.push(Event::Closed(reason));
        self.state = State::Closed;
    }

    /// Queues an event. No events follow the last one.
    pub(super) fn push(&mut self, event: Event) {
        if self.state == State::Closed {
            return;
        }
        if self.events.len() >= self.limits.queue.max(1) {
            self.events.pop_front();
            self.counters.overflowed += 1;
        }
        self.events.push_back(event);
    }
}
