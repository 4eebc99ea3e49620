//! Streams from the publisher to viewers that are fast, slow or disconnected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use codec_backends::registry;
use codec_core::codec::{Bitrate, DecoderConfig, EncoderConfig, FrameKind, FrameRequest, Packet};
use codec_core::frame::{Picture, Rational, Size};
use tokio::sync::mpsc;

use super::super::auth::{Credentials, Identity};
use super::super::limits::Limits;
use super::super::media::{AudioPacket, VideoCodec, VideoFrame};
use super::super::outcome::{EndReason, Rejection};
use super::super::small_rendition::{self, RenditionPermits};
use super::*;
use crate::clock::Clock;

fn hub() -> Arc<Hub> {
    let limits = Limits { streams: 2, viewers: 2, bitrate: 1_000_000, ..Limits::default() };
    Arc::new(Hub::new(Clock::start(), limits, StreamHooks::default()))
}

const INFO: StreamInfo = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: true };

fn frame(key: bool, bytes: usize) -> VideoFrame {
    VideoFrame { data: vec![0xff; bytes].into(), key, ..VideoFrame::default() }
}

fn drained(receiver: &mut mpsc::Receiver<Item>) -> Vec<Item> {
    std::iter::from_fn(|| receiver.try_recv().ok()).collect()
}

/// A publisher's callback, and the number of its calls.
fn counted_requests() -> (Arc<AtomicUsize>, RequestKeyFrame) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let request = Box::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    (requests, request)
}

#[test]
fn every_viewer_gets_the_same_frame_from_a_key_frame_on() {
    let hub = hub();
    let (requests, request) = counted_requests();
    let publisher = hub.publish("live", INFO, request).unwrap();
    let (out, mut first) = mpsc::channel(8);
    let _first = Viewer::join(&hub.find("live").unwrap(), Box::new(out)).unwrap();
    let (out, mut second) = mpsc::channel(8);
    let _second = Viewer::join(&hub.find("live").unwrap(), Box::new(out)).unwrap();
    assert_eq!(requests.load(Ordering::Relaxed), 1, "requests are merged");
    publisher.send_video(frame(false, 10)).unwrap();
    publisher.send_video(frame(true, 10)).unwrap();
    publisher.send_video(frame(false, 10)).unwrap();
    publisher.send_audio(AudioPacket::default()).unwrap();
    let (first, second) = (drained(&mut first), drained(&mut second));
    assert_eq!((first.len(), second.len()), (3, 3));
    let (Item::Video(a), Item::Video(b)) = (&first[0], &second[0]) else { panic!() };
    assert!(a.key && Arc::ptr_eq(a, b));
}

#[test]
fn a_slow_viewer_waits_for_a_key_frame_without_affecting_others() {
    let hub = hub();
    let publisher = hub.publish("live", INFO, Box::new(|| {})).unwrap();
    let (out, mut slow) = mpsc::channel(2);
    let slow_viewer = Viewer::join(publisher.stream(), Box::new(out)).unwrap();
    let (out, mut fast) = mpsc::channel(16);
    let _fast = Viewer::join(publisher.stream(), Box::new(out)).unwrap();
    publisher.send_video(frame(true, 10)).unwrap();
    for _ in 0..4 {
        publisher.send_video(frame(false, 10)).unwrap();
    }
    assert_eq!(drained(&mut slow).len(), 2);
    publisher.send_video(frame(false, 10)).unwrap();
    publisher.send_video(frame(true, 10)).unwrap();
    assert_eq!(drained(&mut slow).len(), 1);
    assert_eq!(drained(&mut fast).len(), 7);
    let counters = slow_viewer.counters().unwrap();
    assert_eq!((counters.frames, counters.slow, counters.undecodable), (3, 1, 3));
}

#[test]
fn names_are_unique_and_freed_again() {
    let hub = hub();
    let publish = |name| hub.publish(name, INFO, Box::new(|| {}));
    let first = publish("a").unwrap();
    assert_eq!(publish("a").unwrap_err(), Rejection::NameInUse("a".to_owned()));
    let _second = publish("b").unwrap();
    assert_eq!(publish("c").unwrap_err(), Rejection::LimitReached("streams"));
    drop(first);
    assert!(hub.find("a").is_err());
    let _again = publish("a").unwrap();
    for wrong in ["", "a/b", "..", ".hidden", "ä", &"x".repeat(65)] {
        assert!(matches!(publish(wrong), Err(Rejection::BadRequest(_))), "{wrong}");
    }
}

