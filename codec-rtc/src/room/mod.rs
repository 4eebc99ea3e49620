//! Conference rooms of a selective forwarding unit (SFU) as state machines without input and output.
//!
//! | part | subject |
//! |---|---|
//! | [`Speakers`] | who speaks, who is dominant, and which audio packets to forward |
//! | [`KeyFrameGate`](key_frame_gate::KeyFrameGate) | when to request a key frame from a publisher |
//!
//! As in the whole crate, time is an argument: a [`Duration`](core::time::Duration) since an epoch
//! that the caller chooses. It does not decrease from one call to the next.

mod id;
pub mod key_frame_gate;
pub mod speakers;

pub use id::ParticipantId;
pub use speakers::Speakers;
