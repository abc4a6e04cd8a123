//! Rules about documents: both languages say the same.

use super::finding::Finding;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Reads the documents of the workspace and checks that each has its twin.
pub fn check_tree(root: &Path) -> Result<Vec<Finding>> {
    let read = |name: &str| fs::read_to_string(root.join(name)).ok();
    let mut findings = readmes(read("README.md").as_deref(), read("README.zh.md").as_deref());
    let english = names(&root.join("docs/en"))?;
    let chinese = names(&root.join("docs/zh"))?;
    if english.is_some() || chinese.is_some() {
        findings.extend(twins(&english.unwrap_or_default(), &chinese.unwrap_or_default()));
    }
    Ok(findings)
}

/// The names of the documents in a folder; nothing when there is no such folder.
fn names(folder: &Path) -> Result<Option<Vec<String>>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            names.push(name);
        }
    }
    names.sort();
    Ok(Some(names))
}

/// Every document stands in both languages.
pub fn twins(english: &[String], chinese: &[String]) -> Vec<Finding> {
    let lone = |own: &[String], other: &[String], folder: &str, missing: &str| -> Vec<Finding> {
        let alone = own.iter().filter(|name| !other.contains(name));
        let say = |name: &String| {
            let what = format!("no twin `docs/{missing}/{name}`");
            Finding::error(&format!("docs/{folder}/{name}"), 1, "both-languages", what, "translate it")
        };
        alone.map(say).collect()
    };
    let mut findings = lone(chinese, english, "zh", "en");
    findings.extend(lone(english, chinese, "en", "zh"));
    findings
}

/// Both READMEs exist and have the same shape.
pub fn readmes(english: Option<&str>, chinese: Option<&str>) -> Vec<Finding> {
    let rule = "both-languages";
    let missing =
        |name: &str| Finding::error(name, 1, rule, "it does not exist", "write it; both languages say the same");
    match (english, chinese) {
        (Some(english), Some(chinese)) => {
            let (left, right) = (shape(english), shape(chinese));
            if left == right {
                return Vec::new();
            }
            let what = format!(
                "{} headings and {} code blocks, but README.md has {} and {}",
                right.headings, right.blocks, left.headings, left.blocks
            );
            vec![Finding::error("README.zh.md", 1, rule, what, "bring both to the same chapters and examples")]
        }
        (english, chinese) => {
            let lacks = [("README.md", english), ("README.zh.md", chinese)];
            lacks.into_iter().filter(|(_, text)| text.is_none()).map(|(name, _)| missing(name)).collect()
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    headings: usize,
    blocks: usize,
}

fn shape(text: &str) -> Shape {
    let mut shape = Shape::default();
    let mut inside = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            shape.blocks += usize::from(inside);
        } else if !inside && line.starts_with('#') {
            shape.headings += 1;
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_has_its_twin() {
        let (a, b) = ("format.md".to_owned(), "use.md".to_owned());
        assert_eq!(twins(&[a.clone(), b.clone()], &[a.clone(), b.clone()]), []);
        assert_eq!(twins(std::slice::from_ref(&a), &[a.clone(), b.clone()])[0].file, "docs/zh/use.md");
        assert_eq!(twins(&[a.clone(), b], std::slice::from_ref(&a))[0].file, "docs/en/use.md");
    }

    #[test]
    fn both_readmes_have_one_shape() {
        let text = "# A\n```\n# not a heading\n```\n## B\n";
        assert_eq!(readmes(Some(text), Some("# 甲\n```\n```\n## 乙\n")), []);
        assert_eq!(readmes(Some(text), Some("# 甲\n```\n```\n")).len(), 1);
        assert_eq!(readmes(Some(text), Some("# 甲\n## 乙\n")).len(), 1);
        assert_eq!(readmes(Some(text), None)[0].file, "README.zh.md");
        assert_eq!(readmes(None, None).len(), 2);
    }
}
