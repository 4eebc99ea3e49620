//! The congestion controller: combines the delay-based, loss-based and probing estimators.

mod output;

use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;

use super::aimd::{Aimd, Observed, Step};
use super::app_limited::ApplicationLimit;
use super::backlog::Backlog;
use super::delay::Delays;
use super::fallback::Fallback;
use super::feedback::FeedbackReader;
use super::feedback_timeout::FeedbackTimeout;
use super::history::{History, Sent};
use super::inter_arrival::InterArrival;
use super::loss::{LossLimit, Path};
use super::probe::{ProbeCluster, Probes, Situation};
use super::throughput::Throughput;
use super::trendline::{BandwidthUsage, TrendlineEstimator};
use super::units::{bps, seconds_between};
use super::{ControllerConfig, Estimate, FeedbackOutcome, PacketKind, PacketReport, Stats};
use crate::rtcp::{Ccfb, Twcc};

/// Maximum number of packets read from one feedback message; the rest is ignored.
const MAX_REPORTS: usize = 16_384;
/// Window of the receive rate used for a decrease, in seconds.
const RECENT_S: f64 = 0.15;
/// Window of the receive rate that fits the link because no queue grows, in seconds.
const DELIVERED_S: f64 = 0.5;
/// Queueing delay below which the queue counts as empty, in seconds.
const EMPTY_S: f64 = 0.015;
/// No probing within this time after a decrease, in seconds.
const CALM_S: f64 = 3.0;
/// Feedback on a packet is expected within a round trip, the queueing delay, this number of feedback intervals and
/// [`LATE_FEEDBACK_S`], at most [`IDLE_S`].
const LATE_FEEDBACK_INTERVALS: f64 = 3.0;
/// Part of the time until feedback is expected, in seconds: see [`LATE_FEEDBACK_INTERVALS`].
const LATE_FEEDBACK_S: f64 = 0.05;
/// Longest time until feedback is expected, in seconds.
const IDLE_S: f64 = 2.0;
/// A packet is overdue if a report that comes this long after the shortest round trip, in seconds,
/// does not cover it.
const OVERDUE_S: f64 = 0.015;
/// Interval of the updates that depend only on time.
const TICK: Duration = Duration::from_millis(50);
/// If an update is later than this, this endpoint did not run, and could not read feedback.
const LATE_TICK: Duration = Duration::from_millis(150);

/// Sender-side congestion control of one network path.
///
/// ```
/// use std::time::Duration;
/// use codec_rtc::congestion::{Controller, ControllerConfig, PacketKind, PacketReport};
///
/// let mut controller = Controller::new(ControllerConfig::default())?;
/// let start = controller.poll(Duration::ZERO).expect("the initial estimate").target;
/// let mut target = start;
/// // 2.5 Mb/s over a link with a constant delay of 20 ms; feedback every 40 ms.
/// for sequence in 0..1000_u16 {
///     let now = Duration::from_millis(4 * u64::from(sequence));
///     controller.on_sent(now, sequence, 1250, PacketKind::Media, None);
///     if sequence % 10 == 9 {
///         let arrival = |sequence: u16| Duration::from_millis(20 + 4 * u64::from(sequence));
///         let report = |sequence| PacketReport { sequence, arrival: Some(arrival(sequence)) };
///         let reports: Vec<_> = (sequence - 9..=sequence).map(report).collect();
///         controller.on_feedback(now + Duration::from_millis(40), &reports);
///     }
///     if let Some(estimate) = controller.poll(now) {
///         target = estimate.target;
///     }
/// }
/// assert!(target > start);
/// # Ok::<(), codec_core::error::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Controller {
    config: ControllerConfig,
    reader: FeedbackReader,
    history: History,
    groups: InterArrival,
    trend: TrendlineEstimator,
    throughput: Throughput,
    delays: Delays,
    backlog: Backlog,
    aimd: Aimd,
    loss: LossLimit,
    probes: Probes,
    app_limit: ApplicationLimit,
    feedback_timeout: FeedbackTimeout,
    fallback: Fallback,
    remb_bps: Option<f64>,
    /// A receiver report has arrived, but no transport-wide feedback.
    uses_fallback: bool,
    reported_loss: f64,
    /// The delay-based rate before it was lowered, until the congestion is confirmed or the rate has recovered.
    unconfirmed_bps: Option<f64>,
    /// The last change of the estimate came from a probe.
    by_probe: bool,
    started: bool,
    last_feedback: Option<Duration>,
    last_sent: Duration,
    /// Packets sent before this time say nothing about the current link.
    used_from: Duration,
    /// Rate before the feedback timeout, to probe once the link recovers.
    resume_bps: Option<f64>,
    feedback_interval_s: f64,
    next_tick: Duration,
    last_reported: Option<Estimate>,
    stats: Stats,
}

