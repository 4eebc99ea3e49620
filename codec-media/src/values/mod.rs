//! Parsers of option values.

mod transforms;

use std::fmt;
use std::str::FromStr;

use codec_audio::FrameDuration;
use codec_container::YuvSpec;
use codec_core::codec::{Bitrate, Denoise, ImportanceMap, Limits, Region};
use codec_core::frame::{PixelFormat, Rational, SampleFormat, Size};

pub use transforms::{Crop, Deinterlace, FpsTarget, Pad, Rotate, Scale, Target};

/// Parses a bitrate: `600k`, `1.5M` or a plain number of kilobits per second.
///
/// # Errors
/// If the text is not a valid value.
pub fn bitrate(text: &str) -> Result<Bitrate, String> {
    let (number, unit) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1e3),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1e6),
        _ => (text, 1e3),
    };
    let bits = number
        .parse::<f64>()
        .map_err(|_| "expected a bitrate such as 600k or 1.5M (a plain number is kb/s)")?
        * unit;
    if !(1e3..=1e9).contains(&bits) {
        return Err("expected 1k to 1000M".to_owned());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(Bitrate(bits.round() as u64))
}

/// Parses a frame size: `640x360`.
///
/// # Errors
/// If the text is not a valid value.
pub fn size(text: &str) -> Result<Size, String> {
    let side = |side: &str| side.parse::<u32>().ok().filter(|side| (1..=16383).contains(side));
    text.split_once(['x', 'X'])
        .and_then(|(width, height)| Some(Size::new(side(width)?, side(height)?)))
        .ok_or_else(|| "expected WIDTHxHEIGHT, each 1 to 16383".to_owned())
}

/// Parses a frame rate: `30`, `29.97` or `30000/1001`.
///
/// # Errors
/// If the text is not a valid value.
pub fn frame_rate(text: &str) -> Result<Rational, String> {
    // The container crate converts decimals such as 29.97 to exact fractions.
    let spec = YuvSpec::from_str(&format!("16x16@{text}"))?;
    Ok(spec.frame_rate)
}

/// Parses `10%` or `10` as a fraction.
///
/// # Errors
/// If the text is not a valid value.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    let percent = number.parse::<f64>().ok().filter(|percent| (0.0..=1000.0).contains(percent));
    percent.map(|percent| percent / 100.0).ok_or_else(|| "expected 0% to 1000%".to_owned())
}

/// Parses `1%`, `1` or `-0.5%` as a number of percent.
///
/// # Errors
/// If the text is not a valid value.
pub fn signed_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    let percent = number.parse::<f64>().ok().filter(|percent| (-100.0..=1000.0).contains(percent));
    percent.ok_or_else(|| "expected -100% to 1000%".to_owned())
}

/// Parses a factor, such as 1.05.
///
/// # Errors
/// If the text is not a valid value.
pub fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| (0.01..=100.0).contains(factor));
    factor.ok_or_else(|| "expected 0.01 to 100".to_owned())
}

/// A region of interest and the offset of its quantiser steps: `WxH+X+Y:OFFSET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionOffset {
    /// The rectangle in pixels of the encoded frame.
    pub region: Region,
    /// Offset of the quantiser step in sixths of an octave: 6 doubles the step, -6 halves it.
    pub offset: i8,
}

impl FromStr for RegionOffset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected WxH+X+Y:OFFSET".to_owned();
        let (area, offset) = text.rsplit_once(':').ok_or_else(wrong)?;
        let mut parts = area.split('+');
        let size = size(parts.next().unwrap_or_default())?;
        let mut side = || parts.next()?.parse::<u32>().ok();
        let (Some(x), Some(y), None) = (side(), side(), parts.next()) else {
            return Err(wrong());
        };
        let offset = offset.parse::<i8>().ok();
        let offset = offset.filter(|offset| ImportanceMap::OFFSETS.contains(offset));
        let (least, most) = (ImportanceMap::OFFSETS.start(), ImportanceMap::OFFSETS.end());
        let offset = offset.ok_or_else(|| format!("expected an OFFSET from {least} to {most}"))?;
        let region = Region { x, y, width: size.width, height: size.height };
        Ok(Self { region, offset })
    }
}

impl fmt::Display for RegionOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Region { x, y, width, height } = self.region;
        write!(f, "{width}x{height}+{x}+{y}:{}", self.offset)
    }
}

/// The longest interval between key frames, in frames or seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyInterval {
    /// Frames; 0: no periodic key frames.
    Frames(u32),
    /// Seconds.
    Seconds(f64),
}

impl KeyInterval {
    /// The interval in frames; `None` means no periodic key frames.
    pub(crate) fn frames(self, frame_rate: Rational) -> Option<u32> {
        match self {
            Self::Frames(0) => None,
            Self::Frames(frames) => Some(frames),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "saturates"
            )]
            Self::Seconds(s) => Some(((s * frame_rate.as_f64()).round() as u32).max(1)),
        }
    }
}

