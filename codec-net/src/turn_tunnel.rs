//! Carries the datagrams of a TURN client over a TCP or TLS connection to the server, for networks that block
//! UDP (RFC 8656, section 3.1).

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use codec_webrtc::turn::StreamReader;

use crate::error::NetError;
use crate::socket::{Socket, is_not_ready};
use crate::tls::{self, Roots};

/// Time for the connection, and for the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a tunnel that carries nothing checks whether it was dropped.
const IDLE: Duration = Duration::from_millis(250);
/// Maximum size of a datagram of the client in bytes.
const DATAGRAM_BYTES: usize = 4096;

/// TLS to a TURN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnTls {
    /// The name in the server's certificate.
    pub host: String,
    /// The only trusted certificates, in PEM; `None` trusts the public authorities.
    pub roots: Option<Vec<u8>>,
}

/// A connection to a TURN server, and a UDP socket through which a client on this machine uses it.
///
/// Two threads carry the messages until the tunnel is dropped or the connection ends. Datagrams that the
/// connection cannot take in time are lost, as on a network.
#[derive(Debug)]
pub struct TurnTunnel {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What both threads use.
#[derive(Debug)]
struct Shared {
    udp: UdpSocket,
    /// Whether the tunnel was dropped, or the connection has ended.
    is_over: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl TurnTunnel {
    /// Starts to connect to `server`, with TLS if given. Only datagrams from `client`, the address of a socket
    /// on this machine, are carried; it may send them at once.
    ///
    /// # Errors
    ///
    /// [`NetError`] if there is no socket or thread, or if the TLS settings are invalid. [`Self::failure`]
    /// tells whether the connection failed.
    pub fn open(
        server: SocketAddr,
        tls: Option<&TurnTls>,
        client: SocketAddr,
    ) -> Result<Self, NetError> {
        let failed = NetError::io("cannot create the socket of a TURN connection");
        let (udp, address) = local_socket(client).map_err(failed)?;
        let tls = tls.map(client_config).transpose()?;
        let is_over = AtomicBool::new(false);
        let shared = Arc::new(Shared { udp, is_over, failure: Mutex::new(None) });
        let own = Arc::clone(&shared);
        let work = move || {
            if let Err(error) = carry(server, tls, &own) {
                own.fail(&error.to_string());
            }
        };
        let thread = std::thread::Builder::new().name("turn".to_owned()).spawn(work);
        thread.map_err(NetError::io("cannot start the thread of a TURN connection"))?;
        Ok(Self { address, shared })
    }

    /// The address that the client uses in place of the server's.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Why the connection failed or ended.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        lock(&self.shared.failure).clone()
    }
}

impl Drop for TurnTunnel {
    /// Ends the connection after what the client has sent before.
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Ends the tunnel; the first reason counts.
    fn fail(&self, why: &str) {
        if !self.is_over.swap(true, Ordering::Relaxed) {
            *lock(&self.failure) = Some(why.to_owned());
        }
    }
}

type TlsClient = (String, Arc<rustls::ClientConfig>);

fn client_config(tls: &TurnTls) -> Result<TlsClient, NetError> {
    let roots = tls.roots.as_deref().map_or(Roots::Public, Roots::Pem);
    let config =
        tls::client_config(roots).map_err(|error| NetError::Protocol(error.to_string()))?;
    Ok((tls.host.clone(), config))
}

/// A socket on the client's own address, for the client alone.
fn local_socket(client: SocketAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let ip: IpAddr = match client.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let socket = UdpSocket::bind((ip, 0))?;
    socket.connect((ip, client.port()))?;
    socket.set_read_timeout(Some(IDLE))?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// Connects, and carries messages in both directions until the tunnel is over.
fn carry(server: SocketAddr, tls: Option<TlsClient>, shared: &Arc<Shared>) -> Result<(), NetError> {
    let failed = || NetError::io(format!("cannot connect to {server}"));
    let tcp = TcpStream::connect_timeout(&server, CONNECT_TIMEOUT).map_err(failed())?;
    let waiting = tcp.try_clone().map_err(failed())?;
    let mut socket = match tls {
        Some((host, config)) => Socket::tls_client(tcp, &host, config)?,
        None => Socket::plain(tcp)?,
    };
    socket.set_deadline(Some(Instant::now() + CONNECT_TIMEOUT));
    socket.flush().map_err(failed())?; // the TLS handshake
    socket.set_deadline(None);
    socket.block().map_err(failed())?;
    let socket = Arc::new(Mutex::new(socket));
    let reading = (waiting.try_clone().map_err(failed())?, Arc::clone(&socket), Arc::clone(shared));
    let read = move || {
        let (waiting, socket, shared) = reading;
        if let Err(error) = from_server(&waiting, &socket, &shared) {
            shared.fail(&error.to_string());
        }
    };
    let thread = std::thread::Builder::new().name("turn-read".to_owned()).spawn(read);
    thread.map_err(NetError::io("cannot start the thread of a TURN connection"))?;
    let result = to_server(&socket, shared);
    // Ends the other thread, too.
    let _ = waiting.shutdown(Shutdown::Both);
    result.map_err(NetError::io(format!("connection to {server} lost")))
}

/// Carries the client's datagrams, whose sizes the client has padded.
fn to_server(socket: &Mutex<Socket>, shared: &Shared) -> io::Result<()> {
    let mut datagram = [0; DATAGRAM_BYTES];
    loop {
        match shared.udp.recv(&mut datagram) {
            Ok(len) => lock(socket).write_all(datagram.get(..len).unwrap_or_default())?,
            Err(_) if shared.is_over() => return Ok(()),
            // Refused: the client has closed its socket.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) if is_not_ready(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Carries the server's messages. Waits for them at `waiting`, the connection itself, so that the other thread
/// can use the socket meanwhile.
fn from_server(waiting: &TcpStream, socket: &Mutex<Socket>, shared: &Shared) -> io::Result<()> {
    let mut reader = StreamReader::default();
    let mut bytes = [0; DATAGRAM_BYTES];
    while !shared.is_over() {
        match waiting.peek(&mut [0]) {
            Err(error) if !is_not_ready(&error) => return Err(error),
            _ => {}
        }
        let mut socket = lock(socket);
        socket.wait_for(Duration::ZERO)?;
        loop {
            match socket.read(&mut bytes) {
                Ok(0) => return Err(io::Error::other("the TURN server closed the connection")),
                Ok(len) => reader.push(bytes.get(..len).unwrap_or_default()),
                Err(error) if is_not_ready(&error) => break,
                Err(error) => return Err(error),
            }
            while let Some(message) = reader.next_message().map_err(io::Error::other)? {
                // One that the client cannot take is lost.
                let _ = shared.udp.send(&message);
            }
        }
        socket.block()?;
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A client's socket, a tunnel for it, and the server's end of the connection.
    fn connected() -> (UdpSocket, TurnTunnel, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let server = listener.local_addr().unwrap();
        let tunnel = TurnTunnel::open(server, None, client.local_addr().unwrap()).unwrap();
        (client, tunnel, listener.accept().unwrap().0)
    }

    fn wait_for_failure(tunnel: &TurnTunnel) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(why) = tunnel.failure() {
                return why;
            }
            assert!(Instant::now() < end, "the tunnel does not fail");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn messages_pass_in_both_directions_and_strangers_are_ignored() {
        let (client, tunnel, mut server) = connected();
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        stranger.send_to(b"none", tunnel.address()).unwrap();
        client.send_to(b"request.", tunnel.address()).unwrap();
        let mut bytes = [0; 8];
        server.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"request.");
        server.write_all(&[0x40, 0, 0, 1, 7, 0, 0, 0, 0x40, 1, 0, 2, 8]).unwrap();
        server.write_all(&[9, 0, 0]).unwrap();
        let mut datagram = [0; 100];
        let (len, from) = client.recv_from(&mut datagram).unwrap();
        assert_eq!((&datagram[..len], from), (&[0x40, 0, 0, 1, 7][..], tunnel.address()));
        let (len, _) = client.recv_from(&mut datagram).unwrap();
        assert_eq!(&datagram[..len], [0x40, 1, 0, 2, 8, 9]);
        assert_eq!(tunnel.failure(), None);
        // What was sent before the end arrives.
        client.send_to(b"released", tunnel.address()).unwrap();
        drop(tunnel);
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"released");
    }

    #[test]
    fn failures_are_named() {
        let (_client, tunnel, server) = connected();
        drop(server);
        assert!(wait_for_failure(&tunnel).contains("closed the connection"));
        let (_client, tunnel, mut server) = connected();
        server.write_all(&[0x90, 0, 0, 0]).unwrap();
        assert!(wait_for_failure(&tunnel).contains("does not speak TURN"));
        let (client, ..) = connected();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let tunnel = TurnTunnel::open(closed, None, client.local_addr().unwrap()).unwrap();
        assert!(wait_for_failure(&tunnel).contains("cannot connect to 127.0.0.1"));
    }

    #[test]
    fn tls_that_fails_ends_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let tls = TurnTls { host: "turn.example".to_owned(), roots: None };
        let tunnel = TurnTunnel::open(server, Some(&tls), "127.0.0.1:9".parse().unwrap()).unwrap();
        let (mut plain, _) = listener.accept().unwrap();
        plain.write_all(b"not TLS").unwrap();
        assert!(wait_for_failure(&tunnel).contains("cannot connect"));
        let tls = TurnTls { host: "turn.example".to_owned(), roots: Some(b"no PEM".to_vec()) };
        let error = TurnTunnel::open(server, Some(&tls), "127.0.0.1:9".parse().unwrap());
        assert!(error.unwrap_err().to_string().contains("no certificate found"));
    }
}
