//! Test media: a synthetic scene as VP8 or VP9 and a tone as Opus, and decoding for comparison.

use codec_audio::{
    AudioBuf, AudioCodec, AudioDecoder, AudioDecoderConfig, AudioEncoderConfig, AudioFormat,
    AudioPacket, AudioRate, AudioView, ChannelLayout, SampleKind, Samples,
};
use codec_backends::registry;
use codec_core::codec::{
    Bitrate, DecoderConfig, DropPolicy, EncoderConfig, FrameRequest, Packet, Scalability,
    VideoDecoder,
};
use codec_core::frame::{Picture, Rational, Size};

pub(crate) const SIZE: Size = Size { width: 320, height: 180 };
pub(crate) const FPS: u32 = 30;
/// Ticks of 90 kHz per frame.
pub(crate) const FRAME_TICKS: u32 = 90_000 / FPS;
/// Ticks of 48 kHz per audio packet.
pub(crate) const AUDIO_TICKS: u32 = 960;

/// A moving grainy background, and a block that moves differently.
fn picture(frame: u32) -> Vec<u8> {
    let (width, height) = (SIZE.width, SIZE.height);
    let mut samples = Vec::new();
    let (left, top) = (frame * 5 % (width - 60), frame * 3 % (height - 50));
    for y in 0..height {
        for x in 0..width {
            let grain = (x * 7919 + y * 104_729 + frame * 31).wrapping_mul(2_654_435_761) >> 29;
            let inside = (left..left + 60).contains(&x) && (top..top + 50).contains(&y);
            let value = if inside { (x ^ y) % 64 * 2 } else { (x + frame) / 2 % 96 + y / 3 };
            samples.push(u8::try_from(40 + value + grain).unwrap());
        }
    }
    for plane in 0..2 {
        for y in 0..height / 2 {
            for x in 0..width / 2 {
                samples
                    .push(u8::try_from(100 + (x + frame + plane * 20) / 8 % 40 + y / 8).unwrap());
            }
        }
    }
    samples
}

/// A coded scene.
pub(crate) struct Clip {
    pub(crate) packets: Vec<Packet>,
}

impl Clip {
    /// Encodes `frames` frames of VP8 with these layers at about 500 kb/s.
    pub(crate) fn new(frames: u32, scalability: Scalability) -> Self {
        Self::of("vp8/native", frames, scalability)
    }

    /// The same with another encoder.
    pub(crate) fn of(encoder: &str, frames: u32, scalability: Scalability) -> Self {
        let mut config = EncoderConfig::rtc(SIZE, Rational::new(FPS, 1), Bitrate::kbps(500));
        config.timebase = Rational::new(1, FPS);
        config.scalability = scalability;
        config.rate.drops = DropPolicy::Never;
        config.report_digest = true;
        config.speed = 8;
        let (_, open, _) = registry::find_encoder(encoder).unwrap();
        let mut encoder = open(&config).unwrap();
        let (mut packets, mut packet) = (Vec::new(), Packet::default());
        for frame in 0..frames {
            let samples = picture(frame);
            let picture = Picture::i420_packed(SIZE, &samples).unwrap();
            encoder.encode(&picture, &FrameRequest::at(frame.into())).unwrap();
            while encoder.receive(&mut packet) {
                packets.push(packet.clone());
            }
        }
        assert_eq!(packets.len(), frames as usize);
        Self { packets }
    }

    /// Expected digests of the frames up to a layer: the encoder's reconstruction.
    pub(crate) fn digests(&self, max_layer: u8) -> Vec<u64> {
        let shown = self.packets.iter().filter(|it| it.meta.temporal_id <= max_layer);
        shown.map(|it| it.meta.digest.unwrap()).collect()
    }

    /// The coded frames.
    pub(crate) fn frames(&self) -> Vec<Vec<u8>> {
        self.packets.iter().map(|it| it.data.clone()).collect()
    }
}

pub(crate) fn vp8_decoder() -> Box<dyn VideoDecoder> {
    let (_, open, _) = registry::find_decoder("vp8/native").unwrap();
    open(&DecoderConfig::default()).unwrap()
}

/// Digests of coded frames of VP8, by our decoder.
pub(crate) fn decode(frames: &[Vec<u8>]) -> Vec<u64> {
    decode_with(vp8_decoder(), frames)
}

