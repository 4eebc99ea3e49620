//! Reads still images. Sizes are checked against the limits before decoding.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use codec_backends::registry;
use codec_core::codec::{DecoderConfig, Limits};
use codec_core::frame::{Color, ColorRange, MatrixCoefficients, PixelLimit, Rational, Size};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::StillFormat;
use super::webp::{self, Content};
use crate::Env;
use crate::failure::{Failure, Kind, Result, limit_help};
use crate::frame::convert;
use crate::frame::planes::Planes;
use crate::io::source::{FrameSource, SourceFrame, StreamInfo};
use crate::values::Samples;

/// Working memory of decoders in bytes per pixel, in addition to the image.
const BYTES_PER_PIXEL: u64 = 16;

/// One image as a frame source.
pub struct StillSource {
    stream_info: StreamInfo,
    planes: Planes,
    coded_bytes: u64,
    is_read: bool,
}

impl StillSource {
    /// Reads and decodes all of `input`.
    ///
    /// # Errors
    /// If the image is damaged, not supported or cannot be read.
    pub fn new(
        input: impl Read,
        format: StillFormat,
        name: &str,
        limits: &Limits,
        env: &Env,
    ) -> Result<Self> {
        let DecodedStill { planes, coded_bytes, remarks } =
            DecodedStill::new(&read_all(input, name, limits)?, format, name, limits, env)?;
        for remark in remarks {
            env.events.warn(remark.text(name));
        }
        let stream_info = StreamInfo {
            samples: codec_core::frame::SampleFormat::YUV420,
            size: planes.size,
            time_base: Rational::new(1, 1),
            frame_rate: Rational::new(1, 1),
            count: Some(1),
            info: planes.info,
            kind: format.name().to_owned(),
            title: None,
        };
        Ok(Self { stream_info, planes, coded_bytes, is_read: false })
    }
}

impl FrameSource for StillSource {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        if std::mem::replace(&mut self.is_read, true) {
            return Ok(None);
        }
        Ok(Some(SourceFrame { picture: self.planes.picture()?, pts: 0, duration: Some(1) }))
    }

    fn coded_bytes(&self) -> u64 {
        self.coded_bytes
    }
}

/// A part of an image that is not read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Remark {
    /// Its opacity.
    Transparency,
    /// All frames but the first of these.
    Animation(u32),
}

impl Remark {
    /// Whether both are remarks on the same subject.
    pub(crate) fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    /// The warning about the image `name`.
    pub(crate) fn text(self, name: &str) -> String {
        match self {
            Self::Transparency => format!("{name}: transparency is ignored"),
            Self::Animation(frames) => {
                format!("{name}: skipped all but the first of {frames} frames")
            }
        }
    }
}

/// A decoded image in I420.
pub(crate) struct DecodedStill {
    pub(crate) planes: Planes,
    /// Bytes of the file.
    pub(crate) coded_bytes: u64,
    pub(crate) remarks: Vec<Remark>,
}

impl DecodedStill {
    /// Reads and decodes the file `path`; also returns its format.
    pub(crate) fn open(path: &Path, limits: &Limits, env: &Env) -> Result<(Self, StillFormat)> {
        let name = path.display().to_string();
        let unreadable = |error| Failure::new(Kind::Input, format!("cannot open {name}: {error}"));
        let file = read_all(File::open(path).map_err(unreadable)?, &name, limits)?;
        let Some(format) = StillFormat::recognise(&file) else {
            let message = format!("{name}: unknown image format, expected PNG, JPEG or WebP");
            return Err(Failure::new(Kind::Input, message));
        };
        Ok((Self::new(&file, format, &name, limits, env)?, format))
    }

    fn new(
        file: &[u8],
        format: StillFormat,
        name: &str,
        limits: &Limits,
        env: &Env,
    ) -> Result<Self> {
        let mut remarks = Vec::new();
        let planes = match format {
            StillFormat::WebP => match webp::parse(file).map_err(|why| damaged(name, &why))? {
                Content::Lossy { frame, has_alpha } => {
                    remarks.extend(has_alpha.then_some(Remark::Transparency));
                    decode_vp8(frame, name, limits, env)?
                }
                Content::Lossless => decode(file, ImageFormat::WebP, name, limits, &mut remarks)?,
                Content::Animation => return Err(animated(name)),
            },
            StillFormat::Png => {
                remarks.extend(skipped_frames(file));
                decode(file, ImageFormat::Png, name, limits, &mut remarks)?
            }
            StillFormat::Jpeg => decode(file, ImageFormat::Jpeg, name, limits, &mut remarks)?,
        };
        Ok(Self { planes, coded_bytes: file.len() as u64, remarks })
    }
}

