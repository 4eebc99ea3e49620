//! Video header extensions: orientation and playout delay.

use std::time::Duration;

/// Coordination of video orientation (CVO): how to rotate a frame for display. 3GPP TS 26.114,
/// section 7.4.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoOrientation {
    /// Back-facing camera (C).
    pub back_camera: bool,
    /// Horizontal flip (F).
    pub flip: bool,
    /// Clockwise rotation for display in steps of 90 degrees, 0..=3.
    pub clockwise_quarters: u8,
}

impl VideoOrientation {
    pub(super) fn from_byte(byte: u8) -> Self {
        Self { back_camera: byte & 8 != 0, flip: byte & 4 != 0, clockwise_quarters: byte & 3 }
    }

    pub(super) fn to_byte(self) -> u8 {
        u8::from(self.back_camera) << 3 | u8::from(self.flip) << 2 | self.clockwise_quarters & 3
    }
}

/// Bounds of the delay from capture to rendering, set by the sender (playout-delay extension).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayoutDelay {
    /// Minimum delay, even if the network needs less. If `min` and `max` are 0, frames are rendered
    /// on arrival.
    pub min: Duration,
    /// Maximum delay, even if the network needs more.
    pub max: Duration,
}

impl PlayoutDelay {
    /// Longest delay that can be expressed.
    pub const MAX: Duration = Duration::from_millis(40_950);

    /// Parses two 12-bit values in units of 10 ms.
    pub(super) fn from_bytes([high, middle, low]: [u8; 3]) -> Self {
        let steps = |number: u16| Duration::from_millis(10 * u64::from(number));
        Self {
            min: steps(u16::from_be_bytes([high, middle]) >> 4),
            max: steps(u16::from_be_bytes([middle, low]) & 0xfff),
        }
    }

    /// Rounds down to 10 ms; longer delays become [`Self::MAX`].
    pub(super) fn to_bytes(self) -> [u8; 3] {
        let steps =
            |time: Duration| u32::try_from(time.min(Self::MAX).as_millis() / 10).unwrap_or(0);
        let [_, high, middle, low] = (steps(self.min) << 12 | steps(self.max)).to_be_bytes();
        [high, middle, low]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientation_has_four_bits() {
        for byte in 0..16 {
            assert_eq!(VideoOrientation::from_byte(byte).to_byte(), byte);
        }
        assert_eq!(VideoOrientation::from_byte(0xf1).clockwise_quarters, 1);
        let flipped = VideoOrientation { flip: true, ..VideoOrientation::default() };
        assert_eq!(flipped.to_byte(), 4);
    }

    #[test]
    fn playout_delay_is_two_values_of_twelve_bits() {
        let ms = Duration::from_millis;
        let delay = PlayoutDelay { min: ms(0x123 * 10), max: ms(0x456 * 10 + 9) };
        assert_eq!(delay.to_bytes(), [0x12, 0x34, 0x56]);
        let read = PlayoutDelay::from_bytes([0x12, 0x34, 0x56]);
        assert_eq!(read, PlayoutDelay { min: delay.min, max: ms(0x456 * 10) });
        let long = PlayoutDelay { min: Duration::ZERO, max: Duration::MAX };
        assert_eq!(long.to_bytes(), [0, 0x0f, 0xff]);
    }
}
