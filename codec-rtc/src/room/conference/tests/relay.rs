//! Sources that another server relays on request.

use codec_core::codec::Bitrate;

use super::source::Source;
use super::world::{CAMERA, OWNER, World, ms, viewer};
use crate::room::{LayerInfo, RoomEvent, SourceKind, StreamState};

fn layer(height: u32, kbps: u64) -> LayerInfo {
    let rate = Bitrate::kbps(kbps);
    LayerInfo { spatial: 0, temporal: 0, height, frame_rate: 30.0, rate }
}

/// A relayed camera with 180p and 720p, which sends nothing until a layer is requested.
fn relayed() -> World {
    let mut world = World::new();
    world.add_stream(CAMERA, SourceKind::Camera, OWNER);
    world.room.set_relayed(CAMERA);
    for (ssrc, height, kbps) in [(1, 180, 150), (2, 720, 1500)] {
        world.add_source(Source::new(CAMERA, ssrc, height, kbps));
        world.source(ssrc).is_on = false;
    }
    world
}

fn announce(world: &mut World) {
    let now = ms(world.now_ms);
    world.room.set_layers(now, 1, &[layer(180, 150)]);
    world.room.set_layers(now, 2, &[layer(720, 1500)]);
}

fn requested(world: &World) -> Vec<(u32, bool)> {
    let events = world.events.iter().filter_map(|(_, event)| match event {
        RoomEvent::Encoding { ssrc, on, .. } => Some((*ssrc, *on)),
        _ => None,
    });
    events.collect()
}

#[test]
fn only_the_layers_that_somebody_watches_are_requested() {
    let mut world = relayed();
    world.run(1000);
    announce(&mut world);
    world.run(6000);
    assert_eq!(requested(&world), [], "nobody watches");
    world.join(viewer(1), CAMERA, 5000);
    world.run(1000);
    assert_eq!(requested(&world), [(2, true)], "not the lowest one either");
    assert!(matches!(world.state(1), StreamState::Playing { ssrc: 2, .. }));
    assert!(world.receiver(1).shown.len() > 10, "{:?}", world.receiver(1).shown);
    world.join(viewer(2), CAMERA, 400);
    world.run(1000);
    assert_eq!(requested(&world), [(2, true), (1, true)]);
    world.room.remove_participant(viewer(1));
    world.room.remove_participant(viewer(2));
    world.run(6000);
    assert_eq!(requested(&world)[2..], [(1, false), (2, false)]);
    world.check();
}

#[test]
fn layers_that_are_gone_are_not_requested_until_they_return() {
    let mut world = relayed();
    announce(&mut world);
    let now = ms(world.now_ms);
    world.room.set_layers(now, 2, &[]);
    world.join(viewer(1), CAMERA, 5000);
    world.run(3000);
    assert_eq!(requested(&world), [(1, true)]);
    announce(&mut world);
    world.run(500);
    assert_eq!(requested(&world), [(1, true), (2, true)]);
}

#[test]
fn a_layer_that_another_server_needs_stays_on() {
    let mut world = World::with_camera();
    world.run(1000);
    assert_eq!(world.room.layers(3).first().map(|it| it.height), Some(720));
    world.room.set_needed(ms(world.now_ms), 3, true);
    world.run(8000);
    assert_eq!(requested(&world), [(2, false)]);
    world.requests.clear();
    world.room.request_key_frame_of(ms(world.now_ms), viewer(99), 3);
    world.drain();
    assert_eq!(world.requests.iter().map(|(_, ssrc)| *ssrc).collect::<Vec<_>>(), [3]);
    world.room.set_needed(ms(world.now_ms), 3, false);
    world.run(6000);
    assert_eq!(requested(&world), [(2, false), (3, false)]);
}
