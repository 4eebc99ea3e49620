//! Tokens of an identity provider: valid ones, and each reason to reject one.

use serde_json::json;

use super::super::permit::{Names, Target};
use super::super::scope::{Grants, Scope};
use super::*;

/// Tokens of another implementation: `openssl dgst -sha256 -sign` and `openssl pkeyutl -sign`, valid
/// until 2100.
const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJuYW1lIjoiQW5uIiwicm9vbSI6InRlYW0\
    iLCJzY29wZSI6InZpZXcgcHVibGlzaCIsImV4cCI6NDEwMjQ0NDgwMH0.e67hx4gUAD5y9NfqDPrfT4RK4EisyKO\
    syQ0WgyxdMcYJ1rUUc67b_AlTvjDgB8afbjF--eoMyhzdLl3-qFvuc0le8hOiJ48Zx2ncQTzxoI-yrDQR_VW5tir\
    NzsstB_swEfUzDKLUXYbZZnync3P1DFgeKIUx8nPWMH2kLhgVi1xyL9aA9l_M3cCv5it9ty-kVIpLR2pG9Nj9LAU\
    IKnzm9jMwiDmreAl88i7WedTqUFWg0kAlga6hXiI0QmJjqHAfv16wJN2sF8RiuRkWTCkE8Wgxmg05rRu2tVofdyb\
    dCxf-ZcJzHXB4tziX9WQa2pY-LrWSkyOOtwps2dzZ7RvDMg";
const ES256: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJuYW1lIjoiQW5uIiwicm9vbSI6InRlYW0\
    iLCJzY29wZSI6InZpZXcgcHVibGlzaCIsImV4cCI6NDEwMjQ0NDgwMH0.kLuR4I8f4zR7ayHqN6odNH53JIwvsy4\
    B7SG9kojuYyzB9FOw92tqyogPQ_7hcusN6Bu-X4pT2TNHMigSgszqqA";
const EDDSA: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJuYW1lIjoiQW5uIiwicm9vbSI6InRlYW0\
    iLCJzY29wZSI6InZpZXcgcHVibGlzaCIsImV4cCI6NDEwMjQ0NDgwMH0.YVldIZXi55DbDQB2RoyKRfBOh_3uvPl\
    SJzYixMTT3YEaN0S5Pdif-NRpdj92RxYwXC1X1PeAnNN-xwSHgZwUBA";
const RSA_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAywGQaBVQwy3ahi2TdDA4
Rn55oi31lKveQmPWK3dVwyRMOcJK2Z8ULDWKLFms8yKCbukpwN+tHbHSkCKBXdhy
vVM+ltAP11ZDJ5rvCmMPJNYqNoJHIYhbBBX3GyuPNqsau7uSyeILGORCNesWAMB3
VZ8yEZzHQ0TDgAIGuuVPWMtNSG1JsUmDeMhd2d7RX3yOo+du2xxmj5If657vgvea
cmbMoLrrWkVLVaDyn2KK90HgMZmT9x9V/ABOuE4PgMty6hkkEna30PCQp4IvFbL+
INyuQEHObCi6tXafmnwn2Gjd1kCfBrgyxqKPqr8SOyYAZpqe0f7DD96e9v1nBWSb
xwIDAQAB
-----END PUBLIC KEY-----
";
const EC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEecpE+hDSkHZ3gNjUmKIrtmgy/aRH
lvZwNLJxdhbvuqeJvMx0d+jixSIfJTuPDuS92lTofru4vdav5B4B6ZlL2Q==
-----END PUBLIC KEY-----
";
const ED_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAkhexx1TM60KxqOjHpnNrORdIk6t4fdqokYT7inbqJzs=
-----END PUBLIC KEY-----
";

const SECRET: &[u8] = b"a shared secret of 32 bytes min.";
const NOW: Duration = Duration::from_secs(1_800_000_000);

fn part(value: &[u8]) -> String {
    base64::encode(value).replace('+', "-").replace('/', "_").replace('=', "")
}

