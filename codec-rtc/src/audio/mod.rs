//! What a sender of sound decides.

mod resilience;

pub use resilience::{AudioLink, Resilience};
