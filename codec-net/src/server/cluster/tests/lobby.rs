//! The lobby of a room on several nodes.

use super::super::super::conference::{Report, SharedRoom};
use super::super::FORGET_AFTER;
use super::super::announcement::{Announcement, Content};
use super::*;

impl World {
    fn join_guest(&mut self, node: usize, id: u64) {
        self.join_as(node, id, &format!("{node} {id}"), false, 1);
    }

    /// Whether the lobby is on, and who waits, as a moderator last heard.
    fn lobby(&self, node: usize, id: u64) -> (bool, Vec<(String, u64)>) {
        let texts = self.texts(node, id);
        let last = texts.iter().rev().find(|it| it["type"] == "lobby").unwrap();
        let people = last["people"].as_array().unwrap().iter();
        let people =
            people.map(|it| (it["name"].as_str().unwrap().to_owned(), it["id"].as_u64().unwrap()));
        (last["on"] == true, people.collect())
    }

    fn names_in_lobby(&self, node: usize, id: u64) -> Vec<String> {
        self.lobby(node, id).1.into_iter().map(|(name, _)| name).collect()
    }

    fn has(&self, node: usize, id: u64, kind: &str) -> bool {
        self.texts(node, id).iter().any(|it| it["type"] == kind)
    }

    fn set_lobby(&mut self, node: usize, id: u64, on: bool) {
        self.say(node, id, &json!({ "type": "lobby", "on": on }));
    }

    fn decide(&mut self, node: usize, id: u64, what: &str, name: &str) {
        let (_, people) = self.lobby(node, id);
        let number = people.iter().find(|it| it.0 == name).unwrap().1;
        self.say(node, id, &json!({ "type": what, "id": number }));
    }
}

/// Moderators 1 and 2 at the first two of three nodes.
fn moderated() -> World {
    let mut world = World::new(3);
    world.run(2000);
    world.join(0, 1, 1);
    world.join(1, 2, 1);
    world.run(500);
    world
}

#[test]
fn moderators_at_any_node_see_who_waits_and_decide() {
    let mut world = moderated();
    world.set_lobby(0, 1, true);
    world.run(300);
    assert!(world.lobby(1, 2).0, "the other moderator sees it");
    world.join_guest(2, 7);
    world.join_guest(1, 8);
    world.join_guest(2, 9);
    world.run(300);
    for (node, id) in [(2, 7), (1, 8), (2, 9)] {
        assert!(world.has(node, id, "waiting") && !world.has(node, id, "hello"));
        assert!(!world.has(node, id, "people") && !world.has(node, id, "log"));
    }
    for (node, id) in [(0, 1), (1, 2)] {
        let mut names = world.names_in_lobby(node, id);
        names.sort();
        assert_eq!(names, ["Member 7", "Member 8", "Member 9"]);
        assert_eq!(world.people(node, id).len(), 2, "who waits is not a member");
    }
    world.decide(0, 1, "admit", "Member 7");
    world.decide(0, 1, "remove", "Member 8");
    world.run(300);
    assert!(world.has(2, 7, "hello"));
    assert_eq!(world.people(0, 1).len(), 3);
    let reports: Vec<_> = std::iter::from_fn(|| world.nodes[2].conferences.poll_report()).collect();
    let is_joined = |it: &Report| matches!(it, Report::Joined { person, .. } if person.id == 7);
    assert_eq!(reports.iter().filter(|it| is_joined(it)).count(), 1, "{reports:?}");
    assert!(world.nodes[1].actions.contains(&(8, Action::End(EndReason::Removed))));
    world.leave(1, 8);
    world.run(300);
    assert_eq!(world.names_in_lobby(1, 2), ["Member 9"]);
    // Another moderator closes the lobby: the last one comes in, and nobody waits any more.
    world.set_lobby(1, 2, false);
    world.run(300);
    assert!(world.has(2, 9, "hello"));
    assert_eq!(world.lobby(0, 1), (false, Vec::new()));
    world.join_guest(2, 10);
    world.run(20);
    assert!(world.has(2, 10, "hello"));
}

