//! Durable counts: every frame once, windows, sealed reports, totals.
