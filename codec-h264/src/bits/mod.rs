//! Bits of a raw byte sequence payload (RBSP): reading, writing, escaping and Exp-Golomb codes.
//! ITU-T H.264, clauses 7.2, 7.4.1 and 9.1.

mod escape;
mod reader;
mod unescape;
mod writer;

pub use escape::escape;
pub use reader::BitReader;
pub use unescape::{escaped_position, rbsp_bits, unescape};
pub use writer::{BitCounter, BitMark, BitSink, BitWriter, se_code, ue_bits};
