//! Bodies of the fuzz targets for code that handles unauthenticated peers: WebRTC, SRTP, TURN.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use codec_rtc::sframe::{self, Decryptor, Encryptor, Key};
use codec_rtc::srtp::{Protect, Suite, Unprotect};
use codec_webrtc::turn::{StreamReader, TurnClient, TurnConfig};
use codec_webrtc::{
    Certificate, ChannelSettings, ClosedReason, Direction, Event, Kind, LocalCandidate, MediaPlan,
    Peer, PeerConfig, SdpError,
};

static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);
static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| {
    let now = Duration::from_secs(1_800_000_000);
    Certificate::generate(&[1; 32], now, 30).expect("dates before 2050")
});

const ADDRESSES: [&str; 2] = ["10.0.0.1:5000", "10.0.0.2:6000"];

fn address(of: usize) -> SocketAddr {
    ADDRESSES[of].parse().expect("an address")
}

fn config(of: usize) -> PeerConfig {
    let secret = [u8::try_from(of).unwrap_or(0); 32];
    let mut config = PeerConfig::new(*BASE, secret, CERTIFICATE.clone());
    config.candidates.push(LocalCandidate::Host(address(of)));
    config.acknowledgements = true;
    config
}

fn offer() -> (Peer, String, codec_webrtc::PendingOffer) {
    let plan = |kind| MediaPlan {
        kind,
        direction: Direction::SendReceive,
        stream: None,
        layers: Vec::new(),
    };
    let media = [plan(Kind::Audio), plan(Kind::Video)];
    let channels = [ChannelSettings::reliable("data")];
    let offered = Peer::offer(&config(0), &media, &channels, Duration::ZERO);
    let (peer, sdp, pending, _) = offered.expect("an offer");
    (peer, sdp, pending)
}

/// A valid offer and its answer, as seeds.
#[must_use]
pub fn webrtc_sdp_seeds() -> [String; 2] {
    let (_, offer, _) = offer();
    let (_, answer) = Peer::answer(&offer, &config(1), Duration::ZERO).expect("an answer");
    [offer, answer]
}

/// An SDP, preceded by a byte that selects offer or answer. Returns whether it was accepted.
pub fn webrtc_sdp(data: &[u8]) -> bool {
    let Some((kind, sdp)) = data.split_first() else { return false };
    let sdp = String::from_utf8_lossy(sdp);
    let now = Duration::from_secs(1);
    let mut peer = if kind & 1 == 0 {
        match Peer::answer(&sdp, &config(1), now) {
            Ok((peer, answer)) => {
                assert!(answer.starts_with("v=0"));
                peer
            }
            Err(error) => {
                assert!(!matches!(error, SdpError::Internal(_)), "{error}");
                return false;
            }
        }
    } else {
        let (mut peer, offer, pending) = offer();
        if let Err(error) = peer.accept_answer(pending, &with_names_of(&offer, &sdp), now) {
            assert!(!matches!(error, SdpError::Internal(_)), "{error}");
            return false;
        }
        peer
    };
    let _ = peer.add_remote_candidate(&sdp, now);
    for second in 2..40 {
        peer.handle_timeout(Duration::from_secs(second));
        while peer.poll_transmit().is_some() {}
        while let Some(event) = peer.poll_event() {
            assert!(!matches!(event, Event::Closed(ClosedReason::Internal(_))), "{event:?}");
        }
    }
    assert!(peer.is_closed() && peer.poll_timeout().is_none(), "nobody answered");
    true
}

/// An answer with the media line names of an offer, which differ each time.
fn with_names_of(offer: &str, answer: &str) -> String {
    let names = |sdp: &str| -> Vec<String> {
        sdp.lines().filter_map(|line| line.strip_prefix("a=mid:")).map(str::to_owned).collect()
    };
    let mut text = answer.to_owned();
    for (old, new) in names(answer).iter().zip(names(offer)).filter(|(old, _)| !old.is_empty()) {
        text = text.replace(&format!("a=mid:{old}"), &format!("a=mid:{new}"));
        text = text.replace(&format!(" {old}"), &format!(" {new}"));
    }
    text
}

/// Number of inputs for one connected call: a handshake takes a hundred times as long as an input.
const USES: u32 = 200;

/// Datagrams of an input, each preceded by a control byte and its length in two little-endian
/// bytes. Bit 1 of the control byte selects the receiver; bit 2: from the address of the other end
/// instead of a stranger; bit 3: with the transaction id of the receiver's last connectivity check.
fn datagrams(data: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    let mut rest = data;
    while let Some(([how, low, high], tail)) = rest.split_first_chunk::<3>() {
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(tail.len());
        let (datagram, tail) = tail.split_at(len);
        found.push((*how, datagram));
        rest = tail;
    }
    found
}

/// Both ends of a call, without a network.
struct Pair {
    ends: [Peer; 2],
    now: Duration,
    /// The last connectivity check of each end.
    checks: [Vec<u8>; 2],
    uses: u32,
}

