//! What RTCP reports are made of, and what is learned from them. RFC 3550, section 6 and appendix A.
//!
//! | at the receiver | |
//! |---|---|
//! | [`ReceptionStats`] | losses and jitter of a stream, its report blocks |
//! | [`TwccRecorder`], [`CcfbRecorder`] | when packets came, told at intervals |
//! | [`SenderClock`] | RTP timestamps to NTP times |
//! | at the sender | |
//! | [`SenderStats`] | what a sender report says |
//! | at either | |
//! | [`RoundTrip`] | from reports, and from extended reports |
//! | [`Schedule`] | when to send RTCP |
//! | [`ntp`] | NTP times |

mod arrivals;
mod ccfb;
pub mod ntp;
mod reception;
mod round_trip;
mod schedule;
mod sender;
mod twcc;

pub use ccfb::{CcfbRecorder, CcfbRecorderConfig};
pub use reception::{Arrival, ReceptionCounters, ReceptionStats};
pub use round_trip::{ReferenceTimes, RoundTrip};
pub use schedule::{Schedule, ScheduleConfig};
pub use sender::{SenderClock, SenderStats};
pub use twcc::{TwccRecorder, TwccRecorderConfig};
