//! What connectors say, in Chinese. They speak English alone, and know nothing of whom they speak to: here their sentences are known
//! by what is the same in all of one kind.
//!
//! In a pattern `{}` stands for a name or a value, which stays as it is, `{?}` for a sentence that is translated where it is
//! known, `{!}` for one that must be known. In the answer `{1}` is the first of them.

use crate::words::{Lang, lang};

/// A pattern, and what it is in Chinese.
type Phrase = (&'static str, &'static str);

/// The first that fits is taken: what is special stands before what is general.
const PHRASES: [Phrase; 114] = [
    // what was wrong
    ("{!}: it is no SQLite database, or it is encrypted ({})", "{1}：不是 SQLite 数据库，或已加密（{2}）"),
    ("{!}: the database is damaged ({})", "{1}：数据库已损坏（{2}）"),
    ("{!}: another connection keeps it locked ({})", "{1}：另一个连接将其锁定（{2}）"),
    (
        "{!}: it is sorted by {}, a collation that only its application has",
        "{1}：它按 {2} 排序，该排序规则只有其应用程序才有",
    ),
    ("{!}: it keeps texts in UTF-8, which cannot say all of them", "{1}：它以 UTF-8 保存文本，无法表示其中的全部文本"),
    ("cannot go on reading {}: the transaction that is read has ended", "无法继续读取 {1}：读事务已结束"),
    ("cannot copy {}: it is locked", "无法复制 {1}：它已被锁定"),
    (
        "cannot make table {} in {}: no statement that makes it was captured",
        "无法在 {2} 中创建表 {1}：备份中没有创建它的语句",
    ),
    ("cannot make index {}: no statement that makes it was captured", "无法创建索引 {1}：备份中没有创建它的语句"),
    (
        "cannot merge into table {} of {}: it declares no key of its own, and the rowids that SQLite gives are given again to other rows",
        "无法合并到 {2} 的表 {1}：它没有声明自己的键，而 SQLite 分配的 rowid 会再次分配给其他行",
    ),
    ("cannot merge into table {} of {}: {?}; nothing was changed", "无法合并到 {2} 的表 {1}：{3}；未作任何修改"),
    ("cannot merge into table {} of {}: {?}", "无法合并到 {2} 的表 {1}：{3}"),
    ("what was written to {} is not sound: {}", "写入 {1} 的内容不完好：{2}"),
    ("{} is damaged: {} says: {}", "{1} 已损坏：{2} 报告：{3}"),
    ("{!}: {}", "{1}：{2}"),
    // what was attempted
    ("cannot find {}", "找不到 {1}"),
    ("cannot open a temporary file in {}", "无法打开 {1} 中的临时文件"),
    ("cannot open {}", "无法打开 {1}"),
    ("cannot read the schema of {}", "无法读取 {1} 的数据库结构"),
    ("cannot read the columns of table {} of {}", "无法读取 {2} 的表 {1} 的列"),
    ("cannot read the copy of {}", "无法读取 {1} 的副本"),
    ("cannot read table {} after {} rows of {}", "读取 {3} 的表 {1}，在 {2} 行之后失败"),
    ("cannot read table {} of {}", "无法读取 {2} 的表 {1}"),
    ("cannot read {}", "无法读取 {1}"),
    ("cannot finish reading {}", "无法完成对 {1} 的读取"),
    ("cannot keep values as they are in {}", "无法在 {1} 中原样保存值"),
    ("cannot complete the changes of {}", "无法完成对 {1} 的修改"),
    ("cannot complete {}", "无法完成 {1}"),
    ("cannot close {}", "无法关闭 {1}"),
    ("cannot write rows of table {} to {}", "无法将表 {1} 的行写入 {2}"),
    ("cannot write the schema of {}", "无法写入 {1} 的数据库结构"),
    ("cannot write in {}", "无法写入目录 {1}"),
    ("cannot write to {}", "无法写入 {1}"),
    ("cannot write {}", "无法写入 {1}"),
    ("cannot make durable {}", "无法将 {1} 持久保存"),
    ("cannot make a temporary file in {}", "无法在 {1} 中创建临时文件"),
    ("cannot make table {} in {}", "无法在 {2} 中创建表 {1}"),
    ("cannot make trigger {} in {}", "无法在 {2} 中创建触发器 {1}"),
    ("cannot make {} in {}", "无法在 {2} 中创建 {1}"),
    ("cannot make {}", "无法创建 {1}"),
    ("cannot build index {} in {}", "无法在 {2} 中建立索引 {1}"),
    ("cannot remove table {} of {}", "无法从 {2} 中删除表 {1}"),
    ("cannot check {}", "无法检查 {1}"),
    ("cannot count rows of {}", "无法统计 {1} 的行数"),
    ("cannot merge rows into table {} of {}", "无法将行合并到 {2} 的表 {1}"),
    ("cannot look for table {} in {}", "无法在 {2} 中查找表 {1}"),
    ("cannot look at {}", "无法查看 {1}"),
    ("cannot prepare {}", "无法准备 {1}"),
    ("cannot copy to {}", "无法复制到 {1}"),
    // what stands in the way
    ("{} is a directory, not a database", "{1} 是目录，不是数据库"),
    ("{} is no regular file", "{1} 不是普通文件"),
    ("`{}` names no file", "`{1}` 未指明文件"),
    (
        "{} was left by another database, and would be taken for the new one's",
        "{1} 是另一个数据库留下的文件，会被误认为属于新数据库",
    ),
    ("{} has come to exist meanwhile and was left as it is", "{1} 在此期间已经出现，保持原样"),
    ("{} exists: a whole database is not restored over another", "{1} 已存在：整个数据库不会恢复到另一个数据库之上"),
    ("two rows that were captured have one key there", "备份中的两行在那里具有相同的键"),
    ("a value of column {} would not stand as it was captured", "列 {1} 的一个值在那里无法保持备份时的样子"),
    ("it had {} rows and got {} new ones, but would have {}", "原有 {1} 行，新增 {2} 行，但将变为 {3} 行"),
    ("its columns are {}, those captured are {}", "其列为 {1}，备份时的列为 {2}"),
    ("its rows are not named by the same key", "其行使用另外的键"),
    (
        "column {} (captured as `{}`, here `{}`) changes values that it is given in another way than the captured one",
        "列 {1}（备份时为 `{2}`，此处为 `{3}`）转换值的方式与备份时不同",
    ),
    ("{}: a database of SQLite has no schema but `main`", "{1}：SQLite 数据库只有 `main` 这一个模式"),
    ("`{}` cannot be the name of a table", "`{1}` 不能作为表名"),
    ("{} is kept by SQLite itself", "{1} 由 SQLite 自身维护"),
    ("{} is to be restored twice", "{1} 被指定恢复两次"),
    ("{} has a {} {} already", "{1} 中已有 {2} {3}"),
    ("{} has no table {}", "{1} 中没有表 {2}"),
    ("unknown option `{}`", "未知选项 `{1}`"),
    ("option `{}` needs a value", "选项 `{1}` 需要一个值"),
    ("option `{}` was given more than once", "选项 `{1}` 给出了多次"),
    ("`{}` cannot be the name of a source", "`{1}` 不能作为数据源的名称"),
    ("option `busy-timeout`: `{}` is no time up to a day", "选项 `busy-timeout`：`{1}` 不是一天以内的时长"),
    ("option `integrity-check`: `{}` is unknown", "选项 `integrity-check`：未知的值 `{1}`"),
    // what was found, left out and kept
    ("foreign_key_check found every reference", "foreign_key_check：所有引用的行都存在"),
    (
        "foreign_key_check found {} rows that refer to none here: those were not captured or not restored",
        "foreign_key_check：有 {1} 行引用的行不在此处（未备份或未恢复）",
    ),
    (
        "foreign_key_check found {} rows that refer to none here, {} of them before the restore",
        "foreign_key_check：有 {1} 行引用的行不在此处，其中 {2} 行在恢复之前就是如此",
    ),
    ("{} could not be run: {}", "无法执行 {1}：{2}"),
    ("integrity_check of {} found nothing wrong", "对 {1} 的 integrity_check 未发现问题"),
    ("{} found nothing wrong", "{1} 未发现问题"),
    ("{} found values that break rules of their table, as captured: {}", "{1} 发现违反表约束的值，与备份时一致：{2}"),
    (
        "table {} was left out, since only its application can make it: {?}",
        "表 {1} 已略过，只有其应用程序才能创建：{2}",
    ),
    (
        "index {} was left out, since only its application can build it: {}",
        "索引 {1} 已略过，只有其应用程序才能建立：{2}",
    ),
    ("removed with the table {} that stood there: {}", "随原有的表 {1} 一并移除：{2}"),
    ("{} has another name than it had and came without {}", "{1} 改了名称，因此不含 {2}"),
    (
        "the collation {} is known to its application alone: no index was built by it",
        "排序规则 {1} 只有其应用程序才有：未按它建立索引",
    ),
    (
        "the function {} is known to its application alone: rules that call it were kept, not checked",
        "函数 {1} 只有其应用程序才有：调用它的约束已保留，但未检查",
    ),
    ("{}: statistics of an old version, which ANALYZE makes anew", "{1}：旧版本的统计信息，可由 ANALYZE 重新生成"),
    (
        "{}: its rowids, which columns of the names rowid, _rowid_ and oid hide",
        "{1}：其 rowid 被名为 rowid、_rowid_ 和 oid 的列遮住",
    ),
    (
        "{}: bytes of its statement that are no UTF-8, which come back as U+FFFD",
        "{1}：其语句中不是 UTF-8 的字节，恢复后为 U+FFFD",
    ),
    // the first difference
    ("it is not there", "它不存在"),
    ("its columns are others", "其列不同"),
    ("its rows are others", "其行不同"),
    ("a row has other values", "某行的值不同"),
    ("a row that was captured is missing", "缺少备份中的某行"),
    ("a row stands there that was not captured", "有一行不在备份中"),
    ("{} rows were captured, {} stand there", "备份中有 {1} 行，实有 {2} 行"),
    // what to do
    ("write sqlite:PATH, such as sqlite:/srv/app/data.db", "请写成 sqlite:路径，例如 sqlite:/srv/app/data.db"),
    ("name the file of the database within it", "请指定其中的数据库文件"),
    ("move it away, or restore to another path", "请将其移走，或恢复到其他路径"),
    ("restore to another path, or name the tables to be put into it", "请恢复到其他路径，或指定要放入其中的表"),
    ("restore to another path", "请恢复到其他路径"),
    ("restore it under another name, or replace it", "请以其他名称恢复，或替换它"),
    ("restore it under another name, or choose to replace or to merge it", "请以其他名称恢复，或选择替换或合并"),
    ("restore the table under another name, or into a new file", "请以其他名称恢复该表，或恢复到新文件"),
    (
        "restore to a new file, which keeps texts as the captured database did",
        "请恢复到新文件，其文本编码与备份的数据库一致",
    ),
    ("it is restored with the whole database", "它随整个数据库一起恢复"),
    ("run it again", "请重新运行"),
    (
        "run it again when the other program is done, or wait longer with the option `busy-timeout`",
        "请在其他程序结束后重新运行，或用选项 `busy-timeout` 延长等待",
    ),
    (
        "stop the program that uses it, or wait longer with the option `busy-timeout`",
        "请停止正在使用它的程序，或用选项 `busy-timeout` 延长等待",
    ),
    ("name a directory that can be written with the option `spool`", "请用选项 `spool` 指定可写的目录"),
    ("known options: {}", "可用选项：{1}"),
    ("make room, or choose another place", "请腾出空间，或选择其他位置"),
    ("restore to the file of a database, or to a place where nothing stands", "请恢复到数据库文件，或空的位置"),
    ("the directory must exist and be writable by this user", "目录必须存在且当前用户可写"),
];

