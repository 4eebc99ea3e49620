//! Audio processors: their effect on speech, noise and echo, and their timing.

use codec_audio::apm::{Apm, ApmConfig};
use codec_audio::denoise::Denoiser;
use codec_audio::processors::{AUDIO_PROCESSORS, find_processor};
use codec_audio::vad::VoiceDetector;
use codec_audio::{AudioFormat, AudioProcessor, AudioView, ChannelLayout, Samples};
use codec_tests::depth;

const MONO_48K: AudioFormat = AudioFormat::new(48_000, ChannelLayout::Mono);
const MONO_16K: AudioFormat = AudioFormat::new(16_000, ChannelLayout::Mono);

/// Noise from -1 to 1, identical on all machines.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Synthetic speech: a buzz of 120 Hz through moving formants, in syllables of a quarter of a
/// second with pauses between words.
fn babble(rate: u32, seconds: f32, seed: u32) -> Vec<f32> {
    let mut noise = Noise(seed);
    let frames = (rate as f32 * seconds) as usize;
    let (mut states, mut formants) = ([[0.0f32; 2]; 3], [500.0f32, 1500.0, 2500.0]);
    let mut loud = 0.0f32;
    let mut phase = 0.0f32;
    (0..frames)
        .map(|i| {
            if i % (rate as usize / 4) == 0 {
                let pick = |low: f32, high: f32, n: f32| low + (high - low) * (n + 1.0) / 2.0;
                formants = [
                    pick(250.0, 800.0, noise.next()),
                    pick(900.0, 2200.0, noise.next()),
                    pick(2300.0, 3200.0, noise.next()),
                ];
                loud = if noise.next() > -0.4 { 1.0 } else { 0.0 };
            }
            phase += (120.0 + 20.0 * (i as f32 / rate as f32 * 3.0).sin()) / rate as f32;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            let source = (pulse + 0.01 * noise.next()) * loud;
            let mut sum = 0.0;
            for (state, formant) in states.iter_mut().zip(formants) {
                let omega = std::f32::consts::TAU * formant / rate as f32;
                let radius = 1.0 - 250.0 / rate as f32;
                let value =
                    source + 2.0 * radius * omega.cos() * state[0] - radius * radius * state[1];
                *state = [value, state[0]];
                sum += value;
            }
            (0.02 * sum).clamp(-0.9, 0.9)
        })
        .collect()
}

fn power_db(samples: &[f32]) -> f64 {
    let power = samples.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / samples.len() as f64;
    10.0 * power.max(1e-20).log10()
}

fn share_of_voice(format: AudioFormat, samples: &[f32]) -> f64 {
    let mut detector = VoiceDetector::new(format).unwrap();
    let (mut voiced, mut blocks) = (0.0, 0.0);
    let mut count = |block: codec_audio::vad::VoiceBlock| {
        blocks += 1.0;
        voiced += f64::from(u8::from(block.probability >= 0.5));
    };
    let view = AudioView::new(format, Samples::F32(samples)).unwrap();
    detector.push(&view, &mut count).unwrap();
    detector.finish(&mut count);
    voiced / blocks
}

#[test]
fn noise_and_silence_are_not_speech() {
    let mut noise = Noise(7);
    let samples: Vec<f32> = (0..480_000).map(|_| 0.05 * noise.next()).collect();
    assert!(share_of_voice(MONO_48K, &samples) < 0.05);
    assert!(share_of_voice(MONO_48K, &vec![0.0; 48_000]) < 0.05);
}

#[test]
fn pieces_of_any_length_lead_to_the_same_decisions() {
    let samples = babble(44_100, 3.0, 3);
    let format = AudioFormat::new(44_100, ChannelLayout::Mono);
    let decide = |piece: usize| {
        let mut detector = VoiceDetector::new(format).unwrap();
        let mut found = Vec::new();
        for part in samples.chunks(piece) {
            let view = AudioView::new(format, Samples::F32(part)).unwrap();
            detector.push(&view, |block| found.push(block.probability.to_bits())).unwrap();
        }
        detector.finish(|block| found.push(block.probability.to_bits()));
        found
    };
    assert_eq!(decide(1), decide(44_100));
}

#[test]
fn noise_suppression_lowers_noise_and_reports_its_delay() {
    let mut noise = Noise(9);
    for granularity in [1, 480] {
        let mut denoiser = Denoiser::new(MONO_48K, granularity).unwrap();
        assert_eq!(denoiser.latency(), if granularity == 1 { 959 } else { 480 });
        let mut samples: Vec<f32> = (0..240_000).map(|_| 0.02 * noise.next()).collect();
        let before = power_db(&samples[120_000..]);
        for part in samples.chunks_mut(if granularity == 1 { 77 } else { 960 }) {
            denoiser.process(part).unwrap();
        }
        let after = power_db(&samples[120_000..]);
        assert!(after < before - 8.0, "{before} to {after} dB");
    }
    assert!(Denoiser::new(MONO_16K, 1).is_err());
}

