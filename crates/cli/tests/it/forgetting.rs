//! `forget`: the plan is shown, the marks are made, and what is held or newest stays.

use crate::world::{PASSWORD, Said, World};
use datakeep_connector::{Cancel, Clock, Connector, FixedClock, Options};
use datakeep_engine::{BackupOptions, RunContext, backup};
use datakeep_model::{NullObserver, Secret, Timestamp};
use datakeep_source_files::FilesConnector;
use datakeep_store::{Locked, OsEntropy, Repository, Unlock};
use datakeep_store_blob::LocalStore;
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;

const DAY: i64 = 86_400;
/// 2026-01-30 22:00 UTC, a Friday; the next day in Shanghai.
const FRIDAY: i64 = 1_769_810_400;

/// Opens the repository of a world beside the program.
fn open(world: &World) -> Arc<Repository> {
    let locked = Locked::find(Arc::new(LocalStore::new(&world.path("repo")))).unwrap();
    let secret = Unlock::Password(Secret::new(PASSWORD.as_bytes().to_vec()));
    Arc::new(locked.unlock(&secret, Arc::new(OsEntropy), None).unwrap())
}

/// One snapshot of the world's tree, made at a time that is not now.
fn snapshot_at(world: &World, repository: &Arc<Repository>, host: &str, seconds: i64, tags: &[&str]) -> String {
    let clock = FixedClock(Timestamp::new(seconds, 0));
    let options: Options = [("host".to_string(), vec![host.to_string()])].into();
    let mut source = FilesConnector::new().open_source(&[world.text("tree")], &options).unwrap();
    let mark = source.begin().unwrap();
    let cancel = Cancel::new();
    let context = RunContext { observer: &NullObserver, cancel: &cancel, clock: &clock as &dyn Clock };
    let tags = tags.iter().map(ToString::to_string).collect();
    let options = BackupOptions { tags, resume: false, ..BackupOptions::default() };
    let report = backup(repository, &mut *source, &mark, &options, &context).unwrap();
    report.manifest.unwrap().snapshot.id.to_hex()
}

/// A world with one snapshot a day, oldest first, the newest on that Friday.
fn days(count: i64) -> (World, Vec<String>) {
    let world = World::new();
    let repository = open(&world);
    let ids = (0..count).map(|day| snapshot_at(&world, &repository, "h", FRIDAY - (count - 1 - day) * DAY, &[]));
    let ids = ids.collect();
    (world, ids)
}

fn left(world: &World) -> Vec<String> {
    world.snapshots().iter().map(|snapshot| snapshot["id"].as_str().unwrap().to_string()).collect()
}

fn json_of(world: &World, arguments: &[&str]) -> Value {
    world.run(&[&["forget", "--json"], arguments].concat()).expect(0).json()
}

#[test]
fn rules_say_what_stays_and_why() {
    let (world, ids) = days(10);
    let rules = ["forget", "--keep-daily", "3", "--keep-weekly", "2"];
    let plan = [&rules[..], &["--dry-run", "--calendar", "--time-zone", "UTC"]].concat();
    let shown = world.run(&plan).expect(0).out_has("kept: daily 2026-01-28").out_has("weekly 2026-W04");
    let shown = shown.out_has("kept: newest, daily 2026-01-30").out_has("keep 4, forget 6").out_has("--dry-run");
    shown.out_has("2026-01  ....................----#--###.").out_has("tree (files) · h");
    assert_eq!(left(&world), ids, "a dry run writes nothing");
    // More than half: not without a yes.
    world.run(&rules).expect(2).err_has("forget 6 of 10").err_has("--yes");
    assert_eq!(left(&world), ids);
    world.run(&[&rules[..], &["--yes"]].concat()).expect(0).out_has("datakeep gc");
    assert_eq!(left(&world), [4, 7, 8, 9].map(|day| ids[day].clone()));
    world.run(&rules).expect(0).out_has("keep 4, forget 0");
    world.run(&["check"]).expect(0);
}

#[test]
fn a_time_zone_cuts_the_days() {
    let (world, ids) = days(1);
    let repository = open(&world);
    let later = snapshot_at(&world, &repository, "h", FRIDAY + 4 * 3600, &[]);
    let kept = |zone: &str| {
        let document = json_of(&world, &["--keep-daily", "5", "-n", "--time-zone", zone]);
        assert_eq!(document["time_zone"], zone);
        document["snapshots_kept"].as_u64().unwrap()
    };
    assert_eq!((kept("UTC"), kept("Asia/Shanghai")), (2, 1));
    world.run(&["forget", "--keep-last", "1", "--time-zone", "Asia/Shanghia"]).expect(2).err_has("time zone");
    world.run(&["forget", "--keep-daily", "5", "--time-zone", "Asia/Shanghai", "-q"]).expect(0);
    assert_eq!(left(&world), [later], "{ids:?}");
}

