//! Why a request was rejected, and why a session ended.

use std::fmt;

/// Why a request was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The credentials are missing or invalid.
    Unauthenticated,
    /// The credentials do not grant the scope.
    Forbidden(&'static str),
    /// The request comes from a page of another origin.
    Origin(String),
    /// The host name is not one of the server's.
    Host(String),
    /// There is no stream of that name.
    NoStream(String),
    /// The stream name is in use.
    Busy(String),
    /// Too many attempts.
    TooOften,
    /// The request did not arrive completely in time.
    Slow,
    /// A limit on a number is reached.
    Full(&'static str),
    /// The request is invalid.
    Bad(String),
    /// The content is too long.
    TooLong(&'static str),
    /// The content type is wrong.
    Type(&'static str),
    /// No offered codec is supported: `audio` or `video`, the offered names, and the supported
    /// names.
    Codecs(&'static str, String, String),
    /// The request is understood but not supported.
    Unprocessable(&'static str),
    /// The request is for another session than the current one.
    Outdated,
    /// The request has no `If-Match` header.
    NoCondition,
    /// There is no session of that name.
    NoSession,
    /// The server is shutting down.
    Stopping,
    /// Calls cannot be served any more.
    NoCalls,
    /// An internal error. Details go to the log, not to the client.
    Internal,
}

impl Refusal {
    /// The HTTP status code.
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
            Self::Unauthenticated => f.write_str("a valid token is required"),
            Self::Forbidden(scope) => write!(f, "this token does not grant the scope {scope}"),
            Self::Origin(origin) => {
                write!(f, "pages of {origin} may not use this server (see --origin)")
            }
            Self::Host(host) => {
                write!(f, "unknown host name {host:?} (see --origin)")
            }
            Self::NoStream(name) => write!(f, "no stream {name:?}"),
            Self::Busy(name) => write!(f, "stream {name:?} already has a publisher"),
            Self::TooOften => f.write_str("too many attempts: wait a moment"),
            Self::Slow => f.write_str("timeout: the request was not complete in time"),
            Self::Full(what) => write!(f, "limit reached: {what}"),
            Self::Bad(what) => f.write_str(what),
            Self::TooLong(what) => write!(f, "{what} exceeds the server's size limit"),
            Self::Type(what) => write!(f, "invalid content type: expected {what}"),
            Self::Codecs(what, offered, taken) => {
                write!(f, "no supported {what} codec: got {offered}; ")?;
                write!(f, "expected one of {taken}")
            }
            Self::Unprocessable(what) => write!(f, "{what} is not supported"),
            Self::Outdated => f.write_str("the request is for an earlier session"),
            Self::NoCondition => f.write_str("If-Match is required, with the ETag of the answer"),
            Self::NoSession => f.write_str("unknown or ended session"),
            Self::Stopping => f.write_str("the server is shutting down"),
            Self::NoCalls => f.write_str("the server cannot serve WebRTC calls any more"),
            Self::Internal => f.write_str("internal server error"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The other end closed it.
    Closed,
    /// The other end closed the connection without ending its session, as on a page reload.
    Left,
    /// A publisher with the same token took over the stream.
    Replaced,
    /// The publisher of the stream is gone.
    PublisherEnded,
    /// The end of a file was reached.
    SourceEnded,
    /// The server is shutting down.
    ServerStopped,
    /// An administrator ended it.
    Admin,
    /// Timeout without any data.
    Vanished,
    /// Timeout of the handshake.
    HandshakeTimeout,
    /// A limit was exceeded, by name.
    Limit(&'static str),
    /// The received data are invalid.
    Protocol(String),
    /// A failure of the server.
    Failed(String),
    /// An internal error: a panic with this message. Other sessions continue.
    Internal(String),
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by the other end"),
            Self::Left => f.write_str("the other end closed the connection"),
            Self::Replaced => f.write_str("another publisher with the same token took over"),
            Self::PublisherEnded => f.write_str("the publisher ended"),
            Self::SourceEnded => f.write_str("end of the source"),
            Self::ServerStopped => f.write_str("the server was stopped"),
            Self::Admin => f.write_str("ended by an administrator"),
            Self::Vanished => f.write_str("timeout: no more data received"),
            Self::HandshakeTimeout => f.write_str("handshake timeout"),
            Self::Limit(what) => write!(f, "limit exceeded: {what}"),
            Self::Protocol(what) => write!(f, "protocol error: {what}"),
            Self::Failed(what) => write!(f, "failed: {what}"),
            Self::Internal(panic) => write!(f, "internal error: {panic}"),
        }
    }
}