/// A token with a signature of HMAC-SHA256.
fn signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    use hmac::{KeyInit as _, Mac as _};
    let text =
        format!("{}.{}", part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()));
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", part(&mac.finalize().into_bytes()))
}

fn token(claims: &Value) -> String {
    signed(&json!({ "alg": "HS256", "typ": "JWT" }), claims, SECRET)
}

/// Claims that are valid, with others in addition, or in place of them.
fn claims(more: Value) -> Value {
    let mut claims = json!({ "exp": NOW.as_secs() + 60, "scope": "view" });
    if let (Some(all), Value::Object(more)) = (claims.as_object_mut(), more) {
        all.extend(more);
    }
    claims
}

fn keys() -> JwtKeys {
    let mut keys = JwtKeys::default();
    for file in [SECRET, RSA_KEY.as_bytes(), EC_KEY.as_bytes()] {
        keys.add(file).unwrap();
    }
    // Not every processor has an implementation of Ed25519 (ADR 0027).
    match keys.add(ED_KEY.as_bytes()) {
        Ok(()) | Err(JwtKeyError::Unavailable("EdDSA")) => keys,
        Err(error) => panic!("{error}"),
    }
}

fn verified(more: Value) -> Result<Permit, JwtError> {
    keys().verify(&token(&claims(more)), NOW)
}

#[test]
fn tokens_of_every_algorithm_are_accepted_with_their_own_key_only() {
    let keys = keys();
    let has_ed = keys.keys.len() == 4;
    for token in [RS256, ES256, EDDSA].into_iter().take(if has_ed { 3 } else { 2 }) {
        let permit = keys.verify(token, NOW).unwrap();
        assert_eq!((permit.subject.as_deref(), permit.name.as_deref()), (Some("ann"), Some("Ann")));
        assert_eq!(permit.rooms, Names::Only(["team".to_owned()].into()));
        assert_eq!(permit.streams, Names::Only([].into()));
        assert_eq!(permit.grants, Grants::parse("view+publish").unwrap());
        // Every modified character of the claims or the signature is noticed.
        for at in [40, 60, token.len() - 40, token.len() - 9] {
            let mut other = token.as_bytes().to_vec();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(keys.verify(&other, NOW), Err(JwtError::Forged), "{at}");
        }
        let (rest, _) = token.rsplit_once('.').unwrap();
        for signature in ["", "AAAA", &"A".repeat(86)] {
            let other = format!("{rest}.{signature}");
            assert_eq!(keys.verify(&other, NOW), Err(JwtError::Forged), "{signature}");
        }
        let expired = Duration::from_secs(4_200_000_000);
        assert_eq!(keys.verify(token, expired), Err(JwtError::Expired));
    }
}

/// A public key is no secret: a token signed with it as one must not be accepted.
#[test]
fn the_algorithm_follows_from_the_key() {
    let mut only_rsa = JwtKeys::default();
    only_rsa.add(RSA_KEY.as_bytes()).unwrap();
    for secret in [RSA_KEY.as_bytes(), RSA_KEY.trim().as_bytes()] {
        let forged = signed(&json!({ "alg": "HS256" }), &claims(json!({})), secret);
        assert_eq!(only_rsa.verify(&forged, NOW), Err(JwtError::Algorithm("HS256".to_owned())));
        assert_eq!(keys().verify(&forged, NOW), Err(JwtError::Forged));
    }
    assert_eq!(only_rsa.verify(ES256, NOW), Err(JwtError::Algorithm("ES256".to_owned())));
    for algorithm in ["none", "None", "NONE", ""] {
        let unsigned = signed(&json!({ "alg": algorithm }), &claims(json!({})), SECRET);
        assert_eq!(keys().verify(&unsigned, NOW), Err(JwtError::Unsigned));
        let (rest, _) = unsigned.rsplit_once('.').unwrap();
        assert_eq!(keys().verify(&format!("{rest}."), NOW), Err(JwtError::Unsigned));
    }
    for algorithm in ["HS384", "RS512", "hs256", "ES256K"] {
        let other = signed(&json!({ "alg": algorithm }), &claims(json!({})), SECRET);
        assert_eq!(keys().verify(&other, NOW), Err(JwtError::Algorithm(algorithm.to_owned())));
    }
    let no_algorithm = signed(&json!({ "alg": 5 }), &claims(json!({})), SECRET);
    assert_eq!(keys().verify(&no_algorithm, NOW), Err(JwtError::Unsigned));
    let critical = signed(&json!({ "alg": "HS256", "crit": ["b64"] }), &claims(json!({})), SECRET);
    assert!(matches!(keys().verify(&critical, NOW), Err(JwtError::Form(_))));
    let other_key = signed(&json!({ "alg": "HS256" }), &claims(json!({})), &[b'x'; 32]);
    assert_eq!(keys().verify(&other_key, NOW), Err(JwtError::Forged));
}

