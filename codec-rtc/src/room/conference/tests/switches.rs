//! Switches between layers: rules that other SFUs have violated.

use std::time::Duration;

use super::source::Source;
use super::world::{CAMERA, OWNER, World, ms, viewer};
use crate::rng::Rng;
use crate::room::request_merger::KeyFrameReason;
use crate::room::{
    ParticipantId, PauseReason, RoomEvent, SourceKind, SourceLimits, StreamId, StreamState,
    ViewerConstraints,
};
use crate::sequence::distance_32;

fn limit(world: &mut World, max_height: u32) {
    let limits = SourceLimits { max_height, ..SourceLimits::NONE };
    let constraints = ViewerConstraints { default_limits: limits, ..ViewerConstraints::default() };
    world.room.set_constraints(ms(world.now_ms), viewer(1), constraints);
}

fn watched(kbps: u64) -> World {
    let mut world = World::with_camera();
    world.join(viewer(1), CAMERA, kbps);
    world.run(3000);
    world
}

#[test]
fn a_new_constraint_replaces_a_pending_switch_and_the_old_layer_flows() {
    let mut world = watched(5000);
    world.key_delay_ms = 300;
    let start = world.now_ms;
    limit(&mut world, 180);
    world.run(100);
    limit(&mut world, 360);
    world.run(100);
    limit(&mut world, 180);
    world.run(100);
    limit(&mut world, 360);
    world.run(3000);
    world.check();
    let receiver = world.receiver(1);
    assert_eq!(receiver.height(), 360);
    assert!(receiver.longest_freeze(start, world.now_ms) < ms(120));
}

#[test]
fn a_switch_whose_key_frame_never_comes_is_abandoned() {
    let mut world = watched(5000);
    world.ignores_requests.insert(2);
    let start = world.now_ms;
    limit(&mut world, 360);
    world.run(12_000);
    world.check();
    let receiver = world.receiver(1);
    assert!(receiver.longest_freeze(start, world.now_ms) < ms(300));
    assert_eq!(receiver.height(), 180, "the best layer that answers within the limit");
}

#[test]
fn key_frames_are_accepted_with_any_timestamp_and_time_stays_continuous() {
    // The clocks of the encodings have random offsets.
    let mut world = watched(5000);
    for height in [180, 720, 360, 720, 180, 360] {
        limit(&mut world, height);
        world.run(1500);
        assert_eq!(u32::from(world.receiver(1).height()), height);
    }
    world.check();
    let timestamps = &world.receiver(1).timestamps;
    let (first, last) = (timestamps[20], timestamps.last().unwrap());
    let ticks = f64::from(distance_32(first.1, last.1));
    let drift = ticks / 90.0 - (last.0 - first.0).as_secs_f64() * 1000.0;
    assert!(drift.abs() < 60.0, "{drift} ms");
}

#[test]
fn late_packets_of_before_a_switch_do_not_reach_the_viewer() {
    let mut world = watched(5000);
    let late = world.source(3).encode(2990, false);
    world.source(3).is_on = false;
    limit(&mut world, 180);
    world.run(1000);
    let now_ms = world.now_ms;
    let stale = world.source(1).encode(now_ms, false);
    let before = world.receiver(1).shown.len();
    for packet in &late {
        world.room.handle_packet(ms(world.now_ms), packet).unwrap();
    }
    world.drain();
    assert_eq!(world.receiver(1).shown.len(), before);
    for packet in &stale {
        world.room.handle_packet(ms(world.now_ms), packet).unwrap();
    }
    world.drain();
    assert_eq!(world.receiver(1).shown.len(), before + 1);
    world.check();
}

#[test]
fn a_lost_top_layer_is_replaced_within_500_ms_and_returns() {
    let mut world = watched(5000);
    assert_eq!(world.receiver(1).height(), 720);
    world.source(3).is_on = false;
    let start = world.now_ms;
    world.run(3000);
    let receiver = world.receiver(1);
    assert_eq!(receiver.height(), 360);
    // Half a second for the detection, then the key frame.
    let freeze = receiver.longest_freeze(start, world.now_ms);
    assert!(freeze <= ms(500 + 60 + 40), "{freeze:?}");
    world.source(3).is_on = true;
    let start = world.now_ms;
    world.run(1500);
    world.check();
    let back = world.receiver(1).shown.iter().find(|it| it.0 > ms(start) && it.1 == 720);
    assert!(back.is_some_and(|it| it.0 - ms(start) < ms(400)), "{back:?}");
}

