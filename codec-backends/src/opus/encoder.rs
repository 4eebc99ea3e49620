//! Opus encoder that uses one of the libraries: translates settings, divides audio into frames, and
//! returns packets.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::FRAME_US;
use super::library::{
    APPLICATION_AUDIO, APPLICATION_LOW_DELAY, APPLICATION_VOIP, AUTO, BANDWIDTH_NARROW,
    LibraryEncoder, OK, SIGNAL_MUSIC, SIGNAL_VOICE, Setting,
};
use codec_audio::check::{check_format, reject_knobs, unknown_knob};
use codec_audio::framer::{Framer, PacketQueue};
use codec_audio::opus_head::{OpusHead, wave_channel_order};
use codec_audio::opus_packet::OpusPacket;
use codec_audio::{
    Application, AudioCapabilities, AudioCodec, AudioEncoder, AudioEncoderConfig, AudioOutcome,
    AudioPacket, AudioRate, AudioUpdate, AudioView, Bandwidth, FrameDuration, Signal, level_dbov,
};
use codec_core::codec::Applied;
use codec_core::error::{ConfigError, Error, LibraryError};

/// Opens an encoder of the library `L`.
pub(crate) fn open<L: LibraryEncoder>(
    config: &AudioEncoderConfig,
) -> Result<Box<dyn AudioEncoder>, Error> {
    Ok(Box::new(Encoder::<L>::new(config)?))
}

struct Encoder<L> {
    config: AudioEncoderConfig,
    inner: L,
    head: OpusHead,
    framer: Framer<i16>,
    /// Input channel of each channel that the library expects.
    places: &'static [usize],
    ordered: Vec<i16>,
    out: Vec<u8>,
    packets: PacketQueue,
}

impl<L> fmt::Debug for Encoder<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<L: LibraryEncoder> Encoder<L> {
    fn new(config: &AudioEncoderConfig) -> Result<Self, Error> {
        if config.codec != AudioCodec::Opus {
            return Err(ConfigError::new("codec", config.codec, "opus").into());
        }
        check_format(config.format, L::CAPABILITIES)?;
        reject_knobs(&config.knobs)?;
        let (mut inner, mut head) = build::<L>(config)?;
        configure(&mut inner, config)?;
        let lookahead = u32::try_from(inner.lookahead()).unwrap_or(0);
        let pre_skip = lookahead * (48_000 / config.format.rate);
        head.pre_skip = u16::try_from(pre_skip).unwrap_or(u16::MAX);
        let frame = frame_samples(config.frame, config)?;
        let channels = config.format.channels();
        Ok(Self {
            framer: Framer::new(channels, frame),
            places: wave_channel_order(channels),
            ordered: Vec::new(),
            // A packet of 120 ms: six frames of maximum size with their lengths, per stream.
            out: vec![0; usize::from(head.streams) * 6 * 1280],
            packets: PacketQueue::default(),
            config: config.clone(),
            inner,
            head,
        })
    }

    /// Codes the complete frames. `trim_end` is the number of padding samples in the last one.
    fn code(&mut self, trim_end: Option<usize>) -> Result<(), Error> {
        let lookahead = i64::from(self.lookahead());
        while let Some((pts, pcm)) = self.framer.take() {
            let channels = self.config.format.channels();
            let frames = pcm.len() / channels;
            let level = level_dbov(pcm);
            let pcm = if channels > 2 {
                self.ordered.clear();
                for frame in pcm.chunks_exact(channels) {
                    self.ordered.extend(self.places.iter().map(|&place| frame[place]));
                }
                &self.ordered
            } else {
                pcm
            };
            let length = i32::try_from(frames).unwrap_or(i32::MAX);
            let (inner, out) = (&mut self.inner, &mut self.out);
            let coded = catch_unwind(AssertUnwindSafe(|| inner.encode(pcm, length, out)));
            let Ok(Ok(size)) = coded else {
                self.reset()?;
                let lost = "cannot encode a frame, which is lost; the encoder was reset";
                return Err(LibraryError::new("ropus", lost).into());
            };
            let mut packet = self.packets.begin();
            packet.data.extend_from_slice(&self.out[..size]);
            packet.pts = pts.saturating_sub(lookahead);
            packet.duration = frames as u64;
            if let Some(trim) = trim_end
                && self.framer.waiting_frames() == 0
            {
                packet.trim_end = trim as u64;
            }
            packet.meta.level_dbov = level;
            packet.meta.final_range = Some(self.inner.final_range());
            describe(&mut packet, usize::from(self.head.streams), self.config.dtx);
            self.packets.push(packet);
        }
        Ok(())
    }

    /// Codes the buffered samples, with enough silence to flush the look-ahead.
    fn flush(&mut self) -> Result<(), Error> {
        match self.framer.flush(self.lookahead() as usize) {
            Some(trim_end) => self.code(Some(trim_end)),
            None => Ok(()),
        }
    }

