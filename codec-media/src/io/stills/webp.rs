//! The WebP container (RFC 9649): a RIFF file whose lossy image is one VP8 key frame.

/// The relevant content of a WebP file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// A VP8 key frame; `has_alpha` if there is a separate transparency channel.
    Lossy {
        frame: &'a [u8],
        has_alpha: bool,
    },
    Lossless,
    Animation,
}

/// Finds the image in a file, or describes the error.
pub(crate) fn parse(file: &[u8]) -> Result<Content<'_>, String> {
    let body = file.get(12..).ok_or("truncated RIFF header")?;
    let mut rest = body;
    let mut has_alpha = false;
    while !rest.is_empty() {
        let at = file.len() - rest.len();
        let (head, tail) =
            rest.split_first_chunk::<8>().ok_or_else(|| format!("truncated chunk at byte {at}"))?;
        let [a, b, c, d, size @ ..] = *head;
        let size = usize::try_from(u32::from_le_bytes(size)).unwrap_or(usize::MAX);
        let payload = tail.get(..size).ok_or_else(|| {
            format!("the chunk at byte {at} claims {size} bytes, but {} are left", tail.len())
        })?;
        match &[a, b, c, d] {
            b"VP8 " => return Ok(Content::Lossy { frame: payload, has_alpha }),
            b"VP8L" => return Ok(Content::Lossless),
            b"ANIM" | b"ANMF" => return Ok(Content::Animation),
            b"ALPH" => has_alpha = true,
            _ => {}
        }
        // Chunks are padded to even sizes.
        rest = tail.get(size + size % 2..).unwrap_or_default();
    }
    Err("no image found".to_owned())
}

/// Wraps a key frame in a WebP file.
pub(crate) fn lossy(frame: &[u8]) -> Option<Vec<u8>> {
    let padding = frame.len() % 2;
    let chunk = u32::try_from(frame.len()).ok()?;
    let whole = u32::try_from(4 + 8 + frame.len() + padding).ok()?;
    let mut file = Vec::with_capacity(frame.len() + 21);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&whole.to_le_bytes());
    file.extend_from_slice(b"WEBPVP8 ");
    file.extend_from_slice(&chunk.to_le_bytes());
    file.extend_from_slice(frame);
    file.resize(file.len() + padding, 0);
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_images_are_parsed_back() {
        for len in [0, 1, 10, 11] {
            let frame = vec![7; len];
            let file = lossy(&frame).unwrap();
            assert_eq!(file.len() % 2, 0);
            assert_eq!(parse(&file), Ok(Content::Lossy { frame: &frame, has_alpha: false }));
        }
    }

    #[test]
    fn truncated_files_are_rejected_with_the_position() {
        let file = lossy(&[1; 40]).unwrap();
        for len in 0..file.len() {
            let outcome = parse(&file[..len]);
            assert!(outcome.is_err(), "{len}: {outcome:?}");
        }
    }
}