impl FromStr for KeyInterval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "expected frames (250; 0: no periodic key frames) or seconds (2s)".to_owned();
        match text.strip_suffix('s') {
            None => text.parse().map(Self::Frames).map_err(|_| wrong()),
            Some(seconds) => {
                let seconds = seconds.parse::<f64>().map_err(|_| wrong())?;
                (seconds.is_finite() && seconds > 0.0)
                    .then_some(Self::Seconds(seconds))
                    .ok_or_else(wrong)
            }
        }
    }
}

/// Parses bits per pixel, above 0 and at most 100.
///
/// # Errors
/// If the text is not a valid value.
pub fn bpp(text: &str) -> Result<f64, String> {
    let bits = text.parse::<f64>().ok().filter(|bits| *bits > 0.0 && *bits <= 100.0);
    bits.ok_or_else(|| "expected bits per pixel such as 0.06".to_owned())
}

/// Parses seconds: `600`, `600s`, `10m`, `2h`; at most a year.
///
/// # Errors
/// If the text is not a valid value.
pub fn seconds(text: &str) -> Result<f64, String> {
    let unit = |suffix: char, seconds: f64| Some((text.strip_suffix(suffix)?, seconds));
    let (number, unit) = unit('s', 1.0)
        .or_else(|| unit('m', 60.0))
        .or_else(|| unit('h', 3600.0))
        .unwrap_or((text, 1.0));
    let seconds = number.parse::<f64>().ok().map(|number| number * unit);
    seconds
        .filter(|seconds| *seconds > 0.0 && *seconds <= 3.2e7)
        .ok_or_else(|| "expected a time such as 90s, 10m or 2h".to_owned())
}

/// Parses microseconds: `8ms`, `2500us`; a plain number is milliseconds.
///
/// # Errors
/// If the text is not a valid value.
pub fn frame_time(text: &str) -> Result<u64, String> {
    let (number, unit_us) = match (text.strip_suffix("ms"), text.strip_suffix("us")) {
        (Some(number), _) => (number, 1000.0),
        (_, Some(number)) => (number, 1.0),
        _ => (text, 1000.0),
    };
    let micros = number.parse::<f64>().map_or(0.0, |number| (number * unit_us).round());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
    (1.0..=1e9)
        .contains(&micros)
        .then_some(micros as u64)
        .ok_or_else(|| "expected a time such as 8ms or 2500us".to_owned())
}

/// Parses the removal of camera noise: `off`, `auto`, or a standard deviation in 8-bit levels.
///
/// # Errors
/// If the text is not a valid value.
pub fn denoise(text: &str) -> Result<Denoise, String> {
    let level = || text.parse().ok().map(Denoise::Level).filter(|level| level.check().is_ok());
    match text {
        "off" => Ok(Denoise::Off),
        "auto" => Ok(Denoise::Auto),
        _ => level().ok_or_else(|| format!("expected off, auto or 1 to {}", Denoise::MAX_LEVEL)),
    }
}

/// Parses the duration of an audio packet: `20ms`, `2.5ms`; a plain number is milliseconds.
///
/// # Errors
/// If the text is not a valid value.
pub fn frame_length(text: &str) -> Result<FrameDuration, String> {
    let wrong = || "expected 2.5ms, 5ms, 10ms, 20ms, 40ms, 60ms, 80ms, 100ms or 120ms".to_owned();
    let micros = frame_time(text).map_err(|_| wrong())?;
    let micros = u32::try_from(micros).map_err(|_| wrong())?;
    Ok(FrameDuration(micros))
}

/// Parses decibels, -60 to 60.
///
/// # Errors
/// If the text is not a valid value.
pub fn gain(text: &str) -> Result<f32, String> {
    let number = text.strip_suffix("dB").unwrap_or(text).trim();
    let gain = number.parse::<f32>().ok().filter(|gain| (-60.0..=60.0).contains(gain));
    gain.ok_or_else(|| "expected decibels, -60 to 60".to_owned())
}

/// Memory layout of headerless video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samples {
    /// Planes Y, U, V at half size.
    I420,
    /// Plane Y, then U and V interleaved.
    Nv12,
    /// 4:2:2, Y and chroma interleaved.
    Yuy2,
    /// Red, green, blue.
    Rgb24,
    /// Blue, green, red, alpha.
    Bgra,
    /// 10-bit 4:2:0: plane Y, then U and V interleaved, in the upper bits of 16.
    P010,
    /// Planes Y, U, V of another depth or sampling.
    Planar(SampleFormat),
}

