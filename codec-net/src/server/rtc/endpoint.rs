//! WHIP (RFC 9725) and WHEP: an offer is posted, the answer contains the session's URL, and the
//! session is ended with DELETE. Trickle ICE is supported with PATCH; ICE restarts are not.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH, LINK, LOCATION};
use axum::response::{IntoResponse, Response};
use codec_webrtc::Kind as RtcKind;
use tokio::sync::oneshot;

use super::super::auth::Scope;
use super::super::http::{ACCEPT_PATCH, Caller, Refused};
use super::super::outcome::{EndReason, Refusal};
use super::super::room::{About, Owner};
use super::super::sessions::{End, IceSession, Kind};
use super::super::start::Shared;
use super::control::{Control, Role};
use super::fragment::{Fragment, SDP_FRAGMENT};
use super::negotiation::{self, Offer};

/// Part of the name of an extension (AV1 RTP specification, annex A).
const DEPENDENCY_DESCRIPTOR: &str = "dependency-descriptor";
/// Maximum size of a trickle ICE fragment.
const MAX_FRAGMENT_BYTES: usize = 16 << 10;
/// The content type of offers and answers.
pub(in super::super) const SDP: &str = "application/sdp";

/// A POST request that starts a call.
type Posted = (State<Arc<Shared>>, Extension<Caller>, Path<String>, HeaderMap, Bytes);

/// An authorised request for a call.
struct Asked {
    shared: Arc<Shared>,
    caller: Caller,
    /// Name of the stream.
    name: String,
    offer: String,
    /// Number of the call.
    id: u64,
}

/// Publishes a stream: WHIP.
pub(in super::super) async fn publish(posted: Posted) -> Result<Response, Refused> {
    let asked = Asked::of(posted, Scope::Publish)?;
    let (id, control) = (asked.id, asked.shared.network.control());
    let offer = Offer::read(&asked.offer, &asked.shared.limits);
    offer.check_publisher()?;
    // A malformed offer must not end the session of the publisher before.
    negotiation::check(&asked.offer, &asked.shared.limits)?;
    let (video, sound) = (offer.takes(RtcKind::Video), offer.takes(RtcKind::Audio));
    let about = About { kind: "whip", video, sound };
    let end = control.clone();
    let owner = Owner {
        identity: asked.caller.identity,
        end: Box::new(move |reason| {
            let _ = end.send(Control::End(id, reason));
        }),
    };
    let ask = move || {
        let _ = control.send(Control::Key(id));
    };
    let publisher = asked.shared.hub.claim(&asked.name, about, Box::new(ask), owner)?;
    asked.negotiate(Kind::Whip, Role::Publish(publisher)).await
}

/// Watches a stream: WHEP.
pub(in super::super) async fn view(posted: Posted) -> Result<Response, Refused> {
    let asked = Asked::of(posted, Scope::View)?;
    let stream = asked.shared.hub.find(&asked.name)?;
    let offer = Offer::read(&asked.offer, &asked.shared.limits);
    let has_sound = stream.about().sound || stream.facts().0.sound_packets > 0;
    offer.check_viewer(stream.about().video, has_sound)?;
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
        let (location, tag) = (format!("/session/{}", session.id()), session.set_call(id));
        let (reply, answer) = oneshot::channel();
        let begin = Control::Begin { id, role, session, offer, reply };
        shared.network.control().send(begin).map_err(|_| no_calls(&shared))?;
        let answer = answer.await.map_err(|_| no_calls(&shared))??;
        let headers = [
            (CONTENT_TYPE, SDP.to_owned()),
            (LOCATION, location),
            (ETAG, tag),
            (ACCEPT_PATCH, SDP_FRAGMENT.to_owned()),
        ];
        let link = shared.network.link().map(|link| [(LINK, link.to_owned())]);
        Ok((StatusCode::CREATED, headers, link, answer).into_response())
    }
}

/// Why the thread of the calls does not respond.
fn no_calls(shared: &Shared) -> Refusal {
    if shared.health.calls().is_some() { Refusal::NoCalls } else { Refusal::Stopping }
}

/// Checks the content type.
fn require_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(wanted) { Ok(()) } else { Err(Refusal::Type(wanted)) }
}

/// Checks that the request is for the session with this ETag (RFC 9110, section 13.1.1).
fn require_match(headers: &HeaderMap, tag: &str) -> Result<(), Refusal> {
    let mut values = headers.get_all(IF_MATCH).iter().peekable();
    values.peek().ok_or(Refusal::NoCondition)?;
    let mut tags = values.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    if tags.any(|given| ["*", tag].contains(&given.trim())) {
        Ok(())
    } else {
        Err(Refusal::Outdated)
    }
}

/// Returns the offer of a request.
fn offer_of(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Result<String, Refusal> {
    require_type(headers, SDP)?;
    if body.len() > shared.limits.sdp_bytes {
        return Err(Refusal::TooLong("the session description"));
    }
    let text = std::str::from_utf8(body);
    let text = text.map_err(|_| Refusal::Bad("invalid offer: expected UTF-8".to_owned()))?;
    // With this extension, browsers omit the layers in VP8's own descriptor, which viewers
    // understand.
    let kept = text
        .lines()
        .filter(|line| !(line.starts_with("a=extmap:") && line.contains(DEPENDENCY_DESCRIPTOR)));
    Ok(kept.flat_map(|line| [line, "\r\n"]).collect())
}

/// Ends a session of the same owner.
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

/// Adds trickled ICE candidates to a session of the same owner.
pub(in super::super) async fn trickle(posted: Posted) -> Result<StatusCode, Refused> {
    let (State(shared), Extension(caller), Path(session), headers, body) = posted;
    caller.require(shared.sessions.kind(&session)?.scope())?;
    let IceSession { call: id, tag } = shared.sessions.ice(&session)?;
    require_type(&headers, SDP_FRAGMENT)?;
    if body.len() > MAX_FRAGMENT_BYTES {
        return Err(Refusal::TooLong("the list of candidates").into());
    }
    require_match(&headers, &tag)?;
    let text = std::str::from_utf8(&body);
    let text = text.map_err(|_| Refusal::Bad("invalid fragment: expected UTF-8".to_owned()))?;
    let fragment = Fragment::parse(text)?;
    let (reply, taken) = oneshot::channel();
    let trickle = Control::Trickle { id, fragment, reply };
    shared.network.control().send(trickle).map_err(|_| no_calls(&shared))?;
    taken.await.map_err(|_| no_calls(&shared))??;
    Ok(StatusCode::NO_CONTENT)
}
