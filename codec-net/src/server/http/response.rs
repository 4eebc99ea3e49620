//! Headers common to all responses.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap,
    REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::outcome::Rejection;
use super::super::rtc::SDP_FRAGMENT;
use super::json::Json;

/// The page may only run its own scripts and styles, and must not be framed.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      media-src 'self' blob: mediastream:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
const PERMISSIONS: &str =
    "camera=(self), microphone=(self), display-capture=(self), geolocation=()";

/// A rejection as a response: its status, and JSON with the reason.
#[derive(Debug)]
pub(super) struct ErrorResponse(pub(super) Rejection);

impl From<Rejection> for ErrorResponse {
    fn from(rejection: Rejection) -> Self {
        Self(rejection)
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status());
        let body = Json(json!({ "error": self.0.to_string() }));
        let mut response =
            (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body).into_response();
        let headers = response.headers_mut();
        match self.0 {
            // Not `Basic`, which would open the browser's own dialogue.
            Rejection::Unauthenticated => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // RFC 6750, section 3.1.
            Rejection::InvalidToken(_) => {
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            Rejection::RateLimited | Rejection::LimitReached(_) | Rejection::TurnUnavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            // Another server may take its place.
            Rejection::Draining => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            // RFC 5789, section 2.2.
            Rejection::UnsupportedMediaType(SDP_FRAGMENT) => {
                headers.insert(ACCEPT_PATCH, HeaderValue::from_static(SDP_FRAGMENT));
            }
            _ => {}
        }
        response
    }
}

/// The content type of offers and answers.
pub(super) const SDP: &str = "application/sdp";
/// The accepted content type of offers (RFC 9725, section 4.2).
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
/// The accepted content type of session updates (RFC 5789, section 3.1).
pub(super) const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Answers OPTIONS requests for a path.
pub(super) fn options(path: &str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    if ["/whip/", "/whep/", "/room/"].iter().any(|start| path.starts_with(start)) {
        headers.insert(ACCEPT_POST, HeaderValue::from_static(SDP));
    } else if path.starts_with("/session/") {
        headers.insert(ACCEPT_PATCH, HeaderValue::from_static(SDP_FRAGMENT));
    }
    response
}

/// The policy of a node of a cluster: its page may continue at other nodes, of which some come later.
fn clustered_policy(over_tls: bool) -> Option<HeaderValue> {
    let nodes = if over_tls { "'self' https:" } else { "'self' https: http:" };
    let policy = ["connect-src", "media-src"].iter().fold(CONTENT_POLICY.to_owned(), |it, what| {
        it.replace(&format!("{what} 'self'"), &format!("{what} {nodes}"))
    });
    HeaderValue::try_from(policy).ok()
}

/// Sets headers that protect the user from attacks through the browser.
pub(super) fn set_security_headers(headers: &mut HeaderMap, over_tls: bool, is_clustered: bool) {
    let policy = if is_clustered { clustered_policy(over_tls) } else { None };
    let policy = policy.unwrap_or(HeaderValue::from_static(CONTENT_POLICY));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(PERMISSIONS),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if over_tls {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
}

/// Allows pages of a configured origin to read the response (WHIP from other sites; RFC 9725,
/// section 4.1).
pub(super) fn set_cors_headers(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(VARY, HeaderValue::from_static("origin"));
    headers
        .insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PATCH, DELETE"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, codec-person, content-type, if-match"),
    );
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("location, etag, link, accept-patch"),
    );
}