#[test]
fn decisions_on_unknown_people_and_of_others_are_ignored() {
    let mut world = moderated();
    world.set_lobby(0, 1, true);
    world.run(300);
    world.join_guest(2, 7);
    world.run(300);
    let to = world.nodes[2].cluster.own.id;
    let from = world.nodes[1].cluster.own.id;
    for (to, room, member, admits) in
        [(to, TEAM, 99, true), (to, TEAM, 99, false), (to, "other", 7, true), (from, TEAM, 7, true)]
    {
        let content = Content::Lobby { to, room: room.into(), member, admits };
        let message = Announcement { from, content }.write();
        world.nodes[2].cluster.handle_message(world.now, &message);
    }
    // Who waits cannot admit itself, whatever number it says.
    let number = world.lobby(0, 1).1[0].1;
    for id in [7, number] {
        world.say(2, 7, &json!({ "type": "admit", "id": id }));
    }
    world.run(300);
    assert!(!world.has(2, 7, "hello") && world.names_in_lobby(1, 2) == ["Member 7"]);
    // A decision on a member that is not in the lobby any more removes nobody.
    world.decide(1, 2, "admit", "Member 7");
    world.run(10);
    world.say(0, 1, &json!({ "type": "remove", "id": number }));
    world.run(300);
    assert!(world.has(2, 7, "hello"));
    assert!(!world.nodes[2].actions.contains(&(7, Action::End(EndReason::Removed))));
}

#[test]
fn a_lobby_survives_its_node_and_who_waited_there_is_forgotten() {
    let mut world = moderated();
    world.set_lobby(0, 1, true);
    world.join_guest(0, 6);
    world.leave(1, 2);
    world.run(300);
    world.nodes[0].is_running = false;
    world.run(3500);
    // No node has the room, and the first one there finds the lobby of the dead node.
    world.join_guest(2, 7);
    world.run(2000);
    assert!(world.has(2, 7, "waiting") && !world.has(2, 7, "hello"));
    world.join(1, 2, 1);
    world.run(300);
    assert_eq!(world.lobby(1, 2), (true, vec![("Member 7".to_owned(), world.lobby(1, 2).1[0].1)]));
    // A room that all have left is a new one.
    world.leave(2, 7);
    world.leave(1, 2);
    world.run(300);
    world.join_guest(1, 8);
    world.run(20);
    assert!(world.has(1, 8, "hello"));
}

#[test]
fn a_node_that_has_just_started_lets_nobody_in_before_it_knows_the_lobby() {
    let mut world = World::new(2);
    world.nodes[1].is_running = false;
    world.run(2000);
    world.join(0, 1, 1);
    world.set_lobby(0, 1, true);
    world.run(300);
    world.nodes[1].is_running = true;
    world.join_guest(1, 7);
    world.run(10);
    assert!(world.has(1, 7, "waiting"));
    world.run(3000);
    assert!(!world.has(1, 7, "hello"));
    assert_eq!(world.names_in_lobby(0, 1), ["Member 7"]);
    world.decide(0, 1, "admit", "Member 7");
    world.run(100);
    assert!(world.has(1, 7, "hello"));
}

#[test]
fn without_other_nodes_a_person_waits_for_a_moment_only() {
    let mut world = World::new(1);
    world.run(10);
    world.join_guest(0, 7);
    world.run(1000);
    assert!(!world.has(0, 7, "hello"));
    world.run(600);
    assert!(world.has(0, 7, "hello"));
}

