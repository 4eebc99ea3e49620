//! An adaptive jitter buffer for sound: packets in whenever they come, 10 ms of sound out at each call.
//!
//! The delay follows the network: a histogram of how late packets are says what lets most of them come
//! in time ([`AudioBufferStats::mean_target_delay`]), and the sound is played up to a fifth faster or
//! slower until it is there. What does not come is taken from redundant payloads (RFC 2198), from the
//! coarse copy in the Opus packet that follows (RFC 6716, section 2.1.7), or made up.
//!
//! | file | |
//! |---|---|
//! | `mod.rs`, `push.rs`, `play.rs`, `level.rs` | the buffer; what comes in; what goes out; how fast |
//! | `arrival.rs` | lateness of packets, target delay |
//! | `store.rs` | packets that wait |
//! | `source.rs`, `rate.rs` | decoders, their sound at 48 kHz |
//! | `pcm.rs`, `pitch.rs`, `stretch.rs` | decoded sound, faster and slower |
//! | `conceal.rs`, `noise.rs` | made-up sound, comfort noise |

mod arrival;
mod conceal;
mod config;
mod level;
mod noise;
mod pcm;
mod pitch;
mod play;
mod push;
mod rate;
mod source;
mod stats;
mod store;
mod stretch;

use std::time::Duration;

use codec_core::audio::{AudioBuf, AudioCodec, AudioDecoder, AudioFormat};
use codec_core::error::ConfigError;

use self::arrival::{Arrivals, micros};
use self::conceal::Extension;
pub use self::config::{
    AudioBufferConfig, MAX_DELAY, MAX_FORMATS, MAX_PACKETS, MAX_PAYLOAD_BYTES, MAX_SPAN,
    PULL_FRAMES, RATE,
};
use self::level::Level;
use self::noise::Noise;
use self::pcm::Pcm;
pub use self::push::{Incoming, Pushed};
use self::source::{Format, Meaning, Source, scale};
pub use self::stats::AudioBufferStats;
use self::stats::for_samples;
use self::store::Store;
use crate::sequence::{Unwrapper16, Unwrapper32, wrap_32};

/// What a block of 10 ms mostly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sound {
    /// Sound of packets.
    Decoded,
    /// Sound in place of what did not come.
    Concealed,
    /// A pause: nothing has come yet or any more, or the sender is silent.
    Quiet,
}

/// What is known of the 10 ms that were pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pulled {
    /// What was added last to the sound that waits.
    pub sound: Sound,
    /// RTP timestamp of the first sample, of decoded sound.
    pub timestamp: Option<u32>,
    /// From the arrival of the fastest packets to now, for that sample.
    pub delay: Duration,
}

/// The buffer of one stream.
#[derive(Debug)]
pub struct AudioBuffer {
    config: AudioBufferConfig,
    formats: Vec<Format>,
    store: Store,
    arrivals: Arrivals,
    pcm: Pcm,
    extension: Extension,
    noise: Noise,
    level: Level,
    stats: AudioBufferStats,
    ssrc: Option<u32>,
    sequence: Unwrapper16,
    timestamp: Unwrapper32,
    /// Ticks of the RTP clock per second, of the payload type that comes.
    clock_rate: u32,
    /// Payload type of what was decoded last.
    current: Option<u8>,
    /// A packet far away from the others; if the next one follows it, the stream has moved.
    astray: Option<u16>,
    /// Time after what was decoded last, in ticks.
    decoded_to: Option<i64>,
    /// Sequence number of the packet that was decoded last.
    last_sequence: Option<i64>,
    /// Highest sequence number that came.
    newest_sequence: Option<i64>,
    /// The sender has said that it is silent.
    dtx: bool,
    /// Nothing plays: the next packet waits for the target delay.
    pausing: bool,
    state: Making,
    /// Sample frames that were made up while nothing waited: they stand for what was lost, or for the
    /// time that a late packet has lost.
    credit: usize,
    /// Sound that the decoder made up and that nobody has heard yet.
    reserve: Vec<f32>,
    scratch: Vec<f32>,
    extended: Vec<f32>,
    /// Sample frames pulled so far.
    pulled: i64,
}

/// Concealment under way.
#[derive(Clone, Copy, Debug, Default)]
struct Making {
    /// Sample frames made up in a row.
    made: usize,
    /// The decoder has made up the last of them, and all that it made up was used.
    by_decoder: bool,
    /// What comes next does not follow from what came last.
    is_cut: bool,
}

