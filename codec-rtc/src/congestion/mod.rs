//! Sender-side congestion control: a bandwidth estimate from per-packet feedback.
//!
//! A [`Controller`] takes every sent packet and every feedback message and produces an
//! [`Estimate`]. Its main part is delay-based (GCC, draft-ietf-rmcat-gcc-02): packet groups, a
//! trend-line filter, an overuse detector with an adaptive threshold, and AIMD rate control. The
//! other parts are a loss-based limit, probing, a congestion window for bytes in flight and a
//! feedback timeout.
//!
//! Feedback is transport-wide (draft-holmer-rmcat-transport-wide-cc-extensions-01) or RFC 8888;
//! both are converted to [`PacketReport`]s. If the receiver supports neither, receiver reports and
//! REMB are used.

mod aimd;
mod app_limited;
mod backlog;
mod config;
mod controller;
mod delay;
mod estimate;
mod fallback;
mod feedback;
mod feedback_timeout;
mod history;
mod inter_arrival;
mod loss;
mod probe;
mod throughput;
mod trendline;
mod units;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use config::ControllerConfig;
pub use controller::Controller;
pub use estimate::{Estimate, FeedbackOutcome, PacketKind, PacketReport, Reason, Stats};
pub use probe::ProbeCluster;
pub use trendline::BandwidthUsage;
