//! The mixer: time, rates, loudness, and mix-minus (N-1) outputs.

use std::f64::consts::TAU;

use codec_audio::mixer::Mixer;
use codec_audio::{
    AudioBuf, AudioFormat, AudioView, ChannelLayout, SampleBuf, SampleKind, Samples,
};

const MONO: AudioFormat = AudioFormat::new(48_000, ChannelLayout::Mono);
const STEREO: AudioFormat = AudioFormat::new(48_000, ChannelLayout::Stereo);

fn sine(rate: u32, frequency: f64, level: f64, frames: usize) -> Vec<f32> {
    let step = TAU * frequency / f64::from(rate);
    (0..frames).map(|i| (level * (step * i as f64).sin()) as f32).collect()
}

fn push(mixer: &mut Mixer, id: u32, format: AudioFormat, samples: &[f32], pts: i64) {
    mixer.push(id, &AudioView::new(format, Samples::F32(samples)).unwrap(), pts).unwrap();
}

fn values(buf: &AudioBuf) -> &[f32] {
    match &buf.samples {
        SampleBuf::F32(values) => values,
        SampleBuf::S16(_) => panic!("the mixer gives floats"),
    }
}

/// Mixes `frames` in blocks of 10 ms; returns the output from time 0 on.
fn mix_all(mixer: &mut Mixer, frames: usize) -> Vec<f32> {
    let (mut out, mut all) = (AudioBuf::new(mixer.format(), SampleKind::F32), Vec::new());
    let late = mixer.latency();
    let (mut left, mut skip) = (frames + late, late);
    while left > 0 {
        let now = left.min(480);
        mixer.mix(now, &mut out);
        out.trim(skip.min(now), 0);
        skip -= skip.min(now);
        all.extend_from_slice(values(&out));
        left -= now;
    }
    all
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Level of `samples` without these tones, in dB relative to them.
fn distortion_db(samples: &[f32], tones: &[f64]) -> f64 {
    let mut rest: Vec<f64> = samples.iter().map(|&v| f64::from(v)).collect();
    let total: f64 = rest.iter().map(|v| v * v).sum();
    for &frequency in tones {
        let (mut s, mut c) = (0.0, 0.0);
        let phase = |i: usize| TAU * frequency * i as f64 / 48_000.0;
        for (i, value) in rest.iter().enumerate() {
            s += value * phase(i).sin();
            c += value * phase(i).cos();
        }
        let scale = 2.0 / rest.len() as f64;
        for (i, value) in rest.iter_mut().enumerate() {
            *value -= scale * (s * phase(i).sin() + c * phase(i).cos());
        }
    }
    let left: f64 = rest.iter().map(|v| v * v).sum();
    10.0 * (left.max(1e-20) / (total - left)).log10()
}

#[test]
fn one_input_of_the_same_format_passes_unchanged_at_its_time() {
    let mut mixer = Mixer::new(MONO).unwrap();
    mixer.add_input(1, MONO).unwrap();
    let samples = sine(48_000, 440.0, 0.5, 4_800);
    push(&mut mixer, 1, MONO, &samples, 1_000);
    mixer.end_input(1).unwrap();
    let all = mix_all(&mut mixer, 7_000);
    assert!(all[..1_000].iter().all(|&v| v == 0.0));
    assert_eq!(all[1_000..5_800], samples);
    assert!(all[5_800..].iter().all(|&v| v == 0.0));
    assert!(mixer.is_drained());
    let stats = mixer.stats(1).unwrap();
    assert_eq!((stats.played, stats.missing, stats.late), (4_800, 0, 0));
}

#[test]
fn inputs_of_every_rate_and_layout_are_aligned_in_time() {
    let mut mixer = Mixer::new(STEREO).unwrap();
    let mut expected = vec![0f32; 48_000 * 2];
    for (id, rate) in [(1, 8_000), (2, 16_000), (3, 44_100), (4, 48_000), (5, 96_000)] {
        let layout = if id % 2 == 0 { ChannelLayout::Stereo } else { ChannelLayout::Mono };
        let format = AudioFormat::new(rate, layout);
        mixer.add_input(id, format).unwrap();
        let frequency = 500.0 * f64::from(id);
        let samples: Vec<f32> = sine(rate, frequency, 0.15, rate as usize)
            .into_iter()
            .flat_map(|v| std::iter::repeat_n(v, layout.count()))
            .collect();
        push(&mut mixer, id, format, &samples, 0);
        mixer.end_input(id).unwrap();
        let truth = sine(48_000, frequency, 0.15, 48_000);
        for (sum, value) in expected.iter_mut().zip(truth.iter().flat_map(|&v| [v, v])) {
            *sum += value;
        }
    }
    let all = mix_all(&mut mixer, 48_000);
    let inner = 4_800..91_200;
    let difference = largest_difference(&all[inner.clone()], &expected[inner]);
    assert!(difference < 2e-5, "{difference}");
}

#[test]
fn loud_inputs_are_limited_and_not_clipped() {
    let mut mixer = Mixer::new(MONO).unwrap();
    let tones = [400.0, 1_000.0, 1_700.0, 3_100.0];
    for (id, &tone) in (0..).zip(&tones) {
        mixer.add_input(id, MONO).unwrap();
        push(&mut mixer, id, MONO, &sine(48_000, tone, 0.9, 96_000), 0);
        mixer.end_input(id).unwrap();
    }
    let all = mix_all(&mut mixer, 96_000);
    let peak = all.iter().fold(0f32, |peak, v| peak.max(v.abs()));
    assert!(peak <= 1.0 && peak > 0.95, "{peak}");
    let distortion = distortion_db(&all[48_000..], &tones);
    assert!(distortion < -60.0, "{distortion} dB");
    // Clipping the same sum would give this:
    let sum = (0..96_000).map(|i| {
        let sum: f64 = tones.iter().map(|t| 0.9 * (TAU * t * f64::from(i) / 48_000.0).sin()).sum();
        sum.clamp(-1.0, 1.0) as f32
    });
    let cut = distortion_db(&sum.collect::<Vec<_>>()[48_000..], &tones);
    assert!(cut > -20.0, "{cut} dB");
}

#[test]
fn every_participant_hears_all_the_others_and_not_themselves() {
    let mut mixer = Mixer::new(MONO).unwrap();
    let voices: Vec<Vec<f32>> =
        (1..=4).map(|n| sine(48_000, 300.0 * f64::from(n), 0.2, 4_800)).collect();
    for (id, voice) in (0..).zip(&voices) {
        mixer.add_input(id, MONO).unwrap();
        push(&mut mixer, id, MONO, voice, 0);
    }
    let mut out = AudioBuf::new(MONO, SampleKind::F32);
    let mut heard = vec![Vec::new(); 4];
    for _ in 0..10 {
        mixer.mix(480, &mut out);
        for id in 0..4 {
            mixer.mix_minus(id, &mut out).unwrap();
            heard[id as usize].extend_from_slice(values(&out));
        }
    }
    for (id, heard) in heard.iter().enumerate() {
        let others: Vec<f32> =
            (0..4_560).map(|i| (0..4).filter(|&n| n != id).map(|n| voices[n][i]).sum()).collect();
        assert!(largest_difference(&heard[240..], &others) < 1e-6);
    }
}

#[test]
fn a_single_speaker_hears_perfect_silence() {
    let mut mixer = Mixer::new(MONO).unwrap();
    mixer.add_input(0, MONO).unwrap();
    mixer.add_input(1, MONO).unwrap();
    push(&mut mixer, 0, MONO, &sine(48_000, 300.0, 0.9, 4_800), 0);
    let mut out = AudioBuf::new(MONO, SampleKind::F32);
    for _ in 0..10 {
        mixer.mix(480, &mut out);
        mixer.mix_minus(0, &mut out).unwrap();
        assert!(values(&out).iter().all(|&v| v == 0.0));
    }
}

#[test]
fn missing_audio_is_silence_without_a_click_and_is_counted() {
    let mut mixer = Mixer::new(MONO).unwrap();
    mixer.add_input(1, MONO).unwrap();
    let samples = sine(48_000, 100.0, 0.5, 9_600);
    let mut out = AudioBuf::new(MONO, SampleKind::F32);
    let mut all = Vec::new();
    push(&mut mixer, 1, MONO, &samples[..1_320], 0);
    for stretch in 0..20 {
        if stretch == 6 {
            // 1320..2880 were due before; nothing of the rest is lost.
            push(&mut mixer, 1, MONO, &samples[1_320..], 1_320);
        }
        mixer.mix(480, &mut out);
        all.extend_from_slice(values(&out));
    }
    let stats = mixer.stats(1).unwrap();
    assert_eq!((stats.missing, stats.underruns, stats.late), (1_560, 1, 1_560));
    assert_eq!(stats.played, 9_600 - 1_560);
    let steepest = samples.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    let largest = all.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    assert!(largest < steepest * 1.2, "{largest} against {steepest}");
    assert_eq!(all[240 + 3_400..], samples[3_400..9_600 - 240]);
}

#[test]
fn gains_and_mutes_make_no_steps() {
    let mut mixer = Mixer::new(MONO).unwrap();
    mixer.add_input(1, MONO).unwrap();
    push(&mut mixer, 1, MONO, &[0.5; 48_000], 0);
    let mut out = AudioBuf::new(MONO, SampleKind::F32);
    let mut all = Vec::new();
    for stretch in 0..50 {
        match stretch {
            10 => mixer.set_gain_db(1, -6.0206).unwrap(),
            20 => mixer.set_muted(1, true).unwrap(),
            30 => mixer.set_muted(1, false).unwrap(),
            _ => {}
        }
        mixer.mix(480, &mut out);
        all.extend_from_slice(values(&out));
    }
    let largest = all[241..].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    assert!(largest < 0.5 / 400.0, "{largest}");
    assert!((all[480 * 15] - 0.25).abs() < 1e-5);
    assert_eq!(all[480 * 25], 0.0);
    assert!((all[480 * 35] - 0.25).abs() < 1e-5);
    assert!(mixer.set_gain_db(1, f32::NAN).is_err() && mixer.set_gain_db(2, 0.0).is_err());
}

#[test]
fn gaps_are_silence_and_overlaps_are_dropped() {
    let mut mixer = Mixer::new(MONO).unwrap();
    mixer.add_input(1, MONO).unwrap();
    push(&mut mixer, 1, MONO, &[0.1; 100], 0);
    push(&mut mixer, 1, MONO, &[0.2; 100], 150);
    push(&mut mixer, 1, MONO, &[0.3; 100], 200);
    push(&mut mixer, 1, MONO, &[0.4; 10], 10);
    mixer.end_input(1).unwrap();
    let all = mix_all(&mut mixer, 400);
    assert_eq!(all[..100], [0.1; 100]);
    assert_eq!(all[100..150], [0.0; 50]);
    assert_eq!(all[150..250], [0.2; 100]);
    assert_eq!(all[250..300], [0.3; 50]);
    assert_eq!(all[300..], [0.0; 100]);
    assert_eq!(mixer.stats(1).unwrap().overlapped, 60);
}

#[test]
fn levels_and_the_speaker_are_reported() {
    let mut mixer = Mixer::new(MONO).unwrap();
    mixer.add_input(1, MONO).unwrap();
    mixer.add_input(2, MONO).unwrap();
    push(&mut mixer, 1, MONO, &[0.1; 48_000], 0);
    push(&mut mixer, 2, MONO, &[0.001; 48_000], 0);
    let mut out = AudioBuf::new(MONO, SampleKind::F32);
    for _ in 0..20 {
        mixer.mix(960, &mut out);
    }
    let report = mixer.mix(960, &mut out);
    let levels: Vec<_> =
        report.contributions.iter().map(|c| (c.level.dbov, c.level.voice)).collect();
    assert_eq!(levels, [(20, true), (60, false)]);
    assert_eq!(report.active, Some(1));
}

#[test]
fn queues_are_bounded_and_extreme_samples_are_harmless() {
    let mut mixer = Mixer::new(MONO).unwrap();
    let odd = AudioFormat::new(44_100, ChannelLayout::Mono);
    mixer.add_input(1, odd).unwrap();
    assert!(mixer.add_input(1, odd).is_err());
    let wild = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-40].repeat(9_000);
    for second in 0..59 {
        push(&mut mixer, 1, odd, &wild[..44_100], 44_100 * second);
    }
    let view = AudioView::new(odd, Samples::F32(&wild)).unwrap();
    assert!(mixer.push(1, &view, 44_100 * 59).is_err());
    assert!(mixer.push(1, &view, i64::MAX).is_err());
    let all = mix_all(&mut mixer, 48_000 * 2);
    assert!(all.iter().all(|v| v.abs() <= 1.0));
    let mut out = AudioBuf::new(MONO, SampleKind::F32);
    mixer.seek(i64::MAX - 10);
    mixer.mix(100, &mut out);
    mixer.mix(0, &mut out);
}

#[test]
fn a_running_mixer_allocates_nothing() {
    let mut mixer = Mixer::new(STEREO).unwrap();
    let formats = [8_000, 44_100, 48_000].map(|rate| AudioFormat::new(rate, ChannelLayout::Mono));
    let sounds = formats.map(|format| sine(format.rate, 300.0, 0.5, format.rate as usize / 50));
    for (id, format) in (0..).zip(formats) {
        mixer.add_input(id, format).unwrap();
    }
    let mut out = AudioBuf::new(STEREO, SampleKind::F32);
    let mut run = |rounds: std::ops::Range<i64>| {
        for round in rounds {
            for (id, (format, sound)) in (0..).zip(formats.iter().zip(&sounds)) {
                let view = AudioView::new(*format, Samples::F32(sound)).unwrap();
                mixer.push(id, &view, round * sound.len() as i64).unwrap();
            }
            mixer.mix(960, &mut out);
            mixer.mix_minus(1, &mut out).unwrap();
        }
    };
    run(0..50);
    let counted = allocation_counter::measure(|| run(50..100));
    assert_eq!(counted.count_total, 0);
}
