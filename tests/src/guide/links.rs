//! Links between pages: where they lead, and what a page has to be led to.

/// The links of a page that lead to files, each with its line; what is in code is none.
#[must_use]
pub fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, number) in prose(text) {
        let mut rest = line.as_str();
        while let Some((_, behind)) = rest.split_once("](") {
            let Some((target, behind)) = behind.split_once(')') else {
                break;
            };
            if !target.contains("://") {
                found.push((number, target.to_owned()));
            }
            rest = behind;
        }
    }
    found
}

/// The names by which the headings of a page can be led to, as GitHub makes them.
#[must_use]
pub fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter_map(|line| {
        let words = line.trim_start_matches('#');
        (words.len() < line.len())
            .then(|| words.strip_prefix(' '))
            .flatten()
    });
    headings.map(anchor).collect()
}

fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|character| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            other => other.is_alphanumeric().then_some(other),
        })
        .collect()
}

/// The lines outside of blocks, without what is between ticks.
fn prose(text: &str) -> impl Iterator<Item = (String, usize)> {
    let mut in_block = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            return None;
        }
        let words = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        (!in_block).then_some((words, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found_and_what_is_code_or_elsewhere_is_not() {
        let text =
            "[a](b.md) and [c](d.md#e), [f](https://g)\n```text\n[h](i)\n```\n`[j](k)` [l](#m)\n";
        let expected = [(1, "b.md"), (1, "d.md#e"), (5, "#m")];
        let expected = expected.map(|(line, target)| (line, target.to_owned()));
        assert_eq!(links(text), expected);
    }

    #[test]
    fn headings_have_the_names_that_github_gives_them() {
        let text = "# A page\ntext\n## 8. Deploy (cloud), or start it (here)\n### `model.toml`: a-b_c\n#none\n";
        assert_eq!(
            anchors(text),
            [
                "a-page",
                "8-deploy-cloud-or-start-it-here",
                "modeltoml-a-b_c"
            ]
        );
    }
}
