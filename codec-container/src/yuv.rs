//! Raw video: frames without any header.

use std::str::FromStr;

use codec_core::codec::Limits;
use codec_core::frame::{Chroma, Picture, PixelFormat, Rational, Size};

use crate::io::{ByteReader, ByteWriter};
use crate::{
    Error, Format, Output, RawVideoFrame, RawVideoReader, RawVideoStream, RawVideoWriter,
    ReadOptions, Result, Source,
};

/// Maximum width and height.
pub(crate) const MAX_SIDE: u32 = 16383;

/// Layout of raw video, as on the command line: `640x360@30:i420`.
///
/// `@RATE` may be an integer, a decimal (`29.97` means 30000/1001) or a fraction; default 30.
/// `:FORMAT` is `i420` (the default; also `yuv420p`) or `nv12`.
///
/// ```
/// use codec_container::YuvSpec;
///
/// let spec: YuvSpec = "640x360@29.97:nv12".parse()?;
/// assert_eq!((spec.size.width, spec.frame_rate.to_string()), (640, "30000/1001".to_owned()));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct explains them")]
pub struct YuvSpec {
    pub size: Size,
    pub frame_rate: Rational,
    pub pixels: PixelFormat,
}

impl FromStr for YuvSpec {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (rest, pixels) = text.split_once(':').unwrap_or((text, "i420"));
        let (size, rate) = rest.split_once('@').unwrap_or((rest, "30"));
        let size = parse_size(size)
            .ok_or_else(|| format!("size {size}: expected WIDTHxHEIGHT, each 1..={MAX_SIDE}"))?;
        let frame_rate = parse_rate(rate).ok_or_else(|| {
            format!("invalid frame rate {rate}: expected 30, 29.97 or 30000/1001")
        })?;
        let pixels = match pixels.to_ascii_lowercase().as_str() {
            "i420" | "yuv420p" => PixelFormat::I420,
            "nv12" => PixelFormat::Nv12,
            _ => return Err(format!("invalid pixel format {pixels}: expected i420 or nv12")),
        };
        Ok(Self { size, frame_rate, pixels })
    }
}

fn parse_size(text: &str) -> Option<Size> {
    let (width, height) = text.split_once(['x', 'X'])?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
    Some(Size::new(side(width)?, side(height)?))
}

fn parse_rate(text: &str) -> Option<Rational> {
    let positive = |text: &str| text.parse().ok().filter(|&number: &u32| number > 0);
    if let Some((num, den)) = text.split_once('/') {
        return Some(Rational::new(positive(num)?, positive(den)?));
    }
    let Some((whole, fraction)) = text.split_once('.') else {
        return Some(Rational::new(positive(text)?, 1));
    };
    if !(1..=6).contains(&fraction.len()) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = u32::try_from(fraction.len()).ok()?;
    let den = 10_u32.pow(digits);
    let num = whole.parse::<u32>().ok()?.checked_mul(den)?.checked_add(fraction.parse().ok()?)?;
    // 23.98, 29.97, 59.94 and their longer forms mean 24000/1001 and so on.
    let near = |rate: u32| {
        let ntsc = f64::from(rate) * 1000.0 / 1001.0;
        (Rational::new(num, den).as_f64() - ntsc).abs() < 0.005
    };
    let ntsc = [24, 30, 48, 60, 120].into_iter().find(|&rate| near(rate));
    match ntsc {
        Some(rate) => Some(Rational::new(rate * 1000, 1001)),
        None if num == 0 => None,
        None => Some(Rational::new(num, den)),
    }
}

/// Bytes of one frame in memory, if the limits allow it.
pub(crate) fn video_frame_bytes(format: Format, size: Size, limits: &Limits) -> Result<usize> {
    let side = size.width.max(size.height);
    if side > MAX_SIDE {
        return Err(Error::limit(format, 0, "pixels per side", side.into(), MAX_SIDE.into()));
    }
    if size.pixels() > limits.max_pixels {
        return Err(Error::limit(format, 0, "pixels", size.pixels(), limits.max_pixels));
    }
    usize::try_from(size.i420_bytes())
        .map_err(|_| Error::limit(format, 0, "frame bytes", size.i420_bytes(), usize::MAX as u64))
}

/// A view of packed samples.
pub(crate) fn packed_view<'a>(stream: &RawVideoStream, data: &'a [u8]) -> Result<Picture<'a>> {
    let RawVideoStream { size, format, .. } = *stream;
    let picture = match stream.pixels {
        PixelFormat::Nv12 => {
            let luma = usize::try_from(size.pixels()).unwrap_or(usize::MAX).min(data.len());
            let (y, uv) = data.split_at(luma);
            let uv_stride = 2 * size.chroma().width as usize;
            Picture::nv12(size, (y, size.width as usize), (uv, uv_stride))
        }
        _ => Picture::i420_packed(size, data),
    };
    match picture {
        Ok(picture) => Ok(picture.with_info(stream.info)),
        Err(error) => Err(Error::unsupported(format, error.to_string())),
    }
}

