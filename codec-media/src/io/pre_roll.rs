//! Pre-roll: the packets before a cut from which a decoder starts, so that its output after the cut is (nearly) the
//! same as after decoding from the beginning.

use std::collections::VecDeque;

use codec_audio::AudioCodec;
use codec_audio::opus_packet::MODE_CHANGE_SAMPLES;
use codec_container::{AudioTrack, CodedPacket};

/// Maximum length of the pre-roll in nanoseconds: earlier packets are not needed.
pub(super) fn longest_ns(codec: AudioCodec) -> i64 {
    let ms = match codec {
        // RFC 7845, section 4.6.
        AudioCodec::Opus => 80,
        AudioCodec::Pcm(_)
        | AudioCodec::Pcma
        | AudioCodec::Pcmu
        | AudioCodec::Flac
        | AudioCodec::Alac => 0,
        // Overlapping blocks, and the bit reservoir of MP3.
        _ => 250,
    };
    ms * 1_000_000
}

/// Removes packets that are not needed to decode the last one.
pub(super) fn shorten(packets: &mut VecDeque<CodedPacket>, track: &AudioTrack) {
    let Some(last) = packets.len().checked_sub(1) else { return };
    let needed = match track.codec {
        // Half of each block overlaps the one before.
        AudioCodec::Vorbis => 1,
        AudioCodec::Aac => aac_needed(&track.codec_private).unwrap_or(last),
        AudioCodec::Mp3 => mp3_needed(packets),
        _ => last,
    };
    packets.drain(..last.saturating_sub(needed));
}

/// Number of samples at the start of a stream whose decoded values depend on the packets before. They have to be hidden
/// if other audio precedes the stream. `None`: unknown. `packet` is the length of a packet in samples.
pub(crate) fn settling(track: &AudioTrack, packet: u32) -> Option<u32> {
    match track.codec {
        AudioCodec::Flac | AudioCodec::Alac => Some(0),
        // After a packet that resets the decoder; streams of more than two channels have several decoders.
        AudioCodec::Opus => (track.audio.channels() <= 2).then_some(MODE_CHANGE_SAMPLES),
        AudioCodec::Aac => {
            let packets = u32::try_from(aac_needed(&track.codec_private)?).ok()?;
            packets.checked_mul(packet)
        }
        // A granule, and the memory of the synthesis filters. ISO/IEC 11172-3, section 2.4.3.
        AudioCodec::Mp3 => Some(576 + 512),
        _ => None,
    }
}

/// Packets before one of AAC with this `AudioSpecificConfig`; `None` if decoding may depend on any
/// number of them. ISO/IEC 14496-3, section 1.6.2.
fn aac_needed(config: &[u8]) -> Option<usize> {
    match config.first()? >> 3 {
        // LC: half of each block overlaps the one before.
        2 => Some(1),
        // SBR and PS: their parameters can be relative to the parameters of the frame before.
        5 | 29 => Some(2),
        _ => None,
    }
}

/// Packets before the last one of MP3: the one that overlaps it, and those with the main data of both.
fn mp3_needed(packets: &VecDeque<CodedPacket>) -> usize {
    let Some(last) = packets.len().checked_sub(1) else { return 0 };
    let frames: Vec<_> = packets.iter().map(|packet| Reservoir::parse(&packet.data)).collect();
    let first_of = |of: usize| -> usize {
        let mut missing = frames[of].map_or(0, |frame| frame.begins_before);
        let mut first = of;
        while missing > 0 && first > 0 {
            first -= 1;
            missing = missing.saturating_sub(frames[first].map_or(0, |frame| frame.bytes));
        }
        first
    };
    last - first_of(last.saturating_sub(1)).min(first_of(last))
}

/// The main data of a frame of MP3. ISO/IEC 11172-3 and 13818-3, section 2.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reservoir {
    /// By how many bytes of main data it begins before its frame.
    begins_before: usize,
    /// Bytes of main data in the frame.
    bytes: usize,
}

impl Reservoir {
    fn parse(frame: &[u8]) -> Option<Self> {
        let (&[sync, version, _, mode], rest) = frame.split_first_chunk::<4>()?;
        if sync != 0xFF || version & 0xE0 != 0xE0 {
            return None;
        }
        let (is_mpeg1, is_mono) = (version & 0x18 == 0x18, mode >> 6 == 3);
        let rest = if version & 1 == 0 { rest.get(2..)? } else { rest };
        let side_bytes = match (is_mpeg1, is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        let &[high, low] = rest.first_chunk()?;
        let begins_before =
            if is_mpeg1 { usize::from(high) << 1 | usize::from(low >> 7) } else { high.into() };
        Some(Self { begins_before, bytes: rest.len().checked_sub(side_bytes)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mono frame of MPEG-1 with `bytes` of main data that begins `before` bytes earlier.
    fn frame(before: u16, bytes: usize) -> CodedPacket {
        let mut packet = CodedPacket::default();
        packet.data = vec![0xFF, 0xFB, 0x90, 0xC0];
        packet.data.extend_from_slice(&(before << 7).to_be_bytes());
        packet.data.resize(4 + 17 + bytes, 0);
        packet
    }

    #[test]
    fn the_reservoir_of_mp3_decides_how_many_packets_are_needed() {
        let needed = |sizes: &[(u16, usize)]| {
            mp3_needed(&sizes.iter().map(|&(before, bytes)| frame(before, bytes)).collect())
        };
        assert_eq!(needed(&[(0, 100), (0, 100), (0, 100)]), 1);
        assert_eq!(needed(&[(0, 100), (0, 100), (1, 100), (0, 100)]), 2);
        assert_eq!(needed(&[(0, 100), (0, 100), (101, 100), (0, 100)]), 3);
        assert_eq!(needed(&[(0, 100), (0, 100), (0, 100), (250, 100)]), 3);
        assert_eq!(needed(&[(511, 100)]), 0);
        assert_eq!(Reservoir::parse(&frame(511, 7).data).unwrap().begins_before, 511);
        assert_eq!(Reservoir::parse(&[0xFF, 0xFB, 0x90]), None);
    }

    #[test]
    fn aac_needs_the_packet_before() {
        assert_eq!(aac_needed(&[0x11, 0x88]), Some(1));
        assert_eq!(aac_needed(&[0x2B, 0x11]), Some(2));
        assert_eq!(aac_needed(&[0x09]), None);
        assert_eq!(aac_needed(&[]), None);
    }
}
