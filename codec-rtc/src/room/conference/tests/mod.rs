//! Rooms in virtual time: joins, switches, and what breaks in other SFUs.

mod joins;
mod limits;
mod receiver;
mod relay;
mod source;
mod switches;
mod vp9;
mod world;
