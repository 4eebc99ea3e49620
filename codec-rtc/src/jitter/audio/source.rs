//! A payload type's decoder, whose sound is brought to the rate and the channels that are wanted.

use codec_core::audio::channels::ChannelMapper;
use codec_core::audio::opus_packet::OpusPacket;
use codec_core::audio::{AudioBuf, AudioCodec, AudioDecoder, AudioFormat, Recovery, SampleKind};

use super::config::{PULL_FRAMES, RATE};
use super::rate::ToOutputRate;

/// Longest packet, in ms.
const LONGEST_MS: i64 = 1000;

/// What a payload type means.
#[derive(Debug)]
pub(super) enum Meaning {
    /// Sound.
    Coded(Box<Source>),
    /// The sender is silent and says how the background sounds (RFC 3389).
    ComfortNoise,
}

/// A payload type.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) payload_type: u8,
    /// Ticks of the RTP clock per second.
    pub(super) clock_rate: u32,
    pub(super) meaning: Meaning,
}

/// A decoder with what comes after it.
#[derive(Debug)]
pub(super) struct Source {
    codec: AudioCodec,
    decoder: Box<dyn AudioDecoder>,
    output: AudioFormat,
    /// The format of what the decoder gave last, and the conversion from it.
    from: Option<(AudioFormat, ChannelMapper, Option<ToOutputRate>)>,
    decoded: AudioBuf,
    floats: Vec<f32>,
    mapped: Vec<f32>,
    /// Ticks of the last packet.
    last_duration: i64,
    /// Sample frames at 48 kHz of it.
    last_frames: usize,
}

/// What is seen in a payload without decoding it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Glance {
    /// Ticks of the RTP clock.
    pub(super) duration: i64,
    /// Holds a coarse copy of the frame before.
    pub(super) has_fec: bool,
    /// Holds nothing: the sender is silent.
    pub(super) is_dtx: bool,
    /// Cannot be a payload of this codec.
    pub(super) is_invalid: bool,
}

impl Source {
    pub(super) fn new(
        codec: AudioCodec,
        decoder: Box<dyn AudioDecoder>,
        output: AudioFormat,
    ) -> Self {
        let decoded = AudioBuf::new(decoder.format(), SampleKind::F32);
        Self {
            codec,
            decoder,
            output,
            from: None,
            decoded,
            floats: Vec::new(),
            mapped: Vec::new(),
            last_duration: 0,
            last_frames: 0,
        }
    }

    /// Whether the decoder makes up what is lost.
    pub(super) fn conceals(&self) -> bool {
        self.decoder.capabilities().concealment
    }

    /// Looks at a payload. `clock_rate`: of its timestamps.
    pub(super) fn glance(&self, payload: &[u8], clock_rate: u32) -> Glance {
        let codes = |bytes: usize| {
            let whole = bytes * self.decoder.format().channels().max(1);
            let frames = i64::try_from(payload.len() / whole).unwrap_or(0);
            let is_invalid = !payload.len().is_multiple_of(whole);
            // The decoder's rate need not be that of the clock (G.722).
            let duration = scale(frames, self.decoder.format().rate, clock_rate);
            Glance { duration, is_invalid, ..Glance::default() }
        };
        let glance = match self.codec {
            AudioCodec::Opus => match OpusPacket::parse(payload) {
                Ok(packet) => Glance {
                    duration: i64::from(packet.duration_us()) * i64::from(clock_rate) / 1_000_000,
                    has_fec: packet.has_fec(),
                    is_dtx: packet.is_dtx(),
                    is_invalid: false,
                },
                Err(_) => Glance { is_invalid: true, ..Glance::default() },
            },
            AudioCodec::Pcma | AudioCodec::Pcmu => codes(1),
            AudioCodec::Pcm(encoding) => codes(encoding.bytes()),
            _ => Glance { duration: self.last_duration, ..Glance::default() },
        };
        let too_long = glance.duration > i64::from(clock_rate) * LONGEST_MS / 1000;
        Glance { is_invalid: glance.is_invalid || too_long, ..glance }
    }

    /// Appends what a payload decodes to, at 48 kHz; `false` if it cannot be decoded.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> bool {
        let done = self.decoder.decode(payload, 0).is_ok();
        self.drain(out) && done
    }

    /// Appends `frames` sample frames at 48 kHz that the decoder makes up, or takes out of the copy in
    /// the payload that follows. `false` if it cannot.
    pub(super) fn recover(
        &mut self,
        frames: usize,
        next: Option<&[u8]>,
        out: &mut Vec<f32>,
    ) -> bool {
        let rate = self.decoder.format().rate;
        // Whole parts of 2.5 ms.
        let parts = frames.div_ceil(120).max(1);
        let wanted = parts * (rate as usize / 400).max(1);
        let recovery = next.map_or(Recovery::Conceal, Recovery::FromNext);
        let before = out.len();
        let done = self.decoder.recover(wanted, recovery, 0).is_ok();
        let done = self.drain(out) && done;
        if !done {
            out.truncate(before);
        }
        done
    }

    /// Appends as much made-up sound as the last packet had; `false` if that cannot be done.
    pub(super) fn recover_packet(&mut self, out: &mut Vec<f32>) -> bool {
        let before = out.len();
        self.recover(self.last_frames.max(PULL_FRAMES), None, out) && out.len() > before
    }

    /// What the last packet lasted: ticks of its clock, and sample frames at 48 kHz.
    pub(super) fn remember_duration(&mut self, ticks: i64, frames: usize) {
        (self.last_duration, self.last_frames) = (ticks, frames);
    }

    /// Forgets the past.
    pub(super) fn reset(&mut self) {
        self.decoder.reset();
        self.from = None;
    }

    fn drain(&mut self, out: &mut Vec<f32>) -> bool {
        let mut any = false;
        while self.decoder.receive(&mut self.decoded) {
            any |= self.convert(out);
        }
        any
    }

    fn convert(&mut self, out: &mut Vec<f32>) -> bool {
        let Ok(view) = self.decoded.view() else { return false };
        let format = view.format();
        if self.from.as_ref().is_none_or(|(from, ..)| *from != format) {
            let mapper = ChannelMapper::new(format.layout, self.output.layout);
            let rate = match format.rate {
                RATE => None,
                other => match ToOutputRate::new(other, self.output.channels()) {
                    Some(rate) => Some(rate),
                    None => return false,
                },
            };
            self.from = Some((format, mapper, rate));
        }
        let Some((_, mapper, rate)) = &mut self.from else { return false };
        self.floats.clear();
        view.append_f32(&mut self.floats);
        for value in &mut self.floats {
            *value = if value.is_finite() { value.clamp(-4.0, 4.0) } else { 0.0 };
        }
        match rate {
            None => mapper.map(&self.floats, out),
            Some(rate) => {
                self.mapped.clear();
                mapper.map(&self.floats, &mut self.mapped);
                rate.process(&self.mapped, out);
            }
        }
        true
    }
}

/// `count` units of which there are `from` a second in those of which there are `to`.
pub(super) fn scale(count: i64, from: u32, to: u32) -> i64 {
    let scaled = i128::from(count) * i128::from(to) / i128::from(from.max(1));
    i64::try_from(scaled).unwrap_or(0)
}
