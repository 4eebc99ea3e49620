//! Spatial layers: every subset of layers that an SFU may forward decodes to the encoder's own
//! reconstruction, and the packets describe their layers.

use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, FrameKind, InterLayer, LayerOutput, Packet, Scalability,
    SlotSet, Update,
};
use codec_core::frame::{Rational, Size};
use codec_tests::encoders::Tested;
use codec_tests::scene::Motion;
use codec_tests::session::{Session, bits};
use codec_tests::{depth, external};
use codec_vp9::superframe::append_index;

use super::encoder::{decoded_with, ivf};

const SIZE: Size = Size { width: 180, height: 148 };

fn config(mode: Scalability) -> EncoderConfig {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(400));
    config.scalability = mode;
    config.report_digest = true;
    config
}

fn modes() -> impl Iterator<Item = Scalability> {
    Scalability::ALL.iter().map(|&(_, mode)| mode).filter(|mode| mode.spatial_layers() > 1)
}

fn session(mode: Scalability) -> Session {
    Session::of(Tested::VP9, config(mode))
}

/// Decodes the packets that `keep` accepts, one by one as RTP delivers them, and compares all frames with the
/// reconstruction; returns their number.
fn check(session: &Session, keep: impl Fn(&Packet) -> bool) -> usize {
    let mut decoder = Tested::VP9.decoder();
    let kept = session.packets.iter().filter(|packet| keep(packet));
    let decoded = kept.map(|packet| {
        decoder.decode(&packet.data, packet.pts, None).expect("an intact packet");
        let digest = decoder.receive().map(|frame| frame.digest());
        assert_eq!(digest, packet.meta.digest, "{} {:?}", packet.pts, packet.meta.spatial);
    });
    decoded.count()
}

/// The packets of each superframe.
fn pictures(packets: &[Packet]) -> impl Iterator<Item = &[Packet]> {
    packets.split_inclusive(|packet| packet.meta.spatial.end_of_picture)
}

#[test]
fn every_subset_of_layers_decodes_to_the_reconstruction() {
    for mode in depth::sample(modes(), 3, 0) {
        let mut session = session(mode);
        session.scene(Motion::Pan, 1, 20);
        session.scene(Motion::Patch, 2, 10);
        for temporal in 0..mode.temporal_layers() {
            for spatial in 0..mode.spatial_layers() {
                let within =
                    |p: &Packet| p.meta.spatial.id <= spatial && p.meta.temporal_id <= temporal;
                let kept = session.packets.iter().filter(|p| within(p)).count();
                assert_eq!(check(&session, within), kept, "{mode}: L{spatial} T{temporal}");
                if mode.inter_layer() == InterLayer::KeyPictures {
                    // Lower layers only where the layer depends on them.
                    let alone = |p: &Packet| {
                        let layer = p.meta.spatial;
                        within(p) && (layer.id == spatial || layer.used_by_upper_layer)
                    };
                    check(&session, alone);
                }
            }
        }
        check(&session, |packet| !packet.meta.discardable);
    }
}

/// Joins the frames of each superframe.
fn superframes(packets: &[&Packet]) -> Vec<Packet> {
    let pictures = packets.chunk_by(|a, b| a.pts == b.pts);
    let joined = pictures.map(|picture| {
        let mut packet = picture[0].clone();
        picture[1..].iter().for_each(|upper| packet.data.extend_from_slice(&upper.data));
        let sizes: Vec<_> = picture.iter().map(|packet| packet.data.len()).collect();
        append_index(&sizes, &mut packet.data);
        packet
    });
    joined.collect()
}

