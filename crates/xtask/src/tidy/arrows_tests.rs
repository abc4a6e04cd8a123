//! Every arrow rule on made-up packages.

use super::*;
use serde_json::json;

fn package(name: &str, ours: &[&str], outside: &[&str]) -> Package {
    let one = |name: &&str, ours| Dependency { name: (*name).to_owned(), ours, kind: Kind::Normal, line: 3 };
    let dependencies = ours.iter().map(|name| one(name, true)).chain(outside.iter().map(|name| one(name, false)));
    Package { name: name.to_owned(), folder: format!("crates/{name}"), dependencies: dependencies.collect() }
}

fn rules(packages: &[Package]) -> Vec<&'static str> {
    check(packages).into_iter().map(|finding| finding.rule).collect()
}

fn dev(mut package: Package) -> Package {
    for dependency in &mut package.dependencies {
        dependency.kind = Kind::Dev;
    }
    package
}

#[test]
fn a_house_in_order_has_no_findings() {
    let house = [
        package("model", &[], &["thiserror"]),
        package("connector", &["model"], &[]),
        package("process", &["model"], &["zstd", "blake3"]),
        package("store-blob", &["model"], &["rustix"]),
        package("store", &["model", "process", "store-blob"], &["getrandom"]),
        package("source-files", &["model", "connector"], &["rustix"]),
        package("engine", &["model", "connector", "process", "store"], &[]),
        package("cli", &["engine", "source-files"], &["clap"]),
        package("xtask", &[], &["clap"]),
        package("bench", &["cli", "testkit"], &[]),
    ];
    assert_eq!(rules(&house), [] as [&str; 0]);
}

#[test]
fn a_source_knows_neither_store_nor_its_neighbours() {
    for other in
        ["store", "store-blob", "process", "process-table", "engine", "source-redis", "distribute-sql", "manage"]
    {
        let found = rules(&[package("source-files", &["connector", other], &[])]);
        assert!(found.contains(&"source-knows-its-driver-only"), "{other}: {found:?}");
    }
    let through = [package("source-files", &["connector"], &[]), package("connector", &["store"], &[])];
    assert!(rules(&through).contains(&"source-knows-its-driver-only"));
    assert!(rules(&[dev(package("source-files", &["store"], &[]))]).contains(&"source-knows-its-driver-only"));
}

#[test]
fn pure_rooms_have_no_system() {
    for outside in ["tokio", "async-trait", "getrandom", "rand", "rand_core", "rustix", "libc"] {
        assert_eq!(rules(&[package("process", &["model"], &[outside])]), ["pure-rooms"], "{outside}");
        assert_eq!(rules(&[package("model", &[], &[outside])]), ["pure-rooms"], "{outside}");
    }
    assert_eq!(rules(&[dev(package("process", &[], &["rand"]))]), [] as [&str; 0]);
    assert_eq!(rules(&[package("store", &[], &["rustix"])]), [] as [&str; 0]);
}

#[test]
fn the_store_knows_nobody_who_decides() {
    assert!(rules(&[package("store", &["connector"], &[])]).contains(&"store-decides-nothing"));
    assert!(rules(&[package("store", &["engine"], &[])]).contains(&"store-decides-nothing"));
    assert!(rules(&[package("store-blob", &["process"], &[])]).contains(&"bytes-know-no-format"));
    assert!(rules(&[package("store-blob", &["store"], &[])]).contains(&"bytes-know-no-format"));
}

#[test]
fn the_monitor_knows_neither_store_nor_engine_by_any_way() {
    assert_eq!(rules(&[package("monitor", &["store"], &[])]), ["watching-breaks-nothing"]);
    let through = [package("monitor", &["distribute"], &[]), package("distribute", &["engine"], &[])];
    let found = check(&through);
    assert_eq!(found.len(), 1);
    assert!(found[0].what.contains("monitor -> distribute -> engine"), "{}", found[0].what);
}

#[test]
fn heavy_libraries_have_one_home() {
    for (name, outside) in [("engine", "datafusion"), ("store", "parquet"), ("manage", "axum"), ("server", "clap")] {
        assert_eq!(rules(&[package(name, &[], &[outside])]), ["one-home"], "{outside}");
    }
    assert_eq!(
        rules(&[package("process-table", &[], &["parquet"]), package("server", &[], &["axum"])]),
        [] as [&str; 0]
    );
}

#[test]
fn imports_go_down_only() {
    assert_eq!(rules(&[package("process", &["store"], &[])]), ["floors"]);
    assert_eq!(rules(&[package("model", &["connector"], &[])]), ["floors"]);
    assert_eq!(rules(&[package("engine", &["testkit"], &[])]), ["floors"]);
    assert_eq!(rules(&[package("engine", &["testkit-s3"], &[])]), ["floors"]);
    assert_eq!(rules(&[package("distribute-sql", &["distribute-mount"], &[])]), ["floors"]);
    assert_eq!(rules(&[package("attic", &[], &[])]), ["floors"]);
    assert_eq!(rules(&[dev(package("source-files", &["testkit-s3"], &[]))]), [] as [&str; 0]);
    assert_eq!(rules(&[dev(package("engine", &["testkit", "distribute"], &[]))]), [] as [&str; 0]);
}

#[test]
fn folder_and_package_have_one_name() {
    let mut lost = package("model", &[], &[]);
    lost.folder = "crates/words".into();
    assert_eq!(rules(&[lost]), ["folder-is-package"]);
}

#[test]
fn metadata_is_read_with_lines() {
    let metadata = json!({
        "workspace_root": "/w",
        "workspace_members": ["a", "b"],
        "packages": [
            {"id": "a", "name": "datakeep-model", "manifest_path": "/w/crates/model/Cargo.toml", "dependencies": [
                {"name": "datakeep-store", "kind": null}, {"name": "proptest", "kind": "dev"}]},
            {"id": "b", "name": "datakeep-store", "manifest_path": "/w/crates/store/Cargo.toml", "dependencies": []},
            {"id": "c", "name": "datakeep-elsewhere", "manifest_path": "/x/Cargo.toml", "dependencies": []},
        ],
    });
    let read = |_: &str| "[package]\n\n[dependencies]\ndatakeep-store.workspace = true\n".to_owned();
    let packages = packages(&metadata, &read).expect("well-formed metadata");
    assert_eq!(packages.len(), 2);
    assert_eq!(packages[0].folder, "crates/model");
    let first = &packages[0].dependencies[0];
    assert_eq!((first.name.as_str(), first.ours, first.kind, first.line), ("store", true, Kind::Normal, 4));
    assert_eq!(packages[0].dependencies[1].kind, Kind::Dev);
}
