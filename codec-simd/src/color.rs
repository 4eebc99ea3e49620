//! Weights of the conversions between RGB and YUV, in the fixed point that the kernels use.

/// Weights that convert packed RGB to YUV: 15 fractional bits, in the order of a pixel's bytes.
///
/// ```
/// use codec_simd::{Kernels, RgbWeights};
///
/// // BT.709, limited range, pixels of three bytes: red, green, blue.
/// let weights = RgbWeights::new(0.2126, 0.0722, false, [0, 1, 2]);
/// let mut luma = [0; 2];
/// Kernels::best().rgb24_to_luma_row(&[0, 0, 0, 255, 255, 255], &weights, &mut luma);
/// assert_eq!(luma, [16, 235]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RgbWeights {
    /// Weights of a pixel's bytes; the last one is zero.
    pub(crate) y: [i16; 4],
    pub(crate) u: [i16; 4],
    pub(crate) v: [i16; 4],
    /// Luma of black.
    pub(crate) black: i16,
}

/// Weights that convert YUV to packed RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YuvWeights {
    /// Weight of luma: 14 fractional bits.
    pub(crate) y: i16,
    /// Weights of U and V for each of a pixel's bytes: 13 fractional bits.
    pub(crate) uv: [[i16; 2]; 3],
    /// Luma of black.
    pub(crate) black: i16,
}

/// Returns `value` with `bits` fractional bits, rounded and saturated.
fn fixed(value: f64, bits: u32) -> i16 {
    let scaled = (value * f64::from(1_u32 << bits)).round();
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    let fixed = scaled as i16;
    fixed
}

/// Steps of luma and of chroma between their extremes.
fn steps(full_range: bool) -> (f64, f64) {
    if full_range { (255.0, 255.0) } else { (219.0, 224.0) }
}

impl RgbWeights {
    /// Returns the weights of a matrix with the luma coefficients `kr` of red and `kb` of blue
    /// (ITU-T H.273, section 8.3; both in 0.0..0.5). `order` gives the positions of red, green and
    /// blue within a pixel: [0, 1, 2] for RGB, [2, 1, 0] for BGRA.
    ///
    /// Grey pixels get the chroma 128 and white the highest luma of the range, exactly.
    ///
    /// # Panics
    /// If `order` is not a permutation of 0, 1 and 2.
    #[must_use]
    pub fn new(kr: f64, kb: f64, full_range: bool, order: [usize; 3]) -> Self {
        let (luma, chroma) = steps(full_range);
        // What is left after rounding goes to green, so that the sums are exact.
        let place = |red: i16, blue: i16, sum: i16| {
            let mut weights = [0; 4];
            let green = sum.wrapping_sub(red).wrapping_sub(blue);
            for (position, weight) in order.into_iter().zip([red, green, blue]) {
                weights[position] = weight;
            }
            assert_eq!(weights[3], 0, "a pixel's colours are its first three bytes");
            weights
        };
        let (to_luma, to_chroma) = (luma / 255.0, chroma / 255.0);
        // The sum of full range, 2^15, wraps around; the sum of the three weights does not overflow.
        let sum = if full_range { i16::MIN } else { fixed(to_luma, 15) };
        let [red, blue] = [kr, kb].map(|share| fixed(share * to_luma, 15));
        let half = fixed(0.5 * to_chroma, 15);
        Self {
            y: place(red, blue, sum),
            u: place(fixed(-0.5 * to_chroma * kr / (1.0 - kb), 15), half, 0),
            v: place(half, fixed(-0.5 * to_chroma * kb / (1.0 - kr), 15), 0),
            black: if full_range { 0 } else { 16 },
        }
    }
}

impl YuvWeights {
    /// Returns the weights that undo [`RgbWeights::new`] of the same arguments.
    ///
    /// # Panics
    /// If `order` has a position above 2.
    #[must_use]
    pub fn new(kr: f64, kb: f64, full_range: bool, order: [usize; 3]) -> Self {
        let (luma, chroma) = steps(full_range);
        let (from_u, from_v) =
            (2.0 * (1.0 - kb) * 255.0 / chroma, 2.0 * (1.0 - kr) * 255.0 / chroma);
        let green = 1.0 - kr - kb;
        let mut uv = [[0; 2]; 3];
        uv[order[0]] = [0, fixed(from_v, 13)];
        uv[order[1]] = [fixed(-from_u * kb / green, 13), fixed(-from_v * kr / green, 13)];
        uv[order[2]] = [fixed(from_u, 13), 0];
        Self { y: fixed(255.0 / luma, 14), uv, black: if full_range { 0 } else { 16 } }
    }
}
