//! What the house refers to is there: files, scenarios, tests, and the sections and defects of docs/original.md.
//!
//! Read are the pages (`*.md`), manifests and tables (`*.toml`), and the comments of everything else. Whether what is
//! said there is true is left to the reader. Invariant: each complaint has the line, what it names, and that it is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What a word ends with that is the name of a file of ours.
const ENDINGS: &[&str] =
    &[".rs", ".md", ".toml", ".tst", ".snap", ".patch", ".c", ".h", ".cpp", ".in", ".py", ".svg", ".yml"];

/// Files of the reader's own, in examples.
const EXAMPLES: &[&str] = &["foo-is-created.tst", "program.c", "src/new.rs"];

/// The page whose sections and defects are cited by number.
const ORIGINAL: &str = "docs/original.md";

/// Everything that can be referred to.
#[derive(Default)]
struct House {
    /// Files and folders, each by every end of its path: `host.rs`, `host/host.rs`, … A folder `src` is left out.
    ends: BTreeSet<String>,
    /// Files and folders by their whole paths.
    paths: BTreeSet<String>,
    /// The folders at the top, with which a path from there begins.
    tops: BTreeSet<String>,
    /// As `area/name`.
    scenarios: BTreeSet<String>,
    areas: BTreeSet<String>,
    /// Functions, scenarios and C programs.
    tests: BTreeSet<String>,
    sections: BTreeSet<String>,
    defects: BTreeSet<String>,
}

/// A file that may refer to something.
struct Text {
    path: String,
    text: String,
}

/// A word that stands in a page or a comment.
#[derive(Clone, Copy)]
struct Word<'a> {
    line: usize,
    text: &'a str,
    /// Whether a parenthesis opens right behind it, as behind the name of a function.
    is_called: bool,
}

/// Reads the house: what can be referred to, and what may refer to it.
fn read() -> (House, Vec<Text>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut house, mut texts) = (House::default(), Vec::new());
    walk(&root, "", &mut house, &mut texts);
    for text in &texts {
        house.learn(text);
    }
    (house, texts)
}

fn walk(root: &Path, folder: &str, house: &mut House, texts: &mut Vec<Text>) {
    for entry in fs::read_dir(root.join(folder)).expect("because the house is readable").flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if [".git", "target", "corpus", "artifacts"].contains(&name.as_str()) {
            continue;
        }
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        house.add(&path);
        if entry.path().is_dir() {
            if folder.is_empty() {
                house.tops.insert(path.clone());
            }
            walk(root, &path, house, texts);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            texts.push(Text { path, text });
        }
    }
}

impl House {
    /// Takes in a file or folder.
    fn add(&mut self, path: &str) {
        self.paths.insert(path.to_owned());
        let mut end = without_src(path);
        if let Some(scenario) = path.strip_prefix("tests/scenario/") {
            match (scenario.strip_suffix(".tst"), scenario.split_once('/')) {
                (Some(scenario), Some((_, name))) => {
                    self.scenarios.insert(scenario.to_owned());
                    self.tests.insert(name.trim_end_matches(".tst").to_owned());
                }
                (None, None) => _ = self.areas.insert(scenario.to_owned()),
                _ => {}
            }
        }
        if let Some(("gamin/libfam/tests/c", name)) = path.rsplit_once('/') {
            self.tests.insert(name.split('.').next().unwrap_or_default().to_owned());
        }
        self.ends.insert(end.clone());
        while let Some((_, rest)) = end.split_once('/') {
            end = rest.to_owned();
            self.ends.insert(end.clone());
        }
    }

    /// Takes in what a file has: functions, sections, defects.
    fn learn(&mut self, file: &Text) {
        let function =
            [(".rs", "fn "), (".py", "def ")].into_iter().find(|(end, _)| file.path.ends_with(end));
        if let Some((_, word)) = function {
            let name = |rest: &str| rest.split(|c: char| !is_name(c)).next().unwrap_or_default().to_owned();
            self.tests.extend(file.text.split(word).skip(1).map(name));
        }
        if file.path == ORIGINAL {
            let headings = file.text.lines().filter(|line| line.starts_with('#'));
            self.sections.extend(headings.filter_map(|line| line.split(' ').nth(1)).map(str::to_owned));
            let rows = file.text.lines().filter_map(|line| line.strip_prefix("| "));
            let first = rows.filter_map(|row| row.split(' ').next());
            self.defects.extend(first.filter(|word| is_defect(word)).map(str::to_owned));
        }
    }

