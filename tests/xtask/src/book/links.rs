//! Links between Markdown pages.

use anyhow::{Context, Result, ensure};
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

/// The Markdown pages of the repository.
pub(super) struct Pages {
    texts: BTreeMap<PathBuf, String>,
    /// All files and folders.
    paths: BTreeSet<PathBuf>,
}

/// A link or an image in a page.
struct Link {
    target: String,
    /// Where the whole of it stands in the page.
    range: Range<usize>,
    text: String,
    is_image: bool,
}

/// What a link leads to.
enum Target {
    /// Another site.
    Elsewhere,
    /// An item of the crate whose documentation the page is. Rustdoc checks it.
    Item,
    /// A path in the repository, and the heading in it.
    Path(PathBuf, Option<String>),
}

impl Pages {
    pub(super) fn read(root: &Path, files: &BTreeSet<PathBuf>) -> Result<Self> {
        let mut texts = BTreeMap::new();
        for file in files
            .iter()
            .filter(|file| file.extension().is_some_and(|it| it == "md"))
        {
            let text = fs::read_to_string(root.join(file)).with_context(|| file.display().to_string())?;
            texts.insert(file.clone(), text);
        }
        let folders = files.iter().flat_map(|file| file.ancestors().skip(1));
        let paths = folders.map(Path::to_path_buf).chain(files.iter().cloned()).collect();
        Ok(Self { texts, paths })
    }

    /// Checks that each link leads to a file or a folder, and to a heading that is there.
    ///
    /// # Errors
    ///
    /// All links that lead nowhere, each with its page.
    pub(super) fn check(&self) -> Result<()> {
        let mut broken = Vec::new();
        for (page, text) in &self.texts {
            for link in links(text) {
                let Target::Path(path, heading) = target(page, &link.target) else {
                    continue;
                };
                let has_heading = |heading: &String| {
                    self.texts
                        .get(&path)
                        .is_none_or(|text| headings(text).contains(heading))
                };
                if !self.paths.contains(&path) || !heading.as_ref().is_none_or(has_heading) {
                    broken.push(format!("{}: {}", page.display(), link.target));
                }
            }
        }
        ensure!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
        Ok(())
    }

    /// Returns the page for the book, and the images in it. Links to what is not in the book lead to the repository.
    pub(super) fn for_book(
        &self,
        page: &Path,
        chapters: &BTreeSet<PathBuf>,
        repository: &str,
    ) -> Result<(String, Vec<PathBuf>)> {
        let text = self.texts.get(page).context("no such page")?;
        let (mut book, mut images, mut copied) = (String::new(), Vec::new(), 0);
        for link in links(text) {
            let replacement = match target(page, &link.target) {
                Target::Elsewhere => continue,
                Target::Item => link.text.clone(),
                Target::Path(path, _) if link.is_image => {
                    images.push(path);
                    continue;
                }
                Target::Path(path, _) if chapters.contains(&path) => continue,
                Target::Path(path, heading) if chapters.contains(&path.join("README.md")) => {
                    let up = "../".repeat(page.components().count() - 1);
                    let heading = heading.map_or(String::new(), |heading| format!("#{heading}"));
                    format!("[{}]({up}{}/README.md{heading})", link.text, path.display())
                }
                Target::Path(path, _) => {
                    let kind = if path.extension().is_some() { "blob" } else { "tree" };
                    format!("[{}]({repository}/{kind}/main/{})", link.text, path.display())
                }
            };
            book.push_str(text.get(copied..link.range.start).unwrap_or_default());
            book.push_str(&replacement);
            copied = link.range.end;
        }
        book.push_str(text.get(copied..).unwrap_or_default());
        Ok((book, images))
    }
}

/// Returns the links of a page, in order, with those that only rustdoc resolves.
fn links(text: &str) -> Vec<Link> {
    // Rustdoc takes `[Name]` for a link to an item, whether it is defined or not.
    let undefined = |link: pulldown_cmark::BrokenLink<'_>| Some((link.reference.to_string().into(), "".into()));
    let parser = Parser::new_with_broken_link_callback(text, Options::ENABLE_TABLES, Some(undefined));
    let (mut links, mut open) = (Vec::new(), None);
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::Link {
                link_type, dest_url, ..
            }) => {
                let target = match link_type {
                    LinkType::ReferenceUnknown | LinkType::ShortcutUnknown | LinkType::CollapsedUnknown => {
                        format!("item::{dest_url}")
                    }
                    _ => dest_url.to_string(),
                };
                open = Some((target, range.clone(), None::<Range<usize>>, false));
            }
            Event::Start(Tag::Image { dest_url, .. }) => {
                links.push(Link {
                    target: dest_url.to_string(),
                    range,
                    text: String::new(),
                    is_image: true,
                });
            }
            Event::End(TagEnd::Link) => {
                if let Some((target, range, Some(inner), is_image)) = open.take() {
                    let text = text.get(inner).unwrap_or_default().to_owned();
                    links.push(Link {
                        target,
                        range,
                        text,
                        is_image,
                    });
                }
            }
            _ => {
                if let Some((_, _, inner, _)) = &mut open {
                    let start = inner.as_ref().map_or(range.start, |inner| inner.start);
                    *inner = Some(start..range.end);
                }
            }
        }
    }
    links
}

