//! Why a text is not a valid stream URL.

use std::fmt;

use super::{MAX_BYTES, MAX_OPTIONS, Scheme};

/// Why a text is not a valid stream URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// Longer than [`MAX_BYTES`].
    TooLong(usize),
    /// It does not start with `scheme://`.
    NoScheme,
    /// An unknown scheme.
    Scheme(String),
    /// A user name or password before the host.
    UserInfo,
    /// There is no host.
    NoHost,
    /// The host is not a name, an IPv4 address or an IPv6 address in brackets.
    Host(String),
    /// The port is not a number up to 65535.
    Port(String),
    /// This scheme requires a port.
    NoPort(Scheme),
    /// This scheme does not support paths.
    Path(String),
    /// A character, at this byte, that must be escaped in a URL.
    Character(char, usize),
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    Escape(String),
    /// A duplicate option.
    DuplicateOption(String),
    /// More than 32 options.
    TooManyOptions,
    /// An unsupported option, and the supported ones.
    Option(String, &'static [&'static str]),
    /// An invalid value of an option, and the expected values.
    Value(String, String, &'static str),
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => {
                write!(f, "URL too long: got {bytes} bytes, expected at most {MAX_BYTES}")
            }
            Self::NoScheme => f.write_str("no scheme, expected a URL such as rtp://host:port"),
            Self::Scheme(name) => {
                let known = Scheme::ALL.map(Scheme::name).join(", ");
                write!(f, "unknown scheme {name}, expected one of {known}")
            }
            Self::UserInfo => f.write_str(
                "user names and passwords are not allowed in URLs, because others can see them",
            ),
            Self::NoHost => f.write_str(
                "no host, expected a name or address; to listen on all interfaces: 0.0.0.0 or [::]",
            ),
            Self::Host(host) => {
                write!(f, "invalid host {host}, expected a name, 192.0.2.1 or [2001:db8::1]")
            }
            Self::Port(port) => write!(f, "invalid port {port:?}, expected a number up to 65535"),
            Self::NoPort(scheme) => write!(f, "no port, expected {scheme}://host:port"),
            Self::Path(path) => write!(f, "unexpected path {path}"),
            Self::Character(character, at) => {
                write!(f, "invalid character {character:?} at byte {at}")
            }
            Self::Escape(text) => {
                write!(f, "invalid escape in {text}, expected UTF-8 bytes as %XX")
            }
            Self::DuplicateOption(name) => write!(f, "duplicate option {name}"),
            Self::TooManyOptions => write!(f, "more than {MAX_OPTIONS} options"),
            Self::Option(name, []) => {
                write!(f, "unknown option {name}: this scheme has no options")
            }
            Self::Option(name, known) => {
                write!(f, "unknown option {name}, expected one of {}", known.join(", "))
            }
            Self::Value(name, value, expected) => {
                write!(f, "invalid option {name}={value}, expected {expected}")
            }
        }
    }
}

impl std::error::Error for UrlError {}
