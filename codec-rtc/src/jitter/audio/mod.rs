//! Adaptive audio jitter buffer, similar to `NetEQ` of libwebrtc: packets in at any time, 10 ms of
//! audio out per call.
//!
//! Register a decoder for each payload type ([`AudioBuffer::add_decoder`]), push packets as they
//! arrive ([`AudioBuffer::push`]), and pull 10 ms at 48 kHz whenever the audio output needs them
//! ([`AudioBuffer::pull`]). A pull always returns audio: decoded, concealed, or silence.
//!
//! The target delay follows a histogram of packet delays ([`AudioBufferStats::mean_target_delay`]),
//! and time stretching by up to 20 % moves the actual delay towards it. Lost packets are recovered
//! from redundant payloads (RFC 2198) or Opus in-band FEC (RFC 6716, section 2.1.7), or concealed.
//!
//! | file | contents |
//! |---|---|
//! | `mod.rs`, `input.rs`, `output.rs`, `delay_control.rs` | the buffer: input, output, playout speed |
//! | `arrival.rs` | packet delays, target delay |
//! | `packet_buffer.rs` | buffered packets |
//! | `decoder.rs`, `rate.rs` | decoders, resampling to 48 kHz |
//! | `pcm.rs`, `pitch.rs`, `time_stretch.rs` | decoded audio, time stretching |
//! | `conceal.rs`, `noise.rs` | concealment, comfort noise |

mod arrival;
mod conceal;
mod config;
mod decoder;
mod delay_control;
mod input;
mod noise;
mod output;
mod packet_buffer;
mod pcm;
mod pitch;
mod rate;
mod stats;
mod time_stretch;

use std::time::Duration;

use codec_audio::{AudioBuf, AudioCodec, AudioDecoder, AudioFormat};
use codec_core::error::ConfigError;

use self::arrival::{Arrivals, micros};
use self::conceal::Extrapolation;
pub use self::config::{
    AudioBufferConfig, MAX_DELAY, MAX_FORMATS, MAX_PACKETS, MAX_PAYLOAD_BYTES, MAX_SPAN,
    PULL_FRAMES, RATE,
};
use self::decoder::{Format, PayloadDecoder, PayloadUse, scale};
use self::delay_control::DelayControl;
pub use self::input::{Pushed, ReceivedAudio};
use self::noise::Noise;
use self::packet_buffer::PacketBuffer;
use self::pcm::Pcm;
pub use self::stats::AudioBufferStats;
use self::stats::for_samples;
use crate::sequence::{Unwrapper16, Unwrapper32, wrap_32};

/// Main content of a block of 10 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PulledKind {
    /// Decoded audio.
    Decoded,
    /// Concealment of lost audio.
    Concealed,
    /// Silence or comfort noise: before the first packet, after the last, or while the sender is
    /// silent (DTX).
    Silence,
}

/// Information about the 10 ms that were pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pulled {
    /// Kind of the audio added last to the playout queue.
    pub kind: PulledKind,
    /// RTP timestamp of the first sample, if it was decoded.
    pub timestamp: Option<u32>,
    /// Delay of that sample relative to the arrival of the fastest packets.
    pub delay: Duration,
}

/// Jitter buffer of one audio stream.
#[derive(Debug)]
pub struct AudioBuffer {
    config: AudioBufferConfig,
    formats: Vec<Format>,
    store: PacketBuffer,
    arrivals: Arrivals,
    pcm: Pcm,
    extrapolation: Extrapolation,
    noise: Noise,
    delay_control: DelayControl,
    stats: AudioBufferStats,
    ssrc: Option<u32>,
    sequence: Unwrapper16,
    timestamp: Unwrapper32,
    /// RTP clock rate of the current payload type, in Hz.
    clock_rate: u32,
    /// Payload type decoded last.
    current: Option<u8>,
    /// Sequence number of an outlier; if the next packet follows it, the stream has jumped there.
    outlier: Option<u16>,
    /// Timestamp after the audio decoded last.
    decoded_to: Option<i64>,
    /// Sequence number of the packet decoded last.
    last_sequence: Option<i64>,
    /// Highest sequence number received.
    newest_sequence: Option<i64>,
    /// The sender signalled DTX.
    dtx: bool,
    /// Playout is paused: the next packet waits for the target delay.
    paused: bool,
    concealment: Concealment,
    /// Sample frames concealed while the buffer was empty. They replace lost audio, or add delay if
    /// the packet was only late.
    concealed_credit: usize,
    /// Audio concealed by the decoder but not yet used.
    reserve: Vec<f32>,
    scratch: Vec<f32>,
    extended: Vec<f32>,
    /// Sample frames pulled so far.
    pulled: i64,
}

