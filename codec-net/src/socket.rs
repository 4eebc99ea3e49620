//! A TCP connection, with or without TLS, that can be waited on for a while.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::carrier::WRITE_TIMEOUT;
use crate::error::NetError;
use crate::url::Url;

/// How long connecting to one address may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long reading waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Not,
    For(Duration),
}

/// The connection below, which may have to end by a time.
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

    /// However the bytes drip.
    fn meet_deadline(&mut self) -> io::Result<()> {
        let Some(deadline) = self.deadline else { return Ok(()) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake takes too long"));
        }
        self.set(Wait::For(left.max(Duration::from_millis(1))))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.meet_deadline()?;
            match self.stream.read(buffer) {
                // The program was halted and goes on.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.meet_deadline()?;
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

/// What the bytes go through.
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
    /// Over a connection as it is.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn plain(stream: TcpStream) -> Result<Self, NetError> {
        Ok(Self(Layer::Plain(wire(stream)?)))
    }

    /// As the client of TLS; the handshake follows with the first bytes.
    ///
    /// # Errors
    /// If the connection is gone, or the name is none.
    #[cfg(feature = "tls")]
    pub fn tls_client(
        stream: TcpStream,
        host: &str,
        config: std::sync::Arc<rustls::ClientConfig>,
    ) -> Result<Self, NetError> {
        let name = rustls::pki_types::ServerName::try_from(host.to_owned())
            .map_err(|_| NetError::Protocol(format!("{host}: no name that TLS can check")))?;
        let connection = rustls::ClientConnection::new(config, name)
            .map_err(|error| NetError::Protocol(format!("TLS: {error}")))?;
        let stream = rustls::StreamOwned::new(connection, wire(stream)?);
        Ok(Self(Layer::Client(Box::new(stream))))
    }

    /// As the server of TLS; the handshake follows with the first bytes.
    ///
    /// # Errors
    /// If the connection is gone.
    #[cfg(feature = "tls")]
    pub fn tls_server(
        stream: TcpStream,
        config: std::sync::Arc<rustls::ServerConfig>,
    ) -> Result<Self, NetError> {
        let connection = rustls::ServerConnection::new(config)
            .map_err(|error| NetError::Protocol(format!("TLS: {error}")))?;
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

    /// The connection below.
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

    /// The other end.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.tcp().peer_addr().ok()
    }

    /// Reading waits for `timeout`; zero: not at all.
    ///
    /// # Errors
    /// What the system says.
    pub fn wait_for(&mut self, timeout: Duration) -> io::Result<()> {
        self.wire().set(if timeout.is_zero() { Wait::Not } else { Wait::For(timeout) })
    }

    /// Writing waits, up to [`WRITE_TIMEOUT`].
    ///
    /// # Errors
    /// What the system says.
    pub fn block(&mut self) -> io::Result<()> {
        match self.wire().wait {
            Some(Wait::For(_)) => Ok(()),
            _ => self.wire().set(Wait::For(WRITE_TIMEOUT)),
        }
    }

    /// Reading and writing end with an error at `deadline`.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.wire().deadline = deadline;
    }
}

fn wire(stream: TcpStream) -> Result<Wire, NetError> {
    stream.set_nodelay(true).map_err(NetError::io("TCP"))?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT)).map_err(NetError::io("TCP"))?;
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
/// What the last address says.
pub fn connect(url: &Url) -> Result<TcpStream, NetError> {
    let what = format!("connecting to {}", url.authority());
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

/// Listens for TCP connections without waiting for them.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
}

impl Listener {
    /// Listens at the host and port of a URL.
    ///
    /// # Errors
    /// If the address is not this machine's, or taken.
    pub fn bind(url: &Url) -> Result<Self, NetError> {
        let what = format!("listening on {}", url.authority());
        let bound = TcpListener::bind((url.host(), url.port()));
        let inner = bound.map_err(NetError::io(what.clone()))?;
        inner.set_nonblocking(true).map_err(NetError::io(what))?;
        Ok(Self { inner })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> Result<SocketAddr, NetError> {
        self.inner.local_addr().map_err(NetError::io("listening"))
    }

    /// A connection, if one is made within `timeout`.
    ///
    /// # Errors
    /// What the system says.
    pub fn accept(&self, timeout: Duration) -> Result<Option<(TcpStream, SocketAddr)>, NetError> {
        const STEP: Duration = Duration::from_millis(5);
        let end = Instant::now() + timeout;
        loop {
            match self.inner.accept() {
                Ok((stream, peer)) => {
                    stream.set_nonblocking(false).map_err(NetError::io("accepting"))?;
                    return Ok(Some((stream, peer)));
                }
                Err(error) if is_no_error(&error) => {}
                Err(error) => return Err(NetError::io("accepting")(error)),
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(left.min(STEP));
        }
    }
}

/// Whether an error says that nothing is there yet, or that the peer changed its mind.
pub(crate) fn is_no_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted | ConnectionAborted)
}
