//! Why an offer, an answer or a message of a negotiation is rejected.

use std::fmt;

use super::ChangeId;
use crate::{SdpError, SendError};

/// Maximum number of characters that are kept of a remote text.
const MAX_CHARS: usize = 200;

/// Why a step of a [`Negotiation`](crate::Negotiation) failed. The session continues.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NegotiationError {
    /// A message is binary, or does not begin with a line `offer`, `answer` or `refused`.
    Malformed {
        /// The first 200 characters.
        begin: String,
    },
    /// An answer, or the refusal of an offer, arrived although no offer of this endpoint is open.
    UnexpectedReply(&'static str),
    /// The peer rejected an offer of the remote endpoint, which was informed.
    OfferRejected(SdpError),
    /// The peer rejected the answer of the remote endpoint. The change is dropped.
    AnswerRejected {
        /// The change of the offer.
        id: ChangeId,
        /// Why.
        error: SdpError,
    },
    /// The remote endpoint cannot answer an offer of this one. The change is dropped.
    Refused {
        /// The change of the offer.
        id: ChangeId,
        /// The first 200 characters of the reason that the remote endpoint gives.
        reason: String,
    },
    /// The peer cannot make an offer for a change, which is dropped.
    NotOffered {
        /// The change.
        id: ChangeId,
        /// Why.
        error: SdpError,
    },
    /// Too many changes wait for an open offer, which the remote endpoint has not answered.
    TooManyChanges {
        /// Maximum number.
        limit: usize,
    },
    /// A message cannot be sent. The remote endpoint waits for it in vain, so that the session should be closed.
    NotSent {
        /// Type of the message: `offer`, `answer` or `refused`.
        kind: &'static str,
        /// Why; `None` if the data channel was closed, or its buffer is full because the remote endpoint does not
        /// receive.
        error: Option<SendError>,
    },
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { begin } => write!(
                f,
                "invalid negotiation message: got {begin:?}, expected a line offer, answer or refused"
            ),
            Self::UnexpectedReply(kind) => {
                write!(f, "unexpected {kind}: no offer of this endpoint is open")
            }
            Self::OfferRejected(error) => {
                write!(f, "cannot answer the offer of the remote endpoint: {error}")
            }
            Self::AnswerRejected { error, .. } => {
                write!(f, "cannot accept the answer of the remote endpoint: {error}")
            }
            Self::Refused { reason, .. } => {
                write!(f, "the remote endpoint refused an offer: {reason:?}")
            }
            Self::NotOffered { error, .. } => write!(f, "cannot offer a change: {error}"),
            Self::TooManyChanges { limit } => {
                write!(f, "cannot queue a change: {limit} changes wait for an answer")
            }
            Self::NotSent { kind, error: Some(error) } => {
                write!(f, "cannot send a message of type {kind}: {error}")
            }
            Self::NotSent { kind, error: None } => write!(
                f,
                "cannot send a message of type {kind}: the data channel is closed or its buffer full"
            ),
        }
    }
}

impl std::error::Error for NegotiationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::OfferRejected(error)
            | Self::AnswerRejected { error, .. }
            | Self::NotOffered { error, .. } => Some(error),
            Self::NotSent { error: Some(error), .. } => Some(error),
            _ => None,
        }
    }
}

/// The beginning of a remote text, for a message.
pub(super) fn shortened(text: &[u8]) -> String {
    let begin = text.get(..MAX_CHARS * 4).unwrap_or(text);
    String::from_utf8_lossy(begin).chars().take(MAX_CHARS).collect()
}
