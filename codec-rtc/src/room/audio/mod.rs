//! Forwards the audio packets of the loudest publishers, selected by their audio levels, to the viewers of a room.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use codec_audio::level::AudioLevel;

use super::id::ParticipantId;
use super::layer_filter::Verdict;
use super::output::{OutputConfig, OutputStream};
use super::packet::Inspector;
use super::speakers::{AudioRoute, Speakers, SpeakersConfig};
use crate::extension::ExtensionMap;
use crate::packet::Format;
use crate::rtp::{self, Malformed};

/// Maximum number of packets that wait for [`AudioForwarder::poll_transmit`].
const MAX_OUTPUT: usize = 1 << 14;

/// An RTP packet for a viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioTransmit {
    /// The viewer.
    pub viewer: ParticipantId,
    /// The publisher.
    pub publisher: ParticipantId,
    /// Sequence number towards the viewer.
    pub sequence: u16,
    /// The packet.
    pub data: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Publisher {
    inspector: Inspector,
    /// Whether the packet before was dropped.
    is_paused: bool,
    outputs: BTreeMap<ParticipantId, Output>,
}

#[derive(Clone, Debug)]
struct Output {
    stream: OutputStream,
    /// SSRC of the publisher that the numbers follow.
    source: Option<u32>,
}

/// Forwards the audio of the loudest participants and of the dominant speaker.
///
/// Dropped packets leave no gap in the sequence numbers. Timestamps keep their distances, and the first
/// packet after a pause has the marker bit, so that receivers treat the pause as silence (RFC 3551,
/// section 4.1).
///
/// ```
/// use std::time::Duration;
///
/// use codec_audio::level::AudioLevel;
/// use codec_rtc::packet::Format;
/// use codec_rtc::room::speakers::SpeakersConfig;
/// use codec_rtc::room::{AudioForwarder, OutputConfig, ParticipantId};
///
/// let (alice, bob) = (ParticipantId(1), ParticipantId(2));
/// let mut audio = AudioForwarder::new(SpeakersConfig::default());
/// audio.add_publisher(alice, Format::Opus);
/// let output = OutputConfig { ssrc: 9, payload_type: 111, first_sequence: 1, clock_hz: 48_000 };
/// audio.subscribe(bob, alice, output);
/// let rtp = [0x80, 111, 0, 5, 0, 0, 3, 0xc0, 0, 0, 0, 7, 1, 2, 3];
/// let level = AudioLevel { dbov: 20, voice: true };
/// audio.handle_packet(Duration::ZERO, alice, Some(level), &rtp)?;
/// assert_eq!(audio.poll_transmit().map(|packet| packet.viewer), Some(bob));
/// # Ok::<(), codec_rtc::rtp::Malformed>(())
/// ```
#[derive(Clone, Debug)]
pub struct AudioForwarder {
    speakers: Speakers,
    publishers: BTreeMap<ParticipantId, Publisher>,
    output: VecDeque<AudioTransmit>,
    overflowed: u64,
}

impl AudioForwarder {
    /// Creates a forwarder without participants.
    #[must_use]
    pub fn new(config: SpeakersConfig) -> Self {
        Self {
            speakers: Speakers::new(config),
            publishers: BTreeMap::new(),
            output: VecDeque::new(),
            overflowed: 0,
        }
    }

    /// The speakers, for events, timeouts and their order.
    pub fn speakers(&mut self) -> &mut Speakers {
        &mut self.speakers
    }

    /// Adds a publisher, or resets its format.
    pub fn add_publisher(&mut self, id: ParticipantId, format: Format) {
        let inspector = Inspector::new(format, ExtensionMap::EMPTY);
        let outputs = self.publishers.remove(&id).map(|it| it.outputs).unwrap_or_default();
        let publisher = Publisher { inspector, is_paused: false, outputs };
        self.publishers.insert(id, publisher);
    }

    /// Sends the audio of `publisher` to `viewer`. Returns `false` if the publisher is unknown.
    pub fn subscribe(
        &mut self,
        viewer: ParticipantId,
        publisher: ParticipantId,
        output: OutputConfig,
    ) -> bool {
        let Some(publisher) = self.publishers.get_mut(&publisher) else { return false };
        let output = Output { stream: OutputStream::new(output), source: None };
        publisher.outputs.insert(viewer, output);
        true
    }

    /// Ends the audio of `publisher` to `viewer`.
    pub fn unsubscribe(&mut self, viewer: ParticipantId, publisher: ParticipantId) {
        if let Some(publisher) = self.publishers.get_mut(&publisher) {
            publisher.outputs.remove(&viewer);
        }
    }

    /// Removes a participant as publisher and as viewer, with all queued packets from it and to it.
    pub fn remove(&mut self, id: ParticipantId) {
        self.speakers.remove(id);
        self.publishers.remove(&id);
        for publisher in self.publishers.values_mut() {
            publisher.outputs.remove(&id);
        }
        self.output.retain(|packet| packet.viewer != id && packet.publisher != id);
    }

    /// Handles an audio packet of a publisher. Packets without a level are forwarded.
    ///
    /// # Errors
    /// Returns [`Malformed`] if the packet cannot be parsed; it is dropped.
    pub fn handle_packet(
        &mut self,
        now: Duration,
        id: ParticipantId,
        level: Option<AudioLevel>,
        data: &[u8],
    ) -> Result<(), Malformed> {
        let Some(publisher) = self.publishers.get_mut(&id) else { return Ok(()) };
        let ssrc = rtp::parse(data)?.header.ssrc;
        let packet = publisher.inspector.inspect(data)?;
        let speakers = &mut self.speakers;
        let route = level.map(|level| speakers.on_packet(now, id, level));
        let passes = route.is_none_or(|route| route == AudioRoute::Forward);
        let marker = passes && publisher.is_paused;
        publisher.is_paused = !passes;
        let verdict = Verdict { passes, is_new_frame: true, marker };
        for (viewer, output) in &mut publisher.outputs {
            if output.source != Some(ssrc) {
                output.source = Some(ssrc);
                output.stream.switch(now, packet.number, packet.timestamp);
            }
            let written = output.stream.write(now, &packet, verdict, packet.timestamp);
            let Some(written) = written else { continue };
            if self.output.len() >= MAX_OUTPUT {
                self.overflowed += 1;
                continue;
            }
            let (viewer, publisher, sequence) = (*viewer, id, written.header.sequence);
            self.output.push_back(AudioTransmit {
                viewer,
                publisher,
                sequence,
                data: written.to_bytes(),
            });
        }
        Ok(())
    }

    /// Returns the next packet to send.
    pub fn poll_transmit(&mut self) -> Option<AudioTransmit> {
        self.output.pop_front()
    }

    /// Number of packets that were dropped because the caller did not poll them.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }
}
