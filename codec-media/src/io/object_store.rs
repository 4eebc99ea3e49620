//! Inputs in object stores with the interface of Amazon S3: `s3://BUCKET/KEY`.

use std::fmt;

/// Where an object store is, and how it is accessed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ObjectStore {
    /// URL of the store; `None`: Amazon's in `region`.
    pub endpoint: Option<String>,
    /// Region of the buckets.
    pub region: Option<String>,
    /// Key and secret; `None`: requests are not signed, for public buckets.
    pub credentials: Option<(String, String)>,
    /// Token of temporary credentials.
    pub token: Option<String>,
}

/// Without secrets.
impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, region, .. } = self;
        f.debug_struct("ObjectStore")
            .field("endpoint", endpoint)
            .field("region", region)
            .finish_non_exhaustive()
    }
}

impl ObjectStore {
    /// Reads the environment variables of Amazon's tools with `variable`: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` or `AWS_DEFAULT_REGION`, and
    /// `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| {
            names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()))
        };
        let key = first(&["AWS_ACCESS_KEY_ID"]);
        Self {
            endpoint: first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
            region: first(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
            credentials: key.zip(first(&["AWS_SECRET_ACCESS_KEY"])),
            token: first(&["AWS_SESSION_TOKEN"]),
        }
    }
}

#[cfg(feature = "s3")]
mod signing {
    use std::time::Duration;

    use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

    use super::ObjectStore;
    use crate::failure::{Failure, Result};

    /// URLs are signed for the longest time that stores allow, because a long input is read until its encode ends.
    const VALID: Duration = Duration::from_hours(7 * 24);

    const DEFAULT_REGION: &str = "us-east-1";

    impl ObjectStore {
        /// The HTTP URL, with a signature in its query, at which the object `s3://BUCKET/KEY` is read.
        ///
        /// # Errors
        /// [`crate::failure::Kind::Usage`] if `url` has no bucket or no key, or the endpoint is not a URL.
        pub(crate) fn url_of(&self, url: &str) -> Result<String> {
            let (_, place) = url.split_once("://").unwrap_or_default();
            let (name, key) = place.split_once('/').unwrap_or_default();
            if name.is_empty() || key.is_empty() {
                return Err(Failure::usage(format!("{url}: expected s3://BUCKET/KEY")));
            }
            let region = self.region.as_deref().unwrap_or(DEFAULT_REGION);
            let amazon = || format!("https://s3.{region}.amazonaws.com");
            let endpoint = self.endpoint.clone().unwrap_or_else(amazon);
            // Other stores have no host name for each bucket.
            let style =
                if self.endpoint.is_some() { UrlStyle::Path } else { UrlStyle::VirtualHost };
            let invalid = || {
                Failure::usage(format!("invalid endpoint {endpoint} of the object store for {url}"))
            };
            let base = endpoint.parse().map_err(|_| invalid())?;
            let bucket = Bucket::new(base, style, name.to_owned(), region.to_owned())
                .map_err(|_| invalid())?;
            let credentials = self.credentials.as_ref().map(|(key, secret)| match &self.token {
                Some(token) => Credentials::new_with_token(key, secret, token),
                None => Credentials::new(key, secret),
            });
            Ok(bucket.get_object(credentials.as_ref(), key).sign(VALID).to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(name: &str) -> Option<String> {
        let value = match name {
            "AWS_ACCESS_KEY_ID" => "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY" => "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_SESSION_TOKEN" | "AWS_REGION" => "",
            "AWS_DEFAULT_REGION" => "us-east-1",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn variables_of_amazon_are_read_and_secrets_are_not_printed() {
        let store = ObjectStore::from_variables(variables);
        assert_eq!((store.region.as_deref(), &store.token), (Some("us-east-1"), &None));
        assert_eq!(store.credentials.as_ref().unwrap().0, "AKIAIOSFODNN7EXAMPLE");
        assert!(!format!("{store:?}").contains("EXAMPLE"));
        assert_eq!(ObjectStore::from_variables(|_| None), ObjectStore::default());
    }

    #[cfg(feature = "s3")]
    #[test]
    fn objects_have_signed_urls_at_their_store() {
        let minio = ObjectStore {
            endpoint: Some("http://127.0.0.1:9000".to_owned()),
            token: Some("t0ken".to_owned()),
            ..ObjectStore::from_variables(variables)
        };
        let signed = minio.url_of("s3://clips/talk.mp4").unwrap();
        assert!(signed.starts_with("http://127.0.0.1:9000/clips/talk.mp4?X-Amz-"), "{signed}");
        for part in ["X-Amz-Expires=604800", "X-Amz-Security-Token=t0ken", "X-Amz-Signature="] {
            assert!(signed.contains(part), "{signed}");
        }
        let amazon = ObjectStore::from_variables(variables).url_of("S3://b/a b/c.mp4").unwrap();
        let place = "https://b.s3.us-east-1.amazonaws.com/a%20b/c.mp4?X-Amz-Algorithm=";
        assert!(amazon.starts_with(place), "{amazon}");
        let public = ObjectStore::default().url_of("s3://b/c.mp4").unwrap();
        assert_eq!(public, "https://b.s3.us-east-1.amazonaws.com/c.mp4");
        for wrong in ["s3://", "s3://bucket", "s3://bucket/", "s3:///key"] {
            let failure = minio.url_of(wrong).unwrap_err();
            assert!(failure.message.contains("expected s3://BUCKET/KEY"), "{failure}");
        }
        let nowhere = ObjectStore { endpoint: Some("minio".to_owned()), ..ObjectStore::default() };
        assert!(nowhere.url_of("s3://b/c").unwrap_err().message.contains("invalid endpoint minio"));
    }
}
