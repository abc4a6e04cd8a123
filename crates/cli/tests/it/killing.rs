//! `kill -9` of the real program before every kind of system call that changes something: nothing that was acknowledged
//! is lost, what is visible is whole, the same command succeeds when it is run again, and `gc` leaves a sound
//! repository.
//!
//! `strace` counts the calls of an undisturbed run, then ends the program before the nth of a kind. A call that is
//! never reached again (threads may share work differently) is no kill and does not count.

use crate::world::{PASSWORD, World, files};
use datakeep_testkit::{CompareOptions, Observed, compare_with, observe, random_bytes};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::slice;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls that change what others can see. A file that has only been opened is as good as one not yet written.
const CALLS: &str = "mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,write,\
                     writev,pwrite64,pwritev,fsync,fdatasync,ftruncate,fallocate,fchmod,fchmodat,utimensat,fchown,\
                     fchownat,mknodat,copy_file_range,setxattr,lsetxattr,fsetxattr";

/// Kills in all, and the most of one verb.
const LEAST_KILLS: usize = 200;
const MOST_PER_VERB: usize = 60;

const GC: [&str; 6] = ["gc", "--max-unused", "0", "--patience", "0s", "--yes"];

/// A snapshot that was acknowledged, and what it holds.
type Kept = (String, Vec<Observed>);

/// A command to be killed.
#[derive(Clone)]
struct Verb<'a> {
    world: &'a World,
    name: &'static str,
    arguments: Vec<String>,
    /// The repository before.
    before: PathBuf,
    /// The repository that is copied to, before.
    second: Option<PathBuf>,
    /// Snapshots that must be there whenever it dies.
    kept: Vec<Kept>,
    /// Snapshots that may be there until it has succeeded.
    leaving: Vec<Kept>,
    /// The tree as the command sees it.
    tree: Vec<Observed>,
}

/// A place to die: before the nth call of this kind in one thread.
#[derive(Clone, Debug)]
struct Point {
    call: String,
    nth: usize,
}

/// A copy of the repository in a folder of its own.
struct Scene<'a> {
    verb: &'a Verb<'a>,
    folder: PathBuf,
}

impl<'a> Scene<'a> {
    fn new(verb: &'a Verb<'a>, name: &str) -> Self {
        let folder = verb.world.path(&format!("scene-{}-{name}", verb.name.replace(' ', "-")));
        fs::create_dir(&folder).unwrap();
        copy(&verb.before, &folder.join("repo"));
        verb.second.iter().for_each(|second| copy(second, &folder.join("second")));
        let scene = Self { verb, folder };
        // Else most of what `gc` does here would be its first look at the store. That is killed, too: in the next verb.
        if verb.name == "gc" {
            scene.run(&["doctor", "store"]).unwrap();
        }
        scene
    }

