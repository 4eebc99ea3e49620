//! Media between nodes, and requests for media.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use codec_webrtc::Transmit;

use super::link::LinkEvent;
use super::{Cluster, ClusterEvent};

impl Cluster {
    /// Requests an SSRC of another node, or ends the request.
    pub(super) fn want(&mut self, node: u64, ssrc: u32, on: bool) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.want(ssrc, on);
        }
    }

    /// Requests a key frame from another node.
    pub(super) fn request_key_frame(&mut self, node: u64, ssrc: u32) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.link.request_key_frame(ssrc);
        }
    }

    /// Sends a packet to the nodes that request its SSRC.
    pub(super) fn send_media(&mut self, now: Duration, ssrc: u32, data: &[u8]) {
        for node in self.nodes.values_mut().filter(|it| it.requests(ssrc)) {
            node.link.send_media(now, data);
        }
    }

    /// Handles a datagram, if it comes from the address of another node; returns whether it does.
    pub(in super::super) fn handle_datagram(
        &mut self,
        now: Duration,
        source: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        let Some(number) = self.addresses.get(&source).copied() else { return false };
        let Some(node) = self.nodes.get_mut(&number) else { return false };
        node.link.handle_datagram(now, datagram);
        let events: Vec<_> = std::iter::from_fn(|| node.link.poll_event()).collect();
        for event in events {
            self.handle_link_event(now, number, event);
        }
        true
    }

    fn handle_link_event(&mut self, now: Duration, number: u64, event: LinkEvent) {
        let Some(node) = self.nodes.get_mut(&number).filter(|it| it.is_alive) else { return };
        match event {
            LinkEvent::Media(data) => {
                let Ok(packet) = codec_rtc::rtp::parse(&data) else { return };
                let ssrc = packet.header.ssrc;
                if let Some(room) = node.room_of(ssrc).map(Arc::clone) {
                    let event = ClusterEvent::Packet { room, node: number, ssrc, data };
                    self.events.push_back(event);
                }
            }
            LinkEvent::Want(ssrcs, on) => {
                for ssrc in ssrcs {
                    if !self.sources.contains_key(&ssrc) {
                        continue;
                    }
                    if let Some(node) = self.nodes.get_mut(&number) {
                        node.set_requested(now, ssrc, on);
                    }
                    self.report_needed(ssrc);
                }
            }
            LinkEvent::KeyFrame(ssrc) => {
                if let Some(room) = self.sources.get(&ssrc).map(Arc::clone) {
                    self.events.push_back(ClusterEvent::KeyFrame { room, node: number, ssrc });
                }
            }
            LinkEvent::GetFile(request) => self.handle_file_request(now, number, request),
            LinkEvent::FilePart(part) => self.handle_file_part(now, number, part),
            LinkEvent::NoFile(transfer) => self.handle_no_file(now, number, transfer),
        }
    }

    /// Returns the next datagram.
    pub(in super::super) fn poll_transmit(&mut self) -> Option<Transmit> {
        let own = &self.own.addresses;
        self.nodes.values_mut().find_map(|node| {
            let payload = node.link.poll_transmit()?;
            let (source, destination) = node.path(own)?;
            Some(Transmit { source, destination, payload })
        })
    }

    /// Ends requests of other nodes that expired, or whose SSRCs are gone.
    pub(super) fn expire_requests(&mut self, now: Duration) {
        let sources = &self.sources;
        let nodes = self.nodes.values_mut();
        let over = nodes.flat_map(|it| it.expire_requests(now, |ssrc| sources.contains_key(&ssrc)));
        for ssrc in over.collect::<Vec<_>>() {
            self.report_needed(ssrc);
        }
    }

    /// Reports whether any node needs an SSRC, if that has changed.
    pub(super) fn report_needed(&mut self, ssrc: u32) {
        let is_needed = self.nodes.values().any(|node| node.requests(ssrc));
        let has_changed =
            if is_needed { self.needed.insert(ssrc) } else { self.needed.remove(&ssrc) };
        let room = self.sources.get(&ssrc).map(Arc::clone);
        if let Some(room) = room.filter(|_| has_changed) {
            self.events.push_back(ClusterEvent::Needed { room, ssrc, is_needed });
        }
    }
}
