//! Temporal and spatial layers: only superframes in which a spatial layer is switched on during the stream are
//! error-resilient, and frames decode after any loss that keeps their references.

use codec_core::codec::{
    Bitrate, DropPolicy, EncoderConfig, InterLayer, Packet, Scalability, SlotSet, Update,
};
use codec_core::frame::{Rational, Size};
use codec_tests::depth;
use codec_tests::encoders::Tested;
use codec_tests::rng;
use codec_tests::scene::Motion;
use codec_tests::session::Session;

const SIZE: Size = Size { width: 180, height: 148 };

fn config(mode: Scalability) -> EncoderConfig {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(400));
    config.scalability = mode;
    config.report_digest = true;
    config
}

fn session(mode: Scalability) -> Session {
    Session::of(Tested::VP9, config(mode))
}

/// Whether a frame is error-resilient, by its header.
fn is_error_resilient(packet: &Packet) -> bool {
    packet.data[0] & 1 == 1
}

/// Decodes the packets that `keep` accepts, one by one, and compares all frames with the reconstruction.
fn check(session: &Session, keep: impl Fn(&Packet) -> bool) {
    let mut decoder = Tested::VP9.decoder();
    for packet in session.packets.iter().filter(|packet| keep(packet)) {
        decoder.decode(&packet.data, packet.pts, None).expect("an intact packet");
        let digest = decoder.receive().map(|frame| frame.digest());
        assert_eq!(digest, packet.meta.digest, "{} {:?}", packet.pts, packet.meta.spatial);
    }
}

#[test]
fn only_superframes_in_which_a_layer_starts_are_error_resilient() {
    for &(name, mode) in Scalability::ALL {
        let mut session = session(mode);
        session.scene(Motion::Pan, 1, 18);
        assert!(!session.packets.iter().any(is_error_resilient), "{name}");
        let layers = mode.spatial_layers();
        if layers == 1 {
            continue;
        }
        session.apply(Update::ActiveSpatialLayers(layers - 1));
        session.scene(Motion::Pan, 1, 6);
        session.apply(Update::ActiveSpatialLayers(layers));
        session.scene(Motion::Pan, 1, 12);
        let starts = session.packets.iter().find(|p| p.pts > 18 && p.meta.spatial.sync);
        let start = starts.expect("a layer starts").pts;
        for packet in &session.packets {
            assert_eq!(is_error_resilient(packet), packet.pts == start, "{name} {}", packet.pts);
        }
    }
}

#[test]
fn the_newest_frame_is_the_reference_with_motion() {
    let mut session = session(Scalability::L1T3);
    session.scene(Motion::Pan, 1, 32);
    let after_layer_1 = session.packets.iter().skip(3).step_by(4);
    let mut uses = 0;
    for packet in after_layer_1 {
        assert_eq!(packet.meta.temporal_id, 2);
        uses += usize::from(packet.meta.refs_used.contains(SlotSet::GOLDEN));
    }
    assert_eq!(uses, 8);
}

/// Every frame whose references arrive decodes, regardless of other losses.
#[test]
fn frames_decode_if_the_frames_that_they_depend_on_do() {
    for &(_, mode) in depth::sample(Scalability::ALL, 3, 0) {
        let mut session = session(mode);
        session.scene(Motion::Pan, 1, 24);
        session.scene(Motion::Patch, 2, 16);
        rng::for_each_seed(4, |_, rng| {
            let mut lost = [false; 8];
            let mut lower_is_lost = false;
            let kept: Vec<u64> = session
                .packets
                .iter()
                .filter(|packet| {
                    let meta = &packet.meta;
                    let slots = (0_u8..8).map(|slot| (usize::from(slot), SlotSet(1 << slot)));
                    let mut depends =
                        slots.clone().filter(|(_, set)| meta.dependencies().contains(*set));
                    let lacks = depends.any(|(slot, _)| lost[slot]);
                    let lacks = lacks || (meta.spatial.inter_layer_predicted && lower_is_lost);
                    // Frames of the base layers are sent again.
                    let is_base = meta.temporal_id == 0 && meta.spatial.id == 0;
                    let is_lost = lacks || (!is_base && rng.below(5) == 0);
                    for (slot, set) in slots {
                        if meta.refs_updated.contains(set) {
                            lost[slot] = is_lost;
                        }
                    }
                    lower_is_lost = is_lost;
                    !is_lost
                })
                .map(|packet| packet.meta.frame_id)
                .collect();
            assert!(kept.len() > 10, "{mode}");
            check(&session, |packet| kept.contains(&packet.meta.frame_id));
        });
    }
}

/// The layers of a superframe that resets the state may be dropped by their rate control.
#[test]
fn layers_that_are_dropped_where_they_start_keep_the_others_decodable() {
    if depth::skips_long() {
        return;
    }
    for mode in [Scalability::L3T3, Scalability::L3T3_KEY, Scalability::L3T1, Scalability::L2T2_KEY]
    {
        for kbps in [25, 60, 120] {
            let mut config = config(mode);
            config.rate.mode = config.rate.mode.with_bitrate(Bitrate::kbps(kbps)).unwrap();
            config.rate.drops = DropPolicy::BelowBufferPct(80);
            let mut session = Session::of(Tested::VP9, config);
            let all = mode.spatial_layers();
            for (step, layers) in (0_u64..).zip([all, 1, all, all - 1, all, 1, 2, all]) {
                session.apply(Update::ActiveSpatialLayers(layers));
                session.scene(Motion::Pan, step, 9);
            }
            for spatial in 0..all {
                for temporal in 0..mode.temporal_layers() {
                    check(&session, |p| {
                        p.meta.spatial.id <= spatial && p.meta.temporal_id <= temporal
                    });
                }
            }
        }
    }
}

#[test]
fn viewers_of_one_layer_follow_where_another_layer_starts() {
    let mode = Scalability::L3T3_KEY;
    assert_eq!(mode.inter_layer(), InterLayer::KeyPictures);
    let mut session = session(mode);
    for layers in [2, 3] {
        session.apply(Update::ActiveSpatialLayers(layers));
        session.scene(Motion::Pan, 1, 14);
    }
    let start = session.packets.iter().find(|p| p.meta.spatial.id == 2).expect("it starts").pts;
    assert!((14..18).contains(&start));
    for temporal in 0..3 {
        let within = |p: &Packet| p.meta.temporal_id <= temporal;
        check(&session, |p| within(p) && (p.meta.spatial.id == 1 || p.pts == 0));
        check(&session, |p| {
            let wanted = if p.pts > start { 2 } else { 1 };
            within(p)
                && (p.meta.spatial.id == wanted
                    || p.pts == 0
                    || p.pts == start && p.meta.spatial.id > 0)
        });
    }
}
