//! Simulcast: layers are independent streams that start, stop and adapt without affecting the others.

use std::sync::Arc;

use codec_core::Error;
use codec_core::codec::{
    Bitrate, Codec, Content, Deadline, Denoise, DropPolicy, DropReason, EncoderConfig, FrameKind,
    FrameRequest, ImportanceMap, Packet, Preset, RateControl, Scalability, SlotSet, Update,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_core::parallel::RowPool;
use codec_core::simulcast::{
    Idle, LayerConfig, LayerOutcome, LayerRates, MAX_LAYERS, SimulcastConfig, SimulcastEncoder,
};
use codec_tests::encoders::Tested;
use codec_tests::scene::{self, Motion};

const SIZE: Size = Size { width: 320, height: 184 };

fn encoder() -> EncoderConfig {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(700));
    config.scalability = Scalability::L1T3;
    config.report_digest = true;
    config
}

fn rates(min: u64, target: u64, max: u64) -> Option<LayerRates> {
    let [min, target, max] = [min, target, max].map(Bitrate::kbps);
    Some(LayerRates { min, target, max })
}

/// Three layers of 80x46, 160x92 and 320x184.
fn config() -> SimulcastConfig {
    let mut config = SimulcastConfig::halving(encoder(), Codec::Vp8, 3);
    config.layers[0].rates = rates(20, 60, 80);
    config.layers[1].rates = rates(60, 160, 200);
    config.layers[2].rates = rates(150, 480, 480);
    config
}

/// A simulcast encoder and all its output, by layer.
struct Run {
    codec: Tested,
    encoder: SimulcastEncoder,
    outcomes: Vec<Vec<LayerOutcome>>,
    packets: [Vec<Packet>; MAX_LAYERS],
    next: i64,
}

impl Run {
    fn new(codec: Tested, config: &SimulcastConfig) -> Self {
        let encoder = codec.simulcast(config).unwrap();
        Self { codec, encoder, outcomes: Vec::new(), packets: Default::default(), next: 0 }
    }

    fn frames(&mut self, count: i64) {
        for _ in 0..count {
            let size = self.encoder.config().encoder.size;
            let samples = scene::picture(size, self.next.unsigned_abs(), Motion::Pan, 0);
            let picture = Picture::i420_packed(size, &samples).unwrap();
            self.picture(&picture);
        }
    }

    fn picture(&mut self, picture: &Picture<'_>) {
        let request = FrameRequest::at(self.next);
        self.outcomes.push(self.encoder.encode(picture, &request).unwrap().to_vec());
        self.next += 1;
        let mut packet = Packet::default();
        while let Some(layer) = self.encoder.receive(&mut packet) {
            self.packets[layer].push(std::mem::take(&mut packet));
        }
    }

    fn keys(&self, layer: usize) -> Vec<i64> {
        let keys = self.packets[layer].iter().filter(|p| p.meta.kind == FrameKind::Key);
        keys.map(|packet| packet.pts).collect()
    }

    fn sizes(&self) -> Vec<Size> {
        self.encoder.layers().map(|layer| layer.size).collect()
    }

    fn bitrates(&self) -> Vec<Option<u64>> {
        self.encoder.layers().map(|layer| layer.bitrate.map(Bitrate::as_kbps)).collect()
    }

    /// Decodes every layer and compares its frames with the reconstructions.
    fn check_decoding(&self) -> Vec<usize> {
        let check = |packets: &Vec<Packet>| {
            let mut decoder = self.codec.decoder();
            for packet in packets {
                decoder.decode(&packet.data, packet.pts, packet.duration).unwrap();
                let frame = decoder.receive().expect("no delay");
                assert_eq!(frame.picture().size(), packet.meta.size);
                assert_eq!(Some(frame.digest()), packet.meta.digest, "{}", packet.pts);
            }
            packets.len()
        };
        self.packets[..self.sizes().len()].iter().map(check).collect()
    }

