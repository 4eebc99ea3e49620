//! Detects network errors among the errors of file readers.

/// Whether a read error is an error of the network and not of the file.
#[cfg(feature = "http")]
pub(crate) fn is_network(error: &std::io::Error) -> bool {
    use codec_net::error::NetError;

    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<NetError>());
    matches!(inner, Some(NetError::Io { .. } | NetError::Rejected { .. }))
}

/// Without the feature `http`, there are no such errors.
#[cfg(not(feature = "http"))]
pub(crate) fn is_network(_error: &std::io::Error) -> bool {
    false
}