    fn has_file(&self, name: &str) -> bool {
        let name = without_src(name.trim_start_matches("../").trim_start_matches("./").trim_end_matches('/'));
        self.ends.contains(&name) || (name.contains('*') && self.ends.iter().any(|end| fits(end, &name)))
    }

    fn has_scenario(&self, name: &str) -> bool {
        self.scenarios.iter().any(|scenario| fits(scenario, name))
    }
}

/// A path as it is compared: in prose the folder `src` of a crate is often left out.
fn without_src(path: &str) -> String {
    path.split('/').filter(|component| *component != "src").collect::<Vec<_>>().join("/")
}

/// Whether a path is the one that is named, in which each component may have a `*` for anything.
fn fits(path: &str, name: &str) -> bool {
    let is_like = |(component, pattern): (&str, &str)| match pattern.split_once('*') {
        None => component == pattern,
        Some((begin, end)) => component.starts_with(begin) && component.ends_with(end),
    };
    path.split('/').count() == name.split('/').count() && path.split('/').zip(name.split('/')).all(is_like)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_defect(word: &str) -> bool {
    word.strip_prefix('D').is_some_and(|number| (1..=3).contains(&number.len()) && is_number(number))
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_section(word: &str) -> bool {
    word.split_once('.').is_some_and(|(chapter, section)| is_number(chapter) && is_number(section))
}

/// What of a line people wrote for people; nothing of a kind of file that has no comments.
fn prose<'a>(path: &str, line: &'a str) -> &'a str {
    let from = |at: Option<usize>| at.map_or("", |at| &line[at..]);
    let (_, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("md" | "toml") => line,
        Some("rs") => from(line.find("//")),
        Some("c" | "h" | "cpp") if line.starts_with(" *") => line,
        Some("c" | "h" | "cpp") => from(line.find("/*")),
        Some("tst" | "py") | None if line.trim_start().starts_with('#') => line,
        _ => "",
    }
}

fn words(file: &Text) -> Vec<Word<'_>> {
    let belongs = |c: char| is_name(c) || "./*~$<>-".contains(c);
    let mut words = Vec::new();
    for (line, number) in file.text.lines().zip(1..) {
        let mut rest = prose(&file.path, line);
        while let Some(begin) = rest.find(belongs) {
            rest = &rest[begin..];
            let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
            let text = rest[..end].trim_end_matches('.');
            words.push(Word { line: number, text, is_called: rest[end..].starts_with('(') });
            rest = &rest[end..];
        }
    }
    words
}

/// Where a link of a page leads, each with its line.
fn links(file: &Text) -> Vec<(usize, &str)> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let of_line = |(line, number)| {
        let targets = str::split(line, "](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.map(move |target| (number, target))
    };
    file.text.lines().zip(1..).flat_map(of_line).filter(|(_, target)| !target.contains("://")).collect()
}

/// A heading as links call it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The path to which a link of a page leads: from `docs/protocol.md`, `../README.md` is `README.md`.
fn target(page: &str, link: &str) -> String {
    let mut components: Vec<_> = page.split('/').collect();
    components.pop();
    for component in link.split('/') {
        match component {
            ".." => _ = components.pop(),
            "." | "" => {}
            name => components.push(name),
        }
    }
    components.join("/")
}

fn missing(file: &Text, line: usize, kind: &str, name: &str) -> String {
    format!("{}:{line}: {kind} {name} is not there", file.path)
}

/// A file by its path from the top, or by as much of the end of it as one likes.
fn names_a_file(house: &House, word: &str) -> bool {
    let (first, name) = (word.split('/').next().unwrap_or(word), word.rsplit('/').next().unwrap_or(word));
    let has_ending = ENDINGS.iter().any(|ending| name.len() > ending.len() && name.ends_with(ending));
    let is_below_the_top = word.contains('/') && (first == ".." || house.tops.contains(first));
    // AREA stands for any; what begins so is a path of the system, or of the reader.
    let is_placeholder = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_elsewhere = word.starts_with(['/', '~', '$', '<']) || word.contains(['$', '<', '>']);
    (has_ending || is_below_the_top) && !is_elsewhere && !word.split('/').any(is_placeholder)
}

