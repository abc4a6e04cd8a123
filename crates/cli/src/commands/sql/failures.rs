//! Failed queries as people see them.

use crate::errors::Failure;
use crate::sizes;
use crate::words::tr;
use datakeep_distribute_sql::SqlError;

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        let kind = error.kind();
        match error {
            SqlError::Distribute(error) => error.into(),
            SqlError::Syntax { message, at } => {
                let place = at.map_or_else(
                    || tr!("this is no SQL", "SQL 语法错误"),
                    |(line, column)| {
                        tr!(
                            "this is no SQL, at line {line}, column {column}",
                            "SQL 语法错误，位于第 {line} 行第 {column} 列"
                        )
                    },
                );
                Self::new(kind, place).detail(message)
            }
            SqlError::ReadOnly { what } => {
                Self::new(kind, tr!("snapshots are read only: {what} is refused", "备份集是只读的：拒绝执行 {what}"))
                    .hint(tr!(
                        "query with SELECT, WITH, VALUES or EXPLAIN; put rows back with: datakeep restore",
                        "请用 SELECT、WITH、VALUES 或 EXPLAIN 查询；恢复行请用 datakeep restore"
                    ))
            }
            SqlError::Empty => Self::new(kind, tr!("there is no statement", "没有语句")).hint(tr!(
                "such as: datakeep sql 'SELECT count(*) FROM orders'",
                "例如：datakeep sql 'SELECT count(*) FROM orders'"
            )),
            SqlError::UnknownColumn { name, near, known } => {
                let hint = match near {
                    Some(near) => tr!("did you mean {near}?", "是否想输入 {near}？"),
                    None => {
                        let known: Vec<String> = known.into_iter().take(20).collect();
                        let known = known.join(", ");
                        tr!("there are: {known}; texts stand in single quotes", "现有：{known}；文本请用单引号")
                    }
                };
                Self::new(kind, tr!("there is no column {name}", "没有列 {name}")).hint(hint)
            }
            SqlError::Plan(words) => Self::new(kind, tr!("the query cannot be run", "无法执行该查询")).detail(words),
            SqlError::Value(words) => {
                Self::new(kind, tr!("the query failed at a value", "查询在处理某个值时失败")).detail(words)
            }
            SqlError::Memory { limit_bytes, detail } => {
                let limit = sizes::bytes(limit_bytes);
                let message = tr!("the query needs more memory than {limit}", "查询所需内存超过 {limit}");
                let detail = detail.lines().next().unwrap_or_default().to_string();
                Self::new(kind, message).detail(detail).hint(tr!(
                    "let it have more (--memory 2G), or ask for less: fewer columns, a condition, a LIMIT",
                    "请增加内存（--memory 2G），或减少查询内容：更少的列、加条件、LIMIT"
                ))
            }
            SqlError::Deadline { limit } => {
                let limit = crate::time::duration(limit.as_nanos() as u64);
                Self::new(kind, tr!("the query takes longer than {limit}", "查询超过了 {limit}"))
                    .hint(tr!("let it take longer: --timeout 1h", "可延长时限：--timeout 1h"))
            }
            SqlError::Cancelled => Self::new(kind, tr!("stopped on request", "已按请求停止")),
            SqlError::File { path, why } => {
                Self::new(kind, tr!("{path} cannot be read as a table", "{path} 无法作为表读取")).detail(why)
            }
            SqlError::Write(words) => Self::new(kind, tr!("cannot write the answer", "无法写出结果")).detail(words),
            SqlError::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Self::output(&error),
            SqlError::Output(error) => {
                Self::new(kind, tr!("cannot write the answer", "无法写出结果")).detail(error.to_string())
            }
            SqlError::Engine(words) => Self::new(kind, tr!("the query engine failed", "查询引擎出错")).detail(words),
        }
    }
}
