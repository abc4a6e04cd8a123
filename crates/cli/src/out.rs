//! Standard output is data, standard error is for people.

use crate::errors::Failure;
use crate::json;
use crate::words::tr;
use serde::Serialize;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where everything that is printed goes.
pub struct Out {
    stdout: Mutex<BufWriter<Stdout>>,
    /// JSON on standard output.
    pub json: bool,
    /// Events before the final document.
    pub events: bool,
    /// No summary, no progress.
    pub quiet: bool,
    /// Every item by name.
    pub verbose: bool,
    /// Nothing at all on standard output: a step of a silent demo.
    pub mute: bool,
    colour_out: bool,
    colour_err: bool,
}

/// A colour or weight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Headings.
    Bold,
    /// What went wrong.
    Red,
    /// What is well.
    Green,
    /// What deserves a look.
    Yellow,
    /// What stands back.
    Dim,
}

fn paint(style: Style, text: &str) -> String {
    let code = match style {
        Style::Bold => 1,
        Style::Red => 31,
        Style::Green => 32,
        Style::Yellow => 33,
        Style::Dim => 2,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Text that a terminal prints and never acts on. Names are escaped where they are put into sentences; this is for what
/// came in a lower part's words, or as a path of the person's own.
pub fn clean(text: &str) -> String {
    // A backslash means itself here: what was escaped before stays as it is.
    datakeep_model::escape_for_terminal(text.as_bytes()).replace("\\\\", "\\")
}

impl Out {
    /// With colours only on terminals, and only when they are wanted.
    pub fn new(common: &crate::args::Common, wants_colour: bool) -> Self {
        Self {
            stdout: Mutex::new(BufWriter::with_capacity(64 << 10, io::stdout())),
            json: common.json,
            events: common.json && (common.verbose || common.progress),
            quiet: common.quiet,
            verbose: common.verbose,
            mute: false,
            colour_out: wants_colour && !common.json && io::stdout().is_terminal(),
            colour_err: wants_colour && io::stderr().is_terminal(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BufWriter<Stdout>> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line of data.
    pub fn line(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        if self.mute {
            return Ok(());
        }
        writeln!(self.lock(), "{}", text.as_ref()).map_err(|error| Failure::output(&error))
    }

    /// Bytes of data.
    pub fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        if self.mute {
            return Ok(());
        }
        self.lock().write_all(bytes).map_err(|error| Failure::output(&error))
    }

    /// A line of a summary: not with --quiet, not with --json.
    pub fn say(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.say_painted(clean(text.as_ref()))
    }

    /// The same for text that [`Out::styled`] has painted and that holds nobody else's words.
    pub fn say_painted(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        if self.quiet || self.json { Ok(()) } else { self.line(text) }
    }

    /// A JSON document or event, on one line.
    pub fn document(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.line(json::to_line(value))
    }

    /// Hands everything over.
    pub fn flush(&self) -> Result<(), Failure> {
        self.lock().flush().map_err(|error| Failure::output(&error))
    }

    /// Text in a style, for standard output.
    pub fn styled(&self, style: Style, text: &str) -> String {
        if self.colour_out { paint(style, text) } else { text.to_string() }
    }

    fn styled_err(&self, style: Style, text: &str) -> String {
        if self.colour_err { paint(style, text) } else { text.to_string() }
    }

    /// A word to a person; nothing can be done when nobody hears it.
    pub fn note(&self, text: impl AsRef<str>) {
        let _ = writeln!(io::stderr(), "{}", clean(text.as_ref()));
    }

    fn labelled(&self, style: Style, label: &str, text: &str) {
        let _ = writeln!(io::stderr(), "{}{}", self.styled_err(style, label), clean(text));
    }

    /// A note that --quiet silences.
    pub fn inform(&self, text: impl AsRef<str>) {
        if !self.quiet && !self.json {
            self.note(text);
        }
    }

    /// A word from where no [`Out`] is at hand, such as a thread that talks to a store.
    pub fn aside(text: &str) {
        let _ = writeln!(io::stderr(), "{}{}", tr!("warning: ", "警告："), clean(text));
    }

    /// Something a person should know.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.labelled(Style::Yellow, &tr!("warning: ", "警告："), text.as_ref());
    }

    /// Why the command failed: to people, and with --json as a document.
    pub fn failure(&self, failure: &Failure) {
        let _ = self.flush();
        if failure.is_quiet {
            return;
        }
        self.labelled(Style::Red, &tr!("error: ", "错误："), &failure.message);
        if let Some(detail) = failure.detail.as_ref().filter(|detail| **detail != failure.message) {
            self.note(format!("  {}{detail}", tr!("detail: ", "详情：")));
        }
        if let Some(hint) = &failure.hint {
            self.note(format!("  {}{hint}", tr!("hint: ", "提示：")));
        }
        if self.json && self.document(&json::ErrorDocument::new(failure)).is_ok() {
            let _ = self.flush();
        }
    }
}

/// A table: columns as wide as they must be, the last as wide as it is; `right` names right-aligned columns.
pub fn table(rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| crate::sizes::columns(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let render = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let fill = " ".repeat(widths[column].saturating_sub(crate::sizes::columns(cell)));
            if right.contains(&column) { format!("{fill}{cell}") } else { format!("{cell}{fill}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    rows.iter().map(render).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_is_said() {
        assert_eq!(clean("a\x1b[31m\nb\u{202e} \\x1b 中文 C:\\\\x"), "a\\x1b[31m\\nb\\u{202e} \\x1b 中文 C:\\\\x");
        let escaped = datakeep_model::escape_for_terminal(b"\x1b\\\xff");
        assert_eq!(clean(&escaped), escaped);
    }

    #[test]
    fn tables_line_up_with_wide_characters() {
        let rows = vec![vec!["仓库".into(), "1".into()], vec!["a".into(), "10".into()]];
        assert_eq!(table(&rows, &[1]), ["仓库   1", "a     10"]);
    }
}
