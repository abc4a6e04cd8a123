//! Why something is not well: numbers first, and sentences made of them.

use crate::text::{cut, size, span, time};
use serde::{Deserialize, Serialize};

crate::words::words!(
    /// A language of messages.
    Language {
        /// English.
        English = "en",
        /// 中文
        Chinese = "zh",
    }
);

/// A table with an unusual number of rows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RowChange {
    /// With its schema.
    pub table: String,
    /// Rows it has.
    pub rows: u64,
    /// Rows it usually has.
    pub usual: u64,
}

/// What became of a table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum SchemaChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another number of columns.
    Columns {
        /// In the backup before.
        before: u64,
        /// In the newest.
        after: u64,
    },
}

/// A table that is not what it was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SchemaChange {
    /// With its schema.
    pub table: String,
    /// What became of it.
    #[serde(flatten)]
    pub kind: SchemaChangeKind,
}

/// Why something is not well. Times are seconds since 1970. Written down as JSON: fields are added and never renamed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say what each is; the rules say when")]
pub enum Facts {
    Overdue { since_s: i64, newest_s: Option<i64> },
    Rpo { since_s: i64, rpo_s: u64, newest_s: Option<i64> },
    Failed { run: String, code: String, message: String, finished_s: i64, times: u32 },
    Partial { run: String, items_lost: Option<u64>, finished_s: i64 },
    Unverified { proven_s: Option<i64>, max_age_s: u64 },
    Undrilled { drilled_s: Option<i64>, max_age_s: u64 },
    Growth { run: String, stored_bytes: u64, usual_bytes: u64 },
    Capacity { used_bytes: u64, capacity_bytes: u64, full_in_s: i64 },
    Rows { run: String, changes: Vec<RowChange>, total: u64 },
    Schema { run: String, changes: Vec<SchemaChange>, total: u64 },
}

/// Longest message of a program that a sentence repeats, in bytes.
const MAX_MESSAGE_BYTES: usize = 300;

fn long(seconds: u64, is_chinese: bool) -> String {
    span(i64::try_from(seconds).unwrap_or(i64::MAX), is_chinese)
}

fn more(named: usize, total: u64, is_chinese: bool) -> String {
    let rest = total.saturating_sub(named as u64);
    match (rest, is_chinese) {
        (0, _) => String::new(),
        (rest, false) => format!(", and {rest} more"),
        (rest, true) => format!("，另有 {rest} 个"),
    }
}

impl Facts {
    /// One sentence: why.
    pub fn why(&self, language: Language) -> String {
        match language {
            Language::English => self.why_english(),
            Language::Chinese => self.why_chinese(),
        }
    }

