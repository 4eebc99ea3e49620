//! STUN and TURN servers in the `Link` headers of WHIP and WHEP answers (RFC 9725, section 4.6; RFC
//! 8288), with URIs of RFC 7064 and RFC 7065.

mod error;
mod link;

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

pub use error::LinkError;
use link::{Cursor, Link};

/// Maximum number of servers used from one answer.
pub const MAX_SERVERS: usize = 8;
/// Maximum number of links of one answer that are parsed, of any relation.
const MAX_LINKS: usize = 64;
/// Maximum length of user name and password: the user name is sent in a STUN attribute (RFC 8489,
/// section 14.3).
const MAX_CREDENTIAL_BYTES: usize = 508;
/// Maximum length of a host name.
const MAX_HOST_BYTES: usize = 255;
/// Maximum number of characters of the remote end's text that a message repeats.
const MAX_QUOTED_CHARS: usize = 80;

/// The link relation of ICE servers.
const RELATION: &str = "ice-server";

/// The protocol of a server, and its transport security.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// STUN.
    Stun,
    /// STUN over TLS.
    Stuns,
    /// TURN.
    Turn,
    /// TURN over TLS.
    Turns,
}

impl Service {
    const ALL: [Self; 4] = [Self::Stun, Self::Stuns, Self::Turn, Self::Turns];

    const fn name(self) -> &'static str {
        match self {
            Self::Stun => "stun",
            Self::Stuns => "stuns",
            Self::Turn => "turn",
            Self::Turns => "turns",
        }
    }

    const fn relays(self) -> bool {
        matches!(self, Self::Turn | Self::Turns)
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Stun | Self::Turn => 3478,
            Self::Stuns | Self::Turns => 5349,
        }
    }
}

/// How a TURN server is reached. It relays to other peers over UDP in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TurnTransport {
    /// UDP.
    #[default]
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
}

/// An ICE server.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// Its service.
    pub service: Service,
    /// Its host name, or its address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The TURN transport, if given: `udp` or `tcp`.
    pub transport: Option<String>,
    /// User name and password; always present for TURN servers.
    pub credentials: Option<(String, String)>,
}

impl fmt::Debug for IceServer {
    /// Omits the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IceServer").field(&self.uri()).finish()
    }
}

/// The ICE servers in the `Link` headers of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IceLinks {
    /// The servers in order: at most [`MAX_SERVERS`].
    pub servers: Vec<IceServer>,
    /// Why links were rejected; at most as many as servers.
    pub rejected: Vec<LinkError>,
}

impl IceLinks {
    /// Parses the values of all `Link` headers. Links with other relations are ignored.
    ///
    /// ```
    /// use codec_net::ice_server::IceLinks;
    ///
    /// let header = b"<stun:stun.example.org>; rel=\"ice-server\"";
    /// let links = IceLinks::read([&header[..]]);
    /// assert!(links.servers[0].uri().starts_with("stun:stun.example.org"));
    /// ```
    pub fn read<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let (mut found, mut links) = (Self::default(), 0);
        for value in values {
            let mut cursor = match Cursor::new(value) {
                Ok(cursor) => cursor,
                Err(error) => {
                    found.reject(error);
                    continue;
                }
            };
            loop {
                let link = match cursor.next() {
                    Ok(Some(link)) => link,
                    Ok(None) => break,
                    Err(error) => {
                        found.reject(error);
                        break;
                    }
                };
                links += 1;
                if links > MAX_LINKS {
                    found.reject(LinkError::TooMany);
                    return found;
                }
                if !link.is_for(RELATION) {
                    continue;
                }
                match IceServer::of(&link) {
                    Ok(_) if found.servers.len() >= MAX_SERVERS => {
                        found.reject(LinkError::TooMany);
                        return found;
                    }
                    Ok(server) => found.servers.push(server),
                    Err(error) => found.reject(error),
                }
            }
        }
        found
    }

    fn reject(&mut self, error: LinkError) {
        if self.rejected.len() < MAX_SERVERS {
            self.rejected.push(error);
        }
    }
}

