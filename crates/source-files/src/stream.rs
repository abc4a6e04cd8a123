//! Streams: standard input, or the output of a command, as a snapshot of one file.

use crate::connector::{host_name, out_of_order};
use crate::options::{Reader, usage};
use crate::sys::lock;
use datakeep_connector::{
    Capability, Clock, Connector, ConnectorError, Details, Extent, Item, ItemBatch, ItemError, ItemHandle, ItemReader,
    ItemStream, Options, ReadOutcome, Source, SystemClock, Target,
};
use datakeep_model::{
    ErrorKind, FileType, ItemPath, LossCause, Mark, Meta, SourceInfo, Timestamp, escape_for_terminal,
};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Permission bits of the file, unless told otherwise: dumps are nobody else's business.
const USUAL_MODE: u16 = 0o600;

type Input = Box<dyn Read + Send>;

/// Standard input (`-`) and commands (`cmd:`).
#[derive(Clone)]
pub struct StreamConnector {
    clock: Arc<dyn Clock>,
    input: Arc<Mutex<Option<Input>>>,
}

impl Default for StreamConnector {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamConnector {
    /// With the machine's clock and the process's standard input.
    pub fn new() -> Self {
        Self { clock: Arc::new(SystemClock), input: Arc::default() }
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With other bytes in the place of standard input, for the first source that is opened.
    #[must_use]
    pub fn with_input(mut self, input: Box<dyn Read + Send>) -> Self {
        self.input = Arc::new(Mutex::new(Some(input)));
        self
    }
}

impl Connector for StreamConnector {
    fn kind(&self) -> &'static str {
        "stream"
    }

    fn capability(&self) -> Capability {
        Capability { source: true, ..Capability::default() }
    }

    fn accepts(&self, location: &str) -> bool {
        location == "-" || location == "cmd:"
    }

    fn open_source(&self, locations: &[String], options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        let options = Reader::new(options, &["file-name", "command", "without-environment", "name", "host", "mode"])?;
        let [location] = locations else {
            return Err(usage("a stream is a source by itself").with_hint("give one location, `-` or `cmd:`"));
        };
        let command = options.many("command");
        match (location.as_str(), command) {
            ("-", []) => {}
            ("cmd:", []) => return Err(usage("no command was given").with_hint("set option `command`")),
            ("-", _) => return Err(usage("standard input needs no command").with_hint("use `cmd:` for a command")),
            ("cmd:", _) => {}
            _ => return Err(usage(format!("`{location}` is no stream"))),
        }
        let file_name = options.one("file-name")?.map_or_else(|| usual_file_name(command), |name| name.into());
        datakeep_model::path::check_name(&file_name)
            .map_err(|error| usage(format!("option `file-name`: not a file name: {error}")))?;
        let shown = String::from_utf8_lossy(&file_name).into_owned();
        let info = SourceInfo {
            kind: "stream".to_owned(),
            name: options.source_name()?.unwrap_or_else(|| SourceInfo::to_name(&shown)),
            location: if command.is_empty() { "-".to_owned() } else { command_text(command) },
            host: options.one("host")?.map_or_else(host_name, str::to_owned),
        };
        let begin = if command.is_empty() {
            Begin::Input(lock(&self.input).take().unwrap_or_else(|| Box::new(std::io::stdin())))
        } else {
            Begin::Command { argv: command.to_vec(), hidden: options.many("without-environment").to_vec() }
        };
        Ok(Box::new(StreamSource {
            info,
            file_name,
            mode: mode(&options)?,
            clock: Arc::clone(&self.clock),
            begin: Some(begin),
            content: None,
            child: None,
            mark: Timestamp::default(),
        }))
    }

    fn open_target(&self, location: &str, _: &Options, _: bool) -> Result<Box<dyn Target>, ConnectorError> {
        Err(usage(format!("`{location}` cannot be restored to"))
            .with_hint("print one file with `datakeep cat` instead"))
    }
}

fn usual_file_name(command: &[String]) -> Vec<u8> {
    let base = command.first().and_then(|program| Path::new(program).file_name());
    base.map_or_else(|| b"stdin".to_vec(), |name| name.as_encoded_bytes().to_vec())
}

fn mode(options: &Reader<'_>) -> Result<u16, ConnectorError> {
    let Some(text) = options.one("mode")? else { return Ok(USUAL_MODE) };
    match u16::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err(usage(format!("option `mode`: `{text}` is not an octal mode up to 777"))),
    }
}

/// The program's name only: arguments may hold what must not be kept.
fn command_text(command: &[String]) -> String {
    let program = usual_file_name(command);
    escape_for_terminal(&program)
}

enum Begin {
    Input(Input),
    /// A program with its arguments, and variables of our environment that are none of its business.
    Command {
        argv: Vec<String>,
        hidden: Vec<String>,
    },
}

/// A running command; killed when nobody waited for it.
struct Running {
    child: Child,
    text: String,
    is_waited_for: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_waited_for {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

struct StreamSource {
    info: SourceInfo,
    file_name: Vec<u8>,
    mode: u16,
    clock: Arc<dyn Clock>,
    begin: Option<Begin>,
    content: Option<Arc<Content>>,
    child: Option<Running>,
    mark: Timestamp,
}

impl StreamSource {
    fn start(&mut self, command: &[String], hidden: &[String]) -> Result<Input, ConnectorError> {
        let text = command_text(command);
        let failed = |error: std::io::Error| {
            let kind =
                if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Source };
            ConnectorError::new(kind, format!("cannot run command `{text}`: {error}"))
                .with_hint("the command is run directly, without a shell: name a program and its arguments")
        };
        let Some((program, arguments)) = command.split_first() else { return Err(usage("no command was given")) };
        let mut child = Command::new(program);
        for name in hidden {
            child.env_remove(name);
        }
        let mut child = child
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(failed)?;
        let output = child.stdout.take().ok_or_else(|| out_of_order("a command without output"))?;
        self.child = Some(Running { child, text, is_waited_for: false });
        Ok(Box::new(output))
    }
}

impl Source for StreamSource {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn roots(&self) -> Vec<ItemPath> {
        vec![ItemPath::root().join(&self.file_name).unwrap_or_default()]
    }

