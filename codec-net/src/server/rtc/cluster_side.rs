//! The cluster on the thread that runs the calls: connects the conferences, the bus and the sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use codec_webrtc::Transmit;

use super::super::cluster::{Bus, Cluster, ClusterConfig, ClusterEvent, ClusterStatus, Identity};
use super::super::conference::{Conferences, Relay};
use super::super::health::Health;
use crate::random;

/// Interval at which the state of the rooms is compared with that of the last announcement.
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
            match event {
                ClusterEvent::Room(room, members) => conferences.set_remote(now, &room, members),
                ClusterEvent::Packet { room, node, ssrc, data } => {
                    conferences.receive_remote(now, &room, node, ssrc, data);
                }
                ClusterEvent::Needed { room, ssrc, is_needed } => {
                    conferences.set_needed(now, &room, ssrc, is_needed);
                }
                ClusterEvent::KeyFrame { room, node, ssrc } => {
                    conferences.request_key_frame_of(now, &room, node, ssrc);
                }
                ClusterEvent::Moderate { room, member, removes } => {
                    conferences.moderate(now, &room, member, removes);
                }
                ClusterEvent::Message { room, node, message } => {
                    conferences.say_remote(now, &room, node, message);
                }
                ClusterEvent::Nodes(urls) => conferences.set_nodes(now, urls),
                ClusterEvent::Notice(line) => self.health.notice(line),
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
            match relay {
                Relay::Media { ssrc, data } => self.cluster.send_media(now, ssrc, &data),
                Relay::Want { node, ssrc, on } => self.cluster.want(node, ssrc, on),
                Relay::Message(message) => self.cluster.say(room, message),
                Relay::KeyFrame { node, ssrc } => self.cluster.request_key_frame(node, ssrc),
                Relay::Moderate { node, member, removes } => {
                    self.cluster.moderate(node, &room, member, removes);
                }
            }
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
