//! Packets from the members of a conference.

use std::time::Duration;

use codec_rtc::extension::{Extensions, Label};
use codec_rtc::packet::Format;
use codec_rtc::room::{
    EncodingConfig, OutputConfig, ParticipantId, SourceKind, StreamConfig, StreamId,
};
use codec_rtc::rtp::Header;
use codec_webrtc::{Codec, Media, RtpPacket};

use super::super::media::{AUDIO_HZ, VideoCodec};
use super::{Conference, extension_map};

/// A source of video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Source {
    Camera,
    Screen,
}

impl Source {
    /// The source with this name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Camera, Self::Screen].into_iter().find(|source| source.name() == name)
    }

    /// Its name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Screen => "screen",
        }
    }
}

/// A medium of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Audio,
    Video(Source),
}

/// A published source of video.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) stream: StreamId,
    pub(super) codec: VideoCodec,
    /// The member's SSRC, the layer, and the SSRC in the room.
    pub(super) encodings: Vec<(u32, Option<Label>, u32)>,
}

impl Conference {
    /// Handles a packet of a member.
    pub(in super::super) fn handle_packet(&mut self, now: Duration, id: u64, packet: &RtpPacket) {
        let Some(member) = self.members.get(&id) else { return };
        if packet.codec == Codec::Opus && member.is_audio(packet.mid) {
            self.receive_audio(now, id, packet);
        } else if let Some((source, media)) = member.source(packet.mid)
            && member.sends(source)
            && self.may_send(id, Medium::Video(source))
            && let Some(codec) = codec_of(media, packet)
            && let Some(ssrc) = self.room_ssrc(now, id, source, codec, packet)
        {
            // Malformed packets are counted by the room.
            let data = written(packet, ssrc);
            let _ = self.room.handle_packet(now, &data);
            self.relay_video(ssrc, data);
        }
        self.forward(now);
    }

