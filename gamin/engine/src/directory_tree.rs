//! Directories as a tree: each is found by its path, and leads to the one above it and to those in it.
//!
//! What is known of a directory is left to whoever keeps it. Invariant: with each directory, all those above it are in the tree.

use std::hash::BuildHasher;
use std::iter;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use slab::Slab;
use smallvec::SmallVec;

use crate::path::TreePath;

/// Names a directory of a tree, for as long as it is in there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node(NonZeroU32);

impl Node {
    fn new(key: usize) -> Node {
        let number = u32::try_from(key + 1).ok().and_then(NonZeroU32::new);
        Node(number.expect("because no kernel watches as many directories as that"))
    }

    fn key(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The nodes from `/` down to one.
pub(crate) type Nodes = SmallVec<[Node; 16]>;

/// A tree of directories, with a `T` for each.
#[derive(Debug, Default)]
pub(crate) struct DirectoryTree<T> {
    directories: Slab<TreeNode<T>>,
    by_path: HashTable<Node>,
    hasher: FixedState,
}

#[derive(Debug)]
struct TreeNode<T> {
    path: TreePath,
    above: Option<Node>,
    /// The first of those in it, and of those beside it the next and the one before.
    first: Option<Node>,
    next: Option<Node>,
    previous: Option<Node>,
    value: T,
}

impl<T: Default> DirectoryTree<T> {
    /// The directory of a path, and all those above it, which are added if they are not there.
    pub(crate) fn insert(&mut self, path: &TreePath) -> Node {
        let mut missing: SmallVec<[usize; 16]> = SmallVec::new();
        let mut above = self.find(path);
        if above.is_none() {
            missing.push(path.len());
            let directories: SmallVec<[&[u8]; 16]> = path.above().collect();
            for directory in directories.iter().rev() {
                above = self.find(directory);
                if above.is_some() {
                    break;
                }
                missing.push(directory.len());
            }
        }
        for len in missing.into_iter().rev() {
            above = Some(self.add(path.prefix(len), above));
        }
        above.expect("because it was found, or added")
    }

    fn add(&mut self, path: TreePath, above: Option<Node>) -> Node {
        let next = above.and_then(|above| self.directories[above.key()].first);
        let hash = self.hasher.hash_one(&*path);
        let directory = TreeNode { path, above, first: None, next, previous: None, value: T::default() };
        let node = Node::new(self.directories.insert(directory));
        if let Some(next) = next {
            self.directories[next.key()].previous = Some(node);
        }
        if let Some(above) = above {
            self.directories[above.key()].first = Some(node);
        }
        let (directories, hasher) = (&self.directories, &self.hasher);
        self.by_path.insert_unique(hash, node, |node| hasher.hash_one(&*directories[node.key()].path));
        node
    }
}

impl<T> DirectoryTree<T> {
    /// The directory of a path.
    pub(crate) fn find(&self, path: &[u8]) -> Option<Node> {
        let hash = self.hasher.hash_one(path);
        self.by_path.find(hash, |node| *self.directories[node.key()].path == *path).copied()
    }

    /// Takes out a directory in which none is.
    pub(crate) fn remove(&mut self, node: Node) -> T {
        let TreeNode { path, above, next, previous, value, .. } = self.directories.remove(node.key());
        match (previous, above) {
            (Some(previous), _) => self.directories[previous.key()].next = next,
            (None, Some(above)) => self.directories[above.key()].first = next,
            (None, None) => {}
        }
        if let Some(next) = next {
            self.directories[next.key()].previous = previous;
        }
        let hash = self.hasher.hash_one(&*path);
        if let Ok(found) = self.by_path.find_entry(hash, |other| *other == node) {
            found.remove();
        }
        if self.directories.is_empty() {
            *self = DirectoryTree {
                directories: Slab::new(),
                by_path: HashTable::new(),
                hasher: self.hasher.clone(),
            };
        }
        value
    }

    /// Gives back the room of those that were taken out, as far as they came last.
    pub(crate) fn give_back(&mut self) {
        self.directories.shrink_to_fit();
        let DirectoryTree { directories, by_path, hasher } = self;
        by_path.shrink_to_fit(|node| hasher.hash_one(&*directories[node.key()].path));
    }

    /// The path of a directory.
    pub(crate) fn path(&self, node: Node) -> &TreePath {
        &self.directories[node.key()].path
    }

    /// The directory above one.
    pub(crate) fn above(&self, node: Node) -> Option<Node> {
        self.directories[node.key()].above
    }

    /// Whether any is in it.
    pub(crate) fn has_below(&self, node: Node) -> bool {
        self.directories[node.key()].first.is_some()
    }

    /// A directory, if it is in the tree, and all those above it up to `/`.
    pub(crate) fn upwards(&self, path: &[u8]) -> impl Iterator<Item = Node> {
        iter::successors(self.find(path), |node| self.above(*node))
    }

    /// All directories from `/` down to one.
    pub(crate) fn way(&self, node: Node) -> Nodes {
        let mut way: Nodes = iter::successors(Some(node), |node| self.above(*node)).collect();
        way.reverse();
        way
    }

    /// A directory, and all below it.
    pub(crate) fn downwards(&self, top: Node) -> impl Iterator<Item = Node> {
        let directory = |node: Node| &self.directories[node.key()];
        iter::successors(Some(top), move |node| {
            if let Some(first) = directory(*node).first {
                return Some(first);
            }
            let mut up = iter::successors(Some(*node), |node| directory(*node).above);
            up.by_ref().take_while(|node| *node != top).find_map(|node| directory(node).next)
        })
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.directories.len()
    }

    /// Whether there are none.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.by_path.is_empty()
    }
}

impl<T> Index<Node> for DirectoryTree<T> {
    type Output = T;

