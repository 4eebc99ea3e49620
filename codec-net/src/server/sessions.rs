//! All sessions: connections that last longer than a request.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use codec_core::codec::Bitrate;
use serde_json::{Value, json};

use super::audit::{AuditLog, Subject, Totals};
use super::auth::Scope;
use super::auth_rate_limiter::address_group;
use super::outcome::{EndReason, Rejection};
use super::room::VideoState;
use crate::clock::Clock;
use crate::random;

/// Maximum number of calls per address (per /64 network for IPv6) with an unfinished handshake: an
/// offer costs its sender nothing, but occupies resources for half a minute.
const MAX_PENDING_CALLS: usize = 32;

/// The kind of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SessionKind {
    Whip,
    Whep,
    WsPublish,
    WsView,
    Room,
    Local,
}

impl SessionKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Whip, Self::Whep, Self::WsPublish, Self::WsView, Self::Room, Self::Local];

    /// The name in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Whip => "whip",
            Self::Whep => "whep",
            Self::WsPublish => "ws-publish",
            Self::WsView => "ws-view",
            Self::Room => "room",
            Self::Local => "local",
        }
    }

    /// Whether it begins with a DTLS handshake.
    fn is_call(self) -> bool {
        matches!(self, Self::Whip | Self::Whep | Self::Room)
    }

    /// The scope that a client needs to end its own session of this kind.
    #[must_use]
    pub fn scope(self) -> Scope {
        match self {
            Self::Whip | Self::WsPublish | Self::Room => Scope::Publish,
            Self::Whep | Self::WsView => Scope::View,
            Self::Local => Scope::Admin,
        }
    }
}

/// Ends a session at the request of another thread.
pub type EndSession = Box<dyn Fn(EndReason) + Send + Sync>;

/// The ICE session of a call, as identified to the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceSession {
    /// Number of the call.
    pub call: u64,
    /// Entity tag (RFC 9725, section 4.3.1), in quotes.
    pub tag: String,
}

struct Entry {
    number: u64,
    kind: SessionKind,
    stream: String,
    address: IpAddr,
    since: Duration,
    end: EndSession,
    ice: Option<IceSession>,
    /// Whether it is a call with an unfinished handshake.
    is_pending: bool,
    /// The video that it receives.
    video: VideoState,
    /// The capacity of its link.
    available: Option<Bitrate>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind.name(), self.stream)
    }
}

/// All sessions, by unguessable ids.
#[derive(Debug)]
pub struct Sessions {
    clock: Clock,
    limit: usize,
    audit: AuditLog,
    next: AtomicU64,
    entries: Mutex<BTreeMap<String, Entry>>,
}

/// A session, which ends when dropped.
#[derive(Debug)]
pub struct Session {
    sessions: Arc<Sessions>,
    id: String,
    number: u64,
    outcome: Mutex<(EndReason, Totals)>,
}

