//! The syntax elements of a slice header. ITU-T H.264, clause 7.3.3.

use crate::fixed_list::FixedList;

/// Maximum number of entries of a reference list: 32 fields, or 16 frames.
pub const MAX_REFS: usize = 32;
/// Maximum number of changes of a reference list.
pub const MAX_LIST_CHANGES: usize = 32;
/// Maximum number of memory management operations in a slice header.
pub const MAX_MMCO: usize = 66;

/// Slice types that are decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum SliceType {
    P,
    B,
    #[default]
    I,
}

/// Whether a picture is a frame or one of its fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say all")]
pub enum PictureStructure {
    #[default]
    Frame,
    TopField,
    BottomField,
}

impl PictureStructure {
    /// Returns whether the picture is a field.
    #[inline]
    #[must_use]
    pub fn is_field(self) -> bool {
        self != Self::Frame
    }

    /// Returns the field of the other parity; a frame for a frame.
    #[inline]
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Frame => Self::Frame,
            Self::TopField => Self::BottomField,
            Self::BottomField => Self::TopField,
        }
    }
}

/// A parsed slice header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SliceHeader {
    /// `nal_ref_idc`: 0 if no other picture refers to this one.
    pub nal_ref_idc: u8,
    /// Whether the NAL unit is a slice of an IDR picture.
    pub is_idr: bool,
    /// `first_mb_in_slice`, as coded: in MBAFF frames the number of a macroblock pair.
    pub first_mb: u32,
    /// `slice_type` modulo 5.
    pub slice_type: SliceType,
    /// `pic_parameter_set_id`.
    pub pps_id: u8,
    /// `frame_num`.
    pub frame_num: u32,
    /// `field_pic_flag` and `bottom_field_flag`.
    pub structure: PictureStructure,
    /// Whether this is a frame with `mb_adaptive_frame_field_flag`.
    pub is_mbaff: bool,
    /// `idr_pic_id`.
    pub idr_pic_id: u32,
    /// `pic_order_cnt_lsb`.
    pub poc_lsb: u32,
    /// `delta_pic_order_cnt_bottom`.
    pub delta_poc_bottom: i32,
    /// `delta_pic_order_cnt`.
    pub delta_poc: [i32; 2],
    /// `redundant_pic_cnt`.
    pub redundant_pic_count: u32,
    /// `direct_spatial_mv_pred_flag`.
    pub direct_spatial: bool,
    /// Number of entries of each reference list; 0 if the slice type does not use it.
    pub ref_counts: [u8; 2],
    /// `ref_pic_list_modification`: changes of each list, in order.
    pub list_changes: [FixedList<ListChange, MAX_LIST_CHANGES>; 2],
    /// `pred_weight_table`, if the slice has one.
    pub weights: Option<PredWeights>,
    /// `dec_ref_pic_marking`; `None` if `nal_ref_idc` is 0.
    pub marking: Option<RefMarking>,
    /// Memory management operations, in order, if `marking` is [`RefMarking::Adaptive`].
    pub mmco: FixedList<Mmco, MAX_MMCO>,
    /// `cabac_init_idc`: 0 to 2. Not used in I slices.
    pub cabac_init_idc: u8,
    /// `SliceQPY`: `pic_init_qp` and `slice_qp_delta`, 0 to 51.
    pub qp: u8,
    /// Parameters of the deblocking filter.
    pub deblocking: Deblocking,
    /// Position of `slice_data` in the unescaped payload, in bits after the NAL header.
    pub data_offset_bits: usize,
}

/// An operation of `ref_pic_list_modification`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// `modification_of_pic_nums_idc` 0 and 1: the signed difference of picture numbers.
    PicNum(i32),
    /// 2: `long_term_pic_num`.
    LongTerm(u32),
}

impl Default for ListChange {
    fn default() -> Self {
        Self::PicNum(0)
    }
}

/// Weight and offset of a prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub struct Weight {
    pub weight: i16,
    pub offset: i16,
}

/// Weights of a reference list entry; the default weight and offset 0 if the syntax has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WeightEntry {
    /// Weight of luma.
    pub luma: Weight,
    /// Weights of Cb and Cr.
    pub chroma: [Weight; 2],
    /// `luma_weight_flag`.
    pub has_luma: bool,
    /// `chroma_weight_flag`.
    pub has_chroma: bool,
}

/// `pred_weight_table`. ITU-T H.264, clause 7.3.3.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredWeights {
    /// `luma_log2_weight_denom`: 0 to 7.
    pub luma_log2_denom: u8,
    /// `chroma_log2_weight_denom`: 0 to 7.
    pub chroma_log2_denom: u8,
    /// The entries of both lists.
    pub entries: [[WeightEntry; MAX_REFS]; 2],
}

/// `dec_ref_pic_marking`. ITU-T H.264, clause 7.3.3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefMarking {
    /// An IDR picture.
    Idr {
        /// `no_output_of_prior_pics_flag`.
        no_output_of_prior: bool,
        /// `long_term_reference_flag`.
        long_term: bool,
    },
    /// The oldest short-term reference leaves.
    SlidingWindow,
    /// The memory management operations of the slice header.
    Adaptive,
}

/// A `memory_management_control_operation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mmco {
    /// 1: a short-term picture becomes unused; `difference_of_pic_nums_minus1` + 1.
    ShortUnused {
        /// Difference of picture numbers to the current one.
        pic_num_diff: u32,
    },
    /// 2: a long-term picture becomes unused.
    LongUnused {
        /// `long_term_pic_num`.
        long_pic_num: u32,
    },
    /// 3: a short-term picture becomes a long-term one.
    ShortToLong {
        /// Difference of picture numbers to the current one.
        pic_num_diff: u32,
        /// `long_term_frame_idx`.
        index: u32,
    },
    /// 4: long-term indices from `count` on become unused.
    MaxLongIndex {
        /// `max_long_term_frame_idx_plus1`.
        count: u32,
    },
    /// 5: all references become unused.
    #[default]
    Reset,
    /// 6: the current picture becomes a long-term reference.
    CurrentToLong {
        /// `long_term_frame_idx`.
        index: u32,
    },
}

/// Parameters of the deblocking filter in a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deblocking {
    /// `disable_deblocking_filter_idc`: 0 filter, 1 no filter, 2 not across slice edges.
    pub disable_idc: u8,
    /// Twice `slice_alpha_c0_offset_div2`: -12 to 12.
    pub alpha_offset: i8,
    /// Twice `slice_beta_offset_div2`: -12 to 12.
    pub beta_offset: i8,
}
