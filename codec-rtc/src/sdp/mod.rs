//! SDP for plain RTP sessions: parsing and writing. RFC 8866, with the attributes that browsers and
//! common implementations use.
//!
//! Unknown attributes are preserved when written again. ICE candidates (RFC 8839) are counted and
//! dropped.

mod attribute;
pub mod base64;
mod crypto;
mod error;
pub mod h264;
mod media;
mod parse;
mod value;
mod write;

use std::net::IpAddr;

pub use crypto::{Crypto, CryptoKey, Mki, Suite};
pub use error::{Problem, SdpError};
pub use media::{Extmap, Feedback, Fmtp, MediaDescription, Protocol, RtcpAddress, RtpMap};
pub use media::{SourceAttribute, SourceGroup};
pub use parse::parse;

/// Maximum size of a description in bytes.
pub const MAX_BYTES: usize = 64 << 10;
/// Maximum number of media sections.
pub const MAX_MEDIA: usize = 32;
/// Maximum number of candidates, which are counted and dropped.
pub const MAX_CANDIDATES: usize = 64;

/// A session description.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// Origin (`o=`).
    pub origin: Origin,
    /// Session name (`s=`).
    pub name: String,
    /// Default address of media (`c=`).
    pub connection: Option<Connection>,
    /// Bandwidth limits (`b=`).
    pub bandwidth: Vec<Bandwidth>,
    /// Start and end time of the session (`t=`), 0 for unbounded; 0 and 0 without the line.
    pub time: (u64, u64),
    /// Default direction of media.
    pub direction: Option<Direction>,
    /// Groups (`a=group`), such as BUNDLE: semantics, followed by MIDs.
    pub groups: Vec<Vec<String>>,
    /// Header extensions of all media.
    pub extmaps: Vec<Extmap>,
    /// Other attributes in order.
    pub attributes: Vec<Attribute>,
    /// Media sections.
    pub media: Vec<MediaDescription>,
    /// Number of candidates dropped by the parser.
    pub candidates: usize,
}

/// Originator of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// User name, `-` for none.
    pub username: String,
    /// Session id.
    pub session_id: u64,
    /// Version, increases with each change.
    pub version: u64,
    /// Address of the originator.
    pub address: String,
}

impl Default for Origin {
    fn default() -> Self {
        let (username, address) = ("-".into(), "127.0.0.1".into());
        Self { username, session_id: 0, version: 0, address }
    }
}

/// Connection address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// IP address or host name.
    pub address: String,
    /// Time to live of IPv4 multicast.
    pub ttl: Option<u8>,
}

impl Connection {
    /// Creates a connection to an IP address.
    #[must_use]
    pub fn to(address: IpAddr) -> Self {
        Self { address: address.to_string(), ttl: None }
    }

    /// Returns the address if it is an IP address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }
}

/// Bandwidth limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// Type: `AS` and `CT` in kb/s, `TIAS` in b/s.
    pub kind: String,
    /// Value in the unit of the type.
    pub value: u64,
}

/// An attribute without its own field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Name.
    pub name: String,
    /// Value, if present.
    pub value: Option<String>,
}

/// Media direction from the view of the describing endpoint.
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
    /// All directions.
    pub const ALL: [Self; 4] = [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive];

    /// Name of the attribute.
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
    /// Creates a session at `address` without media.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        let origin = Origin { address: address.to_string(), ..Origin::default() };
        let connection = Some(Connection::to(address));
        Self { origin, name: "-".into(), connection, ..Self::default() }
    }

    /// Address of `media`, a section of this session: its own address or the address of the session.
    #[must_use]
    pub fn connection_of<'a>(&'a self, media: &'a MediaDescription) -> Option<&'a Connection> {
        media.connection.as_ref().or(self.connection.as_ref())
    }

    /// Direction of `media`, a section of this session.
    #[must_use]
    pub fn direction_of(&self, media: &MediaDescription) -> Direction {
        media.direction.or(self.direction).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
