//! Configuration of the thread that runs the calls, and errors at its start.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use codec_webrtc::CertificateError;

use crate::error::NetError;
use crate::ice_server::IceServer;

/// Why the calls cannot be served.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartRtcError {
    /// The socket cannot be opened.
    Listen(SocketAddr, io::Error),
    /// No address that others could send to was found.
    NoAddress(io::Error),
    /// The certificate cannot be generated.
    Certificate(CertificateError),
    /// The thread cannot be started.
    Thread(io::Error),
    /// The TURN server cannot be used.
    Turn(NetError),
}

impl fmt::Display for StartRtcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address, error) => {
                write!(f, "cannot listen on UDP {address}: {error}")
            }
            Self::NoAddress(error) => {
                write!(
                    f,
                    "cannot find an address to announce: {error}\nhelp: give one with --announce"
                )
            }
            Self::Certificate(error) => write!(f, "cannot generate a certificate: {error}"),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
            Self::Turn(error) => write!(f, "cannot use the TURN server: {error}"),
        }
    }
}

impl std::error::Error for StartRtcError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen(_, error) | Self::NoAddress(error) | Self::Thread(error) => Some(error),
            Self::Certificate(error) => Some(error),
            Self::Turn(error) => Some(error),
        }
    }
}

/// A TURN server, for clients without a direct connection.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnServer {
    /// Its address.
    pub address: SocketAddr,
    /// Its name, transport and credentials.
    pub server: IceServer,
    /// The only trusted certificates of a server over TLS, in PEM; `None` trusts the public authorities.
    pub roots: Option<Vec<u8>>,
    /// Whether only the relayed candidate is offered.
    pub relay_only: bool,
    /// Whether clients get the server and its credentials for their own use (RFC 9725, section 4.6).
    pub is_shared: bool,
}

impl fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Where calls are received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtcConfig {
    /// The UDP socket; port 0: any free port.
    pub listen: SocketAddr,
    /// The announced address, if it differs from the socket's own.
    pub announce: Option<IpAddr>,
    /// If `listen` is a loopback address and `announce` is `None`: also listen on this machine's
    /// network address, if it has one, on the same port, and announce both. By default, Firefox
    /// uses no loopback address. Calls still need the credentials of an answer.
    pub beyond_loopback: bool,
    /// A TURN server, for clients that cannot send to the socket directly.
    pub turn: Option<TurnServer>,
}
