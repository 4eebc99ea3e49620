//! Decodes the audio of an input and trims the samples that the container marks as padding.

use std::collections::VecDeque;

use codec_audio::{
    AudioBuf, AudioDecoder, AudioDecoderConfig, AudioFormat, RATES, Recovery, SampleKind,
};
use codec_backends::registry;
use codec_container::{AudioTrack, CodedPacket, Input, PacketReader, TrackKind};
use codec_core::codec::Limits;
use codec_core::error::Error;
use codec_core::frame::Rational;

use super::gap::GapLimit;
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::io::audio_input::AudioInput;
use crate::io::cut_audio::only_audio;
use crate::io::input::{InputSpec, Opened};
use crate::io::unreadable::{Advice, missing, with_help};
use crate::stop::Stop;

/// Maximum number of packets without samples to read after an interrupt.
const MAX_AFTER_INTERRUPT: u32 = 100;

/// Decoding options.
#[derive(Clone, Debug, Default)]
pub struct AudioDecodeOptions {
    /// `codec` or `codec/backend`.
    pub backend: Option<String>,
    /// Limits on the input.
    pub limits: Limits,
    /// Conceal damage and continue.
    pub conceal: bool,
    /// Whether gaps beyond the limit are skipped, as in real-time playback; otherwise they are
    /// errors.
    pub skips_gaps: bool,
    /// The remedy that messages about unreadable tracks suggest.
    pub advice: Advice,
}

/// Decodes the first audio track of an input.
pub struct AudioSource {
    reader: Box<dyn PacketReader>,
    track: AudioTrack,
    number: usize,
    decoder: Box<dyn AudioDecoder>,
    name: String,
    conceal: bool,
    packet: CodedPacket,
    /// Decoded samples not yet handed out, and buffers to reuse.
    ready: VecDeque<AudioBuf>,
    spare: Vec<AudioBuf>,
    ended: bool,
    failure: Option<Failure>,
    lost_packets: u64,
    limits: Limits,
    skips_gaps: bool,
    env: Env,
}

impl AudioSource {
    /// Opens only the audio of `spec`.
    ///
    /// # Errors
    /// If the input cannot be opened, has no audio track or cannot be decoded.
    pub fn open(spec: &InputSpec, options: &AudioDecodeOptions, env: &Env) -> Result<Self> {
        match spec.open(env)? {
            Opened::Container(Input::Packets(reader)) => {
                if reader.audio().is_none() {
                    return Err(missing(&*reader, TrackKind::Audio, &spec.name(), options.advice));
                }
                let Some(input) = AudioInput::of(reader, spec.name()) else {
                    return Err(Failure::internal("no audio track"));
                };
                let input = only_audio(input, spec.cut, env)?;
                Self::new(input.reader, input.name, options, env)
            }
            _ => Err(Failure::new(Kind::Input, format!("{}: no audio track", spec.name()))),
        }
    }

    /// Decodes the first audio track of `reader`, which delivers only that track.
    ///
    /// # Errors
    /// If there is no audio track, or no decoder can be opened for it.
    pub fn new(
        reader: Box<dyn PacketReader>,
        name: String,
        options: &AudioDecodeOptions,
        env: &Env,
    ) -> Result<Self> {
        let Some((number, track)) = reader.audio().map(|(number, track)| (number, track.clone()))
        else {
            return Err(missing(&*reader, TrackKind::Audio, &name, options.advice));
        };
        track.check_supported().map_err(|error| Failure::reading(&name, error))?;
        let rate = track.audio.rate;
        if !RATES.contains(&rate) {
            let (low, high) = (RATES.start(), RATES.end());
            let message = format!("{name}: invalid sample rate {rate}, expected {low} to {high}");
            return Err(Failure::new(Kind::Input, message));
        }
        let codec = track.codec.name();
        let spec = match &options.backend {
            Some(spec) if spec.split('/').next() != Some(codec) => {
                return Err(Failure::usage(format!("the audio is {codec}, but -c selects {spec}")));
            }
            Some(spec) => spec,
            None => codec,
        };
        let has_other = reader.video().is_some();
        let helped =
            |message: &str| with_help(message, TrackKind::Audio, &name, has_other, options.advice);
        let Ok((_, open, _)) = registry::find_audio_decoder(spec) else {
            let message = format!("{name}: {codec} audio cannot be decoded by this build");
            if options.backend.is_some() {
                return Err(Failure::new(Kind::Backend, message));
            }
            return Err(Failure::new(Kind::Input, helped(&message)));
        };
        let mut config = AudioDecoderConfig::new(track.codec, track.audio);
        config.codec_private.clone_from(&track.codec_private);
        config.limits = options.limits;
        let decoder = open(&config).map_err(|error| {
            let is_unsupported = matches!(error, Error::Unsupported(_));
            let mut failure = Failure::decoding(&format!("{name}: audio"), error);
            if is_unsupported {
                failure.message = helped(&failure.message);
            }
            failure
        })?;
        let mut source = Self {
            reader,
            track,
            number,
            decoder,
            name,
            conceal: options.conceal,
            packet: CodedPacket::default(),
            ready: VecDeque::new(),
            spare: Vec::new(),
            ended: false,
            failure: None,
            lost_packets: 0,
            limits: options.limits,
            skips_gaps: options.skips_gaps,
            env: env.clone(),
        };
        // The first samples reveal the real format; the container may be wrong (AAC with SBR).
        source.fill();
        Ok(source)
    }

