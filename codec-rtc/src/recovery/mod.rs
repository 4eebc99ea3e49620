//! Loss recovery: NACK, retransmission history, key-frame requests, long-term references.
//!
//! | at the receiver | |
//! |---|---|
//! | [`NackGenerator`] | which packets to request, and when to repeat a request |
//! | [`KeyFrameRequester`] | when to send PLI |
//! | [`ReorderingWindow`] | how long a missing packet counts as reordered rather than lost |
//! | at the sender | |
//! | [`PacketHistory`] | sent packets for retransmission, within a rate limit |
//! | [`KeyFrameGate`] | limits how often key frames are coded on request |
//! | [`LongTermReferences`] | recovery without a key frame, from a frame that the receiver has |
//!
//! ```
//! use std::time::Duration;
//!
//! use codec_rtc::recovery::{NackConfig, NackGenerator, PacketHistory, PacketOrigin, Resend};
//!
//! let (now, rtt) = (Duration::from_millis(100), Duration::from_millis(40));
//! let mut history = PacketHistory::new(Duration::from_secs(1), 1000);
//! let mut nacks = NackGenerator::new(NackConfig::default());
//! for sequence in 1..=4_u16 {
//!     history.push(now, sequence, &sequence.to_be_bytes());
//!     if sequence != 3 {
//!         nacks.push(now, sequence, PacketOrigin::Media);
//!     }
//! }
//! let mut missing = Vec::new();
//! nacks.poll(now, &mut missing);
//! assert_eq!(missing, [3]);
//! assert_eq!(history.request(now + rtt, 3, rtt), Resend::Packet(&[0, 3]));
//! ```

mod blocks;
mod budget;
mod history;
mod key_frame;
mod long_term;
mod nack;
mod reordering;

pub use budget::Budget;
pub use history::{HistoryCounters, PacketHistory, PacketHistoryConfig, Resend};
pub use key_frame::{KeyFrameGate, KeyFrameRequester};
pub use long_term::{LongTermConfig, LongTermCounters, LongTermReferences, LossResponse, SlotPlan};
pub use nack::{NackConfig, NackCounters, NackGenerator, PacketOrigin};
pub use reordering::ReorderingWindow;
