//! Workers that are killed or freeze, and a NATS server that restarts.

use std::thread::sleep;
use std::time::Duration;

use super::super::rng::for_each_seed;
use super::{Cluster, Process, wait_until};

/// Time after which a chunk is given to another worker, and longer than that.
const LEASE: [&str; 2] = ["--lease", "3s"];
const LONGER: Duration = Duration::from_secs(4);

#[test]
fn killed_and_frozen_workers_do_not_change_the_output() {
    let Some(cluster) = Cluster::new(8) else { return };
    for_each_seed(2, |seed, rng| {
        let _ = std::fs::remove_dir_all(cluster.place.path("work"));
        let options = [&LEASE[..], &["--attempts", "9"]].concat();
        let start = |number: usize| cluster.worker(&format!("worker-{seed}-{number}"), &options);
        let mut workers: Vec<Process> = (0..4).map(start).collect();
        let submit = cluster.start("submit", &cluster.submit("o.mkv", &["-y", "--wait"]));
        wait_until("a worker begins", || {
            cluster.status()["workers"].as_array().unwrap().iter().any(|worker| {
                worker["running"].as_array().is_some_and(|running| !running.is_empty())
            })
        });
        let mut frozen = Vec::new();
        for number in 4..7 {
            let victim = workers.remove(rng.index(4));
            if rng.below(2) == 0 {
                drop(victim);
            } else {
                victim.signal("-STOP");
                frozen.push(victim);
            }
            workers.push(start(number));
            sleep(Duration::from_millis(300 + rng.below(500)));
        }
        sleep(LONGER);
        frozen.iter().for_each(|worker| worker.signal("-CONT"));
        assert_eq!(submit.code(), Some(0), "{}", cluster.log("submit"));
        cluster.assert_whole("o.mkv");
        let status = cluster.status();
        let attempts = status["jobs"][0]["attempts"].as_u64().unwrap();
        assert!((8..=8 + 3).contains(&attempts), "{status}");
        assert_eq!(status["jobs"][0]["state"], "done", "{status}");
        // Frozen workers may still encode a chunk that another one has completed.
        workers.into_iter().chain(frozen).for_each(Process::end);
        assert_eq!(cluster.leftovers(), [""; 0]);
        assert_eq!(cluster.results().len(), 8);
    });
}

#[test]
fn jobs_survive_a_restart_of_the_server() {
    let Some(mut cluster) = Cluster::new(6) else { return };
    let workers: Vec<Process> =
        (0..2).map(|number| cluster.worker(&format!("worker-{number}"), &LEASE)).collect();
    let submit = cluster.start("submit", &cluster.submit("o.mkv", &["--wait"]));
    wait_until("a chunk is complete", || !cluster.results().is_empty());
    cluster.nats.kill();
    sleep(Duration::from_secs(3));
    cluster.nats.restart();
    assert_eq!(submit.code(), Some(0), "{}", cluster.log("submit"));
    assert!(cluster.log("submit").contains("cannot be reached"), "{}", cluster.log("submit"));
    cluster.assert_whole("o.mkv");
    workers.into_iter().for_each(Process::end);
    assert_eq!(cluster.leftovers(), [""; 0]);
}
