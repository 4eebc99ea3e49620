//! Messages that were sent while the bus was down.

use super::*;

impl World {
    fn chat(&mut self, node: usize, id: u64, text: &str) {
        self.say(node, id, &json!({ "type": "chat", "text": text }));
    }

    /// Texts that a member got, in the order of the log of its node.
    fn chats(&self, node: usize, id: u64) -> Vec<String> {
        let chat = self.texts(node, id).into_iter().filter(|it| it["type"] == "chat");
        let chat = chat
            .map(|it| (it["number"].as_u64().unwrap(), it["text"].as_str().unwrap().to_owned()));
        let chat: Vec<(u64, String)> = chat.collect();
        assert!(chat.windows(2).all(|it| it[1].0 == it[0].0 + 1), "{chat:?}");
        chat.into_iter().map(|it| it.1).collect()
    }
}

/// Members 1 to 3 at three nodes.
fn three_members() -> World {
    let mut world = World::new(3);
    world.run(2000);
    for (node, id) in [(0, 1), (1, 2), (2, 3)] {
        world.join(node, id, 1);
    }
    world.run(1500);
    world
}

#[test]
fn messages_of_an_outage_arrive_once_and_in_order() {
    let mut world = three_members();
    world.chat(0, 1, "before");
    world.run(100);
    world.has_bus = false;
    for step in 0..10 {
        world.chat(step % 3, step as u64 % 3 + 1, &step.to_string());
        world.run(1000);
    }
    assert_eq!(world.chats(2, 3), ["before", "2", "5", "8"]);
    world.has_bus = true;
    world.run(2500);
    world.chat(0, 1, "after");
    world.run(3000);
    for (node, id) in [(0, 1), (1, 2), (2, 3)] {
        let texts = world.chats(node, id);
        for (author, sent) in
            [&["0", "3", "6", "9"][..], &["1", "4", "7"], &["2", "5", "8"]].iter().enumerate()
        {
            let of_author = texts.iter().filter(|it| sent.contains(&it.as_str()));
            assert_eq!(of_author.collect::<Vec<_>>(), *sent, "of {author} at {node}");
        }
        assert_eq!(texts.len(), 12, "{texts:?}");
        assert_eq!((texts[0].as_str(), texts[11].as_str()), ("before", "after"));
    }
}

#[test]
fn a_single_lost_message_arrives_later() {
    let mut world = three_members();
    world.has_bus = false;
    world.chat(0, 1, "lost");
    world.run(10);
    world.has_bus = true;
    world.chat(0, 1, "next");
    world.run(10);
    assert_eq!(world.chats(1, 2), ["next"]);
    world.run(1500);
    assert_eq!(world.chats(1, 2), ["next", "lost"]);
}

#[test]
fn many_messages_come_in_parts_and_the_oldest_are_gone() {
    let mut world = three_members();
    (10..40).for_each(|id| world.join(0, id, 1));
    world.run(1500);
    world.has_bus = false;
    for index in 0..540_u64 {
        world.chat(0, 10 + index % 30, &index.to_string());
    }
    world.run(3000);
    world.has_bus = true;
    world.run(10_000);
    let texts = world.chats(1, 2);
    let expected: Vec<_> = (40..540).map(|it| it.to_string()).collect();
    assert_eq!(texts, expected);
    // Nothing is asked for any more.
    let said = world.nodes[0].cluster.outbox.last_numbers();
    let missing = world.nodes[1].cluster.nodes.get_mut(&1).unwrap();
    assert_eq!(said.get(TEAM), Some(&540));
    assert!(missing.missing_messages(|_| true).is_empty());
}

#[test]
fn a_node_without_the_room_asks_for_nothing_and_a_room_that_is_empty_again_is_complete() {
    let mut world = World::new(3);
    world.run(2000);
    world.join(0, 1, 1);
    world.join(1, 2, 1);
    world.run(1500);
    world.has_bus = false;
    world.chat(0, 1, "last words");
    world.run(100);
    world.leave(0, 1);
    world.run(5000);
    world.has_bus = true;
    world.run(1500);
    assert_eq!(world.chats(1, 2), ["last words"]);
    world.join(2, 3, 1);
    world.run(1500);
    assert_eq!(world.chats(2, 3), ["last words"]);
}

#[test]
fn a_room_that_was_opened_in_an_outage_gets_its_earlier_messages_afterwards() {
    let mut world = World::new(2);
    world.run(2000);
    world.join(0, 1, 1);
    world.chat(0, 1, "before");
    world.run(1500);
    world.has_bus = false;
    world.run(1000);
    world.join(1, 2, 1);
    world.run(4000);
    world.chat(0, 1, "meanwhile");
    world.chat(1, 2, "alone");
    world.run(1000);
    assert_eq!(world.chats(1, 2), ["alone"]);
    world.has_bus = true;
    world.run(3000);
    let mut texts = world.chats(1, 2);
    texts.sort();
    assert_eq!(texts, ["alone", "before", "meanwhile"]);
    assert_eq!(world.chats(0, 1), ["before", "meanwhile", "alone"]);
}