    /// Each frame has a packet in a layer or a reason why not.
    fn check_outcomes(&self) {
        for (pts, outcomes) in (0..).zip(&self.outcomes) {
            for (outcome, packets) in outcomes.iter().zip(&self.packets) {
                let is_coded = packets.iter().any(|packet| packet.pts == pts);
                assert_eq!(is_coded, *outcome == LayerOutcome::Coded, "{pts}: {outcome:?}");
            }
        }
    }
}

fn every_layer_decodes_to_the_reconstruction(codec: Tested) {
    for layers in 1..=3 {
        let config = SimulcastConfig::halving(encoder(), Codec::Vp8, layers);
        let mut run = Run::new(codec, &config);
        run.encoder.apply(Update::Bitrate(Bitrate::kbps(9000))).unwrap();
        run.frames(24);
        assert_eq!(run.check_decoding(), vec![24; usize::from(layers)]);
        run.check_outcomes();
        for packets in &run.packets[..usize::from(layers)] {
            let ids: Vec<_> = packets.iter().map(|packet| packet.meta.temporal_id).collect();
            assert_eq!(ids[..8], [0, 2, 1, 2, 0, 2, 1, 2]);
        }
    }
}

fn other_ratios_and_odd_sizes_decode(codec: Tested) {
    let scales = [Rational::new(9, 2), Rational::new(5, 2), Rational::new(3, 2)];
    let layers = scales.map(LayerConfig::new).to_vec();
    let step = codec.capabilities().alignment;
    let size = if step > 1 { Size::new(450, 270) } else { Size::new(451, 271) };
    let mut config = SimulcastConfig::new(encoder(), Codec::Vp8, layers);
    config.encoder.size = size;
    let mut run = Run::new(codec, &config);
    run.encoder.apply(Update::Bitrate(Bitrate::kbps(9000))).unwrap();
    run.frames(9);
    run.check_decoding();
    let smaller = size.width.div_ceil(3) * 2;
    assert!(run.sizes()[2].width.abs_diff(smaller) <= 2, "{:?}", run.sizes());
}

fn the_number_of_threads_changes_no_byte(codec: Tested) {
    let coded = |threads: usize| {
        let mut config = config();
        if threads > 0 {
            config.encoder.pool = Some(Arc::new(RowPool::new(threads).unwrap()));
        }
        let mut run = Run::new(codec, &config);
        run.frames(6);
        for (layer, active) in [(1, false), (2, false), (1, true), (2, true)] {
            run.encoder.set_active(layer, active).unwrap();
            run.frames(3);
        }
        run.packets
    };
    let alone = coded(0);
    for threads in 1..=4 {
        assert!(coded(threads) == alone, "{threads} threads");
    }
}

fn lower_layers_are_those_of_an_encoder_without_the_others(codec: Tested) {
    let mut all = Run::new(codec, &config());
    all.frames(12);
    for layer in 0..2 {
        let mut config = config();
        for (index, other) in config.layers.iter_mut().enumerate() {
            other.active = index == layer;
        }
        // The maximum is that of a layer with larger layers above it.
        let target = config.layers[layer].rates.unwrap().target;
        config.layers[layer].rates = Some(LayerRates { min: target, target, max: target });
        let mut alone = Run::new(codec, &config);
        alone.frames(12);
        assert_eq!(all.bitrates()[layer], Some(target.as_kbps()));
        assert!(alone.packets[layer] == all.packets[layer], "layer {layer}");
    }
}

fn higher_layers_are_those_of_an_encoder_without_the_lower_ones(codec: Tested) {
    let mut all = Run::new(codec, &config());
    all.frames(12);
    for first in 1..3 {
        let mut config = config();
        config.layers[..first].iter_mut().for_each(|layer| layer.active = false);
        let mut some = Run::new(codec, &config);
        some.frames(12);
        assert_eq!(some.bitrates()[first..], all.bitrates()[first..]);
        assert!(some.packets[first..] == all.packets[first..], "without {first} layers");
    }
}

