//! Selection of the loudest participants, whose audio is forwarded.

use std::time::Duration;

use crate::room::id::ParticipantId;

/// A participant keeps its place for this time after it was last loud, and after it got the place.
const HOLD: Duration = Duration::from_millis(500);
/// A louder participant gets a place if the difference is at least this, in decibels.
const MARGIN_DB: f32 = 6.0;

#[derive(Clone, Copy, Debug)]
struct Member {
    id: ParticipantId,
    since: Duration,
    last_loud: Duration,
    loudness_db: f32,
}

/// The participants that have a place. A silent member keeps its place until another participant
/// needs it, so that pauses change nothing.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    places: usize,
    members: Vec<Member>,
}

impl Selection {
    pub(super) fn new(places: usize) -> Self {
        Self { places, members: Vec::new() }
    }

    pub(super) fn contains(&self, id: ParticipantId) -> bool {
        self.members.iter().any(|member| member.id == id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.members.iter().map(|member| member.id)
    }

    pub(super) fn remove(&mut self, id: ParticipantId) {
        self.members.retain(|member| member.id != id);
    }

    /// Records a packet of `id`. A loud participant gets a place if one is free, if a member was not
    /// loud for the hold time, or if it is clearly louder than the quietest member.
    pub(super) fn update(
        &mut self,
        now: Duration,
        id: ParticipantId,
        is_loud: bool,
        loudness_db: f32,
    ) {
        if let Some(member) = self.members.iter_mut().find(|member| member.id == id) {
            member.loudness_db = loudness_db;
            if is_loud {
                member.last_loud = now;
            }
            return;
        }
        if !is_loud {
            return;
        }
        let new = Member { id, since: now, last_loud: now, loudness_db };
        if self.members.len() < self.places {
            self.members.push(new);
        } else if let Some(member) = self.replaceable(now, loudness_db) {
            *member = new;
        }
    }

    fn replaceable(&mut self, now: Duration, loudness_db: f32) -> Option<&mut Member> {
        let is_over = |since: Duration| now.saturating_sub(since) >= HOLD;
        let silent = self.members.iter().enumerate().filter(|(_, it)| is_over(it.last_loud));
        let silent = silent.min_by_key(|(_, it)| it.last_loud).map(|(index, _)| index);
        let quiet = self.members.iter().enumerate().filter(|(_, it)| is_over(it.since));
        let quiet =
            quiet.min_by(|(_, one), (_, other)| one.loudness_db.total_cmp(&other.loudness_db));
        let quiet = quiet.filter(|(_, it)| it.loudness_db + MARGIN_DB <= loudness_db);
        let index = silent.or(quiet.map(|(index, _)| index))?;
        self.members.get_mut(index)
    }
}
