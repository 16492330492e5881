//! `createOptions`: an object for people, text in pieces for a twin.
//!
//! A twin value that an agent reads is at most 512 characters long, so the text
//! is cut into `createOptions`, `createOptions01`, `createOptions02`, … and
//! joined again in that order.
//!
//! Sources: edge-agent `Agent.Docker/Constants.cs` (the agent reads up to 100
//! pieces), iotedgedev `deploymentmanifest.py` (the tools write up to 8). This
//! room writes what the tools write and reads what the agent reads.

use serde_json::{Map, Value};

use crate::error::ManifestError;
use crate::json::Json;
use crate::reader::At;

/// The most characters of one piece.
pub const CHUNK_CHARS: usize = 512;

/// The most pieces that are written: 4096 characters in all.
pub const MAX_CHUNKS: usize = 8;

/// The most pieces that are read.
const MAX_CHUNKS_READ: usize = 100;

const NAME: &str = "createOptions";

/// The name of piece `index`.
fn chunk_name(index: usize) -> String {
    if index == 0 {
        NAME.to_owned()
    } else {
        format!("{NAME}{index:02}")
    }
}

/// Replace the `createOptions` of a module's settings by its pieces.
///
/// An object is written without white space, its members in their order; text
/// is taken as it is, pieces that are there already joined first. Settings
/// without `createOptions` stay as they are.
pub(crate) fn split(settings: &mut Vec<(String, Json)>, path: &str) -> Result<(), ManifestError> {
    let text = match settings.iter().find(|(key, _)| key == NAME) {
        None => return Ok(()),
        Some((_, Json::String(_))) => joined_text(settings),
        Some((_, object)) => object.minified(),
    };
    let characters = text.chars().count();
    let limit = CHUNK_CHARS * MAX_CHUNKS;
    if characters > limit {
        return Err(ManifestError::CreateOptionsTooLong {
            path: path.to_owned(),
            found: characters,
            limit,
        });
    }
    settings.retain(|(key, _)| !is_further_chunk(key));
    for (index, piece) in chunks(&text).into_iter().enumerate() {
        let (name, piece) = (chunk_name(index), Json::String(piece));
        match settings.iter_mut().find(|(key, _)| *key == name) {
            Some((_, place)) => *place = piece,
            // Behind everything else, where the tools put them.
            None => settings.push((name, piece)),
        }
    }
    Ok(())
}

/// `text` in pieces of [`CHUNK_CHARS`] characters; one empty piece for none.
fn chunks(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    if characters.is_empty() {
        return vec![String::new()];
    }
    characters
        .chunks(CHUNK_CHARS)
        .map(|piece| piece.iter().collect())
        .collect()
}

fn joined_text(settings: &[(String, Json)]) -> String {
    let piece = |index| {
        let name = chunk_name(index);
        settings.iter().find_map(|(key, value)| match value {
            Json::String(text) if *key == name => Some(text.as_str()),
            _ => None,
        })
    };
    (0..MAX_CHUNKS_READ).map_while(piece).collect()
}

/// The text of the `createOptions` of a module's settings, pieces joined, whatever it says; `None`
/// if there is none, or if it is an object.
pub(crate) fn joined(settings: &Value) -> Option<String> {
    let piece = |index| settings.get(chunk_name(index))?.as_str();
    piece(0)?;
    Some((0..MAX_CHUNKS_READ).map_while(piece).collect())
}

