//! Answers on their way out.

use crate::args_sql::{SqlArgs, SqlFormat};
use crate::errors::Failure;
use crate::open::App;
use crate::out::{clean, table};
use crate::words::tr;
use crate::{json, sizes, time};
use datakeep_distribute_sql::{Answer, Format, Writer, json_rows, text_of};
use datakeep_model::ErrorKind;
use serde::Serialize;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Rows of a table for people, unless they ask for more: all of them are held to line them up.
const TABLE_ROWS: u64 = 1000;
/// Characters of a cell in such a table.
const CELL_CHARS: usize = 200;

/// Where answers go.
pub struct Sink {
    /// A file that is there under another name until it is whole.
    file: Option<(PathBuf, PathBuf)>,
    /// That other name is one that this call has made.
    is_begun: Cell<bool>,
}

impl Sink {
    /// Refuses what cannot be, before anything is opened.
    pub fn new(app: &App, args: &SqlArgs) -> Result<Self, Failure> {
        let is_binary = is_binary(args.format);
        if app.out.json && args.output.is_some() {
            return Err(Failure::usage(tr!(
                "--json and --output do not go together",
                "--json 与 --output 不能同时使用"
            ))
            .hint(tr!(
                "--json prints documents; a file of rows takes --format: csv, json, arrow or parquet",
                "--json 打印文档；要把各行写入文件，请用 --format：csv、json、arrow 或 parquet"
            )));
        }
        if app.out.json && args.format != SqlFormat::Table {
            return Err(Failure::usage(tr!(
                "--json and --format do not go together",
                "--json 与 --format 不能同时使用"
            ))
            .hint(tr!(
                "--json prints rows as documents; --format json prints rows alone",
                "--json 以文档打印各行；--format json 仅打印各行"
            )));
        }
        if is_binary && args.output.is_none() && io::stdout().is_terminal() {
            return Err(Failure::usage(tr!(
                "this form of answer is not for a terminal",
                "该格式的结果不适合在终端显示"
            ))
            .hint(tr!("write it to a file: --output FILE", "请写入文件：--output 文件")));
        }
        let Some(path) = &args.output else { return Ok(Self { file: None, is_begun: Cell::new(false) }) };
        let name = path.display();
        if path.symlink_metadata().is_ok() {
            return Err(Failure::new(ErrorKind::Target, tr!("{name} is there already", "{name} 已存在"))
                .hint(tr!("name a new file", "请指定新文件")));
        }
        let mut partly = path.clone().into_os_string();
        partly.push(".part");
        Ok(Self { file: Some((path.clone(), PathBuf::from(partly))), is_begun: Cell::new(false) })
    }

    fn open(&self, app: &App) -> Result<Box<dyn Write + Send>, Failure> {
        match &self.file {
            None => {
                app.out.flush()?;
                Ok(Box::new(BufWriter::with_capacity(256 << 10, io::stdout())))
            }
            Some((_, partly)) => {
                let name = partly.display().to_string();
                let failed = |error| Failure::io(tr!("cannot create {name}", "无法创建 {name}"), &error);
                let file = private(partly).map_err(failed)?;
                self.is_begun.set(true);
                Ok(Box::new(BufWriter::with_capacity(256 << 10, file)))
            }
        }
    }

    /// Gives the file its name.
    fn finish(&self) -> Result<(), Failure> {
        let Some((path, partly)) = &self.file else { return Ok(()) };
        let name = path.display().to_string();
        let failed = |error| Failure::io(tr!("cannot write {name}", "无法写入 {name}"), &error);
        File::open(partly).and_then(|file| file.sync_all()).map_err(failed)?;
        rename(partly, path).map_err(failed)?;
        self.is_begun.set(false);
        Ok(())
    }

    /// What is given is one file of one answer.
    fn takes_one(&self, format: SqlFormat) -> bool {
        self.file.is_some() || is_binary(format)
    }
}

