//! What tests and programs do with a running sandbox: add jobs, play Pleo's user or another instance, ask for faults,
//! and read what happened. None of it is visible to the client except by its effect.

use std::fmt;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Options;
use super::delivery::{self, Delivered, Manner};
use super::exchange::Request;
use super::fault::{ArmedFault, Fault, Trouble};
use super::job::{Job, JobRecord, JobState};
use super::states::{ItemStatus, JobStatus};
use super::world::{News, World};

/// What becomes of a request that a hook has seen.
pub enum Hook {
    /// It is answered as usual.
    Continue,
    /// This befalls it.
    Trouble(Trouble),
    /// It has its effect, then this is called before the answer leaves.
    AfterEffect(Box<dyn FnOnce() + Send>),
    /// It has its effect, and the answer is held back until the other end is used or dropped. Others are answered
    /// meanwhile.
    Held(oneshot::Receiver<()>),
}

impl fmt::Debug for Hook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue => formatter.write_str("Continue"),
            Self::Trouble(trouble) => formatter.debug_tuple("Trouble").field(trouble).finish(),
            Self::AfterEffect(_) => formatter.write_str("AfterEffect"),
            Self::Held(_) => formatter.write_str("Held"),
        }
    }
}

/// All that the server remembers at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot(World);

type HookFunction = Box<dyn Fn(&Request) -> Hook + Send>;

/// A handle on a sandbox. Clones speak to the same one.
#[derive(Clone)]
pub struct Control {
    world: Arc<Mutex<World>>,
    hook: Arc<Mutex<Option<HookFunction>>>,
}

impl fmt::Debug for Control {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control {
    /// The handle on a new world.
    pub(super) fn new(options: Options, receipts_url: String) -> Self {
        let world = World::new(options, receipts_url);
        Self {
            world: Arc::new(Mutex::new(world)),
            hook: Arc::default(),
        }
    }

    /// The state of the server. Nobody else gets on while it is held.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        // A test that panicked with the lock held has failed by itself; the others may go on.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the hook makes of a request.
    pub(super) fn call_hook(&self, request: &Request) -> Hook {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner);
        hook.as_ref().map_or(Hook::Continue, |hook| hook(request))
    }

    /// Drops the hook, and with it whatever it holds.
    pub(super) fn forget_hook(&self) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Adds a job and answers its id; who has subscribed is told.
    pub fn add_job(&self, job: Job) -> String {
        let id = self.world().add_job(job);
        delivery::tell(self, &id);
        id
    }

    /// Tells whoever has subscribed of a job once more, as a delivery of its own.
    pub fn tell_of(&self, job: &str) {
        delivery::tell(self, job);
    }

    /// Delivers the events of jobs in this manner from now on.
    pub fn deliver(&self, manner: Manner) {
        self.world().manner = manner;
    }

    /// Every delivery that was made, in the order in which they ended.
    pub fn deliveries(&self) -> Vec<Delivered> {
        self.world().deliveries.clone()
    }

    /// The addresses and secrets of the subscriptions that there are.
    pub fn subscriptions(&self) -> Vec<(String, String)> {
        let world = self.world();
        let there = world.subscriptions.iter().filter(|known| !known.is_deleted);
        there
            .map(|known| (known.wish.url.clone(), known.secret.clone()))
            .collect()
    }

    /// A job as it stands.
    ///
    /// # Panics
    /// When there is no such job; so do all that take a job id.
    pub fn job(&self, id: &str) -> JobState {
        let mut world = self.world();
        world.expire_jobs();
        world.job_mut(id).expect("the sandbox has this job").snapshot()
    }

    /// Every job as it stands, in the order in which they were added.
    pub fn jobs(&self) -> Vec<JobState> {
        let mut world = self.world();
        world.expire_jobs();
        world.jobs.iter().map(JobRecord::snapshot).collect()
    }

    /// Sets the state of an item, as another instance might; no client knows of it.
    ///
    /// # Panics
    /// When the job has no such item.
    pub fn set_item_status(&self, job: &str, entry: &str, status: ItemStatus) {
        let mut world = self.world();
        let job = world.job_mut(job).expect("the sandbox has this job");
        let item = job.item_mut(entry).expect("the job has this item");
        item.status = status;
        item.history.push(status);
    }

