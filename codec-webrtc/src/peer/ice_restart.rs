//! ICE restarts (RFC 8445, section 9; RFC 8839, section 4.4.1.1): new credentials and candidates for the same session.
//!
//! The SDP of the remote endpoint is kept, because str0m restarts ICE only by offers and answers, while signalling may
//! carry no more than a fragment (RFC 9725). str0m chooses credentials by a generator that is not cryptographic, so they
//! are replaced by ones that are derived from `PeerConfig::secret`.

use std::time::Duration;

use codec_rtc::congestion::Reason;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::{Candidate, IceCreds};

use super::egress::PATH_MARK;
use super::ice_state::{Negotiated, OfferedRestart, PendingPath};
use super::negotiate::{PendingOffer, over, refused};
use super::{Peer, State};
use crate::sdp_parse_error::rejected_sdp;
use crate::{Event, IceParameters, SdpError, ice, red, sdp, simulcast};

impl Peer {
    /// Starts an ICE restart, after a change of the network or a loss of connectivity; returns an offer for the remote
    /// endpoint, and the state for [`accept_answer`](Self::accept_answer). Media continue on the current path until the new
    /// one works, in the same DTLS session and with the same SSRCs.
    ///
    /// A restart that is offered later replaces this one, as does a restart by the remote endpoint.
    ///
    /// # Errors
    /// Returns [`SdpError::LimitExceeded`] after [`PeerLimits::ice_restarts`](crate::PeerLimits::ice_restarts) in a minute, and [`SdpError::Rejected`]
    /// before the answer to the first offer, or if this endpoint rejected media sections of an offer.
    pub fn restart_ice(&mut self, now: Duration) -> Result<(String, PendingOffer), SdpError> {
        self.contained(Err(over()), |peer| peer.offer_restart(now))
    }

    fn offer_restart(&mut self, now: Duration) -> Result<(String, PendingOffer), SdpError> {
        self.advance(now);
        let negotiated = self.negotiated_session()?;
        if !negotiated.rejected.is_empty() {
            let why = "this endpoint rejected a media section, so only the remote endpoint can offer an ICE restart";
            return Err(SdpError::Rejected(why.to_owned()));
        }
        let ulpfec = negotiated.ulpfec;
        let credentials = self.ice_restarts.begin(self.now, &self.limits)?;
        let mut api = self.rtc.sdp_api();
        let of_stack = api.ice_restart(true);
        let offered = api.apply().ok_or_else(|| refused("str0m offers no ICE restart"))?;
        let (offer, pending): (_, SdpPendingOffer) = offered;
        let offer = red::from_stack(&offer.to_sdp_string(), ulpfec);
        let offer = replaced(&simulcast::without_ssrcs(&offer), &of_stack, &credentials);
        let offer = self.versioned(&offer);
        Ok((offer, PendingOffer::ice_restart(pending, OfferedRestart { credentials })))
    }

    /// Processes the answer to a restart.
    pub(super) fn accept_restart(
        &mut self,
        pending: SdpPendingOffer,
        restart: OfferedRestart,
        answer: &str,
    ) -> Result<(), SdpError> {
        let (answer, _) = red::to_stack(&sdp::validate(answer, self.terms.codecs, &self.limits)?);
        let remote = IceParameters::read(&answer)?;
        let negotiated = self.negotiated_session()?;
        check_changed(&remote, &negotiated.remote)?;
        ice::check_sections(&answer, &negotiated.remote, 0)?;
        self.check_fingerprint(&answer)?;
        let parsed = SdpAnswer::from_sdp_string(&answer);
        let parsed = parsed.map_err(|error| rejected_sdp(&answer, error))?;
        self.rtc.sdp_api().accept_answer(pending, parsed).map_err(refused)?;
        self.restarted(&remote, restart.credentials);
        self.tick();
        Ok(())
    }

    /// Answers an ICE restart by the remote endpoint: an offer with new credentials for the session that was negotiated.
    /// Returns the answer. Media continue as after [`restart_ice`](Self::restart_ice). [`answer_changes`](Self::answer_changes)
    /// also answers it, and other offers.
    ///
    /// # Errors
    /// Returns [`SdpError`] if the offer is malformed, has the credentials of the running session, changes more than the
    /// transport, or exceeds [`PeerLimits::ice_restarts`](crate::PeerLimits::ice_restarts). The session then continues.
    pub fn answer_ice_restart(&mut self, offer: &str, now: Duration) -> Result<String, SdpError> {
        self.contained(Err(over()), |peer| {
            peer.advance(now);
            let (offer, _) = red::to_stack(&sdp::validate(offer, peer.terms.codecs, &peer.limits)?);
            let offer = peer.directions.limit(&offer);
            let negotiated = peer.negotiated_session()?;
            ice::check_sections(&offer, &negotiated.remote, negotiated.rejected.len())?;
            peer.check_fingerprint(&offer)?;
            let answer = peer.restart(&IceParameters::read(&offer)?)?;
            let Negotiated { rejected, ulpfec, .. } = peer.negotiated_session()?;
            let answer = rejected.insert(&red::from_stack(&answer, *ulpfec));
            Ok(peer.versioned(&answer))
        })
    }