#[test]
fn people_wait_while_the_state_of_a_room_is_lost() {
    let mut world = moderated();
    world.leave(1, 2);
    world.run(300);
    // The room changes, and only its new version is heard.
    world.has_bus = false;
    world.set_lobby(0, 1, true);
    world.run(300);
    world.has_bus = true;
    let announcement = {
        let node = &mut world.nodes[0].cluster;
        node.announce(false);
        node.poll_message().unwrap()
    };
    let now = world.now;
    world.nodes[1].cluster.handle_message(now, &announcement);
    world.has_bus = false;
    world.run(20);
    world.join_guest(1, 7);
    world.run(2000);
    assert!(world.has(1, 7, "waiting") && !world.has(1, 7, "hello"));
    world.has_bus = true;
    world.run(1500);
    assert!(!world.has(1, 7, "hello"));
    assert_eq!(world.names_in_lobby(0, 1), ["Member 7"]);
    world.set_lobby(0, 1, false);
    world.run(300);
    assert!(world.has(1, 7, "hello"));
}

#[test]
fn a_node_with_an_impossible_revision_does_not_block_the_lobby() {
    let mut world = moderated();
    world.join_guest(2, 7);
    world.run(300);
    // The third node is damaged: it claims the last possible setting.
    let from = world.nodes[2].cluster.own.id;
    let mut state = world.nodes[2].conferences.shared().remove(0).1.json();
    state["lobby"] = json!({ "revision": 1_u64 << 53, "on": true });
    let state = SharedRoom::parse(&state).unwrap();
    let content = Content::Room { room: TEAM.into(), version: 1 << 20, state };
    let message = Announcement { from, content }.write();
    for node in 0..2 {
        world.nodes[node].cluster.handle_message(world.now, &message);
    }
    world.run(300);
    assert!(!world.lobby(0, 1).0 && !world.lobby(1, 2).0);
    for on in [true, false] {
        world.set_lobby(0, 1, on);
        world.run(300);
        assert_eq!((world.lobby(0, 1).0, world.lobby(1, 2).0), (on, on));
    }
}

/// The lobby is on, and a guest whom a moderator has admitted is at the third node, which dies.
fn guest_of_a_dead_node() -> World {
    let mut world = moderated();
    world.set_lobby(0, 1, true);
    world.run(300);
    world.join_as(2, 7, "guest", false, 1);
    world.run(300);
    world.decide(0, 1, "admit", "Member 7");
    world.run(300);
    assert!(world.has(2, 7, "hello"));
    world.nodes[2].is_running = false;
    world.run(5000);
    assert_eq!(world.people(0, 1).len(), 2);
    world
}

#[test]
fn a_member_of_a_dead_node_does_not_wait_again_at_any_other() {
    let mut world = guest_of_a_dead_node();
    world.run(60_000);
    world.join_as(1, 8, "guest", false, 1);
    world.join_guest(1, 9);
    world.run(300);
    assert!(world.has(1, 8, "hello") && !world.has(1, 9, "hello"));
    let mut world = guest_of_a_dead_node();
    let mut other = World::new(1).nodes.remove(0);
    other.cluster = Cluster::new(Identity::new([98; 48], vec![address(2)], None));
    world.nodes[2] = other;
    world.join_as(2, 8, "guest", false, 1);
    world.run(3000);
    assert!(world.has(2, 8, "hello"), "at a node that has just started");
    // The time is limited.
    world.leave(2, 8);
    world.run(300);
    world.now += FORGET_AFTER;
    world.run(2000);
    world.join_as(0, 10, "guest", false, 1);
    world.run(300);
    assert!(!world.has(0, 10, "hello") && world.has(0, 10, "waiting"));
}

#[test]
fn a_member_of_a_dead_node_that_is_removed_waits_again() {
    let mut world = guest_of_a_dead_node();
    world.join_as(1, 8, "guest", false, 1);
    world.run(300);
    let people = world.people(0, 1);
    let guest = people.iter().find(|it| it["name"] == "Member 8").unwrap();
    world.say(0, 1, &json!({ "type": "remove", "id": guest["id"] }));
    world.run(20);
    world.leave(1, 8);
    world.run(300);
    for (node, id) in [(0, 9), (1, 10)] {
        world.join_as(node, id, "guest", false, 1);
        world.run(300);
        assert!(!world.has(node, id, "hello") && world.has(node, id, "waiting"), "{node}");
    }
}
