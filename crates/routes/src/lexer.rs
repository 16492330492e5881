//! Text to tokens, by the rule that edgeHub's lexer follows: of all token
//! kinds that match here the longest wins, and of equally long ones the one
//! listed first.
//!
//! That rule is the source of the language's traps: a name may hold
//! `- + * % | ! ' . # &`, so `a-b` and `x!` (in `x!='y'`) are names. Keep the
//! order of [`RULES`]; it is part of the language.
//!
//! Source: the grammar in Azure/iotedge, Routing.Core/grammar/GrammarLexer.g4.

use winnow::ModalResult;
use winnow::Parser;
use winnow::ascii::{digit0, digit1, hex_digit1};
use winnow::combinator::{alt, opt, repeat};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::Stream;
use winnow::token::{any, literal, one_of, take_until, take_while};

use crate::condition::Operator;
use crate::error::{RouteError, RouteErrorKind};

/// The longest route that is read, in bytes. A value of a module twin holds
/// 4096; beyond this the text is not a route, and scanning it for comments
/// would cost the square of its length.
pub const MAX_ROUTE_BYTES: usize = 8192;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Select,
    From,
    Where,
    Into,
    Not,
    True,
    False,
    Null,
    Undefined,
    String,
    UnterminatedString,
    Integer,
    Hex,
    Real,
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    Comma,
    Operator(Operator),
    /// `$name`, indexes allowed
    System,
    /// A name
    Id,
    /// A name with `[` or `]` in it: only behind `$` is that anything
    QueryPath,
    Unknown,
    /// Behind the last character
    End,
}

/// A token: what it is, its text and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'s> {
    pub(crate) kind: Kind,
    pub(crate) text: &'s str,
    pub(crate) offset: usize,
}

/// Cut `text` into tokens; the last one is [`Kind::End`].
///
/// White space and comments are left out. It refuses only text that is too
/// long; a character that begins nothing is a token of its own.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, RouteError> {
    if text.len() > MAX_ROUTE_BYTES {
        let kind = RouteErrorKind::TooLong {
            found: text.len(),
            limit: MAX_ROUTE_BYTES,
        };
        return Err(RouteError::new(text, 0, kind));
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let offset = text.len() - rest.len();
        let (rule, matched) = longest(rest);
        if let Some(kind) = kind_of(rule, matched) {
            tokens.push(Token {
                kind,
                text: matched,
                offset,
            });
        }
        rest = &rest[matched.len()..];
    }
    tokens.push(Token {
        kind: Kind::End,
        text: "",
        offset: text.len(),
    });
    Ok(tokens)
}

/// A lexer rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    String,
    UnterminatedString,
    Integer,
    Hex,
    Real,
    Symbol,
    System,
    Id,
    QueryPath,
    Space,
    Comment,
    Unknown,
}

type Match<'s> = fn(&mut &'s str) -> ModalResult<&'s str>;

/// All rules, in the order that decides between matches of equal length.
fn rules<'s>() -> [(Rule, Match<'s>); 12] {
    [
        (Rule::String, string),
        (Rule::UnterminatedString, unterminated_string),
        (Rule::Integer, |i| (opt('-'), digit1).take().parse_next(i)),
        (Rule::Hex, |i| {
            ('0', one_of(['x', 'X']), hex_digit1).take().parse_next(i)
        }),
        (Rule::Real, real),
        (Rule::Symbol, symbol),
        (Rule::System, |i| {
            ('$', take_while(1.., is_query_path)).take().parse_next(i)
        }),
        (Rule::Id, |i| take_while(1.., is_id).parse_next(i)),
        (Rule::QueryPath, |i| {
            take_while(1.., is_query_path).parse_next(i)
        }),
        (Rule::Space, |i| {
            take_while(1.., [' ', '\t', '\r', '\n']).parse_next(i)
        }),
        (Rule::Comment, |i| {
            ("/*", take_until(0.., "*/"), "*/").take().parse_next(i)
        }),
        (Rule::Unknown, |i| any.take().parse_next(i)),
    ]
}

/// The rule that takes most of the front of `rest`, and what it takes. `rest`
/// is not empty, and then [`Rule::Unknown`] takes a character at least.
fn longest(rest: &str) -> (Rule, &str) {
    let mut best = (Rule::Unknown, &rest[..0]);
    for (rule, matches) in rules() {
        let mut input = rest;
        if let Ok(matched) = matches(&mut input)
            && matched.len() > best.1.len()
        {
            best = (rule, matched);
        }
    }
    best
}

