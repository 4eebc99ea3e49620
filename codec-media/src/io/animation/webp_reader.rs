//! Reads animated WebP. RFC 9649, section 2.7.

use std::io::Cursor;

use codec_core::codec::Limits;
use codec_core::frame::Size;
use image_webp::{DecodingError, LoopCount, WebPDecoder};

use super::content::{Animation, Composed, MAX_FRAMES};

/// Memory of a decoder in bytes per pixel of the limit.
const BYTES_PER_PIXEL: u64 = 16;
/// Opacity that differs from full opacity by the rounding of the decoder.
const NEARLY_OPAQUE: u8 = 254;

/// The frames of an animated WebP.
pub(super) struct WebpReader {
    decoder: WebPDecoder<Cursor<Vec<u8>>>,
    has_alpha: bool,
    /// The decoder's canvas.
    decoded: Vec<u8>,
    /// Packed RGB.
    canvas: Vec<u8>,
}

impl WebpReader {
    pub(super) fn new(file: Vec<u8>, limits: &Limits) -> Result<(Self, Animation), String> {
        let delays = delays(&file);
        let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(|error| error.to_string())?;
        if !decoder.is_animated() {
            return Err("no animation, although the header states one".to_owned());
        }
        let memory = limits.max_pixels.saturating_mul(BYTES_PER_PIXEL);
        decoder.set_memory_limit(usize::try_from(memory).unwrap_or(usize::MAX));
        // Browsers ignore the colour that the file has for its background. Without a colour, nothing is cleared.
        decoder.set_background_color([0; 4]).map_err(|error| error.to_string())?;
        let repeats = match decoder.loop_count() {
            LoopCount::Forever => "without end".to_owned(),
            LoopCount::Times(times) => format!("{times} times"),
        };
        let (width, height) = decoder.dimensions();
        let has_alpha = decoder.has_alpha();
        let reader = Self { decoder, has_alpha, decoded: Vec::new(), canvas: Vec::new() };
        Ok((reader, Animation { size: Size::new(width, height), delays, repeats }))
    }

    /// What is shown: packed RGB.
    pub(super) fn canvas(&self) -> &[u8] {
        if self.has_alpha { &self.canvas } else { &self.decoded }
    }

    /// Composes the next frame.
    pub(super) fn read(&mut self) -> Result<Option<Composed>, String> {
        if self.decoded.is_empty() {
            let bytes = self.decoder.output_buffer_size().ok_or("too large")?;
            self.decoded.resize(bytes, 0);
        }
        match self.decoder.read_frame(&mut self.decoded) {
            Ok(_) => {}
            Err(DecodingError::NoMoreFrames) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        }
        if !self.has_alpha {
            return Ok(Some(Composed { has_transparency: false }));
        }
        let pixels = self.decoded.chunks_exact(4);
        self.canvas.clear();
        self.canvas.extend(pixels.clone().flat_map(on_white));
        let has_transparency = pixels.map(|pixel| pixel[3]).any(|alpha| alpha < NEARLY_OPAQUE);
        Ok(Some(Composed { has_transparency }))
    }
}

/// The colour of a pixel with opacity in front of white.
fn on_white(pixel: &[u8]) -> [u8; 3] {
    let alpha = u32::from(pixel[3]);
    let blend = |value: u8| {
        let sum = u32::from(value) * alpha + 255 * (255 - alpha);
        u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
    };
    [blend(pixel[0]), blend(pixel[1]), blend(pixel[2])]
}

