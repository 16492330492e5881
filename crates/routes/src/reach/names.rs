//! Names without regard to case, where a proof depends on it.
//!
//! edgeHub folds letters as .NET does, this crate as Rust does. In ASCII the two agree; beyond it they
//! do not always (to Rust `ı` and `I` are one letter in two cases, to .NET they are two), so there a
//! proof takes neither for granted.

/// Whether edgeHub takes the two for one name, whatever it folds.
pub(super) fn surely_same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// Whether edgeHub takes the two for different names, whatever it folds.
pub(super) fn surely_differ(left: &str, right: &str) -> bool {
    left.is_ascii() && right.is_ascii() && !surely_same(left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_only_where_every_folding_agrees() {
        for (left, right, same, differ) in [
            ("kind", "KIND", true, false),
            ("kind", "size", false, true),
            ("kınd", "KIND", false, false),
            ("kınd", "kınd", true, false),
            ("ä", "Ä", false, false),
            ("ſ", "s", false, false),
        ] {
            assert_eq!(surely_same(left, right), same, "{left} {right}");
            assert_eq!(surely_differ(left, right), differ, "{left} {right}");
        }
    }
}
