//! The real binaries on loopback, one test binary so that linking stays quick.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod apart;
mod checklist;
mod compare;
mod container;
mod counting;
mod crowd;
mod curl;
mod damage;
mod disk;
mod exit_codes;
mod faults;
mod guides;
mod healthcheck;
mod hostile;
mod http;
mod labels;
mod leaves_nothing;
mod lifecycle;
mod logs;
mod methods;
mod metrics;
mod own_disk;
mod poison;
mod read_back;
mod refusals;
mod settings;
mod time;
mod watchdog;
