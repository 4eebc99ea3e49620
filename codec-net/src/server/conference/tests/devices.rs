//! Persons with several devices.

use super::*;

/// A member that watches, and two devices of one person, of which the first is active.
fn world() -> World {
    let mut world = World::new();
    world.join(1, "team", sections(3, 2));
    world.join_as(2, "ann", "team", sections(3, 2));
    world.join_as(3, "ann", "team", sections(3, 2));
    world
}

fn device(world: &World, id: u64) -> Value {
    world.messages(id, "device").pop().unwrap_or_default()
}

/// Sends audio and video of members for `frames` frames at 50 per second.
fn send(world: &mut World, ids: &[u64], frames: u16) {
    for index in 0..frames {
        world.frame += 1;
        for id in ids {
            let ssrc = 100 + u32::try_from(*id).unwrap();
            world.video(*id, CAMERA, ssrc, None, index % 10 == 0);
            world.audio_packet(*id, 30);
        }
        world.pass(Duration::from_millis(20));
    }
}

/// Numbers and times of the packets on a section. Times are those of the actions.
fn received(world: &World, id: u64, mid: &str) -> (Vec<u64>, Duration) {
    let packets = world.timed_packets(id, mid);
    let gaps = packets.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let longest = gaps.max().unwrap_or_default();
    (packets.into_iter().map(|(_, packet)| packet.number).collect(), longest)
}

#[test]
fn devices_of_a_person_are_one_for_others_and_do_not_hear_each_other() {
    let mut world = world();
    let people = world.messages(1, "people").pop().unwrap();
    let ids = people["people"].as_array().unwrap().iter().map(|it| it["id"].as_u64());
    assert_eq!(ids.collect::<Vec<_>>(), [Some(1), Some(2)]);
    let hellos = [2, 3].map(|id| world.messages(id, "hello").pop().unwrap());
    assert_eq!((&hellos[0]["you"], &hellos[1]["you"]), (&2.into(), &2.into()));
    assert_eq!(hellos[0]["person"], hellos[1]["person"]);
    assert_eq!(device(&world, 2), json!({ "type": "device", "active": true, "devices": 2 }));
    assert_eq!(device(&world, 3), json!({ "type": "device", "active": false, "devices": 2 }));
    send(&mut world, &[1, 2, 3], 50);
    for id in [2, 3] {
        assert!(world.packets(id, "a0").len() >= 45, "both hear the other person");
        assert!(world.packets(id, "a1").is_empty(), "and not each other");
        let video = ["v0", "v1", "v2"].map(|mid| world.packets(id, mid).len());
        assert!(video[0] >= 40 && video[1] + video[2] == 0, "{video:?}");
    }
    assert!(world.packets(1, "a0").len() >= 45 && world.packets(1, "a1").is_empty());
    assert!(world.packets(1, "v1").is_empty(), "the second device is not forwarded");
}

#[test]
fn a_call_is_handed_over_on_the_same_sections_without_a_gap() {
    let mut world = world();
    send(&mut world, &[1, 2], 50);
    world.clear();
    send(&mut world, &[1, 2], 10);
    world.say(3, &json!({ "type": "take" }));
    assert_eq!(device(&world, 3)["active"], true);
    assert!(world.messages(2, "device").is_empty(), "it sends until the other one does");
    send(&mut world, &[1, 2], 10);
    send(&mut world, &[1, 2, 3], 20);
    assert_eq!(device(&world, 2)["active"], false);
    send(&mut world, &[1, 2, 3], 20);
    for mid in ["v0", "a0"] {
        let (numbers, gap) = received(&world, 1, mid);
        let expected: Vec<u64> = (numbers[0]..).take(numbers.len()).collect();
        assert_eq!(numbers, expected, "{mid}: the numbers continue");
        // Video and audio pause while `say` passes 100 ms.
        assert!(numbers.len() >= 55 && gap <= Duration::from_millis(160), "{mid}: {gap:?}");
    }
    assert!(world.packets(1, "a1").is_empty() && world.packets(1, "v1").is_empty());
    assert_eq!(world.section(1, 2, "camera"), Some("v0".to_owned()), "the person is the same");
}

