//! Reports of a study: a page, a table of all points, a table for the terminal.

mod csv;
mod data;
mod html;
mod parts;
mod summary;
mod tables;
mod terminal;

pub use csv::csv;
pub use html::html;
pub use terminal::table;
