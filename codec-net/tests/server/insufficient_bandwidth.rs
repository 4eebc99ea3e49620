//! A link that carries less than the base layer of a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use codec_net::server::Config;
use codec_net::server::media::{AudioPacket, VideoCodec, VideoFrame};
use codec_net::server::room::{Publisher, StreamInfo};
use codec_webrtc::{Direction, Kind, MediaPlan};
use serde_json::Value;

use crate::caller::{Caller, plan};
use crate::depth;
use crate::emulated::{server_behind, symmetric};

/// Two and a half times the capacity of the link.
const FRAME_BYTES: usize = 1000;
const KEY_FRAME_BYTES: usize = 4000;
const LINK: &str = "delay=20ms,rate=100k,queue=1s";
/// The longest time until a lost message is sent again: SCTP doubles its timeout after each loss, up to
/// 60 s (RFC 9260, section 16). Retries of the video lose messages too.
const MESSAGE: Duration = Duration::from_secs(90);

/// Publishes video in one layer with audio; key frames on request.
fn publish(publisher: &Publisher, wants_key: &AtomicBool, stop: &AtomicBool) {
    let begun = Instant::now();
    for number in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let due = begun + Duration::from_secs(number.into()) / 50;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let data = vec![0xf8; 40].into();
        let pts = u64::from(number) * 960;
        publisher.send_audio(AudioPacket { data, pts, ..AudioPacket::default() }).unwrap();
        if number.is_multiple_of(2) {
            let key = wants_key.swap(false, Ordering::Relaxed) || number == 0;
            let bytes = if key { KEY_FRAME_BYTES } else { FRAME_BYTES };
            let (data, pts) = (vec![0xff; bytes].into(), u64::from(number) * 1800);
            publisher.send_video(VideoFrame { data, pts, key, ..VideoFrame::default() }).unwrap();
        }
    }
}

/// The reasons of pauses, and null after each resumption. Before a pause the small rendition is
/// tried, which cannot be encoded here.
fn pictures(caller: &Caller) -> Vec<&Value> {
    let lines = caller.lines.iter().filter(|line| line["type"] == "video");
    let mut states: Vec<_> =
        lines.map(|line| &line["paused"]).skip_while(|it| it.is_null()).collect();
    states.dedup();
    states
}

#[test]
fn video_pauses_if_not_even_the_base_layer_fits_and_audio_continues() {
    if depth::skips_long() {
        return;
    }
    let config = Config { decode: false, ..Config::loopback() };
    let (server, relay) = server_behind(config, 3, &symmetric(LINK));

    let (wants_key, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let asked = Arc::clone(&wants_key);
    let info = StreamInfo { kind: "ws", video: Some(VideoCodec::Vp8), audio: true };
    let ask = Box::new(move || asked.store(true, Ordering::Relaxed));
    let publisher = server.hub().publish("film", info, ask).unwrap();
    let stopped = Arc::clone(&stop);
    let film = std::thread::spawn(move || publish(&publisher, &wants_key, &stopped));

    let plan = |kind| MediaPlan { kind, ..plan(Direction::ReceiveOnly) };
    let plans = [plan(Kind::Video), plan(Kind::Audio)];
    let mut caller = Caller::call(&server, "/whep/film", &plans, None, false);
    // The message itself must also pass the link.
    let reason = || server.sessions().json()[0]["paused"].clone();
    let paused = caller.live(Duration::from_secs(30), |_| reason().is_string());
    assert!(paused, "{:?}", relay.stats());
    let why = reason();
    assert!(why.as_str().is_some_and(|why| why.contains("bandwidth")), "{why}");

    // Packets in flight and retransmissions arrive for a while; afterwards there is only audio.
    let end = Instant::now() + Duration::from_secs(20);
    let before = loop {
        let before = (caller.pictures, caller.audio);
        let heard = caller.live(Duration::from_secs(10), |now| now.audio >= before.1 + 40);
        assert!(heard, "{} audio packets", caller.audio - before.1);
        if caller.pictures == before.0 {
            break before;
        }
        assert!(Instant::now() < end, "video continues");
    };
    let states = caller.live(MESSAGE, |caller| !pictures(caller).is_empty());
    assert!(states, "{:?}", caller.lines);
    assert_eq!(pictures(&caller)[0], &why);

    // Retried with a key frame. The message may come later than the next pause begins.
    let resumed = caller.live(MESSAGE, |caller| pictures(caller).len() >= 2);
    assert!(resumed, "{:?}", caller.lines);
    assert_eq!(pictures(&caller)[1], &Value::Null);
    let shown = caller.live(Duration::from_secs(20), |caller| caller.pictures > before.0 + 3);
    assert!(shown, "{} packets", caller.pictures);
    stop.store(true, Ordering::Relaxed);
    film.join().unwrap();
}
