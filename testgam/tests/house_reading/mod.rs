//! Reads Rust as far as the rules of the house ask: what is code and what is a test, which types a file defines, and which files of a
//! crate take something from which.
//!
//! It knows the words of the language and not their meaning: a method that is called on a value of another file's type is no import.
//! Invariant: what a comment, a string or a test says is not code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The text with comments, strings and characters blanked out, line for line.
pub fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_in_word = out.chars().next_back().is_some_and(is_of_word);
        let len = foreign(rest, is_in_word);
        let (taken, left) = rest.split_at(if len == 0 { first.len_utf8() } else { len });
        match len {
            0 => out.push(first),
            _ => out.extend(taken.chars().map(|c| if c == '\n' { c } else { ' ' })),
        }
        rest = left;
    }
    out
}

/// The length of the comment, string or character with which a text begins; 0 if it begins with none.
fn foreign(text: &str, is_in_word: bool) -> usize {
    let after =
        |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return after(2, "*/");
    }
    let prefix = match is_in_word {
        true => 0,
        false => text.len() - text.trim_start_matches(['b', 'c', 'r']).len(),
    };
    let (prefix_text, body) = text.split_at(prefix.min(2));
    let hashes = body.len() - body.trim_start_matches('#').len();
    if prefix_text.contains('r') && body[hashes..].starts_with('"') {
        return after(prefix_text.len() + hashes + 1, &format!("\"{}", "#".repeat(hashes)));
    }
    let quote = match body.chars().next() {
        Some(quote @ '"') => quote,
        // A lifetime has no second quote behind its first character.
        Some(quote @ '\'') if body[1..].starts_with('\\') || body[1..].chars().nth(1) == Some('\'') => quote,
        _ => return 0,
    };
    let mut is_escaped = false;
    let end = body.char_indices().skip(1).find(|(_, c)| {
        let is_end = *c == quote && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    });
    prefix_text.len() + end.map_or(body.len(), |(at, _)| at + 1)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The lines of a blanked text without the items that are there for tests only.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        let (before, item) = rest.split_at(at);
        out.push_str(before.trim_end_matches(' '));
        rest = item[item_len(item)..].strip_prefix('\n').unwrap_or_default();
    }
    out + rest
}

/// The length of the item with which a text begins, attributes and all.
fn item_len(item: &str) -> usize {
    let mut depth = 0;
    for (at, c) in item.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(c, '}' | ';') {
            return at + 1;
        }
    }
    item.len()
}

/// A piece of code up to a bracket or a semicolon, and that sign.
fn pieces(code: &str) -> impl Iterator<Item = (&str, char)> {
    code.split_inclusive(['{', '}', ';'])
        .filter_map(|piece| piece.char_indices().next_back().map(|(at, sign)| (&piece[..at], sign)))
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c| !is_of_word(c)).filter(|word| !word.is_empty())
}

/// The names of the types that the code defines; those that belong to a trait are none of its own.
pub fn types(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // Whether each block that is open belongs to a trait.
    let mut blocks = Vec::new();
    for (piece, sign) in pieces(code) {
        let has = |word| words(piece).any(|one| one == word);
        let is_own = !blocks.last().copied().unwrap_or(false);
        for (keyword, name) in words(piece).zip(words(piece).skip(1)) {
            let is_type = matches!(keyword, "struct" | "enum" | "union" | "trait");
            if (is_type || keyword == "type" && is_own) && name.starts_with(char::is_uppercase) {
                found.insert(name.to_owned());
            }
        }
        match sign {
            '{' => blocks.push((has("impl") || has("trait")) && !has("fn")),
            '}' => drop(blocks.pop()),
            _ => {}
        }
    }
    found
}

/// A file of a crate.
struct File {
    path: PathBuf,
    /// Its code, without tests and without what it has from elsewhere.
    code: String,
    uses: Vec<Use>,
}

/// A name that a file has from elsewhere.
struct Use {
    path: Vec<String>,
    /// Whether others may have it from here.
    is_public: bool,
}

/// The files of a crate by their modules.
pub struct Crate(BTreeMap<Vec<String>, File>);

