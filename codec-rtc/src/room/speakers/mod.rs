//! Active speakers, from the audio levels of packets (RFC 6464), without decoding.
//!
//! | output | reaction time | use |
//! |---|---|---|
//! | [`Speakers::is_speaking`] | on after 200 ms of speech, off after 400 ms without | the highlight of the tile |
//! | [`Speakers::dominant`] | changes at most every 2 s, silence keeps the last one | layout, last-N |
//! | [`Speakers::on_packet`] | at once; a participant stays selected for at least 500 ms | which audio to forward |
//!
//! The dominant speaker is found on three time scales: 100 ms (is there speech now), 500 ms and 1 s
//! (whose speech lasts longer). Levels count relative to the noise floor of each microphone.
//!
//! Call order: [`Speakers::on_packet`] for every audio packet, [`Speakers::handle_timeout`] at
//! [`Speakers::poll_timeout`] at the latest, then [`Speakers::poll_event`] until it returns `None`.
//!
//! ```
//! use std::time::Duration;
//!
//! use codec_audio::level::AudioLevel;
//! use codec_rtc::room::speakers::{AudioRoute, SpeakerEvent, Speakers, SpeakersConfig};
//! use codec_rtc::room::ParticipantId;
//!
//! let (alice, bob) = (ParticipantId(1), ParticipantId(2));
//! let mut speakers = Speakers::new(SpeakersConfig::default());
//! for packet in 0..100_u64 {
//!     let now = Duration::from_millis(20 * packet);
//!     // Speech changes its level all the time.
//!     let dbov = if packet % 8 == 7 { 60 } else { 25 };
//!     let route = speakers.on_packet(now, alice, AudioLevel { dbov, voice: true });
//!     assert_eq!(route, AudioRoute::Forward);
//!     speakers.on_packet(now, bob, AudioLevel { dbov: 70, voice: false });
//! }
//! assert_eq!(speakers.poll_event(), Some(SpeakerEvent::Speaking(alice, true)));
//! assert_eq!(speakers.poll_event(), Some(SpeakerEvent::Dominant(Some(alice))));
//! assert_eq!(speakers.poll_event(), None);
//! ```

mod activity;
mod selection;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use codec_audio::level::{AudioLevel, SILENCE_DBOV};

use crate::room::id::ParticipantId;
use activity::{Activity, BLOCK};
use selection::Selection;

/// Active blocks of the last 400 ms that start a speaking mark.
const SPEAKING_BLOCKS: u32 = 2;
/// Number of active blocks of the last 500 ms that a new dominant speaker needs.
const MEDIUM_BLOCKS: u32 = 3;
/// Number of active blocks of the last second that a new dominant speaker needs.
const LONG_BLOCKS: u32 = 8;
/// Factor by which a new speaker must exceed the dominant one in the last 500 ms.
const MEDIUM_FACTOR: u32 = 2;
/// Number of blocks by which a new speaker must exceed the dominant one in the last second.
const LONG_MARGIN: u32 = 3;

/// Limits of [`Speakers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeakersConfig {
    /// Number of participants whose audio is forwarded, in addition to the dominant speaker; default
    /// 3.
    pub loudest: usize,
    /// Shortest time between two changes of the dominant speaker; default 2 s.
    pub hold: Duration,
    /// Number of consecutive silent packets that are forwarded before further ones are dropped; default 3.
    pub silence_packets: u32,
    /// Largest number of participants. Packets of others are forwarded without a decision. Default
    /// 1000.
    pub max_participants: usize,
}

impl Default for SpeakersConfig {
    fn default() -> Self {
        Self {
            loudest: 3,
            hold: Duration::from_secs(2),
            silence_packets: 3,
            max_participants: 1000,
        }
    }
}

/// Decision for one audio packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioRoute {
    /// Forward the packet to all viewers.
    Forward,
    /// Drop the packet: others are louder.
    NotSelected,
    /// Drop the packet: the participant has been silent for several packets.
    Silence,
}

/// A change that viewers should be informed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeakerEvent {
    /// The speaking mark of a participant changed.
    Speaking(ParticipantId, bool),
    /// The dominant speaker changed; `None` if it left and no other participant has spoken.
    Dominant(Option<ParticipantId>),
}

#[derive(Clone, Debug)]
struct Participant {
    activity: Activity,
    silent_packets: u32,
    is_speaking: bool,
    /// The mark of the last event.
    reported: bool,
    last_spoke: Option<Duration>,
}

/// Detects speakers and selects the audio of a room.
#[derive(Clone, Debug)]
pub struct Speakers {
    config: SpeakersConfig,
    participants: BTreeMap<ParticipantId, Participant>,
    selection: Selection,
    dominant: Option<ParticipantId>,
    reported_dominant: Option<ParticipantId>,
    changed: Option<Duration>,
    next_decision: Duration,
    has_events: bool,
}

impl Speakers {
    /// Creates a detector without participants.
    #[must_use]
    pub fn new(config: SpeakersConfig) -> Self {
        Self {
            config,
            participants: BTreeMap::new(),
            selection: Selection::new(config.loudest),
            dominant: None,
            reported_dominant: None,
            changed: None,
            next_decision: Duration::ZERO,
            has_events: false,
        }
    }

