//! Lip sync in virtual time, with the real audio jitter buffer.

use std::collections::VecDeque;
use std::time::Duration;

use codec_audio::{
    AudioBuf, AudioCapabilities, AudioCodec, AudioDecodeReport, AudioDecoder, AudioFormat,
    ChannelLayout, Recovery, SampleKind,
};
use codec_core::Error;

use super::{Delays, LipSync, LipSyncConfig};
use crate::jitter::audio::{AudioBuffer, AudioBufferConfig, ReceivedAudio};
use crate::rng::Rng;

const MONO: AudioFormat = AudioFormat::new(48_000, ChannelLayout::Mono);

/// An Opus packet of 20 ms: valid header only.
const PAYLOAD: [u8; 12] = [0xf8; 12];

/// Decoder that returns the same two periods of a tone for every packet.
#[derive(Debug)]
struct Tone {
    samples: Vec<f32>,
    waiting: bool,
}

impl Tone {
    fn boxed() -> Box<dyn AudioDecoder> {
        let wave = |at: u16| (f32::from(at) * std::f32::consts::TAU / 480.0).sin() * 0.3;
        Box::new(Self { samples: (0..960).map(wave).collect(), waiting: false })
    }
}

impl AudioDecoder for Tone {
    fn capabilities(&self) -> &AudioCapabilities {
        const { &AudioCapabilities::minimal("tone") }
    }

    fn format(&self) -> AudioFormat {
        MONO
    }

    fn decode(&mut self, _: &[u8], _: i64) -> Result<AudioDecodeReport, Error> {
        self.waiting = true;
        Ok(AudioDecodeReport::default())
    }

    fn recover(&mut self, _: usize, _: Recovery<'_>, _: i64) -> Result<AudioDecodeReport, Error> {
        Err(Error::unsupported("concealment"))
    }

    fn receive(&mut self, audio: &mut AudioBuf) -> bool {
        if self.waiting {
            audio.begin_f32(MONO, 0).extend_from_slice(&self.samples);
        }
        std::mem::take(&mut self.waiting)
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {}
}

/// A clock with a drift in parts per million, in microseconds of true time.
#[derive(Clone, Copy)]
struct Drift(i64);

impl Drift {
    fn of(self, true_us: i64) -> i64 {
        true_us + true_us * self.0 / 1_000_000
    }

