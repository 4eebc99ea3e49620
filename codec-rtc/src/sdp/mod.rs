//! Descriptions of plain RTP sessions: parse and write. RFC 8866, with the attributes that programs
//! and browsers put in them.
//!
//! What is not known here is kept as it stands, and written again. Candidates (RFC 8839) are counted
//! and left out.

mod attribute;
pub mod base64;
mod crypto;
mod error;
mod media;
mod parse;
mod write;

use std::net::IpAddr;

pub use crypto::{Crypto, CryptoKey, Mki, Suite};
pub use error::{Problem, SdpError};
pub use media::{Extmap, Feedback, Fmtp, MediaDescription, Protocol, RtcpAddress, RtpMap};
pub use media::{SourceAttribute, SourceGroup};
pub use parse::parse;

/// Longest description that is read.
pub const MAX_BYTES: usize = 64 << 10;
/// Most media lines.
pub const MAX_MEDIA: usize = 32;
/// Most candidates, which are counted and left out.
pub const MAX_CANDIDATES: usize = 64;

/// A session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// Who made it (`o=`).
    pub origin: Origin,
    /// `s=`.
    pub name: String,
    /// Where media goes unless its description says otherwise (`c=`).
    pub connection: Option<Connection>,
    /// `b=`.
    pub bandwidth: Vec<Bandwidth>,
    /// When the session is: `t=` with its start and end, 0 for none; 0 and 0 if there is no line.
    pub time: (u64, u64),
    /// Direction of media that says none.
    pub direction: Option<Direction>,
    /// Media lines that share a transport or belong together (`a=group`): semantics, then MIDs.
    pub groups: Vec<Vec<String>>,
    /// Header extensions of all media.
    pub extmaps: Vec<Extmap>,
    /// Other attributes in their order.
    pub attributes: Vec<Attribute>,
    /// By media line.
    pub media: Vec<MediaDescription>,
    /// Candidates that were left out on reading.
    pub candidates: usize,
}

/// Who made a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `-` for none.
    pub username: String,
    /// Number of the session.
    pub session_id: u64,
    /// Grows with each change.
    pub version: u64,
    /// Address of the maker.
    pub address: String,
}

impl Default for Origin {
    fn default() -> Self {
        let (username, address) = ("-".into(), "127.0.0.1".into());
        Self { username, session_id: 0, version: 0, address }
    }
}

/// Where media goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// An address or a name.
    pub address: String,
    /// Hops of multicast, for IPv4.
    pub ttl: Option<u8>,
}

impl Connection {
    /// To an address.
    #[must_use]
    pub fn to(address: IpAddr) -> Self {
        Self { address: address.to_string(), ttl: None }
    }

    /// The address, if it is no name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }
}

/// A limit of bandwidth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// What is limited: `AS` and `CT` in kbit/s, `TIAS` in bit/s.
    pub kind: String,
    /// How much.
    pub value: u64,
}

/// An attribute that is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Before the colon.
    pub name: String,
    /// After it, if there is one.
    pub value: Option<String>,
}

/// Which way media flows, seen from who describes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the standard's names")]
pub enum Direction {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive];

    /// The attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.as_str() == name)
    }
}

impl Session {
    /// A session of no media yet that goes to `address`.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        let origin = Origin { address: address.to_string(), ..Origin::default() };
        let connection = Some(Connection::to(address));
        Self { origin, name: "-".into(), connection, ..Self::default() }
    }

    /// Where `media`, one of this session's, goes: its own address or the session's.
    #[must_use]
    pub fn connection_of<'a>(&'a self, media: &'a MediaDescription) -> Option<&'a Connection> {
        media.connection.as_ref().or(self.connection.as_ref())
    }

    /// Which way `media`, one of this session's, flows.
    #[must_use]
    pub fn direction_of(&self, media: &MediaDescription) -> Direction {
        media.direction.or(self.direction).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