/// Whether `key` names a piece after the first.
fn is_further_chunk(key: &str) -> bool {
    key.strip_prefix(NAME).is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The `createOptions` of a module's settings as an object: an object as it is
/// (templates), or pieces joined and parsed (manifests). Empty or absent ones
/// are an empty object.
pub(crate) fn join(settings: &At<'_>) -> Result<Value, ManifestError> {
    let mut text = String::new();
    for index in 0..MAX_CHUNKS_READ {
        match settings.get(&chunk_name(index))? {
            Some(piece) if index == 0 && piece.value.is_object() => return Ok(piece.value.clone()),
            Some(piece) => text.push_str(piece.text()?),
            None if index == 0 => {}
            None => break,
        }
    }
    refuse_gaps(settings)?;
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let what = format!("text of {}/{NAME}", settings.path);
    let options: Value = serde_json::from_str(&text).map_err(|source| ManifestError::Json {
        what,
        hint: "",
        source,
    })?;
    if options.is_object() {
        Ok(options)
    } else {
        let path = format!("{}/{NAME}", settings.path);
        Err(At {
            value: &options,
            path,
        }
        .refused("text that holds a JSON object"))
    }
}

/// A piece behind a missing one would be lost without a word.
fn refuse_gaps(settings: &At<'_>) -> Result<(), ManifestError> {
    let members = settings.members()?;
    let found = members
        .iter()
        .filter(|(key, _)| is_further_chunk(key))
        .count();
    let expected = (1..MAX_CHUNKS_READ)
        .take_while(|index| members.iter().any(|(key, _)| *key == chunk_name(*index)))
        .count();
    let is_whole = found == expected && (found == 0 || settings.get(NAME)?.is_some());
    match members.iter().rfind(|(key, _)| is_further_chunk(key)) {
        Some((_, last)) if !is_whole => Err(last.refused(format!(
            "pieces named {NAME}, {}, {}, … without a gap",
            chunk_name(1),
            chunk_name(2)
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(text: &str) -> Vec<(String, Json)> {
        match Json::parse(text, "settings").expect("JSON") {
            Json::Object(members) => members,
            other => panic!("{other:?}"),
        }
    }

    fn pieces(settings: &[(String, Json)]) -> Vec<(&str, usize)> {
        let length = |value: &Json| match value {
            Json::String(text) => text.chars().count(),
            other => panic!("{other:?}"),
        };
        settings
            .iter()
            .map(|(key, value)| (key.as_str(), length(value)))
            .collect()
    }

    fn rejoined(settings: &[(String, Json)]) -> Value {
        let value = Json::Object(settings.to_vec()).to_value();
        join(&At::root(&value)).expect("whole pieces")
    }

    #[test]
    fn an_object_becomes_text_in_pieces_and_comes_back_the_same() {
        let value = "ä".repeat(200);
        let text = format!(r#"{{"image":"i","createOptions":{{"b":"{value}","a":[1,2.5,null]}}}}"#);
        let mut settings = settings(&text);
        split(&mut settings, "m").expect("short enough");
        // 200 × \u00e4 and {"b":"","a":[1,2.5,null]}
        assert_eq!(
            pieces(&settings),
            [
                ("image", 1),
                ("createOptions", 512),
                ("createOptions01", 512),
                ("createOptions02", 201)
            ]
        );
        assert_eq!(
            rejoined(&settings),
            json!({"b": value, "a": [1, 2.5, null]})
        );
    }

    #[test]
    fn text_is_taken_as_it_is_and_old_pieces_are_joined_first() {
        let mut settings =
            settings(r#"{"createOptions01":"2}","createOptions":"{\"a\": ","digest":"d"}"#);
        split(&mut settings, "m").expect("short enough");
        assert_eq!(pieces(&settings), [("createOptions", 8), ("digest", 1)]);
        assert_eq!(rejoined(&settings), json!({"a": 2}));
    }

    #[test]
    fn exactly_the_limit_fits_and_one_more_does_not() {
        for (length, fits) in [
            (CHUNK_CHARS * MAX_CHUNKS, true),
            (CHUNK_CHARS * MAX_CHUNKS + 1, false),
        ] {
            let text = format!(
                r#"{{"createOptions":{{"a":"{}"}}}}"#,
                "x".repeat(length - 8)
            );
            let mut settings = settings(&text);
            let split = split(&mut settings, "m");
            assert_eq!(split.is_ok(), fits, "{length}: {split:?}");
            if let Err(error) = split {
                assert!(matches!(
                    error,
                    ManifestError::CreateOptionsTooLong {
                        found: 4097,
                        limit: 4096,
                        ..
                    }
                ));
            } else {
                assert_eq!(settings.len(), 8);
            }
        }
    }

    #[test]
    fn nothing_and_an_empty_text_are_an_empty_object() {
        for text in [
            r#"{"image":"i"}"#,
            r#"{"createOptions":""}"#,
            r#"{"createOptions":" "}"#,
        ] {
            let mut settings = settings(text);
            split(&mut settings, "m").expect("short enough");
            assert_eq!(rejoined(&settings), json!({}), "{text}");
        }
    }

    #[test]
    fn a_gap_between_pieces_is_refused() {
        for value in [
            json!({"createOptions": "{", "createOptions02": "}"}),
            json!({"createOptions01": "{}"}),
        ] {
            let error = join(&At::root(&value)).expect_err("a gap");
            assert!(error.to_string().contains("without a gap"), "{error}");
        }
    }

    #[test]
    fn text_that_holds_no_object_is_refused() {
        let list = json!({"createOptions": "[1]"});
        let error = join(&At::root(&list)).expect_err("a list").to_string();
        assert_eq!(
            error,
            "/createOptions: found a list, expected text that holds a JSON object"
        );
        let broken = json!({"createOptions": "{"});
        assert!(matches!(
            join(&At::root(&broken)),
            Err(ManifestError::Json { .. })
        ));
    }
}
