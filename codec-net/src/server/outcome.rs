//! Why something was refused, and why a session ended.

use std::fmt;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing proves who asks.
    Unauthenticated,
    /// What was shown does not allow it.
    Forbidden(&'static str),
    /// A page of another origin.
    Origin(String),
    /// A name that the server does not have.
    Host(String),
    /// No stream of that name.
    NoStream(String),
    /// The name is taken.
    Busy(String),
    /// Too often.
    TooOften,
    /// The request did not come whole in time.
    Slow,
    /// Too many of something.
    Full(&'static str),
    /// The request is wrong.
    Bad(String),
    /// Too long.
    TooLong(&'static str),
    /// Another type of content.
    Type(&'static str),
    /// The offer's audio or video has no codec that this server takes: what it is, the names that
    /// were offered, and those that are taken.
    Codecs(&'static str, String, String),
    /// Understood, and not done in this version.
    Unprocessable(&'static str),
    /// The request is for something else than what is there now.
    Outdated,
    /// The request does not say what it is for.
    NoCondition,
    /// No session of that name.
    NoSession,
    /// The server is at its end.
    Stopping,
    /// Calls cannot be served any more.
    NoCalls,
    /// A defect of the server. What it is goes to the log, not to the client.
    Internal,
}

impl Refusal {
    /// The status code of HTTP.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden(_) | Self::Origin(_) => 403,
            Self::Host(_) => 421,
            Self::NoStream(_) | Self::NoSession => 404,
            Self::Busy(_) => 409,
            Self::TooOften => 429,
            Self::Slow => 408,
            Self::Full(_) | Self::Stopping | Self::NoCalls => 503,
            Self::Bad(_) => 400,
            Self::TooLong(_) => 413,
            Self::Type(_) => 415,
            Self::Unprocessable(_) | Self::Codecs(..) => 422,
            Self::Outdated => 412,
            Self::NoCondition => 428,
            Self::Internal => 500,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthenticated => f.write_str("a token is needed, and this is none that counts"),
            Self::Forbidden(scope) => write!(f, "this token does not allow to {scope}"),
            Self::Origin(origin) => {
                write!(f, "pages of {origin} may not use this server: see --origin")
            }
            Self::Host(host) => {
                write!(f, "this server does not answer to the name {host:?}: see --origin")
            }
            Self::NoStream(name) => write!(f, "no stream {name:?}: nobody publishes it now"),
            Self::Busy(name) => write!(f, "stream {name:?} has a publisher"),
            Self::TooOften => f.write_str("too many attempts: wait a moment"),
            Self::Slow => f.write_str("the request did not come whole in time"),
            Self::Full(what) => write!(f, "no more {what}: the server's limit is reached"),
            Self::Bad(what) => f.write_str(what),
            Self::TooLong(what) => write!(f, "{what} is longer than the server takes"),
            Self::Type(what) => write!(f, "the content must be {what}"),
            Self::Codecs(what, offered, taken) => {
                write!(f, "no codec of the offered {what} is supported: offered {offered}; ")?;
                write!(f, "this server takes {taken}")
            }
            Self::Unprocessable(what) => write!(f, "{what} is not supported"),
            Self::Outdated => f.write_str("this is for another session than the one that is there"),
            Self::NoCondition => f.write_str("If-Match is needed, with the ETag of the answer"),
            Self::NoSession => f.write_str("no such session, or it has ended"),
            Self::Stopping => f.write_str("the server is about to end"),
            Self::NoCalls => f.write_str("the server cannot take WebRTC calls any more"),
            Self::Internal => f.write_str("internal error of the server"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The other end said so.
    Closed,
    /// The other end closed the connection without ending its session, as a page that is reloaded.
    Left,
    /// A publisher with the same token took the stream over.
    Replaced,
    /// The publisher of the stream is gone.
    PublisherEnded,
    /// All of a file was sent.
    SourceEnded,
    /// The server ends.
    ServerStopped,
    /// Who administers ended it.
    Admin,
    /// Nothing was heard for too long.
    Vanished,
    /// The handshake took too long.
    HandshakeTimeout,
    /// A limit, by its name.
    Limit(&'static str),
    /// What came cannot be understood.
    Protocol(String),
    /// Something here failed.
    Failed(String),
    /// A defect of the server: a panic with this message. Other sessions go on.
    Internal(String),
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by the other end"),
            Self::Left => f.write_str("the other end closed the connection"),
            Self::Replaced => f.write_str("another publisher with the same token took over"),
            Self::PublisherEnded => f.write_str("the publisher ended"),
            Self::SourceEnded => f.write_str("the source came to its end"),
            Self::ServerStopped => f.write_str("the server was stopped"),
            Self::Admin => f.write_str("ended by an administrator"),
            Self::Vanished => f.write_str("nothing was heard any more"),
            Self::HandshakeTimeout => f.write_str("the handshake took too long"),
            Self::Limit(what) => write!(f, "over the limit of {what}"),
            Self::Protocol(what) => write!(f, "not understood: {what}"),
            Self::Failed(what) => write!(f, "failed: {what}"),
            Self::Internal(panic) => write!(f, "internal error: {panic}"),
        }
    }
}