    fn begin(&mut self) -> Result<Mark, ConnectorError> {
        let begin = self.begin.take().ok_or_else(|| out_of_order("begin was called twice"))?;
        self.mark = self.clock.now();
        let input = match begin {
            Begin::Input(input) => input,
            Begin::Command { argv, hidden } => self.start(&argv, &hidden)?,
        };
        let meta = Meta::synthetic(FileType::File, self.mode, self.mark);
        self.content = Some(Arc::new(Content { input: Mutex::new(Some(input)), len_bytes: AtomicU64::new(0), meta }));
        Ok(Mark::Stream(self.mark))
    }

    fn items(&mut self) -> Result<Box<dyn ItemStream>, ConnectorError> {
        let content = self.content.clone().ok_or_else(|| out_of_order("items is called after begin"))?;
        let root = Meta::synthetic(FileType::Directory, 0o700, self.mark);
        let batch = |name: Vec<u8>, meta: Meta, handle: Arc<dyn ItemHandle>| ItemBatch {
            directory: ItemPath::root(),
            items: vec![Item { name, meta, handle }],
            losses: Vec::new(),
        };
        let file = batch(self.file_name.clone(), content.meta.clone(), Arc::new(StreamHandle(content)));
        Ok(Box::new(Batches(vec![file, batch(Vec::new(), root, Arc::new(NoContent))])))
    }

    fn complete(&mut self) -> Result<(), ConnectorError> {
        let Some(mut running) = self.child.take() else { return Ok(()) };
        // Nobody reads any more: a command that still writes must not wait for a reader for ever.
        let was_read = self.content.as_ref().is_none_or(|content| lock(&content.input).take().is_none());
        let text = running.text.clone();
        let status = running.child.wait();
        running.is_waited_for = true;
        let failed = |how: String| {
            ConnectorError::new(ErrorKind::Source, format!("command `{text}` {how}"))
                .with_hint("its output is not trusted, so no snapshot was made; its own messages are above")
        };
        match status {
            Ok(status) if status.success() && was_read => Ok(()),
            Ok(status) if status.success() => Err(failed("ended, but its output was not read".to_owned())),
            Ok(status) => Err(failed(match status.code() {
                Some(code) => format!("failed with exit status {code}"),
                None => format!("was ended by a signal ({status})"),
            })),
            Err(error) => Err(failed(format!("cannot be waited for: {error}"))),
        }
    }
}

/// Batches in reverse order.
struct Batches(Vec<ItemBatch>);

impl ItemStream for Batches {
    fn next_batch(&mut self) -> Result<Option<ItemBatch>, ConnectorError> {
        Ok(self.0.pop())
    }
}

struct NoContent;

impl ItemHandle for NoContent {
    fn details(&self) -> (Details, Option<ItemError>) {
        (Details::default(), None)
    }

    fn is_seekable(&self) -> bool {
        false
    }

    fn open(&self, _: u64, _: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError> {
        Err(ItemError::new(LossCause::Unreadable, "a directory has no content"))
    }
}

/// What is read once, and what is known of it.
struct Content {
    input: Mutex<Option<Input>>,
    len_bytes: AtomicU64,
    meta: Meta,
}

struct StreamHandle(Arc<Content>);

impl ItemHandle for StreamHandle {
    fn details(&self) -> (Details, Option<ItemError>) {
        (Details::default(), None)
    }

    fn is_seekable(&self) -> bool {
        false
    }

    fn open(&self, start_byte: u64, end_byte: Option<u64>) -> Result<Box<dyn ItemReader>, ItemError> {
        if start_byte != 0 || end_byte.is_some() {
            return Err(ItemError::new(LossCause::Unreadable, "a stream is read from its beginning to its end"));
        }
        let input = lock(&self.0.input).take();
        let input = input.ok_or_else(|| ItemError::new(LossCause::Unreadable, "a stream can be read once"))?;
        Ok(Box::new(StreamReader { input, content: Arc::clone(&self.0), is_begun: false }))
    }
}

struct StreamReader {
    input: Input,
    content: Arc<Content>,
    is_begun: bool,
}

impl ItemReader for StreamReader {
    fn next_extent(&mut self) -> Result<Option<Extent>, ItemError> {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        Ok(is_first.then_some(Extent::Data { len_bytes: u64::MAX }))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ItemError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.input.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ItemError::new(LossCause::Unreadable, format!("read: {error}"))),
            }
        }
        self.content.len_bytes.fetch_add(filled as u64, Ordering::Relaxed);
        Ok(filled)
    }

    fn finish(self: Box<Self>) -> Result<ReadOutcome, ItemError> {
        let len_bytes = self.content.len_bytes.load(Ordering::Relaxed);
        Ok(ReadOutcome { meta_after: Some(Meta { len_bytes, ..self.content.meta.clone() }) })
    }
}
