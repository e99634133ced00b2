//! `manual FOLDER`: writes what an installation keeps in `share` for those who read and type: manual pages
//! and shell completions.
//!
//! A program's page is made of its command line, which the program's crate knows, and of the sections in
//! `pages/` that follow it; fam(3) and gaminrc(5) stand there whole. Where `share` is, and what else is
//! installed, is left to `ci/install`. Invariant: the same sources give the same bytes.

mod synopsis;

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;
use clap_complete::{Generator, Shell};
use clap_mangen::Man;

use synopsis::synopsis;

/// A program that is installed.
struct Program {
    command: fn() -> Command,
    /// The section of the manual that its page stands in.
    section: &'static str,
    /// What its page says after what the command line says of the program and its options, in man(7).
    sections: &'static str,
    /// Whether it is typed, and so wants completions and a page for each of its subcommands.
    is_for_people: bool,
}

/// What stands at the foot of the programs' pages.
const SOURCE: &str = concat!("Gamin ", env!("CARGO_PKG_VERSION"));

const PROGRAMS: &[Program] = &[
    Program {
        command: gamin_server::command,
        section: "8",
        sections: include_str!("../pages/gam_server.8"),
        is_for_people: false,
    },
    Program {
        command: gamin_command::command,
        section: "1",
        sections: include_str!("../pages/gamin.1"),
        is_for_people: true,
    },
    Program {
        command: testgam::command,
        section: "1",
        sections: include_str!("../pages/testgam.1"),
        is_for_people: true,
    },
];

/// The pages that no program knows: name, text in mdoc(7).
const PAGES: &[(&str, &str)] =
    &[("fam.3", include_str!("../pages/fam.3")), ("gaminrc.5", include_str!("../pages/gaminrc.5"))];

/// Where each shell looks for completions, below `share`.
const SHELLS: &[(Shell, &str)] = &[
    (Shell::Bash, "bash-completion/completions"),
    (Shell::Fish, "fish/vendor_completions.d"),
    (Shell::Zsh, "zsh/site-functions"),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let written = match &arguments[..] {
        [folder] => write_share(Path::new(folder)),
        _ => Err(io::Error::other("usage: manual FOLDER")),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, nobody listens.
            let _ = writeln!(io::stderr(), "manual: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_share(share: &Path) -> io::Result<()> {
    for program in PROGRAMS {
        // Built, so that subcommands know what they are subcommands of.
        let mut command = (program.command)().disable_help_subcommand(true);
        command.build();
        write_page(share, &page_name(&command, program.section), &program_page(&command, program)?)?;
        if program.is_for_people {
            for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
                let name = page_name(subcommand, program.section);
                write_page(share, &name, &subcommand_page(subcommand, &command, program)?)?;
            }
            write_completions(share, &mut command)?;
        }
    }
    for (name, text) in PAGES {
        write_page(share, name, text.as_bytes())?;
        for other_name in other_names(name, text) {
            write_page(share, &other_name, format!(".so {}\n", place(name).display()).as_bytes())?;
        }
    }
    Ok(())
}

fn page_name(command: &Command, section: &str) -> String {
    format!("{}.{section}", command.get_display_name().unwrap_or_else(|| command.get_name()))
}

fn program_page(command: &Command, program: &Program) -> io::Result<Vec<u8>> {
    let mut page = command_line(command, program.section)?;
    page.extend_from_slice(program.sections.as_bytes());
    Ok(page)
}

fn subcommand_page(subcommand: &Command, command: &Command, program: &Program) -> io::Result<Vec<u8>> {
    let mut page = command_line(subcommand, program.section)?;
    if subcommand.get_after_help().is_some() {
        let mut after = Vec::new();
        Man::new(subcommand.clone()).render_extra_section(&mut after)?;
        page.extend_from_slice(String::from_utf8_lossy(&after).replace(".SH EXTRA", ".SH NOTES").as_bytes());
    }
    writeln!(page, ".SH \"SEE ALSO\"\n.BR {} ({})", command.get_name(), program.section)?;
    Ok(page)
}

/// What the command line says of itself.
fn command_line(command: &Command, section: &str) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone()).section(section);
    let mut page = Vec::new();
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    // Without a date, for nothing here knows it; clap_mangen would let the other words take its place.
    writeln!(page, ".TH {name} {section} \"\" \"{SOURCE}\" \"Gamin\"")?;
    man.render_name_section(&mut page)?;
    // Of its own making, for clap_mangen leaves out the values.
    write!(page, ".SH SYNOPSIS\n.ad l\n{}.ad\n", synopsis(command))?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    Ok(page)
}

fn write_completions(share: &Path, command: &mut Command) -> io::Result<()> {
    let name = command.get_name().to_owned();
    for (shell, folder) in SHELLS {
        let mut script = Vec::new();
        clap_complete::generate(*shell, command, &name, &mut script);
        write(&share.join(folder).join(shell.file_name(&name)), &script)?;
    }
    Ok(())
}

/// What else a page in mdoc(7) is found under: the names that open it, besides its own.
fn other_names(page: &str, text: &str) -> Vec<String> {
    let (own, section) = page.rsplit_once('.').expect("because each page has a section");
    let head = text.split(".Nd ").next().unwrap_or_default();
    let names =
        head.lines().filter_map(|line| line.strip_prefix(".Nm ")).map(|name| name.trim_end_matches(" ,"));
    names.filter(|name| *name != own).map(|name| format!("{name}.{section}")).collect()
}

fn write_page(share: &Path, page: &str, text: &[u8]) -> io::Result<()> {
    write(&share.join("man").join(place(page)), text)
}

/// The place of a page below `man`.
fn place(page: &str) -> PathBuf {
    let section = page.rsplit('.').next().unwrap_or_default();
    Path::new(&format!("man{section}")).join(page)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, bytes));
    written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
