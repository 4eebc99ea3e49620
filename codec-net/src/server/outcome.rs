//! Reasons for rejected requests and for ended sessions.

use std::fmt;

use super::auth::JwtError;

/// Why a request was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The credentials are missing or invalid.
    Unauthenticated,
    /// A JSON Web Token is rejected.
    InvalidToken(JwtError),
    /// The credentials do not grant the scope.
    Forbidden(&'static str),
    /// The credentials are for other rooms or streams.
    OtherTarget,
    /// The request comes from a page of another origin.
    ForeignOrigin(String),
    /// The host name is not one of the server's.
    UnknownHost(String),
    /// There is no stream of that name.
    NoStream(String),
    /// The stream name is in use.
    NameInUse(String),
    /// Too many attempts.
    RateLimited,
    /// The request did not arrive completely in time.
    RequestTimeout,
    /// A limit on a number is reached.
    LimitReached(&'static str),
    /// The request is invalid.
    BadRequest(String),
    /// The content is too long.
    TooLarge(&'static str),
    /// The content type is wrong.
    UnsupportedMediaType(&'static str),
    /// No offered codec is supported: `audio` or `video`, the offered names, and the supported
    /// names.
    NoSupportedCodec(&'static str, String, String),
    /// The request is understood but not supported.
    Unsupported(&'static str),
    /// The request is for another session than the current one.
    PreconditionFailed,
    /// The request has no `If-Match` header.
    PreconditionRequired,
    /// There is no session of that name.
    NoSession,
    /// There is no file with that id.
    NoFile,
    /// The file is at another server of the cluster and cannot be fetched, for this reason.
    FileUnavailable(String),
    /// The server is shutting down.
    ShuttingDown,
    /// The server accepts no new calls, and ends when the others have ended.
    Draining,
    /// Calls cannot be served any more.
    CallsUnavailable,
    /// Only the relayed address is offered, and the TURN server has not allocated one.
    TurnUnavailable,
    /// An internal error. Details go to the log, not to the client.
    Internal,
}

impl Rejection {
    /// The HTTP status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unauthenticated | Self::InvalidToken(_) => 401,
            Self::Forbidden(_) | Self::OtherTarget | Self::ForeignOrigin(_) => 403,
            Self::UnknownHost(_) => 421,
            Self::NoStream(_) | Self::NoSession | Self::NoFile => 404,
            Self::NameInUse(_) => 409,
            Self::RateLimited => 429,
            Self::RequestTimeout => 408,
            Self::LimitReached(_)
            | Self::ShuttingDown
            | Self::Draining
            | Self::CallsUnavailable
            | Self::FileUnavailable(_)
            | Self::TurnUnavailable => 503,
            Self::BadRequest(_) => 400,
            Self::TooLarge(_) => 413,
            Self::UnsupportedMediaType(_) => 415,
            Self::Unsupported(_) | Self::NoSupportedCodec(..) => 422,
            Self::PreconditionFailed => 412,
            Self::PreconditionRequired => 428,
            Self::Internal => 500,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthenticated => f.write_str("a valid token is required"),
            Self::InvalidToken(error) => error.fmt(f),
            Self::OtherTarget => f.write_str("this token is for other rooms or streams"),
            Self::Forbidden(scope) => write!(f, "this token does not grant the scope {scope}"),
            Self::ForeignOrigin(origin) => {
                write!(
                    f,
                    "pages of {origin} may not use this server: start it with --origin {origin}"
                )
            }
            Self::UnknownHost(host) if host.is_empty() => f.write_str("the request names no host"),
            Self::UnknownHost(host) => {
                write!(f, "this server does not answer requests for the host name {host:?}: ")?;
                write!(f, "start it with --origin https://{host}")
            }
            Self::NoStream(name) => write!(f, "unknown stream {name:?}"),
            Self::NameInUse(name) => {
                write!(f, "stream {name:?} already has a publisher: choose another name")
            }
            Self::RateLimited => f.write_str("too many attempts: wait a moment"),
            Self::RequestTimeout => f.write_str("timeout: the request was not complete in time"),
            Self::LimitReached(what) => write!(f, "limit reached: {what}"),
            Self::BadRequest(what) => f.write_str(what),
            Self::TooLarge(what) => write!(f, "{what} exceeds the server's size limit"),
            Self::UnsupportedMediaType(what) => write!(f, "invalid content type: expected {what}"),
            Self::NoSupportedCodec(what, offered, taken) => {
                write!(f, "no supported {what} codec: got {offered}; ")?;
                write!(f, "expected one of {taken}")
            }
            Self::Unsupported(what) => write!(f, "{what} is not supported"),
            Self::PreconditionFailed => f.write_str("the request is for an earlier session"),
            Self::PreconditionRequired => {
                f.write_str("If-Match is required, with the ETag of the answer")
            }
            Self::NoSession => f.write_str("unknown or ended session"),
            Self::NoFile => f.write_str("unknown or deleted file"),
            Self::FileUnavailable(why) => write!(f, "cannot fetch the file: {why}"),
            Self::ShuttingDown => f.write_str("the server is shutting down"),
            Self::Draining => f.write_str("the server is about to stop and accepts no new calls"),
            Self::CallsUnavailable => f.write_str("WebRTC is no longer available on this server"),
            Self::TurnUnavailable => {
                f.write_str("cannot get a relay address from the server's TURN server")
            }
            Self::Internal => f.write_str("internal server error"),
        }
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::InvalidToken(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a session ended. Methods of a publisher return it as an error if the publisher cannot
/// continue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The other end closed it.
    Closed,
    /// The other end closed the connection without ending its session, as on a page reload.
    Disconnected,
    /// A publisher with the same token took over the stream.
    Replaced,
    /// The publisher of the stream is gone.
    PublisherEnded,
    /// The stream continues with another video codec, which this session cannot announce.
    CodecChanged,
    /// The end of a file was reached.
    SourceEnded,
    /// The server is shutting down.
    ServerStopped,
    /// An administrator ended it.
    Admin,
    /// A moderator of the room removed the member.
    Removed,
    /// Timeout without any data.
    TimedOut,
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
            Self::Closed => f.write_str("closed by the remote endpoint"),
            Self::Disconnected => f.write_str("connection closed without ending the session"),
            Self::Replaced => f.write_str("another publisher with the same token took over"),
            Self::CodecChanged => {
                f.write_str("the video codec of the stream changed: watch it again")
            }
            Self::PublisherEnded => f.write_str("the publisher ended"),
            Self::SourceEnded => f.write_str("the source ended"),
            Self::ServerStopped => f.write_str("the server was stopped"),
            Self::Admin => f.write_str("ended by an administrator"),
            Self::Removed => f.write_str("removed by a moderator"),
            Self::TimedOut => f.write_str("timeout: no more data received"),
            Self::HandshakeTimeout => f.write_str("handshake timeout"),
            Self::Limit(what) => write!(f, "limit exceeded: {what}"),
            Self::Protocol(what) => write!(f, "protocol error: {what}"),
            Self::Failed(what) => write!(f, "failed: {what}"),
            Self::Internal(panic) => write!(f, "internal error: {panic}"),
        }
    }
}

impl std::error::Error for EndReason {}
