//! Who keeps rules: firewalld, ufw, Docker and the others that write rulesets, told by the names they give to tables, chains and
//! sets and by the comments they leave.
//!
//! The kernel does not know who wrote a rule. These names are what the programs have used for years; whoever picks the same
//! name is taken for them.

mod find;
mod keepers;
mod sign;
mod table;

pub use find::{in_iptables, of_chain, of_rule, present};
pub use keepers::Keepers;
pub use sign::Sign;
pub use table::MANAGERS;

/// A program that keeps rules.
#[derive(Debug, PartialEq, Eq)]
pub struct Manager {
    /// What people call it.
    pub name: &'static str,
    /// How its rules are told. The sign that says most about a rule counts.
    pub signs: &'static [Sign],
    /// How its rules are changed, as a clause.
    pub change: &'static str,
    /// When it writes them again, and what others changed is gone, where that is known.
    pub again: Option<&'static str>,
}

impl Manager {
    /// May a rule let pass what its rules stop? Not where they refuse what leads nowhere.
    pub fn can_be_overruled(&self) -> bool {
        !table::ONLY_REFUSES.contains(&self.name)
    }

    /// Does it open ports that nobody has asked for?
    pub fn opens_by_itself(&self) -> bool {
        table::OPEN_BY_THEMSELVES.contains(&self.name)
    }

    /// Does it stop whoever no policy lets in, which somebody wrote for that?
    pub fn decides_by_policy(&self) -> bool {
        table::BY_POLICY.contains(&self.name)
    }

    /// Does it set the policies of the chains into which it hangs its own?
    pub fn sets_policies(&self) -> bool {
        table::SET_POLICIES.contains(&self.name)
    }
}

/// Does a manager put into this chain what it is told, in the order in which it is told?
pub fn is_in_order_of_the_user(chain: &str) -> bool {
    table::IN_ORDER_OF_THE_USER.contains(&chain)
}

/// The manager of that name.
pub fn named(name: &str) -> Option<&'static Manager> {
    MANAGERS.iter().find(|m| m.name == name)
}
