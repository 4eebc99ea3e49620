//! Rooms: members publish and watch each other.

use std::process::Command;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use codec_core::frame::Size;
use codec_net::server::auth::{Access, Grants};
use codec_net::server::cluster::{BusClient, ClusterConfig, bus};
use codec_net::server::limits::Limits;
use codec_net::server::{Config, Server, StartError};
use codec_webrtc::{Direction, Kind, MediaPlan};
use serde_json::Value;

use crate::browser::Place;
use crate::browsers::Browser;
use crate::caller::{Caller, SDP, plan};
use crate::client::{ADMIN, PUBLISH, VIEW, bearer, guarded, request, request_with};
use crate::peers::{measure, measure_both, scripts};

const LONG: Duration = Duration::from_secs(20);

/// The command that runs scenarios of rooms in Chromium.
fn chromium(server: &Server, place: &Place, scenarios: &str) -> Option<Command> {
    let folder = Browser::Chromium.scripts("rooms")?;
    let mut command = Command::new("node");
    command.arg(folder.join("rooms.mjs")).arg(server.url());
    command.arg(place.camera_of(Size { width: 640, height: 360 })).arg(scenarios);
    Some(command)
}

/// Runs scenarios of rooms in Chromium.
fn drive(server: &Server, place: &Place, scenarios: &str) -> Option<Value> {
    chromium(server, place, scenarios).map(|mut command| measure(&mut command))
}

#[test]
fn three_browsers_meet() {
    let place = Place::new("meeting");
    let server = Server::start(Config::loopback()).unwrap();
    let Some(seen) = drive(&server, &place, "meeting") else { return };
    for page in seen["pages"].as_array().unwrap() {
        let videos = page["videos"].as_array().unwrap();
        assert_eq!(videos.len(), 2, "{page}");
        // Three browsers share the machine with other tests: the frame rate says nothing.
        assert!(page["audioPackets"].as_u64() > Some(0), "{page}");
    }
    assert_eq!(seen["flow"], "all", "{seen}");
    assert_eq!(seen["stage"]["reached"], true, "{seen}");
}

#[test]
fn a_screen_is_shared_and_the_page_fits_its_window() {
    let place = Place::new("screen");
    let server = Server::start(Config::loopback()).unwrap();
    let Some(seen) = drive(&server, &place, "screen,layout") else { return };
    assert_eq!(seen["screen"]["ended"], "shown", "{seen}");
    assert_eq!(seen["layout"], "fits");
}

#[test]
fn a_guest_waits_in_the_lobby_of_a_browser() {
    let place = Place::new("lobby");
    let mut access = Access::open();
    access.add_token(ADMIN, Grants::ALL).unwrap();
    access.add_token(PUBLISH, Grants::parse("publish+view").unwrap()).unwrap();
    let server = Server::start(Config { access, ..Config::loopback() }).unwrap();
    let Some(mut chromium) = chromium(&server, &place, "lobby") else { return };
    chromium.env("HOST_TOKEN", ADMIN).env("GUEST_TOKEN", PUBLISH);
    assert_eq!(measure(&mut chromium)["lobby"], "in");
}

#[test]
fn a_lobby_without_tokens_is_an_error() {
    let started = Server::start(Config { lobby: true, ..Config::loopback() });
    assert!(matches!(started, Err(StartError::LobbyWithoutTokens)));
}

#[test]
fn a_page_joins_again_after_a_restart_of_the_server() {
    let place = Place::new("rejoin");
    let server = Server::start(Config::loopback()).unwrap();
    let listen = server.address();
    let Some(mut chromium) = chromium(&server, &place, "rejoin") else { return };
    // The page's process creates this file.
    let joined = place.path("joined");
    chromium.env("JOINED_FILE", &joined);
    let page = std::thread::spawn(move || measure(&mut chromium));
    while !joined.exists() {
        assert!(!page.is_finished(), "the page did not join");
        std::thread::sleep(Duration::from_millis(50));
    }
    server.stop();
    let server = Server::start(Config { listen, ..Config::loopback() }).unwrap();
    let seen = page.join().unwrap();
    assert_eq!(seen["rejoin"], "live", "{seen}");
    server.stop();
}

