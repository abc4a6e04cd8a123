//! The whole life of a repository on a real server.

use super::Remote;
use datakeep_testkit::random_bytes;
use datakeep_testkit_s3::VersityGw;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn a_repository_lives_on_a_real_server() {
    let server = VersityGw::start();
    let remote = Remote::new(server.endpoint());
    let tree = remote.world.tree();
    symlink("report.txt", tree.join("link")).unwrap();
    fs::hard_link(tree.join("report.txt"), tree.join("twin")).unwrap();
    fs::write(tree.join("large"), random_bytes(1, 5 << 20)).unwrap();
    remote.backup().expect(0).out_has("complete");
    remote.backup().expect(0).out_has("0 new");
    fs::write(tree.join("large"), random_bytes(2, 5 << 20)).unwrap();
    remote.run(&["diff", "tree"]).expect(0);
    // How many items changed is not asked: folders above the tree are items, and other tests work in them.
    remote.backup().expect(0).out_has("0 new").out_has("5.0 MiB new");
    remote.expect_restored("tree", "out");

    remote.run(&["ls", &format!("tree:{}", remote.world.text("tree"))]).expect(0).out_has("twin");
    remote.run(&["find", "*.bin"]).expect(0).out_has("data.bin");
    remote.run(&["cat", &format!("tree:{}/report.txt", remote.world.text("tree"))]).expect(0).out_has("first report");
    remote.run(&["tag", "latest", "--add", "kept"]).expect(0);
    remote.run(&["snapshots"]).expect(0).out_has("kept");
    remote.run(&["stats"]).expect(0);
    remote.run(&["doctor", "store"]).expect(0).out_has("tier: collecting");
    remote.run(&["doctor"]).expect(0).out_has("s3://");
    remote.run(&["check", "--read-data"]).expect(0);
    remote.run(&["scrub"]).expect(0);

    // The first two go, and what only they held: the old content of the large file.
    remote.run(&["forget", "--keep-last", "1", "--yes"]).expect(0);
    let gc = remote.run(&["gc", "--json", "--yes", "--max-delete", "100"]).expect(0).json();
    assert!(gc["deleted_bytes"].as_u64().unwrap_or(0) > 4 << 20, "{gc}");
    remote.run(&["check", "--read-data"]).expect(0);
    remote.run(&["repair", "--dry-run"]).expect(0);
    remote.expect_restored("tree", "again");

    // A machine that has never seen it.
    remote.run(&["snapshots", "--cache-dir", &remote.world.text("other-cache")]).expect(0).out_has("complete");
    remote.run_with(&[("DATAKEEP_NEW_PASSWORD", "another one")], &["key", "add"]).expect(0);
}

#[test]
fn what_is_damaged_on_the_server_is_found_and_repaired() {
    let server = VersityGw::start();
    let remote = Remote::new(server.endpoint());
    fs::write(remote.world.tree().join("large"), random_bytes(1, 3 << 20)).unwrap();
    remote.backup().expect(0);
    let folder = server.store().join("testkit").join("backups/one/data");
    let folder =
        if folder.exists() { folder } else { server.store().join(&server.endpoint().bucket).join("backups/one/data") };
    let pack = crate::world::files(&folder).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    crate::world::damage(&pack);
    remote.run(&["check", "--read-data"]).expect(15);
    remote.run(&["repair", "--yes"]);
    remote.backup().expect(0);
    remote.run(&["check", "--read-data"]).expect(0);
    remote.expect_restored("tree", "out");
}
