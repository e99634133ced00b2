//! The house keeps its own rules: arrows between crates and between files, headers of files, size of files, names of types.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::reading::{Crate, Source};

/// The most lines that a source file may have, tests left out, and `tests.rs` files too.
const LINES_MAX: usize = 500;

/// Which crate may know which other.
const ARROWS: &[(&str, &[&str])] = &[
    ("gamin-protocol", &[]),
    ("gamin-meeting", &["gamin-protocol"]),
    ("gamin-engine", &["gamin-protocol"]),
    ("gamin-backend", &["gamin-engine"]),
    ("gamin-linux", &["gamin-backend", "gamin-engine"]),
    ("gamin-config", &["gamin-backend", "gamin-engine"]),
    ("gamin-core", &["gamin-backend", "gamin-config", "gamin-engine", "gamin-protocol"]),
    ("gamin-trace", &[]),
    ("gamin-host", &["gamin-backend", "gamin-config", "gamin-core", "gamin-engine", "gamin-linux"]),
    (
        "gamin-server",
        &["gamin-core", "gamin-engine", "gamin-host", "gamin-linux", "gamin-meeting", "gamin-trace"],
    ),
    ("gamin", &["gamin-host", "gamin-meeting", "gamin-protocol"]),
    ("gamin-follow", &["gamin"]),
    ("gamin-command", &["gamin", "gamin-follow", "gamin-meeting", "gamin-trace"]),
    ("gamin-libfam", &["gamin", "gamin-trace"]),
    ("gamin-python", &["gamin", "gamin-follow", "gamin-trace"]),
    ("libfam", &["gamin-libfam"]),
    ("libgamin-1", &["gamin-libfam"]),
    ("testgam-language", &["gamin", "gamin-engine"]),
    ("testgam-worlds", &["gamin", "gamin-backend", "gamin-core", "gamin-linux", "testgam-language"]),
    ("testgam", &["gamin", "gamin-server", "gamin-trace", "testgam-language", "testgam-worlds"]),
    (
        "gamin-fuzz",
        &[
            "gamin",
            "gamin-config",
            "gamin-core",
            "gamin-engine",
            "gamin-linux",
            "gamin-protocol",
            "testgam-language",
        ],
    ),
    ("gamin-manual", &["gamin-command", "gamin-server", "testgam"]),
];

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("because the workspace is there")
}

fn files_below(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("because the house is readable").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                files_below(&path, ending, found);
            }
        } else if name.as_encoded_bytes().ends_with(ending.as_bytes()) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let house = house();
    let mut paths = Vec::new();
    files_below(&house, ".rs", &mut paths);
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(&house).unwrap_or(path).display().to_string();
    paths.iter().map(|path| (relative(path), fs::read_to_string(path).expect("because it is text"))).collect()
}

/// The crates of the house that a manifest names in `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<&str> {
    let section = manifest.split("\n[").find(|section| section.starts_with("dependencies]")).unwrap_or("");
    let names = section.lines().skip(1).filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| ARROWS.iter().any(|(known, _)| known == name)).collect()
}

/// The crates that run on no system in particular, and what of one they must not know.
const PURE: [&str; 4] = ["protocol", "engine", "backend", "core"];
const SYSTEM: [&str; 6] = ["nix", "libc", "inotify", "mio", "gamin-linux", "gamin-meeting"];

#[test]
fn what_is_pure_knows_no_system() {
    for name in PURE {
        let manifest = house().join("gamin").join(name).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("because it is text");
        let section =
            manifest.split("\n[").find(|section| section.starts_with("dependencies]")).unwrap_or("");
        for system in SYSTEM {
            assert!(
                !section.lines().any(|line| line.starts_with(system)),
                "gamin/{name} must not know {system}"
            );
        }
    }
}

#[test]
fn arrows_point_the_way_the_architecture_says() {
    let mut manifests = Vec::new();
    files_below(&house(), "Cargo.toml", &mut manifests);
    let mut seen = BTreeMap::new();
    for path in manifests {
        let manifest = fs::read_to_string(&path).expect("because it is text");
        let Some((_, rest)) = manifest.split_once("name = \"") else { continue };
        let name = rest.split('"').next().unwrap_or_default().to_owned();
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            panic!("{name} has no place in ARROWS: say what it may know");
        };
        for dependency in dependencies(&manifest) {
            assert!(allowed.contains(&dependency), "{name} must not know {dependency}");
        }
        seen.insert(name, path);
    }
    assert_eq!(seen.len(), ARROWS.len(), "every crate was seen: {seen:?}");
}

/// What the picture of the house calls a crate; the two names of the C library are one there.
fn in_the_picture(name: &str) -> Option<&str> {
    match name {
        "gamin" => Some("client"),
        "libfam" | "libgamin-1" => None,
        name => Some(name.split_once('-').map_or(name, |(_, last)| last)),
    }
}

