//! Rules for the repository itself, read from its sources, manifests and documents.

mod architecture;
mod document_names;
mod documents;
mod error_sources;
mod language;
mod module_cycles;
