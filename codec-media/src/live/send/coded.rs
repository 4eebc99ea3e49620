//! Sends video and audio that are encoded on the fly.

use std::collections::VecDeque;
use std::time::Duration;

use codec_audio::AudioCodec;
use codec_container::{Format, PacketRef, PacketWriter, VideoTrack};
use codec_core::codec::{Codec, Feature};
use codec_net::url::{Scheme, Url};

use super::coder::{Coder, Setup};
use super::{OutgoingAudio, Sending, Stop, simulcast};
use crate::Env;
use crate::audio::source::AudioDecodeOptions;
use crate::failure::{Failure, Kind, Result};
use crate::io::audio_input::AudioInput;
use crate::io::source::FrameSource;
use crate::io::unreadable::Advice;
use crate::live::media::LiveMedia;
use crate::live::options::SendOptions;
use crate::live::output::Offer;
use crate::live::source::LiveSource;
use crate::live::transport::Coding;
use crate::rate_trace::read_targets;
use crate::session::audio;
use crate::settings::audio::{AudioSettings, find};
use crate::settings::encoder::{EncoderSettings, Preset};

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
    simulcast::check(args, &settings, url)?;
    let wants = args.parts;
    let threads = args.threads;
    let LiveMedia { mut video, audio, live } = source.open(wants, threads, Advice::FLAGS, env)?;
    let mut offer = Offer::default();
    let mut coder = None;
    let may_lose = !matches!(url.scheme(), Scheme::Tcp | Scheme::Ws | Scheme::Wss);
    let setup = Setup { args, settings: &settings, may_lose, env };
    if let Some(video) = &video {
        let stream_info = video.stream_info();
        let opened = setup.open(args.simulcast, stream_info, trace.clone())?;
        let codec = settings.backend.codec;
        let mut track = VideoTrack::new(VIDEO_LIKE, codec, opened.size, opened.time_base);
        track.frame_rate = Some(stream_info.frame_rate);
        track.codec_private = opened.encoder.codec_private();
        offer.video = Some(track);
        offer.layers = u8::try_from(opened.encoder.layers().len()).unwrap_or_default();
        coder = Some(opened);
    } else if args.simulcast.is_some() {
        return Err(Failure::new(Kind::Input, "the input has no video, which --simulcast needs"));
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
    if let (Some(opened), Some(video), true) = (&mut coder, &video, offer.layers > 0) {
        let accepted = sending.output.layers();
        if accepted.is_empty() {
            let size = opened.size;
            env.events.warn(format!("{url} does not accept simulcast: sending {size} only"));
            *opened = setup.open(None, video.stream_info(), trace)?;
        } else {
            opened.accept(&mut sending, &accepted, env)?;
        }
    }
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
        if name == "copy" && source.begins_later() {
            return Err(Failure::usage("--audio-codec copy cannot be used with --from"));
        }
        check_codec(name, input.track.codec)?;
    }
    let mut options = args.audio.clone();
    if source.begins_later() {
        // A copied packet can begin before the part.
        options.audio_codec = Some("opus".to_owned());
    }
    let settings = AudioSettings::new(&options, LIKE, None, true)?;
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