impl Sessions {
    /// Creates an empty table.
    #[must_use]
    pub fn new(clock: Clock, limit: usize, audit: AuditLog) -> Self {
        Self { clock, limit, audit, next: AtomicU64::new(1), entries: Mutex::default() }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// Starts a session and logs it.
    ///
    /// # Errors
    ///
    /// [`Rejection::LimitReached`].
    pub fn begin(
        self: &Arc<Self>,
        kind: SessionKind,
        stream: &str,
        address: IpAddr,
        end: EndSession,
    ) -> Result<Session, Rejection> {
        let id = random::name();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut entries = self.entries();
        if entries.len() >= self.limit {
            return Err(Rejection::LimitReached("sessions"));
        }
        let network = address_group(address);
        let is_pending =
            |entry: &&Entry| entry.is_pending && address_group(entry.address) == network;
        if kind.is_call() && entries.values().filter(is_pending).count() >= MAX_PENDING_CALLS {
            return Err(Rejection::LimitReached("pending WebRTC handshakes per client address"));
        }
        let (since, stream) = (self.clock.now(), stream.to_owned());
        self.audit.start(Subject {
            session: Some(number),
            kind: kind.name(),
            stream: &stream,
            address,
        });
        entries.insert(
            id.clone(),
            Entry {
                number,
                kind,
                stream,
                address,
                since,
                end,
                ice: None,
                is_pending: kind.is_call(),
                video: VideoState::default(),
                available: None,
            },
        );
        drop(entries);
        let outcome = Mutex::new((EndReason::Closed, Totals::default()));
        Ok(Session { sessions: Arc::clone(self), id, number, outcome })
    }

    /// The kind of a session, and the name of its stream or room.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoSession`].
    pub fn kind(&self, id: &str) -> Result<(SessionKind, String), Rejection> {
        let entries = self.entries();
        let entry = entries.get(id).ok_or(Rejection::NoSession)?;
        Ok((entry.kind, entry.stream.clone()))
    }

    /// The ICE session of a call.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoSession`], also for a session without ICE.
    pub fn ice(&self, id: &str) -> Result<IceSession, Rejection> {
        self.entries().get(id).and_then(|entry| entry.ice.clone()).ok_or(Rejection::NoSession)
    }

    /// Ends a session by its id.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoSession`].
    pub fn end(&self, id: &str, reason: EndReason) -> Result<(), Rejection> {
        let entries = self.entries();
        let entry = entries.get(id).ok_or(Rejection::NoSession)?;
        (entry.end)(reason);
        Ok(())
    }

    /// Ends a session by its number.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoSession`].
    pub fn end_number(&self, number: u64, reason: EndReason) -> Result<(), Rejection> {
        let entries = self.entries();
        let found = entries.values().find(|entry| entry.number == number);
        (found.ok_or(Rejection::NoSession)?.end)(reason);
        Ok(())
    }

    /// Ends all sessions.
    pub fn end_all(&self, reason: &EndReason) {
        for entry in self.entries().values() {
            (entry.end)(reason.clone());
        }
    }

    /// The number of sessions.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries().len()
    }

    /// The number of sessions since the start, including those that have ended.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.next.load(Ordering::Relaxed) - 1
    }

    /// Calls `visit` with the kind of each session and the name of its stream or room.
    pub fn for_each(&self, mut visit: impl FnMut(SessionKind, &str)) {
        self.entries().values().for_each(|entry| visit(entry.kind, &entry.stream));
    }

    /// All sessions as JSON, without their secret ids.
    #[must_use]
    pub fn json(&self) -> Value {
        let now = self.clock.now();
        let entries = self.entries();
        let mut all: Vec<_> = entries.values().collect();
        all.sort_by_key(|entry| entry.number);
        let all = all.into_iter().map(|entry| {
            json!({
                "session": entry.number,
                "kind": entry.kind.name(),
                "stream": entry.stream,
                "address": entry.address.to_string(),
                "seconds": now.saturating_sub(entry.since).as_secs_f64(),
                "paused": entry.video.paused,
                "small": entry.video.small,
                "availableOutgoingBitrate": entry.available.map(|rate| rate.0),
            })
        });
        Value::Array(all.collect())
    }
}

impl Session {
    /// Its secret id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its number in this run.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Sets the call of the session, or begins a new ICE session of it. Returns the entity tag of the ICE session.
    #[must_use]
    pub fn set_call(&self, call: u64) -> String {
        let tag = format!("\"{}\"", random::name());
        if let Some(entry) = self.sessions.entries().get_mut(&self.id) {
            entry.ice = Some(IceSession { call, tag: tag.clone() });
        }
        tag
    }

    /// Whether this is the entity tag of its ICE session.
    #[must_use]
    pub fn has_ice_tag(&self, tag: &str) -> bool {
        let entries = self.sessions.entries();
        let ice = entries.get(&self.id).and_then(|entry| entry.ice.as_ref());
        ice.is_some_and(|ice| ice.tag == tag)
    }

    /// Records that the handshake of its call has finished.
    pub fn set_connected(&self) {
        if let Some(entry) = self.sessions.entries().get_mut(&self.id) {
            entry.is_pending = false;
        }
    }

    /// Sets the capacity of its link, if known.
    pub fn set_available_bitrate(&self, available: Option<Bitrate>) {
        if let Some(entry) = self.sessions.entries().get_mut(&self.id) {
            entry.available = available;
        }
    }

