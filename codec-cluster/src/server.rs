//! The connection to the NATS server.

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::{self, Context, stream};
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use codec_media::Env;
use codec_media::events::Events;
use codec_media::failure::{Failure, Kind, Result};
use codec_net::tls::{Roots, client_config};

use crate::bucket::Bucket;
use crate::names::{JOBS, WORKERS};
use crate::queue::Queue;
use crate::runtime::{block_on, unreachable};

/// Limit of the time for the first connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Number of retries after an error, when the queue and the state are opened.
const CREATE_ATTEMPTS: usize = 3;
/// Pause before a retry.
const CREATE_PAUSE: Duration = Duration::from_millis(200);
/// Limit of the time to send the last messages at the end.
const FLUSH: Duration = Duration::from_secs(2);
/// How long jobs and their plans are kept.
const KEEP_JOBS: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long workers without a heartbeat are listed.
const KEEP_WORKERS: Duration = Duration::from_secs(3600);

/// How to reach the NATS server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// `nats://[USER:PASSWORD@]HOST[:PORT]`, or with `tls` instead of `nats`. A single word before the `@` is a token.
    pub url: String,
    /// File with the certificates to trust, in PEM, instead of the public authorities.
    pub ca: Option<PathBuf>,
}

/// A URL without its secrets.
struct Address {
    server: ServerAddr,
    login: Option<(String, Option<String>)>,
}

impl Address {
    fn parse(url: &str) -> Result<Self> {
        // The text may hold a password, and is not repeated.
        let wrong = |why: &str| {
            let expected = "expected nats://[USER:PASSWORD@]HOST[:PORT]";
            Failure::usage(format!("invalid URL of the NATS server: {why}, {expected}"))
        };
        let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
        if !["nats", "tls"].contains(&scheme) {
            return Err(wrong("its scheme is neither nats nor tls"));
        }
        let (login, host) = match rest.rsplit_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, rest),
        };
        let host = host.trim_end_matches('/');
        let server = ServerAddr::from_str(&format!("{scheme}://{host}"));
        let server = server.ok().filter(|server| !server.host().is_empty());
        let server = server.ok_or_else(|| wrong("it names no host"))?;
        let decoded =
            |text: &str| decode(text).ok_or_else(|| wrong("a % is not followed by two digits"));
        let login = match login.map(|login| login.split_once(':').ok_or(login)) {
            None => None,
            Some(Ok((user, password))) => Some((decoded(user)?, Some(decoded(password)?))),
            Some(Err(token)) => Some((decoded(token)?, None)),
        };
        Ok(Self { server, login })
    }

    fn options(self) -> (ServerAddr, ConnectOptions) {
        let options = match self.login {
            Some((user, Some(password))) => ConnectOptions::with_user_and_password(user, password),
            Some((token, None)) => ConnectOptions::with_token(token),
            None => ConnectOptions::new(),
        };
        (self.server, options)
    }
}

/// Decodes `%XX`.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => {
                let high = digit(rest.next())?;
                u8::try_from(high * 16 + digit(rest.next())?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The server, with everything that is stored there.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) client: Client,
    pub(crate) queue: Queue,
    pub(crate) jobs: Bucket,
    pub(crate) workers: Bucket,
}

impl Server {
    /// Connects, and creates the stream and the buckets if they do not exist.
    pub(crate) async fn connect(options: &ServerOptions, env: &Env) -> Result<Self> {
        let client = connect(options, env).await?;
        // Several processes that create the same things at the same time can disturb each other.
        for _ in 0..CREATE_ATTEMPTS {
            match Self::open(&client).await {
                Ok(server) => return Ok(server),
                Err(_) => tokio::time::sleep(CREATE_PAUSE).await,
            }
        }
        Self::open(&client).await
    }

    async fn open(client: &Client) -> Result<Self> {
        let context = jetstream::new(client.clone());
        let queue = Queue::open(&context).await?;
        let jobs = bucket(&context, JOBS, KEEP_JOBS).await?;
        let workers = bucket(&context, WORKERS, KEEP_WORKERS).await?;
        queue.consumer(None, None).await?;
        Ok(Self { client: client.clone(), queue, jobs, workers })
    }

    /// Sends the last messages.
    pub(crate) async fn close(&self) {
        // The server delivers a chunk again if its acknowledgement is lost.
        let _ = tokio::time::timeout(FLUSH, self.client.flush()).await;
    }
}

