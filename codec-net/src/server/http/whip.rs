//! WHIP (RFC 9725) and WHEP: an offer is posted, the answer contains the session's URL, and the
//! session is ended with DELETE. PATCH adds candidates (trickle ICE) or restarts ICE.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH, LINK, LOCATION};
use axum::response::{IntoResponse, Response};
use codec_webrtc::Kind as MediaKind;

use super::super::audit::Subject;
use super::super::auth::{Scope, Target};
use super::super::conference::{Invitation, Person};
use super::super::media::VideoCodec;
use super::super::outcome::{EndReason, Rejection};
use super::super::room::{Owner, StreamInfo, is_name};
use super::super::rtc::{CallHandle, IceUpdate, Offer, Role, SDP_FRAGMENT, SdpFragment};
use super::super::sessions::{EndSession, IceSession, SessionKind};
use super::super::state::ServerState;
use super::guard::Client;
use super::response::{ACCEPT_PATCH, ErrorResponse, SDP};

/// Part of the name of an extension (AV1 RTP specification, annex A).
const DEPENDENCY_DESCRIPTOR: &str = "dependency-descriptor";
/// Header with the key of a person.
const PERSON: &str = "codec-person";
/// Maximum size of a trickle ICE fragment.
const MAX_FRAGMENT_BYTES: usize = 16 << 10;

/// A POST request that starts a call.
type Posted = (State<Arc<ServerState>>, Extension<Client>, Path<String>, HeaderMap, Bytes);

/// An authorised request for a call.
struct CallRequest {
    state: Arc<ServerState>,
    client: Client,
    stream_name: String,
    sdp: String,
}

/// Publishes a stream: WHIP.
pub(super) async fn publish(posted: Posted) -> Result<Response, ErrorResponse> {
    let mut request = CallRequest::parse(posted, Scope::Publish, |name| Target::Stream(name))?;
    let (limits, codecs) = (&request.state.limits, request.state.video_codecs);
    let offer = Offer::read(&request.sdp, codecs, limits);
    request.log_rejection(offer.check_publisher())?;
    // A malformed offer must not end the session of the publisher before.
    Offer::check_syntax(&request.sdp, codecs, limits)?;
    let before = request.state.hub.find(&request.stream_name).ok();
    let video = offer.choose_video(before.and_then(|stream| stream.info().video));
    let audio = offer.takes(MediaKind::Audio);
    request.sdp = fit_extensions(request.sdp, video);
    let info = StreamInfo { kind: "whip", video, audio };
    let call = request.state.network.new_call();
    let (replaced, asked) = (call.clone(), call.clone());
    let owner = Owner {
        identity: request.client.identity,
        end: Box::new(move |reason| replaced.end(reason)),
    };
    let request_key_frame = Box::new(move || asked.request_key_frame());
    let publisher =
        request.state.hub.claim(&request.stream_name, info, request_key_frame, owner)?;
    request.answer(call, SessionKind::Whip, Role::Publish(publisher)).await
}

/// Watches a stream: WHEP.
pub(super) async fn view(posted: Posted) -> Result<Response, ErrorResponse> {
    let mut request = CallRequest::parse(posted, Scope::View, |name| Target::Stream(name))?;
    let stream = request.state.hub.find(&request.stream_name)?;
    let offer = Offer::read(&request.sdp, request.state.video_codecs, &request.state.limits);
    let has_audio = stream.info().audio || stream.stats().0.audio_packets > 0;
    let video = stream.info().video;
    request.log_rejection(offer.check_viewer(video, has_audio))?;
    request.sdp = fit_extensions(request.sdp, video);
    let call = request.state.network.new_call();
    request.answer(call, SessionKind::Whep, Role::View(stream)).await
}

/// Joins a room: publishes to it and watches the other members.
pub(super) async fn join(posted: Posted) -> Result<Response, ErrorResponse> {
    let key = person_of(&posted.2, &posted.3);
    let mut request = CallRequest::parse(posted, Scope::Publish, |name| Target::Room(name))?;
    request.client.require(Scope::View, Target::Room(&request.stream_name))?;
    if !is_name(&request.stream_name) {
        let expected = "expected 1 to 64 letters, digits, - _ or ., not beginning with .";
        return Err(Rejection::BadRequest(format!("invalid name of a room: {expected}")).into());
    }
    request.sdp = fit_extensions(request.sdp, None);
    let call = request.state.network.new_call();
    let permit = &request.client.permit;
    // A token that names a person is worth more than a key.
    let person = match &permit.subject {
        Some(subject) => Person::of(&request.stream_name, "subject", subject),
        None => key?,
    };
    let invitation = Invitation {
        person,
        moderates: permit.allows(Scope::Admin, Target::Room(&request.stream_name)),
        subject: permit.subject.clone(),
        name: permit.name.clone(),
    };
    let role = Role::Join { room: request.stream_name.as_str().into(), invitation };
    request.answer(call, SessionKind::Room, role).await
}

impl CallRequest {
    /// `target`: what the request is about, by the name in its path.
    fn parse(
        posted: Posted,
        scope: Scope,
        target: fn(&str) -> Target<'_>,
    ) -> Result<Self, Rejection> {
        let (State(state), Extension(client), Path(stream_name), headers, body) = posted;
        client.require(scope, target(&stream_name))?;
        state.drain.check()?;
        let sdp = offer_of(&state, &headers, &body)?;
        Ok(Self { state, client, stream_name, sdp })
    }