    /// Resets the encoder state but keeps its settings.
    fn reset(&mut self) -> Result<(), Error> {
        (self.inner, _) = build::<L>(&self.config)?;
        configure(&mut self.inner, &self.config)
    }
}

impl<L: LibraryEncoder> AudioEncoder for Encoder<L> {
    fn capabilities(&self) -> &AudioCapabilities {
        L::CAPABILITIES
    }

    fn lookahead(&self) -> u32 {
        u32::try_from(self.inner.lookahead()).unwrap_or(0)
    }

    fn codec_private(&self) -> Vec<u8> {
        self.head.to_bytes()
    }

    fn encode(&mut self, audio: &AudioView<'_>, pts: i64) -> Result<AudioOutcome, Error> {
        let format = self.config.format;
        if audio.format() != format {
            return Err(ConfigError::new("audio format", audio.format(), format).into());
        }
        if audio.frames() > 0 {
            if self.framer.jumps_to(pts) {
                self.flush()?;
            }
            audio.append_s16(self.framer.extend(pts));
            self.code(None)?;
        }
        Ok(if self.packets.is_empty() { AudioOutcome::Buffered } else { AudioOutcome::Coded })
    }

    fn receive(&mut self, packet: &mut AudioPacket) -> bool {
        self.packets.receive(packet)
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.reset()
    }

    fn apply(&mut self, update: AudioUpdate) -> Result<Applied, Error> {
        let mut config = self.config.clone();
        match update {
            AudioUpdate::Bitrate(bits) => {
                let rate = config.rate.unwrap_or(AudioRate::ConstrainedVbr(bits));
                config.rate = Some(rate.with_bitrate(bits));
            }
            AudioUpdate::Rate(rate) => config.rate = Some(rate),
            AudioUpdate::Complexity(value) => config.complexity = value,
            AudioUpdate::Frame(length) => config.frame = length,
            AudioUpdate::MaxBandwidth(value) => config.max_bandwidth = value,
            AudioUpdate::Bandwidth(value) => config.bandwidth = value,
            AudioUpdate::ForceChannels(count) => config.force_channels = count,
            AudioUpdate::Fec(on) => config.fec = on,
            AudioUpdate::ExpectedLoss(percent) => config.expected_loss_pct = percent,
            AudioUpdate::Dtx(on) => config.dtx = on,
            AudioUpdate::Signal(value) => config.signal = value,
            AudioUpdate::PredictionDisabled(on) => config.prediction_disabled = on,
            AudioUpdate::PhaseInversionDisabled(on) => config.phase_inversion_disabled = on,
            AudioUpdate::Knob(name, value) => return Err(unknown_knob(&name, value).into()),
        }
        let frame = frame_samples(config.frame, &config)?;
        configure(&mut self.inner, &config)?;
        self.framer.set_frame(frame);
        self.config = config;
        Ok(Applied::NextFrame)
    }
}

/// Creates a library encoder without settings, and its header.
fn build<L: LibraryEncoder>(config: &AudioEncoderConfig) -> Result<(L, OpusHead), Error> {
    let application = match config.application {
        Application::Voip => APPLICATION_VOIP,
        Application::Audio => APPLICATION_AUDIO,
        Application::LowDelay => APPLICATION_LOW_DELAY,
    };
    let channels = u8::try_from(config.format.channels()).unwrap_or(u8::MAX);
    let rate = i32::try_from(config.format.rate).unwrap_or(0);
    let refused = || Error::unsupported("this sample rate or channel layout in the Opus library");
    let mut head = OpusHead::plain(channels, 0, config.format.rate);
    if channels <= 2 {
        let encoder = L::single_stream(rate, channels.into(), application).ok_or_else(refused)?;
        return Ok((encoder, head));
    }
    let (encoder, streams) = L::surround(rate, channels.into(), application).ok_or_else(refused)?;
    head.channels = channels;
    head.family = 1;
    head.streams = streams.streams;
    head.coupled = streams.coupled;
    head.mapping = streams.mapping;
    Ok((encoder, head))
}