/// State of the concealment.
#[derive(Clone, Copy, Debug, Default)]
struct Concealment {
    /// Consecutive sample frames concealed.
    frames: usize,
    /// The decoder concealed the last of them and all its output was used.
    by_decoder: bool,
    /// The next audio does not continue the previous one.
    is_discontinuous: bool,
}

impl AudioBuffer {
    /// Creates an empty buffer without payload types. Settings out of range are clamped.
    #[must_use]
    pub fn new(config: AudioBufferConfig) -> Self {
        let config = config.clamped();
        let channels = usize::from(config.channels);
        Self {
            formats: Vec::new(),
            store: PacketBuffer::default(),
            arrivals: Arrivals::new(config.start_delay, config.quantile),
            pcm: Pcm::new(channels),
            extrapolation: Extrapolation::default(),
            noise: Noise::new(channels, config.comfort_noise),
            delay_control: DelayControl::default(),
            stats: AudioBufferStats::default(),
            ssrc: None,
            sequence: Unwrapper16::default(),
            timestamp: Unwrapper32::default(),
            clock_rate: RATE,
            current: None,
            outlier: None,
            decoded_to: None,
            last_sequence: None,
            newest_sequence: None,
            dtx: false,
            paused: true,
            concealment: Concealment::default(),
            concealed_credit: 0,
            reserve: Vec::new(),
            scratch: Vec::new(),
            extended: Vec::new(),
            pulled: 0,
            config,
        }
    }

    /// Output format: 48 kHz, mono or stereo.
    #[must_use]
    pub fn format(&self) -> AudioFormat {
        self.config.format()
    }

    /// Registers `decoder` for `payload_type`, replacing an earlier registration. `clock_rate` is
    /// the RTP clock rate in Hz (always 48,000 for Opus; RFC 7587, section 4.1).
    ///
    /// # Errors
    /// Returns [`ConfigError`] for a payload type above 127, a clock rate outside 1,000..=384,000
    /// Hz, a decoder sample rate that cannot be resampled to 48 kHz, or more than [`MAX_FORMATS`]
    /// payload types.
    pub fn add_decoder(
        &mut self,
        payload_type: u8,
        codec: AudioCodec,
        clock_rate: u32,
        decoder: Box<dyn AudioDecoder>,
    ) -> Result<(), ConfigError> {
        let rate = decoder.format().rate;
        if rate != RATE && rate::ToOutputRate::new(rate, 1).is_none() {
            let allowed =
                "a common sample rate of 4000..=192000 Hz, such as 8000, 16000, 44100 or 48000";
            return Err(ConfigError::new("sample rate", format_args!("{rate} Hz"), allowed));
        }
        let source = PayloadDecoder::new(codec, decoder, self.config.format());
        self.add(payload_type, clock_rate, PayloadUse::Audio(Box::new(source)))
    }

    /// Registers a comfort noise payload type (13 by default), which signals DTX: RFC 3389.
    ///
    /// # Errors
    /// Returns the errors of [`Self::add_decoder`].
    pub fn add_comfort_noise(
        &mut self,
        payload_type: u8,
        clock_rate: u32,
    ) -> Result<(), ConfigError> {
        self.add(payload_type, clock_rate, PayloadUse::ComfortNoise)
    }

    fn add(
        &mut self,
        payload_type: u8,
        clock_rate: u32,
        meaning: PayloadUse,
    ) -> Result<(), ConfigError> {
        if payload_type > 127 {
            return Err(ConfigError::new("payload type", payload_type, "0..=127"));
        }
        if !codec_audio::RATES.contains(&clock_rate) {
            let given = format_args!("{clock_rate} Hz");
            return Err(ConfigError::new("clock rate", given, "1000..=384000 Hz"));
        }
        self.formats.retain(|format| format.payload_type != payload_type);
        if self.formats.len() >= MAX_FORMATS {
            return Err(ConfigError::new(
                "number of payload types",
                MAX_FORMATS + 1,
                format_args!("at most {MAX_FORMATS}"),
            ));
        }
        self.formats.push(Format { payload_type, clock_rate, usage: meaning });
        Ok(())
    }

    /// Returns the next 10 ms of audio: always [`PULL_FRAMES`] float sample frames in
    /// [`Self::format`]. Their time is the number of sample frames pulled before.
    pub fn pull(&mut self, now: Duration, out: &mut AudioBuf) -> Pulled {
        let now_us = micros(now);
        let mut kind = self.fill(now_us);
        self.adjust(now_us);
        if self.pcm.ahead() < PULL_FRAMES {
            kind = self.fill(now_us);
        }
        let playing = self.playout_timestamp().filter(|_| kind == PulledKind::Decoded);
        let timestamp = playing.map(wrap_32);
        let delay = self.delay_us(now_us).unwrap_or(0).max(0);
        let format = self.format();
        self.pcm.play(PULL_FRAMES, out.begin_f32(format, self.pulled));
        self.pulled = self.pulled.saturating_add_unsigned(PULL_FRAMES as u64);
        self.stats.total_samples_received += PULL_FRAMES as u64;
        self.delay_control.played(PULL_FRAMES);
        Pulled { kind, timestamp, delay: Duration::from_micros(delay.unsigned_abs()) }
    }

