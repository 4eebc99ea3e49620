//! Transformations of frames: crop, rotation, deinterlacing, size, frame rate.

use std::str::FromStr;

use codec_core::frame::{Rational, Rotation, Size};

use super::{frame_rate, size};

/// A rectangle within the frame: `WxH+X+Y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    pub(crate) size: Size,
    pub(crate) left: u32,
    pub(crate) top: u32,
}

impl FromStr for Crop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, '+');
        let area = size(parts.next().unwrap_or_default())
            .map_err(|_| "expected WxH+X+Y, with W and H from 1 to 16383".to_owned())?;
        let mut offset = || match parts.next() {
            None => Ok(0),
            Some(number) => number.parse::<u32>().map_err(|_| "expected WxH+X+Y".to_owned()),
        };
        let (left, top) = (offset()?, offset()?);
        if left % 2 != 0 || top % 2 != 0 {
            return Err(
                "expected even X and Y, because four pixels share a chroma sample".to_owned()
            );
        }
        Ok(Self { size: area, left, top })
    }
}

/// The rotation of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotate {
    /// Apply the rotation in the input's metadata; the output has no rotation left.
    AsDescribed,
    /// Rotate clockwise.
    By(Rotation),
}

impl FromStr for Rotate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::AsDescribed);
        }
        let degrees = text.parse().ok().and_then(Rotation::from_degrees);
        degrees.map(Self::By).ok_or_else(|| "expected auto, 0, 90, 180 or 270".to_owned())
    }
}

/// Which frames are deinterlaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deinterlace {
    /// None: interlaced frames keep both fields.
    #[default]
    Off,
    /// Frames that the stream or its container marks as interlaced.
    Auto,
    /// All frames; those without a field order are treated as top field first.
    On,
}

impl FromStr for Deinterlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            "on" => Ok(Self::On),
            _ => Err("expected off, auto or on".to_owned()),
        }
    }
}

/// The size that frames are scaled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// This size; the pixels get another aspect ratio if the frame's aspect ratio changes.
    Exact(Size),
    /// This width, and the even height that changes the aspect ratio least.
    Width(u32),
    /// This height, and the even width that changes the aspect ratio least.
    Height(u32),
    /// Only larger frames: the longer side becomes at most the longer side of this size, and the shorter side at most
    /// the shorter one.
    Within(Size),
}

impl Scale {
    /// The size of a scaled frame of `size`.
    pub fn of(self, size: Size) -> Size {
        match self {
            Self::Exact(size) => size,
            Self::Width(width) => Size::new(width, even(size.height, width, size.width)),
            Self::Height(height) => Size::new(even(size.width, height, size.height), height),
            Self::Within(limit) => {
                let (long, short) = (limit.width.max(limit.height), limit.width.min(limit.height));
                let (width, height) =
                    if size.width >= size.height { (long, short) } else { (short, long) };
                inside(size, Size::new(width, height))
            }
        }
    }
}

/// The even number nearest to `side * to / from`.
fn even(side: u32, to: u32, from: u32) -> u32 {
    let (side, to, from) = (u64::from(side), u64::from(to), u64::from(from.max(1)));
    let halves = (side * to + from) / (2 * from);
    2 * u32::try_from(halves.clamp(1, 8191)).unwrap_or(1)
}

/// `size` if it fits into `limit`, otherwise the largest size of about the same aspect ratio that does.
fn inside(size: Size, limit: Size) -> Size {
    let Size { width, height } = limit;
    if size.width <= width && size.height <= height {
        return size;
    }
    let is_wide =
        u64::from(size.width) * u64::from(height) > u64::from(size.height) * u64::from(width);
    if is_wide {
        Size::new(width, even(size.height, width, size.width).min(height))
    } else {
        Size::new(even(size.width, height, size.height).min(width), height)
    }
}

/// The size of frames after black bars were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pad(pub Size);