fn kind_of(rule: Rule, text: &str) -> Option<Kind> {
    Some(match rule {
        Rule::String => Kind::String,
        Rule::UnterminatedString => Kind::UnterminatedString,
        Rule::Integer => Kind::Integer,
        Rule::Hex => Kind::Hex,
        Rule::Real => Kind::Real,
        Rule::Symbol => return symbol_kind(text),
        Rule::System => Kind::System,
        Rule::Id => keyword(text).unwrap_or(Kind::Id),
        Rule::QueryPath => Kind::QueryPath,
        Rule::Space | Rule::Comment => return None,
        Rule::Unknown => Kind::Unknown,
    })
}

/// Names that are words of the language. Literals are lower case only.
fn keyword(text: &str) -> Option<Kind> {
    match text {
        "true" => return Some(Kind::True),
        "false" => return Some(Kind::False),
        "null" => return Some(Kind::Null),
        "undefined" => return Some(Kind::Undefined),
        _ => {}
    }
    [
        ("select", Kind::Select),
        ("from", Kind::From),
        ("where", Kind::Where),
        ("into", Kind::Into),
        ("not", Kind::Not),
        ("and", Kind::Operator(Operator::And)),
        ("or", Kind::Operator(Operator::Or)),
    ]
    .into_iter()
    .find_map(|(word, kind)| word.eq_ignore_ascii_case(text).then_some(kind))
}

/// Signs, longer ones first.
const SYMBOLS: [(&str, Kind); 19] = [
    ("||", Kind::Operator(Operator::Concat)),
    ("??", Kind::Operator(Operator::Coalesce)),
    ("!=", Kind::Operator(Operator::NotEqual)),
    ("<>", Kind::Operator(Operator::NotEqual)),
    ("<=", Kind::Operator(Operator::LessEqual)),
    (">=", Kind::Operator(Operator::GreaterEqual)),
    ("<", Kind::Operator(Operator::Less)),
    (">", Kind::Operator(Operator::Greater)),
    ("=", Kind::Operator(Operator::Equal)),
    ("+", Kind::Operator(Operator::Add)),
    ("-", Kind::Operator(Operator::Subtract)),
    ("*", Kind::Operator(Operator::Multiply)),
    ("/", Kind::Operator(Operator::Divide)),
    ("%", Kind::Operator(Operator::Modulo)),
    ("(", Kind::Open),
    (")", Kind::Close),
    ("{", Kind::OpenBrace),
    ("}", Kind::CloseBrace),
    (",", Kind::Comma),
];

fn symbol<'s>(input: &mut &'s str) -> ModalResult<&'s str> {
    for (sign, _) in SYMBOLS {
        if input.starts_with(sign) {
            return literal(sign).parse_next(input);
        }
    }
    Err(ErrMode::from_input(input))
}

fn symbol_kind(text: &str) -> Option<Kind> {
    SYMBOLS
        .into_iter()
        .find_map(|(sign, kind)| (sign == text).then_some(kind))
}

fn string<'s>(input: &mut &'s str) -> ModalResult<&'s str> {
    alt((
        ('"', string_content('"'), '"').take(),
        ('\'', string_content('\''), '\'').take(),
    ))
    .parse_next(input)
}

fn unterminated_string<'s>(input: &mut &'s str) -> ModalResult<&'s str> {
    alt((
        ('"', string_content('"')).take(),
        ('\'', string_content('\'')).take(),
    ))
    .parse_next(input)
}

/// Everything up to the closing quote or an escape that is none.
fn string_content<'s>(
    quote: char,
) -> impl Parser<&'s str, (), ErrMode<winnow::error::ContextError>> {
    let escape = (
        '\\',
        alt((
            one_of(['"', '\'', '\\']).void(),
            ('u', take_while(4..=4, |c: char| c.is_ascii_hexdigit())).void(),
        )),
    );
    let plain = take_while(1.., move |c: char| c != quote && c != '\\').void();
    repeat(0.., alt((plain, escape.void())))
}

