//! Loss recovery: NACK, retransmission history, key-frame requests, long-term references.

mod history;
mod key_frame;
mod long_term;
mod nack;
mod reordering;

pub use history::{HistoryCounters, PacketHistory, PacketHistoryConfig, Resend};
pub use key_frame::{KeyFrameGate, KeyFrameRequester};
pub use long_term::{LongTermConfig, LongTermCounters, LongTermReferences, LossResponse, SlotPlan};
pub use nack::{NackConfig, NackCounters, NackGenerator, PacketOrigin};
pub use reordering::ReorderingWindow;
