//! Reads GIF: frames are composed as browsers do. `GIF89a`, sections 20 and 23.

use std::io::Cursor;
use std::num::NonZeroU64;

use codec_core::codec::Limits;
use codec_core::frame::Size;
use gif::{ColorOutput, DecodeOptions, Decoder, DisposalMethod, Frame, MemoryLimit, Repeat};

use super::content::{Animation, Composed, MAX_FRAMES};

/// Samples of a pixel of the canvas.
const CHANNELS: usize = 3;
const WHITE: u8 = 255;

/// The frames of a GIF.
pub(super) struct GifReader {
    decoder: Decoder<Cursor<Vec<u8>>>,
    width: usize,
    height: usize,
    /// Red, green and blue of what is shown, with white for transparent pixels.
    canvas: Vec<u8>,
    /// The next change of the canvas before a frame is drawn.
    disposal: Disposal,
    /// Whether all pixels of the canvas were drawn.
    is_opaque: bool,
    /// The canvas before a frame that is removed after it was shown.
    saved: Vec<u8>,
    is_first: bool,
}

/// A part of the canvas.
#[derive(Clone, Copy, Debug, Default)]
struct Area {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

/// What happens to a frame after it was shown.
enum Disposal {
    Keep,
    Clear(Area),
    /// The canvas of [`GifReader::saved`] returns.
    Restore,
}

fn decoder(
    file: Vec<u8>,
    limits: &Limits,
    is_scan: bool,
) -> Result<Decoder<Cursor<Vec<u8>>>, String> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.skip_frame_decoding(is_scan);
    let bytes = NonZeroU64::new(limits.max_pixels).unwrap_or(NonZeroU64::MIN);
    options.set_memory_limit(MemoryLimit::Bytes(bytes));
    options.read_info(Cursor::new(file)).map_err(|error| error.to_string())
}

impl GifReader {
    pub(super) fn new(file: Vec<u8>, limits: &Limits) -> Result<(Self, Animation), String> {
        let mut scan = decoder(file, limits, true)?;
        let mut delays = Vec::new();
        // Damage is an error where it is reached.
        while let Ok(Some(frame)) = scan.next_frame_info() {
            delays.push(u32::from(frame.delay));
            if delays.len() > MAX_FRAMES {
                break;
            }
        }
        let repeats = match scan.repeat() {
            Repeat::Infinite => "without end".to_owned(),
            Repeat::Finite(0) => "once".to_owned(),
            Repeat::Finite(times) => format!("{} times", u32::from(times) + 1),
        };
        let file = scan.into_inner().into_inner().into_inner();
        let decoder = decoder(file, limits, false)?;
        let (width, height) = (decoder.width(), decoder.height());
        let size = Size::new(width.into(), height.into());
        let reader = Self {
            decoder,
            width: width.into(),
            height: height.into(),
            canvas: Vec::new(),
            disposal: Disposal::Keep,
            is_opaque: false,
            saved: Vec::new(),
            is_first: true,
        };
        Ok((reader, Animation { size, delays, repeats }))
    }

    /// What is shown: packed RGB.
    pub(super) fn canvas(&self) -> &[u8] {
        &self.canvas
    }

    /// Composes the next frame.
    pub(super) fn read(&mut self) -> Result<Option<Composed>, String> {
        if std::mem::take(&mut self.is_first) {
            self.canvas.resize(self.width * self.height * CHANNELS, WHITE);
        }
        match std::mem::replace(&mut self.disposal, Disposal::Keep) {
            Disposal::Keep => {}
            Disposal::Clear(area) => {
                self.is_opaque = false;
                clear(&mut self.canvas, self.width, area);
            }
            Disposal::Restore => self.canvas.copy_from_slice(&self.saved),
        }
        let global = self.decoder.global_palette().map(<[u8]>::to_vec);
        let frame = match self.decoder.read_next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let area = Area::of(frame, self.width, self.height);
        self.disposal = match frame.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => Disposal::Keep,
            DisposalMethod::Background => Disposal::Clear(area),
            DisposalMethod::Previous => {
                self.saved.clone_from(&self.canvas);
                Disposal::Restore
            }
        };
        let palette = frame.palette.as_deref().or(global.as_deref()).unwrap_or_default();
        let is_complete = draw(frame, palette, area, &mut self.canvas, self.width);
        let is_whole = area.width() == self.width && area.bottom - area.top == self.height;
        if is_complete && is_whole && !matches!(self.disposal, Disposal::Restore) {
            self.is_opaque = true;
        }
        let has_transparency = !(self.is_opaque || is_complete && is_whole);
        Ok(Some(Composed { has_transparency }))
    }
}

impl Area {
    /// The part of the canvas on which a frame is drawn.
    fn of(frame: &Frame<'_>, width: usize, height: usize) -> Self {
        let (left, top) = (usize::from(frame.left).min(width), usize::from(frame.top).min(height));
        Self {
            left,
            top,
            right: (left + usize::from(frame.width)).min(width),
            bottom: (top + usize::from(frame.height)).min(height),
        }
    }

    fn width(self) -> usize {
        self.right - self.left
    }
}

