//! What is known of the entries of a directory, by name and in order, in as little room as can be.
//!
//! What is known of each is left to `known`. Names stand beside the entries of their chunk, and whoever holds a copy shares all chunks that
//! do not change. Invariants: names ascend through all chunks; no chunk is empty or has more than [`CHUNK_MAX`] entries, and no two that stand side by side would fit into half of one.

use std::ops::Range;
use std::sync::Arc;

use gamin_protocol::Tag;

use crate::file::{Coarse, File};
use crate::path::Name;
use crate::stamp::FileType;

/// How many entries a chunk has at most.
const CHUNK_MAX: usize = 64;

/// Files by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct EntryTable {
    /// As the directory was when all of them were last listed, if that proves anything.
    pub tag: Option<Tag>,
    blocks: Vec<Block>,
    len: usize,
}

/// A chunk, and the name of its first entry, which leads there.
#[derive(Debug, Clone)]
struct Block {
    first: Name,
    chunk: Arc<Chunk>,
}

#[derive(Debug, Clone, Default)]
struct Chunk {
    /// Names of the entries, and of some that are no more.
    names: Vec<u8>,
    entries: Vec<Entry>,
}

/// A file and where its name stands, packed: there is one of it for each entry of each directory.
#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: Option<Tag>,
    /// Where the name begins, and in the last [`LEN_BITS`] how long it is.
    span: u32,
    came: Option<Coarse>,
    /// A bit for each of what is yes or no, and above them the type.
    marks: u8,
}

/// How many bits the length of a name takes.
const LEN_BITS: u32 = 12;
/// How long a name can be: more than any kernel allows, and all of a chunk begin within a mebibyte.
const NAME_MAX: usize = (1 << LEN_BITS) - 1;
/// The types of files by their marks.
const TYPES: [Option<FileType>; 4] =
    [None, Some(FileType::Directory), Some(FileType::Link), Some(FileType::Other)];

impl Entry {
    fn pack(file: File, span: u32) -> Entry {
        let File { tag, file_type, created, scanned, doubted, is_untold, came } = file;
        let marks = [created, scanned, doubted, is_untold]
            .iter()
            .rev()
            .fold(0, |marks, mark| marks << 1 | u8::from(*mark));
        let file_type = (0..).zip(TYPES).find(|(_, known)| *known == file_type).map_or(0, |(mark, _)| mark);
        Entry { tag, span, came, marks: marks | file_type << 4 }
    }

    fn file(self) -> File {
        let Entry { tag, came, marks, .. } = self;
        let has = |bit: u8| marks & 1 << bit != 0;
        File {
            tag,
            file_type: TYPES[usize::from(marks >> 4)],
            created: has(0),
            scanned: has(1),
            doubted: has(2),
            is_untold: has(3),
            came,
        }
    }

    /// Where its name stands.
    fn span(self) -> Range<usize> {
        let begin = (self.span >> LEN_BITS) as usize;
        begin..begin + (self.span as usize & NAME_MAX)
    }
}

/// Where a walk through a table stands that does not change.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cursor {
    block: usize,
    entry: usize,
}

impl EntryTable {
    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an entry behind all others, by a name of less than 4 KiB; one that is not is left out.
    pub(crate) fn push(&mut self, name: &[u8], file: File) {
        let at = self.blocks.len().saturating_sub(1);
        let last = self.blocks.last().map(|block| &block.chunk);
        let place = last.map_or(0, |chunk| chunk.entries.len());
        if last.is_none_or(|chunk| chunk.entries.last().is_none_or(|last| chunk.name(last) < name)) {
            self.insert(at, place, name, file);
        }
    }

    /// The file of a name.
    pub(crate) fn get(&self, name: &[u8]) -> Option<File> {
        let chunk = &self.blocks.get(self.block_of(name))?.chunk;
        chunk.find(name).ok().map(|at| chunk.entries[at].file())
    }

    /// Changes the file of a name, of less than 4 KiB: also whether there is one.
    pub(crate) fn update<T>(&mut self, name: &[u8], change: impl FnOnce(&mut Option<File>) -> T) -> T {
        let at = self.block_of(name);
        let chunk = self.blocks.get(at).map(|block| &*block.chunk);
        let place = chunk.map_or(Err(0), |chunk| chunk.find(name));
        let before = chunk.zip(place.ok()).map(|(chunk, place)| chunk.entries[place].file());
        let mut file = before;
        let changed = change(&mut file);
        match (place, file) {
            (Ok(place), Some(file)) if before != Some(file) => {
                let entry = &mut self.chunk_mut(at).entries[place];
                *entry = Entry::pack(file, entry.span);
            }
            (Ok(place), None) => self.remove(at, place),
            (Err(place), Some(file)) => self.insert(at, place, name, file),
            (Ok(_), Some(_)) | (Err(_), None) => {}
        }
        changed
    }

    fn chunk_mut(&mut self, at: usize) -> &mut Chunk {
        Arc::make_mut(&mut self.blocks[at].chunk)
    }

