//! Joins, key-frame requests and feedback to senders.

use super::source::Source;
use super::world::{CAMERA, OWNER, World, ms, viewer};
use crate::room::{
    ParticipantId, RoomEvent, SourceKind, SourceLimits, StreamId, StreamState, ViewerConstraints,
};

#[test]
fn sixteen_viewers_that_join_within_a_second_start_from_the_cache() {
    let mut world = World::with_camera();
    world.join(viewer(100), CAMERA, 5000);
    world.run(900);
    let before = world.requests.len();
    let mut joined = Vec::new();
    for number in 0..16 {
        world.join(viewer(number), CAMERA, 5000);
        joined.push(world.now_ms);
        world.run(60);
    }
    world.run(2000);
    world.check();
    for (number, joined) in joined.into_iter().enumerate() {
        let receiver = world.receiver(number as u64);
        let first = receiver.shown.first().unwrap().0 - ms(joined);
        assert!(first <= ms(60), "viewer {number}: first frame after {first:?}");
        assert_eq!(receiver.height(), 720);
    }
    assert!(world.requests.len() - before <= 1, "{:?}", world.requests);
}

#[test]
fn joins_long_after_the_key_frame_cause_one_request() {
    let mut world = World::with_camera();
    world.join(viewer(100), CAMERA, 5000);
    world.run(9000);
    let before = world.requests.len();
    let mut joined = Vec::new();
    for number in 0..16 {
        world.join(viewer(number), CAMERA, 5000);
        joined.push(world.now_ms);
        world.run(60);
    }
    world.run(1000);
    world.check();
    let mut waits: Vec<_> = joined
        .iter()
        .enumerate()
        .map(|(number, at)| world.receiver(number as u64).shown[0].0 - ms(*at))
        .collect();
    waits.sort_unstable();
    assert_eq!(world.requests.len() - before, 1, "{:?}", world.requests);
    assert!(waits[8] < ms(60) && waits[15] < ms(200), "{waits:?}");
    let counts = world.room.key_frame_counts(3).unwrap();
    assert!(counts.asked[0] >= 2 && counts.caused[0] >= 1, "{counts:?}");
}

#[test]
fn a_static_screen_share_is_shown_at_once() {
    let screen = StreamId(5);
    let mut world = World::new();
    world.add_stream(screen, SourceKind::Screen, OWNER);
    let mut source = Source::new(screen, 9, 1080, 800);
    source.layers = 1;
    world.add_source(source);
    world.run(500);
    // The screen is still for ten minutes.
    world.source(9).interval_ms = 0;
    world.run(600_000);
    let before = world.requests.len();
    let joined = world.now_ms;
    world.join(viewer(1), screen, 5000);
    world.run(500);
    world.check();
    let receiver = &world.receivers[&(viewer(1), screen)];
    assert!(receiver.shown[0].0 - ms(joined) < ms(200), "{:?}", receiver.shown.first());
    assert_eq!((receiver.height(), world.requests.len()), (1080, before));
    // It continues with the next change, at the right time.
    let (at, timestamp) = *receiver.timestamps.last().unwrap();
    world.run(20_000);
    world.source(9).interval_ms = 200;
    world.run(1000);
    world.check();
    let receiver = &world.receivers[&(viewer(1), screen)];
    let (after, new) = *receiver.timestamps.last().unwrap();
    let elapsed = f64::from(new.wrapping_sub(timestamp)) / 90_000.0;
    let real = (after - at).as_secs_f64();
    assert!((elapsed - real).abs() < 0.7, "{elapsed} s of timestamps in {real} s");
}

#[test]
fn a_still_screen_is_asked_for_a_key_frame_until_it_sends_one() {
    let screen = StreamId(5);
    let mut world = World::new();
    world.add_stream(screen, SourceKind::Screen, OWNER);
    let mut source = Source::new(screen, 9, 1080, 800);
    source.layers = 1;
    world.add_source(source);
    // So many changes that the cache has no usable key frame.
    world.run(10_000);
    world.source(9).interval_ms = 0;
    world.ignores_requests.insert(9);
    world.run(3000);
    world.join(viewer(1), screen, 5000);
    world.run(4500);
    assert!((4..=6).contains(&world.requests.len()), "{:?}", world.requests);
    assert!(world.receivers[&(viewer(1), screen)].shown.is_empty());
    world.ignores_requests.clear();
    world.run(1500);
    world.check();
    assert_eq!(world.receivers[&(viewer(1), screen)].height(), 1080);
}

