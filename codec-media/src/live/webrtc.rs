//! A WebRTC call with a server: one socket, and a session over HTTP (WHIP, WHEP).

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_backends::registry;
use codec_container::VideoTrack;
use codec_core::codec::{Bitrate, Codec};
use codec_net::clock::Clock;
use codec_net::error::NetError;
use codec_net::ice_server::IceLinks;
use codec_net::turn_allocation::{TurnAllocation, TurnDatagram, TurnSocket};
use codec_net::url::Url;
use codec_net::whip::{Answer, Client, Session};
use codec_net::{random, udp};
use codec_rtc::packet::h264::{Profile, ProfileLevelId};
use codec_webrtc::{
    Certificate, ClosedReason, Codecs, H264Profiles, LocalCandidate, MediaPlan, Peer, PeerConfig,
    Transmit,
};

use super::network;
use super::options::NetworkOptions;
use crate::failure::{Failure, Kind, Result};

/// Options of `whip://` and `whep://`.
const OPTIONS: &[&str] = &["insecure", "relay"];

/// Timeout from the answer to the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Maximum number of TURN servers of an answer that are used.
const MAX_RELAYS: usize = 4;

/// Validity of the certificate of a call.
const CERTIFICATE_DAYS: u32 = 30;

/// Maximum size of a datagram in bytes.
const DATAGRAM_BYTES: usize = 2048;

/// Longest time between two checks of a call.
const TICK: Duration = Duration::from_millis(5);
/// Shortest time between two checks of a call.
const MIN_WAIT: Duration = Duration::from_micros(250);

/// One end of a call, and its socket.
pub(super) struct Call {
    pub(super) peer: Peer,
    socket: UdpSocket,
    /// The local address that the remote end sends to.
    local: SocketAddr,
    /// Allocations on TURN servers.
    relays: Vec<TurnAllocation>,
    /// Whether only relayed candidates are used.
    relay_only: bool,
    /// Why other ICE servers of the answer are not used.
    unused: Vec<String>,
    /// Sent datagrams, and their bytes.
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

/// A call that has been answered.
pub(super) struct Answered {
    pub(super) call: Call,
    pub(super) receiver: Receiver,
    /// Deletes the session at the server when dropped.
    pub(super) session: Session,
    /// The server's SDP.
    pub(super) answer: String,
    /// The server's address.
    pub(super) server: SocketAddr,
}

impl Call {
    /// Sends queued datagrams. Errors of the system count as packet loss.
    pub(super) fn flush(&mut self, now: Duration) {
        while let Some(transmit) = self.peer.poll_transmit() {
            let mut relays = self.relays.iter_mut();
            if !relays.any(|relay| relay.send(now, &transmit)) && !self.relay_only {
                self.send(&transmit);
            }
        }
        while let Some(transmit) = self.relays.iter_mut().find_map(TurnAllocation::poll_transmit) {
            self.send(&transmit);
        }
    }

    fn send(&mut self, transmit: &Transmit) {
        if self.socket.send_to(&transmit.payload, transmit.destination).is_ok() {
            self.packets += 1;
            self.bytes += transmit.payload.len() as u64;
        }
    }

    /// Handles a datagram, if one arrived, and everything that is due.
    pub(super) fn advance(&mut self, now: Duration, came: Option<(SocketAddr, &[u8])>) {
        if let Some((from, bytes)) = came {
            self.receive(now, from, bytes);
        }
        for relay in &mut self.relays {
            if let Some(candidate) = relay.handle_timeout(now) {
                // An invalid candidate is ignored.
                let _ = self.peer.add_local_candidate(candidate, now);
            }
        }
        // Called even if the stack reports nothing due: while it probes the link it holds back the
        // last packet of a frame without a timeout.
        self.peer.handle_timeout(now);
    }

    fn receive(&mut self, now: Duration, from: SocketAddr, bytes: &[u8]) {
        for relay in &mut self.relays {
            match relay.handle_datagram(now, from, bytes) {
                TurnDatagram::NotFromServer => {}
                TurnDatagram::Handled => return,
                TurnDatagram::Relayed { from, relayed, payload } => {
                    return self.peer.handle_datagram(now, from, relayed, &payload);
                }
            }
        }
        if !self.relay_only {
            self.peer.handle_datagram(now, from, self.local, bytes);
        }
    }

    /// Maximum time to wait for a datagram.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let relays = self.relays.iter().filter_map(TurnAllocation::poll_timeout);
        let due = self.peer.poll_timeout().into_iter().chain(relays).min();
        let due = due.map_or(TICK, |due| due.saturating_sub(now));
        due.clamp(MIN_WAIT, TICK)
    }

