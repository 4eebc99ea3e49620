//! Last-N, priority of screen shares, and hostile input.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::source::Source;
use super::world::{OWNER, World, ms, viewer};
use crate::extension::ExtensionMap;
use crate::packet::Format;
use crate::rng::Rng;
use crate::room::{
    EncodingConfig, OutputConfig, ParticipantId, PauseReason, Room, RoomConfig, RoomError,
    SourceKind, StreamConfig, StreamId, StreamState, ViewerConstraints,
};

/// A room with four cameras of their owners, of 180p each, and one viewer without a limit.
fn four_cameras() -> World {
    let mut world = World::new();
    for number in 0..4_u32 {
        let id = StreamId(number.into());
        world.add_stream(id, SourceKind::Camera, ParticipantId(100 + u64::from(number)));
        world.add_source(Source::new(id, 10 + number, 180, 150));
    }
    for number in 0..4 {
        world.join(viewer(1), StreamId(number), 5000);
    }
    world
}

fn playing(world: &World) -> Vec<u64> {
    let plays = |number: &u64| {
        let state = world.room.state(viewer(1), StreamId(*number));
        matches!(state, Some(StreamState::Playing { .. }))
    };
    (0..4).filter(plays).collect()
}

#[test]
fn the_last_n_speakers_and_selected_sources_are_sent() {
    let mut world = four_cameras();
    let constraints = ViewerConstraints {
        last_n: Some(2),
        selected: vec![StreamId(3)],
        ..ViewerConstraints::default()
    };
    world.room.set_constraints(ms(0), viewer(1), constraints);
    world.room.set_speakers(&[ParticipantId(101)]);
    world.run(5000);
    assert_eq!(playing(&world), [1, 3]);
    let state = world.room.state(viewer(1), StreamId(0));
    assert_eq!(state, Some(StreamState::Paused(PauseReason::NotInLastN)));
    // A new speaker comes at once; the one before stays for 3 s.
    world.room.set_speakers(&[ParticipantId(100), ParticipantId(101)]);
    world.run(500);
    assert_eq!(playing(&world), [0, 1, 3]);
    world.run(3000);
    assert_eq!(playing(&world), [0, 3]);
    world.check();
}

#[test]
fn a_screen_share_comes_before_cameras_and_keeps_its_size() {
    let mut world = four_cameras();
    let screen = StreamId(9);
    world.add_stream(screen, SourceKind::Screen, OWNER);
    // Two encodings of equal size: few frames, and all of them.
    for (ssrc, kbps, interval_ms) in [(20, 500, 200), (21, 1500, 66)] {
        let mut source = Source::new(screen, ssrc, 1080, kbps);
        (source.interval_ms, source.layers) = (interval_ms, 1);
        world.add_source(source);
    }
    world.join(viewer(1), screen, 5000);
    let constraints = ViewerConstraints { last_n: Some(1), ..ViewerConstraints::default() };
    world.room.set_constraints(ms(0), viewer(1), constraints);
    world.run(4000);
    let state = |world: &World| world.room.state(viewer(1), screen);
    assert!(matches!(state(&world), Some(StreamState::Playing { ssrc: 21, height: 1080, .. })));
    assert_eq!(playing(&world), [0_u64; 0]);
    world.estimate(viewer(1), 900);
    world.run(2000);
    assert!(matches!(state(&world), Some(StreamState::Playing { ssrc: 20, height: 1080, .. })));
    world.check();
}

#[test]
fn the_estimate_is_not_exceeded() {
    let mut world = four_cameras();
    world.run(2000);
    let mut rng = Rng::new(2);
    for _ in 0..50 {
        let kbps = rng.below(900);
        world.estimate(viewer(1), kbps);
        world.run(150);
        let allocated = world.room.allocated(viewer(1));
        assert!(allocated <= Bitrate::kbps(kbps * 11 / 10), "{allocated:?} of {kbps} kb/s");
    }
    world.check();
}

#[test]
fn hostile_packets_and_endless_requests_are_bounded() {
    let config = RoomConfig { max_streams: 1, max_viewers: 1, ..RoomConfig::default() };
    let mut room = Room::new(config);
    let (format, extensions) = (Format::Vp9, ExtensionMap::default());
    let stream = StreamConfig { owner: OWNER, kind: SourceKind::Camera, format, extensions };
    assert_eq!(room.add_stream(StreamId(1), stream), Ok(()));
    assert_eq!(room.add_stream(StreamId(1), stream), Err(RoomError::Duplicate));
    assert_eq!(room.add_stream(StreamId(2), stream), Err(RoomError::Full));
    room.add_viewer(viewer(1)).unwrap();
    assert_eq!(room.add_viewer(viewer(2)), Err(RoomError::Full));
    let output = OutputConfig { ssrc: 7, payload_type: 255, first_sequence: 65_535, clock_hz: 0 };
    assert_eq!(room.subscribe(viewer(2), StreamId(1), output), Err(RoomError::Unknown));
    room.subscribe(viewer(1), StreamId(1), output).unwrap();
    for ssrc in 0..9 {
        let config = EncodingConfig { ssrc, rid: None, height: None };
        let added = room.add_encoding(Duration::ZERO, StreamId(1), config);
        assert_eq!(added.is_ok(), ssrc < 4);
    }
    let mut rng = Rng::new(4);
    for packet in 0..30_000_u64 {
        let mut data: Vec<u8> = (0..rng.index(60)).map(|_| rng.byte()).collect();
        if data.len() >= 12 {
            data[0] = data[0] & 0x1f | 0x80;
            data[8..12].copy_from_slice(&u32::try_from(rng.below(5)).unwrap().to_be_bytes());
        }
        let now = ms(packet * rng.below(3));
        let _ = room.handle_packet(now, &data);
        room.handle_timeout(now);
        room.request_key_frame(
            now,
            ParticipantId(packet),
            StreamId(1),
            crate::room::request_merger::KeyFrameReason::Loss,
        );
    }
    let counters = room.counters();
    assert_eq!(counters.received, 30_000);
    assert!(counters.malformed > 1000 && counters.unknown > 900, "{counters:?}");
    room.handle_timeout(Duration::MAX);
}
