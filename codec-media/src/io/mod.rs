//! Inputs and outputs: files, pipes, still images, and the tracks in them.

mod converted;
pub mod decoded;
pub(crate) mod deinterlaced;
pub(crate) mod demux;
pub mod input;
pub(crate) mod interruptible;
pub mod media;
pub mod names;
pub mod output;
pub(crate) mod packed;
pub mod sink;
pub mod source;
pub mod stills;
pub mod unreadable;
pub mod video;
