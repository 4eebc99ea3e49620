//! Moving the stack along: time, output, the end of a call.

use std::time::Duration;

use str0m::error::{ProtoError, SctpError};
use str0m::{Event as StackEvent, IceConnectionState, Input, Output, RtcError};

use super::{Peer, State, Transmit};
use crate::{ClosedReason, Event};

/// Most outputs of the stack in one go: far more than there ever are.
const OUTPUTS: usize = 100_000;
/// Most times that the stack is told the same time.
const TICKS: usize = 1000;
/// Errors in a row after which the stack is given up.
const FAILURES: u32 = 50;
/// Until then it is asked again after this time.
const RETRY: Duration = Duration::from_millis(20);
/// How long it may take to begin hanging up.
const HANG_UP: Duration = Duration::from_secs(1);

impl Peer {
    /// Tells the stack the time, then does all that is due: its pacer gives one packet each time,
    /// and names no time for the next where it asks for padding.
    pub(super) fn tick(&mut self) {
        for _ in 0..TICKS {
            let input = Input::Timeout(self.instant(self.now));
            if let Err(error) = self.rtc.handle_input(input) {
                self.input_error(&error);
            }
            let before = self.counters.sent;
            self.drive();
            let has_sent = self.counters.sent != before;
            if !has_sent && self.stack_time.is_none_or(|at| at > self.now) {
                return;
            }
        }
    }

    /// Fetches all output of the stack, and ends the call if it is time.
    pub(super) fn drive(&mut self) {
        self.hang_up();
        self.poll_stack();
        self.poll_congestion();
        if self.state != State::Closed {
            if let Some(reason) = self.expired() {
                self.end(reason);
            } else if !self.rtc.is_alive() {
                let why = self.last_error.clone().unwrap_or_else(|| "it gave up".to_owned());
                self.end(ClosedReason::Failed(why));
            }
        }
    }

    fn poll_stack(&mut self) {
        for _ in 0..OUTPUTS {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.failures = 0;
                    let at = self.since_base(at);
                    // What never happens lies a hundred years ahead.
                    let never = self.now.saturating_add(Duration::from_secs(365 * 24 * 3600));
                    self.stack_time = (at < never).then_some(at);
                    if self.state == State::Closed && !self.rtc.is_alive() {
                        self.stack_time = None;
                    }
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    let room = self.limits.queue.max(1);
                    if self.transmits.len() >= room {
                        self.transmits.pop_front();
                        self.counters.overflowed += 1;
                    }
                    self.counters.sent += 1;
                    self.transmits.push_back(Transmit {
                        source: transmit.source,
                        destination: transmit.destination,
                        payload: transmit.contents.into(),
                    });
                }
                Ok(Output::Event(event)) => self.stack_event(event),
                Err(RtcError::Sctp(SctpError::Proto(ProtoError::ErrShutdownNonEstablished))) => {
                    // The other end hung up while data channels were being set up: the stack
                    // fails to follow.
                    self.finish(ClosedReason::Remote);
                    self.rtc.disconnect();
                    self.stack_time = None;
                    return;
                }
                Err(error) => {
                    self.input_error(&error);
                    self.failures += 1;
                    self.stack_time = Some(self.now.saturating_add(RETRY));
                    if self.failures >= FAILURES {
                        self.rtc.disconnect();
                        self.stack_time = None;
                    }
                    return;
                }
            }
        }
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
                }
                _ => {}
            },
            StackEvent::Closed => {
                self.finish(ClosedReason::Remote);
            }
            other => self.translate(other),
        }
    }

    /// Why the call has to end now, if it has to.
    fn expired(&self) -> Option<ClosedReason> {
        match self.state {
            State::Handshake => {
                let limit = self.started.saturating_add(self.limits.handshake);
                (self.now >= limit).then(|| ClosedReason::HandshakeTimeout {
                    ice: self.ice_connected,
                    alert: self.plain_alert,
                    error: self.last_error.clone(),
                })
            }
            State::Connected => {
                let limit = self.consent.saturating_add(self.limits.consent);
                (self.now >= limit).then_some(ClosedReason::ConsentLost)
            }
            State::Closed => None,
        }
    }

    /// Ends the call, telling the other end if it listens.
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

    /// Tells the other end. The stack cannot while data channels are being set up, a round trip or
    /// two after the connection: then it is asked again.
    fn hang_up(&mut self) {
        let Some(until) = self.hang_up else { return };
        if self.rtc.close().is_ok() {
            self.hang_up = None;
        } else if self.now >= until {
            self.hang_up = None;
            self.rtc.disconnect();
        }
    }

    /// Says why, if nobody has.
    fn finish(&mut self, reason: ClosedReason) {
        self.push(Event::Closed(reason));
        self.state = State::Closed;
    }

    /// Queues an event. After the last one there are no more.
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
