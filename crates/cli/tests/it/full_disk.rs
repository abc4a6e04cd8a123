//! A repository on a real file system without any room: the way out is `forget` and `gc`, with nothing deleted by hand.

use crate::world::World;
use std::process::Command;

/// Runs a script with a file system of its own, of so many MiB, at `disk` in the world's folder; nobody else sees it.
fn on_small_disk(world: &World, size_mib: u32, script: &str) -> (bool, String) {
    let mount = format!("set -e; mkdir -p disk; mount -t tmpfs -o size={size_mib}m tmpfs disk\n{script}");
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &mount])
        .current_dir(world.path(""))
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATAKEEP", env!("CARGO_BIN_EXE_datakeep"))
        .env("DATAKEEP_REPO", "disk/repo")
        .env("DATAKEEP_PASSWORD", "of the small disk")
        .env("DATAKEEP_NEW_PASSWORD", "of the small disk")
        .env("DATAKEEP_LANG", "en")
        .env("HOME", world.path(""))
        .output()
        .expect("unshare of util-linux, with user namespaces");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Everything is used by snapshots; what is left of the disk is taken by somebody else, to the last byte.
#[test]
fn a_full_disk_is_freed_by_forget_and_gc() {
    let world = World::new();
    let script = r#"
        $DATAKEEP init --kdf-memory 1 --kdf-passes 1 --no-recovery-code > /dev/null
        mkdir load
        for n in 1 2 3; do
            head -c 6000000 /dev/urandom > load/data
            $DATAKEEP backup load -q
        done
        # A run that finds no room ends, and cannot say so in the repository.
        head -c 16000000 /dev/urandom > load/more
        if $DATAKEEP backup load -q 2> err; then echo "it fitted"; exit 1; fi
        cat err
        head -c 64000000 /dev/zero > disk/others 2> /dev/null || true
        sync
        if echo x > disk/probe 2> /dev/null && [ -s disk/probe ]; then echo "there is room"; exit 1; fi
        first=$($DATAKEEP snapshots --json | sed 's/"id"/\n"id"/g' | sed -n 's/^"id": *"\([0-9a-f]*\)".*/\1/p' | head -1)
        $DATAKEEP forget "$first" --yes
        $DATAKEEP gc --yes --max-delete 100 --patience 0
        $DATAKEEP check --read-data
        rm load/more
        $DATAKEEP restore latest --to out > /dev/null
        find out -name data | xargs cmp load/data
        echo freed $(df --output=avail disk | tail -1)
    "#;
    let (is_good, said) = on_small_disk(&world, 24, script);
    assert!(is_good, "{said}");
    let freed = said.lines().find_map(|line| line.strip_prefix("freed ")).expect("the end was reached");
    assert!(freed.trim().parse::<u64>().expect("KiB") > 5000, "{said}");
}
