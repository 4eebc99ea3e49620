//! Depth and sampling of coded video, from the headers of its frames.

use codec_core::codec::Codec;
use codec_core::frame::{SampleFormat, Sampling};

use crate::obu;

/// Returns depth and sampling of a key frame; `None` if the headers are damaged or the codec is
/// another than VP8, VP9 and AV1.
#[must_use]
pub fn sample_format(codec: Codec, packet: &[u8]) -> Option<SampleFormat> {
    match codec {
        Codec::Vp8 => Some(SampleFormat::YUV420),
        Codec::Vp9 => of_vp9(packet),
        Codec::Av1 => obu::sample_format(packet),
        _ => None,
    }
}

/// VP9 bitstream specification, sections 6.2 and 7.2.
fn of_vp9(packet: &[u8]) -> Option<SampleFormat> {
    let head = packet.first_chunk::<8>()?;
    let word = u64::from_be_bytes(*head);
    let mut at = 0;
    let mut take = |count: u32| {
        at += count;
        word >> (64 - at) & ((1 << count) - 1)
    };
    let marker = take(2);
    let (low, high) = (take(1), take(1));
    let profile = high << 1 | low;
    // A reserved bit; show_existing_frame, frame_type; show_frame, error_resilient_mode.
    let reserved = if profile == 3 { take(1) } else { 0 };
    let is_key = take(2) == 0;
    take(2);
    if marker != 2 || reserved != 0 || !is_key || take(24) != 0x49_8342 {
        return None;
    }
    let depth = match (profile, profile >= 2 && take(1) == 1) {
        (0 | 1, _) => 8,
        (_, false) => 10,
        (_, true) => 12,
    };
    let is_rgb = take(3) == 7;
    let sampling = match (profile & 1 == 1, is_rgb) {
        (false, _) => Sampling::Yuv420,
        (true, true) => Sampling::Yuv444,
        (true, false) => {
            take(1);
            match (take(1), take(1)) {
                (0, 0) => Sampling::Yuv444,
                (0, _) => Sampling::Yuv440,
                (_, 0) => Sampling::Yuv422,
                _ => Sampling::Yuv420,
            }
        }
    };
    Some(SampleFormat::new(depth, sampling))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_vp9_state_depth_and_sampling() {
        let of = |bytes: [u8; 8]| sample_format(Codec::Vp9, &bytes).map(SampleFormat::name);
        assert_eq!(of([0x82, 0x49, 0x83, 0x42, 0x20, 0, 0x70, 0]), Some("yuv420p"));
        // Profile 2, 10 and 12 bits.
        assert_eq!(of([0x92, 0x49, 0x83, 0x42, 0x10, 0, 0x70, 0]), Some("yuv420p10"));
        assert_eq!(of([0x92, 0x49, 0x83, 0x42, 0x90, 0, 0x70, 0]), Some("yuv420p12"));
        // Profile 1, 4:4:4 and 4:4:0.
        assert_eq!(of([0xA2, 0x49, 0x83, 0x42, 0x20, 0, 0x70, 0]), Some("yuv444p"));
        assert_eq!(of([0xA2, 0x49, 0x83, 0x42, 0x24, 0, 0x70, 0]), Some("yuv440p"));
        assert_eq!(of([0x86, 0x49, 0x83, 0x42, 0x20, 0, 0x70, 0]), None, "an inter frame");
        assert_eq!(sample_format(Codec::Vp9, &[0x82]), None);
    }
}
