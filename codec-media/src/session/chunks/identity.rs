//! The identity of an input in a plan, by which a join recognises it without decoding it.

use codec_container::{CodedPacket, Input, PacketReader};
use codec_core::frame::Rational;
use sha2::{Digest, Sha256};

use super::coded;
use super::input::{changed, with_input_times};
use super::key::{FrameId, InputId, Key, KeyHasher, Naming};
use super::plan::{ChunkPlan, check_fingerprint};
use super::raw;
use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::io::audio_input::AudioInput;
use crate::io::cut_packets::CutPackets;
use crate::io::input::{InputSpec, Opened};
use crate::io::media::{self, MediaSelection};
use crate::io::video;
use crate::settings::encoding::Encoding;

/// Computes the digests of the packets of the input of `settings` without decoding them. Video packets are read only if
/// the chunks are named by their decoded frames.
///
/// # Errors
/// If the input cannot be opened, or the run is asked to stop.
pub(super) fn identify(settings: &Encoding, naming: Naming, env: &Env) -> Result<InputId> {
    let video = match naming {
        Naming::Frames => video_id(settings, env)?,
        Naming::Packets | Naming::File(_) | Naming::Times => None,
    };
    let audio = audio_id(settings, env)?;
    Ok(InputId { video, audio })
}

/// Rejects settings that differ from the plan, and an input whose headers differ from the plan.
///
/// # Errors
/// If they are not, or the input cannot be opened.
pub fn check_settings(settings: &Encoding, plan: &ChunkPlan, env: &Env) -> Result<()> {
    let spec = with_input_times(settings);
    let source = video::open(&spec, &settings.decode_options(), &env.quiet())?;
    check_fingerprint(&plan.with_quality(settings), plan, source.stream_info())
}

/// Rejects an input or settings that differ from the plan.
///
/// # Errors
/// If they are not, the input cannot be read, or the run is asked to stop.
pub(super) fn check_input(settings: &Encoding, plan: &ChunkPlan, env: &Env) -> Result<()> {
    check_settings(settings, plan, env)?;
    let Some(planned) = plan.input else { return Ok(()) };
    check_video(settings, plan, planned.video, env)?;
    // Not every output has the audio.
    if settings.audio.is_none() || audio_id(settings, env)? == planned.audio {
        return Ok(());
    }
    let sources = settings.audio_from.iter().chain(&settings.add_audio);
    let names: Vec<_> = [&settings.input].into_iter().chain(sources).map(InputSpec::name).collect();
    Err(Failure::new(
        Kind::Input,
        format!(
            "{}: the audio packets differ from those of the plan\n\
             help: make a new plan, because the input has changed or is another file",
            names.join(" + ")
        ),
    ))
}

/// Compares the video with the video of the plan; `planned` is the digest of its packets if the names of chunks do not
/// follow from them.
fn check_video(
    settings: &Encoding,
    plan: &ChunkPlan,
    planned: Option<Key>,
    env: &Env,
) -> Result<()> {
    let is_same = match plan.naming {
        Naming::Frames => {
            let video = video_id(settings, env)?;
            if video.is_none() || video != planned {
                // Other packets can have the same frames, as in another container.
                check_frames(settings, plan, env)?;
            }
            true
        }
        Naming::Packets => {
            let again = coded::plan(&plan.with_quality(settings), true, &env.quiet())?;
            again.is_some_and(|again| again.chunks() == plan.chunks())
        }
        Naming::File(stamp) => raw::is_same(settings, plan, stamp, env)?,
        Naming::Times => true,
    };
    if is_same { Ok(()) } else { Err(changed(&settings.input.name(), None)) }
}

/// Decodes all frames of the plan and compares them.
fn check_frames(settings: &Encoding, plan: &ChunkPlan, env: &Env) -> Result<()> {
    let spec = with_input_times(settings);
    let mut source = video::open(&spec, &settings.decode_options(), &env.quiet())?;
    for chunk in plan.chunks() {
        let mut hasher = KeyHasher::new(&plan.fingerprint_of(chunk));
        for _ in 0..chunk.frames {
            if env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            let Some(frame) = source.next()? else { return Err(changed(&spec.name(), None)) };
            hasher.add(FrameId::new(frame.pts, frame.duration, &frame.picture));
        }
        if hasher.finish() != chunk.key {
            return Err(changed(&spec.name(), None));
        }
    }
    let ends_here = plan.is_limited || plan.input_error.is_some();
    if !ends_here && source.next()?.is_some() {
        return Err(changed(&spec.name(), None));
    }
    Ok(())
}

