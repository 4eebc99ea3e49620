//! Sends video and audio that are encoded on the fly.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codec_audio::AudioCodec;
use codec_container::{Format, PacketRef, PacketWriter, VideoTrack};
use codec_core::codec::{
    Bitrate, Codec, EncoderConfig, Feature, Outcome, Packet, Update, VideoEncoder,
};
use codec_core::frame::{Rational, Size};
use codec_core::parallel::RowPool;
use codec_net::url::{Scheme, Url};
use codec_rtc::link::RateTrace;

use super::adapt::{Adaptation, apply};
use super::{OutgoingAudio, Sending, Stop};
use crate::Env;
use crate::audio::source::AudioDecodeOptions;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::frame::transform::Transform;
use crate::io::audio_input::AudioInput;
use crate::io::source::{FrameSource, SourceFrame, StreamInfo};
use crate::io::unreadable::Advice;
use crate::live::media::LiveMedia;
use crate::live::options::SendOptions;
use crate::live::output::Offer;
use crate::live::source::LiveSource;
use crate::live::transport::Coding;
use crate::rate_trace::read_targets;
use crate::session::audio;
use crate::settings::audio::{AudioSettings, find};
use crate::settings::encoder::Preset;
use crate::settings::encoder::{EncoderSettings, describe_rate};
use crate::settings::regions::RegionMaps;
use crate::threads::threads_for;

/// Lowest bitrate that an encoder is set to.
const MIN_RATE: Bitrate = Bitrate(30_000);

/// Time to probe the link before size and frame rate adapt to it.
const SETTLING: Duration = Duration::from_secs(3);

/// The container whose rules streams follow: Opus, and packets copied without re-encoding.
const LIKE: Format = Format::WebM;
/// The container whose rules video follows: it holds all codecs.
const VIDEO_LIKE: Format = Format::Matroska;
/// Codecs of video that can be sent.
pub(super) const SENT: [Codec; 3] = [Codec::Vp8, Codec::H264, Codec::Vp9];

/// A queue of audio packets to send, in place of a file.
#[derive(Debug, Default)]
pub struct AudioQueue {
    /// Data and presentation time of each, in ticks.
    pub packets: VecDeque<(Vec<u8>, i64)>,
}

impl AudioQueue {
    /// Time of the next packet, in ticks.
    pub(super) fn first(&self) -> Option<i64> {
        self.packets.front().map(|(_, pts)| *pts)
    }

    /// Returns the next packet if it is before a time, in ticks.
    #[expect(clippy::cast_precision_loss, reason = "ticks of a stream")]
    pub(super) fn pop_before(&mut self, ticks: f64) -> Option<(Vec<u8>, i64)> {
        self.first().filter(|pts| (*pts as f64) < ticks)?;
        self.packets.pop_front()
    }
}

impl PacketWriter for AudioQueue {
    fn write(&mut self, packet: PacketRef<'_>) -> codec_container::Result<()> {
        self.packets.push_back((packet.data.to_vec(), packet.pts));
        Ok(())
    }

    fn finish(&mut self) -> codec_container::Result<()> {
        Ok(())
    }
}

/// An encoder and the sources of its bitrate.
struct Coder {
    encoder: Box<dyn VideoEncoder>,
    packet: Packet,
    transform: Transform,
    regions: RegionMaps,
    size: Size,
    time_base: Rational,
    trace: Option<RateTrace>,
    /// The user's limit, and the encoder's current bitrate.
    most: Option<Bitrate>,
    rate: Option<Bitrate>,
    last_pts: Option<i64>,
    adaptation: Option<Adaptation>,
}

