//! Sequence parameter sets. ITU-T H.264, clause 7.3.2.1.1.

use codec_core::error::{Error, LimitError};
use codec_core::frame::{PixelLimit, Size};

use super::{ScalingMatrices, Vui, limits};
use crate::syntax::{SyntaxReader, SyntaxTrace};

/// A sequence parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the syntax")]
pub struct Sps {
    /// `seq_parameter_set_id`: 0 to 31.
    pub id: u8,
    /// `profile_idc`: 66 Baseline, 77 Main, 100 High.
    pub profile_idc: u8,
    /// `constraint_set0_flag` (bit 0) to `constraint_set5_flag` (bit 5).
    pub constraint_flags: u8,
    /// `level_idc`: ten times the level.
    pub level_idc: u8,
    /// `chroma_format_idc`: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format_idc: u8,
    /// `separate_colour_plane_flag`.
    pub separate_colour_plane: bool,
    /// Bits per luma sample.
    pub bit_depth_luma: u8,
    /// Bits per chroma sample.
    pub bit_depth_chroma: u8,
    /// `qpprime_y_zero_transform_bypass_flag`.
    pub transform_bypass: bool,
    /// Scaling matrices after fall-back rule A; `None` if the set has none.
    pub scaling: Option<Box<ScalingMatrices>>,
    /// `log2_max_frame_num_minus4` + 4: 4 to 16.
    pub log2_max_frame_num: u8,
    /// How picture order counts are coded.
    pub poc_type: PocType,
    /// `max_num_ref_frames`: 0 to 16.
    pub max_num_ref_frames: u8,
    /// `gaps_in_frame_num_value_allowed_flag`.
    pub gaps_in_frame_num_allowed: bool,
    /// Width in macroblocks.
    pub width_mbs: u16,
    /// `pic_height_in_map_units_minus1` + 1; see [`Self::height_mbs`].
    pub height_map_units: u16,
    /// `frame_mbs_only_flag`.
    pub frame_mbs_only: bool,
    /// `mb_adaptive_frame_field_flag`.
    pub mb_adaptive_frame_field: bool,
    /// `direct_8x8_inference_flag`.
    pub direct_8x8_inference: bool,
    /// Cropped samples at each edge.
    pub crop: Crop,
    /// Video usability information; `None` if absent or damaged.
    pub vui: Option<Vui>,
}

/// The coding of picture order counts: `pic_order_cnt_type`. ITU-T H.264, clause 8.2.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PocType {
    /// Type 0: the least significant bits are in each slice header.
    Lsb {
        /// `log2_max_pic_order_cnt_lsb_minus4` + 4: 4 to 16.
        log2_max_lsb: u8,
    },
    /// Type 1: expected differences in a cycle of reference frames.
    Cycle {
        /// `delta_pic_order_always_zero_flag`.
        always_zero: bool,
        /// `offset_for_non_ref_pic`.
        offset_non_ref: i32,
        /// `offset_for_top_to_bottom_field`.
        offset_top_to_bottom: i32,
        /// `offset_for_ref_frame`: at most 255.
        offsets: Vec<i32>,
    },
    /// Type 2: output order is decoding order.
    DecodingOrder,
}

/// Cropped luma samples at each edge of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub struct Crop {
    pub left: u32,
    pub right: u32,
    pub top: u32,
    pub bottom: u32,
}