/// Digests of coded frames.
pub(crate) fn decode_with(mut decoder: Box<dyn VideoDecoder>, frames: &[Vec<u8>]) -> Vec<u64> {
    let mut digests = Vec::new();
    for (pts, frame) in (0..).zip(frames) {
        decoder.decode(frame, pts, None).unwrap();
        digests.push(decoder.receive().unwrap().digest());
    }
    digests
}

/// Digests of concatenated I420 frames.
pub(crate) fn digests(i420: &[u8]) -> Vec<u64> {
    let len = usize::try_from(SIZE.i420_bytes()).unwrap();
    let pictures = i420.chunks_exact(len);
    pictures.map(|it| Picture::i420_packed(SIZE, it).unwrap().digest()).collect()
}

/// Mono Opus.
fn audio_format() -> AudioFormat {
    AudioFormat::new(48_000, ChannelLayout::Mono)
}

/// A rising tone as `count` Opus packets of 20 ms.
pub(crate) fn audio(count: u32) -> Vec<AudioPacket> {
    let mut config = AudioEncoderConfig::new(AudioCodec::Opus, audio_format());
    config.rate = Some(AudioRate::Cbr(Bitrate::kbps(32)));
    let (_, open, _) = registry::find_audio_encoder("opus").unwrap();
    let mut encoder = open(&config).unwrap();
    let (mut packets, mut packet) = (Vec::new(), AudioPacket::default());
    for number in 0..count {
        let samples: Vec<i16> = (0..AUDIO_TICKS)
            .map(|at| {
                let time = f64::from(number * AUDIO_TICKS + at) / 48_000.0;
                let level = (time * (300.0 + 100.0 * time) * std::f64::consts::TAU).sin();
                #[expect(clippy::cast_possible_truncation, reason = "within ±8000")]
                let sample = (8000.0 * level) as i16;
                sample
            })
            .collect();
        let view = AudioView::new(audio_format(), Samples::S16(&samples)).unwrap();
        encoder.encode(&view, (number * AUDIO_TICKS).into()).unwrap();
        while encoder.receive(&mut packet) {
            packets.push(packet.clone());
        }
    }
    assert!(packets.len() + 1 >= count as usize);
    packets
}

pub(crate) fn opus_decoder() -> Box<dyn AudioDecoder> {
    let config = AudioDecoderConfig::new(AudioCodec::Opus, audio_format());
    let (_, open, _) = registry::find_audio_decoder("opus").unwrap();
    open(&config).unwrap()
}

/// Decodes Opus packets; returns the number of samples per channel and the peak level.
pub(crate) fn hear(packets: &[Vec<u8>]) -> (usize, i16) {
    let mut decoder = opus_decoder();
    let (mut samples, mut out) = (Vec::new(), AudioBuf::new(audio_format(), SampleKind::S16));
    for packet in packets {
        decoder.decode(packet, 0).unwrap();
        assert!(decoder.receive(&mut out));
        out.view().unwrap().append_s16(&mut samples);
    }
    (samples.len(), samples.iter().map(|it| it.saturating_abs()).max().unwrap_or(0))
}

/// Writes coded frames of VP8 as an IVF file.
pub(crate) fn ivf(frames: &[Vec<u8>]) -> Vec<u8> {
    ivf_of(*b"VP80", frames)
}

/// Writes coded frames as an IVF file.
pub(crate) fn ivf_of(fourcc: [u8; 4], frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"DKIF\0\0\x20\0".to_vec();
    out.extend(fourcc);
    for size in [SIZE.width, SIZE.height] {
        out.extend(u16::try_from(size).unwrap().to_le_bytes());
    }
    for field in [FPS, 1, u32::try_from(frames.len()).unwrap(), 0] {
        out.extend(field.to_le_bytes());
    }
    for (pts, frame) in (0_u64..).zip(frames) {
        out.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
        out.extend(pts.to_le_bytes());
        out.extend(frame);
    }
    out
}

/// Reads the frames of an IVF file.
pub(crate) fn read_ivf(file: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut rest = &file[32..];
    while let Some((head, tail)) = rest.split_first_chunk::<12>() {
        let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        frames.push(tail[..len].to_vec());
        rest = &tail[len..];
    }
    frames
}
