//! Losses in words.

use crate::open::App;
use crate::sizes;
use crate::words::tr;
use datakeep_model::{ItemPath, Loss, LossCause, escape_for_terminal};

/// How many are named.
const MOST_NAMED: usize = 20;

/// Names losses on standard error: the first twenty, and how many there are.
pub fn tell(app: &App, losses: &[Loss], count: u64, is_relative: bool) {
    if count == 0 {
        return;
    }
    let shown = sizes::count(count);
    app.out.warn(tr!("items lost or imperfect: {shown}", "{shown} 个条目丢失或不完整："));
    for loss in losses.iter().take(MOST_NAMED) {
        let path = if is_relative { relative(&loss.path) } else { loss.path.to_string() };
        let (cause, detail) = (cause(loss.cause), escape_for_terminal(loss.detail.as_bytes()));
        app.out.note(format!("  {path}: {cause} ({detail})"));
    }
    if let more @ 1.. = count.saturating_sub(MOST_NAMED as u64) {
        let more = sizes::count(more);
        app.out.note(tr!("  and {more} more", "  另有 {more} 个"));
    }
}

/// A path as seen from somewhere; the place itself is a dot.
pub fn relative(path: &ItemPath) -> String {
    if path.is_root() { ".".to_string() } else { escape_for_terminal(path.as_bytes()) }
}

/// Complete, or how many are lost.
pub fn state(losses: u64) -> String {
    let shown = sizes::count(losses);
    if losses == 0 { tr!("complete", "完整") } else { tr!("partial, {shown} lost", "部分，丢失 {shown} 项") }
}

/// A cause in the language in use.
pub fn cause(cause: LossCause) -> String {
    match cause {
        LossCause::Unreadable => tr!("cannot be read or written", "无法读写"),
        LossCause::Denied => tr!("permission denied", "权限不足"),
        LossCause::Vanished => tr!("vanished meanwhile", "读取前已消失"),
        LossCause::ChangedWhileRead => tr!("changed while it was read", "读取期间发生变化"),
        LossCause::Attributes => tr!("attributes incomplete", "扩展属性不完整"),
        LossCause::Loop => tr!("contains itself", "目录循环"),
        LossCause::BadName => tr!("impossible name", "名称无效"),
        LossCause::Damaged => tr!("stored bytes are damaged", "存储的数据已损坏"),
        LossCause::Refused => tr!("refused by the target", "被恢复目标拒绝"),
    }
}
