//! The names of the commands in a script: `az iot hub create` of
//! `az iot hub create --name "$HUB"`. Enough of the shell's grammar for what guides have: quotes,
//! `$(…)`, pipes, lists, comments, lines that go on; no here-documents.

/// The names, in order. A name is the program and the plain words behind it, up to the first option,
/// variable, path or quote; what sets variables has none.
#[must_use]
pub fn command_names(script: &str) -> Vec<String> {
    let joined = script.replace("\\\n", " ");
    parts(&joined)
        .iter()
        .filter_map(|part| name(part))
        .collect()
}

/// How the shell reads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Plain,
    Double,
    Single,
}

/// The script in single commands. What is between quotes stays with its command, but a command
/// within a command is one of its own.
fn parts(script: &str) -> Vec<String> {
    // One entry for each command that has begun and is not over: what it has so far, and where we
    // are in it.
    let mut open = vec![(String::new(), Inside::Plain)];
    let mut done = Vec::new();
    let mut characters = script.chars().peekable();
    while let Some(character) = characters.next() {
        let depth = open.len();
        let Some((text, inside)) = open.last_mut() else {
            break;
        };
        match (*inside, character) {
            (Inside::Single, '\'') | (Inside::Double, '"') => *inside = Inside::Plain,
            (Inside::Single, other) => text.push(within(other)),
            (_, '\\') => {
                characters.next();
                // Whatever it was, it is no plain word.
                text.push('"');
            }
            (_, '$') if characters.peek() == Some(&'(') => {
                characters.next();
                text.push('$');
                open.push((String::new(), Inside::Plain));
            }
            (Inside::Double, other) => text.push(within(other)),
            (Inside::Plain, '\'') => {
                text.push('\'');
                *inside = Inside::Single;
            }
            (Inside::Plain, '"') => {
                text.push('"');
                *inside = Inside::Double;
            }
            (Inside::Plain, '#') if text.is_empty() || text.ends_with(char::is_whitespace) => {
                while characters.next_if(|next| *next != '\n').is_some() {}
            }
            (Inside::Plain, ')') if depth > 1 => {
                done.extend(open.pop().map(|(text, _)| text));
            }
            (Inside::Plain, '\n' | ';' | '|' | '&' | '(' | ')') => done.push(std::mem::take(text)),
            (Inside::Plain, other) => text.push(other),
        }
    }
    done.extend(open.into_iter().map(|(text, _)| text));
    done
}

/// A character between quotes: a blank there parts no words.
fn within(character: char) -> char {
    if character.is_whitespace() {
        '"'
    } else {
        character
    }
}

/// Words of the shell that stand before a command.
const BEFORE: [&str; 7] = ["if", "then", "else", "while", "until", "do", "sudo"];
/// Words of the shell that are none.
const NONE: [&str; 6] = ["fi", "done", "export", "{", "}", "for"];

fn name(part: &str) -> Option<String> {
    let mut words = part
        .split_whitespace()
        .skip_while(|word| BEFORE.contains(word) || is_assignment(word))
        .peekable();
    if words.peek().is_none_or(|word| NONE.contains(word)) {
        return None;
    }
    let plain: Vec<&str> = words.take_while(|word| is_plain(word)).collect();
    (!plain.is_empty()).then(|| plain.join(" "))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn is_plain(word: &str) -> bool {
    !word.starts_with('-') && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &[&str]) {
        assert_eq!(command_names(script), expected, "{script}");
    }

    #[test]
    fn a_name_ends_where_options_and_values_begin() {
        check("az login\n", &["az login"]);
        check("az iot hub create --name \"$HUB\"", &["az iot hub create"]);
        check("docker push \"$REGISTRY.azurecr.io/x:1\"", &["docker push"]);
        check("docker push $IMAGE", &["docker push"]);
        check("az extension add --name azure-iot", &["az extension add"]);
    }

    #[test]
    fn lines_that_go_on_are_one_command() {
        check(
            "az acr create \\\n    --sku Basic \\\n    --name n\n",
            &["az acr create"],
        );
    }

    #[test]
    fn quotes_hold_a_command_together() {
        check(
            "az iot hub x --mp '{\"a\":1; b | c}' --y \"d; e | f # g\" # h; i\nnext",
            &["az iot hub x", "next"],
        );
        check("az a --b it\\'s; az c", &["az a", "az c"]);
    }

    #[test]
    fn a_command_within_a_command_is_found() {
        check("SCOPE=$(az a show --query x)", &["az a show"]);
        check(
            "az b --s \"$(az c \"q\" | tr d)\" --t; az e",
            &["az c", "tr d", "az b", "az e"],
        );
    }

    #[test]
    fn what_sets_variables_is_no_command() {
        check("HUB=a GROUP=\"b c\"\nexport X=1\nKEY=v az a\n", &["az a"]);
    }

    #[test]
    fn lists_pipes_and_loops_part_commands() {
        check(
            "for d in a b; do\n    az x --d \"$d\"\ndone\nif az y; then az z; fi && az w | head",
            &["az x", "az y", "az z", "az w", "head"],
        );
    }
}
