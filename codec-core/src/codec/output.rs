//! Iterators over the output of encoders and decoders, as an alternative to `receive`.

use super::{Packet, VideoDecoder, VideoEncoder};
use crate::frame::Frame;

/// The packets that an encoder has ready. See [`VideoEncoder`]'s `packets`.
#[derive(Debug)]
pub struct Packets<'a>(&'a mut (dyn VideoEncoder + 'a));

impl Iterator for Packets<'_> {
    type Item = Packet;

    fn next(&mut self) -> Option<Packet> {
        let mut packet = Packet::default();
        self.0.receive(&mut packet).then_some(packet)
    }
}

impl dyn VideoEncoder + '_ {
    /// Iterates over the finished packets, until the encoder needs another picture. Each packet
    /// has memory of its own; [`VideoEncoder::receive`] reuses the memory of the caller's packet.
    ///
    /// ```
    /// use codec_core::codec::{FrameRequest, VideoEncoder};
    /// use codec_core::frame::Picture;
    ///
    /// fn encode(
    ///     encoder: &mut dyn VideoEncoder,
    ///     picture: &Picture<'_>,
    ///     pts: i64,
    /// ) -> Result<usize, codec_core::Error> {
    ///     encoder.encode(picture, &FrameRequest::at(pts))?;
    ///     Ok(encoder.packets().map(|packet| packet.data.len()).sum())
    /// }
    /// ```
    pub fn packets(&mut self) -> Packets<'_> {
        Packets(self)
    }
}

/// The frames that a decoder has ready. See [`VideoDecoder`]'s `frames`.
#[derive(Debug)]
pub struct Frames<'a>(&'a mut (dyn VideoDecoder + 'a));

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        self.0.receive()
    }
}

impl dyn VideoDecoder + '_ {
    /// Iterates over the decoded frames, until the decoder needs another packet.
    ///
    /// ```
    /// use codec_core::codec::VideoDecoder;
    ///
    /// fn decode(decoder: &mut dyn VideoDecoder, data: &[u8]) -> Result<usize, codec_core::Error> {
    ///     decoder.decode(data, 0, None)?;
    ///     Ok(decoder.frames().count())
    /// }
    /// ```
    pub fn frames(&mut self) -> Frames<'_> {
        Frames(self)
    }
}
