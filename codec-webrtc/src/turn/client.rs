//! TURN client state machine for one allocation.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use md5::{Digest as _, Md5};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::message::{self, Class, Message, Transaction, Writer, attribute, method};
use super::{TurnConfig, TurnEvent, TurnFailure};
use crate::Transmit;

/// Initial retransmission timeout of requests, doubled each time (RFC 8489, section 6.2.1).
const FIRST_RETRANSMISSION: Duration = Duration::from_millis(500);
/// Number of transmissions of a request.
const MAX_ATTEMPTS: u32 = 7;
/// Time for the response to a request over a byte stream (RFC 8489, section 6.2.2).
const STREAM_TIMEOUT: Duration = Duration::from_millis(39_500);
/// Refresh interval of channels: a channel lasts 10 minutes, its permission 5 (RFC 8656, section
/// 12).
const CHANNEL_REFRESH: Duration = Duration::from_secs(240);
/// Maximum number of peers of the allocation.
const MAX_PEERS: u16 = 32;
/// Maximum number of queued datagrams, and of events.
const MAX_QUEUE: usize = 1024;
/// Maximum number of pending requests.
const MAX_REQUESTS: usize = 64;
/// Maximum size of a relayed datagram in bytes.
const MAX_DATAGRAM_BYTES: usize = 2048;
/// Maximum length of realm and nonce in bytes (RFC 8489, sections 14.9 and 14.10).
const MAX_TEXT_BYTES: usize = 763;
/// Maximum number of consecutive nonce changes by the server.
const MAX_NONCES: u32 = 5;

/// A datagram from the network, after [`TurnClient::handle_datagram`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// Message of the server itself, already handled.
    Handled,
    /// Data of a peer, relayed by the server.
    Data {
        /// Address of the peer that sent it to the relayed address.
        from: SocketAddr,
        /// The data.
        payload: Vec<u8>,
    },
    /// Not from the server, or invalid.
    Unrelated,
}

/// Counters of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received through the relay.
    pub received: u64,
    /// Datagrams sent through the relay.
    pub sent: u64,
    /// Datagrams from the server's address that are not authentic, not expected or malformed.
    pub rejected: u64,
    /// Datagrams and events dropped because they were not polled in time, or because there are too
    /// many peers.
    pub overflowed: u64,
}

/// A pending request.
#[derive(Debug)]
struct Request {
    transaction: Transaction,
    purpose: Purpose,
    bytes: Vec<u8>,
    attempts: u32,
    due: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Binding,
    Allocate,
    Refresh,
    Release,
    Channel(u16),
}

#[derive(Debug)]
struct Peer {
    address: SocketAddr,
    number: u16,
    bound: bool,
    refresh: Duration,
}

/// Credentials for requests, as required by the server.
struct Credentials {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: Zeroizing<[u8; 16]>,
}

/// Client of one TURN or STUN server.
///
/// # Call order
///
/// Inputs are [`Self::handle_datagram`], [`Self::send`] and [`Self::handle_timeout`]. After each
/// input, call [`Self::poll_transmit`] and [`Self::poll_event`] until both return `None`; then wait
/// for the next input, at the latest until [`Self::poll_timeout`], and call
/// [`Self::handle_timeout`] then.
///
/// ```
/// use std::time::Duration;
/// use codec_webrtc::turn::{TurnClient, TurnConfig};
///
/// let config = TurnConfig {
///     server: "192.0.2.10:3478".parse()?,
///     local: "192.0.2.1:5000".parse()?,
///     credentials: Some(("user".to_owned(), "password".to_owned())),
///     secret: [7; 32], // random bytes of the operating system
///     lifetime: Duration::from_secs(600),
///     is_stream: false,
/// };
/// let mut client = TurnClient::new(config, Duration::ZERO);
/// client.handle_timeout(Duration::ZERO);
/// let request = client.poll_transmit().expect("a request for an allocation");
/// assert_eq!((request.destination.port(), request.payload[1]), (3478, 3));
/// assert!(client.poll_timeout().is_some()); // for the retransmission
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub struct TurnClient {
    config: TurnConfig,
    now: Duration,
    credentials: Option<Credentials>,
    relayed: Option<SocketAddr>,
    refresh: Option<Duration>,
    expires: Duration,
    peers: Vec<Peer>,
    requests: Vec<Request>,
    transactions: u64,
    nonces: u32,
    over: bool,
    transmits: VecDeque<Transmit>,
    events: VecDeque<TurnEvent>,
    counters: Counters,
}

