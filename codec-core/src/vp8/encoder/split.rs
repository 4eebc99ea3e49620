//! Several vectors per macroblock.

use super::inter::Vectors;
use super::quant::QuantiserSet;
use super::row::{Choice, MbCoder};
use crate::motion::SearchRange;

impl MbCoder<'_> {
    /// Tries divisions of the macroblock; if one costs less than `limit` it becomes `best`.
    pub(super) fn try_split(
        &mut self,
        _vectors: &Vectors,
        _range: &SearchRange,
        _set: &QuantiserSet,
        _segment: u8,
        _limit: u32,
    ) -> Option<Choice> {
        None
    }
}
