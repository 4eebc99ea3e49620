//! Raw video: frames without any header.

use std::str::FromStr;

use codec_core::codec::Limits;
use codec_core::error::ConfigError;
use codec_core::frame::{
    Chroma, Picture, PixelFormat, PixelLimit, Planes, Rational, SampleFormat, Size,
};
use codec_core::simd::PlaneRef;

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
/// `:FORMAT` is `i420` (the default), `nv12`, `p010`, or the name of a format of planes such as
/// `yuv422p10` ([`SampleFormat::ALL`]).
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
        let size = parse_size(size).ok_or_else(|| {
            format!("invalid size {size}: expected WIDTHxHEIGHT, each 1 to {MAX_SIDE}")
        })?;
        let frame_rate = parse_rate(rate).ok_or_else(|| {
            format!("invalid frame rate {rate}: expected 30, 29.97 or 30000/1001")
        })?;
        let pixels = parse_pixels(&pixels.to_ascii_lowercase()).ok_or_else(|| {
            let others = SampleFormat::ALL.map(|(name, _)| name).join(", ");
            format!("invalid pixel format {pixels}: expected i420, nv12, p010, {others}")
        })?;
        Ok(Self { size, frame_rate, pixels })
    }
}

fn parse_pixels(name: &str) -> Option<PixelFormat> {
    match name {
        "i420" => Some(PixelFormat::I420),
        "nv12" => Some(PixelFormat::Nv12),
        "p010" | "p010le" => Some(PixelFormat::P010),
        _ => SampleFormat::from_name(name.strip_suffix("le").unwrap_or(name))
            .map(PixelFormat::planar),
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

/// Bytes of one frame in the file, if the limits allow it.
pub(crate) fn video_frame_bytes(stream: &RawVideoStream, limits: &Limits) -> Result<usize> {
    let RawVideoStream { size, format, .. } = *stream;
    let side = size.width.max(size.height);
    if side > MAX_SIDE {
        return Err(Error::limit(format, 0, "pixels per side", side.into(), MAX_SIDE.into()));
    }
    let samples = stream.pixels.samples();
    if let Err(error) = PixelLimit(limits.max_pixels).check_format(size, samples) {
        return Err(Error::limit(format, 0, error.what, error.requested, error.limit));
    }
    let bytes = samples.frame_bytes(size);
    usize::try_from(bytes)
        .map_err(|_| Error::limit(format, 0, "frame bytes", bytes, usize::MAX as u64))
}

/// The samples of a frame without padding.
#[derive(Debug, Default)]
pub(crate) struct SampleBuffer {
    /// As they are in the file.
    pub(crate) bytes: Vec<u8>,
    /// Samples of more than 8 bits.
    wide: Vec<u16>,
}

impl SampleBuffer {
    /// Returns a view of the samples. Values of more than 8 bits that exceed their depth count as the
    /// largest value.
    pub(crate) fn view(&mut self, stream: &RawVideoStream) -> Result<Picture<'_>> {
        let RawVideoStream { size, format, pixels, .. } = *stream;
        let samples = pixels.samples();
        let luma = usize::try_from(size.pixels()).unwrap_or(usize::MAX);
        let half = samples.sampling.plane_size(size, 1);
        let chroma = usize::try_from(half.pixels()).unwrap_or(usize::MAX);
        let strides = [size.width, half.width, half.width].map(|width| width as usize);
        let picture = if samples.depth > 8 {
            self.widen(pixels, luma);
            let [y, u, v] = parts(&self.wide, luma, chroma);
            let planes = [(y, strides[0]), (u, strides[1]), (v, strides[2])];
            Picture::planar16(size, samples, planes)
        } else if pixels == PixelFormat::Nv12 {
            let (y, uv) = self.bytes.split_at(luma.min(self.bytes.len()));
            Picture::nv12(size, (y, strides[0]), (uv, 2 * strides[1]))
        } else {
            let [y, u, v] = parts(&self.bytes, luma, chroma);
            let planes = [(y, strides[0]), (u, strides[1]), (v, strides[2])];
            Picture::planar8(size, samples.sampling, planes)
        };
        match picture {
            Ok(picture) => Ok(picture.with_info(stream.info)),
            Err(error) => Err(Error::unsupported(format, error.to_string())),
        }
    }

    /// Converts bytes to samples of more than 8 bits in three planes.
    fn widen(&mut self, pixels: PixelFormat, luma: usize) {
        let words = self.bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
        self.wide.clear();
        if pixels == PixelFormat::P010 {
            self.wide.extend(words.clone().take(luma).map(|word| word >> 6));
            for first in [0, 1] {
                self.wide.extend(words.clone().skip(luma + first).step_by(2).map(|word| word >> 6));
            }
        } else {
            let most = pixels.samples().max_value();
            self.wide.extend(words.map(|word| word.min(most)));
        }
    }
}

/// Splits samples into Y, U and V; parts are shorter if samples are missing.
fn parts<S>(samples: &[S], luma: usize, chroma: usize) -> [&[S]; 3] {
    let (y, rest) = samples.split_at(luma.min(samples.len()));
    let (u, v) = rest.split_at(chroma.min(rest.len()));
    [y, u, v]
}

/// Reads raw video.
#[derive(Debug)]
pub struct YuvReader {
    input: ByteReader,
    stream: RawVideoStream,
    video_frame_bytes: usize,
    samples: SampleBuffer,
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
        let video_frame_bytes = video_frame_bytes(&stream, &options.limits)?;
        let input = ByteReader::new(source);
        let samples = SampleBuffer::default();
        Ok(Self { input, stream, video_frame_bytes, samples, index: 0, ended: false })
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
        let had = self.input.read_vec(&mut self.samples.bytes, self.video_frame_bytes)?;
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
        let picture = self.samples.view(&self.stream)?;
        Ok(Some(RawVideoFrame { picture, pts, duration: Some(1), index }))
    }

    fn seek(&mut self, index: u64) -> Result<bool> {
        let Some(length) = self.input.len()? else { return Ok(false) };
        let frame_bytes = self.video_frame_bytes as u64;
        // An incomplete last frame is reported when it is read.
        self.index = index.min(length / frame_bytes.max(1));
        self.input.go_to(self.index * frame_bytes)?;
        self.ended = false;
        Ok(true)
    }
}

