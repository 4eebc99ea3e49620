//! Readers and writers of media files.
#![forbid(unsafe_code)]