fn layers_start_and_stop_without_key_frames_on_the_others(codec: Tested) {
    let mut run = Run::new(codec, &config());
    run.frames(8);
    run.encoder.set_active(2, false).unwrap();
    run.frames(8);
    run.encoder.set_active(2, true).unwrap();
    run.encoder.set_active(0, false).unwrap();
    run.frames(8);
    run.encoder.request_key_frame(1).unwrap();
    run.frames(8);
    assert_eq!([0, 1, 2].map(|layer| run.keys(layer)), [vec![0], vec![0, 24], vec![0, 16]]);
    assert_eq!(run.check_decoding(), [16, 32, 24]);
    assert_eq!(run.outcomes[10][2], LayerOutcome::Idle(Idle::Inactive));
    run.check_outcomes();
    run.encoder.apply(Update::KeyFrame).unwrap();
    run.frames(1);
    assert_eq!((run.keys(1), run.keys(2)), (vec![0, 24, 32], vec![0, 16, 32]));
    // All of them off.
    run.encoder.set_active(1, false).unwrap();
    run.encoder.set_active(2, false).unwrap();
    run.frames(3);
    assert_eq!(run.outcomes[35], [LayerOutcome::Idle(Idle::Inactive); 3]);
    run.check_decoding();
}

fn the_bitrate_decides_which_layers_run(codec: Tested) {
    let mut run = Run::new(codec, &config());
    assert_eq!(run.bitrates(), [Some(60), Some(160), Some(480)]);
    run.frames(30);
    run.encoder.apply(Update::Bitrate(Bitrate::kbps(300))).unwrap();
    assert_eq!(run.bitrates(), [Some(60), Some(200), None]);
    run.frames(30);
    assert_eq!(run.outcomes[59][2], LayerOutcome::Idle(Idle::Bitrate));
    // 1.2 times the minimum of the highest layer, above the targets of the others.
    run.encoder.set_bitrate(Bitrate::kbps(399), Bitrate::kbps(399)).unwrap();
    assert_eq!(run.bitrates()[2], None);
    run.encoder.set_bitrate(Bitrate::kbps(600), Bitrate::kbps(390)).unwrap();
    assert_eq!(run.bitrates()[2], None);
    run.encoder.apply(Update::Bitrate(Bitrate::kbps(400))).unwrap();
    assert_eq!(run.bitrates(), [Some(60), Some(160), Some(180)]);
    run.frames(30);
    assert_eq!([0, 1, 2].map(|layer| run.keys(layer)), [vec![0], vec![0], vec![0, 60]]);
    run.check_decoding();
    run.check_outcomes();
    run.encoder.set_rates(2, rates(300, 300, 300)).unwrap();
    assert_eq!(run.bitrates(), [Some(60), Some(200), None]);
    run.encoder.apply(Update::Rate(RateControl::FixedQ(codec.qindex(90)))).unwrap();
    assert_eq!(run.encoder.layers().filter(|layer| layer.is_running).count(), 3);
}

fn the_size_of_the_input_changes_while_running(codec: Tested) {
    let mut run = Run::new(codec, &config());
    run.frames(5);
    let larger = Size::new(480, 272);
    run.encoder.apply(Update::Resolution(larger)).unwrap();
    run.frames(5);
    assert_eq!(run.sizes(), [Size::new(120, 68), Size::new(240, 136), larger]);
    assert_eq!([0, 1, 2].map(|layer| run.keys(layer)), [[0, 5]; 3]);
    // Too small for the lowest layer: nothing changes.
    let small = Size::new(60, 60);
    assert!(matches!(run.encoder.apply(Update::Resolution(small)), Err(Error::Config(_))));
    run.frames(5);
    assert_eq!(run.check_decoding(), [15; 3]);
}

