//! Our framing ([`crate::framing`]) over UDP, and sockets with buffers large enough for key frames.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Type};

use crate::clock::Clock;
use crate::error::NetError;
use crate::framing::datagram::{Fragmenter, MAX_DATAGRAM_BYTES, parse_feedback};
use crate::framing::reassembly::{Event, Reassembler, ReassemblerConfig};
use crate::framing::{Hello, Kind, Record};
use crate::socket::is_not_ready;
use crate::transport::{Incoming, Transport, TransportStats};

/// Requested socket buffer size per direction; the system may provide less.
const BUFFER_BYTES: usize = 4 << 20;

/// Repetition interval of the hello, because the first one may be lost.
const HELLO_INTERVAL: Duration = Duration::from_millis(500);

/// How often the end record is sent.
const END_REPETITIONS: u32 = 3;

/// Opens a socket at an address (port 0: any) with large buffers.
///
/// # Errors
///
/// If the address is not local, or in use.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket =
        socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // Best effort: smaller buffers lose packets of key frames, which are reported as loss.
    let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(BUFFER_BYTES);
    socket.bind(&SockAddr::from(address))?;
    Ok(socket.into())
}

/// A wildcard address of the same family as `peer`.
#[must_use]
pub fn any_for(peer: SocketAddr) -> SocketAddr {
    match (peer, peer.ip().is_loopback()) {
        (SocketAddr::V4(_), false) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        (SocketAddr::V4(_), true) => (Ipv4Addr::LOCALHOST, 0).into(),
        (SocketAddr::V6(_), false) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        (SocketAddr::V6(_), true) => (Ipv6Addr::LOCALHOST, 0).into(),
    }
}

/// Whether a socket error is only an ICMP report about an earlier datagram.
#[must_use]
pub fn is_icmp(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable
    )
}

