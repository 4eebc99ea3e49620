//! Handles the allocation of a call on a TURN server, and its datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use codec_webrtc::turn::{Inbound, TurnClient, TurnConfig, TurnEvent, TurnFailure};
use codec_webrtc::{LocalCandidate, Transmit};

use crate::error::NetError;
use crate::ice_server::{IceServer, TurnTransport};
use crate::turn_tunnel::{TurnTls, TurnTunnel};

/// Requested lifetime of an allocation.
const LIFETIME: Duration = Duration::from_secs(600);

/// An allocation on a TURN server, or the attempt to get one.
#[derive(Debug)]
pub struct TurnAllocation {
    client: TurnClient,
    server: SocketAddr,
    local: SocketAddr,
    relayed: Option<SocketAddr>,
    /// The connection to the server, if it is over TCP or TLS.
    tunnel: Option<TurnTunnel>,
    failure: Option<TurnFailure>,
}

/// The UDP socket of calls, which sends and receives the datagrams of the allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnSocket {
    /// The address that it is known by: the base of the relayed candidate.
    pub announced: SocketAddr,
    /// The address that it is bound to, on this machine.
    pub bound: SocketAddr,
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
    /// Starts to request an allocation on a TURN server with credentials. `address` is the address of the server and
    /// `secret` has random bytes. `roots` has the only trusted certificates of servers over TLS, in PEM; `None` trusts
    /// the public authorities.
    ///
    /// # Errors
    ///
    /// [`NetError`] if `server` has no credentials, if it is not a TURN server with a supported transport, or if a
    /// connection to it cannot be prepared. [`Self::failure`] reports a later failure.
    pub fn start(
        server: &IceServer,
        address: SocketAddr,
        socket: TurnSocket,
        roots: Option<&[u8]>,
        secret: [u8; 32],
        now: Duration,
    ) -> Result<Self, NetError> {
        let transport = server.turn_transport().filter(|_| server.credentials.is_some());
        let open = |tls: Option<&TurnTls>| TurnTunnel::open(address, tls, socket.bound).map(Some);
        let tunnel = match transport {
            None => {
                let (uri, has_credentials) = (server.uri(), server.credentials.is_some());
                let why = match has_credentials {
                    true => "its scheme or transport is not supported",
                    false => "it has no credentials",
                };
                let message = format!("cannot use {uri} as a TURN server: {why}");
                return Err(NetError::Protocol(message));
            }
            Some(TurnTransport::Udp) => None,
            Some(TurnTransport::Tcp) => open(None)?,
            Some(TurnTransport::Tls) => {
                let roots = roots.map(<[u8]>::to_vec);
                open(Some(&TurnTls { host: server.host.clone(), roots }))?
            }
        };
        let (local, credentials) = (socket.announced, server.credentials.clone());
        let server = tunnel.as_ref().map_or(address, TurnTunnel::address);
        let (lifetime, is_stream) = (LIFETIME, tunnel.is_some());
        let config = TurnConfig { server, local, credentials, secret, lifetime, is_stream };
        let client = TurnClient::new(config, now);
        Ok(Self { client, server, local, relayed: None, tunnel, failure: None })
    }

    /// Why there is no allocation any more, or never was one.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let of_connection = self.tunnel.as_ref().and_then(TurnTunnel::failure);
        of_connection.or_else(|| self.failure.as_ref().map(ToString::to_string))
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
                TurnEvent::Failed(failure) => {
                    self.relayed = None;
                    self.failure = Some(failure);
                }
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
