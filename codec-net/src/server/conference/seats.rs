//! Seats: each person in a room has one seat, which all devices of the person share. One of these
//! devices is active in the call.
//!
//! Only the media of the active device are forwarded. Another device of the person becomes active with a
//! `take` message. The media of the old device are forwarded until the first packets of the new device arrive; viewers
//! receive these on the same media sections. The camera of the new device replaces the old one only after the rates of
//! its layers have been measured.

use std::time::Duration;

use codec_rtc::room::{ParticipantId, StreamId};

use super::super::media::VideoCodec;
use super::person::Person;
use super::publishing::{Medium, Published, Source};
use super::{Action, Conference, messages};

/// A hand-over ends after this time, also if the new device sends nothing.
pub(super) const HAND_OVER: Duration = Duration::from_secs(3);
/// The layers of a camera are known this long after its first packet.
const CAMERA_WAIT: Duration = Duration::from_millis(250);

/// The device that was active before, while its media are still forwarded.
#[derive(Clone, Copy, Debug)]
struct Previous {
    member: u64,
    until: Duration,
    has_audio: bool,
    has_camera: bool,
    /// When the camera of the new device replaces the camera of this one.
    camera_at: Option<Duration>,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) person: Person,
    /// The member that is the active device.
    pub(super) active: Option<u64>,
    previous: Option<Previous>,
    is_remote: bool,
}

impl Seat {
    /// The seat of a member at another node.
    pub(super) fn of_remote(id: u64, person: Person) -> Self {
        Self { person, active: Some(id), previous: None, is_remote: true }
    }
}

impl Conference {
    /// Gives a new member its seat; returns the number. A new seat has the number of the member.
    pub(super) fn take_seat(&mut self, id: u64, person: Person) -> u64 {
        let mut seats = self.seats.iter_mut();
        let known = seats.find(|(_, seat)| seat.person == person && !seat.is_remote);
        if let Some((number, seat)) = known {
            seat.active.get_or_insert(id);
            return *number;
        }
        let seat = Seat { person, active: Some(id), previous: None, is_remote: false };
        self.seats.insert(id, seat);
        id
    }

    /// Removes a member that has left from its seat.
    pub(super) fn free_seat(&mut self, id: u64, number: u64) {
        let is_empty = !self.members.values().any(|it| it.seat == number);
        let Some(seat) = self.seats.get_mut(&number) else { return };
        if is_empty {
            self.seats.remove(&number);
            return;
        }
        let previous = seat.previous.map(|it| it.member);
        if seat.active == Some(id) {
            // If the new device leaves during a hand-over, the previous one is active again.
            seat.active = previous;
            seat.previous = None;
        } else if previous == Some(id) {
            seat.previous = None;
        }
        self.tell_devices(number);
    }

    /// The number of the seat of a member; after the member has left, the number of the member.
    pub(super) fn seat_of(&self, id: u64) -> u64 {
        self.members.get(&id).map_or(id, |it| it.seat)
    }

    /// Whether two members are devices of one person.
    pub(super) fn are_one(&self, one: u64, other: u64) -> bool {
        // Devices at different nodes have different seats.
        let person = |id| self.members.get(&id).map(|it| it.person);
        self.seat_of(one) == self.seat_of(other)
            || person(one).is_some_and(|it| person(other) == Some(it))
    }

    /// Whether the packets of a member are forwarded.
    pub(super) fn may_send(&self, id: u64, medium: Medium) -> bool {
        let Some(seat) = self.seats.get(&self.seat_of(id)) else { return false };
        let before = seat.previous.filter(|it| it.member == id);
        seat.active == Some(id)
            || before.is_some_and(|it| match medium {
                Medium::Audio => it.has_audio,
                Medium::Video(Source::Camera) => it.has_camera,
                Medium::Video(Source::Screen) => false,
            })
    }

    /// Makes a device the active one of its person, in place of another.
    pub(super) fn take_call(&mut self, now: Duration, id: u64) {
        let number = self.seat_of(id);
        let Some(seat) = self.seats.get_mut(&number) else { return };
        if seat.active == Some(id) {
            return;
        }
        let earlier = seat.previous.take().map(|it| it.member);
        let before = seat.active.replace(id);
        seat.previous = before.map(|member| Previous {
            member,
            until: now.saturating_add(HAND_OVER),
            has_audio: true,
            has_camera: true,
            camera_at: None,
        });
        if let Some(member) = earlier.filter(|it| *it != id) {
            self.silence(now, member);
        }
        if let Some(before) = before {
            self.unpublish(now, before, Source::Screen);
        }
        self.tell_devices(number);
        self.people_changed = true;
        self.continue_hand_over(now, id);
    }

    /// Ends the parts of a hand-over that wait for media which the new device does not send.
    pub(super) fn continue_hand_over(&mut self, now: Duration, id: u64) {
        let Some(member) = self.members.get(&id) else { return };
        let (is_muted, is_camera_off) = (member.is_muted, member.is_camera_off);
        let has_camera = member.camera.is_some();
        if is_muted {
            self.hand_over_audio(now, id);
        }
        if is_camera_off {
            self.hand_over_camera(now, id);
        } else if has_camera {
            self.expect_camera(now, id);
        }
    }

    /// The device that gives its call to this member at present.
    fn giver(&self, id: u64) -> Option<Previous> {
        let seat = self.seats.get(&self.seat_of(id))?;
        seat.previous.filter(|_| seat.active == Some(id))
    }

