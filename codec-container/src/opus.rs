//! Opus in containers: creates a track from `OpusHead`, and computes the duration of packets.

use codec_audio::opus_head::OpusHead;
use codec_audio::opus_packet::duration_us;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};

use crate::{AudioTrack, Format};

/// The rate at which positions and delays are counted.
pub(crate) const RATE: u32 = 48_000;

/// Returns the header for `track`: the track's own header with the track's delay, or else a default
/// header. `None` if the track's own header is damaged, or if the track has none and has more than
/// two channels.
pub(crate) fn head_of(track: &AudioTrack) -> Option<OpusHead> {
    let pre_skip = u16::try_from(track.delay).ok()?;
    if track.codec_private.is_empty() {
        let channels = u8::try_from(track.audio.channels()).ok().filter(|&count| count <= 2)?;
        let input_rate = track.input_rate.unwrap_or(track.audio.rate);
        return Some(OpusHead::plain(channels, pre_skip, input_rate));
    }
    Some(OpusHead { pre_skip, ..OpusHead::parse(&track.codec_private).ok()? })
}

/// The track that `head` describes, with a tick for each sample.
pub(crate) fn track_of(head: &OpusHead, format: Format) -> AudioTrack {
    let layout = match head.family {
        0 | 1 => ChannelLayout::of(head.channels.into()),
        _ => None,
    };
    let layout = layout.unwrap_or(ChannelLayout::Discrete(head.channels));
    let mut track = AudioTrack::new(format, AudioCodec::Opus, AudioFormat::new(RATE, layout));
    track.input_rate = (head.input_rate > 0).then_some(head.input_rate);
    track.delay = head.pre_skip.into();
    track.codec_private = head.to_bytes();
    track
}

/// Samples at 48 kHz in a packet; `None` if it is not an Opus packet.
pub(crate) fn packet_samples(data: &[u8]) -> Option<u32> {
    duration_us(data).map(|us| us / 1000 * 48 + us % 1000 * 48 / 1000)
}
