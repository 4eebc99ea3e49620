//! Animated images: reading GIF and WebP, writing GIF.

mod content;
mod gif_reader;
mod gif_writer;
mod palette;
pub(crate) mod read;
mod webp_reader;

use std::path::Path;

pub(crate) use gif_writer::GifWriter;

/// Formats of animated images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnimationFormat {
    /// GIF.
    Gif,
    /// WebP with frames.
    WebP,
}

/// Bytes that [`AnimationFormat::recognise`] needs.
pub(crate) const HEAD_BYTES: usize = 21;

impl AnimationFormat {
    /// Detects the format by the first [`HEAD_BYTES`] bytes.
    pub(crate) fn recognise(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            // RFC 9649, section 2.7: bit 1 of the flags.
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                b'V',
                b'P',
                b'8',
                b'X',
                _,
                _,
                _,
                _,
                flags,
                ..,
            ] if flags & 2 != 0 => Some(Self::WebP),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gif => "gif",
            Self::WebP => "animated webp",
        }
    }
}

/// Whether an output is a GIF: by `-f`, otherwise by its name.
pub fn is_gif(path: &Path, format: Option<&str>) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    format.or(extension).is_some_and(|name| name.eq_ignore_ascii_case("gif"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn animations_are_recognised_by_their_content() {
        assert_eq!(AnimationFormat::recognise(b"GIF89a"), Some(AnimationFormat::Gif));
        assert_eq!(AnimationFormat::recognise(b"GIF90a"), None);
        let mut webp = *b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02";
        assert_eq!(AnimationFormat::recognise(&webp), Some(AnimationFormat::WebP));
        webp[20] = 0x10;
        assert_eq!(AnimationFormat::recognise(&webp), None);
        for length in 0..20 {
            assert_eq!(AnimationFormat::recognise(&webp[..length]), None);
        }
    }

    #[test]
    fn gif_outputs_are_named_or_chosen() {
        assert!(is_gif(Path::new("a.GIF"), None) && is_gif(Path::new("-"), Some("gif")));
        assert!(!is_gif(Path::new("a.gif"), Some("y4m")) && !is_gif(Path::new("gif"), None));
    }
}
