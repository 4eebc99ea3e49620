//! Checks that an encoder supports the optional feature that a flag requests.

use codec_core::codec::{Backend, Capabilities, Feature};

use crate::failure::{Failure, Result};

/// Checks that the encoder supports the feature that `flag` requests.
pub(super) fn check_feature(
    flag: &str,
    feature: Feature,
    backend: &Backend,
    capabilities: &Capabilities,
) -> Result<()> {
    match capabilities.gap(feature) {
        None => Ok(()),
        Some(reason) => Err(Failure::usage(format!(
            "{flag} cannot be used with {}/{}: {reason}",
            backend.codec, backend.name
        ))),
    }
}