/// Encodes and sends.
pub(super) fn run(args: &SendOptions, url: &Url, source: &LiveSource, env: &Env) -> Result<()> {
    let trace = args.rate_trace.as_deref().map(read_targets).transpose()?;
    let mut options = args.encoder.clone();
    options.bitrate = options.bitrate.or(trace.as_ref().map(|trace| trace.rate_at(Duration::ZERO)));
    let settings = EncoderSettings::new(&options, Preset::Rtc, VIDEO_LIKE)?;
    if settings.preset != Preset::Rtc {
        return Err(Failure::usage(
            "--preset file cannot be used with send: encoding is in real time",
        ));
    }
    let codec = settings.backend.codec;
    if !SENT.contains(&codec) {
        let message = format!("cannot send {codec}: only vp8, vp9 and h264 are supported");
        return Err(Failure::usage(message));
    }
    let wants = args.parts;
    let threads = args.threads;
    let LiveMedia { mut video, audio, live } = source.open(wants, threads, Advice::FLAGS, env)?;
    let mut offer = Offer::default();
    let mut coder = None;
    if let Some(video) = &video {
        let may_lose = !matches!(url.scheme(), Scheme::Tcp | Scheme::Ws | Scheme::Wss);
        let opened = Coder::open(args, &settings, video.stream_info(), trace, may_lose, env)?;
        let stream_info = video.stream_info();
        let codec = settings.backend.codec;
        let mut track = VideoTrack::new(VIDEO_LIKE, codec, opened.size, opened.time_base);
        track.frame_rate = Some(stream_info.frame_rate);
        track.codec_private = opened.encoder.codec_private();
        offer.video = Some(track);
        coder = Some(opened);
    }
    let mut audible = match audio {
        Some(input) => {
            let (audio, track, text) = open_audio(args, source, input, 0.0, env)?;
            env.events.note(format!("audio: {text}"));
            offer.audio = Some(track);
            Some(audio)
        }
        None => None,
    };
    // An encoder of several spatial layers chooses the references itself.
    let takes_references =
        settings.capabilities.gap(Feature::References).is_none() && settings.spatial_layers() == 1;
    let coding = coder.as_ref().map_or_else(Coding::default, |coder| Coding {
        rate: coder.rate,
        obeys: true,
        takes_references,
    });
    let mut sending = Sending::new(args, url, &offer, coding, env)?;
    sending.set_live(live);
    if let Some(coder) = &coder {
        sending.counts.size = Some(coder.size);
        sending.counts.target = coder.rate;
        let (codec, name) = (settings.backend.codec, settings.backend.name);
        sending.counts.encoder = Some(format!("{codec}/{name}"));
    }
    let end = sending.send_passes(args.repeat, |sending, begin_s, is_again| {
        if is_again {
            let media = source.open(wants, threads, Advice::FLAGS, env)?;
            video = media.video;
            audible = match media.audio {
                Some(input) => Some(open_audio(args, source, input, begin_s, env)?.0),
                None => None,
            };
        }
        pass(sending, video.as_deref_mut(), coder.as_mut(), &mut audible, begin_s)
    });
    sending.finish(end)
}

/// Opens audio that begins at a time of the stream.
pub(super) fn open_audio(
    args: &SendOptions,
    source: &LiveSource,
    input: AudioInput,
    begin_s: f64,
    env: &Env,
) -> Result<(OutgoingAudio, codec_container::AudioTrack, String)> {
    if let Some(name) = &args.audio.audio_codec {
        check_codec(name, input.track.codec)?;
    }
    let settings = AudioSettings::new(&args.audio, LIKE, None, true)?;
    let limits = source.limits();
    let advice = Advice::FLAGS;
    let options =
        AudioDecodeOptions { limits, skips_gaps: true, advice, ..AudioDecodeOptions::default() };
    let opened = audio::open(input, &settings, LIKE, 1, "the stream", &options, env)?;
    let tick_s = opened.track.time_base.as_f64();
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let offset_ticks = (begin_s / tick_s).round() as i64;
    let (pipeline, queue) = (opened.pipeline, AudioQueue::default());
    let audio = OutgoingAudio { pipeline, queue, tick_s, offset_s: begin_s, offset_ticks };
    Ok((audio, opened.track, opened.text))
}

/// Rejects an audio codec that streams cannot carry.
fn check_codec(name: &str, input: AudioCodec) -> Result<()> {
    let codec = if name == "copy" { input } else { find(name)?.1 };
    if codec == AudioCodec::Opus {
        return Ok(());
    }
    let message =
        format!("cannot send {codec} audio: streams carry Opus only\nhelp: omit --audio-codec");
    Err(Failure::usage(message))
}

