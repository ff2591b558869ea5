//! Which metrics a PromQL expression uses, and whether `docs/metrics.md` has them.

use std::collections::BTreeSet;

use sei_testkit::metrics::Metric;

const WORDS: [&str; 9] =
    ["and", "bool", "by", "group_left", "group_right", "ignoring", "offset", "or", "unless"];
/// Keywords that are followed by a list of labels in parentheses.
const GROUPING: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Names of the metrics in `expression`: identifiers that are not keywords, functions or labels.
pub fn metrics(expression: &str) -> BTreeSet<String> {
    let mut tokens = tokens(expression).into_iter().peekable();
    let mut found = BTreeSet::new();
    while let Some(token) = tokens.next() {
        if GROUPING.contains(&token.as_str()) {
            for label in tokens.by_ref() {
                if label == ")" {
                    break;
                }
            }
            continue;
        }
        let is_name = token.starts_with(|first: char| first.is_ascii_alphabetic());
        let is_called = tokens.peek().is_some_and(|next| next == "(" || next == "by" || next == "without");
        if is_name && !is_called && !WORDS.contains(&token.as_str()) {
            found.insert(token);
        }
    }
    found
}

/// Identifiers and single characters, without matchers, ranges and strings.
fn tokens(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut closing = None;
    for character in expression.chars() {
        if let Some(wanted) = closing {
            if character == wanted {
                closing = None;
            }
            continue;
        }
        if character.is_ascii_alphanumeric() || character == '_' || character == ':' {
            word.push(character);
            continue;
        }
        if !word.is_empty() {
            found.push(std::mem::take(&mut word));
        }
        match character {
            '{' => closing = Some('}'),
            '[' => closing = Some(']'),
            '"' => closing = Some('"'),
            _ if character.is_whitespace() => {}
            _ => found.push(character.to_string()),
        }
    }
    found.extend(Some(word).filter(|word| !word.is_empty()));
    found
}

/// Every name in `docs/metrics.md`, with the series of its histograms.
pub fn documented() -> BTreeSet<String> {
    sei_testkit::metrics::documented().iter().flat_map(series).collect()
}

/// The names of a metric in queries.
fn series(metric: &Metric) -> Vec<String> {
    match metric.kind.as_str() {
        "histogram" => ["_bucket", "_count", "_sum"].map(|end| format!("{}{end}", metric.name)).to_vec(),
        _ => vec![metric.name.clone()],
    }
}

/// Labels in `expression`, of matchers and of groupings, that no metric in it has.
pub fn unknown_labels(expression: &str) -> BTreeSet<String> {
    let read = metrics(expression);
    let metrics = sei_testkit::metrics::documented().into_iter();
    let read = metrics.filter(|metric| series(metric).iter().any(|name| read.contains(name)));
    let known: BTreeSet<_> = read.flat_map(|metric| metric.labels).collect();
    labels(expression)
        .into_iter()
        .filter(|label| !known.contains(label) && !ADDED.contains(&label.as_str()))
        .collect()
}

/// Labels that come with a histogram or from the scraped target.
const ADDED: [&str; 3] = ["le", "namespace", "pod"];

fn labels(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for matchers in expression.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        let names = matchers.split(',').filter_map(|matcher| matcher.split(['=', '!']).next());
        found.extend(names.map(|name| name.trim().to_owned()));
    }
    let words = expression.replace('(', " ( ").replace(')', " ) ");
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        if GROUPING.contains(&word) && words.next() == Some("(") {
            let listed = words.by_ref().take_while(|word| *word != ")");
            found.extend(listed.map(|label| label.trim_end_matches(',').to_owned()));
        }
    }
    found
}

#[test]
fn metrics_are_found_in_expressions() {
    let cases = [
        ("max by (namespace, name) (a{x=\"b(c)\"}) == 1", vec!["a"]),
        ("a and on (namespace) sum by (le) (rate(b_bucket[5m])) unless on (x) c", vec!["a", "b_bucket", "c"]),
        ("changes(max by (x) (a)[3d:1h]) > 0 or time() - b < 14 * 86400", vec!["a", "b"]),
        ("sum(a) / sum without (pod) (b) > bool 0.5", vec!["a", "b"]),
    ];
    for (expression, wanted) in cases {
        assert_eq!(metrics(expression).iter().collect::<Vec<_>>(), wanted, "{expression}");
    }
}

#[test]
fn labels_that_no_metric_has_are_found() {
    let expression =
        "sum by (le, task) (increase(sei_controller_task_failures_total{kind=\"a\", task_type!=\"b\"}[1h]))";
    assert_eq!(unknown_labels(expression).iter().collect::<Vec<_>>(), ["kind", "task"]);
}