#[test]
fn viewers_receive_the_end_with_its_reason() {
    let hub = hub();
    let publisher = hub.publish("live", INFO, Box::new(|| {})).unwrap();
    let (out, mut items) = mpsc::channel(1);
    let stream = Arc::clone(publisher.stream());
    let viewer = Viewer::join(&stream, Box::new(out)).unwrap();
    publisher.end(EndReason::ServerStopped);
    assert!(matches!(drained(&mut items).as_slice(), [Item::Ended(EndReason::ServerStopped)]));
    assert_eq!(stream.end_reason(), Some(EndReason::ServerStopped));
    assert_eq!(viewer.counters(), None);
    assert!(Viewer::join(&stream, Box::new(mpsc::channel(1).0)).is_err());
}

#[test]
fn too_many_viewers_and_too_high_bitrates_are_rejected() {
    let hub = hub();
    let publisher = hub.publish("live", INFO, Box::new(|| {})).unwrap();
    let join = || {
        let (out, items) = mpsc::channel(1);
        Viewer::join(publisher.stream(), Box::new(out)).map(|viewer| (viewer, items))
    };
    let kept = [join().unwrap(), join().unwrap()];
    assert!(matches!(join(), Err(Rejection::LimitReached(_))));
    drop(kept);
    let (_viewer, items) = join().unwrap();
    drop(items);
    publisher.send_video(frame(true, 10)).unwrap();
    assert_eq!(publisher.stream().stats().1, 0, "viewers that hung up are removed");
    let end = (0..30).find_map(|_| publisher.send_video(frame(false, 10_000)).err());
    assert_eq!(end, Some(EndReason::Limit("bitrate")));
}

#[test]
fn a_paused_viewer_gets_audio_and_resumes_with_a_key_frame() {
    let hub = hub();
    let (requests, request) = counted_requests();
    let publisher = hub.publish("live", INFO, request).unwrap();
    let (out, mut items) = mpsc::channel(16);
    let viewer = Viewer::join(publisher.stream(), Box::new(out)).unwrap();
    publisher.send_video(frame(true, 10)).unwrap();
    viewer.set_rendition(Rendition::NoVideo);
    assert_eq!(drained(&mut items).len(), 1);
    // Longer than the rate limit of requests.
    std::thread::sleep(std::time::Duration::from_millis(350));
    for _ in 0..3 {
        publisher.send_video(frame(false, 10)).unwrap();
        publisher.send_audio(AudioPacket::default()).unwrap();
    }
    let heard = drained(&mut items);
    assert!(heard.len() == 3 && heard.iter().all(|item| matches!(item, Item::Audio(_))));
    assert_eq!(requests.load(Ordering::Relaxed), 1, "no viewer needs a key frame");
    viewer.set_rendition(Rendition::Full(1));
    assert_eq!(requests.load(Ordering::Relaxed), 2);
    publisher.send_video(frame(false, 10)).unwrap();
    publisher.send_video(frame(true, 10)).unwrap();
    assert!(matches!(drained(&mut items).as_slice(), [Item::Video(frame)] if frame.key));
    assert_eq!(viewer.counters().unwrap().paused, 3);
}

fn owner(token: &str, ends: &Arc<AtomicUsize>) -> Owner {
    let ends = Arc::clone(ends);
    Owner {
        identity: Identity::of(Credentials::Bearer(token), false),
        end: Box::new(move |reason| {
            assert_eq!(reason, EndReason::Replaced);
            ends.fetch_add(1, Ordering::Relaxed);
        }),
    }
}

#[test]
fn a_publisher_of_the_same_owner_takes_over_and_viewers_stay() {
    let hub = hub();
    let ends = Arc::new(AtomicUsize::new(0));
    let claim = |token| hub.claim("live", INFO, Box::new(|| {}), owner(token, &ends));
    let first = claim("one-token").unwrap();
    let (out, mut items) = mpsc::channel(16);
    let viewer = Viewer::join(first.stream(), Box::new(out)).unwrap();
    first.send_video(frame(true, 10)).unwrap();
    assert_eq!(claim("another-token").unwrap_err(), Rejection::NameInUse("live".to_owned()));
    assert!(hub.publish("live", INFO, Box::new(|| {})).is_err(), "not by a local source");
    let second = claim("one-token").unwrap();
    assert_eq!(ends.load(Ordering::Relaxed), 1, "the first one is ended");
    assert!(second.takes_over() && !first.takes_over());
    assert_eq!(first.send_video(frame(true, 10)), Err(EndReason::Replaced));
    first.end(EndReason::PublisherEnded);
    // Only a key frame helps afterwards.
    second.send_video(frame(false, 10)).unwrap();
    second.send_video(frame(true, 10)).unwrap();
    let got = drained(&mut items);
    assert!(got.iter().all(|item| matches!(item, Item::Video(frame) if frame.key)), "{got:?}");
    assert_eq!((got.len(), viewer.counters().unwrap().undecodable), (2, 1));
    second.end(EndReason::PublisherEnded);
    assert!(matches!(drained(&mut items).as_slice(), [Item::Ended(_)]));
    assert!(hub.find("live").is_err());
}

