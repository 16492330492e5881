//! Tests with the product's own module: its decisions, its ledger, its notes of attempts.

mod every_step;
mod flaws;
mod schedules;
mod situations;
