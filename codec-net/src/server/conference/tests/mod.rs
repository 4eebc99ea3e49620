//! Conferences in virtual time, with packets that the tests construct.

mod chat;
mod devices;

use std::sync::Arc;
use std::time::Duration;

use codec_audio::level::AudioLevel;
use codec_core::codec::Bitrate;
use codec_rtc::extension::{Extensions, Label};
use codec_rtc::rtp::Header;
use codec_webrtc::{Codec, Direction, Forwarded, Kind, Media, Mid, NegotiatedCodec, RtpPacket};
use serde_json::{Value, json};

use super::super::limits::Limits;
use super::super::outcome::{EndReason, Rejection};
use super::table::{Conferences, Input};
use super::{Action, Attendee, Invitation, Person, Report};

/// Sections of a member, as a page offers them: it sends audio, a camera and a screen.
const MICROPHONE: &str = "0";
pub(in crate::server) const CAMERA: &str = "1";
const SCREEN: &str = "2";

fn media(mid: &str, kind: Kind, direction: Direction) -> Media {
    let (codec, payload_type, clock_hz) = match kind {
        Kind::Video => (Codec::Vp8, 96, 90_000),
        Kind::Audio => (Codec::Opus, 111, 48_000),
    };
    let codec = NegotiatedCodec { codec, payload_type, rtx: None, red: None, clock_hz, h264: None };
    Media { mid: Mid::new(mid), kind, direction, codecs: vec![codec], send_layers: Vec::new() }
}

/// `video` and `audio`: numbers of sections on which the member receives.
pub(in crate::server) fn sections(video: usize, audio: usize) -> Vec<Media> {
    let mut sections = vec![
        media(MICROPHONE, Kind::Audio, Direction::ReceiveOnly),
        media(CAMERA, Kind::Video, Direction::ReceiveOnly),
        media(SCREEN, Kind::Video, Direction::ReceiveOnly),
    ];
    let received = |kind, letter: char| {
        move |index| media(&format!("{letter}{index}"), kind, Direction::SendOnly)
    };
    sections.extend((0..video).map(received(Kind::Video, 'v')));
    sections.extend((0..audio).map(received(Kind::Audio, 'a')));
    sections
}

fn limits() -> Limits {
    Limits { viewers: 4, streams: 2, room_logs: 4, ..Limits::default() }
}

/// A packet of VP8 with a whole frame at 30 frames per second.
pub(in crate::server) fn video_packet(
    now: Duration,
    mid: &str,
    ssrc: u32,
    rid: Option<&str>,
    frame: u16,
    payload: &[u8],
) -> RtpPacket {
    let timestamp = u32::from(frame) * 3000;
    let header = Header { marker: true, payload_type: 96, sequence: frame, timestamp, ssrc };
    RtpPacket {
        mid: Mid::new(mid),
        rid: rid.and_then(Label::new),
        codec: Codec::Vp8,
        header,
        sequence: frame.into(),
        extensions: Extensions::default(),
        payload: Arc::from(payload),
        arrival: now,
    }
}

/// A packet of Opus with 20 ms.
pub(in crate::server) fn audio_packet(now: Duration, sequence: u16, dbov: u8) -> RtpPacket {
    let timestamp = u32::from(sequence) * 960;
    let header = Header { marker: false, payload_type: 111, sequence, timestamp, ssrc: 7 };
    RtpPacket {
        mid: Mid::new(MICROPHONE),
        rid: None,
        codec: Codec::Opus,
        header,
        sequence: sequence.into(),
        extensions: Extensions {
            audio_level: Some(AudioLevel { dbov, voice: true }),
            ..Extensions::default()
        },
        payload: Arc::from([1, 2, 3]),
        arrival: now,
    }
}

/// A server with members, and all that it asked for.
struct World {
    conferences: Conferences,
    now: Duration,
    actions: Vec<(u64, Action)>,
    /// When each action was returned.
    times: Vec<Duration>,
    frame: u16,
}

impl World {
    fn new() -> Self {
        let conferences = Conferences::new(limits(), false, Duration::ZERO, None);
        Self { conferences, now: Duration::ZERO, actions: Vec::new(), times: Vec::new(), frame: 0 }
    }