fn drops_are_reported_by_layer(codec: Tested) {
    let mut config = config();
    config.encoder.rate.drops = DropPolicy::BelowBufferPct(60);
    config.encoder.scalability = Scalability::L1T1;
    // Far too little for the highest layer.
    config.layers[2].rates = rates(1, 6, 6);
    let mut run = Run::new(codec, &config);
    run.frames(60);
    let dropped = |layer: usize| {
        let states = run.outcomes.iter().map(|states| states[layer]);
        states.filter(|state| matches!(state, LayerOutcome::Dropped { .. })).count()
    };
    assert!(dropped(2) > 10 && dropped(2) > 2 * dropped(1), "{} {}", dropped(2), dropped(1));
    let low = |state: &LayerOutcome| {
        matches!(state, LayerOutcome::Dropped { reason: DropReason::BufferLow, debt_bits: 1.. })
    };
    assert!(run.outcomes.iter().any(|states| low(&states[2])));
    run.check_outcomes();
    run.check_decoding();
}

fn temporal_layers_are_disabled_in_all_layers(codec: Tested) {
    let mut run = Run::new(codec, &config());
    run.frames(8);
    run.encoder.apply(Update::ActiveTemporalLayers(1)).unwrap();
    run.frames(8);
    let off = LayerOutcome::Dropped { reason: DropReason::LayerOff, debt_bits: 0 };
    assert_eq!(run.outcomes[9], [off; 3]);
    assert_eq!(run.check_decoding(), [10; 3]);
}

fn settings_change_in_all_layers(codec: Tested) {
    let mut run = Run::new(codec, &config());
    run.frames(4);
    let updates = [
        Update::Speed(9),
        Update::Content(Content::Screen),
        Update::FrameRate(Rational::new(15, 1)),
        Update::Denoise(Denoise::Level(4)),
        Update::Content(Content::Camera),
        Update::Denoise(Denoise::Off),
        Update::Pool(Some(Arc::new(RowPool::new(2).unwrap()))),
        Update::Drops(DropPolicy::BelowBufferPct(30)),
        Update::Scalability(Scalability::L1T2),
    ];
    for update in updates {
        if codec.capabilities().check_update(&update).is_ok() {
            run.encoder.apply(update).unwrap();
        }
        run.frames(3);
    }
    assert_eq!(run.encoder.config().encoder.speed, 9);
    assert!(run.packets.iter().all(|packets| packets.last().unwrap().meta.speed == 9));
    assert_eq!(run.keys(2), [0]);
    run.check_outcomes();
    run.check_decoding();
    run.encoder.finish().unwrap();
    run.frames(1);
    assert_eq!(run.keys(0).len(), 2);
}

