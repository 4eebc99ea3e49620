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
use crate::error::NetError;
use crate::random;
use crate::turn_allocation::{TurnAllocation, TurnDatagram, TurnSocket};

/// Time after which a failed allocation is requested again.
const RETRY: Duration = Duration::from_secs(30);

/// The allocation, if a TURN server is configured.
#[derive(Debug)]
pub(super) struct Turn {
    server: Option<TurnServer>,
    socket: TurnSocket,
    allocation: Option<TurnAllocation>,
    /// When to request the next allocation.
    retry: Option<Duration>,
    health: Arc<Health>,
}

impl Turn {
    /// Starts to request an allocation for the socket, if there is a TURN server.
    ///
    /// # Errors
    ///
    /// [`NetError`] if the server cannot be used.
    pub(super) fn new(
        server: Option<TurnServer>,
        socket: TurnSocket,
        now: Duration,
        health: Arc<Health>,
    ) -> Result<Self, NetError> {
        let mut turn = Self { server, socket, allocation: None, retry: None, health };
        turn.start(now)?;
        Ok(turn)
    }

    fn start(&mut self, now: Duration) -> Result<(), NetError> {
        let Some(TurnServer { address, server, roots, .. }) = &self.server else { return Ok(()) };
        let (roots, secret) = (roots.as_deref(), random::bytes());
        let started = TurnAllocation::start(server, *address, self.socket, roots, secret, now)?;
        self.allocation = Some(started);
        Ok(())
    }

    /// The candidates of a call: the candidates of `hosts` and the relayed candidate.
    pub(super) fn candidates(
        &self,
        hosts: &[SocketAddr],
    ) -> Result<Vec<LocalCandidate>, Rejection> {
        let hosts = hosts.iter().copied().map(LocalCandidate::Host);
        let relayed = self.allocation.as_ref().and_then(TurnAllocation::candidate);
        let relay_only = self.server.as_ref().is_some_and(|server| server.relay_only);
        match (relayed, relay_only) {
            (Some(relayed), true) => Ok(vec![relayed]),
            (Some(relayed), false) => Ok(hosts.chain([relayed]).collect()),
            (None, false) => Ok(hosts.collect()),
            (None, true) => Err(Rejection::TurnUnavailable),
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub(super) fn poll_timeout(&mut self) -> Option<Duration> {
        let due = self.contain(|allocation| allocation.poll_timeout()).flatten();
        due.into_iter().chain(self.retry).min()
    }

    /// Handles timeouts, and failures: the next attempt follows later.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        self.contain(|allocation| allocation.handle_timeout(now));
        if self.retry.is_some_and(|at| at <= now) {
            self.retry = None;
            if let Err(error) = self.start(now) {
                self.fail(now, &error.to_string());
            }
        }
        if let Some(why) = self.allocation.as_ref().and_then(TurnAllocation::failure) {
            self.fail(now, &why);
        }
    }

    fn fail(&mut self, now: Duration, why: &str) {
        let seconds = RETRY.as_secs();
        self.health.notice(format!(
            "cannot get a relay address from the TURN server: {why}; next attempt in {seconds} s"
        ));
        self.allocation = None;
        self.retry = Some(now.saturating_add(RETRY));
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
    use crate::ice_server::IceServer;

    #[test]
    fn a_failed_allocation_is_requested_again_later() {
        let health = Arc::new(Health::default());
        let host: SocketAddr = "127.0.0.1:7".parse().unwrap();
        // Nothing listens on the port.
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let uri = format!("turn:{closed}?transport=tcp");
        let server = TurnServer {
            address: closed,
            server: IceServer::turn(&uri, "user", "password").unwrap(),
            roots: None,
            relay_only: false,
            is_shared: false,
        };
        let socket = TurnSocket { announced: host, bound: host };
        let mut turn =
            Turn::new(Some(server), socket, Duration::ZERO, Arc::clone(&health)).unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(30);
        let notice = loop {
            turn.handle_timeout(Duration::ZERO);
            if let Some(notice) = health.next_notice() {
                break notice;
            }
            assert!(std::time::Instant::now() < end, "the connection does not fail");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(notice.contains("cannot connect to 127.0.0.1"), "{notice}");
        assert_eq!(turn.poll_timeout(), Some(RETRY));
        assert_eq!((turn.poll_transmit(), turn.candidates(&[host]).unwrap().len()), (None, 1));
        turn.handle_timeout(RETRY);
        assert!(turn.poll_transmit().is_some(), "it requests an allocation");
    }

    #[test]
    fn a_panic_in_the_turn_client_ends_the_allocation_and_calls_continue() {
        let health = Arc::new(Health::default());
        let address = "127.0.0.1:9".parse().unwrap();
        let server = TurnServer {
            address,
            server: IceServer::turn("127.0.0.1:9", "user", "password").unwrap(),
            roots: None,
            relay_only: false,
            is_shared: false,
        };
        let host: SocketAddr = "127.0.0.1:7".parse().unwrap();
        let socket = TurnSocket { announced: host, bound: host };
        let turn = Turn::new(Some(server), socket, Duration::ZERO, Arc::clone(&health));
        let mut turn = turn.unwrap();
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
        if let Some(server) = &mut turn.server {
            server.relay_only = true;
        }
        assert_eq!(turn.candidates(&[host]).unwrap_err().status(), 503);
    }
}