#[test]
fn a_stream_waits_for_its_publisher_for_a_limited_time() {
    let limits =
        Limits { publisher_return_timeout: std::time::Duration::ZERO, ..Limits::default() };
    let hub = Arc::new(Hub::new(Clock::start(), limits, StreamHooks::default()));
    let ends = Arc::new(AtomicUsize::new(0));
    let claim = || hub.claim("live", INFO, Box::new(|| {}), owner("one-token", &ends)).unwrap();
    let first = claim();
    let (out, mut items) = mpsc::channel(16);
    let _viewer = Viewer::join(first.stream(), Box::new(out)).unwrap();
    first.send_video(frame(true, 10)).unwrap();
    first.leave();
    let waiting = hub.find("live").unwrap();
    assert_eq!(waiting.json()["waitsForPublisher"], true);
    let second = claim();
    assert_eq!(ends.load(Ordering::Relaxed), 0, "it had left before");
    assert_eq!(waiting.json()["waitsForPublisher"], false);
    second.send_video(frame(true, 10)).unwrap();
    assert_eq!(drained(&mut items).len(), 2);
    hub.expire();
    assert!(hub.find("live").is_ok(), "it has a publisher");
    // A failed publisher is treated like a vanished one.
    drop(second);
    hub.expire();
    assert!(matches!(drained(&mut items).as_slice(), [Item::Ended(EndReason::PublisherEnded)]));
    assert!(hub.find("live").is_err());
    // A stream without media does not keep its name.
    claim().leave();
    assert!(hub.find("live").is_err());
}

fn budget(kbps: u64) -> Option<LinkBudget> {
    let bitrate = Bitrate::kbps(kbps);
    Some(LinkBudget { bitrate, stable: bitrate, fec: false, hold: false, stop: false })
}

#[test]
fn the_publisher_follows_a_sole_viewer_only() {
    let hub = hub();
    let publisher = hub.publish("live", INFO, Box::new(|| {})).unwrap();
    let stream = publisher.stream();
    let join = || Viewer::join(stream, Box::new(mpsc::channel(4).0)).unwrap();
    assert_eq!(stream.budget(), None);
    let first = join();
    assert_eq!(stream.budget(), None, "its link is unknown");
    first.set_budget(budget(300));
    assert_eq!(stream.budget(), budget(300));
    let internal = Viewer::join_internal(stream, Box::new(mpsc::channel(4).0)).unwrap();
    assert_eq!(stream.budget(), budget(300), "the server itself has no link");
    let second = join();
    assert_eq!(stream.budget(), None, "the others would be affected");
    drop(second);
    assert_eq!(stream.budget(), budget(300));
    stream.set_recording(Some("live.webm".to_owned()), None);
    assert_eq!(stream.budget(), None, "the recording would be affected");
    drop(internal);
}

#[test]
fn renditions_switch_down_immediately_and_up_at_a_key_frame() {
    let hub = hub();
    let publisher = hub.publish("live", INFO, Box::new(|| {})).unwrap();
    let stream = publisher.stream();
    let (out, mut items) = mpsc::channel(16);
    let viewer = Viewer::join(stream, Box::new(out)).unwrap();
    let got = |items: &mut mpsc::Receiver<Item>| -> Vec<(u64, bool)> {
        let frames = drained(items).into_iter().filter_map(|item| match item {
            Item::Video(frame) => Some((frame.pts, frame.small)),
            _ => None,
        });
        frames.collect()
    };
    let full = |pts, key| publisher.send_video(VideoFrame { pts, ..frame(key, 100) }).unwrap();
    let small = |pts, key| {
        stream.send_small_video(VideoFrame { pts, small: true, ..frame(key, 20) });
    };
    full(1, true);
    small(1, true);
    full(2, false);
    assert_eq!(got(&mut items), [(1, false), (2, false)], "no viewer needs the small one");
    viewer.set_rendition(Rendition::Small);
    full(3, false);
    small(3, false);
    full(4, true);
    small(2, true);
    small(5, true);
    small(6, false);
    assert_eq!(got(&mut items), [(5, true), (6, true)]);
    assert!(viewer.is_on_small());
    viewer.set_rendition(Rendition::Full(3));
    small(7, false);
    full(7, false);
    full(8, true);
    small(9, false);
    full(9, false);
    assert_eq!(got(&mut items), [(7, true), (8, false), (9, false)]);
    let counters = viewer.counters().unwrap();
    assert_eq!((counters.frames, counters.small), (7, 3));
}

