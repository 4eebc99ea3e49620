//! The page of a room in Chromium: after its node is killed, it joins the room on another node.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;

use super::browsers::Browser;
use super::nats::Nats;
use super::node::{Node, Pages};
use super::{PATIENCE, alone};

/// Time from the death of a node until its pages are in the room again, at most. A page takes 3 s of silence for the end of
/// its node, then joins in about a second; tests share the machine.
const LIMIT: Duration = Duration::from_secs(20);

/// A second of grey video for the fake camera.
fn camera(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("camera.y4m");
    let frame = [&b"FRAME\n"[..], &vec![128; 320 * 180 * 3 / 2]].concat();
    fs::write(&path, [&b"YUV4MPEG2 W320 H180 F30:1\n"[..], &frame.repeat(30)].concat()).unwrap();
    path
}

/// Two addresses that are free now: each node has to know the origin of the other one's pages.
fn addresses() -> [SocketAddr; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

/// Milliseconds since 1970, as in JavaScript.
fn unix_ms() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(time.as_millis()).unwrap()
}

/// Waits until the page has joined.
fn wait_until_joined(page: &mut Child, joined: &Path) {
    let begin = Instant::now();
    while !joined.exists() {
        assert!(page.try_wait().unwrap().is_none(), "the page did not join");
        assert!(begin.elapsed() < PATIENCE, "the page does not join");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_page_joins_another_node_when_its_node_dies() {
    let _alone = alone();
    let (Some(scripts), Some(nats)) =
        (Browser::Chromium.scripts("a node that dies"), Nats::with(&[]))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = addresses();
    let start = |listen, other| Node::with_pages(&nats.url(), &Pages { listen, other });
    let (mut node, other) = (start(one, other), start(other, one));
    let joined = folder.path().join("joined");
    let mut page = Command::new("node");
    page.arg(scripts.join("rooms.mjs")).arg(format!("http://{one}/"));
    page.arg(camera(&folder)).arg("elsewhere").env("JOINED_FILE", &joined);
    let mut page = page.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until_joined(&mut page, &joined);
    let died = unix_ms();
    node.kill();
    let output = page.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["elsewhere"], "live", "{seen}");
    let took = Duration::from_millis(seen["liveAt"].as_u64().unwrap() - died);
    println!("the page is in the room again after {took:?}");
    assert!(took < LIMIT, "{took:?}");
    drop(other);
}