/// Succeeds if the server can be reached and has the queue, which is created.
///
/// # Errors
/// If the options are not valid, or the server cannot be reached ([`Kind::Network`]).
pub fn check(options: &ServerOptions, env: &Env) -> Result<()> {
    block_on(async { Server::connect(options, env).await.map(drop) })
}

pub(crate) async fn connect(options: &ServerOptions, env: &Env) -> Result<Client> {
    let (address, connect) = Address::parse(&options.url)?.options();
    let pem = match &options.ca {
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            Failure::new(Kind::Input, format!("cannot read {}: {error}", path.display()))
        })?),
        None => None,
    };
    let roots = pem.as_deref().map_or(Roots::Public, Roots::Pem);
    let tls = client_config(roots).map_err(|error| Failure::usage(error.to_string()))?;
    let place = format!("{}:{}", address.host(), address.port());
    let connection = connect
        .name("codec")
        .require_tls(address.tls_required())
        .tls_client_config((*tls).clone())
        .connection_timeout(CONNECT)
        .event_callback(reporter(env.events.clone(), place.clone()))
        .connect(address);
    let refused = |error: &dyn Display| {
        let help = "help: start it with `nats-server -js -sd FOLDER`, or name another one";
        let message = format!("cannot connect to the NATS server {place}: {error}\n{help}");
        Failure::new(Kind::Network, message)
    };
    match tokio::time::timeout(CONNECT, connection).await {
        Ok(connected) => connected.map_err(|error| refused(&error)),
        Err(_) => Err(refused(&"no answer in 5 s")),
    }
}

/// Reports that the connection was lost and restored.
fn reporter(
    events: Events,
    place: String,
) -> impl Fn(Event) -> std::future::Ready<()> + Send + Sync + 'static {
    let is_lost = Arc::new(AtomicBool::new(false));
    move |event| {
        match event {
            Event::Disconnected if !is_lost.swap(true, Ordering::Relaxed) => {
                events.warn(format!("the NATS server {place} cannot be reached; trying again"));
            }
            Event::Connected if is_lost.swap(false, Ordering::Relaxed) => {
                events.note(format!("connected to the NATS server {place} again"));
            }
            event => events.detail(format!("NATS server {place}: {event}")),
        }
        std::future::ready(())
    }
}

/// Opens a key-value bucket, and creates it if it does not exist. The client's own function also asks for the limits of
/// the account, in a form that servers before 2.10 do not have.
async fn bucket(context: &Context, name: &str, max_age: Duration) -> Result<Bucket> {
    let wrong = |error: &dyn Display| unreachable("open the state", error);
    let config = stream::Config {
        name: format!("KV_{name}"),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        discard: stream::DiscardPolicy::New,
        max_age,
        storage: stream::StorageType::File,
        num_replicas: 1,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..stream::Config::default()
    };
    context.get_or_create_stream(config).await.map_err(|error| wrong(&error))?;
    context.get_key_value(name).await.map(Bucket).map_err(|error| wrong(&error))
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("server", &self.server).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_hold_users_and_tokens() {
        let parse = |url: &str| Address::parse(url).unwrap();
        let plain = parse("nats://localhost");
        assert_eq!((plain.server.host(), plain.server.port()), ("localhost", 4222));
        assert_eq!(plain.login, None);
        assert!(parse("tls://queue:5000/").server.tls_required());
        assert!(!parse("10.0.0.1").server.tls_required());
        let user = parse("nats://me:a%40b@[::1]:4223");
        assert_eq!(user.login, Some(("me".to_owned(), Some("a@b".to_owned()))));
        assert_eq!((user.server.host(), user.server.port()), ("::1", 4223));
        assert!(!format!("{user:?}").contains("a@b"), "{user:?}");
        assert_eq!(parse("nats://secret@host").login, Some(("secret".to_owned(), None)));
    }

    #[test]
    fn invalid_urls_are_rejected_without_their_secrets() {
        for url in ["http://me:secret@host", "nats://me:secret@", "nats://me:secret%2@host", ""] {
            let failure = Address::parse(url).unwrap_err();
            assert_eq!(failure.kind, Kind::Usage, "{url}");
            assert!(!failure.message.contains("secret"), "{failure}");
        }
    }
}