impl Controller {
    /// Creates a controller.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: ControllerConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let bounds = (bps(config.min), bps(config.max));
        let start = bps(config.start);
        Ok(Self {
            config,
            reader: FeedbackReader::default(),
            history: History::default(),
            groups: InterArrival::default(),
            trend: TrendlineEstimator::default(),
            throughput: Throughput::default(),
            delays: Delays::default(),
            backlog: Backlog::default(),
            aimd: Aimd::new(start, bounds),
            loss: LossLimit::default(),
            probes: Probes::default(),
            app_limit: ApplicationLimit::default(),
            feedback_timeout: FeedbackTimeout::default(),
            fallback: Fallback::new(start),
            remb_bps: None,
            uses_fallback: false,
            reported_loss: 0.0,
            unconfirmed_bps: None,
            by_probe: false,
            started: false,
            last_feedback: None,
            last_sent: Duration::ZERO,
            used_from: Duration::ZERO,
            resume_bps: None,
            feedback_interval_s: 0.1,
            next_tick: Duration::ZERO,
            last_reported: None,
            stats: Stats::default(),
        })
    }

    /// Records a sent packet. `bytes` is its size on the wire with all headers, `probe` the id of
    /// the cluster that it belongs to.
    pub fn on_sent(
        &mut self,
        now: Duration,
        sequence: u16,
        bytes: u32,
        kind: PacketKind,
        probe: Option<u32>,
    ) {
        if !self.started {
            self.started = true;
            if self.config.probing {
                self.probes.start(now, bps(self.config.start), bps(self.config.max));
            }
        }
        self.last_sent = now;
        self.app_limit.on_sent(now, bytes);
        if !self.history.push(now, sequence, bytes, kind, probe) {
            self.stats.untracked_packets += 1;
        }
        if let Some(id) = probe {
            self.probes.on_sent(now, id, bytes);
        }
    }

    /// Maps the RTP sequence number of a stream to the transport-wide one, for RFC 8888 feedback.
    pub fn on_sent_rtp(&mut self, ssrc: u32, rtp_sequence: u16, sequence: u16) {
        self.reader.on_sent(ssrc, rtp_sequence, sequence);
    }

    /// Processes transport-wide congestion control feedback.
    pub fn on_twcc(&mut self, now: Duration, feedback: &Twcc) -> FeedbackOutcome {
        let reports = self.reader.twcc(feedback);
        self.on_feedback(now, &reports)
    }

    /// Processes RFC 8888 congestion control feedback.
    pub fn on_ccfb(&mut self, now: Duration, feedback: &Ccfb) -> FeedbackOutcome {
        let reports = self.reader.ccfb(feedback);
        self.on_feedback(now, &reports)
    }

    /// Processes per-packet feedback in any order. Arrival times count from an epoch of the
    /// receiver, the same in all messages.
    pub fn on_feedback(&mut self, now: Duration, reports: &[PacketReport]) -> FeedbackOutcome {
        self.stats.feedback_messages += 1;
        let mut arrived: Vec<(Duration, Sent)> = Vec::with_capacity(reports.len().min(MAX_REPORTS));
        for report in reports.iter().take(MAX_REPORTS) {
            let sent = self.history.report(report.sequence, report.arrival.is_some());
            match (sent, report.arrival) {
                (Some(sent), Some(arrival)) => arrived.push((arrival, sent)),
                (None, Some(_)) => self.stats.unmatched_reports += 1,
                (_, None) => {}
            }
        }
        arrived.sort_unstable_by_key(|&(arrival, sent)| (arrival, sent.sequence));
        let lost = self.history.take_lost();
        self.on_feedback_message(now);
        self.on_arrivals(now, &arrived);
        for _ in lost.iter().filter(|sent| sent.at >= self.used_from) {
            self.loss.on_lost();
        }
        self.stats.received_packets += arrived.len() as u64;
        self.stats.lost_packets += lost.len() as u64;
        let path = Path { rtt_s: self.delays.rtt_s(), is_standing: self.delays.is_standing(now) };
        self.loss.update(now, path, self.app_limit.sent_bps());
        self.step(now);
        FeedbackOutcome {
            received: arrived.iter().map(|(_, sent)| sent.wire_sequence()).collect(),
            lost: lost.iter().map(Sent::wire_sequence).collect(),
        }
    }

    fn on_feedback_message(&mut self, now: Duration) {
        if let Some(last) = self.last_feedback {
            let interval = seconds_between(last, now).clamp(0.02, 0.25);
            self.feedback_interval_s += 0.1 * (interval - self.feedback_interval_s);
        }
        self.last_feedback = Some(now);
        self.uses_fallback = false;
        if let Some((limit, before)) = self.feedback_timeout.end() {
            // Measurements from before the timeout, and of packets queued during it, are invalid.
            self.groups = InterArrival::default();
            self.trend = TrendlineEstimator::default();
            self.throughput = Throughput::default();
            self.backlog.reset();
            self.used_from = now;
            self.aimd.set(limit, now);
            self.unconfirmed_bps = None;
            self.resume_bps = self.config.probing.then(|| before.min(bps(self.config.max)));
        }
    }

    fn on_arrivals(&mut self, now: Duration, arrived: &[(Duration, Sent)]) {
        let max_bps = bps(self.config.max);
        let is_limited = self.app_limit.since().is_some();
        let mut measured = None;
        let used = || arrived.iter().filter(|(_, sent)| sent.at >= self.used_from);
        let newest = used().map(|(_, sent)| sent.at).max();
        let times: Vec<_> = used().map(|&(arrival, sent)| (sent.at, arrival)).collect();
        for (arrival, sent) in arrived {
            if sent.at < self.used_from {
                continue;
            }
            self.loss.on_arrived(sent.bytes);
            self.throughput.push(*arrival, sent.bytes, is_limited);
            if let Some(delta) = self.groups.push(sent.at, *arrival) {
                self.trend.push(delta);
            }
            if let Some(id) = sent.probe {
                let found = self.probes.on_arrived(now, id, *arrival, sent.bytes, max_bps);
                measured = found.or(measured);
            }
        }
        if newest.is_some()
            && let Some(before) = self.resume_bps.take()
        {
            self.probes.request(now, before);
        }
        if let Some(rtt) = newest.and_then(|at| now.checked_sub(at)) {
            self.delays.on_rtt(now, rtt);
        }
        self.delays.on_arrivals(now, &times);
        self.update_backlog(now, arrived);
        if let Some(found) = measured {
            self.on_probe(now, found);
        }
    }

    /// The queueing delay that was measured, or a longer one that is predicted.
    fn queueing_s(&self) -> f64 {
        self.delays.queueing_s().max(self.backlog.seconds())
    }

    /// Estimates the queueing delay from overdue packets.
    fn update_backlog(&mut self, now: Duration, arrived: &[(Duration, Sent)]) {
        let expected_s = self.delays.min_rtt_s() + OVERDUE_S;
        let before = now.saturating_sub(Duration::from_secs_f64(expected_s.clamp(0.0, 60.0)));
        let overdue = self.history.in_flight_bytes_before(before);
        let (one_way, acked) = (self.delays.min_one_way_s(), self.throughput.estimate());
        self.backlog.on_report(arrived, one_way, overdue, acked);
    }

    fn on_probe(&mut self, now: Duration, found_bps: f64) {
        if found_bps > self.aimd.bps() && self.trend.usage() != BandwidthUsage::Overuse {
            self.aimd.set(found_bps, now);
            self.loss.on_probe(found_bps);
            self.probes.on_success();
            self.by_probe = true;
            self.stats.probe_successes += 1;
        }
    }

    /// Updates the rate control after feedback.
    fn step(&mut self, now: Duration) {
        self.app_limit.update(now, self.target().0);
        // If competing flows fill the queue, backing off only makes room for them, so that only
        // losses count.
        let others = self.delays.is_contested(now) && self.loss.is_low();
        // The delay of a full queue does not grow any more.
        let is_full = self.delays.is_standing(now) && !self.loss.is_low();
        let usage = match self.trend.usage() {
            _ if is_full => BandwidthUsage::Overuse,
            BandwidthUsage::Overuse if others => BandwidthUsage::Normal,
            usage => usage,
        };
        let is_far_below = |rate: &f64| *rate < 0.5 * self.aimd.bps();
        let collapsed = self.backlog.collapsed_bps().filter(is_far_below);
        let usage = if collapsed.is_some() { BandwidthUsage::Overuse } else { usage };
        // Only a decrease needs it.
        let is_overuse = usage == BandwidthUsage::Overuse;
        let recent = || is_overuse.then(|| self.throughput.recent(RECENT_S)).flatten();
        // A burst of the time before a decrease is no longer in either average.
        let acked = self.throughput.estimate().filter(|acked| *acked > self.aimd.bps());
        let is_empty = usage == BandwidthUsage::Normal && self.queueing_s() < EMPTY_S;
        let delivered = acked.filter(|_| is_empty).zip(self.throughput.recent(DELIVERED_S));
        let seen = Observed {
            usage,
            acked_bps: self.throughput.estimate(),
            recent_bps: collapsed.or_else(recent),
            delivered_bps: delivered.map(|(acked, recent)| acked.min(recent)),
            rtt_s: self.delays.rtt_s(),
            queueing_s: self.queueing_s(),
            is_limited: self.app_limit.since().is_some(),
            is_contested: others,
        };
        let before = self.aimd.bps();
        match self.aimd.update(now, seen) {
            Step::Down => {
                self.stats.overuses += 1;
                self.by_probe = false;
                if self.aimd.bps() < 0.7 * before {
                    self.probes.expedite();
                }
            }
            Step::Up => self.by_probe = false,
            Step::Held => {}
        }
        let is_confirmed = self.delays.is_lasting(now) || collapsed.is_some();
        let kept = self.unconfirmed_bps.unwrap_or_default().max(before);
        self.unconfirmed_bps = (kept > self.aimd.bps() && !is_confirmed).then_some(kept);
    }

    /// Reports a round-trip time from sender and receiver reports. Used until transport-wide
    /// feedback arrives.
    pub fn on_rtt(&mut self, now: Duration, rtt: Duration) {
        if self.last_feedback.is_none() {
            self.delays.on_rtt(now, rtt);
        }
    }

    /// Processes the fraction lost of a receiver report, 0..=1. Ignored once transport-wide
    /// feedback has arrived.
    pub fn on_loss_report(&mut self, now: Duration, loss: f64) {
        if self.last_feedback.is_some() || !loss.is_finite() {
            return;
        }
        self.uses_fallback = true;
        self.reported_loss = loss.clamp(0.0, 1.0);
        let bounds = (bps(self.config.min), bps(self.config.max));
        self.fallback.on_report(now, self.reported_loss, self.delays.rtt_s(), bounds);
    }

    /// Sets the receiver's limit (REMB, draft-alvestrand-rmcat-remb-03); it holds until the next
    /// one.
    pub fn on_remb(&mut self, limit: Bitrate) {
        self.remb_bps = Some(bps(limit));
    }

    /// Changes the bounds, for example when a stream starts or ends.
    ///
    /// # Errors
    /// Returns [`ConfigError`] and changes nothing if `min` is above `max` or a value is outside
    /// the range of [`ControllerConfig`].
    pub fn set_bounds(&mut self, min: Bitrate, max: Bitrate) -> Result<(), ConfigError> {
        let start = self.config.start.clamp(min.min(max), max);
        let config = ControllerConfig { min, max, start, ..self.config };
        config.check()?;
        self.config = config;
        self.aimd.set_bounds((bps(min), bps(max)));
        Ok(())
    }

    /// Returns the estimate if it changed by more than 1 % or for another reason.
    pub fn poll(&mut self, now: Duration) -> Option<Estimate> {
        self.tick(now);
        let next = self.estimate();
        let changed = self.last_reported.is_none_or(|last| {
            let differ = |last: Bitrate, next: Bitrate| last.0.abs_diff(next.0) > last.0 / 100;
            differ(last.target, next.target)
                || differ(last.layers, next.layers)
                || last.reason != next.reason
        });
        if changed {
            self.last_reported = Some(next);
        }
        changed.then_some(next)
    }

    fn tick(&mut self, now: Duration) {
        if now < self.next_tick {
            return;
        }
        if now > self.next_tick.saturating_add(LATE_TICK) {
            self.feedback_timeout.restart(now);
        }
        self.next_tick = now.saturating_add(TICK);
        self.history.expire(now);
        if !self.started || self.uses_fallback {
            return;
        }
        let is_idle = self.is_idle(now);
        if is_idle {
            self.forget_queue();
        }
        let oldest = self.history.oldest_in_flight();
        let since = oldest.map(|at| self.last_feedback.map_or(at, |heard| heard.max(at)));
        let (estimate, min) = (self.target().0, bps(self.config.min));
        let before = self.feedback_timeout.limit_bps();
        self.feedback_timeout.update(now, since, self.delays.rtt_s(), estimate, min);
        if self.feedback_timeout.limit_bps() != before {
            self.stats.feedback_timeouts += 1;
        }
        let calm = |at| seconds_between(at, now) > CALM_S;
        let is_uncongested = self.trend.usage() == BandwidthUsage::Normal
            && self.delays.queueing_s() < 0.025
            && self.feedback_timeout.limit_bps().is_none()
            && self.loss.is_calm();
        let is_quiet = self.config.probing
            && self.last_feedback.is_some()
            && (is_uncongested || is_idle)
            && self.aimd.decreased().is_none_or(calm);
        let situation =
            Situation { estimate_bps: self.aimd.bps(), max_bps: bps(self.config.max), is_quiet };
        self.probes.update(now, situation);
    }

    /// Whether the sender has stopped for so long that the queue of the link must be empty: its packets
    /// have arrived or are lost, and no feedback on them is pending.
    fn is_idle(&self, now: Duration) -> bool {
        let late_s = LATE_FEEDBACK_INTERVALS * self.feedback_interval_s + LATE_FEEDBACK_S;
        let last_s = (self.delays.min_rtt_s() + self.queueing_s() + late_s).min(IDLE_S);
        let is_silent = self.last_feedback.is_some_and(|at| seconds_between(at, now) > late_s);
        is_silent && seconds_between(self.last_sent, now) > last_s
    }

    /// Resets the queueing delay that the last feedback showed: the sender may have stopped because of
    /// it, and would wait forever.
    fn forget_queue(&mut self) {
        self.delays.on_empty_queue();
        self.backlog.reset();
        self.history.cover_all();
    }

    /// Returns the next probe cluster to send.
    pub fn poll_probe(&mut self) -> Option<ProbeCluster> {
        let cluster = self.probes.poll();
        self.stats.probes += u64::from(cluster.is_some());
        cluster
    }

    /// Deadline of the next call of [`Self::poll`]; `None` before the first packet.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.started.then_some(self.next_tick)
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Estimated loss of the link that does not depend on the send rate, 0..=1.
    #[must_use]
    pub fn inherent_loss(&self) -> f64 {
        self.loss.inherent()
    }
}
