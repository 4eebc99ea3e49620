//! The display properties that an output can hold: rotation, pixel aspect ratio and colour description.

use codec_container::Format;
use codec_core::codec::Codec;
use codec_core::frame::{
    Color, MatrixCoefficients, PictureInfo, Rational, Rotation, Size, TransferCharacteristics,
};

/// Pixel aspect ratios above this, or below its inverse, are not made square.
const MAX_STRETCH: u64 = 8;
/// The largest width and height of frames with square pixels.
const MAX_SIDE: u64 = 16383;

/// The display properties that an output can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisplaySupport {
    /// The name of the output, for messages.
    pub(super) name: &'static str,
    /// Whether players find the rotation.
    pub(super) rotation: bool,
    pub(super) aspect: bool,
    color: ColorSupport,
    pub(super) kind: Kind,
    /// Whether frames of full range become limited.
    pub(super) limits_range: bool,
}

/// The kinds of outputs that differ in remedies or in their treatment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// A file whose rotation only this program reads.
    Y4m,
    Live,
    /// Viewers show each pixel as a square.
    Images,
}

/// The part of the colour description that an output can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColorSupport {
    /// All of it, or the samples are converted to RGB.
    All,
    /// The matrix coefficients and the range.
    MatrixAndRange,
    Nothing,
}

impl DisplaySupport {
    /// The properties that `format` can hold with video of `codec`.
    pub fn encoded(format: Format, codec: Codec) -> Self {
        let is_described = matches!(format, Format::WebM | Format::Matroska | Format::Mp4);
        let stream = Self::stream(format.name(), Kind::File, codec);
        match is_described {
            true => Self {
                rotation: true,
                aspect: true,
                color: ColorSupport::All,
                limits_range: false,
                ..stream
            },
            false => stream,
        }
    }

    /// The properties that live outputs can hold with video of `codec`.
    pub fn live(codec: Codec) -> Self {
        Self::stream("live output", Kind::Live, codec)
    }

    /// The properties in the bitstream of `codec`.
    fn stream(name: &'static str, kind: Kind, codec: Codec) -> Self {
        let color = match codec {
            Codec::H264 | Codec::Av1 => ColorSupport::All,
            Codec::Vp9 => ColorSupport::MatrixAndRange,
            _ => ColorSupport::Nothing,
        };
        Self {
            name,
            rotation: false,
            aspect: codec == Codec::H264,
            color,
            kind,
            limits_range: codec == Codec::Vp8,
        }
    }

    /// The properties that `format` can hold with raw frames; `is_rgb` if their samples are converted to RGB.
    pub fn raw(format: Format, is_rgb: bool) -> Self {
        let is_y4m = format == Format::Y4m;
        let color = if is_y4m || is_rgb { ColorSupport::All } else { ColorSupport::Nothing };
        Self {
            name: format.name(),
            rotation: false,
            aspect: is_y4m,
            color,
            kind: if is_y4m { Kind::Y4m } else { Kind::File },
            limits_range: false,
        }
    }

    /// The properties that images can hold, whose samples are converted to RGB or to the colours of JPEG.
    pub fn images() -> Self {
        Self {
            name: "images",
            rotation: false,
            aspect: false,
            color: ColorSupport::All,
            kind: Kind::Images,
            limits_range: false,
        }
    }

    /// Whether viewers show each pixel as a square.
    pub(super) fn is_image(&self) -> bool {
        self.kind == Kind::Images
    }

    /// Names the properties of frames that this output cannot hold, as a warning about frames that are not transformed.
    pub(crate) fn lost_in_copy(&self, size: Size, info: PictureInfo) -> Option<String> {
        let mut lost = self.lost_properties(size, info);
        if info.rotation != Rotation::None && !self.rotation {
            lost.insert(0, format!("rotation of {} degrees", info.rotation.degrees()));
        }
        let formats = if self.kind == Kind::Live { "" } else { "write WebM, Matroska or MP4, or " };
        (!lost.is_empty())
            .then(|| format!("{}\nhelp: {formats}encode the video", self.sentence(&lost)))
    }

    pub(super) fn sentence(&self, lost: &[String]) -> String {
        format!("{} cannot hold these properties of the video: {}", self.name, lost.join(", "))
    }

    /// The pixel aspect ratio and the colours that a reader of the output takes for others.
    pub(super) fn lost_properties(&self, size: Size, info: PictureInfo) -> Vec<String> {
        let mut lost = Vec::new();
        if let Some(aspect) = info.pixel_aspect.filter(|aspect| !is_square(size, *aspect))
            && !self.aspect
        {
            lost.push(format!("pixel aspect ratio {}:{}", aspect.num, aspect.den));
        }
        let held = match self.color {
            ColorSupport::All => info.color,
            ColorSupport::MatrixAndRange => {
                let Color { matrix, range, .. } = info.color;
                Color { matrix, range, ..Color::default() }
            }
            ColorSupport::Nothing => Color::default(),
        };
        let [had, held] = [info.color, held].map(|color| distinct(color.or_default_for(size)));
        if had.primaries != held.primaries {
            lost.push(format!("primaries {}", had.primaries));
        }
        if had.transfer != held.transfer {
            lost.push(format!("transfer {}", had.transfer));
        }
        if had.matrix != held.matrix {
            lost.push(format!("matrix {}", had.matrix));
        }
        if had.range != held.range {
            lost.push("full colour range".to_owned());
        }
        lost
    }
}

