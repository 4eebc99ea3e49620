//! Sources, viewers and subscriptions of a room.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::allocate::Cause;
use super::{EncodingConfig, Room, RoomError, Viewer};
use crate::room::constraints::{StreamState, ViewerConstraints};
use crate::room::encoding::{Encoding, EncodingSettings};
use crate::room::id::{ParticipantId, StreamId};
use crate::room::output::{OutputConfig, OutputStream, ViewerOutput};
use crate::room::request_merger::{KeyFrameCounts, KeyFrameReason};
use crate::room::stream::{Stream, StreamConfig};
use crate::room::subscription::Subscription;

impl Room {
    /// Adds a source without encodings.
    ///
    /// # Errors
    /// Returns [`RoomError::Duplicate`] or [`RoomError::Full`].
    pub fn add_stream(&mut self, id: StreamId, config: StreamConfig) -> Result<(), RoomError> {
        if self.streams.contains_key(&id) {
            return Err(RoomError::Duplicate);
        }
        if self.streams.len() >= self.config.max_streams {
            return Err(RoomError::Full);
        }
        self.streams.insert(id, Stream::new(config));
        Ok(())
    }

    /// Adds an encoding. Simulcast layers appear late: add each when its first packet arrives.
    ///
    /// # Errors
    /// Returns [`RoomError`] if the source is unknown, the SSRC in use, or there are too many.
    pub fn add_encoding(
        &mut self,
        now: Duration,
        stream: StreamId,
        config: EncodingConfig,
    ) -> Result<(), RoomError> {
        if self.ssrcs.contains_key(&config.ssrc) {
            return Err(RoomError::Duplicate);
        }
        let source = self.streams.get_mut(&stream).ok_or(RoomError::Unknown)?;
        if source.encodings.len() >= self.config.max_encodings {
            return Err(RoomError::Full);
        }
        let EncodingConfig { ssrc, rid, height } = config;
        let StreamConfig { format, extensions, .. } = source.config;
        let (cache, requests) = (self.config.cache, self.config.requests);
        let is_relayed = source.is_relayed;
        let settings =
            EncodingSettings { ssrc, rid, height, format, extensions, cache, requests, is_relayed };
        self.ssrcs.insert(ssrc, (stream, source.encodings.len()));
        source.encodings.push(Encoding::new(now, &settings));
        Ok(())
    }

    /// Removes a source.
    pub fn remove_stream(&mut self, id: StreamId) {
        self.streams.remove(&id);
        self.ssrcs.retain(|_, (stream, _)| *stream != id);
        self.output.retain(|packet| packet.stream != id);
    }

    /// Adds a viewer without subscriptions.
    ///
    /// # Errors
    /// Returns [`RoomError::Duplicate`] or [`RoomError::Full`].
    pub fn add_viewer(&mut self, id: ParticipantId) -> Result<(), RoomError> {
        if self.viewers.contains_key(&id) {
            return Err(RoomError::Duplicate);
        }
        if self.viewers.len() >= self.config.max_viewers {
            return Err(RoomError::Full);
        }
        let viewer = Viewer {
            estimate: self.config.initial_estimate,
            constraints: ViewerConstraints::default(),
            starved_since: None,
        };
        self.viewers.insert(id, viewer);
        Ok(())
    }

    /// Removes a participant: its subscriptions, the sources that it owns, and all queued packets to it.
    pub fn remove_participant(&mut self, id: ParticipantId) {
        self.viewers.remove(&id);
        for stream in self.streams.values_mut() {
            stream.subscriptions.remove(&id);
            stream.encodings.iter_mut().for_each(|it| it.requests.withdraw(id));
        }
        self.output.retain(|packet| packet.viewer != id);
        let owned = self.streams.iter().filter(|(_, stream)| stream.config.owner == id);
        let owned: Vec<StreamId> = owned.map(|(id, _)| *id).collect();
        owned.into_iter().for_each(|stream| self.remove_stream(stream));
    }

    /// Makes a source available to a viewer; its layer is chosen by the next [`Self::handle_timeout`].
    ///
    /// # Errors
    /// Returns [`RoomError::Unknown`] or [`RoomError::Duplicate`].
    pub fn subscribe(
        &mut self,
        viewer: ParticipantId,
        stream: StreamId,
        output: OutputConfig,
    ) -> Result<(), RoomError> {
        self.add_subscription(viewer, stream, OutputStream::new(output))
    }

