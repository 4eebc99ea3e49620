//! A relay of datagrams that behaves like a link of `codec_rtc::link`, in real time.
//!
//! It stands between peers that know nothing of it: clients send to its address, it sends on to
//! one address upstream, from a socket of its own for each client, and brings back what comes in
//! there. Each direction is a link with a seed of its own.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use codec_core::error::ConfigError;
use codec_rtc::link::{Link, LinkConfig};
use codec_rtc::rng::Rng;

use crate::clock::Clock;
use crate::udp;

/// Most clients at once; datagrams of others are dropped.
pub const MAX_CLIENTS: usize = 16;

/// Datagrams between the threads that read and the one that waits.
const QUEUE: usize = 4096;

/// How often threads that wait look whether they are to end.
const TICK: Duration = Duration::from_millis(50);

/// Time in which a datagram gets from one socket of this machine to another.
const SETTLE: Duration = Duration::from_millis(10);

/// Largest datagram, in bytes.
const MAX_DATAGRAM_BYTES: usize = 65_535;

/// What a relay is like.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayConfig {
    /// From clients to upstream.
    pub forward: LinkConfig,
    /// Back.
    pub backward: LinkConfig,
    /// Share of datagrams that enter the links twice, 0..=1.
    pub duplicates: f64,
    /// What randomness begins with.
    pub seed: u64,
}

impl RelayConfig {
    /// The same link both ways.
    #[must_use]
    pub fn symmetric(link: LinkConfig, seed: u64) -> Self {
        Self { forward: link.clone(), backward: link, duplicates: 0.0, seed }
    }
}

/// What became of datagrams in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectionStats {
    /// Datagrams that came.
    pub offered: u64,
    /// Datagrams that were sent on.
    pub delivered: u64,
    /// Datagrams that found no room in the link's queue.
    pub dropped_by_queue: u64,
    /// Datagrams lost on the way.
    pub lost: u64,
}

/// What became of datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayStats {
    /// From clients.
    pub forward: DirectionStats,
    /// To clients.
    pub backward: DirectionStats,
    /// Datagrams that this program was too slow for, or of too many clients.
    pub overload: u64,
    /// Datagrams are under way.
    pub is_busy: bool,
}

/// Why a relay cannot begin.
#[derive(Debug)]
pub enum RelayError {
    /// A socket.
    Io(io::Error),
    /// The link.
    Config(ConfigError),
}

impl std::fmt::Display for RelayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RelayError {}

impl From<io::Error> for RelayError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ConfigError> for RelayError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// A running relay; it ends when this is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stops: AtomicBool,
    stats: Mutex<RelayStats>,
    overload: AtomicU64,
}

impl Shared {
    fn stops(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }
}

/// A datagram and whose it is: the client's address, or the number of its socket.
enum Datagram {
    FromClient(SocketAddr, Vec<u8>),
    FromUpstream(usize, Vec<u8>),
}

