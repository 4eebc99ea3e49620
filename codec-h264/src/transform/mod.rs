//! Scaling of transform coefficients and the transforms of DC coefficients. ITU-T H.264, clause 8.5.

mod dc;
mod dequant;
mod scan;

pub(crate) use dc::hadamard_4x4;
pub use dc::{inverse_chroma_dc, inverse_luma_dc};
pub use dequant::{Dequant, LevelScales};
pub use scan::Scans;