fn hostile_settings_and_requests_are_rejected(codec: Tested) {
    let rejected = |change: fn(&mut SimulcastConfig)| {
        let mut config = config();
        change(&mut config);
        assert!(codec.simulcast(&config).is_err(), "{config:?}");
    };
    rejected(|c| c.layers.clear());
    rejected(|c| c.layers.push(c.layers[2]));
    rejected(|c| c.layers.swap(0, 2));
    rejected(|c| c.layers[1] = c.layers[2]);
    rejected(|c| c.layers[0].scale_down = Rational::new(0, 0));
    rejected(|c| c.layers[0].scale_down = Rational::new(u32::MAX, 1));
    rejected(|c| c.layers[2].scale_down = Rational::new(1, 2));
    rejected(|c| c.layers[2].scale_down = Rational::new(1, u32::MAX));
    rejected(|c| c.layers[0].rates = rates(0, 1, 1));
    rejected(|c| c.layers[0].rates = rates(9, 8, 10));
    rejected(|c| c.layers[0].rates = rates(9, 10, 8));
    rejected(|c| c.encoder.size = Size::new(48, 48));
    rejected(|c| c.encoder.size = Size::new(u32::MAX, u32::MAX));
    rejected(|c| c.encoder.size = Size::new(0, 0));
    rejected(|c| c.encoder.preset = Preset::File);
    rejected(|c| c.encoder.scalability = Scalability::L2T1);
    rejected(|c| c.encoder.rate.max_frame_bytes = Some(1000));
    rejected(|c| c.encoder.rate.mode = RateControl::Cbr(Bitrate(0)));
    rejected(|c| c.encoder.speed = 11);
    rejected(|c| *c = SimulcastConfig::halving(c.encoder.clone(), c.codec, 0));
    rejected(|c| *c = SimulcastConfig::halving(c.encoder.clone(), c.codec, 255));
    rejected(|c| {
        #[derive(Debug)]
        struct Stopped;
        impl codec_core::codec::Clock for Stopped {
            fn now_us(&self) -> u64 {
                0
            }
        }
        c.encoder.deadline = Some(Deadline { max_us: 1000, clock: Arc::new(Stopped) });
    });

    let mut run = Run::new(codec, &config());
    run.frames(2);
    let samples = scene::picture(SIZE, 0, Motion::Pan, 0);
    let picture = Picture::i420_packed(SIZE, &samples).unwrap();
    let mut refused = |change: fn(&mut FrameRequest)| {
        let mut request = FrameRequest::at(2);
        change(&mut request);
        assert!(run.encoder.encode(&picture, &request).is_err());
    };
    refused(|request| request.pts = 1);
    refused(|request| request.references = Some(SlotSet::LAST));
    refused(|request| request.importance = ImportanceMap::of_regions(SIZE, &[]).ok());
    refused(|request| request.analysis = Some(Arc::default()));
    let small = scene::picture(Size::new(64, 64), 0, Motion::Pan, 0);
    let small = Picture::i420_packed(Size::new(64, 64), &small).unwrap();
    assert!(run.encoder.encode(&small, &FrameRequest::at(2)).is_err());
    let encoder = &mut run.encoder;
    assert!(encoder.set_active(3, true).is_err());
    assert!(encoder.set_rates(usize::MAX, None).is_err());
    assert!(encoder.set_rates(0, rates(5, 4, 3)).is_err());
    assert!(encoder.request_key_frame(3).is_err());
    assert!(encoder.codec_private(3).is_err());
    for update in [
        Update::Bitrate(Bitrate(0)),
        Update::Speed(11),
        Update::ActiveSpatialLayers(2),
        Update::Scalability(Scalability::L3T3),
        Update::MaxFrameTime(1000),
        Update::Resolution(Size::new(u32::MAX, 1)),
        Update::Knob("no such knob".to_owned(), 1),
    ] {
        assert!(encoder.apply(update.clone()).is_err(), "{update:?}");
    }
    // Nothing has changed.
    let mut same = Run::new(codec, &config());
    same.frames(6);
    run.frames(4);
    assert!(run.packets == same.packets);
    // The extremes of rates are no errors.
    run.encoder.apply(Update::Bitrate(Bitrate(u64::MAX))).unwrap();
    run.encoder.set_rates(2, rates(1, 1, u64::MAX)).unwrap();
    run.frames(2);
    run.encoder.set_bitrate(Bitrate(1), Bitrate(u64::MAX)).unwrap();
    run.frames(2);
    run.check_decoding();
}

codec_tests::for_each_encoder! {
    every_layer_decodes_to_the_reconstruction,
    other_ratios_and_odd_sizes_decode,
    the_number_of_threads_changes_no_byte,
    lower_layers_are_those_of_an_encoder_without_the_others,
    higher_layers_are_those_of_an_encoder_without_the_lower_ones,
    layers_start_and_stop_without_key_frames_on_the_others,
    the_bitrate_decides_which_layers_run,
    the_size_of_the_input_changes_while_running,
    drops_are_reported_by_layer,
    temporal_layers_are_disabled_in_all_layers,
    settings_change_in_all_layers,
    hostile_settings_and_requests_are_rejected,
}
