//! Lagrange multipliers by quantiser.

use codec_core::motion::Lambda;

/// Multipliers of a macroblock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lambdas {
    /// Squared error per bit: `0.85 * 2^((qp - 12) / 3)`.
    pub sse: Lambda,
    /// Sum of absolute (transformed) differences per bit: the square root of [`Self::sse`].
    pub sad: Lambda,
}

/// Squared error per bit of the quantisers 0 to 2, in 1/2^20: it doubles with every third one.
const SSE: [u64; 3] = [55_706, 70_185, 88_428];
/// The roots of the squared errors of the quantisers 0 to 5, in 1/2^18: they double with every sixth
/// one.
const SAD: [u64; 6] = [60_421, 67_820, 76_126, 85_449, 95_913, 107_659];

/// Lagrange multipliers for the quantisers 0 to 51.
#[expect(clippy::cast_possible_truncation, reason = "at most 2^22")]
static TABLE: [Lambdas; 52] = {
    let mut table = [Lambdas { sse: Lambda(0), sad: Lambda(0) }; 52];
    let mut qp = 0;
    while qp < 52 {
        // Eight fractional bits are left.
        let sse = ((SSE[qp % 3] << (qp / 3)) + (1 << 11)) >> 12;
        let sad = ((SAD[qp % 6] << (qp / 6)) + (1 << 9)) >> 10;
        table[qp] = Lambdas { sse: Lambda(sse as u32), sad: Lambda(sad as u32) };
        qp += 1;
    }
    table
};

impl Lambdas {
    /// Returns the multipliers at quantiser `qp`.
    #[inline]
    pub(super) fn at(qp: u8) -> Self {
        TABLE[usize::from(qp).min(51)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipliers_double_with_the_step_and_its_square() {
        let [a, b] = [24, 30].map(Lambdas::at);
        assert_eq!(a.sse, Lambda(3482)); // 0.85 * 16 * 256
        assert_eq!(a.sad, Lambda(944));
        assert!(b.sse.0.abs_diff(4 * a.sse.0) < 4);
        assert!(b.sad.0.abs_diff(2 * a.sad.0) < 2);
    }
}
