//! Measurements of codecs: studies that compare encoders, benchmarks of encoders, decoders and
//! kernels, reports on streams, and simulated links.
//!
//! # Examples
//!
//! Run a study (a comparison of encoders over several clips) and write its report. The `grammar`
//! checks the `codec encode` options of each encoder; the `codec` command passes its own option
//! parser:
//!
//! ```no_run
//! use codec_lab::compare::options::{CompareOptions, EncodeGrammar};
//! use codec_media::Env;
//! use codec_media::failure::Result;
//!
//! fn study(mut options: CompareOptions, grammar: &dyn EncodeGrammar, env: &Env) -> Result<()> {
//!     options.arms = vec!["vp8 --preset rtc".into(), "cmd:vpxenc --target-bitrate={kbps} -o {out} {in}".into()];
//!     options.bpp = vec![0.03, 0.06, 0.12, 0.24];
//!     codec_lab::compare::run(&options, grammar, env)
//! }
//! ```
//!
//! Measure the shortest run of a kernel, in nanoseconds:
//!
//! ```
//! use codec_lab::kernels::min_ns;
//! use codec_simd::{Block16, Kernels};
//!
//! let (current, reference) = (Block16::default(), Block16::default());
//! let kernels = Kernels::best();
//! let nanoseconds = min_ns(3, || {
//!     std::hint::black_box(kernels.sad_16x16(&current, reference.window()));
//! });
//! assert!(nanoseconds > 0.0);
//! ```
//!
//! # Where things are
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | `codec compare`: studies of encoders (ADR 0017) | `compare/` |
//! | `codec bench`: encoders, decoders, kernels | `bench/` |
//! | kernel benchmarks: measured times and a lower bound of each | `kernels/` |
//! | `codec inspect`: a report about each frame and block of a stream | `inspect/` |
//! | `codec simulate`: a stream over a simulated link (ADR 0016) | `simulate/` |
//! | scoring of two videos on several threads | `measure/` |
//!
//! Metrics, BD-rate, plots and the report page are in `codec-measure`.

#![forbid(unsafe_code)]

pub mod bench;
mod calibration;
pub mod compare;
mod cpu_clock;
pub mod inspect;
pub mod kernels;
mod machine;
pub mod measure;
mod process;
mod process_group;
pub mod simulate;
pub mod watchdog;