/// A sentence in Chinese; nothing where no pattern fits.
pub fn chinese(sentence: &str) -> Option<String> {
    PHRASES.iter().find_map(|phrase| said(sentence, phrase))
}

/// The sentence in the language in use, as far as it is known.
pub fn spoken(sentence: &str) -> String {
    match lang() {
        Lang::En => sentence.to_string(),
        Lang::Zh => chinese_or_same(sentence),
    }
}

/// The sentence in Chinese where it is known, else as it is.
pub fn chinese_or_same(sentence: &str) -> String {
    chinese(sentence).unwrap_or_else(|| sentence.to_string())
}

fn said(sentence: &str, (pattern, answer): &Phrase) -> Option<String> {
    let (mut pattern, mut rest) = (*pattern, sentence);
    let mut found: Vec<String> = Vec::new();
    loop {
        let Some(at) = pattern.find('{') else {
            return (rest == pattern).then(|| filled(answer, &found));
        };
        rest = rest.strip_prefix(&pattern[..at])?;
        let (slot, behind) = pattern[at..].split_once('}')?;
        // What stands behind up to the next slot; at the end of the pattern all that is left belongs to this one.
        let stop = &behind[..behind.find('{').unwrap_or(behind.len())];
        let len = match (stop.is_empty(), behind.contains('{')) {
            (true, _) => rest.len(),
            (false, true) => rest.find(stop)?,
            (false, false) => rest.len().checked_sub(stop.len()).filter(|&len| rest.get(len..) == Some(stop))?,
        };
        if len == 0 {
            return None;
        }
        let (value, after) = rest.split_at(len);
        found.push(match slot {
            "{!" => chinese(value)?,
            "{?" => chinese_or_same(value),
            _ => value.to_string(),
        });
        (pattern, rest) = (behind, after);
    }
}