#[test]
fn temporal_layers_are_added_at_switch_points_only() {
    let mut world = World::with_camera();
    world.sources.truncate(1);
    world.join(viewer(1), CAMERA, 5000);
    world.run(2000);
    let mut rng = Rng::new(3);
    for _ in 0..60 {
        let max_frame_rate = *rng.pick(&[8, 15, 30]);
        let limits = SourceLimits { max_height: 720, max_frame_rate };
        let constraints =
            ViewerConstraints { default_limits: limits, ..ViewerConstraints::default() };
        world.room.set_constraints(ms(world.now_ms), viewer(1), constraints);
        world.run(200 + rng.below(700));
    }
    world.check();
    let from = world.now_ms;
    limit(&mut world, 180);
    world.run(2000);
    world.check();
    assert!(world.receiver(1).frames(from, from + 2000) > 55);
}

#[test]
fn a_starved_viewer_is_informed_probes_and_returns() {
    let mut world = watched(5000);
    world.estimate(viewer(1), 30);
    let paused = world.now_ms;
    world.run(11_000);
    let StreamState::Paused(reason) = world.state(1) else { panic!("{:?}", world.state(1)) };
    let text = reason.to_string();
    assert!(matches!(reason, PauseReason::Bandwidth { .. }), "{reason:?}");
    assert!(text.contains("weak network") && text.contains("30 kb/s"), "{text}");
    assert_eq!(world.receiver(1).frames(paused + 1, world.now_ms), 0);
    assert!(world.room.desired(viewer(1)).as_kbps() > 1000);
    assert_eq!(world.room.allocated(viewer(1)).as_kbps(), 0);
    let resets = world.events.iter().filter(|it| matches!(it.1, RoomEvent::ResetEstimate { .. }));
    let resets: Vec<u64> = resets.map(|it| it.0 - paused).collect();
    assert!(resets.len() == 2 && (5000..5300).contains(&resets[0]), "{resets:?}");
    world.estimate(viewer(1), 5000);
    let start = world.now_ms;
    world.run(2000);
    world.check();
    let first = world.receiver(1).shown.iter().find(|it| it.0 > ms(start)).unwrap().0;
    assert!(first - ms(start) < ms(500), "{:?}", first - ms(start));
}

#[test]
fn a_source_that_was_paused_for_a_moment_returns_at_once_but_later_each_time() {
    let mut world = watched(5000);
    let mut pause = |then_ms| {
        let paused = world.now_ms;
        world.estimate(viewer(1), 30);
        world.run(500);
        world.estimate(viewer(1), 5000);
        world.run(then_ms);
        world.check();
        [180, 720].map(|least| {
            let receiver = world.receiver(1);
            let first = receiver.shown.iter().find(|it| it.0 > ms(paused + 300) && it.1 >= least);
            first.unwrap().0 - ms(paused)
        })
    };
    let [lowest, top] = pause(3000);
    assert!(lowest < ms(900) && top < ms(1500), "{lowest:?} {top:?}");
    // It did not last: first the lowest layer returns, and the others after the whole hold.
    let [lowest, top] = pause(14_000);
    assert!((ms(2000)..ms(2700)).contains(&lowest), "{lowest:?}");
    assert!((ms(10_000)..ms(11_000)).contains(&top), "{top:?}");
}

#[test]
fn the_lowest_layer_is_kept_while_it_fits_110_percent_of_the_estimate() {
    let mut world = watched(5000);
    world.sources.iter_mut().for_each(|source| source.layers = 1);
    world.run(3000);
    let StreamState::Playing { .. } = world.state(1) else { panic!() };
    world.estimate(viewer(1), 1000);
    world.run(3000);
    // The rate with headers is some 4 percent above that of the encoder.
    world.estimate(viewer(1), 148);
    world.run(3000);
    assert!(matches!(world.state(1), StreamState::Playing { ssrc: 1, .. }), "{:?}", world.state(1));
}