    /// From now on, audio comes from this member, on the same sections.
    pub(super) fn hand_over_audio(&mut self, now: Duration, id: u64) {
        let Some(before) = self.giver(id).filter(|it| it.has_audio) else { return };
        for member in self.members.values_mut() {
            let slots = member.audio.iter_mut();
            let slots = slots.filter(|slot| slot.source() == Some(before.member));
            slots.for_each(|slot| slot.set_source(Some(id)));
        }
        self.forget_audio(before.member);
        self.change_previous(now, id, |it| it.has_audio = false);
    }

    /// The camera of this member has begun: it soon replaces the camera of the previous device.
    pub(super) fn expect_camera(&mut self, now: Duration, id: u64) {
        let due = now.saturating_add(CAMERA_WAIT);
        self.change_previous(now, id, |it| _ = it.camera_at.get_or_insert(due));
    }

    /// Whether others may get a source: a camera that is expected is not shown yet.
    pub(super) fn is_shown(&self, id: u64, source: Source) -> bool {
        source != Source::Camera || !self.giver(id).is_some_and(|it| it.has_camera)
    }

    /// From now on, the camera of this member is shown, on the same sections if its codec allows that.
    fn hand_over_camera(&mut self, now: Duration, id: u64) {
        let Some(before) = self.giver(id).filter(|it| it.has_camera) else { return };
        let camera = |id| self.members.get(&id).and_then(|it| it.camera.as_ref());
        let from = camera(before.member).map(|it: &Published| it.stream);
        let to = camera(id).map(|it| (it.stream, it.codec));
        if let (Some(from), Some((to, codec))) = (from, to) {
            self.replace_in_sections(from, to, codec);
        }
        self.change_previous(now, id, |it| it.has_camera = false);
        self.unpublish(now, before.member, Source::Camera);
        self.assign_all(now);
        self.people_changed = true;
    }

    /// Sends the source `to` on the sections of `from`.
    fn replace_in_sections(&mut self, from: StreamId, to: StreamId, codec: VideoCodec) {
        for (viewer, member) in &mut self.members {
            let slot = member.video.iter_mut().find(|slot| slot.source() == Some(from));
            let Some(slot) = slot else { continue };
            let Some(negotiated) = codec.negotiated(slot.media()) else { continue };
            let viewer = ParticipantId(*viewer);
            slot.end(&mut self.room, viewer);
            slot.begin(&mut self.room, viewer, to, negotiated.payload_type);
        }
    }

    /// Changes the state of the device that gives its call to this member, and ends the hand-over
    /// when nothing remains.
    fn change_previous(&mut self, now: Duration, id: u64, change: impl FnOnce(&mut Previous)) {
        let number = self.seat_of(id);
        let Some(seat) = self.seats.get_mut(&number) else { return };
        let Some(previous) = seat.previous.as_mut().filter(|_| seat.active == Some(id)) else {
            return;
        };
        change(previous);
        let Previous { member, has_audio, has_camera, .. } = *previous;
        if has_audio || has_camera {
            return;
        }
        seat.previous = None;
        self.silence(now, member);
        self.tell_devices(number);
    }

    /// Forwards nothing more of a device.
    fn silence(&mut self, now: Duration, id: u64) {
        self.unpublish(now, id, Source::Camera);
        self.unpublish(now, id, Source::Screen);
        self.forget_audio(id);
        self.people_changed = true;
    }

    /// Handles the hand-overs that are due.
    pub(super) fn handle_hand_overs(&mut self, now: Duration) {
        let due = self.seats.values().filter_map(|seat| {
            let due =
                seat.previous?.camera_at.filter(|_| seat.previous.is_some_and(|it| it.has_camera));
            seat.active.filter(|_| due.is_some_and(|due| due <= now))
        });
        for id in due.collect::<Vec<_>>() {
            self.hand_over_camera(now, id);
        }
        let due = self.seats.values_mut().filter_map(|seat| {
            let id = seat.active.filter(|_| seat.previous.is_some_and(|it| it.until <= now))?;
            Some(id)
        });
        for id in due.collect::<Vec<_>>() {
            self.change_previous(now, id, |it| (it.has_audio, it.has_camera) = (false, false));
        }
    }

    /// When the next hand-over is due.
    pub(super) fn next_hand_over(&self) -> Option<Duration> {
        let previous = self.seats.values().filter_map(|seat| seat.previous);
        let due = previous.map(|it| match it.camera_at.filter(|_| it.has_camera) {
            Some(camera) => camera.min(it.until),
            None => it.until,
        });
        due.min()
    }

    /// Reports to the devices of a person which of them sends, if that has changed.
    pub(super) fn tell_devices(&mut self, number: u64) {
        let Some(seat) = self.seats.get(&number) else { return };
        let (active, previous) = (seat.active, seat.previous.map(|it| it.member));
        let count = self.members.values().filter(|it| it.seat == number).count();
        let devices = self.members.iter_mut().filter(|(_, member)| member.seat == number);
        for (id, member) in devices.filter(|(_, member)| member.is_greeted) {
            let state = (active == Some(*id) || previous == Some(*id), count);
            if member.told_device != Some(state) {
                member.told_device = Some(state);
                self.actions.push_back((*id, Action::Tell(messages::device(state.0, count))));
            }
        }
    }
}
