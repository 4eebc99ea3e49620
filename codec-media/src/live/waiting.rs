//! Connections to a receiver that have not sent valid data yet.
//!
//! Anyone can connect to a port. A peer that hangs up, sends invalid data or stays silent is
//! dropped, and does not prevent others from sending.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use codec_net::error::NetError;
use codec_net::framing::{Hello, Record};
use codec_net::transport::{HANDSHAKE_TIMEOUT, Incoming, Transport, TransportStats};

/// Maximum number of waiting connections; one more replaces the oldest.
const MOST: usize = 32;

struct Entry {
    carrier: Box<dyn Transport>,
    peer: SocketAddr,
    since: Duration,
}

/// Waiting connections.
#[derive(Default)]
pub(super) struct Waiting(VecDeque<Entry>);

impl Waiting {
    /// Adds a connection at `now`. Returns a note about the one it replaces.
    pub(super) fn push(
        &mut self,
        now: Duration,
        carrier: Box<dyn Transport>,
        peer: SocketAddr,
    ) -> Option<String> {
        let oldest = if self.0.len() >= MOST { self.0.pop_front() } else { None };
        self.0.push_back(Entry { carrier, peer, since: now });
        oldest.map(|oldest| format!("{}: dropped, too many waiting connections", oldest.peer))
    }

    /// Returns the first connection that has sent valid data; `note` receives why others are
    /// dropped.
    pub(super) fn poll(
        &mut self,
        now: Duration,
        mut note: impl FnMut(String),
    ) -> Option<Box<dyn Transport>> {
        for _ in 0..self.0.len() {
            let mut entry = self.0.pop_front()?;
            let peer = entry.peer;
            match entry.carrier.receive(Duration::ZERO) {
                Ok(Some(first)) => {
                    let (carrier, first) = (entry.carrier, Some(first));
                    return Some(Box::new(Started { carrier, first }));
                }
                Ok(None) if now.saturating_sub(entry.since) < HANDSHAKE_TIMEOUT => {
                    self.0.push_back(entry);
                }
                Ok(None) => note(format!("{peer}: dropped, no data received")),
                Err(error) => note(format!("{peer}: {error}")),
            }
        }
        None
    }
}

/// A connection whose first item was read.
struct Started {
    carrier: Box<dyn Transport>,
    first: Option<Incoming>,
}

impl Transport for Started {
    fn hello(&mut self, hello: &Hello) -> Result<(), NetError> {
        self.carrier.hello(hello)
    }

    fn send(&mut self, record: &Record) -> Result<(), NetError> {
        self.carrier.send(record)
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, NetError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.carrier.receive(timeout),
        }
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.carrier.peer()
    }

    fn stats(&self) -> TransportStats {
        self.carrier.stats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of polling a fake connection.
    enum Fake {
        Silent,
        Closed,
        Sends(u64),
    }

    impl Transport for Fake {
        fn hello(&mut self, _: &Hello) -> Result<(), NetError> {
            Ok(())
        }

        fn send(&mut self, _: &Record) -> Result<(), NetError> {
            Ok(())
        }

        fn receive(&mut self, _: Duration) -> Result<Option<Incoming>, NetError> {
            match self {
                Self::Silent => Ok(None),
                Self::Closed => Err(NetError::Closed { bytes: 0 }),
                Self::Sends(count) => {
                    *count += 1;
                    Ok(Some(Incoming::Lost(*count)))
                }
            }
        }

        fn peer(&self) -> Option<SocketAddr> {
            None
        }

        fn stats(&self) -> TransportStats {
            TransportStats::default()
        }
    }

    fn peer() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 9))
    }

    #[test]
    fn silent_or_closed_connections_do_not_block_other_senders() {
        let mut waiting = Waiting::default();
        let at = Duration::from_secs;
        assert!(waiting.push(at(0), Box::new(Fake::Closed), peer()).is_none());
        assert!(waiting.push(at(0), Box::new(Fake::Silent), peer()).is_none());
        let mut notes = Vec::new();
        assert!(waiting.poll(at(1), |note| notes.push(note)).is_none());
        assert_eq!((notes.len(), waiting.0.len()), (1, 1));
        waiting.push(at(2), Box::new(Fake::Sends(0)), peer());
        let mut carrier = waiting.poll(at(2), |note| notes.push(note)).unwrap();
        for expected in 1..4 {
            let item = carrier.receive(Duration::ZERO).unwrap();
            assert_eq!(item, Some(Incoming::Lost(expected)), "nothing is lost");
        }
        assert!(waiting.poll(HANDSHAKE_TIMEOUT, |note| notes.push(note)).is_none());
        assert!(notes[1].contains("no data received") && waiting.0.is_empty(), "{notes:?}");
    }

    #[test]
    fn waiting_connections_are_limited() {
        let mut waiting = Waiting::default();
        let dropped = (0..MOST + 5)
            .filter(|_| waiting.push(Duration::ZERO, Box::new(Fake::Silent), peer()).is_some());
        assert_eq!(dropped.count(), 5);
        assert_eq!(waiting.0.len(), MOST);
    }
}
