//! Sends the packets of a file without re-encoding. Audio other than Opus is encoded.

use std::time::Duration;

use codec_audio::AudioCodec;
use codec_container::{AnnexB, CodedPacket, PacketReader, Track, TrackKind, VideoTrack};
use codec_core::codec::{Codec, FrameKind, Packet, SlotSet};
use codec_core::frame::Rotation;
use codec_net::url::{Scheme, Url};

use super::coded::{SENT, open_audio};
use super::{OutgoingAudio, Sending, Stop};
use crate::Env;
use crate::failure::{Failure, Result};
use crate::frame::display::DisplaySupport;
use crate::io::media::MediaSelection;
use crate::io::names::is_pipe;
use crate::io::unreadable::{Advice, is_lost, missing};
use crate::live::options::SendOptions;
use crate::live::output::{LiveAudioPacket, Offer};
use crate::live::source::LiveSource;
use crate::live::transport::Coding;
use crate::settings::encoder::{EncoderOptions, Preset};

/// Packets of video inspected for reordered frames.
const INSPECTED: usize = 64;

/// Action if the receiver does not accept the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    /// Fail.
    No,
    /// Return the failure, for encoding.
    Encode,
}

/// The selected tracks.
#[derive(Clone, Copy, Debug, Default)]
struct SelectedTracks {
    video: Option<usize>,
    audio: Option<usize>,
}

/// A file to send.
struct Input<'a> {
    args: &'a SendOptions,
    source: &'a LiveSource,
    env: &'a Env,
    selected: SelectedTracks,
    /// Whether the audio is encoded.
    encodes_audio: bool,
}

/// Whether a file is sent without re-encoding although that was not requested: its video is H.264 without a rotation, all
/// of it is sent, and no encoder setting was given. WebRTC receivers do not support reordered frames.
pub(super) fn is_default(args: &SendOptions, url: &Url, source: &LiveSource, env: &Env) -> bool {
    // Sending always has this preset.
    let preset = args.encoder.preset.filter(|preset| *preset == Preset::Rtc);
    let is_plain = args.encoder == EncoderOptions { preset, ..EncoderOptions::default() }
        && args.rate_trace.is_none()
        && args.simulcast.is_none()
        && args.resize.is_none()
        && args.cut.is_whole()
        && args.parts.video;
    if !is_plain || is_pipe(&args.input) || !matches!(source, LiveSource::File(_)) {
        return false;
    }
    let Ok(mut reader) = source.open_packets(env) else { return false };
    // Rotated frames have to be encoded.
    let is_h264 = reader.video().is_some_and(|(_, track)| {
        track.codec == Codec::H264 && track.info.rotation == Rotation::None
    });
    is_h264 && (url.scheme() != Scheme::Whip || !has_reordered_frames(&mut *reader))
}

/// Whether the first frames are presented in another order than they are stored (B-frames).
fn has_reordered_frames(reader: &mut dyn PacketReader) -> bool {
    reader.select_video();
    let (mut packet, mut last) = (CodedPacket::default(), i64::MIN);
    for _ in 0..INSPECTED {
        if !matches!(reader.read(&mut packet), Ok(true)) {
            return false;
        }
        if packet.pts < last {
            return true;
        }
        last = packet.pts;
    }
    false
}

/// Sends the packets of a file. Returns the failure if the receiver does not accept them and there is
/// a fallback.
pub(super) fn run(
    args: &SendOptions,
    url: &Url,
    source: &LiveSource,
    fallback: Fallback,
    env: &Env,
) -> Result<Option<Failure>> {
    let source = &source.at_key_frame(env)?;
    let mut reader = source.open_packets(env)?;
    let (mut offer, selected) = choose(args, &mut *reader, &source.name())?;
    let is_copied = offer.audio.as_ref().is_none_or(|track| track.codec == AudioCodec::Opus);
    let input = Input { args, source, env, selected, encodes_audio: !is_copied };
    let mut audible = None;
    if let Some((audio, track, text)) = input.open_audio(0.0)? {
        env.events.note(format!("audio: {text}"));
        offer.audio = Some(track);
        audible = Some(audio);
    }
    let opened = Sending::new(args, url, &offer, Coding::default(), env);
    let mut sending = match opened {
        Err(failure) if fallback == Fallback::Encode && url.scheme() == Scheme::Whip => {
            return Ok(Some(failure));
        }
        opened => opened?,
    };
    if let Some(track) = &offer.video {
        env.events.note(format!("{}: {} sent without re-encoding", source.name(), track.codec));
        if let Some(lost) = DisplaySupport::live(track.codec).lost_in_copy(track.size, track.info) {
            env.events.warn(lost);
        }
    }
    sending.counts.size = offer.video.as_ref().map(|track| track.size);
    let mut frame_id = 0;
    let end = sending.send_passes(args.repeat, |sending, begin_s, is_again| {
        if is_again {
            reader = source.open_packets(&env.quiet())?;
            audible = input.open_audio(begin_s)?.map(|(audio, ..)| audio);
        }
        input.pass(sending, &mut *reader, &mut audible, begin_s, &mut frame_id)
    });
    sending.finish(end).map(|()| None)
}