    /// A world with members 1 to `count` in one room.
    fn with(count: u64) -> Self {
        let mut world = Self::new();
        (1..=count).for_each(|id| world.join(id, "team", sections(3, 2)));
        world
    }

    fn input(&mut self, id: u64, input: Input) {
        self.conferences.handle(self.now, id, input);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(action) = self.conferences.poll_action() {
            self.actions.push(action);
            self.times.push(self.now);
        }
    }

    fn join(&mut self, id: u64, room: &str, sections: Vec<Media>) {
        self.join_as(id, &id.to_string(), room, sections);
    }

    /// Joins with a device of the person with a name.
    fn join_as(&mut self, id: u64, person: &str, room: &str, sections: Vec<Media>) {
        let person = Person::of(room, "test", person);
        let invitation = Invitation { person, moderates: id == 1, subject: None, name: None };
        self.input(id, Input::Join { room: room.into(), invitation, session: 10 * id });
        sections.into_iter().for_each(|media| self.input(id, Input::Section(media)));
        self.input(id, Input::Open);
        self.pass(Duration::from_millis(100));
        self.say(id, &json!({ "type": "name", "name": format!("Member {id}") }));
    }

    fn say(&mut self, id: u64, message: &Value) {
        self.input(id, Input::Message(message.to_string()));
        self.pass(Duration::from_millis(100));
    }

    fn leave(&mut self, id: u64) {
        self.input(id, Input::Leave(EndReason::Closed));
        self.pass(Duration::from_millis(100));
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(10);
            self.conferences.handle_timeout(self.now);
            self.collect();
        }
    }

    /// Sends a frame of one packet. `ssrc`: that of the member.
    fn video(&mut self, id: u64, mid: &str, ssrc: u32, rid: Option<&str>, is_key: bool) {
        let payload = [0x10, u8::from(!is_key), 0, 0];
        let packet = video_packet(self.now, mid, ssrc, rid, self.frame, &payload);
        self.input(id, Input::Packet(Box::new(packet)));
    }

    /// Sends frames at 30 per second from the cameras of members, the first of them key frames.
    fn cameras(&mut self, ids: &[u64], frames: u16) {
        for index in 0..frames {
            self.frame += 1;
            for id in ids {
                let ssrc = 100 + u32::try_from(*id).unwrap();
                self.video(*id, CAMERA, ssrc, None, index == 0);
            }
            self.pass(Duration::from_millis(30));
        }
    }

    fn audio(&mut self, id: u64, dbov: u8, packets: u16) {
        for _ in 0..packets {
            self.frame += 1;
            self.audio_packet(id, dbov);
            self.pass(Duration::from_millis(20));
        }
    }

    fn audio_packet(&mut self, id: u64, dbov: u8) {
        let packet = audio_packet(self.now, self.frame, dbov);
        self.input(id, Input::Packet(Box::new(packet)));
    }

    /// Forgets all actions so far.
    fn clear(&mut self) {
        self.actions.clear();
        self.times.clear();
    }

    fn packets(&self, id: u64, mid: &str) -> Vec<Forwarded> {
        self.timed_packets(id, mid).into_iter().map(|(_, packet)| packet).collect()
    }

    fn timed_packets(&self, id: u64, mid: &str) -> Vec<(Duration, Forwarded)> {
        let actions = self.times.iter().zip(&self.actions);
        let of_member = actions.filter(|(_, (member, _))| *member == id);
        let packets = of_member.filter_map(|(at, (_, action))| match action {
            Action::Send(section, packet) if *section == Mid::new(mid) => {
                Some((*at, packet.clone()))
            }
            _ => None,
        });
        packets.collect()
    }

    fn messages(&self, id: u64, kind: &str) -> Vec<Value> {
        let of_member = self.actions.iter().filter(|(member, _)| *member == id);
        let texts = of_member.filter_map(|(_, action)| match action {
            Action::Tell(text) => serde_json::from_str::<Value>(text).ok(),
            _ => None,
        });
        texts.filter(|message| message["type"] == kind).collect()
    }

    /// The section on which a member gets a source of another one, by the last list.
    fn section(&self, viewer: u64, publisher: u64, source: &str) -> Option<String> {
        let people = self.messages(viewer, "people").pop().unwrap();
        let found = people["people"].as_array().unwrap().iter().find(|it| it["id"] == publisher);
        found?[source].as_str().map(str::to_owned)
    }
}

