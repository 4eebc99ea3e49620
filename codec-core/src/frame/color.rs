//! Interpretation of samples: colour description, range, pixel aspect ratio, rotation, field order.

use std::fmt;

use super::{HdrMetadata, Rational, Size};

macro_rules! code_points {
    ($(#[$doc:meta])* $name:ident { $( $(#[$vdoc:meta])* $variant:ident = $code:literal $text:literal, )* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub u8);

        impl $name {
            /// Unspecified.
            pub const UNSPECIFIED: Self = Self(2);
            $( $(#[$vdoc])* pub const $variant: Self = Self($code); )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self::UNSPECIFIED
            }
        }

        /// The name in ffmpeg, or the number.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    Self::UNSPECIFIED => f.write_str("unspecified"),
                    $( Self::$variant => f.write_str($text), )*
                    Self(code) => write!(f, "{code}"),
                }
            }
        }
    };
}

code_points! {
    /// Colour primaries, a code point of ITU-T H.273, section 8.1.
    ColorPrimaries {
        /// BT.709, sRGB.
        BT709 = 1 "bt709",
        /// BT.470 system B, G; BT.601 with 625 lines.
        BT470BG = 5 "bt470bg",
        /// SMPTE 170M; BT.601 with 525 lines.
        SMPTE170M = 6 "smpte170m",
        /// BT.2020.
        BT2020 = 9 "bt2020",
    }
}

code_points! {
    /// Transfer characteristics, a code point of ITU-T H.273, section 8.2.
    TransferCharacteristics {
        /// BT.709.
        BT709 = 1 "bt709",
        /// SMPTE 170M, BT.601.
        SMPTE170M = 6 "smpte170m",
        /// IEC 61966-2-1 (sRGB).
        SRGB = 13 "iec61966-2-1",
        /// SMPTE ST 2084 (PQ): high dynamic range.
        PQ = 16 "smpte2084",
        /// ARIB STD-B67 (HLG): high dynamic range.
        HLG = 18 "arib-std-b67",
    }
}

code_points! {
    /// Matrix coefficients, a code point of ITU-T H.273, section 8.3.
    MatrixCoefficients {
        /// Identity: the planes are G, B and R.
        IDENTITY = 0 "gbr",
        /// BT.709.
        BT709 = 1 "bt709",
        /// BT.470 system B, G; BT.601.
        BT470BG = 5 "bt470bg",
        /// SMPTE 170M; BT.601.
        SMPTE170M = 6 "smpte170m",
        /// BT.2020, non-constant luminance.
        BT2020_NCL = 9 "bt2020nc",
    }
}

/// The sample values of black and white.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColorRange {
    /// Unspecified; treated as limited.
    #[default]
    Unspecified,
    /// 16..=235 for luma, 16..=240 for chroma.
    Limited,
    /// 0..=255.
    Full,
}

/// A colour description (ITU-T H.273).
///
/// VP8 streams carry none; containers do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "field types are self-explanatory")]
pub struct Color {
    pub primaries: ColorPrimaries,
    pub transfer: TransferCharacteristics,
    pub matrix: MatrixCoefficients,
    pub range: ColorRange,
}

impl Color {
    /// Fills in unspecified fields with the usual defaults: BT.709 limited for frames of at least
    /// 720 lines or 1280 columns, otherwise BT.601 limited.
    #[must_use]
    pub fn or_default_for(self, size: Size) -> Self {
        let hd = size.height >= 720 || size.width >= 1280;
        let pick = |given: u8, sd: u8| match given {
            2 if hd => 1,
            2 => sd,
            code => code,
        };
        Self {
            primaries: ColorPrimaries(pick(self.primaries.0, 6)),
            transfer: TransferCharacteristics(pick(self.transfer.0, 6)),
            matrix: MatrixCoefficients(pick(self.matrix.0, 6)),
            range: match self.range {
                ColorRange::Unspecified => ColorRange::Limited,
                given => given,
            },
        }
    }

    /// Returns whether the transfer characteristics signal high dynamic range.
    #[must_use]
    pub fn is_hdr(self) -> bool {
        matches!(self.transfer, TransferCharacteristics::PQ | TransferCharacteristics::HLG)
    }
}

/// Clockwise rotation for display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Rotation {
    #[default]
    None,
    Clockwise90,
    Clockwise180,
    Clockwise270,
}

impl Rotation {
    /// Returns the clockwise rotation in degrees.
    #[must_use]
    pub fn degrees(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Clockwise90 => 90,
            Self::Clockwise180 => 180,
            Self::Clockwise270 => 270,
        }
    }

    /// Returns the rotation by `degrees` clockwise (negative: counterclockwise); `None` unless it
    /// is a multiple of 90.
    #[must_use]
    pub fn from_degrees(degrees: i32) -> Option<Self> {
        match degrees.rem_euclid(360) {
            0 => Some(Self::None),
            90 => Some(Self::Clockwise90),
            180 => Some(Self::Clockwise180),
            270 => Some(Self::Clockwise270),
            _ => None,
        }
    }
}

/// Whether the lines of a frame belong to two fields that were captured at different times, and
/// which field is the earlier one.
///
/// The top field has the even lines of each plane, counted from 0, and the bottom field the odd
/// ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FieldOrder {
    /// All lines were captured at the same time, or the field order is unknown.
    #[default]
    Progressive,
    /// Interlaced; the top field was captured first.
    TopFirst,
    /// Interlaced; the bottom field was captured first.
    BottomFirst,
}

impl FieldOrder {
    /// Returns whether the fields were captured at different times.
    #[must_use]
    pub fn is_interlaced(self) -> bool {
        self != Self::Progressive
    }

    /// Returns the order after the lines of a frame of even height were reversed.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Progressive => Self::Progressive,
            Self::TopFirst => Self::BottomFirst,
            Self::BottomFirst => Self::TopFirst,
        }
    }
}

/// Properties of a frame other than its samples; passed unchanged from input to output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PictureInfo {
    /// Colour description.
    pub color: Color,
    /// Pixel aspect ratio, width over height; `None` if unspecified.
    pub pixel_aspect: Option<Rational>,
    /// Rotation for display.
    pub rotation: Rotation,
    /// Order of the fields of interlaced video.
    pub field_order: FieldOrder,
    /// Mastering display and light levels of high dynamic range.
    pub hdr: HdrMetadata,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_have_the_names_of_ffmpeg() {
        assert_eq!(ColorPrimaries::BT2020.to_string(), "bt2020");
        assert_eq!(TransferCharacteristics::PQ.to_string(), "smpte2084");
        assert_eq!(MatrixCoefficients::default().to_string(), "unspecified");
        assert_eq!(MatrixCoefficients(14).to_string(), "14");
    }
}
