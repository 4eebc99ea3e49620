//! The server's allocation on a TURN server. A panic in the TURN client ends the allocation, not the
//! calls.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use codec_webrtc::{LocalCandidate, Transmit};

use super::super::health::{self, Health};
use super::super::outcome::Rejection;
use super::config::TurnServer;
use crate::random;
use crate::turn_allocation::{TurnAllocation, TurnDatagram};

/// The allocation, if a TURN server is configured.
#[derive(Debug)]
pub(super) struct Turn {
    allocation: Option<TurnAllocation>,
    /// Whether only the relayed candidate is offered.
    relay_only: bool,
    health: Arc<Health>,
}

impl Turn {
    /// Starts to request an allocation for the socket at `local`, if there is a TURN server.
    pub(super) fn new(
        server: Option<TurnServer>,
        local: SocketAddr,
        now: Duration,
        health: Arc<Health>,
    ) -> Self {
        let relay_only = server.as_ref().is_some_and(|server| server.relay_only);
        let allocation = server.map(|TurnServer { address, user, password, .. }| {
            TurnAllocation::new(address, local, (user, password), random::bytes(), now)
        });
        Self { allocation, relay_only, health }
    }

    /// The candidates of a call: those of `hosts` and the relayed one.
    pub(super) fn candidates(
        &self,
        hosts: &[SocketAddr],
    ) -> Result<Vec<LocalCandidate>, Rejection> {
        let hosts = hosts.iter().copied().map(LocalCandidate::Host);
        let relayed = self.allocation.as_ref().and_then(TurnAllocation::candidate);
        match (relayed, self.relay_only) {
            (Some(relayed), true) => Ok(vec![relayed]),
            (Some(relayed), false) => Ok(hosts.chain([relayed]).collect()),
            (None, false) => Ok(hosts.collect()),
            (None, true) => Err(Rejection::TurnUnavailable),
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub(super) fn poll_timeout(&mut self) -> Option<Duration> {
        self.contain(|allocation| allocation.poll_timeout()).flatten()
    }

    /// Handles timeouts.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        self.contain(|allocation| allocation.handle_timeout(now));
    }

    /// Handles a datagram from the socket.
    pub(super) fn handle_datagram(
        &mut self,
        now: Duration,
        source: SocketAddr,
        datagram: &[u8],
    ) -> TurnDatagram {
        let handled = self.contain(|allocation| allocation.handle_datagram(now, source, datagram));
        handled.unwrap_or(TurnDatagram::NotFromServer)
    }

    /// Sends a datagram from the relayed address. `false`: its source is another address.
    pub(super) fn send(&mut self, now: Duration, transmit: &Transmit) -> bool {
        self.contain(|allocation| allocation.send(now, transmit)) == Some(true)
    }

    /// Returns the next datagram for the TURN server.
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.contain(TurnAllocation::poll_transmit).flatten()
    }

    /// Runs a step of the TURN client. A panic ends the client, and its address is no longer
    /// offered. `None` without a client.
    fn contain<T>(&mut self, step: impl FnOnce(&mut TurnAllocation) -> T) -> Option<T> {
        let allocation = self.allocation.as_mut()?;
        match catch_unwind(AssertUnwindSafe(|| step(allocation))) {
            Ok(result) => Some(result),
            Err(panic) => {
                let panic = health::panic_message(&*panic);
                self.health.notice(format!("the TURN client ended: internal error: {panic}"));
                self.allocation = None;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_the_turn_client_ends_the_allocation_and_calls_continue() {
        let health = Arc::new(Health::default());
        let address = "127.0.0.1:9".parse().unwrap();
        let server = TurnServer {
            address,
            user: "user".to_owned(),
            password: "password".to_owned(),
            relay_only: false,
            advertised: None,
        };
        let host: SocketAddr = "127.0.0.1:7".parse().unwrap();
        let mut turn = Turn::new(Some(server), host, Duration::ZERO, Arc::clone(&health));
        assert!(turn.poll_transmit().is_some(), "it requests an allocation");
        let ended: Option<()> = turn.contain(|_| panic!("a defect of the client"));
        assert_eq!(ended, None);
        let notice = health.next_notice();
        let expected = "the TURN client ended: internal error: a defect of the client";
        assert_eq!(notice.as_deref(), Some(expected));
        // Calls are offered the host candidate, and datagrams of the TURN server are not its own.
        assert_eq!(turn.candidates(&[host]).unwrap(), [LocalCandidate::Host(host)]);
        assert_eq!(turn.poll_timeout(), None);
        let datagram = turn.handle_datagram(Duration::from_secs(1), address, b"late");
        assert_eq!(datagram, TurnDatagram::NotFromServer);
        assert_eq!(turn.poll_transmit(), None);
        assert_eq!((health.calls_failure(), health.next_notice()), (None, None));
        turn.relay_only = true;
        assert_eq!(turn.candidates(&[host]).unwrap_err().status(), 503);
    }
}
