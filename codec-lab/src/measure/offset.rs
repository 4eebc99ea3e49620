//! Finds the constant offset between the times of a video and its reference.
//!
//! Containers begin at different times: a transport stream begins with its earliest track, which may be the
//! priming of the audio, and some files keep the time at which a recording began.

use codec_container::{CodedPacket, PacketReader};

/// The times of the first and the last frame of a video.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Time of the first frame in seconds.
    pub first_s: f64,
    /// Time of the last frame in seconds.
    pub last_s: f64,
}

impl Extent {
    /// Reads all packets of the selected video track; `None` without frames, or if the input is damaged.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "times of a report")]
    pub fn of_packets(reader: &mut dyn PacketReader) -> Option<Self> {
        reader.select_video();
        let (_, video) = reader.video()?;
        let tick_s = video.time_base.as_f64();
        let mut packet = CodedPacket::default();
        let mut range: Option<(i64, i64)> = None;
        while reader.read(&mut packet).ok()? {
            if packet.shown {
                let (first, last) = range.unwrap_or((packet.pts, packet.pts));
                range = Some((first.min(packet.pts), last.max(packet.pts)));
            }
        }
        range.map(|(first, last)| Self {
            first_s: first as f64 * tick_s,
            last_s: last as f64 * tick_s,
        })
    }
}

/// Returns by how many seconds all frames of `distorted` are later than those of `reference`; 0 if the
/// first frames differ by less than half of `frame_s`, the duration of a frame, or if the first frames
/// of one of them are missing.
///
/// If the last frames differ by as much as the first ones, all times are shifted. If the last frames
/// have the same time, the first ones are missing. In other cases, a difference of whole frames
/// means that frames are missing.
///
/// ```
/// use codec_lab::measure::{Extent, offset_s};
///
/// let reference = Extent { first_s: 0.0, last_s: 1.96 };
/// let shifted = Extent { first_s: 0.021, last_s: 1.981 };
/// assert!((offset_s(reference, shifted, 0.04) - 0.021).abs() < 1e-9);
/// // Two frames are missing at the start.
/// assert_eq!(offset_s(reference, Extent { first_s: 0.08, last_s: 1.96 }, 0.04), 0.0);
/// ```
#[must_use]
pub fn offset_s(reference: Extent, distorted: Extent, frame_s: f64) -> f64 {
    let half_s = 0.5 * frame_s;
    let start_s = distorted.first_s - reference.first_s;
    let end_s = distorted.last_s - reference.last_s;
    let frames = start_s / frame_s;
    let is_shifted = if (end_s - start_s).abs() < half_s {
        true
    } else if end_s.abs() < half_s {
        false
    } else {
        // Times are rounded to a millisecond in some containers.
        (frames - frames.round()).abs() * frame_s > 0.0015
    };
    if start_s.abs() >= half_s && is_shifted { start_s } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_frames_are_not_an_offset() {
        let found = |first_s, last_s, expected: f64| {
            let reference = Extent { first_s: 0.0, last_s: 3.96 };
            let offset_s = offset_s(reference, Extent { first_s, last_s }, 0.04);
            assert!((offset_s - expected).abs() < 1e-9, "{first_s} to {last_s}: {offset_s}");
        };
        // A copy with priming of 48 kHz and 44.1 kHz, and a recording that begins later.
        found(0.021, 3.981, 0.021);
        found(0.023, 3.983, 0.023);
        found(5.0, 8.96, 5.0);
        // Below half a frame.
        found(0.019, 3.979, 0.0);
        // The first frame, or the first second, is missing.
        found(0.04, 3.96, 0.0);
        found(1.0, 3.96, 0.0);
        // The end is missing too.
        found(0.04, 2.0, 0.0);
        found(0.0213, 2.0, 0.0213);
        // The start of the reference is missing.
        found(-0.08, 3.96, 0.0);
    }
}
