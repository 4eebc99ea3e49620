//! Rate control for block-based codecs: chooses the bit budget and quantiser of each frame.
//!
//! Includes CBR with a buffer model, one- and two-pass VBR, constant quality, frame dropping,
//! temporal layers and look-ahead. All arithmetic is integer or fixed point, so decisions are
//! identical on every machine.
//!
//! [`RateController`] needs only the codec's table of quantiser steps, so it can also drive other
//! encoders, for example hardware encoders. [`LayerPlanner`] assigns frames to temporal layers.

mod buffer;
mod clock;
mod config;
mod controller;
mod facts;
pub mod fixed;
mod layers;
mod lookahead;
mod model;
mod quantizer;
mod rehearsal;
mod script;
#[cfg(test)]
mod simulation;
mod window;

pub use buffer::Buffer;
pub use config::{BitsLaw, RateConfig};
pub use controller::RateController;
pub use facts::{Decision, FrameBudget, FrameFacts, FrameRole};
pub use layers::{LayerMeta, LayerPlan, LayerPlanner};
pub use lookahead::{GroupPlan, Lookahead, Outlook};
pub use rehearsal::Rehearsal;
