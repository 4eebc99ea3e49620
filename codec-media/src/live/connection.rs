//! TCP and WebSocket connections: connecting and listening.

use std::time::{Duration, Instant};

use codec_net::error::NetError;
use codec_net::socket::{Listener, Socket, connect};
use codec_net::tcp::TcpTransport;
use codec_net::transport::{Role, Transport};
use codec_net::url::{Scheme, Url, UrlError};
use codec_net::websocket::{Access, WebSocketTransport};

use super::framed_input::Line;
use super::input::InputEvent;
use super::network;
use super::options::NetworkOptions;
use super::waiting::Waiting;
use crate::Env;
use crate::failure::{Failure, Kind, Result};

/// Timeout of one wait for a connection.
const STEP: Duration = Duration::from_millis(100);

/// Timeout of one wait for a connection if others exist, which may deliver data meanwhile.
const TURN: Duration = Duration::from_millis(5);

/// How long a sender retries to reach a receiver that is not listening yet.
const RETRY_FOR: Duration = Duration::from_secs(5);

/// Options of URLs.
const OPTIONS: &[&str] = &["listen", "connect"];

/// The parameters of connecting or listening.
pub(super) struct Way {
    url: Url,
    pub(super) listens: bool,
    token: Option<String>,
    #[cfg(feature = "tls")]
    client_tls: Option<std::sync::Arc<codec_net::tls::ClientConfig>>,
    #[cfg(feature = "tls")]
    server_tls: Option<std::sync::Arc<codec_net::tls::ServerConfig>>,
    role: Role,
}

impl Way {
    pub(super) fn new(url: Url, args: &NetworkOptions, role: Role) -> Result<Self> {
        let listens = listens(&url, role)?;
        let is_wss = url.scheme() == Scheme::Wss;
        #[cfg(not(feature = "tls"))]
        if is_wss {
            return Err(Failure::missing_feature("wss", "tls"));
        }
        #[cfg(feature = "tls")]
        {
            let client_tls =
                if is_wss && !listens { Some(client_tls(args.ca.as_deref())?) } else { None };
            let server_tls = if is_wss && listens { Some(server_tls(args)?) } else { None };
            let token = args.token.clone();
            Ok(Self { url, listens, token, client_tls, server_tls, role })
        }
        #[cfg(not(feature = "tls"))]
        Ok(Self { url, listens, token: args.token.clone(), role })
    }

    fn is_web(&self) -> bool {
        matches!(self.url.scheme(), Scheme::Ws | Scheme::Wss)
    }

    /// Connects to the other end.
    pub(super) fn connect(&self) -> std::result::Result<Box<dyn Transport>, NetError> {
        let stream = connect(&self.url)?;
        if !self.is_web() {
            return Ok(Box::new(TcpTransport::new(stream, self.role)?));
        }
        #[cfg(feature = "tls")]
        let socket = match &self.client_tls {
            Some(config) => Socket::tls_client(stream, self.url.host(), config.clone())?,
            None => Socket::plain(stream)?,
        };
        #[cfg(not(feature = "tls"))]
        let socket = Socket::plain(stream)?;
        let token = self.token.as_deref();
        Ok(Box::new(WebSocketTransport::connect(socket, &self.url, token, self.role)?))
    }

    /// Sets up an accepted connection.
    fn accept(
        &self,
        stream: std::net::TcpStream,
    ) -> std::result::Result<Box<dyn Transport>, NetError> {
        if !self.is_web() {
            return Ok(Box::new(TcpTransport::new(stream, self.role)?));
        }
        #[cfg(feature = "tls")]
        let socket = match &self.server_tls {
            Some(config) => Socket::tls_server(stream, config.clone())?,
            None => Socket::plain(stream)?,
        };
        #[cfg(not(feature = "tls"))]
        let socket = Socket::plain(stream)?;
        let path = Some(self.url.path().to_owned()).filter(|path| path != "/");
        let access = Access { token: self.token.clone(), path };
        Ok(Box::new(WebSocketTransport::accept(socket, &access, self.role)?))
    }
}

/// Parses the URL of one direction. The error of an unknown scheme names all schemes except the scheme of the `other`
/// direction.
pub(super) fn parse_url(text: &str, other: Scheme) -> Result<Url> {
    text.parse().map_err(|error| {
        let reason = match error {
            UrlError::Scheme(name) => {
                let known = Scheme::ALL.into_iter().filter(|&scheme| scheme != other);
                let known: Vec<_> = known.map(Scheme::name).collect();
                format!("unknown scheme {name}, expected one of {}", known.join(", "))
            }
            error => error.to_string(),
        };
        Failure::usage(format!("invalid URL {text}: {reason}"))
    })
}

