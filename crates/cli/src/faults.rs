//! Faults of stored objects, in words.

use crate::words::tr;
use datakeep_store::StoreError;

/// What is wrong, in the language in use.
pub fn words(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { object, offset_byte, expected, found } => tr!(
            "{object} is damaged at byte {offset_byte}: expected {expected}, found {found}",
            "{object} 在第 {offset_byte} 字节处损坏：应为 {expected}，实为 {found}"
        ),
        StoreError::Missing { object } => tr!("{object} is missing", "缺少 {object}"),
        StoreError::Unlisted { object, frame } => tr!(
            "the list of what the snapshot uses lacks frame {frame} of {object}: a collection may delete it",
            "备份集的使用清单缺少 {object} 的第 {frame} 帧：回收时可能被删除"
        ),
        other => other.to_string(),
    }
}

/// The same, with what it was found at before it. Most errors name their object themselves.
pub fn words_of(what: &str, error: &StoreError) -> String {
    let words = words(error);
    match error.object() == Some(what) {
        true => words,
        false => tr!("{what}: {words}", "{what}：{words}"),
    }
}