impl Crate {
    /// Reads a crate from the file that is its root; `read` gives a file's text, if there is one.
    pub fn new(root: &Path, read: impl Fn(&Path) -> Option<String>) -> Crate {
        let folder = root.parent().unwrap_or(root);
        let mut files = BTreeMap::new();
        let mut left = vec![(Vec::new(), root.to_owned())];
        while let Some((module, path)) = left.pop() {
            let Some(text) = read(&path) else { continue };
            let (uses, code) = uses(&without_tests(&blanked(&text)));
            for name in pieces(&code).filter_map(|(piece, _)| declared(piece)) {
                let child = [&module[..], &[name.to_owned()]].concat();
                let file = folder.join(child.join("/"));
                left.extend(
                    [file.with_extension("rs"), file.join("mod.rs")].map(|file| (child.clone(), file)),
                );
            }
            files.insert(module, File { path, code, uses });
        }
        Crate(files)
    }

    /// The files that take something from each other, circle by circle.
    pub fn circles(&self) -> Vec<Vec<&Path>> {
        let arrows: BTreeMap<&Path, BTreeSet<&Path>> =
            self.0.iter().map(|(module, file)| (&*file.path, self.imports(module, file))).collect();
        let reached: BTreeMap<&Path, BTreeSet<&Path>> =
            arrows.keys().map(|file| (*file, reached(file, &arrows))).collect();
        let circle_of = |file: &Path| -> Vec<&Path> {
            reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect()
        };
        let circles: BTreeSet<Vec<&Path>> = arrows.keys().map(|file| circle_of(file)).collect();
        circles.into_iter().filter(|circle| !circle.is_empty()).collect()
    }

    /// The other files from which a file takes something.
    fn imports(&self, module: &[String], file: &File) -> BTreeSet<&Path> {
        let said: BTreeSet<&str> = pieces(&file.code)
            .filter(|(piece, _)| declared(piece).is_none())
            .flat_map(|(piece, _)| words(piece))
            .collect();
        // What is only passed on is not needed here.
        let is_needed =
            |one: &&Use| !one.is_public || one.path.last().is_some_and(|name| said.contains(&**name));
        let used = file.uses.iter().filter(is_needed).map(|one| one.path.clone());
        let found =
            used.chain(paths(&file.code)).filter_map(|path| self.defining(&self.absolute(module, &path)?));
        found.filter(|other| *other != file.path).collect()
    }

    /// A path from the root on, if it leads into this crate by its own words.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let parent = || module.split_last().map(|(_, parent)| parent);
        match &**first {
            "crate" => Some(rest.to_vec()),
            "self" => Some([module, rest].concat()),
            "super" if rest.first().is_some_and(|next| next == "super") => self.absolute(parent()?, rest),
            "super" => Some([parent()?, rest].concat()),
            child => {
                self.0.contains_key(&[module, &[child.to_owned()]].concat()).then(|| [module, path].concat())
            }
        }
    }

    /// The file that defines what a path from the root leads to.
    fn defining(&self, path: &[String]) -> Option<&Path> {
        let depth = (0..=path.len()).rev().find(|depth| self.0.contains_key(&path[..*depth]))?;
        let file = &self.0[&path[..depth]];
        let passed_on =
            path.get(depth).and_then(|name| file.uses.iter().find(|one| one.path.last() == Some(name)));
        match passed_on.and_then(|one| self.absolute(&path[..depth], &one.path)) {
            Some(from) => self.defining(&[&from[..], &path[depth + 1..]].concat()),
            None => Some(&file.path),
        }
    }
}

/// The module that a piece of code declares.
fn declared(piece: &str) -> Option<&str> {
    let mut words = words(piece).skip_while(|word| *word != "mod");
    words.nth(1).filter(|_| words.next().is_none())
}

/// What can be reached over one arrow or more.
fn reached<'a>(from: &Path, arrows: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeSet<&'a Path> {
    let mut found = BTreeSet::new();
    let mut left: Vec<&Path> = arrows[from].iter().copied().collect();
    while let Some(file) = left.pop() {
        if found.insert(file) {
            left.extend(&arrows[file]);
        }
    }
    found
}

