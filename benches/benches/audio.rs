//! Audio encoders and decoders on one second of a synthetic voice:
//! `cargo bench -p codec-benches --bench audio`. Throughput is in samples per channel.
#![expect(clippy::unwrap_used, reason = "a broken benchmark should stop")]

use codec_audio::{
    AudioBuf, AudioCodec, AudioDecoderConfig, AudioEncoderConfig, AudioFormat, AudioPacket,
    AudioView, ChannelLayout, SampleKind, Samples,
};
use codec_backends::registry::{find_audio_decoder, find_audio_encoder};
use codec_benches::short;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// Harmonics that rise and fall, interleaved.
#[expect(clippy::cast_possible_truncation, reason = "levels far below full scale")]
fn voice(format: AudioFormat) -> Vec<i16> {
    let sample = |at: u32, channel: usize| {
        let time = f64::from(at) / f64::from(format.rate);
        let loudness = (time * 4.0 * std::f64::consts::PI).sin().max(0.0);
        let pitch = if channel == 0 { 120.0 } else { 143.0 };
        let tone = |h: u32| (time * pitch * f64::from(h) * std::f64::consts::TAU).sin();
        let sum: f64 = (1..12).map(|h| 2500.0 / f64::from(h) * tone(h)).sum();
        (loudness * sum) as i16
    };
    (0..format.rate)
        .flat_map(|at| (0..format.channels()).map(move |channel| sample(at, channel)))
        .collect()
}

/// Packets of `samples`, pushed in parts of 10 ms.
fn encoded(spec: &str, config: &AudioEncoderConfig, samples: &[i16]) -> Vec<AudioPacket> {
    let (_, open, _) = find_audio_encoder(spec).unwrap();
    let mut encoder = open(config).unwrap();
    let (mut packets, mut packet, mut pts) = (Vec::new(), AudioPacket::default(), 0);
    let part = config.format.rate as usize / 100 * config.format.channels();
    for samples in samples.chunks(part) {
        let view = AudioView::new(config.format, Samples::S16(samples)).unwrap();
        encoder.encode(&view, pts).unwrap();
        pts += i64::try_from(view.frames()).unwrap();
        while encoder.receive(&mut packet) {
            packets.push(packet.clone());
        }
    }
    packets
}

fn codecs(criterion: &mut Criterion) {
    let cases = [
        ("opus", AudioCodec::Opus, 48_000, 1),
        ("opus", AudioCodec::Opus, 48_000, 2),
        ("pcmu", AudioCodec::Pcmu, 8_000, 1),
    ];
    for (spec, codec, rate, channels) in cases {
        let format = AudioFormat::new(rate, ChannelLayout::of(channels).unwrap());
        let samples = voice(format);
        let config = AudioEncoderConfig::new(codec, format);
        let mut group = criterion.benchmark_group(format!("audio/{spec}-{channels}ch"));
        group.throughput(Throughput::Elements(u64::from(rate)));
        group.bench_function("encode", |b| b.iter(|| encoded(spec, &config, &samples)));
        let packets = encoded(spec, &config, &samples);
        let (_, open, _) = find_audio_decoder(spec).unwrap();
        let config = AudioDecoderConfig::new(codec, format);
        group.bench_function("decode", |b| {
            b.iter_batched_ref(
                || open(&config).unwrap(),
                |decoder| {
                    let mut out = AudioBuf::new(format, SampleKind::S16);
                    for packet in &packets {
                        decoder.decode(&packet.data, packet.pts).unwrap();
                        assert!(decoder.receive(&mut out));
                    }
                    out.frames()
                },
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

criterion_group! {
    name = all;
    config = short();
    targets = codecs
}
criterion_main!(all);
