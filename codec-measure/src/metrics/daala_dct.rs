//! The 8x8 DCT of Daala: an integer transform built from lifting steps, each of which rounds. libvmaf
//! computes PSNR-HVS with this transform, so equal scores require equal rounding.
//!
//! A lifting step adds a rounded multiple of one value to another. Three steps rotate by an angle
//! a, with the factors tan(a / 2), sin(a) and tan(a / 2) (Liang and Tran, "Fast multiplierless
//! approximations of the DCT with the lifting scheme", 2001). Where two values are replaced by their
//! sum and their difference, one of the results is halved and rounded toward zero.

/// Samples or coefficients by row and column.
pub(super) type Block = [[i32; SIDE]; SIDE];

pub(super) const SIDE: usize = 8;

/// Eight transforms at once, one per lane.
type Lanes = [i32; SIDE];

/// A fraction: numerator, and the power of two of its denominator.
#[derive(Clone, Copy)]
struct Share(i32, u32);

const ROOT_2_LESS_1: Share = Share(13573, 15);
const ROOT_2_LESS_HALF: Share = Share(7489, 13);
const TWO_LESS_ROOT_2: Share = Share(19195, 15);
const ROOT_OF_HALF: Share = Share(11585, 14);

/// Factors of a rotation.
struct Rotation {
    /// Factor of the first and the last step: the tangent of half the angle.
    outer: Share,
    /// Factor of the middle step: the sine.
    inner: Share,
}

/// Rotation by pi / 16.
const SIXTEENTH: Rotation = Rotation { outer: Share(3227, 15), inner: Share(6393, 15) };
/// Rotation by 3 pi / 16.
const THREE_SIXTEENTHS: Rotation = Rotation { outer: Share(2485, 13), inner: Share(18205, 15) };
/// Rotation by 3 pi / 8.
const THREE_EIGHTHS: Rotation = Rotation { outer: Share(21895, 15), inner: Share(15137, 14) };
/// Rotation by pi / 4.
const QUARTER: Rotation = Rotation { outer: ROOT_2_LESS_1, inner: ROOT_OF_HALF };

fn zip(a: Lanes, b: Lanes, op: impl Fn(i32, i32) -> i32) -> Lanes {
    std::array::from_fn(|lane| op(a[lane], b[lane]))
}

fn sum(a: Lanes, b: Lanes) -> Lanes {
    zip(a, b, |a, b| a + b)
}

fn difference(a: Lanes, b: Lanes) -> Lanes {
    zip(a, b, |a, b| a - b)
}

fn half(lanes: Lanes) -> Lanes {
    lanes.map(|lane| lane / 2)
}

impl Share {
    /// Multiplies by the fraction and rounds to the nearest integer, halves up.
    fn of(self, lanes: Lanes) -> Lanes {
        lanes.map(|lane| (lane * self.0 + (1 << (self.1 - 1))) >> self.1)
    }
}

impl Rotation {
    /// Rotates: returns `(a cos + b sin, b cos - a sin)`.
    fn forward(&self, a: Lanes, b: Lanes) -> (Lanes, Lanes) {
        let a = sum(a, self.outer.of(b));
        let b = difference(b, self.inner.of(a));
        (sum(a, self.outer.of(b)), b)
    }

    /// Rotates back: returns `(a cos - b sin, b cos + a sin)`.
    fn backward(&self, a: Lanes, b: Lanes) -> (Lanes, Lanes) {
        let a = difference(a, self.outer.of(b));
        let b = sum(b, self.inner.of(a));
        (difference(a, self.outer.of(b)), b)
    }
}

/// Transforms columns, then rows: a two-dimensional orthonormal DCT-II except for rounding. Some
/// coefficients have the opposite sign. Rows of the result are vertical frequencies.
///
/// Samples are within ±2^13, so that no product overflows.
pub(super) fn transform(block: &Block) -> Block {
    let down = transform_lanes(block);
    transposed(&transform_lanes(&transposed(&down)))
}

