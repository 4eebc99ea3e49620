//! Prediction of macroblocks: what intra modes see (RFC 6386, section 12) and motion compensation
//! (section 18).

mod inter;
mod intra;

pub use inter::{MotionFilter, RefPlanes, chroma_vectors, predict_inter};
pub use intra::{MbEdges, UnfilteredLine, block_edges};
