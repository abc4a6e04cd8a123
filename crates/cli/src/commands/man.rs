//! `datakeep man`.

use crate::args_around::ManArgs;
use crate::errors::Failure;
use crate::help;
use crate::open::App;
use crate::words::tr;
use clap::Command;
use clap_mangen::Man;
use datakeep_model::ExitCode;
use std::path::Path;

/// Runs it.
pub fn run(app: &App, args: &ManArgs) -> Result<ExitCode, Failure> {
    let mut command = help::command();
    command.build();
    match &args.dir {
        None => app.out.raw(&page(&command, "datakeep")?)?,
        Some(directory) => {
            let shown = directory.display();
            let failed = |error: std::io::Error| {
                Failure::io(tr!("cannot write pages to {shown}", "无法将手册页写入 {shown}"), &error)
            };
            std::fs::create_dir_all(directory).map_err(failed)?;
            let count = write_all(&command, "datakeep", directory)?;
            app.out.say(tr!("wrote {count} pages to {shown}", "已将 {count} 个手册页写入 {shown}"))?;
        }
    }
    Ok(ExitCode::OK)
}

fn page(command: &Command, name: &str) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let command = command.clone().display_name(name.to_string());
    Man::new(command).title(name).render(&mut text).map_err(|error| Failure::output(&error))?;
    Ok(text)
}

fn write_all(command: &Command, name: &str, directory: &Path) -> Result<usize, Failure> {
    let path = directory.join(format!("{name}.1"));
    let shown = path.display();
    std::fs::write(&path, page(command, name)?)
        .map_err(|error| Failure::io(tr!("cannot write {shown}", "无法写入 {shown}"), &error))?;
    let mut count = 1;
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        count += write_all(verb, &format!("{name}-{}", verb.get_name()), directory)?;
    }
    Ok(count)
}
