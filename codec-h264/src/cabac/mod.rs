//! Context-adaptive binary arithmetic coding (CABAC). ITU-T H.264, clause 9.3.

mod bin_costs;
mod contexts;
mod decoder;
mod encoder;
mod residual;
mod residual_writer;

pub use contexts::Contexts;
pub use decoder::CabacDecoder;
pub use encoder::{CabacEncoder, CabacMark};
pub use residual::{BlockCategory, exp_golomb, residual_block};
pub use residual_writer::write_residual_block;
