//! The client with a minimal server.

use std::net::SocketAddr;
use std::time::Duration;

use md5::{Digest as _, Md5};

use super::message::{self, Class, Message, Writer, attribute, method};
use super::{Inbound, TurnClient, TurnConfig, TurnEvent, TurnFailure};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn client(credentials: bool) -> TurnClient {
    client_with(credentials.then_some("password"))
}

fn client_with(password: Option<&str>) -> TurnClient {
    TurnClient::new(config_with(password), secs(1))
}

fn config_with(password: Option<&str>) -> TurnConfig {
    let credentials = password.map(|password| ("user".to_owned(), password.to_owned()));
    TurnConfig {
        server: address("192.0.2.1:3478"),
        local: address("10.0.0.1:4000"),
        credentials,
        secret: [5; 32],
        lifetime: secs(600),
        is_stream: false,
    }
}

/// A server with one address, whose nonce can be changed.
struct Server {
    nonce: &'static str,
    requests: Vec<u16>,
    data: Vec<(SocketAddr, Vec<u8>)>,
    channels: Vec<(u16, SocketAddr)>,
}

impl Server {
    fn new() -> Self {
        Self { nonce: "one", requests: vec![], data: vec![], channels: vec![] }
    }

    fn key() -> [u8; 16] {
        Md5::digest(b"user:example.org:password").into()
    }

    fn answer(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if let Some((number, data)) = message::parse_channel_data(bytes) {
            let to = self.channels.iter().find(|channel| channel.0 == number).unwrap().1;
            self.data.push((to, data.to_vec()));
            return None;
        }
        let request = Message::parse(bytes).unwrap();
        if request.class == Class::Indication {
            let to = request.get_address(attribute::XOR_PEER_ADDRESS).unwrap();
            self.data.push((to, request.get(attribute::DATA).unwrap().to_vec()));
            return None;
        }
        self.requests.push(request.method);
        let answer = |class| Writer::new(class, request.method, request.transaction);
        let mapped = address("198.51.100.7:6000");
        if request.method == method::BINDING {
            return Some(
                answer(Class::Success).address(attribute::XOR_MAPPED_ADDRESS, mapped).done(),
            );
        }
        let nonce = request.get(attribute::NONCE);
        if nonce != Some(self.nonce.as_bytes()) {
            let code = if nonce.is_none() { 1 } else { 38 };
            let refused = answer(Class::Error)
                .attribute(attribute::ERROR_CODE, &[0, 0, 4, code, b'n', b'o'])
                .attribute(attribute::REALM, b"example.org")
                .attribute(attribute::NONCE, self.nonce.as_bytes());
            return Some(refused.done());
        }
        if !request.is_signed_with(&Self::key()) {
            let refused = answer(Class::Error)
                .attribute(attribute::ERROR_CODE, &[0, 0, 4, 1, b'n', b'o'])
                .attribute(attribute::REALM, b"example.org")
                .attribute(attribute::NONCE, self.nonce.as_bytes());
            return Some(refused.done());
        }
        let success = match request.method {
            method::ALLOCATE => answer(Class::Success)
                .address(attribute::XOR_RELAYED_ADDRESS, address("192.0.2.1:50000"))
                .address(attribute::XOR_MAPPED_ADDRESS, mapped)
                .attribute(attribute::LIFETIME, &600u32.to_be_bytes()),
            method::CHANNEL_BIND => {
                let number = request.get(attribute::CHANNEL_NUMBER).unwrap();
                let number = u16::from_be_bytes([number[0], number[1]]);
                let to = request.get_address(attribute::XOR_PEER_ADDRESS).unwrap();
                self.channels.push((number, to));
                answer(Class::Success)
            }
            _ => answer(Class::Success).attribute(attribute::LIFETIME, &600u32.to_be_bytes()),
        };
        Some(success.signed(&Self::key()))
    }

    /// Exchanges all pending datagrams.
    fn serve(&mut self, client: &mut TurnClient, now: Duration) {
        while let Some(transmit) = client.poll_transmit() {
            if let Some(answer) = self.answer(&transmit.payload) {
                let received = client.handle_datagram(now, transmit.destination, &answer);
                assert_eq!(received, Inbound::Handled);
            }
        }
    }
}

fn events(client: &mut TurnClient) -> Vec<TurnEvent> {
    std::iter::from_fn(|| client.poll_event()).collect()
}

