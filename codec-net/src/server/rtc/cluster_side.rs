//! The cluster on the thread that runs the calls: connects the conferences, the bus and the sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use codec_webrtc::Transmit;

use super::super::cluster::{Bus, Cluster, ClusterConfig, ClusterStatus, Identity};
use super::super::conference::Conferences;
use super::super::health::Health;
use crate::random;

/// Interval at which the state of the rooms is compared with the last announcement.
const SHARE_INTERVAL: Duration = Duration::from_millis(100);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct ClusterSide {
    cluster: Cluster,
    /// `None` if its other end has gone.
    bus: Option<Bus>,
    next_share: Duration,
    status: Arc<ClusterStatus>,
    health: Arc<Health>,
}

impl ClusterSide {
    /// `addresses`: where datagrams of other nodes are received.
    pub(super) fn new(
        config: ClusterConfig,
        addresses: Vec<SocketAddr>,
        status: Arc<ClusterStatus>,
        health: Arc<Health>,
    ) -> Self {
        let ClusterConfig { bus, url } = config;
        let cluster = Cluster::new(Identity::new(random::bytes(), addresses, url));
        Self { cluster, bus: Some(bus), next_share: Duration::ZERO, status, health }
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
