//! A client of TURN (RFC 8656) and STUN (RFC 8489) servers over UDP, without sockets.
//!
//! [`TurnClient`] asks a server for a relayed address, keeps it, and passes datagrams on through it.
//! The address goes into [`LocalCandidate::Relayed`](super::LocalCandidate::Relayed) of a
//! [`Peer`](super::Peer); what the peer sends from there ([`Transmit::source`](super::Transmit)) goes
//! to [`TurnClient::send`], and what [`TurnClient::handle_datagram`] unwraps goes to
//! [`Peer::handle_datagram`](super::Peer::handle_datagram) with the relayed address as its destination.
//!
//! Long-term credentials with MD5 and HMAC-SHA1 (RFC 8489, section 9.2), as servers and browsers
//! speak them. Not spoken: TCP and TLS to the server, other servers that it points to.

mod client;
mod message;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

pub use client::{Counters, Received, TurnClient};

/// What a [`TurnClient`] is told.
#[derive(Clone)]
pub struct TurnConfig {
    /// Address of the server.
    pub server: SocketAddr,
    /// Address of the socket that speaks with it.
    pub local: SocketAddr,
    /// User name and password. `None`: no relaying; only the address is asked for under which the
    /// server sees the socket.
    pub credentials: Option<(String, String)>,
    /// **Secret random bytes**: the numbers of transactions are made of them, so that nobody off the
    /// path can answer for the server.
    pub secret: [u8; 32],
    /// How long an allocation is asked for; it is refreshed in time.
    pub lifetime: Duration,
}

impl fmt::Debug for TurnConfig {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TurnConfig { server, local, lifetime, .. } = self;
        f.debug_struct("TurnConfig")
            .field("server", server)
            .field("local", local)
            .field("lifetime", lifetime)
            .finish_non_exhaustive()
    }
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnEvent {
    /// The server sees the socket under this address.
    Mapped(SocketAddr),
    /// Others reach this end at this address on the server.
    Allocated(SocketAddr),
    /// There is no relayed address, or no longer.
    Failed(TurnFailure),
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnFailure {
    /// The server does not answer.
    Timeout,
    /// The server says no: 401 is a wrong user or password, 486 too many allocations (RFC 8656,
    /// section 19).
    Refused {
        /// Code.
        code: u16,
        /// Its own words, at most 128 bytes.
        reason: String,
    },
}

impl fmt::Display for TurnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("the server does not answer"),
            Self::Refused { code, reason } => write!(f, "the server refuses: {code} {reason}"),
        }
    }
}

impl std::error::Error for TurnFailure {}