impl std::fmt::Debug for TurnClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnClient")
            .field("config", &self.config)
            .field("relayed", &self.relayed)
            .field("peers", &self.peers)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl TurnClient {
    /// Creates a client and queues its first request.
    #[must_use]
    pub fn new(config: TurnConfig, now: Duration) -> Self {
        let purpose =
            if config.credentials.is_some() { Purpose::Allocate } else { Purpose::Binding };
        let mut client = Self {
            config,
            now,
            credentials: None,
            relayed: None,
            refresh: None,
            expires: Duration::MAX,
            peers: Vec::new(),
            requests: Vec::new(),
            transactions: 0,
            nonces: 0,
            over: false,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
        };
        client.request(purpose);
        client
    }

    /// The relayed address, once allocated.
    #[must_use]
    pub fn relayed(&self) -> Option<SocketAddr> {
        self.relayed
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Returns the next datagram to send to the server.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<TurnEvent> {
        self.events.pop_front()
    }

    /// Deadline of [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let requests = self.requests.iter().map(|request| request.due);
        let peers = self.peers.iter().map(|peer| peer.refresh);
        let relayed = self.relayed.map(|_| self.expires);
        requests.chain(peers).chain(self.refresh).chain(relayed).min()
    }

    /// Retransmits requests, and refreshes the allocation and channels.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.now = self.now.max(now);
        let now = self.now;
        let mut expired = Vec::new();
        let mut again = Vec::new();
        for request in &mut self.requests {
            if request.due > now {
                continue;
            }
            if request.attempts >= MAX_ATTEMPTS {
                expired.push((request.transaction, request.purpose));
                continue;
            }
            request.due = now.saturating_add(FIRST_RETRANSMISSION * (1 << request.attempts));
            request.attempts += 1;
            again.push(request.bytes.clone());
        }
        for bytes in again {
            self.transmit(bytes);
        }
        for (transaction, purpose) in expired {
            self.requests.retain(|request| request.transaction != transaction);
            self.fail(purpose, TurnFailure::Timeout);
        }
        if self.refresh.is_some_and(|at| at <= now) {
            self.refresh = None;
            self.request(Purpose::Refresh);
        }
        if self.relayed.is_some() && self.expires <= now {
            self.end(TurnFailure::Timeout);
        }
        let due: Vec<u16> =
            self.peers.iter().filter(|peer| peer.refresh <= now).map(|peer| peer.number).collect();
        for number in due {
            self.bind(number);
        }
    }

    /// Processes a datagram received on the socket.
    pub fn handle_datagram(
        &mut self,
        now: Duration,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Inbound {
        self.now = self.now.max(now);
        if source != self.config.server {
            return Inbound::Unrelated;
        }
        if let Some((number, data)) = message::parse_channel_data(datagram) {
            let peer = self.peers.iter().find(|peer| peer.number == number);
            let Some(from) = peer.map(|peer| peer.address) else { return self.reject() };
            self.counters.received += 1;
            return Inbound::Data { from, payload: data.to_vec() };
        }
        let Some(message) = Message::parse(datagram) else { return Inbound::Unrelated };
        if message.class == Class::Indication {
            return self.indication(message);
        }
        let at = self.requests.iter().position(|it| it.transaction == message.transaction);
        let Some(purpose) = at.and_then(|at| self.requests.get(at)).map(|it| it.purpose) else {
            return self.reject();
        };
        match message.class {
            Class::Success => {
                let key = self.credentials.as_ref().map(|login| &login.key);
                let unsigned = purpose == Purpose::Binding;
                if !unsigned && !key.is_some_and(|key| message.is_signed_with(&key[..])) {
                    return self.reject();
                }
                self.requests.retain(|request| request.transaction != message.transaction);
                self.success(purpose, message);
            }
            Class::Error => {
                self.requests.retain(|request| request.transaction != message.transaction);
                self.error(purpose, message);
            }
            Class::Request | Class::Indication => return self.reject(),
        }
        Inbound::Handled
    }

    /// Sends a datagram to `to` from the relayed address. Returns `false` if there is no relayed
    /// address, or there are too many peers.
    pub fn send(&mut self, now: Duration, to: SocketAddr, payload: &[u8]) -> bool {
        self.now = self.now.max(now);
        let Some(relayed) = self.relayed else { return false };
        if relayed.is_ipv4() != to.is_ipv4() || payload.len() > MAX_DATAGRAM_BYTES {
            return false;
        }
        let known = self.peers.iter().find(|peer| peer.address == to);
        let (number, bound) = match known {
            Some(peer) => (peer.number, peer.bound),
            None => {
                let count = u16::try_from(self.peers.len()).unwrap_or(u16::MAX);
                if count >= MAX_PEERS {
                    self.counters.overflowed += 1;
                    return false;
                }
                let number = 0x4000 + count;
                let refresh = Duration::MAX;
                self.peers.push(Peer { address: to, number, bound: false, refresh });
                // The ChannelBind request also creates the permission, and arrives first.
                self.bind(number);
                (number, false)
            }
        };
        let bytes = if bound {
            message::channel_data(number, payload)
        } else {
            let transaction = self.transaction();
            let indication = Writer::new(Class::Indication, method::SEND, transaction)
                .address(attribute::XOR_PEER_ADDRESS, to)
                .attribute(attribute::DATA, payload);
            Some(indication.done())
        };
        let Some(bytes) = bytes else { return false };
        self.counters.sent += 1;
        self.transmit(bytes);
        true
    }

    /// Releases the allocation.
    pub fn close(&mut self, now: Duration) {
        self.now = self.now.max(now);
        self.requests.clear();
        self.peers.clear();
        self.refresh = None;
        self.over = true;
        if self.relayed.take().is_some() {
            self.request(Purpose::Release);
        }
    }

    fn indication(&mut self, message: Message<'_>) -> Inbound {
        let from = message.get_address(attribute::XOR_PEER_ADDRESS);
        let data = message.get(attribute::DATA);
        let (Some(from), Some(data), method::DATA) = (from, data, message.method) else {
            return self.reject();
        };
        // Only peers with a permission may send (RFC 8656, section 11.4).
        if !self.peers.iter().any(|peer| peer.address.ip() == from.ip()) {
            return self.reject();
        }
        self.counters.received += 1;
        Inbound::Data { from, payload: data.to_vec() }
    }

    fn success(&mut self, purpose: Purpose, message: Message<'_>) {
        self.nonces = 0;
        match purpose {
            Purpose::Binding => match message.get_address(attribute::XOR_MAPPED_ADDRESS) {
                Some(mapped) => self.event(TurnEvent::Mapped(mapped)),
                None => self.end(TurnFailure::Rejected { code: 0, reason: String::new() }),
            },
            Purpose::Allocate => {
                let Some(relayed) = message.get_address(attribute::XOR_RELAYED_ADDRESS) else {
                    self.end(TurnFailure::Rejected { code: 0, reason: String::new() });
                    return;
                };
                self.relayed = Some(relayed);
                self.set_lifetime(message);
                if let Some(mapped) = message.get_address(attribute::XOR_MAPPED_ADDRESS) {
                    self.event(TurnEvent::Mapped(mapped));
                }
                self.event(TurnEvent::Allocated(relayed));
            }
            Purpose::Refresh => self.set_lifetime(message),
            Purpose::Release => {}
            Purpose::Channel(number) => {
                let refresh = self.now.saturating_add(CHANNEL_REFRESH);
                if let Some(peer) = self.peers.iter_mut().find(|peer| peer.number == number) {
                    peer.bound = true;
                    peer.refresh = refresh;
                }
            }
        }
    }

    /// Sets the lifetime of the allocation from the response; it is refreshed a minute before its
    /// end, or after half of it.
    fn set_lifetime(&mut self, message: Message<'_>) {
        let seconds = message.get_u32(attribute::LIFETIME).unwrap_or(600).clamp(10, 3600);
        let lifetime = Duration::from_secs(seconds.into());
        let early = lifetime.saturating_sub(Duration::from_secs(60)).max(lifetime / 2);
        self.expires = self.now.saturating_add(lifetime);
        self.refresh = Some(self.now.saturating_add(early));
    }

    fn error(&mut self, purpose: Purpose, message: Message<'_>) {
        let (code, reason) = message.error();
        let login = (message.get(attribute::REALM), message.get(attribute::NONCE));
        let first = code == 401 && self.credentials.is_none();
        if let (true, (Some(realm), Some(nonce))) = (first || code == 438, login) {
            self.nonces += 1;
            if self.nonces <= MAX_NONCES
                && realm.len() <= MAX_TEXT_BYTES
                && nonce.len() <= MAX_TEXT_BYTES
            {
                self.authenticate(realm, nonce);
                self.request(purpose);
                return;
            }
        }
        self.fail(purpose, TurnFailure::Rejected { code, reason });
    }

    /// Computes the key from user name, realm and password (RFC 8489, section 9.2.2).
    fn authenticate(&mut self, realm: &[u8], nonce: &[u8]) {
        let Some((user, password)) = &self.config.credentials else { return };
        let hash = Md5::new()
            .chain_update(user)
            .chain_update(b":")
            .chain_update(realm)
            .chain_update(b":")
            .chain_update(password);
        let key = Zeroizing::new(hash.finalize().into());
        self.credentials = Some(Credentials { realm: realm.to_vec(), nonce: nonce.to_vec(), key });
    }

    fn fail(&mut self, purpose: Purpose, failure: TurnFailure) {
        match purpose {
            // Data continues as indications; the next refresh retries.
            Purpose::Channel(number) => {
                let refresh = self.now.saturating_add(Duration::from_secs(30));
                if let Some(peer) = self.peers.iter_mut().find(|peer| peer.number == number) {
                    peer.bound = false;
                    peer.refresh = refresh;
                }
            }
            Purpose::Release => {}
            Purpose::Binding | Purpose::Allocate | Purpose::Refresh => self.end(failure),
        }
    }

    fn end(&mut self, failure: TurnFailure) {
        if self.over {
            return;
        }
        self.over = true;
        self.relayed = None;
        self.refresh = None;
        self.peers.clear();
        self.requests.clear();
        self.event(TurnEvent::Failed(failure));
    }

    fn bind(&mut self, number: u16) {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.number == number) {
            peer.refresh = Duration::MAX;
            self.request(Purpose::Channel(number));
        }
    }

    /// Creates and sends a request.
    fn request(&mut self, purpose: Purpose) {
        if self.requests.len() >= MAX_REQUESTS {
            self.counters.overflowed += 1;
            return;
        }
        let transaction = self.transaction();
        let request = |method| Writer::new(Class::Request, method, transaction);
        let lifetime = |seconds: u64| u32::try_from(seconds).unwrap_or(3600).to_be_bytes();
        let writer = match purpose {
            Purpose::Binding => request(method::BINDING),
            Purpose::Allocate => {
                let family = if self.config.local.is_ipv4() { 1 } else { 2 };
                let writer = request(method::ALLOCATE)
                    // Protocol number of UDP.
                    .attribute(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])
                    .attribute(attribute::LIFETIME, &lifetime(self.config.lifetime.as_secs()));
                if family == 1 {
                    writer
                } else {
                    writer.attribute(attribute::REQUESTED_ADDRESS_FAMILY, &[family, 0, 0, 0])
                }
            }
            Purpose::Refresh => request(method::REFRESH)
                .attribute(attribute::LIFETIME, &lifetime(self.config.lifetime.as_secs())),
            Purpose::Release => {
                request(method::REFRESH).attribute(attribute::LIFETIME, &lifetime(0))
            }
            Purpose::Channel(number) => {
                let Some(peer) = self.peers.iter().find(|peer| peer.number == number) else {
                    return;
                };
                let [high, low] = number.to_be_bytes();
                request(method::CHANNEL_BIND)
                    .attribute(attribute::CHANNEL_NUMBER, &[high, low, 0, 0])
                    .address(attribute::XOR_PEER_ADDRESS, peer.address)
            }
        };
        let bytes = match (&self.credentials, &self.config.credentials) {
            (Some(login), Some((user, _))) => writer
                .attribute(attribute::USERNAME, user.as_bytes())
                .attribute(attribute::REALM, &login.realm)
                .attribute(attribute::NONCE, &login.nonce)
                .signed(&login.key[..]),
            _ => writer.done(),
        };
        let (attempts, wait) = if self.config.is_stream {
            (MAX_ATTEMPTS, STREAM_TIMEOUT)
        } else {
            (1, FIRST_RETRANSMISSION)
        };
        let (due, sent) = (self.now.saturating_add(wait), bytes.clone());
        self.requests.push(Request { transaction, purpose, bytes, attempts, due });
        self.transmit(sent);
    }

    /// Returns an unpredictable transaction id.
    fn transaction(&mut self) -> Transaction {
        self.transactions += 1;
        let hash = Sha256::new()
            .chain_update(self.config.secret)
            .chain_update(self.transactions.to_be_bytes())
            .finalize();
        hash.first_chunk().copied().unwrap_or_default()
    }

    fn transmit(&mut self, mut payload: Vec<u8>) {
        if self.config.is_stream {
            payload.resize(payload.len().next_multiple_of(4), 0);
        }
        if self.transmits.len() >= MAX_QUEUE {
            self.transmits.pop_front();
            self.counters.overflowed += 1;
        }
        let (source, destination) = (self.config.local, self.config.server);
        self.transmits.push_back(Transmit { source, destination, payload });
    }

    fn event(&mut self, event: TurnEvent) {
        if self.events.len() < MAX_QUEUE {
            self.events.push_back(event);
        }
    }

    fn reject(&mut self) -> Inbound {
        self.counters.rejected += 1;
        Inbound::Unrelated
    }
}
