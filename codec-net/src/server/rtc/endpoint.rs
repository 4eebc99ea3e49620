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
use super::super::sessions::{End, Kind};
use super::super::start::Shared;
use super::control::{Control, Role};

/// Part of the name of an extension (AV1 RTP specification, annex A).
const DEPENDENCY_DESCRIPTOR: &str = "dependency-descriptor";
const SDP: &str = "application/sdp";

/// What is posted to begin a call.
type Posted = (State<Arc<Shared>>, Extension<Caller>, Path<String>, HeaderMap, Bytes);

/// A call that is asked for and allowed.
struct Asked {
    shared: Arc<Shared>,
    caller: Caller,
    /// Of the stream.
    name: String,
    offer: String,
    /// Number of the call.
    id: u64,
}

/// Publishes: WHIP.
pub(in super::super) async fn publish(posted: Posted) -> Result<Response, Refused> {
    let asked = Asked::of(posted, Scope::Publish)?;
    let (id, control) = (asked.id, asked.shared.network.control());
    let has = |kind: &str| asked.offer.lines().any(|line| line.starts_with(kind));
    let about = About { kind: "whip", video: has("m=video"), sound: has("m=audio") };
    let ask = move || {
        let _ = control.send(Control::Key(id));
    };
    let publisher = asked.shared.hub.publish(&asked.name, about, Box::new(ask))?;
    asked.negotiate(Kind::Whip, Role::Publish(publisher)).await
}

/// Watches: WHEP.
pub(in super::super) async fn view(posted: Posted) -> Result<Response, Refused> {
    let asked = Asked::of(posted, Scope::View)?;
    let stream = asked.shared.hub.find(&asked.name)?;
    asked.negotiate(Kind::Whep, Role::View(stream)).await
}

impl Asked {
    fn of(posted: Posted, scope: Scope) -> Result<Self, Refusal> {
        let (State(shared), Extension(caller), Path(name), headers, body) = posted;
        caller.require(scope)?;
        let offer = offer_of(&shared, &headers, &body)?;
        let id = shared.network.next_call();
        Ok(Self { shared, caller, name, offer, id })
    }

    async fn negotiate(self, kind: Kind, role: Role) -> Result<Response, Refused> {
        let Self { shared, caller, name, offer, id } = self;
        let control = shared.network.control();
        let end: End = Box::new(move |reason| {
            let _ = control.send(Control::End(id, reason));
        });
        let session = shared.sessions.begin(kind, &name, caller.address, end)?;
        let location = format!("/session/{}", session.id());
        let (reply, answer) = oneshot::channel();
        let begin = Control::Begin { id, role, session, offer, reply };
        shared.network.control().send(begin).map_err(|_| Refusal::Stopping)?;
        let answer = answer.await.map_err(|_| Refusal::Stopping)??;
        let headers = [(CONTENT_TYPE, SDP.to_owned()), (LOCATION, location)];
        Ok((StatusCode::CREATED, headers, answer).into_response())
    }
}

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
