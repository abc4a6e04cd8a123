//! `datakeep tag`.

use crate::args_store::TagArgs;
use crate::errors::Failure;
use crate::json;
use crate::open::App;
use crate::words::tr;
use datakeep_model::{ExitCode, escape_for_terminal};

/// Runs it.
pub fn run(app: &App, args: &TagArgs) -> Result<ExitCode, Failure> {
    if args.add.is_empty() && args.remove.is_empty() && args.set.is_empty() {
        return Err(Failure::usage(tr!("nothing to change", "没有要修改的内容"))
            .hint(tr!("give --add TAG, --remove TAG or --set TAG", "请使用 --add、--remove 或 --set")));
    }
    if args.add.iter().chain(&args.remove).any(String::is_empty) {
        return Err(Failure::usage(tr!("a label has no characters", "标签不能为空"))
            .hint(tr!("take all labels away with --set ''", "用 --set '' 去掉所有标签")));
    }
    let repository = app.open()?;
    let (manifests, _) = app.snapshots(&repository)?;
    let manifest = app.choose(&manifests, &args.snapshot)?;
    let tags = repository.change_tags(manifest, &|now| {
        if !args.set.is_empty() {
            return args.set.iter().filter(|tag| !tag.is_empty()).cloned().collect();
        }
        let kept = now.iter().filter(|tag| !args.remove.contains(tag)).cloned();
        kept.chain(args.add.iter().cloned()).collect()
    })?;
    let id = manifest.snapshot.id;
    if app.out.json {
        app.out.document(&json::document("tags", serde_json::json!({"snapshot": id.to_hex(), "tags": tags})))?;
        return Ok(ExitCode::OK);
    }
    let (id, list) = (id.short(), escape_for_terminal(tags.join(", ").as_bytes()));
    let list = if list.is_empty() { "-".to_string() } else { list };
    app.out.say(tr!("labels of snapshot {id}: {list}", "备份集 {id} 的标签：{list}"))?;
    Ok(ExitCode::OK)
}
