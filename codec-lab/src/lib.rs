//! Measurements of codecs: studies that compare encoders, benchmarks of encoders, decoders and
//! kernels, reports on streams, and simulated links.

#![forbid(unsafe_code)]

pub mod bench;
pub mod compare;
pub mod inspect;
pub mod kernels;
mod machine;
pub mod measure;
pub mod orphans;
mod process;
pub mod simulate;
mod yardstick;
