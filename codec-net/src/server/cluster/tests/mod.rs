//! Conferences of several nodes in virtual time, with links that lose packets.

mod files;
mod history;
mod lobby;
mod outage;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use codec_webrtc::{Forwarded, Mid};
use serde_json::{Value, json};

use super::super::conference::tests::{CAMERA, audio_packet, sections, video_packet};
use super::super::conference::{Action, Conferences, Input, Invitation, Person};
use super::super::limits::Limits;
use super::super::outcome::EndReason;
use super::{Cluster, ClusterEvent, FetchError, Identity};

const TEAM: &str = "team";
/// Heights of the layers of a camera, by RID.
const LAYERS: [(&str, u16, usize); 2] = [("l", 180, 200), ("h", 720, 1000)];

struct Node {
    cluster: Cluster,
    conferences: Conferences,
    is_running: bool,
    /// Members of this node that have not left.
    actions: Vec<(u64, Action)>,
    /// Sequence numbers of media that came over links, by the number of the node and the SSRC.
    arrived: BTreeMap<(u64, u32), Vec<u16>>,
}

struct World {
    now: Duration,
    nodes: Vec<Node>,
    has_bus: bool,
    frame: u16,
    /// Members with a camera, by node, and whether each layer sends.
    cameras: BTreeMap<(usize, u64), [bool; 2]>,
    /// Layers whose next frame is a key frame.
    keys: BTreeSet<(usize, u64, usize)>,
    speakers: BTreeSet<(usize, u64)>,
    lost_percent: u64,
    count: u64,
    /// Ends of fetches of files, with the index of the node.
    fetched: Vec<(usize, Result<(), FetchError>)>,
    /// Read marks on the bus.
    marks: usize,
}

fn address(index: usize) -> std::net::SocketAddr {
    ([192, 0, 2, 1], 1000 + u16::try_from(index).unwrap()).into()
}

impl World {
    fn new(count: usize) -> Self {
        let nodes = (0..count).map(|index| {
            let random = [u8::try_from(index).unwrap() + 1; 48];
            let url = Some(format!("https://{index}.example"));
            let identity = Identity::new(random, vec![address(index)], url);
            let mut conferences = Conferences::new(Limits::default(), false, Duration::ZERO, None);
            conferences.set_clustered(identity.url.as_deref());
            Node {
                cluster: Cluster::new(identity),
                conferences,
                is_running: true,
                actions: Vec::new(),
                arrived: BTreeMap::new(),
            }
        });
        Self {
            now: Duration::ZERO,
            nodes: nodes.collect(),
            has_bus: true,
            frame: 0,
            cameras: BTreeMap::new(),
            keys: BTreeSet::new(),
            speakers: BTreeSet::new(),
            lost_percent: 0,
            count: 0,
            fetched: Vec::new(),
            marks: 0,
        }
    }

    /// Joins as a moderator.
    fn join(&mut self, node: usize, id: u64, videos: usize) {
        self.join_as(node, id, &format!("{node} {id}"), true, videos);
    }

    fn join_as(&mut self, node: usize, id: u64, person: &str, moderates: bool, videos: usize) {
        let person = Person::of(TEAM, "test", person);
        let name = Some(format!("Member {id}").into());
        let invitation = Invitation { person, moderates, subject: None, name };
        self.input(node, id, Input::Join { room: TEAM.into(), invitation, session: id });
        for media in sections(videos, 2) {
            self.input(node, id, Input::Section(media));
        }
        self.input(node, id, Input::Open);
    }

    fn input(&mut self, node: usize, id: u64, input: Input) {
        self.nodes[node].conferences.handle(self.now, id, input);
    }

    fn say(&mut self, node: usize, id: u64, message: &Value) {
        self.input(node, id, Input::Message(message.to_string()));
    }

    fn leave(&mut self, node: usize, id: u64) {
        self.cameras.remove(&(node, id));
        self.speakers.remove(&(node, id));
        self.input(node, id, Input::Leave(EndReason::Closed));
    }

