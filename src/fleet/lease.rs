//! The right to act for a company by turns: claimed in the database, renewed by a thread of its own, and believed no longer
//! than a clock of this machine says that never goes back and does not stand still while the machine sleeps.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{debug, warn};

use super::database::{Database, Fault};
use super::schema;
use super::settings::Settings;
use super::turns;
use crate::host::clock::since_boot;
use crate::model::ids::CompanyId;
use crate::model::permit::{Permit, Withheld};

/// The lease of the company in hand, and who renews it.
#[derive(Debug)]
pub(super) struct Lease {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    length: Duration,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    is_over: bool,
}

/// A company that this process holds, and until when, on the clock since boot.
#[derive(Clone, Debug)]
struct Held {
    company: CompanyId,
    epoch: i64,
    until: Duration,
    renew_at: Duration,
    /// Another holds it by now.
    is_lost: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The lease of this company and epoch, where it is the one in hand. Epochs are a company's own: another may have the same.
    fn of(&mut self, company: &CompanyId, epoch: i64) -> Option<&mut Held> {
        let held = self.held.as_mut();
        held.filter(|held| held.company == *company && held.epoch == epoch)
    }
}

impl Lease {
    /// Starts the thread that renews; `holder` is who claims.
    pub(super) fn new(settings: &Settings, holder: &str) -> Result<Self, Fault> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            length: settings.lease,
        });
        let database = schema::open(settings)?;
        let renewer = Renewer {
            shared: Arc::clone(&shared),
            database,
            settings: settings.clone(),
            holder: holder.to_owned(),
        };
        thread::Builder::new()
            .name("lease".to_owned())
            .spawn(move || renewer.run())
            .map_err(|error| Fault::Unexpected(format!("no thread for the lease: {error}")))?;
        Ok(Self { shared })
    }

    /// The company was claimed by a question that was sent at `began`, on the clock since boot.
    pub(super) fn hold(&self, company: &CompanyId, epoch: i64, began: Duration) {
        let length = self.shared.length;
        self.shared.state().held = Some(Held {
            company: company.clone(),
            epoch,
            until: began + length,
            renew_at: began + length / 3,
            is_lost: false,
        });
        self.shared.changed.notify_all();
    }

    /// The company is not held any more.
    pub(super) fn let_go(&self) {
        self.shared.state().held = None;
    }

    /// The database says that another holds it.
    pub(super) fn lose(&self, company: &CompanyId, epoch: i64) {
        lose(&self.shared, company, epoch);
    }

    /// For how long the company in hand may still be acted for.
    pub(super) fn left(&self) -> Duration {
        let state = self.shared.state();
        let held = state.held.as_ref().filter(|held| !held.is_lost);
        held.map_or(Duration::ZERO, |held| held.until.saturating_sub(since_boot()))
    }

    /// The right to act for the company, as long as it is held with this epoch.
    pub(super) fn permit(&self, company: &CompanyId, epoch: i64) -> Permit {
        let (shared, company) = (Arc::clone(&self.shared), company.clone());
        Permit::given_by(move || match shared.state().of(&company, epoch) {
            Some(held) if held.is_lost => Err(Withheld::Changed(format!(
                "another host of the fleet has company {company} by now"
            ))),
            Some(held) if since_boot() < held.until => Ok(()),
            Some(_) => Err(Withheld::Unlearnt(format!(
                "the lease of company {company} is over, as it could not be renewed in the fleet's database"
            ))),
            None => Err(Withheld::Changed(format!(
                "company {company} is not held any more"
            ))),
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.changed.notify_all();
    }
}

fn lose(shared: &Shared, company: &CompanyId, epoch: i64) {
    if let Some(held) = shared.state().of(company, epoch)
        && !held.is_lost
    {
        held.is_lost = true;
        warn!("another host of the fleet has claimed company {company}; leaving it alone");
    }
}

struct Renewer {
    shared: Arc<Shared>,
    database: Database,
    settings: Settings,
    holder: String,
}

impl Renewer {
    fn run(mut self) {
        while let Some(due) = self.wait_until_due() {
            // Counted from before it is sent: what comes back late was granted early.
            let began = since_boot();
            let renewed = turns::renew(
                &mut self.database,
                &self.settings,
                &self.holder,
                &due.company,
                due.epoch,
            );
            match renewed {
                Ok(true) => self.renewed(&due, began),
                Ok(false) => lose(&self.shared, &due.company, due.epoch),
                Err(fault) => {
                    warn!("the lease of company {} was not renewed: {fault}", due.company);
                    self.try_again(&due);
                }
            }
        }
    }

    fn renewed(&self, due: &Held, began: Duration) {
        let length = self.settings.lease;
        if let Some(held) = self.shared.state().of(&due.company, due.epoch) {
            held.until = began + length;
            held.renew_at = began + length / 3;
        }
        debug!("the lease of company {} was renewed", due.company);
    }

    fn try_again(&self, due: &Held) {
        let pause = (self.settings.lease / 20).clamp(Duration::from_millis(100), Duration::from_secs(2));
        if let Some(held) = self.shared.state().of(&due.company, due.epoch) {
            held.renew_at = since_boot() + pause;
        }
    }

    /// The lease that is due; nothing where nobody wants any more.
    fn wait_until_due(&self) -> Option<Held> {
        let mut state = self.shared.state();
        loop {
            if state.is_over {
                return None;
            }
            let wait = match state.held.as_ref().filter(|held| !held.is_lost) {
                Some(held) if held.renew_at <= since_boot() => return Some(held.clone()),
                // Where the machine sleeps meanwhile, the wait is longer; the permit knows.
                Some(held) => held.renew_at.saturating_sub(since_boot()),
                None => Duration::from_secs(3600),
            };
            let waited = self.shared.changed.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
