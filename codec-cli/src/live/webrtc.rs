//! A call over WebRTC with a server: one socket, and a session over HTTP (WHIP, WHEP).

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_core::codec::Bitrate;
use codec_net::clock::Clock;
use codec_net::ice_server::IceLinks;
use codec_net::relaying::{Came, Relaying};
use codec_net::url::Url;
use codec_net::whip::{Answer, Client, Session};
use codec_net::{random, udp};
use codec_rtc::webrtc::{
    Certificate, ClosedReason, LocalCandidate, MediaPlan, Peer, PeerConfig, Transmit,
};

use super::network;
use crate::args::live::NetworkArgs;
use crate::failure::{Failure, Kind, Result};

/// Options of `whip://` and `whep://`.
const OPTIONS: &[&str] = &["insecure", "relay"];

/// Longest time from the answer to a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// TURN servers of an answer that are asked for an address.
const MOST_RELAYS: usize = 4;

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
    /// Addresses on TURN servers.
    relays: Vec<Relaying>,
    /// Nothing comes or goes by another way.
    relay_only: bool,
    /// Why other servers of the answer are not used.
    unused: Vec<String>,
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
    pub(super) fn flush(&mut self, now: Duration) {
        while let Some(transmit) = self.peer.poll_transmit() {
            let mut relays = self.relays.iter_mut();
            if !relays.any(|relay| relay.send(now, &transmit)) && !self.relay_only {
                self.send(&transmit);
            }
        }
        while let Some(transmit) = self.relays.iter_mut().find_map(Relaying::poll_transmit) {
            self.send(&transmit);
        }
    }

    fn send(&mut self, transmit: &Transmit) {
        if self.socket.send_to(&transmit.payload, transmit.destination).is_ok() {
            self.packets += 1;
            self.bytes += transmit.payload.len() as u64;
        }
    }

    /// Takes a datagram, if one came, and does what is due.
    pub(super) fn advance(&mut self, now: Duration, came: Option<(SocketAddr, &[u8])>) {
        if let Some((from, bytes)) = came {
            self.receive(now, from, bytes);
        }
        for relay in &mut self.relays {
            if let Some(candidate) = relay.tick(now) {
                // One that is no address to be reached at is of no use, and of no harm.
                let _ = self.peer.add_local_candidate(candidate, now);
            }
        }
        // Whether the stack says that something is due or not: while it probes the link it holds
        // the last packet of a frame back and does not say so.
        self.peer.handle_timeout(now);
    }

    fn receive(&mut self, now: Duration, from: SocketAddr, bytes: &[u8]) {
        for relay in &mut self.relays {
            match relay.receive(now, from, bytes) {
                Came::FromElsewhere => {}
                Came::Handled => return,
                Came::PassedOn { from, relayed, payload } => {
                    return self.peer.receive(now, from, relayed, &payload);
                }
            }
        }
        if !self.relay_only {
            self.peer.receive(now, from, self.local, bytes);
        }
    }

    /// How long a datagram may be waited for.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let relays = self.relays.iter().filter_map(Relaying::next_time);
        let due = self.peer.next_time().into_iter().chain(relays).min();
        let due = due.map_or(TICK, |due| due.saturating_sub(now));
        due.clamp(LEAST_WAIT, TICK)
    }

    /// Why the call is over, with what may be behind it.
    pub(super) fn reason(&self, reason: &ClosedReason) -> String {
        if self.unused.is_empty() {
            return reason.to_string();
        }
        format!("{reason}; ICE servers of the answer that are not used: {}", self.unused.join(", "))
    }

    /// Hangs up.
    pub(super) fn close(&mut self, now: Duration) {
        self.peer.close(now);
        self.flush(now);
        for relay in &mut self.relays {
            relay.close(now);
        }
        self.flush(now);
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
    let relay_only = url.switch("relay").map_err(usage)?;
    if args.netem.is_some() {
        let scheme = url.scheme();
        return Err(Failure::usage(format!("--netem is for rtp and udp, not for {scheme}")));
    }
    let ca = args.ca.as_deref().map(super::connection::read_pem).transpose()?;
    let client = Client::new(url, args.token.as_deref(), ca.as_deref());
    let client = client.map_err(|error| Failure::usage(error.to_string()))?;
    let failed = |error| Failure::new(Kind::Network, format!("{url}: {error}"));
    let server = url.resolve().map_err(failed)?;
    let (socket, local) = bind_towards(server).map_err(failed)?;
    let mut config = config(start, clock)?;
    config.candidates.extend((!relay_only).then_some(LocalCandidate::Host(local)));
    let (mut peer, sdp, pending, _) =
        Peer::offer(&config, media, &[], clock.now()).map_err(Failure::internal)?;
    let Answer { sdp, session, ice } = client.offer(&sdp).map_err(|error| network(&error))?;
    let taken = peer.accept_answer(pending, &sdp, clock.now());
    taken.map_err(|error| Failure::new(Kind::Network, format!("{url}: the answer: {error}")))?;
    let (relays, unused) = relays(&ice, local, clock.now())?;
    if relay_only && relays.is_empty() {
        let why = if unused.is_empty() { "the answer names none" } else { &unused.join(", ") };
        let message = format!("{url}: no TURN server that can be used: {why}");
        return Err(Failure::new(Kind::Network, message));
    }
    let receiving = socket.try_clone().map_err(Failure::internal)?;
    let receiver = Receiver { socket: receiving, buffer: vec![0; DATAGRAM_BYTES] };
    let (packets, bytes) = (0, 0);
    let mut call = Call { peer, socket, local, relays, relay_only, unused, packets, bytes };
    call.flush(clock.now());
    Ok(Answered { call, receiver, session, server })
}

/// Asks the TURN servers of an answer for addresses; says why others are not used.
///
/// Its STUN servers are not asked: whom this end sends to sees its outer address by itself.
fn relays(
    ice: &IceLinks,
    local: SocketAddr,
    now: Duration,
) -> Result<(Vec<Relaying>, Vec<String>)> {
    let mut unused: Vec<String> = ice.refused.iter().map(ToString::to_string).collect();
    let mut relays = Vec::new();
    for server in &ice.servers {
        let Some(credentials) = server.credentials.clone() else { continue };
        let uri = server.uri();
        if !server.relays_over_udp() {
            unused.push(format!("{uri}: spoken with over UDP alone"));
            continue;
        }
        if relays.len() >= MOST_RELAYS {
            unused.push(format!("{uri}: {MOST_RELAYS} are enough"));
            continue;
        }
        match server.resolve(local.is_ipv4()) {
            Ok(address) => {
                relays.push(Relaying::new(address, local, credentials, secret()?, now));
            }
            Err(error) => unused.push(format!("{uri}: {error}")),
        }
    }
    Ok((relays, unused))
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

fn config(start: Option<Bitrate>, clock: Clock) -> Result<PeerConfig> {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let certificate = Certificate::generate(&secret()?, unix, CERTIFICATE_DAYS);
    let certificate = certificate.map_err(Failure::internal)?;
    let mut config = PeerConfig::new(clock.instant(Duration::ZERO), secret()?, certificate);
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