/// The answer, with `{1}` and so on replaced by what was found: never within what was found.
fn filled(answer: &str, found: &[String]) -> String {
    let mut text = String::new();
    let mut rest = answer;
    while let Some((head, tail)) = rest.split_once('{') {
        text.push_str(head);
        let Some((number, behind)) = tail.split_once('}') else { break };
        let value = number.parse::<usize>().ok().and_then(|number| found.get(number.checked_sub(1)?));
        text.push_str(value.map_or("", String::as_str));
        rest = behind;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_known_by_what_stands_around_names() {
        for (english, expected) in [
            ("cannot open /srv/a b.db", Some("无法打开 /srv/a b.db")),
            (
                "cannot open /srv/x.db: it is no SQLite database, or it is encrypted (file is not a database)",
                Some("无法打开 /srv/x.db：不是 SQLite 数据库，或已加密（file is not a database）"),
            ),
            ("cannot read table main.{1} of /a: disk I/O error", Some("无法读取 /a 的表 main.{1}：disk I/O error")),
            (
                "cannot merge into table t of /a.db: its columns are id, those captured are id, a; nothing was changed",
                Some("无法合并到 /a.db 的表 t：其列为 id，备份时的列为 id, a；未作任何修改"),
            ),
            ("t2 has another name than it had and came without index by_a", Some("t2 改了名称，因此不含 index by_a")),
            ("integrity_check found nothing wrong", Some("integrity_check 未发现问题")),
            ("run it again", Some("请重新运行")),
            ("run it again, somehow", None),
            ("nobody says: this", None),
            ("", None),
        ] {
            assert_eq!(chinese(english).as_deref(), expected, "{english}");
        }
        assert_eq!(chinese_or_same("plain"), "plain");
    }

    #[test]
    fn patterns_are_whole() {
        for (at, (pattern, answer)) in PHRASES.iter().enumerate() {
            let slots = pattern.matches('{').count();
            let example = pattern.replace("{}", "x").replace("{?}", "x").replace("{!}", "cannot open x");
            let answer_slots = (1..=slots).all(|number| answer.contains(&format!("{{{number}}}")));
            assert!(answer_slots && answer.matches('{').count() == slots, "{pattern}");
            let first = PHRASES.iter().position(|phrase| said(&example, phrase).is_some());
            assert_eq!(first, Some(at), "what is special stands first: {pattern}");
            assert!(!answer.is_ascii(), "{pattern}");
        }
    }
}