    fn receive_audio(&mut self, now: Duration, id: u64, packet: &RtpPacket) {
        if !self.may_send(id, Medium::Audio) {
            return;
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        if packet.payload.is_empty() || member.is_muted {
            return;
        }
        if !member.has_audio {
            self.begin_audio(id);
            for viewer in self.local_members() {
                self.subscribe_audio(viewer, id);
            }
        }
        self.hand_over_audio(now, id);
        let data = written(packet, packet.header.ssrc);
        let level = packet.extensions.audio_level;
        // The packet was parsed before.
        let _ = self.audio.handle_packet(now, ParticipantId(id), level, &data);
    }

    /// Sends the audio of a member to another one, unless both are devices of one person.
    pub(super) fn subscribe_audio(&mut self, viewer: u64, publisher: u64) {
        if self.are_one(viewer, publisher) {
            return;
        }
        // The section and its numbers follow when there is something to send.
        let (ssrc, payload_type, first_sequence) = (0, 0, 0);
        let output = OutputConfig { ssrc, payload_type, first_sequence, clock_hz: AUDIO_HZ };
        self.audio.subscribe(ParticipantId(viewer), ParticipantId(publisher), output);
    }

    /// Sends the audio of all others to a member. Its own person is not among them.
    pub(super) fn subscribe_to_audio_of_others(&mut self, viewer: u64) {
        for publisher in self.members.keys().copied().collect::<Vec<_>>() {
            self.subscribe_audio(viewer, publisher);
        }
    }

    /// Ends the audio of a member. Its next packet begins it again.
    pub(super) fn forget_audio(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if std::mem::replace(&mut member.has_audio, false) {
            // It is removed as a listener, too.
            self.audio.remove(ParticipantId(id));
            if self.origin_of(id).is_none() {
                self.subscribe_to_audio_of_others(id);
            }
        }
    }

    /// The SSRC of a packet in the room; adds the source and the encoding if they are new. `None` if a
    /// limit is reached.
    fn room_ssrc(
        &mut self,
        now: Duration,
        id: u64,
        source: Source,
        codec: VideoCodec,
        packet: &RtpPacket,
    ) -> Option<u32> {
        let (own, rid) = (packet.header.ssrc, packet.rid);
        let published = self.members.get_mut(&id)?.published_mut(source);
        if let Some(it) = published {
            let known = it.encodings.iter().find(|(ssrc, ..)| *ssrc == own);
            if let Some((_, _, ssrc)) = known.filter(|_| it.codec == codec) {
                return Some(*ssrc);
            }
            let is_restarted = it.encodings.iter().any(|(_, layer, _)| *layer == rid);
            if is_restarted || it.codec != codec {
                self.unpublish(now, id, source);
            }
        }
        let stream = match self.members.get(&id)?.published(source) {
            Some(published) => published.stream,
            None => self.publish(now, id, source, codec)?,
        };
        let ssrc = self.take_ssrc();
        let encoding = EncodingConfig { ssrc, rid, height: None };
        self.room.add_encoding(now, stream, encoding).ok()?;
        self.encodings.insert(ssrc, (id, own));
        let published = self.members.get_mut(&id)?.published_mut(source).as_mut()?;
        published.encodings.push((own, rid, ssrc));
        Some(ssrc)
    }

    fn publish(
        &mut self,
        now: Duration,
        id: u64,
        source: Source,
        codec: VideoCodec,
    ) -> Option<StreamId> {
        // All members have to be given the source: packets that replace it all the time are dropped.
        if !self.members.get_mut(&id)?.begin_source(now) {
            return None;
        }
        self.add_source(now, id, source, codec)
    }

    /// Adds a source of a member without encodings.
    pub(super) fn add_source(
        &mut self,
        now: Duration,
        id: u64,
        source: Source,
        codec: VideoCodec,
    ) -> Option<StreamId> {
        let stream = StreamId(self.next_stream);
        let kind = match source {
            Source::Camera => SourceKind::Camera,
            Source::Screen => SourceKind::Screen,
        };
        let format = match codec {
            VideoCodec::Vp8 => Format::Vp8,
            VideoCodec::H264(_) => Format::H264,
            VideoCodec::Vp9 => Format::Vp9,
        };
        let (owner, extensions) = (ParticipantId(id), extension_map());
        let config = StreamConfig { owner, kind, format, extensions };
        self.room.add_stream(stream, config).ok()?;
        self.next_stream += 1;
        self.sources.insert(stream, (id, source));
        let published = Published { stream, codec, encodings: Vec::new() };
        *self.members.get_mut(&id)?.published_mut(source) = Some(published);
        if source == Source::Camera {
            self.expect_camera(now, id);
        }
        self.assign_all(now);
        self.people_changed = true;
        Some(stream)
    }

    /// Ends a source of a member. Its next packet begins a new one.
    pub(super) fn unpublish(&mut self, now: Duration, id: u64, source: Source) {
        let published = self.members.get_mut(&id).and_then(|it| it.published_mut(source).take());
        let Some(Published { stream, .. }) = published else { return };
        self.forget_source(stream);
        self.room.remove_stream(stream);
        self.assign_all(now);
        self.people_changed = true;
    }

    /// Frees the sections on which a source was received. It must still be in the room.
    pub(super) fn forget_source(&mut self, stream: StreamId) {
        let Some((owner, _)) = self.sources.remove(&stream) else { return };
        let live: Vec<u32> = self
            .members
            .get(&owner)
            .into_iter()
            .flat_map(|it| [&it.camera, &it.screen].into_iter().flatten())
            .flat_map(|published| published.encodings.iter().map(|(_, _, ssrc)| *ssrc))
            .collect();
        self.encodings.retain(|ssrc, (member, _)| *member != owner || live.contains(ssrc));
        let audio: Vec<u32> = self.members.values().filter_map(|it| it.audio_ssrc).collect();
        let encodings = &self.encodings;
        self.needed.retain(|ssrc| encodings.contains_key(ssrc) || audio.contains(ssrc));
        for (id, member) in &mut self.members {
            let slots = member.video.iter_mut().filter(|slot| slot.source() == Some(stream));
            slots.for_each(|slot| slot.end(&mut self.room, ParticipantId(*id)));
        }
    }
}

/// The codec of a packet, with the negotiated profile.
fn codec_of(media: &Media, packet: &RtpPacket) -> Option<VideoCodec> {
    match packet.codec {
        Codec::Vp8 => Some(VideoCodec::Vp8),
        Codec::Vp9 => Some(VideoCodec::Vp9),
        Codec::H264 => {
            let payload = packet.header.payload_type;
            let negotiated = media.codecs.iter().find(|it| it.payload_type == payload)?;
            Some(VideoCodec::H264(negotiated.h264?.profile))
        }
        _ => None,
    }
}

/// A packet with the SSRC and the header extensions of the room.
fn written(packet: &RtpPacket, ssrc: u32) -> Vec<u8> {
    let mut data = Vec::with_capacity(packet.payload.len() + 64);
    let header = Header { ssrc, ..packet.header };
    let extensions = Extensions {
        audio_level: packet.extensions.audio_level,
        video_orientation: packet.extensions.video_orientation,
        abs_capture_time: packet.extensions.abs_capture_time,
        dependency: packet.extensions.dependency.clone(),
        ..Extensions::default()
    };
    if extensions.write_header(&header, &extension_map(), &mut data).is_err() {
        codec_rtc::rtp::write(&header, &mut data);
    }
    data.extend_from_slice(&packet.payload);
    data
}
