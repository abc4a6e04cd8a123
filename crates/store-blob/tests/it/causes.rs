//! Every refusal has its cause, and none tells a secret.

use crate::world::{Played, patient, plain, settings};
use datakeep_model::Secret;
use datakeep_store_blob::object::settings::{Checksum, Credentials};
use datakeep_store_blob::{BlobError, BlobStore, ObjectStore, RemoteCause};
use datakeep_testkit_s3::{Dialect, Fault, Operation, Refusal, Rule, S3Server, WrongRegion};
use std::io::{Read, Write};

fn cause(error: &BlobError) -> RemoteCause {
    match error {
        BlobError::Remote { cause, .. } => cause.clone(),
        other => panic!("no cause: {other:?}"),
    }
}

fn read_config(store: &ObjectStore) -> BlobError {
    let error = store.read("config", 100).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("testkit-secret"), "a secret: {error:?}");
    error
}

#[test]
fn credentials_that_do_not_fit() {
    let server = S3Server::start(Dialect::strict());
    let with = |id: &str, secret: &str| {
        let mut settings = settings(&server.endpoint(), "p");
        let secret = Secret::new(secret.as_bytes().to_vec());
        settings.credentials = Credentials::Static { id: id.into(), secret, token: None };
        read_config(&ObjectStore::new(settings).unwrap())
    };
    assert_eq!(cause(&with("AKIATESTKIT", "testkit-secret-other")), RemoteCause::WrongCredentials);
    assert_eq!(cause(&with("SOMEBODY", "testkit-secret-key")), RemoteCause::WrongCredentials);
    let store = plain(&server, "p");
    store.create("config", b"x").unwrap();
    server.expire_credentials();
    assert_eq!(cause(&read_config(&store)), RemoteCause::ExpiredCredentials);
}

#[test]
fn a_bucket_elsewhere_or_nowhere() {
    for wrong_region in [WrongRegion::Malformed, WrongRegion::Redirect] {
        let server = S3Server::start(Dialect { region: "cn-north-1".into(), wrong_region, ..Dialect::strict() });
        let mut settings = settings(&server.endpoint(), "p");
        settings.region = Some("eu-central-1".into());
        let found = cause(&read_config(&ObjectStore::new(settings).unwrap()));
        assert_eq!(found, RemoteCause::WrongRegion { region: Some("cn-north-1".into()) });
    }
    let server = S3Server::start(Dialect::strict());
    let mut settings = settings(&server.endpoint(), "p");
    settings.place.bucket = "absent".into();
    assert_eq!(cause(&read_config(&ObjectStore::new(settings).unwrap())), RemoteCause::NoBucket);
}

#[test]
fn clocks_that_disagree() {
    let server = S3Server::start(Dialect::strict());
    for (offset_s, ahead_seconds) in [(3600, -3600), (-7200, 7200)] {
        server.set_clock_offset_s(offset_s);
        let RemoteCause::ClockSkew { ahead_seconds: Some(found) } = cause(&read_config(&plain(&server, "p"))) else {
            panic!("another cause");
        };
        assert!((found - ahead_seconds).abs() < 60, "{found}");
    }
}

#[test]
fn what_is_denied_is_denied_at_once() {
    let server = S3Server::start(Dialect::strict());
    let time = Played::new(|_| {});
    let store = patient(settings(&server.endpoint(), "p"), time.clone());
    server.inject(Rule::on(Operation::PutObject, Fault::Instead(Refusal::access_denied())).always());
    assert!(matches!(store.create("a", b"x"), Err(BlobError::Denied { .. })));
    assert_eq!((time.waits(), server.count(Operation::PutObject)), (0, 1));
}

#[test]
fn nobody_there() {
    let server = S3Server::start(Dialect::strict());
    let endpoint = server.endpoint();
    drop(server);
    let store = ObjectStore::new(settings(&endpoint, "p")).unwrap();
    assert_eq!(cause(&read_config(&store)), RemoteCause::Unreachable);
}

#[test]
fn a_server_without_tls_is_not_trusted_over_https() {
    // What servers without TLS say to a greeting they cannot read.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = S3Server::start(Dialect::strict());
    let mut settings = settings(&server.endpoint(), "p");
    settings.endpoint = Some(format!("https://127.0.0.1:{port}"));
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut greeting = [0; 5];
        stream.read_exact(&mut greeting).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").unwrap();
    });
    assert_eq!(cause(&read_config(&ObjectStore::new(settings).unwrap())), RemoteCause::NotSecure);
    answering.join().unwrap();
}

#[test]
fn a_store_that_refuses_checksums_is_used_without() {
    let server = S3Server::start(Dialect::refuses_checksums());
    let error = plain(&server, "p").create("a", b"x").unwrap_err();
    assert_eq!(cause(&error), RemoteCause::Unsupported);
    let mut settings = settings(&server.endpoint(), "p");
    settings.checksum = Checksum::None;
    let store = ObjectStore::new(settings).unwrap();
    store.create("a", b"x").unwrap();
    assert!(matches!(store.create("a", b"y"), Err(BlobError::Exists { .. })));
}

#[test]
fn a_login_page_is_not_an_object_store() {
    let server = S3Server::start(Dialect::strict());
    server.inject(Rule::on(Operation::ListObjectsV2, Fault::Instead(Refusal::login_page())).always());
    let error = plain(&server, "p").list("").unwrap_err();
    assert_eq!(cause(&error), RemoteCause::Broken, "no listing is not an empty one");
}
