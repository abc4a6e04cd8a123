//! Bad input and bad stores: each with its message, exit code and next step.

use super::Remote;
use crate::world::Said;
use datakeep_testkit_s3::{Dialect, S3Server};

/// A message, its exit code, and a word of the hint.
#[track_caller]
fn check(said: Said, code: i32, message: &str, hint: &str) {
    said.expect(code).err_has(message).err_has(hint);
}

#[test]
fn every_refusal_has_its_words() {
    let server = S3Server::start(Dialect { region: "cn-north-1".into(), ..Dialect::strict() });
    let remote = Remote::new(server.endpoint());
    let list =
        |environment: &[(&str, &str)], more: &[&str]| remote.run_with(environment, &[&["snapshots"], more].concat());
    check(list(&[], &["-o", "endpoint=http://127.0.0.1:1"]), 14, "cannot be reached", "endpoint");
    check(list(&[("AWS_REGION", "eu-central-1")], &[]), 14, "another region: cn-north-1", "region=cn-north-1");
    check(list(&[("AWS_SECRET_ACCESS_KEY", "wrong-secret")], &[]), 16, "does not accept", "AWS_SECRET_ACCESS_KEY");
    check(list(&[], &["-r", "s3://absent/x"]), 14, "no such bucket", "datakeep makes no buckets");
    let bucket = server.endpoint().bucket;
    check(list(&[], &["-r", &format!("s3://{bucket}/none")]), 10, "no repository", "datakeep init");
    check(list(&[], &["-r", "s3://Bad_Bucket"]), 2, "no place for a repository", "s3://BUCKET/PREFIX");
    check(list(&[], &["-o", "endpont=x"]), 2, "no store option", "`endpoint`");
    check(list(&[], &["-o", "ca-file=/none"]), 2, "cannot read the certificates in /none", "config show");
    check(remote.run(&["init"]), 2, "there is a repository", "datakeep backup");
    server.set_clock_offset_s(3600);
    check(list(&[], &[]), 14, "clock", "3600 s behind");
    server.set_clock_offset_s(0);
    server.expire_credentials();
    check(list(&[], &[]), 16, "have expired", "renew them");
    check(list(&[], &["--lang", "zh"]), 16, "凭据已过期", "请更新凭据");
}

#[test]
fn no_credentials_at_all() {
    let server = S3Server::start(Dialect::strict());
    let remote = Remote::bare(server.endpoint());
    let mut command = remote.command();
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").arg("snapshots");
    let said: Said = command.output().unwrap().into();
    check(said, 16, "no credentials", "AWS_ACCESS_KEY_ID");
}

#[test]
fn credentials_come_from_the_configuration_by_reference() {
    let server = S3Server::start(Dialect::strict());
    let remote = Remote::new(server.endpoint());
    let endpoint = server.endpoint();
    let secret = remote.world.path("secret-key");
    std::fs::write(&secret, format!("{}\n", endpoint.credentials.secret_key)).unwrap();
    let config = |secret: &str| {
        let (url, id) = (&endpoint.url, &endpoint.credentials.access_key);
        let text =
            format!("[store]\nendpoint = \"{url}\"\naccess-key-id = \"{id}\"\nsecret-access-key = \"{secret}\"\n");
        std::fs::write(remote.world.path("config.toml"), text).unwrap();
        let mut command = remote.command();
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"] {
            command.env_remove(name);
        }
        command.env("DATAKEEP_CONFIG", remote.world.path("config.toml"));
        command
    };
    let by_file = format!("file:{}", secret.display());
    let said: Said = config(&by_file).arg("snapshots").output().unwrap().into();
    said.expect(0);
    let said: Said = config(&by_file).args(["config", "show", "--effective"]).output().unwrap().into();
    assert!(!said.expect(0).out_has("store.secret-access-key").out.contains(super::SECRET));
    let said: Said = config("a-literal-secret").arg("snapshots").output().unwrap().into();
    assert!(!said.err.contains("a-literal-secret"));
    check(said, 2, "line 4", "file:/path");
}

#[test]
fn a_store_that_ignores_conditions_is_backed_up_to_and_collected_alone() {
    let server = S3Server::start(Dialect::ignores_conditions());
    let remote = Remote::bare(server.endpoint());
    let made = remote.run(&["init", "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code"]).expect(0);
    made.err_has("must be alone").err_has("create-once");
    remote.backup().expect(0);
    remote.run(&["doctor", "store"]).expect(0).out_has("exclusive-window");
    remote.run(&["gc"]).expect(0);
    remote.run(&["check", "--read-data"]).expect(0);
    remote.expect_restored("tree", "out");
}

#[test]
fn a_store_that_refuses_checksums_says_so() {
    let server = S3Server::start(Dialect::refuses_checksums());
    let remote = Remote::bare(server.endpoint());
    let init = ["init", "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code"];
    check(remote.run(&init), 14, "does not know this kind of request", "checksum=none");
    remote.run(&[&init[..], &["-o", "checksum=none"]].concat()).expect(0);
    remote.run(&["backup", &remote.world.text("tree"), "-o", "checksum=none"]).expect(0);
}

#[test]
fn what_is_locked_stays_and_backups_go_on() {
    let server = S3Server::start(Dialect::strict());
    let remote = Remote::bare(server.endpoint());
    let lock = ["-o", "object-lock=governance:30d"];
    let init = ["init", "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code"];
    remote.run(&[&init[..], &lock].concat()).expect(0);
    for _ in 0..2 {
        remote.run(&["backup", &remote.world.text("tree"), lock[0], lock[1]]).expect(0);
    }
    let objects = server.objects();
    let is_locked = |folder: &str| {
        let prefix = format!("backups/one/{folder}/");
        let mut found = objects.iter().filter(|(key, _)| key.starts_with(&prefix)).peekable();
        assert!(found.peek().is_some(), "{folder}");
        found.all(|(_, object)| object.lock.is_some())
    };
    assert!(is_locked("data") && is_locked("meta") && is_locked("commits") && is_locked("index"));
    assert!(!is_locked("sessions"));
}
