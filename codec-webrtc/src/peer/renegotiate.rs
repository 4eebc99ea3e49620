//! Renegotiation: added media sections and changed directions in a running session (RFC 8829, sections 5.2.2 and
//! 5.3.2). An offer of the remote endpoint may restart ICE at the same time; see [`ice_restart`](super::ice_restart).

use std::time::Duration;

use str0m::change::SdpOffer;

use super::Peer;
use super::directions::stack_direction;
use super::fec::FecState;
use super::ice_restart::check_changed;
use super::ice_state::Negotiated;
use super::negotiate::{PendingOffer, add_media, has_data, over, refused};
use super::terms::Terms;
use crate::sdp_parse_error::rejected_sdp;
use crate::{
    Codecs, Direction, IceParameters, Kind, MediaPlan, Mid, SdpError, ice, media_sections, red,
    sdp, simulcast,
};

impl Peer {
    /// Offers further media sections, and other directions of existing ones, in the running session; returns an offer for
    /// the remote endpoint, and the state for [`accept_answer`](Self::accept_answer). Media continue meanwhile. Sections
    /// are never removed: one that is not needed any more becomes [`Direction::Inactive`], and may be used again.
    ///
    /// # What a service exchanges
    ///
    /// 1. The first offer and answer ([`answer`](Self::answer) or [`offer`](Self::offer)), for example by HTTP.
    /// 2. Later, either endpoint makes an offer: this one with `offer_changes` or [`restart_ice`](Self::restart_ice), a browser
    ///    with `createOffer`, for example when it fires `negotiationneeded`. Signalling carries the offer and its answer in
    ///    order, with their types; a data channel of the session is enough.
    /// 3. The endpoint that gets the offer answers it: this one with [`answer_changes`](Self::answer_changes), for any
    ///    kind of change. If that returns an error, the service reports it to the browser, which rolls its offer back
    ///    (`setLocalDescription({type: "rollback"})`).
    /// 4. The endpoint that has made the offer adopts the answer: this one with [`accept_answer`](Self::accept_answer). If
    ///    there is none, the service drops the [`PendingOffer`]: nothing has changed.
    ///
    /// Only one offer may be open. If both endpoints make one at the same time, the service has two choices. It can ignore
    /// the offer of the browser: `setRemoteDescription` of the browser then rolls it back, and the browser offers again
    /// afterwards. Or it can answer the offer of the browser, which makes its own offer invalid.
    /// [`Negotiation`](crate::Negotiation) does all of this but step 1 over a data channel.
    ///
    /// After the answer, [`Event::Media`](crate::Event::Media) reports each added section, inactive if the remote endpoint has
    /// rejected it, and [`Event::MediaChanged`](crate::Event::MediaChanged) each direction that has changed.
    ///
    /// # Errors
    /// Returns [`SdpError::Rejected`] if nothing changes, before the answer to the first offer, for an unknown or stopped section,
    /// without an enabled codec, and if this endpoint rejected media sections of an offer; [`SdpError::LimitExceeded`] above
    /// [`PeerLimits::media_sections`](crate::PeerLimits::media_sections). The session then continues.
    pub fn offer_changes(
        &mut self,
        added: &[MediaPlan],
        directions: &[(Mid, Direction)],
        now: Duration,
    ) -> Result<(String, PendingOffer), SdpError> {
        self.contained(Err(over()), |peer| peer.offer_changes_now(added, directions, now))
    }

