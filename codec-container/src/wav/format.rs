//! The `fmt ` chunk, which Matroska also uses for tracks of `A_MS/ACM`: parsing and writing.

use codec_audio::{AudioCodec, AudioFormat, ChannelLayout, PcmEncoding};

use crate::channel_mask::layout_of_mask;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const MULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xFFFE;
/// The bytes after the format number in the identifier of an extensible format.
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// The fields of a `fmt ` chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaveFormat {
    pub(crate) codec: AudioCodec,
    pub(crate) audio: AudioFormat,
    /// Bytes of one sample of every channel.
    pub(crate) frame_bytes: usize,
}

/// Why a `fmt ` chunk is rejected.
pub(crate) enum FormatError {
    /// Damaged: expected and found values.
    Corrupt(&'static str, String),
    /// A noun phrase that names the unsupported feature.
    Unsupported(String),
}

/// Parses a `fmt ` chunk.
pub(crate) fn parse_format(chunk: &[u8]) -> Result<WaveFormat, FormatError> {
    let Some(&[t0, t1, c0, c1, r0, r1, r2, r3, _, _, _, _, a0, a1, b0, b1]) = chunk.first_chunk()
    else {
        return Err(FormatError::Corrupt("a format of 16 bytes", format!("{} bytes", chunk.len())));
    };
    let mut tag = u16::from_le_bytes([t0, t1]);
    let channels = u16::from_le_bytes([c0, c1]);
    let rate = u32::from_le_bytes([r0, r1, r2, r3]);
    let align = u16::from_le_bytes([a0, a1]);
    let bits = u16::from_le_bytes([b0, b1]);
    let mut mask = 0;
    if tag == EXTENSIBLE {
        let Some(&[m0, m1, m2, m3, t0, t1, ref tail @ ..]) =
            chunk.get(20..).and_then(|rest| rest.first_chunk::<20>())
        else {
            let found = format!("{} bytes", chunk.len());
            return Err(FormatError::Corrupt("a WAVE_FORMAT_EXTENSIBLE chunk of 40 bytes", found));
        };
        if *tail != GUID_TAIL {
            return Err(FormatError::Unsupported(
                "a WAVE_FORMAT_EXTENSIBLE subformat with an unknown GUID".into(),
            ));
        }
        mask = u32::from_le_bytes([m0, m1, m2, m3]);
        tag = u16::from_le_bytes([t0, t1]);
    }
    if channels == 0 {
        return Err(FormatError::Corrupt("at least one channel", "0".into()));
    }
    if rate == 0 {
        return Err(FormatError::Corrupt("a sample rate above 0", "0".into()));
    }
    let Some(layout) = layout_of_mask(channels.into(), mask) else {
        return Err(FormatError::Unsupported(format!("audio of {channels} channels")));
    };
    // The container size of a sample, which may have fewer valid bits.
    let even = align != 0 && align % channels == 0;
    let bytes = if even { align / channels } else { bits.div_ceil(8) };
    let codec = match (tag, bytes) {
        (PCM, 1) => AudioCodec::Pcm(PcmEncoding::U8),
        (PCM, 2) => AudioCodec::Pcm(PcmEncoding::S16Le),
        (PCM, 3) => AudioCodec::Pcm(PcmEncoding::S24Le),
        (PCM, 4) => AudioCodec::Pcm(PcmEncoding::S32Le),
        (FLOAT, 4) => AudioCodec::Pcm(PcmEncoding::F32Le),
        (FLOAT, 8) => AudioCodec::Pcm(PcmEncoding::F64Le),
        (ALAW, 1) => AudioCodec::Pcma,
        (MULAW, 1) => AudioCodec::Pcmu,
        (PCM | FLOAT | ALAW | MULAW, _) => {
            return Err(FormatError::Unsupported(format!(
                "format {tag} with samples of {bytes} bytes"
            )));
        }
        _ => return Err(FormatError::Unsupported(format!("format {tag:#06x}"))),
    };
    let frame_bytes = usize::from(bytes) * usize::from(channels);
    Ok(WaveFormat { codec, audio: AudioFormat::new(rate, layout), frame_bytes })
}

/// The `fmt ` chunk for an audio track; `None` for codecs without one.
pub(crate) fn put_format(codec: AudioCodec, audio: AudioFormat) -> Option<Vec<u8>> {
    let (tag, bytes) = match codec {
        AudioCodec::Pcm(PcmEncoding::S16Be) => return None,
        AudioCodec::Pcm(encoding @ (PcmEncoding::F32Le | PcmEncoding::F64Le)) => {
            (FLOAT, encoding.bytes())
        }
        AudioCodec::Pcm(encoding) => (PCM, encoding.bytes()),
        AudioCodec::Pcma => (ALAW, 1),
        AudioCodec::Pcmu => (MULAW, 1),
        _ => return None,
    };
    let channels = u16::try_from(audio.channels()).ok()?;
    let bytes = u16::try_from(bytes).ok()?;
    let align = bytes.checked_mul(channels)?;
    let speakers = audio.layout.speakers().mask();
    let is_usual = channels <= 2 && ChannelLayout::of(channels.into()) == Some(audio.layout);
    let is_plain = is_usual && (tag != PCM || bytes <= 2);
    let mut out = Vec::with_capacity(40);
    out.extend_from_slice(&if is_plain { tag } else { EXTENSIBLE }.to_le_bytes());
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&audio.rate.to_le_bytes());
    out.extend_from_slice(&audio.rate.saturating_mul(align.into()).to_le_bytes());
    out.extend_from_slice(&align.to_le_bytes());
    out.extend_from_slice(&(bytes * 8).to_le_bytes());
    if is_plain {
        if tag != PCM {
            out.extend_from_slice(&[0; 2]);
        }
    } else {
        out.extend_from_slice(&22_u16.to_le_bytes());
        out.extend_from_slice(&(bytes * 8).to_le_bytes());
        out.extend_from_slice(&speakers.to_le_bytes());
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&GUID_TAIL);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec_audio::SpeakerSet;

