//! Rooms in virtual time: joins, switches, and cases in which other SFUs have failed.

mod joins;
mod limits;
mod receiver;
mod relay;
mod source;
mod switches;
mod vp9;
mod world;
