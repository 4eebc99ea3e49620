//! An address on a TURN server: what a call that has one does with its datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use codec_webrtc::turn::{Received, TurnClient, TurnConfig, TurnEvent};
use codec_webrtc::{LocalCandidate, Transmit};

/// How long an address is asked for at a time.
const ALLOCATION: Duration = Duration::from_secs(600);

/// An address on a TURN server, or the wish for one.
#[derive(Debug)]
pub struct Relaying {
    client: TurnClient,
    server: SocketAddr,
    local: SocketAddr,
    relayed: Option<SocketAddr>,
}

/// What became of a datagram that came to the socket.
#[derive(Debug, PartialEq, Eq)]
pub enum Came {
    /// Not from the server.
    FromElsewhere,
    /// The server's own.
    Handled,
    /// The server passed this on.
    PassedOn {
        /// Who sent it.
        from: SocketAddr,
        /// The address on the server that it was sent to.
        relayed: SocketAddr,
        /// What.
        payload: Vec<u8>,
    },
}

impl Relaying {
    /// Begins to ask a server for an address. `local`: the socket that speaks with it;
    /// `credentials`: user name and password there; `secret`: random bytes.
    #[must_use]
    pub fn new(
        server: SocketAddr,
        local: SocketAddr,
        credentials: (String, String),
        secret: [u8; 32],
        now: Duration,
    ) -> Self {
        let credentials = Some(credentials);
        let config = TurnConfig { server, local, credentials, secret, lifetime: ALLOCATION };
        Self { client: TurnClient::new(config, now), server, local, relayed: None }
    }

    /// The address, if there is one, as a call tells it.
    #[must_use]
    pub fn candidate(&self) -> Option<LocalCandidate> {
        let local = self.local;
        self.relayed.map(|relayed| LocalCandidate::Relayed { relayed, local })
    }

    /// When to call [`tick`](Self::tick).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.client.poll_timeout()
    }

    /// Does what is due. Gives the address when it has come.
    pub fn tick(&mut self, now: Duration) -> Option<LocalCandidate> {
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

    /// A datagram came to the socket.
    pub fn handle_datagram(&mut self, now: Duration, source: SocketAddr, datagram: &[u8]) -> Came {
        if source != self.server {
            return Came::FromElsewhere;
        }
        match (self.client.handle_datagram(now, source, datagram), self.relayed) {
            (Received::Data { from, payload }, Some(relayed)) => {
                Came::PassedOn { from, relayed, payload }
            }
            _ => Came::Handled,
        }
    }

    /// Takes a datagram that is to leave from the address on the server. `false`: it leaves from
    /// elsewhere.
    pub fn send(&mut self, now: Duration, transmit: &Transmit) -> bool {
        if self.relayed != Some(transmit.source) {
            return false;
        }
        // What the server does not take is lost, as it may be on the way.
        self.client.send(now, transmit.destination, &transmit.payload);
        true
    }

    /// The next datagram for the server.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.client.poll_transmit()
    }

    /// Gives the address back.
    pub fn close(&mut self, now: Duration) {
        self.client.close(now);
        self.relayed = None;
    }
}
