//! A WebRTC peer on a UDP socket of its own: sends, receives and waits for the next event, on the thread of the caller.
//!
//! [`Peer`] has no sockets and no clock. `server` runs many peers on one socket; a program with few calls gives each of
//! them a [`PeerSocket`].
//!
//! # Example
//!
//! Two peers of one program, which connect over the loopback interface:
//!
//! ```
//! use std::time::Duration;
//!
//! use codec_net::peer_socket::PeerSocket;
//! use codec_webrtc::{ChannelSettings, Event, Peer};
//!
//! let address = "127.0.0.1:0".parse()?;
//! let (mut one, mut other) = (PeerSocket::bind(address)?, PeerSocket::bind(address)?);
//! let channels = [ChannelSettings::reliable("chat")];
//! let (mut caller, offer, pending, _) = Peer::offer(&one.config()?, &[], &channels, one.now())?;
//! // In practice, signalling carries the offer and the answer.
//! let answering = std::thread::spawn(move || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     let (mut callee, answer) = Peer::answer(&offer, &other.config()?, other.now())?;
//! #   ANSWER.set(answer)?;
//!     while let Some(event) = other.next_event(&mut callee)? {
//!         if let Event::ChannelOpen { channel, .. } = event {
//!             callee.send_message(other.now(), channel, false, b"hello")?;
//!         }
//!     }
//!     Ok(())
//! });
//! # static ANSWER: std::sync::OnceLock<String> = std::sync::OnceLock::new();
//! # let answer = ANSWER.wait();
//! caller.accept_answer(pending, &answer, one.now())?;
//! while let Some(event) = one.next_event(&mut caller)? {
//!     if let Event::ChannelMessage { data, .. } = event {
//!         assert_eq!(data, b"hello");
//!         caller.close(one.now());
//!     }
//! }
//! assert!(answering.join().is_ok_and(|result| result.is_ok()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_webrtc::{Certificate, Event, LocalCandidate, Peer, PeerConfig};

use crate::clock::Clock;
use crate::udp;

/// Maximum size of a datagram in bytes, as in [`codec_webrtc::PeerLimits`].
const DATAGRAM_BYTES: usize = 2048;

/// Validity of the certificate of a call in days.
const CERTIFICATE_DAYS: u32 = 30;

/// Longest wait for a datagram, if the peer has no timeout before.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// A UDP socket and a clock for one [`Peer`]. See the [module](self).
#[derive(Debug)]
pub struct PeerSocket {
    clock: Clock,
    socket: UdpSocket,
    local: SocketAddr,
    datagram: Vec<u8>,
}

impl PeerSocket {
    /// Opens a socket at the address of a network interface; port 0: any. The clock starts.
    ///
    /// # Errors
    /// If the address is not local, or in use, and [`io::ErrorKind::InvalidInput`] for a wildcard address such as
    /// `0.0.0.0`, which is not an ICE candidate.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        if address.ip().is_unspecified() {
            let why = format!("invalid address {address}: expected that of one network interface");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let socket = udp::bind(address)?;
        let local = socket.local_addr()?;
        Ok(Self { clock: Clock::start(), socket, local, datagram: vec![0; DATAGRAM_BYTES] })
    }

    /// The address of the socket.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.local
    }

    /// The current time, which the methods of the peer take: the time since the socket was opened.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Configuration for a peer on this socket: the default of [`PeerConfig::new`] with a new secret and a new
    /// certificate, and with the address of the socket as the only candidate. If the service is behind a NAT with a known
    /// public address, or has TURN servers, add further candidates.
    ///
    /// # Errors
    /// If the operating system gives no random numbers, or the system time is invalid.
    pub fn config(&self) -> io::Result<PeerConfig> {
        let (mut key, mut secret) = ([0; 32], [0; 32]);
        for bytes in [&mut key, &mut secret] {
            getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))?;
        }
        let unix_now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let certificate = Certificate::generate(&key, unix_now, CERTIFICATE_DAYS);
        let certificate = certificate.map_err(io::Error::other)?;
        let mut config = PeerConfig::new(self.clock.instant(Duration::ZERO), secret, certificate);
        config.candidates.push(LocalCandidate::Host(self.local));
        Ok(config)
    }

    /// Exchanges datagrams until the peer has an event. Returns `None` after the end of the session, when all events have
    /// been returned.
    ///
    /// # Errors
    /// As for [`next_event_within`](Self::next_event_within).
    pub fn next_event(&mut self, peer: &mut Peer) -> io::Result<Option<Event>> {
        loop {
            let event = self.next_event_within(peer, MAX_WAIT)?;
            if event.is_some() || peer.is_closed() {
                return Ok(event);
            }
        }
    }

    /// As [`next_event`](Self::next_event), but returns `None` also if there is no event within `longest`. With zero, it
    /// handles at most one datagram that has arrived.
    ///
    /// It first sends what the peer has queued. A datagram that cannot be sent counts as packet loss; those with another
    /// source than the address of the socket, such as a relayed one, are dropped.
    ///
    /// # Errors
    /// If the system cannot receive on the socket, for example because its network interface was removed.
    pub fn next_event_within(
        &mut self,
        peer: &mut Peer,
        longest: Duration,
    ) -> io::Result<Option<Event>> {
        let end = self.now().saturating_add(longest);
        loop {
            self.send(peer);
            if let Some(event) = peer.poll_event() {
                return Ok(Some(event));
            }
            let now = self.now();
            if peer.is_closed() || (now >= end && !longest.is_zero()) {
                return Ok(None);
            }
            let due = peer.poll_timeout().map_or(end, |due| due.min(end));
            let wait = due.saturating_sub(now);
            if let Some((len, source)) = udp::receive(&self.socket, &mut self.datagram, wait)? {
                let bytes = self.datagram.get(..len).unwrap_or_default();
                peer.handle_datagram(self.clock.now(), source, self.local, bytes);
            }
            let now = self.now();
            if peer.poll_timeout().is_some_and(|due| due <= now) {
                peer.handle_timeout(now);
            }
            if longest.is_zero() {
                self.send(peer);
                return Ok(peer.poll_event());
            }
        }
    }

    fn send(&self, peer: &mut Peer) {
        while let Some(sent) = peer.poll_transmit() {
            if sent.source == self.local {
                let _ = self.socket.send_to(&sent.payload, sent.destination);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcard_addresses_are_rejected() {
        for address in ["0.0.0.0:0", "[::]:0"] {
            let error = PeerSocket::bind(address.parse().unwrap()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(address), "{error}");
        }
    }

    #[test]
    fn waiting_ends_with_the_time_and_with_the_session() {
        let mut socket = PeerSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let config = socket.config().unwrap();
        assert_eq!(config.candidates, [LocalCandidate::Host(socket.address())]);
        let channels = [codec_webrtc::ChannelSettings::reliable("x")];
        let now = socket.now();
        let (mut peer, ..) = Peer::offer(&config, &[], &channels, now).unwrap();
        for longest in [Duration::ZERO, Duration::from_millis(20)] {
            let before = socket.now();
            assert_eq!(socket.next_event_within(&mut peer, longest).unwrap(), None);
            assert!(socket.now() - before >= longest);
        }
        peer.close(socket.now());
        let closed = socket.next_event(&mut peer).unwrap();
        assert!(matches!(closed, Some(Event::Closed(_))), "{closed:?}");
        assert_eq!(socket.next_event(&mut peer).unwrap(), None);
    }
}
