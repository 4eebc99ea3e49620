//! Checks before all routes: the host name, the origin of the page, the token.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

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
use super::super::auth::{Credentials, Grants, Identity, Permit, Scope, Target};
use super::super::outcome::Rejection;
use super::super::state::ServerState;
use super::connection::ConnectionInfo;
use super::response::{self, ErrorResponse};

/// Prefix of the WebSocket subprotocol that carries a page's token, because pages cannot set
/// headers for WebSockets. The token follows in URL-safe Base64.
const BEARER_PROTOCOL: &str = "bearer.";
/// Subprotocol with a plain token, which has only characters allowed in a subprotocol.
const PLAIN_BEARER_PROTOCOL: &str = "token.";

/// The client and its permissions.
#[derive(Clone, Debug)]
pub(super) struct Client {
    /// The remote address.
    pub(super) address: IpAddr,
    /// Permissions of the client's credentials.
    pub(super) permit: Permit,
    /// Identity of the client, equal for all requests with the same token or of the same person.
    pub(super) identity: Identity,
    /// Whether credentials were given.
    has_credentials: bool,
}

impl Client {
    /// Returns an error unless the scope is granted for a target.
    pub(super) fn require(&self, scope: Scope, target: Target<'_>) -> Result<(), Rejection> {
        let Permit { grants, .. } = self.permit;
        if self.permit.allows(scope, target) {
            return Ok(());
        }
        if !self.has_credentials || grants == Grants::NONE {
            return Err(Rejection::Unauthenticated);
        }
        if !grants.allow(scope) {
            return Err(Rejection::Forbidden(scope.name()));
        }
        Err(Rejection::OtherTarget)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    // A value that is not text counts as an empty one.
    headers.get(name).map(|value| value.to_str().unwrap_or(""))
}

/// The token in the list of WebSocket subprotocols.
fn protocol_token(headers: &HeaderMap) -> Option<String> {
    let list = text(headers, SEC_WEBSOCKET_PROTOCOL)?;
    let with = |prefix| list.split(',').find_map(move |name| name.trim().strip_prefix(prefix));
    if let Some(token) = with(PLAIN_BEARER_PROTOCOL) {
        return Some(token.to_owned());
    }
    let coded = with(BEARER_PROTOCOL)?;
    // Convert the URL-safe alphabet (RFC 4648, section 5) to the standard one.
    let usual = coded.replace('-', "+").replace('_', "/");
    let bytes = base64::decode(&usual);
    Some(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default())
}

/// Passes a request on with its [`Client`], or rejects it.
pub(super) async fn check(
    State(shared): State<Arc<ServerState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(&from) = request.extensions().get::<ConnectionInfo>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = request.headers();
    let origin = text(headers, ORIGIN).map(str::to_owned);
    let listed = origin.clone().filter(|origin| shared.access.is_listed(origin));
    let mut response = match authorize(&shared, from, request.method(), headers, origin.as_deref())
    {
        Err(rejection) => {
            let subject = Subject {
                session: None,
                kind: "http",
                stream: request.uri().path().get(..80).unwrap_or(request.uri().path()),
                address: from.address.ip(),
            };
            shared.sessions.audit().reject(subject, rejection.status(), &rejection.to_string());
            ErrorResponse(rejection).into_response()
        }
        Ok(_) if request.method() == Method::OPTIONS => response::options(request.uri().path()),
        Ok(client) => {
            request.extensions_mut().insert(client);
            // Responses are quick; a body that arrives too slowly causes a timeout.
            let answer = timeout(shared.limits.request_timeout, next.run(request)).await;
            answer.unwrap_or_else(|_| ErrorResponse(Rejection::RequestTimeout).into_response())
        }
    };
    let is_clustered = shared.is_clustered;
    response::set_security_headers(response.headers_mut(), from.over_tls, is_clustered);
    if let Some(origin) = listed.and_then(|origin| HeaderValue::try_from(origin).ok()) {
        response::set_cors_headers(response.headers_mut(), origin);
    }
    response
}

fn authorize(
    shared: &ServerState,
    from: ConnectionInfo,
    method: &Method,
    headers: &HeaderMap,
    origin: Option<&str>,
) -> Result<Client, Rejection> {
    let host = text(headers, HOST).unwrap_or_default();
    if !shared.access.answers_to(host) {
        return Err(Rejection::UnknownHost(host.chars().take(80).collect()));
    }
    if !shared.access.allows_origin(origin, host, from.over_tls) {
        return Err(Rejection::ForeignOrigin(
            origin.unwrap_or_default().chars().take(80).collect(),
        ));
    }
    let address = from.address.ip().to_canonical();
    if method == Method::OPTIONS {
        let identity = Identity::of(Credentials::None, false);
        let permit = Permit::of(Grants::NONE);
        return Ok(Client { address, permit, identity, has_credentials: false });
    }
    let by_protocol = protocol_token(headers);
    let credentials = match &by_protocol {
        Some(token) => Credentials::Bearer(token),
        None => Credentials::parse(text(headers, AUTHORIZATION)),
    };
    let has_credentials = !matches!(credentials, Credentials::None);
    let now = shared.clock.now();
    if has_credentials
        && !shared.access.is_open()
        && !shared.auth_rate_limiter().allows(now, address)
    {
        return Err(Rejection::RateLimited);
    }
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let checked = shared.access.permit(credentials, from.over_tls, unix);
    let checked = checked.map_err(Rejection::InvalidToken).and_then(|(permit, identity)| {
        match permit.grants == Grants::NONE && has_credentials {
            true => Err(Rejection::Unauthenticated),
            false => Ok((permit, identity)),
        }
    });
    if checked.is_err() {
        shared.auth_rate_limiter().record_failure(now, address);
    }
    let (permit, identity) = checked?;
    Ok(Client { address, permit, identity, has_credentials })
}
