//! Objects that are sent in parts, uploads that nobody completed, and locks.

use crate::world::{Played, patient, plain, settings};
use datakeep_store_blob::object::settings::{Lock, LockMode};
use datakeep_store_blob::{BlobError, BlobStore, ObjectStore};
use datakeep_testkit_s3::{Dialect, Fault, Operation, Refusal, Rule, S3Server};

const PART: u64 = 5 << 20;

fn in_parts(server: &S3Server) -> ObjectStore {
    let mut settings = settings(&server.endpoint(), "p");
    settings.part_bytes = PART;
    ObjectStore::new(settings).unwrap()
}

fn large() -> Vec<u8> {
    (0..3 * PART + 17).map(|n| ((n * n) >> 7) as u8).collect()
}

#[test]
fn large_objects_go_in_parts_and_only_under_a_free_name() {
    let server = S3Server::start(Dialect::strict());
    let (store, bytes) = (in_parts(&server), large());
    store.stage("data/x", &[&bytes]).unwrap();
    assert_eq!(server.count(Operation::UploadPart), 4);
    assert_eq!(store.read("data/x", 1 << 30).unwrap(), bytes);
    let error = store.stage("data/x", &[&bytes[1..]]).unwrap_err();
    assert!(matches!(error, BlobError::Exists { .. }), "{error:?}");
    assert!(server.uploads().is_empty(), "the upload that lost was aborted");
    assert_eq!(store.read("data/x", 1 << 30).unwrap(), bytes);
}

#[test]
fn an_upload_that_fails_leaves_nothing() {
    for (operation, nth) in [
        (Operation::CreateMultipartUpload, 0),
        (Operation::UploadPart, 0),
        (Operation::UploadPart, 3),
        (Operation::CompleteMultipartUpload, 0),
    ] {
        let server = S3Server::start(Dialect::strict());
        let store = in_parts(&server);
        server.inject(Rule::on(operation, Fault::Instead(Refusal::access_denied())).after(nth));
        assert!(store.stage("data/x", &[&large()]).is_err());
        assert!(server.uploads().is_empty(), "{operation:?}");
        assert!(server.objects().is_empty());
    }
}

#[test]
fn a_completion_whose_answer_was_lost_is_a_success() {
    for fault in [Fault::LostAnswer, Fault::Twice, Fault::Afterwards(Refusal::internal_error())] {
        let server = S3Server::start(Dialect::strict());
        let mut settings = settings(&server.endpoint(), "p");
        settings.part_bytes = PART;
        let store = patient(settings, Played::new(|_| {}));
        store.list("").unwrap();
        server.inject(Rule::on(Operation::CompleteMultipartUpload, fault.clone()));
        store.stage("data/x", &[&large()]).unwrap();
        assert_eq!(store.read("data/x", 1 << 30).unwrap(), large(), "{fault:?}");
    }
}

#[test]
fn uploads_of_dead_writers_go_when_they_are_old_and_those_of_others_stay() {
    let server = S3Server::start(Dialect::small_pages(2));
    let store = in_parts(&server);
    server.inject(Rule::on(Operation::AbortMultipartUpload, Fault::Instead(Refusal::access_denied())).always());
    server.inject(Rule::on(Operation::UploadPart, Fault::Instead(Refusal::access_denied())).always());
    for number in 0..5 {
        assert!(store.stage(&format!("data/{number}"), &[&large()]).is_err());
    }
    let other = ObjectStore::new({
        let mut settings = settings(&server.endpoint(), "other");
        settings.part_bytes = PART;
        settings
    });
    assert!(other.unwrap().stage("data/x", &[&large()]).is_err());
    server.clear_faults();
    assert_eq!(server.uploads().len(), 6);
    assert_eq!(store.clear_leftovers().unwrap(), 0, "they may still be going on");
    server.set_clock_offset_s(25 * 3600);
    // Signatures are refused by a clock so far off; only what is old counts here.
    server.set_clock_offset_s(0);
    server.with_bucket(|bucket| {
        for upload in bucket.uploads.values_mut() {
            upload.initiated = jiff::Timestamp::UNIX_EPOCH;
        }
    });
    assert_eq!(store.clear_leftovers().unwrap(), 5);
    assert_eq!(server.uploads().len(), 1, "another repository's");
}

#[test]
fn what_is_to_stay_is_locked_and_what_is_to_go_is_not() {
    let server = S3Server::start(Dialect::strict());
    let mut settings = settings(&server.endpoint(), "p");
    settings.lock = Some(Lock { mode: LockMode::Compliance, days: 30 });
    settings.part_bytes = PART;
    let store = ObjectStore::new(settings).unwrap();
    store.create("sessions/0/a", b"x").unwrap();
    store.stage("data/a", &[b"x"]).unwrap();
    store.stage("data/large", &[&large()]).unwrap();
    store.create("commits/0/a", b"x").unwrap();
    let locks: Vec<(String, bool)> =
        server.objects().into_iter().map(|(key, object)| (key, object.lock.is_some())).collect();
    let expected = [("p/commits/0/a", true), ("p/data/a", true), ("p/data/large", true), ("p/sessions/0/a", false)];
    assert_eq!(locks, expected.map(|(key, is_locked)| (key.to_string(), is_locked)));
    assert!(matches!(store.delete("data/a"), Err(BlobError::Denied { .. })), "it is locked");
    store.delete("sessions/0/a").unwrap();
    assert!(plain(&server, "p").delete("data/large").is_err());
}