#[test]
fn a_hold_holds_against_rules_and_names() {
    let (world, ids) = days(4);
    world.run(&["tag", &ids[0], "--add", "hold:audit 2026"]).expect(0);
    world.run(&["snapshots"]).expect(0).out_has("complete, held");
    world.run(&["forget", "--keep-last", "1", "-y"]).expect(0).out_has("held by label hold:audit 2026");
    assert_eq!(left(&world), [ids[0].clone(), ids[3].clone()]);
    let lift = format!("datakeep tag {} --remove 'hold:audit 2026'", &ids[0][..8]);
    world.run(&["forget", &ids[0], "-y"]).expect(16).err_has("held by its label").err_has(&lift);
    world.run(&["tag", &ids[0], "--remove", "hold:audit 2026"]).expect(0);
    world.run(&["forget", &ids[0], "-y"]).expect(0);
    assert_eq!(left(&world), [ids[3].clone()]);
}

#[test]
fn named_snapshots_go_and_slips_do_not() {
    let (world, ids) = days(5);
    let gone = world.run(&["forget", &ids[1][..8], "tree@latest", "--reason", "made by mistake"]).expect(0);
    gone.out_has("keep 3, forget 2").out_has("forgotten: 2");
    let stay = [ids[0].clone(), ids[2].clone(), ids[3].clone()];
    assert_eq!(left(&world), stay);
    let slip = format!("{}x", &ids[0][..7]);
    let hint = format!("did you mean {}?", &ids[0][..8]);
    world.run(&["forget", &slip]).expect(1).err_has(&hint);
    world.run(&["forget", &ids[1]]).expect(1);
    world.run(&["forget", "tree"]).expect(2).err_has("tree@latest").err_has("--source tree");
    world.run(&["forget", ""]).expect(2).err_has("names no snapshot");
    world.run(&["forget", "tree@"]).expect(2);
    world.run(&["forget", &ids[0], "--keep-last", "1"]).expect(2).err_has("cannot stand beside");
    world.run(&["forget", &ids[0], "--source", "tree"]).expect(2).err_has("cannot stand beside");
    assert_eq!(left(&world), stay);
    world.run(&["forget", &ids[0], &ids[2], &ids[3]]).expect(2).err_has("--yes");
    world.run(&["forget", &ids[0], &ids[2], &ids[3], "--yes"]).expect(0);
    assert_eq!(left(&world), [""; 0]);
}

#[test]
fn no_rule_keeps_everything() {
    let (world, ids) = days(2);
    for arguments in [&[][..], &["--keep-at-least", "3"], &["--keep-daily", "0"], &["--source", "tree", "-y"]] {
        world
            .run(&[&["forget"], arguments].concat())
            .expect(2)
            .err_has("nothing says what to keep")
            .err_has("--keep-daily 7");
    }
    world.run(&["forget", "--keep-within", "30m"]).expect(2).err_has("6mo");
    world.run(&["forget", "--keep-last", "many"]).expect(2).err_has("a number, or all");
    world.run(&["forget", "--keep-last", "1", "--group-by", "path"]).expect(2).err_has("source,host,tags");
    world.run(&["forget", "--keep-last", "1", "--source", "tre"]).expect(1).err_has("did you mean tree?");
    assert_eq!(left(&world), ids);
    world.run(&["forget", "--keep-last", "all"]).expect(0).out_has("keep 2, forget 0");
}