#[test]
fn times_are_checked_with_a_tolerance_for_clocks() {
    let now = NOW.as_secs();
    assert!(verified(json!({ "exp": now - 29, "nbf": now + 30, "iat": "ignored" })).is_ok());
    assert!(verified(json!({ "exp": 1_800_000_000.5 })).is_ok());
    assert_eq!(verified(json!({ "exp": now - 30 })), Err(JwtError::Expired));
    assert_eq!(verified(json!({ "exp": 0 })), Err(JwtError::Expired));
    assert_eq!(verified(json!({ "nbf": now + 31 })), Err(JwtError::NotYetValid));
    for wrong in [json!(null), json!("soon"), json!(-1), json!(1e300), json!([now + 60])] {
        assert_eq!(verified(json!({ "exp": wrong })), Err(JwtError::Claim("exp")), "{wrong}");
    }
    assert_eq!(verified(json!({ "nbf": "now" })), Err(JwtError::Claim("nbf")));
}

#[test]
fn malformed_and_oversized_tokens_are_rejected_by_name() {
    let keys = keys();
    let fine = token(&claims(json!({})));
    let long = token(&claims(json!({ "more": "x".repeat(MAX_JWT_BYTES) })));
    assert_eq!(keys.verify(&long, NOW), Err(JwtError::TooLong(long.len())));
    let [header, claims, signature] = fine.split('.').collect::<Vec<_>>()[..] else { panic!() };
    for wrong in [
        String::new(),
        "..".to_owned(),
        format!("{header}.{claims}"),
        format!("{fine}.{signature}"),
        format!("{header}.{claims}.{signature}="),
        format!("{}.{claims}.{signature}", part(b"[]")),
        format!("{}.{claims}.{signature}", part(&[0xff; 9])),
        format!("{}.{claims}.{signature}", "[".repeat(3000)),
        format!("{}.{claims}.{signature}", part("[".repeat(900).as_bytes())),
    ] {
        let rejected = keys.verify(&wrong, NOW);
        assert!(matches!(rejected, Err(JwtError::Form(_))), "{wrong}: {rejected:?}");
    }
    let list = signed(&json!({ "alg": "HS256" }), &json!([1]), SECRET);
    assert!(matches!(keys.verify(&list, NOW), Err(JwtError::Form(_))));
    for (name, wrong) in [
        ("sub", json!(5)),
        ("sub", json!("x".repeat(257))),
        ("name", json!("a\nb")),
        ("name", json!("")),
        ("room", json!([1])),
        ("room", json!(vec!["x"; 65])),
        ("stream", json!({ "a": 1 })),
        ("scope", json!(["view"])),
        ("scopes", json!([[]])),
        ("aud", json!(1)),
    ] {
        let rejected = verified(json!({ name: wrong }));
        assert_eq!(rejected, Err(JwtError::Claim(name)), "{wrong}");
        assert!(rejected.unwrap_err().to_string().contains(name));
    }
    for damaged in (0..fine.len()).filter(|at| fine.as_bytes()[*at] != b'.') {
        let mut bytes = fine.clone().into_bytes();
        bytes[damaged] = b'.';
        assert!(keys.verify(&String::from_utf8(bytes).unwrap(), NOW).is_err());
    }
}