fn target(page: &Path, link: &str) -> Target {
    if link.contains("://") || link.starts_with("mailto:") {
        return Target::Elsewhere;
    }
    let (path, heading) = match link.split_once('#') {
        Some((path, heading)) => (path, Some(heading.to_owned())),
        None => (link, None),
    };
    let is_item = link.contains("::") || !(path.is_empty() || path.contains(['/', '.']));
    if is_item && !path.chars().all(|it| it.is_ascii_lowercase() || it == '_' || it == '-') {
        return Target::Item;
    }
    if path.is_empty() {
        return Target::Path(page.to_path_buf(), heading);
    }
    let folder = page.parent().unwrap_or(Path::new(""));
    Target::Path(normal(&folder.join(path)), heading)
}

/// Returns the path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            // What leads out of the repository stays as it is, and exists nowhere.
            Component::ParentDir if normal.pop() => {}
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// Returns the anchors of a page's headings, as the sites that show Markdown make them.
fn headings(text: &str) -> BTreeSet<String> {
    let (mut anchors, mut open) = (BTreeSet::new(), None::<String>);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => open = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let name = anchor(&open.take().unwrap_or_default());
                let mut unique = name.clone();
                let mut count = 0;
                while !anchors.insert(unique.clone()) {
                    count += 1;
                    unique = format!("{name}-{count}");
                }
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut open {
                    heading.push_str(&part);
                }
            }
            _ => {}
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    heading
        .chars()
        .filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'))
        .flat_map(char::to_lowercase)
        .map(|it| if it == ' ' { '-' } else { it })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(files: &[(&str, &str)]) -> Pages {
        let texts: BTreeMap<_, _> = files
            .iter()
            .map(|(file, text)| (PathBuf::from(file), (*text).to_owned()))
            .collect();
        let paths = texts
            .keys()
            .flat_map(|file| file.ancestors().map(Path::to_path_buf))
            .collect();
        Pages { texts, paths }
    }

    #[test]
    fn a_link_to_nothing_is_named_with_its_page() {
        let good = [
            (
                "a.md",
                "[b](x/b.md#two-words-here) [x](x) [site](https://example.org) [`Item`] [i](Item::new)",
            ),
            ("x/b.md", "# Two words, *here*\n\n[up](../a.md) [self](#two-words-here)"),
        ];
        pages(&good).check().unwrap();
        for bad in ["[b](x/c.md)", "[b](x/b.md#two)", "[b](../a.md)", "[b](#two)"] {
            let mut files = good;
            files[0].1 = bad;
            let error = pages(&files).check().unwrap_err().to_string();
            let link = bad.trim_start_matches("[b](").trim_end_matches(')');
            assert!(error.ends_with(&format!("\na.md: {link}")), "{error}");
        }
    }

    #[test]
    fn a_page_for_the_book_links_to_chapters_and_to_the_repository() {
        let pages = pages(&[
            (
                "x/a.md",
                "[b](../b.md) ![p](p.svg) [d](../d) [`Item`] [text](Item::new) [src](s.rs#x)",
            ),
            ("b.md", ""),
            ("d/README.md", ""),
            ("x/p.svg", ""),
            ("x/s.rs", ""),
        ]);
        let chapters = ["x/a.md", "b.md", "d/README.md"]
            .map(PathBuf::from)
            .into_iter()
            .collect();
        let (text, images) = pages.for_book(Path::new("x/a.md"), &chapters, "https://r").unwrap();
        let expected = "[b](../b.md) ![p](p.svg) [d](../d/README.md) `Item` text [src](https://r/blob/main/x/s.rs)";
        assert_eq!(text, expected);
        assert_eq!(images, [PathBuf::from("x/p.svg")]);
    }
}