#[test]
fn groups_are_thinned_by_themselves() {
    let world = World::new();
    let repository = open(&world);
    let make = |host: &str, day: i64, tags: &[&str]| snapshot_at(&world, &repository, host, FRIDAY + day * DAY, tags);
    let old = make("old", -90, &["monthly"]);
    let (one, two) = (make("new", -1, &["monthly"]), make("new", 0, &[]));
    let kept = |more: &[&str]| {
        let document = json_of(&world, &[&["--keep-last", "1", "-n"], more].concat());
        let groups = document["groups"].as_array().unwrap().clone();
        let all = groups.into_iter().flat_map(|group| group["snapshots"].as_array().unwrap().clone());
        let kept = all.filter(|snapshot| snapshot["kept"] == true).map(|s| s["snapshot"].as_str().unwrap().to_string());
        kept.collect::<std::collections::BTreeSet<_>>()
    };
    let set = |ids: &[&String]| ids.iter().map(ToString::to_string).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(kept(&[]), set(&[&old, &two]));
    assert_eq!(kept(&["--group-by", "none"]), set(&[&two]));
    assert_eq!(kept(&["--group-by", "tags"]), set(&[&one, &two]));
    assert_eq!(kept(&["--group-by", "none", "--keep-tag", "monthly"]), set(&[&old, &one, &two]));
    assert_eq!(kept(&["--host", "new"]), set(&[&two]));
    assert_eq!(kept(&["--tag", "monthly", "--group-by", "source"]), set(&[&one]));
    assert_eq!(kept(&["--keep-within", "1d"]), set(&[&old, &one, &two]));
    assert_eq!(kept(&["--keep-at-least", "2"]), set(&[&old, &one, &two]));
}

#[test]
fn the_document_tells_all_reasons() {
    let (world, ids) = days(3);
    world.run(&["tag", &ids[0], "--add", "hold"]).expect(0);
    let document = json_of(&world, &["--keep-daily", "1", "--keep-last", "1", "--time-zone", "UTC"]);
    assert_eq!((&document["type"], &document["dry_run"]), (&json!("forget"), &json!(false)));
    assert_eq!((&document["snapshots_kept"], &document["snapshots_forgotten"]), (&json!(2), &json!(1)));
    let group = &document["groups"][0];
    assert_eq!(
        (&group["source"], &group["source_kind"], &group["host"]),
        (&json!("tree"), &json!("files"), &json!("h"))
    );
    let reasons = |at: usize| group["snapshots"][at]["reasons"].clone();
    assert_eq!(reasons(0), json!([{"reason": "hold", "value": "hold"}]));
    assert_eq!(reasons(1), json!([]));
    let newest = json!([
        {"reason": "newest"},
        {"reason": "newest-complete"},
        {"reason": "last", "value": "1"},
        {"reason": "daily", "value": "2026-01-30"},
    ]);
    assert_eq!(reasons(2), newest);
    assert_eq!(group["snapshots"][1]["started"], "2026-01-29T22:00:00Z");
    assert_eq!(left(&world), [ids[0].clone(), ids[2].clone()]);
    let refused = world.run(&["forget", "--json", &ids[0], &ids[2]]).expect(16).json();
    assert_eq!((&refused["type"], &refused["kind"]), (&json!("error"), &json!("denied")));
}

#[test]
fn dates_that_cannot_be_right_take_nobodys_place() {
    let (world, mut ids) = days(3);
    let repository = open(&world);
    // An RTC without a battery: after the newest, and dated 1970.
    ids.push(snapshot_at(&world, &repository, "h", 7, &[]));
    ids.push(snapshot_at(&world, &repository, "h", 60, &[]));
    ids.push(snapshot_at(&world, &repository, "h", 4_102_444_800, &[]));
    let said =
        world.run(&["forget", "--keep-last", "1"]).expect(0).err_has("cannot be right: 3").out_has("keep 4, forget 2");
    said.out_has("dated in the future").out_has("which was there first").out_has("shows that a date is wrong");
    assert_eq!(left(&world).len(), 4);
    assert!(left(&world).contains(&ids[2]));
}

#[test]
fn nothing_is_forgotten_while_a_hold_may_hide() {
    let (world, ids) = days(3);
    world.run(&["tag", &ids[0], "--add", "hold"]).expect(0);
    let label = crate::world::files(&world.path("repo/tags")).pop().unwrap();
    crate::world::damage(&label);
    world.run(&["forget", "--keep-last", "2"]).expect(15).err_has("may be a hold");
    world.run(&["forget", "--keep-last", "2", "-n"]).expect(15).out_has("nothing was written");
    world.run(&["forget", &ids[0]]).expect(15);
    fs::remove_file(&label).unwrap();
    assert_eq!(left(&world), ids);
}

#[test]
fn chinese_says_the_same() {
    let (world, ids) = days(3);
    let said: Said = world.run(&["forget", "--keep-last", "1", "-n", "--calendar", "--lang", "zh"]);
    said.expect(0).out_has("保留：最新").out_has("遗忘").out_has("未写入任何内容").out_has("# 保留");
    world.run(&["forget", "--lang", "zh"]).expect(2).err_has("没有说明保留什么");
    world.run(&["tag", &ids[0], "--add", "hold"]).expect(0);
    world.run(&["forget", &ids[0], "--lang", "zh"]).expect(16).err_has("锁定").err_has("datakeep tag");
}
