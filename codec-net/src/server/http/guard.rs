//! Who asks: the name of the server, the origin of the page, the token. Before all routes.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN, SEC_WEBSOCKET_PROTOCOL,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use codec_rtc::sdp::base64;
use tokio::time::timeout;

use super::super::audit::Subject;
use super::super::auth::{Credentials, Grants, Identity, Scope};
use super::super::outcome::Refusal;
use super::super::start::Shared;
use super::connection::Origin;
use super::reply::{self, Refused};

/// Prefix of the WebSocket sub-protocol by which a page shows its token: pages cannot set headers
/// there. The token follows in Base64 for URLs.
const BEARER_PROTOCOL: &str = "bearer.";
/// The same with the token as it is, where it has no characters that a name cannot have.
const PLAIN_BEARER_PROTOCOL: &str = "token.";

/// Who asks, and what that allows.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Caller {
    /// The other end.
    pub(in super::super) address: IpAddr,
    /// What is allowed.
    pub(in super::super) grants: Grants,
    /// The same for all requests with the same token.
    pub(in super::super) identity: Identity,
    /// Something was shown to prove it.
    proved: bool,
}

impl Caller {
    /// Nothing, if the scope is allowed.
    pub(in super::super) fn require(&self, scope: Scope) -> Result<(), Refusal> {
        if self.grants.allow(scope) {
            return Ok(());
        }
        if self.proved && self.grants != Grants::NONE {
            return Err(Refusal::Forbidden(scope.name()));
        }
        Err(Refusal::Unauthenticated)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    // What is not text is no origin and no token: it counts as an empty one.
    headers.get(name).map(|value| value.to_str().unwrap_or(""))
}

/// The token in the list of WebSocket sub-protocols.
fn protocol_token(headers: &HeaderMap) -> Option<String> {
    let list = text(headers, SEC_WEBSOCKET_PROTOCOL)?;
    let with = |prefix| list.split(',').find_map(move |name| name.trim().strip_prefix(prefix));
    if let Some(token) = with(PLAIN_BEARER_PROTOCOL) {
        return Some(token.to_owned());
    }
    let coded = with(BEARER_PROTOCOL)?;
    // The alphabet for names and addresses (RFC 4648, section 5), as the usual one.
    let usual = coded.replace('-', "+").replace('_', "/");
    let bytes = base64::decode(&usual);
    Some(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default())
}

/// Lets a request pass with its [`Caller`], or refuses it.
pub(super) async fn check(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(&from) = request.extensions().get::<Origin>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = request.headers();
    let origin = text(headers, ORIGIN).map(str::to_owned);
    let listed = origin.clone().filter(|origin| shared.access.is_listed(origin));
    let mut response = match examine(&shared, from, request.method(), headers, origin.as_deref()) {
        Err(refusal) => {
            let subject = Subject {
                session: None,
                kind: "http",
                stream: request.uri().path().get(..80).unwrap_or(request.uri().path()),
                address: from.address.ip(),
            };
            shared.sessions.audit().refuse(subject, refusal.status(), &refusal.to_string());
            Refused(refusal).into_response()
        }
        Ok(_) if request.method() == Method::OPTIONS => reply::options(request.uri().path()),
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            // Answers are quick; a body that trickles in is not waited for.
            let answer = timeout(shared.limits.header_deadline, next.run(request)).await;
            answer.unwrap_or_else(|_| Refused(Refusal::Slow).into_response())
        }
    };
    reply::protect(response.headers_mut(), from.over_tls);
    if let Some(origin) = listed.and_then(|origin| HeaderValue::try_from(origin).ok()) {
        reply::share(response.headers_mut(), origin);
    }
    response
}

fn examine(
    shared: &Shared,
    from: Origin,
    method: &Method,
    headers: &HeaderMap,
    origin: Option<&str>,
) -> Result<Caller, Refusal> {
    let host = text(headers, HOST).unwrap_or_default();
    if !shared.access.answers_to(host) {
        return Err(Refusal::Host(host.chars().take(80).collect()));
    }
    if !shared.access.allows_origin(origin, host, from.over_tls) {
        return Err(Refusal::Origin(origin.unwrap_or_default().chars().take(80).collect()));
    }
    let address = from.address.ip().to_canonical();
    if method == Method::OPTIONS {
        let identity = Identity::of(Credentials::None, false);
        return Ok(Caller { address, grants: Grants::NONE, identity, proved: false });
    }
    let by_protocol = protocol_token(headers);
    let credentials = match &by_protocol {
        Some(token) => Credentials::Bearer(token),
        None => Credentials::parse(text(headers, AUTHORIZATION)),
    };
    let proved = !matches!(credentials, Credentials::None);
    let now = shared.clock.now();
    if proved && !shared.access.is_open() && !shared.attempts().may(now, address) {
        return Err(Refusal::TooOften);
    }
    let grants = shared.access.grants(credentials, from.over_tls);
    if proved && grants == Grants::NONE {
        shared.attempts().fail(now, address);
        return Err(Refusal::Unauthenticated);
    }
    let identity = Identity::of(credentials, shared.access.is_open());
    Ok(Caller { address, grants, identity, proved })
}