/// Whether to listen: receivers listen and senders connect, unless the URL says otherwise.
pub(super) fn listens(url: &Url, role: Role) -> Result<bool> {
    let usage = |error: UrlError| Failure::usage(format!("invalid URL {url}: {error}"));
    url.check_options(OPTIONS).map_err(usage)?;
    let listen = url.switch("listen").map_err(usage)?;
    let connect = url.switch("connect").map_err(usage)?;
    if listen && connect {
        return Err(Failure::usage(format!(
            "invalid URL {url}: cannot use both listen and connect"
        )));
    }
    Ok(listen || role == Role::Receiver && !connect)
}

#[cfg(feature = "tls")]
fn client_tls(
    ca: Option<&std::path::Path>,
) -> Result<std::sync::Arc<codec_net::tls::ClientConfig>> {
    use codec_net::tls::{Roots, client_config};
    let made = match ca {
        None => client_config(Roots::Public),
        Some(path) => client_config(Roots::Pem(&read_pem(path)?)),
    };
    made.map_err(|error| match ca {
        None => Failure::usage(error.to_string()),
        Some(path) => Failure::usage(format!("{}: {error}", path.display())),
    })
}

#[cfg(feature = "tls")]
fn server_tls(args: &NetworkOptions) -> Result<std::sync::Arc<codec_net::tls::ServerConfig>> {
    let (Some(cert), Some(key)) = (&args.cert, &args.key) else {
        return Err(Failure::usage("wss: a server requires --cert and --key"));
    };
    codec_net::tls::server_config(&read_pem(cert)?, &read_pem(key)?).map_err(|error| {
        Failure::usage(format!("{} and {}: {error}", cert.display(), key.display()))
    })
}

#[cfg(feature = "tls")]
pub(super) fn read_pem(path: &std::path::Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let wrong =
        |error| Failure::new(Kind::Input, format!("cannot read {}: {error}", path.display()));
    let mut pem = Vec::new();
    let file = std::fs::File::open(path).map_err(wrong)?;
    file.take(1 << 20).read_to_end(&mut pem).map_err(wrong)?;
    Ok(pem)
}

/// Connects to a receiver, which may start a little later.
pub(super) fn reach_receiver(way: &Way, env: &Env) -> Result<Box<dyn Transport>> {
    let end = Instant::now() + RETRY_FOR;
    loop {
        match way.connect() {
            Ok(carrier) => return Ok(carrier),
            // The receiver may start later.
            Err(NetError::Io { error, .. })
                if error.kind() == std::io::ErrorKind::ConnectionRefused
                    && Instant::now() < end
                    && !env.stop.is_requested() =>
            {
                std::thread::sleep(STEP);
            }
            Err(error) => return Err(network(&error)),
        }
    }
}

/// Waits for a receiver.
pub(super) fn wait_for_receiver(way: &Way, env: &Env) -> Result<Box<dyn Transport>> {
    let listener = Listener::bind(&way.url).map_err(|error| network(&error))?;
    let address = listener.address().map_err(|error| network(&error))?;
    env.events.note(format!("listening on {address}"));
    while !env.stop.is_requested() {
        let Some((stream, peer)) = listener.accept(STEP).map_err(|error| network(&error))? else {
            continue;
        };
        match way.accept(stream) {
            Ok(carrier) => return Ok(carrier),
            Err(error) => env.events.warn(format!("{peer}: {error}")),
        }
    }
    Err(Failure::new(Kind::Interrupted, "interrupted: no receiver connected"))
}

/// Waits for a sender, until the channel to the command is closed.
pub(super) fn wait_for_sender(
    way: &Way,
    listener: &Listener,
    line: &Line<'_>,
) -> std::result::Result<Option<Box<dyn Transport>>, NetError> {
    line.send_event(InputEvent::Listening(listener.address()?.to_string()));
    let note = |text| line.send_event(InputEvent::Note(text));
    let mut waiting = Waiting::default();
    let begin = Instant::now();
    while !line.stops() {
        if let Some((stream, peer)) = listener.accept(TURN)? {
            match way.accept(stream) {
                Ok(carrier) => {
                    waiting.push(begin.elapsed(), carrier, peer).into_iter().for_each(note);
                }
                Err(error) => note(format!("{peer}: {error}")),
            }
        }
        if let Some(carrier) = waiting.poll(begin.elapsed(), note) {
            return Ok(Some(carrier));
        }
    }
    Ok(None)
}
