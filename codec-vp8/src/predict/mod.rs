//! Macroblock prediction: intra prediction edges (RFC 6386, section 12) and motion compensation
//! (section 18).

mod inter;
mod intra;

pub use inter::{MotionFilter, RefPlanes, chroma_vectors, predict_inter};
pub(crate) use inter::{Outside, Place, block_4x4, block_8x8, block_16x16, chroma_8x8};
pub use intra::{MbEdges, UnfilteredLine, block_edges};