#[test]
fn other_decoders_decode_every_subset() {
    let has_vpxdec = external::have("vpxdec", "VP9 layers decoded by libvpx");
    let has_ffmpeg = external::have("ffmpeg", "VP9 layers decoded by ffmpeg");
    let file = std::env::temp_dir().join(format!("vp9-layers-{}.ivf", std::process::id()));
    for mode in depth::sample(modes(), 3, 0) {
        let mut session = session(mode);
        session.scene(Motion::Pan, 1, 10);
        for temporal in 0..mode.temporal_layers() {
            for spatial in 0..mode.spatial_layers() {
                let within = session
                    .packets
                    .iter()
                    .filter(|p| p.meta.spatial.id <= spatial && p.meta.temporal_id <= temporal);
                let packets = superframes(&within.collect::<Vec<_>>());
                let mut config = DecoderConfig::default();
                std::fs::write(&file, ivf(mode.layer_size(SIZE, spatial), &packets)).unwrap();
                if has_vpxdec {
                    let own = decoded_with(&config, &packets);
                    assert!(external::vpxdec_i420(&file) == own, "{mode}: {spatial} {temporal}");
                }
                if has_ffmpeg {
                    config.layer_output = LayerOutput::All;
                    let own = decoded_with(&config, &packets);
                    assert!(ffmpeg_all(&file) == own, "{mode}: {spatial} {temporal}");
                }
            }
        }
    }
    std::fs::remove_file(&file).unwrap();
}

/// Decodes all frames of a file with ffmpeg, each at its own size.
fn ffmpeg_all(file: &std::path::Path) -> Vec<u8> {
    let before = ["-v", "error", "-threads", "1", "-i", &file.to_string_lossy()];
    let raw = ["-autoscale", "0", "-fps_mode", "passthrough", "-f", "rawvideo"];
    external::run("ffmpeg", &[&before[..], &raw, &["-pix_fmt", "yuv420p", "-"]].concat())
}

#[test]
fn packets_describe_their_place_in_the_picture() {
    for mode in depth::sample(modes(), 3, 0) {
        let mut session = session(mode);
        session.scene(Motion::Pan, 1, 9);
        let always = mode.inter_layer() == InterLayer::Always;
        let mut ids = 0..;
        for (number, picture) in pictures(&session.packets).enumerate() {
            assert_eq!(picture.len(), usize::from(mode.spatial_layers()), "{mode}");
            for (id, packet) in (0..).zip(picture) {
                let (meta, layer) = (&packet.meta, &packet.meta.spatial);
                let first = &picture[0];
                let top = id + 1 == mode.spatial_layers();
                assert_eq!((layer.id, layer.layers), (id, mode.spatial_layers()));
                assert_eq!(meta.size, mode.layer_size(SIZE, id));
                assert_eq!(layer.sizes[usize::from(id)], meta.size);
                assert_eq!(layer.end_of_picture, top);
                assert_eq!(Some(meta.frame_id), ids.next());
                assert_eq!((packet.pts, meta.temporal_id), (first.pts, first.meta.temporal_id));
                assert_eq!(meta.tl0_index, first.meta.tl0_index);
                assert_eq!(meta.temporal_layers, mode.temporal_layers());
                assert_eq!(meta.kind == FrameKind::Key, number == 0 && id == 0);
                assert_eq!(layer.sync, number == 0);
                assert_eq!(layer.inter_layer_predicted, id > 0 && (always || number == 0));
                assert_eq!(layer.used_by_upper_layer, !top && (always || number == 0));
                if layer.used_by_upper_layer {
                    assert!(meta.refs_updated.contains(SlotSet(1 << (6 + id))));
                    assert!(!meta.discardable);
                }
            }
        }
    }
}

/// Frames refer only to slots that hold frames they may depend on, by the metadata alone.
#[test]
fn references_stay_within_the_layers() {
    for mode in depth::sample(modes(), 3, 0) {
        let mut session = session(mode);
        session.scene(Motion::Pan, 1, 24);
        let mut slots = [(0, 0, 0); 8];
        for packet in &session.packets {
            let meta = &packet.meta;
            let own = (packet.pts, meta.spatial.id, meta.temporal_id);
            for (slot, &(pts, spatial, temporal)) in slots.iter().enumerate() {
                if !meta.refs_used.contains(SlotSet(1 << slot)) {
                    continue;
                }
                assert!(temporal <= own.2, "{mode}");
                if pts == own.0 {
                    assert!(meta.spatial.inter_layer_predicted && spatial + 1 == own.1);
                } else {
                    assert_eq!(spatial, own.1, "{mode}");
                    assert!(!meta.spatial.sync);
                }
            }
            for (slot, held) in slots.iter_mut().enumerate() {
                if meta.refs_updated.contains(SlotSet(1 << slot)) {
                    *held = own;
                }
            }
        }
    }
}

