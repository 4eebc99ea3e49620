//! Conversions between the types of the interface and the floating point of the filters.

use std::time::Duration;

use codec_core::codec::Bitrate;

/// Seconds from `earlier` to `later`, negative if it is the other way round.
pub(super) fn seconds_between(earlier: Duration, later: Duration) -> f64 {
    if later >= earlier {
        later.saturating_sub(earlier).as_secs_f64()
    } else {
        -earlier.saturating_sub(later).as_secs_f64()
    }
}

/// Bits per second of a rate.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn bps(rate: Bitrate) -> f64 {
    rate.0 as f64
}

/// Bits in so many bytes.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn bits(bytes: u64) -> f64 {
    bytes as f64 * 8.0
}

/// A rate from bits per second; what is no number is 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub(super) fn bitrate(bps: f64) -> Bitrate {
    Bitrate(bps as u64)
}

/// Whole bytes in so many bits; saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub(super) fn bytes(bits: f64) -> u64 {
    (bits / 8.0) as u64
}
