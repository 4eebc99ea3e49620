//! Decides when decoded frames are output. ITU-T H.264, clause C.4.

use codec_core::codec::OutputOrder;

use super::stored::Store;
use crate::params::{PocType, Sps};

/// Profiles whose streams with `constraint_set3_flag` have only intra pictures.
const INTRA_PROFILES: [u8; 6] = [44, 86, 100, 110, 122, 244];
/// Profiles without B slices: Baseline.
const BASELINE: u8 = 66;

/// Decides how many frames wait for earlier ones.
#[derive(Clone, Copy, Debug)]
pub struct OutputPolicy {
    order: OutputOrder,
    /// Number of frames that may wait, if known.
    reorder: Option<usize>,
    /// Number of frames in the decoded picture buffer.
    capacity: usize,
    /// Picture order count of the last frame that was output since the last reset.
    last_poc: Option<i32>,
}

impl OutputPolicy {
    /// Creates the policy of a stream.
    #[must_use]
    pub fn new(order: OutputOrder, sps: &Sps) -> Self {
        let limits = sps.vui.as_ref().and_then(|vui| vui.reorder);
        let references = usize::from(sps.max_num_ref_frames);
        let capacity = match limits {
            Some(limits) => usize::from(limits.max_buffered_frames).max(references),
            None => sps.max_dpb_frames(),
        };
        let is_intra = INTRA_PROFILES.contains(&sps.profile_idc) && sps.constraint(3);
        let in_order = sps.poc_type == PocType::DecodingOrder || is_intra;
        let reorder = match (order, limits) {
            (OutputOrder::Decode, _) => Some(0),
            (_, Some(limits)) => Some(usize::from(limits.max_reorder_frames)),
            (_, None) if in_order => Some(0),
            // Without B slices, streams that reorder frames exist only in theory.
            (OutputOrder::LowDelay, None) if sps.profile_idc == BASELINE => Some(0),
            (_, None) => None,
        };
        Self { order, reorder, capacity: capacity.max(1), last_poc: None }
    }

    /// Starts a new sequence of picture order counts.
    pub fn reset(&mut self) {
        self.last_poc = None;
    }

    /// Returns the next frame to output, after a frame was completed. Call it until it returns
    /// `None`, and remove unused frames after each call.
    pub fn next<P>(&mut self, store: &Store<P>) -> Option<usize> {
        let waiting = store.waiting();
        let too_many = match (self.order, self.reorder) {
            (_, Some(reorder)) => waiting > reorder,
            (OutputOrder::LowDelay, None) => waiting > 0,
            _ => false,
        };
        let is_full = store.frames().len() > self.capacity;
        if !too_many && !is_full {
            return None;
        }
        let index = store.next_output()?;
        let poc = store.frames()[index].poc();
        let is_late = self.last_poc.is_some_and(|last| poc < last);
        self.last_poc = Some(poc);
        if self.order == OutputOrder::LowDelay && is_late {
            // The stream reorders frames more than it has so far.
            self.reorder = Some((self.reorder.unwrap_or(0) + 1).min(self.capacity));
        }
        Some(index)
    }
}
