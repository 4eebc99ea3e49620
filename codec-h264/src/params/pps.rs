//! Picture parameter sets. ITU-T H.264, clause 7.3.2.2.

use codec_core::error::Error;

use super::{ScalingMatrices, Sps};
use crate::syntax::{SyntaxReader, SyntaxTrace};

/// A picture parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the syntax")]
pub struct Pps {
    /// `pic_parameter_set_id`: 0 to 255.
    pub id: u8,
    /// `seq_parameter_set_id`: 0 to 31.
    pub sps_id: u8,
    /// `entropy_coding_mode_flag`: CABAC instead of CAVLC.
    pub cabac: bool,
    /// `bottom_field_pic_order_in_frame_present_flag`.
    pub bottom_field_poc_present: bool,
    /// `num_ref_idx_l0_default_active_minus1` + 1 and the same of list 1: 1 to 32.
    pub default_ref_counts: [u8; 2],
    /// `weighted_pred_flag`: explicit weights in P slices.
    pub weighted_pred: bool,
    /// `weighted_bipred_idc`: 0 none, 1 explicit, 2 implicit weights in B slices.
    pub weighted_bipred_idc: u8,
    /// `pic_init_qp_minus26` + 26.
    pub init_qp: i8,
    /// `chroma_qp_index_offset` (Cb) and `second_chroma_qp_index_offset` (Cr): -12 to 12.
    pub chroma_qp_offsets: [i8; 2],
    /// `deblocking_filter_control_present_flag`.
    pub deblocking_control_present: bool,
    /// `constrained_intra_pred_flag`.
    pub constrained_intra_pred: bool,
    /// `redundant_pic_cnt_present_flag`.
    pub redundant_pic_count_present: bool,
    /// `transform_8x8_mode_flag`.
    pub transform_8x8: bool,
    /// Scaling matrices after fall-back rule B and the matrices of the sequence parameter set.
    pub scaling: Box<ScalingMatrices>,
}

/// Returns the ids of a picture parameter set and of its sequence parameter set.
///
/// # Errors
/// [`Error::Corrupt`] if they are out of range.
pub(super) fn parse_ids(rbsp: &[u8]) -> Result<(u8, u8), Error> {
    let mut reader = SyntaxReader::new(rbsp, None);
    let id = reader.ue8("pic_parameter_set_id", 0..=255)?;
    Ok((id, reader.ue8("seq_parameter_set_id", 0..=31)?))
}

impl Pps {
    /// Parses an unescaped payload whose sequence parameter set is `sps`; `trace` receives the
    /// syntax elements.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if a value is out of range; [`Error::Unsupported`] for slice groups.
    pub fn parse(rbsp: &[u8], sps: &Sps, trace: Option<&mut SyntaxTrace>) -> Result<Self, Error> {
        let mut reader = SyntaxReader::new(rbsp, trace);
        let id = reader.ue8("pic_parameter_set_id", 0..=255)?;
        let sps_id = reader.ue8("seq_parameter_set_id", 0..=31)?;
        let cabac = reader.flag("entropy_coding_mode_flag");
        let bottom_field_poc_present = reader.flag("bottom_field_pic_order_in_frame_present_flag");
        if reader.ue("num_slice_groups_minus1", 0..=7)? > 0 {
            return Err(Error::unsupported("flexible macroblock ordering (slice groups)"));
        }
        let default_ref_counts = [
            reader.ue8("num_ref_idx_l0_default_active_minus1", 0..=31)? + 1,
            reader.ue8("num_ref_idx_l1_default_active_minus1", 0..=31)? + 1,
        ];
        let weighted_pred = reader.flag("weighted_pred_flag");
        let weighted_bipred_idc = reader.u8(2, "weighted_bipred_idc");
        if weighted_bipred_idc > 2 {
            return Err(reader.corrupt("a valid weighted_bipred_idc"));
        }
        // -(26 + QpBdOffset) to 25; offsets are up to 36.
        let init_qp = reader.se8("pic_init_qp_minus26", -62..=25)? + 26;
        reader.se("pic_init_qs_minus26", -26..=25)?;
        let chroma_qp_offset = reader.se8("chroma_qp_index_offset", -12..=12)?;
        let mut pps = Self {
            id,
            sps_id,
            cabac,
            bottom_field_poc_present,
            default_ref_counts,
            weighted_pred,
            weighted_bipred_idc,
            init_qp,
            chroma_qp_offsets: [chroma_qp_offset; 2],
            deblocking_control_present: reader.flag("deblocking_filter_control_present_flag"),
            constrained_intra_pred: reader.flag("constrained_intra_pred_flag"),
            redundant_pic_count_present: reader.flag("redundant_pic_cnt_present_flag"),
            transform_8x8: false,
            scaling: sps.scaling.clone().unwrap_or_default(),
        };
        reader.check("pic_parameter_set")?;
        if reader.has_more() {
            pps.parse_extension(&mut reader, sps)?;
        }
        Ok(pps)
    }

    /// Parses the elements that only High profiles have.
    fn parse_extension(
        &mut self,
        reader: &mut SyntaxReader<'_, '_>,
        sps: &Sps,
    ) -> Result<(), Error> {
        self.transform_8x8 = reader.flag("transform_8x8_mode_flag");
        if reader.flag("pic_scaling_matrix_present_flag") {
            let full = if sps.chroma_format_idc == 3 { 6 } else { 2 };
            let count_8x8 = if self.transform_8x8 { full } else { 0 };
            let present_flag = "pic_scaling_list_present_flag";
            *self.scaling = match &sps.scaling {
                Some(fall_back) => {
                    ScalingMatrices::parse(reader, present_flag, count_8x8, fall_back)?
                }
                None => {
                    let fall_back = ScalingMatrices::standard();
                    ScalingMatrices::parse(reader, present_flag, count_8x8, &fall_back)?
                }
            };
        }
        self.chroma_qp_offsets[1] = reader.se8("second_chroma_qp_index_offset", -12..=12)?;
        Ok(())
    }
}
