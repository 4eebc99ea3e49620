//! Logarithms and powers to base 2 in fixed point: 16 fractional bits, the same result on every
//! machine.

/// 1.0 in the fixed-point format of this module.
pub const ONE_Q16: i32 = 1 << 16;

/// 2^(1/2), 2^(1/4) ... 2^(1/65536) with 32 fractional bits.
const ROOTS_Q32: [u64; 16] = roots();

const fn roots() -> [u64; 16] {
    let mut roots = [0; 16];
    let mut root: u128 = 2 << 32;
    let mut index = 0;
    while index < 16 {
        root = (root << 32).isqrt();
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^(1/2) with 32 more bits")]
        {
            roots[index] = root as u64;
        }
        index += 1;
    }
    roots
}

/// Returns the base-2 logarithm of `value` with 16 fractional bits, rounded down; 0 counts as 1.
#[must_use]
pub fn log2_q16(value: u64) -> i32 {
    let value = value.max(1);
    let whole = value.ilog2();
    // The mantissa, 1 to 2, with 31 fractional bits: each squaring yields one more bit.
    let mut mantissa = if whole >= 31 { value >> (whole - 31) } else { value << (31 - whole) };
    let mut log = whole.cast_signed();
    for _ in 0..16 {
        mantissa = (mantissa * mantissa) >> 31;
        let bit = mantissa >> 32;
        mantissa >>= bit;
        log = (log << 1) | i32::from(bit != 0);
    }
    log
}

/// Returns the base-2 logarithm of `value`, below 2^60, in sixteenths; 0 counts as 1. It is linear between powers of two, so up to
/// 1.4 too low.
pub(crate) fn log2_q4(value: u64) -> i32 {
    let whole = value.max(1).ilog2();
    let fraction = (value << 4 >> whole) & 15;
    (whole << 4).cast_signed() + i32::from(fraction.to_le_bytes()[0])
}

/// Returns two to the power of `log` (16 fractional bits), rounded down; saturates at both ends.
#[must_use]
pub fn exp2_q16(log: i32) -> u64 {
    let (Ok(whole), fraction) = (u32::try_from(log >> 16), log & 0xffff) else {
        return 0;
    };
    let mut mantissa: u64 = 1 << 32;
    for (index, root) in ROOTS_Q32.iter().enumerate() {
        if fraction & (0x8000 >> index) != 0 {
            mantissa = mul_q32(mantissa, *root);
        }
    }
    match whole {
        0..=31 => mantissa >> (32 - whole),
        32..=62 => mantissa << (whole - 32),
        _ => u64::MAX,
    }
}

fn mul_q32(a: u64, b: u64) -> u64 {
    let product = (u128::from(a) * u128::from(b)) >> 32;
    u64::try_from(product).unwrap_or(u64::MAX)
}

/// Returns `a * b / c` without intermediate overflow; saturates. A divisor of 0 counts as 1.
pub(crate) fn mul_div(a: u64, b: u64, c: u64) -> u64 {
    let quotient = u128::from(a) * u128::from(b) / u128::from(c.max(1));
    u64::try_from(quotient).unwrap_or(u64::MAX)
}

/// Like [`mul_div`] for a signed first factor; rounds towards 0.
pub(crate) fn mul_div_signed(a: i64, b: u64, c: u64) -> i64 {
    let size = i64::try_from(mul_div(a.unsigned_abs(), b, c)).unwrap_or(i64::MAX);
    if a < 0 { -size } else { size }
}

/// Converts `value` to a signed number; saturates.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Converts `value` to an unsigned number; negative values become 0.
pub(crate) fn positive(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_logarithms_are_close() {
        for value in [1, 2, 3, 15, 16, 64, 100, 1000, 4_161_600] {
            let exact = log2_q16(value) >> 12;
            assert!(log2_q4(value).abs_diff(exact) <= 2, "{value}");
        }
    }

    #[test]
    fn coarse_logarithms_are_exact_at_powers_of_two() {
        assert_eq!([0, 1, 2, 3, 1 << 40].map(log2_q4), [0, 0, 16, 24, 640]);
    }

    #[test]
    fn logarithms_of_powers_of_two_are_exact() {
        for power in 0..64 {
            assert_eq!(log2_q16(1 << power), power << 16);
        }
        assert_eq!(log2_q16(0), 0);
        assert_eq!(log2_q16(3) >> 10, 101); // 64 log2 3 = 101.4
    }

    #[test]
    fn exp2_inverts_log2_within_a_ten_thousandth() {
        for value in [1_000_u64, 12_345, 999_999, 1 << 40, u64::MAX / 3] {
            let back = exp2_q16(log2_q16(value));
            assert!(back.abs_diff(value) <= value / 10_000 + 1, "{value} -> {back}");
        }
        assert_eq!(exp2_q16(-1), 0);
        assert_eq!(exp2_q16(i32::MAX), u64::MAX);
        assert_eq!(exp2_q16(i32::MIN), 0);
    }
}