    /// Sets the video that it receives, and logs a change.
    pub fn set_video(&self, video: VideoState) {
        if let Some(entry) = self.sessions.entries().get_mut(&self.id) {
            entry.video = video;
            let subject = Subject {
                session: Some(entry.number),
                kind: entry.kind.name(),
                stream: &entry.stream,
                address: entry.address,
            };
            self.sessions.audit.video(subject, video.paused, video.small);
        }
    }

    /// Sets the reason of its end and its totals, which are logged when it is dropped.
    pub fn conclude(&self, reason: EndReason, totals: Totals) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = (reason, totals);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(entry) = self.sessions.entries().remove(&self.id) else { return };
        let lasted = self.sessions.clock.now().saturating_sub(entry.since);
        let outcome = self.outcome.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (reason, totals) = (outcome.0.to_string(), outcome.1);
        let subject = Subject {
            session: Some(entry.number),
            kind: entry.kind.name(),
            stream: &entry.stream,
            address: entry.address,
        };
        self.sessions.audit.end(subject, &reason, lasted, totals);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn calls_with_unfinished_handshakes_are_limited_per_address() {
        let sessions = Arc::new(Sessions::new(Clock::start(), 200, AuditLog::none()));
        let begin = |kind, address: &str| {
            sessions.begin(kind, "live", address.parse().unwrap(), Box::new(|_| {}))
        };
        let mut kept: Vec<_> =
            (0..50).filter_map(|_| begin(SessionKind::Whep, "10.0.0.1").ok()).collect();
        assert_eq!(kept.len(), MAX_PENDING_CALLS);
        assert_eq!(begin(SessionKind::Whip, "10.0.0.1").unwrap_err().status(), 503);
        kept.push(begin(SessionKind::Whep, "10.0.0.2").unwrap());
        kept.push(begin(SessionKind::WsView, "10.0.0.1").unwrap());
        kept[0].set_connected();
        kept.push(begin(SessionKind::Whep, "10.0.0.1").unwrap());
        assert!(begin(SessionKind::Whep, "10.0.0.1").is_err());
        kept.remove(1);
        assert!(begin(SessionKind::Whep, "10.0.0.1").is_ok());
    }

    #[test]
    fn sessions_are_counted_identified_and_ended() {
        let sessions = Arc::new(Sessions::new(Clock::start(), 2, AuditLog::none()));
        let (reasons, ends) = mpsc::channel();
        let begin = || {
            let reasons = reasons.clone();
            let end: EndSession = Box::new(move |reason| reasons.send(reason).unwrap());
            sessions.begin(SessionKind::Whep, "live", "127.0.0.1".parse().unwrap(), end)
        };
        let (first, second) = (begin().unwrap(), begin().unwrap());
        assert!(matches!(begin(), Err(Rejection::LimitReached("sessions"))));
        assert_ne!(first.id(), second.id());
        assert_eq!(sessions.kind(first.id()), Ok((SessionKind::Whep, "live".to_owned())));
        assert_eq!(sessions.ice(first.id()), Err(Rejection::NoSession));
        first.set_video(VideoState { paused: Some("narrow"), small: false });
        first.set_available_bitrate(Some(Bitrate::kbps(300)));
        assert_eq!(sessions.json()[0]["paused"], "narrow");
        assert_eq!(sessions.json()[0]["availableOutgoingBitrate"], 300_000);
        assert_eq!(sessions.json()[1]["paused"], Value::Null);
        let tag = first.set_call(7);
        assert_eq!(sessions.ice(first.id()), Ok(IceSession { call: 7, tag: tag.clone() }));
        assert!(first.has_ice_tag(&tag) && !second.has_ice_tag(&tag));
        let _ = first.set_call(7);
        assert!(!first.has_ice_tag(&tag));
        sessions.end(first.id(), EndReason::Closed).unwrap();
        sessions.end_number(second.number(), EndReason::Admin).unwrap();
        assert_eq!(ends.try_iter().collect::<Vec<_>>(), [EndReason::Closed, EndReason::Admin]);
        assert!(!sessions.json().to_string().contains(first.id()), "ids are secret");
        let id = first.id().to_owned();
        drop(first);
        assert_eq!(sessions.end(&id, EndReason::Closed), Err(Rejection::NoSession));
        assert_eq!(sessions.count(), 1);
    }
}