/// The frames of a PNG after the one that is read.
fn skipped_frames(file: &[u8]) -> Option<Remark> {
    animated_frames(file).filter(|&frames| frames > 1).map(Remark::Animation)
}

/// Number of frames of an animated PNG, from its `acTL` chunk (PNG, third edition, section 11.3.6).
fn animated_frames(file: &[u8]) -> Option<u32> {
    let mut rest = file.get(8..)?;
    loop {
        let (&[a, b, c, d, kind @ ..], tail) = rest.split_first_chunk::<8>()?;
        if &kind == b"acTL" {
            return tail.first_chunk().map(|&count| u32::from_be_bytes(count));
        }
        let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        // The chunk precedes the image data, and each chunk ends with a checksum.
        rest = tail.get(len.checked_add(4)?..).filter(|_| &kind != b"IDAT")?;
    }
}

/// A still image's original samples.
#[derive(Debug)]
pub struct RgbStill {
    /// Size of the image.
    pub size: Size,
    /// Interleaved red, green and blue.
    pub(crate) samples: Vec<u8>,
    /// Opacity of each pixel; `None` if all are opaque.
    pub alpha: Option<Vec<u8>>,
    /// The ICC profile, which is not applied.
    pub profile: Option<Vec<u8>>,
    /// The stored format: `png, 16 bits`.
    pub kind: String,
}

impl RgbStill {
    /// Reads and decodes all of `input` like a viewer: 8-bit RGB.
    ///
    /// # Errors
    /// If the image is damaged, not supported or cannot be read.
    pub fn new(
        input: impl Read,
        format: StillFormat,
        name: &str,
        limits: &Limits,
        env: &Env,
    ) -> Result<Self> {
        let file = read_all(input, name, limits)?;
        let format = match format {
            StillFormat::Png => ImageFormat::Png,
            StillFormat::Jpeg => ImageFormat::Jpeg,
            StillFormat::WebP => match webp::parse(&file).map_err(|why| damaged(name, &why))? {
                Content::Lossless => ImageFormat::WebP,
                Content::Animation => return Err(animated(name)),
                Content::Lossy { frame, has_alpha } => {
                    let planes = decode_vp8(frame, name, limits, env)?;
                    let mut samples = Vec::new();
                    convert::to_rgb_smooth(&planes, &mut samples);
                    // Only the opacity is used; the colours come from our own decoder.
                    let whole = has_alpha.then(|| open(&file, ImageFormat::WebP, name, limits));
                    let alpha = whole.transpose()?.and_then(|(decoded, ..)| opacity(&decoded));
                    let kind = "lossy webp, 4:2:0".to_owned();
                    return Ok(Self { size: planes.size, samples, alpha, profile: None, kind });
                }
            },
        };
        if let Some(remark) = skipped_frames(&file).filter(|_| format == ImageFormat::Png) {
            env.events.warn(remark.text(name));
        }
        let (decoded, bits, profile) = open(&file, format, name, limits)?;
        let kind = match format {
            ImageFormat::Png => format!("png, {bits} bits"),
            ImageFormat::Jpeg => "jpeg".to_owned(),
            _ => "lossless webp".to_owned(),
        };
        if bits > 8 {
            env.events.warn(format!("{name}: {bits}-bit samples are rounded to 8 bits"));
        }
        let alpha = opacity(&decoded);
        let rgb = decoded.into_rgb8();
        let size = Size::new(rgb.width(), rgb.height());
        Ok(Self { size, samples: rgb.into_raw(), alpha, profile, kind })
    }

    /// The samples composited over a grey background (0: black, 255: white).
    pub fn over(&self, background: u8) -> Vec<u8> {
        let Some(alpha) = &self.alpha else { return self.samples.clone() };
        let pixels = self.samples.chunks_exact(3).zip(alpha);
        let blend = |value: u8, alpha: u8| {
            let (alpha, rest) = (u32::from(alpha), 255 - u32::from(alpha));
            let sum = u32::from(value) * alpha + u32::from(background) * rest;
            u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
        };
        let blended =
            pixels.flat_map(|(pixel, &alpha)| pixel.iter().map(move |&value| (value, alpha)));
        blended.map(|(value, alpha)| blend(value, alpha)).collect()
    }

    /// Converts to I420 with the usual colours for the size.
    ///
    /// # Errors
    /// If `samples` cannot be converted.
    pub fn to_planes(size: Size, samples: &[u8]) -> Result<Planes> {
        let mut planes = Planes::default();
        planes.reset(size);
        planes.info.color = Color::default().or_default_for(size);
        convert::from_packed(Samples::Rgb24, samples, &mut planes)?;
        Ok(planes)
    }
}