    /// Writes a rejection to the audit log.
    fn log_rejection(&self, checked: Result<(), Rejection>) -> Result<(), Rejection> {
        if let Err(rejection) = &checked {
            let subject = Subject {
                session: None,
                kind: "http",
                stream: &self.stream_name,
                address: self.client.address,
            };
            let audit = self.state.sessions.audit();
            audit.reject(subject, rejection.status(), &rejection.to_string());
        }
        checked
    }

    async fn answer(
        self,
        call: CallHandle,
        kind: SessionKind,
        role: Role,
    ) -> Result<Response, ErrorResponse> {
        let Self { state, client, stream_name, sdp } = self;
        let ended = call.clone();
        let end: EndSession = Box::new(move |reason| ended.end(reason));
        let session = state.sessions.begin(kind, &stream_name, client.address, end)?;
        let (location, tag) = (format!("/session/{}", session.id()), session.set_call(call.id()));
        let answer = state.network.answer(call.id(), role, session, sdp).await?;
        let headers = [
            (CONTENT_TYPE, SDP.to_owned()),
            (LOCATION, location),
            (ETAG, tag),
            (ACCEPT_PATCH, SDP_FRAGMENT.to_owned()),
        ];
        let link = state.network.link().map(|link| [(LINK, link.to_owned())]);
        Ok((StatusCode::CREATED, headers, link, answer).into_response())
    }
}

/// Returns the person that the secret key of a client identifies, so that a person can be in a room with several
/// devices. Without a key, the client is a separate person.
fn person_of(room: &str, headers: &HeaderMap) -> Result<Person, Rejection> {
    match headers.get(PERSON) {
        None => Ok(Person::unknown()),
        Some(key) => {
            // A value that is not text counts as an empty one.
            let key = key.to_str().unwrap_or_default();
            Person::with_key(room, key).map_err(Rejection::BadRequest)
        }
    }
}

/// Checks the content type.
fn require_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Rejection> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(wanted) {
        Ok(())
    } else {
        Err(Rejection::UnsupportedMediaType(wanted))
    }
}

/// Checks that the request is for the ICE session with this ETag (RFC 9110, section 13.1.1). Returns whether it is for
/// any, which some clients quote as RFC 9725 does.
fn require_match(headers: &HeaderMap, tag: &str) -> Result<bool, Rejection> {
    let mut values = headers.get_all(IF_MATCH).iter().peekable();
    values.peek().ok_or(Rejection::PreconditionRequired)?;
    let tags = values.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    let tags: Vec<&str> = tags.map(str::trim).collect();
    let is_for_any = tags.iter().any(|given| ["*", "\"*\""].contains(given));
    if is_for_any || tags.contains(&tag) {
        Ok(is_for_any)
    } else {
        Err(Rejection::PreconditionFailed)
    }
}

/// Returns the offer of a request.
fn offer_of(state: &ServerState, headers: &HeaderMap, body: &Bytes) -> Result<String, Rejection> {
    require_type(headers, SDP)?;
    if body.len() > state.limits.sdp_bytes {
        return Err(Rejection::TooLarge("the session description"));
    }
    let text = std::str::from_utf8(body);
    let text =
        text.map_err(|_| Rejection::BadRequest("invalid offer: expected UTF-8".to_owned()))?;
    Ok(text.lines().flat_map(|line| [line, "\r\n"]).collect())
}

/// Removes the Dependency Descriptor from the offer for a stream that is not H.264: with this
/// extension, browsers omit the layers in VP8's own descriptor, which viewers understand.
fn fit_extensions(sdp: String, video: Option<VideoCodec>) -> String {
    if matches!(video, Some(VideoCodec::H264(_))) {
        return sdp;
    }
    let is_descriptor =
        |line: &&str| line.starts_with("a=extmap:") && line.contains(DEPENDENCY_DESCRIPTOR);
    let kept = sdp.lines().filter(|line| !is_descriptor(line));
    kept.flat_map(|line| [line, "\r\n"]).collect()
}

/// Checks that the client may begin a session like this one, whose id is a secret.
fn require_own(state: &ServerState, client: &Client, id: &str) -> Result<(), Rejection> {
    let (kind, name) = state.sessions.kind(id)?;
    let target = match kind {
        SessionKind::Room => Target::Room(&name),
        _ => Target::Stream(&name),
    };
    client.require(kind.scope(), target)
}

/// Ends a session of the same owner.
pub(super) async fn end(
    State(state): State<Arc<ServerState>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
) -> Result<StatusCode, ErrorResponse> {
    require_own(&state, &client, &id)?;
    state.sessions.end(&id, EndReason::Closed)?;
    Ok(StatusCode::OK)
}

/// Adds trickled ICE candidates to a session of the same owner, or restarts its ICE session.
pub(super) async fn update_ice(posted: Posted) -> Result<Response, ErrorResponse> {
    let (State(state), Extension(client), Path(session), headers, body) = posted;
    require_own(&state, &client, &session)?;
    let IceSession { call: id, tag } = state.sessions.ice(&session)?;
    require_type(&headers, SDP_FRAGMENT)?;
    if body.len() > MAX_FRAGMENT_BYTES {
        return Err(Rejection::TooLarge("the list of candidates").into());
    }
    let is_for_any = require_match(&headers, &tag)?;
    let text = std::str::from_utf8(&body);
    let text =
        text.map_err(|_| Rejection::BadRequest("invalid fragment: expected UTF-8".to_owned()))?;
    let fragment = SdpFragment::parse(text)?;
    let update = IceUpdate { fragment, tag, is_for_any };
    let Some(restarted) = state.network.update_ice(id, update).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let headers = [(CONTENT_TYPE, SDP_FRAGMENT.to_owned()), (ETAG, restarted.tag)];
    Ok((StatusCode::OK, headers, restarted.fragment).into_response())
}
