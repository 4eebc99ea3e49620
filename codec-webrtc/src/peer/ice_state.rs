//! State of ICE restarts: the negotiated SDP, the limit on restarts per minute, and the restart in progress.

use std::net::SocketAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use str0m::IceCreds;

use crate::ice::{self, credentials};
use crate::media_sections::Rejected;
use crate::{PeerLimits, SdpError};

/// Time over which restarts are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Label of the derivation of credentials.
const LABEL: &[u8] = b"ICE restart";

/// State for restarts.
#[derive(Debug)]
pub(super) struct IceRestarts {
    /// Secret of the session.
    secret: [u8; 32],
    /// Number of restarts so far.
    count: u64,
    /// Times of the restarts in the last minute.
    recent: Vec<Duration>,
    /// The negotiated SDP; `None` before the answer.
    pub(super) negotiated: Option<Negotiated>,
    /// The restart that is not complete.
    pub(super) pending: Option<PendingPath>,
}

/// A restart whose path is not selected yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingPath {
    /// The previous path.
    pub(super) before: Option<(SocketAddr, SocketAddr)>,
    pub(super) was_interrupted: bool,
    pub(super) is_connected: bool,
}

/// The negotiated SDP of the remote endpoint.
#[derive(Debug)]
pub(super) struct Negotiated {
    /// SDP of the remote endpoint as str0m gets it, without candidates.
    pub(super) remote: String,
    /// Sections of the offer that were rejected.
    pub(super) rejected: Rejected,
    /// Payload type of ULPFEC.
    pub(super) ulpfec: Option<u8>,
}

impl Negotiated {
    pub(super) fn new(remote: &str, rejected: Rejected, ulpfec: Option<u8>) -> Self {
        Self { remote: ice::without_candidates(remote), rejected, ulpfec }
    }
}

impl IceRestarts {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { secret, count: 0, recent: Vec::new(), negotiated: None, pending: None }
    }

    pub(super) fn set_negotiated(&mut self, negotiated: Negotiated) {
        self.negotiated = Some(negotiated);
    }

    /// Checks the limit of restarts.
    pub(super) fn check_limit(&self, now: Duration, limits: &PeerLimits) -> Result<(), SdpError> {
        let is_recent = |at: &&Duration| now.saturating_sub(**at) < WINDOW;
        let (count, limit) =
            (self.recent.iter().filter(is_recent).count() + 1, limits.ice_restarts);
        if count > limit {
            let what = "ICE restarts in a minute";
            return Err(SdpError::LimitExceeded { what, count, limit });
        }
        Ok(())
    }

    /// Counts a restart; returns its credentials.
    pub(super) fn begin(
        &mut self,
        now: Duration,
        limits: &PeerLimits,
    ) -> Result<IceCreds, SdpError> {
        self.check_limit(now, limits)?;
        self.recent.retain(|at| now.saturating_sub(*at) < WINDOW);
        self.recent.push(now);
        self.count += 1;
        let mut hash = Sha256::new();
        hash.update(self.secret);
        hash.update(LABEL);
        hash.update(self.count.to_be_bytes());
        Ok(credentials(&hash.finalize().into()))
    }
}

/// Credentials of an offered restart, until its answer arrives.
#[derive(Debug)]
pub(super) struct OfferedRestart {
    pub(super) credentials: IceCreds,
}
