//! A media section on which a member receives one source of video at a time.

use codec_rtc::room::{OutputConfig, ParticipantId, Room, StreamId, ViewerOutput};
use codec_rtc::sequence::Unwrapper16;
use codec_webrtc::{Media, Mid};

use super::super::media::VIDEO_HZ;

/// See the [module](self). All numbers and timestamps continue when its source changes.
#[derive(Debug)]
pub(super) struct VideoSlot {
    media: Media,
    source: Option<StreamId>,
    /// The numbers of the earlier sources, while there is none.
    output: Option<ViewerOutput>,
    unwrapper: Unwrapper16,
    /// Number of the next packet.
    next: u64,
}

impl VideoSlot {
    pub(super) fn new(media: Media) -> Self {
        Self { media, source: None, output: None, unwrapper: Unwrapper16::default(), next: 0 }
    }

    pub(super) fn mid(&self) -> Mid {
        self.media.mid
    }

    /// The negotiated section.
    pub(super) fn media(&self) -> &Media {
        &self.media
    }

    pub(super) fn source(&self) -> Option<StreamId> {
        self.source
    }

    /// Begins with a source in a room, whose codec has this payload type. Returns whether the source exists.
    pub(super) fn begin(
        &mut self,
        room: &mut Room,
        viewer: ParticipantId,
        stream: StreamId,
        payload_type: u8,
    ) -> bool {
        let subscribed = match self.output.clone() {
            Some(output) => room.resume(viewer, stream, payload_type, output),
            None => {
                #[expect(clippy::cast_possible_truncation, reason = "the number wraps")]
                let first_sequence = self.next as u16;
                let clock_hz = VIDEO_HZ;
                let output = OutputConfig { ssrc: 0, payload_type, first_sequence, clock_hz };
                room.subscribe(viewer, stream, output)
            }
        };
        if subscribed.is_ok() {
            (self.source, self.output) = (Some(stream), None);
        }
        subscribed.is_ok()
    }

    /// Ends its source, which must still be in the room.
    pub(super) fn end(&mut self, room: &mut Room, viewer: ParticipantId) {
        if let Some(stream) = self.source.take() {
            self.output = room.unsubscribe(viewer, stream);
        }
    }

    /// The number of a packet with this sequence number of the room; `None` if it is too late.
    pub(super) fn number(&mut self, sequence: u16) -> Option<u64> {
        let number = u64::try_from(self.unwrapper.unwrap(sequence)).ok()?;
        self.next = self.next.max(number + 1);
        Some(number)
    }
}
