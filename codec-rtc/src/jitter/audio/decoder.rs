//! Decoder of a payload type, with conversion to the output sample rate and channels.

use codec_audio::channels::ChannelMapper;
use codec_audio::opus_packet::OpusPacket;
use codec_audio::{AudioBuf, AudioCodec, AudioDecoder, AudioFormat, Recovery, SampleKind};

use super::config::{PULL_FRAMES, RATE};
use super::rate::ToOutputRate;

/// Maximum packet duration in ms.
const MAX_PACKET_MS: i64 = 1000;

/// Use of a payload type.
#[derive(Debug)]
pub(super) enum PayloadUse {
    /// Coded audio.
    Audio(Box<PayloadDecoder>),
    /// Comfort noise: the sender is silent and describes the background noise (RFC 3389).
    ComfortNoise,
}

/// A registered payload type.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) payload_type: u8,
    /// RTP clock rate in Hz.
    pub(super) clock_rate: u32,
    pub(super) usage: PayloadUse,
}

/// A decoder with its output conversion.
#[derive(Debug)]
pub(super) struct PayloadDecoder {
    codec: AudioCodec,
    decoder: Box<dyn AudioDecoder>,
    output: AudioFormat,
    /// Format of the last decoder output, and the conversion from it.
    from: Option<(AudioFormat, ChannelMapper, Option<ToOutputRate>)>,
    decoded: AudioBuf,
    floats: Vec<f32>,
    mapped: Vec<f32>,
    /// Duration of the last packet in ticks.
    last_duration: i64,
    /// Duration of the last packet in sample frames at 48 kHz.
    last_frames: usize,
}

/// Properties of a payload found without decoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PayloadInfo {
    /// Duration in RTP clock ticks.
    pub(super) duration: i64,
    /// Contains in-band FEC of the previous frame.
    pub(super) has_fec: bool,
    /// DTX: contains no audio.
    pub(super) is_dtx: bool,
    /// Not a valid payload of this codec.
    pub(super) is_invalid: bool,
}

impl PayloadDecoder {
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

    /// Whether the decoder has its own concealment.
    pub(super) fn conceals(&self) -> bool {
        self.decoder.capabilities().concealment
    }

    /// Inspects a payload with timestamps at `clock_rate` Hz.
    pub(super) fn inspect(&self, payload: &[u8], clock_rate: u32) -> PayloadInfo {
        let codes = |bytes: usize| {
            let whole = bytes * self.decoder.format().channels().max(1);
            let frames = i64::try_from(payload.len() / whole).unwrap_or(0);
            let is_invalid = !payload.len().is_multiple_of(whole);
            // The sample rate may differ from the clock rate (G.722).
            let duration = scale(frames, self.decoder.format().rate, clock_rate);
            PayloadInfo { duration, is_invalid, ..PayloadInfo::default() }
        };
        let glance = match self.codec {
            AudioCodec::Opus => match OpusPacket::parse(payload) {
                Ok(packet) => PayloadInfo {
                    duration: i64::from(packet.duration_us()) * i64::from(clock_rate) / 1_000_000,
                    has_fec: packet.has_fec(),
                    is_dtx: packet.is_dtx(),
                    is_invalid: false,
                },
                Err(_) => PayloadInfo { is_invalid: true, ..PayloadInfo::default() },
            },
            AudioCodec::Pcma | AudioCodec::Pcmu => codes(1),
            AudioCodec::Pcm(encoding) => codes(encoding.bytes()),
            _ => PayloadInfo { duration: self.last_duration, ..PayloadInfo::default() },
        };
        let too_long = glance.duration > i64::from(clock_rate) * MAX_PACKET_MS / 1000;
        PayloadInfo { is_invalid: glance.is_invalid || too_long, ..glance }
    }

    /// Decodes a payload and appends the audio at 48 kHz; `false` on failure.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> bool {
        let done = self.decoder.decode(payload, 0).is_ok();
        self.drain(out) && done
    }

    /// Appends `frames` sample frames at 48 kHz, recovered from in-band FEC in `next` or concealed
    /// by the decoder; `false` on failure.
    pub(super) fn recover(
        &mut self,
        frames: usize,
        next: Option<&[u8]>,
        out: &mut Vec<f32>,
    ) -> bool {
        let rate = self.decoder.format().rate;
        // Whole units of 2.5 ms.
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

    /// Appends concealment as long as the last packet; `false` on failure.
    pub(super) fn recover_packet(&mut self, out: &mut Vec<f32>) -> bool {
        let before = out.len();
        self.recover(self.last_frames.max(PULL_FRAMES), None, out) && out.len() > before
    }

    /// Stores the duration of the last packet in clock ticks and in sample frames at 48 kHz.
    pub(super) fn remember_duration(&mut self, ticks: i64, frames: usize) {
        (self.last_duration, self.last_frames) = (ticks, frames);
    }

    /// Resets the decoder and the conversion.
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

/// Converts `count` from units at rate `from` to units at rate `to`.
pub(super) fn scale(count: i64, from: u32, to: u32) -> i64 {
    let scaled = i128::from(count) * i128::from(to) / i128::from(from.max(1));
    i64::try_from(scaled).unwrap_or(0)
}
