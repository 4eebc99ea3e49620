//! Code for blocks, shared by the decoder and the encoder.
//!
//! | subject | module |
//! |---|---|
//! | modes of a block, and of all blocks of a frame | `mode_map` |
//! | neighbours, which determine entropy contexts | `site`, `contexts`, `reference_contexts` |
//! | candidates for motion vectors | `candidates` |
//! | settings of a frame | `setup`, `quantisers` |
//! | a block's part of a plane, and its transforms | `plane_block`, `scans` |
//! | prediction and residual | `reconstruct`, `intra_edges`, `references` |
//! | loop filter | `loop_filter` |
//! | planes; samples of 8 bits, and of 10 or 12 bits | `planes`, `sample` |

pub(crate) mod candidates;
pub(crate) mod contexts;
pub(crate) mod fill;
pub(crate) mod intra_edges;
pub(crate) mod loop_filter;
pub(crate) mod mode_map;
pub(crate) mod plane_block;
pub(crate) mod planes;
pub(crate) mod quantisers;
pub(crate) mod reconstruct;
pub(crate) mod reference_contexts;
pub(crate) mod references;
pub(crate) mod sample;
pub(crate) mod scans;
pub(crate) mod scratch;
pub(crate) mod setup;
pub(crate) mod site;
