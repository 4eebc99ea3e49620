//! Sender-side audio policy: resilience against packet loss.

mod resilience;

pub use resilience::{LinkConditions, Resilience};