    #[test]
    fn every_encoding_and_layout_survives() {
        let codecs = PcmEncoding::ALL.map(AudioCodec::Pcm);
        for codec in codecs.into_iter().chain([AudioCodec::Pcma, AudioCodec::Pcmu]) {
            for count in 1..=12 {
                let audio = AudioFormat::new(48_000, ChannelLayout::of(count).unwrap());
                let Some(chunk) = put_format(codec, audio) else {
                    assert_eq!(codec, AudioCodec::Pcm(PcmEncoding::S16Be));
                    continue;
                };
                let Ok(back) = parse_format(&chunk) else { panic!("{codec} {audio}") };
                assert_eq!((back.codec, back.audio), (codec, audio));
                for cut in 0..chunk.len() {
                    let _ = parse_format(&chunk[..cut]);
                }
            }
        }
    }

    #[test]
    fn side_speakers_without_back_speakers_are_surround() {
        assert_eq!(layout_of_mask(6, 0x60F), Some(ChannelLayout::Surround51));
        assert_eq!(layout_of_mask(6, 0x3F), Some(ChannelLayout::Surround51));
        assert_eq!(layout_of_mask(8, 0x63F), Some(ChannelLayout::Surround71));
        assert_eq!(layout_of_mask(4, 0x603), Some(ChannelLayout::Quad));
    }

    #[test]
    fn masks_without_a_layout_of_their_own_are_sets_of_speakers() {
        for (count, mask) in [(2, 0xC), (3, 0xB), (4, 0xF), (4, 0x107), (7, 0x637), (8, 0xFF)] {
            let layout = layout_of_mask(count, mask).unwrap();
            let expected = SpeakerSet::from_mask(mask).map(ChannelLayout::Speakers);
            assert_eq!((Some(layout), layout.count()), (expected, count));
            let codec = AudioCodec::Pcm(PcmEncoding::S16Le);
            let audio = AudioFormat::new(48_000, layout);
            let chunk = put_format(codec, audio).unwrap();
            let Ok(back) = parse_format(&chunk) else { panic!("{audio}") };
            assert_eq!(back.audio, audio);
        }
        // Fewer speakers than channels, more, and unknown ones.
        assert_eq!(layout_of_mask(6, 0x3), Some(ChannelLayout::Discrete(6)));
        assert_eq!(layout_of_mask(2, 0x3F), Some(ChannelLayout::Stereo));
        assert_eq!(layout_of_mask(3, 0x8000_0003), Some(ChannelLayout::Discrete(3)));
        assert_eq!(layout_of_mask(2, 0x6000_0000), Some(ChannelLayout::Stereo));
        assert_eq!(layout_of_mask(1, 0x1), Some(ChannelLayout::Mono));
        assert_eq!(layout_of_mask(0, 0x1), None);
    }
}
