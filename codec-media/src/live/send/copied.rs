//! Sends the packets of a file without re-encoding.

use std::time::Duration;

use codec_audio::AudioCodec;
use codec_container::{CodedPacket, PacketReader, Track, TrackKind};
use codec_core::codec::{Codec, FrameKind, Packet, SlotSet};
use codec_net::url::Url;

use super::{Sending, Stop};
use crate::Env;
use crate::failure::{Failure, Result};
use crate::io::unreadable::{Advice, is_lost, missing};
use crate::live::options::SendOptions;
use crate::live::output::{LiveAudioPacket, Offer};
use crate::live::source::LiveSource;
use crate::live::transport::Coding;

/// The selected tracks.
#[derive(Clone, Copy, Debug, Default)]
struct SelectedTracks {
    video: Option<usize>,
    audio: Option<usize>,
}

/// Sends the packets of a file.
pub(super) fn run(args: &SendOptions, url: &Url, source: &LiveSource, env: &Env) -> Result<()> {
    let mut reader = source.open_packets(env)?;
    let (offer, chosen) = choose(args, &*reader, &source.name())?;
    let mut sending = Sending::new(args, url, &offer, Coding::default(), env)?;
    sending.counts.size = offer.video.as_ref().map(|track| track.size);
    let (mut begin_s, mut frame_id) = (0.0, 0);
    let end = loop {
        let passed =
            pass(&mut sending, &mut *reader, chosen, begin_s, &mut frame_id, &source.name());
        match passed {
            Err(failure) => break Err(failure),
            Ok((stop, _)) if stop == Stop::Enough || !args.repeat => break Ok(()),
            Ok((_, end_s)) => begin_s = end_s,
        }
        match source.open_packets(env) {
            Ok(again) => reader = again,
            Err(failure) => break Err(failure),
        }
    };
    sending.finish(end)
}

fn choose(
    args: &SendOptions,
    reader: &dyn PacketReader,
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
        if track.codec != Codec::Vp8 {
            let codec = track.codec;
            return Err(Failure::usage(format!(
                "cannot send {codec} with --copy: only vp8 is supported"
            )));
        }
        (offer.video, chosen.video) = (Some(track.clone()), Some(number));
    }
    if let Some((number, track)) = reader.audio().filter(|_| args.parts.audio) {
        if track.codec != AudioCodec::Opus {
            let codec = track.codec;
            let message = format!(
                "cannot send {codec} with --copy: only opus is supported\n\
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

/// Sends the packets once, from `begin_s` of the stream on; returns the end.
#[expect(clippy::cast_precision_loss, reason = "seconds")]
fn pass(
    sending: &mut Sending,
    reader: &mut dyn PacketReader,
    chosen: SelectedTracks,
    begin_s: f64,
    frame_id: &mut u64,
    name: &str,
) -> Result<(Stop, f64)> {
    let ticks: Vec<f64> = reader.tracks().iter().map(|track| track.time_base().as_f64()).collect();
    let frame_s = reader
        .tracks()
        .iter()
        .find_map(Track::video)
        .and_then(|track| track.frame_rate)
        .map_or(1.0 / 30.0, |rate| 1.0 / rate.as_f64());
    let mut packet = CodedPacket::default();
    let mut end_s = begin_s;
    while reader.read(&mut packet).map_err(|error| Failure::reading(name, error))? {
        if sending.is_enough(sending.clock.now()) {
            return Ok((Stop::Enough, end_s));
        }
        let track = Some(packet.track);
        if track != chosen.video && track != chosen.audio {
            continue;
        }
        let tick_s = ticks.get(packet.track).copied().unwrap_or(1.0);
        let at_s = begin_s + packet.pts as f64 * tick_s;
        let lasts_s = packet.duration.map_or(frame_s, |ticks| ticks as f64 * tick_s);
        end_s = end_s.max(at_s + lasts_s);
        let due = sending.pace.due(sending.clock.now(), at_s);
        sending.wait_until(due, None)?;
        let now = sending.clock.now();
        if now < due {
            return Ok((Stop::Enough, end_s));
        }
        sending.pace.done(due, now);
        let captured = due.min(now);
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let pts = packet.pts + (begin_s / tick_s).round() as i64;
        if track == chosen.audio {
            sending.counts.totals.audio(packet.data.len());
            let audio = LiveAudioPacket { data: &packet.data, pts, captured };
            sending.output.audio(now, &audio)?;
            continue;
        }
        sending.counts.captured += 1;
        let frame = frame(&packet, pts, frame_id);
        sending.counts.frame(&frame, Duration::ZERO);
        sending.output.video(now, &frame, captured)?;
    }
    let due = sending.pace.due(sending.clock.now(), end_s);
    sending.wait_until(due, None)?;
    Ok((Stop::End, end_s))
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
