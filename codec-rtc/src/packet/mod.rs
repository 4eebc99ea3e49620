//! Payload formats: coded frames to packets and back.

pub mod vp8;
