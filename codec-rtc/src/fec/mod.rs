//! Forward error correction by parity: ULPFEC (RFC 5109) and FlexFEC (RFC 8627).
//!
//! Both make repair packets that are the exclusive or of media packets, their headers included, and
//! say by a mask which. A receiver that misses one packet of a mask makes it from the others.
//! [`Decoder`]s go on with what they made until nothing more follows. [`protection`] decides how
//! many repair packets are worth their bytes, [`mask`] which packets each of them covers.

mod decoder;
pub mod flexfec;
pub mod mask;
mod parity;
pub mod protection;
pub mod ulpfec;
mod window;

#[cfg(test)]
mod tests;

pub use decoder::{FecCounters, FecLimits};

#[cfg(doc)]
use ulpfec::Decoder;
