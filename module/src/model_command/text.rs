//! The words of `model inspect`.

use std::io::{self, Write};

use vision::{
    ALIGNMENT, AxisOrder, ChannelOrder, Filter, Fit, Origin, Preprocess, ScoreFunction, ValueRange,
};

use super::{Account, Model, Trial};

pub(super) fn print(account: &Account, json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(account)?)?;
        return Ok(());
    }
    writeln!(out, "{:<11} {}", "path", account.path)?;
    if let Some(model) = &account.model {
        for (what, text) in lines(model) {
            writeln!(out, "{what:<11} {text}")?;
        }
    }
    if let Some(trial) = &account.trial {
        writeln!(out, "{:<11} {}", "model takes", trial.model_input)?;
        writeln!(out, "{:<11} {}", "and gives", trial.model_output)?;
    }
    let tried = account.trial.as_ref().map_or("none".to_owned(), tried);
    writeln!(out, "{:<11} {tried}", "trial")?;
    Ok(())
}

fn lines(model: &Model) -> [(&'static str, String); 12] {
    let opset = model
        .opset
        .map_or("opset unknown".to_owned(), |opset| format!("opset {opset}"));
    let producer = match model.producer.as_str() {
        "" => "an unnamed program",
        named => named,
    };
    let (count, labels) = (model.labels.len(), model.labels.join(", "));
    [
        ("name", model.name.clone()),
        ("version", model.version.clone()),
        (
            "model",
            format!("{}, {} bytes", model.model_file, model.bytes),
        ),
        ("sha256", model.sha256.clone()),
        ("made by", format!("{producer}, {opset}")),
        (
            "labels",
            format!("{count}: {labels} (from {})", model.labels_from),
        ),
        ("input", model.input.clone()),
        ("pictures", model.preparation.clone()),
        ("laid out by", model.origin.clone()),
        ("read from", model.preparation_from.clone()),
        ("scores", model.scores.to_owned()),
        ("files", model.files.join(", ")),
    ]
}

fn tried(trial: &Trial) -> String {
    let scores: Vec<String> = trial
        .scores
        .iter()
        .map(|score| format!("{} {:.3}", score.label, score.score))
        .collect();
    format!(
        "a grey picture is {}: {} ({:.1} ms)",
        trial.top,
        scores.join(", "),
        trial.milliseconds
    )
}

/// What makes scores of the model's numbers.
pub(super) fn scores(function: ScoreFunction) -> &'static str {
    match function {
        ScoreFunction::None => "as the model gives them",
        ScoreFunction::Softmax => "softmax of what the model gives",
        ScoreFunction::Sigmoid => "sigmoid of what the model gives",
    }
}

pub(super) fn input(recipe: &Preprocess) -> String {
    let channels = match recipe.channels {
        ChannelOrder::Rgb => "red, green, blue",
        ChannelOrder::Bgr => "blue, green, red",
    };
    let range = match recipe.range {
        ValueRange::Bytes => "0 to 255",
        ValueRange::Unit => "0 to 1",
        ValueRange::Signed => "-1 to 1",
    };
    let axes = match recipe.axes {
        AxisOrder::Nchw => "a plane for each channel",
        AxisOrder::Nhwc => "channels beside each other",
    };
    let mut text = format!("{}, {channels}, {range}, {axes}", recipe.input);
    let has_mean = recipe.mean.iter().any(|mean| mean.abs() > 0.0);
    let has_deviation = recipe.deviation.iter().any(|by| (by - 1.0).abs() > 0.0);
    if has_mean || has_deviation {
        text.push_str(&format!(
            ", less {:?}, divided by {:?}",
            recipe.mean, recipe.deviation
        ));
    }
    text
}

pub(super) fn preparation(recipe: &Preprocess) -> String {
    let mut steps = vec!["turned as EXIF says".to_owned()];
    if let Some(longest) = recipe.shrink_to_longest {
        steps.push(format!("sides of {longest} and more shrunk to {longest}"));
    }
    steps.push(match recipe.fit {
        Fit::Stretch(size) => format!("stretched to {size}"),
        Fit::ShorterSide(side) => format!("shorter side to {side}"),
        Fit::ShorterSideAligned(side) => {
            format!("shorter side to {side}, then each side stretched to a multiple of {ALIGNMENT}")
        }
        Fit::CentreSquare(side) => format!("middle square to {side}"),
    });
    steps.push(match recipe.filter {
        Filter::Bilinear => "bilinear".to_owned(),
        Filter::Bicubic => "bicubic".to_owned(),
        Filter::FourPoint => "by the four nearest pixels".to_owned(),
        Filter::FourPointBytes => "by the four nearest pixels, as OpenCV".to_owned(),
    });
    steps.push(match recipe.longest {
        None => format!("the middle {} taken", recipe.input),
        Some(longest) => format!("taken whole up to {longest}"),
    });
    steps.join(", ")
}

pub(super) fn origin(origin: Origin) -> String {
    match origin {
        Origin::Properties => "the export's own properties".to_owned(),
        Origin::AssumedFromEra(named) => {
            let program = named.program();
            format!("{program} ({named}), since the export says little or nothing")
        }
        Origin::Named(named) => format!("the setting {named}: {}", named.program()),
        Origin::ModelToml => "its model.toml".to_owned(),
        Origin::Given => "the program that asks".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_told_in_words() {
        let recipe = Preprocess::docker_2018(vision::Size::square(227));
        let told = preparation(&recipe);
        for word in ["1600", "middle square to 256", "four nearest", "227x227"] {
            assert!(told.contains(word), "{told}");
        }
        assert!(input(&recipe).contains("blue, green, red, 0 to 255"));
    }
}
