//! The jitter buffer in virtual time.

use std::sync::OnceLock;
use std::time::Duration;

use codec_audio::{
    AudioBuf, AudioCapabilities, AudioCodec, AudioDecodeReport, AudioDecoder, AudioFormat,
    ChannelLayout, PcmEncoding, Recovery, SampleBuf, SampleKind,
};
use codec_core::Error;

use super::{
    AudioBuffer, AudioBufferConfig, AudioBufferStats, PULL_FRAMES, PulledKind, Pushed,
    ReceivedAudio,
};
use crate::rng::Rng;

const PT: u8 = 100;

/// Sample frames per packet: 20 ms at 48 kHz.
const PACKET: u32 = 960;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Decoder of big-endian 16-bit samples, or of 8-bit codes, where only the sign matters.
#[derive(Debug)]
struct Codes {
    rate: u32,
    bytes: usize,
    payload: Option<Vec<u8>>,
}

impl Codes {
    fn boxed(rate: u32, bytes: usize) -> Box<dyn AudioDecoder> {
        Box::new(Self { rate, bytes, payload: None })
    }
}

impl AudioDecoder for Codes {
    fn capabilities(&self) -> &AudioCapabilities {
        const { &AudioCapabilities::minimal("codes") }
    }

    fn format(&self) -> AudioFormat {
        AudioFormat::new(self.rate, ChannelLayout::Mono)
    }

    fn decode(&mut self, data: &[u8], _: i64) -> Result<AudioDecodeReport, Error> {
        self.payload = Some(data.to_vec());
        Ok(AudioDecodeReport::default())
    }

    fn recover(&mut self, _: usize, _: Recovery<'_>, _: i64) -> Result<AudioDecodeReport, Error> {
        Err(Error::unsupported("concealment"))
    }

