//! URLs of streams: `rtp://host:port`, `wss://host/path?name=value` (RFC 3986).

mod error;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

pub use error::UrlError;

/// Maximum length of a URL in bytes.
pub const MAX_BYTES: usize = 4096;

/// Maximum number of options in the query.
const MAX_OPTIONS: usize = 32;

/// The transport of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// RTP and RTCP over UDP.
    Rtp,
    /// Encrypted RTP and RTCP (RFC 3711).
    Srtp,
    /// Our framing in datagrams.
    Udp,
    /// Our framing over TCP.
    Tcp,
    /// Our framing in WebSocket messages.
    Ws,
    /// Our framing in WebSocket messages over TLS.
    Wss,
    /// WebRTC to a server (RFC 9725).
    Whip,
    /// WebRTC from a server.
    Whep,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 8] =
        [Self::Rtp, Self::Srtp, Self::Udp, Self::Tcp, Self::Ws, Self::Wss, Self::Whip, Self::Whep];

    /// The name in a URL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rtp => "rtp",
            Self::Srtp => "srtp",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Whip => "whip",
            Self::Whep => "whep",
        }
    }

    /// Whether URLs of this scheme may have a path.
    #[must_use]
    pub const fn has_path(self) -> bool {
        matches!(self, Self::Ws | Self::Wss | Self::Whip | Self::Whep)
    }

    /// The default port; without one, the URL must contain a port.
    #[must_use]
    const fn default_port(self) -> Option<u16> {
        match self {
            Self::Ws => Some(80),
            Self::Wss => Some(443),
            Self::Rtp | Self::Srtp | Self::Udp | Self::Tcp | Self::Whip | Self::Whep => None,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A parsed URL.
///
/// ```
/// use codec_net::url::Url;
///
/// let url: Url = "srtp://192.0.2.1:5004?latency=80ms".parse()?;
/// assert_eq!((url.host(), url.port(), url.option("latency")), ("192.0.2.1", 5004, Some("80ms")));
/// assert!(!url.is_loopback());
/// # Ok::<(), codec_net::url::UrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
    path: String,
    options: Vec<(String, String)>,
}

impl Url {
    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host name or address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, or the default port of HTTP or HTTPS.
    #[must_use]
    pub fn port(&self) -> u16 {
        let usual = self.scheme.default_port();
        self.port.or(usual).unwrap_or(if self.is_plain_http() { 80 } else { 443 })
    }

    /// The path with its leading slash; `/` by default.
    #[must_use]
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// `host:port`, with brackets if needed.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port())
    }

    /// The value of an option; empty without a value (`?listen`).
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a boolean option is on (`?listen`, `?listen=1`; `?listen=0` is off).
    ///
    /// # Errors
    ///
    /// If it has another value.
    pub fn switch(&self, name: &str) -> Result<bool, UrlError> {
        match self.option(name) {
            None | Some("0" | "off" | "no") => Ok(false),
            Some("" | "1" | "on" | "yes") => Ok(true),
            Some(other) => Err(UrlError::Value(name.to_owned(), other.to_owned(), "on or off")),
        }
    }

    /// Checks that all options are in `known`.
    ///
    /// # Errors
    ///
    /// [`UrlError::Option`] for the first unknown one.
    pub fn check_options(&self, known: &'static [&'static str]) -> Result<(), UrlError> {
        let strange = self.options.iter().find(|(name, _)| !known.contains(&name.as_str()));
        strange.map_or(Ok(()), |(name, _)| Err(UrlError::Option(name.clone(), known)))
    }

    /// Whether the host is this machine, by its address or as `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        address || self.host.eq_ignore_ascii_case("localhost")
    }

    /// Whether HTTP is used without TLS: `ws`; `whip` and `whep` to this machine or with
    /// `?insecure`.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        match self.scheme {
            Scheme::Ws => true,
            Scheme::Whip | Scheme::Whep => {
                self.is_loopback() || self.switch("insecure").unwrap_or(false)
            }
            _ => false,
        }
    }

    /// The HTTP URL of the resource, without our options.
    #[must_use]
    pub fn http(&self) -> String {
        let scheme = if self.is_plain_http() { "http" } else { "https" };
        format!("{scheme}://{}{}", self.authority(), self.path())
    }

    /// Resolves the host to its first address.
    ///
    /// # Errors
    ///
    /// An error of the resolver.
    pub fn resolve(&self) -> io::Result<SocketAddr> {
        let mut found = (self.host.as_str(), self.port()).to_socket_addrs()?;
        found.next().ok_or_else(|| {
            let message = format!("{}: no address", self.host);
            io::Error::new(io::ErrorKind::NotFound, message)
        })
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Url {
    /// Does not print the options, which may contain keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.bracketed())?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

/// The scheme, in lower case, of a text that looks like a URL.
#[must_use]
pub fn scheme_of(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once("://")?;
    let first = scheme.bytes().next()?;
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    (first.is_ascii_alphabetic() && scheme.bytes().all(rest)).then(|| scheme.to_ascii_lowercase())
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_BYTES {
            return Err(UrlError::TooLong(text.len()));
        }
        let strange = |&(_, character): &(usize, char)| {
            character.is_control()
                || character.is_whitespace()
                || "\"<>\\^`{|}#".contains(character)
        };
        if let Some((at, character)) = text.char_indices().find(strange) {
            return Err(UrlError::Character(character, at));
        }
        let name = scheme_of(text).ok_or(UrlError::NoScheme)?;
        let known = Scheme::ALL.into_iter().find(|scheme| scheme.name() == name);
        let scheme = known.ok_or(UrlError::Scheme(name))?;
        let (_, rest) = text.split_once("://").ok_or(UrlError::NoScheme)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path_at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_at);
        let (host, port) = parse_authority(authority)?;
        if !scheme.has_path() && !matches!(path, "" | "/") {
            return Err(UrlError::Path(path.to_owned()));
        }
        if port.is_none() && !scheme.has_path() {
            return Err(UrlError::NoPort(scheme));
        }
        let path = if scheme.has_path() { path.to_owned() } else { String::new() };
        Ok(Self { scheme, host, port, path, options: parse_query(query)? })
    }
}

