//! The encoder as a service uses it: updates, rejected settings, recovery, determinism.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use codec_backends::registry;
use codec_core::Error;
use codec_core::codec::{
    Applied, Bitrate, Capabilities, Content, DropPolicy, DropReason, EncoderConfig, Feature,
    FrameKind, FrameRequest, KnobKind, Outcome, Packet, RateControl, Scalability, SlotSet, Update,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_core::parallel::{Pool, RayonPool, RowPool, Serial};
use codec_core::simd::Level;
use codec_tests::encoders::Tested;
use codec_tests::scene::{self, Motion};
use codec_tests::session::Session;

const SIZE: Size = Size { width: 100, height: 76 };
const FPS: Rational = Rational { num: 30, den: 1 };

fn rtc() -> EncoderConfig {
    let mut config = EncoderConfig::rtc(SIZE, FPS, Bitrate::kbps(200));
    config.report_digest = true;
    config
}

fn file() -> EncoderConfig {
    let mut config = EncoderConfig::file(SIZE, FPS, RateControl::Vbr(Bitrate::kbps(200)));
    config.report_digest = true;
    config
}

#[test]
fn the_registry_describes_the_encoders_capabilities() {
    let backend = registry::find("vp8").unwrap();
    assert_eq!(backend.name, "native");
    assert_eq!(registry::find("vp8/native").unwrap().name, "native");
    assert!(
        matches!(registry::find("vp8/bogus"), Err(Error::NoBackend(error)) if error.name == "vp8/bogus")
    );
    let (_, capabilities) = backend.encoder.unwrap();
    assert_eq!(capabilities.reference_slots, 3);
    assert_eq!(capabilities.qindex_range, (0, 127));
    for knob in capabilities.knobs {
        assert!(knob.allows(knob.default), "{}", knob.name);
    }
}

#[test]
fn an_encoder_can_move_to_another_thread() {
    let mut session = Session::new(rtc());
    session.scene(Motion::Patch, 0, 2);
    let session = std::thread::spawn(move || {
        session.scene(Motion::Patch, 0, 2);
        session
    });
    assert_eq!(session.join().unwrap().packets.len(), 4);
}

fn every_update_takes_effect_at_the_next_frame_without_a_key_frame(codec: Tested) {
    let updates = [
        Update::Bitrate(Bitrate::kbps(800)),
        Update::Rate(RateControl::FixedQ(codec.qindex(60))),
        Update::Rate(RateControl::Quality(50)),
        Update::Rate(RateControl::Vbr(Bitrate::kbps(100))),
        Update::Rate(RateControl::Cbr(Bitrate::kbps(100))),
        Update::FrameRate(Rational::new(15, 1)),
        Update::Drops(DropPolicy::BelowBufferPct(1)),
        Update::Drops(DropPolicy::Never),
        Update::Content(Content::Screen),
        Update::Content(Content::Camera),
        Update::Speed(0),
        Update::Speed(10),
        Update::Scalability(Scalability::L1T3),
        Update::ActiveTemporalLayers(3),
        Update::Scalability(Scalability::L1T1),
    ];
    let mut session = Session::of(codec, rtc());
    session.scene(Motion::Patch, 0, 3);
    for update in updates {
        assert_eq!(session.encoder.apply(update.clone()).unwrap(), Applied::NextFrame);
        session.scene(Motion::Patch, 0, 2);
        let meta = &session.packets.last().unwrap().meta;
        match update {
            Update::Rate(RateControl::FixedQ(qindex)) => assert_eq!(meta.qindex, qindex),
            Update::Speed(speed) => assert_eq!(meta.speed, speed),
            Update::Bitrate(rate) => assert_eq!(meta.rate.bitrate, rate),
            _ => {}
        }
    }
    assert_eq!(session.keys(), [0]);
    session.check_decoding(|_| true);
}

fn every_live_knob_changes_while_running(codec: Tested) {
    let knobs = codec.capabilities().knobs;
    let mut session = Session::of(codec, rtc());
    session.scene(Motion::Patch, 0, 2);
    for knob in knobs {
        let values = match knob.kind {
            KnobKind::Range { min, max } => vec![min, max],
            KnobKind::Switch => vec![0, 1],
            KnobKind::Choice(values) => values.iter().map(|&(value, _)| value).collect(),
        };
        for value in values {
            let applied = session.encoder.apply(Update::Knob(knob.name.to_owned(), value));
            assert_eq!(applied.is_ok(), knob.live, "{}", knob.name);
            session.scene(Motion::Patch, 0, 1);
        }
        if knob.live {
            session.apply(Update::Knob(knob.name.to_owned(), knob.default));
        }
    }
    session.check_decoding(|_| true);
}

fn a_new_size_gives_a_key_frame_of_that_size(codec: Tested) {
    for config in [rtc(), file()] {
        let mut session = Session::of(codec, config);
        session.scene(Motion::Patch, 0, 5);
        for size in [codec.size(33, 17), codec.size(1, 1), Size::new(160, 96)] {
            let first = session.now();
            session.apply(Update::Resolution(size));
            session.scene(Motion::Patch, 0, 5);
            session.finish();
            let packets = session.packets.iter().filter(|p| p.pts >= first && p.meta.shown);
            let sizes: Vec<_> = packets.map(|p| (p.meta.size, p.meta.kind)).collect();
            assert_eq!(sizes.len(), 5);
            assert!(sizes.iter().all(|&(s, _)| s == size));
            assert_eq!(sizes[0].1, FrameKind::Key);
        }
        assert_eq!(session.check_decoding(|_| true), 20);
    }
}

fn rejections_name_the_range_and_leave_the_encoder_usable(codec: Tested) {
    let mut session = Session::of(codec, rtc());
    session.scene(Motion::Patch, 0, 2);
    let &Capabilities { qindex_range: (first, last), max_dimension: most, alignment: step, .. } =
        codec.capabilities();
    let indices = format!("{first}..={last}");
    let outside = last.checked_add(1).or(first.checked_sub(1)).expect("an index out of range");
    let sizes = match step {
        1 => format!("1x1 to {most}x{most}"),
        _ => format!("multiples of {step} up to {most}x{most}"),
    };
    let refused = [
        (Update::Bitrate(Bitrate(0)), "at least 1 bit/s"),
        (Update::Rate(RateControl::Quality(101)), "0..=100"),
        (Update::Rate(RateControl::FixedQ(outside)), &*indices),
        (Update::FrameRate(Rational::new(0, 1)), "a value above 0"),
        (Update::Resolution(Size::new(0, 6)), &*sizes),
        (Update::Resolution(Size::new(most + 1, 6)), &*sizes),
        (Update::Drops(DropPolicy::BelowBufferPct(101)), "0..=100 percent"),
        (Update::Speed(11), "0..=10"),
        (Update::ActiveTemporalLayers(0), "1..=1"),
        (Update::ActiveTemporalLayers(2), "1..=1"),
    ];
    let knobs = codec.capabilities().knobs.iter().filter(|knob| knob.live);
    let ranges = knobs.filter_map(|knob| match knob.kind {
        KnobKind::Range { min, .. } => Some((Update::Knob(knob.name.to_owned(), min - 1), knob)),
        _ => None,
    });
    let knobs: Vec<_> = ranges.map(|(update, knob)| (update, knob.allowed())).collect();
    let knobs = knobs.iter().map(|(update, allowed)| (update.clone(), &**allowed));
    for (update, range) in refused.into_iter().chain(knobs) {
        match session.encoder.apply(update) {
            Err(Error::Config(error)) => assert_eq!(error.allowed, range),
            other => panic!("{other:?}"),
        }
        session.scene(Motion::Patch, 0, 1);
    }
    let samples = scene::picture(Size::new(64, 64), 0, Motion::Pan, 0);
    let picture = Picture::i420_packed(Size::new(64, 64), &samples).unwrap();
    let error = session.encoder.encode(&picture, &FrameRequest::at(1000)).unwrap_err();
    assert_eq!(error.to_string(), "invalid frame size: got 64x64, expected 100x76");
    let samples = scene::picture(SIZE, 0, Motion::Pan, 0);
    let picture = Picture::i420_packed(SIZE, &samples).unwrap();
    assert!(session.encoder.encode(&picture, &FrameRequest::at(3)).is_err());
    let mut request = FrameRequest::at(1001);
    request.updates = Some(SlotSet(8));
    assert!(session.encoder.encode(&picture, &request).is_err());
    session.scene(Motion::Patch, 0, 2);
    assert_eq!(session.keys(), [0]);
    session.check_decoding(|_| true);
}

fn settings_out_of_range_are_rejected_at_the_start(codec: Tested) {
    let (first, last) = codec.capabilities().qindex_range;
    let outside = last.checked_add(1).or(first.checked_sub(1)).expect("an index out of range");
    let bad: [fn(&mut EncoderConfig, u8); 5] = [
        |c, _| c.size = Size::new(0, 0),
        |c, _| c.speed = 11,
        |c, _| c.timebase = Rational::new(0, 1),
        |c, _| c.knobs = vec![("bogus".to_owned(), 1)],
        |c, outside| (c.rate.min_qindex, c.rate.max_qindex) = (Some(outside), Some(outside)),
    ];
    for change in bad {
        let mut config = rtc();
        change(&mut config, outside);
        assert!(matches!(codec.open(&config), Err(Error::Config(_))));
    }
}

fn after_finish_the_next_frame_is_a_key_frame(codec: Tested) {
    for config in [rtc(), file()] {
        let mut session = Session::of(codec, config);
        session.scene(Motion::Patch, 0, 20);
        session.finish();
        session.scene(Motion::Patch, 0, 20);
        session.finish();
        assert_eq!(session.keys(), [0, 20]);
        assert_eq!(session.check_decoding(|_| true), 40);
    }
}

type MakePool = fn() -> Option<Arc<dyn Pool>>;

fn the_bytes_do_not_depend_on_pool_or_instruction_set(codec: Tested) {
    if codec.skips_turn(0) {
        return;
    }
    let pools: [MakePool; 6] = [
        || None,
        || Some(Arc::new(Serial)),
        || Some(Arc::new(RowPool::new(2).unwrap())),
        || Some(Arc::new(RowPool::new(3).unwrap())),
        || Some(Arc::new(RowPool::new(8).unwrap())),
        || {
            let threads = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            Some(Arc::new(RayonPool(threads)))
        },
    ];
    let levels = Level::supported();
    let mut ways: Vec<_> = levels.map(|level| (pools[0], Some(level))).collect();
    ways.extend(pools.map(|pool| (pool, None)));
    for base in [rtc(), file()] {
        let mut expected: Option<Vec<Vec<u8>>> = None;
        for (pool, simd) in &ways {
            let mut config = base.clone();
            (config.pool, config.simd) = (pool(), *simd);
            let mut session = Session::of(codec, config);
            session.scene(Motion::Pan, 0, 12);
            session.scene(Motion::Patch, 1, 12);
            session.finish();
            let bytes: Vec<_> = session.packets.into_iter().map(|p| p.data).collect();
            let expected = expected.get_or_insert_with(|| bytes.clone());
            assert!(*expected == bytes, "other bytes at {simd:?}");
        }
    }
}

fn both_pixel_formats_give_the_same_bytes(codec: Tested) {
    let half = SIZE.chroma();
    let (luma, chroma) =
        (usize::try_from(SIZE.pixels()).unwrap(), usize::try_from(half.pixels()).unwrap());
    let mut sessions = [Session::of(codec, rtc()), Session::of(codec, rtc())];
    for frame in 0..10 {
        let samples = scene::picture(SIZE, frame, Motion::Pan, 0);
        let (y, uv) = samples.split_at(luma);
        let (u, v) = uv.split_at(chroma);
        let mixed: Vec<u8> = u.iter().zip(v).flat_map(|(&u, &v)| [u, v]).collect();
        let planar = Picture::i420_packed(SIZE, &samples).unwrap();
        let (width, pairs) = (SIZE.width as usize, 2 * half.width as usize);
        let interleaved = Picture::nv12(SIZE, (y, width), (&mixed, pairs)).unwrap();
        sessions[0].picture(&planar, FrameRequest::default());
        sessions[1].picture(&interleaved, FrameRequest::default());
    }
    let [a, b] = sessions;
    assert!(a.packets.iter().zip(&b.packets).all(|(a, b)| a.data == b.data));
}

fn a_file_keeps_times_order_and_every_frame(codec: Tested) {
    let mut config = file();
    config.timebase = Rational::new(1, 1000);
    let mut encoder = codec.open(&config).unwrap();
    let latency = encoder.capabilities().latency_frames;
    assert!(latency > 0);
    let times: Vec<i64> = (0..50).map(|n| -70 + 33 * n + i64::from(n > 20) * 5000).collect();
    let mut packets = Vec::new();
    let mut buffered = 0;
    let mut fetch = |encoder: &mut dyn codec_core::codec::VideoEncoder| {
        let mut packet = Packet::default();
        while encoder.receive(&mut packet) {
            packets.push(std::mem::take(&mut packet));
        }
    };
    for (frame, &pts) in (0..).zip(&times) {
        let samples = scene::picture(SIZE, frame, Motion::Patch, frame / 30);
        let picture = Picture::i420_packed(SIZE, &samples).unwrap();
        let mut request = FrameRequest::at(pts);
        request.duration = Some(33);
        match encoder.encode(&picture, &request).unwrap() {
            Outcome::Buffered => buffered += 1,
            outcome => assert_eq!(outcome, Outcome::Coded),
        }
        fetch(encoder.as_mut());
    }
    encoder.finish().unwrap();
    fetch(encoder.as_mut());
    assert_eq!(buffered, latency);
    let mut shown: Vec<_> = packets.iter().filter(|p| p.meta.shown).collect();
    let decoded = |p: &Packet| p.dts.unwrap_or(p.pts);
    assert!(shown.windows(2).all(|pair| decoded(pair[0]) < decoded(pair[1])));
    assert!(shown.iter().all(|p| decoded(p) <= p.pts));
    // B frames are coded after the frames that are shown next.
    shown.sort_by_key(|p| p.pts);
    assert!(shown.iter().map(|p| p.pts).eq(times));
    assert!(shown.iter().all(|p| p.duration == Some(33)));
    let has_altref = codec.capabilities().knobs.iter().any(|knob| knob.name == "altref");
    assert_eq!(packets.iter().any(|p| !p.meta.shown), has_altref);
    let keys = shown.iter().enumerate().filter(|(_, p)| p.meta.kind == FrameKind::Key);
    assert_eq!(keys.map(|(index, _)| index).collect::<Vec<_>>(), [0, 30], "at the cut");
}

fn a_disabled_layer_is_reported_as_the_drop_reason(codec: Tested) {
    let mut config = rtc();
    config.scalability = Scalability::L1T2;
    let mut session = Session::of(codec, config);
    session.apply(Update::ActiveTemporalLayers(1));
    session.scene(Motion::Patch, 0, 4);
    let off = Outcome::Dropped { reason: DropReason::LayerOff, debt_bits: 0 };
    assert_eq!(session.outcomes, [Outcome::Coded, off, Outcome::Coded, off]);
}

fn intra_refresh_heals_any_loss(codec: Tested) {
    let mut config = rtc();
    config.intra_refresh = 1;
    config.error_resilient = true;
    if codec.lacks(Feature::IntraRefresh, &config) {
        return;
    }
    let (_, rows) = SIZE.macroblocks();
    let mut session = Session::of(codec, config);
    session.scene(Motion::Still, 0, 4);
    let first = session.packets.len();
    session.scene(Motion::Still, 0, 2 * rows as u64);
    let refreshed: u32 = session.packets[first..].iter().map(|p| p.meta.macroblocks.intra).sum();
    let (cols, _) = SIZE.macroblocks();
    assert!(refreshed as usize >= 2 * cols * rows, "{refreshed}");
    assert_eq!(session.keys(), [0]);
    session.check_decoding(|_| true);
}

fn a_new_range_of_quantisers_holds_from_the_next_frame_on(codec: Tested) {
    let mut session = Session::of(codec, rtc());
    session.scene(Motion::Pan, 0, 20);
    for range in [(80, 90), (4, 10), (127, 127), (0, 0)]
        .map(|(min, max)| (codec.qindex(min), codec.qindex(max)))
    {
        session.apply(Update::QindexRange(Some(range.0), Some(range.1)));
        let begin = session.packets.len();
        session.scene(Motion::Pan, 0, 5);
        for packet in &session.packets[begin..] {
            let qindex = packet.meta.qindex;
            assert!((range.0..=range.1).contains(&qindex), "{qindex} outside {range:?}");
        }
    }
    // Frames that repeat the last one keep its quantiser within the range.
    session.scene(Motion::Still, 0, 5);
    let range = (codec.qindex(60), codec.qindex(70));
    session.apply(Update::QindexRange(Some(range.0), Some(range.1)));
    let begin = session.packets.len();
    session.scene(Motion::Still, 0, 5);
    for packet in &session.packets[begin..] {
        let qindex = packet.meta.qindex;
        assert!((range.0..=range.1).contains(&qindex), "{qindex} outside {range:?}");
    }
    session.apply(Update::QindexRange(None, None));
    session.scene(Motion::Pan, 0, 60);
    let qindex = session.packets.last().unwrap().meta.qindex;
    let (best, worst) = codec.capabilities().rtc_qindex_range;
    assert!((best..=worst).contains(&qindex), "{qindex} outside the preset's range");
    let mut limited = rtc();
    limited.rate.max_qindex = Some(codec.qindex(5));
    let mut limited = Session::of(codec, limited);
    limited.scene(Motion::Pan, 0, 5);
    limited.apply(Update::QindexRange(None, None));
    limited.scene(Motion::Pan, 0, 30);
    let qindex = limited.packets.last().unwrap().meta.qindex;
    assert!(qindex > codec.qindex(5), "{qindex}: the limits at the start no longer hold");
    let (first, last) = codec.capabilities().qindex_range;
    let outside = last.checked_add(1).or(first.checked_sub(1));
    for (min, max) in [(Some(50), Some(49)), (None, outside), (Some(255), Some(0))] {
        let error = session.encoder.apply(Update::QindexRange(min, max)).unwrap_err().to_string();
        assert!(error.contains("qindex"), "{error}");
    }
    assert_eq!(session.check_decoding(|_| true), 110);
    assert_eq!(session.keys(), [0]);
}

fn a_new_pool_works_from_the_next_frame_on_and_changes_no_byte(codec: Tested) {
    /// Counts its calls.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl Pool for Counting {
        fn threads(&self) -> usize {
            1
        }

        fn run(&self, _: usize, work: &(dyn Fn(usize) + Sync)) {
            self.0.fetch_add(1, Ordering::Relaxed);
            work(0);
        }
    }

    let mut plain = Session::of(codec, rtc());
    if codec.capabilities().gap(Feature::Pool).is_some() {
        let update = plain.encoder.apply(Update::Pool(None));
        assert!(matches!(update, Err(Error::Unsupported(_))), "{update:?}");
        return;
    }
    plain.scene(Motion::Pan, 0, 24);
    let mut session = Session::of(codec, rtc());
    let counting = Arc::new(Counting::default());
    let rows: Arc<dyn Pool> = Arc::new(RowPool::new(3).unwrap());
    for pool in [Some(rows.clone()), Some(counting.clone()), None, Some(rows)] {
        session.scene(Motion::Pan, 0, 6);
        let before = counting.0.load(Ordering::Relaxed);
        session.apply(Update::Pool(pool));
        assert_eq!(counting.0.load(Ordering::Relaxed), before);
    }
    assert!(counting.0.load(Ordering::Relaxed) >= 6);
    let bytes = |session: &Session| -> Vec<Vec<u8>> {
        session.packets.iter().map(|packet| packet.data.clone()).collect()
    };
    assert_eq!(bytes(&session), bytes(&plain));
}

