//! One flow: an encoder model with varying frame sizes, the pacer, the controller, and a receiver
//! that sends feedback.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use codec_core::codec::Bitrate;

use crate::congestion::{Controller, ControllerConfig, PacketKind, PacketReport};
use crate::pacer::{Pacer, PacerConfig, Priority};
use crate::rng::Rng;
use crate::sequence::wrap_16;

/// IPv4 and UDP headers, in bytes.
const OVERHEAD: usize = 28;
const FRAME: Duration = Duration::from_nanos(33_333_333);
const FEEDBACK: Duration = Duration::from_millis(50);

#[derive(Clone, Copy)]
pub(crate) struct FlowConfig {
    pub(crate) controller: ControllerConfig,
    /// Index of the forward link, and of the reverse link.
    pub(crate) link: usize,
    pub(crate) back: usize,
    /// Additional one-way delay in each direction.
    pub(crate) extra_delay: Duration,
    pub(crate) start: Duration,
    /// Interval without media.
    pub(crate) pause: Option<(Duration, Duration)>,
    /// Interval without feedback.
    pub(crate) feedback_outage: Option<(Duration, Duration)>,
    /// Maximum bitrate of the encoder.
    pub(crate) most: Bitrate,
}

impl FlowConfig {
    pub(crate) fn new() -> Self {
        Self {
            controller: ControllerConfig::default(),
            link: 0,
            back: 1,
            extra_delay: Duration::ZERO,
            start: Duration::ZERO,
            pause: None,
            feedback_outage: None,
            most: Bitrate::kbps(1_000_000),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Packet {
    pub(super) sequence: i64,
    pub(super) bytes: usize,
    pub(super) captured: Duration,
}

struct Queued {
    bytes: usize,
    captured: Duration,
    kind: PacketKind,
}

pub(super) struct Flow {
    pub(super) config: FlowConfig,
    pub(super) controller: Controller,
    pacer: Pacer<Queued>,
    rng: Rng,
    next_frame: Duration,
    frames: u64,
    /// Accumulated excess of frame sizes over the target, in bits.
    debt: f64,
    next_sequence: i64,
    /// State of the receiver.
    bytes: VecDeque<usize>,
    first: i64,
    arrived: BTreeMap<i64, Duration>,
    next_report: i64,
    next_feedback: Duration,
}

impl Flow {
    pub(super) fn new(config: FlowConfig, seed: u64) -> Self {
        let rate = config.controller.start;
        let max_queue = Some(Duration::from_millis(250));
        Self {
            config,
            controller: Controller::new(config.controller).expect("valid"),
            pacer: Pacer::new(PacerConfig { max_queue, ..PacerConfig::new(rate) }).expect("valid"),
            rng: Rng::stream(seed, 77),
            next_frame: config.start,
            frames: 0,
            debt: 0.0,
            next_sequence: 0,
            bytes: VecDeque::new(),
            first: 0,
            arrived: BTreeMap::new(),
            next_report: 0,
            next_feedback: config.start,
        }
    }

    pub(super) fn poll_timeout(&self) -> Duration {
        let controller = self.controller.poll_timeout();
        let times = [Some(self.next_frame), Some(self.next_feedback), self.pacer.poll_timeout()];
        times.into_iter().flatten().chain(controller).min().expect("a frame")
    }

    pub(super) fn step(&mut self, now: Duration) {
        self.controller.poll(now);
        if now >= self.next_frame {
            self.encode(now);
            self.next_frame += FRAME;
        }
        let rate = self.controller.pacing_rate();
        self.pacer.set_rate(rate).expect("valid");
        self.pacer.set_congested(self.controller.is_window_full(now));
        if !self.pacer.is_probing()
            && let Some(cluster) = self.controller.poll_probe()
        {
            self.pacer.start_probe(now, cluster);
        }
    }

    fn encode(&mut self, now: Duration) {
        if self.config.pause.is_some_and(|(from, to)| (from..to).contains(&now)) {
            return;
        }
        let target = self.controller.estimate().target.min(self.config.most).0 as f64;
        let planned = target / 30.0;
        // Drop the frame if the pacer queue would delay it too much.
        if self.pacer.queued_bytes() as f64 * 8.0 > 0.4 * target {
            self.debt = 0.0;
            return;
        }
        let noise = 0.7 + 0.6 * self.rng.unit();
        let first = if self.frames == 0 { 4.0 } else { 1.0 };
        self.frames += 1;
        let size = (planned * noise * first - 0.2 * self.debt).max(0.1 * planned);
        self.debt = (self.debt + size - planned).clamp(-planned, 10.0 * planned);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let mut left = ((size / 8.0) as usize).max(60);
        let count = left.div_ceil(1200 + OVERHEAD);
        let each = left.div_ceil(count);
        while left > 0 {
            let bytes = each.min(left);
            left -= bytes;
            let bytes = bytes.saturating_sub(OVERHEAD).max(20);
            let packet = Queued { bytes, captured: now, kind: PacketKind::Media };
            self.pacer.push(bytes + OVERHEAD, Priority::Media, packet);
        }
    }

    /// Returns the next packet to send.
    pub(super) fn poll(&mut self, now: Duration) -> Option<Packet> {
        if let Some(bytes) = self.pacer.poll_padding(now) {
            let kind = PacketKind::Padding;
            let padding = Queued { bytes: bytes - OVERHEAD, captured: now, kind };
            self.pacer.push(bytes, Priority::Padding, padding);
        }
        let departure = self.pacer.poll_departure(now)?;
        let Queued { bytes, captured, kind } = departure.packet;
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.bytes.push_back(bytes + OVERHEAD);
        let wire = u32::try_from(bytes + OVERHEAD).expect("small");
        self.controller.on_sent(now, wrap_16(sequence), wire, kind, departure.probe);
        self.pacer.set_congested(self.controller.is_window_full(now));
        Some(Packet { sequence, bytes, captured })
    }

    /// Receives a packet; returns its size in bytes.
    pub(super) fn receive(&mut self, now: Duration, sequence: i64) -> usize {
        self.arrived.insert(sequence, now);
        while self.bytes.len() > 20_000 {
            self.bytes.pop_front();
            self.first += 1;
        }
        let index = usize::try_from(sequence - self.first).ok();
        index.and_then(|index| self.bytes.get(index)).copied().unwrap_or(0)
    }

    pub(super) fn poll_feedback(&mut self, now: Duration) -> Option<Vec<PacketReport>> {
        if now < self.next_feedback {
            return None;
        }
        self.next_feedback += FEEDBACK;
        let (&oldest, _) = self.arrived.first_key_value()?;
        let (&last, _) = self.arrived.last_key_value()?;
        let from = self.next_report.min(oldest);
        self.next_report = self.next_report.max(last + 1);
        let arrived = std::mem::take(&mut self.arrived);
        // The clock of the receiver has another epoch.
        let clock = Duration::from_secs(1000);
        let report = |number| PacketReport {
            sequence: wrap_16(number),
            arrival: arrived.get(&number).map(|&at| at + clock),
        };
        Some((from..=last).map(report).collect())
    }

    pub(super) fn on_feedback(&mut self, now: Duration, reports: &[PacketReport]) {
        if self.config.feedback_outage.is_some_and(|(from, to)| (from..to).contains(&now)) {
            return;
        }
        self.controller.on_feedback(now, reports);
    }
}
