//! What the shell says of a guide without running it, and whether the programs are there.

use anyhow::{Context as _, ensure};

use super::{Guide, Item};

/// That the shell can read every block, those too that are not run here.
///
/// # Errors
/// When it cannot; the message names the line and has the shell's own words.
pub fn check_shell(guide: &Guide) -> anyhow::Result<()> {
    for (line, item) in &guide.items {
        let (Item::Block { script, .. } | Item::Row { script, .. }) = item;
        let output = std::process::Command::new("bash")
            .args(["-n", "-c", script])
            .output()
            .context("starting bash")?;
        ensure!(
            output.status.success(),
            "{}:{line}: {}",
            guide.name,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// Programs that guides call and a computer may lack.
///
/// # Errors
/// When one of them is missing, with its name.
pub fn programs(names: &[&str]) -> anyhow::Result<()> {
    for name in names {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
        });
        ensure!(found, "no {name}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_the_shell_cannot_read_is_found_where_it_stands() {
        let guide = |script: &str| Guide::parse("g.md", &format!("```sh box\n{script}\n```\n"));
        check_shell(&guide("for i in 1 2; do echo; done").unwrap()).unwrap();
        let error = check_shell(&guide("for i in 1 2; do echo").unwrap()).unwrap_err();
        assert!(error.to_string().starts_with("g.md:1: "), "{error}");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        programs(&["bash"]).unwrap();
        let error = programs(&["bash", "no-such-program"]).unwrap_err();
        assert_eq!(error.to_string(), "no no-such-program");
    }
}