#[test]
fn each_member_gets_the_cameras_of_the_others_on_sections_of_their_own() {
    let mut world = World::with(3);
    world.cameras(&[1, 2, 3], 30);
    for viewer in 1..=3 {
        assert_eq!(world.section(viewer, viewer, "camera"), None, "never its own");
        let mut used = Vec::new();
        for publisher in (1..=3).filter(|it| *it != viewer) {
            let mid = world.section(viewer, publisher, "camera").unwrap();
            let packets = world.packets(viewer, &mid);
            let numbers: Vec<u64> = packets.iter().map(|it| it.number).collect();
            assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
            assert!(numbers.len() >= 29, "{}", numbers.len());
            assert!(packets.iter().all(|it| it.payload_type == 96));
            used.push(mid);
        }
        assert_ne!(used[0], used[1]);
    }
    let hello = world.messages(2, "hello");
    let person = Person::of("team", "test", "2").id();
    let expected = json!({
        "type": "hello", "session": 20, "you": 2, "person": person, "moderates": false, "name": null,
    });
    assert_eq!(hello, [expected]);
    let people = world.messages(2, "people").pop().unwrap();
    assert_eq!(people["people"][0]["name"], "Member 1");
}

#[test]
fn who_leaves_frees_its_sections_and_numbers_continue() {
    let mut world = World::with(2);
    world.cameras(&[1], 10);
    let mid = world.section(2, 1, "camera").unwrap();
    let last = world.packets(2, &mid).pop().unwrap();
    world.leave(1);
    assert_eq!(world.messages(2, "people").pop().unwrap()["people"].as_array().unwrap().len(), 1);
    world.join(3, "team", sections(3, 2));
    world.cameras(&[3], 10);
    let mid_of_3 = world.section(2, 3, "camera").unwrap();
    assert_eq!(mid_of_3, mid, "the section is used again");
    let after: Vec<Forwarded> =
        world.packets(2, &mid).into_iter().filter(|it| it.number > last.number).collect();
    assert_eq!(after[0].number, last.number + 1);
    assert!(after[0].timestamp.wrapping_sub(last.timestamp) < 90_000, "time continues");
    assert!(after.len() >= 9);
}

#[test]
fn with_fewer_sections_than_sources_screens_and_speakers_come_first() {
    let mut world = World::with(3);
    world.join(4, "team", sections(1, 1));
    world.cameras(&[1, 2], 5);
    assert_eq!(world.section(4, 1, "camera"), Some("v0".to_owned()));
    assert_eq!(world.section(4, 2, "camera"), None);
    world.audio(2, 25, 5);
    for round in 0..80_u8 {
        world.audio(2, if round % 8 == 7 { 60 } else { 25 }, 1);
    }
    assert_eq!(world.messages(4, "dominant").pop().unwrap()["id"], 2);
    assert_eq!(world.section(4, 2, "camera"), Some("v0".to_owned()));
    world.say(3, &json!({ "type": "sharing", "on": true }));
    world.video(3, SCREEN, 9, None, true);
    world.pass(Duration::from_millis(200));
    assert_eq!(world.section(4, 3, "screen"), Some("v0".to_owned()));
    world.say(3, &json!({ "type": "sharing", "on": false }));
    assert_eq!(world.section(4, 2, "camera"), Some("v0".to_owned()));
    world.video(3, SCREEN, 9, None, true);
    assert_eq!(world.section(1, 3, "screen"), None, "late packets do not start it again");
}

