//! The module's rooms, as a library so that tests can assemble them in-process.
