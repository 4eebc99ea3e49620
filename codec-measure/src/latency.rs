//! Frame times: encoding time, and the delay until the viewer sees a frame.

use crate::results::{GlassToGlass, Latency, Quantiles};
use crate::stats::{mean, quantile_of_sorted};

/// Quantiles of values in any order; all 0 without values.
#[must_use]
pub fn quantiles(values: &[f64]) -> Quantiles {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share| quantile_of_sorted(&sorted, share).unwrap_or(0.0);
    Quantiles { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) }
}

/// A shown frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimedFrame {
    /// Capture time, in seconds since the beginning of the clip.
    pub time_s: f64,
    /// Bytes that must have arrived: the bytes of the frame and of hidden frames sent with it.
    pub bytes: u64,
    /// Duration of the encoder call that returned its packet, in milliseconds.
    pub encode_ms: f64,
    /// Number of later frames that the encoder held when it returned the packet.
    pub held: u32,
}

/// Summarises the times of `frames` (shown ones, in order). `frame_ms`: duration of a frame;
/// `link_kbps`: rate of the modelled link, if any; `decode_ms`: mean decoding time of a frame.
#[must_use]
pub fn analyse(
    frames: &[TimedFrame],
    frame_ms: f64,
    link_kbps: Option<f64>,
    decode_ms: f64,
) -> Latency {
    let encode_ms: Vec<f64> = frames.iter().map(|frame| frame.encode_ms).collect();
    Latency {
        encode: quantiles(&encode_ms),
        deadline_ms: frame_ms,
        deadline_misses: encode_ms.iter().filter(|&&ms| ms > frame_ms).count() as u64,
        encode_ms,
        glass_to_glass: link_kbps
            .filter(|&kbps| kbps > 0.0 && !frames.is_empty())
            .map(|kbps| glass_to_glass(frames, frame_ms, kbps, decode_ms)),
        disturbed: false,
    }
}

/// A frame is captured half a frame's duration after its timestamp, encoded when the encoder is
/// free and has its look-ahead, sent when the link is free, and shown when it is decoded.
#[expect(clippy::cast_precision_loss, reason = "sizes of frames")]
fn glass_to_glass(
    frames: &[TimedFrame],
    frame_ms: f64,
    link_kbps: f64,
    decode_ms: f64,
) -> GlassToGlass {
    let capture = frame_ms / 2.0;
    let (mut encoder_free, mut link_free, mut decoder_free) = (0.0_f64, 0.0_f64, 0.0_f64);
    let (mut encoding, mut serialising, mut decoding, mut totals) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for frame in frames {
        let seen = 1000.0 * frame.time_s;
        let captured = seen + capture;
        let begins = (captured + f64::from(frame.held) * frame_ms).max(encoder_free);
        encoder_free = begins + frame.encode_ms;
        // A kilobit per second is a bit per millisecond.
        link_free = link_free.max(encoder_free) + frame.bytes as f64 * 8.0 / link_kbps;
        decoder_free = decoder_free.max(link_free) + decode_ms;
        encoding.push(encoder_free - captured);
        serialising.push(link_free - encoder_free);
        decoding.push(decoder_free - link_free);
        totals.push(decoder_free - seen);
    }
    let mean = |values: &[f64]| mean(values).unwrap_or(0.0);
    GlassToGlass {
        capture,
        encode: mean(&encoding),
        serialise: mean(&serialising),
        decode: mean(&decoding),
        total: quantiles(&totals),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(count: u32, bytes: u64, encode_ms: f64, held: u32) -> Vec<TimedFrame> {
        let frame = |index| TimedFrame { time_s: f64::from(index) * 0.02, bytes, encode_ms, held };
        (0..count).map(frame).collect()
    }

    #[test]
    fn stages_add_up_without_waiting() {
        let found = analyse(&frames(10, 125, 4.0, 0), 20.0, Some(100.0), 1.0);
        let model = found.glass_to_glass.unwrap();
        // 10 ms of capture, 4 ms of encoding, 1000 bits at 100 bits per millisecond, 1 ms of
        // decoding.
        assert_eq!((model.capture, model.decode), (10.0, 1.0));
        assert!((model.encode - 4.0).abs() < 1e-9 && (model.serialise - 10.0).abs() < 1e-9);
        assert!((model.total.p50 - 25.0).abs() < 1e-9 && (model.total.max - 25.0).abs() < 1e-9);
        assert_eq!((found.deadline_misses, found.deadline_ms), (0, 20.0));
    }

    #[test]
    fn frames_that_are_too_large_queue_up() {
        // 30 ms of sending every 20 ms: each frame waits 10 ms longer than the previous one.
        let found = analyse(&frames(5, 375, 0.0, 0), 20.0, Some(100.0), 0.0);
        let total = found.glass_to_glass.unwrap().total;
        assert!((total.p50 - 60.0).abs() < 1e-9 && (total.max - 80.0).abs() < 1e-9);
    }

    #[test]
    fn held_frames_and_slow_encoders_delay() {
        let held = analyse(&frames(5, 0, 1.0, 3), 20.0, Some(100.0), 0.0);
        assert!((held.glass_to_glass.unwrap().encode - 61.0).abs() < 1e-9);
        let slow = analyse(&frames(3, 0, 25.0, 0), 20.0, Some(100.0), 0.0);
        assert_eq!(slow.deadline_misses, 3);
        assert!((slow.glass_to_glass.unwrap().total.max - 45.0).abs() < 1e-9);
        assert_eq!(analyse(&[], 20.0, Some(100.0), 1.0).glass_to_glass, None);
    }
}
