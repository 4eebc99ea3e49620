//! Loudness of a few milliseconds of sound as RTP header extensions carry it.

/// Level of `samples` in -dBov: 0 is a full-scale square wave, 127 silence. RFC 6464, section 3.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sums of squares are far from 2^52 bits of interest; the result is clamped to a byte"
)]
pub fn level_dbov(samples: &[i16]) -> u8 {
    let energy: u64 = samples.iter().map(|&s| u64::from(s.unsigned_abs()).pow(2)).sum();
    if energy == 0 {
        return 127;
    }
    let full = samples.len() as f64 * 32768.0 * 32768.0;
    (-10.0 * (energy as f64 / full).log10()).round().clamp(0.0, 127.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_is_0_and_silence_127() {
        assert_eq!(level_dbov(&[i16::MIN; 10]), 0);
        assert_eq!(level_dbov(&[0; 10]), 127);
        assert_eq!(level_dbov(&[]), 127);
        assert_eq!(level_dbov(&[3277; 10]), 20);
        assert_eq!(level_dbov(&[1; 10]), 90);
    }
}