#[test]
fn audio_goes_to_free_sections_and_never_back_to_the_speaker() {
    let mut world = World::with(3);
    world.audio(1, 30, 20);
    world.audio(2, 30, 20);
    let of_3 = [world.packets(3, "a0").len(), world.packets(3, "a1").len()];
    assert!(of_3[0] >= 15 && of_3[1] >= 15, "{of_3:?}");
    assert!(world.packets(1, "a0").len() >= 15);
    assert!(world.packets(1, "a1").is_empty());
    let sent = world.packets(3, "a0").pop().unwrap();
    assert_eq!((sent.payload_type, &sent.payload.to_vec()[..]), (111, &[1, 2, 3][..]));
    assert_eq!(sent.extensions.audio_level.unwrap().dbov, 30);
    world.clear();
    world.say(1, &json!({ "type": "muted", "audio": true, "video": false }));
    world.audio(1, 30, 20);
    assert!(world.packets(3, "a0").is_empty() && world.packets(3, "a1").is_empty());
}

#[test]
fn layers_of_simulcast_are_one_source_and_requests_reach_its_publisher() {
    let mut world = World::with(2);
    for index in 0..20 {
        world.frame += 1;
        for (ssrc, rid) in [(11, "q"), (12, "h"), (13, "f")] {
            world.video(1, CAMERA, ssrc, Some(rid), index == 0);
        }
        world.pass(Duration::from_millis(30));
    }
    let mid = world.section(2, 1, "camera").unwrap();
    assert!(world.packets(2, &mid).len() >= 19);
    world.clear();
    world.pass(Duration::from_secs(1));
    world.input(2, Input::KeyFrameRequest(Mid::new(&mid)));
    world.pass(Duration::from_secs(1));
    let asked = world.actions.iter().filter_map(|(id, action)| match action {
        Action::RequestKeyFrame(ssrc) => Some((*id, *ssrc)),
        _ => None,
    });
    assert!(asked.into_iter().any(|(id, ssrc)| id == 1 && (11..=13).contains(&ssrc)));
}

#[test]
fn a_camera_that_is_switched_off_goes_and_comes_back() {
    let mut world = World::with(2);
    world.cameras(&[1], 5);
    assert!(world.section(2, 1, "camera").is_some());
    world.say(1, &json!({ "type": "muted", "audio": false, "video": true }));
    world.cameras(&[1], 3);
    assert_eq!(world.section(2, 1, "camera"), None);
    let people = world.messages(2, "people").pop().unwrap();
    assert_eq!(people["people"][0]["cameraOff"], true);
    world.say(1, &json!({ "type": "muted", "audio": false, "video": false }));
    world.cameras(&[1], 5);
    assert!(world.section(2, 1, "camera").is_some());
}

#[test]
fn a_weak_link_is_told_in_words() {
    let mut world = World::with(2);
    world.input(2, Input::Estimate(Bitrate::kbps(3000)));
    world.cameras(&[1], 60);
    let mid = world.section(2, 1, "camera").unwrap();
    let state = world.messages(2, "video").pop().unwrap();
    assert_eq!((&state["mid"], &state["paused"]), (&mid.into(), &Value::Null));
    world.input(2, Input::Estimate(Bitrate(10)));
    world.cameras(&[1], 10);
    let state = world.messages(2, "video").pop().unwrap();
    assert!(state["paused"].as_str().unwrap().starts_with("weak network"), "{state}");
}

#[test]
fn chat_reaches_all_and_is_repeated_to_who_joins() {
    let mut world = World::with(2);
    world.say(1, &json!({ "type": "chat", "text": "hello\u{7} <b>" }));
    world.say(1, &json!({ "type": "chat", "text": " \n" }));
    let line = world.messages(2, "chat").pop().unwrap();
    let fields = ["number", "id", "from", "text"].map(|name| &line[name]);
    assert_eq!(fields, [&json!(1), &json!(1), &json!("Member 1"), &json!("hello <b>")]);
    assert_eq!(world.messages(2, "chat"), std::slice::from_ref(&line));
    world.join(3, "team", sections(1, 1));
    assert_eq!(world.messages(3, "chat"), [line]);
    world.join(4, "other", sections(1, 1));
    assert!(world.messages(4, "chat").is_empty(), "rooms are separate");
}