    /// One sentence: what to do next.
    pub fn next_step(&self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Self::Overdue { .. } | Self::Rpo { .. } => (
                "See the newest run of this source; when there is none, see whether the server runs and the policy is enabled.",
                "查看该数据源最近的作业；若没有，请确认服务器在运行且策略已启用。",
            ),
            Self::Failed { .. } => {
                ("Open the run, do what its hint says, and retry it.", "打开该作业，按其提示处理后重做。")
            }
            Self::Partial { .. } => (
                "See the items the run lost; make them readable or exclude them.",
                "查看该作业的丢失项；使其可读，或将其排除。",
            ),
            Self::Unverified { .. } => (
                "Give the repository a schedule of checks, or start checks now.",
                "为仓库设置校验计划，或立即开始校验。",
            ),
            Self::Undrilled { .. } => {
                ("Restore this source for trial: datakeep drill.", "对该数据源做一次恢复演练：datakeep drill。")
            }
            Self::Growth { .. } => {
                ("See what is new in the snapshot: datakeep diff.", "查看备份集中新增了什么：datakeep diff。")
            }
            Self::Capacity { .. } => (
                "Make room: keep less, run gc, or enlarge the store.",
                "请腾出空间：减少保留、运行空间回收，或扩大存储。",
            ),
            Self::Rows { .. } => (
                "Look at the rows that differ (datakeep diff); snapshots from before hold them.",
                "查看有差异的行（datakeep diff）；之前的备份集仍保有它们。",
            ),
            Self::Schema { .. } => {
                ("See whether the change was meant: datakeep diff.", "请确认该变更是否有意为之：datakeep diff。")
            }
        };
        if language == Language::Chinese { chinese } else { english }
    }

    fn why_english(&self) -> String {
        let newest = |at: &Option<i64>| {
            at.map_or("there is none yet".to_string(), |at| format!("the newest began at {}", time(at)))
        };
        match self {
            Self::Overdue { since_s, newest_s } => {
                format!("A scheduled snapshot should have been there by {}; {}.", time(*since_s), newest(newest_s))
            }
            Self::Rpo { since_s, rpo_s, newest_s } => format!(
                "The newest snapshot may be {} old and is older since {}; {}.",
                long(*rpo_s, false),
                time(*since_s),
                newest(newest_s)
            ),
            Self::Failed { code, message, finished_s, times, .. } => {
                let again = if *times > 1 { format!(", {times} times in a row") } else { String::new() };
                let message = cut(message, MAX_MESSAGE_BYTES);
                format!("The last run failed at {}{again} ({code}): {message}.", time(*finished_s))
            }
            Self::Partial { items_lost, finished_s, .. } => {
                let items = items_lost.map_or("items".into(), |count| format!("{count} items"));
                format!("The last backup, of {}, lost {items}.", time(*finished_s))
            }
            Self::Unverified { proven_s, max_age_s } => match proven_s {
                Some(at) => format!(
                    "The oldest proof of stored bytes is of {}, and may be {} old.",
                    time(*at),
                    long(*max_age_s, false)
                ),
                None => format!("Not every stored byte was ever proven, in more than {}.", long(*max_age_s, false)),
            },
            Self::Undrilled { drilled_s, max_age_s } => match drilled_s {
                Some(at) => format!(
                    "The last successful drill was at {}, and may be {} ago.",
                    time(*at),
                    long(*max_age_s, false)
                ),
                None => format!("There was no successful drill in {}.", long(*max_age_s, false)),
            },
            Self::Growth { stored_bytes, usual_bytes, .. } => {
                format!("The last backup stored {}, where {} is usual.", size(*stored_bytes), size(*usual_bytes))
            }
            Self::Capacity { used_bytes, capacity_bytes, full_in_s } => format!(
                "{} of {} are used; going on like this the room ends in {}.",
                size(*used_bytes),
                size(*capacity_bytes),
                span(*full_in_s, false)
            ),
            Self::Rows { changes, total, .. } => {
                let one =
                    |change: &RowChange| format!("{} has {} rows, usually {}", change.table, change.rows, change.usual);
                let all: Vec<String> = changes.iter().map(one).collect();
                format!("Unusual numbers of rows: {}{}.", all.join("; "), more(changes.len(), *total, false))
            }
            Self::Schema { changes, total, .. } => {
                let one = |change: &SchemaChange| match &change.kind {
                    SchemaChangeKind::Added => format!("{} is new", change.table),
                    SchemaChangeKind::Removed => format!("{} is gone", change.table),
                    SchemaChangeKind::Columns { before, after } => {
                        format!("{} has {after} columns instead of {before}", change.table)
                    }
                };
                let all: Vec<String> = changes.iter().map(one).collect();
                format!("The schema changed: {}{}.", all.join("; "), more(changes.len(), *total, false))
            }
        }
    }

    fn why_chinese(&self) -> String {
        let newest = |at: &Option<i64>| {
            at.map_or("目前没有备份集".to_string(), |at| format!("最新的备份集始于 {}", time(at)))
        };
        match self {
            Self::Overdue { since_s, newest_s } => {
                format!("按计划，备份集最迟应在 {} 就绪；{}。", time(*since_s), newest(newest_s))
            }
            Self::Rpo { since_s, rpo_s, newest_s } => {
                format!(
                    "最新备份集允许的时长为 {}，自 {} 起已超出；{}。",
                    long(*rpo_s, true),
                    time(*since_s),
                    newest(newest_s)
                )
            }
            Self::Failed { code, message, finished_s, times, .. } => {
                let again = if *times > 1 { format!("，已连续 {times} 次") } else { String::new() };
                format!(
                    "最近的作业于 {} 失败{again}（{code}）：{}。",
                    time(*finished_s),
                    cut(message, MAX_MESSAGE_BYTES)
                )
            }
            Self::Partial { items_lost, finished_s, .. } => {
                let items = items_lost.map_or("有丢失项".into(), |count| format!("丢失 {count} 项"));
                format!("{} 结束的最近一次备份{items}。", time(*finished_s))
            }
            Self::Unverified { proven_s, max_age_s } => match proven_s {
                Some(at) => {
                    format!("存储数据最早的一次校验在 {}，允许的时长为 {}。", time(*at), long(*max_age_s, true))
                }
                None => format!("超过 {} 仍未完整校验过全部存储数据。", long(*max_age_s, true)),
            },
            Self::Undrilled { drilled_s, max_age_s } => match drilled_s {
                Some(at) => {
                    format!("最近一次成功的恢复演练在 {}，允许的间隔为 {}。", time(*at), long(*max_age_s, true))
                }
                None => format!("{} 内没有成功的恢复演练。", long(*max_age_s, true)),
            },
            Self::Growth { stored_bytes, usual_bytes, .. } => {
                format!("最近一次备份写入 {}，通常为 {}。", size(*stored_bytes), size(*usual_bytes))
            }
            Self::Capacity { used_bytes, capacity_bytes, full_in_s } => format!(
                "已用 {}，共 {}；照此速度，空间将在 {} 后用尽。",
                size(*used_bytes),
                size(*capacity_bytes),
                span(*full_in_s, true)
            ),
            Self::Rows { changes, total, .. } => {
                let one =
                    |change: &RowChange| format!("{} 有 {} 行，通常 {} 行", change.table, change.rows, change.usual);
                let all: Vec<String> = changes.iter().map(one).collect();
                format!("行数异常：{}{}。", all.join("；"), more(changes.len(), *total, true))
            }
            Self::Schema { changes, total, .. } => {
                let one = |change: &SchemaChange| match &change.kind {
                    SchemaChangeKind::Added => format!("新增 {}", change.table),
                    SchemaChangeKind::Removed => format!("{} 已不存在", change.table),
                    SchemaChangeKind::Columns { before, after } => {
                        format!("{} 的列数由 {before} 变为 {after}", change.table)
                    }
                };
                let all: Vec<String> = changes.iter().map(one).collect();
                format!("表结构有变更：{}{}。", all.join("；"), more(changes.len(), *total, true))
            }
        }
    }
}
