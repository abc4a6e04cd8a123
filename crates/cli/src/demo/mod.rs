//! `datakeep demo`: the main work on a fresh example, each step as the command a user would type, each result proven.

mod database;
mod observe;
mod tree;

use crate::args::{Cli, Common};
use crate::args_around::DemoArgs;
use crate::commands;
use crate::config::Settings;
use crate::errors::Failure;
use crate::open::App;
use crate::out::{Out, Style, clean, table};
use crate::words::shell::quoted;
use crate::words::tr;
use crate::{help, secrets, signals, sizes, time};
use clap::FromArgMatches;
use datakeep_model::{ErrorKind, ExitCode, Snapshot, escape_for_terminal};
use observe::Look;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

/// Files changed so short a time before a backup are read again by the next one: their clock may stand still.
const SETTLE: Duration = Duration::from_millis(2_100);

/// Runs it.
pub fn run(app: &App, args: &DemoArgs) -> Result<ExitCode, Failure> {
    signals::listen(&app.cancel)?;
    let folder = make_folder(args)?;
    let demo = Demo { app, folder: folder.clone(), times: Vec::new() };
    let outcome = demo.play(args);
    let shown = folder.display();
    if args.keep {
        app.out.say(tr!("kept: {shown}", "已保留：{shown}"))?;
    } else if let Err(error) = fs::remove_dir_all(&folder) {
        app.out.warn(tr!("cannot remove {shown}: {error}", "无法删除 {shown}：{error}"));
    } else if outcome.is_ok() {
        app.out.say(tr!(
            "{shown} is removed again; to look around in it: datakeep demo --keep",
            "{shown} 已删除；若要保留并查看：datakeep demo --keep"
        ))?;
    }
    outcome.map(|()| ExitCode::OK)
}

fn io(error: std::io::Error) -> Failure {
    Failure::io(tr!("the demo cannot work in its directory", "演示无法在其目录中进行"), &error)
}

/// A folder of our own: new, or empty.
fn make_folder(args: &DemoArgs) -> Result<PathBuf, Failure> {
    let stamp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |age| age.as_nanos());
    let usual = || std::env::temp_dir().join(format!("datakeep-demo-{}-{stamp:x}", std::process::id()));
    let folder = args.dir.clone().unwrap_or_else(usual);
    let shown = folder.display();
    if let Ok(mut entries) = fs::read_dir(&folder)
        && entries.next().is_some()
    {
        return Err(Failure::new(ErrorKind::Target, tr!("{shown} is not empty", "{shown} 不是空目录"))
            .hint(tr!("name a new or empty directory", "请指定一个新目录或空目录")));
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::io(tr!("cannot make {shown}", "无法创建 {shown}"), &error))?;
    folder.canonicalize().map_err(io)
}

struct Demo<'a> {
    app: &'a App,
    folder: PathBuf,
    times: Vec<(String, Duration)>,
}

