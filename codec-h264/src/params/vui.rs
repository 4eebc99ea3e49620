//! Video usability information. ITU-T H.264, annex E.

use codec_core::error::Error;

use crate::syntax::SyntaxReader;

/// The video usability information that a decoder uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vui {
    /// Sample aspect ratio, if it is specified.
    pub aspect_ratio: Option<(u16, u16)>,
    /// `video_full_range_flag` and `colour_description`, if present.
    pub signal: Option<VideoSignal>,
    /// `timing_info`, if present.
    pub timing: Option<TimingInfo>,
    /// The hypothetical reference decoder, if present.
    pub hrd: Option<Hrd>,
    /// `pic_struct_present_flag`.
    pub pic_struct_present: bool,
    /// `bitstream_restriction`, if present.
    pub reorder: Option<ReorderLimits>,
}

/// Range and colour description of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoSignal {
    /// `video_full_range_flag`.
    pub full_range: bool,
    /// `colour_primaries`, `transfer_characteristics` and `matrix_coefficients`, if present.
    pub colour: Option<[u8; 3]>,
}

/// The duration of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimingInfo {
    /// `num_units_in_tick`: a tick is the duration of a field.
    pub units_in_tick: u32,
    /// `time_scale`: units per second.
    pub time_scale: u32,
    /// `fixed_frame_rate_flag`.
    pub fixed_frame_rate: bool,
}

/// Parameters of the hypothetical reference decoder: the first delivery schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hrd {
    /// `BitRate` in bits per second: at most 31 bits, times a power of two from 64 on.
    pub rate_bps: u64,
    /// `CpbSize` in bits: at most 31 bits, times a power of two from 16 on.
    pub cpb_bits: u64,
    /// `cbr_flag`: bits arrive without pauses.
    pub is_cbr: bool,
    /// `low_delay_hrd_flag`: frames may arrive late.
    pub low_delay: bool,
    /// Lengths of fields in SEI messages.
    pub lengths: HrdLengths,
}

/// Lengths of fields in SEI messages, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HrdLengths {
    /// `initial_cpb_removal_delay_length_minus1` + 1.
    pub initial_delay: u8,
    /// `cpb_removal_delay_length_minus1` + 1.
    pub cpb_removal_delay: u8,
    /// `dpb_output_delay_length_minus1` + 1.
    pub dpb_output_delay: u8,
    /// `time_offset_length`.
    pub time_offset: u8,
}

/// Limits on reordering and buffering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReorderLimits {
    /// `max_num_reorder_frames`.
    pub max_reorder_frames: u8,
    /// `max_dec_frame_buffering`.
    pub max_buffered_frames: u8,
}

/// Sample aspect ratios by `aspect_ratio_idc`. Table E-1.
pub(super) const ASPECT_RATIOS: [(u16, u16); 17] = [
    (0, 0),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];
/// `Extended_SAR`.
pub(super) const EXTENDED_ASPECT_RATIO: u8 = 255;

impl Vui {
    pub(super) fn parse(reader: &mut SyntaxReader<'_, '_>) -> Result<Self, Error> {
        let mut vui = Self { aspect_ratio: parse_aspect_ratio(reader), ..Self::default() };
        if reader.flag("overscan_info_present_flag") {
            reader.flag("overscan_appropriate_flag");
        }
        vui.signal = parse_signal(reader);
        if reader.flag("chroma_loc_info_present_flag") {
            reader.ue("chroma_sample_loc_type_top_field", 0..=5)?;
            reader.ue("chroma_sample_loc_type_bottom_field", 0..=5)?;
        }
        if reader.flag("timing_info_present_flag") {
            vui.timing = Some(TimingInfo {
                units_in_tick: reader.u(32, "num_units_in_tick"),
                time_scale: reader.u(32, "time_scale"),
                fixed_frame_rate: reader.flag("fixed_frame_rate_flag"),
            });
        }
        for present in ["nal_hrd_parameters_present_flag", "vcl_hrd_parameters_present_flag"] {
            if reader.flag(present) {
                let hrd = parse_hrd(reader)?;
                vui.hrd.get_or_insert(hrd);
            }
        }
        if let Some(hrd) = &mut vui.hrd {
            hrd.low_delay = reader.flag("low_delay_hrd_flag");
        }
        vui.pic_struct_present = reader.flag("pic_struct_present_flag");
        if reader.flag("bitstream_restriction_flag") {
            reader.flag("motion_vectors_over_pic_boundaries_flag");
            reader.ue("max_bytes_per_pic_denom", 0..=16)?;
            reader.ue("max_bits_per_mb_denom", 0..=16)?;
            // Some encoders write 16 for the unlimited range of levels.
            reader.ue("log2_max_mv_length_horizontal", 0..=16)?;
            reader.ue("log2_max_mv_length_vertical", 0..=16)?;
            vui.reorder = Some(ReorderLimits {
                max_reorder_frames: reader.ue8("max_num_reorder_frames", 0..=16)?,
                max_buffered_frames: reader.ue8("max_dec_frame_buffering", 0..=16)?,
            });
        }
        reader.check("vui_parameters")?;
        Ok(vui)
    }
}

