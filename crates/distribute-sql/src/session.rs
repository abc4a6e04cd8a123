//! Running statements within bounds.

use crate::arithmetic::CheckArithmetic;
use crate::error::SqlError;
use crate::functions::{Diff, History};
use crate::idents::Spellings;
use crate::length::Length;
use crate::names::{Catalogue, ParseTime};
use crate::sum::Sum;
use crate::system;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, TableReference};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{FunctionRegistry, SessionStateBuilder};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{Expr, Set, Statement as Sql, Value};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datakeep_connector::Cancel;
use datakeep_store::{Manifest, Repository};
use futures::StreamExt;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

/// How often a waiting query looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);
/// How deep expressions may nest.
const MAX_DEPTH: usize = 128;
/// Operators of a statement, at most: see [`check_length`].
const MOST_OPERATORS: usize = 4000;
/// Memory that a partition should have.
const BYTES_A_PARTITION: u64 = 128 << 20;
/// Plans and expressions are walked by recursion.
const PLANNER_STACK_BYTES: usize = 256 << 20;
const WORKER_STACK_BYTES: usize = 32 << 20;

/// What a query may take.
#[derive(Clone, Debug)]
pub struct SqlOptions {
    /// Memory for rows that are held, in bytes; a query that needs more fails.
    pub memory_bytes: u64,
    /// How long a statement may take.
    pub deadline: Option<Duration>,
    /// Threads at once.
    pub threads: usize,
    /// The snapshot (or source) whose tables are meant where none is named.
    pub snapshot: Option<String>,
    /// As of when, where no time is named.
    pub as_of: Option<String>,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self { memory_bytes: 512 << 20, deadline: None, threads: 2, snapshot: None, as_of: None }
    }
}

/// Runs statements over the snapshots of a repository.
pub struct SqlEngine {
    /// Taken only when the engine goes.
    runtime: Option<Runtime>,
    environment: Arc<RuntimeEnv>,
    catalogue: Arc<Catalogue>,
    options: SqlOptions,
}

impl SqlEngine {
    /// Over these snapshots, oldest first. `parse_time` turns a time as people write it into an instant.
    pub fn new(
        repository: Arc<Repository>,
        manifests: Vec<Manifest>,
        options: SqlOptions,
        parse_time: ParseTime,
    ) -> Result<Self, SqlError> {
        let failed = |error: std::io::Error| SqlError::Engine(error.to_string());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_stack_size(WORKER_STACK_BYTES)
            .thread_name("sql")
            .enable_time()
            .build()
            .map_err(failed)?;
        let pool = GreedyMemoryPool::new(usize::try_from(options.memory_bytes).unwrap_or(usize::MAX));
        // What is spilled would be the plaintext of a backup.
        let no_files = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(no_files)
            .build_arc()?;
        let mut catalogue = Catalogue::new(repository, manifests, parse_time);
        catalogue.default.clone_from(&options.snapshot);
        catalogue.as_of.clone_from(&options.as_of);
        catalogue.max_file_bytes = options.memory_bytes / 2;
        if let Some(time) = &options.as_of {
            is_time(&catalogue, time)?;
        }
        // A name that means nothing is told at once, not by the first query.
        if let Some(name) = &options.snapshot {
            catalogue.snapshot(name)?;
        }
        Ok(Self { runtime: Some(runtime), environment, catalogue: Arc::new(catalogue), options })
    }

    /// The statements of a text.
    pub fn parse(&self, text: &str) -> Result<Vec<Statement>, SqlError> {
        let dialect = GenericDialect {};
        check_length(text, &dialect)?;
        let mut parser = DFParserBuilder::new(text).with_dialect(&dialect).with_recursion_limit(MAX_DEPTH).build()?;
        let statements: Vec<Statement> = parser.parse_statements()?.into_iter().collect();
        if statements.is_empty() { Err(SqlError::Empty) } else { Ok(statements) }
    }

    /// False for a statement that sets something.
    pub fn answers(statement: &Statement) -> bool {
        matches!(as_of(statement), Ok(None))
    }

    /// Runs a statement; nothing comes of one that sets something.
    pub fn run<'e>(&'e mut self, statement: Statement, cancel: &'e Cancel) -> Result<Option<Answer<'e>>, SqlError> {
        if let Some(time) = as_of(&statement)? {
            self.set_as_of(time)?;
            return Ok(None);
        }
        let statement = self.listing(statement)?;
        refuse_writing(&statement)?;
        let began = Instant::now();
        let (plan, state) = self.plan(statement, (began, cancel))?;
        let schema = plan.schema();
        let (batches, task) = self.start(plan, &state)?;
        Ok(Some(Answer { engine: self, schema, batches, task: Some(task), began, cancel }))
    }

