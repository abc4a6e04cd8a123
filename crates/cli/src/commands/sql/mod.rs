//! `datakeep sql`: queries over snapshots, with no restore.

#[cfg(feature = "sql")]
mod ask;
#[cfg(feature = "sql")]
mod failures;
#[cfg(feature = "sql")]
mod give;
#[cfg(feature = "sql")]
mod turns;

use crate::args_sql::SqlArgs;
use crate::errors::Failure;
use crate::open::App;
use datakeep_model::ExitCode;

/// Says that this program was built without a query engine.
#[cfg(not(feature = "sql"))]
pub fn run(_: &App, _: &SqlArgs) -> Result<ExitCode, Failure> {
    use crate::words::tr;
    use datakeep_model::ErrorKind;
    let message = tr!("this program was built without SQL", "此程序构建时未包含 SQL");
    Err(Failure::new(ErrorKind::Incompatible, message).hint(tr!(
        "build it with: cargo build --release --features sql; or see rows with: datakeep rows",
        "构建时请使用：cargo build --release --features sql；也可用 datakeep rows 查看行"
    )))
}

#[cfg(feature = "sql")]
pub use with_engine::run;

#[cfg(feature = "sql")]
mod with_engine {
    use super::give::{Giver, Sink};
    use super::turns::listen_by_turns;
    use super::{App, ExitCode, Failure, SqlArgs, ask};
    use crate::time;
    use crate::words::tr;
    use datakeep_connector::{Cancel, Clock};
    use datakeep_distribute_sql::{SqlEngine, SqlOptions};
    use std::io::{IsTerminal, Read};
    use std::sync::Arc;
    use std::time::Duration;

    /// Statements longer than this are no statements.
    const MAX_TEXT_LEN_BYTES: u64 = 16 << 20;
    /// Memory for the rows that a statement holds, when nobody says anything.
    const USUAL_MEMORY_BYTES: u64 = 512 << 20;

    /// Runs it.
    pub fn run(app: &App, args: &SqlArgs) -> Result<ExitCode, Failure> {
        let options = options(app, args)?;
        let sink = Sink::new(app, args)?;
        let text = text(args)?;
        // Who asks one by one stops one, and goes on asking.
        let turns = match &text {
            Some(_) => crate::signals::listen(&app.cancel).map(|()| None)?,
            None => Some(listen_by_turns(&app.cancel)?),
        };
        let repository = Arc::new(app.open_cached()?);
        let (manifests, faults) = app.snapshots(&repository)?;
        let now = app.clock.now();
        let parse_time = Arc::new(move |text: &str| time::parse(text, now));
        let mut engine = SqlEngine::new(repository.clone(), manifests.clone(), options, parse_time)?;
        let mut giver = Giver::new(app, args, sink);
        if let Some(text) = text {
            statements(&mut engine, &mut giver, &text, &app.cancel)?;
        } else if let Some(turns) = &turns {
            ask::ask(app, &mut engine, &mut giver, turns)?;
        }
        giver.finish()?;
        app.tell_passed_damage(&repository, &manifests);
        Ok(match (app.cancel.is_cancelled(), faults) {
            (true, _) => ExitCode::CANCELLED,
            (false, 0) => ExitCode::OK,
            (false, _) => ExitCode::PARTIAL,
        })
    }

    /// Runs the statements of a text, one after the other, until one fails.
    pub(super) fn statements(
        engine: &mut SqlEngine,
        giver: &mut Giver<'_>,
        text: &str,
        cancel: &Cancel,
    ) -> Result<(), Failure> {
        let statements = engine.parse(text)?;
        giver.expect(statements.iter().filter(|statement| SqlEngine::answers(statement)).count() as u64)?;
        for statement in statements {
            if let Some(answer) = engine.run(statement, cancel)? {
                giver.give(answer)?;
            }
        }
        Ok(())
    }

    fn options(app: &App, args: &SqlArgs) -> Result<SqlOptions, Failure> {
        let memory_bytes = app.settings.memory_bytes.value.unwrap_or(USUAL_MEMORY_BYTES);
        let timeout = &args.timeout;
        let deadline_ms = time::parse_duration_ms(timeout).filter(|ms| *ms > 0).ok_or_else(|| {
            Failure::usage(tr!("--timeout {timeout}: no span of time", "--timeout {timeout}：不是有效的时长"))
                .hint(tr!("write it like 30s, 10m or 2h", "请写成 30s、10m 或 2h"))
        })?;
        Ok(SqlOptions {
            memory_bytes,
            deadline: Some(Duration::from_millis(deadline_ms)),
            threads: std::thread::available_parallelism().map_or(2, usize::from).min(16),
            snapshot: args.snapshot.clone(),
            as_of: args.as_of.clone(),
        })
    }

    /// The statements, where they do not come from a person at a terminal.
    fn text(args: &SqlArgs) -> Result<Option<String>, Failure> {
        if let Some(query) = &args.query {
            return Ok(Some(query.clone()));
        }
        let read = |from: &mut dyn Read, name: &str| {
            let mut text = String::new();
            let failed = |error| Failure::io(tr!("cannot read {name}", "无法读取 {name}"), &error);
            from.take(MAX_TEXT_LEN_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
            if text.len() as u64 > MAX_TEXT_LEN_BYTES {
                return Err(Failure::usage(tr!(
                    "{name} has more than 16 MiB: statements are shorter",
                    "{name} 超过 16 MiB：语句应更短"
                )));
            }
            Ok(Some(text))
        };
        match &args.file {
            Some(path) => {
                let name = path.display().to_string();
                let failed = |error| Failure::io(tr!("cannot read {name}", "无法读取 {name}"), &error);
                read(&mut std::fs::File::open(path).map_err(failed)?, &name)
            }
            None if std::io::stdin().is_terminal() => Ok(None),
            None => read(&mut std::io::stdin().lock(), &tr!("standard input", "标准输入")),
        }
    }
}