impl Samples {
    /// All formats with their names, except the formats in [`SampleFormat::ALL`], which are accepted too.
    pub const ALL: [(&'static str, Self); 6] = [
        ("i420", Self::I420),
        ("nv12", Self::Nv12),
        ("yuy2", Self::Yuy2),
        ("rgb24", Self::Rgb24),
        ("bgra", Self::Bgra),
        ("p010", Self::P010),
    ];

    /// Name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planar(format) => format.name(),
            _ => Self::ALL.iter().find(|(_, known)| *known == self).map_or("?", |(name, _)| name),
        }
    }

    /// Bytes of a frame without padding.
    pub(crate) fn picture_bytes(self, size: Size) -> u64 {
        match self {
            Self::I420 | Self::Nv12 => size.i420_bytes(),
            Self::P010 => 2 * size.i420_bytes(),
            Self::Planar(format) => format.frame_bytes(size),
            Self::Yuy2 => self.stride(size) * u64::from(size.height),
            Self::Rgb24 => 3 * size.pixels(),
            Self::Bgra => 4 * size.pixels(),
        }
    }

    /// Bytes of a row (of the first plane).
    pub(crate) fn stride(self, size: Size) -> u64 {
        let width = u64::from(size.width);
        match self {
            Self::I420 | Self::Nv12 => width,
            Self::P010 => 2 * width,
            Self::Planar(format) => format.sample_bytes() * width,
            Self::Yuy2 => width.div_ceil(2) * 4,
            Self::Rgb24 => width * 3,
            Self::Bgra => width * 4,
        }
    }
}

impl FromStr for Samples {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let known = match lower.as_str() {
            "yuv420p" => "i420",
            "yuyv" | "yuyv422" => "yuy2",
            "rgb" => "rgb24",
            other => other,
        };
        let found = Self::ALL.iter().find(|(name, _)| *name == known);
        let planar = || SampleFormat::from_name(known).map(Self::Planar);
        found.map(|&(_, samples)| samples).or_else(planar).ok_or_else(|| {
            let expected = "i420, nv12, yuy2, rgb24, bgra, p010 or planes such as yuv422p10";
            format!("got {text}, expected {expected}")
        })
    }
}

/// The format that frames are converted to: `yuv420p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixFmt {
    /// 8-bit 4:2:0.
    Yuv420p,
}

impl FromStr for PixFmt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "yuv420p" => Ok(Self::Yuv420p),
            _ => Err(format!("got {text}, expected yuv420p")),
        }
    }
}

/// Layout of headerless video: `640x360@30:i420`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLayout {
    pub(crate) size: Size,
    pub(crate) frame_rate: Rational,
    pub(crate) samples: Samples,
}

impl RawLayout {
    /// The container crate's description, if it supports this layout.
    pub(crate) fn spec(self) -> Option<YuvSpec> {
        let pixels = match self.samples {
            Samples::I420 => PixelFormat::I420,
            Samples::Nv12 => PixelFormat::Nv12,
            Samples::P010 => PixelFormat::P010,
            Samples::Planar(format) => PixelFormat::Planar(format),
            Samples::Yuy2 | Samples::Rgb24 | Samples::Bgra => return None,
        };
        Some(YuvSpec { size: self.size, frame_rate: self.frame_rate, pixels })
    }
}

impl FromStr for RawLayout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (shape, samples) = text.split_once(':').unwrap_or((text, "i420"));
        let YuvSpec { size, frame_rate, .. } = shape.parse()?;
        Ok(Self { size, frame_rate, samples: samples.parse()? })
    }
}

/// Limits on untrusted input: `pixels=4096x2160,memory=512M,packet=8M,resized=128M,gap=10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitList(pub Limits);

/// The maximum number of frames that a decoder and the command hold at the same time.
const LIVE_FRAMES: u64 = 8;

impl FromStr for LimitList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut limits = Limits::default();
        for part in text.split(',') {
            let (key, value) = part
                .split_once('=')
                .ok_or("expected KEY=VALUE pairs such as pixels=4096x2160,memory=512M")?;
            match key {
                "pixels" => {
                    limits.max_pixels = match size(value) {
                        Ok(size) => size.pixels(),
                        Err(_) => quantity(value)?,
                    };
                }
                // Three bytes hold two pixels.
                "memory" => {
                    let pixels = quantity(value)? * 2 / 3 / LIVE_FRAMES;
                    limits.max_pixels = limits.max_pixels.min(pixels);
                }
                "packet" => limits.max_frame_bytes = quantity(value)?,
                "resized" => limits.max_resized_pixels = quantity(value)?,
                "gap" => limits.max_gap_ms = gap_ms(value)?,
                _ => {
                    return Err(format!(
                        "unknown limit {key}, expected pixels, memory, packet, resized or gap"
                    ));
                }
            }
        }
        Ok(Self(limits))
    }
}