    /// Describes why the call ended, with possible causes.
    pub(super) fn reason(&self, reason: &ClosedReason) -> String {
        let mut text = reason.to_string();
        if !self.unused.is_empty() {
            text.push_str("; unused ICE servers of the answer: ");
            text.push_str(&self.unused.join(", "));
        }
        for failure in self.relays.iter().filter_map(TurnAllocation::failure) {
            text.push_str("; cannot get a relay address from a TURN server: ");
            text.push_str(&failure);
        }
        text
    }

    /// Adds a candidate at the address of another route to the server. Returns whether the call can use it: allocations
    /// on TURN servers belong to the previous address.
    pub(super) fn move_to(&mut self, now: Duration, address: IpAddr) -> bool {
        if !self.relays.is_empty() {
            return false;
        }
        self.local.set_ip(address);
        self.peer.add_local_candidate(LocalCandidate::Host(self.local), now).is_ok()
    }

    /// The address of the route that the call uses.
    pub(super) fn address(&self) -> IpAddr {
        self.local.ip()
    }

    /// Ends the call.
    pub(super) fn close(&mut self, now: Duration) {
        self.peer.close(now);
        self.flush(now);
        for relay in &mut self.relays {
            relay.close(now);
        }
        self.flush(now);
    }
}

/// Receives the datagrams of a call.
pub(super) struct Receiver {
    socket: UdpSocket,
    buffer: Vec<u8>,
}

impl Receiver {
    /// Returns a datagram if one arrives within `timeout`.
    pub(super) fn next(&mut self, timeout: Duration) -> Option<(SocketAddr, &[u8])> {
        match udp::receive(&self.socket, &mut self.buffer, timeout) {
            Ok(Some((len, from))) => Some((from, self.buffer.get(..len)?)),
            Ok(None) => None,
            Err(_) => {
                // Possible when a network interface changes: avoid a busy loop.
                std::thread::sleep(timeout);
                None
            }
        }
    }
}

/// The codecs for receiving: those that this build decodes.
pub(super) fn received_codecs() -> Codecs {
    let has_h264 = registry::find_decoder(Codec::H264.name()).is_ok();
    let h264 = if has_h264 { H264Profiles::ALL } else { H264Profiles::NONE };
    let vp9 = registry::find_decoder(Codec::Vp9.name()).is_ok();
    Codecs { h264, vp9, ..audio_codecs() }
}

/// The codecs for sending a track: H.264 in its profile, or in one whose decoders also decode it.
pub(super) fn sent_codecs(track: Option<&VideoTrack>) -> Codecs {
    match track.map(|track| track.codec) {
        Some(Codec::H264) => {}
        Some(Codec::Vp9) => return Codecs { vp8: false, vp9: true, ..audio_codecs() },
        _ => return audio_codecs(),
    }
    let profile = h264_profile(track);
    let fitting = H264Profiles::ALL.iter().filter(|it| it.decodes(profile));
    let h264 = fitting.fold(H264Profiles::NONE, H264Profiles::with);
    Codecs { vp8: false, h264, ..audio_codecs() }
}

/// The profile of a track of H.264, by its codec configuration (ISO/IEC 14496-15, section 5.3.3.1);
/// Constrained Baseline if it is unknown.
pub(super) fn h264_profile(track: Option<&VideoTrack>) -> Profile {
    let bytes = track.and_then(|track| track.codec_private.get(1..)?.first_chunk());
    let id = bytes.and_then(|bytes| ProfileLevelId::from_bytes(*bytes)).unwrap_or_default();
    id.profile
}

fn audio_codecs() -> Codecs {
    Codecs { pcmu: false, pcma: false, ..Codecs::default() }
}

/// Why there is no call.
#[derive(Debug)]
pub(super) struct NoCall {
    pub(super) failure: Failure,
    /// The HTTP status of the server's response, if it rejected the offer.
    pub(super) status: Option<u16>,
}

impl From<Failure> for NoCall {
    fn from(failure: Failure) -> Self {
        Self { failure, status: None }
    }
}