impl Pad {
    /// The size of a frame of `size` inside the bars: smaller if it does not fit.
    pub(crate) fn inner(self, size: Size) -> Size {
        inside(size, self.0)
    }
}

impl FromStr for Pad {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        size(text).map(Self)
    }
}

impl From<Size> for Scale {
    fn from(size: Size) -> Self {
        Self::Exact(size)
    }
}

impl FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(limit) = text.strip_prefix("max=") {
            return size(limit).map(Self::Within);
        }
        let refused = || {
            "expected WIDTHxHEIGHT, each 1 to 16383, or one of them -1, or max=WIDTHxHEIGHT"
                .to_owned()
        };
        let side = |side: &str| match side.parse::<i32>() {
            // -2 is the same for other programs, whose -1 may be odd.
            Ok(-1 | -2) => Some(None),
            Ok(side @ 1..=16383) => Some(u32::try_from(side).ok()),
            _ => None,
        };
        let (width, height) = text.split_once(['x', 'X']).ok_or_else(refused)?;
        match (side(width), side(height)) {
            (Some(Some(width)), Some(Some(height))) => Ok(Self::Exact(Size::new(width, height))),
            (Some(Some(width)), Some(None)) => Ok(Self::Width(width)),
            (Some(None), Some(Some(height))) => Ok(Self::Height(height)),
            _ => Err(refused()),
        }
    }
}

/// Target size of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The size of the first frame.
    First,
    /// This size.
    Size(Scale),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "first" { Ok(Self::First) } else { text.parse().map(Self::Size) }
    }
}

/// The frame rate that video is converted to: `30`, `30000/1001` or `half`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FpsTarget {
    /// Frames per second.
    Rate(Rational),
    /// Half of the input's frame rate.
    Half,
}

impl FpsTarget {
    /// The new frame rate of video with the frame rate `input`.
    pub(crate) fn rate(self, input: Rational) -> Rational {
        match self {
            Self::Rate(rate) => rate,
            Self::Half if input.num.is_multiple_of(2) => Rational::new(input.num / 2, input.den),
            Self::Half => Rational::new(input.num, input.den.saturating_mul(2)),
        }
    }
}

impl FromStr for FpsTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "half" => Ok(Self::Half),
            _ => match frame_rate(text) {
                Ok(rate) if rate.as_f64() <= 1000.0 => Ok(Self::Rate(rate)),
                _ => Err("expected 30, 29.97, 30000/1001 (at most 1000) or half".to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_side_follows_from_the_aspect_ratio() {
        let scaled = |text: &str, width, height| {
            text.parse::<Scale>().map(|scale| scale.of(Size::new(width, height)).to_string())
        };
        for (text, from, to) in [
            ("640x-1", (1920, 1080), "640x360"),
            ("640x-1", (1920, 800), "640x266"),
            ("-1x360", (1080, 1920), "202x360"),
            ("-2x240", (176, 144), "294x240"),
            ("max=1280x720", (1920, 1080), "1280x720"),
            ("max=1280x720", (1080, 1920), "720x1280"),
            ("max=720x1280", (1920, 800), "1280x534"),
            ("max=1280x720", (1440, 1080), "960x720"),
            ("max=1280x720", (1280, 721), "1278x720"),
            ("max=1280x720", (641, 361), "641x361"),
            ("max=1x1", (1920, 3), "1x1"),
            ("2x-1", (16383, 1), "2x2"),
            ("-1x16383", (16383, 1), "16382x16383"),
            ("640x360", (5, 7), "640x360"),
        ] {
            assert_eq!(scaled(text, from.0, from.1), Ok(to.to_owned()), "{text} {from:?}");
        }
        for wrong in ["-1x-1", "0x-1", "640", "640x", "-3x2", "640x-1.5", "16384x-1"] {
            assert!(wrong.parse::<Scale>().is_err(), "{wrong}");
        }
    }
}
