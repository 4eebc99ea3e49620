//! A link that carries less than the lowest layer of a stream.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use codec_net::relay::{Relay, RelayConfig};
use codec_net::server::media::{SoundPacket, VideoFrame};
use codec_net::server::room::{About, Publisher};
use codec_net::server::{Config, RtcConfig, Server};
use codec_rtc::link::LinkSpec;
use codec_webrtc::{Direction, Kind, MediaPlan};
use serde_json::Value;

use crate::caller::Caller;

/// Two and a half times what the link carries.
const FRAME_BYTES: usize = 1000;
const KEY_FRAME_BYTES: usize = 4000;
const LINK: &str = "delay=20ms,rate=100k,queue=1s";

/// A film in one layer with sound; a key frame where one is asked for.
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
        publisher.sound(SoundPacket { data, pts, ..SoundPacket::default() }).unwrap();
        if number.is_multiple_of(2) {
            let key = wants_key.swap(false, Ordering::Relaxed) || number == 0;
            let bytes = if key { KEY_FRAME_BYTES } else { FRAME_BYTES };
            let (data, pts) = (vec![0xff; bytes].into(), u64::from(number) * 1800);
            publisher.video(VideoFrame { data, pts, key, ..VideoFrame::default() }).unwrap();
        }
    }
}

/// Why the video paused, and null where it went on after that. Before it pauses the small rendition
/// is tried, which nothing can be made of here.
fn pictures(caller: &Caller) -> Vec<&Value> {
    let lines = caller.lines.iter().filter(|line| line["type"] == "picture");
    let mut told: Vec<_> =
        lines.map(|line| &line["paused"]).skip_while(|it| it.is_null()).collect();
    told.dedup();
    told
}

#[test]
fn pictures_pause_where_not_even_the_lowest_layer_fits_and_sound_goes_on() {
    let config = Config::loopback();
    // The relay has the server's port on an address next to it, which is the one announced.
    let beside = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
    let rtc = RtcConfig { announce: Some(beside), ..config.rtc };
    let server = Server::start(Config { rtc, decode: false, ..config }).unwrap();
    let announced = server.rtc_addresses()[0];
    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, announced.port()));
    let link = LINK.parse::<LinkSpec>().unwrap().constant().unwrap();
    let relay = Relay::start(announced, upstream, &RelayConfig::symmetric(link, 42)).unwrap();

    let (wants_key, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let asked = Arc::clone(&wants_key);
    let about = About { kind: "ws", video: true, sound: true };
    let ask = Box::new(move || asked.store(true, Ordering::Relaxed));
    let publisher = server.hub().publish("film", about, ask).unwrap();
    let stopped = Arc::clone(&stop);
    let film = std::thread::spawn(move || publish(&publisher, &wants_key, &stopped));

    let plan = |kind| MediaPlan { kind, direction: Direction::ReceiveOnly, stream: None };
    let plans = [plan(Kind::Video), plan(Kind::Audio)];
    let mut caller = Caller::call(&server, "/whep/film", &plans, None, false);
    // The message itself has to find its way.
    let reason = || server.sessions().json()[0]["paused"].clone();
    let paused = caller.live(Duration::from_secs(30), |_| reason().is_string());
    assert!(paused, "{:?}", relay.stats());

    // What was on its way, and is asked for again, still comes for a while; then there is sound alone.
    let end = Instant::now() + Duration::from_secs(20);
    let before = loop {
        let before = (caller.pictures, caller.sound);
        let heard = caller.live(Duration::from_secs(10), |now| now.sound >= before.1 + 40);
        assert!(heard, "{} packets of sound", caller.sound - before.1);
        if caller.pictures == before.0 {
            break before;
        }
        assert!(Instant::now() < end, "pictures go on");
    };
    let told = caller.live(Duration::from_secs(20), |caller| !pictures(caller).is_empty());
    assert!(told, "{:?}", caller.lines);
    assert_eq!(pictures(&caller), [&reason()]);
    assert!(reason().as_str().is_some_and(|reason| reason.contains("link")), "{}", reason());

    // Tried again, with a key frame.
    let resumed = caller.live(Duration::from_secs(60), |caller| pictures(caller).len() == 2);
    assert!(resumed, "{:?}", caller.lines);
    assert_eq!(pictures(&caller)[1], &Value::Null);
    assert_eq!(reason(), Value::Null);
    let shown = caller.live(Duration::from_secs(20), |caller| caller.pictures > before.0 + 3);
    assert!(shown, "{} packets", caller.pictures);
    stop.store(true, Ordering::Relaxed);
    film.join().unwrap();
}
