//! The pages as they are installed: what they must name, and that formatters read them without a complaint.
//!
//! Whether what they say is true is left to their readers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gamin_config::{Rules, Text};
use tempfile::TempDir;

/// What the C libraries export, as programs see it.
const HEADER: &str = include_str!("../../gamin/libfam/include/fam.h");

/// What stands in a gaminrc with a meaning.
const KEYWORDS: &[&str] = &["notify", "poll", "fsset", "kernel", "none"];

/// A `share` folder with everything in it.
fn share() -> TempDir {
    let share = tempfile::tempdir().expect("because the test may write");
    let written = Command::new(env!("CARGO_BIN_EXE_manual")).arg(share.path()).output();
    let written = written.expect("because it was built");
    assert!(written.status.success(), "{written:?}");
    share
}

fn page(share: &Path, place: &str) -> String {
    let path = share.join("man").join(place);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn pages(share: &Path) -> Vec<PathBuf> {
    let sections = fs::read_dir(share.join("man")).expect("because there are pages").flatten();
    let pages = sections.flat_map(|section| fs::read_dir(section.path()).expect("because it is a folder"));
    let mut pages: Vec<_> = pages.flatten().map(|page| page.path()).collect();
    pages.sort();
    pages
}

/// What `program` has to say; `None` where it is not installed.
fn complaints(program: &str, arguments: &[&str], page: &Path) -> Option<String> {
    let said = Command::new(program).args(arguments).arg(page).env("LC_ALL", "C.UTF-8").output();
    said.ok().map(|Output { stderr, .. }| String::from_utf8_lossy(&stderr).into_owned())
}

/// The declarations of a header, each in one line without `extern`.
fn declarations(header: &str) -> Vec<String> {
    let declarations = header.split("\nextern ").skip(1).filter(|text| !text.starts_with("\"C\""));
    let until_the_end = declarations.map(|text| text.split(';').next().unwrap_or_default());
    until_the_end.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The declarations of a page in mdoc(7), written in the same way.
fn declarations_on(page: &str) -> Vec<String> {
    let mut declared = Vec::new();
    let mut result = "";
    for line in page.lines() {
        if let Some(of) = line.strip_prefix(".Ft ") {
            result = of;
        } else if let Some(function) = line.strip_prefix(".Fn ") {
            let (name, parameters) = function.split_once(' ').unwrap_or((function, ""));
            let parameters = parameters.trim_matches('"').replace("\" \"", ", ");
            declared.push(format!("{result} {name}({parameters})"));
        } else if let Some(variable) = line.strip_prefix(".Vt extern ") {
            declared.push(variable.trim_end_matches(" ;").to_owned());
        }
    }
    declared
}

#[test]
fn every_exported_symbol_is_declared_in_the_manual_as_in_the_header() {
    let share = share();
    let fam = page(share.path(), "man3/fam.3");
    let on_the_page = declarations_on(&fam);
    let in_the_header = declarations(HEADER);
    assert_eq!(in_the_header.len(), 18, "{in_the_header:#?}");
    for declaration in in_the_header {
        assert!(on_the_page.contains(&declaration), "{declaration} is not among {on_the_page:#?}");
        let is_of_name = |letter: char| letter.is_alphanumeric();
        let symbol = declaration.split('(').next().unwrap_or_default().trim_end_matches("[]");
        let symbol = symbol.rsplit(|letter| !is_of_name(letter)).next().unwrap_or_default();
        assert_eq!(page(share.path(), &format!("man3/{symbol}.3")), ".so man3/fam.3\n", "{symbol}");
    }
}

#[test]
fn every_keyword_of_the_configuration_is_explained() {
    let share = share();
    let gaminrc = page(share.path(), "man5/gaminrc.5");
    for keyword in KEYWORDS {
        let is_item = |line: &str| {
            line.starts_with(&format!(".It Ic {keyword} ")) || line == format!(".It Cm {keyword}")
        };
        assert!(gaminrc.lines().any(is_item), "{keyword}");
    }
}

#[test]
fn every_example_of_a_configuration_is_understood() {
    let share = share();
    let page = page(share.path(), "man5/gaminrc.5");
    let examples = page.split(".Bd ").skip(1).filter_map(|text| text.split(".Ed").next());
    let examples: Vec<_> =
        examples.filter_map(|text| text.split_once('\n')).map(|(_, text)| text.to_owned()).collect();
    assert_eq!(examples.len(), 2, "{examples:?}");
    let installed = include_str!("../../packaging/gaminrc");
    // Its examples are comments: without the mark they are lines.
    let lines = installed.lines().filter_map(|line| line.strip_prefix('#'));
    let uncommented: Vec<_> = lines.filter(|line| line.starts_with(char::is_alphabetic)).collect();
    assert_eq!(uncommented.len(), 3, "{uncommented:?}");
    for text in examples.into_iter().chain([installed.to_owned(), uncommented.join("\n")]) {
        let (_, mistakes) = Rules::read([Text { name: "example", text: text.as_bytes() }], None);
        assert_eq!(mistakes, [], "{text}");
    }
}

#[test]
fn every_page_that_is_referred_to_exists_or_is_the_systems() {
    let share = share();
    let pages = pages(share.path());
    let own = |name: &str| pages.iter().any(|page| page.ends_with(name));
    for name in
        ["gam_server.8", "gamin.1", "gamin-watch.1", "testgam.1", "testgam-run.1", "fam.3", "gaminrc.5"]
    {
        assert!(own(name), "{name}");
    }
    for path in &pages {
        let text = fs::read_to_string(path).expect("because it is text");
        for line in text.lines() {
            let words: Vec<_> = line.split([' ', '(', ')', ',']).collect();
            let [".BR" | ".Xr", name, rest @ ..] = &words[..] else { continue };
            let Some(section) = rest.iter().find(|word| word.parse::<u8>().is_ok()) else { continue };
            let is_ours = ["gam", "testgam", "fam", "FAM"].iter().any(|start| name.starts_with(start));
            assert!(!is_ours || own(&format!("{name}.{section}")), "{}: {name}({section})", path.display());
        }
    }
}

#[test]
fn every_value_of_an_option_stands_in_the_synopsis() {
    let share = share();
    let mut values = 0;
    for path in pages(share.path()) {
        let text = fs::read_to_string(&path).expect("because it is text");
        let (Some(synopsis), Some(options)) = (section(&text, "SYNOPSIS"), section(&text, "OPTIONS")) else {
            continue;
        };
        let of_options = options.lines().filter(|line| line.starts_with("\\fB\\-"));
        for (option, rest) in of_options.filter_map(|line| line.split_once(" \\fI<")) {
            let value = rest.split('>').next().unwrap_or_default();
            let spelling = option.rsplit(", ").next().unwrap_or_default();
            let word = format!("{spelling}\\ \\fI{value}\\fR");
            assert!(synopsis.contains(&word), "{}: {word}", path.display());
            values += 1;
        }
    }
    assert!(values > 10, "{values}");
}

/// What stands under a heading of a page in man(7).
fn section<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    page.split(".SH ").find_map(|section| section.strip_prefix(heading))
}

#[test]
fn formatters_read_every_page_without_a_complaint() {
    let share = share();
    let mut formatters = 0;
    for page in pages(share.path()) {
        if fs::read_to_string(&page).expect("because it is text").starts_with(".so ") {
            continue;
        }
        if let Some(said) = complaints("man", &["--warnings", "--local-file", "-Tutf8", "--ditroff"], &page) {
            formatters += 1;
            assert_eq!(said, "", "man: {}", page.display());
        }
        if let Some(said) = complaints("mandoc", &["-Tlint", "-Werror"], &page) {
            formatters += 1;
            assert_eq!(said, "", "mandoc: {}", page.display());
        }
    }
    if formatters == 0 {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: neither man nor mandoc is installed\n",
        );
    }
}
