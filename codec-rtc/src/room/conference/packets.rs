//! Packets, timers and key-frame requests of a room.

use std::time::Duration;

use super::{DECISION_INTERVAL, MAX_OUTPUT, Room, RoomCounters, RoomEvent, RoomTransmit};
use crate::room::id::{ParticipantId, StreamId};
use crate::room::output::Written;
use crate::rtp::{self, Malformed};

impl Room {
    /// Handles a video packet of a publisher, after decryption, RTX and FEC.
    ///
    /// # Errors
    /// Returns [`Malformed`] if the packet cannot be parsed; it is dropped and counted. Packets of
    /// unknown SSRCs are only counted.
    pub fn handle_packet(&mut self, now: Duration, data: &[u8]) -> Result<(), Malformed> {
        self.counters.received += 1;
        let result = self.receive(now, data);
        if result.is_err() {
            self.counters.malformed += 1;
        }
        result
    }

    fn receive(&mut self, now: Duration, data: &[u8]) -> Result<(), Malformed> {
        let ssrc = rtp::parse(data)?.header.ssrc;
        let Some(&(id, index)) = self.ssrcs.get(&ssrc) else {
            self.counters.unknown += 1;
            return Ok(());
        };
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        let Some(encoding) = stream.encodings.get_mut(index) else { return Ok(()) };
        let is_first = encoding.last_packet.is_none();
        let packet = encoding.receive(now, data)?;
        if packet.frame.starts_key_frame() {
            encoding.requests.on_key_frame();
        }
        let mut written = Vec::new();
        let encodings = &stream.encodings;
        for (viewer, subscription) in &mut stream.subscriptions {
            subscription.receive(now, index, &packet, encodings, &mut written);
            if subscription.poll_timeout().is_some() {
                self.waiting.insert((id, *viewer));
            }
            queue(&mut self.output, &mut self.counters, *viewer, id, &mut written);
        }
        if is_first {
            self.next_decision = self.next_decision.min(now.saturating_add(DECISION_INTERVAL));
        }
        Ok(())
    }

    /// Performs the tasks that are due: allocation, replays, key-frame requests, feedback to
    /// senders.
    pub fn handle_timeout(&mut self, now: Duration) {
        if now >= self.next_decision {
            self.next_decision = now.saturating_add(DECISION_INTERVAL);
            self.decide(now);
        }
        let mut written = Vec::new();
        for (id, viewer) in std::mem::take(&mut self.waiting) {
            let stream = self.streams.get_mut(&id);
            let subscription = stream.and_then(|it| it.subscriptions.get_mut(&viewer));
            let Some(subscription) = subscription else { continue };
            subscription.poll(now, &mut written);
            if subscription.poll_timeout().is_some() {
                self.waiting.insert((id, viewer));
            }
            queue(&mut self.output, &mut self.counters, viewer, id, &mut written);
        }
        self.poll_requests(now);
    }

    /// Time of the next [`Self::handle_timeout`]; `None` if the room has no source.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let streams = self.streams.values();
        let requests = streams.flat_map(|stream| {
            stream.encodings.iter().filter_map(|encoding| encoding.requests.poll_timeout())
        });
        let waiting = self.waiting.iter().filter_map(|(id, viewer)| {
            self.streams.get(id)?.subscriptions.get(viewer)?.poll_timeout()
        });
        let decision = (!self.streams.is_empty()).then_some(self.next_decision);
        requests.chain(waiting).chain(decision).min()
    }

    /// Requests the key frames that are due.
    pub(super) fn poll_requests(&mut self, now: Duration) {
        let mut due = Vec::new();
        for (id, stream) in &mut self.streams {
            for encoding in stream.encodings.iter_mut().filter(|it| it.is_on) {
                if encoding.requests.poll(now) {
                    due.push(RoomEvent::KeyFrame { stream: *id, ssrc: encoding.ssrc });
                }
            }
        }
        due.into_iter().for_each(|event| self.push_event(event));
    }
}

/// Moves the packets for a viewer to the output.
pub(super) fn queue(
    output: &mut std::collections::VecDeque<RoomTransmit>,
    counters: &mut RoomCounters,
    viewer: ParticipantId,
    stream: StreamId,
    written: &mut Vec<Written>,
) {
    for Written { header, packet } in written.drain(..) {
        if output.len() >= MAX_OUTPUT {
            counters.overflowed += 1;
            continue;
        }
        counters.forwarded += 1;
        output.push_back(RoomTransmit { viewer, stream, header, packet });
    }
}
