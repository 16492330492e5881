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
                into.insert(name.clone(), value.clone());
            }
        }
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
