//! Selected frames of a reference video, each with the frame of the distorted video that a viewer
//! sees at the same time.

use codec_core::frame::Picture;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::source::FrameSource;

use super::Request;
use super::pairs::{Batch, Pairs};

/// Calls `visit` with each frame of `wanted` (ascending numbers): its index in `wanted`, the frame of the reference,
/// and the frame that is visible at its time. The metrics of `request` do not matter.
pub(crate) fn visit_seen(
    reference: &mut dyn FrameSource,
    distorted: &mut dyn FrameSource,
    request: &Request,
    wanted: &[u64],
    mut visit: impl FnMut(usize, &Picture<'_>, &Picture<'_>) -> Result<()>,
) -> Result<()> {
    let mut pairs = Pairs::new(reference, distorted, request, 0);
    let mut batch = Batch::default();
    let mut next = 0;
    while let Some(&frame) = wanted.get(next) {
        if request.stop.is_requested() {
            return Err(Failure::new(Kind::Interrupted, "interrupted"));
        }
        pairs.fill(&mut batch, 1)?;
        let Some(job) = batch.jobs.first() else {
            let message = format!("frame {frame} does not exist");
            return Err(Failure::new(Kind::Input, message));
        };
        if job.frame() == frame {
            visit(next, &job.reference.picture()?, &job.distorted.picture()?)?;
            next += 1;
        }
        pairs.recycle(&mut batch);
    }
    Ok(())
}
