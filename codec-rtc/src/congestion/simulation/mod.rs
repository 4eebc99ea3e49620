//! Simulation of the controller: flows over links in virtual time. The tests in `cases` print the
//! figures of docs/congestion.md.

mod cases;
mod flow;
mod report;
mod tcp;

use std::collections::BTreeMap;
use std::time::Duration;

use codec_core::codec::Bitrate;

use crate::link::{Link, LinkConfig, QueueLimit, RateTrace, Sent};

use flow::Flow;
pub(super) use flow::FlowConfig;
use report::Record;
use tcp::Tcp;

use super::PacketReport;

/// A packet in transit.
#[derive(Clone, Debug)]
enum Wire {
    Media { flow: usize, sequence: i64, sent: Duration, captured: Duration },
    Feedback { flow: usize, reports: Vec<PacketReport> },
    Segment { number: u64 },
    Ack { number: u64 },
}

/// One simulation run.
pub(super) struct World {
    links: Vec<Link<Wire>>,
    flows: Vec<Flow>,
    tcp: Option<Tcp>,
    /// Packets in the additional delay of a flow after its link.
    deliveries: BTreeMap<(Duration, u64), Wire>,
    count: u64,
    pub(super) record: Record,
}

/// A link whose rate changes over time: steps of seconds and kb/s.
pub(super) fn link(delay_ms: u64, queue_ms: u64, steps: &[(u64, u64)]) -> LinkConfig {
    let steps = steps.iter().map(|&(at, kbps)| (Duration::from_secs(at), Bitrate::kbps(kbps)));
    let rate = RateTrace::new(steps.collect()).expect("ascending");
    let queue = QueueLimit::Time(Duration::from_millis(queue_ms));
    LinkConfig { delay: Duration::from_millis(delay_ms), queue, ..LinkConfig::new(rate) }
}

impl World {
    pub(super) fn new(links: Vec<LinkConfig>, flows: &[FlowConfig], seed: u64) -> Self {
        let traces = links.iter().map(|link| link.rate.clone()).collect();
        let numbered = links.into_iter().zip(seed..);
        let links = numbered.map(|(link, seed)| Link::new(link, seed).expect("valid")).collect();
        let numbered = flows.iter().zip(seed..);
        let flows: Vec<_> = numbered.map(|(config, seed)| Flow::new(*config, seed)).collect();
        let record = Record::new(traces, flows.len());
        Self { links, flows, tcp: None, deliveries: BTreeMap::new(), count: 0, record }
    }

    /// Adds a long TCP flow starting at `start`, over link 0 and back over link 1.
    pub(super) fn with_tcp(mut self, start: Duration) -> Self {
        self.tcp = Some(Tcp::new(start));
        self
    }

    pub(super) fn run(mut self, until: Duration) -> Record {
        let mut now = Duration::ZERO;
        while let Some(next) = self.poll_timeout() {
            now = next.max(now);
            if now >= until {
                break;
            }
            self.step(now);
        }
        self.record.stats = self.flows.iter().map(|flow| flow.controller.stats()).collect();
        self.record
    }

    fn poll_timeout(&self) -> Option<Duration> {
        let links = self.links.iter().filter_map(Link::poll_timeout);
        let flows = self.flows.iter().map(Flow::poll_timeout);
        let delivery = self.deliveries.first_key_value().map(|(&(at, _), _)| at);
        let tcp = self.tcp.as_ref().map(Tcp::poll_timeout);
        links.chain(flows).chain(delivery).chain(tcp).min()
    }

    fn step(&mut self, now: Duration) {
        for index in 0..self.links.len() {
            while let Some(arrival) = self.links[index].poll(now) {
                let extra = match &arrival.packet {
                    Wire::Media { flow, .. } | Wire::Feedback { flow, .. } => {
                        self.flows[*flow].config.extra_delay
                    }
                    _ => Duration::ZERO,
                };
                self.count += 1;
                self.deliveries.insert((arrival.at + extra, self.count), arrival.packet);
            }
        }
        while let Some(entry) = self.deliveries.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let wire = entry.remove();
            self.deliver(now, wire);
        }
        for index in 0..self.flows.len() {
            self.flows[index].step(now);
            self.send_of(now, index);
        }
        if let Some(tcp) = &mut self.tcp {
            while let Some(number) = tcp.poll(now) {
                self.links[0].send(now, 1472, Wire::Segment { number });
            }
        }
    }

    fn send_of(&mut self, now: Duration, index: usize) {
        let flow = &mut self.flows[index];
        self.record.target(now, index, flow.controller.estimate().target);
        while let Some(packet) = flow.poll(now) {
            let (sequence, captured) = (packet.sequence, packet.captured);
            let wire = Wire::Media { flow: index, sequence, sent: now, captured };
            let sent = self.links[flow.config.link].send(now, packet.bytes, wire);
            let queued = match sent {
                Sent::Queued { queued, .. } => Some(queued),
                Sent::Dropped => None,
            };
            self.record.sent(now, index, flow.config.link, packet.bytes + 28, queued);
        }
        if let Some(reports) = flow.poll_feedback(now) {
            let bytes = 28 + 2 * reports.len();
            self.links[flow.config.back].send(now, bytes, Wire::Feedback { flow: index, reports });
        }
    }

    fn deliver(&mut self, now: Duration, wire: Wire) {
        match wire {
            Wire::Media { flow, sequence, sent, captured } => {
                let bytes = self.flows[flow].receive(now, sequence);
                self.record.received(now, flow, bytes, (sent, captured));
            }
            Wire::Feedback { flow, reports } => self.flows[flow].on_feedback(now, &reports),
            Wire::Segment { number } => {
                let acked = self.tcp.as_mut().map_or(0, |tcp| tcp.receive(number));
                self.links[1].send(now, 12, Wire::Ack { number: acked });
            }
            Wire::Ack { number } => {
                if let Some(tcp) = &mut self.tcp {
                    tcp.acknowledge(now, number);
                }
            }
        }
    }
}
