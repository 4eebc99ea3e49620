//! WHIP (RFC 9725) and WHEP: an offer is posted, the answer comes with the session's address,
//! which is deleted at the end. Addresses go into the offer: there is no PATCH.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderMap, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;

use super::super::auth::Scope;
use super::super::http::{Caller, Refused};
use super::super::outcome::{EndReason, Refusal};
use super::super::room::About;
use super::super::sessions::{End, Kind, Session};
use super::super::start::Shared;
use super::control::{Control, Role};

/// Part of the name of an extension (AV1 RTP specification, annex A).
const DEPENDENCY_DESCRIPTOR: &str = "dependency-descriptor";
const SDP: &str = "application/sdp";

/// The offer of a request.
fn offer_of(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Result<String, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(SDP) {
        return Err(Refusal::Type(SDP));
    }
    if body.len() > shared.limits.sdp_bytes {
        return Err(Refusal::TooLong("the session description"));
    }
    let text = std::str::from_utf8(body);
    let text = text.map_err(|_| Refusal::Bad("an offer that is no UTF-8".to_owned()))?;
    // With it browsers leave the layers out of VP8's own descriptor, which viewers understand.
    let kept = text
        .lines()
        .filter(|line| !(line.starts_with("a=extmap:") && line.contains(DEPENDENCY_DESCRIPTOR)));
    Ok(kept.flat_map(|line| [line, "\r\n"]).collect())
}

/// Publishes: WHIP.
pub(in super::super) async fn publish(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    caller.require(Scope::Publish)?;
    let offer = offer_of(&shared, &headers, &body)?;
    let id = shared.network.next_call();
    let control = shared.network.control();
    let has = |kind: &str| offer.lines().any(|line| line.starts_with(kind));
    let about = About { kind: "whip", video: has("m=video"), sound: has("m=audio") };
    let ask = move || {
        let _ = control.send(Control::Key(id));
    };
    let publisher = shared.hub.publish(&name, about, Box::new(ask))?;
    let session = begin_session(&shared, Kind::Whip, &name, caller, id)?;
    negotiate(&shared, id, Role::Publish(publisher), session, offer).await
}

/// Watches: WHEP.
pub(in super::super) async fn view(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    caller.require(Scope::View)?;
    let offer = offer_of(&shared, &headers, &body)?;
    let stream = shared.hub.find(&name)?;
    let id = shared.network.next_call();
    let session = begin_session(&shared, Kind::Whep, &name, caller, id)?;
    negotiate(&shared, id, Role::View(stream), session, offer).await
}

fn begin_session(
    shared: &Shared,
    kind: Kind,
    name: &str,
    caller: Caller,
    id: u64,
) -> Result<Session, Refusal> {
    let control = shared.network.control();
    let end: End = Box::new(move |reason| {
        let _ = control.send(Control::End(id, reason));
    });
    shared.sessions.begin(kind, name, caller.address, end)
}

async fn negotiate(
    shared: &Shared,
    id: u64,
    role: Role,
    session: Session,
    offer: String,
) -> Result<Response, Refused> {
    let location = format!("/session/{}", session.id());
    let (reply, answer) = oneshot::channel();
    let begin = Control::Begin { id, role, session, offer, reply };
    shared.network.control().send(begin).map_err(|_| Refusal::Stopping)?;
    let answer = answer.await.map_err(|_| Refusal::Stopping)??;
    let headers = [(CONTENT_TYPE, SDP.to_owned()), (LOCATION, location)];
    Ok((StatusCode::CREATED, headers, answer).into_response())
}

/// Ends a session of one's own.
pub(in super::super) async fn end(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let kind = shared.sessions.kind(&id)?;
    caller.require(kind.scope())?;
    shared.sessions.end(&id, EndReason::Closed)?;
    Ok(StatusCode::OK)
}

/// Changes nothing: neither trickle ICE nor ICE restarts.
pub(in super::super) async fn update() -> Response {
    let mut response = Refused(Refusal::Unsupported("changing a session")).into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("DELETE"));
    response
}
