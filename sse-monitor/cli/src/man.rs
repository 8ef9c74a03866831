//! `sse man`: manual pages.

use std::{fs, io, path::Path};

use clap::CommandFactory;

use crate::{
    args::{Args, Colour},
    exit::Exit,
    print,
    tail::is_coloured,
    words::Words,
};

/// What all pages belong to.
const SOURCE: &str = concat!("sse ", env!("CARGO_PKG_VERSION"));

/// Runs the command to its end.
pub(crate) fn run(command: Option<&str>, dir: Option<&Path>) -> Exit {
    let words = Words::new(is_coloured(Colour::Auto, &io::stderr()), false);
    let mut all = Args::command();
    // So that the version stands in each of them.
    all.build();
    if let Some(dir) = dir {
        if let Err(error) = fs::create_dir_all(dir) {
            words.error(&format!("the folder {} cannot be made: {error}", dir.display()));
            return Exit::Other;
        }
        let pages = [None].into_iter().chain(names(&all).into_iter().map(Some));
        for name in pages {
            let file = name.as_ref().map_or("sse.1".into(), |name| format!("sse-{name}.1"));
            let page = page(&all, name.as_deref()).unwrap_or_default();
            if let Err(error) = fs::write(dir.join(&file), page) {
                words.error(&format!("{file} cannot be written to {}: {error}", dir.display()));
                return Exit::Other;
            }
        }
        return Exit::Done;
    }
    match page(&all, command) {
        Some(page) => print(&page),
        None => {
            let known = names(&all).join(", ");
            words.error(&format!("there is no such command; there are {known}"));
            Exit::Usage
        }
    }
}

fn names(all: &clap::Command) -> Vec<String> {
    let visible = all.get_subcommands().filter(|command| command.get_name() != "help");
    visible.map(|command| command.get_name().to_owned()).collect()
}

/// The page of a command, or of all together.
fn page(all: &clap::Command, name: Option<&str>) -> Option<Vec<u8>> {
    let command = match name {
        None => all.clone(),
        Some(name) => {
            let command = all.find_subcommand(name)?.clone();
            // As the page is called, and as the command is typed.
            command.display_name(format!("sse-{name}")).bin_name(format!("sse {name}"))
        }
    };
    let mut page = Vec::new();
    // Into memory it cannot fail.
    let _ = clap_mangen::Man::new(command).source(SOURCE).render(&mut page);
    Some(page)
}
