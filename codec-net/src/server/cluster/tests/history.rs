//! Messages that were sent in a room before the first member joined at a node.

use super::super::super::conference::{HistoryPiece, SharedMark, SharedMessage};
use super::super::announcement::{Announcement, Content};
use super::*;

/// Time, author and text of a message.
type Line = (u64, String, String);

impl World {
    fn lines(&self, node: usize, id: u64) -> Vec<Line> {
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        let chat = self.texts(node, id).into_iter().filter(|it| it["type"] == "chat");
        let mut chat: BTreeMap<u64, Line> = chat
            .map(|it| {
                let line = (it["time"].as_u64().unwrap(), text(&it["from"]), text(&it["text"]));
                (it["number"].as_u64().unwrap(), line)
            })
            .collect();
        let numbers: Vec<_> = chat.keys().copied().collect();
        assert!(numbers.windows(2).all(|it| it[1] == it[0] + 1), "{numbers:?}");
        std::iter::from_fn(|| chat.pop_first()).map(|it| it.1).collect()
    }

    /// All messages, as a member gets them that asks for them.
    fn all_lines(&mut self, node: usize, id: u64) -> Vec<Line> {
        for after in [0, 50, 100, 150] {
            self.say(node, id, &json!({ "type": "history", "after": after }));
        }
        self.run(10);
        self.lines(node, id)
    }

    fn log(&self, node: usize, id: u64) -> Option<Value> {
        self.texts(node, id).into_iter().rev().find(|it| it["type"] == "log")
    }

    /// Members 1 to 7 at a node say 20 messages each.
    fn talk(&mut self, node: usize) {
        for id in 1..=7 {
            self.join(node, id, 1);
        }
        for index in 0..20 {
            for id in 1..=7 {
                self.say(node, id, &json!({ "type": "chat", "text": format!("{id} {index}") }));
            }
            self.run(20);
        }
    }
}

#[test]
fn the_first_member_of_a_node_gets_the_messages_from_before() {
    let mut world = World::new(2);
    world.run(2000);
    world.talk(0);
    world.join(1, 9, 1);
    world.run(100);
    let log = world.log(1, 9).unwrap();
    assert_eq!((&log["last"], &log["read"]), (&json!(140), &Value::Null));
    assert_eq!(world.lines(1, 9).len(), 50, "as at the first node");
    let expected = world.all_lines(0, 1);
    assert_eq!(expected.len(), 140);
    assert_eq!(world.all_lines(1, 9), expected);
    // It leaves, and misses messages of both nodes.
    world.say(1, 9, &json!({ "type": "chat", "text": "Until later" }));
    world.run(20);
    world.leave(1, 9);
    world.run(11_000);
    for id in 1..=7 {
        world.say(0, id, &json!({ "type": "chat", "text": "Missed", "key": "m" }));
    }
    world.run(300);
    world.join_as(1, 10, "1 9", true, 1);
    world.run(100);
    let log = world.log(1, 10).unwrap();
    assert_eq!((&log["last"], &log["read"]), (&json!(148), &json!(141)));
    let expected = world.all_lines(0, 1);
    assert_eq!(world.all_lines(1, 10), expected, "none is missing or repeated");
}

#[test]
fn another_node_is_asked_if_one_dies() {
    for dead in [0, 1] {
        let mut world = World::new(3);
        world.run(2000);
        world.join(0, 11, 1);
        world.join(1, 12, 1);
        world.run(300);
        world.say(0, 11, &json!({ "type": "chat", "text": "one" }));
        world.say(1, 12, &json!({ "type": "chat", "text": "two" }));
        world.run(300);
        world.nodes[dead].is_running = false;
        world.join(2, 3, 1);
        world.run(600);
        assert_eq!(world.log(2, 3).unwrap()["last"], 2);
        assert_eq!(world.lines(2, 3).len(), 2);
    }
}

