//! Keeps a call connected: restarts ICE when the path to the server is interrupted or the network changes, and starts
//! a new call if that fails.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_net::clock::Clock;
use codec_net::error::NetError;
use codec_net::url::Url;
use codec_net::whip::Session;
use codec_webrtc::{ClosedReason, Codecs, IceParameters, MediaPlan, SdpError};

use super::state::{Shared, State};
use crate::failure::{Failure, Kind, Result};
use crate::live::options::NetworkOptions;
use crate::live::output::OutputEvent;
use crate::live::webrtc::{self, Answered, NoCall};

/// Interval of checks of the call.
const CHECK: Duration = Duration::from_millis(100);
/// Interval of checks of the route to the server.
const ROUTE_CHECK: Duration = Duration::from_secs(1);
/// Time of an attempt to connect.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Pause after an attempt that could not reach the server.
const PAUSE: Duration = Duration::from_secs(1);
/// ICE is not restarted for longer than this. The server's timeout is 30 s.
const GIVE_UP: Duration = Duration::from_secs(20);
/// Interval of checks whether an attempt succeeded.
const STEP: Duration = Duration::from_millis(10);
/// Pauses before further calls, in seconds: a server that restarts is back within two minutes.
const PAUSES_S: [u64; 10] = [0, 1, 2, 4, 8, 15, 15, 30, 30, 30];
/// Client errors of HTTP after which another request can succeed.
const TEMPORARY: [u16; 4] = [408, 409, 425, 429];

/// Calls the server, always with the same media.
pub(super) struct Caller {
    pub(super) url: Url,
    pub(super) args: NetworkOptions,
    pub(super) plans: Vec<MediaPlan>,
    pub(super) codecs: Codecs,
    /// The initial bandwidth estimate, if the encoder can follow the link.
    pub(super) start: Option<Bitrate>,
    pub(super) clock: Clock,
}

impl Caller {
    pub(super) fn call(&self) -> std::result::Result<Answered, NoCall> {
        let Self { url, args, plans, codecs, start, clock } = self;
        let mut answered = webrtc::offer(url, args, plans, *codecs, *start, *clock)?;
        if let Some(rate) = start {
            answered.call.peer.set_desired_bitrate(Bitrate(rate.0.saturating_mul(3) / 2));
        }
        Ok(answered)
    }
}

/// Problem of a call.
#[derive(Debug)]
enum Trouble {
    /// The server does not answer any more.
    Interrupted,
    /// The route to the server has another local address.
    Moved,
    /// The call ended, but not by the server.
    Ended(ClosedReason),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Interrupted => f.write_str("the connection is interrupted"),
            Self::Moved => f.write_str("the network has changed"),
            Self::Ended(reason) => write!(f, "the call ended: {reason}"),
        }
    }
}

/// Why an attempt to restart ICE failed.
enum NoRestart {
    /// Another attempt can succeed.
    Temporary,
    /// The session cannot continue.
    Final,
}

/// See the [module](self).
pub(super) struct Recovery {
    shared: Arc<Shared>,
    caller: Caller,
    session: Session,
    /// The server's SDP, and its address.
    answer: String,
    server: SocketAddr,
    /// When the route was last checked.
    routed: Duration,
    /// Whether the last check found an interruption. After a pause of the whole process, the answers are read after it.
    is_suspected: bool,
}

impl Recovery {
    pub(super) fn new(
        shared: Arc<Shared>,
        caller: Caller,
        session: Session,
        answer: String,
        server: SocketAddr,
    ) -> Self {
        let routed = caller.clock.now();
        Self { shared, caller, session, answer, server, routed, is_suspected: false }
    }

    /// Watches the call until the output ends; then the session is deleted at the server.
    pub(super) fn run(mut self) {
        while !self.shared.is_stopped() {
            thread::park_timeout(CHECK);
            if let Some(trouble) = self.trouble() {
                self.recover(&trouble);
            }
        }
    }

    fn trouble(&mut self) -> Option<Trouble> {
        let now = self.shared.clock.now();
        let is_due = now.saturating_sub(self.routed) >= ROUTE_CHECK;
        let route = if is_due {
            self.routed = now;
            // Without a route, the path is interrupted.
            webrtc::route_to(self.server).ok()
        } else {
            None
        };
        let state = self.shared.state();
        if !state.connected {
            return None;
        }
        let was_suspected = std::mem::take(&mut self.is_suspected);
        match &state.closed {
            // The output has ended.
            Some(ClosedReason::Remote | ClosedReason::Local) => None,
            Some(reason) => Some(Trouble::Ended(reason.clone())),
            None if route.is_some_and(|address| address != state.call.address()) => {
                Some(Trouble::Moved)
            }
            None => {
                self.is_suspected = state.call.peer.is_interrupted(now);
                (was_suspected && self.is_suspected).then_some(Trouble::Interrupted)
            }
        }
    }

    /// Whether the output has ended, or the server has ended the call.
    fn is_over(&self) -> bool {
        self.shared.is_stopped() || self.shared.state().closed == Some(ClosedReason::Remote)
    }

    fn note(&self, what: &str) {
        let text = format!("{}: {what}", self.caller.url);
        self.shared.state().events.push_back(OutputEvent::Note(text));
    }

    /// Ends the output.
    fn leave(&self, failure: Failure) {
        self.shared.state().events.push_back(OutputEvent::Left(failure));
    }

