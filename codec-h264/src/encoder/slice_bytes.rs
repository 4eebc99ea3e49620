//! Slices of limited size: each macroblock is written directly after its mode decision, and begins
//! the next slice if it does not fit into the current one.
//!
//! A slice may begin with any macroblock, and a macroblock may use only neighbours in its own
//! slice. The rows are therefore coded one after the other. A macroblock that does not fit becomes
//! the first one of the next slice, and its mode decision is repeated. If it does not fit even into
//! an empty slice, the decision is repeated with a coarser quantiser until it fits.

use super::finish::{Picture, PictureParams};
use super::job::FrameJob;
use super::row::MbCoder;
use super::row_store::RowStore;

/// Codes row `row` of `job` into `store`, and writes it. No NAL unit of a slice has more than
/// `max_bytes`; `out` receives the finished ones.
pub(super) fn code_row(
    job: &FrameJob<'_>,
    params: &PictureParams<'_>,
    (row, max_bytes): (usize, usize),
    store: &mut RowStore,
    picture: &mut Picture,
    out: &mut Vec<u8>,
) {
    store.begin(job.cols);
    let mut coder = MbCoder::new(job, row, job.scratch.take());
    if params.slice_starts[row] == row {
        begin_slice(&mut coder, 0, params, picture, out);
    } else {
        coder.continue_slice(picture.first_of_slice());
    }
    for col in 0..job.cols {
        code_mb(&mut coder, (col, max_bytes), params, store, picture, out);
    }
    job.scratch.give_back(coder.into_scratch());
    if row + 1 == job.rows {
        picture.finish_slice(params, out);
    }
}

/// Ends the slice, unless it is the first of the picture, and begins the next one at `col`.
fn begin_slice(
    coder: &mut MbCoder<'_>,
    col: usize,
    params: &PictureParams<'_>,
    picture: &mut Picture,
    out: &mut Vec<u8>,
) {
    let index = coder.row * params.cols + col;
    if index > 0 {
        picture.finish_slice(params, out);
    }
    picture.begin_slice(params, index);
    coder.begin_slice(col);
}

/// Codes and writes the macroblock at `col`.
fn code_mb(
    coder: &mut MbCoder<'_>,
    (col, max_bytes): (usize, usize),
    params: &PictureParams<'_>,
    store: &mut RowStore,
    picture: &mut Picture,
    out: &mut Vec<u8>,
) {
    /// An octave of the step.
    const COARSER: u8 = 6;
    let mark = store.mark();
    let mut coarser = 0;
    loop {
        coder.begin_mb(col);
        let qp = coder.qp.saturating_add(coarser);
        let is_coarsest = qp >= 51 + COARSER;
        coder.set_qp(qp.min(51));
        let choice = if is_coarsest { coder.decide_grey() } else { coder.decide() };
        coder.keep(&choice, store);
        let index = coder.index();
        let (mb, pending) = (store.last(), store.pending_after(&mark));
        let Some(mb) = mb else { return };
        if picture.try_mb(params, index, mb, &mut { pending }, max_bytes) {
            return coder.pass_on(&choice);
        }
        if !picture.is_slice_empty(params) {
            begin_slice(coder, col, params, picture, out);
        } else if is_coarsest {
            // The settings leave room for this in each slice.
            picture.write_mb(params, index, mb, &mut { pending });
            return coder.pass_on(&choice);
        } else {
            coarser += COARSER;
        }
        store.rewind(&mark);
    }
}
