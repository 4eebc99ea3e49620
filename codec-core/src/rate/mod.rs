//! Rate control for any block codec: how many bits, and so which quantiser, each frame gets.
//!
//! Everything is integer or fixed-point arithmetic, so that decisions are the same on every
//! machine. [`RateController`] knows of a codec no more than its table of quantiser steps and can
//! be used alone, for example to drive a hardware encoder; [`LayerPlanner`] deals frames out to
//! temporal layers.

mod buffer;
mod clock;
mod config;
mod controller;
mod facts;
pub(crate) mod fixed;
mod layers;
mod lookahead;
mod model;
mod quantizer;
mod rehearsal;
mod script;
#[cfg(test)]
mod simulation;
mod window;

pub(crate) use fixed::{exp2_q16, log2_q16};

pub use buffer::Buffer;
pub use config::{BitsLaw, RateConfig};
pub use controller::RateController;
pub use facts::{Decision, FrameBudget, FrameFacts, FrameRole};
pub use layers::{LayerMeta, LayerPlan, LayerPlanner};
pub use lookahead::{GroupPlan, Lookahead, Outlook};
pub use rehearsal::Rehearsal;
