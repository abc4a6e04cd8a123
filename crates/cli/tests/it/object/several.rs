//! Several writers and a collector at once on a real server.

use super::Remote;
use datakeep_testkit::{CompareOptions, compare_with, observe, random_bytes};
use datakeep_testkit_s3::VersityGw;
use std::fs;

/// Backups of each writer.
const ROUNDS: u64 = 6;

#[test]
fn writers_and_a_collector_share_a_bucket() {
    let server = VersityGw::start();
    let remote = Remote::new(server.endpoint());
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3u64)
            .map(|writer| {
                let remote = &remote;
                scope.spawn(move || {
                    let tree = remote.world.path(&format!("tree-{writer}"));
                    fs::create_dir(&tree).unwrap();
                    for round in 0..ROUNDS {
                        // Some of it is everybody's, some of it is shared with the round before.
                        fs::write(tree.join("own"), random_bytes(100 * writer + round, 400_000)).unwrap();
                        fs::write(tree.join("shared"), random_bytes(round, 400_000)).unwrap();
                        let source = format!("writer-{writer}");
                        let said = remote.run(&["backup", tree.to_str().unwrap(), "--source", &source]);
                        // A run that was passed by is run again.
                        assert!([0, 11].contains(&said.code), "{}", said.err);
                        if said.code == 11 {
                            remote.run(&["backup", tree.to_str().unwrap(), "--source", &source]).expect(0);
                        }
                    }
                })
            })
            .collect();
        let remote = &remote;
        let collector = scope.spawn(move || {
            let mut collected = 0;
            while writers.iter().any(|writer| !writer.is_finished()) {
                remote.run(&["forget", "--keep-last", "1", "--yes"]).expect(0);
                let said = remote.run(&["gc", "--yes", "--max-delete", "100", "--max-unused", "0", "--patience", "1s"]);
                assert!([0, 11].contains(&said.code), "{}", said.err);
                collected += u32::from(said.code == 0);
            }
            collected
        });
        assert!(collector.join().unwrap() > 0, "nothing was collected meanwhile");
    });
    remote.run(&["check", "--read-data"]).expect(0);
    for writer in 0..3 {
        let (tree, out) = (remote.world.path(&format!("tree-{writer}")), remote.world.path(&format!("out-{writer}")));
        let place = format!("writer-{writer}:{}", tree.display());
        remote.run(&["restore", &place, "--to", out.to_str().unwrap()]).expect(0);
        let (before, after) = (observe(&tree).unwrap(), observe(&out).unwrap());
        assert_eq!(compare_with(&before, &after, &CompareOptions::default()), Vec::<String>::new());
    }
}
