//! TURN (RFC 8656) and STUN (RFC 8489) client, as a sans-IO state machine.
//!
//! [`TurnClient`] allocates a relayed address, refreshes it, and relays datagrams. Pass the address
//! to a [`Peer`](super::Peer) as [`LocalCandidate::Relayed`](super::LocalCandidate::Relayed).
//! Datagrams whose [`Transmit::source`](super::Transmit) is the relayed address go to
//! [`TurnClient::send`]; data from [`TurnClient::handle_datagram`] goes to
//! [`Peer::handle_datagram`](crate::Peer::handle_datagram) with the relayed address as destination.
//!
//! Uses long-term credentials with MD5 and HMAC-SHA1 (RFC 8489, section 9.2), as common servers and
//! browsers do. Redirection to other servers is not supported.
//!
//! The server may be reached over TCP or TLS ([`TurnConfig::is_stream`]): send the datagrams of the client as a
//! byte stream, and divide the stream from the server into datagrams by [`StreamReader`]. Between the relayed
//! address and the peer, datagrams are sent over UDP in either case.

mod client;
mod message;
mod stream;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

pub use client::{Counters, Inbound, TurnClient};
pub use stream::{NotTurn, StreamReader};

/// Configuration of a [`TurnClient`].
#[derive(Clone)]
pub struct TurnConfig {
    /// Address of the server.
    pub server: SocketAddr,
    /// Address of the local socket.
    pub local: SocketAddr,
    /// User name and password. With `None`, nothing is allocated: the client only determines the
    /// server-reflexive address of the socket.
    pub credentials: Option<(String, String)>,
    /// **Secret random bytes** from which transaction ids are derived, so that an off-path attacker
    /// cannot forge responses.
    pub secret: [u8; 32],
    /// Requested lifetime of an allocation, which the client refreshes before it expires.
    pub lifetime: Duration,
    /// Whether the server is reached over a byte stream (TCP or TLS): requests are not retransmitted, and
    /// datagrams have a multiple of four bytes.
    pub is_stream: bool,
}

impl fmt::Debug for TurnConfig {
    /// Omits the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TurnConfig { server, local, lifetime, is_stream, .. } = self;
        f.debug_struct("TurnConfig")
            .field("server", server)
            .field("local", local)
            .field("lifetime", lifetime)
            .field("is_stream", is_stream)
            .finish_non_exhaustive()
    }
}

/// An event of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnEvent {
    /// Server-reflexive address of the socket.
    Mapped(SocketAddr),
    /// Relayed address on the server.
    Allocated(SocketAddr),
    /// The allocation failed or was lost.
    Failed(TurnFailure),
}

/// Why an allocation failed or was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnFailure {
    /// The server does not respond.
    Timeout,
    /// The server rejected a request: 401 for wrong credentials, 486 for too many allocations (RFC
    /// 8656, section 19).
    Rejected {
        /// Error code.
        code: u16,
        /// Reason phrase of the server, at most 128 bytes.
        reason: String,
    },
}

impl fmt::Display for TurnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no response from the server"),
            Self::Rejected { code, reason } => {
                write!(f, "request rejected by the server: {code} {reason}")
            }
        }
    }
}

impl std::error::Error for TurnFailure {}