#[test]
fn layers_do_not_flap_when_the_estimate_does() {
    let mut world = watched(5000);
    let start = world.now_ms;
    for _ in 0..60 {
        world.estimate(viewer(1), 700);
        world.run(1000);
        world.estimate(viewer(1), 5000);
        world.run(1000);
    }
    world.check();
    let receiver = world.receiver(1);
    // Two minutes: down, up after 1, 10, 20 and 40 s.
    assert!(receiver.changes() <= 11, "{} changes", receiver.changes());
    assert!(receiver.longest_freeze(start, world.now_ms) < ms(200));
}

#[test]
fn a_weak_link_falls_at_once_and_returns_within_15_s() {
    let mut world = watched(3000);
    world.join(viewer(2), CAMERA, 3000);
    world.run(3000);
    let weak = world.now_ms;
    world.estimate(viewer(1), 400);
    world.run(30_000);
    let low = world.receiver(1).shown.iter().find(|it| it.0 > ms(weak) && it.1 == 180).unwrap();
    assert!(low.0 - ms(weak) < ms(300), "{:?}", low.0 - ms(weak));
    let strong = world.now_ms;
    world.estimate(viewer(1), 3000);
    world.run(15_000);
    world.check();
    let top = world.receiver(1).shown.iter().find(|it| it.0 > ms(strong) && it.1 == 720).unwrap();
    assert!(top.0 - ms(strong) < ms(1000), "{:?}", top.0 - ms(strong));
    // The other viewer sees nothing of it.
    let other = world.receiver(2);
    assert!(other.longest_freeze(weak, world.now_ms) < ms(120));
    assert!(other.shown.iter().filter(|it| it.0 > ms(weak)).all(|it| it.1 == 720));
}

#[test]
fn upstream_loss_does_not_remove_the_last_layer() {
    let mut world = World::with_camera();
    world.sources.truncate(1);
    world.join(viewer(1), CAMERA, 5000);
    world.run(2000);
    world.loss_percent = 100;
    world.run(5000);
    world.loss_percent = 1;
    world.run(200);
    let reason = KeyFrameReason::Loss;
    world.room.request_key_frame(ms(world.now_ms), viewer(1), CAMERA, reason);
    let start = world.now_ms;
    world.run(2000);
    assert!(matches!(world.state(1), StreamState::Playing { .. }));
    assert!(world.receiver(1).frames(start, world.now_ms) > 30);
}

#[test]
fn a_pause_of_more_than_65536_packets_leaves_no_trace() {
    let mut world = World::new();
    world.add_stream(CAMERA, SourceKind::Camera, OWNER);
    let mut source = Source::new(CAMERA, 1, 180, 400);
    source.interval_ms = 2;
    source.layers = 1;
    world.add_source(source);
    world.join(viewer(1), CAMERA, 50_000);
    world.run(1000);
    limit(&mut world, 0);
    world.run(140_000);
    assert_eq!(world.state(1), StreamState::Paused(PauseReason::SwitchedOff));
    limit(&mut world, 720);
    let start = world.now_ms;
    world.run(1000);
    world.check();
    assert!(world.receiver(1).frames(start, world.now_ms) > 100);
}

#[test]
fn twenty_random_switches_take_at_most_150_ms_and_a_round_trip() {
    for seed in 0..5 {
        let mut world = watched(5000);
        let mut rng = Rng::new(seed);
        let start = world.now_ms;
        let mut slowest = Duration::ZERO;
        let mut before = 720;
        for _ in 0..20 {
            let height = *rng.pick(&[180, 360, 720]);
            let at = world.now_ms;
            limit(&mut world, height);
            world.run(1500 + rng.below(500));
            if height != before {
                let shown = &world.receiver(1).shown;
                let new = shown.iter().find(|it| it.0 >= ms(at) && u32::from(it.1) == height);
                slowest = slowest.max(new.unwrap().0 - ms(at));
            }
            before = height;
        }
        world.check();
        // The key frame comes 60 ms after its request.
        assert!(slowest <= ms(210), "seed {seed}: {slowest:?}");
        assert!(world.receiver(1).longest_freeze(start, world.now_ms) < ms(120));
    }
}

