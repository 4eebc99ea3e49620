//! Congestion control at the sender: how much may be sent, from what the receiver says arrived.
//!
//! A [`Controller`] is told of each packet that leaves and of each report that comes back, and gives
//! an [`Estimate`]. Its main part follows the delay (draft-ietf-rmcat-gcc-02): groups of packets, a
//! trend line through their delays, a detector with a threshold of its own, and a rate that grows
//! while the queue does not. Beside it stand a limit by losses that depend on the rate, probing
//! above the rate, a window for the bytes in flight, and what is done when nothing is heard.
//!
//! Reports come as transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01) or by RFC 8888; both become
//! [`PacketReport`]s. Receiver reports and REMB serve where a receiver knows neither.

mod aimd;
mod config;
mod controller;
mod delay;
mod estimate;
mod fallback;
mod feedback;
mod groups;
mod history;
mod limited;
mod loss;
mod probe;
mod silence;
mod throughput;
mod trend;
mod units;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use config::ControllerConfig;
pub use controller::Controller;
pub use estimate::{Estimate, Outcome, PacketKind, PacketReport, Reason, Stats};
pub use probe::ProbeCluster;
pub use trend::Usage;
