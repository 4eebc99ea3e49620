//! Inputs and outputs: files, pipes, still images, and the tracks in them.

pub mod audio_input;
pub mod audio_track;
mod converted;
pub(crate) mod cut_audio;
pub mod cut_packets;
mod cut_source;
pub mod decoded;
pub(crate) mod deinterlaced;
pub(crate) mod demux;
mod frame_rate;
mod image_format;
pub mod input;
pub(crate) mod interruptible;
pub(crate) mod key_frame;
pub mod media;
pub(crate) mod metadata;
pub mod names;
pub mod output;
pub(crate) mod packed;
pub mod pattern;
pub mod remote;
pub mod sequence;
pub mod sink;
pub mod source;
pub mod stills;
pub mod unreadable;
pub mod video;
