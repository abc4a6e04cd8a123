//! What is backed up: the list of connectors, and the options they are opened with.

use crate::args::BackupArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::secrets;
use crate::words::tr;
use datakeep_connector::{Connector, Options, Source};
use datakeep_model::SourceInfo;
use datakeep_source_files::{FilesConnector, StreamConnector};
use std::ffi::OsStr;
use std::path::Path;

/// A connector and what it is to open.
pub struct Chosen {
    connector: Box<dyn Connector>,
    locations: Vec<String>,
    options: Options,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Chosen {
    /// Opens the source.
    pub fn open(&self) -> Result<Box<dyn Source>, Failure> {
        Ok(self.connector.open_source(&self.locations, &self.options)?)
    }
}

fn connectors() -> Vec<Box<dyn Connector>> {
    vec![Box::new(FilesConnector::new()), Box::new(StreamConnector::new())]
}

/// Works out what the command line asks for.
pub fn choose(app: &App, args: &BackupArgs) -> Result<Chosen, Failure> {
    let locations = args.paths.iter().map(|path| text(path)).collect::<Result<Vec<_>, _>>()?;
    let mut options = Options::new();
    let set = |options: &mut Options, name: &str, value: &Option<String>| {
        if let Some(value) = value {
            options.insert(name.to_string(), vec![value.clone()]);
        }
    };
    if let Some(name) = args.source.as_deref().filter(|name| !SourceInfo::is_name(name)) {
        let shown = datakeep_model::escape_for_terminal(name.as_bytes());
        return Err(Failure::usage(tr!("`{shown}` cannot be the name of a source", "`{shown}` 不能作为数据源名称"))
            .hint(tr!(
                "a name has no `@`, no `:` and no control characters, and is not `latest`",
                "名称不能含有 `@`、`:` 和控制字符，也不能是 `latest`"
            )));
    }
    set(&mut options, "name", &args.source);
    let host = args.host.clone().or_else(|| app.settings.file.backup("host").last().cloned());
    set(&mut options, "host", &host);
    if args.command || locations == ["-"] {
        return stream(app, args, locations, options);
    }
    if args.file_name.is_some() {
        let message = tr!("--file-name is for standard input and commands", "--file-name 只用于标准输入和命令");
        return Err(Failure::usage(message).hint(tr!("backup - --file-name NAME", "backup - --file-name 名称")));
    }
    if locations.iter().any(|location| location == "-") {
        return Err(Failure::usage(tr!("standard input is a source by itself", "标准输入只能单独作为数据源")));
    }
    files(app, args, locations, options)
}

fn text(path: &OsStr) -> Result<String, Failure> {
    path.to_str().map(str::to_string).ok_or_else(|| {
        let shown = datakeep_model::escape_for_terminal(path.as_encoded_bytes());
        Failure::usage(tr!("{shown}: a location must be UTF-8", "{shown}：位置必须是 UTF-8"))
            .hint(tr!("back up the directory that holds it", "请备份其上级目录"))
    })
}

fn stream(app: &App, args: &BackupArgs, locations: Vec<String>, mut options: Options) -> Result<Chosen, Failure> {
    if let Some(name) = &args.file_name {
        options.insert("file-name".into(), vec![name.clone()]);
    }
    let location = if args.command { "cmd:" } else { "-" };
    if args.command {
        options.insert("command".into(), locations);
        options.insert("without-environment".into(), secrets::hidden_variables(&app.settings));
    }
    let connector = Box::new(StreamConnector::new());
    Ok(Chosen { connector, locations: vec![location.to_string()], options, notes: Vec::new() })
}

fn files(app: &App, args: &BackupArgs, locations: Vec<String>, mut options: Options) -> Result<Chosen, Failure> {
    for location in &locations {
        if !connectors().iter().any(|connector| connector.accepts(location)) {
            let shown = datakeep_model::escape_for_terminal(location.as_bytes());
            return Err(Failure::usage(tr!("this version cannot read {shown}", "当前版本无法读取 {shown}")).hint(tr!(
                "a path with a colon: ./{shown}; the output of a program: --command -- PROGRAM",
                "含冒号的路径请写 ./{shown}；程序输出请用 --command -- 程序"
            )));
        }
    }
    let lists = [
        ("exclude", &args.exclude),
        ("exclude-file", &args.exclude_file),
        ("exclude-if-present", &args.exclude_if_present),
    ];
    for (name, given) in lists {
        let values = [app.settings.file.backup(name), given].concat();
        if !values.is_empty() {
            options.insert(name.into(), values);
        }
    }
    let larger = args.exclude_larger_than.clone();
    if let Some(value) = larger.or_else(|| app.settings.file.backup("exclude-larger-than").last().cloned()) {
        options.insert("exclude-larger-than".into(), vec![value]);
    }
    let switches = [
        ("exclude-caches", args.exclude_caches),
        ("one-file-system", args.one_file_system),
        ("no-xattrs", args.no_xattrs),
    ];
    for (name, given) in switches {
        if given || app.settings.file.backup(name).last().is_some_and(|value| value == "true") {
            options.insert(name.into(), vec!["true".into()]);
        }
    }
    let notes = leave_ourselves_out(app, &locations, &mut options);
    Ok(Chosen { connector: Box::new(FilesConnector::new()), locations, options, notes })
}

/// A repository that lies in what is backed up would swallow itself anew each time.
fn leave_ourselves_out(app: &App, locations: &[String], options: &mut Options) -> Vec<String> {
    let own = [
        app.location().ok().and_then(|place| place.folder().map(Path::to_path_buf)),
        app.settings.cache_dir.value.clone(),
    ];
    let mut notes = Vec::new();
    for own in own.into_iter().flatten().filter_map(|path| path.canonicalize().ok()) {
        for location in locations {
            let plain = location.strip_prefix("file:").unwrap_or(location);
            let Some(pattern) = Path::new(plain).canonicalize().ok().and_then(|root| pattern_below(&root, &own)) else {
                continue;
            };
            options.entry("exclude".into()).or_default().push(pattern);
            let shown = own.display();
            notes.push(tr!("left out: {shown}, which is datakeep's own", "已排除：{shown}（datakeep 自身的目录）"));
        }
    }
    notes
}

/// The anchored pattern that leaves out `own` below `root`; `None` when it does not lie there.
fn pattern_below(root: &Path, own: &Path) -> Option<String> {
    let below = own.strip_prefix(root).ok()?.to_str()?;
    if below.is_empty() {
        return None;
    }
    let mut pattern = String::from("/");
    for character in below.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '!' | '#' | ' ') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    Some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_directories_are_left_out_where_they_lie() {
        let pattern = |root: &str, own: &str| pattern_below(Path::new(root), Path::new(own));
        assert_eq!(pattern("/srv", "/srv/backup/a b[1]").as_deref(), Some("/backup/a\\ b\\[1\\]"));
        assert_eq!(pattern("/srv", "/other"), None);
        assert_eq!(pattern("/srv/repo", "/srv/repo"), None);
    }
}
