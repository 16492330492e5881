//! The reference page `docs/settings.md`, out of the table. The test holds the file to it; with
//! `UPDATE_DESCRIPTIONS=1` it writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{PROPERTIES, SETTINGS, Setting};

const PAGE: &str = "docs/settings.md";

const HEAD: &str = "\
# Settings

Generated from the module's own table (`module/src/settings/table.rs`); a test compares.

*Where it runs* is set in the environment: `env` of the module in the deployment, read once at start.
*How it behaves* can be set there too, and from afar in the module twin's desired properties, while it
works and without losing a picture. The twin goes before the environment, the environment before the
default. A property that is taken out of the twin goes back to the environment's value.

```sh
az iot hub module-twin update --hub-name HUB --device-id BOX --module-id FruitCounter \\
    --desired '{\"reportInterval\":\"10s\",\"minConfidence\":0.7}'

devhub twin patch FruitCounter '{\"reportInterval\":\"10s\",\"minConfidence\":0.7}'
```

Both places read the same text in the same way. In the twin a number, `true`, a list or an object may
stand as such or as text. Each property is answered in the reported properties as IoT Plug and Play has
it: `value` (in force), `ac` (200 taken, 203 not set in the twin, 400 refused), `av` (the version of the
desired properties that is answered) and `ad` (why). A bad value keeps the one before. Names that are no
setting are listed in `unknownSettings`. Secrets are never set in the twin, which would echo them: they
come from the environment or a mounted file. More about the twin: [twin.md](twin.md).
";

/// The whole page.
fn page() -> String {
    let mut page = HEAD.to_owned();
    for setting in SETTINGS {
        page.push_str(&section(setting));
    }
    page
}

fn section(setting: &Setting) -> String {
    let Setting {
        name,
        twin,
        unit,
        accepts,
        default,
        effect,
        cost,
    } = setting;
    let mut text = format!(
        "\n## `{name}`\n\n{}\n\n| | |\n|---|---|\n",
        sentence(effect)
    );
    let mut row = |what: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {what} | {} |", value.replace('|', "\\|"));
    };
    row("accepts", accepts);
    row("unit", unit.as_str());
    row("default", default);
    match PROPERTIES.iter().find(|one| Some(one.name) == *twin) {
        Some(property) => {
            row("set in", &format!("environment, twin `{}`", property.name));
            if property.accepts() != *accepts {
                row("in the twin", property.accepts());
            }
        }
        None => row("set in", "environment"),
    }
    row("cost", cost);
    text
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
        None => String::new(),
    }
}

#[test]
fn the_reference_page_is_that_of_the_table() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    if std::env::var_os("UPDATE_DESCRIPTIONS").is_some() {
        fs::write(&file, page()).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page(),
        "{PAGE} is not what the table of settings has: write it anew with `UPDATE_DESCRIPTIONS=1 cargo \
         test -p fruit-counter --lib settings::page`, and look at what changed"
    );
}

#[test]
fn every_setting_says_what_it_costs_and_does() {
    for setting in SETTINGS {
        for text in [
            setting.accepts,
            setting.default,
            setting.effect,
            setting.cost,
        ] {
            assert!(!text.is_empty(), "{}", setting.name);
        }
    }
}