fn missing_files(house: &House, file: &Text) -> Vec<String> {
    let named = words(file).into_iter().filter(|word| names_a_file(house, word.text));
    let gone = named.filter(|word| !EXAMPLES.contains(&word.text) && !house.has_file(word.text));
    gone.map(|word| missing(file, word.line, "the file", word.text)).collect()
}

fn missing_links(house: &House, texts: &[Text], file: &Text) -> Vec<String> {
    let leads_somewhere = |link: &str| {
        let (page, heading) = link.split_once('#').unwrap_or((link, ""));
        let path = if page.is_empty() { file.path.clone() } else { target(&file.path, page) };
        let has_heading =
            |text: &Text| text.text.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
        let is_in_page = || texts.iter().any(|text| text.path == path && has_heading(text));
        house.paths.contains(&path) && (heading.is_empty() || is_in_page())
    };
    let dead = links(file).into_iter().filter(|(_, link)| !leads_somewhere(link));
    dead.map(|(line, link)| missing(file, line, "the target of the link", link)).collect()
}

fn missing_scenarios(house: &House, file: &Text) -> Vec<String> {
    let names_one = |word: &str| match word.split_once('/') {
        Some((area, name)) => {
            house.areas.contains(area) && !name.is_empty() && name.chars().all(|c| is_name(c) || c == '*')
        }
        None => false,
    };
    let gone = words(file).into_iter().filter(|word| names_one(word.text) && !house.has_scenario(word.text));
    gone.map(|word| missing(file, word.line, "the scenario", word.text)).collect()
}

/// Names of three words and more in a page are those of tests.
fn missing_tests(house: &House, file: &Text) -> Vec<String> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let is_lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let names_one = |word: &Word<'_>| {
        !word.is_called && word.text.matches('_').count() >= 2 && word.text.chars().all(is_lower)
    };
    let gone = words(file).into_iter().filter(|word| names_one(word) && !house.tests.contains(word.text));
    gone.map(|word| missing(file, word.line, "the test", word.text)).collect()
}

fn missing_numbers(house: &House, file: &Text) -> Vec<String> {
    let mut complaints = Vec::new();
    // Whether the words before this one cite sections of that page.
    let mut cites = false;
    for Word { line, text, .. } in words(file) {
        if cites && is_section(text) && !house.sections.contains(text) {
            complaints.push(missing(file, line, "section", &format!("{text} of {ORIGINAL}")));
        }
        if is_defect(text) && !house.defects.contains(text) {
            complaints.push(missing(file, line, "defect", &format!("{text} of {ORIGINAL}")));
        }
        // A citation may go on behind the mark of the next line's comment.
        let is_mark = text.bytes().all(|byte| b"/*#".contains(&byte));
        cites = ORIGINAL.ends_with(text) && text.ends_with(".md") || cites && (is_section(text) || is_mark);
    }
    complaints
}

/// The page's own `(4.2)`.
fn missing_numbers_of_its_own(house: &House, file: &Text) -> Vec<String> {
    let of_line = |(line, number)| {
        let cited =
            str::split(line, '(').skip(1).filter_map(|rest| rest.split_once(')')).map(|(inner, _)| inner);
        cited.filter(|inner| is_section(inner)).map(move |inner| (number, inner))
    };
    let cited = file.text.lines().zip(1..).flat_map(of_line);
    let gone = cited.filter(|(_, section)| file.path == ORIGINAL && !house.sections.contains(*section));
    gone.map(|(line, section)| missing(file, line, "section", section)).collect()
}

/// A document is cited by the name of its file, so a name in capitals with a section is one of another house.
fn foreign_documents(_: &House, file: &Text) -> Vec<String> {
    let words = words(file);
    let pairs = words.iter().zip(words.iter().skip(1));
    let is_capital = |word: &str| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let cited =
        pairs.filter(|(word, next)| word.line == next.line && is_capital(word.text) && is_section(next.text));
    cited
        .map(|(word, next)| missing(file, word.line, "the document", &format!("{} {}", word.text, next.text)))
        .collect()
}