fn is_binary(format: SqlFormat) -> bool {
    matches!(format, SqlFormat::Arrow | SqlFormat::Parquet)
}

fn one_answer() -> Failure {
    Failure::usage(tr!("one file takes one answer", "一个文件只能存放一个结果"))
        .hint(tr!("run one query", "请只执行一条查询"))
}

/// Never over somebody else's file, also where a file system knows no such renaming.
fn rename(partly: &Path, path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, partly, CWD, path, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            std::fs::hard_link(partly, path)?;
            std::fs::remove_file(partly)
        }
        outcome => Ok(outcome?),
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let (Some((_, partly)), true) = (&self.file, self.is_begun.get()) {
            let _ = std::fs::remove_file(partly);
        }
    }
}

/// A new file that only its owner reads: what a backup holds is in it.
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// Gives answers in the form that was asked for.
pub struct Giver<'a> {
    app: &'a App,
    format: SqlFormat,
    max_rows: Option<u64>,
    sink: Sink,
    answers: u64,
}

#[derive(Serialize)]
struct RowJson<'r> {
    row: Vec<ValueJson<'r>>,
}

#[derive(Serialize)]
struct ValueJson<'r> {
    column: &'r str,
    value: &'r serde_json::Value,
}

#[derive(Serialize)]
struct ColumnJson {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
}

#[derive(Serialize)]
struct AnswerJson {
    columns: Vec<ColumnJson>,
    rows: u64,
    is_cut: bool,
    seconds: f64,
}

impl<'a> Giver<'a> {
    /// For all statements of a call.
    pub fn new(app: &'a App, args: &SqlArgs, sink: Sink) -> Self {
        Self { app, format: args.format, max_rows: args.max_rows, sink, answers: 0 }
    }

    /// Refuses more answers than there is room for, before any is given.
    pub fn expect(&self, answers: u64) -> Result<(), Failure> {
        let is_more = self.answers + answers > 1;
        if is_more && self.sink.takes_one(self.format) { Err(one_answer()) } else { Ok(()) }
    }

    /// Gives one answer.
    pub fn give(&mut self, mut answer: Answer<'_>) -> Result<(), Failure> {
        self.expect(1)?;
        self.answers += 1;
        let format = match self.format {
            SqlFormat::Table if self.app.out.json => return self.documents(&mut answer),
            SqlFormat::Table if is_plan(&answer) => return self.explain(&mut answer),
            SqlFormat::Table => return self.table(&mut answer),
            SqlFormat::Csv => Format::Csv,
            SqlFormat::Json => Format::Json,
            SqlFormat::Arrow => Format::Arrow,
            SqlFormat::Parquet => Format::Parquet,
        };
        let mut to = self.sink.open(self.app)?;
        let mut writer = Writer::new(format, answer.schema(), &mut to)?;
        let mut left = self.max_rows.unwrap_or(u64::MAX);
        let mut rows = 0;
        while let Some(batch) = answer.next_batch()? {
            let wanted = left.min(batch.num_rows() as u64);
            writer.write(&batch.slice(0, wanted as usize))?;
            rows += wanted;
            left -= wanted;
            if left == 0 {
                break;
            }
        }
        writer.finish()?;
        to.flush().map_err(|error| Failure::output(&error))?;
        drop(to);
        self.sink.finish()?;
        if let Some((path, _)) = &self.sink.file {
            let (rows, name, took) = (sizes::count(rows), path.display(), took(&answer));
            self.app.out.inform(tr!("{rows} rows in {name}, {took}", "{rows} 行已写入 {name}，用时 {took}"));
        }
        Ok(())
    }

    /// A plan is lines of text.
    fn explain(&self, answer: &mut Answer<'_>) -> Result<(), Failure> {
        let mut text = String::new();
        while let Some(batch) = answer.next_batch()? {
            let columns = batch.columns().iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
            let cells =
                (0..batch.num_rows()).flat_map(|row| columns.iter().filter_map(move |column| column[row].as_ref()));
            for line in cells.flat_map(|text| text.lines()) {
                text.push_str(&clean(line));
                text.push('\n');
            }
        }
        self.put(&text)
    }