    /// True time at which it shows `shown_us`.
    fn when(self, shown_us: i64) -> i64 {
        shown_us - shown_us * self.0 / (1_000_000 + self.0)
    }
}

fn micros(us: i64) -> Duration {
    Duration::from_micros(us.unsigned_abs())
}

fn ntp(us: i64) -> u64 {
    u64::try_from((i128::from(us) << 32) / 1_000_000).unwrap() + (3_900_000_000 << 32)
}

fn ticks(us: i64, rate: i64) -> i64 {
    us * rate / 1_000_000
}

fn wrapped(ticks: i64) -> u32 {
    crate::sequence::wrap_32(ticks)
}

/// Network path of a stream: maps send time to arrival time, in true time.
struct Way {
    rng: Rng,
    delay_us: i64,
    jitter_us: u64,
}

impl Way {
    fn arrival(&mut self, sent_us: i64) -> Option<i64> {
        let jitter = self.rng.below(self.jitter_us).cast_signed();
        (self.rng.below(100) > 0).then_some(sent_us + self.delay_us + jitter)
    }
}

/// A minimal video buffer: a fixed delay above the fastest recent frame.
struct Pictures {
    transits: VecDeque<i64>,
    /// Render time (by the receiver's clock) and timestamp of each frame.
    due: VecDeque<(i64, i64)>,
    target_us: i64,
}

impl Pictures {
    fn push(&mut self, now_us: i64, ticks: i64) {
        let media_us = ticks * 100 / 9;
        if self.transits.len() == 150 {
            self.transits.pop_front();
        }
        self.transits.push_back(now_us - media_us);
        let base = self.transits.iter().min().copied().unwrap_or(0);
        self.due.push_back(((media_us + base + self.target_us).max(now_us), ticks));
    }
}

struct Case {
    /// Drift of the receiver, the sound card, and the sender's audio and video sampling, relative
    /// to true time, which is the sender's wall clock.
    receiver: Drift,
    card: Drift,
    audio: Drift,
    video: Drift,
    audio_way_us: i64,
    video_way_us: i64,
    seed: u64,
}

struct Outcome {
    /// Maximum true offset after ten seconds, in microseconds.
    worst_us: i64,
    most_delay_us: i64,
    most_bytes: usize,
    concealed: f64,
}

fn run(case: &Case, seconds: i64) -> Outcome {
    let mut buffer = AudioBuffer::new(AudioBufferConfig::default());
    buffer.add_decoder(111, AudioCodec::Opus, 48_000, Tone::boxed()).unwrap();
    let mut lips = LipSync::new(LipSyncConfig::default(), 48_000, 90_000);
    let mut pictures =
        Pictures { transits: VecDeque::new(), due: VecDeque::new(), target_us: 50_000 };
    let way = |delay_us, jitter_us, stream| Way {
        rng: Rng::stream(case.seed, stream),
        delay_us,
        jitter_us,
    };
    let mut audio_way = way(case.audio_way_us, 30_000, 1);
    let mut video_way = way(case.video_way_us, 40_000, 2);
    let mut out = AudioBuf::new(MONO, SampleKind::F32);
    let (mut sounds, mut frames) = (VecDeque::new(), VecDeque::new());
    let (mut packet, mut frame, mut report) = (0_i64, 0_i64, 0_i64);
    let (mut audio_latency, mut outcome) =
        (0, Outcome { worst_us: 0, most_delay_us: 0, most_bytes: 0, concealed: 0.0 });
    // Each step is a block of the sound card.
    for block in 0..seconds * 100 {
        let time = case.card.when(block * 10_000);
        let now_us = case.receiver.of(time);
        // Captured and sent media.
        while case.audio.when((packet + 1) * 20_000) <= time {
            let sent = case.audio.when((packet + 1) * 20_000);
            sounds.extend(audio_way.arrival(sent).map(|at| (at, packet)));
            packet += 1;
        }
        while case.video.when(frame * 33_333) <= time {
            let sent = case.video.when(frame * 33_333);
            let at = ticks(frame * 33_333, 90_000);
            frames.extend(video_way.arrival(sent).map(|arrival| (arrival, at)));
            frame += 1;
        }
        if time >= report * 5_000_000 {
            lips.audio_report(wrapped(ticks(case.audio.of(time), 48_000)), ntp(time));
            lips.video_report(wrapped(ticks(case.video.of(time), 90_000)), ntp(time));
            report += 1;
        }
        // Arrivals. Reordering is left to the buffer.
        sounds.make_contiguous().sort_unstable();
        frames.make_contiguous().sort_unstable();
        while let Some((at, packet)) = sounds.pop_front_if(|(at, _)| *at <= time) {
            let incoming = ReceivedAudio {
                ssrc: 1,
                payload_type: 111,
                sequence: crate::sequence::wrap_16(packet),
                timestamp: wrapped(packet * 960),
                payload: &PAYLOAD,
                redundant: &[],
            };
            buffer.push(micros(case.receiver.of(at)), &incoming);
        }
        while let Some((at, ticks)) = frames.pop_front_if(|(at, _)| *at <= time) {
            pictures.push(case.receiver.of(at), ticks);
        }
        // Playout.
        let pulled = buffer.pull(micros(now_us), &mut out);
        if let Some(timestamp) = pulled.timestamp {
            lips.audio_played(micros(now_us), timestamp);
            let near = packet * 960;
            let played = near + i64::from(timestamp.wrapping_sub(wrapped(near)).cast_signed());
            audio_latency = time - case.audio.when(played * 125 / 6);
        }
        while let Some((at, ticks)) = pictures.due.pop_front_if(|(at, _)| *at <= now_us) {
            lips.video_rendered(micros(at), wrapped(ticks));
            let latency = case.receiver.when(at) - case.video.when(ticks * 100 / 9);
            if block > 1000 {
                outcome.worst_us = outcome.worst_us.max((audio_latency - latency).abs());
            }
        }
        let targets = Delays {
            audio: buffer.target_delay(micros(now_us)),
            video: micros(pictures.target_us),
        };
        if let Some(asked) = lips.update(micros(now_us), targets) {
            buffer.set_min_delay(asked.audio);
            let video = i64::try_from(asked.video.as_micros()).unwrap();
            pictures.target_us = video.max(50_000);
        }
        outcome.most_delay_us =
            outcome.most_delay_us.max(pulled.delay.as_micros().try_into().unwrap());
        outcome.most_bytes = outcome.most_bytes.max(buffer.buffered_bytes());
    }
    outcome.concealed = buffer.stats().concealed_share();
    outcome
}

#[test]
fn lip_sync_holds_for_two_hours_with_clock_drift() {
    let case = Case {
        receiver: Drift(-60),
        card: Drift(40),
        audio: Drift(100),
        video: Drift(-100),
        audio_way_us: 40_000,
        video_way_us: 40_000,
        seed: 1,
    };
    let outcome = run(&case, 7200);
    println!("worst offset {} us, most delay {} us", outcome.worst_us, outcome.most_delay_us);
    assert!(outcome.worst_us <= 40_000, "{} us", outcome.worst_us);
    assert!(outcome.most_delay_us < 150_000, "{} us", outcome.most_delay_us);
    assert!(outcome.most_bytes <= 10 * PAYLOAD.len(), "{} bytes", outcome.most_bytes);
    assert!((0.005..0.02).contains(&outcome.concealed), "{}", outcome.concealed);
}

#[test]
fn the_earlier_stream_is_delayed() {
    for (audio_way_us, video_way_us) in [(40_000, 240_000), (240_000, 40_000)] {
        let case = Case {
            receiver: Drift(0),
            card: Drift(0),
            audio: Drift(-50),
            video: Drift(50),
            audio_way_us,
            video_way_us,
            seed: 2,
        };
        let outcome = run(&case, 300);
        assert!(outcome.worst_us <= 40_000, "{audio_way_us}: {} us", outcome.worst_us);
        assert!(outcome.most_delay_us < 350_000, "{} us", outcome.most_delay_us);
    }
}

#[test]
fn changes_are_small_and_first_revert_earlier_delays() {
    let mut lips = LipSync::new(LipSyncConfig::default(), 48_000, 90_000);
    lips.audio_report(0, 1 << 40);
    lips.video_report(0, 1 << 40);
    let ms = Duration::from_millis;
    let targets = Delays { audio: ms(40), video: ms(50) };
    let mut now = Duration::ZERO;
    // Audio leaves the buffer `late` ms later after capture than video.
    let mut second = |lips: &mut LipSync, late: i64| {
        for _ in 0..30 {
            now += ms(33);
            let at = i64::try_from(now.as_millis()).unwrap();
            lips.audio_played(now, wrapped((at - late) * 48));
            lips.video_rendered(now, wrapped(at * 90));
        }
        now += ms(10);
        lips.update(now, targets)
    };
    assert_eq!(second(&mut lips, 25), None);
    assert_eq!(second(&mut lips, 200), Some(Delays { audio: ms(0), video: ms(130) }));
    let half = second(&mut lips, 20).unwrap();
    assert!(half.video > ms(149) && half.video < ms(151), "a started correction is completed");
    assert_eq!(second(&mut lips, 8), None);
    assert_eq!(second(&mut lips, 20), None);
    let back = second(&mut lips, -60).unwrap();
    assert!(back.video > ms(89) && back.video < ms(91) && back.audio.is_zero(), "{back:?}");
    for _ in 0..40 {
        second(&mut lips, -500);
    }
    assert_eq!(lips.requested(), Delays { audio: Duration::from_secs(1), video: ms(0) });
}
