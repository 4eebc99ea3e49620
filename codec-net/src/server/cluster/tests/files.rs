//! Files attached to messages from other nodes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::super::super::conference::RoomStorage;
use super::super::super::room_files::{FileInfo, Found, RoomFiles};
use super::super::super::uploads::{Progress, UploadError};
use super::super::link::{FilePart, FileRequest};
use super::*;
use crate::random::hex;

/// Nodes that store files.
struct Stores {
    world: World,
    folder: PathBuf,
    files: Vec<Arc<RoomFiles>>,
}

impl Drop for Stores {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| u8::try_from(index * index % 251).unwrap()).collect()
}

impl Stores {
    /// Nodes with a member each: member 1 at the first one, and so on.
    fn new(name: &str, count: usize) -> Self {
        let folder = format!("codec-node-files-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let _ = fs::remove_dir_all(&folder);
        let mut stores = Self { world: World::new(count), folder, files: Vec::new() };
        for index in 0..count {
            let folder = stores.folder.join(index.to_string());
            let limits = Limits::default();
            let storage = RoomStorage::open(&folder, &limits, &Arc::default()).unwrap();
            let files = Arc::clone(&storage.files);
            stores.files.push(Arc::clone(&files));
            let node = &mut stores.world.nodes[index];
            node.conferences = Conferences::new(limits, false, Duration::ZERO, Some(storage));
            node.conferences.set_clustered(node.cluster.url());
            node.cluster.set_files(files);
        }
        stores.world.run(2000);
        for index in 0..count {
            stores.world.join(index, index as u64 + 1, 1);
        }
        stores.world.run(300);
        stores
    }

    /// A member of the first node sends a file; returns its id.
    fn send(&mut self, bytes: &[u8]) -> String {
        let sha256 = hex(&Sha256::digest(bytes));
        let files = &self.files[0];
        let total = bytes.len() as u64;
        let (upload, _) = files.store().begin("", "a.webm", total, &sha256).unwrap();
        let Ok(Progress::Stored(name)) = upload.write(0, bytes) else { panic!() };
        let id = files.add(&name, FileInfo::new("a.webm", "audio/webm", total)).unwrap();
        let offer = json!({
            "type": "file", "id": 7, "text": "Listen", "kind": "voice", "name": "a.webm",
            "mediaType": "audio/webm", "bytes": total, "sha256": sha256, "duration": 900,
        });
        self.world.say(0, 1, &offer);
        self.world.run(10);
        let mut actions = self.world.nodes[0].actions.iter().rev();
        let offer = actions.find_map(|(_, it)| match it {
            Action::Receive(offer) => Some(offer.clone()),
            _ => None,
        });
        self.world.input(0, 1, Input::Stored(offer.unwrap(), id.clone()));
        self.world.run(100);
        id
    }

    fn fetch(&mut self, node: usize, id: &str) {
        let now = self.world.now;
        self.world.nodes[node].cluster.fetch_file(now, id);
    }

    fn stored(&self, node: usize, id: &str) -> Option<Vec<u8>> {
        self.files[node].read(id, 0, usize::MAX)
    }

    fn results(&mut self) -> Vec<Result<(), FetchError>> {
        std::mem::take(&mut self.world.fetched).into_iter().map(|it| it.1).collect()
    }
}

#[test]
fn a_file_of_another_node_is_fetched_once_and_then_here() {
    let mut stores = Stores::new("fetch", 3);
    let bytes = content(400_001);
    let id = stores.send(&bytes);
    let chat = stores.world.texts(1, 2).into_iter().find(|it| it["type"] == "chat").unwrap();
    assert_eq!((&chat["text"], &chat["attachment"]["file"]), (&json!("Listen"), &json!(id)));
    assert!(matches!(stores.files[1].find(&id), Ok(Found::Elsewhere)));
    stores.fetch(1, &id);
    stores.fetch(1, &id);
    stores.world.run(500);
    assert_eq!(stores.results(), [Ok(())]);
    assert_eq!(stores.stored(1, &id), Some(bytes.clone()));
    stores.fetch(1, &id);
    stores.world.run(10);
    assert_eq!(stores.results(), [Ok(())], "it is here");
    // The first node is gone: the third one gets it from the second one.
    stores.world.nodes[0].is_running = false;
    stores.world.run(4000);
    stores.fetch(2, &id);
    stores.world.run(500);
    assert_eq!((stores.results(), stores.stored(2, &id)), (vec![Ok(())], Some(bytes)));
}

#[test]
fn two_files_with_the_same_content_are_both_fetched() {
    let mut stores = Stores::new("same", 2);
    let bytes = content(10_000);
    let ids = [stores.send(&bytes), stores.send(&bytes)];
    ids.iter().for_each(|id| stores.fetch(1, id));
    stores.world.run(500);
    assert_eq!(stores.results(), [Ok(()), Ok(())]);
    assert!(ids.iter().all(|id| stores.stored(1, id).as_ref() == Some(&bytes)));
}

#[test]
fn lost_packets_and_a_node_that_dies_do_not_damage_a_file() {
    let mut stores = Stores::new("losses", 3);
    let bytes = content(2_000_000);
    let id = stores.send(&bytes);
    stores.fetch(1, &id);
    stores.world.run(1000);
    stores.world.lost_percent = 20;
    stores.fetch(2, &id);
    stores.world.run(2000);
    assert!(matches!(stores.files[2].find(&id), Ok(Found::Elsewhere)));
    // What came so far stays, and the rest comes from another node.
    stores.world.nodes[0].is_running = false;
    stores.world.run(30_000);
    stores.world.lost_percent = 0;
    assert_eq!(stores.results(), [Ok(()), Ok(())]);
    assert_eq!(stores.stored(2, &id), Some(bytes));
}

#[test]
fn a_file_of_a_dead_node_is_refused_in_words() {
    let mut stores = Stores::new("dead", 3);
    let id = stores.send(&content(100_000));
    stores.world.nodes[0].is_running = false;
    stores.fetch(1, &id);
    stores.world.run(6000);
    let results = stores.results();
    assert_eq!(results, [Err(FetchError::NoNode)]);
    let words = results[0].as_ref().unwrap_err().to_string();
    assert_eq!(words, "the server with this file cannot be reached");
    // An unknown file, and one whose message is gone.
    stores.fetch(1, &"0b".repeat(16));
    stores.world.run(10);
    assert_eq!(stores.results(), [Ok(())], "nothing is missing");
}

#[test]
fn files_with_another_digest_are_not_stored() {
    let mut stores = Stores::new("digest", 2);
    let bytes = content(100_000);
    let id = stores.send(&bytes);
    let mut changed = bytes;
    changed[70_000] ^= 1;
    fs::write(stores.folder.join("0").join(&id), &changed).unwrap();
    stores.fetch(1, &id);
    stores.world.run(500);
    assert_eq!(stores.results(), [Err(FetchError::Store(UploadError::DigestMismatch))]);
    assert_eq!(stores.stored(1, &id), None);
}

#[test]
fn transfers_are_limited_and_parts_that_were_not_requested_are_ignored() {
    let mut stores = Stores::new("limits", 2);
    let ids: Vec<_> = (1..=9).map(|index| stores.send(&content(5000 + index))).collect();
    stores.world.nodes[0].is_running = false;
    for id in &ids {
        stores.fetch(1, id);
    }
    // The ninth one waits with others, which nobody has.
    for index in 0..64 {
        stores.fetch(1, &format!("{index:032x}"));
    }
    stores.world.run(10);
    assert_eq!(stores.results(), [Err(FetchError::TooMany)]);
    let now = stores.world.now;
    let part = |transfer, offset, bytes| FilePart { transfer, offset, data: vec![0; bytes] };
    for (number, part) in [
        (1, part(0, 1200, 1200)),
        (1, part(0, 0, 1199)),
        (1, part(99, 0, 1200)),
        (2, part(0, 0, 1200)),
    ] {
        stores.world.nodes[1].cluster.handle_file_part(now, number, part);
    }
    stores.world.nodes[0].is_running = true;
    stores.world.run(1000);
    assert_eq!(stores.results(), vec![Ok(()); 9 + 63]);
    assert!(ids.iter().all(|id| stores.stored(1, id).is_some()));
    // A node that asks for more than its share gets nothing more for a moment.
    let request = FileRequest { transfer: 5, file: [7; 16], offset: 0, parts: 64 };
    let node = &mut stores.world.nodes[0].cluster;
    let mut answers = 0;
    for _ in 0..2000 {
        node.handle_file_request(now, 1, request);
        answers += std::iter::from_fn(|| node.poll_transmit()).count();
    }
    assert!((450..=510).contains(&answers), "{answers}");
}

#[test]
fn repeated_parts_do_not_keep_a_fetch_alive() {
    let mut stores = Stores::new("repeats", 2);
    let id = stores.send(&content(9000));
    stores.world.lost_percent = 100;
    stores.fetch(1, &id);
    for _ in 0..30 {
        let now = stores.world.now;
        // The first part makes the node the source; a later one leaves a gap.
        for offset in [0, 4800] {
            let part = FilePart { transfer: 0, offset, data: vec![0; 1200] };
            stores.world.nodes[1].cluster.handle_file_part(now, 1, part);
        }
        stores.world.run(200);
    }
    assert_eq!(stores.results(), [Err(FetchError::Stopped)]);
}
