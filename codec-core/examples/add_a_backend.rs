//! Add your own codec: implement the traits, list it in your own registry, and run the conformance
//! kit. The example codec drops the low bits of the samples and codes each run of equal samples as
//! its length and its value.

#![expect(clippy::pedantic, reason = "short on purpose")]

use std::sync::Arc;

use codec_core::codec::Backend;
use codec_core::codec::{Feature::*, *};
use codec_core::conformance;
use codec_core::error::{Corrupt, Error};
use codec_core::frame::{Frame, FrameBuf, Picture, PictureInfo, PixelLimit, Size};

static CAPABILITIES: Capabilities = {
    let mut can = Capabilities::minimal("runs");
    // No references: every frame is a key frame.
    (can.qindex_range, can.rtc_qindex_range, can.reference_slots) = ((0, 7), (0, 7), 0);
    can.gaps = &Gap::each(GAPS, "run-length coding does not support it");
    can
};
#[rustfmt::skip]
const GAPS: [Feature; 34] = [
    Cbr, Vbr, Quality, QindexRange, FrameShares, Caps, Buffering, Drops, LiveBitrate, LiveRate,
    LiveQindexRange, LiveFrameRate, LiveResolution, LiveSpeed, SceneCuts, TemporalLayers,
    SpatialLayers,
    References, Importance, GivenAnalysis,
    Denoise, Tune, ScreenContent, ErrorResilience, Deadline, IntraRefresh,
    ReportsPsnr, ReportsDigest, ReportsQindex, Pool, SimdLevel, Concealment, AllLayers, DecoderDelay,
];
static BACKENDS: &[Backend] = &[Backend {
    codec: Codec::Other("runs"),
    name: "toy",
    encoder: Some((open_encoder, &CAPABILITIES)),
    decoder: Some((open_decoder, &CAPABILITIES)),
}];

#[derive(Debug)]
struct Encoder(PacketMeta, Option<i64>, Option<Packet>);

fn open_encoder(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    CAPABILITIES.check_config(config)?; // ranges, knobs, declared gaps
    let RateControl::FixedQ(qindex) = config.rate.mode else { unreachable!("gaps") };
    let mut meta = PacketMeta::default();
    (meta.shown, meta.qindex) = (true, qindex);
    (meta.speed, meta.size) = (config.speed, config.size);
    Ok(Box::new(Encoder(meta, None, None)))
}

impl VideoEncoder for Encoder {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }
    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error> {
        let Self(meta, last_pts, ready) = self;
        let (size, qindex) = (meta.size, meta.qindex);
        CAPABILITIES.check_picture(picture, request, size, *last_pts)?;
        let mut packet = Packet::default();
        (packet.pts, packet.duration, packet.meta) = (request.pts, request.duration, *meta);
        packet.data = [size.width, size.height].map(|side| (side as u16).to_le_bytes()).concat();
        let kept: Vec<u8> = picture.to_i420().iter().map(|s| s >> qindex << qindex).collect();
        for run in kept.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(255)) {
            packet.data.extend([run.len() as u8, run[0]]);
        }
        (*ready, *last_pts, meta.frame_id) = (Some(packet), Some(request.pts), meta.frame_id + 1);
        Ok(Outcome::Coded)
    }
    fn receive(&mut self, packet: &mut Packet) -> bool {
        self.2.take().map(|ready| *packet = ready).is_some()
    }
    fn apply(&mut self, update: Update) -> Result<Applied, Error> {
        CAPABILITIES.check_update(&update)?;
        Ok(Applied::NextFrameAsKey)
    }
}

#[derive(Debug)]
struct Decoder(Limits, Option<Frame>);

fn open_decoder(config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error> {
    CAPABILITIES.check_decoder_config(config)?;
    Ok(Box::new(Decoder(config.limits, None)))
}

impl VideoDecoder for Decoder {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }
    fn decode(
        &mut self,
        data: &[u8],
        pts: i64,
        duration: Option<u64>,
    ) -> Result<DecodeReport, Error> {
        let Self(limits, frame) = self;
        *frame = None;
        limits.check_packet(data)?;
        let (&[w, x, h, y], runs) = data.split_first_chunk().ok_or(DAMAGED)?;
        let size = Size::new(u16::from_le_bytes([w, x]).into(), u16::from_le_bytes([h, y]).into());
        PixelLimit(limits.max_pixels).check(size)?;
        let samples: Vec<u8> = runs.chunks_exact(2).flat_map(|r| vec![r[1]; r[0].into()]).collect();
        let picture = Picture::i420_packed(size, &samples).map_err(|_| DAMAGED)?;
        let buf = Arc::new(FrameBuf::copy_of(&picture)).into();
        *frame = Some(Frame { buf, info: PictureInfo::default(), pts, duration });
        Ok(DecodeReport::new(FrameKind::Key, size))
    }
    fn receive(&mut self) -> Option<Frame> {
        self.1.take()
    }
    fn reset(&mut self) {
        self.1 = None;
    }
}

const DAMAGED: Corrupt = Corrupt::Other { what: "a size and its samples", offset_bytes: 0 };

/// Prints the failed checks, if any.
pub fn main() {
    let report = conformance::check_video(&BACKENDS[0], BACKENDS);
    assert!(report.is_passed(), "{report}");
}