    fn index(&self, node: Node) -> &T {
        &self.directories[node.key()].value
    }
}

impl<T> IndexMut<Node> for DirectoryTree<T> {
    fn index_mut(&mut self, node: Node) -> &mut T {
        &mut self.directories[node.key()].value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text.as_bytes()).expect("because it is absolute")
    }

    fn below(tree: &DirectoryTree<u32>, top: &str) -> Vec<String> {
        let top = tree.find(top.as_bytes()).expect("because it was added");
        let mut below: Vec<String> =
            tree.downwards(top).map(|node| String::from_utf8_lossy(tree.path(node)).into_owned()).collect();
        below.sort();
        below
    }

    #[test]
    fn whoever_is_added_brings_those_above() {
        let mut tree = DirectoryTree::<u32>::default();
        for text in ["/a/b/c", "/a/x", "/a b", "/a/b/d"] {
            let node = tree.insert(&path(text));
            assert_eq!((tree.insert(&path(text)), tree.find(text.as_bytes())), (node, Some(node)));
        }
        assert_eq!(below(&tree, "/"), ["/", "/a", "/a b", "/a/b", "/a/b/c", "/a/b/d", "/a/x"]);
        assert_eq!(below(&tree, "/a"), ["/a", "/a/b", "/a/b/c", "/a/b/d", "/a/x"]);
        assert_eq!(below(&tree, "/a/b/d"), ["/a/b/d"]);
        let way = tree.way(tree.find(b"/a/b/c").expect("because it was added"));
        let way: Vec<&[u8]> = way.iter().map(|node| &**tree.path(*node)).collect();
        assert_eq!(way, [b"/".as_slice(), b"/a", b"/a/b", b"/a/b/c"]);
    }

    #[test]
    fn the_room_of_a_large_tree_is_given_back_while_others_stay() {
        let mut tree = DirectoryTree::<u32>::default();
        tree.insert(&path("/kept/first"));
        let nodes: Vec<Node> = (0..10_000).map(|name| tree.insert(&path(&format!("/{name}")))).collect();
        for node in nodes {
            tree.remove(node);
        }
        tree.give_back();
        let room = (tree.directories.capacity(), tree.by_path.capacity());
        assert!(room.0 < 100 && room.1 < 100, "{room:?}");
        assert_eq!(below(&tree, "/"), ["/", "/kept", "/kept/first"]);
        // What is free is found, too.
        for name in 0..1000 {
            let node = tree.insert(&path(&format!("/{name}")));
            assert_eq!(tree.find(format!("/{name}").as_bytes()), Some(node));
        }
        assert_eq!(tree.len(), 1003);
    }

    #[test]
    fn what_is_taken_out_leaves_nothing() {
        let mut tree = DirectoryTree::<u32>::default();
        for text in ["/a/b", "/a/c", "/a/d"] {
            tree.insert(&path(text));
        }
        for (text, left) in [("/a/c", 2), ("/a/d", 1), ("/a/b", 0)] {
            tree.remove(tree.find(text.as_bytes()).expect("because it was added"));
            assert_eq!(below(&tree, "/a").len(), 1 + left);
        }
        for text in ["/a", "/"] {
            tree.remove(tree.find(text.as_bytes()).expect("because it was added"));
        }
        assert!(tree.is_empty());
    }
}
