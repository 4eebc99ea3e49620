//! Rooms on several nodes with a real NATS server, native peers and a browser.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests: a panic is the report"
)]

mod browser;
#[path = "../../../tests/src/browsers.rs"]
#[expect(unreachable_pub, dead_code, reason = "shared with the tests of other crates")]
mod browsers;
#[path = "../../../tests/src/depth.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of other crates")]
mod depth;
mod member;
mod nats;
mod node;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use codec_net::clock::Clock;
use member::Member;
use nats::Nats;
use node::Node;

/// Viewers of all nodes.
const VIEWERS: usize = 30;
/// Limit of the time for anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);
/// A viewer without frames for this time joins at another node.
const SILENCE: Duration = Duration::from_millis(1500);
/// The longest time without frames that is not a freeze: tests share the machine.
const FREEZE: Duration = Duration::from_millis(1200);

/// One test at a time: each needs the machine.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The process of a node, which a test starts.
#[test]
fn node_process() {
    node::run();
}

struct World {
    clock: Clock,
    nodes: Vec<Node>,
    publishers: Vec<Member>,
    /// Viewers, with the node that each is connected to.
    viewers: Vec<(usize, Member)>,
}

impl World {
    fn start(nats: &Nats) -> Self {
        let nodes: Vec<_> = (0..3).map(|_| Node::start(&nats.url())).collect();
        let clock = Clock::start();
        let address = |index: usize| nodes[index].address;
        let publishers =
            (0..2).map(|index| Member::join(address(index), clock, 100 + index, true).unwrap());
        let publishers = publishers.collect();
        let viewers = (0..VIEWERS).map(|index| {
            (index % 3, Member::join(address(index % 3), clock, index, false).unwrap())
        });
        let viewers = viewers.collect();
        Self { clock, nodes, publishers, viewers }
    }

    /// Runs until a condition holds; returns the time that it took.
    fn run_until(&mut self, what: &str, is_reached: impl Fn(&Self) -> bool) -> Duration {
        let begin = Instant::now();
        while !is_reached(self) {
            assert!(begin.elapsed() < PATIENCE, "{what}");
            self.poll();
        }
        begin.elapsed()
    }

    fn run_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.poll();
        }
    }

    fn poll(&mut self) {
        let mut is_busy = false;
        for member in self.publishers.iter_mut().chain(self.viewers.iter_mut().map(|it| &mut it.1))
        {
            is_busy |= member.poll();
        }
        if !is_busy {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Viewers whose node is gone join at the next one.
    fn rejoin(&mut self, dead: usize) {
        let now = self.clock.now();
        for (node, viewer) in &mut self.viewers {
            let is_silent = viewer.last_frame().is_none_or(|at| now.saturating_sub(at) > SILENCE);
            if *node == dead && is_silent {
                *node = (dead + 1 + viewer.name % 2) % 3;
                let address = self.nodes[*node].address;
                *viewer = Member::join(address, self.clock, viewer.name + 50, false).unwrap();
            }
        }
    }

    fn all_play(&self) -> bool {
        let plays =
            |viewer: &Member| viewer.frames.values().filter(|times| times.len() >= 5).count() == 2;
        self.viewers.iter().all(|(_, viewer)| plays(viewer))
    }

    /// The longest time without a frame of a source that a viewer has had since `from`.
    fn longest_gap(&self, viewer: &Member, from: Duration) -> Duration {
        let now = self.clock.now();
        let gaps = viewer.frames.values().flat_map(|times| {
            let recent = times.iter().copied().filter(|time| *time >= from);
            let points: Vec<_> = [from].into_iter().chain(recent).chain([now]).collect();
            points.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>()
        });
        gaps.max().unwrap_or(Duration::MAX)
    }

    fn assert_no_freeze(&self, from: Duration, without: Option<usize>) {
        for (node, viewer) in &self.viewers {
            if Some(*node) != without {
                let gap = self.longest_gap(viewer, from);
                assert!(gap < FREEZE, "viewer {} at node {node}: {gap:?}", viewer.name);
            }
        }
    }
}

#[test]
fn a_room_survives_the_death_of_a_node_and_of_the_nats_server() {
    if depth::skips_long() {
        return;
    }
    let _alone = alone();
    let Some(mut nats) = Nats::with(&[]) else { return };
    let mut world = World::start(&nats);
    let took = world.run_until("all viewers see both publishers", World::all_play);
    println!("all {VIEWERS} viewers play after {took:?}");
    world.run_until("all know each other", |world| {
        world.viewers.iter().all(|(_, viewer)| viewer.people == VIEWERS + 2)
    });
    assert!(world.nodes.iter().all(|node| node.others() == 2));

    // Ten viewers at each node, and each packet crosses a link at most once.
    world.run_for(Duration::from_secs(2));
    for (node, publisher) in world.nodes.iter().zip(&world.publishers) {
        let sent = node.sent();
        println!("published {} packets, sent on links {sent:?}", publisher.sent);
        assert_eq!(sent.len(), 2);
        assert!(sent.iter().all(|sent| (1..=publisher.sent).contains(sent)), "{sent:?}");
    }
    assert_eq!(world.nodes[2].sent().iter().sum::<u64>(), 0, "nobody publishes there");

    // The NATS server is away for 10 s: media go on.
    let from = world.clock.now();
    nats.kill();
    world.run_for(Duration::from_secs(10));
    world.assert_no_freeze(from, None);
    nats.restart();
    world.run_for(Duration::from_secs(2));
    world.assert_no_freeze(from, None);

    // A node is killed: its viewers play again, the others see nothing of it.
    let from = world.clock.now();
    world.nodes[2].kill();
    let begin = Instant::now();
    while world.viewers.iter().any(|(node, _)| *node == 2) || !world.all_play() {
        assert!(begin.elapsed() < PATIENCE, "the viewers of the dead node play again");
        world.poll();
        world.rejoin(2);
    }
    let took = begin.elapsed();
    println!("the viewers of the dead node play after {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let others: Vec<_> = world.viewers.iter().filter(|(_, it)| it.name < VIEWERS).collect();
    assert_eq!(others.len(), 20);
    for (_, viewer) in others {
        let gap = world.longest_gap(viewer, from);
        assert!(gap < FREEZE, "viewer {}: {gap:?}", viewer.name);
    }
    world.run_until("the dead node is forgotten", |world| {
        let live = world.viewers.iter().all(|(_, viewer)| viewer.people == VIEWERS + 2);
        live && world.nodes[..2].iter().all(|node| node.others() == 1)
    });
}