#[test]
fn a_member_waits_for_messages_of_silent_nodes_for_a_moment_only() {
    let mut world = World::new(2);
    world.run(2000);
    world.join(0, 1, 1);
    world.run(300);
    world.has_bus = false;
    world.join(1, 2, 1);
    world.run(400);
    assert!(world.log(1, 2).is_none() && !world.people(1, 2).is_empty());
    world.run(200);
    assert_eq!(world.log(1, 2).unwrap()["last"], 0);
}

#[test]
fn answers_that_were_not_requested_or_are_out_of_order_are_ignored() {
    let mut world = World::new(3);
    world.run(2000);
    world.join(0, 1, 1);
    world.join(1, 2, 1);
    world.run(3000);
    let message = SharedMessage::example("Ann", "invented");
    let (to, from) = (world.nodes[2].cluster.own.id, world.nodes[1].cluster.own.id);
    let other = world.nodes[0].cluster.own.id;
    let deliver = |world: &mut World, from, number, is_last| {
        let piece = HistoryPiece::new(number, is_last, vec![message.clone()]);
        let content = Content::History { to, room: TEAM.into(), piece };
        let message = Announcement { from, content }.write();
        world.nodes[2].cluster.handle_message(world.now, &message);
    };
    deliver(&mut world, from, 0, true);
    world.join(2, 3, 1);
    world.has_bus = false;
    world.run(10);
    // One of the two nodes was asked: its second piece comes first, and the other answers.
    for from in [from, other] {
        deliver(&mut world, from, 1, true);
    }
    world.run(1500);
    assert_eq!(world.log(2, 3).unwrap()["last"], 0);
    deliver(&mut world, from, 0, true);
    deliver(&mut world, other, 0, true);
    world.run(100);
    assert!(world.lines(2, 3).is_empty());
}

#[test]
fn read_marks_move_at_all_nodes() {
    let mut world = World::new(3);
    world.run(2000);
    world.join_as(0, 1, "ann", true, 1);
    world.join_as(1, 2, "bob", true, 1);
    world.join_as(1, 3, "ann", true, 1);
    world.run(300);
    for index in 0..3 {
        world.say(1, 2, &json!({ "type": "chat", "text": index.to_string() }));
    }
    world.run(20);
    let read = |world: &World, node, id| {
        let texts = world.texts(node, id);
        let mut reads = texts.iter().rev().filter(|it| it["type"] == "read");
        reads.next().map(|it| it["number"].as_u64().unwrap())
    };
    world.say(0, 1, &json!({ "type": "read", "number": 2 }));
    world.run(20);
    assert_eq!((read(&world, 0, 1), read(&world, 1, 3)), (Some(2), Some(2)));
    assert_eq!(read(&world, 1, 2), Some(3), "an author has read its message");
    // The person goes on at a node that opens the room now.
    world.leave(0, 1);
    world.leave(1, 3);
    world.run(300);
    world.join_as(2, 4, "ann", true, 1);
    world.join_as(2, 5, "cem", true, 1);
    world.run(100);
    assert_eq!(world.log(2, 4).unwrap()["read"], 2);
    assert_eq!(world.log(2, 5).unwrap()["read"], Value::Null, "who is new has missed nothing");
    // Who was new at one node is known at the others, and reads there.
    world.leave(2, 5);
    world.say(1, 2, &json!({ "type": "chat", "text": "for all" }));
    world.run(300);
    world.join_as(1, 6, "cem", true, 1);
    world.run(100);
    assert_eq!(world.log(1, 6).unwrap()["read"], 3);
    world.say(1, 6, &json!({ "type": "read", "number": 4 }));
    world.leave(1, 6);
    world.run(100);
    world.join_as(2, 7, "cem", true, 1);
    world.run(100);
    assert_eq!(world.log(2, 7).unwrap()["read"], 4);
}

