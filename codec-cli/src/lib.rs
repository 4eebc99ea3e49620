//! The parts of the `codec` command for other programs: the generator of synthetic clips, the
//! kernels with their timing clock, and the scaling of planes.

#![forbid(unsafe_code)]

pub mod kernels;