/// Passes messages between nodes until the sender is dropped.
fn connect(mut nodes: Vec<BusClient>, stop: &Receiver<()>) {
    while stop.try_recv() != Err(TryRecvError::Disconnected) {
        for index in 0..nodes.len() {
            while let Some(message) = nodes[index].try_next() {
                nodes.iter().for_each(|node| node.deliver(&message));
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_page_continues_at_another_node_of_a_cluster() {
    let place = Place::new("elsewhere");
    // Each node has to know the origin of the other one's pages.
    let ports = [(); 2].map(|()| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    });
    let (_running, stop) = channel();
    let (mut servers, mut clients) = (Vec::new(), Vec::new());
    for (listen, other) in [(ports[0], ports[1]), (ports[1], ports[0])] {
        let (bus, client) = bus();
        clients.push(client);
        let mut access = Access::open();
        access.add_origin(&format!("http://{other}")).unwrap();
        let cluster = Some(ClusterConfig { bus, url: Some(format!("http://{listen}")) });
        let config = Config { listen, access, cluster, ..Config::loopback() };
        servers.push(Server::start(config).unwrap());
    }
    std::thread::spawn(move || connect(clients, &stop));
    let Some(mut chromium) = chromium(&servers[0], &place, "elsewhere") else { return };
    let joined = place.path("joined");
    chromium.env("JOINED_FILE", &joined);
    let page = std::thread::spawn(move || measure(&mut chromium));
    while !joined.exists() {
        assert!(!page.is_finished(), "the page did not join");
        std::thread::sleep(Duration::from_millis(50));
    }
    servers.remove(0).stop();
    let seen = page.join().unwrap();
    assert_eq!(seen["elsewhere"], "live", "{seen}");
}

#[test]
fn firefox_and_chromium_meet() {
    let place = Place::new("mixed");
    if Browser::Firefox.scripts("Firefox in a room").is_none() {
        return;
    }
    let server = Server::start(Config::loopback()).unwrap();
    let script = scripts().join("firefox.mjs");
    let mut firefox = Command::new("node");
    firefox.arg(script).args([&server.url(), "mixed", "room"]);
    let Some(mut chromium) = chromium(&server, &place, "mixed") else { return };
    let [firefox, chromium] = measure_both(&mut firefox, &mut chromium);
    assert!(chromium["mixed"]["decoded"].as_u64() > Some(30), "{chromium}");
    assert!(firefox["room"]["decoded"].as_u64() > Some(30), "{firefox}");
    assert!(!firefox["room"]["sent"].as_array().unwrap().is_empty(), "{firefox}");
}

/// Sections of a member that only listens: it receives one video.
fn viewer() -> [MediaPlan; 2] {
    let microphone = MediaPlan { kind: Kind::Audio, ..plan(Direction::SendOnly) };
    [microphone, plan(Direction::ReceiveOnly)]
}

#[test]
fn members_know_each_other_and_the_room_ends_with_the_last() {
    let server = Server::start(Config::loopback()).unwrap();
    let mut ann = Caller::call(&server, "/room/team", &viewer(), None, false);
    assert!(ann.live(LONG, |it| it.connected && it.lines.len() >= 2), "{:?}", ann.lines);
    assert_eq!(ann.lines[0]["type"], "hello");
    assert_eq!(ann.lines[1]["people"].as_array().unwrap().len(), 1);
    let mut bob = Caller::call(&server, "/room/team", &viewer(), None, false);
    let sees_two = |it: &Caller| {
        it.lines.iter().any(|line| line["people"].as_array().is_some_and(|it| it.len() == 2))
    };
    assert!(bob.live(LONG, sees_two), "{:?}", bob.lines);
    assert!(ann.live(LONG, sees_two), "{:?}", ann.lines);
    let sessions = server.sessions().json();
    assert_eq!((&sessions[0]["kind"], &sessions[1]["stream"]), (&"room".into(), &"team".into()));
    let metrics = request(server.address(), "GET", "/metrics", &[]);
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "codec_healthy 1\n",
        "codec_sessions_started_total 2\n",
        "codec_sessions{kind=\"room\"} 2\n",
        "codec_sessions{kind=\"whip\"} 0\n",
        "codec_room_members{room=\"team\"} 2\n",
    ] {
        assert!(metrics.body.contains(line), "{line:?} is not in {}", metrics.body);
    }
    assert!(metrics.body.ends_with("# EOF\n"));
    assert_eq!(request(server.address(), "GET", "/healthz", &[]).status, 200);
    ann.lines.clear();
    assert_eq!(request(server.address(), "DELETE", &bob.session, &[]).status, 200);
    let is_alone = |it: &Caller| {
        it.lines.iter().any(|line| line["people"].as_array().is_some_and(|it| it.len() == 1))
    };
    assert!(ann.live(LONG, is_alone), "{:?}", ann.lines);
}

#[test]
fn rooms_require_both_scopes_and_a_valid_name() {
    let server = guarded();
    let page = request(server.address(), "GET", "/r/team", &[]);
    assert!(page.status == 200 && page.body.contains("/room.js"), "{page:?}");
    let join = |path: &str, token: &str| {
        // Wrong tokens limit the rate of later attempts.
        std::thread::sleep(Duration::from_millis(150));
        let (name, value) = bearer(token);
        request_with(server.address(), "POST", path, &[SDP, (name, &value)], "v=0")
    };
    assert_eq!(join("/room/team", "wrong-token-1").status, 401);
    assert_eq!(join("/room/team", VIEW).status, 403);
    assert_eq!(join("/room/team", PUBLISH).status, 403);
    let (name, value) = bearer(VIEW);
    assert_eq!(request(server.address(), "GET", "/metrics", &[(name, &value)]).status, 403);
    let wrong = join("/room/team", ADMIN);
    assert!(wrong.status == 400 && wrong.body.contains("invalid SDP"), "{wrong:?}");
    let wrong = join("/room/.team", ADMIN);
    assert!(wrong.status == 400 && wrong.body.contains("invalid name of a room"), "{wrong:?}");
    assert_eq!(server.sessions().count(), 0);
}

#[test]
fn a_full_room_rejects_others() {
    let limits = Limits { viewers: 1, ..Limits::default() };
    let server = Server::start(Config { limits, ..Config::loopback() }).unwrap();
    let mut ann = Caller::call(&server, "/room/team", &viewer(), None, false);
    assert!(ann.live(LONG, |it| !it.lines.is_empty()));
    let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
    let rejected = request_with(server.address(), "POST", "/room/team", &[SDP], offer);
    assert_eq!(rejected.status, 503, "{rejected:?}");
    assert!(rejected.body.contains("members of this room"), "{rejected:?}");
}
