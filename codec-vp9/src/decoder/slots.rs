//! Decoded frames, the reference slots that hold them, and the reuse of their memory.

use std::sync::Arc;

use codec_core::frame::{AnyFrameBuf, Color, FrameBuf, SampleFormat, Size};

use super::memory::Memory;
use crate::block::sample::Sample;

/// Frames that are kept for reuse: the slots, the one that is decoded, and some at the caller.
const POOLED: usize = 12;
/// Planes have whole superblocks.
const SUPERBLOCK: usize = 64;

/// A decoded frame.
#[derive(Clone, Debug)]
pub struct DecodedFrame {
    /// The samples.
    pub buf: AnyFrameBuf,
    /// Colour description.
    pub color: Color,
}

/// Frames of one sample type that are reused when no one else holds them, and the buffers of the
/// decoder for it.
#[derive(Debug, Default)]
pub(crate) struct Pool<S: Sample> {
    known: Vec<Arc<FrameBuf<S>>>,
    pub(crate) memory: Memory<S>,
}

impl<S: Sample> Pool<S> {
    /// Returns a frame without other holders that contains old samples.
    pub(crate) fn take(&mut self, size: Size, format: SampleFormat) -> Arc<FrameBuf<S>> {
        let is_free = |planes: &mut Arc<FrameBuf<S>>| {
            planes.size() == size && planes.format() == format && Arc::get_mut(planes).is_some()
        };
        match self.known.iter_mut().position(is_free) {
            Some(index) => self.known.remove(index),
            None => Arc::new(FrameBuf::with_format(size, format, SUPERBLOCK)),
        }
    }

    /// Keeps a frame for reuse when all other holders have dropped it. Of too many, the one that was
    /// decoded first is no longer kept: layers of a packet have different sizes.
    pub(crate) fn recycle(&mut self, planes: Arc<FrameBuf<S>>) {
        if self.known.len() == POOLED {
            self.known.remove(0);
        }
        self.known.push(planes);
    }
}

/// The pools of both sample types.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    bits8: Pool<u8>,
    high: Pool<u16>,
}

/// A sample type, with its variant of [`AnyFrameBuf`] and its pool.
pub(crate) trait Stored: Sample {
    fn wrap(planes: Arc<FrameBuf<Self>>) -> AnyFrameBuf;
    fn unwrap(planes: &AnyFrameBuf) -> Option<&FrameBuf<Self>>;
    fn pool(pools: &mut Pools) -> &mut Pool<Self>;
}

impl Stored for u8 {
    fn wrap(planes: Arc<FrameBuf<Self>>) -> AnyFrameBuf {
        AnyFrameBuf::Bits8(planes)
    }
    fn unwrap(planes: &AnyFrameBuf) -> Option<&FrameBuf<Self>> {
        match planes {
            AnyFrameBuf::Bits8(planes) => Some(planes),
            AnyFrameBuf::High(_) => None,
        }
    }
    fn pool(pools: &mut Pools) -> &mut Pool<Self> {
        &mut pools.bits8
    }
}

impl Stored for u16 {
    fn wrap(planes: Arc<FrameBuf<Self>>) -> AnyFrameBuf {
        AnyFrameBuf::High(planes)
    }
    fn unwrap(planes: &AnyFrameBuf) -> Option<&FrameBuf<Self>> {
        match planes {
            AnyFrameBuf::Bits8(_) => None,
            AnyFrameBuf::High(planes) => Some(planes),
        }
    }
    fn pool(pools: &mut Pools) -> &mut Pool<Self> {
        &mut pools.high
    }
}