/// RFC 5769, section 2.4: a request with long-term credentials.
#[test]
fn integrity_is_that_of_the_standard() {
    let request =
        b"\x00\x01\x00\x60\x21\x12\xa4\x42\x78\xad\x34\x33\xc6\xad\x72\xc0\x29\xda\x41\x2e\
        \x00\x06\x00\x12\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\
        \x82\xb9\x00\x00\x00\x15\x00\x1c\x66\x2f\x2f\x34\x39\x39\x6b\x39\x35\x34\x64\x36\
        \x4f\x4c\x33\x34\x6f\x4c\x39\x46\x53\x54\x76\x79\x36\x34\x73\x41\x00\x14\x00\x0b\
        \x65\x78\x61\x6d\x70\x6c\x65\x2e\x6f\x72\x67\x00\x00\x08\x00\x14\xf6\x70\x24\x65\
        \x6d\xd6\x4a\x3e\x02\xb8\xe0\x71\x2e\x85\xc9\xa2\x8c\xa8\x96\x66";
    let message = Message::parse(request).unwrap();
    let key: [u8; 16] =
        Md5::digest("\u{30de}\u{30c8}\u{30ea}\u{30c3}\u{30af}\u{30b9}:example.org:TheMatrIX")
            .into();
    assert!(message.is_signed_with(&key));
    assert!(!message.is_signed_with(b"another"));
}

#[test]
fn allocation_is_created_refreshed_and_released() {
    let (mut client, mut server) = (client(true), Server::new());
    server.serve(&mut client, secs(1));
    let relayed = address("192.0.2.1:50000");
    let mapped = TurnEvent::Mapped(address("198.51.100.7:6000"));
    assert_eq!(events(&mut client), [mapped, TurnEvent::Allocated(relayed)]);
    assert_eq!(client.relayed(), Some(relayed));
    assert_eq!(client.poll_timeout(), Some(secs(541)));
    for hour in 1..4 {
        server.nonce = ["one", "two", "three"][hour - 1];
        let until = secs(3600 * u64::try_from(hour).unwrap());
        while let Some(at) = client.poll_timeout().filter(|at| *at < until) {
            client.handle_timeout(at);
            server.serve(&mut client, at);
        }
    }
    assert!(events(&mut client).is_empty() && client.relayed().is_some());
    let refreshes = server.requests.iter().filter(|it| **it == method::REFRESH).count();
    assert!((18..=24).contains(&refreshes), "{refreshes}");
    client.close(secs(20_000));
    server.serve(&mut client, secs(20_000));
    assert_eq!((client.relayed(), client.poll_timeout()), (None, None));
}

#[test]
fn data_is_relayed_both_ways() {
    let (mut client, mut server) = (client(true), Server::new());
    let (far, from_server) = (address("203.0.113.5:7000"), address("192.0.2.1:3478"));
    assert!(!client.send(secs(1), far, b"too early"));
    server.serve(&mut client, secs(1));
    let indication = Writer::new(Class::Indication, method::DATA, [1; 12])
        .address(attribute::XOR_PEER_ADDRESS, far)
        .attribute(attribute::DATA, b"hello")
        .done();
    let early = client.handle_datagram(secs(2), from_server, &indication);
    assert_eq!(early, Inbound::Unrelated, "nobody wrote to that peer yet");
    assert!(client.send(secs(2), far, b"first"));
    server.serve(&mut client, secs(2));
    assert!(client.send(secs(2), far, b"second"));
    server.serve(&mut client, secs(2));
    assert_eq!(server.data, [(far, b"first".to_vec()), (far, b"second".to_vec())]);
    assert_eq!(server.channels, [(0x4000, far)], "the second was sent by channel");
    let data = Inbound::Data { from: far, payload: b"hello".to_vec() };
    assert_eq!(client.handle_datagram(secs(2), from_server, &indication), data);
    let on_channel = message::channel_data(0x4000, b"hello").unwrap();
    assert_eq!(client.handle_datagram(secs(2), from_server, &on_channel), data);
    assert_eq!(client.handle_datagram(secs(2), far, &on_channel), Inbound::Unrelated);
    let unknown = message::channel_data(0x4001, b"hello").unwrap();
    assert_eq!(client.handle_datagram(secs(2), from_server, &unknown), Inbound::Unrelated);
    // Channels are refreshed in time.
    client.handle_timeout(secs(243));
    server.serve(&mut client, secs(243));
    assert_eq!(server.channels.len(), 2);
    // The number of peers is bounded.
    let sent = (0..100)
        .filter(|port| client.send(secs(243), SocketAddr::new(far.ip(), 8000 + port), b"x"));
    assert_eq!(sent.count(), 31);
}

