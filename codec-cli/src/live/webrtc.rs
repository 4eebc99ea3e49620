//! A call over WebRTC with a server: one socket, and a session over HTTP (WHIP, WHEP).

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_core::codec::Bitrate;
use codec_net::clock::Clock;
use codec_net::url::Url;
use codec_net::whip::{Client, Session};
use codec_net::{random, udp};
use codec_rtc::webrtc::{Certificate, LocalCandidate, MediaPlan, Peer, PeerConfig};

use super::network;
use crate::args::live::NetworkArgs;
use crate::failure::{Failure, Kind, Result};

/// Options of `whip://` and `whep://`.
const OPTIONS: &[&str] = &["insecure"];

/// Longest time from the answer to a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long the certificate of a call is good for.
const CERTIFICATE_DAYS: u32 = 30;

/// Bytes of the longest datagram.
const DATAGRAM_BYTES: usize = 2048;

/// Longest and least time until a call is looked at again.
const TICK: Duration = Duration::from_millis(5);
const LEAST_WAIT: Duration = Duration::from_micros(250);

/// One end of a call, and its socket.
pub(super) struct Call {
    pub(super) peer: Peer,
    socket: UdpSocket,
    /// What the other end sends to.
    local: SocketAddr,
    /// Datagrams that were sent, and their bytes.
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

/// A call that has been answered.
pub(super) struct Answered {
    pub(super) call: Call,
    pub(super) receiver: Receiver,
    /// Closed at the server when it is dropped.
    pub(super) session: Session,
    /// The server.
    pub(super) server: SocketAddr,
}

impl Call {
    /// Sends what is to leave. What the system refuses is lost, as it may be anywhere.
    pub(super) fn flush(&mut self) {
        while let Some(transmit) = self.peer.poll_transmit() {
            if self.socket.send_to(&transmit.payload, transmit.destination).is_ok() {
                self.packets += 1;
                self.bytes += transmit.payload.len() as u64;
            }
        }
    }

    /// Takes a datagram, if one came, and does what is due.
    pub(super) fn advance(&mut self, now: Duration, came: Option<(SocketAddr, &[u8])>) {
        if let Some((from, bytes)) = came {
            self.peer.receive(now, from, self.local, bytes);
        }
        // Whether the stack says that something is due or not: while it probes the link it holds
        // the last packet of a frame back and does not say so.
        self.peer.handle_timeout(now);
    }

    /// How long a datagram may be waited for.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let due = self.peer.next_time().map_or(TICK, |due| due.saturating_sub(now));
        due.clamp(LEAST_WAIT, TICK)
    }

    /// Hangs up.
    pub(super) fn close(&mut self, now: Duration) {
        self.peer.close(now);
        self.flush();
    }
}

/// Where the datagrams of a call come in.
pub(super) struct Receiver {
    socket: UdpSocket,
    buffer: Vec<u8>,
}

impl Receiver {
    /// A datagram, if one comes within `timeout`.
    pub(super) fn next(&mut self, timeout: Duration) -> Option<(SocketAddr, &[u8])> {
        match udp::receive(&self.socket, &mut self.buffer, timeout) {
            Ok(Some((len, from))) => Some((from, self.buffer.get(..len)?)),
            Ok(None) => None,
            Err(_) => {
                // As may be when an interface comes or goes: not in a circle without rest.
                std::thread::sleep(timeout);
                None
            }
        }
    }
}

/// Offers media to the server behind a URL. `start`: where the estimate of the link begins, if
/// there is to be one.
pub(super) fn offer(
    url: &Url,
    args: &NetworkArgs,
    media: &[MediaPlan],
    start: Option<Bitrate>,
    clock: Clock,
) -> Result<Answered> {
    let usage = |error| Failure::usage(format!("{url}: {error}"));
    url.check_options(OPTIONS).map_err(usage)?;
    url.switch("insecure").map_err(usage)?;
    if args.netem.is_some() {
        let scheme = url.scheme();
        return Err(Failure::usage(format!("--netem is for rtp and udp, not for {scheme}")));
    }
    let ca = args.ca.as_deref().map(super::ways::read_pem).transpose()?;
    let client = Client::new(url, args.token.as_deref(), ca.as_deref());
    let client = client.map_err(|error| Failure::usage(error.to_string()))?;
    let failed = |error| Failure::new(Kind::Network, format!("{url}: {error}"));
    let server = url.resolve().map_err(failed)?;
    let (socket, local) = bind_towards(server).map_err(failed)?;
    let config = config(local, start, clock)?;
    let (mut peer, sdp, pending, _) =
        Peer::offer(&config, media, &[], clock.now()).map_err(Failure::internal)?;
    let (answer, session) = client.offer(&sdp).map_err(|error| network(&error))?;
    let taken = peer.accept_answer(pending, &answer, clock.now());
    taken.map_err(|error| Failure::new(Kind::Network, format!("{url}: the answer: {error}")))?;
    let receiving = socket.try_clone().map_err(Failure::internal)?;
    let receiver = Receiver { socket: receiving, buffer: vec![0; DATAGRAM_BYTES] };
    let mut call = Call { peer, socket, local, packets: 0, bytes: 0 };
    call.flush();
    Ok(Answered { call, receiver, session, server })
}

/// A socket, and the address under which a server reaches it: that of the route to the server.
///
/// The socket itself takes what comes to any address, as media of a server may come from others
/// than HTTP does.
fn bind_towards(server: SocketAddr) -> std::io::Result<(UdpSocket, SocketAddr)> {
    let route = UdpSocket::bind(udp::any_for(server))?;
    route.connect(server)?;
    let mut local = SocketAddr::new(route.local_addr()?.ip(), 0);
    let any: std::net::IpAddr = if server.is_ipv4() {
        std::net::Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = udp::bind((any, 0).into())?;
    local.set_port(socket.local_addr()?.port());
    Ok((socket, local))
}

fn config(local: SocketAddr, start: Option<Bitrate>, clock: Clock) -> Result<PeerConfig> {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let certificate = Certificate::generate(&secret()?, unix, CERTIFICATE_DAYS);
    let certificate = certificate.map_err(Failure::internal)?;
    let mut config = PeerConfig::new(clock.instant(Duration::ZERO), secret()?, certificate);
    config.candidates = vec![LocalCandidate::Host(local)];
    config.codecs.pcmu = false;
    config.codecs.pcma = false;
    config.start_bitrate = start;
    config.limits.handshake = CONNECT_TIMEOUT;
    Ok(config)
}

fn secret() -> Result<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(Failure::internal)?;
    Ok(secret)
}

/// A name for what belongs together.
pub(super) fn stream_name() -> String {
    format!("codec-{:016x}", random::number())
}