    /// Requests a tile of this height of each camera.
    fn view(&mut self, node: usize, id: u64, height: u32) {
        let people = self.people(node, id);
        let tiles = people.iter().map(|it| it["id"].as_u64().unwrap());
        let tiles: Vec<_> =
            tiles.map(|id| json!({ "id": id, "source": "camera", "height": height })).collect();
        self.say(node, id, &json!({ "type": "view", "heights": tiles }));
    }

    /// The last list of people that a member got.
    fn people(&self, node: usize, id: u64) -> Vec<Value> {
        let texts = self.texts(node, id);
        let last = texts.iter().rev().find(|it| it["type"] == "people");
        last.and_then(|it| it["people"].as_array().cloned()).unwrap_or_default()
    }

    fn texts(&self, node: usize, id: u64) -> Vec<Value> {
        let own = self.nodes[node].actions.iter().filter(|(member, _)| *member == id);
        let texts = own.filter_map(|(_, action)| match action {
            Action::Tell(text) => serde_json::from_str(text).ok(),
            _ => None,
        });
        texts.collect()
    }

    /// Packets of a member's sections of this kind, `v` or `a`, in the order of sections.
    fn packets(&self, node: usize, id: u64, kind: &str) -> Vec<Vec<Forwarded>> {
        let mut sections: BTreeMap<Mid, Vec<Forwarded>> = BTreeMap::new();
        for (member, action) in &self.nodes[node].actions {
            if let Action::Send(mid, packet) = action
                && *member == id
                && mid.to_string().starts_with(kind)
            {
                sections.entry(*mid).or_default().push(packet.clone());
            }
        }
        sections.into_values().collect()
    }

    fn clear(&mut self) {
        for node in &mut self.nodes {
            // The list of people stays.
            node.actions.retain(|(_, action)| match action {
                Action::Tell(text) => text.contains(r#""type":"people""#),
                _ => false,
            });
            node.arrived.clear();
        }
    }

    fn publish(&mut self, node: usize, id: u64) {
        self.cameras.insert((node, id), [true; 2]);
        self.keys.extend([(node, id, 0), (node, id, 1)]);
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.now += Duration::from_millis(10);
            let step = self.now.as_millis() / 10;
            if step.is_multiple_of(3) {
                self.send_cameras();
            }
            if step.is_multiple_of(2) {
                for (node, id) in self.speakers.clone() {
                    let sequence = u16::try_from(step / 2 % 65_536).unwrap();
                    let packet = audio_packet(self.now, sequence, 20 + (sequence % 7) as u8 * 5);
                    self.input(node, id, Input::Packet(Box::new(packet)));
                }
            }
            self.exchange();
        }
    }

    fn send_cameras(&mut self) {
        self.frame = self.frame.wrapping_add(1);
        for ((node, id), is_on) in self.cameras.clone() {
            for (layer, (rid, height, bytes)) in LAYERS.into_iter().enumerate() {
                if !is_on[layer] {
                    continue;
                }
                let is_key = self.keys.remove(&(node, id, layer));
                // The payload descriptor, and the header of a frame with its size.
                let mut payload = vec![0x10, u8::from(!is_key), 0, 0, 0x9d, 1, 0x2a, 0, 1];
                payload.extend(height.to_le_bytes());
                payload.resize(bytes, 0);
                let ssrc = 100 * u32::try_from(id).unwrap() + u32::try_from(layer).unwrap();
                let (now, frame) = (self.now, self.frame);
                let packet = video_packet(now, CAMERA, ssrc, Some(rid), frame, &payload);
                self.input(node, id, Input::Packet(Box::new(packet)));
            }
        }
    }

    /// Passes messages, datagrams, events and relays until nothing is left for this moment.
    fn exchange(&mut self) {
        let now = self.now;
        for _ in 0..4 {
            for index in 0..self.nodes.len() {
                self.step(index, now);
            }
        }
    }

