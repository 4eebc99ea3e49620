//! NATS servers that cannot be reached, lack `JetStream`, or need TLS or a password.

use super::super::Place;
use super::nats::Nats;

#[test]
fn an_absent_server_is_an_error() {
    let place = Place::with_clip("clapper", "64x48", 3);
    // No program listens on this port.
    let absent = ["--nats", "nats://127.0.0.1:1"];
    let submit = ["cluster", "submit", "clip.y4m", "-o", "o.mkv", "--work", "work"];
    for verb in [
        &submit[..],
        &["cluster", "worker", "--work", "work"],
        &["cluster", "status"],
        &["cluster", "cancel", "0123456789abcdef"],
    ] {
        place.fails(8, "cannot connect to the NATS server 127.0.0.1:1", &[verb, &absent].concat());
    }
    let status = ["cluster", "status", "--nats"];
    let run = place.fails(2, "scheme", &[&status[..], &["http://me:secret@host"]].concat());
    assert!(!run.err.contains("secret"), "{}", run.err);
    place.fails(2, "--nats", &["cluster", "status"]);
}

#[test]
fn a_server_without_jetstream_is_an_error() {
    let Some(nats) = Nats::with(&[]) else { return };
    let place = Place::new();
    place.fails(8, "JetStream must be enabled", &["cluster", "status", "--nats", &nats.url()]);
}

#[test]
fn connections_are_encrypted() {
    let file = |name: &str| {
        let path = format!("{}/../codec-net/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::canonicalize(path).unwrap().to_str().unwrap().to_owned()
    };
    let (certificate, key, ca) = (file("ecdsa.pem"), file("ecdsa.key"), file("ca.pem"));
    let Some(nats) = Nats::with(&["-js", "--tls", "--tlscert", &certificate, "--tlskey", &key])
    else {
        return;
    };
    let place = Place::new();
    for scheme in ["tls", "nats"] {
        let url = format!("{scheme}://{}", nats.address());
        let status = ["cluster", "status", "--nats", &url];
        let run = place.ok(&[&status[..], &["--ca", &ca]].concat());
        assert_eq!(run.text(), "no jobs and no workers\n");
        // The public authorities do not know the certificate.
        place.fails(8, "cannot connect", &status);
    }
    let Some(plain) = Nats::start() else { return };
    let url = format!("tls://{}", plain.address());
    place.fails(8, "cannot connect", &["cluster", "status", "--nats", &url, "--ca", &ca]);
}

#[test]
fn users_and_tokens_are_taken_from_the_url() {
    let Some(nats) = Nats::with(&["-js", "--user", "me", "--pass", "a@b"]) else { return };
    let place = Place::new();
    place.fails(8, "cannot connect", &["cluster", "status", "--nats", &nats.url()]);
    let url = format!("nats://me:a%40b@{}", nats.address());
    let run = place.ok(&["cluster", "status", "--nats", &url]);
    assert_eq!(run.text(), "no jobs and no workers\n");
    let Some(nats) = Nats::with(&["-js", "--auth", "secret"]) else { return };
    place.ok(&["cluster", "status", "--nats", &format!("nats://secret@{}", nats.address())]);
}