/// Applies all settings to the library. Everything is checked before anything is set.
fn configure(inner: &mut impl LibraryEncoder, config: &AudioEncoderConfig) -> Result<(), Error> {
    let bits = bitrate(config)?;
    let forced = forced_channels(config)?;
    if config.complexity > 10 {
        return Err(ConfigError::new("complexity", config.complexity, "0..=10").into());
    }
    if config.expected_loss_pct > 100 {
        return Err(ConfigError::new("expected loss", config.expected_loss_pct, "0..=100").into());
    }
    if !(8..=24).contains(&config.lsb_depth) {
        return Err(ConfigError::new("lsb depth", config.lsb_depth, "8..=24").into());
    }
    let (vbr, constrained) = match config.rate {
        Some(AudioRate::Cbr(_)) => (0, 0),
        Some(AudioRate::Vbr(_)) => (1, 0),
        Some(AudioRate::ConstrainedVbr(_)) | None => (1, 1),
    };
    let signal = match config.signal {
        Signal::Auto => AUTO,
        Signal::Voice => SIGNAL_VOICE,
        Signal::Music => SIGNAL_MUSIC,
    };
    let answers = [
        inner.set(Setting::Bitrate, bits),
        inner.set(Setting::Vbr, vbr),
        inner.set(Setting::VbrConstraint, constrained),
        inner.set(Setting::Complexity, i32::from(config.complexity)),
        inner.set(Setting::Signal, signal),
        inner.set(Setting::Bandwidth, config.bandwidth.map_or(AUTO, library_bandwidth)),
        inner.set(Setting::MaxBandwidth, library_bandwidth(config.max_bandwidth)),
        forced.map_or(OK, |count| inner.set(Setting::ForceChannels, count)),
        inner.set(Setting::Fec, i32::from(config.fec)),
        inner.set(Setting::Loss, i32::from(config.expected_loss_pct)),
        inner.set(Setting::Dtx, i32::from(config.dtx)),
        inner.set(Setting::LsbDepth, i32::from(config.lsb_depth)),
        inner.set(Setting::PredictionDisabled, i32::from(config.prediction_disabled)),
        inner.set(Setting::PhaseInversionDisabled, i32::from(config.phase_inversion_disabled)),
    ];
    match answers.iter().all(|&answer| answer == OK) {
        true => Ok(()),
        false => Err(Error::unsupported("this combination of settings in the Opus library")),
    }
}

/// Returns the bitrate in bits per second for the library. Values that it would clamp are rejected.
fn bitrate(config: &AudioEncoderConfig) -> Result<i32, ConfigError> {
    let Some(rate) = config.rate else { return Ok(AUTO) };
    let channels = config.format.channels() as u64;
    let allowed = match channels {
        1 | 2 => 500..=512_000,
        _ => 500 * channels..=256_000 * channels,
    };
    let bits = rate.bitrate().0;
    if !allowed.contains(&bits) {
        let allowed = format!("{} to {} bit/s", allowed.start(), allowed.end());
        return Err(ConfigError::new("audio bitrate", format_args!("{bits} bit/s"), allowed));
    }
    Ok(i32::try_from(bits).unwrap_or(i32::MAX))
}

/// Returns the library's value for forced channels; `None` if it must not be set, because several
/// streams have fixed channels.
fn forced_channels(config: &AudioEncoderConfig) -> Result<Option<i32>, ConfigError> {
    let channels = config.format.channels();
    match config.force_channels {
        None if channels > 2 => Ok(None),
        None => Ok(Some(AUTO)),
        Some(count) if channels <= 2 && (1..=channels).contains(&usize::from(count)) => {
            Ok(Some(i32::from(count)))
        }
        Some(count) => {
            let allowed = match channels {
                1 => "1",
                2 => "1 or 2",
                _ => "none: only mono and stereo audio can be forced to a number of channels",
            };
            Err(ConfigError::new("forced channels", count, allowed))
        }
    }
}

/// Returns the number of sample frames per packet.
fn frame_samples(length: FrameDuration, config: &AudioEncoderConfig) -> Result<usize, ConfigError> {
    if !FRAME_US.contains(&length.0) {
        let allowed = "2.5, 5, 10, 20, 40, 60, 80, 100 or 120 ms";
        return Err(ConfigError::new(
            "audio packet duration",
            format_args!("{} ms", f64::from(length.0) / 1000.0),
            allowed,
        ));
    }
    Ok(length.samples(config.format.rate))
}

/// Returns the library's number for an audio bandwidth.
fn library_bandwidth(bandwidth: Bandwidth) -> i32 {
    BANDWIDTH_NARROW
        + match bandwidth {
            Bandwidth::Narrow => 0,
            Bandwidth::Medium => 1,
            Bandwidth::Wide => 2,
            Bandwidth::SuperWide => 3,
            Bandwidth::Full => 4,
        }
}

/// Fills in the properties of the packet. `streams` is the number of streams in each packet.
fn describe(packet: &mut AudioPacket, streams: usize, dtx: bool) {
    let mut rest = &packet.data[..];
    let (mut silent, mut fec, mut bandwidth) = (true, false, None);
    for left in (0..streams).rev() {
        let parsed = match left {
            0 => OpusPacket::parse(rest).map(|parsed| (parsed, rest.len())),
            _ => OpusPacket::parse_self_delimited(rest),
        };
        let Ok((parsed, length)) = parsed else { break };
        silent &= parsed.is_dtx();
        fec |= parsed.has_fec();
        bandwidth = bandwidth.max(Some(parsed.toc().bandwidth()));
        rest = &rest[length..];
    }
    packet.meta.dtx = dtx && silent;
    packet.meta.fec = fec;
    packet.meta.bandwidth = bandwidth;
}