impl AudioBuffer {
    /// An empty buffer without payload types. Settings out of range are brought into it.
    #[must_use]
    pub fn new(config: AudioBufferConfig) -> Self {
        let config = config.clamped();
        let channels = usize::from(config.channels);
        Self {
            formats: Vec::new(),
            store: Store::default(),
            arrivals: Arrivals::new(config.start_delay, config.quantile),
            pcm: Pcm::new(channels),
            extension: Extension::default(),
            noise: Noise::new(channels, config.comfort_noise),
            level: Level::default(),
            stats: AudioBufferStats::default(),
            ssrc: None,
            sequence: Unwrapper16::default(),
            timestamp: Unwrapper32::default(),
            clock_rate: RATE,
            current: None,
            astray: None,
            decoded_to: None,
            last_sequence: None,
            newest_sequence: None,
            dtx: false,
            pausing: true,
            state: Making::default(),
            credit: 0,
            reserve: Vec::new(),
            scratch: Vec::new(),
            extended: Vec::new(),
            pulled: 0,
            config,
        }
    }

    /// What comes out: 48 kHz, mono or stereo.
    #[must_use]
    pub fn format(&self) -> AudioFormat {
        self.config.format()
    }

    /// Payloads of `payload_type` are `codec`, decoded by `decoder`; timestamps count `clock_rate`
    /// ticks a second (48,000 for Opus whatever its rate; RFC 7587, section 4.1). A payload type that
    /// has a meaning gets another one.
    ///
    /// # Errors
    /// [`ConfigError`] for a payload type above 127, a clock rate outside 1,000..=384,000 Hz, a
    /// decoder whose rate cannot be brought to 48 kHz, or more than [`MAX_FORMATS`] types.
    pub fn add_decoder(
        &mut self,
        payload_type: u8,
        codec: AudioCodec,
        clock_rate: u32,
        decoder: Box<dyn AudioDecoder>,
    ) -> Result<(), ConfigError> {
        let rate = decoder.format().rate;
        if rate != RATE && rate::ToOutputRate::new(rate, 1).is_none() {
            let allowed = "44100 Hz, 48000 Hz, or a simple part of them from 4 to 192 kHz";
            return Err(ConfigError::new("sampling rate", format_args!("{rate} Hz"), allowed));
        }
        let source = Source::new(codec, decoder, self.config.format());
        self.add(payload_type, clock_rate, Meaning::Coded(Box::new(source)))
    }

    /// Payloads of `payload_type` (13 by default) say that the sender is silent: RFC 3389.
    ///
    /// # Errors
    /// As [`Self::add_decoder`].
    pub fn add_comfort_noise(
        &mut self,
        payload_type: u8,
        clock_rate: u32,
    ) -> Result<(), ConfigError> {
        self.add(payload_type, clock_rate, Meaning::ComfortNoise)
    }

    fn add(
        &mut self,
        payload_type: u8,
        clock_rate: u32,
        meaning: Meaning,
    ) -> Result<(), ConfigError> {
        if payload_type > 127 {
            return Err(ConfigError::new("payload type", payload_type, "0..=127"));
        }
        if !codec_core::audio::RATES.contains(&clock_rate) {
            let given = format_args!("{clock_rate} Hz");
            return Err(ConfigError::new("clock rate", given, "1000..=384000 Hz"));
        }
        self.formats.retain(|format| format.payload_type != payload_type);
        if self.formats.len() >= MAX_FORMATS {
            return Err(ConfigError::new("payload types", MAX_FORMATS + 1, MAX_FORMATS));
        }
        self.formats.push(Format { payload_type, clock_rate, meaning });
        Ok(())
    }

    /// The next 10 ms, whatever has happened: [`PULL_FRAMES`] sample frames of [`Self::format`],
    /// floats; their time counts what was pulled before.
    pub fn pull(&mut self, now: Duration, out: &mut AudioBuf) -> Pulled {
        let now_us = micros(now);
        let mut sound = self.fill(now_us);
        self.adjust(now_us);
        if self.pcm.ahead() < PULL_FRAMES {
            sound = self.fill(now_us);
        }
        let playing = self.playing_at().filter(|_| sound == Sound::Decoded);
        let timestamp = playing.map(wrap_32);
        let delay = self.delay_us(now_us).unwrap_or(0).max(0);
        let format = self.format();
        self.pcm.play(PULL_FRAMES, out.begin_f32(format, self.pulled));
        self.pulled = self.pulled.saturating_add_unsigned(PULL_FRAMES as u64);
        self.stats.total_samples_received += PULL_FRAMES as u64;
        self.level.played(PULL_FRAMES);
        Pulled { sound, timestamp, delay: Duration::from_micros(delay.unsigned_abs()) }
    }

    /// Least target delay from now on, the greatest one at most; [`crate::sync`] asks for it.
    pub fn set_min_delay(&mut self, delay: Duration) {
        self.config.min_delay = delay.min(self.config.max_delay);
    }

