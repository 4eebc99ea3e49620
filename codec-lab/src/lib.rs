//! Measurements of codecs: studies that compare encoders, benchmarks of encoders, decoders and
//! kernels, reports on streams, and simulated links.
//!
//! # Where things are
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | `codec compare`: studies of encoders (ADR 0017) | `compare.rs`, `compare/` |
//! | `codec bench`: encoders, decoders, kernels | `bench/` |
//! | kernels with their timing and their lower bound | `kernels/` |
//! | `codec inspect`: a page about a stream | `inspect.rs`, `inspect/` |
//! | `codec simulate`: a call over a virtual link (ADR 0016) | `simulate.rs`, `simulate/` |
//! | scoring of two videos on several threads; VMAF by ffmpeg | `measure/` |
//!
//! Metrics, BD-rate, plots and the report page are in `codec-measure`.

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
