//! Resolves relative URLs in `Location` headers, of WHIP and WHEP answers and of redirects.

/// Maximum length of a URL in bytes.
const MAX_BYTES: usize = 8 << 10;

/// Splits a URL into the part before its path, and the path.
fn split(url: &str) -> Option<(&str, &str)> {
    let host = url.find("://")? + 3;
    let rest = url.get(host..)?;
    let end = rest.find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    Some((url.get(..end)?, url.get(end..)?))
}

/// Whether both have the same origin: a token is only sent to the host it was given for.
#[cfg(feature = "whip")]
pub(crate) fn same_origin(one: &str, other: &str) -> bool {
    let origin = |url: &str| {
        let url = url.parse::<ureq::http::Uri>().ok()?;
        let scheme = url.scheme_str()?.to_ascii_lowercase();
        let port = url.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        Some((scheme, url.host()?.to_ascii_lowercase(), port))
    };
    origin(one).is_some_and(|one| origin(other) == Some(one))
}

/// Resolves `reference` relative to `base` (RFC 3986, section 5.2). A downgrade from `https` to
/// `http` is not allowed.
pub(crate) fn resolve(base: &str, reference: &str) -> Option<String> {
    let reference = reference.split('#').next()?.trim();
    if reference.is_empty() || reference.len() > MAX_BYTES {
        return None;
    }
    let (origin, path) = split(base)?;
    let (scheme, _) = origin.split_once("://")?;
    let url = if let Some((scheme, _)) = reference.split_once("://")
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        reference.replacen(scheme, &scheme.to_ascii_lowercase(), 1)
    } else if reference.starts_with("//") {
        format!("{scheme}:{reference}")
    } else if reference.starts_with('/') {
        format!("{origin}{reference}")
    } else {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("/");
        format!("{origin}{folder}{reference}")
    };
    let (to, _) = url.split_once("://")?;
    (to == "https" || to == "http" && scheme == "http").then(|| without_dots(&url)).flatten()
}

/// Removes `.` and `..` from the path (RFC 3986, section 5.2.4).
fn without_dots(url: &str) -> Option<String> {
    let (origin, rest) = split(url)?;
    let end = rest.find('?').unwrap_or(rest.len());
    let (path, query) = (rest.get(..end)?, rest.get(end..)?);
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    Some(format!("{origin}/{}{query}", kept.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved() {
        let base = "https://host:8443/whip/x?y=1";
        for (reference, expected) in [
            ("/session/1", Some("https://host:8443/session/1")),
            ("../session/./1?a=..", Some("https://host:8443/session/1?a=..")),
            ("session/1", Some("https://host:8443/whip/session/1")),
            ("//other/1", Some("https://other/1")),
            ("HTTPS://other/1", Some("https://other/1")),
            ("http://other/1", None),
            ("ftp://other/1", None),
            ("", None),
        ] {
            assert_eq!(resolve(base, reference).as_deref(), expected, "{reference}");
        }
        assert_eq!(resolve("http://h", "a").as_deref(), Some("http://h/a"));
        assert_eq!(resolve("http://h/b", "https://c/d").as_deref(), Some("https://c/d"));
    }

    #[cfg(feature = "whip")]
    #[test]
    fn ports_and_schemes_make_an_origin() {
        assert!(same_origin("http://h:1/a", "http://H:1/b"));
        assert!(same_origin("https://h:443/a", "https://h/b"));
        assert!(!same_origin("http://h:1/a", "http://h:2/a"));
        assert!(!same_origin("http://h:1/a", "https://h:1/a"));
    }
}
