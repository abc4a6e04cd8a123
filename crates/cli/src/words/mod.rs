//! What the program says, in English and Chinese.
//!
//! Every sentence for people is written with [`tr!`], both languages side by side, so that neither can be forgotten.
//! Help texts are in English where the arguments are declared and in Chinese in [`help`]. JSON is never translated.

pub mod help;
pub mod shell;
pub mod usage;

use std::sync::atomic::{AtomicBool, Ordering};

/// A language of the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lang {
    /// English.
    En,
    /// Chinese.
    Zh,
}

static CHINESE: AtomicBool = AtomicBool::new(false);

/// Chooses the language for the rest of the process.
pub fn set(lang: Lang) {
    CHINESE.store(lang == Lang::Zh, Ordering::Relaxed);
}

/// The language in use.
pub fn lang() -> Lang {
    if CHINESE.load(Ordering::Relaxed) { Lang::Zh } else { Lang::En }
}

impl Lang {
    /// The language a name stands for: `en`, `zh`, or a locale such as `zh_CN.UTF-8`.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let word = name.split(['_', '-', '.', '@']).next().unwrap_or_default();
        match word {
            "zh" => Some(Lang::Zh),
            "en" | "c" | "posix" => Some(Lang::En),
            _ => None,
        }
    }

    /// The stable word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh",
        }
    }
}

/// Formats a sentence in the language in use: English first, then Chinese.
macro_rules! tr {
    ($en:literal, $zh:literal $(, $($rest:tt)*)?) => {
        match $crate::words::lang() {
            $crate::words::Lang::En => format!($en $(, $($rest)*)?),
            $crate::words::Lang::Zh => format!($zh $(, $($rest)*)?),
        }
    };
}
pub(crate) use tr;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_understood() {
        assert_eq!(Lang::parse("zh_CN.UTF-8"), Some(Lang::Zh));
        assert_eq!(Lang::parse("zh"), Some(Lang::Zh));
        assert_eq!(Lang::parse("en_GB"), Some(Lang::En));
        assert_eq!(Lang::parse("C.UTF-8"), Some(Lang::En));
        assert_eq!(Lang::parse("de_DE"), None);
    }
}