    /// `SHOW TABLES` as the query it stands for.
    fn listing(&self, statement: Statement) -> Result<Statement, SqlError> {
        let Statement::Statement(inner) = &statement else { return Ok(statement) };
        if !matches!(&**inner, Sql::ShowTables { .. }) {
            return Ok(statement);
        }
        let query = "SELECT source, schema, \"table\", rows, columns, key FROM datakeep.tables ORDER BY 1, 2, 3";
        self.parse(query)?.pop().ok_or(SqlError::Empty)
    }

    /// From now on names without a time mean this one; nothing: the newest.
    fn set_as_of(&mut self, time: Option<String>) -> Result<(), SqlError> {
        let mut catalogue = Catalogue::new(
            self.catalogue.repository.clone(),
            self.catalogue.manifests.clone(),
            self.catalogue.parse_time.clone(),
        );
        catalogue.default.clone_from(&self.catalogue.default);
        catalogue.max_file_bytes = self.catalogue.max_file_bytes;
        if let Some(time) = &time {
            is_time(&catalogue, time)?;
        }
        catalogue.as_of = time;
        self.catalogue = Arc::new(catalogue);
        Ok(())
    }

    /// Names that can be completed: of tables, columns and sources.
    pub fn known_names(&self) -> Vec<String> {
        let mut names: Vec<String> = system::TABLES.iter().map(|table| format!("datakeep.{table}")).collect();
        for manifest in self.catalogue.defaults().unwrap_or_default() {
            names.push(manifest.snapshot.source.name.clone());
            let Ok(opened) = self.catalogue.open(manifest) else { continue };
            for table in &opened.tables {
                names.push(table.info.name.table.clone());
                names.extend(table.info.columns.iter().map(|column| column.name.clone()));
            }
        }
        names.sort();
        names.dedup();
        names
    }

    /// Plans apart from the caller, who does not wait for longer than a query may take: a planner folds constants and reads
    /// files. One that goes on all the same is left alone.
    fn plan(&self, statement: Statement, (began, cancel): (Instant, &Cancel)) -> Result<Planned, SqlError> {
        let (options, environment) = (self.options.clone(), self.environment.clone());
        let planner = Planner { options, environment, catalogue: self.catalogue.clone() };
        let (sender, planned) = std::sync::mpsc::channel();
        let work = move || drop(sender.send(planner.plan(statement)));
        let builder = std::thread::Builder::new().name("sql planner".into()).stack_size(PLANNER_STACK_BYTES);
        builder.spawn(work).map_err(|error| SqlError::Engine(error.to_string()))?;
        loop {
            match planned.recv_timeout(LOOK) {
                Ok(planned) => return planned.map_err(|error| self.told(error)),
                Err(RecvTimeoutError::Timeout) => self.check_bounds(began, cancel)?,
                Err(RecvTimeoutError::Disconnected) => return Err(given_up()),
            }
        }
    }

    fn check_bounds(&self, began: Instant, cancel: &Cancel) -> Result<(), SqlError> {
        if cancel.is_cancelled() {
            return Err(SqlError::Cancelled);
        }
        match self.options.deadline.filter(|limit| began.elapsed() > *limit) {
            Some(limit) => Err(SqlError::Deadline { limit }),
            None => Ok(()),
        }
    }

    /// Starts a plan; what it gives comes through the channel.
    fn start(&self, plan: Arc<dyn ExecutionPlan>, state: &SessionState) -> Result<(Batches, JoinHandle<()>), SqlError> {
        let Some(runtime) = &self.runtime else { return Err(SqlError::Cancelled) };
        let _entered = runtime.enter();
        let mut stream = execute_stream(plan, state.task_ctx()).map_err(|error| self.told(error.into()))?;
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        let task = runtime.spawn(async move {
            while let Some(batch) = stream.next().await {
                let is_over = batch.is_err();
                if sender.send(batch).await.is_err() || is_over {
                    break;
                }
            }
        });
        Ok((receiver, task))
    }

    /// An error with the bounds that this engine has.
    fn told(&self, error: SqlError) -> SqlError {
        match error {
            SqlError::Memory { detail, .. } => SqlError::Memory { limit_bytes: self.options.memory_bytes, detail },
            other => other,
        }
    }
}

/// What comes of a plan.
type Batches = Receiver<Result<RecordBatch, DataFusionError>>;

/// A plan, and what it runs in.
type Planned = (Arc<dyn ExecutionPlan>, SessionState);

