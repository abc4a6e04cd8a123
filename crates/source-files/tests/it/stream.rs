//! Standard input and commands.

use crate::support::{drain, options};
use datakeep_connector::{Connector, FixedClock, Source};
use datakeep_model::{ErrorKind, FileType, Mark, Timestamp};
use datakeep_source_files::StreamConnector;
use std::sync::Arc;

const NOW: Timestamp = Timestamp { seconds: 77, nanos: 7 };

fn connector() -> StreamConnector {
    StreamConnector::new().with_clock(Arc::new(FixedClock(NOW)))
}

fn command(arguments: &[&str]) -> Box<dyn Source> {
    connector().open_source(&["cmd:".to_owned()], &options(&[("command", arguments)])).unwrap()
}

/// Reads everything: the file's name, its bytes, and the length told at the end.
fn read(source: &mut dyn Source) -> (Vec<u8>, Vec<u8>, u64) {
    assert_eq!(source.begin().unwrap(), Mark::Stream(NOW));
    let mut stream = source.items().unwrap();
    let root = stream.next_batch().unwrap().unwrap();
    assert!(root.items[0].name.is_empty() && root.items[0].meta.file_type == FileType::Directory);
    let mut batch = stream.next_batch().unwrap().unwrap();
    assert!(stream.next_batch().unwrap().is_none());
    let item = batch.items.remove(0);
    assert!(!item.handle.is_seekable() && item.handle.open(1, None).is_err());
    let mut reader = item.handle.open(0, None).unwrap();
    assert!(item.handle.open(0, None).is_err());
    let bytes = drain(&mut *reader).1;
    (item.name, bytes, reader.finish().unwrap().meta_after.unwrap().len_bytes)
}

#[test]
fn standard_input_is_one_file() {
    let data: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let connector = connector().with_input(Box::new(std::io::Cursor::new(data.clone())));
    let mut source =
        connector.open_source(&["-".to_owned()], &options(&[("file-name", &["d.sql"]), ("mode", &["640"])])).unwrap();
    assert_eq!(source.info().name, "d.sql");
    let (name, bytes, len) = read(&mut *source);
    assert_eq!((name.as_slice(), len), (&b"d.sql"[..], data.len() as u64));
    assert!(bytes == data);
    source.complete().unwrap();
}

#[test]
fn a_command_runs_without_a_shell() {
    let mut source = command(&["printf", "%s;%s", "a b", "$HOME"]);
    assert_eq!((source.info().name.as_str(), source.info().location.as_str()), ("printf", "printf"));
    assert_eq!(read(&mut *source), (b"printf".to_vec(), b"a b;$HOME".to_vec(), 9));
    source.complete().unwrap();

    let mut source = command(&["true"]);
    assert_eq!(read(&mut *source).1, b"");
    source.complete().unwrap();
}

#[test]
fn a_command_that_fails_makes_no_snapshot() {
    let mut source = command(&["sh", "-c", "echo partial; exit 3"]);
    assert_eq!(read(&mut *source).1, b"partial\n");
    let error = source.complete().unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Source, "command `sh` failed with exit status 3"));

    let mut source = command(&["sh", "-c", "kill -9 $$"]);
    read(&mut *source);
    assert!(source.complete().unwrap_err().message.contains("signal"));

    let mut source = command(&["/no/such/program"]);
    assert_eq!(source.begin().unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn a_command_nobody_reads_ends() {
    let mut source = command(&["yes"]);
    source.begin().unwrap();
    drop(source);

    let mut source = command(&["yes"]);
    source.begin().unwrap();
    let stream = source.items().unwrap();
    drop(stream);
    assert_eq!(source.complete().unwrap_err().kind, ErrorKind::Source);
}

#[test]
fn wrong_words_are_refused() {
    let refuse = |location: &str, pairs: &[(&str, &[&str])]| {
        let error = connector().open_source(&[location.to_owned()], &options(pairs)).err().expect("refused");
        assert_eq!(error.kind, ErrorKind::Usage, "{location} {pairs:?}");
    };
    refuse("cmd:", &[]);
    refuse("-", &[("command", &["x"])]);
    refuse("-", &[("file-name", &["a/b"])]);
    refuse("-", &[("file-name", &[".."])]);
    refuse("-", &[("mode", &["4755"])]);
    refuse("-", &[("mode", &["rw"])]);
    refuse("-", &[("exclude", &["x"])]);
    assert!(connector().accepts("-") && connector().accepts("cmd:") && !connector().accepts("/srv"));
}
