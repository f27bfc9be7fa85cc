//! A Pleo sandbox as a program: try a configuration without a Pleo account. It prints the environment that leads
//! `pleo-export` to it, then every request with its answer and every rule of the contract that was broken.
#![allow(clippy::print_stdout, reason = "printing is what this program does")]

mod server;

use std::error::Error;
use std::sync::mpsc::Receiver;

use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use server::{Job, News, Options, Sandbox, seed};

/// A Pleo of one's own: the Export API v3 on loopback, strict and with a memory.
#[derive(Parser)]
#[command(name = "sandbox")]
struct Arguments {
    /// Port of the API on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Items in each job
    #[arg(long, default_value_t = 25)]
    items: usize,
    /// Jobs that wait at the beginning
    #[arg(long, default_value_t = 1)]
    jobs: u64,
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

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let sandbox = Sandbox::start(Options {
        port: arguments.port,
        page_size_max: arguments.page_size.max(1),
        lifetime_seconds: arguments.lifetime,
        api_key: arguments.api_key.clone(),
        ..Options::default()
    });
    for number in 1..=arguments.jobs {
        // The first job of the usual size is the one that the guide describes, with its two failures.
        let is_guided = number == 1 && arguments.items == 25;
        sandbox.add_job(Job::of(if is_guided {
            seed::quickstart()
        } else {
            seed::mixed(arguments.items, number)
        }));
    }
    println!("export PLEO_BASE_URL={}", sandbox.url());
    println!("export PLEO_API_KEY={}", sandbox.api_key());
    println!("export PLEO_COMPANY_ID={}", sandbox.company());
    println!();
    println!("Waiting: {} of {} items.", jobs(arguments.jobs), arguments.items);
    println!("Next: paste the lines above into another terminal and run there: pleo-export poll");
    println!(
        "More jobs: curl -d '{{\"items\": 10, \"seed\": 7}}' {}/_sandbox/jobs",
        sandbox.url()
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

fn jobs(count: u64) -> String {
    if count == 1 {
        "1 job".to_owned()
    } else {
        format!("{count} jobs")
    }
}

fn print_news(news: Receiver<News>, quiet: bool) {
    for news in news {
        match news {
            News::BrokenRule(rule) => println!("broken rule: {rule}"),
            News::Answered(_) if quiet => {}
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