/// Makes plans.
struct Planner {
    options: SqlOptions,
    environment: Arc<RuntimeEnv>,
    catalogue: Arc<Catalogue>,
}

impl Planner {
    fn state(&self) -> Result<SessionState, SqlError> {
        let mut config = SessionConfig::new()
            .with_target_partitions(partitions(&self.options))
            .with_information_schema(false)
            .with_create_default_catalog_and_schema(false)
            // No source can be called like this.
            .with_default_catalog_and_schema("\u{1}", "\u{1}");
        let options = config.options_mut();
        options.sql_parser.map_string_types_to_utf8view = false;
        options.optimizer.prefer_hash_join = true;
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(self.environment.clone())
            .with_default_features()
            .build();
        state.register_udtf("diff", Arc::new(Diff(self.catalogue.clone())));
        state.register_udtf("history", Arc::new(History(self.catalogue.clone())));
        if let Some(of_texts) = state.scalar_functions().get("length").cloned() {
            state.register_udf(Arc::new(Length::new(of_texts).into()))?;
        }
        if let Some(own) = state.aggregate_functions().get("sum").cloned() {
            state.register_udaf(Arc::new(Sum::new(own).into()))?;
        }
        state.add_analyzer_rule(Arc::new(CheckArithmetic::new()));
        state.mark_start_execution();
        Ok(state)
    }

    fn plan(&self, mut statement: Statement) -> Result<Planned, SqlError> {
        let state = self.state()?;
        let mut spellings = Spellings::default();
        for reference in state.resolve_table_references(&statement)? {
            if state.table_functions().contains_key(reference.table())
                && matches!(reference, TableReference::Bare { .. })
            {
                continue;
            }
            let table = self.catalogue.table(&reference)?;
            spellings.add(table.schema().fields().iter().map(|field| field.name()));
            register(&state, reference, table)?;
        }
        spellings.apply(&mut statement)?;
        let planned = futures::executor::block_on(async {
            let plan = state.statement_to_plan(statement).await?;
            let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
            read_only.verify_plan(&plan)?;
            let plan = state.create_physical_plan(&plan).await?;
            Ok::<_, DataFusionError>(plan)
        });
        Ok((planned?, state))
    }
}

/// Each partition holds a row group while it reads: no more of them than memory allows.
fn partitions(options: &SqlOptions) -> usize {
    let allowed = usize::try_from(options.memory_bytes / BYTES_A_PARTITION).unwrap_or(usize::MAX);
    options.threads.min(allowed).max(1)
}

fn is_time(catalogue: &Catalogue, time: &str) -> Result<(), SqlError> {
    match (catalogue.parse_time)(time) {
        Some(_) => Ok(()),
        None => Err(SqlError::Plan(format!("{time:?} is no time: write 2026-03-01 or 2026-03-01T12:00:00"))),
    }
}

/// Each operator is a level of depth to whoever plans and runs an expression, however flat it is written.
fn check_length(text: &str, dialect: &GenericDialect) -> Result<(), SqlError> {
    // What cannot be cut into words is told by the parser, with its place.
    let Ok(tokens) = Tokenizer::new(dialect, text).tokenize() else { return Ok(()) };
    let mut operators = 0;
    for token in tokens {
        match token {
            Token::SemiColon => operators = 0,
            Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod | Token::StringConcat => operators += 1,
            Token::Word(word) if matches!(word.keyword, Keyword::AND | Keyword::OR | Keyword::UNION) => operators += 1,
            _ => {}
        }
        if operators > MOST_OPERATORS {
            let most = MOST_OPERATORS;
            return Err(SqlError::Plan(format!(
                "a statement of more than {most} operators: use IN (...), or join with VALUES"
            )));
        }
    }
    Ok(())
}

/// A part of the engine gave up in the middle.
fn given_up() -> SqlError {
    SqlError::Engine("a part of it gave up in the middle; no answer is complete".to_string())
}