impl Pair {
    fn new() -> Self {
        let (first, sdp, pending) = offer();
        let (second, answer) = Peer::answer(&sdp, &config(1), Duration::ZERO).expect("an answer");
        let mut ends = [first, second];
        ends[0].accept_answer(pending, &answer, Duration::ZERO).expect("its answer");
        Self { ends, now: Duration::ZERO, checks: [const { Vec::new() }; 2], uses: 0 }
    }

    /// Advances by 20 ms: due work, and transfer of the datagrams that `passes` accepts.
    fn step(&mut self, passes: fn(&[u8]) -> bool) {
        self.now += Duration::from_millis(20);
        for at in [0, 1] {
            self.ends[at].handle_timeout(self.now);
            while self.ends[at].poll_event().is_some() {}
            while let Some(transmit) = self.ends[at].poll_transmit() {
                let payload = transmit.payload;
                if payload.starts_with(&[0, 1]) {
                    self.checks[at].clone_from(&payload);
                }
                if passes(&payload) {
                    let (from, to) = (transmit.source, transmit.destination);
                    self.ends[1 - at].handle_datagram(self.now, from, to, &payload);
                }
            }
        }
    }

    fn inject(&mut self, datagrams: &[(u8, &[u8])]) {
        for (how, datagram) in datagrams {
            let to = usize::from(how >> 1 & 1);
            let stranger = SocketAddr::from(([10, 9, 9, 9], 9));
            let source = if how & 4 != 0 { address(1 - to) } else { stranger };
            let mut datagram = datagram.to_vec();
            // Magic cookie and transaction id (RFC 8489, section 5).
            if how & 8 != 0
                && let (Some(place), Some(id)) =
                    (datagram.get_mut(4..20), self.checks[to].get(4..20))
            {
                place.copy_from_slice(id);
            }
            self.ends[to].handle_datagram(self.now, source, address(to), &datagram);
        }
    }

    fn is_connected(&self) -> bool {
        self.ends.iter().all(Peer::is_connected)
    }
}

thread_local! {
    static CONNECTED: RefCell<Option<Pair>> = const { RefCell::new(None) };
}

/// Sends `datagrams` to both ends of a connected call, which is reused for other inputs.
///
/// # Panics
/// If a datagram ends the call.
pub fn webrtc_datagrams(data: &[u8]) {
    let mut pair = CONNECTED.take().filter(|pair| pair.uses < USES).unwrap_or_else(|| {
        let mut pair = Pair::new();
        for _ in 0..100 {
            pair.step(|_| true);
        }
        assert!(pair.is_connected(), "connects without interference");
        pair
    });
    pair.uses += 1;
    pair.inject(&datagrams(data));
    for _ in 0..3 {
        pair.step(|_| true);
    }
    assert!(pair.is_connected(), "a datagram ends a call");
    CONNECTED.set(Some(pair));
}

/// Sends `datagrams` to both ends of a call before its handshake; only connectivity checks and
/// their answers pass between the ends.
///
/// # Panics
/// If a datagram ends the call, or datagrams of strangers prevent ICE from connecting.
pub fn webrtc_checks(data: &[u8]) {
    let is_stun = |datagram: &[u8]| datagram.first().is_some_and(|first| *first < 4);
    let datagrams = datagrams(data);
    let spoofed = datagrams.iter().any(|(how, _)| how & 4 != 0);
    let mut pair = Pair::new();
    for step in 0..50 {
        if step == 1 || step == 5 {
            pair.inject(&datagrams);
        }
        pair.step(is_stun);
        assert!(pair.ends.iter().all(|end| !end.is_closed()), "a datagram ends a call");
    }
    for end in &mut pair.ends {
        end.handle_timeout(Duration::from_secs(31));
        let closed = std::iter::from_fn(|| end.poll_event()).last();
        let Some(Event::Closed(reason)) = closed else { panic!("still open: {closed:?}") };
        let found = matches!(reason, ClosedReason::HandshakeTimeout { ice: true, .. });
        assert!(spoofed || found, "strangers prevent ICE from connecting: {reason}");
    }
}

/// An input for [`webrtc_datagrams`] and [`webrtc_checks`]: all kinds of answers to a check, and an
/// error response that begins with its integrity, to both ends from both addresses.
#[must_use]
pub fn webrtc_datagrams_seed() -> Vec<u8> {
    let mut seed = Vec::new();
    for kind in [[0x01, 0x01], [0x01, 0x11], [0x00, 0x01], [0x00, 0x11]] {
        let mut message = [kind, [0, 24]].concat();
        message.extend([0; 16]);
        message.extend([0, 8, 0, 20]);
        message.extend([0x55; 20]);
        for how in [8, 10, 12, 14] {
            seed.extend([how, 44, 0]);
            seed.extend_from_slice(&message);
        }
    }
    seed
}

