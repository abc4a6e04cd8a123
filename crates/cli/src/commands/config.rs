//! `datakeep config`.

use crate::args_around::{ConfigArgs, ConfigVerb};
use crate::config::{Origin, Value};
use crate::errors::Failure;
use crate::json;
use crate::open::App;
use crate::out::{Style, table};
use crate::secrets::Reference;
use crate::sizes;
use crate::stores::options;
use crate::words::tr;
use datakeep_model::{ExitCode, escape_for_terminal};
use serde::Serialize;

#[derive(Serialize)]
struct Setting {
    name: String,
    value: Option<String>,
    origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip)]
    shown: String,
}

fn setting<T>(name: &str, value: &Value<T>, text: impl Fn(&T) -> Option<String>) -> Setting {
    let (origin_name, line) = match &value.origin {
        Origin::Flag(name) | Origin::Environment(name) => (Some(*name), None),
        Origin::File(line) => (None, Some(*line)),
        Origin::Default => (None, None),
    };
    let (origin, shown) = (value.origin.as_str(), value.origin.describe());
    Setting { name: name.to_string(), value: text(&value.value), origin, origin_name, line, shown }
}

/// Runs it.
pub fn run(app: &App, args: &ConfigArgs) -> Result<ExitCode, Failure> {
    let ConfigVerb::Show(show) = &args.verb;
    if show.effective {
        effective(app)?
    } else {
        file(app)?
    }
    Ok(ExitCode::OK)
}

fn file(app: &App) -> Result<(), Failure> {
    let Some(path) = &app.settings.config_file.value else {
        return Err(Failure::usage(tr!(
            "there is no place for a configuration file: set HOME or DATAKEEP_CONFIG",
            "无法确定配置文件位置：请设置 HOME 或 DATAKEEP_CONFIG"
        )));
    };
    let text = std::fs::read_to_string(path).ok();
    let shown = path.display();
    if app.out.json {
        let body = serde_json::json!({"path": shown.to_string(), "exists": text.is_some(), "text": text});
        return app.out.document(&json::document("config-file", body));
    }
    match text {
        Some(text) => {
            app.out.inform(format!("# {shown}"));
            app.out.raw(text.as_bytes())
        }
        None => {
            app.out.inform(tr!(
                "there is no configuration file at {shown}; nothing needs one",
                "{shown} 处没有配置文件；它不是必需的"
            ));
            Ok(())
        }
    }
}

fn effective(app: &App) -> Result<(), Failure> {
    let s = &app.settings;
    let path = |value: &Option<std::path::PathBuf>| value.as_ref().map(|path| path.display().to_string());
    let mut all = vec![
        setting("config", &s.config_file, path),
        setting("repository", &s.repository, |v| v.as_ref().map(|text| text.to_string_lossy().into_owned())),
        setting("cache-dir", &s.cache_dir, path),
        setting("cache-size", &s.cache_size_mib, |mib| Some(mib.to_string())),
        setting("password", &s.password, |reference| Some(reference.describe())),
        setting("unencrypted", &s.unencrypted, |on| Some(on.to_string())),
        setting("memory", &s.memory_bytes, |limit| limit.map(sizes::bytes)),
        setting("kdf-limit", &s.kdf_limit_mib, |mib| Some(mib.to_string())),
        setting("language", &s.language, |lang| Some(lang.as_str().to_string())),
        setting("color", &s.colour, |on| Some(on.to_string())),
    ];
    for (name, value) in s.store.iter() {
        let shown = |text: &String| match options::SECRET.contains(&name) {
            true => Reference::parse(text).ok().map(|reference| reference.describe()),
            false => Some(text.clone()),
        };
        all.push(setting(&format!("store.{name}"), value, shown));
    }
    let copy_repository = s.copy_repository(None);
    all.push(setting("copy.repository", &copy_repository, |v| v.as_ref().map(|t| t.to_string_lossy().into_owned())));
    let copy_password = s.copy_password(None, None)?;
    all.push(setting("copy.password", &copy_password, |reference| Some(reference.describe())));
    for (name, value) in &s.file.backup {
        all.push(setting(&format!("backup.{name}"), value, |list| Some(list.join(", "))));
    }
    if app.out.json {
        return app.out.document(&json::document("config", serde_json::json!({"settings": all})));
    }
    let mut rows = vec![vec![tr!("SETTING", "设置"), tr!("VALUE", "值"), tr!("FROM", "来源")]];
    rows.extend(all.iter().map(|setting| {
        let value = setting.value.as_ref().map_or_else(|| "-".into(), |value| escape_for_terminal(value.as_bytes()));
        vec![setting.name.clone(), value, setting.shown.clone()]
    }));
    for (index, line) in table(&rows, &[]).iter().enumerate() {
        app.out.line(if index == 0 { app.out.styled(Style::Bold, line) } else { line.clone() })?;
    }
    Ok(())
}
