//! Why a server did not start.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::rtc::StartRtcError;

/// Why a server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The address is reachable from other machines, but no token is configured.
    Open(SocketAddr),
    /// Users with passwords are configured without TLS: passwords would be sent unencrypted.
    PasswordsWithoutTls,
    /// Rooms have a lobby, but everyone is a moderator, because no token is configured.
    LobbyWithoutTokens,
    /// The socket cannot be opened.
    Listen(SocketAddr, io::Error),
    /// A folder cannot be created or read.
    Folder(PathBuf, io::Error),
    /// WebRTC cannot be started.
    Rtc(StartRtcError),
    /// A thread cannot be started.
    Thread(io::Error),
    /// This build decodes none of the configured video codecs.
    NoVideoCodec,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(address) => write!(
                f,
                "cannot listen on {address} without a token: other machines can reach it\n\
                 help: give --token SCOPE=VALUE, --token-file, --user-file or --jwt-key FILE, or listen on 127.0.0.1"
            ),
            Self::PasswordsWithoutTls => f.write_str(
                "cannot accept passwords without TLS\nhelp: give --tls-cert and --tls-key",
            ),
            Self::LobbyWithoutTokens => f.write_str(
                "cannot open a lobby without tokens or users: everyone would be a moderator\n\
                 help: give --token SCOPE=VALUE, --token-file, --user-file or --jwt-key FILE",
            ),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Rtc(error) => error.fmt(f),
            Self::Folder(path, error) => write!(f, "cannot use folder {}: {error}", path.display()),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
            Self::NoVideoCodec => {
                f.write_str("cannot accept video: this build has no codec for it")
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open(_)
            | Self::PasswordsWithoutTls
            | Self::LobbyWithoutTokens
            | Self::NoVideoCodec => None,
            Self::Listen(_, error) | Self::Folder(_, error) | Self::Thread(error) => Some(error),
            Self::Rtc(error) => Some(error),
        }
    }
}
