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
    let mut all = Args::command().disable_help_subcommand(true);
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
    all.get_subcommands().map(|command| command.get_name().to_owned()).collect()
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
    let after = command.get_after_long_help().or(command.get_after_help());
    let after = after.map(ToString::to_string).unwrap_or_default();
    let has_commands = command.has_subcommands();
    // Into memory it cannot fail.
    Some(rendered(command, has_commands, &after).unwrap_or_default())
}

fn rendered(command: clap::Command, has_commands: bool, after: &str) -> io::Result<Vec<u8>> {
    let man = clap_mangen::Man::new(command).source(SOURCE);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    page.extend_from_slice(sections(after).as_bytes());
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// What is longer is a sentence.
const LONGEST_HEADING: usize = 24;

/// What stands after the options, in roff: a short line that ends with a colon begins a section where what stands
/// apart follows, which is printed as it is; paragraphs are filled.
fn sections(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    let (mut is_apart, mut has_section) = (false, false);
    while let Some(line) = lines.next() {
        let next_is_apart = lines.peek().is_some_and(|next| next.starts_with(' '));
        if line.is_empty() {
            // Between two parts of what stands apart it is a part of it.
            out.push_str(if is_apart && next_is_apart { "\n" } else { "" });
            continue;
        }
        if line.starts_with(' ') != is_apart {
            is_apart = !is_apart;
            out.push_str(if is_apart { ".nf\n.in 0\n" } else { ".in\n.fi\n" });
        }
        let begins = !is_apart && next_is_apart && line.len() <= LONGEST_HEADING;
        match line.strip_suffix(':').filter(|_| begins) {
            Some(heading) => out.push_str(&format!(".SH {}\n", roff(&heading.to_uppercase()))),
            None if is_apart => out.push_str(&format!("{}\n", roff(line))),
            None => {
                let before = if has_section { ".PP" } else { ".SH NOTES" };
                out.push_str(&format!("{before}\n{}\n", roff(line)));
            }
        }
        has_section = true;
    }
    if is_apart {
        out.push_str(".in\n.fi\n");
    }
    out
}

/// A line that roff prints as it is, with hyphens that are found again.
fn roff(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    // At its beginning these would be a request.
    let is_request = line.starts_with(['.', '\'']);
    if is_request { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_apart_in_a_help_stands_apart_in_its_page() {
        let text = "It runs on,\n\nExamples:\n  One:\n    sse a \\\n      -b\n\n  .two\n\nThe end.";
        assert_eq!(
            sections(text),
            ".SH NOTES\nIt runs on,\n.SH EXAMPLES\n.nf\n.in 0\n  One:\n    sse a \\e\n      \\-b\n\n  .two\n\
             .in\n.fi\n.PP\nThe end.\n"
        );
        assert_eq!(roff(".a"), "\\&.a");
    }

    #[test]
    fn no_page_names_one_that_is_not_made() {
        let mut all = Args::command().disable_help_subcommand(true);
        all.build();
        let names = names(&all);
        let page = String::from_utf8(page(&all, None).unwrap()).unwrap();
        let named =
            page.lines().filter_map(|line| line.strip_prefix("sse\\-")?.strip_suffix("(1)"));
        assert_eq!(named.collect::<Vec<_>>(), names);
        assert!(page.contains(".SH EXIT STATUS\n.nf") && !page.contains("EXTRA"), "{page}");
    }
}
