//! What carries our framing: the same for TCP, WebSockets and UDP.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::NetError;
use crate::framing::{Hello, Record};

/// How long a peer may take to read what is sent to it.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the beginning of a connection may take: TLS and HTTP.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A sender begins.
    Hello(Hello),
    /// A record.
    Record(Record),
    /// So many records before the next one are missing.
    Lost(u64),
}

/// Losses and damage on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarrierStats {
    /// Bytes that came, headers of the network left out.
    pub bytes_received: u64,
    /// Bytes that went.
    pub bytes_sent: u64,
    /// Datagrams that are missing.
    pub packets_lost: u64,
    /// Datagrams or messages that came.
    pub packets_received: u64,
    /// Datagrams or messages that went.
    pub packets_sent: u64,
    /// Datagrams that were dropped, because they are damaged, not ours, or of another sender.
    pub packets_discarded: u64,
}

/// One connection, owned by one thread.
pub trait Carrier: Send {
    /// Sends what comes first.
    ///
    /// # Errors
    /// Whatever ends the connection.
    fn hello(&mut self, hello: &Hello) -> Result<(), NetError>;

    /// Sends a record.
    ///
    /// # Errors
    /// Whatever ends the connection.
    fn send(&mut self, record: &Record) -> Result<(), NetError>;

    /// The next thing that comes within `timeout`; with a timeout of zero, only what is there.
    ///
    /// # Errors
    /// Whatever ends the connection.
    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, NetError>;

    /// The other end, once it is known.
    fn peer(&self) -> Option<SocketAddr>;

    /// Counts so far.
    fn stats(&self) -> CarrierStats;
}
