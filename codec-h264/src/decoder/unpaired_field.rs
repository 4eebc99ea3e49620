//! Completes frames of which only one field was decoded.

use std::sync::Arc;

use codec_core::frame::{FrameBuf, FramePool};

use crate::references::FieldSet;
use crate::slice::PictureStructure;

/// Returns a copy of `samples` in which the decoded field replaces the missing one; `None` if `decoded` is not a single
/// field. (In `samples` itself, the lines of the missing field are from an older frame.)
pub(super) fn repeat_field(
    samples: &FrameBuf,
    decoded: FieldSet,
    pool: &mut FramePool,
) -> Option<Arc<FrameBuf>> {
    let fields = [PictureStructure::TopField, PictureStructure::BottomField].map(FieldSet::of);
    let first = fields.into_iter().position(|field| field == decoded)?;
    let mut repeated = pool.take();
    for (index, mut plane) in Arc::get_mut(&mut repeated)?.planes_mut().into_iter().enumerate() {
        let source = samples.plane(index);
        for y in 0..plane.layout().height {
            plane.row_mut(y).copy_from_slice(source.row(y & !1 | first));
        }
    }
    pool.recycle(repeated.clone());
    Some(repeated)
}
