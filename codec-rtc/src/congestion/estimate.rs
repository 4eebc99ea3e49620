//! Input and output types of the controller.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::BandwidthUsage;

/// Purpose of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// Audio or video, sent for the first time.
    Media,
    /// Retransmission.
    Retransmission,
    /// FEC or another form of redundancy.
    Fec,
    /// Padding, for example for a probe.
    Padding,
}

/// Feedback on one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketReport {
    /// Transport-wide sequence number.
    pub sequence: u16,
    /// Arrival time by the clock of the receiver; `None` if the packet has not arrived.
    pub arrival: Option<Duration>,
}

/// New information from one feedback message, as transport-wide sequence numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedbackOutcome {
    /// Packets received, ordered by arrival.
    pub received: Vec<u16>,
    /// Packets considered lost. A packet may still be reported as received later.
    pub lost: Vec<u16>,
}

/// Cause of the target bitrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Initial value; no feedback yet.
    Start,
    /// Delay-based estimate.
    Delay,
    /// Result of a probe.
    Probe,
    /// Packet loss.
    Loss,
    /// Draining of a queue.
    Draining,
    /// Feedback timeout.
    FeedbackTimeout,
    /// Limit from the receiver (REMB).
    Receiver,
    /// Configured minimum.
    Minimum,
    /// Configured maximum.
    Maximum,
}

impl Reason {
    /// Short name for statistics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Delay => "delay",
            Self::Probe => "probe",
            Self::Loss => "loss",
            Self::Draining => "draining",
            Self::FeedbackTimeout => "feedback_timeout",
            Self::Receiver => "receiver",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
        }
    }
}

/// Bandwidth estimate. Rates count all bytes on the wire, headers included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Bitrate to send from now on.
    pub target: Bitrate,
    /// Bitrate for the choice of layers. Unlike `target`, only a persistent queue, losses or a feedback timeout lower
    /// it: a short delay, or feedback that is late once, may come from a busy endpoint, and a dropped layer takes longer
    /// to return than the bitrate of an encoder.
    pub layers: Bitrate,
    /// Estimated link capacity; `target` is lower while a queue is being drained.
    pub stable: Bitrate,
    /// Acknowledged bitrate; `None` if unknown.
    pub throughput: Option<Bitrate>,
    /// Smoothed packet loss, 0..=1.
    pub loss: f64,
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// Queueing delay of the forward path.
    pub queueing_delay: Duration,
    /// Predicted time in queues for a packet that is sent now, if the link has just become slower:
    /// by the packets that are overdue and the rate at which the last ones arrived. Otherwise 0.
    pub backlog: Duration,
    /// Verdict of the overuse detector.
    pub usage: BandwidthUsage,
    /// Cause of the target bitrate.
    pub reason: Reason,
}

/// Counters of a controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets not tracked, because their sequence number did not increase.
    pub untracked_packets: u64,
    /// Reports on packets that are unknown or were already reported.
    pub unmatched_reports: u64,
    /// Feedback messages processed.
    pub feedback_messages: u64,
    /// Packets received.
    pub received_packets: u64,
    /// Packets lost.
    pub lost_packets: u64,
    /// Rate decreases caused by delay.
    pub overuses: u64,
    /// Probe clusters requested.
    pub probes: u64,
    /// Probe clusters that raised the estimate.
    pub probe_successes: u64,
    /// Feedback timeouts.
    pub feedback_timeouts: u64,
}
