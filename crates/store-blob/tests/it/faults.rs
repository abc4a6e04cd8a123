//! Every fault at every request of a script: success with the right result, or an error. Never a false success, and never
//! a wrong byte but where the bytes on the way are altered, which only seals can tell.

use crate::world::{Played, patient, settings};
use datakeep_store_blob::{BlobError, BlobStore, RetryStore};
use datakeep_testkit_s3::{Dialect, Fault, Match, Operation, Refusal, Rule, S3Server};
use std::collections::BTreeMap;

fn faults() -> Vec<(&'static str, Fault)> {
    let late = Fault::Late { overtaken_by: Match::any() };
    vec![
        ("latency", Fault::Latency { ms: 5 }),
        ("reset before", Fault::ResetBefore),
        ("reset in request", Fault::ResetInRequest { sixteenths: 8 }),
        ("lost answer", Fault::LostAnswer),
        ("reset in body", Fault::ResetInBody { sixteenths: 7 }),
        ("cut body", Fault::CutBody { sixteenths: 11 }),
        ("stall", Fault::Stall),
        ("stall after", Fault::StallAfter),
        ("stall in body", Fault::StallInBody { sixteenths: 3 }),
        ("longer", Fault::WrongLength { by_bytes: 3 }),
        ("shorter", Fault::WrongLength { by_bytes: -3 }),
        ("500", Fault::Instead(Refusal::internal_error())),
        ("502", Fault::Instead(Refusal::bad_gateway())),
        ("503", Fault::Instead(Refusal::unavailable(1))),
        ("slow down", Fault::Instead(Refusal::slow_down())),
        ("500 afterwards", Fault::Afterwards(Refusal::internal_error())),
        ("403", Fault::Instead(Refusal::access_denied())),
        ("404", Fault::Instead(Refusal::no_such_key("p/it"))),
        ("409", Fault::Instead(Refusal::conflict())),
        ("412 afterwards", Fault::Afterwards(Refusal::precondition_failed("If-None-Match"))),
        ("416", Fault::Instead(Refusal::invalid_range(1))),
        ("expired", Fault::Instead(Refusal::expired_token())),
        ("redirect", Fault::Instead(Refusal::redirect("cn-north-1"))),
        ("twice", Fault::Twice),
        ("late", late),
        ("repeated token", Fault::RepeatedToken),
        ("doubled entry", Fault::DoubledEntry { nth: 0 }),
    ]
}