    /// Records an audio packet and returns whether to forward it. An unknown participant is added.
    ///
    /// Forward packets without an audio level unconditionally, and without this call.
    pub fn on_packet(&mut self, now: Duration, id: ParticipantId, level: AudioLevel) -> AudioRoute {
        self.handle_timeout(now);
        let is_full = self.participants.len() >= self.config.max_participants;
        if is_full && !self.participants.contains_key(&id) {
            return AudioRoute::Forward;
        }
        let participant = self.participants.entry(id).or_insert_with(|| Participant {
            activity: Activity::new(now),
            silent_packets: 0,
            is_speaking: false,
            reported: false,
            last_spoke: None,
        });
        let activity = &mut participant.activity;
        activity.record(now, level.dbov);
        self.selection.update(now, id, activity.is_loud(), activity.loudness_db());
        let is_silent = level.dbov >= SILENCE_DBOV;
        let silent_packets = participant.silent_packets.saturating_add(1);
        participant.silent_packets = if is_silent { silent_packets } else { 0 };
        if participant.silent_packets > self.config.silence_packets {
            AudioRoute::Silence
        } else if self.dominant == Some(id) || self.selection.contains(id) {
            AudioRoute::Forward
        } else {
            AudioRoute::NotSelected
        }
    }

    /// Removes a participant. If it was dominant, the one that spoke last becomes dominant.
    pub fn remove(&mut self, id: ParticipantId) {
        self.participants.remove(&id);
        self.selection.remove(id);
        if self.dominant == Some(id) {
            let spoke = self.participants.iter().filter_map(|(id, it)| Some((it.last_spoke?, *id)));
            self.dominant = spoke.max().map(|(_, id)| id);
            self.has_events = true;
        }
        if self.reported_dominant == Some(id) {
            self.has_events = true;
        }
    }

    /// Makes the decisions that are due.
    pub fn handle_timeout(&mut self, now: Duration) {
        if now < self.next_decision {
            return;
        }
        self.next_decision = now.saturating_add(BLOCK);
        for participant in self.participants.values_mut() {
            participant.activity.advance(now);
            let fast = participant.activity.fast();
            let threshold = if participant.is_speaking { 1 } else { SPEAKING_BLOCKS };
            participant.is_speaking = fast >= threshold;
            if participant.is_speaking {
                participant.last_spoke = Some(now);
            }
            self.has_events |= participant.is_speaking != participant.reported;
        }
        self.decide_dominant(now);
    }

    /// Time of the next decision; `None` if nothing changes until the next packet.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let is_busy = |it: &Participant| it.is_speaking || it.activity.long() > 0;
        self.participants.values().any(is_busy).then_some(self.next_decision)
    }

    /// Returns the next change. Changes that were reversed in the meantime are not reported.
    pub fn poll_event(&mut self) -> Option<SpeakerEvent> {
        if !self.has_events {
            return None;
        }
        let changed = self.participants.iter_mut().find(|(_, it)| it.is_speaking != it.reported);
        if let Some((id, participant)) = changed {
            participant.reported = participant.is_speaking;
            return Some(SpeakerEvent::Speaking(*id, participant.is_speaking));
        }
        self.has_events = false;
        if self.dominant == self.reported_dominant {
            return None;
        }
        self.reported_dominant = self.dominant;
        Some(SpeakerEvent::Dominant(self.dominant))
    }

    /// The dominant speaker; the last one during silence, `None` before the first speech.
    #[must_use]
    pub fn dominant(&self) -> Option<ParticipantId> {
        self.dominant
    }

    /// Whether the participant speaks.
    #[must_use]
    pub fn is_speaking(&self, id: ParticipantId) -> bool {
        self.participants.get(&id).is_some_and(|it| it.is_speaking)
    }

    /// The participants whose audio is forwarded, the dominant speaker included.
    #[must_use]
    pub fn selected(&self) -> Vec<ParticipantId> {
        let dominant = self.dominant.filter(|id| !self.selection.contains(*id));
        self.selection.ids().chain(dominant).collect()
    }

    /// Participants in the order of their last speech, the dominant one first; for
    /// [`Room::set_speakers`](crate::room::Room::set_speakers).
    #[must_use]
    pub fn by_last_speech(&self) -> Vec<ParticipantId> {
        let spoke = self.participants.iter().filter_map(|(id, it)| Some((it.last_spoke?, *id)));
        let mut others: Vec<_> = spoke.filter(|(_, id)| self.dominant != Some(*id)).collect();
        others.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        self.dominant.into_iter().chain(others.into_iter().map(|(_, id)| id)).collect()
    }

    /// Another participant becomes dominant if it has spoken for most of the last second, and more
    /// than the dominant speaker on both time scales.
    fn decide_dominant(&mut self, now: Duration) {
        if self.changed.is_some_and(|at| now.saturating_sub(at) < self.config.hold) {
            return;
        }
        let current = self.dominant.and_then(|id| self.participants.get(&id));
        let scores = |it: &Participant| (it.activity.medium(), it.activity.long());
        let (medium, long) = current.map_or((0, 0), scores);
        let others = self.participants.iter().filter(|(id, _)| self.dominant != Some(**id));
        let candidates = others.filter(|(_, it)| {
            let (its_medium, its_long) = scores(it);
            its_medium >= MEDIUM_BLOCKS.max(MEDIUM_FACTOR * medium)
                && its_long >= LONG_BLOCKS.max(long + LONG_MARGIN)
        });
        let rank = |it: &Participant| (it.activity.long(), it.activity.loudness_db());
        let best = candidates.max_by(|(_, one), (_, other)| {
            let (one, other) = (rank(one), rank(other));
            one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
        });
        if let Some((id, _)) = best {
            self.dominant = Some(*id);
            self.changed = Some(now);
            self.has_events = true;
        }
    }
}
