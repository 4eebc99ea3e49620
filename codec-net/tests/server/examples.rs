//! Runs the example `serve`.

use crate::client::{bearer, request};

#[path = "../../examples/serve.rs"]
#[expect(dead_code, unreachable_pub, reason = "a program of its own; `main` reads arguments")]
mod serve;

#[test]
fn serve_requires_its_token() {
    let server = serve::start("correct-horse").unwrap();
    let status = |token: Option<&str>| {
        let headers = token.map(bearer);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        request(server.address(), "GET", "/api/streams", &headers).status
    };
    assert_eq!(request(server.address(), "GET", "/", &[]).status, 200);
    assert_eq!((status(Some("correct-horse")), status(None)), (200, 401));
    assert!(serve::start("short").is_err());
}
