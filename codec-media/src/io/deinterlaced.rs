//! Deinterlaces the frames of a source.

use std::mem;

use codec_core::frame::FieldOrder;

use super::filtered::{FrameFilter, filtered};
use super::source::{FrameSource, SourceFrame};
use crate::failure::{Failure, Result};
use crate::frame::deinterlace::{Deinterlacer, Neighbours};
use crate::frame::planes::Planes;
use crate::values::Deinterlace;

/// A frame of the source.
#[derive(Debug, Default)]
struct Held {
    planes: Planes,
    pts: i64,
    duration: Option<u64>,
}

/// Removes interlacing. It reads one frame ahead.
struct Deinterlacing {
    /// Whether frames that are not marked as interlaced are deinterlaced too.
    takes_all: bool,
    filter: Deinterlacer,
    previous: Held,
    current: Held,
    next: Held,
    /// Number of frames returned.
    count: u64,
    /// Whether `next` holds a frame.
    has_next: bool,
    /// The error that ends the source, returned after the frames before it.
    failure: Option<Failure>,
    out: Planes,
}

/// Returns `source`, deinterlaced as `mode` says.
pub(crate) fn deinterlaced(
    source: Box<dyn FrameSource>,
    mode: Deinterlace,
) -> Box<dyn FrameSource> {
    if mode == Deinterlace::Off {
        return source;
    }
    let mut stream_info = source.stream_info().clone();
    stream_info.info.field_order = FieldOrder::Progressive;
    filtered(source, stream_info, Deinterlacing::new(mode == Deinterlace::On))
}

impl Deinterlacing {
    fn new(takes_all: bool) -> Self {
        Self {
            takes_all,
            filter: Deinterlacer::default(),
            previous: Held::default(),
            current: Held::default(),
            next: Held::default(),
            count: 0,
            has_next: false,
            failure: None,
            out: Planes::default(),
        }
    }

    /// Reads a frame into `next`.
    fn read(&mut self, source: &mut dyn FrameSource) {
        self.has_next = false;
        if self.failure.is_some() {
            return;
        }
        match source.next() {
            Ok(Some(frame)) => {
                self.next.planes.copy_from(&frame.picture);
                (self.next.pts, self.next.duration) = (frame.pts, frame.duration);
                self.has_next = true;
            }
            Ok(None) => {}
            Err(failure) => self.failure = Some(failure),
        }
    }
}

impl FrameFilter for Deinterlacing {
    fn next<'a>(&'a mut self, source: &'a mut dyn FrameSource) -> Result<Option<SourceFrame<'a>>> {
        let is_first = self.count == 0;
        if is_first {
            self.read(source);
        }
        if !self.has_next {
            return self.failure.take().map_or(Ok(None), Err);
        }
        mem::swap(&mut self.previous, &mut self.current);
        mem::swap(&mut self.current, &mut self.next);
        self.count += 1;
        self.read(source);
        let current = &self.current.planes;
        let usable = |held: &'_ Held| held.planes.size == current.size;
        let is_interlaced = current.info.field_order.is_interlaced();
        let planes = if is_interlaced || self.takes_all {
            let has_previous = !is_first && usable(&self.previous);
            let previous = if has_previous { &self.previous.planes } else { current };
            let has_next = self.has_next && usable(&self.next);
            let next = if has_next { &self.next.planes } else { current };
            self.filter.frame(current, Neighbours { previous, next }, &mut self.out);
            &self.out
        } else {
            current
        };
        let Held { pts, duration, .. } = self.current;
        Ok(Some(SourceFrame { picture: planes.picture()?, pts, duration }))
    }
}
