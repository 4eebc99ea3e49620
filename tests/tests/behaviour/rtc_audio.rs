//! Speech over a simulated link and through the audio jitter buffer: output quality.

use std::time::Duration;

use codec_audio::{
    AudioBuf, AudioCodec, AudioDecoderConfig, AudioEncoderConfig, AudioPacket, AudioRate,
    SampleKind, Samples, Signal,
};
use codec_core::codec::Bitrate;
use codec_rtc::jitter::audio::{AudioBuffer, AudioBufferConfig, AudioBufferStats, ReceivedAudio};
use codec_rtc::link::{Jitter, JitterShape, Link, LinkConfig, Loss, RateTrace};
use codec_tests::audio::{decoder, encode, encoder, format, voice};
use codec_tests::{data, depth, fuzz, rng};

/// Sample frames of a packet: 20 ms.
const PACKET: u32 = 960;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Half a minute of voice: five times six seconds, because its pitch drifts.
fn said() -> Vec<i16> {
    (1..=5).flat_map(|seed| voice(format(48_000, 1), 6 * 48_000, seed)).collect()
}

/// `said` as Opus at 32 kb/s, in packets of 20 ms, prepared for 10 % of loss.
fn coded(said: &[i16], fec: bool) -> Vec<AudioPacket> {
    let mut config = AudioEncoderConfig::new(AudioCodec::Opus, format(48_000, 1));
    config.rate = Some(AudioRate::Cbr(Bitrate::kbps(32)));
    config.signal = Signal::Voice;
    config.complexity = 5;
    config.fec = fec;
    config.expected_loss_pct = if fec { 10 } else { 0 };
    encode(&mut *encoder("opus", &config).unwrap(), config.format, said, 48_000)
}

fn link(loss: Loss) -> LinkConfig {
    let mut config = LinkConfig::new(RateTrace::constant(Bitrate::kbps(1000)).unwrap());
    config.delay = ms(25);
    config.jitter = Jitter { time: ms(30), shape: JitterShape::Uniform, reorders: true };
    config.loss = loss;
    config
}

struct Playback {
    samples: Vec<f32>,
    stats: AudioBufferStats,
    /// Share of packets that the link lost.
    lost: f64,
}

/// Sends `packets` over a link, with `depth` earlier payloads in each, and plays the received ones.
fn through(packets: &[AudioPacket], config: LinkConfig, depth: usize) -> Playback {
    let mut link = Link::new(config, 9).unwrap();
    let mut buffer = AudioBuffer::new(AudioBufferConfig::default());
    let settings = AudioDecoderConfig::new(AudioCodec::Opus, format(48_000, 1));
    let opus = decoder("opus", &settings).unwrap();
    buffer.add_decoder(111, AudioCodec::Opus, 48_000, opus).unwrap();
    let mut out = AudioBuf::new(buffer.format(), SampleKind::F32);
    let (mut samples, mut sent) = (Vec::new(), 0);
    let blocks = 2 * packets.len() as u32 - 10;
    for block in 0..blocks {
        let now = ms(10) * block;
        if block % 2 == 0 && sent < packets.len() {
            let bytes = packets[sent.saturating_sub(depth)..=sent].iter().map(|p| p.data.len());
            link.send(now, bytes.sum::<usize>() + 12 + 4 * depth, sent);
            sent += 1;
        }
        while let Some(arrival) = link.poll(now) {
            let at = arrival.packet;
            let copies: Vec<_> = (at.saturating_sub(depth)..at)
                .map(|copy| (PACKET * (at - copy) as u32, &packets[copy].data[..]))
                .collect();
            let incoming = ReceivedAudio {
                ssrc: 1,
                payload_type: 111,
                sequence: (65_000 + at) as u16,
                timestamp: (at as u32).wrapping_mul(PACKET).wrapping_add(4_294_900_000),
                payload: &packets[at].data,
                redundant: &copies,
            };
            buffer.push(arrival.at, &incoming);
        }
        buffer.pull(now, &mut out);
        assert_eq!(out.frames(), 480, "10 ms in all cases");
        match out.view().unwrap().samples() {
            Samples::F32(block) => samples.extend_from_slice(block),
            Samples::S16(_) => panic!("floating-point output"),
        }
    }
    let stats = *buffer.stats();
    assert_eq!(samples.len(), blocks as usize * 480);
    assert_eq!(stats.total_samples_received, samples.len() as u64);
    Playback { samples, stats, lost: link.stats().loss_share() }
}

