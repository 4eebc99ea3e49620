//! Opens the VP9 encoder: connects [`FrameEncoder`], which codes single frames, with the rate
//! control and layers that all codecs share (`codec_core::encoder`).

use std::sync::Arc;

use codec_core::analysis::FrameAnalysis;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{EncoderConfig, Packet, VideoEncoder};
use codec_core::encoder::{
    CodecDescription, Encoder, FrameCoder, FrameReport, LayerCoder, LayerInput, SpatialEncoder,
    UnchangedStats,
};
use codec_core::error::Error;
use codec_core::frame::{FrameBuf, Picture, Size};
use codec_core::parallel::Pool;

use super::description::VP9;
use super::{FrameEncoder, FrameKnobs, FrameSettings};

/// The native VP9 encoder: [`FrameEncoder`] with rate control and layers.
pub type Vp9Encoder = Encoder<FrameEncoder>;

/// The native VP9 encoder for several spatial layers.
pub type Vp9SpatialEncoder = SpatialEncoder<FrameEncoder>;

/// Opens the native VP9 encoder, registered as `vp9/native`.
///
/// # Errors
/// Returns the errors of [`Encoder::new`].
pub fn open(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    match config.scalability.spatial_layers() {
        1 => Ok(Box::new(Vp9Encoder::new(config)?)),
        _ => Ok(Box::new(Vp9SpatialEncoder::new(config)?)),
    }
}

impl FrameCoder for FrameEncoder {
    type Knobs = FrameKnobs;

    fn codec() -> &'static CodecDescription {
        &VP9
    }

    fn open(config: &EncoderConfig, knobs: FrameKnobs) -> Result<Self, Error> {
        Self::new(&FrameSettings {
            size: config.size,
            knobs,
            preset: config.preset,
            info: config.info,
            error_resilient: config.error_resilient,
            pool: config.pool.clone(),
            simd: config.simd,
            report_sse: config.report_psnr,
            report_digest: config.report_digest,
            stages: config.stages.clone(),
        })
    }

    fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedStats {
        self.add_input(analysis);
        UnchangedStats::default()
    }

    fn encode_frame(
        &mut self,
        picture: &Picture<'_>,
        plan: &FramePlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error> {
        self.encode_frame(picture, plan, analysis, packet)
    }

    fn resize(&mut self, size: Size) -> Result<(), Error> {
        self.resize(size)
    }

    fn set_knobs(&mut self, knobs: FrameKnobs) -> Result<(), Error> {
        self.set_knobs(knobs)
    }

    fn set_pool(&mut self, pool: Option<Arc<dyn Pool>>) {
        self.set_pool(pool);
    }
}

impl LayerCoder for FrameEncoder {
    fn set_layer(&mut self, id: u8) {
        self.set_layer(id);
    }

    fn set_input(&mut self, input: LayerInput) {
        self.set_layer_input(input);
    }

    fn follow_motion(&mut self, lower: &Self) {
        self.follow_motion_of(lower);
    }

    fn reconstruction(&self) -> Option<Arc<FrameBuf>> {
        self.layer_reconstruction()
    }
}