/// Asks a question of the whole house; fails with all that is not there.
fn check(find: impl Fn(&House, &[Text], &Text) -> Vec<String>) {
    let (house, texts) = read();
    let complaints: Vec<_> = texts.iter().flat_map(|file| find(&house, &texts, file)).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_file_that_is_named_is_there() {
    check(|house, _, file| missing_files(house, file));
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    check(missing_links);
}

#[test]
fn every_scenario_that_is_named_is_there() {
    check(|house, _, file| missing_scenarios(house, file));
}

#[test]
fn every_test_that_a_page_names_is_there() {
    check(|house, _, file| missing_tests(house, file));
}

#[test]
fn every_section_and_defect_of_the_original_that_is_cited_is_there() {
    check(|house, _, file| missing_numbers(house, file));
    check(|house, _, file| missing_numbers_of_its_own(house, file));
}

#[test]
fn no_document_is_cited_that_is_not_here() {
    check(|house, _, file| foreign_documents(house, file));
}

/// The numbers of the page are in order, so each is there once and can be found.
#[test]
fn the_numbers_of_the_original_are_in_order() {
    let (_, texts) = read();
    let page = texts.iter().find(|file| file.path == ORIGINAL).expect("because it is cited");
    let number =
        |word: &str| word.split('.').map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>();
    let headings =
        page.text.lines().filter(|line| line.starts_with("##")).filter_map(|line| line.split(' ').nth(1));
    let sections: Vec<_> = headings.map(|word| number(word).ok_or(word)).collect();
    let rows = page.text.lines().filter_map(|line| line.strip_prefix("| D"));
    let defects: Vec<_> = rows.map(|row| row.split(' ').next().and_then(number).ok_or(row)).collect();
    for numbers in [sections, defects] {
        for pair in numbers.windows(2) {
            assert!(
                pair[0].is_ok() && pair[0] < pair[1],
                "{ORIGINAL}: {:?} stands before {:?}",
                pair[0],
                pair[1]
            );
        }
    }
}

/// Each kind of reference to what is not there, in each kind of text.
#[test]
fn what_is_not_there_is_found() {
    let (house, texts) = read();
    let all = |path: &str, text: &str| {
        let file = Text { path: path.into(), text: text.into() };
        let mut complaints = missing_files(&house, &file);
        complaints.extend(missing_links(&house, &texts, &file));
        complaints.extend(missing_scenarios(&house, &file));
        complaints.extend(missing_tests(&house, &file));
        complaints.extend(missing_numbers(&house, &file));
        complaints.extend(missing_numbers_of_its_own(&house, &file));
        complaints.extend(foreign_documents(&house, &file));
        complaints
    };
    let found = [
        ("docs/a.md", "`server/nowhere.rs`", "docs/a.md:1: the file server/nowhere.rs is not there"),
        ("a.rs", "let x; /\x2f ci/nothing", "a.rs:1: the file ci/nothing is not there"),
        ("docs/a.md", "\n[x](nowhere.md#y)", "docs/a.md:2: the target of the link nowhere.md#y is not there"),
        ("a.tst", "# file/nobody", "a.tst:1: the scenario file/nobody is not there"),
        ("a.md", "`nobody_wrote_this`", "a.md:1: the test nobody_wrote_this is not there"),
        ("a.c", "/* (original.md 4.2,\n * 4.99) */", "a.c:2: section 4.99 of docs/original.md is not there"),
        (ORIGINAL, "(4.99)", "docs/original.md:1: section 4.99 is not there"),
        ("ci/a", "# D999", "ci/a:1: defect D999 of docs/original.md is not there"),
        ("a.toml", "# (MANUAL 4.2)", "a.toml:1: the document MANUAL 4.2 is not there"),
    ];
    for (path, text, complaint) in found {
        assert!(all(path, text).iter().any(|line| line == complaint), "{text}: {:?}", all(path, text));
    }
    let sound = [
        (
            "docs/a.md",
            "`core/ring.rs`, `tests/scenario/AREA/x.tst`, `/etc/gamin/gaminrc`, `ci/mutants/*.patch`",
        ),
        ("docs/a.md", "[x](../README.md), [y](original.md#9-defects), file/removed_*, `handle_all_events()`"),
        ("a.rs", "\"ci/nothing\" /\x2f (original.md 4.2, 4.3; D33), 1.1 s"),
    ];
    for (path, text) in sound {
        assert_eq!(all(path, text), [""; 0], "{text}");
    }
}
