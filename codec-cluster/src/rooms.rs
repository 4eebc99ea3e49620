//! Rooms of `codec serve` on several nodes: passes the messages of each node to all other nodes.
//!
//! Messages are plain NATS messages on one subject, without `JetStream`. Messages that are sent while the NATS server
//! cannot be reached are lost. A node that has missed messages of another node requests the current state from that
//! node.

use std::thread::JoinHandle;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_net::server::cluster::{Bus, BusClient, bus};
use futures_util::StreamExt as _;

use crate::runtime::unreachable;
use crate::server::{ServerOptions, connect};

/// Subject of all messages between nodes. Clusters that share a NATS server need accounts of their own.
const SUBJECT: &str = "codec.rooms";
/// Limit of the time to send the last messages at the end.
const FLUSH: Duration = Duration::from_secs(1);

/// The connection of a node to the NATS server. It ends when the server with its [`Bus`] has stopped.
#[derive(Debug)]
pub struct RoomBus {
    thread: Option<JoinHandle<()>>,
}

impl RoomBus {
    /// Connects to the NATS server. A connection that is lost later is restored automatically.
    ///
    /// # Errors
    /// If the options are not valid, or the server cannot be reached
    /// ([`Kind::Network`](codec_media::failure::Kind::Network)).
    pub fn connect(options: &ServerOptions, env: &Env) -> Result<(Self, Bus)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::internal(format!("cannot start the async runtime: {error}"))
        })?;
        let (client, subscriber) = runtime.block_on(async {
            let client = connect(options, env).await?;
            let subscribed = client.subscribe(SUBJECT).await;
            let subscriber = subscribed.map_err(|error| unreachable("subscribe", error))?;
            Ok::<_, Failure>((client, subscriber))
        })?;
        let (bus, other_end) = bus();
        let work = move || runtime.block_on(pass(&client, subscriber, other_end));
        let thread = std::thread::Builder::new().name("rooms-bus".to_owned()).spawn(work);
        let thread =
            thread.map_err(|error| Failure::internal(format!("cannot start a thread: {error}")))?;
        Ok((Self { thread: Some(thread) }, bus))
    }

    /// Waits until the last messages are sent. The server must have stopped.
    pub fn close(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic was already printed.
            let _ = thread.join();
        }
    }
}

/// Passes messages in both directions until the server has stopped.
async fn pass(client: &Client, mut subscriber: async_nats::Subscriber, mut bus: BusClient) {
    let mut is_subscribed = true;
    loop {
        tokio::select! {
            message = bus.next() => match message {
                None => break,
                // Later messages repair the loss. Old ones would only delay them.
                Some(_) if client.connection_state() != State::Connected => {}
                Some(message) => {
                    let _ = client.publish(SUBJECT, message.into()).await;
                }
            },
            message = subscriber.next(), if is_subscribed => match message {
                Some(message) => bus.deliver(&message.payload),
                None => is_subscribed = false,
            },
        }
    }
    let _ = tokio::time::timeout(FLUSH, client.flush()).await;
}
