//! A publisher that returns while the server still has its old session.

use std::time::Duration;

use codec_net::server::auth::{Access, Grants};
use codec_net::server::{Config, Server};
use codec_webrtc::Direction;

use crate::caller::{Caller, SDP, plan};
use crate::client::{bearer, request_with};

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
    let refused =
        request_with(server.address(), "POST", "/whip/mine", &[(name, &token), SDP], "v=0\r\n");
    assert_eq!(refused.status, 409, "{refused:?}");
    let mut back = publish(ONE);
    assert!(back.live(Duration::from_secs(10), |caller| caller.connected));
    assert!(std::sync::Arc::ptr_eq(&stream, &server.hub().find("mine").unwrap()));
    viewer.live(Duration::from_millis(300), |_| false);
    assert_eq!(stream.facts().1, 1, "the viewer stays");
    assert_eq!(stream.over(), None);
}
