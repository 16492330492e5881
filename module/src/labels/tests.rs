use std::sync::Arc;

use super::*;

const MODEL: [&str; 4] = ["Banana_ripe", "green banana", "Leaf", "Negative"];

fn owned(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}

fn map(meanings: &[(&str, &str)]) -> LabelMap {
    let mut map = LabelMap::default();
    for (label, name) in meanings {
        let meaning = match *name {
            "-" => Meaning::Ignored,
            name => Meaning::Counts(name.to_owned()),
        };
        map.add((*label).to_owned(), meaning).unwrap();
    }
    map
}

fn confidence(least: &[(&str, f32)]) -> LabelConfidence {
    let mut all = LabelConfidence::default();
    for (label, least) in least {
        all.add((*label).to_owned(), *least).unwrap();
    }
    all
}

fn rules(meanings: &[(&str, &str)], least: &[(&str, f32)]) -> LabelRules {
    LabelRules::new(&owned(&MODEL), &map(meanings), &confidence(least), 0.6).unwrap()
}

fn outcome(rules: &LabelRules, values: [f32; 4]) -> Outcome {
    let scores = Scores::new(Arc::from(owned(&MODEL)), values.to_vec()).unwrap();
    rules.outcome(&scores)
}

fn counted_as(name: &str) -> Outcome {
    Outcome::Classified {
        label: name.to_owned(),
    }
}

#[test]
fn labels_count_under_their_own_names_and_negative_does_not() {
    let rules = rules(&[], &[]);
    assert_eq!(outcome(&rules, [0.9, 0.0, 0.0, 0.1]), counted_as(MODEL[0]));
    assert_eq!(outcome(&rules, [0.0, 0.9, 0.0, 0.1]), counted_as(MODEL[1]));
    assert_eq!(outcome(&rules, [0.1, 0.0, 0.0, 0.9]), Outcome::Ignored);
    assert_eq!(outcome(&rules, [0.4, 0.3, 0.2, 0.1]), Outcome::Unsure);
    assert_eq!(rules.counted(), ["Banana_ripe", "Leaf", "green banana"]);
    assert!(rules.is_default());
}

#[test]
fn a_mapped_label_counts_under_its_name_or_not_at_all() {
    let rules = rules(
        &[(MODEL[0], "ripe"), (MODEL[1], "rotten"), ("Leaf", "-")],
        &[],
    );
    assert_eq!(outcome(&rules, [0.9, 0.1, 0.0, 0.0]), counted_as("ripe"));
    assert_eq!(outcome(&rules, [0.1, 0.9, 0.0, 0.0]), counted_as("rotten"));
    assert_eq!(outcome(&rules, [0.1, 0.0, 0.9, 0.0]), Outcome::Ignored);
    assert_eq!(outcome(&rules, [0.1, 0.0, 0.0, 0.9]), Outcome::Ignored);
    assert_eq!(rules.counted(), ["ripe", "rotten"]);
    assert!(!rules.is_default());
}

#[test]
fn negative_counts_where_it_is_mapped() {
    let rules = rules(&[("Negative", "none")], &[]);
    assert_eq!(outcome(&rules, [0.1, 0.0, 0.0, 0.9]), counted_as("none"));
}

#[test]
fn two_names_can_change_places() {
    let labels = owned(&["ripe", "unripe"]);
    let map = map(&[("ripe", "unripe"), ("unripe", "ripe")]);
    let rules = LabelRules::new(&labels, &map, &LabelConfidence::default(), 0.6).unwrap();
    let scores = Scores::new(Arc::from(labels), vec![0.9, 0.1]).unwrap();
    assert_eq!(rules.outcome(&scores), counted_as("unripe"));
}

#[test]
fn scores_of_labels_with_one_name_are_not_added_up() {
    let rules = rules(&[(MODEL[0], "ripe"), (MODEL[1], "ripe")], &[]);
    assert_eq!(outcome(&rules, [0.5, 0.49, 0.01, 0.0]), Outcome::Unsure);
    // Nor is anything said of the others when the top one is not fruit.
    assert_eq!(outcome(&rules, [0.3, 0.3, 0.0, 0.6]), Outcome::Ignored);
    assert_eq!(rules.counted(), ["Leaf", "ripe"]);
}