#[test]
fn a_switch_waits_for_the_end_of_the_frame_that_flows() {
    let mut world = World::with_camera();
    world.is_paced = true;
    world.join(viewer(1), CAMERA, 5000);
    world.run(3000);
    let mut rng = Rng::new(11);
    let start = world.now_ms;
    for _ in 0..60 {
        limit(&mut world, *rng.pick(&[180, 360, 720]));
        world.run(700 + rng.below(100));
    }
    world.check();
    let receiver = world.receiver(1);
    assert!(receiver.changes() > 30 && receiver.gaps == 0);
    assert!(receiver.longest_freeze(start, world.now_ms) < ms(150));
}

#[test]
fn a_frame_that_is_cut_off_leaves_a_gap() {
    let mut world = World::with_camera();
    world.is_paced = true;
    world.join(viewer(1), CAMERA, 5000);
    world.run(3000);
    // The layer dies in the middle of a frame.
    while world.receiver(1).is_complete() {
        world.run(1);
    }
    world.cut(3);
    world.run(3000);
    let receiver = world.receiver(1);
    assert_eq!((receiver.height(), receiver.gaps), (360, 1));
    assert!(!receiver.problems.iter().any(|it| it.contains("cut off")), "{:?}", receiver.problems);
}

#[test]
fn switches_complete_under_loss_and_reordering() {
    for seed in 0..4 {
        let mut world = watched(5000);
        (world.loss_percent, world.reorder) = (2, true);
        let mut rng = Rng::new(seed);
        for _ in 0..20 {
            limit(&mut world, *rng.pick(&[180, 360, 720]));
            world.run(rng.below(400));
            let height = *rng.pick(&[180, 360, 720]);
            limit(&mut world, height);
            for _ in 0..20 {
                world.run(200);
                // The receiver reports what it cannot decode.
                let last = world.receiver(1).shown.last().map_or(Duration::ZERO, |it| it.0);
                if ms(world.now_ms) - last > ms(150) {
                    let reason = KeyFrameReason::Loss;
                    world.room.request_key_frame(ms(world.now_ms), viewer(1), CAMERA, reason);
                }
            }
            let shown = &world.receiver(1).shown;
            let recent = shown.iter().rev().take_while(|it| it.0 + ms(2500) > ms(world.now_ms));
            let arrived = recent.filter(|it| u32::from(it.1) == height).count();
            assert!(arrived > 0, "seed {seed}: {height}p never came, {:?}", world.state(1));
        }
        assert!(world.receiver(1).problems.is_empty(), "{:?}", world.receiver(1).problems.first());
    }
}

/// The other numbers of two sources differ by chance, and the second one starts from its cache.
#[test]
fn another_source_continues_the_output_of_the_one_before() {
    const OTHER: StreamId = StreamId(2);
    let mut world = watched(5000);
    world.add_stream(OTHER, SourceKind::Camera, ParticipantId(1001));
    world.add_source(Source::new(OTHER, 9, 360, 500));
    // Somebody else watches it, so that its key frame is some time ago.
    world.join(viewer(2), OTHER, 5000);
    world.run(3000);
    let start = world.now_ms;
    let mut shown = CAMERA;
    for next in [OTHER, CAMERA, OTHER, CAMERA] {
        let output = world.room.unsubscribe(viewer(1), shown).unwrap();
        world.room.resume(viewer(1), next, 100, output).unwrap();
        let receiver = world.receivers.remove(&(viewer(1), shown)).unwrap();
        world.receivers.insert((viewer(1), next), receiver);
        let constraints =
            ViewerConstraints { on_stage: vec![next], ..ViewerConstraints::default() };
        world.room.set_constraints(ms(world.now_ms), viewer(1), constraints);
        shown = next;
        world.run(1500);
    }
    world.check();
    let receiver = world.receiver(1);
    assert!(receiver.longest_freeze(start, world.now_ms) < ms(250));
    // Replayed frames do not run ahead of the time.
    let (first, last) = (receiver.timestamps[20], receiver.timestamps.last().unwrap());
    let drift =
        f64::from(distance_32(first.1, last.1)) / 90.0 - (last.0 - first.0).as_secs_f64() * 1000.0;
    assert!(drift.abs() < 40.0, "{drift} ms");
    assert!(world.room.unsubscribe(viewer(1), OTHER).is_none());
}