    /// Answers an ICE restart by the remote endpoint that consists of new parameters only, as in WHIP (RFC 9725, section
    /// 4.3.3). Candidates that are malformed are ignored. Returns the new parameters of this endpoint.
    ///
    /// # Errors
    /// Returns the errors of [`answer_ice_restart`](Self::answer_ice_restart).
    pub fn accept_ice_restart(
        &mut self,
        remote: &IceParameters,
        now: Duration,
    ) -> Result<IceParameters, SdpError> {
        self.contained(Err(over()), |peer| {
            peer.advance(now);
            remote.check()?;
            IceParameters::read(&peer.restart(remote)?)
        })
    }

    /// Restarts ICE; returns the answer of str0m.
    pub(super) fn restart(&mut self, remote: &IceParameters) -> Result<String, SdpError> {
        let negotiated = self.negotiated_session()?;
        check_changed(remote, &negotiated.remote)?;
        let (count, limit) = (remote.candidates.len(), self.limits.candidates);
        if count > limit {
            return Err(SdpError::LimitExceeded { what: "candidates", count, limit });
        }
        let offer = ice::with_credentials(&negotiated.remote, &remote.ufrag, &remote.password);
        let parsed = SdpOffer::from_sdp_string(&offer);
        let parsed = parsed.map_err(|error| rejected_sdp(&offer, error))?;
        let credentials = self.ice_restarts.begin(self.now, &self.limits)?;
        let answer = self.rtc.sdp_api().accept_offer(parsed).map_err(refused)?;
        let of_stack = self.rtc.direct_api().local_ice_credentials();
        let answer = replaced(&answer.to_sdp_string(), &of_stack, &credentials);
        self.restarted(remote, credentials);
        for candidate in &remote.candidates {
            if let Ok(candidate) = Candidate::from_sdp_string(candidate) {
                self.rtc.add_remote_candidate(candidate);
            }
        }
        self.tick();
        Ok(answer)
    }

    /// Adopts the credentials of both endpoints.
    fn restarted(&mut self, remote: &IceParameters, credentials: IceCreds) {
        self.rtc.direct_api().set_local_ice_credentials(credentials);
        if let Some(negotiated) = &mut self.ice_restarts.negotiated {
            let IceParameters { ufrag, password, .. } = remote;
            negotiated.remote = ice::with_credentials(&negotiated.remote, ufrag, password);
        }
        self.remote_candidates = remote.candidates.len();
        self.ice_restarts.pending = Some(PendingPath {
            before: self.egress.path(),
            was_interrupted: self.is_interrupted(self.now)
                || self.estimate().is_some_and(|it| it.reason == Reason::FeedbackTimeout),
            is_connected: false,
        });
        // The remote endpoint is alive, and has the time of the timeout to connect again.
        self.consent = self.now;
        self.silence.restart();
    }

    pub(super) fn negotiated_session(&self) -> Result<&Negotiated, SdpError> {
        if self.state == State::Closed {
            return Err(over());
        }
        let early = || SdpError::Rejected("the first offer is not answered yet".to_owned());
        self.ice_restarts.negotiated.as_ref().ok_or_else(early)
    }

    pub(super) fn check_fingerprint(&mut self, sdp: &str) -> Result<(), SdpError> {
        let current = self.rtc.direct_api().remote_dtls_fingerprint().map(ToString::to_string);
        current.map_or(Ok(()), |current| ice::check_fingerprint(sdp, &current))
    }

    /// Makes str0m send a report, which has the addresses of the path that ICE has just selected: sent media follow
    /// them, and the next regular report may be seconds away.
    pub(super) fn announce_path(&mut self) {
        if self.state == State::Connected {
            let ssrc = self.egress.any_ssrc().into();
            self.rtc.direct_api().send_app_specific_feedback(ssrc, ssrc, *PATH_MARK);
        }
        if let Some(pending) = &mut self.ice_restarts.pending {
            pending.is_connected = true;
        }
    }

    /// Completes a restart when str0m uses the selected path. The bandwidth of another path is unknown, and the
    /// estimate of an interrupted one has collapsed.
    pub(super) fn path_used(&mut self) {
        let Some(pending) = self.ice_restarts.pending.filter(|it| it.is_connected) else { return };
        self.ice_restarts.pending = None;
        if pending.was_interrupted || pending.before != self.egress.path() {
            self.restart_estimate();
            self.push(Event::PathChanged);
        }
    }
}

/// Rejects a restart with a credential of the running session (RFC 8839, section 4.4.1.1.1).
pub(super) fn check_changed(remote: &IceParameters, before: &str) -> Result<(), SdpError> {
    let before = IceParameters::read(before)?;
    if remote.ufrag == before.ufrag || remote.password == before.password {
        let why = "an ICE restart requires another ice-ufrag and another ice-pwd";
        return Err(SdpError::Rejected(why.to_owned()));
    }
    Ok(())
}

/// An SDP of str0m with our credentials in its lines and candidates.
fn replaced(sdp: &str, of_stack: &IceCreds, ours: &IceCreds) -> String {
    ice::with_credentials(sdp, &ours.ufrag, &ours.pass)
        .replace(&format!("ufrag {}", of_stack.ufrag), &format!("ufrag {}", ours.ufrag))
}