fn parse_aspect_ratio(reader: &mut SyntaxReader<'_, '_>) -> Option<(u16, u16)> {
    if !reader.flag("aspect_ratio_info_present_flag") {
        return None;
    }
    let idc = reader.u8(8, "aspect_ratio_idc");
    let ratio = if idc == EXTENDED_ASPECT_RATIO {
        let [width, height] = ["sar_width", "sar_height"].map(|name| reader.u(16, name));
        (u16::try_from(width).ok()?, u16::try_from(height).ok()?)
    } else {
        *ASPECT_RATIOS.get(usize::from(idc))?
    };
    (ratio.0 != 0 && ratio.1 != 0).then_some(ratio)
}

fn parse_signal(reader: &mut SyntaxReader<'_, '_>) -> Option<VideoSignal> {
    if !reader.flag("video_signal_type_present_flag") {
        return None;
    }
    reader.u(3, "video_format");
    let full_range = reader.flag("video_full_range_flag");
    let colour = reader.flag("colour_description_present_flag").then(|| {
        ["colour_primaries", "transfer_characteristics", "matrix_coefficients"]
            .map(|name| reader.u8(8, name))
    });
    Some(VideoSignal { full_range, colour })
}

/// Parses `hrd_parameters`, without the flag that follows the parameters of all schedules.
fn parse_hrd(reader: &mut SyntaxReader<'_, '_>) -> Result<Hrd, Error> {
    let count = reader.ue("cpb_cnt_minus1", 0..=31)?;
    let rate_scale = MIN_RATE_SCALE + reader.u(4, "bit_rate_scale");
    let size_scale = MIN_SIZE_SCALE + reader.u(4, "cpb_size_scale");
    let mut first = None;
    for i in 0..=count as usize {
        let rate = reader.ue(("bit_rate_value_minus1", i), 0..=u32::MAX - 1)?;
        let size = reader.ue(("cpb_size_value_minus1", i), 0..=u32::MAX - 1)?;
        let is_cbr = reader.flag(("cbr_flag", i));
        first.get_or_insert((rate, size, is_cbr));
    }
    let (rate, size, is_cbr) = first.unwrap_or_default();
    let initial_delay = reader.u8(5, "initial_cpb_removal_delay_length_minus1") + 1;
    Ok(Hrd {
        rate_bps: (u64::from(rate) + 1) << rate_scale,
        cpb_bits: (u64::from(size) + 1) << size_scale,
        is_cbr,
        low_delay: false,
        lengths: HrdLengths {
            initial_delay,
            cpb_removal_delay: reader.u8(5, "cpb_removal_delay_length_minus1") + 1,
            dpb_output_delay: reader.u8(5, "dpb_output_delay_length_minus1") + 1,
            time_offset: reader.u8(5, "time_offset_length"),
        },
    })
}

/// Logarithm of the unit of `BitRate`.
pub(super) const MIN_RATE_SCALE: u32 = 6;
/// Logarithm of the unit of `CpbSize`.
pub(super) const MIN_SIZE_SCALE: u32 = 4;
