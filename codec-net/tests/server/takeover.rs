//! A publisher that returns while the server still has its old session.

use std::time::Duration;

use codec_net::server::auth::{Access, Grants};
use codec_net::server::{Config, Server};
use codec_webrtc::Direction;

use crate::caller::{Caller, SDP, plan};
use crate::client::{bearer, request_with};
use crate::offers::{VP8, line, offer};

const ONE: &str = "one-publisher";
const OTHER: &str = "other-publisher";

#[test]
fn only_the_same_token_takes_over_a_stream() {
    let mut access = Access::open();
    for token in [ONE, OTHER] {
        access.add_token(token, Grants::parse("publish+view").unwrap()).unwrap();
    }
    let server = Server::start(Config { access, ..Config::loopback() }).unwrap();
    let publish = |token| {
        Caller::call(&server, "/whip/mine", &[plan(Direction::SendOnly)], Some(token), false)
    };
    let mut crashed = publish(ONE);
    assert!(crashed.live(Duration::from_secs(10), |caller| caller.connected));
    let stream = server.hub().find("mine").unwrap();
    let mut viewer =
        Caller::call(&server, "/whep/mine", &[plan(Direction::ReceiveOnly)], Some(OTHER), false);
    assert!(viewer.live(Duration::from_secs(10), |caller| caller.connected));
    // The first one is silent, but the server has not noticed yet.
    drop(crashed);
    let (name, token) = bearer(OTHER);
    let video = line(0, "video", "sendonly", &VP8, "");
    let body = offer(&[video]);
    let post = |token: &str, body: &str| {
        request_with(server.address(), "POST", "/whip/mine", &[(name, token), SDP], body)
    };
    let refused = post(&token, &body);
    assert_eq!(refused.status, 409, "{refused:?}");
    let sessions = server.sessions().count();
    let malformed = post(&bearer(ONE).1, "v=0\r\nm=nothing\r\n");
    assert_eq!(malformed.status, 400, "{malformed:?}");
    assert_eq!(server.sessions().count(), sessions, "the session of the publisher is still there");
    let mut back = publish(ONE);
    assert!(back.live(Duration::from_secs(10), |caller| caller.connected));
    assert!(std::sync::Arc::ptr_eq(&stream, &server.hub().find("mine").unwrap()));
    viewer.live(Duration::from_millis(300), |_| false);
    assert_eq!(stream.stats().1, 1, "the viewer stays");
    assert_eq!(stream.end_reason(), None);
}