impl Drop for SqlEngine {
    fn drop(&mut self) {
        // A query that was left may be in the middle of a read; nobody waits for it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Puts a table where the engine looks for it.
fn register(state: &SessionState, reference: TableReference, table: Arc<dyn TableProvider>) -> Result<(), SqlError> {
    let resolved = {
        let catalog = &state.config_options().catalog;
        reference.resolve(&catalog.default_catalog, &catalog.default_schema)
    };
    let list = state.catalog_list();
    let catalog = match list.catalog(&resolved.catalog) {
        Some(catalog) => catalog,
        None => {
            let catalog: Arc<dyn CatalogProvider> = Arc::new(MemoryCatalogProvider::new());
            list.register_catalog(resolved.catalog.to_string(), catalog.clone());
            catalog
        }
    };
    let schema = match catalog.schema(&resolved.schema) {
        Some(schema) => schema,
        None => {
            catalog.register_schema(&resolved.schema, Arc::new(MemorySchemaProvider::new()))?;
            let made = catalog.schema(&resolved.schema);
            made.ok_or_else(|| SqlError::Engine(format!("schema {} cannot be made", resolved.schema)))?
        }
    };
    if !schema.table_exist(&resolved.table) {
        schema.register_table(resolved.table.to_string(), table)?;
    }
    Ok(())
}

/// The time that `SET datakeep.as_of = '...'` sets; the inner nothing for `DEFAULT` and an empty text.
fn as_of(statement: &Statement) -> Result<Option<Option<String>>, SqlError> {
    let Statement::Statement(statement) = statement else { return Ok(None) };
    let Sql::Set(Set::SingleAssignment { variable, values, .. }) = &**statement else { return Ok(None) };
    if !variable.to_string().eq_ignore_ascii_case("datakeep.as_of") {
        return Ok(None);
    }
    match values.as_slice() {
        [Expr::Value(value)] => match &value.value {
            Value::SingleQuotedString(text) if text.is_empty() => Ok(Some(None)),
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Ok(Some(Some(text.clone()))),
            Value::Null => Ok(Some(None)),
            other => Err(SqlError::Plan(format!("datakeep.as_of takes a time in quotes, not {other}"))),
        },
        [Expr::Identifier(word)] if word.value.eq_ignore_ascii_case("default") => Ok(Some(None)),
        _ => Err(SqlError::Plan("datakeep.as_of takes a time in quotes".to_string())),
    }
}

/// Only statements that read come any further; the plan is judged once more.
fn refuse_writing(statement: &Statement) -> Result<(), SqlError> {
    let refuse = |what: &str| Err(SqlError::ReadOnly { what: what.to_string() });
    match statement {
        Statement::Explain(explain) => refuse_writing(&explain.statement),
        Statement::CopyTo(_) => refuse("COPY"),
        Statement::CreateExternalTable(_) => refuse("CREATE EXTERNAL TABLE"),
        Statement::Reset(_) => refuse("RESET"),
        Statement::Statement(statement) => match &**statement {
            Sql::Query(query) if reads_only(query) => Ok(()),
            Sql::ExplainTable { .. } => Ok(()),
            Sql::Explain { statement, .. } => refuse_writing(&Statement::Statement(statement.clone())),
            other => {
                let text = other.to_string();
                let words: Vec<&str> = text.split_whitespace().take(2).collect();
                refuse(&words.join(" "))
            }
        },
    }
}

/// True for a query whose parts are queries: `INSERT` and `UPDATE` may stand in one.
fn reads_only(query: &datafusion::sql::sqlparser::ast::Query) -> bool {
    use datafusion::sql::sqlparser::ast::SetExpr;
    fn body(expr: &SetExpr) -> bool {
        match expr {
            SetExpr::Select(select) => select.into.is_none(),
            SetExpr::Query(query) => reads_only(query),
            SetExpr::SetOperation { left, right, .. } => body(left) && body(right),
            SetExpr::Values(_) | SetExpr::Table(_) => true,
            _ => false,
        }
    }
    let with = query.with.as_ref().is_none_or(|with| with.cte_tables.iter().all(|table| reads_only(&table.query)));
    with && body(&query.body)
}

/// The rows of a statement, as they come.
pub struct Answer<'e> {
    engine: &'e SqlEngine,
    schema: SchemaRef,
    batches: Batches,
    /// Until its end was looked at.
    task: Option<JoinHandle<()>>,
    began: Instant,
    cancel: &'e Cancel,
}

impl Answer<'_> {
    /// Its columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The next rows, never none; nothing at the end.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        let Some(runtime) = &self.engine.runtime else { return Err(SqlError::Cancelled) };
        loop {
            self.engine.check_bounds(self.began, self.cancel)?;
            let batches = &mut self.batches;
            match runtime.block_on(async { tokio::time::timeout(LOOK, batches.recv()).await }) {
                Err(_) => {}
                // The end, or that of whoever should have told it.
                Ok(None) => {
                    return match self.task.take().map(|task| runtime.block_on(task)) {
                        Some(Err(_)) => Err(given_up()),
                        _ => Ok(None),
                    };
                }
                Ok(Some(Ok(batch))) if batch.num_rows() == 0 => {}
                Ok(Some(batch)) => return batch.map(Some).map_err(|error| self.engine.told(error.into())),
            }
        }
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        // Nobody wants the rest.
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
