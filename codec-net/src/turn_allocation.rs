//! Handles the datagrams of a call that has an allocation on a TURN server.

use std::net::SocketAddr;
use std::time::Duration;

use codec_webrtc::turn::{Inbound, TurnClient, TurnConfig, TurnEvent};
use codec_webrtc::{LocalCandidate, Transmit};

/// Requested lifetime of an allocation.
const LIFETIME: Duration = Duration::from_secs(600);

/// An allocation on a TURN server, or the attempt to get one.
#[derive(Debug)]
pub struct TurnAllocation {
    client: TurnClient,
    server: SocketAddr,
    local: SocketAddr,
    relayed: Option<SocketAddr>,
}

/// How a received datagram was handled.
#[derive(Debug, PartialEq, Eq)]
pub enum TurnDatagram {
    /// It is not from the server.
    NotFromServer,
    /// It was for the TURN client itself.
    Handled,
    /// The server relayed it.
    Relayed {
        /// The sender.
        from: SocketAddr,
        /// The relayed address that it was sent to.
        relayed: SocketAddr,
        /// The content.
        payload: Vec<u8>,
    },
}

impl TurnAllocation {
    /// Starts to request an allocation. `local`: the socket used for the server;
    /// `credentials`: user name and password; `secret`: random bytes.
    #[must_use]
    pub fn new(
        server: SocketAddr,
        local: SocketAddr,
        credentials: (String, String),
        secret: [u8; 32],
        now: Duration,
    ) -> Self {
        let credentials = Some(credentials);
        let config = TurnConfig { server, local, credentials, secret, lifetime: LIFETIME };
        Self { client: TurnClient::new(config, now), server, local, relayed: None }
    }

    /// The relayed address, if allocated, as an ICE candidate.
    #[must_use]
    pub fn candidate(&self) -> Option<LocalCandidate> {
        let local = self.local;
        self.relayed.map(|relayed| LocalCandidate::Relayed { relayed, local })
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.client.poll_timeout()
    }

    /// Handles timeouts. Returns the relayed address once it is allocated.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<LocalCandidate> {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.client.handle_timeout(now);
        }
        let mut is_new = false;
        while let Some(event) = self.client.poll_event() {
            match event {
                TurnEvent::Allocated(relayed) => {
                    is_new = self.relayed != Some(relayed);
                    self.relayed = Some(relayed);
                }
                TurnEvent::Failed(_) => self.relayed = None,
                TurnEvent::Mapped(_) => {}
            }
        }
        self.candidate().filter(|_| is_new)
    }

    /// Handles a datagram from the socket.
    pub fn handle_datagram(
        &mut self,
        now: Duration,
        source: SocketAddr,
        datagram: &[u8],
    ) -> TurnDatagram {
        if source != self.server {
            return TurnDatagram::NotFromServer;
        }
        match (self.client.handle_datagram(now, source, datagram), self.relayed) {
            (Inbound::Data { from, payload }, Some(relayed)) => {
                TurnDatagram::Relayed { from, relayed, payload }
            }
            _ => TurnDatagram::Handled,
        }
    }

    /// Sends a datagram from the relayed address. `false`: its source is another address.
    pub fn send(&mut self, now: Duration, transmit: &Transmit) -> bool {
        if self.relayed != Some(transmit.source) {
            return false;
        }
        // A datagram that cannot be sent counts as lost.
        self.client.send(now, transmit.destination, &transmit.payload);
        true
    }

    /// Returns the next datagram for the server.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.client.poll_transmit()
    }

    /// Releases the allocation.
    pub fn close(&mut self, now: Duration) {
        self.client.close(now);
        self.relayed = None;
    }
}
