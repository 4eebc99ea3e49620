//! Metadata of high dynamic range: the display that the video was mastered on, and the peak light
//! levels of the content (`MaxCLL`, `MaxFALL`).

/// A CIE 1931 chromaticity in units of 0.00002, at most 50,000 (SMPTE ST 2086, ITU-T H.265,
/// section D.3.28).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub struct Chromaticity {
    pub x: u16,
    pub y: u16,
}

/// The colour volume of the display that the video was mastered on (SMPTE ST 2086).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MasteringDisplay {
    /// Chromaticities of the red, green and blue primary.
    pub primaries: [Chromaticity; 3],
    /// Chromaticity of white.
    pub white: Chromaticity,
    /// Maximum luminance in 0.0001 cd/m².
    pub max_luminance: u32,
    /// Minimum luminance in 0.0001 cd/m².
    pub min_luminance: u32,
}

/// Light levels of the content in cd/m² (CTA-861.3); 0 means unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContentLight {
    /// Maximum light level of a pixel (`MaxCLL`).
    pub max: u16,
    /// Maximum average light level of a frame (`MaxFALL`).
    pub max_average: u16,
}

/// Metadata of video with high dynamic range, besides its colour description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "field types are self-explanatory")]
pub struct HdrMetadata {
    pub mastering: Option<MasteringDisplay>,
    pub light: Option<ContentLight>,
}

impl HdrMetadata {
    /// Returns whether there is no HDR metadata.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