    /// As [`Self::subscribe`], but continues the output of an earlier subscription of this viewer: for the viewer, the
    /// source replaces the earlier one on the same SSRC, without a break in any number. `payload_type` is the payload
    /// type of the source's format, 0..=127.
    ///
    /// # Errors
    /// Returns [`RoomError::Unknown`] or [`RoomError::Duplicate`].
    pub fn resume(
        &mut self,
        viewer: ParticipantId,
        stream: StreamId,
        payload_type: u8,
        output: ViewerOutput,
    ) -> Result<(), RoomError> {
        let ViewerOutput(mut output) = output;
        output.set_payload_type(payload_type);
        self.add_subscription(viewer, stream, output)
    }

    fn add_subscription(
        &mut self,
        viewer: ParticipantId,
        stream: StreamId,
        output: OutputStream,
    ) -> Result<(), RoomError> {
        let source = self.streams.get_mut(&stream).ok_or(RoomError::Unknown)?;
        if !self.viewers.contains_key(&viewer) {
            return Err(RoomError::Unknown);
        }
        if source.subscriptions.contains_key(&viewer) {
            return Err(RoomError::Duplicate);
        }
        source.subscriptions.insert(viewer, Subscription::new(output));
        self.next_decision = Duration::ZERO;
        Ok(())
    }

    /// Ends a subscription. Returns its output, with which [`Self::resume`] continues; `None` if there is no such
    /// subscription, also after the source was removed.
    pub fn unsubscribe(&mut self, viewer: ParticipantId, stream: StreamId) -> Option<ViewerOutput> {
        let source = self.streams.get_mut(&stream)?;
        let subscription = source.subscriptions.remove(&viewer)?;
        source.encodings.iter_mut().for_each(|it| it.requests.withdraw(viewer));
        Some(ViewerOutput(subscription.into_output()))
    }

    /// Replaces the constraints of a viewer. They apply at once.
    pub fn set_constraints(
        &mut self,
        now: Duration,
        viewer: ParticipantId,
        constraints: ViewerConstraints,
    ) {
        if let Some(it) = self.viewers.get_mut(&viewer) {
            it.constraints = constraints;
            self.allocate(now, viewer, Cause::Constraints);
        }
    }

    /// Sets the bandwidth estimate of a viewer for video. Layers go down at once.
    pub fn set_estimate(&mut self, now: Duration, viewer: ParticipantId, estimate: Bitrate) {
        if let Some(it) = self.viewers.get_mut(&viewer) {
            it.estimate = estimate;
            self.allocate(now, viewer, Cause::Measurement);
        }
    }

    /// Sets the order of speakers for last-N, the dominant one first; see
    /// [`Speakers`](crate::room::Speakers). Others follow in the order of their source ids.
    pub fn set_speakers(&mut self, speakers: &[ParticipantId]) {
        let known = speakers.iter().take(self.config.max_streams);
        // The first place of a participant counts.
        self.speakers = known.enumerate().rev().map(|(place, it)| (*it, place)).collect();
    }

    /// Sets the round-trip time to the publisher of a source.
    pub fn set_round_trip(&mut self, stream: StreamId, rtt: Duration) {
        if let Some(source) = self.streams.get_mut(&stream) {
            source.encodings.iter_mut().for_each(|it| it.requests.set_round_trip(rtt));
        }
    }

    /// Requests a key frame of the encoding that a viewer gets: it sent a PLI
    /// ([`KeyFrameReason::Loss`]), or a recorder starts. A participant without a subscription requests
    /// one of each encoding that is on.
    pub fn request_key_frame(
        &mut self,
        now: Duration,
        who: ParticipantId,
        stream: StreamId,
        reason: KeyFrameReason,
    ) {
        let Some(source) = self.streams.get_mut(&stream) else { return };
        let subscription = source.subscriptions.get(&who);
        for (index, encoding) in source.encodings.iter_mut().enumerate() {
            if subscription.map_or(encoding.is_on, |it| it.uses(index)) {
                encoding.requests.request(who, reason);
            }
        }
        self.poll_requests(now);
    }

    /// State of a source at a viewer; `None` if it has not subscribed to the source.
    #[must_use]
    pub fn state(&self, viewer: ParticipantId, stream: StreamId) -> Option<StreamState> {
        Some(self.streams.get(&stream)?.subscriptions.get(&viewer)?.state)
    }

    /// Identity of a source towards a viewer.
    #[must_use]
    pub fn output(&self, viewer: ParticipantId, stream: StreamId) -> Option<OutputConfig> {
        Some(self.streams.get(&stream)?.subscriptions.get(&viewer)?.config())
    }

    /// Counters of the key-frame requests for an encoding, by viewers and to the publisher.
    #[must_use]
    pub fn key_frame_counts(&self, ssrc: u32) -> Option<KeyFrameCounts> {
        let (stream, index) = self.ssrcs.get(&ssrc)?;
        Some(self.streams.get(stream)?.encodings.get(*index)?.requests.counts())
    }
}