impl Relay {
    /// Listens on `listen` (port 0: any) and sends on to `upstream`.
    ///
    /// # Errors
    /// If there is no socket, or a link is not possible.
    pub fn start(
        listen: SocketAddr,
        upstream: SocketAddr,
        config: &RelayConfig,
    ) -> Result<Self, RelayError> {
        let front = udp::bind(listen)?;
        let address = front.local_addr()?;
        let mut seeds = Rng::new(config.seed);
        let forward = Link::new(config.forward.clone(), seeds.next_u64())?;
        let backward = Link::new(config.backward.clone(), seeds.next_u64())?;
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = sync_channel(QUEUE);
        let reader = spawn_reader(front.try_clone()?, Arc::clone(&shared), sender.clone(), None)?;
        let mut worker = Worker {
            front,
            upstream,
            clients: HashMap::new(),
            back: Vec::new(),
            forward: Direction::new(forward, Rng::stream(config.seed, 11), config.duplicates),
            backward: Direction::new(backward, Rng::stream(config.seed, 12), config.duplicates),
            clock: Clock::start(),
            shared: Arc::clone(&shared),
            sender,
            readers: Vec::new(),
        };
        let name = thread::Builder::new().name("relay".to_owned());
        let worker = name.spawn(move || worker.run(&receiver))?;
        Ok(Self { address, shared, threads: vec![reader, worker] })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until nothing is under way, at most for `timeout`.
    pub fn drain(&self, timeout: Duration) {
        let clock = Clock::start();
        // What was sent a moment ago may not have been read yet.
        thread::sleep(SETTLE);
        while self.stats().is_busy && clock.now() < timeout {
            thread::sleep(SETTLE);
        }
    }

    /// What became of datagrams so far.
    #[must_use]
    pub fn stats(&self) -> RelayStats {
        let stats = *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner);
        RelayStats { overload: self.shared.overload.load(Ordering::Relaxed), ..stats }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Reads datagrams from the front socket, or from that of client `back`, until the relay ends.
fn spawn_reader(
    socket: UdpSocket,
    shared: Arc<Shared>,
    sender: SyncSender<Datagram>,
    back: Option<usize>,
) -> io::Result<JoinHandle<()>> {
    socket.set_read_timeout(Some(TICK))?;
    thread::Builder::new().name("relay-read".to_owned()).spawn(move || {
        let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
        while !shared.stops() {
            // Time-outs, and what ICMP says of datagrams sent before, are no end.
            let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
            let bytes = buffer.get(..len).unwrap_or_default().to_vec();
            let datagram = match back {
                Some(index) => Datagram::FromUpstream(index, bytes),
                None => Datagram::FromClient(from, bytes),
            };
            match sender.try_send(datagram) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    shared.overload.fetch_add(1, Ordering::Relaxed);
                }
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    })
}

/// One direction: packets are numbers of clients with what they sent.
struct Direction {
    link: Link<(usize, Vec<u8>)>,
    rng: Rng,
    duplicates: f64,
    delivered: u64,
}

impl Direction {
    fn new(link: Link<(usize, Vec<u8>)>, rng: Rng, duplicates: f64) -> Self {
        Self { link, rng, duplicates, delivered: 0 }
    }

    fn send(&mut self, now: Duration, client: usize, bytes: Vec<u8>) {
        let len = bytes.len();
        if self.duplicates > 0.0 && self.rng.unit() < self.duplicates {
            self.link.send(now, len, (client, bytes.clone()));
        }
        self.link.send(now, len, (client, bytes));
    }

    fn stats(&self) -> DirectionStats {
        let link = self.link.stats();
        DirectionStats {
            offered: link.offered_packets,
            delivered: self.delivered,
            dropped_by_queue: link.dropped_packets,
            lost: link.lost_packets,
        }
    }
}

/// The thread that owns the links.
struct Worker {
    front: UdpSocket,
    upstream: SocketAddr,
    clients: HashMap<SocketAddr, usize>,
    back: Vec<(SocketAddr, UdpSocket)>,
    forward: Direction,
    backward: Direction,
    clock: Clock,
    shared: Arc<Shared>,
    sender: SyncSender<Datagram>,
    readers: Vec<JoinHandle<()>>,
}

impl Worker {
    fn run(&mut self, receiver: &Receiver<Datagram>) {
        while !self.shared.stops() {
            let now = self.clock.now();
            let next = [self.forward.link.next_time(), self.backward.link.next_time()];
            let next = next.into_iter().flatten().min();
            let wait = next.map_or(TICK, |due| due.saturating_sub(now).min(TICK));
            match receiver.recv_timeout(wait) {
                Ok(datagram) => self.take(datagram),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.deliver();
            let mut stats = self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner);
            stats.forward = self.forward.stats();
            stats.backward = self.backward.stats();
            let next = [self.forward.link.next_time(), self.backward.link.next_time()];
            stats.is_busy = next.iter().any(Option::is_some);
            drop(stats);
            self.forward.link.forget_times();
            self.backward.link.forget_times();
        }
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }

    fn take(&mut self, datagram: Datagram) {
        let now = self.clock.now();
        match datagram {
            Datagram::FromClient(from, bytes) => match self.client(from) {
                Some(client) => self.forward.send(now, client, bytes),
                None => {
                    self.shared.overload.fetch_add(1, Ordering::Relaxed);
                }
            },
            Datagram::FromUpstream(client, bytes) => self.backward.send(now, client, bytes),
        }
    }

    /// The number of the client at an address; a new one gets a socket.
    fn client(&mut self, from: SocketAddr) -> Option<usize> {
        if let Some(&client) = self.clients.get(&from) {
            return Some(client);
        }
        if self.back.len() >= MAX_CLIENTS {
            return None;
        }
        let socket = udp::bind(udp::any_for(self.upstream)).ok()?;
        socket.connect(self.upstream).ok()?;
        let client = self.back.len();
        let (shared, sender) = (Arc::clone(&self.shared), self.sender.clone());
        let reader = spawn_reader(socket.try_clone().ok()?, shared, sender, Some(client)).ok()?;
        self.readers.push(reader);
        self.back.push((from, socket));
        self.clients.insert(from, client);
        Some(client)
    }

    /// Sends on what has arrived. Errors of sockets are losses.
    fn deliver(&mut self) {
        let now = self.clock.now();
        while let Some(arrival) = self.forward.link.poll(now) {
            let (client, bytes) = arrival.packet;
            if let Some((_, socket)) = self.back.get(client) {
                self.forward.delivered += u64::from(socket.send(&bytes).is_ok());
            }
        }
        while let Some(arrival) = self.backward.link.poll(now) {
            let (client, bytes) = arrival.packet;
            if let Some((address, _)) = self.back.get(client) {
                let sent = self.front.send_to(&bytes, address);
                self.backward.delivered += u64::from(sent.is_ok());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    fn config(text: &str) -> RelayConfig {
        let link = text.parse::<codec_rtc::link::LinkSpec>().unwrap().constant().unwrap();
        RelayConfig::symmetric(link, 7)
    }

    #[test]
    fn datagrams_go_there_and_back_after_the_delay() {
        let upstream = socket();
        let listen = "127.0.0.1:0".parse().unwrap();
        let relay =
            Relay::start(listen, upstream.local_addr().unwrap(), &config("delay=30ms")).unwrap();
        let clients = [socket(), socket()];
        let begin = Instant::now();
        for (number, client) in (0..).zip(&clients) {
            client.send_to(&[number], relay.address()).unwrap();
        }
        let mut buffer = [0; 100];
        for _ in &clients {
            let (len, from) = upstream.recv_from(&mut buffer).unwrap();
            assert!(begin.elapsed() >= Duration::from_millis(30));
            upstream.send_to(&buffer[..len], from).unwrap();
        }
        for (number, client) in (0..).zip(&clients) {
            assert_eq!((client.recv(&mut buffer).unwrap(), buffer[0]), (1, number));
        }
        assert!(begin.elapsed() >= Duration::from_millis(60));
        let stats = relay.stats();
        assert_eq!((stats.forward.offered, stats.forward.delivered), (2, 2));
    }

    #[test]
    fn losses_are_those_of_the_seed() {
        let lost = || {
            let upstream = socket();
            let listen = "127.0.0.1:0".parse().unwrap();
            let address = upstream.local_addr().unwrap();
            let relay = Relay::start(listen, address, &config("loss=30%")).unwrap();
            let client = socket();
            for number in 0..100 {
                client.send_to(&[number], relay.address()).unwrap();
            }
            while relay.stats().forward.offered < 100 {
                thread::sleep(Duration::from_millis(5));
            }
            relay.stats().forward.lost
        };
        let first = lost();
        assert!((10..60).contains(&first), "{first}");
        assert_eq!(first, lost());
    }

    #[test]
    fn a_link_that_cannot_be_is_refused() {
        let mut bad = config("delay=1ms");
        bad.forward.delay = Duration::from_secs(100);
        let any = "127.0.0.1:0".parse().unwrap();
        assert!(matches!(Relay::start(any, any, &bad), Err(RelayError::Config(_))));
    }
}
