//! The encoder of a stream: of one size, or of several sizes (simulcast).

use std::time::Duration;

use codec_core::codec::{Bitrate, FrameRequest, Outcome, Packet, Update, VideoEncoder};
use codec_core::frame::Picture;
use codec_core::simulcast::{LayerOutcome, LayerState, SimulcastEncoder};

use crate::failure::{Failure, Result};
use crate::live::output::LiveOutput;

/// The encoder of a stream.
pub(super) enum LiveEncoder {
    /// One size.
    Single(Box<dyn VideoEncoder>),
    /// Several sizes.
    Simulcast(Box<SimulcastEncoder>),
}

/// The outcome of a frame in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameOutcome {
    Coded,
    Dropped,
    /// The layer does not run.
    Idle,
}

impl LiveEncoder {
    /// The codec configuration, of the highest layer.
    pub(super) fn codec_private(&self) -> Vec<u8> {
        match self {
            Self::Single(encoder) => encoder.codec_private(),
            Self::Simulcast(encoder) => {
                let highest = encoder.layers().count().saturating_sub(1);
                encoder.codec_private(highest).unwrap_or_default()
            }
        }
    }

    /// The layers of simulcast, the lowest first; empty for one size.
    pub(super) fn layers(&self) -> Vec<LayerState> {
        match self {
            Self::Single(_) => Vec::new(),
            Self::Simulcast(encoder) => encoder.layers().collect(),
        }
    }

    /// Encodes a frame, with the key frames that the receiver of `output` requests; returns its outcome in each layer.
    pub(super) fn encode(
        &mut self,
        picture: &Picture<'_>,
        request: &FrameRequest,
        (output, now): (&dyn LiveOutput, Duration),
    ) -> Result<Vec<FrameOutcome>> {
        let buffers =
            || Failure::usage("this encoder buffers frames, so it cannot be used in real time");
        match self {
            Self::Single(encoder) => {
                match encoder.encode(picture, request).map_err(Failure::encoding)? {
                    Outcome::Coded => Ok(vec![FrameOutcome::Coded]),
                    Outcome::Dropped { .. } => Ok(vec![FrameOutcome::Dropped]),
                    _ => Err(buffers()),
                }
            }
            Self::Simulcast(encoder) => {
                for layer in 0..encoder.layers().count() {
                    if output.wants_key_frame(now, layer) {
                        encoder.request_key_frame(layer).map_err(Failure::encoding)?;
                    }
                }
                let outcomes = encoder.encode(picture, request).map_err(Failure::encoding)?;
                let of = |outcome: &LayerOutcome| match outcome {
                    LayerOutcome::Coded => Ok(FrameOutcome::Coded),
                    LayerOutcome::Dropped { .. } => Ok(FrameOutcome::Dropped),
                    LayerOutcome::Idle(_) => Ok(FrameOutcome::Idle),
                    _ => Err(buffers()),
                };
                outcomes.iter().map(of).collect()
            }
        }
    }

    /// Moves the next packet into `packet`; returns its layer, 0 for one size.
    pub(super) fn receive(&mut self, packet: &mut Packet) -> Option<usize> {
        match self {
            Self::Single(encoder) => encoder.receive(packet).then_some(0),
            Self::Simulcast(encoder) => encoder.receive(packet),
        }
    }

    /// Sets the bitrate, of all layers together; `stable` is the capacity that the link has had for some time.
    pub(super) fn set_bitrate(&mut self, total: Bitrate, stable: Bitrate) -> Result<()> {
        match self {
            Self::Single(_) => self.apply(Update::Bitrate(total)),
            Self::Simulcast(encoder) => {
                encoder.set_bitrate(total, stable).map_err(Failure::encoding)
            }
        }
    }

    /// Switches layers off that the receiver does not take.
    pub(super) fn accept(&mut self, accepted: &[bool]) -> Result<()> {
        let Self::Simulcast(encoder) = self else { return Ok(()) };
        for (layer, is_accepted) in accepted.iter().enumerate() {
            encoder.set_active(layer, *is_accepted).map_err(Failure::encoding)?;
        }
        Ok(())
    }

    /// Changes a setting, of all layers.
    pub(super) fn apply(&mut self, update: Update) -> Result<()> {
        match self {
            Self::Single(encoder) => encoder.apply(update),
            Self::Simulcast(encoder) => encoder.apply(update),
        }
        .map(drop)
        .map_err(Failure::encoding)
    }
}