#[test]
fn echo_is_cancelled_and_the_near_voice_stays() {
    if depth::skips_long() {
        return;
    }
    let rate = 16_000usize;
    let far = babble(16_000, 14.0, 1);
    let near = babble(16_000, 4.0, 2);
    // A room: 60 ms delay, -6 dB, 100 ms of echoes.
    let mut noise = Noise(5);
    let room: Vec<f32> =
        (0..rate / 10).map(|i| noise.next() * (-(i as f32) * 69.0 / rate as f32).exp()).collect();
    let energy = room.iter().map(|v| v * v).sum::<f32>().sqrt();
    let delay = 60 * rate / 1000;
    let echo: Vec<f32> = (0..far.len())
        .map(|i| {
            let from = i.saturating_sub(delay + room.len());
            let heard = far[from..i.saturating_sub(delay).max(from)].iter().rev();
            0.5 / energy * room.iter().zip(heard).map(|(a, b)| a * b).sum::<f32>()
        })
        .collect();
    let mut microphone: Vec<f32> = echo.iter().map(|v| v + 0.0003 * noise.next()).collect();
    for (value, voice) in microphone[10 * rate..].iter_mut().zip(&near) {
        *value += voice;
    }
    let config =
        ApmConfig { noise_suppression_db: 0, automatic_gain: false, ..ApmConfig::default() };
    let mut processor = Apm::new(MONO_16K, config, 160).unwrap();
    assert_eq!(processor.latency(), 128);
    let mut cleaned = microphone.clone();
    let mut report = None;
    for (heard, said) in far.chunks(160).zip(cleaned.chunks_mut(160)) {
        processor.process_render(heard).unwrap();
        report = Some(processor.process(said).unwrap());
    }
    let alone = 5 * rate..10 * rate;
    let lowered = power_db(&microphone[alone.clone()]) - power_db(&cleaned[alone]);
    assert!(lowered > 25.0, "{lowered} dB");
    let kept = power_db(&cleaned[10 * rate + 128..]) - power_db(&near);
    assert!(kept > -8.0, "{kept} dB");
    let found = report.and_then(|report| report.echo_delay_ms).unwrap();
    assert!(found.abs_diff(60) <= 12, "{found} ms");
}

#[test]
fn automatic_gain_raises_a_soft_voice_and_never_cuts() {
    let open = find_processor("agc").unwrap();
    let mut gain = open(MONO_48K, 480).unwrap();
    let mut samples: Vec<f32> = babble(48_000, 12.0, 4).iter().map(|v| 0.05 * v).collect();
    let before = power_db(&samples[480_000..]);
    for part in samples.chunks_mut(480) {
        gain.process(part).unwrap();
    }
    let after = power_db(&samples[480_000..]);
    assert!(after > before + 10.0, "{before} to {after} dB");
    assert!(samples.iter().all(|v| v.abs() <= 1.0));
}

#[test]
fn every_processor_takes_any_length_and_any_value_and_starts_afresh() {
    let wild = [f32::NAN, f32::INFINITY, -1e30, 0.3, -0.2, f32::MIN_POSITIVE / 4.0];
    for entry in AUDIO_PROCESSORS {
        let Some(open) = entry.open else { continue };
        let stereo = AudioFormat::new(48_000, ChannelLayout::Stereo);
        let mut processor = open(stereo, 1).unwrap();
        assert_eq!((processor.name(), processor.format()), (entry.name, stereo));
        let first: Vec<u32> = run(&mut *processor, &wild);
        processor.reset();
        assert_eq!(run(&mut *processor, &wild), first, "{}", entry.name);
        assert!(processor.process(&mut [0.0; 3]).is_err(), "{}", entry.name);
        assert!(processor.process(&mut []).is_ok(), "{}", entry.name);
    }
    assert!(find_processor("mix").is_err());
}

fn run(processor: &mut dyn AudioProcessor, wild: &[f32]) -> Vec<u32> {
    let mut all = Vec::new();
    for length in [2, 14, 960, 962, 20_000] {
        let mut samples: Vec<f32> = wild.iter().copied().cycle().take(length).collect();
        processor.process(&mut samples).unwrap();
        if processor.latency() > 0 {
            assert!(samples.iter().all(|v| v.is_finite()), "{}", processor.name());
        }
        all.extend(samples.iter().map(|v| v.to_bits()));
    }
    all
}