#[test]
fn wrong_passwords_and_timeouts_are_reported() {
    let mut wrong = client_with(Some("wrong"));
    Server::new().serve(&mut wrong, secs(1));
    let refused = TurnFailure::Rejected { code: 401, reason: "no".into() };
    assert_eq!(events(&mut wrong), [TurnEvent::Failed(refused)]);

    for credentials in [true, false] {
        let mut alone = client(credentials);
        let mut sent = 0;
        let mut last = secs(1);
        while let Some(at) = alone.poll_timeout() {
            sent += std::iter::from_fn(|| alone.poll_transmit()).count();
            alone.handle_timeout(at);
            last = at;
        }
        assert_eq!(events(&mut alone), [TurnEvent::Failed(TurnFailure::Timeout)]);
        assert_eq!(sent, 7);
        assert!(last < secs(66), "{last:?}");
    }
}

#[test]
fn stun_binding_returns_the_mapped_address() {
    let mut client = client(false);
    Server::new().serve(&mut client, secs(1));
    assert_eq!(events(&mut client), [TurnEvent::Mapped(address("198.51.100.7:6000"))]);
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn forged_responses_are_rejected() {
    let (mut client, mut server) = (client(true), Server::new());
    let first = client.poll_transmit().unwrap();
    let challenge = server.answer(&first.payload).unwrap();
    let stranger = address("192.0.2.9:3478");
    assert_eq!(client.handle_datagram(secs(1), stranger, &challenge), Inbound::Unrelated);
    assert_eq!(client.handle_datagram(secs(1), first.destination, &challenge), Inbound::Handled);
    let second = client.poll_transmit().unwrap();
    let good = server.answer(&second.payload).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(
            client.handle_datagram(secs(1), first.destination, &bad),
            Inbound::Unrelated,
            "{at}"
        );
        assert_eq!(
            client.handle_datagram(secs(1), first.destination, &good[..at]),
            Inbound::Unrelated
        );
    }
    assert!(client.relayed().is_none());
    assert_eq!(client.handle_datagram(secs(1), first.destination, &good), Inbound::Handled);
    assert!(client.relayed().is_some());
    assert_eq!(
        client.handle_datagram(secs(1), first.destination, &good),
        Inbound::Unrelated,
        "only once"
    );
}

#[test]
fn ipv6_addresses_round_trip() {
    let far = address("[2001:db8::5]:7000");
    let bytes = Writer::new(Class::Success, method::BINDING, [9; 12])
        .address(attribute::XOR_MAPPED_ADDRESS, far)
        .done();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.get_address(attribute::XOR_MAPPED_ADDRESS), Some(far));
}

#[test]
fn over_a_byte_stream_requests_are_sent_once_and_data_are_padded() {
    let config = TurnConfig { is_stream: true, ..config_with(Some("password")) };
    let mut client = TurnClient::new(config.clone(), secs(1));
    let (mut server, peer) = (Server::new(), address("203.0.113.9:700"));
    server.serve(&mut client, secs(1));
    assert!(client.relayed().is_some());
    for payload in [&b"a"[..], b"bcd", b"efgh"] {
        assert!(client.send(secs(2), peer, payload));
        while let Some(transmit) = client.poll_transmit() {
            assert_eq!(transmit.payload.len() % 4, 0);
            if let Some(answer) = server.answer(&transmit.payload) {
                client.handle_datagram(secs(2), transmit.destination, &answer);
            }
        }
    }
    assert_eq!(server.data.last(), Some(&(peer, b"efgh".to_vec())));
    // A server that does not answer.
    let mut client = TurnClient::new(config, secs(1));
    assert!(client.poll_transmit().is_some());
    client.handle_timeout(secs(40));
    assert_eq!((client.poll_transmit(), client.poll_event()), (None, None));
    client.handle_timeout(secs(41));
    assert_eq!(client.poll_event(), Some(TurnEvent::Failed(TurnFailure::Timeout)));
}