/// Opacity of each pixel; `None` if all are opaque.
fn opacity(image: &DynamicImage) -> Option<Vec<u8>> {
    if !image.color().has_alpha() {
        return None;
    }
    let alpha: Vec<u8> = image.to_rgba8().pixels().map(|pixel| pixel.0[3]).collect();
    alpha.iter().any(|&alpha| alpha < u8::MAX).then_some(alpha)
}

pub(crate) fn read_all(input: impl Read, name: &str, limits: &Limits) -> Result<Vec<u8>> {
    // An incompressible image and its container.
    let most = limits.max_pixels.saturating_mul(8).saturating_add(1 << 20);
    let mut file = Vec::new();
    let read = input.take(most + 1).read_to_end(&mut file);
    read.map_err(|error| Failure::new(Kind::Input, format!("cannot read {name}: {error}")))?;
    if file.len() as u64 > most {
        let message = format!("{name}: larger than {most} bytes, the limit for images");
        return Err(Failure::new(Kind::Input, message));
    }
    Ok(file)
}

fn animated(name: &str) -> Failure {
    let message = format!("{name}: an animation cannot be part of an image sequence");
    Failure::new(Kind::Input, message)
}

fn damaged(name: &str, why: &str) -> Failure {
    Failure::new(Kind::Corrupt, format!("{name}: {why}"))
}

pub(crate) fn check_size(size: Size, name: &str, limits: &Limits) -> Result<()> {
    let checked = PixelLimit(limits.max_pixels).check(size);
    checked.map_err(|error| {
        let help = limit_help(&error);
        Failure::new(Kind::Input, format!("{name}: {size}: {error}{help}"))
    })
}

/// Decodes with the crate `image` to I420, with the usual matrix for the size.
fn decode(
    file: &[u8],
    format: ImageFormat,
    name: &str,
    limits: &Limits,
    remarks: &mut Vec<Remark>,
) -> Result<Planes> {
    let (image, ..) = open(file, format, name, limits)?;
    remarks.extend(image.color().has_alpha().then_some(Remark::Transparency));
    let rgb = image.into_rgb8();
    RgbStill::to_planes(Size::new(rgb.width(), rgb.height()), rgb.as_raw())
}

/// Decodes with the crate `image` and applies the orientation; also returns bits per sample and the
/// ICC profile.
fn open(
    file: &[u8],
    format: ImageFormat,
    name: &str,
    limits: &Limits,
) -> Result<(DynamicImage, u16, Option<Vec<u8>>)> {
    let failed = |error: image::ImageError| {
        let kind = match error {
            image::ImageError::Unsupported(_) | image::ImageError::Limits(_) => Kind::Input,
            _ => Kind::Corrupt,
        };
        Failure::new(kind, format!("{name}: {error}"))
    };
    // A copy, which is the input of animations: for a slice, the decoder of WebP would be compiled a second time.
    let reader = ImageReader::with_format(Cursor::new(file.to_vec()), format);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(Size::new(width, height), name, limits)?;
    let mut allowed = image::Limits::default();
    allowed.max_alloc = Some(limits.max_pixels.saturating_mul(BYTES_PER_PIXEL));
    decoder.set_limits(allowed).map_err(failed)?;
    let color = decoder.color_type();
    let bits = color.bits_per_pixel() / u16::from(color.channel_count().max(1));
    let profile = decoder.icc_profile().map_err(failed)?;
    let turn = decoder.orientation().map_err(failed)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    image.apply_orientation(turn);
    Ok((image, bits, profile))
}

/// Decodes with our own decoder. WebP uses limited-range BT.601 (RFC 9649, section 2.5).
fn decode_vp8(frame: &[u8], name: &str, limits: &Limits, env: &Env) -> Result<Planes> {
    let refused = |error: codec_core::Error| Failure::decoding(name, error);
    let mut config = DecoderConfig::default();
    config.limits = *limits;
    config.limits.max_frame_bytes = u64::MAX;
    config.simd = Some(env.level);
    let (_, open, _) = registry::find_decoder("vp8/native").map_err(refused)?;
    let mut decoder = open(&config).map_err(refused)?;
    decoder.decode(frame, 0, None).map_err(refused)?;
    let frame = decoder.receive().ok_or_else(|| damaged(name, "its frame is not shown"))?;
    let mut planes = Planes::default();
    planes.copy_from(&frame.picture());
    planes.info.color = webp_color();
    Ok(planes)
}

pub(super) fn webp_color() -> Color {
    Color { matrix: MatrixCoefficients::SMPTE170M, range: ColorRange::Limited, ..Color::default() }
}
