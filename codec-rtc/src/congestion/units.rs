//! Conversions between integer types of the interface and floating-point values.

use std::time::Duration;

use codec_core::codec::Bitrate;

/// Seconds from `earlier` to `later`; negative if `later` is before `earlier`.
pub(super) fn seconds_between(earlier: Duration, later: Duration) -> f64 {
    if later >= earlier {
        later.saturating_sub(earlier).as_secs_f64()
    } else {
        -earlier.saturating_sub(later).as_secs_f64()
    }
}

/// Converts a rate to bits per second.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn bps(rate: Bitrate) -> f64 {
    rate.0 as f64
}

/// Converts bytes to bits.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn bits(bytes: u64) -> f64 {
    bytes as f64 * 8.0
}

/// Converts bits per second to a rate; NaN becomes 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub(super) fn bitrate(bps: f64) -> Bitrate {
    Bitrate(bps as u64)
}

/// Converts bits to whole bytes; saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub(super) fn bytes(bits: f64) -> u64 {
    (bits / 8.0) as u64
}