/// Sends the input once, from `begin_s` of the stream on; returns its end.
fn pass(
    sending: &mut Sending,
    video: Option<&mut (dyn FrameSource + 'static)>,
    coder: Option<&mut Coder>,
    audible: &mut Option<OutgoingAudio>,
    begin_s: f64,
) -> Result<(Stop, f64)> {
    let (Some(video), Some(coder)) = (video, coder) else {
        return audio_only(sending, audible, begin_s);
    };
    let frame_s = 1.0 / video.stream_info().frame_rate.as_f64();
    let tick_s = coder.time_base.as_f64();
    let mut end_s = begin_s;
    loop {
        if sending.is_enough(sending.clock.now()) {
            return Ok((Stop::Enough, end_s));
        }
        while !video.wait(super::TURN)? {
            let now = sending.clock.now();
            sending.wait_until(now, audible.as_mut())?;
            if sending.is_enough(now) {
                return Ok((Stop::Enough, end_s));
            }
        }
        let Some(shot) = video.next()? else { break };
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        let at_s = begin_s + shot.pts as f64 * tick_s;
        end_s = at_s + shot.duration.map_or(frame_s, |ticks| seconds_of(ticks, tick_s));
        let Some(captured) = sending.wait_for_frame(audible.as_mut(), at_s)? else {
            return Ok((Stop::Enough, end_s));
        };
        coder.send(sending, &shot, at_s, captured)?;
    }
    Ok((sending.end_pass(audible, begin_s, end_s)?, end_s))
}

#[expect(clippy::cast_precision_loss, reason = "seconds")]
fn seconds_of(ticks: u64, tick_s: f64) -> f64 {
    ticks as f64 * tick_s
}

fn audio_only(
    sending: &mut Sending,
    audible: &mut Option<OutgoingAudio>,
    begin_s: f64,
) -> Result<(Stop, f64)> {
    let Some(mut audio) = audible.take() else {
        return Err(Failure::new(Kind::Input, "the input has neither video nor audio"));
    };
    sending.pace.due(sending.clock.now(), begin_s);
    while !audio.pipeline.has_ended() {
        let now = sending.clock.now();
        if sending.is_enough(now) {
            return Ok((Stop::Enough, begin_s));
        }
        sending.wait_until(now + super::TURN, Some(&mut audio))?;
    }
    let end_s = begin_s + audio.pipeline.reached_s();
    sending.advance(&mut audio, f64::INFINITY)?;
    let due = sending.pace.due(sending.clock.now(), end_s);
    sending.wait_until(due, None)?;
    Ok((Stop::End, end_s))
}

impl Coder {
    fn open(
        args: &SendOptions,
        settings: &EncoderSettings,
        stream_info: &StreamInfo,
        trace: Option<RateTrace>,
        may_lose: bool,
        env: &Env,
    ) -> Result<Self> {
        let mut transform = Transform::new(None, None, args.resize);
        let (size, info) = transform.begin(stream_info.size, stream_info.info)?;
        let regions = settings.regions.maps(size)?;
        let threads = threads_for(args.threads, size);
        let mut config: EncoderConfig =
            settings.config(size, stream_info.frame_rate, stream_info.time_base);
        config.simd = Some(env.level);
        config.info = info;
        // Frames after a lost frame must not depend on its probabilities. Encoders of codecs without
        // such a dependence do not have the option.
        let can_limit = settings.capabilities.gap(Feature::ErrorResilience).is_none();
        config.error_resilient |= may_lose && can_limit;
        if threads > 1 {
            config.pool = Some(Arc::new(RowPool::new(threads).map_err(Failure::internal)?));
        }
        let Some((open, _)) = settings.backend.encoder else {
            return Err(Failure::new(
                Kind::Backend,
                format!("{}/{} has no encoder", settings.backend.codec, settings.backend.name),
            ));
        };
        let encoder = open(&config).map_err(Failure::encoding)?;
        let rate = config.rate.mode.bitrate();
        env.events.note(format!(
            "{} {size} at {:.3} fps -> {}/{} {}, speed {}, {}",
            stream_info.kind,
            stream_info.frame_rate.as_f64(),
            settings.backend.codec,
            settings.backend.name,
            describe_rate(config.rate.mode),
            config.speed,
            counted(threads as u64, "thread"),
        ));
        Ok(Self {
            encoder,
            packet: Packet::default(),
            transform,
            regions,
            size,
            time_base: stream_info.time_base,
            trace,
            most: rate,
            rate,
            last_pts: None,
            adaptation: Adaptation::new(args.adapt, size, stream_info.frame_rate, config.speed)?
                .filter(|_| rate.is_some()),
        })
    }

    /// Encodes and sends a frame that belongs at `at_s` of the stream and was captured at
    /// `captured`.
    fn send(
        &mut self,
        sending: &mut Sending,
        shot: &SourceFrame<'_>,
        at_s: f64,
        captured: Duration,
    ) -> Result<()> {
        let now = sending.clock.now();
        sending.counts.captured += 1;
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let pts = (at_s / self.time_base.as_f64()).round() as i64;
        self.follow(sending, now)?;
        let is_wanted = self.adaptation.as_mut().is_none_or(|it| it.takes(at_s));
        if !is_wanted || sending.output.is_full() || self.last_pts.is_some_and(|last| pts <= last) {
            sending.counts.totals.dropped += 1;
            return Ok(());
        }
        self.last_pts = Some(pts);
        let picture = self.transform.apply(shot.picture)?;
        if picture.size() != self.size {
            self.size = picture.size();
            sending.counts.size = Some(self.size);
            apply(&mut *self.encoder, Update::Resolution(self.size))?;
        }
        let mut request = sending.output.request(now, pts);
        request.duration = shot.duration;
        request.importance = self.regions.map(self.size)?;
        let begun = Instant::now();
        let outcome = self.encoder.encode(&picture, &request);
        match outcome.map_err(Failure::encoding)? {
            Outcome::Coded => {}
            Outcome::Dropped { .. } => {
                sending.counts.totals.dropped += 1;
                self.note(sending, None, begun.elapsed());
                return Ok(());
            }
            _ => {
                return Err(Failure::usage(
                    "this encoder buffers frames, so it cannot be used in real time",
                ));
            }
        }
        let took = begun.elapsed();
        while self.encoder.receive(&mut self.packet) {
            if self.packet.meta.spatial.end_of_picture {
                self.note(sending, Some(self.packet.meta.qindex), took);
            }
            sending.counts.frame(&self.packet, took);
            sending.output.video(sending.clock.now(), &self.packet, captured)?;
        }
        Ok(())
    }

    /// Records the encoding time of a frame for the adaptation of size and speed.
    fn note(&mut self, sending: &mut Sending, qindex: Option<u8>, took: Duration) {
        let now = sending.clock.now();
        if let Some(adaptation) = &mut self.adaptation {
            adaptation.coded(now, qindex, took);
            sending.counts.adaptation = Some(adaptation.statistics(now));
        }
    }

    /// Sets the bitrate to that of the trace and the network.
    fn follow(&mut self, sending: &mut Sending, now: Duration) -> Result<()> {
        let Some(mut wanted) = self.most else { return Ok(()) };
        if let Some(trace) = &self.trace {
            wanted = trace.rate_at(now.saturating_sub(sending.begun));
        }
        let mut steady = None;
        if let Some((target, carried)) = sending.target {
            steady = Some(wanted.min(carried).max(MIN_RATE));
            wanted = wanted.min(target);
        }
        let wanted = wanted.max(MIN_RATE);
        if self.rate != Some(wanted) {
            apply(&mut *self.encoder, Update::Bitrate(wanted))?;
            self.rate = Some(wanted);
            sending.counts.target = Some(wanted);
        }
        let is_settled = now.saturating_sub(sending.begun) >= SETTLING;
        if let (Some(adaptation), Some(steady), true) = (&mut self.adaptation, steady, is_settled) {
            adaptation.set_bitrate(now, steady);
            if let Some(size) = adaptation.follow(now, &mut *self.encoder)? {
                self.transform.set_scale(size);
            }
        }
        Ok(())
    }
}
