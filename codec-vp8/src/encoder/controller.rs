//! Opens the VP8 encoder: connects [`FrameEncoder`], which codes single frames, with the rate
//! control and look-ahead that all codecs share (`codec_core::encoder`).

use std::sync::Arc;

use super::description::VP8;
use super::{FrameEncoder, FrameKnobs, FrameSettings};
use codec_core::analysis::FrameAnalysis;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{EncoderConfig, Packet, VideoEncoder};
use codec_core::encoder::{CodecDescription, Encoder, FrameCoder, FrameReport, UnchangedStats};
use codec_core::error::Error;
use codec_core::frame::{Picture, Size};
use codec_core::parallel::Pool;

/// The native VP8 encoder: [`FrameEncoder`] with rate control, layers and look-ahead.
pub type Vp8Encoder = Encoder<FrameEncoder>;

/// Opens the native VP8 encoder, registered as `vp8/native`.
///
/// # Errors
/// The same errors as [`Encoder::new`].
pub fn open(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    Ok(Box::new(Vp8Encoder::new(config)?))
}

impl FrameCoder for FrameEncoder {
    type Knobs = FrameKnobs;

    fn codec() -> &'static CodecDescription {
        &VP8
    }

    fn open(config: &EncoderConfig, knobs: FrameKnobs) -> Result<Self, Error> {
        Self::new(&FrameSettings {
            size: config.size,
            knobs,
            pool: config.pool.clone(),
            simd: config.simd,
            report_sse: config.report_psnr,
            report_digest: config.report_digest,
            stages: config.stages.clone(),
        })
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
        self.encode_frame_with(picture, plan, analysis, packet)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;
    use codec_core::codec::{
        Bitrate, FrameRequest, Preset, RateControl, Stage, StageClock, Update,
    };
    use codec_core::frame::Rational;

    const SIZE: Size = Size { width: 96, height: 80 };

    fn rtc() -> EncoderConfig {
        EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300))
    }

    #[test]
    fn knobs_and_limits_are_those_of_vp8() {
        let mut encoder = Vp8Encoder::new(&rtc()).unwrap();
        encoder.apply(Update::Knob("token-partitions".to_owned(), 4)).unwrap();
        assert!(encoder.apply(Update::Knob("token-partitions".to_owned(), 5)).is_err());
        let refused = |change: fn(&mut EncoderConfig)| {
            let mut config = rtc();
            change(&mut config);
            match Vp8Encoder::new(&config) {
                Err(Error::Config(error)) => (error.knob, error.allowed),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(|c| c.size.width = 16384), ("size", "1x1 to 16383x16383".to_owned()));
        assert_eq!(refused(|c| c.rate.max_qindex = Some(128)).1, "0..=127");
        assert_eq!(refused(|c| c.knobs = vec![("sharpness".to_owned(), 9)]).1, "0 to 7");
    }

    /// A clock that advances by one nanosecond on each read.
    #[derive(Debug, Default)]
    struct Counting {
        now_ns: AtomicU64,
        spent: [AtomicU64; 5],
    }

    impl StageClock for Counting {
        fn now_ns(&self) -> u64 {
            self.now_ns.fetch_add(1, Relaxed)
        }

        fn spent(&self, stage: Stage, ns: u64) {
            self.spent[stage as usize].fetch_add(ns, Relaxed);
        }
    }

    #[test]
    fn stage_times_are_reported_and_change_no_byte() {
        let size = Size::new(96, 80);
        for speed in [1, 7] {
            let coded = |clock: Option<Arc<Counting>>, preset| {
                let rate = Rational::new(30, 1);
                let mut config = match preset {
                    Preset::Rtc => EncoderConfig::rtc(size, rate, Bitrate::kbps(300)),
                    Preset::File => EncoderConfig::file(size, rate, RateControl::Quality(60)),
                };
                config.speed = speed;
                config.stages = clock.map(|clock| clock as Arc<dyn StageClock>);
                let mut encoder = Vp8Encoder::new(&config).unwrap();
                let mut data = Vec::new();
                let mut packet = Packet::default();
                for n in 0..8_u8 {
                    let mut pixels = vec![128; usize::try_from(size.i420_bytes()).unwrap()];
                    for (index, pixel) in pixels.iter_mut().take(96 * 80).enumerate() {
                        let (x, y) = (index % 96 + 3 * usize::from(n), index / 96);
                        *pixel = u8::try_from((x * x / 7 + y * 5) % 200).unwrap();
                    }
                    let picture = Picture::i420_packed(size, &pixels).unwrap();
                    encoder.encode(&picture, &FrameRequest::at(n.into())).unwrap();
                    while encoder.receive(&mut packet) {
                        data.push(packet.data.clone());
                    }
                }
                encoder.finish().unwrap();
                while encoder.receive(&mut packet) {
                    data.push(packet.data.clone());
                }
                data
            };
            for preset in [Preset::Rtc, Preset::File] {
                let clock = Arc::new(Counting::default());
                assert_eq!(coded(Some(Arc::clone(&clock)), preset), coded(None, preset));
                for (stage, spent) in Stage::ALL.into_iter().zip(&clock.spent) {
                    assert!(spent.load(Relaxed) > 0, "{preset:?}, speed {speed}: {}", stage.name());
                }
            }
        }
    }
}
