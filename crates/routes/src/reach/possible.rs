//! Every value that an expression may have: a set, never too small.

use crate::value::Value;

use super::names::{surely_differ, surely_same};

/// A set of values, kind by kind.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set over a closed enum: one flag for each kind"
)]
pub(super) struct Possible {
    pub(super) undefined: bool,
    pub(super) null: bool,
    /// Null of a body, written there or missing.
    pub(super) body_null: bool,
    pub(super) yes: bool,
    pub(super) no: bool,
    pub(super) null_text: bool,
    pub(super) numbers: Numbers,
    pub(super) texts: Texts,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Numbers {
    OneOf(Vec<f64>),
    Any,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Texts {
    OneOf(Vec<String>),
    AnyBut(Vec<String>),
    /// This name in any case.
    Like(String),
    /// Any but this name in any case.
    Unlike(String),
}

/// More values than this are "any".
const FEW: usize = 16;

impl Possible {
    /// No value at all.
    pub(super) fn none() -> Self {
        Self {
            undefined: false,
            null: false,
            body_null: false,
            yes: false,
            no: false,
            null_text: false,
            numbers: Numbers::OneOf(Vec::new()),
            texts: Texts::OneOf(Vec::new()),
        }
    }

    pub(super) fn undefined() -> Self {
        Self {
            undefined: true,
            ..Self::none()
        }
    }

    /// What a sender may put into a property: nothing, a key alone, any text.
    pub(super) fn property() -> Self {
        Self {
            undefined: true,
            null_text: true,
            texts: Texts::any(),
            ..Self::none()
        }
    }

    /// What may stand in a body.
    pub(super) fn body() -> Self {
        Self {
            undefined: true,
            null: false,
            body_null: true,
            yes: true,
            no: true,
            null_text: true,
            numbers: Numbers::Any,
            texts: Texts::any(),
        }
    }

    pub(super) fn everything() -> Self {
        Self {
            null: true,
            ..Self::body()
        }
    }

    pub(super) fn texts(texts: Texts) -> Self {
        Self {
            texts,
            ..Self::none()
        }
    }

    pub(super) fn numbers(numbers: Numbers) -> Self {
        Self {
            numbers,
            ..Self::none()
        }
    }

    pub(super) fn truths(yes: bool, no: bool) -> Self {
        Self {
            yes,
            no,
            ..Self::none()
        }
    }

    pub(super) fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Undefined => Self::undefined(),
            Value::Null => Self {
                null: true,
                ..Self::none()
            },
            Value::BodyNull { .. } => Self {
                body_null: true,
                ..Self::none()
            },
            Value::Bool(truth) => Self::truths(*truth, !*truth),
            Value::NullText => Self {
                null_text: true,
                ..Self::none()
            },
            Value::Number(number) => Self::numbers(Numbers::OneOf(vec![*number])),
            Value::Text(text) => Self::texts(Texts::OneOf(vec![text.clone().into_owned()])),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::none()
    }

    pub(super) fn may_be_true(&self) -> bool {
        self.yes
    }

    pub(super) fn has_numbers(&self) -> bool {
        self.numbers != Numbers::OneOf(Vec::new())
    }

    pub(super) fn has_texts(&self) -> bool {
        !self.texts.is_none()
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            undefined: self.undefined || other.undefined,
            null: self.null || other.null,
            body_null: self.body_null || other.body_null,
            yes: self.yes || other.yes,
            no: self.no || other.no,
            null_text: self.null_text || other.null_text,
            numbers: self.numbers.or(other.numbers),
            texts: self.texts.or(other.texts),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            undefined: self.undefined && other.undefined,
            null: self.null && other.null,
            body_null: self.body_null && other.body_null,
            yes: self.yes && other.yes,
            no: self.no && other.no,
            null_text: self.null_text && other.null_text,
            numbers: self.numbers.and(other.numbers),
            texts: self.texts.and(&other.texts),
        }
    }

    /// The values that are neither numbers nor texts.
    pub(super) fn plain(&self) -> Vec<Value<'static>> {
        let kinds = [
            (self.undefined, Value::Undefined),
            (self.null, Value::Null),
            (self.body_null, Value::BodyNull { present: true }),
            (self.body_null, Value::BodyNull { present: false }),
            (self.yes, Value::Bool(true)),
            (self.no, Value::Bool(false)),
            (self.null_text, Value::NullText),
        ];
        let kinds = kinds.into_iter();
        kinds
            .filter_map(|(is_in, value)| is_in.then_some(value))
            .collect()
    }

    /// All values, if they are few.
    pub(super) fn few(&self) -> Option<Vec<Value<'static>>> {
        let mut values = self.plain();
        match (&self.numbers, &self.texts) {
            (Numbers::OneOf(numbers), Texts::OneOf(texts)) => {
                values.extend(numbers.iter().map(|number| Value::Number(*number)));
                values.extend(texts.iter().map(|text| Value::Text(text.clone().into())));
                Some(values)
            }
            _ => None,
        }
    }

    /// At least one value of each kind that is there: enough where only the kind matters.
    pub(super) fn of_each_kind(&self) -> Vec<Value<'static>> {
        let mut values = self.plain();
        if self.has_numbers() {
            values.extend([1.0, f64::INFINITY, f64::NAN].map(Value::Number));
        }
        if self.has_texts() {
            values.push(Value::Text("x".into()));
        }
        values
    }
}

