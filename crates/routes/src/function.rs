//! The language's functions: names, and which types they take.
//!
//! `twin_change_includes` is not among them: its argument is a path and not an
//! expression, see [`crate::Expression::TwinChangeIncludes`].

use crate::error::{RouteErrorKind, shown};
use crate::types::Type;

/// A function that a condition may call. Names ignore case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `abs(number)`
    Abs,
    /// `exp(number)`
    Exp,
    /// `power(number, number)`
    Power,
    /// `square(number)`
    Square,
    /// `ceiling(number)`
    Ceiling,
    /// `floor(number)`
    Floor,
    /// `sign(number)`: −1, 0 or 1
    Sign,
    /// `sqrt(number)`: undefined below zero
    Sqrt,
    /// `as_number(string or number)`: undefined if the text is no number
    AsNumber,
    /// `is_bool(anything)`
    IsBool,
    /// `is_defined(anything)`
    IsDefined,
    /// `is_null(anything)`. Of a body value it is the wrong way round, as in
    /// edgeHub: true for one that is there, false for one that is missing.
    IsNull,
    /// `is_number(anything)`: false for infinite ones
    IsNumber,
    /// `is_string(anything)`
    IsString,
    /// `concat(string, string, …)`
    Concat,
    /// `length(string)`, in UTF-16 units
    Length,
    /// `lower(string)`
    Lower,
    /// `upper(string)`
    Upper,
    /// `substring(string, start[, length])`, in UTF-16 units
    Substring,
    /// `index_of(string, fragment)`, in UTF-16 units, −1 if absent
    IndexOf,
    /// `starts_with(string, prefix)`
    StartsWith,
    /// `ends_with(string, suffix)`
    EndsWith,
    /// `contains(string, fragment)`
    Contains,
}

/// Every function with its name and the forms it takes, for error messages.
const TABLE: [(Function, &str, &str); 23] = [
    (Function::Abs, "abs", "abs(number)"),
    (Function::Exp, "exp", "exp(number)"),
    (Function::Power, "power", "power(number, number)"),
    (Function::Square, "square", "square(number)"),
    (Function::Ceiling, "ceiling", "ceiling(number)"),
    (Function::Floor, "floor", "floor(number)"),
    (Function::Sign, "sign", "sign(number)"),
    (Function::Sqrt, "sqrt", "sqrt(number)"),
    (
        Function::AsNumber,
        "as_number",
        "as_number(string) or as_number(number)",
    ),
    (Function::IsBool, "is_bool", "is_bool(anything)"),
    (Function::IsDefined, "is_defined", "is_defined(anything)"),
    (Function::IsNull, "is_null", "is_null(anything)"),
    (Function::IsNumber, "is_number", "is_number(anything)"),
    (Function::IsString, "is_string", "is_string(anything)"),
    (Function::Concat, "concat", "concat(string, string, …)"),
    (Function::Length, "length", "length(string)"),
    (Function::Lower, "lower", "lower(string)"),
    (Function::Upper, "upper", "upper(string)"),
    (
        Function::Substring,
        "substring",
        "substring(string, number) or substring(string, number, number)",
    ),
    (Function::IndexOf, "index_of", "index_of(string, string)"),
    (
        Function::StartsWith,
        "starts_with",
        "starts_with(string, string)",
    ),
    (Function::EndsWith, "ends_with", "ends_with(string, string)"),
    (Function::Contains, "contains", "contains(string, string)"),
];

impl Function {
    /// The function of that name, case ignored.
    pub(crate) fn named(name: &str) -> Result<Self, RouteErrorKind> {
        TABLE
            .into_iter()
            .find_map(|(function, known, _)| known.eq_ignore_ascii_case(name).then_some(function))
            .ok_or_else(|| RouteErrorKind::UnknownFunction { found: shown(name) })
    }

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// All names, for error messages.
    pub(crate) fn names() -> String {
        let names: Vec<_> = TABLE.into_iter().map(|(_, name, _)| name).collect();
        format!("{}, twin_change_includes", names.join(", "))
    }

    /// The type of a call with arguments of these types.
    pub(crate) fn result(self, arguments: &[Type]) -> Result<Type, RouteErrorKind> {
        use Type::{Bool, Number, String};
        let takes = |wanted: &[Type]| {
            arguments.len() == wanted.len()
                && arguments
                    .iter()
                    .zip(wanted)
                    .all(|(given, wanted)| given.fits(*wanted))
        };
        let (accepted, result) = match self {
            Self::Abs
            | Self::Exp
            | Self::Square
            | Self::Ceiling
            | Self::Floor
            | Self::Sign
            | Self::Sqrt => (takes(&[Number]), Number),
            Self::Power => (takes(&[Number, Number]), Number),
            Self::AsNumber => (takes(&[String]) || takes(&[Number]), Number),
            Self::IsBool | Self::IsDefined | Self::IsNull | Self::IsNumber | Self::IsString => {
                (arguments.len() == 1, Bool)
            }
            Self::Concat => (
                arguments.len() >= 2 && arguments.iter().all(|given| given.fits(String)),
                String,
            ),
            Self::Length => (takes(&[String]), Number),
            Self::Lower | Self::Upper => (takes(&[String]), String),
            Self::Substring => (
                takes(&[String, Number]) || takes(&[String, Number, Number]),
                String,
            ),
            Self::IndexOf => (takes(&[String, String]), Number),
            Self::StartsWith | Self::EndsWith | Self::Contains => (takes(&[String, String]), Bool),
        };
        if accepted {
            Ok(result)
        } else {
            let (function, expected) = self.entry();
            Err(RouteErrorKind::Arguments {
                function,
                found: arguments.to_vec(),
                expected,
            })
        }
    }

    /// Name and forms.
    fn entry(self) -> (&'static str, &'static str) {
        TABLE
            .into_iter()
            .find_map(|(function, name, forms)| (function == self).then_some((name, forms)))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_found_by_its_own_name() {
        for (function, name, forms) in TABLE {
            assert_eq!(Function::named(&name.to_uppercase()), Ok(function));
            assert_eq!(function.name(), name);
            assert!(forms.starts_with(name), "{forms}");
        }
    }
}