fn a_rate_that_cannot_be_met_is_reported_until_it_can(codec: Tested) {
    let mut config = rtc();
    config.rate.max_qindex = Some(codec.qindex(40));
    let mut session = Session::of(codec, config);
    let is_unmet = |session: &Session| session.packets.last().unwrap().meta.rate.is_unmet;
    session.apply(Update::Bitrate(Bitrate::kbps(20)));
    session.scene(Motion::Pan, 0, 30);
    assert!(!is_unmet(&session), "after one second");
    session.scene(Motion::Pan, 0, 60);
    assert!(is_unmet(&session), "after three seconds");
    session.apply(Update::QindexRange(None, Some(codec.qindex(127))));
    session.apply(Update::Bitrate(Bitrate::kbps(300)));
    session.scene(Motion::Pan, 0, 60);
    assert!(!is_unmet(&session));
}

codec_tests::for_each_encoder! {
    every_update_takes_effect_at_the_next_frame_without_a_key_frame,
    every_live_knob_changes_while_running,
    a_new_size_gives_a_key_frame_of_that_size,
    rejections_name_the_range_and_leave_the_encoder_usable,
    settings_out_of_range_are_rejected_at_the_start,
    after_finish_the_next_frame_is_a_key_frame,
    the_bytes_do_not_depend_on_pool_or_instruction_set,
    both_pixel_formats_give_the_same_bytes,
    a_file_keeps_times_order_and_every_frame,
    a_disabled_layer_is_reported_as_the_drop_reason,
    intra_refresh_heals_any_loss,
    a_new_range_of_quantisers_holds_from_the_next_frame_on,
    a_new_pool_works_from_the_next_frame_on_and_changes_no_byte,
    a_rate_that_cannot_be_met_is_reported_until_it_can,
}