impl Numbers {
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::OneOf(mut all), Self::OneOf(more)) => {
                // By their bits: 0 and -0 are two, not-a-number is one.
                all.extend(more);
                all.sort_by(f64::total_cmp);
                all.dedup_by_key(|number| number.to_bits());
                if all.len() > FEW {
                    Self::Any
                } else {
                    Self::OneOf(all)
                }
            }
            _ => Self::Any,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, other) | (other, Self::Any) => other,
            (Self::OneOf(mut all), Self::OneOf(more)) => {
                all.retain(|number| more.iter().any(|other| number.to_bits() == other.to_bits()));
                Self::OneOf(all)
            }
        }
    }
}

impl Texts {
    pub(super) fn any() -> Self {
        Self::AnyBut(Vec::new())
    }

    fn is_none(&self) -> bool {
        *self == Self::OneOf(Vec::new())
    }

    /// Whether `text` is in the set, or may be.
    pub(super) fn has(&self, text: &str) -> bool {
        match self {
            Self::OneOf(texts) => texts.iter().any(|known| known == text),
            Self::AnyBut(texts) => texts.iter().all(|known| known != text),
            Self::Like(name) => !surely_differ(name, text),
            Self::Unlike(name) => !surely_same(name, text),
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (texts, none) | (none, texts) if none.is_none() => texts,
            (Self::OneOf(mut all), Self::OneOf(more)) => {
                all.extend(more);
                all.sort();
                all.dedup();
                if all.len() > FEW {
                    Self::any()
                } else {
                    Self::OneOf(all)
                }
            }
            (left, right) if left == right => left,
            _ => Self::any(),
        }
    }

    /// What is in both; where that has no form of its own, one of the two, which is more.
    fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::OneOf(texts), set) | (set, Self::OneOf(texts)) => {
                let both = texts.iter().filter(|text| set.has(text));
                Self::OneOf(both.cloned().collect())
            }
            (Self::Like(left), Self::Like(right)) if surely_differ(left, right) => {
                Self::OneOf(Vec::new())
            }
            (Self::Like(left), Self::Unlike(right)) | (Self::Unlike(right), Self::Like(left))
                if surely_same(left, right) =>
            {
                Self::OneOf(Vec::new())
            }
            (Self::AnyBut(left), Self::AnyBut(right)) => {
                let mut all = left.clone();
                all.extend(right.iter().cloned());
                Self::AnyBut(all)
            }
            (named, Self::AnyBut(_)) | (Self::AnyBut(_), named) => named.clone(),
            (Self::Like(_), _) => self.clone(),
            (_, Self::Like(_)) => other.clone(),
            (Self::Unlike(_), Self::Unlike(_)) => self.clone(),
        }
    }

    /// Whether one text may be in both sets.
    pub(super) fn can_be_equal(&self, other: &Self) -> bool {
        !self.and(other).is_none()
    }

    /// Whether two texts, one of each set, may differ.
    pub(super) fn can_differ(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(left), Self::OneOf(right)) => left
                .iter()
                .any(|left| right.iter().any(|right| left != right)),
            (set, other) => !set.is_none() && !other.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text is in what two sets have in common at least if it is in both, and in what they are
    /// together if it is in one.
    #[test]
    fn sets_of_texts_never_lose_a_text() {
        let texts = ["x", "X", "y", "", "z"];
        let owned = |text: &&str| (*text).to_owned();
        let mut sets = vec![Texts::any(), Texts::OneOf(Vec::new())];
        for text in &texts {
            sets.push(Texts::OneOf(vec![owned(text), "y".to_owned()]));
            sets.push(Texts::AnyBut(vec![owned(text)]));
            sets.push(Texts::Like(owned(text)));
            sets.push(Texts::Unlike(owned(text)));
        }
        for left in &sets {
            for right in &sets {
                let (both, either) = (left.and(right), left.clone().or(right.clone()));
                for text in texts {
                    let (in_left, in_right) = (left.has(text), right.has(text));
                    assert!(
                        both.has(text) || !(in_left && in_right),
                        "{left:?} {right:?} {text}"
                    );
                    assert!(
                        either.has(text) || !(in_left || in_right),
                        "{left:?} {right:?} {text}"
                    );
                    let is_equal = in_left && in_right;
                    assert!(left.can_be_equal(right) || !is_equal, "{left:?} {right:?}");
                    for other in texts.iter().filter(|other| **other != text) {
                        let is_other = in_left && right.has(other);
                        assert!(left.can_differ(right) || !is_other, "{left:?} {right:?}");
                    }
                }
            }
        }
        assert!(!Texts::Like("x".to_owned()).can_be_equal(&Texts::Unlike("X".to_owned())));
        assert!(!Texts::Like("x".to_owned()).can_be_equal(&Texts::Like("y".to_owned())));
    }
}
