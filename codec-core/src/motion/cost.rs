//! Rate costs of motion vectors.

use super::{FullPel, QuarterPel};

/// Lagrange multiplier: error units per bit, in 1/256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lambda(pub u32);

/// Two to the power of n/16 with 16 fractional bits.
const OCTAVE_Q16: [u64; 16] = [
    65_536, 68_438, 71_468, 74_632, 77_936, 81_386, 84_990, 88_752, 92_682, 96_785, 101_070,
    105_545, 110_218, 115_098, 120_194, 125_515,
];

impl Lambda {
    /// Converts `bits_q8` (1/256 bit) to error units, rounded.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "saturated before")]
    pub const fn cost(self, bits_q8: u32) -> u32 {
        let cost = (self.0 as u64 * bits_q8 as u64 + (1 << 15)) >> 16;
        if cost > u32::MAX as u64 { u32::MAX } else { cost as u32 }
    }

    /// Returns the multiplier times two to the power of `octaves_q4` / 16, for at most four octaves.
    #[inline]
    #[must_use]
    pub fn times_octaves_q4(self, octaves_q4: i32) -> Self {
        let octaves_q4 = octaves_q4.clamp(-64, 64);
        let fraction = OCTAVE_Q16[usize::from(octaves_q4.to_le_bytes()[0] % 16)];
        let product = (u64::from(self.0) * fraction) >> (16 - (octaves_q4 >> 4));
        Self(u32::try_from(product).unwrap_or(u32::MAX))
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
    fn sixteen_sixteenths_of_an_octave_double_a_multiplier() {
        let times = |octaves_q4| Lambda(1 << 12).times_octaves_q4(octaves_q4).0;
        assert_eq!([-64, -16, 0, 16, 64].map(times), [1 << 8, 1 << 11, 1 << 12, 1 << 13, 1 << 16]);
        assert_eq!([-1, 1, 8].map(times), [3922, 4277, 5792]);
        assert_eq!([-1000, 1000].map(times), [1 << 8, 1 << 16]);
        assert_eq!(Lambda(u32::MAX).times_octaves_q4(1).0, u32::MAX);
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