#[test]
fn encodings_that_no_viewer_gets_are_switched_off_after_5_s() {
    let mut world = World::with_camera();
    world.join(viewer(1), CAMERA, 5000);
    world.run(3000);
    let limits = SourceLimits { max_height: 200, ..SourceLimits::NONE };
    let constraints = ViewerConstraints { default_limits: limits, ..ViewerConstraints::default() };
    world.room.set_constraints(ms(world.now_ms), viewer(1), constraints);
    let small_since = world.now_ms;
    world.run(8000);
    assert_eq!(world.receiver(1).height(), 180);
    let off: Vec<_> = world
        .events
        .iter()
        .filter_map(|(at, event)| match event {
            RoomEvent::Encoding { ssrc, on: false, .. } => Some((*ssrc, *at)),
            _ => None,
        })
        .collect();
    let ssrcs: Vec<u32> = off.iter().map(|it| it.0).collect();
    assert!(ssrcs.contains(&2) && ssrcs.contains(&3) && !ssrcs.contains(&1), "{off:?}");
    let top = off.iter().find(|it| it.0 == 3).unwrap();
    assert!((5000..5400).contains(&(top.1 - small_since)), "{off:?}");
    // The viewer wants the large size again.
    let wanted = world.now_ms;
    let constraints = ViewerConstraints { on_stage: vec![CAMERA], ..ViewerConstraints::default() };
    world.room.set_constraints(ms(world.now_ms), viewer(1), constraints);
    world.run(1000);
    world.check();
    let receiver = world.receiver(1);
    let large = receiver.shown.iter().find(|it| it.0 > ms(wanted) && it.1 == 720).unwrap().0;
    assert!(large - ms(wanted) < ms(400), "{:?}", large - ms(wanted));
    assert!(receiver.longest_freeze(small_since, world.now_ms) < ms(200));
}

#[test]
fn a_participant_that_is_removed_gets_nothing_more() {
    let mut world = World::with_camera();
    world.join(viewer(1), CAMERA, 5000);
    world.join(viewer(2), CAMERA, 5000);
    world.run(1000);
    world.room.remove_participant(viewer(1));
    let at = world.now_ms;
    world.run(1000);
    assert_eq!(world.receiver(1).frames(at, at + 1000), 0);
    assert!(world.receiver(2).frames(at, at + 1000) > 25);
    // The publisher leaves.
    world.room.remove_participant(OWNER);
    world.sources.clear();
    assert_eq!((world.room.poll_timeout(), world.room.state(viewer(2), CAMERA)), (None, None));
}

#[test]
fn a_recorder_causes_a_key_frame_of_each_encoding() {
    let mut world = World::with_camera();
    world.run(1000);
    let before = world.requests.len();
    let recorder = ParticipantId(u64::MAX);
    let reason = crate::room::request_merger::KeyFrameReason::Recorder;
    world.room.request_key_frame(ms(world.now_ms), recorder, CAMERA, reason);
    world.run(100);
    let mut ssrcs: Vec<u32> = world.requests[before..].iter().map(|it| it.1).collect();
    ssrcs.sort_unstable();
    assert_eq!(ssrcs, [1, 2, 3]);
    assert_eq!(world.room.key_frame_counts(1).unwrap().asked, [0, 0, 0, 1]);
}

#[test]
fn states_are_reported_once() {
    let mut world = World::with_camera();
    world.join(viewer(1), CAMERA, 5000);
    world.run(5000);
    let states: Vec<_> = world
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            RoomEvent::State { state, .. } => Some(*state),
            _ => None,
        })
        .collect();
    assert!(states.len() <= 6, "{states:?}");
    assert!(matches!(states.last(), Some(StreamState::Playing { ssrc: 3, height: 720, .. })));
}

#[test]
fn a_replay_exceeds_the_estimate_by_at_most_half() {
    let mut world = World::with_camera();
    world.run(1500);
    world.join(viewer(1), CAMERA, 700);
    let joined = world.now_ms;
    world.run(1000);
    world.check();
    let receiver = world.receiver(1);
    assert_eq!(receiver.shown[0].1, 360);
    let early = receiver.packets.iter().filter(|it| it.0 < ms(joined + 200));
    let bytes: usize = early.map(|it| it.1).sum();
    // 200 ms at 1.05 Mb/s, and the packets of 5 ms that are sent at once.
    assert!(bytes <= 26_250 + 2500, "{bytes} bytes");
}
