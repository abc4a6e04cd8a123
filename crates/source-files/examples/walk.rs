//! Times the walk: `cargo run --release -p datakeep-source-files --example walk -- DIRECTORY [THREADS] [details]`.

use datakeep_connector::{Connector, Options};
use datakeep_source_files::FilesConnector;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let location = arguments.next().ok_or("name a directory")?;
    let threads = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let what = arguments.next().unwrap_or_default();
    for _ in 0..5 {
        let begun = Instant::now();
        let mut source = FilesConnector::new()
            .with_threads(threads)
            .open_source(std::slice::from_ref(&location), &Options::new())?;
        source.begin()?;
        let mut stream = source.items()?;
        let (mut items, mut losses, mut bytes, mut xattrs) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut aside = std::time::Duration::ZERO;
        while let Some(batch) = stream.next_batch()? {
            items += batch.items.len() as u64;
            losses += batch.losses.len() as u64;
            let begun = Instant::now();
            for item in &batch.items {
                bytes += item.meta.len_bytes;
                if what == "details" {
                    xattrs += item.handle.details().0.xattrs.len() as u64;
                }
            }
            aside += begun.elapsed();
        }
        let wall = begun.elapsed();
        println!("{items} items, {losses} losses, {bytes} bytes, {xattrs} xattrs: {wall:.3?} (details {aside:.3?})");
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!("{}", status.lines().filter(|line| line.starts_with("VmHWM")).collect::<String>());
    Ok(())
}
