//! Creates the track description of an H.264 stream from the parameter sets in one of its packets.

use codec_core::annex_b::{Units, avc_record};
use codec_core::codec::Codec;
use codec_core::frame::Rational;

use super::sps::SpsSummary;
use crate::{Format, VideoTrack};

const SPS: u8 = 7;

/// Parses the sequence parameter set in a packet; `None` without one.
pub(super) fn summary_of(packet: &[u8]) -> Option<SpsSummary> {
    let mut sets = Units::new(packet).filter(|unit| unit.first().is_some_and(|it| it & 31 == SPS));
    SpsSummary::parse(sets.next()?.get(1..)?)
}

/// Returns the maximum number of frames that precede a frame in decoding order and follow it in output
/// order (`max_num_reorder_frames`), if the sequence parameter set in a packet states it.
pub(crate) fn reordered_frames(packet: &[u8]) -> Option<usize> {
    usize::try_from(summary_of(packet)?.reordered_frames?).ok()
}

/// Describes an H.264 stream for a writer of `format`, by the parameter sets in a packet in the byte
/// stream format: size, frame rate, colours, and the codec configuration (`avcC`). `None` if the
/// packet lacks a parameter set.
///
/// ```
/// use codec_container::{Format, describe_h264};
/// use codec_core::frame::Rational;
///
/// let packet = [
///     0, 0, 0, 1, 0x67, 66, 0xc0, 30, 0xda, 0x0f, 0x0a, 0x68, 0x40, 0, 0, 0, 1, 0x68, 0xce, 0x3c,
///     0x80, 0, 0, 0, 1, 0x65, 0x88,
/// ];
/// let track = describe_h264(Format::Mp4, &packet, Rational::new(1, 90_000)).unwrap();
/// assert_eq!((track.size.width, track.size.height), (240, 320));
/// assert_eq!(track.codec_private[..4], [1, 66, 0xc0, 30]);
/// ```
#[must_use]
pub fn describe_h264(format: Format, packet: &[u8], time_base: Rational) -> Option<VideoTrack> {
    let summary = summary_of(packet)?;
    let mut track = VideoTrack::new(format, Codec::H264, summary.size, time_base);
    track.codec_private = avc_record(packet)?;
    track.frame_rate = summary.frame_rate;
    track.info.color = summary.color;
    summary.reject(&mut track);
    Some(track)
}