    fn recover(&mut self, trouble: &Trouble) {
        let begun = self.shared.clock.now();
        if self.can_restart(trouble) {
            self.note(&format!("{trouble}: restarting ICE"));
            if self.restart(begun) {
                let lasted = self.shared.clock.now().saturating_sub(begun).as_secs_f64();
                return self.note(&format!("connected again after {lasted:.1} s"));
            }
        }
        if !self.is_over() {
            self.note(&format!("{trouble}: calling the server again"));
            self.call_again();
        }
    }

    /// Whether the session can use another path; the new address becomes a candidate of the session.
    fn can_restart(&self, trouble: &Trouble) -> bool {
        match trouble {
            Trouble::Interrupted => true,
            Trouble::Ended(_) => false,
            Trouble::Moved => {
                let Ok(address) = webrtc::route_to(self.server) else { return true };
                let now = self.shared.clock.now();
                self.shared.state().call.move_to(now, address)
            }
        }
    }

    /// Restarts ICE until the server answers; returns whether it does.
    fn restart(&mut self, begun: Duration) -> bool {
        loop {
            let tried = self.shared.clock.now();
            let has_ended = self.shared.state().closed.is_some() || self.shared.is_stopped();
            if has_ended || tried.saturating_sub(begun) >= GIVE_UP {
                return false;
            }
            let (since, limit) = match self.renegotiate() {
                Ok(since) => (since, ATTEMPT),
                // The previous path may work again.
                Err(NoRestart::Temporary) => (tried, PAUSE),
                Err(NoRestart::Final) => return false,
            };
            let answers = |state: &State| state.call.peer.last_answer() > Some(since);
            if self.wait(limit, answers) {
                return true;
            }
        }
    }

    /// Waits until the state fulfils a condition; returns whether it does within `limit`.
    fn wait(&self, limit: Duration, is_fulfilled: impl Fn(&State) -> bool) -> bool {
        let end = self.shared.clock.now().saturating_add(limit);
        while !self.shared.is_stopped() {
            if is_fulfilled(&self.shared.state()) {
                return true;
            }
            if self.shared.clock.now() >= end {
                return false;
            }
            thread::park_timeout(STEP);
        }
        false
    }

    /// Exchanges new credentials with the server; returns when. The exchange can take seconds, in which media are
    /// sent on the previous path.
    fn renegotiate(&mut self) -> std::result::Result<Duration, NoRestart> {
        let refused = |error: SdpError| match error {
            SdpError::LimitExceeded { .. } => NoRestart::Temporary,
            _ => NoRestart::Final,
        };
        let (offer, pending) = {
            let mut state = self.shared.state();
            let now = self.shared.clock.now();
            let offered = state.call.peer.restart_ice(now).map_err(refused);
            state.settle(now);
            offered?
        };
        let mid = offer.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap_or_default();
        let ours = IceParameters::read(&offer).map_err(refused)?.to_fragment(mid.trim());
        let fragment = self.session.restart_ice(&ours).map_err(|error| match error {
            NetError::Rejected { status, .. } if is_final(status) => NoRestart::Final,
            NetError::Rejected { status: 501, .. } => NoRestart::Final,
            _ => NoRestart::Temporary,
        })?;
        let answer = IceParameters::read(&fragment).map_err(refused)?.apply_to(&self.answer);
        let mut state = self.shared.state();
        let now = self.shared.clock.now();
        let accepted = state.call.peer.accept_answer(pending, &answer, now).map_err(refused);
        state.settle(now);
        accepted.map(|()| now)
    }

    /// Calls the server until it answers, with growing pauses.
    fn call_again(&mut self) {
        // The server may have deleted the session, or be gone.
        let _ = self.session.close();
        let mut last = None;
        for seconds in PAUSES_S {
            if self.wait(Duration::from_secs(seconds), |_| self.shared.is_stopped()) {
                return;
            }
            let called = self.caller.call();
            match called.and_then(|answered| self.adopt(answered).map_err(NoCall::from)) {
                Ok(()) => return self.note("connected in a new session"),
                Err(NoCall { failure, status }) => {
                    if status.is_some_and(is_final) || failure.kind != Kind::Network {
                        return self.leave(failure);
                    }
                    last = Some(failure);
                }
            }
        }
        last.into_iter().for_each(|failure| self.leave(failure));
    }

    /// Continues with another call, and waits until it is connected.
    fn adopt(&mut self, answered: Answered) -> Result<()> {
        let Answered { call, receiver, session, answer, server } = answered;
        (self.session, self.answer, self.server) = (session, answer, server);
        let now = self.shared.clock.now();
        self.shared.state().replace(now, call, receiver)?;
        // The call has a timeout of its own.
        let is_settled = |state: &State| state.connected || state.closed.is_some();
        while !self.wait(CHECK, is_settled) {
            if self.shared.is_stopped() {
                return Err(Failure::new(Kind::Interrupted, "interrupted: not connected yet"));
            }
        }
        let state = self.shared.state();
        let failed = |why: String| format!("cannot send to {}: {why}", self.caller.url);
        if let Some(reason) = &state.closed {
            return Err(Failure::new(Kind::Network, failed(state.call.reason(reason))));
        }
        // Another attempt would have the same answer.
        let refused = |why: String| Failure::new(Kind::Backend, failed(why));
        state.missing().map_or(Ok(()), |why| Err(refused(why)))
    }
}

/// Whether a request that was rejected with this status would be rejected again.
fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && !TEMPORARY.contains(&status)
}
