//! From the reported properties that the hub has to those that it should have: the least that is to
//! be told.
//!
//! A twin takes a merge: what a patch does not name stays, inside objects too, and `null` removes.
//! Pure.

use serde_json::{Map, Value};

/// What to tell a hub that has `old`, so that it has `new`; `None` when it has. Of `new`, a null is
/// as good as absent. Only names of `owned` are removed: the rest of a twin is somebody else's.
#[must_use]
pub(super) fn between(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    owned: fn(&str) -> bool,
) -> Option<Map<String, Value>> {
    let patch = difference(old, new, owned);
    (!patch.is_empty()).then_some(patch)
}

fn difference(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    owned: fn(&str) -> bool,
) -> Map<String, Value> {
    let gone = old
        .keys()
        .filter(|name| owned(name) && new.get(*name).is_none_or(Value::is_null))
        .map(|name| (name.clone(), Value::Null));
    let changed = new.iter().filter_map(|(name, value)| {
        let told = match (old.get(name), value) {
            (_, Value::Null) => return None,
            (Some(Value::Object(old)), Value::Object(new)) => {
                let inner = difference(old, new, |_| true);
                if inner.is_empty() {
                    return None;
                }
                Value::Object(inner)
            }
            (Some(old), new) if old == new => return None,
            (_, new) => without_nulls(new),
        };
        Some((name.clone(), told))
    });
    gone.chain(changed).collect()
}

/// What was told is there now.
pub(super) fn merge(into: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match (into.get_mut(name), value) {
            (_, Value::Null) => {
                into.remove(name);
            }
            (Some(Value::Object(into)), Value::Object(patch)) => merge(into, patch),
            (_, value) => {
                into.insert(name.clone(), without_nulls(value));
            }
        }
    }
}

/// What was told may be there and may not: the properties that it names equal nothing any more, so that
/// [`between`] tells them whole. Their members keep their names, since what may be there has to be removed
/// by name.
pub(super) fn doubt(known: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        let property = known.entry(name.clone()).or_insert(Value::Null);
        take_names(property, value);
        equal_nothing(property);
    }
}

fn take_names(into: &mut Value, of: &Value) {
    let Value::Object(of) = of else { return };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    if let Value::Object(into) = into {
        for (name, value) in of {
            take_names(into.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// No value that a twin has is null.
fn equal_nothing(value: &mut Value) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.values_mut().for_each(equal_nothing);
        }
        other => *other = Value::Null,
    }
}

/// A null in a new object would be the removal of nothing.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(members) => members,
            other => panic!("{other} is no object"),
        }
    }

    fn told(old: Value, new: Value) -> Option<Value> {
        between(&object(old), &object(new), |name| name != "theirs").map(Value::Object)
    }

    #[test]
    fn only_what_changed_is_told_and_what_is_gone_is_removed_inside_objects_too() {
        assert_eq!(told(json!({"a": {"b": 1}}), json!({"a": {"b": 1}})), None);
        assert_eq!(
            told(
                json!({"a": {"value": {"x": [1]}, "ac": 400, "ad": "why"}, "same": 1}),
                json!({"a": {"value": {"y": [2]}, "ac": 200}, "same": 1})
            ),
            Some(json!({"a": {"value": {"x": null, "y": [2]}, "ac": 200, "ad": null}}))
        );
    }

    #[test]
    fn what_others_reported_is_left_alone() {
        assert_eq!(
            told(json!({"theirs": 1, "ours": 2}), json!({})),
            Some(json!({"ours": null}))
        );
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            (0..3_i64).prop_map(Value::from),
            Just(json!([1, 2])),
            "[ab]{1,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|members| members.into_iter().collect())
        })
    }

    fn objects() -> impl Strategy<Value = Map<String, Value>> {
        prop::collection::btree_map("[a-c]", values(), 0..3)
            .prop_map(|members| members.into_iter().collect())
    }

    proptest! {
        #[test]
        fn whether_the_last_patch_was_taken_or_not_the_next_one_leads_to_what_is_new(
            old in objects(), told in objects(), new in objects(), was_taken: bool,
        ) {
            let old = object(without_nulls(&Value::Object(old)));
            let new_whole = object(without_nulls(&Value::Object(new.clone())));
            let patch = between(&old, &told, |_| true).unwrap_or_default();
            let (mut known, mut hub) = (old.clone(), old);
            doubt(&mut known, &patch);
            if was_taken {
                merge(&mut hub, &patch);
            }
            if let Some(next) = between(&known, &new, |_| true) {
                merge(&mut hub, &next);
            }
            prop_assert_eq!(hub, new_whole);
        }

        #[test]
        fn whoever_has_the_old_and_merges_the_patch_has_the_new(old in objects(), new in objects()) {
            let old = object(without_nulls(&Value::Object(old)));
            let new_whole = object(without_nulls(&Value::Object(new.clone())));
            let mut hub = old.clone();
            if let Some(patch) = between(&old, &new, |_| true) {
                merge(&mut hub, &patch);
            }
            prop_assert_eq!(&hub, &new_whole);
            prop_assert_eq!(between(&hub, &new, |_| true), None);
        }
    }
}
