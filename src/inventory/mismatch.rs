//! Owns the words for a value of the wrong TOML type. Must not know which key
//! of which table it is about, beyond the name it is given.

use toml::de::DeValue;

use super::value::Wrong;

/// Longest value that a message repeats.
const SHOWN: usize = 40;

pub(super) fn explain(value: &DeValue<'_>, raw: &str, path: &str, expects: &str) -> Wrong {
    let key = path.rsplit('.').next().unwrap_or(path);
    let code = match value {
        DeValue::Float(number) if number.as_str().contains(['n', 'i']) => "HAC-E013",
        _ => "HAC-E012",
    };
    let message = format!("is {}{}; it needs {expects}", shown(raw), kind(value));
    let wrong = Wrong::new(code, message);
    match fix(value, raw, expects).filter(|_| code == "HAC-E012") {
        Some(fixed) if key.ends_with(']') => wrong.help(format!("write {fixed}")),
        Some(fixed) => wrong.help(format!("write {key} = {fixed}")),
        None if is_number(expects) => wrong.help("write a whole number in that range, without quotes"),
        None if expects == "a table" => wrong.help(format!("write it as a table, [{path}]")),
        None if code == "HAC-E013" => wrong.help("write a finite number, or remove the line"),
        None => wrong.help(format!("write {expects}")),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => ", a string",
        DeValue::Integer(_) => "",
        DeValue::Float(number) if number.as_str().contains("nan") => ", not a number",
        DeValue::Float(number) if number.as_str().contains("inf") => ", infinite",
        DeValue::Float(_) => ", a decimal number",
        DeValue::Boolean(_) => ", a truth value",
        DeValue::Datetime(_) => ", a date or time",
        DeValue::Array(_) => ", a list",
        DeValue::Table(_) => ", a table",
    }
}

fn fix(value: &DeValue<'_>, raw: &str, expects: &str) -> Option<String> {
    match value {
        DeValue::String(text) if expects.starts_with("true") => match text.to_lowercase().as_str() {
            "yes" | "on" | "true" | "1" | "enabled" => Some("true".into()),
            "no" | "off" | "false" | "0" | "disabled" => Some("false".into()),
            _ => None,
        },
        DeValue::Integer(number) if expects.starts_with("true") => match number.as_str() {
            "0" => Some("false".into()),
            "1" => Some("true".into()),
            _ => None,
        },
        DeValue::String(text) if is_number(expects) => {
            text.parse::<u64>().ok().map(|number| format!("{number}, without quotes"))
        }
        DeValue::Float(number) if is_number(expects) => {
            let (whole, rest) = number.as_str().split_once('.')?;
            rest.bytes().all(|byte| byte == b'0').then(|| whole.to_owned())
        }
        DeValue::Integer(_) if expects.contains("such as \"10s\"") => Some(format!("\"{raw}s\"")),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) if !is_number(expects) => {
            (expects.contains("quotes") || expects.contains("text")).then(|| format!("\"{raw}\""))
        }
        DeValue::Array(items) if items.len() == 1 => {
            Some(raw.trim_matches(['[', ']', ' ', ',', '\n']).to_owned())
        }
        _ => None,
    }
}

fn is_number(expects: &str) -> bool {
    expects.starts_with("an integer") || expects.starts_with("a port")
}

fn shown(raw: &str) -> String {
    let line = raw.lines().next().unwrap_or_default();
    if line.chars().count() <= SHOWN && line == raw {
        return line.escape_debug().to_string().replace("\\\"", "\"");
    }
    line.chars().take(SHOWN).chain(['…']).collect()
}