/// Replaces the code points that mean the same as another one (ITU-T H.273, tables 3 and 4).
fn distinct(color: Color) -> Color {
    let (mut transfer, mut matrix) = (color.transfer, color.matrix);
    if matches!(transfer.0, 1 | 14 | 15) {
        transfer = TransferCharacteristics::SMPTE170M;
    }
    if matrix == MatrixCoefficients::BT470BG {
        matrix = MatrixCoefficients::SMPTE170M;
    }
    Color { transfer, matrix, ..color }
}

/// Whether pixels are square except for the rounding of the frame's size.
fn is_square(size: Size, aspect: Rational) -> bool {
    let (num, den) = (u64::from(aspect.num), u64::from(aspect.den));
    let side = u64::from(if num > den { size.width } else { size.height });
    2 * side * num.abs_diff(den) < num.min(den).max(1)
}

/// The size of a frame of `size` after its shorter pixel side is scaled to the longer one; `None` if the pixels are square
/// already, or if the frame would be stretched too much.
pub(super) fn square_size(size: Size, aspect: Rational) -> Option<Size> {
    let (num, den) = (u64::from(aspect.num), u64::from(aspect.den));
    let is_usable = num > 0 && den > 0 && !is_square(size, aspect);
    if !is_usable || num.max(den) > MAX_STRETCH.saturating_mul(num.min(den)) {
        return None;
    }
    let stretched = |side: u32| {
        let (long, short) = (num.max(den), num.min(den));
        let stretched = (u64::from(side) * long + short / 2) / short;
        u32::try_from(stretched).ok().filter(|_| stretched <= MAX_SIDE)
    };
    Some(match num > den {
        true => Size::new(stretched(size.width)?, size.height),
        false => Size::new(size.width, stretched(size.height)?),
    })
}

/// Converts 8-bit samples of the three planes from full to limited range (ITU-T H.273, section 8.3).
pub(crate) fn limit_range([luma, u, v]: [&mut [u8]; 3]) {
    for sample in luma {
        *sample = scaled(*sample, 0, 16, 219);
    }
    for sample in u.iter_mut().chain(v) {
        *sample = scaled(*sample, 128, 128, 224);
    }
}

/// `(sample - zero) * steps / 255 + new_zero`, rounded to the nearest value.
fn scaled(sample: u8, zero: i32, new_zero: i32, steps: i32) -> u8 {
    // The offset keeps the dividend positive, so that the division rounds down.
    let dividend = 2 * (i32::from(sample) - zero) * steps + 255 + 510 * new_zero;
    u8::try_from(dividend / 510).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec_core::frame::{ColorPrimaries, ColorRange};

    const SIZE: Size = Size { width: 320, height: 180 };

    fn info(aspect: Option<Rational>, range: ColorRange) -> PictureInfo {
        let color = Color { range, ..Color::default() };
        PictureInfo { pixel_aspect: aspect, color, ..PictureInfo::default() }
    }

    #[test]
    fn what_an_output_cannot_hold_is_named() {
        let mut found = info(Some(Rational::new(16, 11)), ColorRange::Full);
        found.rotation = Rotation::Clockwise90;
        found.color.matrix = MatrixCoefficients::BT709;
        found.color.primaries = ColorPrimaries::BT2020;
        found.color.transfer = TransferCharacteristics::PQ;
        let lost = |format, codec| {
            DisplaySupport::encoded(format, codec).lost_in_copy(SIZE, found).unwrap_or_default()
        };
        for format in [Format::WebM, Format::Matroska, Format::Mp4] {
            assert_eq!(lost(format, Codec::Vp8), "", "{format}");
        }
        let [vp8, vp9, h264] = [
            lost(Format::Ivf, Codec::Vp8),
            lost(Format::Ivf, Codec::Vp9),
            lost(Format::MpegTs, Codec::H264),
        ];
        assert!(
            vp8.starts_with(
                "ivf cannot hold these properties of the video: rotation of 90 degrees, pixel aspect ratio \
                 16:11, primaries bt2020, transfer smpte2084, matrix bt709, full colour range\nhelp: "
            ),
            "{vp8}"
        );
        assert!(vp9.contains("16:11, primaries bt2020, transfer smpte2084\n"), "{vp9}");
        assert!(h264.contains("video: rotation of 90 degrees\n"), "{h264}");
    }

    #[test]
    fn usual_properties_are_not_lost() {
        let mut usual = info(Some(Rational::new(1, 1)), ColorRange::Limited);
        usual.color.matrix = MatrixCoefficients::BT470BG;
        usual.color.transfer = TransferCharacteristics::BT709;
        let support = DisplaySupport::raw(Format::Raw, false);
        assert_eq!(support.lost_in_copy(SIZE, usual), None);
        assert_eq!(support.lost_in_copy(SIZE, PictureInfo::default()), None);
    }

    #[test]
    fn square_pixels_keep_the_samples_of_the_other_side() {
        let square = |num, den| square_size(SIZE, Rational::new(num, den));
        assert_eq!(square(16, 11), Some(Size::new(465, 180)));
        assert_eq!(square(8, 9), Some(Size::new(320, 203)));
        // The width of a frame that was stretched to 465 is rounded.
        assert_eq!(square_size(Size::new(465, 180), Rational::new(1024, 1023)), None);
        for (num, den) in [(1, 1), (0, 1), (1, 0), (9, 1), (1, 1000), (u32::MAX, 1)] {
            assert_eq!(square(num, den), None, "{num}:{den}");
        }
    }

    #[test]
    fn limited_range_has_the_values_of_the_standards() {
        let [mut luma, mut u, mut v] = [[0, 128, 255], [0, 128, 255], [1, 127, 254]];
        limit_range([&mut luma, &mut u, &mut v]);
        assert_eq!((luma, u), ([16, 126, 235], [16, 128, 240]));
        assert_eq!(v, [16, 127, 239]);
    }
}
