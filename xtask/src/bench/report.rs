//! The report: an introduction, and a part for each measurement, behind a comment that names it and says how it was made.

/// A part of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The measurement's name.
    pub name: String,
    /// How it was made.
    pub how: String,
    /// Markdown.
    pub text: String,
}

/// The whole report. Of what was not measured now, the parts of an earlier one stay; `order` has all names.
pub fn whole(introduction: &str, earlier: &str, now: &[Part], order: &[&str]) -> String {
    let earlier = parts(earlier);
    let mut report = introduction.to_owned();
    for name in order {
        let named = |p: &&Part| p.name == *name;
        if let Some(p) = now.iter().find(named).or_else(|| earlier.iter().find(named)) {
            report += &format!("\n<!-- {}: {} -->\n\n{}\n", p.name, p.how, p.text.trim());
        }
    }
    report
}

/// The parts of a report.
fn parts(report: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in report.lines() {
        let head = line.strip_prefix("<!-- ").and_then(|l| l.strip_suffix(" -->")).and_then(|l| l.split_once(": "));
        match (head, parts.last_mut()) {
            (Some((name, how)), _) => parts.push(Part { name: name.into(), how: how.into(), text: String::new() }),
            (None, Some(part)) => {
                part.text += line;
                part.text.push('\n');
            }
            (None, None) => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, text: &str) -> Part {
        Part { name: name.into(), how: "3 rounds".into(), text: text.into() }
    }

    #[test]
    fn what_was_not_measured_stays_and_the_rest_is_replaced() {
        let order = ["a", "b", "c"];
        let first = whole("# P\n", "", &[part("c", "## C\n\n1"), part("a", "## A")], &order);
        assert_eq!(first, "# P\n\n<!-- a: 3 rounds -->\n\n## A\n\n<!-- c: 3 rounds -->\n\n## C\n\n1\n");
        let second = whole("# P\n", &first, &[part("c", "## C\n\n2"), part("b", "B")], &order);
        assert_eq!(parts(&second).iter().map(|p| p.text.trim()).collect::<Vec<_>>(), ["## A", "B", "## C\n\n2"]);
        assert_eq!(whole("# P\n", &second, &[], &order), second);
    }
}
