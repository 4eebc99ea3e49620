//! Who may do what: bearer tokens with scopes, users with passwords, origins.
//!
//! Secrets are kept as digests and compared in a time that does not depend on them.

use std::fmt;
use std::net::IpAddr;

use codec_rtc::sdp::base64;
use sha2::{Digest, Sha256};

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Send a stream to the server.
    Publish,
    /// Watch streams, talk and send files.
    View,
    /// See and end the sessions of others.
    Admin,
}

impl Scope {
    /// All of them with their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("publish", Self::Publish), ("view", Self::View), ("admin", Self::Admin)];

    /// The name used on the command line and in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::View => "view",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Publish => 1,
            Self::View => 2,
            Self::Admin => 4,
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Grants(u8);

impl Grants {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(7);

    /// Of a list of names, separated by `+` or `,`.
    ///
    /// # Errors
    /// The name that is none.
    pub fn parse(names: &str) -> Result<Self, String> {
        let mut grants = Self::NONE;
        for name in names.split(['+', ',']) {
            let found = Scope::ALL.iter().find(|(known, _)| *known == name.trim());
            let (_, scope) = found.ok_or_else(|| {
                format!("{name:?} is no scope: publish, view or admin, joined by +")
            })?;
            grants = grants.with(*scope);
        }
        Ok(grants)
    }

    /// With one more. Who administers may do all.
    #[must_use]
    pub fn with(self, scope: Scope) -> Self {
        if scope == Scope::Admin { Self::ALL } else { Self(self.0 | scope.bit()) }
    }

    /// Whether a scope is in it.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Scope::ALL.iter().filter(|(_, scope)| self.allow(*scope));
        f.debug_set().entries(names.map(|(name, _)| name)).finish()
    }
}

