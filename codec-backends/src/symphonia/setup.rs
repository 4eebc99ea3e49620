//! Converts codec configurations (codec private data) from containers to the library's form.

use std::borrow::Cow;

use codec_audio::AudioCodec;
use codec_core::error::Corrupt;

/// Length of a FLAC `STREAMINFO` block in bytes (RFC 9639, section 8.2).
const STREAMINFO: usize = 34;

/// Returns the codec configuration for the library.
///
/// # Errors
/// [`Corrupt`] if the configuration is missing and the codec requires it.
pub(super) fn unwrap(codec: AudioCodec, private: &[u8]) -> Result<Cow<'_, [u8]>, Corrupt> {
    let needed = |what| Corrupt::Other { what, offset_bytes: private.len() };
    match codec {
        AudioCodec::Flac => {
            streaminfo(private).map(Cow::Borrowed).ok_or(needed("a FLAC STREAMINFO block"))
        }
        AudioCodec::Vorbis if private.is_empty() => Err(needed("the three Vorbis headers")),
        AudioCodec::Alac if private.is_empty() => Err(needed("an ALAC configuration")),
        _ => Ok(Cow::Borrowed(private)),
    }
}

/// Returns the contents of `STREAMINFO` from its bare form, a metadata block, a file header (as in
/// Matroska), or an MP4 box with its version.
fn streaminfo(private: &[u8]) -> Option<&[u8]> {
    let block = |data: &[u8]| matches!(data, [0 | 0x80, 0, 0, 34, ..]);
    let contents = match private {
        [b'f', b'L', b'a', b'C', rest @ ..] if block(rest) => &rest[4..],
        [0, 0, 0, 0, rest @ ..] if block(rest) => &rest[4..],
        data if block(data) && data.len() >= STREAMINFO + 4 => &data[4..],
        data => data,
    };
    contents.get(..STREAMINFO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streaminfo_is_found_in_all_container_forms() {
        let bare = [7; STREAMINFO];
        let block = [&[0x80, 0, 0, 34][..], &bare].concat();
        let file = [&b"fLaC"[..], &block].concat();
        let mp4 = [&[0; 4][..], &block].concat();
        for wrapped in [&bare[..], &block, &file, &mp4] {
            assert_eq!(streaminfo(wrapped), Some(&bare[..]));
        }
        for bad in [&bare[1..], &file[..41], &[]] {
            assert_eq!(streaminfo(bad), None);
        }
    }
}
