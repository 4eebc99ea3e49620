//! Content and evaluation of RTCP reports. RFC 3550, section 6 and appendix A.
//!
//! | at the receiver | |
//! |---|---|
//! | [`ReceptionStats`] | loss and jitter of a stream, report blocks |
//! | [`TwccRecorder`], [`CcfbRecorder`] | congestion control feedback from arrival times |
//! | [`SenderClock`] | mapping of RTP timestamps to NTP times |
//! | at the sender | |
//! | [`SenderReportStats`] | content of sender reports |
//! | at both | |
//! | [`RoundTrip`] | round-trip time from reports and extended reports |
//! | [`RtcpSchedule`] | RTCP transmission interval |
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
pub use schedule::{RtcpSchedule, RtcpScheduleConfig};
pub use sender::{SenderClock, SenderReportStats};
pub use twcc::{TwccRecorder, TwccRecorderConfig};
