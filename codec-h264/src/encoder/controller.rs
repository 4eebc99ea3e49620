//! Opens the H.264 encoder: connects [`FrameEncoder`], which codes single frames, with the rate
//! control and look-ahead that all codecs share (`codec_core::encoder`).

use std::sync::Arc;

use codec_core::analysis::FrameAnalysis;
use codec_core::codec::plan::{DecoderBuffer, FramePlan};
use codec_core::codec::{EncoderConfig, Packet, Preset, RateControl, VideoEncoder};
use codec_core::encoder::{CodecDescription, Encoder, FrameCoder, FrameReport, UnchangedStats};
use codec_core::error::Error;
use codec_core::frame::{Picture, Size};
use codec_core::parallel::Pool;
use codec_core::rate::Buffer;

use super::description::H264;
use super::{FrameEncoder, FrameKnobs, FrameSettings};

/// The native H.264 encoder: [`FrameEncoder`] with rate control, layers and look-ahead.
pub type H264Encoder = Encoder<FrameEncoder>;

/// Opens the native H.264 encoder, registered as `h264/native`.
///
/// # Errors
/// Returns the errors of [`Encoder::new`].
pub fn open(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    Ok(Box::new(H264Encoder::new(config)?))
}

/// Returns the decoder's buffer before the first frame.
fn buffer(config: &EncoderConfig) -> Option<DecoderBuffer> {
    let (Preset::Rtc, RateControl::Cbr(rate)) = (config.preset, config.rate.mode) else {
        return None;
    };
    let buffer = Buffer::new(rate.0, config.rate.buffering);
    Some(DecoderBuffer {
        rate_bps: buffer.rate_bps(),
        capacity_bits: u64::try_from(buffer.capacity_bits()).unwrap_or(0),
        level_bits: buffer.level_bits(),
        time_us: 0,
    })
}

/// Returns the maximum number of consecutive B frames. They require a look-ahead, and cyclic intra
/// refresh that all references are earlier frames.
fn max_b_frames(config: &EncoderConfig, knobs: &FrameKnobs) -> u8 {
    let may_reorder = config.preset == Preset::File && config.intra_refresh == 0;
    if may_reorder { knobs.max_b_frames() } else { 0 }
}

impl FrameCoder for FrameEncoder {
    type Knobs = FrameKnobs;

    fn codec() -> &'static CodecDescription {
        &H264
    }

    fn open(config: &EncoderConfig, knobs: FrameKnobs) -> Result<Self, Error> {
        Self::new(&FrameSettings {
            size: config.size,
            knobs,
            framerate: config.framerate,
            bitrate: config.rate.mode.bitrate().unwrap_or_default().0,
            buffer: buffer(config),
            info: config.info,
            max_b_frames: max_b_frames(config, &knobs),
            pool: config.pool.clone(),
            simd: config.simd,
            report_sse: config.report_psnr,
            report_digest: config.report_digest,
            stages: config.stages.clone(),
        })
    }

    fn codec_private(&self) -> Vec<u8> {
        self.decoder_record()
    }

    fn max_b_frames(&self) -> u8 {
        self.max_b_frames()
    }

    fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedStats {
        self.compare(analysis)
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