#[test]
fn the_audience_has_to_be_this_server() {
    assert_eq!(verified(json!({ "aud": "other" })), Err(JwtError::Audience));
    let mut keys = keys();
    keys.set_audience("https://meet.example");
    let check = |more| keys.verify(&token(&claims(more)), NOW);
    assert_eq!(check(json!({})), Err(JwtError::Audience));
    assert_eq!(check(json!({ "aud": ["other"] })), Err(JwtError::Audience));
    assert!(check(json!({ "aud": "https://meet.example" })).is_ok());
    assert!(check(json!({ "aud": ["other", "https://meet.example"] })).is_ok());
}

/// Every scope of a token, with every target, granted and refused.
#[test]
fn scopes_and_names_decide_about_every_target() {
    use Scope::{Admin, Publish, View};
    let (server, team, other) = (Target::Server, Target::Room("team"), Target::Room("other"));
    let (cam, hall) = (Target::Stream("cam"), Target::Stream("hall-3"));
    let targets = [server, team, other, cam, hall];
    for (more, scopes, allowed) in [
        (json!({ "scope": "view" }), &[View][..], &targets[..]),
        (json!({ "scope": "publish" }), &[Publish], &targets),
        (json!({ "scope": "admin" }), &[View, Publish, Admin], &targets),
        (json!({ "scope": "openid view profile publish" }), &[View, Publish], &targets),
        (json!({ "scope": null, "scopes": ["publish"] }), &[Publish], &targets),
        (json!({ "scopes": ["publish"] }), &[View, Publish], &targets),
        (json!({ "room": "team" }), &[View], &[team]),
        (json!({ "scope": "admin", "room": "team" }), &[View, Publish, Admin], &[team]),
        (json!({ "scope": "admin", "stream": "cam" }), &[View, Publish, Admin], &[cam]),
        (json!({ "stream": ["cam", "hall-*"] }), &[View], &[cam, hall]),
        (json!({ "room": ["team", "other"], "stream": "hall-3" }), &[View], &[team, other, hall]),
        (json!({ "room": "*" }), &[View], &[team, other]),
        (json!({ "room": [] }), &[View], &[]),
        (json!({ "room": "tea" }), &[View], &[]),
        (json!({ "room": "*", "stream": "*" }), &[View], &[team, other, cam, hall]),
    ] {
        let permit = verified(more.clone()).unwrap();
        for (_, scope) in Scope::ALL {
            for target in targets {
                let expected = scopes.contains(&scope) && allowed.contains(&target);
                assert_eq!(permit.allows(scope, target), expected, "{more} {scope:?} {target:?}");
            }
        }
    }
    for no_scope in [json!(""), json!("openid"), json!("VIEW"), json!("view,publish"), json!(null)]
    {
        assert_eq!(verified(json!({ "scope": no_scope })), Err(JwtError::NoScope), "{no_scope}");
    }
}

#[test]
fn weak_and_unsuitable_keys_are_rejected_and_none_is_shown() {
    let mut keys = JwtKeys::default();
    for (file, error) in [
        (&b"short\n"[..], JwtKeyError::Length(5)),
        (&[b'x'; 1025], JwtKeyError::Length(1025)),
        (include_bytes!("../../../../testdata/ecdsa.key"), JwtKeyError::Private),
    ] {
        assert_eq!(keys.add(file), Err(error));
    }
    for damaged in [
        &b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"[..],
        include_bytes!("../../../../testdata/ecdsa.pem"),
    ] {
        assert!(matches!(keys.add(damaged), Err(JwtKeyError::Pem(_))));
    }
    let shown = format!("{:?}", self::keys());
    assert!(shown.contains("HS256") && !shown.contains("115"), "{shown}");
    for _ in 0..MAX_KEYS {
        keys.add(SECRET).unwrap();
    }
    assert_eq!(keys.add(SECRET), Err(JwtKeyError::TooMany));
}