    /// The program, here, under `strace` or alone.
    fn command(&self, tracer: &[&str]) -> Command {
        let mut own = self.verb.world.command();
        own.env("DATAKEEP_REPO", self.folder.join("repo")).current_dir(&self.folder);
        // The second repository is made by the same world, with the same password.
        own.env("DATAKEEP_TO_PASSWORD", PASSWORD);
        let Some((first, rest)) = tracer.split_first() else { return own };
        let mut command = Command::new(first);
        command.args(rest).arg(own.get_program()).env_clear().current_dir(&self.folder);
        command
            .envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(std::process::Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        self.run_on("repo", arguments)
    }

    fn run_on(&self, repository: &str, arguments: &[&str]) -> Result<String, String> {
        let mut command = self.command(&[]);
        let output = command.env("DATAKEEP_REPO", self.folder.join(repository)).args(arguments).output().unwrap();
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Err(format!("{} of {arguments:?}: {out}{err}", output.status))
    }

    fn run_verb(&self) -> Result<String, String> {
        self.run(&self.verb.arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Every place the verb can die at, from an undisturbed run.
    fn points(&self) -> Vec<Point> {
        let only = format!("trace={CALLS}");
        let tracer = ["strace", "-f", "-qq", "-o", "calls", "-e", &only, "-e", "signal=none"];
        let output = self.command(&tracer).args(&self.verb.arguments).output();
        let output = output.expect("strace is missing: apt-get install strace");
        assert!(output.status.success(), "{}: {}", self.verb.name, String::from_utf8_lossy(&output.stderr));
        let mut threads: BTreeMap<(String, String), usize> = BTreeMap::new();
        for line in fs::read_to_string(self.folder.join("calls")).unwrap().lines() {
            let mut words = line.splitn(2, ' ');
            let (thread, call) = (words.next().unwrap(), words.next().unwrap_or_default().trim_start());
            if let Some((call, _)) = call.split_once('(').filter(|(call, _)| CALLS.split(',').any(|one| one == *call)) {
                *threads.entry((call.to_string(), thread.to_string())).or_default() += 1;
            }
        }
        let mut most: BTreeMap<String, usize> = BTreeMap::new();
        for ((call, _), count) in threads {
            let entry = most.entry(call).or_default();
            *entry = count.max(*entry);
        }
        most.into_iter()
            .flat_map(|(call, count)| (1..=count).map(move |nth| Point { call: call.clone(), nth }))
            .collect()
    }

    /// True when the program died there.
    fn kill(&self, point: &Point) -> bool {
        let inject = format!("inject={}:signal=KILL:when={}", point.call, point.nth);
        let tracer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
        let status = self.command(&tracer).args(&self.verb.arguments).output().unwrap().status;
        assert!(status.success() || status.signal() == Some(9), "{}, {point:?}: {status}", self.verb.name);
        !status.success()
    }

    /// What a user does after a crash, and what must hold then.
    fn judge(&self) -> Result<(), String> {
        let verb = self.verb;
        self.whole("after the kill", &verb.leaving)?;
        self.run_verb().map_err(|why| format!("the same command again: {why}"))?;
        self.run(&GC).map_err(|why| format!("gc afterwards: {why}"))?;
        let visible = self.whole("after gc", &[])?;
        if verb.second.is_some() {
            return self.copied();
        }
        match verb.arguments[0].as_str() {
            "backup" if visible <= verb.kept.len() => Err("the backup that was run again is not there".to_string()),
            "restore" => self.equal(&self.folder.join("out"), &verb.tree, "what was restored again"),
            _ => Ok(()),
        }
    }

    /// Every snapshot has one copy in the second repository, which is sound, and which restores as it.
    fn copied(&self) -> Result<(), String> {
        let second = |arguments: &[&str]| self.run_on("second", arguments).map_err(|why| format!("second: {why}"));
        second(&GC)?;
        second(&["check", "--read-data"])?;
        let listed: Value = serde_json::from_str(second(&["snapshots", "--json"])?.lines().last().unwrap()).unwrap();
        let copies = listed["snapshots"].as_array().unwrap();
        if copies.len() != self.verb.kept.len() {
            return Err(format!("{} copies of {} snapshots", copies.len(), self.verb.kept.len()));
        }
        for (number, (copy, (_, expected))) in copies.iter().zip(&self.verb.kept).enumerate() {
            let to = self.folder.join(format!("copy-{number}"));
            let place = format!("{}:{}", copy["id"].as_str().unwrap(), self.verb.world.text("tree"));
            second(&["restore", &place, "--to", to.to_str().unwrap()])?;
            self.equal(&to, expected, &format!("copy {number}"))?;
        }
        Ok(())
    }

    /// `check --read-data` finds nothing, what must be there is, and every visible snapshot restores as it was made.
    fn whole(&self, when: &str, leaving: &[Kept]) -> Result<usize, String> {
        self.run(&["check", "--read-data"]).map_err(|why| format!("{when}: {why}"))?;
        let listed = self.run(&["snapshots", "--json"])?;
        let listed: Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
        let ids: Vec<&str> =
            listed["snapshots"].as_array().unwrap().iter().filter_map(|one| one["id"].as_str()).collect();
        if let Some((id, _)) = self.verb.kept.iter().find(|(id, _)| !ids.contains(&id.as_str())) {
            return Err(format!("{when}: snapshot {id} is gone"));
        }
        for (number, id) in ids.iter().enumerate() {
            let mut known = self.verb.kept.iter().chain(leaving);
            let expected = match known.find(|(known, _)| known == id) {
                Some((_, expected)) => expected,
                None if self.verb.arguments[0] == "backup" => &self.verb.tree,
                None => return Err(format!("{when}: snapshot {id} should not be there")),
            };
            let to = self.folder.join(format!("{}-{number}", when.replace(' ', "-")));
            let place = format!("{id}:{}", self.verb.world.text("tree"));
            self.run(&["restore", &place, "--to", to.to_str().unwrap()]).map_err(|why| format!("{when}: {why}"))?;
            self.equal(&to, expected, &format!("{when}: snapshot {id}"))?;
            fs::remove_dir_all(&to).unwrap();
        }
        Ok(ids.len())
    }

    fn equal(&self, folder: &Path, expected: &[Observed], what: &str) -> Result<(), String> {
        let found = observe(folder).map_err(|why| format!("{what}: {why}"))?;
        let differences = compare_with(expected, &found, &CompareOptions::default());
        if differences.is_empty() { Ok(()) } else { Err(format!("{what}: {differences:?}")) }
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// Files of two frames: the first, of almost 2 MiB, stays in use; what the second holds changes, so that `gc` has a
/// pack to rewrite. Some of everything else.
fn grow(tree: &Path) {
    fs::remove_file(tree.join("report.txt")).unwrap();
    fs::rename(tree.join("sub"), tree.join("z")).unwrap();
    fs::remove_file(tree.join("z/data.bin")).unwrap();
    for number in 0..3 {
        fs::write(tree.join(format!("z/large-{number}")), random_bytes(number, 800_000)).unwrap();
    }
    fs::write(tree.join("z/very-large"), random_bytes(9, 500_000)).unwrap();
    for number in 0..6 {
        let folder = tree.join(format!("folder-{number}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("small"), random_bytes(100 + number, 3000)).unwrap();
        symlink("small", folder.join("link")).unwrap();
    }
}

fn change(tree: &Path, round: u64) {
    fs::write(tree.join(format!("z/large-{round}")), random_bytes(200 + round, 150_000)).unwrap();
    fs::write(tree.join("z/very-large"), random_bytes(300 + round, 50_000)).unwrap();
    fs::write(tree.join(format!("new-{round}")), random_bytes(400 + round, 20_000)).unwrap();
    fs::remove_file(tree.join(format!("folder-{round}/small"))).unwrap();
}

/// Takes a snapshot; its id and the tree. One worker fills one frame after the other, in the order of names.
fn kept(world: &World) -> Kept {
    world.run(&["backup", "--workers", "1", &world.text("tree")]).expect(0);
    let id = world.snapshots().last().unwrap()["id"].as_str().unwrap().to_string();
    (id, observe(&world.tree()).unwrap())
}

/// A verb on the repository as it is now.
fn verb<'a>(world: &'a World, name: &'static str, arguments: &[&str], kept: &[Kept], leaving: &[Kept]) -> Verb<'a> {
    let before = world.path(&format!("before-{}", name.replace(' ', "-")));
    copy(&world.path("repo"), &before);
    let arguments = arguments.iter().map(|word| (*word).to_string()).collect();
    let tree = observe(&world.tree()).unwrap();
    Verb { world, name, arguments, before, second: None, kept: kept.to_vec(), leaving: leaving.to_vec(), tree }
}

/// The same verb on what a kill in the middle of these calls has left.
fn after_a_kill<'a>(verb: &'a Verb<'a>, name: &'static str, call: &str) -> Verb<'a> {
    let points: Vec<Point> =
        Scene::new(verb, "rehearsal").points().into_iter().filter(|one| one.call == call).collect();
    let scene = Scene::new(verb, "interrupted");
    assert!(scene.kill(&points[points.len() / 2]), "{} lived on", verb.name);
    Verb { name, before: scene.folder.join("repo"), ..verb.clone() }
}

/// Visits the verbs one after the other, each with the repository it begins with.
fn each_verb(world: &World, visit: &mut dyn FnMut(&Verb<'_>)) {
    let (text, place) = (world.text("tree"), world.place(""));
    grow(&world.tree());
    visit(&verb(world, "first backup", &["backup", &text], &[], &[]));
    let first = kept(world);
    change(&world.tree(), 1);
    let backup = verb(world, "second backup", &["backup", &text], slice::from_ref(&first), &[]);
    visit(&backup);
    visit(&after_a_kill(&backup, "backup after a kill", "renameat2"));
    let second = kept(world);
    change(&world.tree(), 2);
    let third = kept(world);
    let all = [first.clone(), second.clone(), third.clone()];
    visit(&verb(world, "restore", &["restore", &place, "--to", "out", "--overwrite", "changed"], &all, &[]));
    let there = world.text("second");
    world.run(&["init", "--repo", &there, "--kdf-memory", "1", "--kdf-passes", "1", "--no-recovery-code"]).expect(0);
    let plain = verb(world, "copy", &["copy", "--to", "second"], &all, &[]);
    let copying = Verb { second: Some(world.path("second")), ..plain };
    visit(&copying);
    let forget = ["forget", "--keep-last", "1", "--yes"];
    visit(&verb(world, "forget", &forget, slice::from_ref(&third), &[first, second]));
    world.run(&forget).expect(0);
    let gc = verb(world, "gc", &GC, &[third], &[]);
    visit(&gc);
    visit(&after_a_kill(&gc, "gc after a kill", "unlinkat"));
    let moved = world.run(&[&GC[..], &["--json"]].concat()).expect(0).json();
    assert!(moved["moved_bytes"].as_u64().unwrap() > 0, "gc rewrote no pack: {moved}");
}

/// Kills the verb everywhere and gives the number of deaths by kind of call.
fn kill_everywhere(verb: &Verb<'_>, faults: &Mutex<Vec<String>>) -> BTreeMap<String, usize> {
    let points = Scene::new(verb, "count").points();
    let step = points.len().div_ceil(MOST_PER_VERB).max(1);
    let points: Vec<Point> = points.into_iter().step_by(step).collect();
    let (next, deaths) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        while let Some(point) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
            let scene = Scene::new(verb, &format!("{}-{}", point.call, point.nth));
            if !scene.kill(point) {
                continue;
            }
            *deaths.lock().unwrap().entry(point.call.clone()).or_insert(0) += 1;
            if let Err(fault) = scene.judge() {
                let fault = format!("{} killed before {} {}: {fault}", verb.name, point.call, point.nth);
                faults.lock().unwrap().push(fault);
            }
            fs::remove_dir_all(&scene.folder).unwrap();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(8) {
            scope.spawn(work);
        }
    });
    deaths.into_inner().unwrap()
}

/// A kill is no loss of power, so that a file system in memory, which is quick, will do.
fn world() -> World {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).is_ok_and(|stat| stat.f_bavail * stat.f_frsize > 512 << 20);
    if room { World::new_in(memory) } else { World::new() }
}

#[test]
fn a_kill_anywhere_loses_nothing() {
    let world = world();
    let faults = Mutex::new(Vec::new());
    let mut kills = 0;
    each_verb(&world, &mut |verb| {
        let deaths = kill_everywhere(verb, &faults);
        let count: usize = deaths.values().sum();
        eprintln!("kill -9 of {}: {count} points: {deaths:?}", verb.name);
        assert!(count > 0, "{} was never killed", verb.name);
        kills += count;
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    eprintln!("kill -9: {kills} points");
    assert!(kills >= LEAST_KILLS, "only {kills} kills");
}

/// The harness can fail: a kill that takes a pack, or half of one, with it is found out.
#[test]
fn a_kill_that_takes_a_pack_with_it_is_found_out() {
    let world = world();
    each_verb(&world, &mut |verb| {
        if verb.kept.is_empty() {
            return;
        }
        for half in [false, true] {
            let scene = Scene::new(verb, &format!("planted-{half}"));
            let packs = files(&scene.folder.join("repo/data"));
            let needed = |pack: &&PathBuf| verb.kept.iter().any(|(id, _)| pack.to_str().unwrap().contains(id.as_str()));
            let pack = packs.iter().find(needed).unwrap();
            let bytes = fs::read(pack).unwrap();
            fs::remove_file(pack).unwrap();
            if half {
                fs::write(pack, &bytes[..bytes.len() / 2]).unwrap();
            }
            let fault = scene.judge().expect_err(verb.name);
            assert!(fault.starts_with("after the kill"), "{}: {fault}", verb.name);
        }
    });
}