    fn offer_changes_now(
        &mut self,
        added: &[MediaPlan],
        directions: &[(Mid, Direction)],
        now: Duration,
    ) -> Result<(String, PendingOffer), SdpError> {
        self.advance(now);
        let negotiated = self.negotiated_session()?;
        if !negotiated.rejected.is_empty() {
            let why = "this endpoint rejected a media section, so only the remote endpoint can offer changes of the media";
            return Err(SdpError::Rejected(why.to_owned()));
        }
        let ulpfec = negotiated.ulpfec.or_else(|| self.free_ulpfec(&negotiated.remote));
        let count = negotiated.remote.matches("\nm=").count() + added.len();
        let limit = self.limits.media_sections;
        if count > limit {
            return Err(SdpError::LimitExceeded { what: "media sections", count, limit });
        }
        simulcast::check(added)?;
        self.check_enabled(added)?;
        self.check_sections(directions)?;
        let before = directions.iter().filter_map(|(mid, _)| {
            Some((*mid, Direction::from(self.rtc.media(mid.0)?.direction())))
        });
        let before: Vec<_> = before.collect();
        let mut api = self.rtc.sdp_api();
        for (mid, direction) in directions {
            api.set_direction(mid.0, stack_direction(*direction));
        }
        let media = added.iter().map(|plan| (add_media(&mut api, plan), plan.layers.clone()));
        let media: Vec<_> = media.collect();
        let unchanged = || SdpError::Rejected("the offer changes nothing".to_owned());
        let applied = api.apply().ok_or_else(unchanged);
        // Directions change with the answer.
        self.set_directions(&before);
        let (offer, pending) = applied?;
        let offer = simulcast::without_ssrcs(&red::from_stack(&offer.to_sdp_string(), ulpfec));
        let offer = self.versioned(&offer);
        let of_added = media.iter().zip(added).map(|((mid, _), plan)| (*mid, plan.direction));
        let wanted = directions.iter().copied().chain(of_added).collect();
        let pending = PendingOffer::changes(pending, media, wanted, ulpfec, &offer);
        Ok((offer, pending))
    }

    /// Checks that a codec is enabled for each section that is added.
    fn check_enabled(&self, added: &[MediaPlan]) -> Result<(), SdpError> {
        let Codecs { vp8, vp9, opus, pcmu, pcma, .. } = self.terms.codecs;
        let has_video = vp8 || vp9 || !self.terms.codecs.h264.is_empty();
        for plan in added {
            let (is_enabled, kind) = match plan.kind {
                Kind::Video => (has_video, "video"),
                Kind::Audio => (opus || pcmu || pcma, "audio"),
            };
            if !is_enabled {
                return Err(SdpError::Rejected(format!("no {kind} codec is enabled")));
            }
        }
        Ok(())
    }

    /// Checks that the sections whose directions change exist.
    fn check_sections(&self, directions: &[(Mid, Direction)]) -> Result<(), SdpError> {
        for (mid, _) in directions {
            let media = self.rtc.media(mid.0);
            let why = match media.map(str0m::media::Media::disabled) {
                Some(false) => continue,
                Some(true) => format!("media section {} is stopped", mid.0),
                None => format!("there is no media section {}", mid.0),
            };
            return Err(SdpError::Rejected(why));
        }
        Ok(())
    }

    /// Answers an offer of the remote endpoint in the running session: further media sections, other directions, stopped
    /// sections, an ICE restart, or several of these; returns the answer. [`Event::Media`](crate::Event::Media) reports each
    /// further section, and [`Event::MediaChanged`](crate::Event::MediaChanged) each other direction.
    ///
    /// The answer allows the media that the remote endpoint offers and this one wants. The wanted direction of a section is
    /// that of its [`MediaPlan`] or of the last [`offer_changes`](Self::offer_changes) with the section. For a section that
    /// the remote endpoint added, this endpoint wants all that is offered, until the first such `offer_changes`. So a section
    /// that this endpoint has made inactive remains so, although browsers offer it again in each offer.
    ///
    /// An own offer that is not answered yet becomes invalid, even if this function returns an error.
    ///
    /// # Errors
    /// Returns [`SdpError`] if the offer is malformed, exceeds the limits, lacks a section, has only one new ICE credential, or
    /// has another certificate. The session then continues as before, and the remote endpoint must roll its offer back.
    pub fn answer_changes(&mut self, offer: &str, now: Duration) -> Result<String, SdpError> {
        self.contained(Err(over()), |peer| peer.answer_changes_now(offer, now))
    }

