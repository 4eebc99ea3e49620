//! Updates of the ICE session of a call: trickled candidates, and restarts with new credentials (RFC 9725, section 4.3).

use std::time::Duration;

use codec_webrtc::{Peer, SdpError};

use super::super::outcome::Rejection;
use super::super::sessions::Session;
use super::sdp_fragment::{IceCredentials, SdpFragment};

/// A request to update the ICE session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct IceUpdate {
    /// Its content.
    pub(in super::super) fragment: SdpFragment,
    /// The entity tag of the ICE session when the request was checked.
    pub(in super::super) tag: String,
    /// Whether the request is for any ICE session (`If-Match: *`), as a restart requires.
    pub(in super::super) is_for_any: bool,
}

/// The answer to a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct IceRestarted {
    /// The server's new user name fragment.
    pub(in super::super) ufrag: String,
    /// The server's new credentials and its candidates.
    pub(in super::super) fragment: String,
    /// Entity tag of the new ICE session.
    pub(in super::super) tag: String,
}

/// The ICE session of a call.
#[derive(Debug)]
pub(super) struct CallIce {
    call: u64,
    /// Credentials of the other end.
    credentials: IceCredentials,
    /// MID of the first media line, and whether the server is a lite agent.
    mid: String,
    is_lite: bool,
    /// The answer to the last restart.
    restarted: Option<IceRestarted>,
}

impl CallIce {
    /// The session that an offer begins.
    pub(super) fn of(call: u64, offer: &str, is_lite: bool) -> Self {
        let mid = offer.lines().find_map(|line| line.strip_prefix("a=mid:"));
        Self {
            call,
            credentials: IceCredentials::of(offer),
            mid: mid.unwrap_or_default().trim().to_owned(),
            is_lite,
            restarted: None,
        }
    }

    /// Adds trickled candidates, or restarts ICE; returns the answer to a restart.
    ///
    /// A restart that is repeated, because its answer was lost, gets the same answer.
    ///
    /// # Errors
    ///
    /// Why the request is rejected. The call continues.
    pub(super) fn update(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        session: &Session,
        update: &IceUpdate,
    ) -> Result<Option<IceRestarted>, Rejection> {
        let IceUpdate { fragment, tag, is_for_any } = update;
        if !session.has_ice_tag(tag) {
            // Another request has restarted ICE since the check.
            return Err(Rejection::PreconditionFailed);
        }
        if !self.credentials.include(&fragment.credentials) {
            if !is_for_any {
                return Err(Rejection::Unsupported("an ICE restart without If-Match: *"));
            }
            return self.restart(now, peer, session, fragment).map(Some);
        }
        for candidate in &fragment.candidates {
            // A candidate unknown to the stack is ignored.
            let added = peer.add_remote_candidate(candidate, now);
            if let Err(SdpError::LimitExceeded { .. }) = added {
                return Err(Rejection::TooLarge("the list of candidates"));
            }
        }
        let is_repeated = *is_for_any && !fragment.credentials.is_empty();
        Ok(self.restarted.clone().filter(|_| is_repeated))
    }

    fn restart(
        &mut self,
        now: Duration,
        peer: &mut Peer,
        session: &Session,
        fragment: &SdpFragment,
    ) -> Result<IceRestarted, Rejection> {
        let restarted = peer.accept_ice_restart(&fragment.parameters()?, now);
        let ours = restarted.map_err(|error| match error {
            SdpError::LimitExceeded { what: "candidates", .. } => {
                Rejection::TooLarge("the list of candidates")
            }
            SdpError::LimitExceeded { what, .. } => Rejection::LimitReached(what),
            SdpError::Internal(_) => Rejection::Internal,
            other => Rejection::BadRequest(other.to_string()),
        })?;
        let restarted = IceRestarted {
            fragment: SdpFragment::text(&ours, &self.mid, self.is_lite),
            ufrag: ours.ufrag,
            tag: session.set_call(self.call),
        };
        self.credentials = fragment.credentials.clone();
        self.restarted = Some(restarted.clone());
        Ok(restarted)
    }
}
