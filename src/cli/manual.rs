//! What the program writes about itself: its manual page, completions for shells.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Args;

/// The one that would be derived leaves out what the options take.
const SYNOPSIS: &str = "pleo-export [--config FILE] [--log-format text|json] [-v|-q] COMMAND";

/// The completions of a shell.
pub(super) fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "pleo-export", &mut text);
    if shell == Shell::Bash {
        // Of a name with a hyphen it makes two words of the script that never meet, so that nothing is completed behind
        // a command.
        let script = String::from_utf8_lossy(&text).replace("pleo__subcmd__export", "pleo__export");
        return script.into_bytes();
    }
    text
}

/// The manual page, of all commands.
pub(super) fn man() -> io::Result<Vec<u8>> {
    let mut command = Args::command().override_usage(SYNOPSIS);
    command.build();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    extra(&man, &mut page)?;
    man.render_version_section(&mut page)?;
    for command in command
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        let man = clap_mangen::Man::new(command.clone());
        page.extend(format!(".SH \"{}\"\n", command.get_name().to_uppercase()).as_bytes());
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if command.get_after_help().is_some() || command.get_after_long_help().is_some() {
            extra(&man, &mut page)?;
        }
    }
    Ok(page)
}

/// Tables and examples, whose columns are left as they are.
fn extra(man: &clap_mangen::Man, page: &mut Vec<u8>) -> io::Result<()> {
    let mut text = Vec::new();
    man.render_extra_section(&mut text)?;
    let text = String::from_utf8_lossy(&text).replacen(".SH EXTRA\n", ".SH EXTRA\n.nf\n", 1);
    page.extend(format!("{text}.fi\n").as_bytes());
    Ok(())
}