/// One dimension: from row to row.
fn transform_lanes(x: &Block) -> Block {
    // The first and third pairs, counted from the outside, give a half sum and a difference, the
    // others a sum and a half difference.
    let difference_0 = difference(x[0], x[7]);
    let half_0 = half(difference_0);
    let half_sum_0 = difference(x[0], half_0);
    let sum_1 = sum(x[1], x[6]);
    let half_1 = difference(x[6], half(sum_1));
    let difference_2 = difference(x[2], x[5]);
    let half_sum_2 = difference(x[2], half(difference_2));
    let sum_3 = sum(x[3], x[4]);
    let half_3 = difference(half(sum_3), x[4]);

    // Even frequencies: a DCT of four sums.
    let outer_sum = sum(half_sum_0, half(sum_3));
    let outer = difference(outer_sum, sum_3);
    let inner = difference(half(sum_1), half_sum_2);
    let inner_sum = difference(sum_1, inner);
    let (c0, c4) = QUARTER.forward(outer_sum, inner_sum);
    let (c6, c2) = THREE_EIGHTHS.backward(outer, inner);

    // Odd frequencies: the two inner differences are rotated by pi / 4; one of them is halved.
    let lifted = sum(difference_2, TWO_LESS_ROOT_2.of(half_1));
    let turned = sum(half_1, ROOT_OF_HALF.of(lifted));
    let half_turned = difference(lifted, ROOT_2_LESS_HALF.of(turned));
    let h = difference(half(turned), half_3);
    let g = difference(turned, h);
    let f = difference(half_0, half_turned);
    let e = difference(difference_0, f);
    let (c7, c1) = SIXTEENTH.forward(h, e);
    let (c5, c3) = THREE_SIXTEENTHS.forward(g, f);
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

fn transposed(block: &Block) -> Block {
    std::array::from_fn(|row| std::array::from_fn(|col| block[col][row]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_block_has_only_a_dc() {
        let coeffs = transform(&[[50; SIDE]; SIDE]);
        assert!(coeffs[0][0].abs_diff(400) <= 2, "{coeffs:?}");
        assert!(coeffs.iter().flatten().skip(1).all(|&coeff| coeff == 0), "{coeffs:?}");
    }

    #[test]
    fn coefficients_are_those_of_the_orthonormal_dct_within_rounding() {
        let block: Block =
            std::array::from_fn(|y| std::array::from_fn(|x| [3, 250, 40][(3 * x + x * y) % 3]));
        let basis = |k: usize, n: usize| {
            let scale = if k == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
            let (k, n) = (f64::from(u8::try_from(k).unwrap()), f64::from(u8::try_from(n).unwrap()));
            0.5 * scale * ((2.0 * n + 1.0) * k * std::f64::consts::PI / 16.0).cos()
        };
        let coeffs = transform(&block);
        for (v, row) in coeffs.iter().enumerate() {
            for (u, &coeff) in row.iter().enumerate() {
                let at = |y: usize, x: usize| f64::from(block[y][x]) * basis(v, y) * basis(u, x);
                let exact: f64 = (0..64).map(|i| at(i / 8, i % 8)).sum();
                let off = f64::from(coeff).abs() - exact.abs();
                assert!(off.abs() < 4.0, "{v} {u}: {coeff}, not {exact}");
            }
        }
    }

    #[test]
    fn an_impulse_has_the_coefficients_that_libvmaf_rounds_to() {
        let mut block = [[0; SIDE]; SIDE];
        block[0][0] = 255;
        assert_eq!(transform(&block)[0], [32, 44, 42, 37, -32, 25, 17, 8]);
        assert_eq!(transform(&block)[1], [44, 62, 58, 51, -45, 34, 24, 12]);
        assert_eq!(transform(&block)[7], [9, 13, 12, 10, -9, 7, 5, 2]);
    }
}
