//! The UDP sockets of calls: one, or two if a server on a loopback address also offers the network
//! address of this machine.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use codec_webrtc::Transmit;

use super::config::{RtcConfig, StartRtcError};
use super::segments::Segments;

/// Bytes of the system's buffers, each way.
const SOCKET_BYTES: usize = 4 << 20;

/// A bound socket and the address that clients send to.
#[derive(Debug)]
struct Bound {
    socket: UdpSocket,
    candidate: SocketAddr,
}

/// Sockets that are bound and do not belong to a runtime yet.
#[derive(Debug)]
pub(super) struct Sockets(Vec<Bound>);

impl Sockets {
    /// Binds the sockets of `config`.
    ///
    /// # Errors
    ///
    /// [`StartRtcError::Listen`] and [`StartRtcError::NoAddress`]. The second socket of
    /// [`RtcConfig::beyond_loopback`] is omitted if it cannot be bound.
    pub(super) fn bind(config: &RtcConfig) -> Result<Self, StartRtcError> {
        let failed = |error| StartRtcError::Listen(config.listen, error);
        let socket = bind(config.listen).map_err(failed)?;
        let own = socket.local_addr().map_err(failed)?;
        let ip = match config.announce {
            Some(ip) => ip,
            None if own.ip().is_unspecified() => {
                outward(own.is_ipv4()).map_err(StartRtcError::NoAddress)?
            }
            None => own.ip(),
        };
        let candidate = SocketAddr::new(ip, own.port());
        let mut sockets = vec![Bound { socket, candidate }];
        if config.beyond_loopback && config.announce.is_none() && own.ip().is_loopback() {
            let second = outward(own.is_ipv4()).and_then(|ip| {
                let candidate = SocketAddr::new(ip, own.port());
                Ok(Bound { socket: bind(candidate)?, candidate })
            });
            sockets.extend(second.ok().filter(|second| !second.candidate.ip().is_loopback()));
        }
        Ok(Self(sockets))
    }

    /// Addresses for clients. The first belongs to [`RtcConfig::listen`].
    pub(super) fn candidates(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|bound| bound.candidate).collect()
    }

    /// The address that the first socket is bound to.
    ///
    /// # Errors
    ///
    /// Errors of the system.
    pub(super) fn bound(&self) -> io::Result<SocketAddr> {
        let first = self.0.first().ok_or(io::ErrorKind::NotFound)?;
        first.socket.local_addr()
    }

    /// Registers the sockets with the current runtime.
    ///
    /// # Errors
    ///
    /// Errors of the runtime.
    pub(super) fn into_tokio(self) -> io::Result<TokioSockets> {
        let register =
            |Bound { socket, candidate }| Ok((tokio::net::UdpSocket::from_std(socket)?, candidate));
        let sockets = self.0.into_iter().map(register).collect::<io::Result<_>>()?;
        Ok(TokioSockets { sockets, segments: Segments::default() })
    }
}

/// Binds a socket that does not block, with large buffers.
fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    let options = socket2::SockRef::from(&socket);
    // Smaller buffers only cost packets under load.
    let _ = options.set_recv_buffer_size(SOCKET_BYTES);
    let _ = options.set_send_buffer_size(SOCKET_BYTES);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Returns the address that this machine sends from by default. Sends nothing.
fn outward(is_ipv4: bool) -> io::Result<IpAddr> {
    // Addresses for documentation (RFC 5737, RFC 3849): only the route to them is looked up.
    let (any, anywhere): (SocketAddr, SocketAddr) = if is_ipv4 {
        (([0, 0, 0, 0], 0).into(), ([192, 0, 2, 1], 9).into())
    } else {
        (([0_u16; 8], 0).into(), ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9).into())
    };
    let probe = UdpSocket::bind(any)?;
    probe.connect(anywhere)?;
    Ok(probe.local_addr()?.ip())
}

/// Sends datagrams.
pub(super) trait SendDatagrams {
    /// Sends datagrams in their order. One that cannot be sent is lost, as it may be on the network.
    fn send(&self, transmits: &[Transmit]);
}

/// The sockets, in the runtime of the thread of calls, each with its candidate address.
#[derive(Debug)]
pub(super) struct TokioSockets {
    sockets: Vec<(tokio::net::UdpSocket, SocketAddr)>,
    segments: Segments,
}

