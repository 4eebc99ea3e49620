//! Rate costs of motion vectors.

use super::{FullPel, QuarterPel};

/// Lagrange multiplier: error units per bit, in 1/256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lambda(pub u32);

impl Lambda {
    /// Converts `bits_q8` (1/256 bit) to error units, rounded.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "saturated before")]
    pub const fn cost(self, bits_q8: u32) -> u32 {
        let cost = (self.0 as u64 * bits_q8 as u64 + (1 << 15)) >> 16;
        if cost > u32::MAX as u64 { u32::MAX } else { cost as u32 }
    }
}

/// Table of the bit costs of motion vector differences, per component, in 1/256 bit.
///
/// Index `d + Self::MAX` holds the cost of a difference of `d` quarter pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MvCost {
    /// Horizontal component.
    pub x: [u16; Self::LEN],
    /// Vertical component.
    pub y: [u16; Self::LEN],
}

impl MvCost {
    /// Largest difference that can be coded, in quarter pixels: VP8's ten bits.
    pub const MAX: i16 = 1023;
    /// Entries per component.
    pub const LEN: usize = 2 * Self::MAX as usize + 1;
    /// Value that [`Self::bits_q8`] returns for vectors that cannot be coded.
    pub const UNCODABLE: u32 = u32::MAX;

    /// Fills both tables. `bits_q8(d)` returns the costs of a difference of `d` quarter pixels as
    /// (horizontal, vertical); each is clamped to 16 bits.
    pub fn fill(&mut self, mut bits_q8: impl FnMut(i16) -> (u32, u32)) {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to 16 bits")]
        let cut = |bits: u32| bits.min(u32::from(u16::MAX)) as u16;
        for ((x, y), d) in self.x.iter_mut().zip(&mut self.y).zip(-Self::MAX..) {
            let (for_x, for_y) = bits_q8(d);
            *x = cut(for_x);
            *y = cut(for_y);
        }
    }

    /// Returns the cost of coding `vector` with the prediction `predicted`, in 1/256 bit;
    /// [`Self::UNCODABLE`] if a component of the difference is above [`Self::MAX`].
    #[inline]
    #[must_use]
    pub fn bits_q8(&self, vector: QuarterPel, predicted: QuarterPel) -> u32 {
        let of = |table: &[u16; Self::LEN], to: i16, from: i16| {
            // Negative indices become too large ones.
            let index = i32::from(to) - i32::from(from) + i32::from(Self::MAX);
            table.get(index.cast_unsigned() as usize).map(|&bits| u32::from(bits))
        };
        match (of(&self.x, vector.x, predicted.x), of(&self.y, vector.y, predicted.y)) {
            (Some(x), Some(y)) => x + y,
            _ => Self::UNCODABLE,
        }
    }
}

impl Default for MvCost {
    /// A table in which all vectors cost nothing.
    fn default() -> Self {
        Self { x: [0; Self::LEN], y: [0; Self::LEN] }
    }
}

/// The cost of motion vectors against one prediction, at one quantiser.
#[derive(Clone, Copy, Debug)]
pub struct VectorPrice<'a> {
    /// Bit costs of vector differences.
    pub table: &'a MvCost,
    /// Predicted motion vector, which is the cheapest to code.
    pub predicted: QuarterPel,
    /// SAD units per bit, for the integer search.
    pub lambda_sad: Lambda,
    /// SSE units per bit, for the sub-pel search.
    pub lambda_sse: Lambda,
}

impl VectorPrice<'_> {
    /// Returns the cost in SAD units; `u32::MAX` if `vector` cannot be coded.
    #[inline]
    #[must_use]
    pub fn in_sad(&self, vector: FullPel) -> u32 {
        self.at(self.lambda_sad, vector.to_quarter())
    }

    /// Returns the cost in SSE units; `u32::MAX` if `vector` cannot be coded.
    #[inline]
    #[must_use]
    pub fn in_sse(&self, vector: QuarterPel) -> u32 {
        self.at(self.lambda_sse, vector)
    }

    #[inline]
    fn at(&self, lambda: Lambda, vector: QuarterPel) -> u32 {
        match self.table.bits_q8(vector, self.predicted) {
            MvCost::UNCODABLE => u32::MAX,
            bits => lambda.cost(bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_component_is_priced_by_its_own_table() {
        let mut table = MvCost::default();
        table.fill(|d| (u32::from(d.unsigned_abs()), 3 * u32::from(d.unsigned_abs())));
        let bits = table.bits_q8(QuarterPel::new(5, -7), QuarterPel::new(-1, 1));
        assert_eq!(bits, 6 + 24);
    }

    #[test]
    fn a_difference_of_more_than_ten_bits_is_uncodable() {
        let table = MvCost::default();
        let far = QuarterPel::new(1024, 0);
        assert_eq!(table.bits_q8(far, QuarterPel::ZERO), MvCost::UNCODABLE);
        assert_eq!(table.bits_q8(far, QuarterPel::new(1, 0)), 0);
        assert_eq!(table.bits_q8(QuarterPel::new(i16::MIN, 0), far), MvCost::UNCODABLE);
    }

    #[test]
    fn lambda_rounds_and_saturates() {
        assert_eq!(Lambda(256).cost(256), 1);
        assert_eq!(Lambda(128).cost(255), 0);
        assert_eq!(Lambda(128).cost(256), 1);
        assert_eq!(Lambda(u32::MAX).cost(u32::MAX), u32::MAX);
    }
}
