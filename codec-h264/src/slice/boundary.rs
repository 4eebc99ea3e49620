//! Detection of the first slice of a picture. ITU-T H.264, clause 7.4.1.2.4.

use super::header::SliceHeader;

/// Returns whether `next` belongs to another picture than `last`, the slice before it.
#[must_use]
pub fn begins_picture(last: &SliceHeader, next: &SliceHeader) -> bool {
    last.frame_num != next.frame_num
        || last.pps_id != next.pps_id
        || last.structure != next.structure
        || (last.nal_ref_idc == 0) != (next.nal_ref_idc == 0)
        || last.is_idr != next.is_idr
        || (last.is_idr && last.idr_pic_id != next.idr_pic_id)
        || last.poc_lsb != next.poc_lsb
        || last.delta_poc_bottom != next.delta_poc_bottom
        || last.delta_poc != next.delta_poc
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slice::PictureStructure;

    #[test]
    fn slices_of_a_picture_share_numbers_structure_and_order() {
        let slice = SliceHeader { nal_ref_idc: 1, ..SliceHeader::default() };
        let begins = |change: fn(&mut SliceHeader)| {
            let mut next = slice.clone();
            change(&mut next);
            begins_picture(&slice, &next)
        };
        assert!(!begins(|next| next.nal_ref_idc = 3));
        assert!(!begins(|next| (next.first_mb, next.qp, next.idr_pic_id) = (7, 9, 1)));
        assert!(begins(|next| next.frame_num = 1));
        assert!(begins(|next| next.pps_id = 1));
        assert!(begins(|next| next.structure = PictureStructure::TopField));
        assert!(begins(|next| next.nal_ref_idc = 0));
        assert!(begins(|next| next.is_idr = true));
        assert!(begins(|next| next.poc_lsb = 2));
        assert!(begins(|next| next.delta_poc_bottom = 1));
        assert!(begins(|next| next.delta_poc = [0, 1]));
        let idr = SliceHeader { is_idr: true, ..slice.clone() };
        assert!(begins_picture(&idr, &SliceHeader { idr_pic_id: 1, ..idr.clone() }));
    }
}
