//! Renegotiation: further media sections, and other directions, in a running session (RFC 8829, sections 5.2.2 and
//! 5.3.2). The transport does not change: that is the subject of [`ice_restart`](super::ice_restart).

use std::time::Duration;

use str0m::change::SdpOffer;

use super::Peer;
use super::fec::FecState;
use super::ice_state::Negotiated;
use super::negotiate::{PendingOffer, add_media, has_data, over, refused, stack_direction};
use super::terms::Terms;
use crate::sdp_parse_error::rejected_sdp;
use crate::{
    Direction, IceParameters, MediaPlan, Mid, SdpError, ice, media_sections, red, sdp, simulcast,
};

impl Peer {
    /// Offers further media sections, and other directions of existing ones, in the running session; returns an offer for
    /// the remote endpoint, and the state for [`accept_answer`](Self::accept_answer). Media continue meanwhile. Sections
    /// are never removed: one that is not needed any more becomes [`Direction::Inactive`], and may be used again.
    ///
    /// Only one offer may be open: if the remote endpoint makes one at the same time, one of both must be dropped by the
    /// application.
    ///
    /// # Errors
    /// Returns [`SdpError::Rejected`] if nothing changes, before the answer to the first offer, for an unknown section, and if
    /// this endpoint rejected media sections of an offer; [`SdpError::LimitExceeded`] above
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
            let why = "only the endpoint that made the offer can change media after a rejected media section";
            return Err(SdpError::Rejected(why.to_owned()));
        }
        let ulpfec = negotiated.ulpfec;
        let count = negotiated.remote.matches("\nm=").count() + added.len();
        let limit = self.limits.media_sections;
        if count > limit {
            return Err(SdpError::LimitExceeded { what: "media sections", count, limit });
        }
        simulcast::check(added)?;
        if let Some((mid, _)) = directions.iter().find(|(mid, _)| self.rtc.media(mid.0).is_none()) {
            return Err(SdpError::Rejected(format!("there is no media section {}", mid.0)));
        }
        let mut api = self.rtc.sdp_api();
        for (mid, direction) in directions {
            api.set_direction(mid.0, stack_direction(*direction));
        }
        let media = added.iter().map(|plan| (add_media(&mut api, plan), plan.layers.clone()));
        let media = media.collect();
        let unchanged = || SdpError::Rejected("the offer changes nothing".to_owned());
        let (offer, pending) = api.apply().ok_or_else(unchanged)?;
        let offer = simulcast::without_ssrcs(&red::from_stack(&offer.to_sdp_string(), ulpfec));
        Ok((offer, PendingOffer::changes(pending, media, ulpfec)))
    }

    /// Answers an offer of the remote endpoint that adds media sections or changes directions in the running session; returns
    /// the answer. [`Event::Media`](crate::Event::Media) reports each further section, and
    /// [`Event::MediaChanged`](crate::Event::MediaChanged) each other direction.
    ///
    /// # Errors
    /// Returns [`SdpError`] if the offer is malformed, exceeds the limits, lacks a section or changes the transport. The
    /// session then continues.
    pub fn answer_changes(&mut self, offer: &str, now: Duration) -> Result<String, SdpError> {
        self.contained(Err(over()), |peer| peer.answer_changes_now(offer, now))
    }

    fn answer_changes_now(&mut self, offer: &str, now: Duration) -> Result<String, SdpError> {
        self.advance(now);
        let offer = sdp::validate(offer, &self.limits)?;
        let Terms { codecs, simulcast } = self.terms;
        let (offer, rejected) = media_sections::take(&offer, codecs, &self.limits, simulcast)?;
        let (offer, ulpfec) = red::to_stack(&offer);
        self.check_transport(&offer)?;
        ice::check_kept(&offer, &self.negotiated_session()?.remote)?;
        let parsed = SdpOffer::from_sdp_string(&offer);
        let parsed = parsed.map_err(|error| rejected_sdp(&offer, error))?;
        let answer = self.rtc.sdp_api().accept_offer(parsed).map_err(refused)?.to_sdp_string();
        self.data_negotiated |= has_data(&offer) && has_data(&answer);
        let ulpfec = ulpfec.filter(|_| codecs.has_fec());
        self.set_fec(ulpfec);
        let answer = rejected.insert(&red::from_stack(&answer, ulpfec));
        self.ice_restarts.set_negotiated(Negotiated::new(&offer, rejected, ulpfec));
        self.tick();
        Ok(answer)
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

    /// Adopts FEC of later sections; that of the first ones stays.
    pub(super) fn set_fec(&mut self, ulpfec: Option<u8>) {
        if self.fec.is_none() {
            self.fec = ulpfec.map(FecState::new);
        }
    }
}