/// A hub that encodes small renditions as the server does.
fn hub_with_small_renditions(limits: Limits) -> Arc<Hub> {
    let permits = RenditionPermits::default();
    let start_small_rendition: StartSmallRendition =
        Arc::new(move |stream| small_rendition::start(stream, limits, &permits));
    let hooks = StreamHooks { start_small_rendition, ..StreamHooks::default() };
    Arc::new(Hub::new(Clock::start(), limits, hooks))
}

/// The published stream is decoded, scaled down and encoded for one of two viewers.
#[test]
fn the_small_rendition_is_encoded_while_a_viewer_needs_it() {
    const SIZE: Size = Size { width: 320, height: 192 };
    let hub = hub_with_small_renditions(Limits::default());
    let wants_key_frame = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&wants_key_frame);
    let ask = Box::new(move || asked.store(true, Ordering::Relaxed));
    let publisher = hub.publish("live", INFO, ask).unwrap();
    let stream = publisher.stream();
    let (out, mut rich_items) = mpsc::channel(4096);
    let _rich = Viewer::join(stream, Box::new(out)).unwrap();
    let (out, mut poor_items) = mpsc::channel(4096);
    let poor = Viewer::join(stream, Box::new(out)).unwrap();

    let rate = Rational { num: 30, den: 1 };
    let mut config = EncoderConfig::rtc(SIZE, rate, Bitrate::kbps(800));
    config.timebase = Rational { num: 1, den: 90_000 };
    config.speed = 10;
    let (_, open, _) = registry::find_encoder("vp8").unwrap();
    let mut encoder = open(&config).unwrap();
    let mut packet = Packet::default();
    let mut small = Vec::new();
    // Until enough frames have arrived, however busy the machine is.
    for number in 0..3000_u32 {
        if number == 10 {
            poor.set_rendition(Rendition::Small);
        }
        let level = u8::try_from(60 + number % 100).unwrap();
        let data = vec![level; usize::try_from(SIZE.i420_bytes()).unwrap()];
        let mut request = FrameRequest::at(i64::from(number) * 3000);
        request.key_frame = wants_key_frame.swap(false, Ordering::Relaxed);
        encoder.encode(&Picture::i420_packed(SIZE, &data).unwrap(), &request).unwrap();
        while encoder.receive(&mut packet) {
            let (data, pts) = (packet.data.clone().into(), u64::from(number) * 3000);
            let key = packet.meta.kind == FrameKind::Key;
            publisher.send_video(VideoFrame { data, pts, key, ..VideoFrame::default() }).unwrap();
        }
        small.extend(drained(&mut poor_items).into_iter().filter_map(|item| match item {
            Item::Video(frame) if frame.small => Some(frame),
            _ => None,
        }));
        drained(&mut rich_items).iter().for_each(|item| {
            assert!(!matches!(item, Item::Video(frame) if frame.small), "it has the full one");
        });
        if small.len() >= 20 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(small.len() >= 20, "{}", small.len());
    let (_, open, _) = registry::find_decoder("vp8").unwrap();
    let mut decoder = open(&DecoderConfig::default()).unwrap();
    assert!(small[0].key);
    assert!(small.windows(2).all(|pair| pair[1].pts >= pair[0].pts + 6000), "15 a second");
    for frame in &small {
        decoder.decode(&frame.data, 0, None).unwrap();
        let shown = decoder.receive().unwrap();
        assert_eq!(shown.size(), Size { width: 160, height: 96 });
    }
    assert_eq!(stream.small_rendition().0, SmallRenditionState::On);
    assert_eq!(stream.small_viewers(), 1);
    drop(publisher);
}

#[test]
fn the_limit_of_small_renditions_is_reported() {
    let limits = Limits { small_renditions: 0, ..Limits::default() };
    let hub = hub_with_small_renditions(limits);
    let publisher = hub.publish("live", INFO, Box::new(|| {})).unwrap();
    publisher.stream().request_small_rendition();
    assert_eq!(publisher.stream().small_rendition().0, SmallRenditionState::Unavailable);
}
