//! Messages, files and read marks of a room.

use super::super::FileOffer;
use super::*;

fn numbers(world: &World, id: u64) -> Vec<u64> {
    let messages = world.messages(id, "chat");
    messages.iter().map(|it| it["number"].as_u64().unwrap()).collect()
}

fn last(world: &World, id: u64, kind: &str) -> Value {
    world.messages(id, kind).pop().unwrap_or_default()
}

fn offer() -> Value {
    json!({
        "type": "file", "id": 7, "key": "k", "kind": "voice", "name": "voice.webm",
        "mediaType": "audio/webm", "bytes": 1000, "sha256": "ab".repeat(32), "duration": 10_000,
    })
}

/// A world that accepts files, whose members 1 to `count` are in one room.
fn with_files(count: u64) -> World {
    let mut world = World::new();
    world.conferences = Conferences::with_files_for_tests(limits(), Duration::ZERO);
    (1..=count).for_each(|id| world.join(id, "team", sections(1, 1)));
    world
}

fn accepted(world: &World, id: u64) -> Vec<FileOffer> {
    let of_member = world.actions.iter().filter(|(member, _)| *member == id);
    let offers = of_member.filter_map(|(_, action)| match action {
        Action::Receive(offer) => Some(FileOffer::clone(offer)),
        _ => None,
    });
    offers.collect()
}

#[test]
fn who_was_away_gets_what_it_missed() {
    let mut world = World::with(1);
    world.join_as(2, "ann", "team", sections(1, 1));
    world.say(1, &json!({ "type": "chat", "text": "one" }));
    world.say(2, &json!({ "type": "read", "number": 1 }));
    world.leave(2);
    world.join_as(5, "cem", "team", sections(1, 1));
    assert_eq!(last(&world, 5, "log")["read"], Value::Null, "who is new has missed nothing");
    world.leave(5);
    world.say(1, &json!({ "type": "chat", "text": "two" }));
    world.leave(1);
    world.pass(Duration::from_secs(3600));
    world.join_as(3, "ann", "team", sections(1, 1));
    let log = last(&world, 3, "log");
    assert_eq!((&log["first"], &log["last"], &log["read"]), (&1.into(), &2.into(), &1.into()));
    assert_eq!(numbers(&world, 3), [1, 2], "the room was empty in between");
    world.join_as(6, "cem", "team", sections(1, 1));
    assert_eq!(last(&world, 6, "log")["read"], 1, "it has read nothing, but was here");
    world.leave(6);
    let age = limits().room_message_age;
    world.leave(3);
    world.conferences.handle_timeout(world.now + age);
    world.now += age;
    world.join_as(4, "ann", "team", sections(1, 1));
    assert_eq!(last(&world, 4, "log")["last"], 0, "messages are kept for a time only");
}

#[test]
fn long_histories_come_in_parts() {
    let mut world = World::with(2);
    for index in 0..120 {
        world.pass(Duration::from_millis(500));
        world.say(1, &json!({ "type": "chat", "text": index.to_string() }));
    }
    world.join(3, "team", sections(1, 1));
    assert_eq!(numbers(&world, 3), (71..=120).collect::<Vec<_>>());
    world.clear();
    world.say(3, &json!({ "type": "history", "after": 0 }));
    assert_eq!(numbers(&world, 3), (1..=50).collect::<Vec<_>>());
    world.clear();
    for _ in 0..60 {
        world.input(3, Input::Message(json!({ "type": "history", "after": 119 }).to_string()));
    }
    assert_eq!(numbers(&world, 3).len(), 39, "a burst of ten seconds");
    let refused = last(&world, 3, "refused");
    assert_eq!((&refused["what"], &refused["key"]), (&"history".into(), &Value::Null));
    assert!(refused["reason"].as_str().unwrap().starts_with("too many messages"), "{refused}");
}

#[test]
fn a_repeated_message_appears_once() {
    let mut world = World::with(2);
    let line = json!({ "type": "chat", "text": "hello", "key": "k1" });
    world.say(1, &line);
    world.say(1, &line);
    assert_eq!(numbers(&world, 2), [1]);
    assert_eq!(numbers(&world, 1), [1, 1], "its author learns that it was accepted");
    world.say(2, &line);
    assert_eq!(numbers(&world, 2), [1, 2], "keys are those of a person");
}

