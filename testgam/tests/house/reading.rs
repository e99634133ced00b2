//! Reads Rust as far as the rules of the house ask: what is there for tests alone, which types a file defines, and which files of a
//! crate take something from which.
//!
//! The language is left to `syn`, which knows no types: a method that is called on a value of another file's type is no import.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// What a file says, but for what is there for tests alone.
#[derive(Default)]
pub struct Source {
    /// The names of the types that it defines; those that belong to a trait are none of its own.
    pub types: BTreeSet<String>,
    /// The lines that are for tests alone, counted from 1.
    tests: Vec<RangeInclusive<usize>>,
    /// The modules that it declares.
    modules: Vec<String>,
    uses: Vec<Use>,
    /// The paths of several names in its code.
    paths: Vec<Vec<String>>,
    /// All names in its code.
    said: BTreeSet<String>,
}

/// A name that a file has from elsewhere.
struct Use {
    path: Vec<String>,
    /// Whether others may have it from here.
    is_public: bool,
}

impl Source {
    /// Reads a file.
    pub fn new(text: &str) -> Source {
        let mut source = Source::default();
        source.visit_file(&syn::parse_file(text).expect("because it compiles"));
        source
    }

    /// The lines of its text that are not for tests alone.
    pub fn lines<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let is_for_tests = |line: usize| self.tests.iter().any(|lines| lines.contains(&line));
        text.lines().zip(1..).filter(|(_, line)| !is_for_tests(*line)).map(|(text, _)| text).collect()
    }

    /// Notes something that is for tests alone. Gives whether it is.
    fn leaves_out(&mut self, attributes: &[syn::Attribute], item: &impl Spanned) -> bool {
        let is_for_tests = |one: &syn::Attribute| {
            one.path().is_ident("cfg")
                && one.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
        };
        let leaves_out = attributes.iter().any(is_for_tests);
        if leaves_out {
            let span = item.span();
            self.tests.push(span.start().line..=span.end().line);
        }
        leaves_out
    }

    fn add_uses(&mut self, tree: &syn::UseTree, mut path: Vec<String>, is_public: bool) {
        match tree {
            syn::UseTree::Path(next) => {
                path.push(next.ident.to_string());
                self.add_uses(&next.tree, path, is_public);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_uses(tree, path.clone(), is_public));
            }
            syn::UseTree::Name(syn::UseName { ident })
            | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                path.extend(Some(ident.to_string()).filter(|name| name != "self"));
                self.uses.push(Use { path, is_public });
            }
            syn::UseTree::Glob(_) => self.uses.push(Use { path, is_public }),
        }
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        use syn::Item;
        let (attributes, name) = match item {
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            Item::Union(item) => (&item.attrs, Some(&item.ident)),
            Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            Item::Type(item) => (&item.attrs, Some(&item.ident)),
            Item::Const(item) => (&item.attrs, None),
            Item::Fn(item) => (&item.attrs, None),
            Item::Impl(item) => (&item.attrs, None),
            Item::Mod(item) => (&item.attrs, None),
            Item::Use(item) => (&item.attrs, None),
            _ => return visit::visit_item(self, item),
        };
        if !self.leaves_out(attributes, item) {
            self.types.extend(name.map(ToString::to_string));
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !self.leaves_out(&item.attrs, item) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        match &item.content {
            None => self.modules.push(item.ident.to_string()),
            Some(_) => visit::visit_item_mod(self, item),
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_public = !matches!(item.vis, syn::Visibility::Inherited);
        self.add_uses(&item.tree, Vec::new(), is_public);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.paths.extend(Some(names).filter(|names| names.len() > 1));
        visit::visit_path(self, path);
    }

    fn visit_ident(&mut self, name: &'ast syn::Ident) {
        self.said.insert(name.to_string());
    }

    /// What is handed to a macro is words to it alone; those that are names and paths are taken for such.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let words = call.tokens.to_string().replace(" :: ", "::");
        for run in words.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':') {
            let names: Vec<String> = run.split("::").map(str::to_owned).collect();
            self.said.extend(names.iter().cloned());
            self.paths.extend(Some(names).filter(|names| names.len() > 1));
        }
        visit::visit_macro(self, call);
    }
}

/// The files of a crate by their modules.
pub struct Crate(BTreeMap<Vec<String>, (PathBuf, Source)>);

impl Crate {
    /// Reads a crate from the file that is its root; `read` gives a file's text, if there is one.
    pub fn new(root: &Path, read: impl Fn(&Path) -> Option<String>) -> Crate {
        let folder = root.parent().unwrap_or(root);
        let mut files = BTreeMap::new();
        let mut left = vec![(Vec::new(), root.to_owned())];
        while let Some((module, path)) = left.pop() {
            let Some(text) = read(&path) else { continue };
            let source = Source::new(&text);
            for name in &source.modules {
                let child = [&module[..], std::slice::from_ref(name)].concat();
                let file = folder.join(child.join("/"));
                left.extend(
                    [file.with_extension("rs"), file.join("mod.rs")].map(|file| (child.clone(), file)),
                );
            }
            files.insert(module, (path, source));
        }
        Crate(files)
    }

    /// The files that take something from each other, circle by circle.
    pub fn circles(&self) -> Vec<Vec<&Path>> {
        let arrows: BTreeMap<&Path, BTreeSet<&Path>> = self
            .0
            .iter()
            .map(|(module, (path, source))| (&**path, self.imports(module, path, source)))
            .collect();
        let reached: BTreeMap<&Path, BTreeSet<&Path>> =
            arrows.keys().map(|file| (*file, reached(file, &arrows))).collect();
        let circle_of = |file: &Path| -> Vec<&Path> {
            reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect()
        };
        let circles: BTreeSet<Vec<&Path>> = arrows.keys().map(|file| circle_of(file)).collect();
        circles.into_iter().filter(|circle| !circle.is_empty()).collect()
    }

    /// The other files from which a file takes something.
    fn imports(&self, module: &[String], file: &Path, source: &Source) -> BTreeSet<&Path> {
        // What is only passed on is not needed here.
        let is_needed =
            |one: &&Use| !one.is_public || one.path.last().is_some_and(|name| source.said.contains(name));
        let used = source.uses.iter().filter(is_needed).map(|one| &one.path);
        let found = used.chain(&source.paths).filter_map(|path| self.defining(&self.absolute(module, path)?));
        found.filter(|other| *other != file).collect()
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
        let (file, source) = &self.0[&path[..depth]];
        let passed_on =
            path.get(depth).and_then(|name| source.uses.iter().find(|one| one.path.last() == Some(name)));
        match passed_on.and_then(|one| self.absolute(&path[..depth], &one.path)) {
            Some(from) => self.defining(&[&from[..], &path[depth + 1..]].concat()),
            None => Some(file),
        }
    }
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

mod tests {
    use super::*;

    #[test]
    fn only_items_for_tests_are_left_out() {
        let text = "struct A;\n#[cfg(test)]\nmod tests {\n    fn b() { c }\n}\nimpl A {\n    #[cfg(test)]\n    fn e(f: [u8; 3]) {}\n}\n";
        assert_eq!(Source::new(text).lines(text), ["struct A;", "impl A {", "}"]);
    }

    #[test]
    fn a_type_of_a_trait_is_none_of_the_file() {
        let text = "pub struct A;\nimpl B for A {\n    type C = u8;\n    fn f() { enum D {} }\n}\ntrait E {\n    type F;\n}\ntype G = A;";
        assert_eq!(Source::new(text).types.into_iter().collect::<Vec<_>>(), ["A", "D", "E", "G"]);
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