#[test]
fn layers_are_switched_without_a_key_frame() {
    for mode in depth::sample(modes(), 3, 0) {
        let mut session = session(mode);
        let count = mode.spatial_layers();
        let counts = [count, 1, count, 2, count];
        for layers in counts {
            session.apply(Update::ActiveSpatialLayers(layers));
            session.scene(Motion::Pan, 1, 8);
        }
        assert_eq!(session.keys(), [0], "{mode}");
        for (number, picture) in pictures(&session.packets).enumerate() {
            let layers = counts[number / 8];
            assert!(picture.len() <= layers.into(), "{mode} {number}");
            // A layer starts at the latest with the fourth superframe.
            assert!(number % 8 < 4 || picture.len() == usize::from(layers), "{mode} {number}");
            assert!(picture.iter().all(|packet| packet.meta.spatial.layers == layers));
        }
        // A receiver that joins a layer where it starts.
        let starts = |p: &&Packet| p.pts > 8 && p.meta.spatial.id == 1 && p.meta.spatial.sync;
        let start = session.packets.iter().find(starts).unwrap().pts;
        for spatial in 0..count {
            check(&session, |p| p.meta.spatial.id <= spatial);
        }
        check(&session, |p| p.meta.spatial.id == 0 || p.pts >= start);
        check(&session, |p| p.meta.spatial.id == 0 || (p.pts >= start && p.meta.temporal_id == 0));
    }
}

#[test]
fn every_layer_gets_its_share_of_the_bitrate() {
    if depth::skips_long() {
        return;
    }
    for (shares, expected) in [(None, [16, 30, 54]), (Some([20, 20, 60]), [20, 20, 60])] {
        for mode in [Scalability::L3T1, Scalability::L3T3_KEY] {
            let mut config = config(mode);
            config.layer_shares_pct = shares;
            let mut session = Session::of(Tested::VP9, config);
            session.scene(Motion::Pan, 1, 150);
            for (id, share) in (0..).zip(expected) {
                let of_layer = session.packets.iter().filter(|p| p.meta.spatial.id == id);
                let sent: u64 = of_layer.map(bits).sum();
                let due = 400_000 * 5 * share / 100;
                assert!(sent.abs_diff(due) < due / 8, "{mode} layer {id}: {sent} of {due}");
            }
        }
    }
}

#[test]
fn what_is_not_supported_is_rejected_by_name() {
    let rejected = |change: &dyn Fn(&mut EncoderConfig)| {
        let mut config = config(Scalability::L3T1);
        change(&mut config);
        codec_vp9::encoder::open(&config).unwrap_err().to_string()
    };
    assert!(rejected(&|config| config.size = Size::new(60, 64)).contains("lowest layer"));
    assert!(rejected(&|config| config.layer_shares_pct = Some([50, 50, 0])).contains("shares"));
    assert!(rejected(&|config| config.rate.max_frame_bytes = Some(9000)).contains("cap"));
    let preset = codec_core::codec::Preset::File;
    assert!(rejected(&|config| config.preset = preset).contains("file preset"));
    let mut session = session(Scalability::L2T1);
    for update in [
        Update::Scalability(Scalability::L3T1),
        Update::Scalability(Scalability::L2T1_KEY),
        Update::ActiveSpatialLayers(3),
        Update::ActiveSpatialLayers(0),
        Update::Resolution(Size::new(30, 90)),
    ] {
        assert!(session.encoder.apply(update).is_err());
    }
    session.apply(Update::Scalability(Scalability::L2T3));
    session.apply(Update::Resolution(Size::new(96, 64)));
    session.scene(Motion::Pan, 1, 8);
    assert_eq!(session.packets[1].meta.size, Size::new(96, 64));
    check(&session, |_| true);
}