#[test]
fn wrong_messages_end_or_do_nothing() {
    let mut world = World::with(1);
    for message in [
        json!({ "type": "view", "stage": 5, "heights": [{ "id": -1 }, { "source": "x" }, 7] }),
        json!({ "type": "view", "lastN": -3, "stage": [{ "id": 99, "source": "camera" }] }),
        json!({ "type": "name", "name": ["a"] }),
        json!({ "type": "new in a later version" }),
        json!([]),
    ] {
        world.say(1, &message);
    }
    assert!(!world.actions.iter().any(|(_, action)| matches!(action, Action::End(_))));
    let people = world.messages(1, "people").pop().unwrap();
    assert_eq!(people["people"][0]["name"], "Guest");
    world.input(1, Input::Message("{".to_owned()));
    let end = (1, Action::End(EndReason::Protocol("invalid JSON message".to_owned())));
    assert_eq!(world.actions.pop(), Some(end));
}

#[test]
fn numbers_of_rooms_and_members_are_limited() {
    let mut world = World::with(4);
    let full = Err(Rejection::LimitReached("members of this room"));
    assert_eq!(world.conferences.check("team"), full);
    assert_eq!(world.conferences.check("second"), Ok(()));
    world.join(5, "second", sections(1, 1));
    assert_eq!(world.conferences.check("third"), Err(Rejection::LimitReached("rooms")));
    let (person, room) = (Person::unknown(), "team".into());
    let invitation = Invitation { person, moderates: false, subject: None, name: None };
    world.input(6, Input::Join { room, invitation, session: 6 });
    assert!(matches!(world.actions.last(), Some((6, Action::End(EndReason::Failed(_))))));
    world.leave(5);
    assert_eq!(world.conferences.check("third"), Ok(()), "empty rooms are gone");
}

/// What was reported since the last call.
fn reports(world: &mut World) -> Vec<Report> {
    std::iter::from_fn(|| world.conferences.poll_report()).collect()
}

fn person(id: u64, name: &str) -> Attendee {
    Attendee { id, session: 10 * id, name: name.to_owned(), subject: None }
}

#[test]
fn a_name_in_a_token_cannot_be_changed() {
    let mut world = World::new();
    let (subject, name) = (Some("ann-7".into()), Some("Ann\n".into()));
    let invitation =
        Invitation { person: Person::unknown(), moderates: false, subject: subject.clone(), name };
    world.input(1, Input::Join { room: "team".into(), invitation, session: 10 });
    world.input(1, Input::Open);
    assert_eq!(world.messages(1, "hello")[0]["name"], "Ann");
    world.say(1, &json!({ "type": "name", "name": "The boss" }));
    assert_eq!(world.messages(1, "people").pop().unwrap()["people"][0]["name"], "Ann");
    let person = Attendee { subject, ..person(1, "Ann") };
    assert_eq!(reports(&mut world), [Report::Joined { room: "team".into(), person }]);
}

#[test]
fn people_wait_in_the_lobby_until_a_moderator_lets_them_in() {
    let mut world = World::new();
    world.join(1, "team", sections(2, 1));
    world.say(2, &json!({ "type": "lobby", "on": true }));
    world.say(1, &json!({ "type": "lobby", "on": true }));
    for id in [2, 3, 4] {
        world.join(id, "team", sections(2, 1));
        assert_eq!(world.messages(id, "waiting").len(), 1);
        assert!(world.messages(id, "hello").is_empty());
    }
    let lobby = world.messages(1, "lobby").pop().unwrap();
    let people: Vec<_> =
        (2..=4).map(|id| json!({ "id": id, "name": format!("Member {id}") })).collect();
    assert_eq!(lobby, json!({ "type": "lobby", "on": true, "people": people }));
    // Who waits gets and sends nothing, and cannot let itself in.
    for kind in ["chat", "admit", "lobby", "remove"] {
        world.say(2, &json!({ "type": kind, "text": "hello", "id": 2, "on": false }));
    }
    world.cameras(&[1, 2], 10);
    assert!(world.packets(2, "v0").is_empty() && world.packets(1, "v0").is_empty());
    assert!(world.messages(1, "chat").is_empty() && world.messages(2, "people").is_empty());
    assert_eq!(world.messages(1, "people").pop().unwrap()["people"].as_array().unwrap().len(), 1);
    world.clear();
    world.say(1, &json!({ "type": "admit", "id": 2 }));
    world.say(1, &json!({ "type": "admit", "id": 99 }));
    assert_eq!(world.messages(2, "hello").len(), 1);
    world.cameras(&[1, 2], 10);
    assert!(!world.packets(2, "v0").is_empty() && !world.packets(1, "v0").is_empty());
    world.say(1, &json!({ "type": "remove", "id": 3 }));
    assert!(world.actions.contains(&(3, Action::End(EndReason::Removed))));
    world.leave(3);
    let waits =
        |id| Report::Waits { room: "team".into(), person: person(id, &format!("Member {id}")) };
    let joined =
        |id| Report::Joined { room: "team".into(), person: person(id, &format!("Member {id}")) };
    let seen = reports(&mut world);
    assert_eq!(seen[..5], [joined(1), waits(2), waits(3), waits(4), joined(2)]);
    assert!(matches!(seen[5], Report::Left { .. }) && seen.len() == 6, "{seen:?}");
    // The others come in when the lobby closes, and the next one comes in at once.
    world.say(1, &json!({ "type": "lobby", "on": false }));
    assert_eq!(world.messages(4, "hello").len(), 1);
    world.join(5, "team", sections(1, 1));
    assert_eq!(world.messages(5, "hello").len(), 1);
    let lobby = world.messages(1, "lobby").pop().unwrap();
    assert_eq!(lobby, json!({ "type": "lobby", "on": false, "people": [] }));
}