#[test]
fn a_person_who_reads_fast_sends_few_marks_and_the_last_one_arrives() {
    let mut world = World::new(2);
    world.run(2000);
    world.join_as(0, 1, "ann", true, 1);
    world.join_as(1, 2, "ann", true, 1);
    (3..=9).for_each(|id| world.join(1, id, 1));
    world.run(300);
    for index in 0..140 {
        world.say(1, 3 + index % 7, &json!({ "type": "chat", "text": index.to_string() }));
    }
    world.run(1000);
    world.marks = 0;
    let read = |world: &World, id| {
        let texts = world.texts(1, id);
        texts.iter().rev().find(|it| it["type"] == "read").map(|it| it["number"].clone())
    };
    for number in 1..=100 {
        world.say(0, 1, &json!({ "type": "read", "number": number }));
        world.run(10);
    }
    world.run(600);
    assert_eq!((world.marks, read(&world, 2)), (3, Some(json!(100))));
    // The last mark of a member that leaves is passed on, too.
    for number in 101..=102 {
        world.say(0, 1, &json!({ "type": "read", "number": number }));
    }
    world.leave(0, 1);
    world.run(100);
    assert_eq!((world.marks, read(&world, 2)), (5, Some(json!(102))));
}

#[test]
fn marks_at_unknown_messages_are_ignored() {
    let mut world = World::new(2);
    world.run(2000);
    world.join_as(0, 1, "Ann", true, 1);
    world.join(1, 2, 1);
    world.run(300);
    world.say(1, 2, &json!({ "type": "chat", "text": "Hello" }));
    world.run(20);
    world.clear();
    let from = world.nodes[1].cluster.own.id;
    for (room, author) in [(TEAM, Some("Ann")), (TEAM, None), ("other", Some("Ann"))] {
        let content = Content::Read { room: room.into(), mark: SharedMark::example("Ann", author) };
        let message = Announcement { from, content }.write();
        world.nodes[0].cluster.handle_message(world.now, &message);
    }
    world.run(100);
    assert!(!world.texts(0, 1).iter().any(|it| it["type"] == "read"));
    world.leave(0, 1);
    world.join_as(0, 3, "Ann", true, 1);
    world.run(100);
    assert_eq!(world.log(0, 3).unwrap()["read"], 0, "it has read nothing");
}

#[test]
fn files_of_other_nodes_are_described_in_words() {
    let mut world = World::new(3);
    world.run(2000);
    world.nodes[0].conferences.accept_files_for_tests();
    world.join(0, 1, 1);
    world.join(1, 2, 1);
    world.run(300);
    for (key, text) in [("a", ""), ("b", "See this")] {
        let file = json!({
            "type": "file", "id": 7, "key": key, "text": text, "kind": "file", "name": "a.pdf",
            "mediaType": "application/pdf", "bytes": 2000, "sha256": "ab".repeat(32),
        });
        world.say(0, 1, &file);
        world.run(10);
        let mut actions = world.nodes[0].actions.iter().rev();
        let offer = actions.find_map(|(_, it)| match it {
            Action::Receive(offer) => Some(offer.clone()),
            _ => None,
        });
        world.input(0, 1, Input::Stored(offer.unwrap(), format!("id-{key}")));
        world.run(20);
    }
    world.join(2, 3, 1);
    world.run(100);
    let words = |key| format!("a.pdf (2.0 kB): https://0.example/room-files/id-{key}");
    let expected = [words("a"), format!("See this – {}", words("b"))];
    for (node, id) in [(1, 2), (2, 3)] {
        let texts: Vec<_> = world.lines(node, id).into_iter().map(|it| it.2).collect();
        assert_eq!(texts, expected);
        assert!(world.texts(node, id).iter().all(|it| it["attachment"].is_null()));
    }
    let own = world.texts(0, 1).into_iter().rfind(|it| it["type"] == "chat").unwrap();
    assert_eq!((&own["text"], &own["attachment"]["file"]), (&json!("See this"), &json!("id-b")));
}
