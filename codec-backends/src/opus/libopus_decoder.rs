//! The decoder of libopus: checks packets before the library sees them, and conceals lost ones.

use std::fmt;

use codec_ffi::opus::Decoder as Library;

use super::DECODER_CAPABILITIES;
use codec_audio::check::{check_format, reject_knobs};
use codec_audio::framer::AudioQueue;
use codec_audio::opus_head::{OpusHead, wave_channel_order};
use codec_audio::opus_packet::{OpusMode, OpusPacket};
use codec_audio::{
    AudioBuf, AudioCapabilities, AudioCodec, AudioDecodeReport, AudioDecoder, AudioDecoderConfig,
    AudioFormat, Bandwidth, Recovery, SampleKind,
};
use codec_core::error::{ConfigError, Corrupt, Error};

/// Maximum duration to conceal at once, in seconds.
const LONGEST_GAP_S: usize = 10;

pub(crate) static CAPABILITIES: AudioCapabilities =
    AudioCapabilities { implementation: "libopus", ..DECODER_CAPABILITIES };

/// Opens an Opus decoder.
pub(crate) fn open(config: &AudioDecoderConfig) -> Result<Box<dyn AudioDecoder>, Error> {
    Ok(Box::new(Decoder::new(config)?))
}

struct Decoder {
    config: AudioDecoderConfig,
    head: OpusHead,
    inner: Library,
    /// Output channel of each library channel; empty if the order is the same.
    places: &'static [usize],
    queue: AudioQueue,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Properties of a packet, over all its streams.
struct Facts {
    bandwidth: Bandwidth,
    /// Sample frames at the output rate: of the packet, and of each of its frames.
    frames: usize,
    frame: usize,
    fec: bool,
}

impl Decoder {
    fn new(config: &AudioDecoderConfig) -> Result<Self, Error> {
        if config.codec != AudioCodec::Opus {
            return Err(ConfigError::new("codec", config.codec, "opus").into());
        }
        check_format(config.format, &CAPABILITIES)?;
        reject_knobs(&config.knobs)?;
        let channels = config.format.channels();
        let head = match config.codec_private.as_slice() {
            [] => OpusHead::plain(u8::try_from(channels).unwrap_or(u8::MAX), 0, 0),
            bytes => OpusHead::parse(bytes)?,
        };
        let single_stream = head.family == 0;
        let allowed = if single_stream { 2 } else { usize::from(head.channels) };
        if channels > allowed || !single_stream && channels != allowed {
            let allowed = if single_stream { "1 or 2".to_owned() } else { allowed.to_string() };
            return Err(ConfigError::new("channels", channels, allowed).into());
        }
        let places = if head.family == 1 { wave_channel_order(channels) } else { &[] };
        let inner = build(config, &head)?;
        Ok(Self { config: config.clone(), head, inner, places, queue: AudioQueue::default() })
    }

    /// Checks each stream of a packet by the rules of RFC 6716, section 3.4.
    fn check(&self, data: &[u8]) -> Result<Facts, Error> {
        self.config.limits.check_packet(data)?;
        let mut at = 0;
        let mut facts: Option<Facts> = None;
        for left in (0..self.head.streams).rev() {
            let rest = &data[at..];
            let (packet, length) = match left {
                0 => OpusPacket::parse(rest).map(|packet| (packet, rest.len())),
                _ => OpusPacket::parse_self_delimited(rest),
            }
            .map_err(|error| moved(error, at))?;
            let rate = self.config.format.rate;
            let (frames, bandwidth) = (packet.samples(rate), packet.toc().bandwidth());
            match &mut facts {
                None => {
                    let has_fec = packet.has_fec() && packet.toc().mode() != OpusMode::Celt;
                    let frame = packet.frame_samples(rate);
                    facts = Some(Facts { bandwidth, frames, frame, fec: has_fec });
                }
                Some(facts) if facts.frames != frames => {
                    let what = "streams of equal duration in one packet";
                    return Err(Corrupt::Other { what, offset_bytes: at }.into());
                }
                Some(facts) => facts.bandwidth = facts.bandwidth.max(bandwidth),
            }
            at += length;
        }
        facts.ok_or(Error::unsupported("an Opus packet without streams"))
    }

    /// Decodes `frames` more sample frames into `audio` with the library.
    fn run(
        &mut self,
        data: Option<&[u8]>,
        fec: bool,
        frames: usize,
        audio: &mut Vec<i16>,
    ) -> Result<(), Error> {
        let channels = self.config.format.channels();
        let from = audio.len();
        audio.resize(from + frames * channels, 0);
        match self.inner.decode(data, &mut audio[from..], fec) {
            Ok(got) if got == frames => Ok(()),
            _ => Err(undecodable()),
        }
    }

