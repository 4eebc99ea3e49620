//! Where a stream goes or comes from.
