//! Replies to messages from the queue: acknowledges them, requests redelivery, or ends their
//! delivery.

use async_nats::jetstream::{AckKind, Message};
use codec_media::failure::Result;

use crate::runtime::unreachable;

/// How often an answer is sent if the server does not confirm it.
const ANSWERS: usize = 3;

/// Answers a message, and waits until the server confirms.
pub(super) async fn answer(message: &Message, kind: AckKind) -> Result<()> {
    let mut answered = Ok(());
    for _ in 0..ANSWERS {
        answered = message.double_ack_with(kind).await;
        if answered.is_ok() {
            return Ok(());
        }
    }
    answered.map_err(|error| unreachable("answer the queue", error))
}