    /// Format of the samples.
    pub fn format(&self) -> AudioFormat {
        self.ready.front().map_or_else(|| self.decoder.format(), |audio| audio.format)
    }

    /// The gap limit for this input.
    pub fn gap_limit(&self) -> GapLimit {
        GapLimit::new(&self.name, &self.limits)
    }

    /// The stop request that this source checks.
    pub fn stop(&self) -> Stop {
        self.env.stop.clone()
    }

    /// Whether gaps beyond the limit are skipped.
    pub(crate) fn skips_gaps(&self) -> bool {
        self.skips_gaps
    }

    /// Lost packets that were concealed.
    pub fn lost_packets(&self) -> u64 {
        self.lost_packets
    }

    /// Moves the next samples into `audio`; `false` at the end. The samples have the times of the track,
    /// in samples of their own rate.
    ///
    /// # Errors
    /// If the audio is damaged or cannot be read.
    pub fn read(&mut self, audio: &mut AudioBuf) -> Result<bool> {
        if self.ready.is_empty() {
            self.fill();
        }
        if let Some(next) = self.ready.pop_front() {
            self.spare.push(std::mem::replace(audio, next));
            return Ok(true);
        }
        self.failure.take().map_or(Ok(false), Err)
    }

    /// Decodes until samples are available, or to the end.
    fn fill(&mut self) {
        let mut empty = 0;
        while self.ready.is_empty() && !self.ended {
            empty += 1;
            if empty > MAX_AFTER_INTERRUPT && self.env.stop.is_requested() {
                self.ended = true;
                return;
            }
            match self.reader.read(&mut self.packet) {
                Ok(true) if self.packet.track != self.number => {}
                Ok(true) => self.decode(),
                Ok(false) => {
                    self.ended = true;
                    self.decoder.finish();
                    self.drain(0, 0);
                }
                Err(error) => {
                    let failure = Failure::reading(&self.name, error);
                    if self.conceal && failure.kind == Kind::Corrupt {
                        self.env.events.warn(&failure.message);
                        self.lost_packets += 1;
                    } else {
                        self.ended = true;
                        self.failure = Some(failure);
                    }
                }
            }
        }
    }

    fn decode(&mut self) {
        let CodedPacket { trim_start, trim_end, duration, after_gap, .. } = self.packet;
        if after_gap {
            self.decoder.reset();
        }
        let rate = self.decoder.format().rate;
        let pts = samples_of(self.packet.pts, self.track.time_base, rate);
        let decoded = self.decoder.decode(&self.packet.data, pts);
        if let Err(error) = decoded {
            let CodedPacket { index, offset, .. } = self.packet;
            let place = format!("{}: audio packet {index} at byte {offset}", self.name);
            let failure = Failure::decoding(&place, error);
            if !self.conceal {
                self.ended = true;
                self.failure = Some(failure);
                return;
            }
            self.env.events.detail(&failure.message);
            self.lost_packets += 1;
            let ticks = duration.and_then(|ticks| i64::try_from(ticks).ok()).unwrap_or(0);
            let frames = samples_of(ticks, self.track.time_base, rate);
            // A packet may claim any duration.
            let longest = usize::try_from(rate).unwrap_or(0);
            let frames = usize::try_from(frames).unwrap_or(0).min(longest);
            // A codec without concealment leaves a gap, which becomes silence.
            if self.decoder.recover(frames, Recovery::Conceal, pts).is_err() {
                return;
            }
        }
        self.drain(trim_start, trim_end);
    }

    /// Takes the decoder's output and trims it; the arguments count samples of the track's rate.
    fn drain(&mut self, trim_start: u32, trim_end: u32) {
        let begun = self.ready.len();
        loop {
            let mut audio = self
                .spare
                .pop()
                .unwrap_or_else(|| AudioBuf::new(self.track.audio, SampleKind::F32));
            if !self.decoder.receive(&mut audio) {
                self.spare.push(audio);
                break;
            }
            self.ready.push_back(audio);
        }
        let mut start = self.scaled(trim_start);
        for audio in self.ready.iter_mut().skip(begun) {
            let frames = audio.frames();
            audio.trim(start.min(frames), 0);
            start -= start.min(frames);
        }
        let mut end = self.scaled(trim_end);
        for audio in self.ready.iter_mut().skip(begun).rev() {
            let frames = audio.frames();
            audio.trim(0, end.min(frames));
            end -= end.min(frames);
        }
        self.ready.retain(|audio| audio.frames() > 0);
    }

    /// Converts samples of the track's rate to samples of the decoder's rate.
    fn scaled(&self, samples: u32) -> usize {
        let (from, to) = (self.track.audio.rate.max(1), self.decoder.format().rate);
        let scaled = u64::from(samples) * u64::from(to) / u64::from(from);
        usize::try_from(scaled).unwrap_or(usize::MAX)
    }
}

/// Converts ticks to samples at `rate`, rounded to the nearest.
pub(crate) fn samples_of(ticks: i64, time_base: Rational, rate: u32) -> i64 {
    let num = i128::from(ticks) * i128::from(time_base.num) * i128::from(rate);
    let den = i128::from(time_base.den.max(1));
    let rounded = (2 * num + den).div_euclid(2 * den);
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}
