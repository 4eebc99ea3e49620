//! Writes and deblocks finished rows in order, while other threads make the mode decisions of later rows.

use std::sync::{Mutex, PoisonError};

use codec_core::codec::Packet;
use codec_core::frame::FrameBuf;

use super::attempts::Bits;
use super::finish::{Picture, PictureParams};
use super::job::FrameJob;
use super::row_store::RowStore;

/// Writes and deblocks coded rows in their order, on whichever thread has time for it. Ends the frame early if the
/// first two thirds of it take more bits than a limit.
pub(super) struct Behind<'a> {
    picture: &'a mut Picture,
    frame: &'a mut FrameBuf,
    packet: &'a mut Packet,
    /// Bits above which the rest of the frame is not coded.
    limit: Option<u64>,
    /// The next row.
    next: usize,
    /// The estimated bits of a frame that was ended.
    estimate: Option<u64>,
}

impl<'a> Behind<'a> {
    pub(super) fn new(
        picture: &'a mut Picture,
        frame: &'a mut FrameBuf,
        packet: &'a mut Packet,
        limit: Option<u64>,
    ) -> Self {
        Self { picture, frame, packet, limit, next: 0, estimate: None }
    }

    /// Adds all rows that are coded. The row after which the frame is ended does not depend on the threads.
    pub(super) fn advance(
        &mut self,
        params: &PictureParams<'_>,
        job: &FrameJob<'_>,
        stores: &[Mutex<RowStore>],
    ) {
        while self.estimate.is_none() && self.next < job.rows && job.wave.is_complete(self.next) {
            let store = stores[self.next].lock().unwrap_or_else(PoisonError::into_inner);
            let data = &mut self.packet.data;
            let open = self.picture.add_row(params, self.next, &store, self.frame, data);
            self.next += 1;
            let bits = 8 * (data.len() + open) as u64;
            if self.limit.is_some_and(|limit| bits > limit) {
                self.estimate = job.estimated_bits(self.next, bits);
                if self.estimate.is_some() {
                    job.end();
                }
            }
        }
    }

    /// Completes the frame, whose rows are all added, and returns its bits; of a frame that was ended, an estimate.
    pub(super) fn finish(self) -> Bits {
        if let Some(bits) = self.estimate {
            return Bits::Estimated(bits);
        }
        self.frame.extend_borders();
        Bits::Counted(8 * self.packet.data.len() as u64)
    }
}
