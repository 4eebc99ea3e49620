//! Accepts HTTP connections: limits their number, and handles TLS and timeouts.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use super::super::state::ServerState;
use super::connection_slots::{ConnectionSlot, ConnectionSlots};

/// Pause after an error of the listening socket, such as too many open files.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Maximum size of a request head in bytes.
const MAX_HEAD_BYTES: usize = 32 << 10;

/// The origin of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionInfo {
    /// The remote address.
    pub(super) address: SocketAddr,
    /// Whether the connection is encrypted.
    pub(super) over_tls: bool,
}

/// Accepts connections until the server stops.
pub(super) async fn accept(listener: TcpListener, router: Router, shared: Arc<ServerState>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let limits = shared.limits;
    let connection_slots = ConnectionSlots::new(limits.connections, limits.connections_per_address);
    let mut stopping = shared.stopping.subscribe();
    loop {
        let accepted = tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, address)) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        // A connection above the limit is closed immediately.
        let Some(slot) = connection_slots.take(address.ip()) else { continue };
        // Each connection has the newest certificate.
        let acceptor = shared.tls().map(TlsAcceptor::from);
        let connection = Connection {
            router: router.clone(),
            origin: ConnectionInfo { address, over_tls: acceptor.is_some() },
            deadline: limits.request_timeout,
            _slot: slot,
        };
        tokio::spawn(connection.run(stream, acceptor));
    }
}

struct Connection {
    router: Router,
    origin: ConnectionInfo,
    deadline: Duration,
    _slot: ConnectionSlot,
}

impl Connection {
    async fn run(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // Small responses must not be delayed (Nagle's algorithm).
        let _ = stream.set_nodelay(true);
        match acceptor {
            None => self.serve(stream).await,
            Some(acceptor) => {
                let handshake = timeout(self.deadline, acceptor.accept(stream)).await;
                if let Ok(Ok(stream)) = handshake {
                    self.serve(stream).await;
                }
            }
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let (router, origin) = (self.router, self.origin);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(origin);
            let mut router = router.clone();
            async move {
                let answer: Result<Response<Body>, Infallible> = router.call(request).await;
                answer
            }
        });
        // Connection errors only affect the other end.
        let _ = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.deadline)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
            .await;
    }
}