#[test]
fn a_room_with_a_lobby_waits_for_its_first_moderator() {
    let mut world = World::new();
    world.conferences =
        Conferences::new(Limits { viewers: 3, ..Limits::default() }, true, Duration::ZERO, None);
    world.join(2, "team", sections(1, 1));
    world.join(3, "team", sections(1, 1));
    world.join(1, "team", sections(1, 1));
    assert_eq!(world.messages(1, "hello").len(), 1);
    assert_eq!(world.messages(1, "lobby").pop().unwrap()["people"].as_array().unwrap().len(), 2);
    let full = Err(Rejection::LimitReached("members of this room"));
    assert_eq!(world.conferences.check("team"), full, "who waits is counted");
    for id in 1..=3 {
        world.leave(id);
    }
    assert_eq!(world.conferences.check("team"), Ok(()));
}

#[test]
fn members_and_lines_of_chat_are_reported() {
    let mut world = World::new();
    let room: Arc<str> = "team".into();
    world.join(1, "team", sections(1, 1));
    let joined = |id, name: &str| Report::Joined { room: room.clone(), person: person(id, name) };
    assert_eq!(reports(&mut world), [joined(1, "Member 1")]);
    world.say(1, &json!({ "type": "chat", "text": "hello\u{7}" }));
    world.say(1, &json!({ "type": "chat", "text": " " }));
    let (ann, text) = (person(1, "Member 1"), "hello".to_owned());
    assert_eq!(reports(&mut world), [Report::Said { room: room.clone(), person: ann, text }]);
    // Without a name for two seconds, and without one until the end.
    let silent = |id: u64| {
        let (person, room) = (Person::unknown(), room.clone());
        let invitation = Invitation { person, moderates: false, subject: None, name: None };
        Input::Join { room, invitation, session: 10 * id }
    };
    world.input(2, silent(2));
    world.pass(Duration::from_secs(1));
    assert_eq!(reports(&mut world), []);
    world.pass(Duration::from_secs(1));
    assert_eq!(reports(&mut world), [joined(2, "Guest")]);
    world.input(3, silent(3));
    world.pass(Duration::from_millis(500));
    world.input(3, Input::Leave(EndReason::Removed));
    let (reason, stayed) = (EndReason::Removed, Duration::from_millis(500));
    let left = Report::Left { room: room.clone(), person: person(3, "Guest"), reason, stayed };
    assert_eq!(reports(&mut world), [joined(3, "Guest"), left]);
    world.input(3, Input::Leave(EndReason::Closed));
    assert_eq!(reports(&mut world), [], "once");
}

#[test]
fn nothing_is_sent_to_who_has_left() {
    let mut world = World::with(3);
    world.cameras(&[1, 2], 5);
    world.leave(3);
    world.clear();
    world.cameras(&[1, 2], 30);
    world.audio(1, 20, 50);
    assert!(world.actions.iter().all(|(id, _)| *id != 3));
}