    /// Appends `frames` concealed sample frames.
    fn conceal(&mut self, frames: usize, audio: &mut Vec<i16>) -> Result<(), Error> {
        let longest = self.config.format.rate as usize * 3 / 25;
        let mut left = frames;
        while left > 0 {
            let part = left.min(longest);
            self.run(None, false, part, audio)?;
            left -= part;
        }
        Ok(())
    }

    /// Queues a buffer that `fill` fills, in the declared channel order.
    fn output(
        &mut self,
        pts: i64,
        fill: impl FnOnce(&mut Self, &mut Vec<i16>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let format = self.config.format;
        let mut audio: AudioBuf = self.queue.begin(format, SampleKind::S16);
        let values = audio.begin_s16(format, pts);
        if let Err(error) = fill(self, values) {
            self.queue.give_back(audio);
            return Err(error);
        }
        if self.places.len() > 2 {
            let mut ordered = [0; 8];
            for frame in values.chunks_exact_mut(self.places.len()) {
                for (&value, &place) in frame.iter().zip(self.places) {
                    ordered[place] = value;
                }
                frame.copy_from_slice(&ordered[..frame.len()]);
            }
        }
        self.queue.push(audio);
        Ok(())
    }
}

impl AudioDecoder for Decoder {
    fn capabilities(&self) -> &AudioCapabilities {
        &CAPABILITIES
    }

    fn format(&self) -> AudioFormat {
        self.config.format
    }

    fn decode(&mut self, data: &[u8], pts: i64) -> Result<AudioDecodeReport, Error> {
        let facts = self.check(data)?;
        self.output(pts, |this, out| this.run(Some(data), false, facts.frames, out))?;
        Ok(AudioDecodeReport {
            frames: facts.frames as u64,
            recovered: 0,
            bandwidth: Some(facts.bandwidth),
            final_range: Some(self.inner.final_range()),
        })
    }

    fn recover(
        &mut self,
        frames: usize,
        recovery: Recovery<'_>,
        pts: i64,
    ) -> Result<AudioDecodeReport, Error> {
        let rate = self.config.format.rate as usize;
        let (step, longest) = (rate / 400, rate * LONGEST_GAP_S);
        if frames == 0 || frames > longest || !frames.is_multiple_of(step) {
            let allowed = format!("a multiple of {step} (2.5 ms) up to {longest}");
            return Err(ConfigError::new("samples to recover", frames, allowed).into());
        }
        // In-band FEC from a damaged packet is not used.
        let copy = match recovery {
            Recovery::FromNext(next) => self.check(next).ok().map(|facts| (next, facts)),
            Recovery::Conceal => None,
        };
        let copy = copy.filter(|(_, facts)| facts.fec && facts.frame <= frames);
        self.output(pts, |this, out| match copy {
            None => this.conceal(frames, out),
            Some((next, facts)) => {
                this.conceal(frames - facts.frame, out)?;
                this.run(Some(next), true, facts.frame, out)
            }
        })?;
        let frames = frames as u64;
        Ok(AudioDecodeReport { frames, recovered: frames, ..AudioDecodeReport::default() })
    }

    fn receive(&mut self, audio: &mut AudioBuf) -> bool {
        self.queue.receive(audio)
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {
        self.queue.clear();
        if let Ok(fresh) = build(&self.config, &self.head) {
            self.inner = fresh;
        }
    }
}

/// Creates a fresh library decoder.
fn build(config: &AudioDecoderConfig, head: &OpusHead) -> Result<Library, Error> {
    let rate = i32::try_from(config.format.rate).unwrap_or(0);
    let inner = if head.family == 0 {
        Library::single_stream(rate, i32::try_from(config.format.channels()).unwrap_or(0))
    } else {
        let (streams, coupled) = (head.streams, head.coupled);
        Library::multistream(rate, head.channels, streams, coupled, &head.mapping)
    };
    let refused = |_| Error::unsupported("this sampling rate or channel layout in libopus");
    let mut inner = inner.map_err(refused)?;
    let gain = head.gain_q8_db.saturating_add(config.gain_q8_db);
    inner.set_gain(gain.into()).map_err(refused)?;
    Ok(inner)
}

fn undecodable() -> Error {
    Corrupt::Other { what: "frames that an Opus decoder can decode", offset_bytes: 1 }.into()
}

/// Adds `by` to the offset of an error in a stream that begins there.
fn moved(error: Corrupt, by: usize) -> Corrupt {
    match error {
        Corrupt::Other { what, offset_bytes } => {
            Corrupt::Other { what, offset_bytes: offset_bytes + by }
        }
        other => other,
    }
}