/// Packets, each preceded by its length in two little-endian bytes, to a receiver with a key
/// unknown to the sender; the first byte selects the suite.
///
/// # Panics
/// If a packet is accepted, or changed although it is rejected.
pub fn srtp_unprotect(data: &[u8]) {
    let Some((choice, mut rest)) = data.split_first() else { return };
    let suite = Suite::ALL[usize::from(*choice) % Suite::ALL.len()];
    let material = vec![0xa7; suite.material_bytes()];
    let mut receiver = Unprotect::new(suite, &material).expect("the right length");
    let mut sender = Protect::new(suite, &material).expect("the right length");
    let mut follower = Unprotect::new(suite, &material).expect("the right length");
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_le_bytes(*head)).min(tail.len());
        let (packet, tail) = tail.split_at(len);
        rest = tail;
        let mut bytes = packet.to_vec();
        assert!(receiver.rtp(&mut bytes).is_err() && bytes == packet);
        assert!(receiver.rtcp(&mut bytes).is_err() && bytes == packet);
        // A receiver that gets all packets follows the numbers when they wrap; one that joins after
        // a wrap cannot (RFC 3711, section 3.3.1).
        if sender.rtp(&mut bytes).is_ok() {
            assert_eq!(follower.rtp(&mut bytes), Ok(()));
            assert_eq!(bytes, packet);
        }
        if sender.rtcp(&mut bytes).is_ok() {
            let mut other = Unprotect::new(suite, &material).expect("the right length");
            assert_eq!(other.rtcp(&mut bytes), Ok(()));
            assert_eq!(bytes, packet);
        }
    }
}

/// Datagrams as from a TURN server, each preceded by its length in two little-endian bytes.
///
/// # Panics
/// If a client accepts one without a valid key.
pub fn turn_client(data: &[u8]) {
    let server = address(1);
    let mut client = TurnClient::new(
        TurnConfig {
            server,
            local: address(0),
            credentials: Some(("user".into(), "password".into())),
            secret: [3; 32],
            lifetime: Duration::from_secs(600),
            is_stream: false,
        },
        Duration::ZERO,
    );
    // As from a server over TCP.
    let mut reader = StreamReader::default();
    for bytes in data.chunks(97) {
        reader.push(bytes);
        while let Ok(Some(message)) = reader.next_message() {
            client.handle_datagram(Duration::ZERO, server, &message);
        }
    }
    let mut rest = data;
    let mut now = Duration::ZERO;
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_le_bytes(*head)).min(tail.len());
        let (datagram, tail) = tail.split_at(len);
        rest = tail;
        // The number of the waiting request replaces the number of the datagram.
        let mut datagram = datagram.to_vec();
        if let (Some(request), Some(place)) = (client.poll_transmit(), datagram.get_mut(8..20)) {
            place.copy_from_slice(&request.payload[8..20]);
        }
        client.handle_datagram(now, server, &datagram);
        now += Duration::from_millis(100);
        client.handle_timeout(now);
        assert_eq!(client.relayed(), None);
    }
    while client.poll_transmit().is_some() {}
    while client.poll_event().is_some() {}
}

/// Frames, each preceded by its length in two little-endian bytes, to a decryptor with unknown
/// keys; the first byte selects the suite, the second the modification of our own frames.
///
/// # Panics
/// If a foreign or modified frame decrypts, one of our frames does not, or one decrypts twice.
pub fn sframe_open(data: &[u8]) {
    let [choice, change, rest @ ..] = data else { return };
    let mut rest = rest;
    let suite = sframe::Suite::ALL[usize::from(*choice) % sframe::Suite::ALL.len()];
    let key = |byte: u8| Key::new(suite, &[byte; 32]).expect("the right length");
    let mut decryptor = Decryptor::new();
    for id in 0..8 {
        decryptor.set_key(id, &key(0xa7)).expect("few keys");
    }
    decryptor.set_shared_key(&key(0xa8)).expect("one key");
    let mut encryptor =
        Encryptor::new((*choice).into(), &key(if *choice < 8 { 0xa7 } else { 0xa8 }))
            .expect("a key")
            .starting_at(u64::from(*change) << (choice % 32));
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_le_bytes(*head)).min(tail.len());
        let (frame, tail) = tail.split_at(len);
        rest = tail;
        assert!(decryptor.decrypt_video(frame).is_err(), "a foreign frame opens");
        assert!(decryptor.decrypt_audio(frame).is_err(), "a foreign packet opens");
        let _ = decryptor.decrypt(&[], frame);
        let is_key = change % 2 == 0;
        let Ok(encrypted) = encryptor.encrypt_video(is_key, frame) else { continue };
        let mut changed = encrypted.clone();
        let at = (len + usize::from(*change)) % changed.len();
        changed[at] ^= 1 << (change % 8);
        assert!(decryptor.decrypt_video(&changed).is_err(), "a changed frame opens");
        assert!(!decryptor.has_decrypted(&encrypted[1..]));
        assert_eq!(decryptor.decrypt_video(&encrypted), Ok((frame.to_vec(), is_key)));
        assert_eq!(decryptor.decrypt_video(&encrypted), Err(sframe::DecryptError::Replayed));
    }
}
