//! Temporal layers: the stream decodes bit-exactly after dropping upper layers.

use codec_core::codec::{
    Bitrate, Content, EncoderConfig, FrameKind, FrameRequest, Packet, Scalability, SlotSet, Update,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_tests::encoders::Tested;
use codec_tests::scene::{self, Motion};
use codec_tests::session::{Session, bits};

const SIZE: Size = Size { width: 176, height: 144 };

fn config(mode: Scalability) -> EncoderConfig {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(200));
    config.scalability = mode;
    config.report_digest = true;
    config
}

fn up_to(layer: u8) -> impl Fn(&Packet) -> bool {
    move |packet| packet.meta.temporal_id <= layer
}

fn without_its_upper_layers_a_stream_decodes_to_the_same_frames(codec: Tested) {
    for (mode, counts) in [(Scalability::L1T2, &[40, 80][..]), (Scalability::L1T3, &[20, 40, 80])] {
        for resilient in [false, true] {
            let mut config = config(mode);
            config.error_resilient = resilient;
            let mut session = Session::of(codec, config);
            session.scene(Motion::Patch, 0, 40);
            session.scene(Motion::Pan, 1, 40);
            for (layer, &count) in (0..).zip(counts) {
                assert_eq!(session.check_decoding(up_to(layer)), count, "{mode:?} up to {layer}");
            }
        }
    }
}

fn discardable_frames_are_not_references(codec: Tested) {
    for &mode in Scalability::TEMPORAL {
        let mut session = Session::of(codec, config(mode));
        session.scene(Motion::Patch, 0, 60);
        let kept = session.check_decoding(|packet| !packet.meta.discardable);
        assert_eq!(kept, [60, 30, 30][usize::from(mode.temporal_layers()) - 1]);
        // Any subset, not only all of them.
        session.check_decoding(|p| !p.meta.discardable || p.meta.frame_id % 3 == 0);
    }
}

fn a_receiver_can_switch_up_at_a_layer_sync(codec: Tested) {
    let mut session = Session::of(codec, config(Scalability::L1T3));
    session.scene(Motion::Pan, 0, 64);
    // The base layer only at first; each upper layer from its first sync after frame 30.
    let joined = |layer: u8| {
        let mut later = session.packets.iter().skip(30);
        let sync = later.find(|p| p.meta.temporal_id == layer && p.meta.layer_sync);
        sync.expect("a switching point").meta.frame_id
    };
    let (one, two) = (joined(1), joined(2).max(joined(1)));
    let shown = session.check_decoding(|p| match p.meta.temporal_id {
        0 => true,
        1 => p.meta.frame_id >= one,
        _ => p.meta.frame_id >= two,
    });
    assert!(shown > 40, "{shown}");
}

fn modes_change_while_running_without_a_key_frame(codec: Tested) {
    let mut session = Session::of(codec, config(Scalability::L1T1));
    let modes = [Scalability::L1T3, Scalability::L1T1, Scalability::L1T2, Scalability::L1T3];
    session.scene(Motion::Patch, 0, 13);
    for mode in modes {
        session.apply(Update::Scalability(mode));
        session.scene(Motion::Patch, 0, 13);
    }
    assert_eq!(session.keys(), [0]);
    session.check_decoding(up_to(0));
    session.check_decoding(up_to(1));
    assert_eq!(session.check_decoding(up_to(2)), 65);
    assert_eq!(session.packets[13].meta.temporal_id, 0);
}

fn a_content_change_takes_effect_with_a_base_layer_frame(codec: Tested) {
    for frames in 8..12 {
        let mut session = Session::of(codec, config(Scalability::L1T3));
        session.scene(Motion::Pan, 0, frames);
        session.apply(Update::Content(Content::Screen));
        session.scene(Motion::Patch, 1, 12);
        session.check_decoding(up_to(0));
        session.check_decoding(up_to(1));
        session.check_decoding(|_| true);
    }
}

fn layers_can_be_disabled_and_enabled_while_running(codec: Tested) {
    let mut session = Session::of(codec, config(Scalability::L1T3));
    for layers in [3, 1, 2, 3] {
        session.apply(Update::ActiveTemporalLayers(layers));
        session.scene(Motion::Pan, 0, 16);
    }
    assert_eq!(session.check_decoding(|_| true), 16 + 4 + 8 + 16);
    assert_eq!(session.check_decoding(up_to(0)), 16);
    assert_eq!(session.keys(), [0]);
}

fn metadata_is_what_rtp_needs(codec: Tested) {
    let mut session = Session::of(codec, config(Scalability::L1T3));
    session.scene(Motion::Pan, 0, 16);
    let ids: Vec<_> = session.packets.iter().map(|p| p.meta.temporal_id).collect();
    assert_eq!(ids[..8], [0, 2, 1, 2, 0, 2, 1, 2]);
    let mut tl0 = 0;
    for (index, packet) in session.packets.iter().enumerate() {
        let meta = &packet.meta;
        tl0 += u8::from(index > 0 && meta.temporal_id == 0);
        assert_eq!(meta.tl0_index, tl0);
        assert_eq!(meta.frame_id, index as u64);
        assert!(!(meta.layer_sync && meta.temporal_id == 0));
        assert!(!meta.discardable || meta.refs_updated.is_empty());
        if meta.kind == FrameKind::Inter {
            assert!(!meta.refs_used.is_empty() || meta.macroblocks.intra == meta.macroblocks.total);
        }
        assert_eq!(bits(packet) / 8, packet.data.len() as u64);
    }
}

fn explicit_references_are_the_only_ones_used(codec: Tested) {
    let mut config = config(Scalability::L1T1);
    config.error_resilient = true;
    let mut session = Session::of(codec, config);
    for frame in 0..30_u64 {
        let samples = scene::picture(SIZE, frame, Motion::Pan, 0);
        let mut request = FrameRequest::default();
        // Golden is updated at every tenth frame, altref never.
        if frame > 0 {
            let golden = frame % 10 == 0;
            let slot = if golden { SlotSet::GOLDEN } else { SlotSet::LAST };
            (request.references, request.updates) = (Some(slot), Some(slot));
        }
        session.picture(&Picture::i420_packed(SIZE, &samples).unwrap(), request.clone());
        let meta = &session.packets.last().unwrap().meta;
        if let (Some(references), Some(updates)) = (request.references, request.updates) {
            assert!(references.contains(meta.refs_used), "frame {frame}");
            assert_eq!(meta.refs_updated, updates, "frame {frame}");
        }
    }
    assert_eq!(session.check_decoding(|_| true), 30);
    // The frames that only golden needs: 0, 10, 20.
    assert_eq!(session.check_decoding(|p| p.meta.frame_id % 10 == 0), 3);
}

codec_tests::for_each_encoder! {
    discardable_frames_are_not_references,
    metadata_is_what_rtp_needs,
    without_its_upper_layers_a_stream_decodes_to_the_same_frames,
    a_receiver_can_switch_up_at_a_layer_sync,
    modes_change_while_running_without_a_key_frame,
    a_content_change_takes_effect_with_a_base_layer_frame,
    layers_can_be_disabled_and_enabled_while_running,
    explicit_references_are_the_only_ones_used,
}