    fn step(&mut self, index: usize, now: Duration) {
        let node = &mut self.nodes[index];
        if !node.is_running {
            return;
        }
        node.conferences.handle_timeout(now);
        node.cluster.handle_timeout(now);
        while let Some(event) = node.cluster.poll_event() {
            if let ClusterEvent::Packet { node: number, ssrc, data, .. } = &event {
                let sequence = codec_rtc::rtp::parse(data).unwrap().header.sequence;
                node.arrived.entry((*number, *ssrc)).or_default().push(sequence);
            }
            if let ClusterEvent::Fetched { result, .. } = &event {
                self.fetched.push((index, result.clone()));
            }
            let _ = event.deliver(now, &mut node.conferences);
        }
        if now.as_millis().is_multiple_of(100) {
            let shared = node.conferences.shared();
            node.cluster.set_rooms(now, shared);
        }
        while let Some((room, relay)) = node.conferences.poll_relay() {
            node.cluster.relay(now, room, relay);
        }
        while let Some((id, action)) = node.conferences.poll_action() {
            if let Action::RequestKeyFrame(ssrc) = action {
                self.keys.insert((index, id, (ssrc % 100) as usize));
            }
            if let Action::Tell(text) = &action {
                let text: Value = serde_json::from_str(text).unwrap();
                if text["type"] == "encoding"
                    && let Some(is_on) = self.cameras.get_mut(&(index, id))
                {
                    let layer = LAYERS.iter().position(|it| text["rid"] == it.0).unwrap();
                    is_on[layer] = text["on"] == true;
                }
            }
            node.actions.push((id, action));
        }
        let messages: Vec<_> = std::iter::from_fn(|| node.cluster.poll_message()).collect();
        let datagrams: Vec<_> = std::iter::from_fn(|| node.cluster.poll_transmit()).collect();
        for message in messages.iter().filter(|_| self.has_bus) {
            self.marks +=
                usize::from(String::from_utf8_lossy(message).contains(r#""type":"read""#));
            for other in self.nodes.iter_mut().filter(|it| it.is_running) {
                other.cluster.handle_message(now, message);
            }
        }
        for datagram in datagrams {
            self.count = self.count.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if (self.count >> 33) % 100 < self.lost_percent {
                continue;
            }
            let to = datagram.destination.port().checked_sub(1000).map(usize::from);
            if let Some(other) = to.and_then(|to| self.nodes.get_mut(to)).filter(|it| it.is_running)
            {
                assert!(other.cluster.handle_datagram(now, datagram.source, &datagram.payload));
            }
        }
    }

    /// Frames per 990 ms that a member gets on each section of video, from now on.
    fn frame_rates(&mut self, node: usize, id: u64) -> Vec<usize> {
        self.clear();
        self.run(990);
        self.packets(node, id, "v").iter().map(Vec::len).collect()
    }
}

/// Two publishers at two nodes, and a viewer at a third one.
fn three_nodes() -> World {
    let mut world = World::new(3);
    world.join(0, 1, 4);
    world.join(1, 2, 4);
    world.join(2, 3, 4);
    world.run(500);
    world.publish(0, 1);
    world.publish(1, 2);
    world.run(3000);
    world
}

#[test]
fn members_of_several_nodes_see_and_hear_each_other() {
    let mut world = three_nodes();
    for (node, id) in [(0, 1), (1, 2), (2, 3)] {
        let people = world.people(node, id);
        let names: Vec<_> = people.iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(people.iter().filter(|it| it["camera"].is_string()).count() >= 1, "{people:?}");
    }
    world.speakers.insert((0, 1));
    world.run(1000);
    assert_eq!(world.frame_rates(2, 3), [33, 33]);
    assert_eq!(world.frame_rates(0, 1), [33]);
    let heard = world.packets(2, 3, "a");
    assert!(heard.len() == 1 && heard[0].len() >= 45, "{:?}", heard[0].len());
    assert!(world.packets(0, 1, "a").is_empty(), "nobody hears itself");
    world.speakers.clear();
    world.leave(0, 1);
    world.run(300);
    assert_eq!(world.people(2, 3).len(), 2);
    assert_eq!(world.frame_rates(2, 3), [33]);
}

#[test]
fn each_layer_that_is_watched_crosses_a_link_once() {
    let mut world = three_nodes();
    // Five viewers at the third node: three of the large layer, two of the small one.
    (4..=7).for_each(|id| world.join(2, id, 4));
    world.run(300);
    for id in 3..=7 {
        world.view(2, id, if id < 6 { 720 } else { 180 });
        world.input(2, id, Input::Estimate(codec_core::codec::Bitrate::kbps(5000)));
    }
    world.run(2000);
    world.clear();
    world.run(3000);
    let arrived = &world.nodes[2].arrived;
    assert_eq!(arrived.len(), 4, "two layers of two cameras");
    for (source, sequences) in arrived {
        let distinct: BTreeSet<_> = sequences.iter().collect();
        assert_eq!(distinct.len(), sequences.len(), "{source:?}");
        assert_eq!(sequences.len(), 100, "{source:?}");
    }
    for id in 3..=7 {
        assert_eq!(world.packets(2, id, "v").iter().map(Vec::len).collect::<Vec<_>>(), [100, 100]);
    }
    // The other publisher has a tile of 360 rows: one layer.
    assert_eq!(world.nodes[1].arrived.len(), 1);
    // Nobody watches the large layer any more.
    (3..=7).for_each(|id| world.view(2, id, 180));
    world.run(7000);
    world.clear();
    world.run(1000);
    assert_eq!(world.nodes[2].arrived.len(), 2);
    (3..=7).for_each(|id| world.view(2, id, 0));
    world.run(7000);
    world.clear();
    world.run(1000);
    assert_eq!(world.nodes[2].arrived.len(), 0, "nobody watches");
    world.view(2, 3, 720);
    world.run(1500);
    assert_eq!(world.frame_rates(2, 3), [33, 33], "and again");
}

#[test]
fn losses_on_links_are_repaired() {
    let mut world = three_nodes();
    world.lost_percent = 5;
    world.clear();
    world.run(5000);
    for section in world.packets(2, 3, "v") {
        assert!(section.len() >= 160, "{}", section.len());
    }
    let status = world.nodes[0].cluster.status();
    assert!(status.iter().any(|it| it.link.resent > 0), "{status:?}");
}

#[test]
fn a_dead_node_loses_its_own_members_only() {
    let mut world = three_nodes();
    world.nodes[0].is_running = false;
    world.cameras.remove(&(0, 1));
    assert_eq!(world.frame_rates(2, 3).iter().max(), Some(&33), "the other camera goes on");
    world.run(2100);
    assert_eq!(world.people(2, 3).len(), 2);
    assert_eq!(world.people(1, 2).len(), 2);
    // Its member joins at another node.
    world.join(1, 9, 4);
    world.publish(1, 9);
    world.run(1500);
    assert_eq!(world.people(2, 3).len(), 3);
    assert_eq!(world.frame_rates(2, 3), [33, 33]);
    let nodes = world.nodes[2].cluster.status();
    assert_eq!(nodes.iter().filter(|it| it.is_alive).count(), 1);
}

#[test]
fn media_and_requests_go_on_without_the_bus() {
    let mut world = three_nodes();
    world.has_bus = false;
    world.run(10_000);
    assert_eq!(world.people(2, 3).len(), 3);
    assert_eq!(world.frame_rates(2, 3), [33, 33]);
    // Other layers are chosen over the links.
    world.view(2, 3, 180);
    world.run(7000);
    assert_eq!(world.frame_rates(2, 3), [33, 33]);
    assert_eq!(world.nodes[2].arrived.len(), 2);
    // What happened meanwhile is known when the bus is back.
    world.join(1, 8, 4);
    world.leave(0, 1);
    world.run(1000);
    assert_eq!(world.people(2, 3).len(), 3, "the previous state");
    world.has_bus = true;
    world.run(1500);
    let names: BTreeSet<_> =
        world.people(2, 3).iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["Member 2", "Member 3", "Member 8"]);
}

#[test]
fn a_node_that_joins_late_or_lost_messages_learns_everything() {
    let mut world = World::new(2);
    world.nodes[1].is_running = false;
    world.join(0, 1, 4);
    world.publish(0, 1);
    world.run(3000);
    world.nodes[1].is_running = true;
    world.join(1, 2, 4);
    world.run(1500);
    assert_eq!(world.people(1, 2).len(), 2);
    assert_eq!(world.frame_rates(1, 2), [33]);
    // A message is lost.
    world.has_bus = false;
    world.say(0, 1, &json!({ "type": "muted", "audio": true, "video": false }));
    world.run(200);
    world.has_bus = true;
    world.run(1500);
    assert!(world.people(1, 2).iter().any(|it| it["muted"] == true));
}

#[test]
fn messages_reach_all_nodes_once() {
    let mut world = three_nodes();
    world.say(0, 1, &json!({ "type": "chat", "text": "Hello", "key": "1" }));
    world.say(0, 1, &json!({ "type": "chat", "text": "Hello", "key": "1" }));
    world.run(100);
    world.say(1, 2, &json!({ "type": "chat", "text": "Good morning", "key": "1" }));
    world.run(100);
    for (node, id) in [(1, 2), (2, 3)] {
        let texts = world.texts(node, id);
        let chat = texts.iter().filter(|it| it["type"] == "chat");
        let chat: Vec<_> = chat.map(|it| (&it["number"], &it["from"], &it["text"])).collect();
        let number = |it: u64| json!(it);
        let line = |from: &str, text: &str| (json!(from), json!(text));
        let (first, second) = (line("Member 1", "Hello"), line("Member 2", "Good morning"));
        let expected = [(&number(1), &first.0, &first.1), (&number(2), &second.0, &second.1)];
        assert_eq!(chat, expected);
        // Messages name the sender as the list of people does.
        let people = world.people(node, id);
        let sender = people.iter().find(|it| it["name"] == "Member 1").unwrap();
        assert_eq!(texts.iter().find(|it| it["type"] == "chat").unwrap()["id"], sender["id"]);
    }
}

#[test]
fn moderators_reach_members_of_other_nodes() {
    let mut world = three_nodes();
    let people = world.people(2, 3);
    let first = people.iter().find(|it| it["name"] == "Member 1").unwrap();
    world.say(2, 3, &json!({ "type": "mute", "id": first["id"] }));
    world.run(100);
    assert!(world.texts(0, 1).iter().any(|it| it["type"] == "mute"));
    world.say(2, 3, &json!({ "type": "remove", "id": first["id"] }));
    world.run(100);
    let removed = Action::End(EndReason::Removed);
    assert!(world.nodes[0].actions.iter().any(|(id, it)| *id == 1 && *it == removed));
    let urls = world.texts(2, 3).into_iter().rev().find(|it| it["type"] == "nodes");
    assert_eq!(urls.unwrap()["urls"], json!(["https://0.example", "https://1.example"]));
}

#[test]
fn nodes_that_stop_or_start_again_are_replaced_at_once() {
    let mut world = three_nodes();
    world.nodes[0].cluster.leave();
    world.cameras.remove(&(0, 1));
    world.run(20);
    world.nodes[0].is_running = false;
    world.run(200);
    assert_eq!(world.people(2, 3).len(), 2);
    // A process at the address of a node that was killed.
    let mut other = World::new(1).nodes.remove(0);
    let identity = Identity::new([99; 48], vec![address(1)], None);
    other.cluster = Cluster::new(identity);
    world.nodes[1] = other;
    world.cameras.clear();
    world.join(1, 5, 4);
    world.run(300);
    let names: Vec<_> = world.people(2, 3);
    assert!(names.iter().any(|it| it["name"] == "Member 5"), "{names:?}");
    assert_eq!(names.len(), 2);
}

#[test]
fn noise_from_the_bus_and_from_links_changes_nothing() {
    let mut world = three_nodes();
    let now = world.now;
    for noise in [&b"{}"[..], b"", b"[1]", b"\xff\xff"] {
        world.nodes[2].cluster.handle_message(now, noise);
    }
    assert!(world.nodes[2].cluster.handle_datagram(now, address(0), &[0x80; 100]));
    assert!(!world.nodes[2].cluster.handle_datagram(now, ([192, 0, 2, 9], 1).into(), b"x"));
    // A node that invents others is bounded.
    for index in 0..200_u8 {
        let mut random = [index; 48];
        random[20] = index.wrapping_add(1);
        let other = Identity::new(random, vec![([198, 51, 100, index], 9).into()], None);
        let mut other = Cluster::new(other);
        other.handle_timeout(now);
        world.nodes[2].cluster.handle_message(now, &other.poll_message().unwrap());
    }
    assert_eq!(world.nodes[2].cluster.status().len(), super::MAX_NODES);
    assert_eq!(world.frame_rates(2, 3), [33, 33]);
}