#[test]
fn a_muted_device_takes_the_call_at_once() {
    let mut world = world();
    send(&mut world, &[1, 2], 20);
    world.say(3, &json!({ "type": "muted", "audio": true, "video": true }));
    world.say(3, &json!({ "type": "take" }));
    assert_eq!(device(&world, 2)["active"], false);
    world.clear();
    send(&mut world, &[1, 2, 3], 20);
    assert!(world.packets(1, "a0").is_empty() && world.packets(1, "v0").is_empty());
    world.pass(Duration::from_millis(100));
    world.say(3, &json!({ "type": "muted", "audio": false, "video": false }));
    let people = world.messages(1, "people").pop().unwrap();
    assert_eq!(
        (&people["people"][1]["muted"], &people["people"][1]["cameraOff"]),
        (&false.into(), &false.into())
    );
    send(&mut world, &[3], 30);
    let counts = ["a0", "a1", "v0", "v1"].map(|mid| world.packets(1, mid).len());
    assert!(counts[0] + counts[1] >= 15 && counts[2] >= 15, "{counts:?}");
}

#[test]
fn a_hand_over_to_a_silent_device_ends_in_time_and_can_be_reversed() {
    let mut world = world();
    send(&mut world, &[2], 20);
    world.say(3, &json!({ "type": "take" }));
    send(&mut world, &[2], 20);
    world.say(2, &json!({ "type": "take" }));
    world.clear();
    send(&mut world, &[2], 20);
    assert_eq!(device(&world, 3)["active"], false);
    assert!(world.packets(1, "a0").len() >= 18 && world.packets(1, "v0").len() >= 18);
    world.say(3, &json!({ "type": "take" }));
    world.pass(super::super::seats::HAND_OVER);
    assert_eq!(device(&world, 2)["active"], false);
    world.clear();
    send(&mut world, &[2], 20);
    assert!(world.packets(1, "a0").is_empty() && world.packets(1, "v0").is_empty());
}

#[test]
fn a_device_that_leaves_gives_its_seat_to_none_of_the_others() {
    let mut world = world();
    send(&mut world, &[2, 3], 10);
    world.leave(2);
    assert_eq!(device(&world, 3), json!({ "type": "device", "active": false, "devices": 1 }));
    let people = world.messages(1, "people").pop().unwrap();
    assert_eq!(
        (&people["people"][1]["id"], &people["people"][1]["muted"]),
        (&2.into(), &true.into())
    );
    world.clear();
    send(&mut world, &[3], 10);
    assert!(world.packets(1, "a0").is_empty(), "a microphone is never opened by accident");
    world.say(3, &json!({ "type": "take" }));
    send(&mut world, &[3], 10);
    assert!(world.packets(1, "a0").len() + world.packets(1, "a1").len() >= 8);
    // A reloaded page is the only device and is active.
    world.leave(3);
    world.join_as(4, "ann", "team", sections(3, 2));
    assert_eq!(device(&world, 4), json!({ "type": "device", "active": true, "devices": 1 }));
    assert_eq!(world.messages(4, "hello")[0]["you"], 4);
}

#[test]
fn a_device_that_vanishes_during_a_hand_over_leaves_the_call_with_the_other() {
    let mut world = world();
    send(&mut world, &[2], 10);
    world.say(3, &json!({ "type": "take" }));
    world.leave(3);
    world.clear();
    send(&mut world, &[2], 20);
    assert!(world.packets(1, "a0").len() >= 18 && world.packets(1, "v0").len() >= 18);
    world.join_as(4, "ann", "team", sections(3, 2));
    world.say(4, &json!({ "type": "take" }));
    world.leave(2);
    send(&mut world, &[4], 20);
    let audio = world.packets(1, "a0").len() + world.packets(1, "a1").len();
    assert!(audio >= 36, "the new device has the call");
}

#[test]
fn moderators_remove_all_devices_of_a_person() {
    let mut world = world();
    world.say(1, &json!({ "type": "remove", "id": 2 }));
    for id in [2, 3] {
        assert!(world.actions.contains(&(id, Action::End(EndReason::Removed))), "{id}");
    }
    world.say(1, &json!({ "type": "remove", "id": 1 }));
    assert!(!world.actions.contains(&(1, Action::End(EndReason::Removed))));
}