fn clear(canvas: &mut [u8], width: usize, area: Area) {
    let rows = canvas.chunks_exact_mut((width * CHANNELS).max(1));
    for row in rows.take(area.bottom).skip(area.top) {
        row[area.left * CHANNELS..area.right * CHANNELS].fill(WHITE);
    }
}

/// Draws the opaque pixels of a frame; returns whether there are no others.
fn draw(frame: &Frame<'_>, palette: &[u8], area: Area, canvas: &mut [u8], width: usize) -> bool {
    let mut is_complete = true;
    let transparent = frame.transparent;
    let stride = usize::from(frame.width).max(1);
    let rows = canvas.chunks_exact_mut((width * CHANNELS).max(1)).take(area.bottom).skip(area.top);
    for (row, indexes) in rows.zip(frame.buffer.chunks(stride)) {
        let row = &mut row[area.left * CHANNELS..area.right * CHANNELS];
        for (pixel, &index) in row.chunks_exact_mut(CHANNELS).zip(indexes) {
            let at = usize::from(index) * CHANNELS;
            // Indexes without a colour are not drawn, like transparent ones.
            match palette.get(at..at + CHANNELS).filter(|_| transparent != Some(index)) {
                Some(color) => pixel.copy_from_slice(color),
                None => is_complete = false,
            }
        }
    }
    is_complete
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use gif::Encoder;

    use super::*;

    const RED: [u8; 3] = [255, 0, 0];
    const BLUE: [u8; 3] = [0, 0, 255];
    const NO: [u8; 3] = [WHITE; 3];

    /// One row of pixels per frame: start, indexes into red, blue and transparent, disposal.
    fn file(width: u16, frames: &[(u16, &[u8], DisposalMethod)]) -> Vec<u8> {
        let mut out = Vec::new();
        let palette = [RED, BLUE, NO].concat();
        let mut encoder = Encoder::new(&mut out, width, 1, &palette).unwrap();
        for &(left, indexes, dispose) in frames {
            let frame = Frame {
                delay: 5,
                left,
                width: u16::try_from(indexes.len()).unwrap(),
                height: 1,
                transparent: Some(2),
                dispose,
                buffer: Cow::Borrowed(indexes),
                ..Frame::default()
            };
            encoder.write_frame(&frame).unwrap();
        }
        drop(encoder);
        out
    }

    fn shown(file: Vec<u8>) -> Vec<(Vec<[u8; 3]>, bool)> {
        let (mut reader, animation) = GifReader::new(file, &Limits::default()).unwrap();
        let mut frames = Vec::new();
        while let Some(composed) = reader.read().unwrap() {
            let pixels =
                reader.canvas().chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
            frames.push((pixels.collect(), composed.has_transparency));
        }
        assert_eq!(animation.delays.len(), frames.len());
        frames
    }

    #[test]
    fn frames_are_composed_and_disposed_of() {
        use DisposalMethod::{Background, Keep, Previous};
        let frames = shown(file(
            4,
            &[
                (0, &[0, 0, 0, 0], Keep),
                (1, &[1, 2], Previous),
                (3, &[1], Background),
                (0, &[1], Keep),
                // Extends past the canvas.
                (2, &[1, 1, 1], Keep),
            ],
        ));
        let expected = [
            (vec![RED, RED, RED, RED], false),
            (vec![RED, BLUE, RED, RED], false),
            (vec![RED, RED, RED, BLUE], false),
            (vec![BLUE, RED, RED, NO], true),
            (vec![BLUE, RED, BLUE, BLUE], true),
        ];
        assert_eq!(frames, expected);
        assert_eq!(shown(file(2, &[(0, &[2, 0], Keep)])), [(vec![NO, RED], true)]);
        assert!(!shown(file(2, &[(9, &[1], Keep), (0, &[1, 1], Keep)]))[1].1);
    }

    #[test]
    fn damaged_files_end_in_errors_and_never_panic() {
        let whole = file(4, &[(0, &[0; 4], DisposalMethod::Keep), (1, &[1], DisposalMethod::Keep)]);
        for length in 0..whole.len() {
            if let Ok((mut reader, _)) =
                GifReader::new(whole[..length].to_vec(), &Limits::default())
            {
                while let Ok(Some(_)) = reader.read() {}
            }
        }
        for at in 6..whole.len() {
            for flip in [1, 0x40, 0x80, 0xFF] {
                let mut changed = whole.clone();
                changed[at] ^= flip;
                if let Ok((mut reader, _)) = GifReader::new(changed, &Limits::default()) {
                    let mut frames = 0;
                    while let (Ok(Some(_)), true) = (reader.read(), frames < 10) {
                        frames += 1;
                    }
                }
            }
        }
    }

    #[test]
    fn frames_larger_than_the_limits_are_rejected() {
        let mut limits = Limits::default();
        limits.max_pixels = 100;
        let large = file(4, &[(0, &[0; 101], DisposalMethod::Keep)]);
        let (mut reader, _) = GifReader::new(large, &limits).unwrap();
        assert!(reader.read().is_err());
    }
}
