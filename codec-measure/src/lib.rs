//! Measurements of codecs and their evaluation: quality metrics, rate-distortion curves and their
//! differences, statistics, and the results of a study with their report.
//!
//! This crate runs no encoder, reads no clock and accesses no file.
//!
//! # Where things are
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | PSNR, SSIM, MS-SSIM, XPSNR, PSNR-HVS, CIEDE2000; others by features | `metrics.rs`, `metrics/` |
//! | matching of frames of two videos | `align.rs` |
//! | BD-rate and BD-metric (ISO/IEC TR 23002-8) | `bd.rs` |
//! | medians, quantiles, confidence intervals, tests | `stats.rs`, `stats/student.rs` |
//! | rate control and latency of an encoder's output | `rate.rs`, `latency.rs` |
//! | Pareto frontier of speed and quality | `frontier.rs` |
//! | results of a study as JSON (`docs/results-schema.md`), their summary | `results.rs`, `summary.rs` |
//! | plots as SVG and PNG | `plot.rs`, `plot/` |
//! | the report: HTML, CSV, terminal | `report.rs`, `report/` |

#![forbid(unsafe_code)]

mod summary;
mod trust;

pub mod align;
pub mod bd;
pub mod cpu;
pub mod frontier;
pub mod latency;
mod load;
pub mod metrics;
pub mod plot;
pub mod pool;
pub mod rate;
pub mod report;
pub mod results;
pub mod stats;
