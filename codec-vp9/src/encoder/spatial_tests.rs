//! Spatial layers: subsets of the packets decode to the encoder's reconstruction.

use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, FrameRequest, LayerOutput, Packet, RateControl,
    Scalability, Update, VideoEncoder,
};
use codec_core::frame::{Picture, Size};
use codec_core::simd::Level;

use super::open;
use crate::decoder;
use crate::superframe::append_index;

const SIZE: Size = Size { width: 148, height: 100 };

fn config(mode: Scalability) -> EncoderConfig {
    let mut config =
        EncoderConfig::new(SIZE.width, SIZE.height).scalability(mode).bitrate(Bitrate::kbps(300));
    config.report_digest = true;
    config
}

/// A frame with a pattern that moves.
fn samples(frame: usize) -> Vec<u8> {
    let mut samples = vec![110; SIZE.i420_bytes().try_into().unwrap()];
    let (width, height) = (SIZE.width as usize, SIZE.height as usize);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x + 2 * frame, y + frame);
            let texture = (u * u / 7 + 3 * v * (u % 5) + v * v / 11) % 61;
            samples[y * width + x] =
                u8::try_from(60 + texture + (u / 16 + v / 16) % 3 * 40).unwrap();
        }
    }
    samples
}

struct Run {
    encoder: Box<dyn VideoEncoder>,
    packets: Vec<Packet>,
    frames: usize,
}

impl Run {
    fn new(config: &EncoderConfig) -> Self {
        Self { encoder: open(config).unwrap(), packets: Vec::new(), frames: 0 }
    }

    fn encode(&mut self, count: usize) {
        for _ in 0..count {
            let samples = samples(self.frames);
            let picture = Picture::i420_packed(SIZE, &samples).unwrap();
            let request = FrameRequest::at(self.frames.try_into().unwrap());
            self.encoder.encode(&picture, &request).unwrap();
            self.frames += 1;
            self.packets.extend(self.encoder.packets());
        }
    }

    /// Decodes the packets that `keep` accepts, as superframes, and compares all frames.
    fn check(&self, keep: impl Fn(&Packet) -> bool) -> usize {
        let mut config = DecoderConfig::new();
        config.layer_output = LayerOutput::All;
        let mut decoder = decoder::open(&config).unwrap();
        let kept: Vec<_> = self.packets.iter().filter(|packet| keep(packet)).collect();
        for picture in kept.chunk_by(|a, b| a.pts == b.pts) {
            let mut data: Vec<u8> =
                picture.iter().flat_map(|packet| &packet.data).copied().collect();
            let sizes: Vec<_> = picture.iter().map(|packet| packet.data.len()).collect();
            append_index(&sizes, &mut data);
            decoder.decode(&data, picture[0].pts, None).unwrap();
            for packet in picture {
                let digest = decoder.receive().map(|frame| frame.digest());
                let layer = packet.meta.spatial.id;
                assert_eq!(digest, packet.meta.digest, "picture {}, layer {layer}", packet.pts);
            }
        }
        kept.len()
    }
}

#[test]
fn all_subsets_of_layers_decode() {
    for &(name, mode) in Scalability::ALL {
        let mut run = Run::new(&config(mode));
        run.encode(12);
        assert_eq!(run.packets.len(), 12 * usize::from(mode.spatial_layers()), "{name}");
        for spatial in 0..mode.spatial_layers() {
            for temporal in 0..mode.temporal_layers() {
                run.check(|packet| {
                    packet.meta.spatial.id <= spatial && packet.meta.temporal_id <= temporal
                });
            }
        }
    }
}

#[test]
fn layers_are_switched_on_and_off() {
    let mut run = Run::new(&config(Scalability::L3T3_KEY));
    for layers in [3, 1, 3, 2, 3] {
        run.encoder.apply(Update::ActiveSpatialLayers(layers)).unwrap();
        run.encode(6);
    }
    for spatial in 0..3 {
        run.check(|packet| packet.meta.spatial.id <= spatial);
    }
}

#[test]
fn layers_have_the_same_bytes_at_every_simd_level() {
    let coded = |level| {
        let mut config = config(Scalability::L3T1).simd(level);
        config.rate.mode = RateControl::FixedQ(90);
        let mut run = Run::new(&config);
        run.encode(4);
        run.packets.into_iter().map(|packet| packet.data).collect::<Vec<_>>()
    };
    let expected = coded(Level::Scalar);
    for level in Level::supported() {
        assert_eq!(coded(level), expected, "{level:?}");
    }
}
