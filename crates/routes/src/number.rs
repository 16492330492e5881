//! Numbers as edgeHub reads them: literals, and text given to `as_number`.

/// A number out of text, in the invariant culture with every style .NET's
/// `double.TryParse` has under `NumberStyles.Any`: white space around, a sign
/// before or behind, parentheses for minus, thousands separated by commas, a
/// fraction, an exponent, the currency sign `¤`. `None` if it is none.
pub(crate) fn from_text(text: &str) -> Option<f64> {
    // .NET's parser ends at a NUL, as long as nothing else follows.
    let text = match text.trim_end_matches('\0') {
        "" => text,
        number => number,
    };
    let text = text.trim_matches(is_space);
    match text.to_ascii_lowercase().as_str() {
        "infinity" | "+infinity" | "∞" => return Some(f64::INFINITY),
        "-infinity" | "-∞" => return Some(f64::NEG_INFINITY),
        "nan" | "+nan" | "-nan" => return Some(f64::NAN),
        _ => {}
    }
    let mut negative = false;
    let mut signed = false;
    let mut currency = false;
    // A sign or a parenthesis before the digits; behind it .NET takes no white space, unless a currency
    // sign stands there too.
    let mut led = false;
    let mut body = text;
    if let Some(inner) = body
        .strip_prefix('(')
        .and_then(|body| body.strip_suffix(')'))
    {
        (negative, signed, led, body) = (true, true, true, inner);
    }
    // One sign and one currency mark, on either side, in any order.
    loop {
        if led && !currency && body.starts_with(is_space) {
            return None;
        }
        body = body.trim_matches(is_space);
        let (rest, mark) = if let Some(rest) = body.strip_prefix(['+', '-', '¤']) {
            let mark = body.chars().next();
            led |= mark != Some('¤');
            (rest, mark)
        } else if let Some(rest) = body.strip_suffix(['+', '-', '¤']) {
            (rest, body.chars().next_back())
        } else {
            break;
        };
        let used = if mark == Some('¤') {
            &mut currency
        } else {
            &mut signed
        };
        if std::mem::replace(used, true) {
            return None;
        }
        negative |= mark == Some('-');
        body = rest;
    }
    let magnitude = unsigned(body)?;
    Some(if negative { -magnitude } else { magnitude })
}

/// Digits with commas between them, a fraction, an exponent; a digit at least.
fn unsigned(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let whole_is_valid = !whole.starts_with(',') && whole.split(',').all(digits);
    let exponent_is_valid = exponent.is_none_or(|exponent| {
        let digits_only = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits_only.is_empty() && digits(digits_only)
    });
    let has_digit = mantissa.bytes().any(|byte| byte.is_ascii_digit());
    if whole_is_valid && digits(fraction) && exponent_is_valid && has_digit {
        text.replace(',', "").parse().ok()
    } else {
        None
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}

/// A decimal literal; `None` for what only looks like one (`e5`).
pub(crate) fn literal(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// A hexadecimal literal. Sixteen digits are two's complement: all `F` is −1.
pub(crate) fn hex_literal(text: &str) -> Option<f64> {
    let digits = text.get(2..)?.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0.0);
    }
    let bits = u64::from_str_radix(digits, 16).ok()?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "the language has 64-bit floats only"
    )]
    let number = bits.cast_signed() as f64;
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_number_reads_what_dot_net_reads() {
        for (text, expected) in [
            ("3", 3.0),
            (" \t-2.5 ", -2.5),
            ("2.5-", -2.5),
            ("(7)", -7.0),
            ("1,234.5", 1234.5),
            ("1,2,3", 123.0),
            ("10e10", 10e10),
            ("¤5", 5.0),
            ("-¤5", -5.0),
            ("-¤ 5", -5.0),
            ("¤- 5", -5.0),
            ("5 -", -5.0),
            ("5\0\0", 5.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("10e1000", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(from_text(text), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn other_text_is_no_number() {
        for text in [
            "", " ", "apple", "0x10", "1.2.3", "--1", "+-1", "-1-", "(-1)", "1e", ".", ",", ",1",
            "1 2", "e5", "١", "- 5", "( 5)", "- ¤5", "\0", "5\0 ",
        ] {
            assert_eq!(from_text(text), None, "{text:?}");
        }
    }

    #[test]
    fn sixteen_hex_digits_are_twos_complement() {
        assert_eq!(hex_literal("0xFFFFFFFFFFFFFFFF"), Some(-1.0));
        assert_eq!(hex_literal("0x00000000000000000Ff"), Some(255.0));
        assert_eq!(hex_literal("0x10000000000000000"), None);
        assert_eq!(hex_literal("0x0"), Some(0.0));
    }
}