#[test]
fn moderators_mute_and_remove_others() {
    let mut world = World::with(3);
    let is_removed =
        |world: &World, id| world.actions.contains(&(id, Action::End(EndReason::Removed)));
    world.say(2, &json!({ "type": "remove", "id": 3 }));
    world.say(1, &json!({ "type": "remove", "id": 1 }));
    world.say(1, &json!({ "type": "remove", "id": 99 }));
    assert!((1..=3).all(|id| !is_removed(&world, id)), "only moderators, and only others");
    world.say(1, &json!({ "type": "mute", "id": 2 }));
    assert_eq!(world.messages(2, "mute").len(), 1);
    assert_eq!(world.messages(3, "people").pop().unwrap()["people"][1]["muted"], true);
    world.audio(2, 20, 20);
    assert!(world.packets(3, "a0").is_empty());
    world.say(2, &json!({ "type": "muted", "audio": false, "video": false }));
    world.audio(2, 20, 20);
    assert!(!world.packets(3, "a0").is_empty());
    world.say(1, &json!({ "type": "remove", "id": 3 }));
    assert!(is_removed(&world, 3));
    assert_eq!(world.messages(3, "removed").len(), 1);
}

#[test]
fn endless_changes_of_a_name_cost_ten_lists_a_second() {
    let mut world = World::with(2);
    world.clear();
    for index in 0..200 {
        let name = json!({ "type": "name", "name": index.to_string() });
        world.input(1, Input::Message(name.to_string()));
        world.now += Duration::from_millis(5);
        world.conferences.handle_timeout(world.now);
        world.collect();
    }
    world.pass(Duration::from_millis(100));
    let lists = world.messages(2, "people");
    assert!(lists.len() <= 12, "{}", lists.len());
    assert_eq!(lists.last().unwrap()["people"][0]["name"], "199");
}

#[test]
fn a_source_that_is_replaced_all_the_time_begins_once_a_second() {
    let mut world = World::with(2);
    world.clear();
    for index in 0..400_u16 {
        world.frame += 1;
        world.video(1, CAMERA, 11 + u32::from(index % 2), None, true);
        world.now += Duration::from_millis(5);
    }
    // Each beginning is reported to the viewer as a source without layers.
    let begun = world.messages(2, "video").len();
    assert!((1..=7).contains(&begun), "{begun}");
    world.pass(Duration::from_secs(2));
    world.cameras(&[1], 10);
    assert!(world.section(2, 1, "camera").is_some(), "it comes back");
}

#[test]
fn random_packets_do_not_end_a_room() {
    let mut world = World::with(3);
    let mut random = 1_u64;
    let mut next = |limit: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % limit
    };
    for _ in 0..3000 {
        let payload: Vec<u8> = (0..next(40)).map(|_| u8::try_from(next(256)).unwrap()).collect();
        let codec =
            [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Opus][usize::try_from(next(4)).unwrap()];
        let mid =
            Mid::new([MICROPHONE, CAMERA, SCREEN, "v0", "none"][usize::try_from(next(5)).unwrap()]);
        let sequence = u16::try_from(next(65_536)).unwrap();
        let header = Header {
            marker: next(2) == 0,
            payload_type: 96,
            sequence,
            timestamp: u32::try_from(next(1 << 31)).unwrap(),
            ssrc: u32::try_from(next(5)).unwrap(),
        };
        let extensions = Extensions {
            dependency: (next(3) == 0).then(|| payload.clone()).filter(|it| !it.is_empty()),
            ..Extensions::default()
        };
        let (sequence, arrival) = (sequence.into(), world.now);
        let payload = payload.into();
        let packet =
            RtpPacket { mid, rid: None, codec, header, sequence, extensions, payload, arrival };
        world.input(1 + next(3), Input::Packet(Box::new(packet)));
        world.pass(Duration::from_millis(10));
    }
    assert!(!world.actions.iter().any(|(_, action)| matches!(action, Action::End(_))));
    assert_eq!(world.messages(3, "people").pop().unwrap()["people"].as_array().unwrap().len(), 3);
}
