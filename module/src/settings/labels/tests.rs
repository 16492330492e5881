use super::*;

fn map(meanings: &[(&str, Meaning)]) -> LabelMap {
    let mut map = LabelMap::default();
    for (label, meaning) in meanings {
        map.add((*label).to_owned(), meaning.clone()).unwrap();
    }
    map
}

fn as_ripe() -> Meaning {
    Meaning::Counts("ripe".to_owned())
}

#[test]
fn labels_of_any_alphabet_and_punctuation_are_read() {
    let text = r#"{
        "ripe": ["Banana_ripe", "Ripe, banana; \"A\" = 1", "香蕉", "50% \\"],
        "ignore": ["Leaf"]
    }"#;
    let expected = map(&[
        ("Banana_ripe", as_ripe()),
        ("Ripe, banana; \"A\" = 1", as_ripe()),
        ("香蕉", as_ripe()),
        ("50% \\", as_ripe()),
        ("Leaf", Meaning::Ignored),
    ]);
    assert_eq!(parse_labels(text), Ok(expected));
    assert_eq!(parse_labels("{}"), Ok(LabelMap::default()));
}

#[test]
fn a_wrong_map_of_labels_is_refused_with_what_is_wrong() {
    for (text, says) in [
        ("ripe=Banana_ripe", "not such JSON"),
        (r#"{"ripe":["a"]"#, "not such JSON (EOF"),
        (r#"[["ripe","a"]]"#, "expected an object of names"),
        (r#"{"ripe":"a"}"#, "expected a sequence"),
        (r#"{"ripe":null}"#, "expected a sequence"),
        (r#"{"ripe":[1]}"#, "expected a string"),
        (r#"{"ripe":["a"]} {}"#, "trailing characters"),
        (r#"{"ripe":[]}"#, r#""ripe" has no label"#),
        (r#"{"ignore":[]}"#, r#""ignore" has no label"#),
        (r#"{"ripe":["a"],"ripe":["b"]}"#, r#""ripe" is there twice"#),
        (r#"{"ripe":["a","a"]}"#, r#"label "a" is there twice"#),
        (
            r#"{"ripe":["a"],"ignore":["a"]}"#,
            r#"label "a" is there twice"#,
        ),
        (r#"{"Ignored":["a"]}"#, r#"write "ignore""#),
        (r#"{"":["a"]}"#, "no name to count under"),
        (r#"{" ripe":["a"]}"#, "no name to count under"),
        (r#"{"ri\npe":["a"]}"#, "no name to count under"),
    ] {
        let why = parse_labels(text).unwrap_err();
        assert!(why.contains(says), "{text}: {why}");
    }
}

#[test]
fn a_name_has_at_most_300_bytes() {
    let named = |name: &str| parse_labels(&format!(r#"{{"{name}":["a"]}}"#));
    assert!(named(&"é".repeat(150)).is_ok());
    assert!(named(&"é".repeat(151)).is_err());
}

#[test]
fn least_scores_are_read_by_label() {
    let mut expected = LabelConfidence::default();
    expected.add("ripe banana".to_owned(), 0.8).unwrap();
    expected.add("Leaf".to_owned(), 0.0).unwrap();
    expected.add("Twig".to_owned(), 1.0).unwrap();
    let text =
        r#"[{"label":"ripe banana","min":0.8},{"label":"Leaf","min":0},{"min":1,"label":"Twig"}]"#;
    assert_eq!(parse_confidence(text), Ok(expected));
    assert_eq!(parse_confidence("[]"), Ok(LabelConfidence::default()));
}

#[test]
fn wrong_least_scores_are_refused_with_what_is_wrong() {
    for (text, says) in [
        (r#"{"ripe":0.8}"#, "not such JSON"),
        (r#"[{"label":"a"}]"#, "missing field `min`"),
        (r#"[{"min":0.8}]"#, "missing field `label`"),
        (r#"[{"label":"a","max":0.8}]"#, "unknown field `max`"),
        (r#"[{"label":"a","min":"0.8"}]"#, "invalid type: string"),
        (
            r#"[{"label":"a","min":80}]"#,
            r#"80 for the label "a" is out of range"#,
        ),
        (r#"[{"label":"a","min":-0.1}]"#, "out of range"),
        (
            r#"[{"label":"a","min":0.1},{"label":"a","min":0.1}]"#,
            "twice",
        ),
    ] {
        let why = parse_confidence(text).unwrap_err();
        assert!(why.contains(says), "{text}: {why}");
    }
}

#[test]
fn the_examples_of_the_reference_are_taken() {
    for (setting, is_taken) in [
        (LABELS, parse_labels as fn(&str) -> Result<_, _>),
        (CONFIDENCE, |text: &str| {
            parse_confidence(text).map(|_| LabelMap::default())
        }),
    ] {
        let (_, example) = setting.accepts.split_once("such as ").unwrap();
        let example = example.split("; ").next().unwrap();
        assert!(is_taken(example).is_ok(), "{example}");
    }
}