/// Writes raw video in the layout of its stream.
#[derive(Debug)]
pub struct YuvWriter {
    output: ByteWriter,
    stream: RawVideoStream,
    scratch: Vec<u8>,
}

impl YuvWriter {
    /// Creates a writer.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(output: Output, stream: &RawVideoStream) -> Result<Self> {
        let output = ByteWriter::new(output)?;
        Ok(Self { output, stream: stream.clone(), scratch: Vec::new() })
    }
}

impl RawVideoWriter for YuvWriter {
    fn write(&mut self, picture: &Picture<'_>) -> Result<()> {
        check_picture(&self.stream, picture)?;
        write_samples(&mut self.output, picture, self.stream.pixels, &mut self.scratch)?;
        Ok(self.output.flush_if_live()?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }
}

/// Rejects a frame with another size or format than the stream's.
pub(crate) fn check_picture(stream: &RawVideoStream, picture: &Picture<'_>) -> Result<()> {
    let refuse = |what: String| Err(Error::unsupported(stream.format, what));
    if picture.size() != stream.size {
        return refuse(format!("a frame of {} in a stream of {}", picture.size(), stream.size));
    }
    let (found, expected) = (picture.samples(), stream.pixels.samples());
    if found != expected {
        return refuse(format!("a frame of {found} in a stream of {expected}"));
    }
    Ok(())
}

/// Writes the samples without padding in the layout `pixels`, which has the format of `picture`.
pub(crate) fn write_samples(
    output: &mut ByteWriter,
    picture: &Picture<'_>,
    pixels: PixelFormat,
    scratch: &mut Vec<u8>,
) -> Result<()> {
    match picture.planes() {
        Planes::Yuv420 { luma, chroma } => {
            write_rows(output, luma)?;
            match (chroma, pixels) {
                (Chroma::Planar { u, v }, PixelFormat::Nv12) => {
                    for y in 0..u.layout().height {
                        scratch.clear();
                        scratch.extend(u.row(y).iter().zip(v.row(y)).flat_map(|(&u, &v)| [u, v]));
                        output.write(scratch)?;
                    }
                }
                (Chroma::Interleaved(uv), PixelFormat::Nv12) => write_rows(output, uv)?,
                (Chroma::Planar { u, v }, _) => {
                    write_rows(output, u)?;
                    write_rows(output, v)?;
                }
                (Chroma::Interleaved(uv), _) => {
                    for first in [0, 1] {
                        for y in 0..uv.layout().height {
                            scratch.clear();
                            scratch.extend(uv.row(y)[first..].iter().step_by(2));
                            output.write(scratch)?;
                        }
                    }
                }
            }
        }
        Planes::Bits8(planes) => {
            for plane in planes {
                write_rows(output, plane)?;
            }
        }
        Planes::High(_) => {
            scratch.clear();
            if pixels == PixelFormat::P010 {
                let refuse =
                    |error: ConfigError| Error::unsupported(Format::Raw, error.to_string());
                picture.append_p010(scratch).map_err(refuse)?;
            } else {
                picture.append_bytes(scratch);
            }
            output.write(scratch)?;
        }
    }
    Ok(())
}

fn write_rows(output: &mut ByteWriter, plane: PlaneRef<'_>) -> Result<()> {
    for y in 0..plane.layout().height {
        output.write(plane.row(y))?;
    }
    Ok(())
}