impl Demo<'_> {
    fn play(mut self, args: &DemoArgs) -> Result<(), Failure> {
        let out = &self.app.out;
        let tree = self.folder.join("tree");
        self.title(tr!("An example tree", "示例目录"))?;
        self.make_tree(args, &tree)?;
        let first = observe::look(&tree).map_err(io)?;
        let extent = observe::extent(&first);
        let (count, bytes, shown) = (sizes::count(extent.entries), sizes::bytes(extent.bytes), tree.display());
        out.say(tr!("{shown}: {count} entries, {bytes}", "{shown}：{count} 个条目，{bytes}"))?;
        self.prepare()?;
        self.title(tr!("1. Make a repository and take a first snapshot", "1. 新建仓库并生成第一个备份集"))?;
        self.step(&["init"])?;
        self.settle();
        self.step(&["backup", &text(&tree), "--source", "office"])?;
        self.title(tr!("2. A day's work, and a second snapshot", "2. 一天的改动，以及第二个备份集"))?;
        self.change(&tree)?;
        let second = observe::look(&tree).map_err(io)?;
        self.step(&["backup", &text(&tree), "--source", "office", "--tag", "evening"])?;
        self.browse(&tree)?;
        self.restore_and_prove(&tree, &first, &second)?;
        self.title(tr!("5. Prove the whole repository", "5. 验证整个仓库"))?;
        self.step(&["check", "--read-data"])?;
        self.step(&["stats"])?;
        self.database()?;
        self.copy_and_prove()?;
        self.table()
    }

    fn make_tree(&self, args: &DemoArgs, tree: &Path) -> Result<(), Failure> {
        let Some(given) = &args.tree else { return tree::build(tree).map_err(io) };
        let (from, to) = (given.display(), tree.display());
        self.command(&format!("cp -a {from} {to}"))?;
        let mut copy = std::process::Command::new("cp");
        for name in secrets::hidden_variables(&self.app.settings) {
            copy.env_remove(name);
        }
        let copied = copy.arg("-a").arg("--").arg(given).arg(tree).status().map_err(io)?;
        if copied.success() {
            return Ok(());
        }
        Err(Failure::new(ErrorKind::Source, tr!("cannot copy {from}", "无法复制 {from}")))
    }

    /// Password file and configuration of the demo's own, so that nothing of the user's is touched.
    fn prepare(&self) -> Result<(), Failure> {
        let password = self.folder.join("password");
        write_password(&password, b"correct horse battery staple\n")?;
        fs::write(self.folder.join("config.toml"), "").map_err(io)?;
        let (repository, password) = (self.folder.join("repository"), password);
        self.command(&format!("export DATAKEEP_REPO={}", quoted(&text(&repository))))?;
        self.command(&format!("export DATAKEEP_PASSWORD_FILE={}", quoted(&text(&password))))
    }

    fn browse(&mut self, tree: &Path) -> Result<(), Failure> {
        self.title(tr!("3. Look around, without restoring anything", "3. 无需恢复即可浏览"))?;
        self.step(&["snapshots"])?;
        self.step(&["diff", "office"])?;
        self.step(&["ls", "-l", &format!("office:{}", text(tree))])?;
        self.step(&["find", "*.sh"])?;
        let newest = tree.join("new today.txt");
        self.step(&["cat", &format!("office:{}", text(&newest))])
    }

    fn restore_and_prove(&mut self, tree: &Path, first: &Look, second: &Look) -> Result<(), Failure> {
        self.title(tr!("4. Restore both snapshots, and prove each", "4. 恢复两个备份集并逐一验证"))?;
        let snapshots = self.snapshots()?;
        for (index, (snapshot, expected)) in snapshots.iter().zip([first, second]).enumerate() {
            let to = self.folder.join(format!("restored-{}", index + 1));
            let place = format!("{}:{}", snapshot.id.short(), text(tree));
            // Modes are compared to the last bit, so setuid and sticky bits must come back too.
            self.step(&["restore", &place, "--to", &text(&to), "--setuid"])?;
            let found = observe::look(&to).map_err(io)?;
            self.prove(expected, &found)?;
        }
        Ok(())
    }

    /// A second repository has a password of its own: losing one loses nothing of the other.
    fn copy_and_prove(&mut self) -> Result<(), Failure> {
        self.title(tr!(
            "7. A second copy under another password, read back and proven",
            "7. 用另一个密码保存第二份副本，并回读验证"
        ))?;
        let (second, password) = (text(&self.second()), self.folder.join("second-password"));
        write_password(&password, b"another horse, another battery\n")?;
        let password = text(&password);
        self.step(&["init", "--repo", &second, "--password-file", &password])?;
        self.step(&["copy", "--to", &second, "--to-password-file", &password, "--verify"])
    }

    fn second(&self) -> PathBuf {
        self.folder.join("second-repository")
    }

    fn prove(&self, expected: &Look, found: &Look) -> Result<(), Failure> {
        let differences = observe::differences(expected, found);
        let count = sizes::count(expected.len() as u64);
        if differences.is_empty() {
            let sign = self.app.out.styled(Style::Green, "✓");
            return self.app.out.say_painted(tr!(
                "{sign} {count} entries compared with the tree as it was then: bytes, kinds, modes, times to the nanosecond, link texts, hard links, holes and attributes are the same",
                "{sign} 已将 {count} 个条目与当时的目录逐一比较：内容、类型、权限、纳秒级时间、链接文本、硬链接、空洞和扩展属性完全一致"
            ));
        }
        differences.iter().take(20).for_each(|difference| self.app.out.note(format!("  {difference}")));
        let differ = sizes::count(differences.len() as u64);
        Err(Failure::new(
            ErrorKind::Integrity,
            tr!("{differ} entries differ after the restore", "恢复后有 {differ} 个条目不一致"),
        ))
    }

    fn change(&self, tree: &Path) -> Result<(), Failure> {
        let changes = tree::change(tree).map_err(io)?;
        let safe = |name: &String| escape_for_terminal(name.as_bytes());
        let list = |names: &[String]| names.iter().map(safe).collect::<Vec<_>>().join(", ");
        let (edited, added, deleted) = (list(&changes.edited), list(&changes.added), list(&changes.deleted));
        let (from, to) = (safe(&changes.renamed.0), safe(&changes.renamed.1));
        let out = &self.app.out;
        out.say(tr!("edited:  {edited}", "修改：{edited}"))?;
        out.say(tr!("added:   {added}", "新增：{added}"))?;
        out.say(tr!("deleted: {deleted}", "删除：{deleted}"))?;
        out.say(tr!("renamed: {from} -> {to}", "重命名：{from} -> {to}"))
    }

    /// Waits until the example's files are old enough to be trusted, or the user has had enough.
    fn settle(&self) {
        let (_keep, never) = mpsc::channel::<()>();
        let begun = Instant::now();
        while begun.elapsed() < SETTLE && !self.app.cancel.is_cancelled() {
            let _ = never.recv_timeout(Duration::from_millis(50));
        }
    }

    fn title(&self, text: String) -> Result<(), Failure> {
        self.app.out.say("")?;
        self.app.out.say_painted(self.app.out.styled(Style::Bold, &format!("== {text}")))
    }

    fn command(&self, line: &str) -> Result<(), Failure> {
        self.app.out.say_painted(self.app.out.styled(Style::Dim, &format!("$ {}", clean(line))))
    }

    /// Prints a command as a user would type it, and runs it.
    fn step(&mut self, words: &[&str]) -> Result<(), Failure> {
        let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        self.command(&format!("datakeep {}", line.join(" ")))?;
        let begun = Instant::now();
        let code = self.invoke(words)?;
        self.times.push((words.iter().take(1).copied().collect(), begun.elapsed()));
        if code == ExitCode::OK {
            return Ok(());
        }
        let (verb, number) = (words.first().copied().unwrap_or_default(), code.0);
        Err(Failure::new(
            ErrorKind::Internal,
            tr!("`datakeep {verb}` ended with exit code {number}", "`datakeep {verb}` 的退出码为 {number}"),
        ))
    }

    fn invoke(&self, words: &[&str]) -> Result<ExitCode, Failure> {
        let arguments = std::iter::once("datakeep").chain(words.iter().copied());
        let parsed = help::command().try_get_matches_from(arguments).and_then(|m| Cli::from_arg_matches(&m));
        let mut cli = parsed.map_err(|error| Failure::usage(error.to_string()))?;
        cli.common = self.common_of(cli.common.repo, cli.common.password_file);
        let inner = self.inner(&cli.common)?;
        commands::run(&inner, &cli).and_then(|code| inner.out.flush().map(|()| code))
    }

    fn common(&self) -> Common {
        self.common_of(None, None)
    }

    /// What is not named is of the first repository.
    fn common_of(&self, repository: Option<OsString>, password: Option<PathBuf>) -> Common {
        Common {
            repo: repository.or_else(|| Some(self.folder.join("repository").into_os_string())),
            config: Some(self.folder.join("config.toml")),
            cache_dir: Some(self.folder.join("cache")),
            password_file: password.or_else(|| Some(self.folder.join("password"))),
            quiet: self.app.out.quiet || self.app.out.json,
            ..Common::default()
        }
    }

    fn inner(&self, common: &Common) -> Result<App, Failure> {
        self.app.out.flush()?;
        let settings = Settings::resolve(common)?;
        let mut out = Out::new(common, self.app.settings.colour.value);
        out.mute = common.quiet;
        Ok(App { settings, out, cancel: self.app.cancel.clone(), clock: self.app.clock })
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>, Failure> {
        self.snapshots_of(&self.common())
    }

    fn copies(&self) -> Result<Vec<Snapshot>, Failure> {
        let (repository, password) = (self.second().into_os_string(), self.folder.join("second-password"));
        self.snapshots_of(&self.common_of(Some(repository), Some(password)))
    }

    fn snapshots_of(&self, common: &Common) -> Result<Vec<Snapshot>, Failure> {
        let inner = self.inner(common)?;
        let (manifests, _) = inner.snapshots(&inner.open()?)?;
        Ok(manifests.into_iter().map(|manifest| manifest.snapshot).collect())
    }

    fn table(&self) -> Result<(), Failure> {
        self.title(tr!("What it cost", "代价"))?;
        let took = |verb: &str, nth: usize| {
            let found = self.times.iter().filter(|(name, _)| name == verb).nth(nth).map(|(_, took)| *took);
            found.map_or_else(String::new, |took| time::duration(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)))
        };
        let mut rows = vec![vec![
            tr!("SNAPSHOT", "备份集"),
            tr!("SIZE", "大小"),
            tr!("READ", "读取"),
            tr!("NEW", "新数据"),
            tr!("STORED", "写入仓库"),
            tr!("BACKUP", "备份用时"),
            tr!("RESTORE", "恢复用时"),
        ]];
        let snapshots = self.snapshots()?;
        for (index, snapshot) in snapshots.iter().enumerate() {
            let c = &snapshot.counters;
            let [len, read, new, stored] = [c.len_bytes, c.read_bytes, c.new_bytes, c.stored_bytes].map(sizes::bytes);
            rows.push(vec![snapshot.id.short(), len, read, new, stored, took("backup", index), took("restore", index)]);
        }
        for (index, line) in table(&rows, &[1, 2, 3, 4, 5, 6]).iter().enumerate() {
            self.app.out.say_painted(if index == 0 { self.app.out.styled(Style::Bold, line) } else { line.clone() })?;
        }
        if self.app.out.json {
            let list = |of: &[Snapshot]| of.iter().map(Into::into).collect::<Vec<crate::json::SnapshotJson>>();
            let body =
                serde_json::json!({"proven": true, "snapshots": list(&snapshots), "copies": list(&self.copies()?)});
            self.app.out.document(&crate::json::document("demo", body))?;
        }
        self.app.out.say("")?;
        let sign = self.app.out.styled(Style::Green, "✓");
        self.app.out.say_painted(tr!(
            "{sign} everything was backed up, browsed, restored, copied and proven",
            "{sign} 备份、浏览、恢复、复制和验证全部完成"
        ))
    }
}

/// A file that only its owner can read.
fn write_password(file: &Path, line: &[u8]) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(file).map_err(io)?;
    std::io::Write::write_all(&mut file, line).map_err(io)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
