//! A Pleo sandbox as a program: try a configuration without a Pleo account. It prints the environment that leads
//! `pleo-export` to it, then every request with its answer and every rule of the contract that was broken.
#![allow(clippy::print_stdout, reason = "printing is what this program does")]

mod server;

use std::error::Error;
use std::sync::mpsc::Receiver;

use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use server::{Job, JobFile, News, Options, Sandbox, seed};

/// A Pleo of one's own: the Export API v3 on loopback, strict and with a memory.
#[derive(Parser)]
#[command(name = "sandbox")]
struct Arguments {
    /// Port of the API on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Items in each made-up job
    #[arg(long, default_value_t = 25)]
    items: usize,
    /// Jobs that wait at the beginning: how many to make up, or a file of your own: a JSON list of export jobs in
    /// Pleo's words, each with its `items`
    #[arg(long, value_name = "NUMBER|FILE", default_value = "1", value_parser = jobs)]
    jobs: Jobs,
    /// Seconds for which a job lives after the last action on it
    #[arg(long, default_value_t = 3600)]
    lifetime: u64,
    /// Rows on a page at most
    #[arg(long, default_value_t = 50)]
    page_size: usize,
    /// API key that is taken
    #[arg(long, default_value = "sandbox-api-key")]
    api_key: String,
    /// Print broken rules only
    #[arg(long)]
    quiet: bool,
}

/// The jobs that wait at the beginning.
#[derive(Clone)]
enum Jobs {
    MadeUp(usize),
    FromFile(JobFile),
}

fn jobs(text: &str) -> Result<Jobs, String> {
    if let Ok(count) = text.parse() {
        return Ok(Jobs::MadeUp(count));
    }
    let file = std::fs::read_to_string(text).map_err(|error| format!("the file cannot be read: {error}"))?;
    let jobs = JobFile::read(&file).map_err(|error| format!("the file cannot be used: {error}"))?;
    Ok(Jobs::FromFile(jobs))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let mut options = Options {
        port: arguments.port,
        page_size_max: arguments.page_size.max(1),
        lifetime_seconds: arguments.lifetime,
        api_key: arguments.api_key.clone(),
        ..Options::default()
    };
    let (jobs, waiting) = match arguments.jobs {
        Jobs::MadeUp(count) => (
            made_up(count, arguments.items),
            format!(
                "{} of {}",
                counted(count, "job"),
                counted(arguments.items, "item")
            ),
        ),
        Jobs::FromFile(file) => {
            let (jobs, items) = (
                counted(file.jobs.len(), "job"),
                counted(file.item_count(), "item"),
            );
            options.company = file.company.unwrap_or(options.company);
            (file.jobs, format!("{jobs} from the file, {items} in all"))
        }
    };
    let oauth = options.oauth_client.clone();
    // The server itself panics over it, as tests want it.
    let port = options.port;
    std::net::TcpListener::bind(("127.0.0.1", port)).map_err(|error| {
        format!(
            "port {port} of 127.0.0.1 cannot be had: {error}; name another by --port, or 0 for a free one"
        )
    })?;
    let sandbox = Sandbox::start(options);
    for job in jobs {
        sandbox.add_job(job);
    }
    println!("export PLEO_BASE_URL={}", sandbox.url());
    println!("export PLEO_API_KEY={}", sandbox.api_key());
    println!("export PLEO_COMPANY_ID={}", sandbox.company());
    println!();
    println!("Waiting: {waiting}.");
    println!("Next: paste the lines above into another terminal and run there:");
    println!("  pleo-export check --config examples/pleo-export.toml");
    println!(
        "More jobs: curl -d '{{\"items\": 10, \"seed\": 7}}' {}/_sandbox/jobs",
        sandbox.url()
    );
    println!(
        "OAuth: client id {}, secret {}, redirect address {}",
        oauth.id,
        oauth.secret,
        oauth.redirect_uris.join(", ")
    );
    println!("State: curl {}/_sandbox/state", sandbox.url());
    println!("End: Ctrl-C");
    println!();
    let news = sandbox.watch();
    let printer = std::thread::spawn(move || print_news(news, arguments.quiet));
    signals.forever().next();
    let broken_rules = sandbox.broken_rules();
    sandbox.stop_watching();
    // The printer has nothing to fail by but a closed terminal, and then there is nobody to tell.
    let _ = printer.join();
    println!();
    println!(
        "{} requests, {} broken rules",
        sandbox.request_count(),
        broken_rules.len()
    );
    for rule in broken_rules {
        println!("  {rule}");
    }
    Ok(())
}

fn made_up(count: usize, items: usize) -> Vec<Job> {
    let job = |number: usize| {
        // The first job of the usual size is the one that the guide describes, with its two failures.
        let is_guided = number == 1 && items == 25;
        Job::of(if is_guided {
            seed::quickstart()
        } else {
            seed::mixed(items, u64::try_from(number).unwrap_or(u64::MAX))
        })
    };
    (1..=count).map(job).collect()
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn print_news(news: Receiver<News>, quiet: bool) {
    for news in news {
        match news {
            News::BrokenRule(rule) => println!("broken rule: {rule}"),
            News::Answered(_) | News::Delivered(_) if quiet => {}
            News::Delivered(delivered) => {
                let answer = delivered
                    .status
                    .map_or("nobody there".to_owned(), |status| status.to_string());
                println!("     told {} of job {}: {answer}", delivered.url, delivered.job);
            }
            News::Answered(request) => {
                let mark = if request.query.is_empty() { "" } else { "?" };
                let answer = request
                    .status
                    .map_or("no answer".to_owned(), |status| status.to_string());
                println!(
                    "{:>4} {answer} {} {}{mark}{}",
                    request.number, request.method, request.path, request.query
                );
            }
        }
    }
}