    fn answer_changes_now(&mut self, offer: &str, now: Duration) -> Result<String, SdpError> {
        self.advance(now);
        let before = self.negotiated_session()?.remote.clone();
        let Terms { codecs, simulcast } = self.terms;
        let offer = sdp::validate(offer, codecs, &self.limits)?;
        let offer = media_sections::with_formats(&offer, &before);
        let offer = self.directions.limit(&offer);
        let sections = red::sections(&before);
        let known: Vec<&str> =
            sections.iter().filter_map(|it| media_sections::mid_of(it)).collect();
        let taken = media_sections::take(&offer, codecs, &self.limits, simulcast, &known);
        let (offer, rejected) = taken?;
        let (offer, ulpfec) = red::to_stack(&offer);
        self.check_fingerprint(&offer)?;
        ice::check_kept(&offer, &before)?;
        let (remote, current) = (IceParameters::read(&offer)?, IceParameters::read(&before)?);
        let restarts = (&remote.ufrag, &remote.password) != (&current.ufrag, &current.password);
        let mut media = offer;
        if restarts {
            check_changed(&remote, &before)?;
            self.ice_restarts.check_limit(self.now, &self.limits)?;
            // First the media, which may be rejected, on the previous transport.
            media = ice::without_candidates(&media);
            media = ice::with_credentials(&media, &current.ufrag, &current.password);
        }
        let parsed = SdpOffer::from_sdp_string(&media);
        let parsed = parsed.map_err(|error| rejected_sdp(&media, error))?;
        let inactive = self.reactivate(&media);
        let answer = match self.rtc.sdp_api().accept_offer(parsed) {
            Ok(answer) => answer.to_sdp_string(),
            Err(error) => {
                self.set_directions(&inactive);
                return Err(refused(error));
            }
        };
        self.data_negotiated |= has_data(&media) && has_data(&answer);
        let ulpfec = ulpfec.filter(|_| codecs.has_fec());
        self.set_fec(ulpfec);
        self.ice_restarts.set_negotiated(Negotiated::new(&media, rejected.clone(), ulpfec));
        let answer = if restarts { self.restart(&remote)? } else { answer };
        let answer = rejected.insert(&red::from_stack(&answer, ulpfec));
        self.tick();
        self.report_directions();
        Ok(self.versioned(&answer))
    }

    /// An SDP of this endpoint with the next version of the session description (RFC 8829, section 5.2.2).
    pub(super) fn versioned(&mut self, sdp: &str) -> String {
        self.descriptions += 1;
        sdp::with_version(sdp, self.descriptions)
    }

    /// Payload type of ULPFEC for the first video section of a session, if FEC is enabled: one that is not in use.
    fn free_ulpfec(&self, remote: &str) -> Option<u8> {
        if !self.terms.codecs.has_fec() {
            return None;
        }
        let params = self.rtc.codec_config().params().iter();
        let own = params.flat_map(|param| [Some(param.pt()), param.resend(), param.red()]);
        let own: Vec<u8> = own.flatten().map(|pt| *pt).collect();
        let theirs = red::payload_types(remote);
        let is_free = |pt: &u8| !own.contains(pt) && !theirs.contains(pt);
        [red::OFFERED.2].into_iter().chain((35..=63).rev()).chain(96..=127).find(is_free)
    }

    /// Checks the answer to an offer of changes, as str0m gets it.
    pub(super) fn check_changes(&self, answer: &str) -> Result<(), SdpError> {
        ice::check_kept(answer, &self.negotiated_session()?.remote)
    }

    /// Checks that an SDP has the transport of the running session.
    pub(super) fn check_transport(&mut self, sdp: &str) -> Result<(), SdpError> {
        let (before, now) =
            (IceParameters::read(&self.negotiated_session()?.remote)?, IceParameters::read(sdp)?);
        if (now.ufrag, now.password) != (before.ufrag, before.password) {
            let why = "a change of the media cannot restart ICE at the same time";
            return Err(SdpError::Rejected(why.to_owned()));
        }
        self.check_fingerprint(sdp)
    }

    /// Adopts FEC of later sections; the FEC of the first ones stays.
    pub(super) fn set_fec(&mut self, ulpfec: Option<u8>) {
        if self.fec.is_none() {
            self.fec = ulpfec.map(FecState::new);
        }
    }
}