/// The digest of a secret: what is kept of it.
#[derive(Clone, Copy)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Of the secret itself.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether `given` is the secret; takes the same time whatever is given.
    #[must_use]
    pub fn is(&self, given: &[u8]) -> bool {
        let given = Self::new(given);
        let difference = self.0.iter().zip(given.0).fold(0, |sum, (a, b)| sum | (a ^ b));
        std::hint::black_box(difference) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Who asks, by what was shown: requests with the same token, or by the same user, are of the same
/// one. On a server that is open to all, everyone is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identity([u8; 32]);

impl Identity {
    /// Of credentials that were checked.
    #[must_use]
    pub fn of(credentials: Credentials<'_>, is_open: bool) -> Self {
        let (kind, text) = match credentials {
            _ if is_open => ("", ""),
            Credentials::Bearer(token) => ("bearer ", token),
            Credentials::Basic(pair) => ("basic ", pair),
            Credentials::None | Credentials::Unknown => ("", ""),
        };
        Self(Sha256::new().chain_update(kind).chain_update(text).finalize().into())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// A user who gives a password.
#[derive(Clone, Debug)]
struct User {
    name: Secret,
    password: Secret,
    grants: Grants,
}

/// Who may do what.
#[derive(Clone, Debug, Default)]
pub struct Access {
    tokens: Vec<(Secret, Grants)>,
    users: Vec<User>,
    /// Origins other than the server's own whose pages may use it.
    origins: Vec<String>,
}

/// What came with a request to prove who asks.
#[derive(Clone, Copy, Debug)]
pub enum Credentials<'a> {
    /// Nothing.
    None,
    /// `Authorization: Bearer`, or the sub-protocol of a WebSocket.
    Bearer(&'a str),
    /// `Authorization: Basic`, still in Base64.
    Basic(&'a str),
    /// Something else.
    Unknown,
}

impl<'a> Credentials<'a> {
    /// Of the value of `Authorization`.
    #[must_use]
    pub fn parse(header: Option<&'a str>) -> Self {
        let Some(header) = header else { return Self::None };
        match header.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => {
                Self::Bearer(rest.trim())
            }
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
                Self::Basic(rest.trim())
            }
            _ => Self::Unknown,
        }
    }
}

/// Shortest token, in bytes: what can be guessed is no secret.
pub const MIN_TOKEN_BYTES: usize = 8;
/// Longest token or password, in bytes.
pub const MAX_SECRET_BYTES: usize = 1024;

impl Access {
    /// Nobody has to prove anything.
    #[must_use]
    pub fn open() -> Self {
        Self::default()
    }

    /// Adds a token.
    ///
    /// # Errors
    /// If it is too short, too long or holds what a header cannot carry.
    pub fn add_token(&mut self, token: &str, grants: Grants) -> Result<(), String> {
        let len = token.len();
        if !(MIN_TOKEN_BYTES..=MAX_SECRET_BYTES).contains(&len) {
            return Err(format!(
                "a token of {len} bytes: {MIN_TOKEN_BYTES} to {MAX_SECRET_BYTES} are taken"
            ));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a token of other than visible ASCII characters".to_owned());
        }
        self.tokens.push((Secret::new(token.as_bytes()), grants));
        Ok(())
    }

    /// Adds a user with a password, for HTTP basic authentication over TLS.
    ///
    /// # Errors
    /// If the name is empty or has a colon, or the password is too short or too long.
    pub fn add_user(&mut self, name: &str, password: &str, grants: Grants) -> Result<(), String> {
        if name.is_empty() || name.contains(':') {
            return Err(format!("{name:?} is no user name: not empty, without a colon"));
        }
        let len = password.len();
        if !(MIN_TOKEN_BYTES..=MAX_SECRET_BYTES).contains(&len) {
            return Err(format!(
                "a password of {len} bytes: {MIN_TOKEN_BYTES} to {MAX_SECRET_BYTES} are taken"
            ));
        }
        let (name, password) = (Secret::new(name.as_bytes()), Secret::new(password.as_bytes()));
        self.users.push(User { name, password, grants });
        Ok(())
    }

    /// Lets pages of `origin` (scheme, host and port, as browsers write it) use the server.
    ///
    /// # Errors
    /// If it is no origin.
    pub fn add_origin(&mut self, origin: &str) -> Result<(), String> {
        let fine = origin.split_once("://").is_some_and(|(scheme, host)| {
            matches!(scheme, "http" | "https")
                && !host.is_empty()
                && !host.contains(['/', '?', '#', '*', '@'])
        });
        if !fine {
            return Err(format!("{origin:?} is no origin: such as https://example.org:8443"));
        }
        self.origins.push(origin.to_ascii_lowercase());
        Ok(())
    }

    /// Whether anyone has to prove anything.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.users.is_empty()
    }

    /// Whether a user could log in by password.
    #[must_use]
    pub fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    /// What these credentials allow. All are compared, so that the time tells nothing.
    #[must_use]
    pub fn grants(&self, credentials: Credentials<'_>, over_tls: bool) -> Grants {
        if self.is_open() {
            return Grants::ALL;
        }
        let mut grants = Grants::NONE;
        match credentials {
            Credentials::Bearer(token) if token.len() <= MAX_SECRET_BYTES => {
                for (secret, allowed) in &self.tokens {
                    if secret.is(token.as_bytes()) {
                        grants.0 |= allowed.0;
                    }
                }
            }
            Credentials::Basic(pair) if over_tls && pair.len() <= 4 * MAX_SECRET_BYTES => {
                let Some(pair) = base64::decode(pair) else { return grants };
                let mut halves = pair.splitn(2, |byte| *byte == b':');
                let (Some(name), Some(password)) = (halves.next(), halves.next()) else {
                    return grants;
                };
                for user in &self.users {
                    if user.name.is(name) & user.password.is(password) {
                        grants.0 |= user.grants.0;
                    }
                }
            }
            _ => {}
        }
        grants
    }

    /// Whether a request from a page of `origin` to the server under the name `host` is to be
    /// answered. Without an origin it does not come from a page of another site.
    #[must_use]
    pub fn allows_origin(&self, origin: Option<&str>, host: &str, over_tls: bool) -> bool {
        let Some(origin) = origin else { return true };
        let origin = origin.to_ascii_lowercase();
        let scheme = if over_tls { "https" } else { "http" };
        let own = origin
            .split_once("://")
            .is_some_and(|(given, name)| given == scheme && name.eq_ignore_ascii_case(host));
        own || self.is_listed(&origin)
    }

    /// Whether an origin, other than the server's own, was listed.
    #[must_use]
    pub fn is_listed(&self, origin: &str) -> bool {
        self.origins.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
    }

    /// Whether the server answers to the name `host`: to addresses, `localhost` and the hosts of
    /// listed origins. Any other may be a name that somebody lets point here, so that a page of
    /// theirs would have the server's own origin (DNS rebinding).
    #[must_use]
    pub fn answers_to(&self, host: &str) -> bool {
        let name = without_port(host);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.origins.iter().any(|origin| {
                origin
                    .split_once("://")
                    .is_some_and(|(_, listed)| without_port(listed).eq_ignore_ascii_case(name))
            })
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let mut access = Access::open();
        access.add_token("view-token", Grants::parse("view").unwrap()).unwrap();
        access.add_token("pub-token", Grants::parse("publish+view").unwrap()).unwrap();
        access.add_token("adm-token", Grants::parse("admin").unwrap()).unwrap();
        access.add_user("ann", "pass:word", Grants::parse("publish").unwrap()).unwrap();
        access
    }

    #[test]
    fn tokens_have_their_scopes_and_admin_has_all() {
        let access = access();
        let grants = |token| access.grants(Credentials::Bearer(token), false);
        assert_eq!(grants("view-token"), Grants::NONE.with(Scope::View));
        assert!(
            grants("pub-token").allow(Scope::Publish) && grants("pub-token").allow(Scope::View)
        );
        assert!(!grants("pub-token").allow(Scope::Admin));
        assert_eq!(grants("adm-token"), Grants::ALL);
        for wrong in ["", "view-toke", "view-token ", "view-tokeN", "ann"] {
            assert_eq!(grants(wrong), Grants::NONE, "{wrong}");
        }
        assert_eq!(access.grants(Credentials::None, true), Grants::NONE);
        assert_eq!(Access::open().grants(Credentials::None, false), Grants::ALL);
    }

    #[test]
    fn passwords_count_over_tls_alone() {
        let access = access();
        let pair = base64::encode(b"ann:pass:word");
        assert!(access.grants(Credentials::Basic(&pair), true).allow(Scope::Publish));
        assert_eq!(access.grants(Credentials::Basic(&pair), false), Grants::NONE);
        for wrong in [&b"ann:pass"[..], b"ann", b"bob:pass:word", b":"] {
            let pair = base64::encode(wrong);
            assert_eq!(access.grants(Credentials::Basic(&pair), true), Grants::NONE);
        }
        assert_eq!(access.grants(Credentials::Basic("%%%"), true), Grants::NONE);
    }

    #[test]
    fn credentials_are_read_of_a_header() {
        assert!(matches!(Credentials::parse(None), Credentials::None));
        assert!(matches!(Credentials::parse(Some("bearer  x ")), Credentials::Bearer("x")));
        assert!(matches!(Credentials::parse(Some("Basic eA==")), Credentials::Basic("eA==")));
        assert!(matches!(Credentials::parse(Some("Digest x")), Credentials::Unknown));
        assert!(matches!(Credentials::parse(Some("")), Credentials::Unknown));
    }

    #[test]
    fn secrets_are_never_shown_and_weak_ones_refused() {
        let shown = format!("{:?}", access());
        assert!(!shown.contains("-token") && !shown.contains("pass:"), "{shown}");
        let mut access = Access::open();
        for weak in ["", "short", "with space in it", "umläut-token"] {
            assert!(access.add_token(weak, Grants::ALL).is_err(), "{weak}");
        }
        assert!(access.add_user("a:b", "password", Grants::ALL).is_err());
        assert!(access.add_user("a", "short", Grants::ALL).is_err());
        assert!(Grants::parse("view+root").is_err());
    }

    #[test]
    fn a_page_of_another_origin_is_refused_unless_listed() {
        let mut access = Access::open();
        let host = "127.0.0.1:8080";
        assert!(access.allows_origin(None, host, false));
        assert!(access.allows_origin(Some("http://127.0.0.1:8080"), host, false));
        for other in
            ["https://127.0.0.1:8080", "http://127.0.0.1:8081", "http://evil.example", "null", ""]
        {
            assert!(!access.allows_origin(Some(other), host, false), "{other}");
        }
        access.add_origin("https://Studio.example").unwrap();
        assert!(access.allows_origin(Some("https://studio.example"), host, false));
        for wrong in ["studio.example", "https://", "ftp://x", "https://x/path", "https://*"] {
            assert!(access.add_origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_that_may_be_anybodys_are_not_answered_to() {
        let mut access = Access::open();
        for own in ["127.0.0.1:80", "localhost:8080", "LOCALHOST", "[::1]:80", "[::1]", "10.0.0.2"]
        {
            assert!(access.answers_to(own), "{own}");
        }
        assert!(!access.answers_to("evil.example:8080"));
        assert!(!access.answers_to(""));
        access.add_origin("https://cam.example:8443").unwrap();
        assert!(access.answers_to("cam.example:8443"));
    }
}
