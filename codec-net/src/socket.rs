//! A TCP connection, with or without TLS, with timeouts.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::error::NetError;
use crate::transport::WRITE_TIMEOUT;
use crate::url::Url;

/// Timeout for connecting to one address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Read timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Not,
    For(Duration),
}

/// The underlying connection, with an optional deadline.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    wait: Option<Wait>,
    deadline: Option<Instant>,
}

impl Wire {
    fn set(&mut self, wait: Wait) -> io::Result<()> {
        if self.wait == Some(wait) {
            return Ok(());
        }
        match (self.wait, wait) {
            (_, Wait::Not) => self.stream.set_nonblocking(true)?,
            (Some(Wait::For(_)), Wait::For(timeout)) => {
                self.stream.set_read_timeout(Some(timeout))?;
            }
            (_, Wait::For(timeout)) => {
                self.stream.set_nonblocking(false)?;
                self.stream.set_read_timeout(Some(timeout))?;
            }
        }
        self.wait = Some(wait);
        Ok(())
    }

    /// Enforces the deadline, however slowly data arrive.
    fn apply_deadline(&mut self) -> io::Result<()> {
        let Some(deadline) = self.deadline else { return Ok(()) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "handshake timeout"));
        }
        self.set(Wait::For(left.max(Duration::from_millis(1))))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.apply_deadline()?;
            match self.stream.read(buffer) {
                // The process was suspended and continues.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.apply_deadline()?;
            match self.stream.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Plain TCP or TLS.
#[derive(Debug)]
enum Layer {
    Plain(Wire),
    #[cfg(feature = "tls")]
    Client(Box<rustls::StreamOwned<rustls::ClientConnection, Wire>>),
    #[cfg(feature = "tls")]
    Server(Box<rustls::StreamOwned<rustls::ServerConnection, Wire>>),
}

/// The connection.
#[derive(Debug)]
pub struct Socket(Layer);

impl Socket {
    /// Uses a plain connection.
    ///
    /// # Errors
    ///
    /// If the connection is already closed.
    pub fn plain(stream: TcpStream) -> Result<Self, NetError> {
        Ok(Self(Layer::Plain(wire(stream)?)))
    }

    /// Uses TLS as a client; the handshake follows with the first data.
    ///
    /// # Errors
    ///
    /// If the connection is already closed, or the host name is invalid.
    #[cfg(feature = "tls")]
    pub fn tls_client(
        stream: TcpStream,
        host: &str,
        config: std::sync::Arc<rustls::ClientConfig>,
    ) -> Result<Self, NetError> {
        let name = rustls::pki_types::ServerName::try_from(host.to_owned())
            .map_err(|_| NetError::Protocol(format!("invalid TLS host name {host}")))?;
        let connection = rustls::ClientConnection::new(config, name)
            .map_err(|error| NetError::Protocol(format!("cannot start TLS: {error}")))?;
        let stream = rustls::StreamOwned::new(connection, wire(stream)?);
        Ok(Self(Layer::Client(Box::new(stream))))
    }

    /// Uses TLS as a server; the handshake follows with the first data.
    ///
    /// # Errors
    ///
    /// If the connection is already closed.
    #[cfg(feature = "tls")]
    pub fn tls_server(
        stream: TcpStream,
        config: std::sync::Arc<rustls::ServerConfig>,
    ) -> Result<Self, NetError> {
        let connection = rustls::ServerConnection::new(config)
            .map_err(|error| NetError::Protocol(format!("cannot start TLS: {error}")))?;
        let stream = rustls::StreamOwned::new(connection, wire(stream)?);
        Ok(Self(Layer::Server(Box::new(stream))))
    }

    fn wire(&mut self) -> &mut Wire {
        match &mut self.0 {
            Layer::Plain(wire) => wire,
            #[cfg(feature = "tls")]
            Layer::Client(stream) => &mut stream.sock,
            #[cfg(feature = "tls")]
            Layer::Server(stream) => &mut stream.sock,
        }
    }

    /// The underlying connection.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match &self.0 {
            Layer::Plain(wire) => &wire.stream,
            #[cfg(feature = "tls")]
            Layer::Client(stream) => &stream.sock.stream,
            #[cfg(feature = "tls")]
            Layer::Server(stream) => &stream.sock.stream,
        }
    }

    /// The address of the other end.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.tcp().peer_addr().ok()
    }

    /// Sets the timeout of reads; zero: do not wait.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub fn wait_for(&mut self, timeout: Duration) -> io::Result<()> {
        self.wire().set(if timeout.is_zero() { Wait::Not } else { Wait::For(timeout) })
    }

    /// Makes writes block for at most [`WRITE_TIMEOUT`].
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub fn block(&mut self) -> io::Result<()> {
        match self.wire().wait {
            Some(Wait::For(_)) => Ok(()),
            _ => self.wire().set(Wait::For(WRITE_TIMEOUT)),
        }
    }

    /// Makes reads and writes fail at `deadline`.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.wire().deadline = deadline;
    }
}