impl TokioSockets {
    /// Waits until a socket has a datagram. Cancel safe.
    pub(super) async fn readable(&self) {
        // An error shows again when the socket is read.
        match self.sockets.as_slice() {
            [] => std::future::pending().await,
            [(only, _)] => drop(only.readable().await),
            [(first, _), (second, _), ..] => {
                tokio::select! {
                    _ = first.readable() => {}
                    _ = second.readable() => {}
                }
            }
        }
    }

    /// Receives a datagram: its length, its source, and the candidate that it was sent to. Returns
    /// `None` when no socket has one.
    pub(super) fn receive(&self, datagram: &mut [u8]) -> Option<(usize, SocketAddr, SocketAddr)> {
        self.sockets.iter().find_map(|(socket, candidate)| {
            let (len, source) = socket.try_recv_from(datagram).ok()?;
            Some((len, source, *candidate))
        })
    }

    fn socket_for(&self, transmit: &Transmit) -> Option<&tokio::net::UdpSocket> {
        let is_local = transmit.destination.ip().is_loopback();
        let mut sockets = self.sockets.iter();
        let owner = sockets.clone().find(|(_, candidate)| *candidate == transmit.source);
        let reaching = || sockets.find(|(_, candidate)| candidate.ip().is_loopback() == is_local);
        owner.or_else(reaching).or(self.sockets.first()).map(|(socket, _)| socket)
    }
}

impl SendDatagrams for TokioSockets {
    /// Sends each datagram from the socket of its source; for other sources (this end's address on a TURN server) from the
    /// one that can reach the destination.
    fn send(&self, transmits: &[Transmit]) {
        let mut rest = transmits;
        while let Some(first) = rest.first() {
            let Some(socket) = self.socket_for(first) else { return };
            rest = rest.get(self.segments.send(socket, rest)..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(listen: [u8; 4], announce: Option<[u8; 4]>, beyond_loopback: bool) -> RtcConfig {
        let announce = announce.map(IpAddr::from);
        RtcConfig { listen: (listen, 0).into(), announce, beyond_loopback, turn: None }
    }

    #[test]
    fn loopback_is_offered_first_and_the_address_in_the_network_only_if_asked() {
        let alone = Sockets::bind(&config([127, 0, 0, 1], None, false)).unwrap().candidates();
        assert!(alone.len() == 1 && alone[0].ip().is_loopback(), "{alone:?}");
        let both = Sockets::bind(&config([127, 0, 0, 1], None, true)).unwrap().candidates();
        assert!(both[0].ip().is_loopback(), "{both:?}");
        assert!(both[1..].iter().all(|other| !other.ip().is_loopback()), "{both:?}");
        assert!(both.iter().all(|one| one.port() == both[0].port()), "{both:?}");
        let announced = Some([192, 0, 2, 7]);
        let candidates =
            Sockets::bind(&config([127, 0, 0, 1], announced, true)).unwrap().candidates();
        assert!(
            candidates.len() == 1 && candidates[0].ip() == IpAddr::from([192, 0, 2, 7]),
            "{candidates:?}"
        );
    }

    #[test]
    fn datagrams_leave_from_the_socket_they_were_sent_to() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let sockets = Sockets::bind(&config([127, 0, 0, 1], None, true)).unwrap();
            let candidates = sockets.candidates();
            let sockets = sockets.into_tokio().unwrap();
            for candidate in candidates {
                let client = tokio::net::UdpSocket::bind((candidate.ip(), 0)).await.unwrap();
                client.send_to(b"question", candidate).await.unwrap();
                let mut bytes = [0; 16];
                let (len, source, local) = loop {
                    sockets.readable().await;
                    if let Some(got) = sockets.receive(&mut bytes) {
                        break got;
                    }
                };
                assert_eq!((&bytes[..len], local), (b"question".as_slice(), candidate));
                let payload = b"answer".to_vec();
                sockets.send(&[Transmit { source: local, destination: source, payload }]);
                let (len, from) = client.recv_from(&mut bytes).await.unwrap();
                assert_eq!((&bytes[..len], from), (b"answer".as_slice(), candidate));
            }
        });
    }
}