/// Profiles whose parameter sets have the chroma format and scaling matrices.
pub(super) const HIGH_PROFILES: [u8; 13] =
    [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// Maximum width and height in macroblocks: level 6.2 allows `sqrt(8 * MaxFS)`.
const MAX_SIDE_MBS: u32 = 1055;

impl Sps {
    /// Parses an unescaped payload; `trace` receives the syntax elements.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if a value is out of range.
    pub fn parse(rbsp: &[u8], trace: Option<&mut SyntaxTrace>) -> Result<Self, Error> {
        let mut reader = SyntaxReader::new(rbsp, trace);
        let mut sps = Self::parse_profile(&mut reader)?;
        if HIGH_PROFILES.contains(&sps.profile_idc) {
            sps.parse_high_profile(&mut reader)?;
        }
        sps.log2_max_frame_num = reader.ue8("log2_max_frame_num_minus4", 0..=12)? + 4;
        sps.poc_type = PocType::parse(&mut reader)?;
        sps.max_num_ref_frames = reader.ue8("max_num_ref_frames", 0..=16)?;
        sps.gaps_in_frame_num_allowed = reader.flag("gaps_in_frame_num_allowed_flag");
        sps.parse_size(&mut reader)?;
        let has_vui = reader.flag("vui_parameters_present_flag");
        reader.check("seq_parameter_set")?;
        // Damage in the usability information does not change the samples, and some encoders
        // truncate it.
        sps.vui = if has_vui { Vui::parse(&mut reader).ok() } else { None };
        Ok(sps)
    }

    fn parse_profile(reader: &mut SyntaxReader<'_, '_>) -> Result<Self, Error> {
        let profile_idc = reader.u8(8, "profile_idc");
        let names = [
            "constraint_set0_flag",
            "constraint_set1_flag",
            "constraint_set2_flag",
            "constraint_set3_flag",
            "constraint_set4_flag",
            "constraint_set5_flag",
        ];
        let constraint_flags = names
            .iter()
            .enumerate()
            .fold(0, |flags, (bit, name)| flags | u8::from(reader.flag(*name)) << bit);
        reader.u(2, "reserved_zero_2bits");
        Ok(Self {
            profile_idc,
            constraint_flags,
            level_idc: reader.u8(8, "level_idc"),
            id: reader.ue8("seq_parameter_set_id", 0..=31)?,
            ..Self::inferred()
        })
    }

    /// Returns a set with the values that are inferred for elements that are not present.
    pub(super) fn inferred() -> Self {
        Self {
            id: 0,
            profile_idc: 0,
            constraint_flags: 0,
            level_idc: 0,
            chroma_format_idc: 1,
            separate_colour_plane: false,
            bit_depth_luma: 8,
            bit_depth_chroma: 8,
            transform_bypass: false,
            scaling: None,
            log2_max_frame_num: 4,
            poc_type: PocType::DecodingOrder,
            max_num_ref_frames: 0,
            gaps_in_frame_num_allowed: false,
            width_mbs: 0,
            height_map_units: 0,
            frame_mbs_only: true,
            mb_adaptive_frame_field: false,
            direct_8x8_inference: false,
            crop: Crop::default(),
            vui: None,
        }
    }

    fn parse_high_profile(&mut self, reader: &mut SyntaxReader<'_, '_>) -> Result<(), Error> {
        self.chroma_format_idc = reader.ue8("chroma_format_idc", 0..=3)?;
        if self.chroma_format_idc == 3 {
            self.separate_colour_plane = reader.flag("separate_colour_plane_flag");
        }
        self.bit_depth_luma = 8 + reader.ue8("bit_depth_luma_minus8", 0..=6)?;
        self.bit_depth_chroma = 8 + reader.ue8("bit_depth_chroma_minus8", 0..=6)?;
        self.transform_bypass = reader.flag("qpprime_y_zero_transform_bypass_flag");
        if reader.flag("seq_scaling_matrix_present_flag") {
            let count_8x8 = if self.chroma_format_idc == 3 { 6 } else { 2 };
            let present_flag = "seq_scaling_list_present_flag";
            let defaults = ScalingMatrices::standard();
            let lists = ScalingMatrices::parse(reader, present_flag, count_8x8, &defaults)?;
            self.scaling = Some(Box::new(lists));
        }
        Ok(())
    }

    fn parse_size(&mut self, reader: &mut SyntaxReader<'_, '_>) -> Result<(), Error> {
        let side = |minus_1: u32| u16::try_from(minus_1 + 1).unwrap_or(u16::MAX);
        self.width_mbs = side(reader.ue("pic_width_in_mbs_minus1", 0..=MAX_SIDE_MBS - 1)?);
        let map_units = reader.ue("pic_height_in_map_units_minus1", 0..=MAX_SIDE_MBS - 1)?;
        self.height_map_units = side(map_units);
        self.frame_mbs_only = reader.flag("frame_mbs_only_flag");
        if !self.frame_mbs_only {
            self.mb_adaptive_frame_field = reader.flag("mb_adaptive_frame_field_flag");
        }
        self.direct_8x8_inference = reader.flag("direct_8x8_inference_flag");
        if reader.flag("frame_cropping_flag") {
            self.parse_crop(reader)?;
        }
        Ok(())
    }

    fn parse_crop(&mut self, reader: &mut SyntaxReader<'_, '_>) -> Result<(), Error> {
        let (width, height) = (u32::from(self.width_mbs) * 16, u32::from(self.height_mbs()) * 16);
        let (unit_x, unit_y) = self.crop_unit();
        let mut side = |name, unit, size: u32| {
            reader.ue(name, 0..=(size - 1) / unit).map(|offset| offset * unit)
        };
        let crop = Crop {
            left: side("frame_crop_left_offset", unit_x, width)?,
            right: side("frame_crop_right_offset", unit_x, width)?,
            top: side("frame_crop_top_offset", unit_y, height)?,
            bottom: side("frame_crop_bottom_offset", unit_y, height)?,
        };
        if crop.left + crop.right >= width || crop.top + crop.bottom >= height {
            return Err(reader.corrupt("a cropped size above 0"));
        }
        self.crop = crop;
        Ok(())
    }

    /// Returns the units of the cropped widths and heights: `CropUnitX` and `CropUnitY`.
    pub(super) fn crop_unit(&self) -> (u32, u32) {
        let x = if matches!(self.chroma_format_idc, 1 | 2) { 2 } else { 1 };
        let y = if self.chroma_format_idc == 1 { 2 } else { 1 };
        (x, if self.frame_mbs_only { y } else { 2 * y })
    }

    /// Returns the height of a frame in macroblocks.
    #[inline]
    #[must_use]
    pub fn height_mbs(&self) -> u16 {
        if self.frame_mbs_only { self.height_map_units } else { 2 * self.height_map_units }
    }

    /// Returns the size of the coded frame in samples, before cropping.
    #[must_use]
    pub fn coded_size(&self) -> Size {
        Size::new(16 * u32::from(self.width_mbs), 16 * u32::from(self.height_mbs()))
    }

    /// Returns the size of the visible area.
    #[must_use]
    pub fn visible_size(&self) -> Size {
        let (coded, crop) = (self.coded_size(), self.crop);
        Size::new(coded.width - crop.left - crop.right, coded.height - crop.top - crop.bottom)
    }

    /// Returns whether the samples have chroma.
    #[inline]
    #[must_use]
    pub fn has_chroma(&self) -> bool {
        self.chroma_format_idc != 0
    }

    /// Returns whether `constraint_set{index}_flag` is set.
    #[must_use]
    pub fn constraint(&self, index: u8) -> bool {
        self.constraint_flags >> index & 1 == 1
    }

    /// Returns the number of frames in the decoded picture buffer: `MaxDpbFrames`, and at least the
    /// number of reference frames.
    #[must_use]
    pub fn max_dpb_frames(&self) -> usize {
        let is_1b =
            self.level_idc == 11 && matches!(self.profile_idc, 66 | 77 | 88) && self.constraint(3);
        let level = limits(if is_1b { 9 } else { self.level_idc });
        let frame_mbs = u32::from(self.width_mbs) * u32::from(self.height_mbs());
        let frames = (level.max_dpb_mbs / frame_mbs.max(1)).min(16) as usize;
        frames.max(usize::from(self.max_num_ref_frames)).max(1)
    }

    /// Checks that the decoder supports the format and that the frame does not exceed `limit`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the name of the format; [`Error::Limit`].
    pub fn check_supported(&self, limit: PixelLimit) -> Result<(), Error> {
        match self.chroma_format_idc {
            0 | 1 => {}
            2 => return Err(Error::unsupported("4:2:2 chroma")),
            _ => return Err(Error::unsupported("4:4:4 chroma")),
        }
        if self.bit_depth_luma != 8 || (self.has_chroma() && self.bit_depth_chroma != 8) {
            return Err(Error::unsupported("bit depths above 8"));
        }
        limit.check(self.coded_size()).map_err(|error: LimitError| error.into())
    }
}

impl PocType {
    /// Returns whether the counts follow from `frame_num`, so that frames that were not transmitted
    /// have them, too.
    #[must_use]
    pub fn is_derived_from_frame_num(&self) -> bool {
        !matches!(self, Self::Lsb { .. })
    }

    fn parse(reader: &mut SyntaxReader<'_, '_>) -> Result<Self, Error> {
        match reader.ue("pic_order_cnt_type", 0..=2)? {
            0 => Ok(Self::Lsb {
                log2_max_lsb: reader.ue8("log2_max_pic_order_cnt_lsb_minus4", 0..=12)? + 4,
            }),
            1 => Self::parse_cycle(reader),
            _ => Ok(Self::DecodingOrder),
        }
    }

    fn parse_cycle(reader: &mut SyntaxReader<'_, '_>) -> Result<Self, Error> {
        let any = -i32::MAX..=i32::MAX;
        let always_zero = reader.flag("delta_pic_order_always_zero_flag");
        let offset_non_ref = reader.se("offset_for_non_ref_pic", any.clone())?;
        let offset_top_to_bottom = reader.se("offset_for_top_to_bottom_field", any.clone())?;
        let count = reader.ue8("num_ref_frames_in_pic_order_cnt_cycle", 0..=255)?;
        let offsets = (0..usize::from(count))
            .map(|i| reader.se(("offset_for_ref_frame", i), any.clone()))
            .collect::<Result<_, _>>()?;
        Ok(Self::Cycle { always_zero, offset_non_ref, offset_top_to_bottom, offsets })
    }
}
