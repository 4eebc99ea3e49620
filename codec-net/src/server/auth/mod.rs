//! Access control: bearer tokens with scopes, JSON Web Tokens, users with passwords, origins.
//!
//! Secrets are stored as digests and compared in constant time.

mod credentials;
mod jwt;
mod permit;
mod scope;

use std::net::IpAddr;
use std::time::Duration;

use codec_rtc::sdp::base64;
use credentials::Secret;
pub use credentials::{Credentials, Identity};
use jwt::JwtKeys;
pub use jwt::{JwtError, JwtKeyError, MAX_JWT_BYTES};
pub use permit::{Names, Permit, Target};
pub use scope::{Grants, Scope};

/// A user with a password.
#[derive(Clone, Debug)]
struct User {
    name: Secret,
    password: Secret,
    grants: Grants,
}

/// The access rules.
#[derive(Clone, Debug, Default)]
pub struct Access {
    tokens: Vec<(Secret, Grants)>,
    users: Vec<User>,
    jwt: JwtKeys,
    /// Origins, other than the server's own, whose pages may use the server.
    origins: Vec<String>,
}

/// Minimum length of a token in bytes, so that it cannot be guessed.
pub const MIN_TOKEN_BYTES: usize = 8;
/// Maximum length of a token or password in bytes.
pub const MAX_SECRET_BYTES: usize = 1024;

impl Access {
    /// Access without authentication.
    #[must_use]
    pub fn open() -> Self {
        Self::default()
    }

    /// Adds a token.
    ///
    /// # Errors
    ///
    /// If it is too short, too long or contains characters not allowed in headers.
    pub fn add_token(&mut self, token: &str, grants: Grants) -> Result<(), String> {
        let len = token.len();
        if !(MIN_TOKEN_BYTES..=MAX_SECRET_BYTES).contains(&len) {
            return Err(format!(
                "invalid token: got {len} bytes, expected {MIN_TOKEN_BYTES} to {MAX_SECRET_BYTES}"
            ));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("invalid token: expected visible ASCII characters".to_owned());
        }
        self.tokens.push((Secret::new(token.as_bytes()), grants));
        Ok(())
    }

    /// Adds a user with a password, for HTTP basic authentication over TLS.
    ///
    /// # Errors
    ///
    /// If the name is empty or contains a colon, or the password is too short or too long.
    pub fn add_user(&mut self, name: &str, password: &str, grants: Grants) -> Result<(), String> {
        if name.is_empty() || name.contains(':') {
            return Err(format!(
                "invalid user name {name:?}: must not be empty or contain a colon"
            ));
        }
        let len = password.len();
        if !(MIN_TOKEN_BYTES..=MAX_SECRET_BYTES).contains(&len) {
            return Err(format!(
                "invalid password: got {len} bytes, expected {MIN_TOKEN_BYTES} to {MAX_SECRET_BYTES}"
            ));
        }
        let (name, password) = (Secret::new(name.as_bytes()), Secret::new(password.as_bytes()));
        self.users.push(User { name, password, grants });
        Ok(())
    }

    /// Accepts JSON Web Tokens (RFC 7519) that this key has signed: a shared secret of 32 to 1024 bytes for
    /// HS256, or a public key in PEM for ES256, RS256 or `EdDSA`. May be called for up to 8 keys, so that
    /// keys can be exchanged.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError`]. The messages do not contain the key.
    pub fn add_jwt_key(&mut self, file: &[u8]) -> Result<(), JwtKeyError> {
        self.jwt.add(file)
    }

    /// Accepts only JSON Web Tokens for this audience (`aud`). Without it, tokens that name an audience
    /// are rejected.
    pub fn set_jwt_audience(&mut self, audience: &str) {
        self.jwt.set_audience(audience);
    }

    /// Allows pages of `origin` (scheme, host and port, as browsers write it) to use the server.
    ///
    /// # Errors
    ///
    /// If it is not an origin.
    pub fn add_origin(&mut self, origin: &str) -> Result<(), String> {
        let fine = origin.split_once("://").is_some_and(|(scheme, host)| {
            matches!(scheme, "http" | "https")
                && !host.is_empty()
                && !host.contains(['/', '?', '#', '*', '@'])
        });
        if !fine {
            return Err(format!(
                "invalid origin {origin:?}: expected one such as https://example.org:8443"
            ));
        }
        self.origins.push(origin.to_ascii_lowercase());
        Ok(())
    }

    /// Whether access needs no authentication.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.users.is_empty() && self.jwt.is_empty()
    }

    /// Whether there are users with passwords.
    #[must_use]
    pub fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    /// The scopes that these credentials grant. All secrets are compared, so that timing reveals
    /// nothing.
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
                        grants = grants.union(*allowed);
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
                        grants = grants.union(user.grants);
                    }
                }
            }
            _ => {}
        }
        grants
    }

    /// What these credentials permit at the time `unix` since 1970, and the identity of the requester.
    ///
    /// # Errors
    ///
    /// Why a JSON Web Token is rejected. Other wrong credentials permit nothing.
    pub fn permit(
        &self,
        credentials: Credentials<'_>,
        over_tls: bool,
        unix: Duration,
    ) -> Result<(Permit, Identity), JwtError> {
        let grants = self.grants(credentials, over_tls);
        let identity = Identity::of(credentials, self.is_open());
        match credentials {
            Credentials::Bearer(token)
                if grants == Grants::NONE && !self.jwt.is_empty() && jwt::is_jwt(token) =>
            {
                let permit = self.jwt.verify(token, unix)?;
                let subject = permit.subject.as_deref().map(Identity::of_subject);
                Ok((permit, subject.unwrap_or(identity)))
            }
            _ => Ok((Permit::of(grants), identity)),
        }
    }

    /// Returns whether a request with these `Origin` and `Host` headers is allowed: pages of other sites
    /// must be allowed explicitly. A request without `Origin` comes from no page of another site.
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

    /// Whether an origin, other than the server's own, was configured.
    #[must_use]
    pub fn is_listed(&self, origin: &str) -> bool {
        self.origins.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
    }

    /// Whether the server answers to the host name `host`: addresses, `localhost` and hosts of
    /// configured origins. Any other name could be pointed here by an attacker, whose page would
    /// then have the server's own origin (DNS rebinding).
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
    fn passwords_are_accepted_over_tls_only() {
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
    fn credentials_are_parsed_from_a_header() {
        assert!(matches!(Credentials::parse(None), Credentials::None));
        assert!(matches!(Credentials::parse(Some("bearer  x ")), Credentials::Bearer("x")));
        assert!(matches!(Credentials::parse(Some("Basic eA==")), Credentials::Basic("eA==")));
        assert!(matches!(Credentials::parse(Some("Digest x")), Credentials::Unknown));
        assert!(matches!(Credentials::parse(Some("")), Credentials::Unknown));
    }

    #[test]
    fn secrets_are_never_shown_and_weak_ones_rejected() {
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
    fn pages_of_other_origins_are_rejected_unless_listed() {
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
    fn unknown_host_names_are_rejected() {
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