fn choose(
    args: &SendOptions,
    reader: &mut dyn PacketReader,
    name: &str,
) -> Result<(Offer, SelectedTracks)> {
    let wanted = [(TrackKind::Video, args.parts.video), (TrackKind::Audio, args.parts.audio)];
    for (kind, is_wanted) in wanted {
        if is_wanted && is_lost(reader, kind) {
            return Err(missing(reader, kind, name, Advice::FLAGS));
        }
    }
    let (mut offer, mut chosen) = (Offer::default(), SelectedTracks::default());
    if let Some((number, track)) = reader.video().filter(|_| args.parts.video) {
        if !SENT.contains(&track.codec) {
            let codec = track.codec;
            return Err(Failure::usage(format!(
                "cannot send {codec} with --copy: only vp8, vp9 and h264 are supported"
            )));
        }
        (offer.video, chosen.video) = (Some(track.clone()), Some(number));
    }
    if let Some((number, track)) = reader.audio().filter(|_| args.parts.audio) {
        if track.codec != AudioCodec::Opus && is_pipe(&args.input) {
            let codec = track.codec;
            let message = format!(
                "cannot send {codec} with --copy from a pipe: only opus is supported\n\
                 help: drop the audio with --no-audio"
            );
            return Err(Failure::usage(message));
        }
        (offer.audio, chosen.audio) = (Some(track.clone()), Some(number));
    }
    if offer.video.is_none() && offer.audio.is_none() {
        return Err(Failure::usage(
            "cannot send with --copy: the input has no video or audio track",
        ));
    }
    Ok((offer, chosen))
}

impl Input<'_> {
    /// Opens the audio for encoding, if it has to be encoded.
    fn open_audio(
        &self,
        begin_s: f64,
    ) -> Result<Option<(OutgoingAudio, codec_container::AudioTrack, String)>> {
        if !self.encodes_audio {
            return Ok(None);
        }
        let wants = MediaSelection { video: false, audio: true };
        let media = self.source.open(wants, self.args.threads, Advice::FLAGS, self.env)?;
        let open = |input| open_audio(self.args, self.source, input, begin_s, self.env);
        media.audio.map(open).transpose()
    }

    /// Sends the packets once, from `begin_s` of the stream on; returns the end.
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn pass(
        &self,
        sending: &mut Sending,
        reader: &mut dyn PacketReader,
        audible: &mut Option<OutgoingAudio>,
        begin_s: f64,
        frame_id: &mut u64,
    ) -> Result<(Stop, f64)> {
        let chosen = self.selected;
        let ticks: Vec<f64> =
            reader.tracks().iter().map(|track| track.time_base().as_f64()).collect();
        let frame_s = frame_seconds(reader);
        let mut conversion = Conversion::new(reader.video().map(|(_, track)| track));
        let mut packet = CodedPacket::default();
        let mut end_s = begin_s;
        while self.read(reader, &mut packet)? {
            if sending.is_enough(sending.clock.now()) {
                return Ok((Stop::Enough, end_s));
            }
            let track = Some(packet.track);
            let is_audio = track == chosen.audio;
            let is_sent = track == chosen.video || is_audio && !self.encodes_audio;
            if !is_sent {
                continue;
            }
            let tick_s = ticks.get(packet.track).copied().unwrap_or(1.0);
            let at_s = begin_s + packet.pts as f64 * tick_s;
            let lasts_s = packet.duration.map_or(frame_s, |ticks| ticks as f64 * tick_s);
            end_s = end_s.max(at_s + lasts_s);
            let Some(captured) = sending.wait_for_frame(audible.as_mut(), at_s)? else {
                return Ok((Stop::Enough, end_s));
            };
            let now = sending.clock.now();
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            let pts = packet.pts + (begin_s / tick_s).round() as i64;
            if is_audio {
                sending.counts.totals.audio(packet.data.len());
                let audio = LiveAudioPacket { data: &packet.data, pts, captured };
                sending.output.audio(now, &audio)?;
                continue;
            }
            sending.counts.captured += 1;
            conversion.convert(&mut packet);
            let frame = frame(&packet, pts, frame_id);
            sending.counts.frame(&frame, Duration::ZERO);
            sending.output.video(now, &frame, captured)?;
        }
        Ok((sending.end_pass(audible, begin_s, end_s)?, end_s))
    }

    fn read(&self, reader: &mut dyn PacketReader, packet: &mut CodedPacket) -> Result<bool> {
        reader.read(packet).map_err(|error| Failure::reading(&self.source.name(), error))
    }
}

/// Duration of a frame in seconds, where packets do not state it.
fn frame_seconds(reader: &dyn PacketReader) -> f64 {
    let rate = reader.tracks().iter().find_map(Track::video).and_then(|track| track.frame_rate);
    rate.map_or(1.0 / 30.0, |rate| 1.0 / rate.as_f64())
}

/// Converts H.264 of MP4 and Matroska to the byte stream format, in which it is sent.
struct Conversion {
    annex_b: Option<AnnexB>,
    converted: Vec<u8>,
}

impl Conversion {
    fn new(track: Option<&VideoTrack>) -> Self {
        let h264 = track.filter(|track| track.codec == Codec::H264);
        let annex_b = h264.and_then(|track| AnnexB::new(&track.codec_private));
        Self { annex_b, converted: Vec::new() }
    }

    fn convert(&mut self, packet: &mut CodedPacket) {
        if let Some(annex_b) = &mut self.annex_b {
            annex_b.convert(&packet.data, &mut self.converted);
            std::mem::swap(&mut packet.data, &mut self.converted);
        }
    }
}

/// Converts a packet of a file as if from an encoder without dependency data: it may refer to every
/// frame, and every frame may refer to it.
fn frame(packet: &CodedPacket, pts: i64, frame_id: &mut u64) -> Packet {
    let all = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);
    let mut frame = Packet::default();
    frame.data.clone_from(&packet.data);
    frame.pts = pts;
    frame.duration = packet.duration;
    frame.meta.frame_id = *frame_id;
    *frame_id += 1;
    frame.meta.kind = if packet.key { FrameKind::Key } else { FrameKind::Inter };
    frame.meta.shown = packet.shown;
    frame.meta.refs_used = if packet.key { SlotSet::NONE } else { all };
    frame.meta.refs_updated = all;
    frame
}