    /// Adds an entry at its place in a chunk.
    fn insert(&mut self, at: usize, place: usize, name: &[u8], file: File) {
        self.len += 1;
        let is_last = at + 1 == self.blocks.len();
        let Some(block) = self.blocks.get_mut(at) else {
            return self.blocks.push(Block::of(Chunk::default(), name, file));
        };
        let chunk = Arc::make_mut(&mut block.chunk);
        if chunk.entries.len() < CHUNK_MAX {
            chunk.insert(place, name, file);
        } else if place == CHUNK_MAX && is_last {
            // What comes behind all others begins a chunk, so that what ascends fills them.
            let names = Vec::with_capacity(chunk.names.len());
            chunk.names.shrink_to_fit();
            let next = Chunk { names, entries: Vec::with_capacity(CHUNK_MAX) };
            self.blocks.insert(at + 1, Block::of(next, name, file));
            return;
        } else {
            let mut behind = chunk.split();
            match place.checked_sub(chunk.entries.len()) {
                Some(place) => behind.insert(place, name, file),
                None => chunk.insert(place, name, file),
            }
            let first = Name::from(behind.name(&behind.entries[0]));
            self.blocks.insert(at + 1, Block { first, chunk: Arc::new(behind) });
        }
        self.name_first(at, place);
    }

    /// Removes the entry at a place in a chunk.
    fn remove(&mut self, at: usize, place: usize) {
        self.len -= 1;
        let chunk = self.chunk_mut(at);
        chunk.remove(place);
        if chunk.entries.is_empty() {
            self.blocks.remove(at);
        } else {
            self.name_first(at, place);
            self.join(at);
            self.join(at.saturating_sub(1));
        }
        if self.blocks.len() < self.blocks.capacity() / 4 {
            self.blocks.shrink_to_fit();
        }
    }

    /// Takes note of the first name of a chunk, if that is where something has changed.
    fn name_first(&mut self, at: usize, place: usize) {
        let block = &mut self.blocks[at];
        if place == 0 {
            block.first = Name::from(block.chunk.name(&block.chunk.entries[0]));
        }
    }

    /// Joins a chunk with the next, if both are small.
    fn join(&mut self, at: usize) {
        let [block, next, ..] = &mut self.blocks[at..] else { return };
        if block.chunk.entries.len() + next.chunk.entries.len() <= CHUNK_MAX / 2 {
            let chunk = Arc::make_mut(&mut block.chunk);
            for (name, file) in next.chunk.iter() {
                chunk.insert(chunk.entries.len(), name, file);
            }
            self.blocks.remove(at + 1);
        }
    }

    /// All entries in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], File)> {
        self.blocks.iter().flat_map(|block| block.chunk.iter())
    }

    /// The next entry of a walk through them, in the order of their names.
    pub(crate) fn next(&self, cursor: &mut Cursor) -> Option<(&[u8], File)> {
        let chunk = &self.blocks.get(cursor.block)?.chunk;
        let entry = &chunk.entries[cursor.entry];
        cursor.entry += 1;
        if cursor.entry == chunk.entries.len() {
            *cursor = Cursor { block: cursor.block + 1, entry: 0 };
        }
        Some((chunk.name(entry), entry.file()))
    }

    /// The block in which a name is, if it is there, or would belong.
    fn block_of(&self, name: &[u8]) -> usize {
        self.blocks.partition_point(|block| *block.first <= *name).saturating_sub(1)
    }
}

impl Block {
    fn of(mut chunk: Chunk, name: &[u8], file: File) -> Block {
        chunk.insert(0, name, file);
        Block { first: Name::from(name), chunk: Arc::new(chunk) }
    }
}

