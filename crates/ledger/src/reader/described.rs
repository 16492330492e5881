//! The answer to `getReports` described for others, out of its own types:
//! `docs/schemas/getReports.windows.answer.schema.json`. With `UPDATE_DESCRIPTIONS=1` it is written
//! anew. The other methods are described where they are, in the module.

use serde_json::{Value, json};

use super::ReportsPage;
use crate::report::described::{check, on_one_line};

#[test]
fn the_json_schema_of_the_windows_in_docs_is_that_of_the_types() {
    let mut schema: Value = schemars::schema_for!(ReportsPage).to_value();
    schema["title"] = json!("The answer to `getReports`: windows of a span");
    on_one_line(&mut schema);
    check("schemas/getReports.windows.answer.schema.json", &schema);
}
