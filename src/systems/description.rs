//! What an accounting system says of itself: what it is, and what it can do.

use crate::model::verdict::in_command;

/// What a system is and can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name, as people call it.
    pub name: String,
    /// Which books exactly: the checkpoint belongs to them.
    pub target: String,
    /// The same books as a checkpoint may name them that was made when the settings said less.
    pub former_target: Option<String>,
    /// How far booking the same key twice is safe.
    pub create: Create,
    /// Vendor bills and payments.
    pub payables: bool,
    /// It has a register of vendors, which says who is one.
    pub keeps_vendors: bool,
    /// What receipts it takes; `None` where it takes none.
    pub attachments: Option<AttachmentLimits>,
    /// Who computes tax: itself, or we post it.
    pub computes_tax: bool,
    /// How an entry is taken back.
    pub taking_back: TakingBack,
}

/// How an entry is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakingBack {
    /// The system does it where it is asked to.
    OnRequest,
    /// A person does it there.
    ByHand,
}

/// What a job may ask for and not every system can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Keeping vendor bills and their payments.
    VendorBills,
    /// Keeping receipts that are required.
    Receipts,
    /// Taking entries back.
    Reversals,
}

/// What to set where a system cannot keep receipts.
pub const RECEIPTS_REMEDY: &str = "set `attachments` under [bookkeeping] to \"best_effort\" or \"none\"";

impl Description {
    /// That the system lacks an ability, as a clause; `None` where it has it.
    pub fn lack(&self, ability: Ability) -> Option<String> {
        let (is_there, what) = match ability {
            Ability::VendorBills => (self.payables, "keep vendor bills"),
            Ability::Receipts => (
                self.attachments.is_some(),
                "keep receipts, but receipts are required",
            ),
            Ability::Reversals => (self.taking_back == TakingBack::OnRequest, "take entries back"),
        };
        (!is_there).then(|| format!("{} cannot {what}", self.name))
    }

    /// How an entry is taken back, as a clause that begins with a verb.
    pub fn how_to_take_back(&self, number: &str) -> String {
        let number = in_command(number);
        match self.lack(Ability::Reversals) {
            None => format!("run `pleo-export reverse {number}`"),
            Some(_) => format!("reverse {number} in {} by hand, all of its documents", self.name),
        }
    }
}

/// How far booking the same key twice is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// The system refuses a second record of the same key.
    Unique,
    /// The books are locked from look-up to write.
    Exclusive,
    /// It can only be searched: a lost answer cannot be tried again.
    Search,
}

impl Create {
    /// Whether a lost answer may simply be tried again.
    pub const fn is_repeatable(self) -> bool {
        matches!(self, Self::Unique | Self::Exclusive)
    }
}

/// What receipts a system takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentLimits {
    /// The largest file, in bytes.
    pub largest: u64,
}