#[test]
fn floods_of_messages_are_refused_by_name() {
    let mut world = World::with(2);
    for index in 0..30 {
        let line = json!({ "type": "chat", "text": "x", "key": index.to_string() });
        world.input(1, Input::Message(line.to_string()));
    }
    assert_eq!(numbers(&world, 2).len(), 20, "a burst of ten seconds");
    let refused = last(&world, 1, "refused");
    assert_eq!((&refused["what"], &refused["key"]), (&"chat".into(), &"29".into()));
    assert_eq!(refused["reason"], "too many messages: at most 2 per second");
    world.pass(Duration::from_secs(1));
    world.say(1, &json!({ "type": "chat", "text": "later" }));
    assert_eq!(numbers(&world, 2).len(), 21);
}

#[test]
fn read_marks_are_shared_by_the_devices_of_a_person() {
    let mut world = World::with(1);
    world.join_as(2, "ann", "team", sections(1, 1));
    world.join_as(3, "ann", "team", sections(1, 1));
    for text in ["one", "two"] {
        world.say(1, &json!({ "type": "chat", "text": text }));
    }
    world.clear();
    world.say(2, &json!({ "type": "read", "number": 1 }));
    let mark = json!({ "type": "read", "number": 1 });
    assert_eq!((last(&world, 2, "read"), last(&world, 3, "read")), (mark.clone(), mark));
    assert_eq!(last(&world, 1, "read"), Value::Null, "others do not see it");
    world.clear();
    world.say(3, &json!({ "type": "read", "number": 1 }));
    assert_eq!(last(&world, 2, "read"), Value::Null);
    world.say(3, &json!({ "type": "chat", "text": "answer" }));
    assert_eq!(last(&world, 2, "read")["number"], 3, "who writes has read");
    assert_eq!(numbers(&world, 2), [3], "both devices get the message");
}

#[test]
fn a_file_is_accepted_then_it_becomes_a_message() {
    let mut world = with_files(2);
    world.say(1, &offer());
    let [offered] = <[FileOffer; 1]>::try_from(accepted(&world, 1)).unwrap();
    assert_eq!((offered.transfer, offered.attachment.bytes), (7, 1000));
    assert!(numbers(&world, 2).is_empty(), "not before it has arrived");
    world.input(1, Input::Stored(Box::new(offered.clone()), "f1".to_owned()));
    let message = last(&world, 2, "chat");
    let attachment = &message["attachment"];
    assert_eq!((&attachment["file"], &attachment["kind"]), (&"f1".into(), &"voice".into()));
    assert_eq!((&attachment["duration"], &attachment["bytes"]), (&10_000.into(), &1000.into()));
    // After a cut connection, the confirmation is repeated and the file is not sent again.
    world.clear();
    world.say(1, &offer());
    assert!(accepted(&world, 1).is_empty());
    assert_eq!(last(&world, 1, "fileStored")["id"], 7);
    world.input(1, Input::Stored(Box::new(offered), "f2".to_owned()));
    assert!(numbers(&world, 2).is_empty());
}

#[test]
fn files_are_refused_by_name() {
    let mut world = World::with(1);
    world.say(1, &offer());
    let refused = last(&world, 1, "fileRejected");
    assert!(refused["reason"].as_str().unwrap().contains("--files DIR"), "{refused}");
    let mut world = with_files(1);
    let mut large = offer();
    large["bytes"] = (limits().room_file_bytes + 1).into();
    world.say(1, &large);
    let refused = last(&world, 1, "fileRejected");
    assert!(refused["reason"].as_str().unwrap().starts_with("file too large"), "{refused}");
    for index in 0..20 {
        let mut next = offer();
        next["key"] = index.to_string().into();
        world.input(1, Input::Message(next.to_string()));
    }
    let refused = last(&world, 1, "fileRejected");
    assert_eq!(refused["reason"], "too many files: at most 1 per second");
    world.pass(Duration::from_secs(60));
    for index in 0..5_u8 {
        let mut next = offer();
        next["bytes"] = limits().room_file_bytes.into();
        next["sha256"] = format!("{index:02x}").repeat(32).into();
        world.input(1, Input::Message(next.to_string()));
    }
    let refused = last(&world, 1, "fileRejected");
    assert!(refused["reason"].as_str().unwrap().starts_with("too many bytes"), "{refused}");
}

#[test]
fn logs_of_empty_rooms_are_limited() {
    let mut world = World::new();
    for room in 0..6_u64 {
        let (id, name) = (room + 1, format!("room{room}"));
        world.join(id, &name, sections(1, 1));
        world.say(id, &json!({ "type": "chat", "text": "x" }));
        world.leave(id);
    }
    for (id, room, expected) in [(10, "room0", 0), (11, "room5", 1)] {
        world.join(id, room, sections(1, 1));
        assert_eq!(last(&world, id, "log")["last"], expected, "{room}");
        world.leave(id);
    }
}
