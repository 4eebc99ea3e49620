//! Types of the VP9 kernels. The kernels for 8-bit samples are entries of [`crate::Kernels`]; those
//! for samples of more than 8 bits are in [`crate::vp9_high`].

pub(crate) mod adst;
mod intra;
mod loop_filter;
mod motion;
mod quantiser;
mod transform;

pub use intra::{Vp9IntraEdges, Vp9IntraMode};
pub use loop_filter::{VP9_EDGE_LINES, VP9_EDGE_UNITS, Vp9EdgeFilter, Vp9Edges};
pub use motion::{Vp9Filter, Vp9Motion};
pub use quantiser::{Vp9Quantised, Vp9Quantiser};
pub(crate) use transform::VP9_FORWARD_SHIFTS;
pub use transform::{Vp9TxKind, Vp9TxSize};