/// What a blanked text has from elsewhere, and the rest of it.
fn uses(code: &str) -> (Vec<Use>, String) {
    let (mut found, mut others) = (Vec::new(), String::new());
    for statement in code.split_inclusive(';') {
        let begins = |at: &usize| !statement[..*at].ends_with(is_of_word);
        match statement.find("use ").filter(begins) {
            Some(at) => {
                let before = statement[..at].trim_end();
                let is_public = before.ends_with("pub") || before.ends_with(')');
                found.extend(leaves(&statement[at + 4..]).into_iter().map(|path| Use { path, is_public }));
                others.push_str(before);
            }
            None => others.push_str(statement),
        }
    }
    (found, others)
}

/// The paths of several names in code.
fn paths(code: &str) -> impl Iterator<Item = Vec<String>> {
    let runs = code.split(|c| !is_of_word(c) && c != ':').map(|run| run.trim_end_matches(':'));
    runs.filter(|run| run.contains("::") && !run.starts_with(':'))
        .map(|run| run.split("::").map(str::to_owned).collect())
}

/// The paths of a `use`, each to its end.
fn leaves(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim_matches(|c: char| c.is_whitespace() || c == ';');
    let (begin, rest) = tree.split_once('{').unwrap_or((tree, ""));
    let name = |tree: &str| tree.split(" as ").next().unwrap_or_default().trim().to_owned();
    let begin: Vec<String> =
        begin.split("::").map(name).filter(|name| !name.is_empty() && name != "*").collect();
    if rest.is_empty() {
        return vec![begin];
    }
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    let mut depth = 0;
    let branches = inner.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let branches = branches.filter(|branch| !branch.trim().is_empty()).flat_map(leaves);
    branches.map(|branch| [&begin[..], &branch[usize::from(branch == ["self"])..]].concat()).collect()
}

mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_characters_are_not_code() {
        let text = "a /* { */ 'b' '\\'' b\"\\\"{\" r#\"\"{\"# <'c> // {\nd 'e";
        assert_eq!(blanked(text).split_whitespace().collect::<Vec<_>>(), ["a", "<'c>", "d", "'e"]);
        assert_eq!(blanked(text).len(), text.len());
    }

    #[test]
    fn only_items_for_tests_are_left_out() {
        let code =
            "a\n#[cfg(test)]\nmod tests {\n    b { c }\n}\nd\n    #[cfg(test)]\n    fn e(f: [u8; 3]) {}\ng\n";
        assert_eq!(without_tests(code), "a\nd\ng\n");
    }

    #[test]
    fn a_type_of_a_trait_is_none_of_the_file() {
        let code = "pub struct A;\nimpl B for A {\n    type C = u8;\n    fn f() { enum D {} }\n}\ntrait E {\n    type F;\n}\ntype G = A;";
        assert_eq!(types(code).into_iter().collect::<Vec<_>>(), ["A", "D", "E", "G"]);
    }

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let find = |path: &Path| {
            files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
        };
        let found = Crate::new(Path::new("lib.rs"), find);
        let named = |circle: Vec<&Path>| {
            circle.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        found.circles().into_iter().map(named).collect()
    }

    #[test]
    fn files_that_take_from_each_other_are_a_circle() {
        let root = ("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\n");
        let a = ("a.rs", "use super::{b::{self, B}, c::C as D};\nstruct A;");
        let b = ("b.rs", "mod d;\nstruct B;\nfn f() { crate::c::g() }");
        let d = ("b/d.rs", "use super::B;\nimpl B { fn f() {} }");
        assert_eq!(circles(&[root, a, b, d, ("c.rs", "fn g() {}\nstruct C;")]), [""; 0]);
        assert_eq!(circles(&[root, a, b, d, ("c.rs", "fn g() { h::<crate::A>() }")]), ["a.rs b.rs c.rs"]);
        // A parent that uses what its child defines is in a circle with it if that is used there, too.
        assert_eq!(
            circles(&[root, a, ("b.rs", "mod d;\nfn f() { d::g(B) }\nstruct B;"), d]),
            ["b/d.rs b.rs"]
        );
        assert_eq!(
            circles(&[("lib.rs", "mod a;\npub use a::A;\nstruct B(A);"), ("a.rs", "use crate::B;")]),
            ["a.rs lib.rs"]
        );
    }
}