/// Parses seconds and returns milliseconds.
fn gap_ms(text: &str) -> Result<u64, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse::<f64>().ok();
    let seconds = seconds.filter(|seconds| (0.0..=1e9).contains(seconds));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
    let ms = seconds.map(|seconds| (seconds * 1000.0).round() as u64);
    ms.ok_or_else(|| format!("got {text}, expected seconds"))
}

/// Parses a whole number, with K, M or G for powers of 1,024.
///
/// # Errors
/// If the text is not a valid value.
pub fn quantity(text: &str) -> Result<u64, String> {
    let (number, shift) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number = number
        .parse::<u64>()
        .map_err(|_| format!("got {text}, expected a whole number such as 4096, 512M or 2G"))?;
    number
        .checked_shl(shift)
        .filter(|n| n >> shift == number)
        .ok_or(format!("got {text}, which is too large"))
}

/// Parses a file size in bytes: `8M`, `1.5M`, `500k`, `8Mi`.
///
/// # Errors
/// If the text is not a size, or below 1000 bytes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is in the range of the type"
)]
pub fn file_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 7] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("", 1.0),
    ];
    let split = UNITS
        .into_iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, factor)));
    let (number, factor) = split.unwrap_or((text, 1.0));
    let bytes = number.parse::<f64>().map_or(f64::NAN, |number| number * factor);
    if (1e3..1e15).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err("expected a size of at least 1k, such as 500k, 8M or 8Mi".to_owned())
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A backend-specific setting: `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnobSetting {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for KnobSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected name=value")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bitrates_without_a_unit_are_kilobits() {
        assert_eq!(bitrate("600"), Ok(Bitrate::kbps(600)));
        assert_eq!(bitrate("600k"), Ok(Bitrate::kbps(600)));
        assert_eq!(bitrate("1.5M"), Ok(Bitrate::kbps(1500)));
        for wrong in ["", "k", "-5", "0", "nan", "1e30", "600kb"] {
            assert!(bitrate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn file_sizes_have_decimal_and_binary_units() {
        let sizes = ["1500", "500k", "8M", "1.5Mi", "2G"].map(|text| file_size(text).unwrap());
        assert_eq!(sizes, [1_500, 500_000, 8_000_000, 1_572_864, 2_000_000_000]);
        for wrong in ["", "M", "-8M", "8MB", "999", "nan", "1e30", "8 M"] {
            assert!(file_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn crops_start_at_even_positions() {
        let crop = Crop { size: Size::new(64, 48), left: 2, top: 4 };
        assert_eq!("64x48+2+4".parse(), Ok(crop));
        assert_eq!("64x48".parse(), Ok(Crop { left: 0, top: 0, ..crop }));
        for wrong in ["64x48+1+0", "64x48+2+4+6", "64+2", "0x4+0+0", "4x4+-2+0"] {
            assert!(wrong.parse::<Crop>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn key_intervals_are_frames_or_seconds() {
        let rate = Rational::new(30000, 1001);
        assert_eq!("250".parse::<KeyInterval>().unwrap().frames(rate), Some(250));
        assert_eq!("0".parse::<KeyInterval>().unwrap().frames(rate), None);
        assert_eq!("2s".parse::<KeyInterval>().unwrap().frames(rate), Some(60));
        assert!("-1s".parse::<KeyInterval>().is_err());
    }

    #[test]
    fn limits_count_in_powers_of_1024() {
        let limits = "pixels=100x10,packet=2K,resized=3M,gap=2.5s".parse::<LimitList>().unwrap().0;
        assert_eq!((limits.max_pixels, limits.max_frame_bytes), (1000, 2048));
        assert_eq!((limits.max_resized_pixels, limits.max_gap_ms), (3 << 20, 2500));
        let limits = "memory=12M".parse::<LimitList>().unwrap().0;
        assert_eq!(limits.max_pixels, 1 << 20);
        for wrong in ["pixels", "pixels=", "memory=99999999999G", "speed=1"] {
            assert!(wrong.parse::<LimitList>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn raw_layouts_name_their_samples() {
        let layout = "640x360@29.97:bgra".parse::<RawLayout>().unwrap();
        assert_eq!(layout.samples, Samples::Bgra);
        assert_eq!(layout.frame_rate, Rational::new(30000, 1001));
        assert_eq!(Samples::Yuy2.picture_bytes(Size::new(5, 2)), 24);
        assert_eq!("640x360:p010".parse::<RawLayout>().unwrap().samples, Samples::P010);
        let planar = "640x360@30:yuv422p10".parse::<RawLayout>().unwrap().samples;
        assert_eq!((planar.name(), planar.picture_bytes(Size::new(4, 2))), ("yuv422p10", 32));
        assert!("640x360@30:yuv410p".parse::<RawLayout>().is_err());
    }
}
