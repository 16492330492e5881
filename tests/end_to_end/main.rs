//! The real binaries on loopback, one test binary so that linking stays quick.

mod counting;
mod faults;
mod lifecycle;
mod refusals;