/// Waits for a datagram; with a timeout of zero, only an available one is returned.
///
/// # Errors
///
/// Errors of the system, except ICMP reports.
pub fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
    timeout: Duration,
) -> io::Result<Option<(usize, SocketAddr)>> {
    socket.set_nonblocking(timeout.is_zero())?;
    if !timeout.is_zero() {
        socket.set_read_timeout(Some(timeout))?;
    }
    match socket.recv_from(buffer) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_not_ready(&error) || is_icmp(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The sending end.
#[derive(Debug)]
pub struct UdpSender {
    socket: UdpSocket,
    peer: SocketAddr,
    hello: Option<(Hello, Instant)>,
    fragmenter: Fragmenter,
    buffer: Vec<u8>,
    stats: TransportStats,
}

impl UdpSender {
    /// Sends to `peer` from any port.
    ///
    /// # Errors
    ///
    /// If a socket cannot be opened.
    pub fn new(peer: SocketAddr) -> Result<Self, NetError> {
        let socket = bind(any_for(peer)).and_then(|socket| {
            socket.connect(peer)?;
            Ok(socket)
        });
        Ok(Self {
            socket: socket.map_err(NetError::io(format!("cannot send to {peer}")))?,
            peer,
            hello: None,
            fragmenter: Fragmenter::new(0),
            buffer: vec![0; 65_536],
            stats: TransportStats::default(),
        })
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Result<(), NetError> {
        self.socket.set_nonblocking(false).map_err(NetError::io("cannot send"))?;
        match self.socket.send(datagram) {
            Ok(sent) => {
                self.stats.packets_sent += 1;
                self.stats.bytes_sent += sent as u64;
                Ok(())
            }
            // No receiver yet, or no longer: counts as packet loss.
            Err(error) if is_icmp(&error) || is_not_ready(&error) => Ok(()),
            Err(error) => Err(NetError::io(format!("cannot send to {}", self.peer))(error)),
        }
    }

    /// Repeats the hello if it is due.
    fn repeat_hello(&mut self) -> Result<(), NetError> {
        let Some((hello, at)) = &mut self.hello else { return Ok(()) };
        if at.elapsed() < HELLO_INTERVAL {
            return Ok(());
        }
        *at = Instant::now();
        let datagram = self.fragmenter.hello(hello).map_err(NetError::InvalidHello)?;
        self.send_datagram(&datagram)
    }
}

impl Transport for UdpSender {
    fn hello(&mut self, hello: &Hello) -> Result<(), NetError> {
        self.fragmenter = Fragmenter::new(hello.session);
        let datagram = self.fragmenter.hello(hello).map_err(NetError::InvalidHello)?;
        self.hello = Some((hello.clone(), Instant::now()));
        self.send_datagram(&datagram)
    }

    fn send(&mut self, record: &Record) -> Result<(), NetError> {
        self.repeat_hello()?;
        // No later record would reveal that the end record is missing.
        let times = if record.kind == Kind::End { END_REPETITIONS } else { 1 };
        let datagrams = self.fragmenter.record(record)?;
        for _ in 0..times {
            for datagram in &datagrams {
                self.send_datagram(datagram)?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, NetError> {
        self.repeat_hello()?;
        let got = receive(&self.socket, &mut self.buffer, timeout);
        let Some((len, _)) = got.map_err(NetError::io("cannot receive"))? else { return Ok(None) };
        self.stats.packets_received += 1;
        self.stats.bytes_received += len as u64;
        let bytes = self.buffer.get(..len).unwrap_or_default();
        let session = self.hello.as_ref().map_or(0, |(hello, _)| hello.session);
        let record = parse_feedback(bytes, session);
        self.stats.packets_discarded += u64::from(record.is_none());
        Ok(record.map(Incoming::Record))
    }

    fn peer(&self) -> Option<SocketAddr> {
        Some(self.peer)
    }

    fn stats(&self) -> TransportStats {
        self.stats
    }
}

/// The receiving end. It follows the first sender that sends a hello. Datagrams from other
/// addresses and hellos of other sessions are counted and ignored until that sender has been silent
/// for [`SILENCE`]; then it follows a new session, such as the session of a restarted sender.
#[derive(Debug)]
pub struct UdpReceiver {
    socket: UdpSocket,
    peer: Option<(SocketAddr, Duration)>,
    clock: Clock,
    reassembler: Reassembler,
    fragmenter: Fragmenter,
    buffer: Vec<u8>,
    stats: TransportStats,
    foreign: u64,
}

/// A sender that is silent for this long is gone, and another one may replace it. Senders of our
/// framing repeat their hello every 500 ms even if they have no data.
pub const SILENCE: Duration = Duration::from_secs(3);

impl UdpReceiver {
    /// Listens at an address (port 0: any).
    ///
    /// # Errors
    ///
    /// If the address is not local, or in use.
    pub fn bind(address: SocketAddr) -> Result<Self, NetError> {
        let socket = bind(address).map_err(NetError::io(format!("cannot listen on {address}")))?;
        Ok(Self {
            socket,
            peer: None,
            clock: Clock::start(),
            reassembler: Reassembler::new(ReassemblerConfig::default()),
            fragmenter: Fragmenter::new(0),
            buffer: vec![0; 65_536],
            stats: TransportStats::default(),
            foreign: 0,
        })
    }

    /// The listen address.
    ///
    /// # Errors
    ///
    /// If the system cannot determine it.
    pub fn address(&self) -> Result<SocketAddr, NetError> {
        self.socket.local_addr().map_err(NetError::io("cannot get the listen address"))
    }

    fn handle_datagram(&mut self, len: usize, from: SocketAddr) {
        let now = self.clock.now();
        let live = self.peer.filter(|&(_, heard)| now.saturating_sub(heard) < SILENCE);
        if live.is_some_and(|(peer, _)| peer != from) {
            self.foreign += 1;
            return;
        }
        self.stats.packets_received += 1;
        self.stats.bytes_received += len as u64;
        let bytes = self.buffer.get(..len).unwrap_or_default();
        self.reassembler.keep_session(live.is_some());
        // Damaged datagrams and datagrams of other sessions do not keep a session alive.
        if self.reassembler.push(now, bytes).is_ok_and(|is_ours| is_ours) {
            self.peer = Some((from, now));
        }
    }

    fn poll(&mut self) -> Option<Incoming> {
        let event = self.reassembler.poll(self.clock.now())?;
        Some(match event {
            Event::Hello(hello) => {
                self.fragmenter = Fragmenter::new(hello.session);
                Incoming::Hello(hello)
            }
            Event::Record(record) => Incoming::Record(record),
            Event::Lost(count) => Incoming::Lost(count),
        })
    }
}

impl Transport for UdpReceiver {
    fn hello(&mut self, _hello: &Hello) -> Result<(), NetError> {
        Err(NetError::InvalidHello("receivers send no stream header"))
    }

    fn send(&mut self, record: &Record) -> Result<(), NetError> {
        let Some((peer, _)) = self.peer else { return Ok(()) };
        self.socket.set_nonblocking(false).map_err(NetError::io("cannot send"))?;
        for datagram in self.fragmenter.record(record)? {
            debug_assert!(datagram.len() <= MAX_DATAGRAM_BYTES);
            match self.socket.send_to(&datagram, peer) {
                Ok(sent) => {
                    self.stats.packets_sent += 1;
                    self.stats.bytes_sent += sent as u64;
                }
                Err(error) if is_icmp(&error) || is_not_ready(&error) => {}
                Err(error) => return Err(NetError::io(format!("cannot send to {peer}"))(error)),
            }
        }
        Ok(())
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, NetError> {
        let end = self.clock.now().saturating_add(timeout);
        loop {
            if let Some(incoming) = self.poll() {
                return Ok(Some(incoming));
            }
            let now = self.clock.now();
            let due = self.reassembler.poll_timeout().map_or(end, |due| due.min(end));
            let wait = due.saturating_sub(now);
            let got = receive(&self.socket, &mut self.buffer, wait);
            match got.map_err(NetError::io("cannot receive"))? {
                Some((len, from)) => self.handle_datagram(len, from),
                None if self.clock.now() >= end => return Ok(self.poll()),
                None => {}
            }
        }
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer.map(|(peer, _)| peer)
    }

    fn stats(&self) -> TransportStats {
        let counters = self.reassembler.counters();
        TransportStats {
            packets_lost: counters.lost_datagrams,
            packets_discarded: counters.malformed
                + counters.late_or_duplicate
                + counters.foreign
                + self.foreign,
            ..self.stats
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::feedback::Feedback;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn records_and_feedback_go_through_datagrams() {
        let mut receiver = UdpReceiver::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut sender = UdpSender::new(receiver.address().unwrap()).unwrap();
        assert_eq!(receiver.receive(Duration::ZERO).unwrap(), None);
        sender.hello(&Hello::of_test(9)).unwrap();
        let record = Record::control(Kind::Stats, vec![3; 60_000]);
        sender.send(&record).unwrap();
        assert_eq!(receiver.receive(LONG).unwrap(), Some(Incoming::Hello(Hello::of_test(9))));
        assert_eq!(receiver.receive(LONG).unwrap(), Some(Incoming::Record(record)));
        let request = Record::control(Kind::Feedback, Feedback::KeyRequest.payload());
        receiver.send(&request).unwrap();
        assert_eq!(sender.receive(LONG).unwrap(), Some(Incoming::Record(request)));
        // Another sender.
        let mut other = UdpSender::new(receiver.address().unwrap()).unwrap();
        other.hello(&Hello::of_test(10)).unwrap();
        assert_eq!(receiver.receive(Duration::from_millis(20)).unwrap(), None);
        assert_eq!(receiver.stats().packets_discarded, 1);
    }
}
