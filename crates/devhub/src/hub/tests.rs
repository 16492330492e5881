//! The hub under virtual time.