#[test]
fn the_picture_of_the_house_shows_its_arrows() {
    let text = fs::read_to_string(house().join("docs/pictures/house.dot")).expect("because it is text");
    let arrows = text.lines().filter_map(|line| line.split_once(" -> "));
    let drawn: BTreeMap<&str, BTreeSet<&str>> = arrows
        .map(|(from, to)| (from.trim(), to.split([' ', '{', '}']).filter(|name| !name.is_empty()).collect()))
        .collect();
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ARROWS
        .iter()
        .filter(|(_, to)| !to.is_empty())
        .filter_map(|(from, to)| {
            Some((in_the_picture(from)?, to.iter().filter_map(|name| in_the_picture(name)).collect()))
        })
        .collect();
    assert_eq!(drawn, allowed, "docs/pictures/house.dot; `ci/pictures` draws it anew");
}

#[test]
fn every_file_says_what_it_is() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{path} does not open with a //! header");
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for (path, text) in sources() {
        let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
        let lines = Source::new(&text).lines(&text).len();
        assert!(is_test || lines <= LINES_MAX, "{path} has more than {LINES_MAX} lines");
    }
}

/// How many lines in a row make a twin.
const TWIN_LINES: usize = 6;

/// What histories prove is what ships only as long as the simulated world has nothing of it a second time.
#[test]
fn the_simulated_world_repeats_nothing_of_what_ships() {
    let mut shipped: BTreeMap<String, String> = BTreeMap::new();
    let mut model = Vec::new();
    for (path, text) in sources() {
        let lines = Source::new(&text).lines(&text).into_iter().map(str::trim);
        let lines: Vec<&str> = lines.filter(|line| line.len() > 1 && !line.starts_with("//")).collect();
        let runs = lines.windows(TWIN_LINES).map(|run| run.join("\n"));
        if ["gamin/backend/src/", "gamin/core/src/", "gamin/linux/src/"]
            .iter()
            .any(|ships| path.starts_with(ships))
        {
            shipped.extend(runs.map(|run| (run, path.clone())));
        } else if path.starts_with("testgam/worlds/src/sim") {
            model.extend(runs.map(|run| (run, path.clone())));
        }
    }
    assert!(shipped.len() > 1000 && model.len() > 1000, "{} and {}", shipped.len(), model.len());
    for (run, path) in model {
        assert!(!shipped.contains_key(&run), "{path} repeats {}:\n{run}", shipped[&run]);
    }
}

/// A reader who meets a third type of one name does not know any more which is meant.
#[test]
fn no_type_has_a_name_that_three_places_use() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in sources() {
        if path.contains("/src/") && !path.contains("/tests/") && !path.ends_with("/tests.rs") {
            for name in Source::new(&text).types {
                places.entry(name).or_default().push(path.clone());
            }
        }
    }
    places.retain(|_, places| places.len() > 2);
    assert!(
        places.is_empty(),
        "each of these is the name of three types or more: which says more? {places:#?}"
    );
}

/// Two files that need each other can't be read one after the other, nor changed one at a time. A child that goes on with its parent's
/// `impl` is none of it, nor a parent that only passes on what its children have.
#[test]
fn no_files_import_each_other() {
    let sources: BTreeMap<PathBuf, String> =
        sources().into_iter().map(|(path, text)| (PathBuf::from(path), text)).collect();
    let is_root = |path: &&PathBuf| ["lib.rs", "main.rs"].iter().any(|root| path.ends_with(root));
    let mut found = BTreeSet::new();
    for root in sources.keys().filter(is_root) {
        for circle in Crate::new(root, |path| sources.get(path).cloned()).circles() {
            found.insert(circle.iter().map(|path| path.display().to_string()).collect::<Vec<_>>());
        }
    }
    assert!(
        found.is_empty(),
        "these files import each other, so what they share wants a file of its own: {found:#?}"
    );
}

#[test]
fn nothing_waits_by_sleeping() {
    let sleep = ["thread::", "sleep("].concat();
    for (path, text) in sources() {
        assert!(path.ends_with("house.rs") || !text.contains(&sleep), "{path} sleeps");
    }
}

/// The lines that a hunk of a patch expects to find, of each hunk.
fn expected_lines(patch: &str) -> Vec<(&str, String)> {
    let mut hunks: Vec<(&str, String)> = Vec::new();
    let mut file = "";
    for line in patch.lines() {
        if let Some(name) = line.strip_prefix("--- ") {
            file = name;
        } else if line.starts_with("@@ ") {
            hunks.push((file, String::new()));
        } else if let Some((_, expected)) = hunks.last_mut()
            && let Some(text) = line.strip_prefix([' ', '-'])
        {
            expected.push_str(text);
            expected.push('\n');
        }
    }
    hunks
}

#[test]
fn every_mutant_can_be_put_in() {
    let mut patches = Vec::new();
    files_below(&house().join("ci/mutants"), ".patch", &mut patches);
    assert!(patches.len() >= 20, "there are {}", patches.len());
    for patch in patches {
        let text = fs::read_to_string(&patch).expect("because it is text");
        let hunks = expected_lines(&text);
        assert!(!hunks.is_empty(), "{} changes nothing", patch.display());
        for (file, expected) in hunks {
            let source = fs::read_to_string(house().join(file)).unwrap_or_default();
            assert!(source.contains(&expected), "{}: {file} has no such lines:\n{expected}", patch.display());
        }
    }
}