/// Offers media to the server of a URL. `start` is the initial bandwidth estimate, if the link is to
/// be estimated.
pub(super) fn offer(
    url: &Url,
    args: &NetworkOptions,
    media: &[MediaPlan],
    codecs: Codecs,
    start: Option<Bitrate>,
    clock: Clock,
) -> std::result::Result<Answered, NoCall> {
    let usage = |error| Failure::usage(format!("invalid URL {url}: {error}"));
    url.check_options(OPTIONS).map_err(usage)?;
    url.switch("insecure").map_err(usage)?;
    let relay_only = url.switch("relay").map_err(usage)?;
    if args.netem.is_some() {
        let scheme = url.scheme();
        let why = format!("--netem cannot be used with {scheme}, only with rtp, srtp and udp");
        return Err(Failure::usage(why).into());
    }
    let ca = args.ca.as_deref().map(super::connection::read_pem).transpose()?;
    let client = Client::new(url, args.token.as_deref(), ca.as_deref());
    let client = client.map_err(|error| Failure::usage(error.to_string()))?;
    let failed = |error| Failure::new(Kind::Network, format!("cannot connect to {url}: {error}"));
    let server = url.resolve().map_err(failed)?;
    let (socket, local) = bind_towards(server).map_err(failed)?;
    let mut config = config(codecs, start, clock)?;
    config.candidates.extend((!relay_only).then_some(LocalCandidate::Host(local)));
    let (mut peer, sdp, pending, _) =
        Peer::offer(&config, media, &[], clock.now()).map_err(Failure::internal)?;
    let answer = client.offer(&sdp).map_err(|error| {
        let status = match error {
            NetError::Rejected { status, .. } => Some(status),
            _ => None,
        };
        NoCall { failure: network(&error), status }
    })?;
    let Answer { sdp, session, ice } = answer;
    let taken = peer.accept_answer(pending, &sdp, clock.now());
    taken.map_err(|error| {
        Failure::new(Kind::Network, format!("cannot accept the answer of {url}: {error}"))
    })?;
    let (relays, unused) = relays(&ice, local, ca.as_deref(), clock.now())?;
    if relay_only && relays.is_empty() {
        let why = if unused.is_empty() { "not found in the answer" } else { &unused.join(", ") };
        let message = format!("{url}: no usable TURN server: {why}");
        return Err(Failure::new(Kind::Network, message).into());
    }
    let receiving = socket.try_clone().map_err(Failure::internal)?;
    let receiver = Receiver { socket: receiving, buffer: vec![0; DATAGRAM_BYTES] };
    let (packets, bytes) = (0, 0);
    let mut call = Call { peer, socket, local, relays, relay_only, unused, packets, bytes };
    call.flush(clock.now());
    Ok(Answered { call, receiver, session, answer: sdp, server })
}

/// Allocates addresses on the TURN servers of an answer; records why others are not used.
///
/// Its STUN servers are not used: the remote end sees our public address from our packets.
fn relays(
    ice: &IceLinks,
    local: SocketAddr,
    roots: Option<&[u8]>,
    now: Duration,
) -> Result<(Vec<TurnAllocation>, Vec<String>)> {
    let mut unused: Vec<String> = ice.rejected.iter().map(ToString::to_string).collect();
    let mut relays = Vec::new();
    for server in &ice.servers {
        if server.credentials.is_none() {
            continue;
        }
        let uri = server.uri();
        if relays.len() >= MAX_RELAYS {
            unused.push(format!("{uri}: limit of {MAX_RELAYS} servers reached"));
            continue;
        }
        let address = match server.resolve(local.is_ipv4()) {
            Ok(address) => address,
            Err(error) => {
                unused.push(format!("{uri}: {error}"));
                continue;
            }
        };
        let socket = TurnSocket { announced: local, bound: local };
        match TurnAllocation::start(server, address, socket, roots, secret()?, now) {
            Ok(relay) => relays.push(relay),
            Err(error) => unused.push(format!("{uri}: {error}")),
        }
    }
    Ok((relays, unused))
}

/// Opens a socket, and returns the address of the route to the server.
///
/// The socket accepts datagrams at any address, because a server may send media from another
/// address than HTTP.
fn bind_towards(server: SocketAddr) -> std::io::Result<(UdpSocket, SocketAddr)> {
    let mut local = SocketAddr::new(route_to(server)?, 0);
    let any: IpAddr = if server.is_ipv4() {
        std::net::Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = udp::bind((any, 0).into())?;
    local.set_port(socket.local_addr()?.port());
    Ok((socket, local))
}

/// Returns the local address of the route to a server.
pub(super) fn route_to(server: SocketAddr) -> std::io::Result<IpAddr> {
    let route = UdpSocket::bind(udp::any_for(server))?;
    route.connect(server)?;
    Ok(route.local_addr()?.ip())
}

fn config(codecs: Codecs, start: Option<Bitrate>, clock: Clock) -> Result<PeerConfig> {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let certificate = Certificate::generate(&secret()?, unix, CERTIFICATE_DAYS);
    let certificate = certificate.map_err(Failure::internal)?;
    let mut config = PeerConfig::new(clock.instant(Duration::ZERO), secret()?, certificate);
    config.codecs = codecs;
    config.start_bitrate = start;
    config.limits.handshake = CONNECT_TIMEOUT;
    Ok(config)
}

fn secret() -> Result<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(Failure::internal)?;
    Ok(secret)
}

/// A random name that groups the media of one call.
pub(super) fn stream_name() -> String {
    format!("codec-{:016x}", random::number())
}
