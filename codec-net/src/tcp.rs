//! Our framing ([`crate::framing`]) over TCP: one byte stream with a hello, which describes the streams, and
//! then records.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::NetError;
use crate::framing::{Hello, Item, Parser, Record};
use crate::socket::{Socket, is_not_ready};
use crate::transport::{Incoming, Role, Transport, TransportStats};

/// Size of a read in bytes.
const READ_BYTES: usize = 64 << 10;

/// A TCP connection.
#[derive(Debug)]
pub struct TcpTransport {
    socket: Socket,
    parser: Parser,
    buffer: Vec<u8>,
    /// The unparsed part of the buffer.
    unread: std::ops::Range<usize>,
    out: Vec<u8>,
    stats: TransportStats,
}

impl TcpTransport {
    /// Creates one end of a connection.
    ///
    /// # Errors
    ///
    /// If the connection is already closed.
    pub fn new(stream: TcpStream, role: Role) -> Result<Self, NetError> {
        let socket = Socket::plain(stream)?;
        let parser = match role {
            Role::Sender => Parser::of_records(),
            Role::Receiver => Parser::new(),
        };
        Ok(Self {
            socket,
            parser,
            buffer: vec![0; READ_BYTES],
            unread: 0..0,
            out: Vec::new(),
            stats: TransportStats::default(),
        })
    }

    fn flush(&mut self) -> Result<(), NetError> {
        self.socket.block().map_err(NetError::io("cannot send"))?;
        self.socket.write_all(&self.out).map_err(NetError::io("cannot send"))?;
        self.stats.bytes_sent += self.out.len() as u64;
        self.stats.packets_sent += 1;
        self.out.clear();
        Ok(())
    }

    /// Parses the next item in the buffer.
    fn parse(&mut self) -> Result<Option<Incoming>, NetError> {
        let mut input = self.buffer.get(self.unread.clone()).unwrap_or_default();
        let item = self.parser.next(&mut input);
        self.unread.start = self.unread.end - input.len();
        Ok(item?.map(|item| {
            self.stats.packets_received += 1;
            match item {
                Item::Hello(hello) => Incoming::Hello(hello),
                Item::Record(record) => Incoming::Record(record),
            }
        }))
    }
}

impl Transport for TcpTransport {
    fn hello(&mut self, hello: &Hello) -> Result<(), NetError> {
        hello.write(&mut self.out).map_err(NetError::InvalidHello)?;
        self.flush()
    }

    fn send(&mut self, record: &Record) -> Result<(), NetError> {
        record.write(&mut self.out)?;
        self.flush()
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, NetError> {
        loop {
            if let Some(item) = self.parse()? {
                return Ok(Some(item));
            }
            self.socket.wait_for(timeout).map_err(NetError::io("cannot receive"))?;
            match self.socket.read(&mut self.buffer) {
                Ok(0) => {
                    self.parser.finish()?;
                    return Err(NetError::Closed { bytes: self.parser.consumed() });
                }
                Ok(len) => {
                    self.unread = 0..len;
                    self.stats.bytes_received += len as u64;
                }
                Err(error) if is_not_ready(&error) => return Ok(None),
                Err(error) => return Err(NetError::io("cannot receive")(error)),
            }
        }
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.socket.peer()
    }

    fn stats(&self) -> TransportStats {
        self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::Kind;
    use crate::socket::{Listener, connect};
    use std::thread;

    const LONG: Duration = Duration::from_secs(10);

    fn listen() -> (Listener, crate::url::Url) {
        let listener = Listener::bind(&"tcp://127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("tcp://{}", listener.address().unwrap()).parse().unwrap();
        (listener, url)
    }

    fn accept(listener: &Listener) -> TcpTransport {
        let (stream, _) = listener.accept(LONG).unwrap().expect("a connection");
        TcpTransport::new(stream, Role::Receiver).unwrap()
    }

    #[test]
    fn records_travel_both_ways_and_an_end_differs_from_a_loss() {
        let (listener, url) = listen();
        assert!(listener.accept(Duration::ZERO).unwrap().is_none());
        let record = Record::control(Kind::Stats, vec![3; 60_000]);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut transport =
                    TcpTransport::new(connect(&url).unwrap(), Role::Sender).unwrap();
                transport.hello(&Hello::of_test(1)).unwrap();
                transport.send(&record).unwrap();
                assert_eq!(transport.receive(Duration::ZERO).unwrap(), None);
                let back = transport.receive(LONG).unwrap();
                assert_eq!(back, Some(Incoming::Record(Record::end("enough"))));
            });
            let mut transport = accept(&listener);
            assert_eq!(transport.receive(LONG).unwrap(), Some(Incoming::Hello(Hello::of_test(1))));
            let got = transport.receive(LONG).unwrap();
            assert_eq!(got, Some(Incoming::Record(record.clone())));
            assert_eq!(transport.receive(Duration::from_millis(1)).unwrap(), None);
            transport.send(&Record::end("enough")).unwrap();
            let closed = transport.receive(LONG).unwrap_err();
            assert!(matches!(closed, NetError::Closed { .. }), "{closed}");
        });
    }

    #[test]
    fn a_flipped_bit_is_reported_with_its_offset() {
        let (listener, url) = listen();
        let mut bytes = Vec::new();
        Hello::of_test(1).write(&mut bytes).unwrap();
        Record::control(Kind::Stats, vec![3; 60_000]).write(&mut bytes).unwrap();
        bytes[40_000] ^= 0x10;
        thread::scope(|scope| {
            scope.spawn(|| connect(&url).unwrap().write_all(&bytes).unwrap());
            let mut transport = accept(&listener);
            assert!(transport.receive(LONG).is_ok());
            let error = transport.receive(LONG).unwrap_err().to_string();
            assert!(error.contains("CRC32C mismatch of record"), "{error}");
            assert!(error.contains("bit 4 of byte 40000"), "{error}");
        });
    }
}