fn largest_step(samples: &[f32]) -> f32 {
    samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

fn print(what: &str, played: &Playback) {
    let stats = &played.stats;
    eprintln!(
        "{what}: lost {:.1} %, concealed {:.2} % in {} events, recovered {:.2} %, delay {} ms, \
         target {} ms, faster {} slower {} samples, largest step {:.3}",
        100.0 * played.lost,
        100.0 * stats.concealed_share(),
        stats.concealment_events,
        100.0 * stats.recovered_samples as f64 / stats.total_samples_received as f64,
        stats.mean_delay().as_millis(),
        stats.mean_target_delay().as_millis(),
        stats.removed_samples_for_acceleration,
        stats.inserted_samples_for_deceleration,
        largest_step(&played.samples),
    );
}

/// One clip with one kind of loss: without protection, with in-band FEC, with RED of depth 1 and 2.
fn compare(name: &str, said: &[i16], loss: Loss, bursts: bool) {
    let (plain, helped) = (coded(said, false), coded(said, true));
    let clear = through(&plain, link(Loss::None), 0);
    let bare = through(&plain, link(loss), 0);
    let fec = through(&helped, link(loss), 0);
    let red = through(&plain, link(loss), 1);
    let deep = through(&plain, link(loss), 2);
    let all =
        [("clear", &clear), ("bare", &bare), ("fec", &fec), ("red 1", &red), ("red 2", &deep)];
    let own = largest_step(&clear.samples);
    for (what, played) in all {
        print(&format!("{name}, {what}"), played);
        let step = largest_step(&played.samples);
        assert!(
            step < 1.5 * own + 0.02,
            "{name}, {what}: a click of {step:.3}, speech has {own:.3}"
        );
        // Most of the mean packet's jitter of 15 ms, the block, half a packet; more if the buffer
        // waits for copies of a lost packet.
        let most = if what == "clear" || what == "bare" { ms(60) } else { ms(100) };
        assert!(
            played.stats.mean_delay() < most,
            "{name}, {what}: {:?}",
            played.stats.mean_delay()
        );
    }
    let share = |played: &Playback| played.stats.concealed_share();
    assert!(share(&clear) < 0.005, "{name}: {:.4}", share(&clear));
    assert!((0.6 * bare.lost..1.3 * bare.lost + 0.01).contains(&share(&bare)), "{name}");
    let helps = if bursts { 0.8 } else { 0.4 };
    // The encoder omits in-band FEC for the quieter half of a voice.
    let in_band = if bursts { 0.85 } else { 0.7 };
    assert!(share(&fec) < in_band * share(&bare), "{name}: in-band FEC {:.4}", share(&fec));
    assert!(share(&red) < helps * share(&bare), "{name}: RED {:.4}", share(&red));
    assert!(share(&deep) < share(&red), "{name}: deep RED {:.4}", share(&deep));
}

#[test]
fn speech_survives_jitter_and_five_percent_of_loss() {
    compare("voice", &said(), Loss::Random(0.05), false);
}

#[test]
fn speech_survives_jitter_and_bursts_of_loss() {
    if depth::skips_long() {
        return;
    }
    compare("voice in bursts", &said(), Loss::Bursts { mean: 0.05, burst: 2.5 }, true);
}

#[test]
fn a_real_voice_survives_jitter_and_loss() {
    if depth::skips_long() {
        return;
    }
    let Some(dir) = data::dir("speech through a link") else { return };
    let file = dir.join("audio/speech_dialogue_48k_mono.flac");
    let said = codec_tests::audio::flac(&file, 30 * 48_000);
    compare("dialogue", &said, Loss::Random(0.05), false);
    compare("dialogue in bursts", &said, Loss::Bursts { mean: 0.05, burst: 2.5 }, true);
}

#[test]
fn any_packets_and_any_pulls_never_panic_the_audio_buffer() {
    rng::for_each_seed(300, |_, rng| {
        let mut bytes: Vec<u8> = (0..rng.below(600)).map(|_| rng.byte()).collect();
        // Mostly small steps of time and sequence number.
        for part in bytes.chunks_mut(8) {
            if let [kind, time, sequence, ..] = part
                && rng.below(8) > 0
            {
                (*kind, *time, *sequence) = (*kind & 0x0f, *time & 0x1f, 1);
            }
        }
        fuzz::audio_buffer(&bytes);
    });
}
