//! Filtering of two macroblock rows together, two macroblocks per call of a kernel.
//!
//! RFC 6386, section 15.1, filters macroblocks row by row. The order matters only between
//! neighbours: before the upper edge of a macroblock is filtered, the macroblock above it and the
//! left edge of the macroblock above and to the right must have been filtered. Macroblock `x` of
//! the upper row and `x - 2` of the lower row share no pixel, and neither reads one that the other
//! changes.

use codec_simd::{EdgeLimits, Kernels, MbLimits};

use super::super::rows::MbRow;
use super::{FilterParams, MbStrength, filter_mb_normal, filter_row};

/// Columns by which the lower row follows the upper one.
const LAG: usize = 2;

impl FilterParams {
    /// Returns the limits of macroblock `x` of a row of `strengths`; `None` if the
    /// macroblock is not filtered.
    /// The limits are in a table, because loads of bytes that were stored just before would stall.
    #[inline]
    fn mb_limits(&self, strengths: &[MbStrength], x: usize) -> Option<&MbLimits> {
        let strength = strengths.get(x).filter(|strength| strength.level != 0)?;
        Some(&self.mb_limits[usize::from(strength.level & 63)][usize::from(strength.inner)])
    }
}

/// Filters two successive rows like [`filter_row`], first `upper`, then `lower`. `strengths` are
/// the strengths of the two rows in this order; `above` is the row above, whose last lines change.
pub fn filter_row_pair(
    kernels: &Kernels,
    params: &FilterParams,
    [of_upper, of_lower]: [&[MbStrength]; 2],
    [upper, lower]: [&mut MbRow<'_>; 2],
    above: Option<&mut MbRow<'_>>,
) {
    let above = match above {
        Some(above) if !params.is_off && !params.is_simple => above,
        above => {
            filter_row(kernels, params, of_upper.iter().copied(), upper, above);
            return filter_row(kernels, params, of_lower.iter().copied(), lower, Some(upper));
        }
    };
    for x in 0..of_upper.len() + LAG {
        let a = params.mb_limits(of_upper, x);
        let b = x.checked_sub(LAG).and_then(|x| params.mb_limits(of_lower, x));
        match (a, b) {
            (Some(a), Some(b)) if x > LAG => {
                let (mb_a, above_b) = upper.mb_and_bottom(x);
                let mb_b = lower.mb_with_left(x - LAG);
                kernels.filter_mbs_x2([above.bottom(x), above_b], [mb_a, mb_b], [a, b]);
            }
            (a, b) => {
                if let Some(limits) = a {
                    filter_one(kernels, x, limits, upper, above);
                }
                if let Some(limits) = b {
                    filter_one(kernels, x - LAG, limits, lower, upper);
                }
            }
        }
    }
}

fn filter_one(
    kernels: &Kernels,
    x: usize,
    limits: &MbLimits,
    row: &mut MbRow<'_>,
    above: &mut MbRow<'_>,
) {
    let inner = (limits.inner != EdgeLimits::OFF).then_some(limits.inner);
    filter_mb_normal(kernels, x, limits.upper, inner, row, Some(above));
}
