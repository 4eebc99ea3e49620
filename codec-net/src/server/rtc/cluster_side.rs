//! The cluster on the thread that runs the calls: connects the conferences, the bus and the sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use codec_webrtc::Transmit;
use tokio::sync::oneshot;

use super::super::cluster::{
    Bus, Cluster, ClusterConfig, ClusterEvent, ClusterStatus, FetchError, Identity,
};
use super::super::conference::Conferences;
use super::super::health::Health;
use super::super::outcome::Rejection;
use super::super::room_files::RoomFiles;
use crate::random;

/// Interval at which the state of the rooms is compared with the last announcement.
const SHARE_INTERVAL: Duration = Duration::from_millis(100);

/// Gets the end of a fetch.
pub(super) type FetchReply = oneshot::Sender<Result<(), Rejection>>;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct ClusterSide {
    cluster: Cluster,
    /// `None` if its other end has gone.
    bus: Option<Bus>,
    next_share: Duration,
    /// Downloads that wait for files of other nodes.
    downloads: BTreeMap<String, Vec<FetchReply>>,
    status: Arc<ClusterStatus>,
    health: Arc<Health>,
}

impl ClusterSide {
    /// `addresses`: where datagrams of other nodes are received. `files`: those of messages.
    pub(super) fn new(
        config: ClusterConfig,
        addresses: Vec<SocketAddr>,
        files: Option<Arc<RoomFiles>>,
        status: Arc<ClusterStatus>,
        health: Arc<Health>,
    ) -> Self {
        let ClusterConfig { bus, url } = config;
        let mut cluster = Cluster::new(Identity::new(random::bytes(), addresses, url));
        if let Some(files) = files {
            cluster.set_files(files);
        }
        let (next_share, downloads) = (Duration::ZERO, BTreeMap::new());
        Self { cluster, bus: Some(bus), next_share, downloads, status, health }
    }

    /// Fetches a file of a message from another node.
    pub(super) fn fetch(&mut self, now: Duration, file: String, reply: FetchReply) {
        self.cluster.fetch_file(now, &file);
        self.downloads.entry(file).or_default().push(reply);
    }

    /// Reports the end of a fetch to all that wait for the file.
    fn end_fetch(&mut self, file: &str, result: &Result<(), Rejection>) {
        for reply in self.downloads.remove(file).into_iter().flatten() {
            // Clients may have gone.
            let _ = reply.send(result.clone());
        }
    }

    /// The address of the pages of this node.
    pub(super) fn url(&self) -> Option<&str> {
        self.cluster.url()
    }

    /// Waits for a message on the bus. Cancel safe.
    pub(super) async fn receive(&mut self) -> Vec<u8> {
        if let Some(bus) = &mut self.bus
            && let Some(message) = bus.receive().await
        {
            return message;
        }
        self.bus = None;
        std::future::pending().await
    }

    /// Handles a message on the bus.
    pub(super) fn handle_message(&mut self, now: Duration, message: &[u8]) {
        self.cluster.handle_message(now, message);
    }

    /// Handles a datagram, if it comes from another node; returns whether it does.
    pub(super) fn handle_datagram(
        &mut self,
        now: Duration,
        source: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        self.cluster.handle_datagram(now, source, datagram)
    }

    /// When the next timeout is due.
    pub(super) fn poll_timeout(&self) -> Duration {
        self.cluster.poll_timeout().min(self.next_share)
    }

    /// Passes events at other nodes to the conferences.
    pub(super) fn deliver(&mut self, now: Duration, conferences: &mut Conferences) {
        self.cluster.handle_timeout(now);
        while let Some(event) = self.cluster.poll_event() {
            if let ClusterEvent::Fetched { file, result } = &event {
                let result = result.clone();
                let unavailable = |it: FetchError| Rejection::FileUnavailable(it.to_string());
                self.end_fetch(file, &result.map_err(unavailable));
            }
            if let Some(line) = event.deliver(now, conferences) {
                self.health.notice(line);
            }
        }
    }

    /// Passes the output of the conferences to other nodes: datagrams go to `outgoing`.
    pub(super) fn collect(
        &mut self,
        now: Duration,
        conferences: &mut Conferences,
        outgoing: &mut Vec<Transmit>,
    ) {
        if now >= self.next_share {
            self.next_share = now.saturating_add(SHARE_INTERVAL);
            self.cluster.set_rooms(now, conferences.shared());
            self.status.set(&self.cluster);
        }
        while let Some((room, relay)) = conferences.poll_relay() {
            self.cluster.relay(now, room, relay);
        }
        self.flush(outgoing);
    }

    /// Announces that this node stops.
    pub(super) fn leave(&mut self) {
        self.cluster.leave();
        self.flush(&mut Vec::new());
    }

    fn flush(&mut self, outgoing: &mut Vec<Transmit>) {
        while let Some(message) = self.cluster.poll_message() {
            if let Some(bus) = &self.bus {
                bus.send(message);
            }
        }
        outgoing.extend(std::iter::from_fn(|| self.cluster.poll_transmit()));
    }
}