/// The durations of the frames in milliseconds, up to damage.
fn delays(file: &[u8]) -> Vec<u32> {
    let mut delays = Vec::new();
    let mut rest = file.get(12..).unwrap_or_default();
    while let Some((&[a, b, c, d, size @ ..], tail)) = rest.split_first_chunk::<8>() {
        let size = usize::try_from(u32::from_le_bytes(size)).unwrap_or(usize::MAX);
        if &[a, b, c, d] == b"ANMF" {
            let Some(&[low, middle, high]) = tail.get(12..15) else { break };
            delays.push(u32::from_le_bytes([low, middle, high, 0]));
            if delays.len() > MAX_FRAMES {
                break;
            }
        }
        // Chunks are padded to even sizes.
        let padded = size.saturating_add(size % 2);
        rest = tail.get(padded..).unwrap_or_default();
    }
    delays
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        let padding = vec![0; payload.len() % 2];
        [kind, &length[..], payload, &padding].concat()
    }

    /// A lossless image of one colour, without the RIFF header.
    fn image(width: u32, height: u32, color: [u8; 4]) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let pixels = color.repeat((width * height) as usize);
        let encoder = image_webp::WebPEncoder::new(&mut out);
        encoder.encode(&pixels, width, height, image_webp::ColorType::Rgba8).unwrap();
        out.into_inner()[12..].to_vec()
    }

    /// Frames of 4x2: left edge, width, colour, milliseconds, flags.
    fn file(frames: &[(u8, u8, [u8; 4], u8, u8)]) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        body.extend(chunk(b"VP8X", &[0x12, 0, 0, 0, 3, 0, 0, 1, 0, 0]));
        body.extend(chunk(b"ANIM", &[0, 0, 0, 255, 3, 0]));
        for &(left, width, color, ms, flags) in frames {
            let mut frame =
                vec![left / 2, 0, 0, 0, 0, 0, width - 1, 0, 0, 1, 0, 0, ms, 0, 0, flags];
            let image = image(width.into(), 2, color);
            // A frame has only the chunk of the image.
            let at = image.windows(4).position(|kind| kind == b"VP8L").unwrap();
            frame.extend_from_slice(&image[at..]);
            body.extend(chunk(b"ANMF", &frame));
        }
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [b"RIFF", &length[..], &body].concat()
    }

    #[test]
    fn frames_are_composed_on_white_with_their_times() {
        let (red, blue) = ([255, 0, 0, 255], [0, 0, 255, 128]);
        // Blended, removed after it was shown; then drawn without blending.
        let frames = [(0, 4, red, 40, 0), (2, 2, blue, 0, 1), (0, 2, blue, 70, 2)];
        let (mut reader, animation) = WebpReader::new(file(&frames), &Limits::default()).unwrap();
        assert_eq!(animation.delays, [40, 0, 70]);
        assert_eq!((animation.size, &*animation.repeats), (Size::new(4, 2), "3 times"));
        let mut rows = Vec::new();
        while reader.read().unwrap().is_some() {
            rows.push(reader.canvas()[..12].to_vec());
        }
        assert_eq!(rows.len(), 3);
        let expected = [
            [255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0],
            [255, 0, 0, 255, 0, 0, 127, 0, 128, 127, 0, 128],
            [127, 127, 255, 127, 127, 255, 255, 255, 255, 255, 255, 255_u8],
        ];
        // The decoder rounds when it blends.
        for (row, expected) in rows.iter().zip(expected) {
            let is_near = row.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 4);
            assert!(is_near, "{row:?}, not {expected:?}");
        }
    }

    #[test]
    fn damaged_files_end_in_errors_and_never_panic() {
        let whole = file(&[(0, 4, [1, 2, 3, 255], 40, 0), (0, 2, [9, 9, 9, 9], 40, 1)]);
        for length in 0..whole.len() {
            if let Ok((mut reader, _)) =
                WebpReader::new(whole[..length].to_vec(), &Limits::default())
            {
                while let Ok(Some(_)) = reader.read() {}
            }
        }
        for at in 0..whole.len() {
            // The size of the canvas is checked by the caller.
            if (24..30).contains(&at) {
                continue;
            }
            for flip in [1, 0x40, 0x80, 0xFF] {
                let mut changed = whole.clone();
                changed[at] ^= flip;
                if let Ok((mut reader, _)) = WebpReader::new(changed, &Limits::default()) {
                    while let Ok(Some(_)) = reader.read() {}
                }
            }
        }
    }
}