#[test]
fn a_labels_own_minimum_goes_before_the_overall_one_in_both_directions() {
    let rules = rules(
        &[(MODEL[0], "ripe"), (MODEL[1], "ripe")],
        &[(MODEL[0], 0.8), ("Leaf", 0.3), ("Negative", 0.95)],
    );
    assert_eq!(outcome(&rules, [0.79, 0.1, 0.0, 0.0]), Outcome::Unsure);
    assert_eq!(outcome(&rules, [0.8, 0.1, 0.0, 0.0]), counted_as("ripe"));
    assert_eq!(outcome(&rules, [0.0, 0.6, 0.0, 0.0]), counted_as("ripe"));
    assert_eq!(outcome(&rules, [0.0, 0.0, 0.3, 0.0]), counted_as("Leaf"));
    // What does not count must be as sure as set, too.
    assert_eq!(outcome(&rules, [0.0, 0.0, 0.0, 0.9]), Outcome::Unsure);
    // The second is sure by its own minimum, but the first decides.
    assert_eq!(outcome(&rules, [0.5, 0.0, 0.4, 0.0]), Outcome::Unsure);
}

#[test]
fn of_a_multilabel_model_the_top_label_counts() {
    let rules = rules(&[(MODEL[0], "ripe")], &[]);
    assert_eq!(outcome(&rules, [0.9, 0.95, 0.97, 0.2]), counted_as("Leaf"));
}

#[test]
fn a_score_that_is_no_number_is_unsure_whatever_the_minimum() {
    let rules = rules(&[], &[(MODEL[0], 0.0)]);
    assert_eq!(outcome(&rules, [f32::NAN, 0.0, 0.0, 0.0]), Outcome::Unsure);
}

#[test]
fn labels_that_the_model_does_not_have_are_named_with_those_that_it_has() {
    let refused = LabelRules::new(
        &owned(&MODEL),
        &map(&[("banana_ripe", "ripe"), ("Leaf", "-")]),
        &confidence(&[("Twig", 0.5)]),
        0.6,
    );
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the model has no label \"Twig\", \"banana_ripe\" (did you mean \"Banana_ripe\"?): its \
         labels are \"Banana_ripe\", \"green banana\", \"Leaf\", \"Negative\"; labels are written \
         exactly as the model has them, capitals and blanks included"
    );
}

#[test]
fn a_long_list_of_labels_is_cut() {
    let labels: Vec<String> = (0..1000).map(|number| format!("l{number}")).collect();
    let map = map(&[("typo", "ripe")]);
    let refused = LabelRules::new(&labels, &map, &LabelConfidence::default(), 0.6);
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("\"l39\" and 960 more;"), "{text}");
}

#[test]
fn what_is_said_twice_of_a_label_is_given_back() {
    let mut map = map(&[("Leaf", "-")]);
    let again = map.add("Leaf".to_owned(), Meaning::Counts("leaf".to_owned()));
    assert_eq!(again, Err("Leaf".to_owned()));
    let mut confidence = confidence(&[("Leaf", 0.5)]);
    assert_eq!(
        confidence.add("Leaf".to_owned(), 0.5),
        Err("Leaf".to_owned())
    );
}

#[test]
fn the_rules_are_told_by_name() {
    let rules = rules(&[(MODEL[0], "ripe"), ("Leaf", "-")], &[(MODEL[0], 0.8)]);
    assert_eq!(
        rules.to_string(),
        "\"green banana\" from \"green banana\" (0.6); \"ripe\" from \"Banana_ripe\" (0.8); \
         ignored \"Leaf\" (0.6), \"Negative\" (0.6)"
    );
}

#[test]
fn a_model_with_too_many_labels_for_a_report_fits_once_they_have_fewer_names() {
    let labels: Vec<String> = (0..3000)
        .map(|number| format!("{number}{}", "x".repeat(100)))
        .collect();
    let all = labels.iter().map(|label| (label.as_str(), "ripe"));
    let map = map(&all.collect::<Vec<_>>());
    let rules = LabelRules::new(&labels, &map, &LabelConfidence::default(), 0.6).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let now = crate::clock::now();
    let ledger = ledger::Ledger::open(folder.path(), Default::default(), now).unwrap();
    assert!(ledger.fits(&labels).is_err());
    assert!(ledger.fits(&rules.counted()).is_ok());
}

#[test]
fn a_label_called_ignore_goes_with_the_list_of_that_name_where_there_is_one() {
    let labels = owned(&["Leaf", "ignore"]);
    let counted = |map: &LabelMap| {
        let rules = LabelRules::new(&labels, map, &LabelConfidence::default(), 0.6);
        rules.unwrap().counted()
    };
    assert_eq!(counted(&map(&[])), ["Leaf", "ignore"]);
    assert_eq!(counted(&map(&[("Leaf", "ripe")])), ["ignore", "ripe"]);
    assert!(counted(&map(&[("Leaf", "-")])).is_empty());
}
