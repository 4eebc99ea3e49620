//! `codec serve --cluster`: servers that share rooms.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::super::Place;
use super::super::serve::Server;
use super::nats::Nats;
use super::wait_until;

/// Number of other nodes that a server knows, by its metrics.
fn nodes(server: &Server) -> Option<usize> {
    let mut connection = TcpStream::connect(&server.address).unwrap();
    let host = &server.address;
    write!(connection, "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let count = answer.lines().find_map(|line| line.strip_prefix("codec_cluster_nodes "));
    count.map(|count| count.parse().unwrap())
}

#[test]
fn servers_find_each_other_and_notice_the_end_of_one() {
    // Without JetStream, which rooms do not need.
    let Some(mut nats) = Nats::with(&[]) else { return };
    let (place, url) = (Place::new(), nats.url());
    let start = || Server::start(&place, &["--cluster", &url]);
    let (one, other) = (start(), start());
    wait_until("both know each other", || [&one, &other].map(nodes) == [Some(1); 2]);
    let third = start();
    wait_until("all know each other", || [&one, &other, &third].map(nodes) == [Some(2); 3]);
    drop(other);
    wait_until("the others notice its end", || [&one, &third].map(nodes) == [Some(1); 2]);
    nats.kill();
    nats.restart();
    let fourth = start();
    wait_until("it is found after a restart of NATS", || {
        [&one, &third, &fourth].map(nodes) == [Some(2); 3]
    });
}

#[test]
fn a_cluster_that_cannot_be_joined_is_an_error() {
    let place = Place::new();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let with = |more: &[&'static str]| [&serve[..], more].concat();
    // No program listens on this port.
    let absent = with(&["--cluster", "nats://127.0.0.1:1"]);
    place.fails(8, "cannot connect to the NATS server 127.0.0.1:1", &absent);
    let run = place.fails(2, "scheme", &with(&["--cluster", "http://me:secret@host"]));
    assert!(!run.err.contains("secret"), "{}", run.err);
    place.fails(2, "--cluster", &with(&["--cluster-url", "https://a.example"]));
    let path = with(&["--cluster", "nats://127.0.0.1:1", "--cluster-url", "https://a.example/x"]);
    place.fails(2, "without a path", &path);
}
