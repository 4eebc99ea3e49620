//! Loss recovery: NACK, retransmission history, key-frame requests, long-term references.

mod history;
mod key_frame;
mod long_term;
mod nack;
mod reordering;

pub use history::{History, HistoryConfig, HistoryCounters, Resend};
pub use key_frame::{KeyFrameGate, KeyFrameRequester};
pub use long_term::{Cure, LongTerm, LongTermConfig, LongTermCounters, SlotPlan};
pub use nack::{Came, NackConfig, NackCounters, Nacker};
pub use reordering::Reordering;
