//! Transforms of DC coefficients. ITU-T H.264, clauses 8.5.10 and 8.5.11.
#![expect(clippy::cast_possible_truncation, reason = "values of valid streams fit, others wrap")]

/// The 4-point Hadamard transform.
fn hadamard_4([a, b, c, d]: [i32; 4]) -> [i32; 4] {
    let (e, f, g, h) = (a + b, a - b, c - d, c + d);
    [e + h, e - h, f - g, f + g]
}

/// The 4x4 Hadamard transform.
pub(crate) fn hadamard_4x4(values: &mut [i32; 16]) {
    for column in values.as_chunks_mut::<4>().0 {
        *column = hadamard_4(*column);
    }
    for y in 0..4 {
        let row = hadamard_4(std::array::from_fn(|x| values[4 * x + y]));
        for (x, value) in row.into_iter().enumerate() {
            values[4 * x + y] = value;
        }
    }
}

/// Transforms and scales the sixteen DC coefficients of an `Intra_16x16` macroblock, which are in
/// columns, as the result: entry `4 x + y` belongs to the block at (`x`, `y`). `scale` is
/// [`super::LevelScales::of_dc`].
#[must_use]
pub fn inverse_luma_dc(coeffs: &[i16; 16], scale: i32) -> [i16; 16] {
    let mut values: [i32; 16] = coeffs.map(i32::from);
    hadamard_4x4(&mut values);
    values.map(|value| (value.wrapping_mul(scale).wrapping_add(32) >> 6) as i16)
}

/// Transforms and scales the four DC coefficients of a chroma plane, in raster order.
#[must_use]
pub fn inverse_chroma_dc(coeffs: &[i16; 4], scale: i32) -> [i16; 4] {
    let [a, b, c, d] = coeffs.map(i32::from);
    [a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d]
        .map(|value| (value.wrapping_mul(scale) >> 5) as i16)
}