    /// Text for people.
    fn put(&self, text: &str) -> Result<(), Failure> {
        if self.sink.file.is_none() {
            return self.app.out.raw(text.as_bytes());
        }
        let mut to = self.sink.open(self.app)?;
        to.write_all(text.as_bytes()).and_then(|()| to.flush()).map_err(|error| Failure::output(&error))?;
        drop(to);
        self.sink.finish()
    }

    fn table(&self, answer: &mut Answer<'_>) -> Result<(), Failure> {
        let names = answer.schema().fields().iter().map(|field| clean(field.name())).collect();
        let numbers: Vec<bool> = answer.schema().fields().iter().map(|field| field.data_type().is_numeric()).collect();
        let right: Vec<usize> = (0..numbers.len()).filter(|&at| numbers[at]).collect();
        let most = self.max_rows.unwrap_or(TABLE_ROWS);
        let (mut lines, mut rows, mut is_cut): (Vec<Vec<String>>, u64, bool) = (vec![names], 0, false);
        while let Some(batch) = answer.next_batch()? {
            let columns = batch.columns().iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows() {
                if rows >= most {
                    is_cut = true;
                    break;
                }
                lines.push(columns.iter().map(|column| cell(column[row].as_deref())).collect());
                rows += 1;
            }
            if is_cut {
                break;
            }
        }
        if !numbers.is_empty() {
            self.put(&(table(&lines, &right).join("\n") + "\n"))?;
        }
        self.app.out.flush()?;
        let (count, took) = (sizes::count(rows), took(answer));
        if is_cut {
            self.app.out.inform(tr!(
                "the first {count} rows, {took}; there are more: --max-rows N, or --format csv",
                "前 {count} 行，用时 {took}；还有更多：可用 --max-rows N 或 --format csv"
            ));
        } else {
            self.app.out.inform(tr!("{count} rows, {took}", "{count} 行，用时 {took}"));
        }
        Ok(())
    }

    fn documents(&self, answer: &mut Answer<'_>) -> Result<(), Failure> {
        let fields = answer.schema().fields().clone();
        let (mut rows, mut left, mut is_cut) = (0, self.max_rows.unwrap_or(u64::MAX), false);
        while let Some(batch) = answer.next_batch()? {
            for row in json_rows(&batch)? {
                if left == 0 {
                    is_cut = true;
                    break;
                }
                let named = fields.iter().zip(&row).map(|(field, value)| ValueJson { column: field.name(), value });
                self.app.out.document(&json::document("sql-row", RowJson { row: named.collect() }))?;
                rows += 1;
                left -= 1;
            }
            if is_cut {
                break;
            }
        }
        let column = |field: &std::sync::Arc<_>| ColumnJson::of(field);
        let columns = fields.iter().map(column).collect();
        let seconds = answer.elapsed().as_secs_f64();
        self.app.out.document(&json::document("sql", AnswerJson { columns, rows, is_cut, seconds }))
    }

    /// After the last statement.
    pub fn finish(self) -> Result<(), Failure> {
        self.app.out.flush()
    }
}

impl ColumnJson {
    fn of(field: &arrow_schema::Field) -> Self {
        Self { name: field.name().clone(), data_type: field.data_type().to_string() }
    }
}

fn is_plan(answer: &Answer<'_>) -> bool {
    let names: Vec<&str> = answer.schema().fields().iter().map(|field| field.name().as_str()).collect();
    names == ["plan_type", "plan"]
}

fn took(answer: &Answer<'_>) -> String {
    time::duration(answer.elapsed().as_nanos() as u64)
}

/// A cell for people: what a terminal would act on is escaped, and what is long is cut.
fn cell(text: Option<&str>) -> String {
    let Some(text) = text else { return "∅".to_string() };
    let text = clean(text);
    match text.char_indices().nth(CELL_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