type Step = (&'static str, fn(&RetryStore<datakeep_store_blob::ObjectStore>, &mut Known) -> Result<(), BlobError>);

/// What was acknowledged, and what is not known.
#[derive(Default)]
struct Known {
    there: BTreeMap<String, Vec<u8>>,
    doubtful: BTreeMap<String, Option<Vec<u8>>>,
}

impl Known {
    fn stored(&mut self, name: &str, bytes: &[u8], outcome: Result<(), BlobError>) -> Result<(), BlobError> {
        match &outcome {
            Ok(()) => {
                self.there.insert(name.into(), bytes.to_vec());
            }
            Err(_) => {
                self.doubtful.insert(name.into(), Some(bytes.to_vec()));
            }
        }
        outcome
    }
}

fn content(seed: u8) -> Vec<u8> {
    (0..4000u32).map(|n| (n as u8).wrapping_mul(seed) ^ (n >> 8) as u8).collect()
}

/// A read of what is known to be there: the right bytes or an error.
fn reads(store: &dyn BlobStore, known: &Known, name: &str) -> Result<(), BlobError> {
    let Some(bytes) = known.there.get(name) else { return Ok(()) };
    let mut middle = [0; 100];
    store.read_at(name, 1000, &mut middle)?;
    assert!(middle == bytes[1000..1100], "{name}: other bytes");
    let found = store.read(name, 1 << 20)?;
    // An answer whose head says that it is shorter is an altered one: what is sealed does not open.
    assert!(found == *bytes || found == bytes[..3997], "{name}: {} other bytes", found.len());
    let (told, end) = store.read_tail(name, 50)?;
    assert!((told, end.as_slice()) == (4000, &bytes[3950..]), "{name}: another end: {told} {}", end.len());
    // A length that is told wrong is just that: whoever reads finds out.
    let told = store.len_bytes(name)?;
    assert!([3997, 4000, 4003].map(Some).contains(&told), "{told:?}");
    Ok(())
}

const STEPS: [Step; 6] = [
    ("stage", |store, known| known.stored("data/a", &content(3), store.stage("data/a", &[&content(3)]))),
    ("create", |store, known| known.stored("commits/0/a", &content(5), store.create("commits/0/a", &content(5)))),
    ("lose", |store, known| match store.create("commits/0/a", b"another's") {
        // It may be the first that failed.
        Ok(()) => {
            assert!(!known.there.contains_key("commits/0/a"), "created twice");
            known.doubtful.insert("commits/0/a".into(), Some(b"another's".to_vec()));
            Ok(())
        }
        Err(BlobError::Exists { .. }) => Ok(()),
        Err(error) => Err(error),
    }),
    ("read", |store, known| reads(store, known, "data/a").and_then(|()| reads(store, known, "commits/0/a"))),
    ("list", |store, known| {
        let listed: Vec<String> = store.list("")?.into_iter().map(|listed| listed.name).collect();
        for name in known.there.keys() {
            assert!(listed.contains(name), "{name} is not in {listed:?}");
        }
        let between = store.list_between("d", "e")?;
        assert_eq!(between.iter().any(|l| l.name == "data/a"), listed.contains(&"data/a".to_string()));
        Ok(())
    }),
    ("delete", |store, known| {
        known.there.remove("data/a");
        known.doubtful.insert("data/a".into(), None);
        store.delete("data/a")?;
        store.delete("data/a")?;
        known.doubtful.remove("data/a");
        assert_eq!(store.len_bytes("data/a")?, None);
        Ok(())
    }),
];

#[test]
fn no_fault_at_any_request_is_a_false_success() {
    let mut struck: BTreeMap<(&str, Operation), u64> = BTreeMap::new();
    for (name, fault) in faults() {
        let mut nth = 1;
        loop {
            let server = S3Server::start(Dialect::small_pages(1));
            // Waits cost nothing; a late request is let through by the next.
            let mut settings = settings(&server.endpoint(), "p");
            if name.starts_with("stall") {
                settings.answer_timeout_ms = 150;
            }
            let store = patient(settings, Played::new(|_| {}));
            store.list("").unwrap();
            server.take_requests();
            server.inject(Rule::nth(nth, fault.clone()));
            let mut known = Known::default();
            for (_, step) in STEPS {
                let _ = step(&store, &mut known);
            }
            let hit = server.take_requests().into_iter().find(|request| request.fault.is_some());
            for (name, bytes) in &known.there {
                let object = server.objects().get(&format!("p/{name}")).map(|object| object.bytes.to_vec());
                let is_doubtful = known.doubtful.contains_key(name);
                assert!(is_doubtful || object.as_deref() == Some(bytes), "{name} after {fault:?} at request {nth}");
            }
            match hit {
                Some(request) => *struck.entry((name, request.operation)).or_default() += 1,
                None => break,
            }
            nth += 1;
            assert!(nth < 60, "no end: {name}");
        }
    }
    for (name, fault) in faults() {
        for operation in [
            Operation::PutObject,
            Operation::GetObject,
            Operation::HeadObject,
            Operation::ListObjectsV2,
            Operation::DeleteObject,
        ] {
            let is_of_listings = matches!(fault, Fault::RepeatedToken | Fault::DoubledEntry { .. });
            if is_of_listings && operation != Operation::ListObjectsV2 {
                continue;
            }
            assert!(struck.contains_key(&(name, operation)), "{name} never struck {operation:?}");
        }
    }
}

#[test]
fn a_listing_that_is_not_whole_is_an_error_or_complete() {
    for fault in [
        Fault::DoubledEntry { nth: 1 },
        Fault::RepeatedToken,
        Fault::CutBody { sixteenths: 9 },
        Fault::WrongLength { by_bytes: -40 },
    ] {
        let server = S3Server::start(Dialect::small_pages(4));
        for number in 0..10 {
            server.insert(&format!("p/data/{number}"), b"x");
        }
        for after in 0..3 {
            let store = crate::world::plain(&server, "p");
            server.inject(Rule::on(Operation::ListObjectsV2, fault.clone()).after(after));
            if let Ok(listed) = store.list("") {
                assert_eq!(listed.len(), 10, "{fault:?} in page {after}");
            }
            server.clear_faults();
        }
    }
}