/// The digest of the packets of the video.
fn video_id(settings: &Encoding, env: &Env) -> Result<Option<Key>> {
    let spec = &settings.input;
    let Opened::Container(Input::Packets(reader)) = spec.open(&env.quiet())? else {
        return Ok(None);
    };
    let mut digest = PacketDigest::new();
    let mut packets = CutPackets::new(reader, spec, &env.quiet())?;
    digest.add_all(&mut packets, None, settings.frames, env)?;
    Ok(Some(digest.finish()))
}

/// The digest of the packets of all audio tracks that an output gets if it can hold audio.
fn audio_id(settings: &Encoding, env: &Env) -> Result<Option<Key>> {
    let (env, options) = (&env.quiet(), settings.decode_options());
    let Encoding { input, audio_from, add_audio, .. } = settings;
    let wants = MediaSelection { video: true, audio: audio_from.is_none() };
    let opened = media::open(input, wants, &options, env)?;
    let other = (audio_from.as_ref(), add_audio.as_slice());
    let opened = media::with_audio_of(opened, input, other, &options, env)?;
    let frame_rate = opened.video.as_ref().map(|video| video.stream_info().frame_rate);
    let Some(audio) = opened.audio else { return Ok(None) };
    let mut digest = PacketDigest::new();
    for AudioInput { mut reader, number, track, .. } in audio.each() {
        let described = format!(
            "{} {} {} {:?}\n",
            track.codec,
            track.audio,
            track.time_base,
            (track.delay, &track.language)
        );
        digest.hash.update(described);
        let limit = frame_rate.zip(settings.frames);
        let end = limit.map(|(rate, frames)| ticks_of(frames, rate, track.time_base));
        digest.add_all(&mut *reader, Some((number, end)), None, env)?;
    }
    Ok(Some(digest.finish()))
}

/// The duration of frames, in ticks.
fn ticks_of(frames: u64, rate: Rational, base: Rational) -> i64 {
    let ticks = u128::from(frames) * u128::from(rate.den) * u128::from(base.den)
        / (u128::from(rate.num) * u128::from(base.num)).max(1);
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

/// A digest of the times, sizes and bytes of packets.
struct PacketDigest {
    hash: Sha256,
}

impl PacketDigest {
    fn new() -> Self {
        Self { hash: Sha256::new() }
    }

    /// Adds the packets of a reader: of one track up to a duration in ticks, or as many as `limit`. An error of the
    /// reader ends the packets, as it does in an encode.
    fn add_all(
        &mut self,
        reader: &mut dyn PacketReader,
        track: Option<(usize, Option<i64>)>,
        limit: Option<u64>,
        env: &Env,
    ) -> Result<()> {
        let mut packet = CodedPacket::default();
        let (mut count, mut start) = (0_u64, None);
        while limit.is_none_or(|limit| count < limit) {
            if env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            if !matches!(reader.read(&mut packet), Ok(true)) {
                break;
            }
            let number = track.map_or(packet.track, |(number, _)| number);
            if number != packet.track {
                continue;
            }
            let start = *start.get_or_insert(packet.pts);
            let end = track.and_then(|(_, end)| end);
            if end.is_some_and(|end| packet.pts.saturating_sub(start) >= end) {
                break;
            }
            self.add(&packet);
            count += 1;
        }
        self.hash.update(count.to_le_bytes());
        Ok(())
    }

    fn add(&mut self, packet: &CodedPacket) {
        self.hash.update(packet.pts.to_le_bytes());
        self.hash.update(packet.duration.unwrap_or(u64::MAX).to_le_bytes());
        self.hash.update((packet.data.len() as u64).to_le_bytes());
        self.hash.update(&packet.data);
    }

    fn finish(self) -> Key {
        Key(self.hash.finalize().into())
    }
}
