//! The same on a real server, and on any endpoint that `DATAKEEP_TEST_S3` names.

use crate::world::{Played, settings, whole};
use datakeep_store_blob::{BlobError, BlobStore, ObjectStore, conformance};
use datakeep_testkit_s3::{Endpoint, VersityGw};

fn conforms(endpoint: &Endpoint, prefix: &str) {
    let mut stores = 0;
    conformance::check(&mut || {
        stores += 1;
        let mut settings = settings(endpoint, &format!("{prefix}/{stores}"));
        settings.answer_timeout_ms = 30_000;
        Box::new(whole(settings, Played::new(|_| {})))
    });
}

#[test]
fn a_real_server_conforms() {
    let server = VersityGw::start();
    conforms(&server.endpoint(), "conformance");
    if let Some(endpoint) = Endpoint::from_environment() {
        conforms(&endpoint, &format!("datakeep-test/{}", std::process::id()));
    }
}

#[test]
fn a_real_server_takes_parts_and_completes_a_name_once() {
    let server = VersityGw::start();
    let mut settings = settings(&server.endpoint(), "p");
    (settings.part_bytes, settings.answer_timeout_ms) = (5 << 20, 30_000);
    let store = ObjectStore::new(settings).unwrap();
    let bytes: Vec<u8> = (0..17u32 << 20).map(|n| (n >> 9) as u8 ^ n as u8).collect();
    store.stage("data/x", &[&bytes]).unwrap();
    assert!(store.read("data/x", 1 << 30).unwrap() == bytes);
    assert!(matches!(store.stage("data/x", &[&bytes[1..]]), Err(BlobError::Exists { .. })));
    assert_eq!(store.read_tail("data/x", 9).unwrap(), (17 << 20, bytes[(17 << 20) - 9..].to_vec()));
    assert_eq!(store.clear_leftovers().unwrap(), 0);
    assert!(store.age_ms("data/x").unwrap().is_some_and(|age_ms| age_ms < 600_000));
}
