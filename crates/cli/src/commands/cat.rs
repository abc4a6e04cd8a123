//! `datakeep cat`.

use crate::args::CatArgs;
use crate::errors::Failure;
use crate::open::App;
use crate::place;
use crate::words::tr;
use datakeep_model::{ChunkKind, ErrorKind, ExitCode, FileType};
use datakeep_store::{FrameDecoder, Part, Repository, StoreError, content_parts};

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Runs it. Bytes are proven before they are printed.
pub fn run(app: &App, args: &CatArgs) -> Result<ExitCode, Failure> {
    let repository = app.open_to_read()?;
    let (name, _) = place::split(&args.place)?;
    let (manifests, _) = app.snapshots_to_read(&repository, &name)?;
    let (manifest, place) = place::resolve(app, &repository, &manifests, &args.place)?;
    let path = &place.path;
    if place.entry.meta.file_type != FileType::File {
        let message = tr!("{path} is not a regular file", "{path} 不是普通文件");
        let kind = place.entry.meta.file_type;
        let failure = Failure::new(ErrorKind::Usage, message).detail(kind.as_str());
        return Err(match kind {
            FileType::Directory => failure.hint(tr!(
                "list it: datakeep ls, or bring it back: datakeep restore",
                "列出目录请用 datakeep ls，取回请用 datakeep restore"
            )),
            _ => failure,
        });
    }
    let mut decoder = FrameDecoder::searching()?;
    let mut written = 0;
    for part in content_parts(&repository, &place.entry.content, &mut decoder)? {
        written += part.len_bytes();
        print(app, &repository, &part, &mut decoder)?;
    }
    app.out.flush()?;
    app.tell_passed_damage(&repository, [manifest]);
    if written == place.entry.meta.len_bytes || place.entry.changed_while_read {
        return Ok(ExitCode::OK);
    }
    let (expected, found) = (format!("{} bytes", place.entry.meta.len_bytes), format!("{written} bytes"));
    Err(StoreError::damaged(path.to_string(), 0, expected, found).into())
}

fn print(app: &App, repository: &Repository, part: &Part, decoder: &mut FrameDecoder) -> Result<(), Failure> {
    match part {
        Part::Chunk(chunk) => app.out.raw(&repository.read_chunk(ChunkKind::Data, chunk, decoder)?),
        Part::Hole(len_bytes) => {
            let mut left = *len_bytes;
            while left > 0 {
                let step = left.min(ZEROS.len() as u64);
                app.out.raw(&ZEROS[..step as usize])?;
                left -= step;
            }
            Ok(())
        }
    }
}