fn wire(stream: TcpStream) -> Result<Wire, NetError> {
    stream.set_nodelay(true).map_err(NetError::io("cannot configure the TCP connection"))?;
    stream
        .set_write_timeout(Some(WRITE_TIMEOUT))
        .map_err(NetError::io("cannot configure the TCP connection"))?;
    Ok(Wire { stream, wait: None, deadline: None })
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Layer::Plain(wire) => wire.read(buffer),
            #[cfg(feature = "tls")]
            Layer::Client(stream) => stream.read(buffer),
            #[cfg(feature = "tls")]
            Layer::Server(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Layer::Plain(wire) => wire.write(bytes),
            #[cfg(feature = "tls")]
            Layer::Client(stream) => stream.write(bytes),
            #[cfg(feature = "tls")]
            Layer::Server(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Layer::Plain(wire) => wire.flush(),
            #[cfg(feature = "tls")]
            Layer::Client(stream) => stream.flush(),
            #[cfg(feature = "tls")]
            Layer::Server(stream) => stream.flush(),
        }
    }
}

/// Connects to the host of a URL, trying its addresses in turn.
///
/// # Errors
///
/// The error of the last address.
pub fn connect(url: &Url) -> Result<TcpStream, NetError> {
    let what = format!("cannot connect to {}", url.authority());
    let addresses = (url.host(), url.port()).to_socket_addrs();
    let addresses = addresses.map_err(NetError::io(what.clone()))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(NetError::Io { what, error: last })
}

/// Listens for TCP connections without blocking.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
}

impl Listener {
    /// Listens at the host and port of a URL.
    ///
    /// # Errors
    ///
    /// If the address is not local, or in use.
    pub fn bind(url: &Url) -> Result<Self, NetError> {
        let what = format!("cannot listen on {}", url.authority());
        let bound = TcpListener::bind((url.host(), url.port()));
        let inner = bound.map_err(NetError::io(what.clone()))?;
        inner.set_nonblocking(true).map_err(NetError::io(what))?;
        Ok(Self { inner })
    }

    /// The listen address.
    ///
    /// # Errors
    ///
    /// If the system cannot determine it.
    pub fn address(&self) -> Result<SocketAddr, NetError> {
        self.inner.local_addr().map_err(NetError::io("cannot get the listen address"))
    }

    /// Returns a connection if one arrives within `timeout`.
    ///
    /// # Errors
    ///
    /// An error of the system.
    pub fn accept(&self, timeout: Duration) -> Result<Option<(TcpStream, SocketAddr)>, NetError> {
        const STEP: Duration = Duration::from_millis(5);
        let end = Instant::now() + timeout;
        loop {
            match self.inner.accept() {
                Ok((stream, peer)) => {
                    stream
                        .set_nonblocking(false)
                        .map_err(NetError::io("cannot accept a connection"))?;
                    return Ok(Some((stream, peer)));
                }
                Err(error) if is_not_ready(&error) => {}
                Err(error) => return Err(NetError::io("cannot accept a connection")(error)),
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(left.min(STEP));
        }
    }
}

/// Whether an error only means that no data or connection is available.
pub(crate) fn is_not_ready(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted | ConnectionAborted)
}