    /// Sets the state of a job, as another instance might; no client knows of it. An end abandons open items.
    pub fn set_job_status(&self, job: &str, status: JobStatus) {
        let mut world = self.world();
        let now = world.clock.now();
        let job = world.job_mut(job).expect("the sandbox has this job");
        job.last_updated_at = now;
        if status == JobStatus::InProgress {
            job.started_at = Some(now);
        }
        if status.is_ended() {
            job.completed_at = Some(now);
            job.end(status, None, None);
        } else {
            job.status = status;
        }
    }

    /// Lets a job expire now, whatever the clock says.
    pub fn expire_job(&self, job: &str) {
        let mut world = self.world();
        let now = world.clock.now();
        let job = world.job_mut(job).expect("the sandbox has this job");
        let age = now - job.last_updated_at;
        job.expire(now, age);
    }

    /// Cancels a job as its user would.
    pub fn cancel_job(&self, job: &str) {
        let mut world = self.world();
        let reason = "The export was cancelled.".to_owned();
        let job = world.job_mut(job).expect("the sandbox has this job");
        job.end(
            JobStatus::Failed,
            Some(reason),
            Some("canceled_by_user".to_owned()),
        );
    }

    /// Every rule of the contract that a client broke, in words, with the request.
    pub fn broken_rules(&self) -> Vec<String> {
        self.world().broken_rules.clone()
    }

    /// Every request to either host, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.world().requests.clone()
    }

    /// How many requests came to either host.
    pub fn request_count(&self) -> usize {
        self.world().requests.len()
    }

    /// Puts a fault in place. Where several are due at once, the one set first befalls the request.
    pub fn fault(&self, fault: Fault) {
        self.world().faults.push(ArmedFault::new(fault));
    }

    /// How many refreshes of tokens were done.
    pub fn refreshes(&self) -> usize {
        self.world().oauth.refreshes
    }

    /// Gives an access and a refresh token, as if somebody had consented. The access token is good for as long as the
    /// options say.
    pub fn grant(&self) -> (String, String) {
        let mut world = self.world();
        let seconds = world.options.oauth_client.access_token_seconds;
        let until = world.clock.now() + chrono::TimeDelta::seconds(seconds);
        let scope = world.options.scopes.join(" ");
        world.oauth.grant(&scope, until)
    }

    /// The tokens that are good now, access and refresh.
    pub fn live_tokens(&self) -> Vec<(String, String)> {
        self.world().oauth.live()
    }

    /// Ends every access token; the refresh tokens stay good.
    pub fn expire_access_tokens(&self) {
        let mut world = self.world();
        let now = world.clock.now();
        world.oauth.expire_access(now);
    }

    /// Uses every code of a consent that was not used yet, as a thief might.
    pub fn use_up_codes(&self) {
        let mut world = self.world();
        let now = world.clock.now();
        world.oauth.use_up_codes(now);
    }

    /// Takes every consent back, as a person in Pleo might.
    pub fn revoke_all(&self) {
        self.world().oauth.void_all();
    }

    /// Changes what the server is set up with.
    pub fn change_options(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.world().options);
    }

    /// The state of the installation; empty when there is none.
    pub fn installation_status(&self) -> String {
        self.world().options.installation_status.clone()
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Moves the server's clock ahead.
    pub fn advance_clock(&self, duration: Duration) {
        self.world().clock.advance(duration);
    }

    /// All that the server remembers, to go back to.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.world().clone())
    }

    /// Goes back to an earlier moment, as if nothing had been asked since.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.world().clone_from(&snapshot.0);
    }

    /// Calls `hook` with every request before it has any effect, on the server's thread: nothing else is answered
    /// meanwhile. It may use a [`Control`], but not set another hook. A new hook replaces the old one.
    pub fn on_request(&self, hook: impl Fn(&Request) -> Hook + Send + 'static) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
    }

    /// Adds a file to the host of receipts and answers an address for 24 hours. In a payload's `files` the address is
    /// made fresh whenever the item is fetched.
    pub fn add_receipt(&self, bytes: Vec<u8>, content_type: &str) -> String {
        let mut world = self.world();
        let now = world.clock.now();
        world.receipts.add(bytes, content_type, now)
    }

    /// What happens from now on, as it happens.
    pub fn watch(&self) -> Receiver<News> {
        let (sender, receiver) = channel();
        self.world().watchers.push(sender);
        receiver
    }

    /// Ends every watch.
    pub fn stop_watching(&self) {
        self.world().watchers.clear();
    }
}
