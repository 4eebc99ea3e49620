//! A source whose frames pass a filter.

use super::source::{Damage, FrameSource, RateChanges, SourceFrame, StreamInfo};
use crate::failure::Result;

/// Changes the frames of a source.
pub(super) trait FrameFilter {
    /// The next frame, in memory of the filter or of the source; the filter reads as many frames of the source as it
    /// requires.
    ///
    /// # Errors
    /// If the input is damaged or cannot be read.
    fn next<'a>(&'a mut self, source: &'a mut dyn FrameSource) -> Result<Option<SourceFrame<'a>>>;

    /// The changes so far if the filter converts the frame rate.
    fn rate_changes(&self) -> Option<RateChanges> {
        None
    }
}

/// A source and its filter.
struct FilteredSource<F> {
    source: Box<dyn FrameSource>,
    stream_info: StreamInfo,
    filter: F,
}

/// Returns `source` with filtered frames, which `stream_info` describes.
pub(super) fn filtered<F: FrameFilter + 'static>(
    source: Box<dyn FrameSource>,
    stream_info: StreamInfo,
    filter: F,
) -> Box<dyn FrameSource> {
    Box::new(FilteredSource { source, stream_info, filter })
}

impl<F: FrameFilter> FrameSource for FilteredSource<F> {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    #[cfg(feature = "net")]
    fn wait(&mut self, most: std::time::Duration) -> Result<bool> {
        self.source.wait(most)
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        self.filter.next(&mut *self.source)
    }

    fn damage(&self) -> Damage {
        self.source.damage()
    }

    fn coded_bytes(&self) -> u64 {
        self.source.coded_bytes()
    }

    fn start_ns(&self) -> Option<i64> {
        self.source.start_ns()
    }

    fn rate_changes(&self) -> Option<RateChanges> {
        self.filter.rate_changes().or_else(|| self.source.rate_changes())
    }
}