/// `1.5`, `.5`, `1.5e3`, `1e3`, and also `e5`: the digits before an exponent
/// may be missing.
fn real<'s>(input: &mut &'s str) -> ModalResult<&'s str> {
    let start = input.checkpoint();
    let fraction = (opt('-'), digit0, '.', digit1, opt(exponent))
        .take()
        .parse_next(input);
    if fraction.is_ok() {
        return fraction;
    }
    input.reset(&start);
    (opt('-'), digit0, exponent).take().parse_next(input)
}

fn exponent<'s>(input: &mut &'s str) -> ModalResult<&'s str> {
    (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1)
        .take()
        .parse_next(input)
}

fn is_id(character: char) -> bool {
    is_query_path(character) && !matches!(character, '[' | ']')
}

fn is_query_path(character: char) -> bool {
    !matches!(
        character,
        '(' | ')'
            | '<'
            | '>'
            | '@'
            | ','
            | ';'
            | ':'
            | '\\'
            | '"'
            | '/'
            | '?'
            | '='
            | '{'
            | '}'
            | ' '
            | '\t'
            | '\n'
            | '\r'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of all tokens but the end.
    fn cut(text: &str) -> Vec<&str> {
        let tokens = tokens(text).expect("short text");
        tokens[..tokens.len() - 1]
            .iter()
            .map(|token| token.text)
            .collect()
    }

    fn kinds(text: &str) -> Vec<Kind> {
        let tokens = tokens(text).expect("short text");
        tokens[..tokens.len() - 1]
            .iter()
            .map(|token| token.kind)
            .collect()
    }

    #[test]
    fn names_are_greedy() {
        assert_eq!(cut("x!='y'"), ["x!", "=", "'y'"]);
        assert_eq!(
            cut("a-b a+b a||b a*b a%b"),
            ["a-b", "a+b", "a||b", "a*b", "a%b"]
        );
        assert_eq!(
            kinds("'a'||'b'"),
            [Kind::Id],
            "quotes are characters of a name too"
        );
        assert_eq!(cut("x != 'y'"), ["x", "!=", "'y'"]);
        assert_eq!(
            cut("a<b=c>d,e"),
            ["a", "<", "b", "=", "c", ">", "d", ",", "e"]
        );
        assert_eq!(kinds("-undefined"), [Kind::Id]);
    }

    #[test]
    fn of_equal_lengths_the_rule_listed_first_wins() {
        assert_eq!(kinds("'y'"), [Kind::String]);
        assert_eq!(kinds("12 -12 0x1F 1.5 -.5 1e3 e5"), {
            use Kind::{Hex, Integer, Real};
            [Integer, Integer, Hex, Real, Real, Real, Real]
        });
        assert_eq!(kinds("- * || $a $"), {
            use Kind::{Id, Operator as Op, System};
            use Operator::{Concat, Multiply, Subtract};
            [Op(Subtract), Op(Multiply), Op(Concat), System, Id]
        });
        assert_eq!(kinds("NOT true TRUE"), [Kind::Not, Kind::True, Kind::Id]);
        assert_eq!(kinds("a[0] $a[0]"), [Kind::QueryPath, Kind::System]);
    }

    #[test]
    fn a_comment_takes_everything_between_its_marks() {
        assert_eq!(
            cut("FROM /* INTO $upstream"),
            ["FROM", "/", "*", "INTO", "$upstream"]
        );
        assert_eq!(cut("FROM /* INTO x */ y"), ["FROM", "y"]);
    }

    #[test]
    fn strings_end_at_their_quote_and_escapes_are_few() {
        assert_eq!(
            cut(r#"'it\'s' "a\"b" "\u0041""#),
            [r"'it\'s'", r#""a\"b""#, r#""\u0041""#]
        );
        assert_eq!(kinds(r"'\n'")[0], Kind::UnterminatedString);
        assert_eq!(kinds("'a b")[0], Kind::UnterminatedString);
    }

    #[test]
    fn offsets_are_bytes_and_the_end_is_a_token() {
        let tokens = tokens("ä = 'b'").expect("short text");
        let offsets: Vec<_> = tokens.iter().map(|token| token.offset).collect();
        assert_eq!(offsets, [0, 3, 5, 8]);
    }

    #[test]
    fn text_beyond_the_limit_is_refused() {
        let error = tokens(&" ".repeat(MAX_ROUTE_BYTES + 1)).expect_err("too long");
        assert!(matches!(
            error.kind,
            RouteErrorKind::TooLong {
                found: 8193,
                limit: 8192
            }
        ));
    }
}
