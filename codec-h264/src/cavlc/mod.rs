//! Context-adaptive variable-length coding (CAVLC) of coefficients. ITU-T H.264, clause 9.2.

mod code_tables;
mod residual;
mod residual_writer;
mod window;

pub use residual::{CoeffTable, residual_block};
pub use residual_writer::write_residual_block;
