//! The claims of a token whose signature is valid.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::super::permit::{Names, Permit};
use super::super::scope::{Grants, Scope};
use super::CLOCK_SKEW;
use super::error::{JwtError, MAX_NAMES};

/// Maximum number of characters of the name of a room or a stream, of `sub` and of `name`.
const MAX_NAME_CHARS: usize = 256;

/// Returns the permissions of a token. `unix` is the time since 1970.
pub(super) fn permit(
    claims: &Value,
    audience: Option<&str>,
    unix: Duration,
) -> Result<Permit, JwtError> {
    let expiry = time(claims, "exp")?.ok_or(JwtError::Claim("exp"))?;
    if expiry.saturating_add(CLOCK_SKEW) <= unix {
        return Err(JwtError::Expired);
    }
    if time(claims, "nbf")?.is_some_and(|begin| begin > unix.saturating_add(CLOCK_SKEW)) {
        return Err(JwtError::NotYetValid);
    }
    // A token for somewhere else must not be accepted (RFC 7519, section 4.1.3).
    if let Some(intended) = list(claims, "aud")? {
        if audience.is_none_or(|own| !intended.iter().any(|it| it == own)) {
            return Err(JwtError::Audience);
        }
    } else if audience.is_some() {
        return Err(JwtError::Audience);
    }
    let grants = grants(claims)?;
    if grants == Grants::NONE {
        return Err(JwtError::NoScope);
    }
    let (rooms, streams) = match (list(claims, "room")?, list(claims, "stream")?) {
        (None, None) => (Names::All, Names::All),
        // A token for rooms is not one for streams, and vice versa.
        (rooms, streams) => {
            let only = |names: Option<Vec<String>>| Names::Only(names.unwrap_or_default().into());
            (only(rooms), only(streams))
        }
    };
    let (subject, name) = (text(claims, "sub")?, text(claims, "name")?);
    Ok(Permit { grants, rooms, streams, subject, name })
}

/// The granted scopes: `scope`, separated by spaces (RFC 8693, section 4.2), and the list `scopes`.
/// Scopes of other services are ignored.
fn grants(claims: &Value) -> Result<Grants, JwtError> {
    let scope = match claims.get("scope") {
        None | Some(Value::Null) => "",
        Some(scope) => scope.as_str().ok_or(JwtError::Claim("scope"))?,
    };
    let scopes = list(claims, "scopes")?.unwrap_or_default();
    let names = scope.split(' ').chain(scopes.iter().map(String::as_str));
    let known = names.filter_map(|name| Scope::ALL.iter().find(|(known, _)| *known == name));
    Ok(known.fold(Grants::NONE, |grants, (_, scope)| grants.with(*scope)))
}

/// A time in seconds since 1970 (RFC 7519, section 2: `NumericDate`).
fn time(claims: &Value, name: &'static str) -> Result<Option<Duration>, JwtError> {
    let value = match claims.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_f64().ok_or(JwtError::Claim(name))?,
    };
    Duration::try_from_secs_f64(value).map(Some).map_err(|_| JwtError::Claim(name))
}

fn text(claims: &Value, name: &'static str) -> Result<Option<Arc<str>>, JwtError> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if is_fine(text) => Ok(Some(text.as_str().into())),
        Some(_) => Err(JwtError::Claim(name)),
    }
}

/// A text, or a list of texts.
fn list(claims: &Value, name: &'static str) -> Result<Option<Vec<String>>, JwtError> {
    let values = match claims.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(values)) if values.len() <= MAX_NAMES => values.as_slice(),
        Some(Value::Array(_)) => return Err(JwtError::Claim(name)),
        Some(value) => std::slice::from_ref(value),
    };
    let texts = values.iter().map(|value| match value {
        Value::String(text) if is_fine(text) => Ok(text.clone()),
        _ => Err(JwtError::Claim(name)),
    });
    texts.collect::<Result<_, _>>().map(Some)
}

fn is_fine(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= MAX_NAME_CHARS
        && !text.chars().any(char::is_control)
}
