//! The threads of a link emulator: they read the sockets, pass datagrams through the links and
//! forward the datagrams that arrive.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use codec_rtc::link::Link;
use codec_rtc::rng::Rng;

use super::{DirectionStats, LinkEmulatorStats, MAX_CLIENTS};
use crate::clock::Clock;
use crate::udp;

/// Interval at which blocked threads check whether to end.
const TICK: Duration = Duration::from_millis(50);

/// Maximum datagram size in bytes.
const MAX_DATAGRAM_BYTES: usize = 65_535;

/// State shared by the threads and the handle.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) stops: AtomicBool,
    pub(super) stats: Mutex<LinkEmulatorStats>,
    pub(super) overload: AtomicU64,
}

impl Shared {
    fn stops(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }
}

/// A datagram and its client: the client's address, or the number of its socket.
pub(super) enum Datagram {
    FromClient(SocketAddr, Vec<u8>),
    FromUpstream(usize, Vec<u8>),
}

/// Reads datagrams from the front socket, or from the socket of client `back`, until the emulator
/// ends.
pub(super) fn spawn_reader(
    socket: UdpSocket,
    shared: Arc<Shared>,
    sender: SyncSender<Datagram>,
    back: Option<usize>,
) -> io::Result<JoinHandle<()>> {
    socket.set_read_timeout(Some(TICK))?;
    thread::Builder::new().name("relay-read".to_owned()).spawn(move || {
        let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
        while !shared.stops() {
            // Timeouts and ICMP errors of earlier datagrams are not fatal.
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

/// One direction: packets are client numbers with datagrams.
pub(super) struct Direction {
    link: Link<(usize, Vec<u8>)>,
    rng: Rng,
    duplicates: f64,
    delivered: u64,
}

impl Direction {
    pub(super) fn new(link: Link<(usize, Vec<u8>)>, rng: Rng, duplicates: f64) -> Self {
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
pub(super) struct Worker {
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
    /// `directions`: from clients to upstream, and back.
    pub(super) fn new(
        front: UdpSocket,
        upstream: SocketAddr,
        directions: [Direction; 2],
        shared: Arc<Shared>,
        sender: SyncSender<Datagram>,
    ) -> Self {
        let [forward, backward] = directions;
        Self {
            front,
            upstream,
            clients: HashMap::new(),
            back: Vec::new(),
            forward,
            backward,
            clock: Clock::start(),
            shared,
            sender,
            readers: Vec::new(),
        }
    }

    pub(super) fn run(&mut self, receiver: &Receiver<Datagram>) {
        while !self.shared.stops() {
            let now = self.clock.now();
            let next = [self.forward.link.poll_timeout(), self.backward.link.poll_timeout()];
            let next = next.into_iter().flatten().min();
            let wait = next.map_or(TICK, |due| due.saturating_sub(now).min(TICK));
            match receiver.recv_timeout(wait) {
                Ok(datagram) => self.handle_datagram(datagram),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.deliver();
            let mut stats = self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner);
            stats.forward = self.forward.stats();
            stats.backward = self.backward.stats();
            let next = [self.forward.link.poll_timeout(), self.backward.link.poll_timeout()];
            stats.is_busy = next.iter().any(Option::is_some);
            drop(stats);
            self.forward.link.discard_times();
            self.backward.link.discard_times();
        }
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }

    fn handle_datagram(&mut self, datagram: Datagram) {
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

    /// The number of the client at an address; a new client gets a socket.
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

    /// Forwards datagrams that have arrived. Socket errors count as losses.
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
