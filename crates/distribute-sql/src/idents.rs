//! Column names without regard to upper and lower case, as most databases take them.
//!
//! The query engine turns a name that is not quoted into lower case and then wants exactly that. So a name that is not quoted and
//! fits a column of some table in upper and lower case of its own is given that spelling, before anything is planned.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, VisitMut, VisitorMut};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Known spellings by the name in lower case; nothing where several tables spell it differently.
#[derive(Default)]
pub(crate) struct Spellings(BTreeMap<String, Option<String>>);

impl Spellings {
    /// Adds the columns of a table.
    pub fn add<'n>(&mut self, names: impl Iterator<Item = &'n String>) {
        for name in names {
            let known = self.0.entry(name.to_lowercase()).or_insert_with(|| Some(name.clone()));
            if known.as_ref() != Some(name) {
                *known = None;
            }
        }
    }

    /// Gives columns in a statement their spelling.
    pub fn apply(&self, statement: &mut Statement) {
        match statement {
            Statement::Statement(statement) => {
                let _ = statement.visit(&mut Speller(self));
            }
            Statement::Explain(explain) => self.apply(&mut explain.statement),
            _ => {}
        }
    }

    fn spell(&self, ident: &mut Ident) {
        let lower = ident.value.to_lowercase();
        if ident.quote_style.is_some() {
            return;
        }
        if let Some(Some(name)) = self.0.get(&lower)
            && *name != lower
        {
            ident.value.clone_from(name);
            ident.quote_style = Some('"');
        }
    }
}

struct Speller<'s>(&'s Spellings);

impl VisitorMut for Speller<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
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
        spellings.apply(&mut statement);
        assert_eq!(
            statement.to_string(),
            "SELECT \"CustomerId\", TOTAL, twice, o.\"CustomerId\", \"customerid\" FROM Orders AS o ORDER BY \"CustomerId\""
        );
    }
}