    /// Greatest target delay from now on, 20 ms to [`MAX_DELAY`].
    pub fn set_max_delay(&mut self, delay: Duration) {
        self.config.max_delay = delay;
        self.config = self.config.clamped();
    }

    /// The delay that is aimed at, from the arrival of the fastest packets to [`Self::pull`].
    #[must_use]
    pub fn target_delay(&self, now: Duration) -> Duration {
        Duration::from_micros(self.target_us(micros(now)).unsigned_abs())
    }

    /// Bytes of the payloads that wait.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.store.bytes()
    }

    /// Payloads that wait.
    #[must_use]
    pub fn waiting_packets(&self) -> usize {
        self.store.len()
    }

    /// Counters since the beginning.
    #[must_use]
    pub fn stats(&self) -> &AudioBufferStats {
        &self.stats
    }

    /// As before the first packet, but for payload types, settings and counters.
    pub fn reset(&mut self) {
        self.ssrc = None;
        self.restart();
        self.arrivals = Arrivals::new(self.config.start_delay, self.config.quantile);
    }

    /// Another stream: nothing of the old one waits any more. What was decoded is played.
    fn restart(&mut self) {
        self.store.clear();
        self.arrivals.restart();
        self.sequence = Unwrapper16::default();
        self.timestamp = Unwrapper32::default();
        self.astray = None;
        self.decoded_to = None;
        self.last_sequence = None;
        self.newest_sequence = None;
        self.state.is_cut = true;
        self.reserve.clear();
        self.dtx = false;
        self.pausing = true;
        self.credit = 0;
        self.level = Level::default();
        for format in &mut self.formats {
            if let Meaning::Coded(source) = &mut format.meaning {
                source.reset();
            }
        }
    }

    /// The format of a payload type.
    fn format_of(&mut self, payload_type: u8) -> Option<&mut Format> {
        self.formats.iter_mut().find(|format| format.payload_type == payload_type)
    }

    /// The decoder of what was decoded last.
    fn current_source(&mut self) -> Option<&mut Source> {
        let payload_type = self.current?;
        match self.format_of(payload_type)?.meaning {
            Meaning::Coded(ref mut source) => Some(source),
            Meaning::ComfortNoise => None,
        }
    }

    /// Media time of a timestamp in microseconds.
    fn media_us(&self, timestamp: i64) -> i64 {
        scale(timestamp, self.clock_rate, 1_000_000)
    }

    /// Sample frames at 48 kHz as ticks of the RTP clock.
    fn ticks(&self, frames: usize) -> i64 {
        scale(i64::try_from(frames).unwrap_or(0), RATE, self.clock_rate)
    }

    /// Ticks of the RTP clock as sample frames at 48 kHz.
    fn frames(&self, ticks: i64) -> usize {
        usize::try_from(scale(ticks, self.clock_rate, RATE)).unwrap_or(0)
    }

    /// Timestamp of the next sample that is played.
    fn playing_at(&self) -> Option<i64> {
        let decoded_to = self.decoded_to.filter(|_| !self.pausing)?;
        Some(decoded_to - self.ticks(self.pcm.ahead()))
    }

    /// Delay of a sample if it were played now, against the fastest packets.
    fn delay_of(&self, now_us: i64, timestamp: i64) -> Option<i64> {
        let base = self.arrivals.base_us()?;
        Some(now_us.saturating_sub(base).saturating_sub(self.media_us(timestamp)))
    }

    /// The same of the next sample.
    fn delay_us(&self, now_us: i64) -> Option<i64> {
        self.delay_of(now_us, self.playing_at()?)
    }

    /// The delay that is aimed at without what was asked for.
    fn network_target_us(&self, now_us: i64) -> i64 {
        self.arrivals.target_us(now_us).min(micros(self.config.max_delay))
    }

    fn target_us(&self, now_us: i64) -> i64 {
        self.network_target_us(now_us).max(micros(self.config.min_delay))
    }

    /// Counts sound of packets that has been decoded; `arrived_us`: when they came.
    fn count_emitted(&mut self, now_us: i64, arrived_us: i64, frames: usize) {
        let ahead = scale(i64::try_from(self.pcm.ahead()).unwrap_or(0), RATE, 1_000_000);
        let waited = now_us.saturating_sub(arrived_us).max(0).saturating_add(ahead);
        let of = |us: i64| Duration::from_micros(us.unsigned_abs());
        let (target, network) = (self.target_us(now_us), self.network_target_us(now_us));
        let stats = &mut self.stats;
        stats.jitter_buffer_emitted_count += frames as u64;
        stats.jitter_buffer_delay += for_samples(of(waited), frames);
        stats.jitter_buffer_target_delay += for_samples(of(target), frames);
        stats.jitter_buffer_minimum_delay += for_samples(of(network), frames);
    }
}

#[cfg(test)]
mod tests;
