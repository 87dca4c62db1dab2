//! What operands mean in the light of the rest of the rule: headers, types, byte orders; and which comparisons nft adds
//! by itself and so does not show (`ip saddr` in an `inet` table implies `meta nfproto ipv4`).

mod context;
mod dependency;
mod mask;
mod matches;
mod operand;
mod payload;
mod statement;

use nfblame_sys::nft::Family;

use super::datatype::Type;
use super::statement::Stmt;
use super::tree::Tree;
use context::Context;
use dependency::Dependencies;

/// Goes through the statements of a rule in order.
pub(super) struct Resolver<'r, 'w> {
    tree: &'w mut Tree<'r>,
    /// What is shown so far; nothing where a comparison turned out to be implied.
    shown: &'w mut Vec<Option<Stmt<'r>>>,
    context: Context,
    implied: Dependencies,
    /// Inside a concatenation or a set element, where a mask belongs to the operand alone.
    in_place: bool,
}

impl<'r, 'w> Resolver<'r, 'w> {
    pub fn new(family: Family, tree: &'w mut Tree<'r>, shown: &'w mut Vec<Option<Stmt<'r>>>) -> Self {
        let implied = Dependencies::default();
        Self { tree, shown, context: Context::new(family), implied, in_place: false }
    }

    /// Resolves the next statement.
    pub fn take(&mut self, stmt: Stmt<'r>) {
        let only_compares = stmt.only_compares();
        let at = self.statement(stmt);
        if only_compares {
            self.implied.previous = at;
        } else {
            // What was compared before has to stay before what this does.
            self.implied = Dependencies::default();
        }
    }

    /// Shows a statement, and says where.
    fn show(&mut self, stmt: Stmt<'r>) -> usize {
        self.shown.push(Some(stmt));
        self.shown.len() - 1
    }
}

/// `ether type` and the like.
const ETHERTYPE: Type = Type::ETHERTYPE;