impl IceServer {
    /// Creates a TURN server at `place`: a URI such as `turns:host` or `turn:host:port?transport=tcp`, or
    /// `host` or `host:port` for UDP.
    ///
    /// # Errors
    ///
    /// [`LinkError`] if it cannot be written into a header.
    pub fn turn(place: &str, user: &str, password: &str) -> Result<Self, LinkError> {
        let bare = host_and_port(place).map(|_| format!("turn:{place}"));
        let mut server = parse_uri(bare.as_deref().unwrap_or(place))
            .filter(|server| server.turn_transport().is_some())
            .ok_or_else(|| uri_error(place))?;
        server.credentials = Some(credentials(user, password)?);
        if server.service == Service::Turn {
            server.transport.get_or_insert_with(|| "udp".to_owned());
        }
        Ok(server)
    }

    /// How this TURN server is reached (RFC 7065, section 3.1); `None` for STUN, and for TURN over DTLS,
    /// which is not supported.
    #[must_use]
    pub fn turn_transport(&self) -> Option<TurnTransport> {
        match (self.service, self.transport.as_deref()) {
            (Service::Turn, None | Some("udp")) => Some(TurnTransport::Udp),
            (Service::Turn, Some("tcp")) => Some(TurnTransport::Tcp),
            (Service::Turns, None | Some("tcp")) => Some(TurnTransport::Tls),
            _ => None,
        }
    }

    /// Resolves its IPv4 or IPv6 address with DNS.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if there is no address.
    pub fn resolve(&self, ipv4: bool) -> io::Result<SocketAddr> {
        let mut found = (self.host.as_str(), self.port).to_socket_addrs()?;
        let none = || {
            io::Error::new(
                io::ErrorKind::NotFound,
                "no address of the socket's family (IPv4 or IPv6)",
            )
        };
        found.find(|address| address.is_ipv4() == ipv4).ok_or_else(none)
    }

    /// Returns its URI.
    #[must_use]
    pub fn uri(&self) -> String {
        let Self { service, host, port, transport, .. } = self;
        let service = service.name();
        let query = transport.as_ref().map_or(String::new(), |it| format!("?transport={it}"));
        if host.contains(':') {
            format!("{service}:[{host}]:{port}{query}")
        } else {
            format!("{service}:{host}:{port}{query}")
        }
    }

    /// Returns the value of a `Link` header for it.
    #[must_use]
    pub fn to_link(&self) -> String {
        let link = format!("<{}>; rel=\"{RELATION}\"", self.uri());
        let Some((user, password)) = &self.credentials else { return link };
        let (user, password) = (quoted(user), quoted(password));
        format!("{link}; username={user}; credential={password}; credential-type=\"password\"")
    }
}

/// Formats a quoted string (RFC 9110, section 5.6.4).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl IceServer {
    /// Parses the server of a link.
    fn of(link: &Link<'_>) -> Result<Self, LinkError> {
        let mut server = parse_uri(link.target).ok_or_else(|| uri_error(link.target))?;
        if let Some(kind) = link.get("credential-type")
            && !kind.eq_ignore_ascii_case("password")
        {
            return Err(LinkError::CredentialType(kind.chars().take(MAX_QUOTED_CHARS).collect()));
        }
        server.credentials = match (link.get("username"), link.get("credential")) {
            _ if !server.service.relays() => None,
            (Some(user), Some(password)) => Some(credentials(user, password)?),
            _ => return Err(LinkError::NoCredentials),
        };
        Ok(server)
    }
}

fn credentials(user: &str, password: &str) -> Result<(String, String), LinkError> {
    let is_good = |text: &str| {
        let is_printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        is_printable && (1..=MAX_CREDENTIAL_BYTES).contains(&text.len())
    };
    let are_good = is_good(user) && is_good(password);
    are_good.then(|| (user.to_owned(), password.to_owned())).ok_or(LinkError::Credentials)
}

fn uri_error(uri: &str) -> LinkError {
    LinkError::Uri(
        uri.chars().filter(|letter| !letter.is_control()).take(MAX_QUOTED_CHARS).collect(),
    )
}

/// Parses `turn:host:port?transport=udp`, without credentials.
fn parse_uri(uri: &str) -> Option<IceServer> {
    let (scheme, rest) = uri.split_once(':')?;
    let service = Service::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(scheme))?;
    let (place, query) =
        rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let transport = match query {
        None => None,
        Some(query) => {
            let transport = query.strip_prefix("transport=")?.to_ascii_lowercase();
            let is_known = ["udp", "tcp"].contains(&transport.as_str()) && service.relays();
            Some(is_known.then_some(transport)?)
        }
    };
    let (host, port) = host_and_port(place)?;
    let port = port.unwrap_or(service.default_port());
    Some(IceServer { service, host, port, transport, credentials: None })
}

