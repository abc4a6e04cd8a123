//! Racers that create the same name.

use super::checks::is_same;
use super::{Effort, Fail, Place, broken};
use crate::BlobError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Runs the races; `rounds` counts them.
pub(super) fn run(place: &Place<'_>, effort: Effort, rounds: &mut u32) -> Result<Option<String>, Fail> {
    let begun = Instant::now();
    while *rounds < effort.rounds && (*rounds == 0 || begun.elapsed().as_millis() < u128::from(effort.most_race_ms)) {
        let name = place.name(&format!("race-{rounds}"));
        *rounds += 1;
        judge(place, &name, race(place, &name, effort.racers))?;
    }
    let (rounds, racers) = (*rounds, effort.racers);
    Ok(Some(format!("{rounds} races of {racers}, each won by exactly one")))
}

/// What a racer writes: no two write the same, not even in part.
fn bytes_of(racer: u32) -> Vec<u8> {
    vec![racer as u8; 64 + racer as usize]
}

/// Lets racers go at once; tells what each was answered.
fn race(place: &Place<'_>, name: &str, racers: u32) -> Vec<(u32, Result<(), BlobError>)> {
    let go = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let start = |racer: u32| {
            let (store, go) = (place.stores[racer as usize % 2], &go);
            let run = move || {
                while !go.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                (racer, store.create(name, &bytes_of(racer)))
            };
            // A machine that is out of threads has a race of fewer.
            std::thread::Builder::new().spawn_scoped(scope, run).ok()
        };
        let running: Vec<_> = (0..racers).filter_map(start).collect();
        go.store(true, Ordering::Release);
        running.into_iter().filter_map(|racer| racer.join().ok()).collect()
    })
}

fn judge(place: &Place<'_>, name: &str, answers: Vec<(u32, Result<(), BlobError>)>) -> Result<(), Fail> {
    let mut winners = Vec::new();
    for (racer, answer) in answers {
        match answer {
            Ok(()) => winners.push(racer),
            Err(BlobError::Exists { .. }) => {}
            // Neither says anything about racing.
            Err(error @ (BlobError::Full { .. } | BlobError::Denied { .. })) => return Err(Fail::Store(error)),
            Err(error) => return broken(format!("{name}: a racer was told: {error}")),
        }
    }
    let &[winner] = winners.as_slice() else {
        return broken(format!("{name}: {} racers were told that they had created it", winners.len()));
    };
    place.stores.iter().try_for_each(|store| is_same(*store, name, &bytes_of(winner)).map(drop))
}