impl Chunk {
    fn name(&self, entry: &Entry) -> &[u8] {
        &self.names[entry.span()]
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], File)> {
        self.entries.iter().map(|entry| (self.name(entry), entry.file()))
    }

    /// Where a name is, or would be.
    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| self.name(entry).cmp(name))
    }

    fn insert(&mut self, at: usize, name: &[u8], file: File) {
        let span = self.add_name(&name[..name.len().min(NAME_MAX)]);
        self.entries.insert(at, Entry::pack(file, span));
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "names of a chunk, of which each is cut off, take less than a mebibyte"
    )]
    fn add_name(&mut self, name: &[u8]) -> u32 {
        let begin = self.names.len() as u32;
        self.names.extend_from_slice(name);
        begin << LEN_BITS | name.len() as u32
    }

    fn remove(&mut self, at: usize) {
        self.entries.remove(at);
        let used: usize = self.entries.iter().map(|entry| entry.span().len()).sum();
        if self.names.len() > 2 * used + CHUNK_MAX {
            self.tidy();
        }
    }

    /// Takes away its second half.
    fn split(&mut self) -> Chunk {
        let mut behind = Chunk { names: self.names.clone(), entries: self.entries.split_off(CHUNK_MAX / 2) };
        behind.tidy();
        self.tidy();
        behind
    }

    /// Gives up the names of those that are no more.
    fn tidy(&mut self) {
        let (names, mut entries) = (std::mem::take(&mut self.names), std::mem::take(&mut self.entries));
        for entry in &mut entries {
            entry.span = self.add_name(&names[entry.span()]);
        }
        entries.shrink_to(CHUNK_MAX / 2);
        self.entries = entries;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn check(table: &EntryTable, model: &BTreeMap<Vec<u8>, File>) {
        assert!(table.iter().eq(model.iter().map(|(name, file)| (&**name, *file))));
        assert_eq!((table.len(), table.is_empty()), (model.len(), model.is_empty()));
        for Block { first, chunk } in &table.blocks {
            assert_eq!(**first, *chunk.name(&chunk.entries[0]));
            assert!((1..=CHUNK_MAX).contains(&chunk.entries.len()));
            let used: usize = chunk.iter().map(|(name, _)| name.len()).sum();
            assert!(chunk.names.len() <= 2 * used + CHUNK_MAX, "names that are no more take too much room");
        }
        for pair in table.blocks.windows(2) {
            assert!(pair[0].chunk.entries.len() + pair[1].chunk.entries.len() > CHUNK_MAX / 2);
        }
    }

    fn file(created: bool) -> File {
        File { created, ..File::of_name() }
    }

    proptest! {
        #[test]
        fn it_is_a_map_in_order_and_a_copy_stays_as_it_is(
            steps in proptest::collection::vec((any::<bool>(), "[ab]{0,8}", any::<bool>()), 1..900),
        ) {
            let (mut table, mut model) = (EntryTable::default(), BTreeMap::new());
            let middle = steps.len() / 2;
            let mut copy = None;
            for (at, (is_new, name, created)) in steps.into_iter().enumerate() {
                let name = name.into_bytes();
                if is_new {
                    table.update(&name, |known| *known = Some(file(created)));
                    model.insert(name.clone(), file(created));
                } else {
                    table.update(&name, |known| *known = None);
                    model.remove(&name);
                }
                prop_assert_eq!(table.get(&name), model.get(&name).copied());
                prop_assert_eq!(table.update(&name, |known| *known), model.get(&name).copied());
                if at == middle {
                    copy = Some((table.clone(), model.clone()));
                }
            }
            check(&table, &model);
            let (copy, copied) = copy.expect("because there is a step");
            check(&copy, &copied);
            let mut cursor = Cursor::default();
            prop_assert!(std::iter::from_fn(|| table.next(&mut cursor)).eq(table.iter()));
        }
    }

    #[test]
    fn what_is_known_of_a_file_is_what_was_put_in_and_takes_little_room() {
        let mut files = vec![File::of_name()];
        for file_type in TYPES {
            for bits in 0..16_u8 {
                let has = |bit: u8| bits & 1 << bit != 0;
                let (created, scanned, doubted, is_untold) = (has(0), has(1), has(2), has(3));
                let (tag, came) = (has(0).then(|| Tag::new(u64::MAX)), has(1).then_some(Coarse::MAX));
                files.push(File { tag, file_type, created, scanned, doubted, is_untold, came });
            }
        }
        for file in files {
            assert_eq!(Entry::pack(file, u32::MAX).file(), file);
        }
        assert_eq!(size_of::<Entry>(), 16);
    }

    #[test]
    fn what_is_pushed_comes_behind_all_others_or_not_at_all() {
        let (mut table, mut model) = (EntryTable::default(), BTreeMap::new());
        for number in 0..200 {
            let name = format!("{number:03}").into_bytes();
            table.push(&name, file(true));
            table.push(&name, file(false));
            table.push(b"", file(false));
            model.insert(name, file(true));
        }
        check(&table, &model);
    }

    #[test]
    fn what_comes_behind_a_full_chunk_but_before_others_makes_no_chunk_of_its_own() {
        let (mut table, mut model) = (EntryTable::default(), BTreeMap::new());
        for number in (0..64).chain([200]).chain([100]) {
            let name = format!("{number:03}").into_bytes();
            table.update(&name, |known| *known = Some(file(false)));
            model.insert(name, file(false));
        }
        check(&table, &model);
    }

    #[test]
    fn names_that_ascend_fill_the_chunks_and_long_ones_fit() {
        let name = |number: usize| format!("{number:04095}").into_bytes();
        let mut table = EntryTable::default();
        (0..1000).for_each(|number| table.update(&name(number), |known| *known = Some(file(false))));
        assert_eq!(table.blocks.len(), 1000_usize.div_ceil(CHUNK_MAX));
        // In one place one comes and goes more often than there is room for.
        for _ in 0..1000 {
            table.update(&name(500), |known| *known = None);
            table.update(&name(500), |known| *known = Some(file(true)));
        }
        let model = (0..1000).map(|number| (name(number), file(number == 500))).collect();
        check(&table, &model);
        (0..1000).for_each(|number| table.update(&name(number), |known| *known = None));
        check(&table, &BTreeMap::new());
    }
}