    fn receive(&mut self, audio: &mut AudioBuf) -> bool {
        let Some(payload) = self.payload.take() else { return false };
        let sample = |code: &[u8]| match *code {
            [high, low] => i16::from_be_bytes([high, low]),
            [code] if code & 0x80 > 0 => 3000,
            _ => -3000,
        };
        let format = self.format();
        audio.begin_s16(format, 0).extend(payload.chunks_exact(self.bytes).map(sample));
        true
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {}
}

fn buffer_of(config: AudioBufferConfig) -> AudioBuffer {
    let mut buffer = AudioBuffer::new(config);
    let codec = AudioCodec::Pcm(PcmEncoding::S16Be);
    buffer.add_decoder(PT, codec, 48_000, Codes::boxed(48_000, 2)).unwrap();
    buffer
}

/// Synthetic speech: harmonics of about 120 Hz in syllables, repeated every two seconds.
fn voice(at: i64) -> i16 {
    static VOICE: OnceLock<Vec<i16>> = OnceLock::new();
    let voice = VOICE.get_or_init(|| (0..96_000).map(speak).collect());
    voice[usize::try_from(at % 96_000).unwrap()]
}

#[expect(clippy::cast_possible_truncation, reason = "samples")]
fn speak(at: i32) -> i16 {
    let turn = f64::from(at) / 48_000.0 * std::f64::consts::TAU;
    let loud = (turn * 1.5).sin().max(0.0);
    let phase = turn * 120.0 + (turn * 0.5).sin();
    let tone: f64 = (1..8).map(|h| (phase * f64::from(h)).sin() / f64::from(h)).sum();
    (tone * loud * 8000.0) as i16
}

/// Payload of packet number `packet`.
fn payload(packet: i64) -> Vec<u8> {
    let from = packet * i64::from(PACKET);
    (from..from + i64::from(PACKET)).flat_map(|at| voice(at).to_be_bytes()).collect()
}

#[derive(Clone)]
struct Sent {
    at: Duration,
    packet: i64,
    /// Number of redundant payloads (RED).
    depth: i64,
}

fn push(buffer: &mut AudioBuffer, now: Duration, packet: i64, depth: i64) -> Pushed {
    let copies: Vec<_> = (1..=depth.min(packet))
        .rev()
        .map(|back| (PACKET * u32::try_from(back).unwrap(), payload(packet - back)))
        .collect();
    let redundant: Vec<_> = copies.iter().map(|(offset, bytes)| (*offset, &bytes[..])).collect();
    let incoming = ReceivedAudio {
        ssrc: 1,
        payload_type: PT,
        sequence: crate::sequence::wrap_16(packet + 65_500),
        timestamp: crate::sequence::wrap_32(packet * i64::from(PACKET) + 0xffff_0000),
        payload: &payload(packet),
        redundant: &redundant,
    };
    buffer.push(now, &incoming)
}

/// Packets of a link: `delay` returns the transit time, `None` for lost packets.
fn link(packets: i64, depth: i64, mut delay: impl FnMut(i64) -> Option<Duration>) -> Vec<Sent> {
    let mut sent: Vec<_> = (0..packets)
        .filter_map(|packet| {
            let at = ms(20) * u32::try_from(packet).unwrap() + delay(packet)?;
            Some(Sent { at, packet, depth })
        })
        .collect();
    sent.sort_by_key(|sent| (sent.at, sent.packet));
    sent
}

/// Pulls a block every 10 ms up to `until`; returns the audio.
fn play(buffer: &mut AudioBuffer, sent: &[Sent], until: Duration) -> Vec<f32> {
    let mut out = AudioBuf::new(buffer.format(), SampleKind::F32);
    let (mut heard, mut next, mut now) = (Vec::new(), 0, Duration::ZERO);
    while now < until {
        while let Some(packet) = sent.get(next).filter(|packet| packet.at <= now) {
            push(buffer, packet.at, packet.packet, packet.depth);
            next += 1;
        }
        buffer.pull(now, &mut out);
        assert_eq!(out.frames(), PULL_FRAMES);
        let SampleBuf::F32(samples) = &out.samples else { panic!("floats") };
        heard.extend_from_slice(samples);
        now += ms(10);
    }
    heard
}

fn largest_step(sound: impl Iterator<Item = f32>) -> f32 {
    let (mut last, mut largest) = (None, 0.0_f32);
    for value in sound {
        largest = largest.max(last.map_or(0.0, |last: f32| (value - last).abs()));
        last = Some(value);
    }
    largest
}

/// Largest step within the speech itself.
fn own_step(packets: i64) -> f32 {
    largest_step((0..packets * i64::from(PACKET)).map(|at| f32::from(voice(at)) / 32_768.0))
}

fn since(now: &AudioBufferStats, before: &AudioBufferStats) -> (u64, u64) {
    (
        now.concealed_samples - before.concealed_samples,
        now.removed_samples_for_acceleration - before.removed_samples_for_acceleration,
    )
}

#[test]
fn stream_without_jitter_is_unchanged_at_low_delay() {
    let mut buffer =
        buffer_of(AudioBufferConfig { time_stretching: false, ..AudioBufferConfig::default() });
    let heard = play(&mut buffer, &link(300, 0, |_| Some(ms(50))), ms(5000));
    let stats = buffer.stats();
    assert_eq!((stats.concealed_samples, stats.packets_discarded), (0, 0));
    // Starts after 50 ms of transit and 40 ms of delay; the first 5 ms are faded in.
    let begin = 48 * 90;
    assert!(heard[..begin].iter().all(|&value| value == 0.0));
    for (at, &value) in heard[begin + 240..].iter().enumerate() {
        let said = f32::from(voice(i64::try_from(at).unwrap() + 240)) / 32_768.0;
        assert!((value - said).abs() < 1e-6, "{at}");
    }
    assert!(stats.mean_delay() <= ms(45), "{:?}", stats.mean_delay());
}

#[test]
fn delay_shrinks_without_clicks_at_low_jitter() {
    let mut buffer = buffer_of(AudioBufferConfig::default());
    let sent = link(500, 0, |_| Some(ms(50)));
    let heard = play(&mut buffer, &sent, ms(9900));
    let stats = buffer.stats();
    assert_eq!(stats.concealed_samples, 0);
    assert!(buffer.target_delay(ms(9900)) <= ms(10));
    let removed = stats.removed_samples_for_acceleration;
    assert!((48 * 10..48 * 40).contains(&removed), "{removed}");
    let step = largest_step(heard.into_iter());
    assert!(step < 1.5 * own_step(500), "{step} {}", own_step(500));
}

#[test]
fn delay_follows_jitter_up_and_down() {
    let mut buffer = buffer_of(AudioBufferConfig::default());
    let mut rng = Rng::new(7);
    let sent =
        link(4000, 0, |packet| Some(ms(30) + ms(rng.below(if packet < 2000 { 60 } else { 1 }))));
    let heard = play(&mut buffer, &sent, ms(40_000));
    let stats = *buffer.stats();
    assert!(stats.concealed_share() < 0.005, "{stats:?}");
    // 30 of the 60 ms are mean transit time.
    assert!((ms(30)..ms(60)).contains(&stats.mean_delay()), "{:?}", stats.mean_delay());
    assert!(stats.inserted_samples_for_deceleration > 0, "{stats:?}");
    let step = largest_step(heard.into_iter());
    assert!(step < 2.0 * own_step(4000), "{step} {}", own_step(4000));
    let mut buffer = buffer_of(AudioBufferConfig::default());
    play(&mut buffer, &sent, ms(79_000));
    assert!(buffer.target_delay(ms(79_000)) <= ms(20));
    let rest = since(buffer.stats(), &stats);
    assert!(rest.0 < 480 && rest.1 > 48 * 20, "{rest:?}");
}

#[test]
fn losses_are_concealed_or_recovered_by_red() {
    let lossy = |depth| {
        let mut buffer = buffer_of(AudioBufferConfig::default());
        let mut rng = Rng::new(3);
        let sent = link(1500, depth, |_| (rng.below(100) >= 10).then_some(ms(40)));
        let heard = play(&mut buffer, &sent, ms(30_000));
        let step = largest_step(heard.into_iter());
        assert!(step < 2.5 * own_step(1500), "{step} {}", own_step(1500));
        *buffer.stats()
    };
    let (bare, one, two) = (lossy(0), lossy(1), lossy(2));
    assert!((0.07..0.13).contains(&bare.concealed_share()), "{bare:?}");
    assert!(one.concealed_share() < 0.03, "{one:?}");
    assert!(two.concealed_share() < 0.01, "{two:?}");
    assert!(two.recovered_samples > one.recovered_samples / 2);
    assert_eq!(bare.fec_packets_received, 0);
    assert!(one.fec_packets_discarded < one.fec_packets_received);
    assert!(two.mean_delay() < ms(80), "{:?}", two.mean_delay());
}

#[test]
fn late_duplicate_and_outlier_packets_are_counted_and_dropped() {
    let mut buffer = buffer_of(AudioBufferConfig::default());
    let mut out = AudioBuf::new(buffer.format(), SampleKind::S16);
    for packet in 0..10 {
        let now = ms(20) * u32::try_from(packet).unwrap();
        assert_eq!(push(&mut buffer, now, packet, 0), Pushed::Buffered);
        buffer.pull(now, &mut out);
        buffer.pull(now + ms(10), &mut out);
    }
    assert_eq!(push(&mut buffer, ms(200), 9, 0), Pushed::Duplicate);
    assert_eq!(push(&mut buffer, ms(200), 2, 0), Pushed::Late);
    assert_eq!(push(&mut buffer, ms(200), 900, 0), Pushed::OutOfRange);
    let mut wrong = ReceivedAudio { ssrc: 1, payload_type: 5, ..ReceivedAudio::default() };
    assert_eq!(buffer.push(ms(200), &wrong), Pushed::Invalid);
    wrong.payload_type = PT;
    assert_eq!(buffer.push(ms(200), &wrong), Pushed::Invalid);
    wrong.payload = &[0; 3];
    assert_eq!(buffer.push(ms(200), &wrong), Pushed::Invalid);
    let stats = *buffer.stats();
    assert_eq!((stats.late_packets, stats.duplicate_packets, stats.invalid_packets), (1, 1, 3));
    assert_eq!((stats.packets_discarded, stats.restarts), (3, 0));
    // The stream jumps only after two consecutive packets; another SSRC restarts it at once.
    assert_eq!(push(&mut buffer, ms(220), 901, 0), Pushed::Buffered);
    assert_eq!(buffer.stats().restarts, 1);
    let other = ReceivedAudio {
        ssrc: 2,
        payload_type: PT,
        payload: &[0; 1920],
        ..ReceivedAudio::default()
    };
    assert_eq!(buffer.push(ms(240), &other), Pushed::Buffered);
    assert_eq!((buffer.stats().restarts, buffer.buffered_packets()), (2, 1));
}

#[test]
fn delay_recovers_within_seconds_after_a_stall() {
    let mut buffer = buffer_of(AudioBufferConfig::default());
    // An outage of 150 ms, and twelve seconds later one of a second.
    let sent = link(1500, 0, |packet| {
        let wait = |from: i64, length: u64| {
            let since = u64::try_from(packet - from).ok()? * 20;
            length.checked_sub(since)
        };
        Some(ms(40 + wait(400, 150).or_else(|| wait(1000, 1000)).unwrap_or(0)))
    });
    play(&mut buffer, &sent, ms(29_900));
    let stats = buffer.stats();
    let delay = buffer.delay_us(29_900_000).unwrap();
    assert!(delay < 60_000, "{delay} {stats:?}");
    assert!(stats.concealed_samples < 48 * 1300, "{stats:?}");
    assert!(stats.removed_samples_for_acceleration > 48 * 100, "{stats:?}");
}

#[test]
fn clock_drift_is_compensated() {
    for ppm in [-100_i64, 100] {
        let mut buffer = buffer_of(AudioBufferConfig::default());
        // 20 ms of the sender take 20 ms and 2 us of the receiver.
        let sent = link(15_000, 0, |packet| {
            Some(Duration::from_micros((50_000 + packet * 20 * ppm / 1000).unsigned_abs()))
        });
        let heard = play(&mut buffer, &sent, ms(299_000));
        let stats = buffer.stats();
        assert_eq!(stats.concealed_samples, 0, "{ppm}: {stats:?}");
        assert!(buffer.buffered_packets() <= 3);
        assert!(stats.mean_delay() < ms(40), "{ppm}: {:?}", stats.mean_delay());
        let step = largest_step(heard.into_iter());
        assert!(step < 1.5 * own_step(15_000), "{step}");
    }
}

#[test]
fn dtx_is_a_pause_rather_than_a_loss() {
    let mut buffer = buffer_of(AudioBufferConfig::default());
    buffer.add_comfort_noise(13, 48_000).unwrap();
    let mut out = AudioBuf::new(buffer.format(), SampleKind::F32);
    let mut kinds = Vec::new();
    for block in 0..200_u32 {
        let now = ms(10) * block;
        let packet = i64::from(block / 2);
        // Speech for 400 ms, silence for 600 ms.
        let talks = packet % 50 < 20;
        let sequence = u16::try_from(packet / 50 * 21 + (packet % 50).min(20)).unwrap();
        let timestamp = PACKET * u32::try_from(packet).unwrap();
        let incoming = ReceivedAudio { ssrc: 1, sequence, timestamp, ..ReceivedAudio::default() };
        if block % 2 == 0 && (talks || packet % 50 == 20) {
            let (payload_type, bytes) = if talks { (PT, payload(packet)) } else { (13, vec![60]) };
            let incoming = ReceivedAudio { payload_type, payload: &bytes, ..incoming };
            assert_eq!(buffer.push(now, &incoming), Pushed::Buffered);
        }
        kinds.push(buffer.pull(now, &mut out).kind);
        if kinds.ends_with(&[PulledKind::Silence; 20]) && packet > 25 {
            let SampleBuf::F32(samples) = &out.samples else { panic!("floats") };
            let power = samples.iter().map(|v| v * v).sum::<f32>() / 480.0;
            assert!((0.2e-6..5e-6).contains(&power), "-60 dB: {power}");
        }
    }
    let stats = buffer.stats();
    assert_eq!(stats.concealment_events, 0, "{stats:?}");
    assert_eq!(stats.concealed_samples, stats.silent_concealed_samples);
    let decoded = kinds.iter().filter(|&&kind| kind == PulledKind::Decoded).count();
    assert!((76..=84).contains(&decoded), "{decoded}");
}

#[test]
fn g711_is_resampled_to_48_khz_and_losses_are_concealed() {
    let mut buffer = AudioBuffer::new(AudioBufferConfig::new(2));
    buffer.add_decoder(0, AudioCodec::Pcmu, 8000, Codes::boxed(8000, 1)).unwrap();
    let mut out = AudioBuf::new(buffer.format(), SampleKind::F32);
    let mut heard = Vec::new();
    for packet in 0..100_u32 {
        // A slowly alternating code: a square wave of 100 Hz.
        let bytes: Vec<u8> =
            (0..160).map(|at| if at / 40 % 2 == 0 { 0x90 } else { 0x10 }).collect();
        let incoming = ReceivedAudio {
            ssrc: 1,
            sequence: u16::try_from(packet).unwrap(),
            timestamp: packet * 160,
            payload: &bytes,
            ..ReceivedAudio::default()
        };
        if packet % 10 != 9 {
            buffer.push(ms(20) * packet, &incoming);
        }
        for half in 0..2 {
            buffer.pull(ms(20) * packet + ms(10) * half, &mut out);
            let SampleBuf::F32(samples) = &out.samples else { panic!("floats") };
            heard.extend_from_slice(samples);
        }
    }
    assert_eq!(heard.len(), 100 * 960 * 2);
    let share = buffer.stats().concealed_share();
    assert!((0.06..0.13).contains(&share), "{share}");
    // Gaps are concealed: no 20 ms are silent after the start.
    for part in heard[2 * 9600..].chunks_exact(2 * 960) {
        assert!(part.iter().any(|value| value.abs() > 0.02));
    }
}

#[test]
fn arbitrary_input_keeps_memory_bounded_and_audio_flowing() {
    let mut rng = Rng::new(11);
    let mut buffer = buffer_of(AudioBufferConfig::default());
    let mut out = AudioBuf::new(buffer.format(), SampleKind::F32);
    let bytes = vec![7; 1920];
    for step in 0..20_000_u64 {
        let now = Duration::from_micros(step * 700);
        let near = step * 34;
        let incoming = ReceivedAudio {
            ssrc: u32::from(rng.below(500) == 0),
            payload_type: PT,
            sequence: crate::sequence::wrap_16((step + rng.below(50)).cast_signed()),
            timestamp: crate::sequence::wrap_32((near + rng.below(480_000)).cast_signed()),
            payload: bytes.get(..2 * rng.index(961)).unwrap(),
            redundant: &[(960, &bytes), (u32::MAX, &bytes), (0, &[])],
        };
        buffer.push(now, &incoming);
        assert!(buffer.buffered_packets() <= super::MAX_PACKETS);
        if rng.below(20) == 0 {
            buffer.pull(now, &mut out);
            assert_eq!(out.frames(), PULL_FRAMES);
        }
    }
    assert!(buffer.buffered_bytes() <= super::MAX_PACKETS * 1920);
    // Time that stops, goes back and jumps.
    for now in [ms(0), ms(0), Duration::MAX, ms(3), Duration::from_secs(1 << 40)] {
        push(&mut buffer, now, 5, 2);
        buffer.pull(now, &mut out);
        assert_eq!(out.frames(), PULL_FRAMES);
    }
}
