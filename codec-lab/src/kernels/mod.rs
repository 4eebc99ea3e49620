//! Kernel benchmarks: cases, clock and lower bound.

mod bound;
mod cases;
mod time;

pub use bound::{Work, bytes_of, work_of};
pub use cases::{Visitor, for_each};
pub use time::{call_ns, cycle_ns, min_ns, width_bytes};
