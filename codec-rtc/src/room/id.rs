//! Identifiers that the caller chooses.

/// A person in a room, with one connection: publisher, viewer or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId(pub u64);
