//! Forward error correction (FEC) by parity: ULPFEC (RFC 5109) and FlexFEC (RFC 8627).
//!
//! Repair packets are the XOR of media packets including their headers, with a mask that lists the
//! covered packets. If one packet of a mask is lost, the receiver recovers it from the others;
//! a [`Decoder`] also uses recovered packets, until no further packet can be recovered.
//! [`controller`] decides how many repair packets to send, [`mask`] which packets each of them
//! covers.

pub mod controller;
mod decoder;
mod encoder;
pub mod flexfec;
pub mod mask;
mod parity;
pub mod ulpfec;
mod window;

#[cfg(test)]
mod tests;

pub use decoder::{FecCounters, FecLimits};
pub use encoder::Encoder;

#[cfg(doc)]
use ulpfec::Decoder;
