//! Writes still images.

use std::io::{BufWriter, Write};
use std::path::Path;

use codec_backends::registry;
use codec_core::codec::{Bitrate, EncoderConfig, FrameRequest, Packet, RateControl};
use codec_core::frame::{ColorRange, MatrixCoefficients, Rational};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::read::webp_color;
use super::{StillFormat, webp};
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::frame::convert;
use crate::frame::planes::Planes;
use crate::io::names::is_pipe;
use crate::io::output::{OutputFile, OutputRules};
use crate::values::Samples;

/// Default quality of JPEG and lossy WebP.
pub const DEFAULT_QUALITY: u8 = 80;
/// VP8 encoder speed for single images.
const SPEED: u8 = 1;

/// Encoding options.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    format: StillFormat,
    /// 0 (worst) to 100 (best).
    quality: Option<u8>,
    lossless: bool,
}

impl Style {
    /// Chosen by the name of the output; PNG for pipes.
    ///
    /// # Errors
    /// If the format is unknown, or does not support `quality` or `lossless`.
    pub fn of(path: &Path, quality: Option<u8>, lossless: bool) -> Result<Self> {
        let format = match StillFormat::of(path) {
            Some(format) => format,
            None if is_pipe(path) || path.extension().is_none() => StillFormat::Png,
            None => {
                let message = format!(
                    "unknown image format of {}: expected a name ending in .png, .jpg, .webp or .gif",
                    path.display()
                );
                return Err(Failure::usage(message));
            }
        };
        match format {
            StillFormat::Png if quality.is_some() => {
                return Err(Failure::usage("--quality cannot be used with PNG, which is lossless"));
            }
            StillFormat::Jpeg if lossless => {
                return Err(Failure::usage(
                    "--lossless is not supported for JPEG\nhelp: use .png or .webp",
                ));
            }
            StillFormat::WebP if lossless && quality.is_some() => {
                return Err(Failure::usage("--quality cannot be used with lossless WebP"));
            }
            _ => {}
        }
        Ok(Self { format, quality, lossless })
    }

    /// The name of the format, for messages.
    pub(crate) fn kind(self) -> &'static str {
        match (self.format, self.lossless) {
            (StillFormat::WebP, true) => "lossless webp",
            (format, _) => format.name(),
        }
    }

    fn quality(self) -> u8 {
        self.quality.unwrap_or(DEFAULT_QUALITY)
    }
}

/// Writes `planes` to `path`; returns a description of the result.
///
/// # Errors
/// If the image is damaged, not supported or cannot be written.
pub fn save(
    planes: &Planes,
    path: &Path,
    style: Style,
    rules: &OutputRules,
    env: &Env,
) -> Result<String> {
    let (name, bytes) = store(planes, path, style, rules, env)?;
    let colors = convert::describe(planes.info.color, planes.size);
    Ok(format!("{name}: {}, {}, {bytes} bytes, {colors}", style.kind(), planes.size))
}

/// Writes `planes` to `path`; returns the name of the output and the number of bytes.
pub(crate) fn store(
    planes: &Planes,
    path: &Path,
    style: Style,
    rules: &OutputRules,
    env: &Env,
) -> Result<(String, u64)> {
    let bytes = match (style.format, style.lossless) {
        (StillFormat::WebP, false) => lossy_webp(planes, style.quality(), SPEED, env)?,
        _ => through_image(planes, style)?,
    };
    let output = OutputFile::create(path, rules)?;
    let mut out = BufWriter::new(output.writer()?);
    let written = out.write_all(&bytes).and_then(|()| out.flush());
    written.map_err(|error| Failure::output(&output.name, error))?;
    drop(out);
    let name = output.name.clone();
    output.commit()?;
    Ok((name, bytes.len() as u64))
}

fn through_image(planes: &Planes, style: Style) -> Result<Vec<u8>> {
    let mut rgb = Vec::new();
    convert::to_samples(planes, Samples::Rgb24, &mut rgb)?;
    let (width, height) = (planes.size.width, planes.size.height);
    let mut bytes = Vec::new();
    let color = ExtendedColorType::Rgb8;
    let written = match style.format {
        StillFormat::Png => PngEncoder::new(&mut bytes).write_image(&rgb, width, height, color),
        StillFormat::Jpeg => {
            // Its quality range starts at 1.
            let encoder = JpegEncoder::new_with_quality(&mut bytes, style.quality().max(1));
            encoder.write_image(&rgb, width, height, color)
        }
        StillFormat::WebP => {
            WebPEncoder::new_lossless(&mut bytes).write_image(&rgb, width, height, color)
        }
    };
    written.map_err(|error| Failure::new(Kind::Output, error.to_string()))?;
    Ok(bytes)
}

/// Encodes one VP8 key frame in WebP's colours; `speed` is the speed of the encoder.
///
/// # Errors
/// If the image is damaged, not supported or cannot be written.
pub fn lossy_webp(planes: &Planes, quality: u8, speed: u8, env: &Env) -> Result<Vec<u8>> {
    let full = planes.info.color.or_default_for(planes.size);
    let is_601 = matches!(full.matrix, MatrixCoefficients::SMPTE170M | MatrixCoefficients::BT470BG);
    let mut converted = Planes::default();
    let planes = if is_601 && full.range == ColorRange::Limited {
        planes
    } else {
        let mut rgb = Vec::new();
        convert::to_samples(planes, Samples::Rgb24, &mut rgb)?;
        converted.reset(planes.size);
        converted.info.color = webp_color();
        convert::from_packed(Samples::Rgb24, &rgb, &mut converted)?;
        &converted
    };
    let refused = |error: codec_core::Error| Failure::encoding(error);
    let second = Rational::new(1, 1);
    let mut config = EncoderConfig::rtc(planes.size, second, Bitrate(0));
    config.rate.mode = RateControl::Quality(quality);
    (config.rate.min_qindex, config.rate.max_qindex) = (Some(0), Some(127));
    config.speed = speed;
    config.simd = Some(env.level);
    let (_, open, _) = registry::find_encoder("vp8/native").map_err(refused)?;
    let mut encoder = open(&config).map_err(refused)?;
    encoder.encode(&planes.picture()?, &FrameRequest::at(0)).map_err(refused)?;
    encoder.finish().map_err(refused)?;
    let mut packet = Packet::default();
    if !encoder.receive(&mut packet) {
        return Err(Failure::internal("the encoder returned no key frame"));
    }
    webp::lossy(&packet.data).ok_or_else(|| Failure::internal("a key frame larger than 4 GiB"))
}