    /// Sets the minimum target delay, limited to the maximum; used by [`crate::sync`].
    pub fn set_min_delay(&mut self, delay: Duration) {
        self.config.min_delay = delay.min(self.config.max_delay);
    }

    /// Sets the maximum target delay, 20 ms to [`MAX_DELAY`].
    pub fn set_max_delay(&mut self, delay: Duration) {
        self.config.max_delay = delay;
        self.config = self.config.clamped();
    }

    /// Target delay, from the arrival of the fastest packets to [`Self::pull`].
    #[must_use]
    pub fn target_delay(&self, now: Duration) -> Duration {
        Duration::from_micros(self.target_us(micros(now)).unsigned_abs())
    }

    /// Total size of the buffered payloads in bytes.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.store.bytes()
    }

    /// Number of buffered payloads.
    #[must_use]
    pub fn buffered_packets(&self) -> usize {
        self.store.len()
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> &AudioBufferStats {
        &self.stats
    }

    /// Resets everything except payload types, settings and counters.
    pub fn reset(&mut self) {
        self.ssrc = None;
        self.restart();
        self.arrivals = Arrivals::new(self.config.start_delay, self.config.quantile);
    }

    /// Starts a new stream: drops the packets of the old one, but plays what was decoded.
    fn restart(&mut self) {
        self.store.clear();
        self.arrivals.restart();
        self.sequence = Unwrapper16::default();
        self.timestamp = Unwrapper32::default();
        self.outlier = None;
        self.decoded_to = None;
        self.last_sequence = None;
        self.newest_sequence = None;
        self.concealment.is_discontinuous = true;
        self.reserve.clear();
        self.dtx = false;
        self.paused = true;
        self.concealed_credit = 0;
        self.delay_control = DelayControl::default();
        for format in &mut self.formats {
            if let PayloadUse::Audio(source) = &mut format.usage {
                source.reset();
            }
        }
    }

    /// Registration of a payload type.
    fn format_of(&mut self, payload_type: u8) -> Option<&mut Format> {
        self.formats.iter_mut().find(|format| format.payload_type == payload_type)
    }

    /// Decoder of the audio decoded last.
    fn current_decoder(&mut self) -> Option<&mut PayloadDecoder> {
        let payload_type = self.current?;
        match self.format_of(payload_type)?.usage {
            PayloadUse::Audio(ref mut source) => Some(source),
            PayloadUse::ComfortNoise => None,
        }
    }

    /// Converts a timestamp to microseconds.
    fn media_us(&self, timestamp: i64) -> i64 {
        scale(timestamp, self.clock_rate, 1_000_000)
    }

    /// Converts sample frames at 48 kHz to RTP clock ticks.
    fn ticks(&self, frames: usize) -> i64 {
        scale(i64::try_from(frames).unwrap_or(0), RATE, self.clock_rate)
    }

    /// Converts RTP clock ticks to sample frames at 48 kHz.
    fn frames(&self, ticks: i64) -> usize {
        usize::try_from(scale(ticks, self.clock_rate, RATE)).unwrap_or(0)
    }

    /// Timestamp of the next sample to be played.
    fn playout_timestamp(&self) -> Option<i64> {
        let decoded_to = self.decoded_to.filter(|_| !self.paused)?;
        Some(decoded_to - self.ticks(self.pcm.ahead()))
    }

    /// Delay of a sample if it were played now, relative to the fastest packets.
    fn delay_of(&self, now_us: i64, timestamp: i64) -> Option<i64> {
        let base = self.arrivals.base_us()?;
        Some(now_us.saturating_sub(base).saturating_sub(self.media_us(timestamp)))
    }

    /// Delay of the next sample to be played.
    fn delay_us(&self, now_us: i64) -> Option<i64> {
        self.delay_of(now_us, self.playout_timestamp()?)
    }

    /// Target delay required by the network, without the configured minimum.
    fn network_target_us(&self, now_us: i64) -> i64 {
        self.arrivals.target_us(now_us).min(micros(self.config.max_delay))
    }

    fn target_us(&self, now_us: i64) -> i64 {
        self.network_target_us(now_us).max(micros(self.config.min_delay))
    }

    /// Updates the counters for decoded audio that arrived at `arrived_us`.
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