fn parse_authority(authority: &str) -> Result<(String, Option<u16>), UrlError> {
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    let wrong = |host: &str| UrlError::Host(host.to_owned());
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or_else(|| wrong(authority))?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong(host))?;
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err(wrong(authority)),
        }
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        // More than one colon: an IPv6 address without brackets.
        if port.is_some_and(|port| port.contains(':')) {
            return Err(wrong(authority));
        }
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if host.is_empty() {
            return Err(UrlError::NoHost);
        }
        if !host.bytes().all(letter) || host.len() > 253 {
            return Err(wrong(host));
        }
        (host, port)
    };
    let port = match port {
        None => None,
        Some(port) => {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            let number = port.parse::<u16>().ok().filter(|_| digits);
            Some(number.ok_or_else(|| UrlError::Port(port.to_owned()))?)
        }
    };
    Ok((host.to_owned(), port))
}

/// The value of `name` in a query, if the query is valid.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    let options = parse_query(query).ok()?;
    options.into_iter().find_map(|(key, value)| (key == name).then_some(value))
}

fn parse_query(query: &str) -> Result<Vec<(String, String)>, UrlError> {
    let mut options: Vec<(String, String)> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (unescape(name)?, unescape(value)?);
        if options.iter().any(|(known, _)| *known == name) {
            return Err(UrlError::DuplicateOption(name));
        }
        if options.len() == MAX_OPTIONS {
            return Err(UrlError::TooManyOptions);
        }
        options.push((name, value));
    }
    Ok(options)
}

/// Decodes `%XX` (RFC 3986, section 2.1). A plus remains a plus.
fn unescape(text: &str) -> Result<String, UrlError> {
    let wrong = || UrlError::Escape(text.to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, after) = after.split_at_checked(2).ok_or_else(wrong)?;
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refused(text: &str) -> String {
        text.parse::<Url>().map_or_else(|error| error.to_string(), |_| panic!("{text} is taken"))
    }

    #[test]
    fn every_part_is_parsed() {
        let plain = url("rtp://192.0.2.7:5004");
        assert_eq!((plain.scheme(), plain.host(), plain.port()), (Scheme::Rtp, "192.0.2.7", 5004));
        let six = url("UDP://[2001:db8::1]:9000/");
        assert_eq!((six.scheme(), six.host(), six.port()), (Scheme::Udp, "2001:db8::1", 9000));
        assert_eq!(
            (six.authority(), six.to_string()),
            ("[2001:db8::1]:9000".into(), "udp://[2001:db8::1]:9000".into())
        );
        let web = url("wss://media.example/live/one?token=a%20b&listen");
        assert_eq!((web.port(), web.path()), (443, "/live/one"));
        assert_eq!((web.option("token"), web.switch("listen")), (Some("a b"), Ok(true)));
        assert_eq!(web.switch("connect"), Ok(false));
        assert_eq!(web.to_string(), "wss://media.example/live/one");
        assert_eq!(url("tcp://[::1]:0").resolve().unwrap(), "[::1]:0".parse().unwrap());
    }

    #[test]
    fn http_is_encrypted_except_on_loopback_or_on_request() {
        for (text, http) in [
            ("whip://media.example/w/1", "https://media.example:443/w/1"),
            ("whip://localhost/w", "http://localhost:80/w"),
            ("whep://127.0.0.1:8080/w", "http://127.0.0.1:8080/w"),
            ("whep://[::1]:8080/w", "http://[::1]:8080/w"),
            ("whep://10.0.0.1:8080/w", "https://10.0.0.1:8080/w"),
            ("whep://10.0.0.1:8080/w?insecure", "http://10.0.0.1:8080/w"),
        ] {
            assert_eq!(url(text).http(), http);
        }
    }

    #[test]
    fn errors_name_the_cause() {
        for (text, says) in [
            ("clip.webm", "no scheme"),
            ("://a:1", "no scheme"),
            ("ftp://a:1", "scheme ftp"),
            ("rtp://", "no host"),
            ("rtp://:5004", "no host"),
            ("rtp://host", "no port"),
            ("rtp://host:", "port \"\""),
            ("rtp://host:65536", "port \"65536\""),
            ("rtp://host:+5", "port \"+5\""),
            ("rtp://::1:5004", "host ::1:5004"),
            ("rtp://[::1:5004", "host [::1:5004"),
            ("rtp://[::1]5004", "host [::1]5004"),
            ("rtp://[host]:1", "host host"),
            ("rtp://a_b*c:1", "host a_b*c"),
            ("rtp://user:word@host:1", "user names and passwords"),
            ("rtp://host:1/path", "unexpected path /path"),
            ("tcp://ho st:1", "' ' at byte 8"),
            ("tcp://host:1?a=%2", "%2"),
            ("tcp://host:1?a=%+1", "%+1"),
            ("tcp://host:1?a=%ff", "UTF-8"),
            ("tcp://host:1?a=1&a=2", "duplicate option a"),
        ] {
            let error = refused(text);
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(refused(&format!("tcp://{}:1", "a".repeat(MAX_BYTES))).contains("at most"));
        let strange = url("tcp://host:1?listen&nosuch=1").check_options(&["listen"]);
        assert!(strange.unwrap_err().to_string().contains("nosuch"));
        assert!(url("tcp://host:1?listen=maybe").switch("listen").is_err());
    }
}