/// Reads raw video.
#[derive(Debug)]
pub struct YuvReader {
    input: ByteReader,
    stream: RawVideoStream,
    video_frame_bytes: usize,
    data: Vec<u8>,
    index: u64,
    ended: bool,
}

impl YuvReader {
    /// Reads frames in the layout of `spec`.
    ///
    /// # Errors
    /// [`Error::Limit`] if a frame is larger than the limits allow.
    pub fn new(source: Source, spec: YuvSpec, options: &ReadOptions) -> Result<Self> {
        let mut stream = RawVideoStream::new(Format::Raw, spec.size, spec.frame_rate);
        stream.pixels = spec.pixels;
        let video_frame_bytes = video_frame_bytes(Format::Raw, spec.size, &options.limits)?;
        let input = ByteReader::new(source);
        Ok(Self { input, stream, video_frame_bytes, data: Vec::new(), index: 0, ended: false })
    }
}

impl RawVideoReader for YuvReader {
    fn stream(&self) -> &RawVideoStream {
        &self.stream
    }

    fn read(&mut self) -> Result<Option<RawVideoFrame<'_>>> {
        if self.ended {
            return Ok(None);
        }
        let offset = self.input.position();
        let had = self.input.read_vec(&mut self.data, self.video_frame_bytes)?;
        if had < self.video_frame_bytes {
            self.ended = true;
            if had == 0 {
                return Ok(None);
            }
            let expected = format!("{} bytes of samples", self.video_frame_bytes);
            let found = format!("the end of the file after {had}");
            return Err(Error::corrupt(Format::Raw, offset, Some(self.index), expected, found));
        }
        let index = self.index;
        self.index += 1;
        let pts = i64::try_from(index).unwrap_or(i64::MAX);
        let picture = packed_view(&self.stream, &self.data)?;
        Ok(Some(RawVideoFrame { picture, pts, duration: Some(1), index }))
    }
}

/// Writes raw video: I420, or NV12 if the stream says so.
#[derive(Debug)]
pub struct YuvWriter {
    output: ByteWriter,
    stream: RawVideoStream,
    row: Vec<u8>,
}

impl YuvWriter {
    /// Creates a writer.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(output: Output, stream: &RawVideoStream) -> Result<Self> {
        let output = ByteWriter::new(output)?;
        Ok(Self { output, stream: stream.clone(), row: Vec::new() })
    }
}

impl RawVideoWriter for YuvWriter {
    fn write(&mut self, picture: &Picture<'_>) -> Result<()> {
        check_size(&self.stream, picture)?;
        let pixels = self.stream.pixels;
        write_samples(&mut self.output, picture, pixels, &mut self.row)?;
        Ok(self.output.flush_if_live()?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }
}

/// Rejects a frame with another size than the stream's.
pub(crate) fn check_size(stream: &RawVideoStream, picture: &Picture<'_>) -> Result<()> {
    if picture.size() == stream.size {
        return Ok(());
    }
    let what = format!("a frame of {} in a stream of {}", picture.size(), stream.size);
    Err(Error::unsupported(stream.format, what))
}

/// Writes the samples without padding; `pixels` determines the order of the chroma samples.
pub(crate) fn write_samples(
    output: &mut ByteWriter,
    picture: &Picture<'_>,
    pixels: PixelFormat,
    row: &mut Vec<u8>,
) -> Result<()> {
    let size = picture.size();
    let half = size.chroma();
    let (width, half_width) = (size.width as usize, half.width as usize);
    for y in 0..size.height as usize {
        output.write(&picture.luma().row(y)[..width])?;
    }
    let rows = 0..half.height as usize;
    match (picture.chroma(), pixels) {
        (Chroma::Planar { u, v }, PixelFormat::Nv12) => {
            for y in rows {
                row.clear();
                let (u, v) = (&u.row(y)[..half_width], &v.row(y)[..half_width]);
                row.extend(u.iter().zip(v).flat_map(|(&u, &v)| [u, v]));
                output.write(row)?;
            }
        }
        (Chroma::Interleaved(uv), PixelFormat::Nv12) => {
            for y in rows {
                output.write(&uv.row(y)[..2 * half_width])?;
            }
        }
        (Chroma::Planar { u, v }, _) => {
            for plane in [u, v] {
                for y in rows.clone() {
                    output.write(&plane.row(y)[..half_width])?;
                }
            }
        }
        (Chroma::Interleaved(uv), _) => {
            for first in [0, 1] {
                for y in rows.clone() {
                    row.clear();
                    row.extend(uv.row(y)[first..2 * half_width].iter().step_by(2));
                    output.write(row)?;
                }
            }
        }
    }
    Ok(())
}
