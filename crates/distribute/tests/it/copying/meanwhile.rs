//! What is forgotten and collected while a copy is held against its original is gone, and not damaged.

use super::*;
use crate::collect::{collect_done, forget};
use datakeep_model::{ErrorKind, Event, Observer, Phase};
use std::sync::Mutex;

/// Lets something happen once, between a copy and its comparison.
struct Meanwhile(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Observer for Meanwhile {
    fn observe(&self, event: &Event<'_>) {
        if matches!(event, Event::Phase(Phase::Verifying))
            && let Some(happens) = self.0.lock().unwrap().take()
        {
            happens();
        }
    }
}

/// Two repositories, the first with one large snapshot and another beside it.
fn two() -> ([MemoryStore; 2], Tree) {
    let stores = [MemoryStore::new(), MemoryStore::new()];
    let from = init_with(stores[0].clone(), &small());
    init_with(stores[1].clone(), &other());
    let things = many_files(80, 2000);
    run(&from, &mut TreeSource::new("going", &things), &options()).unwrap();
    run(&from, &mut TreeSource::new("staying", &tree([("f", file(3, "stays"))])), &options()).unwrap();
    (stores, things)
}

fn forget_and_collect(store: MemoryStore) {
    let repository = open(store).unwrap();
    forget(&repository, &snapshots(&repository)[0]);
    collect_done(&repository, 0);
}

/// The oldest snapshot of `place` is forgotten and collected when a comparison begins.
fn while_it_goes<T>(
    stores: &[MemoryStore; 2],
    place: usize,
    act: impl FnOnce(&mut Copier<'_>, &Manifest, &RunContext<'_>) -> Result<T, DistributeError>,
) -> Result<T, DistributeError> {
    let (from, to) = (open(stores[0].clone()).unwrap(), open(stores[1].clone()).unwrap());
    let going = stores[place].clone();
    let meanwhile = Meanwhile(Mutex::new(Some(Box::new(move || forget_and_collect(going)))));
    let (cancel, clock) = (Cancel::new(), FixedClock(COPIED));
    let context = RunContext { observer: &meanwhile, cancel: &cancel, clock: &clock };
    let mut copier = Copier::new(Pair::new(&from, &to).unwrap()).unwrap();
    act(&mut copier, &snapshots(&from)[0], &context)
}

#[test]
fn an_original_that_goes_before_it_is_compared_is_not_damaged() {
    let (stores, things) = two();
    let (from, to) = (open(stores[0].clone()).unwrap(), open(stores[1].clone()).unwrap());
    let id = copy(&from, &to, &snapshots(&from)[0]).unwrap().copy.snapshot.id;
    // By a process that has read nothing of it yet.
    let how = (Depth::Content, 2);
    let compared = while_it_goes(&stores, 0, |copier, original, context| copier.compare(original, id, how, context));
    let error = compared.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains(&id.to_string()), "it says what stays: {error}");
    assert_restores(&to, &snapshots(&to)[0], &things, "the copy stays");
    assert_sound(&to, "the original has gone");
}

#[test]
fn a_copy_that_goes_before_it_is_compared_is_not_damaged() {
    for depth in [Depth::Entries, Depth::Content] {
        let (stores, _) = two();
        let made =
            while_it_goes(&stores, 1, |copier, original, context| copier.copy(original, &options(), depth, context));
        let error = made.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let to = open(stores[1].clone()).unwrap();
        assert_eq!(snapshots(&to).len(), 0);
        assert_sound(&to, "the copy has gone");
    }
}
