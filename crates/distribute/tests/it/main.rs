//! The whole way: sources in, repository, targets out, with everything that can go wrong in between.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its data has failed")]

mod alone;
mod cold;
mod collect;
mod concurrency;
mod copying;
mod crash;
mod damage;
mod determinism;
mod disk;
mod faults;
mod fixture;
mod giving_up;
mod golden;
mod held;
mod hostile;
mod large;
mod losses;
mod memory;
mod model;
mod ordering;
mod records;
mod repair;
mod resume;
mod round_trip;
mod second_copies;
mod simulation;
mod support;
mod tables;
mod tables_diff;
mod unlisted;
