//! JSON Web Tokens over HTTP: which requests they allow, and why they are rejected.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_net::server::auth::{Access, Grants};
use codec_net::server::media::VideoCodec;
use codec_net::server::room::StreamInfo;
use codec_net::server::{Config, Server};
use codec_rtc::sdp::base64;
use codec_webrtc::Direction;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use crate::caller::{Caller, SDP, plan};
use crate::client::{Answer, bearer, request, request_with};

const SECRET: &[u8] = b"a shared secret of 32 bytes min.";
const OWN: &str = "own-token-of-the-server";

fn coded(bytes: &[u8]) -> String {
    base64::encode(bytes).replace('+', "-").replace('/', "_").replace('=', "")
}

/// A token that is valid for a minute.
fn token(scope: &str, more: &Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({ "exp": now + 60, "scope": scope });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let header = coded(json!({ "alg": "HS256" }).to_string().as_bytes());
    let text = format!("{header}.{}", coded(claims.to_string().as_bytes()));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", coded(&mac.finalize().into_bytes()))
}

fn server() -> Server {
    let mut access = Access::open();
    access.add_jwt_key(SECRET).unwrap();
    access.add_token(OWN, Grants::ALL).unwrap();
    Server::start(Config { access, ..Config::loopback() }).unwrap()
}

fn ask(server: &Server, method: &str, path: &str, token: &str) -> Answer {
    let (name, value) = bearer(token);
    let answer = request_with(server.address(), method, path, &[SDP, (name, &value)], "v=0");
    if answer.status == 401 {
        // Wrong tokens are rate limited.
        std::thread::sleep(Duration::from_millis(110));
    }
    answer
}

/// Each scope with each path: 403 refuses; other statuses are those of requests that are let in.
#[test]
fn scopes_of_tokens_allow_their_own_requests_only() {
    let server = server();
    let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: false };
    let _publishers =
        ["cam", "hall"].map(|name| server.hub().publish(name, info, Box::new(|| {})).unwrap());
    let all = json!({});
    let (team, cam) = (json!({ "room": "team" }), json!({ "stream": "cam" }));
    let paths = [
        ("GET", "/api/streams"),
        ("POST", "/whep/cam"),
        ("POST", "/whep/hall"),
        ("POST", "/whip/new"),
        ("POST", "/room/team"),
        ("POST", "/room/other"),
        ("GET", "/api/sessions"),
        ("DELETE", "/api/sessions/99"),
        ("GET", "/metrics"),
    ];
    for (scope, more, expected) in [
        ("view", &all, [200, 400, 400, 403, 403, 403, 403, 403, 403]),
        ("publish", &all, [200, 403, 403, 400, 403, 403, 403, 403, 403]),
        ("view publish", &all, [200, 400, 400, 400, 400, 400, 403, 403, 403]),
        ("admin", &all, [200, 400, 400, 400, 400, 400, 200, 404, 200]),
        ("view publish", &team, [200, 403, 403, 403, 400, 403, 403, 403, 403]),
        ("admin", &team, [200, 403, 403, 403, 400, 403, 403, 403, 403]),
        ("view", &cam, [200, 400, 403, 403, 403, 403, 403, 403, 403]),
        ("admin", &cam, [200, 400, 403, 403, 403, 403, 403, 403, 403]),
    ] {
        let token = token(scope, more);
        for ((method, path), expected) in paths.into_iter().zip(expected) {
            let answer = ask(&server, method, path, &token);
            assert_eq!(answer.status, expected, "{scope} {more} {path}: {}", answer.body);
        }
    }
    let listed = ask(&server, "GET", "/api/streams", &token("view", &cam)).body;
    assert!(listed.contains("\"cam\"") && !listed.contains("\"hall\""), "{listed}");
    assert_eq!(ask(&server, "GET", "/metrics", OWN).status, 200, "both kinds of tokens are valid");
}

#[test]
fn rejected_tokens_are_named_and_rate_limited() {
    let server = server();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for (more, why) in [
        (json!({ "exp": now - 60 }), "it has expired"),
        (json!({ "nbf": now + 3600 }), "it is not yet valid"),
        (json!({ "aud": "other" }), "it is for another audience"),
        (json!({ "exp": null }), "it has no valid expiry time"),
        (json!({ "more": "x".repeat(5000) }), "expected at most 4096"),
    ] {
        let answer = ask(&server, "GET", "/api/streams", &token("view", &more));
        assert!(answer.status == 401 && answer.body.contains(why), "{answer:?}");
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, Some("Bearer error=\"invalid_token\""));
    }
    let forged = format!("{}x", token("admin", &json!({})));
    let answer = ask(&server, "GET", "/metrics", &forged);
    assert!(answer.status == 401 && answer.body.contains("the token is rejected"), "{answer:?}");
    let answer = ask(&server, "GET", "/metrics", "no.token");
    assert!(answer.body.contains("a valid token is required"), "{answer:?}");
    let (name, value) = bearer(&forged);
    let attempts =
        (0..5).map(|_| request(server.address(), "GET", "/metrics", &[(name, &value)]).status);
    assert!(attempts.collect::<Vec<_>>().contains(&429));
}

#[test]
fn a_token_names_its_person_and_makes_a_moderator_of_its_room() {
    let server = server();
    let long = Duration::from_secs(20);
    let claims = json!({ "room": "team", "sub": "ann", "name": "Ann" });
    let token = token("admin", &claims);
    let viewer = [plan(Direction::ReceiveOnly)];
    let mut ann = Caller::call(&server, "/room/team", &viewer, Some(&token), false);
    assert!(ann.live(long, |it| it.lines.len() >= 2), "{:?}", ann.lines);
    assert_eq!((&ann.lines[0]["name"], &ann.lines[0]["moderates"]), (&"Ann".into(), &true.into()));
    let (name, value) = bearer(&token);
    let ended = request(server.address(), "DELETE", &ann.session, &[(name, &value)]);
    assert_eq!(ended.status, 200);
}
