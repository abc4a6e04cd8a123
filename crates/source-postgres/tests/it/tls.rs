//! Connections that are encrypted, and servers whose certificates are judged.

use crate::common::{MAJOR, check_error, try_capture};
use datakeep_model::ErrorKind;
use datakeep_testkit_postgres::{Cluster, Setup, certificate};

#[test]
fn certificates_are_judged_as_far_as_the_location_asks() {
    let authority = certificate::Authority::new();
    let server = authority.sign("localhost");
    let cluster = Cluster::start(Setup::of(MAJOR).tcp().certificate(&server).hba(
        "hostssl all guarded 127.0.0.1/32 scram-sha-256\nhostssl all certified 127.0.0.1/32 cert\nhost all postgres 127.0.0.1/32 trust",
    ));
    let database = cluster.database("db");
    cluster.run(
        &database,
        "CREATE ROLE guarded LOGIN PASSWORD 'secret'; CREATE ROLE certified LOGIN; CREATE TABLE t(a int)",
    );
    cluster.run(&database, "GRANT SELECT ON t TO guarded, certified");
    let at = |host: &str, role: &str, more: &str| {
        format!("postgres://{role}:secret@{host}:{}/{database}?{more}", cluster.port())
    };
    let root = authority.file().display().to_string();
    let other = certificate::Authority::new();
    let works = |location: String| {
        try_capture(&location).unwrap_or_else(|error| panic!("{location}: {error}"));
    };
    let refused = |location: String, words: &[&str]| {
        check_error(&try_capture(&location).err().expect("refused"), ErrorKind::Source, words);
    };
    works(at("127.0.0.1", "guarded", ""));
    works(at("localhost", "guarded", "sslmode=require"));
    works(at("localhost", "guarded", "sslmode=require&channel_binding=require"));
    works(at("localhost", "guarded", &format!("sslmode=verify-full&sslrootcert={root}")));
    works(at("127.0.0.1", "guarded", &format!("sslmode=verify-ca&sslrootcert={root}")));
    refused(at("127.0.0.1", "guarded", &format!("sslmode=verify-full&sslrootcert={root}")), &["certificate"]);
    refused(at("localhost", "guarded", "sslmode=verify-full"), &["certificate", "sslrootcert"]);
    let foreign = other.file().display().to_string();
    refused(at("localhost", "guarded", &format!("sslmode=require&sslrootcert={foreign}")), &["certificate"]);
    refused(at("localhost", "guarded", &format!("sslmode=verify-ca&sslrootcert={foreign}")), &["certificate"]);
    // Without TLS the server does not let this role in.
    let open = try_capture(&at("localhost", "guarded", "sslmode=disable")).err().expect("refused");
    check_error(&open, ErrorKind::Denied, &["28000"]);
    let own = authority.sign("certified");
    let files = format!("sslmode=require&sslcert={}&sslkey={}", own.certificate().display(), own.key().display());
    works(at("localhost", "certified", &files));
    assert!(try_capture(&at("localhost", "certified", "sslmode=require")).is_err(), "it has no certificate");
}

#[test]
fn a_server_without_tls_is_refused_where_it_is_asked_for() {
    let cluster = Cluster::start(Setup::of(MAJOR).tcp().hba("host all postgres 127.0.0.1/32 trust"));
    let database = cluster.database("db");
    let at = |mode: &str| format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode={mode}", cluster.port());
    let refused = try_capture(&at("require")).err().expect("refused");
    check_error(&refused, ErrorKind::Source, &["TLS", "ssl = on"]);
    for mode in ["prefer", "disable"] {
        try_capture(&at(mode)).expect("captured");
    }
}
