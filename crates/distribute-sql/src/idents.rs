//! Column names without regard to upper and lower case, as most databases take them.
//!
//! The query engine turns a name that is not quoted into lower case and then wants exactly that. So a name that is not quoted and
//! fits a column of some table in upper and lower case of its own is given that spelling, before anything is planned.

use crate::error::SqlError;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr, TableFactor, VisitMut, VisitorMut};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Known spellings by the name in lower case; nothing where several tables spell it differently.
#[derive(Default)]
pub(crate) struct Spellings {
    columns: BTreeMap<String, Option<String>>,
    /// Names that the statement itself gives: they are not columns of tables.
    given: BTreeSet<String>,
}

impl Spellings {
    /// Adds the columns of a table.
    pub fn add<'n>(&mut self, names: impl Iterator<Item = &'n String>) {
        for name in names {
            let known = self.columns.entry(name.to_lowercase()).or_insert_with(|| Some(name.clone()));
            if known.as_ref() != Some(name) {
                *known = None;
            }
        }
    }

    /// Gives columns in a statement their spelling.
    pub fn apply(&mut self, statement: &mut Statement) -> Result<(), SqlError> {
        match statement {
            Statement::Statement(statement) => {
                let _ = statement.visit(&mut Given(&mut self.given));
                match statement.visit(&mut Speller(self)) {
                    ControlFlow::Break(refused) => Err(SqlError::Plan(refused)),
                    ControlFlow::Continue(()) => Ok(()),
                }
            }
            Statement::Explain(explain) => self.apply(&mut explain.statement),
            _ => Ok(()),
        }
    }

    fn spell(&self, ident: &mut Ident) {
        let lower = ident.value.to_lowercase();
        if ident.quote_style.is_some() || self.given.contains(&lower) {
            return;
        }
        if let Some(Some(name)) = self.columns.get(&lower)
            && *name != lower
        {
            ident.value.clone_from(name);
            ident.quote_style = Some('"');
        }
    }
}

/// Gathers the names that a statement gives: to values, and to columns of its common tables.
struct Given<'s>(&'s mut BTreeSet<String>);

impl Given<'_> {
    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => {
                for item in &select.projection {
                    if let SelectItem::ExprWithAlias { alias, .. } = item {
                        self.0.insert(alias.value.to_lowercase());
                    }
                }
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
            }
            // A query in brackets is visited by itself.
            _ => {}
        }
    }
}

impl VisitorMut for Given<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(tables.flat_map(|table| &table.alias.columns).map(|column| column.name.value.to_lowercase()));
        self.body(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived { alias: Some(alias), .. } = factor {
            self.0.extend(alias.columns.iter().map(|column| column.name.value.to_lowercase()));
        }
        ControlFlow::Continue(())
    }
}

struct Speller<'s>(&'s Spellings);

impl VisitorMut for Speller<'_> {
    type Break = String;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<String> {
        match factor {
            // The query engine would leave it out without a word.
            TableFactor::Table { sample: Some(_), .. } => {
                ControlFlow::Break("TABLESAMPLE is not supported: use LIMIT, or a condition".to_string())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<String> {
        match expr {
            Expr::Identifier(ident) => self.0.spell(ident),
            Expr::CompoundIdentifier(parts) => {
                if let Some(last) = parts.last_mut() {
                    self.0.spell(last);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::parser::DFParser;

    #[test]
    fn columns_get_the_spelling_of_their_table() {
        let mut spellings = Spellings::default();
        spellings.add(["CustomerId", "total", "Twice"].map(String::from).iter());
        spellings.add(["TWICE"].map(String::from).iter());
        let sql = "SELECT customerid, TOTAL, twice, o.CUSTOMERID, \"customerid\" FROM Orders AS o ORDER BY customerId";
        let mut statement = DFParser::parse_sql(sql).expect("parsed").pop_front().expect("one");
        spellings.apply(&mut statement).expect("nothing refused");
        assert_eq!(
            statement.to_string(),
            "SELECT \"CustomerId\", TOTAL, twice, o.\"CustomerId\", \"customerid\" FROM Orders AS o ORDER BY \"CustomerId\""
        );
    }

    #[test]
    fn names_that_a_statement_gives_are_left_alone() {
        let mut spellings = Spellings::default();
        spellings.add(["Total", "Name"].map(String::from).iter());
        let sql = "WITH w (name) AS (SELECT 1) SELECT id * 1 AS total, NAME FROM w ORDER BY total";
        let mut statement = DFParser::parse_sql(sql).expect("parsed").pop_front().expect("one");
        spellings.apply(&mut statement).expect("nothing refused");
        assert_eq!(statement.to_string(), sql);
    }
}