fn host_and_port(place: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = if let Some(bracketed) = place.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (host, rest)
    } else {
        let end = place.find(':').unwrap_or(place.len());
        let (host, rest) = (place.get(..end)?, place.get(end..)?);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let fits = (1..=MAX_HOST_BYTES).contains(&host.len());
        (Some(host).filter(|host| fits && host.bytes().all(is_name))?, rest)
    };
    let port = match rest {
        "" => None,
        rest => {
            let digits = rest.strip_prefix(':')?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            Some(digits.parse().ok().filter(|port| is_number && *port > 0)?)
        }
    };
    Some((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::link::{MAX_PARAMETERS, MAX_VALUE_BYTES};
    use super::*;

    fn read(values: &[&str]) -> IceLinks {
        IceLinks::read(values.iter().map(|value| value.as_bytes()))
    }

    fn uris(links: &IceLinks) -> Vec<String> {
        links.servers.iter().map(IceServer::uri).collect()
    }

    #[test]
    fn links_of_the_standard_are_parsed() {
        let links = read(&[
            "<stun:stun.example.net>; rel=\"ice-server\"",
            "<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; username=\"user\"; \
             credential=\"myPassword\"; credential-type=\"password\", \
             <turns:turn.example.net?transport=tcp>;rel=ice-server;username=user ; \
             credential=my/Pass=word;credential-type=password",
            "</next>; rel=next, <turn:[2001:db8::1]:99>; REL=\"other Ice-Server\"; \
             username=\"a, \\\"b\\\"; <c>\"; credential=\"\\\\\";",
        ]);
        assert_eq!(links.rejected, []);
        assert_eq!(
            uris(&links),
            [
                "stun:stun.example.net:3478",
                "turn:turn.example.net:3478?transport=udp",
                "turns:turn.example.net:5349?transport=tcp",
                "turn:[2001:db8::1]:99",
            ]
        );
        let credentials = |at: usize| links.servers[at].credentials.clone().unwrap();
        assert_eq!(links.servers[0].credentials, None);
        assert_eq!(credentials(1), ("user".to_owned(), "myPassword".to_owned()));
        assert_eq!(credentials(2), ("user".to_owned(), "my/Pass=word".to_owned()));
        assert_eq!(credentials(3), ("a, \"b\"; <c>".to_owned(), "\\".to_owned()));
        let transports: Vec<_> = links.servers.iter().map(IceServer::turn_transport).collect();
        let (udp, tls) = (Some(TurnTransport::Udp), Some(TurnTransport::Tls));
        assert_eq!(transports, [None, udp, tls, udp]);
    }

    #[test]
    fn written_links_are_parsed_back() {
        for place in [
            "turn.example.net:3479",
            "192.0.2.1",
            "[2001:db8::1]:5000",
            "turn:host",
            "turn:[2001:db8::1]?transport=tcp",
            "turns:host:443",
        ] {
            let server = IceServer::turn(place, "1700000000:\"me\"", "a\\b c,;<>=").unwrap();
            let links = read(&[&server.to_link()]);
            assert_eq!((&links.servers[..], &links.rejected[..]), (&[server][..], &[][..]));
        }
        for place in [
            "",
            "a b",
            "host:0",
            "host:70000",
            "host:+1",
            "2001:db8::1",
            "[x]:1",
            "a/b",
            "stun:host",
            "turns:host?transport=udp",
            "turn:host?transport=sctp",
        ] {
            let rejected = IceServer::turn(place, "user", "password");
            assert_eq!(rejected, Err(LinkError::Uri(place.to_owned())), "{place}");
        }
        for (user, password) in [("", "b"), ("a", ""), ("a\r\nb", "c"), ("ä", "b")] {
            let rejected = IceServer::turn("host", user, password);
            assert_eq!(rejected, Err(LinkError::Credentials), "{user} {password}");
        }
        let server = IceServer::turn("host", "user", "their-secret").unwrap();
        assert!(!format!("{server:?}").contains("their-secret"));
    }

    #[test]
    fn addresses_are_found_by_family() {
        let server = IceServer::turn("127.0.0.1:7", "user", "password").unwrap();
        assert_eq!(server.resolve(true).unwrap(), "127.0.0.1:7".parse().unwrap());
        assert!(server.resolve(false).is_err());
    }

    #[test]
    fn invalid_links_are_rejected_with_a_reason() {
        let good = "<stun:h>; rel=ice-server";
        for (value, expected) in [
            ("<turn:h>; rel=ice-server", "without user name or password"),
            ("<turn:h>; rel=ice-server; username=a", "without user name or password"),
            ("<turn:h>; rel=ice-server; username=\"\"; credential=b", "printable ASCII"),
            (
                "<turn:h>; rel=ice-server; username=a; credential=b; credential-type=oauth",
                "credential type oauth",
            ),
            ("<stun://h>; rel=ice-server", "stun://h: expected a STUN"),
            ("<https://h/>; rel=ice-server", "expected a STUN or TURN URI"),
            ("<turn:h?transport=sctp>; rel=ice-server", "expected a STUN or TURN URI"),
            ("<stun:h?transport=udp>; rel=ice-server", "expected a STUN or TURN URI"),
            ("stun:h; rel=ice-server", "malformed Link header at byte 0"),
            ("<stun:h; rel=ice-server", "malformed"),
            ("<stun:h>; rel=\"ice-server", "malformed"),
            ("<stun:h>; rel=\"ice-server\\", "malformed"),
            ("<stun:h>; =ice-server", "malformed Link header at byte 10"),
            ("<stun:h> rel=ice-server", "malformed"),
            ("<stun:h\u{e4}>; rel=ice-server", "characters"),
        ] {
            let links = read(&[value, good]);
            assert_eq!(uris(&links), ["stun:h:3478"], "{value}");
            let [rejected] = &links.rejected[..] else { panic!("{value}: {links:?}") };
            assert!(rejected.to_string().contains(expected), "{value}: {rejected}");
        }
        // Links before the error are kept.
        let links = read(&["<stun:a>; rel=ice-server, <stun:b"]);
        assert_eq!((uris(&links).len(), links.rejected.len()), (1, 1));
        // Links with other relations are ignored.
        assert_eq!(read(&["<turn:h>; rel=next", "<x>", " , ,", ""]), IceLinks::default());
    }

    #[test]
    fn numbers_and_lengths_are_bounded() {
        let many = "<stun:h>; rel=ice-server, ".repeat(MAX_SERVERS + 1);
        let links = read(&[&many]);
        assert_eq!(links.servers.len(), MAX_SERVERS);
        assert_eq!(links.rejected, [LinkError::TooMany]);
        let links = read(&["<x>; rel=next"; MAX_LINKS + 1]);
        assert_eq!(links.rejected, [LinkError::TooMany]);
        let long = format!("<stun:{}>; rel=ice-server", "h".repeat(MAX_VALUE_BYTES));
        assert_eq!(
            read(&[&long]).rejected,
            [LinkError::TooLong { bytes: long.len(), limit: MAX_VALUE_BYTES }]
        );
        let long = format!("<stun:{}>; rel=ice-server", "h".repeat(300));
        assert!(
            matches!(&read(&[&long]).rejected[..], [LinkError::Uri(expected)] if expected.len() < 100)
        );
        let many = format!("<stun:h>; rel=ice-server{}", "; a=b".repeat(MAX_PARAMETERS));
        assert!(matches!(read(&[&many]).rejected[..], [LinkError::Malformed(_)]));
        assert_eq!(read(&["<stun:h"; 100]).rejected.len(), MAX_SERVERS);
    }

    #[test]
    fn damaged_links_do_not_stop_the_parser() {
        let server = IceServer::turn("[2001:db8::1]:5000", "a\"b", "c\\").unwrap();
        let whole = server.to_link().into_bytes();
        for len in 0..whole.len() {
            IceLinks::read([&whole[..len]]);
            for byte in [0, b'"', b'\\', b';', b',', b'<', b'>', b' ', 0xff] {
                let mut damaged = whole.clone();
                damaged[len] = byte;
                IceLinks::read([&damaged[..]]);
            }
        }
    }
}
