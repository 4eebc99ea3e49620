//! Emulates a link of `codec_rtc::link` in real time, in front of a UDP service.
//!
//! It is transparent to both endpoints: clients send to its address, and it forwards their
//! datagrams to one upstream address, from a separate socket for each client. Datagrams that arrive
//! at that socket are sent back to the client. Each direction is a link with its own random seed.

mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use codec_core::error::ConfigError;
use codec_rtc::link::{Link, LinkConfig};
use codec_rtc::rng::Rng;

use crate::clock::Clock;
use crate::udp;
use worker::{Direction, Shared, Worker, spawn_reader};

/// Maximum number of concurrent clients; datagrams of others are dropped.
pub const MAX_CLIENTS: usize = 16;

/// Maximum number of datagrams queued between the reading threads and the worker.
const QUEUE: usize = 4096;

/// Time for a datagram to pass between two local sockets.
const SETTLE: Duration = Duration::from_millis(10);

/// The configuration of a [`LinkEmulator`].
#[derive(Clone, Debug, PartialEq)]
pub struct LinkEmulatorConfig {
    /// The link from clients to upstream.
    pub forward: LinkConfig,
    /// The link from upstream to clients.
    pub backward: LinkConfig,
    /// Share of datagrams that are duplicated before the links, 0..=1.
    pub duplicates: f64,
    /// The seed of all randomness.
    pub seed: u64,
}

impl LinkEmulatorConfig {
    /// Uses the same link in both directions.
    #[must_use]
    pub fn symmetric(link: LinkConfig, seed: u64) -> Self {
        Self { forward: link.clone(), backward: link, duplicates: 0.0, seed }
    }
}

/// Counters of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectionStats {
    /// Received datagrams.
    pub offered: u64,
    /// Forwarded datagrams.
    pub delivered: u64,
    /// Datagrams dropped by the link's queue.
    pub dropped_by_queue: u64,
    /// Datagrams lost by the link.
    pub lost: u64,
}

/// Counters of a [`LinkEmulator`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkEmulatorStats {
    /// From clients.
    pub forward: DirectionStats,
    /// To clients.
    pub backward: DirectionStats,
    /// Datagrams dropped because the emulator was too slow, or had too many clients.
    pub overload: u64,
    /// Whether datagrams are in flight.
    pub is_busy: bool,
}

/// Why a [`LinkEmulator`] cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkEmulatorError {
    /// A socket error.
    Io(io::Error),
    /// An invalid link configuration.
    Config(ConfigError),
}

impl std::fmt::Display for LinkEmulatorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot open a socket of the link emulator: {error}"),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LinkEmulatorError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Config(error) => Some(error),
        }
    }
}

impl From<io::Error> for LinkEmulatorError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ConfigError> for LinkEmulatorError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// A running link emulator, which stops when dropped.
#[derive(Debug)]
pub struct LinkEmulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl LinkEmulator {
    /// Listens on `listen` (port 0: any) and forwards to `upstream`.
    ///
    /// # Errors
    ///
    /// If a socket cannot be opened, or a link configuration is invalid.
    pub fn start(
        listen: SocketAddr,
        upstream: SocketAddr,
        config: &LinkEmulatorConfig,
    ) -> Result<Self, LinkEmulatorError> {
        let front = udp::bind(listen)?;
        let address = front.local_addr()?;
        let mut seeds = Rng::new(config.seed);
        let forward = Link::new(config.forward.clone(), seeds.next_u64())?;
        let backward = Link::new(config.backward.clone(), seeds.next_u64())?;
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = sync_channel(QUEUE);
        let reader = spawn_reader(front.try_clone()?, Arc::clone(&shared), sender.clone(), None)?;
        let forward = Direction::new(forward, Rng::stream(config.seed, 11), config.duplicates);
        let backward = Direction::new(backward, Rng::stream(config.seed, 12), config.duplicates);
        let mut worker =
            Worker::new(front, upstream, [forward, backward], Arc::clone(&shared), sender);
        let name = thread::Builder::new().name("relay".to_owned());
        let worker = name.spawn(move || worker.run(&receiver))?;
        Ok(Self { address, shared, threads: vec![reader, worker] })
    }

    /// The listen address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until nothing is in flight, at most for `timeout`.
    pub fn drain(&self, timeout: Duration) {
        let clock = Clock::start();
        // A datagram sent a moment ago may not have been read yet.
        thread::sleep(SETTLE);
        while self.stats().is_busy && clock.now() < timeout {
            thread::sleep(SETTLE);
        }
    }

    /// The counters so far.
    #[must_use]
    pub fn stats(&self) -> LinkEmulatorStats {
        let stats = *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner);
        LinkEmulatorStats { overload: self.shared.overload.load(Ordering::Relaxed), ..stats }
    }
}

impl Drop for LinkEmulator {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic was already printed.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Instant;

    use super::*;

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    fn config(text: &str) -> LinkEmulatorConfig {
        let link = text.parse::<codec_rtc::link::LinkSpec>().unwrap().constant().unwrap();
        LinkEmulatorConfig::symmetric(link, 7)
    }

    #[test]
    fn datagrams_are_forwarded_both_ways_after_the_delay() {
        let upstream = socket();
        let listen = "127.0.0.1:0".parse().unwrap();
        let relay =
            LinkEmulator::start(listen, upstream.local_addr().unwrap(), &config("delay=30ms"))
                .unwrap();
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
    fn losses_are_reproducible_with_the_seed() {
        let lost = || {
            let upstream = socket();
            let listen = "127.0.0.1:0".parse().unwrap();
            let address = upstream.local_addr().unwrap();
            let relay = LinkEmulator::start(listen, address, &config("loss=30%")).unwrap();
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
    fn invalid_links_are_rejected() {
        let mut bad = config("delay=1ms");
        bad.forward.delay = Duration::from_secs(100);
        let any = "127.0.0.1:0".parse().unwrap();
        assert!(matches!(LinkEmulator::start(any, any, &bad), Err(LinkEmulatorError::Config(_))));
    }
}
