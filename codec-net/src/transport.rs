//! The transports of our framing ([`crate::framing`]) behind one interface: [`tcp`](crate::tcp),
//! [`websocket`](crate::websocket) and [`udp`](crate::udp).

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::NetError;
use crate::framing::{Hello, Record};

/// Timeout for a peer to read data that was sent.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout for establishing a connection: TLS and HTTP.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Which end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends a hello and records, receives feedback.
    Sender,
    /// Receives a hello and records, sends feedback.
    Receiver,
}

/// A received item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The beginning of a session.
    Hello(Hello),
    /// A record.
    Record(Record),
    /// The number of records missing before the next one.
    Lost(u64),
}

/// Counters of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransportStats {
    /// Received bytes, without network headers.
    pub bytes_received: u64,
    /// Sent bytes.
    pub bytes_sent: u64,
    /// Missing datagrams.
    pub packets_lost: u64,
    /// Received datagrams or messages.
    pub packets_received: u64,
    /// Sent datagrams or messages.
    pub packets_sent: u64,
    /// Dropped datagrams: damaged, not ours, or from another sender.
    pub packets_discarded: u64,
}

/// One connection, owned by one thread.
pub trait Transport: Send {
    /// Sends the hello, which comes first.
    ///
    /// # Errors
    ///
    /// If the connection has ended or fails.
    fn hello(&mut self, hello: &Hello) -> Result<(), NetError>;

    /// Sends a record.
    ///
    /// # Errors
    ///
    /// If the connection has ended or fails.
    fn send(&mut self, record: &Record) -> Result<(), NetError>;

    /// Returns the next item that arrives within `timeout`; with a timeout of zero, only available
    /// data.
    ///
    /// # Errors
    ///
    /// If the connection has ended or fails.
    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, NetError>;

    /// The address of the other end, once known.
    fn peer(&self) -> Option<SocketAddr>;

    /// The counters so far.
    fn stats(&self) -> TransportStats;
}
