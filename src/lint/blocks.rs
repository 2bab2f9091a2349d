//! Owns text of nested braces, as keepalived writes it: words, and blocks with a
//! head. Must not know what the words mean.

use super::Finding;

/// A line, or a block with its head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub line: usize,
    pub words: Vec<String>,
    pub inside: Vec<Block>,
}

impl Block {
    pub(super) fn kind(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The second word.
    pub(super) fn name(&self) -> &str {
        self.words.get(1).map_or("", String::as_str)
    }

    pub(super) fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.inside.iter().filter(move |block| block.kind() == kind)
    }

    /// The second word of the first line of that kind.
    pub(super) fn get<'a>(&'a self, kind: &'a str) -> Option<&'a str> {
        self.all(kind).next().map(Block::name)
    }
}

/// Words of a line up to a comment; quotes keep words together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            '#' | '!' if !quoted => break,
            c if c.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            '{' | '}' if !quoted => {
                words.push(std::mem::take(&mut word));
                words.push(c.to_string());
            }
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The whole text as one block.
pub(super) fn parse(text: &str) -> Result<Block, Finding> {
    let mut open = vec![Block::default()];
    for (at, line) in text.lines().enumerate() {
        let mut current = Block { line: at + 1, ..Block::default() };
        for word in words(line) {
            match word.as_str() {
                "{" => open.push(std::mem::replace(&mut current, Block { line: at + 1, ..Block::default() })),
                "}" => {
                    close(
                        &mut open,
                        std::mem::replace(&mut current, Block { line: at + 1, ..Block::default() }),
                    );
                    let Some(block) = open.pop().filter(|_| !open.is_empty()) else {
                        return Err(Finding::new(
                            at + 1,
                            "it closes a block that was never opened",
                            "take the } away, or look for a missing {",
                        ));
                    };
                    close(&mut open, block);
                }
                _ => current.words.push(word),
            }
        }
        close(&mut open, current);
    }
    match open.pop() {
        Some(whole) if open.is_empty() => Ok(whole),
        Some(block) => {
            let what = format!("{} is never closed", block.words.join(" "));
            Err(Finding::new(block.line, what, "a } is missing: the file was cut, or a line was lost"))
        }
        None => Ok(Block::default()),
    }
}

fn close(open: &mut [Block], block: Block) {
    if let Some(around) = open.last_mut().filter(|_| !block.words.is_empty()) {
        around.inside.push(block);
    }
}
