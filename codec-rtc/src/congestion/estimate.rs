//! What goes in and what comes out.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::Usage;

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// Audio or video that is sent for the first time.
    Media,
    /// Sent again.
    Retransmission,
    /// Redundancy.
    Fec,
    /// Sent for its bytes alone.
    Padding,
}

/// What a receiver says of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketReport {
    /// Its transport-wide sequence number.
    pub sequence: u16,
    /// When it arrived, by the receiver's clock; `None`: it has not.
    pub arrival: Option<Duration>,
}

/// What a report said that was not known before, by transport-wide sequence numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Packets that arrived, by arrival.
    pub received: Vec<u16>,
    /// Packets that are taken to be lost. One may still be received later.
    pub lost: Vec<u16>,
}

/// What decides the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing is known yet.
    Start,
    /// The delay: as much as keeps the queue short.
    Delay,
    /// A probe showed that there is room.
    Probe,
    /// Losses.
    Loss,
    /// A queue that built up is being emptied.
    Draining,
    /// No feedback comes.
    Silence,
    /// The receiver's own limit (REMB).
    Receiver,
    /// The lowest rate of the settings.
    Lowest,
    /// The highest rate of the settings.
    Highest,
}

impl Reason {
    /// In one word, for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Delay => "delay",
            Self::Probe => "probe",
            Self::Loss => "loss",
            Self::Draining => "draining",
            Self::Silence => "silence",
            Self::Receiver => "receiver",
            Self::Lowest => "lowest",
            Self::Highest => "highest",
        }
    }
}

/// How much may be sent. Rates count all bytes on the wire, overhead included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// What is to be sent from now on.
    pub target: Bitrate,
    /// What the link is taken to carry; the target is less while a queue is being emptied.
    pub stable: Bitrate,
    /// What arrives; `None` while not known.
    pub throughput: Option<Bitrate>,
    /// Share of packets lost, smoothed, 0..=1.
    pub loss: f64,
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// Time in queues on the way there.
    pub queueing: Duration,
    /// What the delay says.
    pub usage: Usage,
    /// What decides the target.
    pub reason: Reason,
}

/// What a controller has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets whose number did not follow the one before, or with no room to remember.
    pub refused_packets: u64,
    /// Reports on packets that are not remembered or were reported before.
    pub useless_reports: u64,
    /// Reports taken.
    pub feedbacks: u64,
    /// Packets received.
    pub received_packets: u64,
    /// Packets lost.
    pub lost_packets: u64,
    /// Times that the delay lowered the rate.
    pub overuses: u64,
    /// Probe clusters that were asked for.
    pub probes: u64,
    /// Probe clusters that raised the estimate.
    pub probe_successes: u64,
    /// Times that feedback was overdue.
    pub silences: u64,
}
