//! The five kinds of accounts, and what the ledger calls them (`option "name_assets" "Aktiver"`).
//!
//! Beancount reads each file with the options of that file alone, so every file that we write says which names differ.
//! The ledger that a person opens decides what they are.

use super::text;

/// A kind of account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Assets,
    Liabilities,
    Equity,
    Income,
    Expenses,
}

impl Root {
    const ALL: [Self; 5] = [
        Self::Assets,
        Self::Liabilities,
        Self::Equity,
        Self::Income,
        Self::Expenses,
    ];

    /// What beancount calls it where no option says otherwise.
    const fn default_name(self) -> &'static str {
        match self {
            Self::Assets => "Assets",
            Self::Liabilities => "Liabilities",
            Self::Equity => "Equity",
            Self::Income => "Income",
            Self::Expenses => "Expenses",
        }
    }

    /// The option that renames it.
    const fn option(self) -> &'static str {
        match self {
            Self::Assets => "name_assets",
            Self::Liabilities => "name_liabilities",
            Self::Equity => "name_equity",
            Self::Income => "name_income",
            Self::Expenses => "name_expenses",
        }
    }
}

/// What a ledger calls the five kinds of accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Roots {
    renamed: Vec<(Root, String)>,
}

impl Roots {
    /// Takes an option of the ledger; other options change nothing.
    pub(super) fn take_option(&mut self, option: &str, value: &str) {
        if let Some(root) = Root::ALL.into_iter().find(|root| root.option() == option) {
            self.renamed.retain(|(known, _)| *known != root);
            if value != root.default_name() {
                self.renamed.push((root, value.to_owned()));
            }
        }
    }

    /// What the ledger calls this kind.
    pub(super) fn name(&self, root: Root) -> &str {
        let renamed = self.renamed.iter().find(|(known, _)| *known == root);
        renamed.map_or(root.default_name(), |(_, name)| name)
    }

    /// The kind of an account of this ledger; `None` where its first part names none.
    pub(super) fn root_of(&self, account: &str) -> Option<Root> {
        let begins = |root: &Root| {
            let rest = account.strip_prefix(self.name(*root));
            rest.is_some_and(|rest| rest.starts_with(':'))
        };
        Root::ALL.into_iter().find(begins)
    }

    /// A name that begins with one of beancount's own words, as this ledger has it.
    pub(super) fn translate(&self, account: &str) -> String {
        match Self::default().root_of(account) {
            Some(root) => {
                let rest = account.strip_prefix(root.default_name()).unwrap_or(account);
                format!("{}{rest}", self.name(root))
            }
            None => account.to_owned(),
        }
    }

    /// The options that a file of this ledger needs, each with its value.
    pub(super) fn options(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.renamed
            .iter()
            .map(|(root, name)| (root.option(), name.as_str()))
    }

    /// Whether this ledger takes the name for an account.
    pub(super) fn takes(&self, account: &str) -> bool {
        self.root_of(account).is_some() && text::is_account_name(account)
    }

    /// The five names for a person to read.
    pub(super) fn listed(&self) -> String {
        let names: Vec<&str> = Root::ALL.iter().map(|root| self.name(*root)).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_roots_translate_what_is_ours_and_know_what_is_theirs() {
        let mut roots = Roots::default();
        for (option, name) in [
            ("name_assets", "Aktiver"),
            ("name_expenses", "Kosten"),
            ("name_expenses", "Omkostninger"),
            ("name_income", "Income"),
            ("title", "Nordlys"),
        ] {
            roots.take_option(option, name);
        }
        assert_eq!(roots.translate("Assets:Pleo:Wallet"), "Aktiver:Pleo:Wallet");
        assert_eq!(roots.translate("Income:Assets"), "Income:Assets");
        assert_eq!(roots.translate("Assetspool:A"), "Assetspool:A");
        assert_eq!(roots.root_of("Omkostninger:6800"), Some(Root::Expenses));
        assert_eq!(roots.root_of("Expenses:6800"), None);
        assert_eq!(roots.root_of("Omkostninger"), None);
        assert!(roots.takes("Aktiver:Bank") && !roots.takes("Assets:Bank"));
        assert_eq!(
            roots.options().collect::<Vec<_>>(),
            [("name_assets", "Aktiver"), ("name_expenses", "Omkostninger")]
        );
    }
}
